/* SPDX-License-Identifier: MIT */
/*
 * nt/net/nsi.c - \Device\Nsi: the tables of interfaces, addresses and routes that iphlpapi.dll shows (nt/net/nsi_rows.c); all other
 * tables are empty.
 */
#include "nt/io/irp.h"
#include "nt/ke/user.h"
#include "nt/net/nsi.h"
#include "pico/arena.h"
#include "rt/mem.h"

/* The codes that Wine 8's nsi.dll uses. */
#define IOCTL_NSIPROXY_WINE_ENUMERATE_ALL 0x121000u
#define IOCTL_NSIPROXY_WINE_GET_ALL       0x121004u
#define IOCTL_NSIPROXY_WINE_GET_PARAMETER 0x121008u

struct nsi_module {
	uint32_t length, type, guid[4];
};

/* The parts of the n-th row from first on, in arrays that have room for that many rows, one behind another; size 0: none. */
static NTSTATUS put_row(struct io_request *r, const struct nsi_table *t, const struct nsi_row *row, uint32_t first, const uint32_t *size, uint32_t n, uint32_t rows, uint64_t at)
{
	NTSTATUS status = STATUS_SUCCESS;

	for (uint32_t i = first; i < NSI_PARTS && status == STATUS_SUCCESS; i++) {
		if (size[i] == 0)
			continue;
		if (size[i] != t->size[i])
			return STATUS_INVALID_PARAMETER;
		if (n >= rows || at + (n + 1ull) * size[i] > r->size)
			return STATUS_BUFFER_OVERFLOW;
		status = user_write(r->buffer + at + (uint64_t)n * size[i], nsi_part(row, i), size[i]);
		at += (uint64_t)rows * size[i];
	}
	r->done = MIN(at, r->size);
	return status;
}

static NTSTATUS put_rows(struct io_request *r, const struct nsi_table *t, const uint32_t *size, uint32_t rows, uint32_t *count)
{
	struct nsi_row *row = heap_alloc_dirty(sizeof *row);
	NTSTATUS status = STATUS_SUCCESS;

	if (row == NULL)
		return STATUS_NO_MEMORY;
	while (memset(row, 0, sizeof *row), t->row(*count, row)) {
		NTSTATUS one = put_row(r, t, row, NSI_KEY, size, *count, rows, sizeof *count);

		status = status == STATUS_SUCCESS || NT_ERROR(one) ? one : status;
		++*count;
	}
	heap_free(row);
	return status;
}

static NTSTATUS all_rows(struct io_request *r)
{
	struct {
		struct nsi_module module;
		uint32_t arguments[2], number, size[NSI_PARTS], rows; /* of the arrays that shall come behind how many rows there are */
	} q;
	NTSTATUS status = r->in_size < sizeof q ? STATUS_INVALID_PARAMETER : user_read(&q, r->in, sizeof q), written;
	const struct nsi_table *t;
	uint32_t count = 0;

	if (status != STATUS_SUCCESS || r->size < sizeof count)
		return status != STATUS_SUCCESS ? status : (NTSTATUS)STATUS_BUFFER_TOO_SMALL;
	r->done = sizeof count;
	t = nsi_table(q.module.guid[0], q.number);
	if (t != NULL)
		status = put_rows(r, t, q.size, q.rows, &count);
	if (status != STATUS_SUCCESS && status != (NTSTATUS)STATUS_BUFFER_OVERFLOW)
		return status;
	written = user_write(r->buffer, &count, sizeof count);
	return written == STATUS_SUCCESS ? status : written;
}

/* The row of the key that lies at the offset at of a request's input: heap memory. */
static NTSTATUS find_row(struct io_request *r, uint32_t at, const struct nsi_table *t, uint32_t size, struct nsi_row **out)
{
	union nsi_key key;
	struct nsi_row *row;
	NTSTATUS status;

	if (t == NULL || size != t->size[NSI_KEY] || r->in_size < at + size)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	status = user_read(&key, r->in + at, size);
	if (status != STATUS_SUCCESS)
		return status;
	row = heap_alloc_dirty(sizeof *row);
	if (row == NULL)
		return STATUS_NO_MEMORY;
	for (uint32_t n = 0; memset(row, 0, sizeof *row), t->row(n, row); n++) {
		if (memcmp(&key, &row->key, size) == 0) {
			*out = row;
			return STATUS_SUCCESS;
		}
	}
	heap_free(row);
	return STATUS_OBJECT_NAME_NOT_FOUND;
}

static NTSTATUS one_row(struct io_request *r)
{
	struct {
		struct nsi_module module;
		uint32_t argument, number, size[NSI_PARTS];
	} q;
	NTSTATUS status = r->in_size < sizeof q ? STATUS_INVALID_PARAMETER : user_read(&q, r->in, sizeof q);
	const struct nsi_table *t;
	struct nsi_row *row;

	if (status != STATUS_SUCCESS)
		return status;
	t = nsi_table(q.module.guid[0], q.number);
	status = find_row(r, sizeof q, t, q.size[NSI_KEY], &row);
	if (status != STATUS_SUCCESS)
		return status;
	status = put_row(r, t, row, NSI_RW, q.size, 0, 1, 0);
	heap_free(row);
	return status;
}

/* As many bytes of one part of a row as the output takes. */
static NTSTATUS one_value(struct io_request *r)
{
	struct {
		struct nsi_module module;
		uint32_t argument, number, key_size, part, offset;
	} q;
	NTSTATUS status = r->in_size < sizeof q ? STATUS_INVALID_PARAMETER : user_read(&q, r->in, sizeof q);
	const struct nsi_table *t;
	struct nsi_row *row;
	uint32_t size;

	if (status != STATUS_SUCCESS)
		return status;
	t = nsi_table(q.module.guid[0], q.number);
	status = find_row(r, sizeof q, t, q.key_size, &row);
	if (status != STATUS_SUCCESS)
		return status;
	size = q.part < NSI_PARTS - 1 ? t->size[NSI_RW + q.part] : 0;
	if (q.offset > size || r->size > size - q.offset) {
		status = STATUS_INVALID_PARAMETER;
	} else {
		r->done = r->size;
		status = user_write(r->buffer, (const uint8_t *)nsi_part(row, NSI_RW + q.part) + q.offset, r->size);
	}
	heap_free(row);
	return status;
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

extern const struct io_ops io_nsi_ops;
const struct io_ops io_nsi_ops = { .name = "nsi", .device = FILE_DEVICE_NETWORK, .ioctl = nsi_ioctl };
