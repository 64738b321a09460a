/* SPDX-License-Identifier: MIT */
/*
 * nt/net/nsi.c - \Device\Nsi: the tables of interfaces, addresses, routes and connections that iphlpapi.dll shows.
 *
 * There is the loopback interface with its two addresses and a route, as on every Windows: iphlpapi.dll and libuv cannot do with none.  All other
 * tables are empty.  A row has four parts: a key, what can be set, what changes, what does not.
 */
#include "nt/io/irp.h"
#include "nt/ke/user.h"
#include "rt/mem.h"

/* The codes that Wine 8's nsi.dll uses. */
#define IOCTL_NSIPROXY_WINE_ENUMERATE_ALL 0x121000u
#define IOCTL_NSIPROXY_WINE_GET_ALL       0x121004u
#define IOCTL_NSIPROXY_WINE_GET_PARAMETER 0x121008u

#define IF_UP           1u /* of IF_ADMIN_STATUS, IfOperStatus, MediaConnectState */
#define IF_LOOPBACK     24u
#define IF_INDEX        1u
#define ACCESS_LOOPBACK 1u
#define ORIGIN_MANUAL   1u
#define DAD_PREFERRED   4u
#define LOOPBACK_LUID   (((uint64_t)IF_LOOPBACK << 48) | (IF_INDEX << 24))

struct nsi_string {
	uint16_t length; /* bytes */
	WCHAR text[257];
};

struct ifinfo_rw {
	uint8_t network_guid[16];
	uint32_t admin_status;
	struct nsi_string alias;
	uint16_t address[17], pad;
	struct nsi_string name;
	uint32_t unknown;
};

struct ifinfo_dynamic {
	uint32_t oper_status, flags, media_state, unknown, mtu;
	uint64_t counters[24];
};

struct ifinfo_static {
	uint32_t index;
	struct nsi_string description;
	uint32_t type, access, unknown, connection, guid[4];
	uint16_t present, address[17];
	uint32_t flags, media, medium;
};

struct unicast4_key {
	uint64_t luid;
	uint8_t address[4], pad[4];
};

struct unicast6_key {
	uint64_t luid;
	uint8_t address[16];
};

struct unicast_rw {
	uint32_t preferred, valid, prefix_origin, suffix_origin, prefix, unknown[2];
};

struct unicast_dynamic {
	uint32_t scope, dad_state;
};

struct forward4_key {
	uint32_t unknown;
	uint8_t prefix[4], prefix_len, unknown2[3];
	uint32_t unknown3[3];
	uint64_t luid, luid2;
	uint8_t next_hop[4], pad[4];
};

struct forward_rw {
	uint32_t site_prefix, valid, preferred, metric, protocol;
	uint8_t loopback, autoconf, publish, immortal, unknown[4];
	uint32_t unknown2;
};

struct forward4_dynamic {
	uint32_t age, unknown[3];
	uint8_t address[4];
};

struct forward_static {
	uint32_t origin, index;
};
#define PROTOCOL_LOCAL 2u

static const uint64_t lo_key = LOOPBACK_LUID, lo_created;
static const uint32_t lo_index = IF_INDEX;
static const struct ifinfo_rw lo_rw = { .admin_status = IF_UP, .alias = { 4, { 'l', 'o' } } };
static const struct ifinfo_dynamic lo_dynamic = { .oper_status = IF_UP, .media_state = IF_UP, .mtu = 65536 };
static const struct ifinfo_static lo_static = { .index = IF_INDEX, .description = { 4, { 'l', 'o' } }, .type = IF_LOOPBACK, .access = ACCESS_LOOPBACK,
	.connection = 1, .guid = { IF_INDEX } };
static const struct unicast4_key lo4_key = { LOOPBACK_LUID, { 127, 0, 0, 1 }, { 0 } };
static const struct unicast6_key lo6_key = { LOOPBACK_LUID, { [15] = 1 } };
static const struct unicast_rw lo4_rw = { ~0u, ~0u, ORIGIN_MANUAL, ORIGIN_MANUAL, 8, { 0 } }, lo6_rw = { ~0u, ~0u, ORIGIN_MANUAL, ORIGIN_MANUAL, 128, { 0 } };
static const struct unicast_dynamic lo_address = { 0, DAD_PREFERRED };

static const struct forward4_key route4_key = { .prefix = { 127 }, .prefix_len = 8, .luid = LOOPBACK_LUID, .luid2 = LOOPBACK_LUID };
static const struct forward_rw route_rw = { .valid = ~0u, .preferred = ~0u, .metric = 1, .protocol = PROTOCOL_LOCAL, .loopback = 1, .immortal = 1 };
static const struct forward4_dynamic route4_dynamic = { .address = { 127 } };
static const struct forward_static route_static = { .index = IF_INDEX };

/* A table is known by a module, a GUID of which only the first part differs, and a number.  Each here has one row. */
struct table {
	uint32_t module, number;
	struct part {
		const void *data;
		uint32_t size;
	} part[4];
};
#define PART(x) { &(x), sizeof(x) }
static const struct table tables[] = {
	{ 0xeb004a11, 0, { PART(lo_key), PART(lo_rw), PART(lo_dynamic), PART(lo_static) } },       /* NPI_MS_NDIS, interfaces */
	{ 0xeb004a11, 2, { PART(lo_index), { NULL, 0 }, { NULL, 0 }, PART(lo_key) } },            /* and their LUIDs by index */
	{ 0xeb004a00, 10, { PART(lo4_key), PART(lo4_rw), PART(lo_address), PART(lo_created) } }, /* NPI_MS_IPV4, unicast addresses */
	{ 0xeb004a00, 16, { PART(route4_key), PART(route_rw), PART(route4_dynamic), PART(route_static) } }, /* routes */
	{ 0xeb004a01, 10, { PART(lo6_key), PART(lo6_rw), PART(lo_address), PART(lo_created) } },
};

struct nsi_module {
	uint32_t length, type, guid[4];
};

static const struct table *table_of(const struct nsi_module *m, uint32_t number)
{
	for (uint32_t i = 0; i < ARRAY_LEN(tables); i++)
		if (tables[i].module == m->guid[0] && tables[i].number == number)
			return &tables[i];
	return NULL;
}

/* The row's parts from first on, at the start of arrays that have room for that many rows, one behind another; size 0: none. */
static NTSTATUS put_row(struct io_request *r, const struct table *t, uint32_t first, const uint32_t *size, uint32_t rows, uint64_t at)
{
	NTSTATUS status = STATUS_SUCCESS;

	for (uint32_t i = first; i < ARRAY_LEN(t->part) && status == STATUS_SUCCESS; i++) {
		if (size[i] == 0)
			continue;
		if (size[i] != t->part[i].size)
			return STATUS_INVALID_PARAMETER;
		if (rows == 0 || at + size[i] > r->size)
			return STATUS_BUFFER_OVERFLOW;
		status = user_write(r->buffer + at, t->part[i].data, size[i]);
		at += (uint64_t)rows * size[i];
	}
	r->done = MIN(at, r->size);
	return status;
}

static NTSTATUS all_rows(struct io_request *r)
{
	struct {
		struct nsi_module module;
		uint32_t arguments[2], number, size[4], rows; /* of the arrays that shall come behind how many rows there are */
	} q;
	NTSTATUS status = r->in_size < sizeof q ? STATUS_INVALID_PARAMETER : user_read(&q, r->in, sizeof q), written;
	const struct table *t;
	uint32_t count = 0;

	if (status != STATUS_SUCCESS || r->size < sizeof count)
		return status != STATUS_SUCCESS ? status : (NTSTATUS)STATUS_BUFFER_TOO_SMALL;
	r->done = sizeof count;
	t = table_of(&q.module, q.number);
	if (t != NULL) {
		count = 1;
		status = put_row(r, t, 0, q.size, q.rows, sizeof count);
	}
	if (status != STATUS_SUCCESS && status != (NTSTATUS)STATUS_BUFFER_OVERFLOW)
		return status;
	written = user_write(r->buffer, &count, sizeof count);
	return written == STATUS_SUCCESS ? status : written;
}

/* The table of a request for one row, whose key lies at the offset at of its input. */
static NTSTATUS find_row(struct io_request *r, uint32_t at, const struct nsi_module *m, uint32_t number, uint32_t size, const struct table **out)
{
	uint8_t key[sizeof route4_key];
	NTSTATUS status;

	*out = table_of(m, number);
	if (*out == NULL || size != (*out)->part[0].size || r->in_size < at + size)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	status = user_read(key, r->in + at, size);
	return status == STATUS_SUCCESS && memcmp(key, (*out)->part[0].data, size) != 0 ? (NTSTATUS)STATUS_OBJECT_NAME_NOT_FOUND : status;
}

static NTSTATUS one_row(struct io_request *r)
{
	struct {
		struct nsi_module module;
		uint32_t argument, number, size[4];
	} q;
	NTSTATUS status = r->in_size < sizeof q ? STATUS_INVALID_PARAMETER : user_read(&q, r->in, sizeof q);
	const struct table *t;

	if (status == STATUS_SUCCESS)
		status = find_row(r, sizeof q, &q.module, q.number, q.size[0], &t);
	return status == STATUS_SUCCESS ? put_row(r, t, 1, q.size, 1, 0) : status;
}

/* As many bytes of one part of a row as the output takes. */
static NTSTATUS one_value(struct io_request *r)
{
	struct {
		struct nsi_module module;
		uint32_t argument, number, key_size, part, offset;
	} q;
	NTSTATUS status = r->in_size < sizeof q ? STATUS_INVALID_PARAMETER : user_read(&q, r->in, sizeof q);
	const struct table *t;
	const struct part *p;

	if (status == STATUS_SUCCESS)
		status = find_row(r, sizeof q, &q.module, q.number, q.key_size, &t);
	if (status != STATUS_SUCCESS)
		return status;
	p = &t->part[1 + q.part % 3];
	if (q.part > 2 || q.offset > p->size || r->size > p->size - q.offset)
		return STATUS_INVALID_PARAMETER;
	r->done = r->size;
	return user_write(r->buffer, (const uint8_t *)p->data + q.offset, r->size);
}

static NTSTATUS nsi_ioctl(struct io_request *r)
{
	switch (r->code) {
	case IOCTL_NSIPROXY_WINE_ENUMERATE_ALL:
		return all_rows(r);
	case IOCTL_NSIPROXY_WINE_GET_ALL:
		return one_row(r);
	case IOCTL_NSIPROXY_WINE_GET_PARAMETER:
		return one_value(r);
	default:
		return STATUS_INVALID_DEVICE_REQUEST;
	}
}

const struct io_ops io_nsi_ops = { .name = "nsi", .device = FILE_DEVICE_NETWORK, .ioctl = nsi_ioctl };
