/* SPDX-License-Identifier: MIT */
/* nt/net/nsi_rows.c - interfaces, their addresses and routes, as rows of tables; from linux/net's (nt/os/iface.h), made when they are asked for. */
#include "nt/net/nsi.h"
#include "nt/os/iface.h"
#include "rt/mem.h"

#define IF_UP            1u /* of IF_ADMIN_STATUS, IfOperStatus, MediaConnectState */
#define IF_DOWN          2u
#define IF_ETHERNET      6u
#define IF_LOOPBACK      24u
#define ACCESS_LOOPBACK  1u
#define ACCESS_BROADCAST 2u
#define DEDICATED        1u
#define HARDWARE         1u /* of ifinfo_static's flags */
#define MEDIUM_ETHERNET  14u /* NdisPhysicalMedium802_3 */
#define ETHERNET_SPEED   1000000000ull
#define ORIGIN_MANUAL    1u
#define DAD_PREFERRED    4u
#define PROTOCOL_LOCAL   2u
#define PROTOCOL_NETMGMT 3u
#define METRIC_LOOPBACK  1u
#define METRIC_ETHERNET  25u

static uint32_t type_of(const struct os_iface *i)
{
	return i->loopback ? IF_LOOPBACK : IF_ETHERNET;
}

static uint64_t luid_of(const struct os_iface *i)
{
	return (uint64_t)type_of(i) << 48 | (uint64_t)i->index << 24;
}

/* ---- Interfaces ---- */

static void name_to(struct nsi_string *to, const char *name)
{
	uint32_t n = 0;

	for (; name[n] != '\0'; n++)
		to->text[n] = (unsigned char)name[n];
	to->length = (uint16_t)(n * sizeof(WCHAR));
}

static void mac_to(struct nsi_physical *to, const struct os_iface *i)
{
	if (i->loopback)
		return;
	to->length = sizeof i->mac;
	memcpy(to->address, i->mac, sizeof i->mac);
}

static bool ifinfo(uint32_t n, struct nsi_row *r)
{
	struct os_iface i;

	if (!os_iface(n, &i))
		return false;
	r->key.luid = luid_of(&i);
	r->rw.ifinfo.admin_status = i.up ? IF_UP : IF_DOWN;
	name_to(&r->rw.ifinfo.alias, i.name);
	mac_to(&r->rw.ifinfo.address, &i);
	r->dynamic.ifinfo.oper_status = r->dynamic.ifinfo.media_state = i.up ? IF_UP : IF_DOWN;
	r->dynamic.ifinfo.mtu = i.mtu;
	r->dynamic.ifinfo.send_speed = r->dynamic.ifinfo.receive_speed = i.loopback ? 0 : ETHERNET_SPEED;
	r->fixed.ifinfo.index = r->fixed.ifinfo.guid[0] = i.index;
	name_to(&r->fixed.ifinfo.description, i.name);
	r->fixed.ifinfo.type = type_of(&i);
	r->fixed.ifinfo.access = i.loopback ? ACCESS_LOOPBACK : ACCESS_BROADCAST;
	r->fixed.ifinfo.connection = DEDICATED;
	mac_to(&r->fixed.ifinfo.address, &i);
	if (!i.loopback) {
		r->fixed.ifinfo.flags = HARDWARE;
		r->fixed.ifinfo.medium = MEDIUM_ETHERNET;
	}
	return true;
}

static bool luid_by_index(uint32_t n, struct nsi_row *r)
{
	struct os_iface i;

	if (!os_iface(n, &i))
		return false;
	r->key.index = i.index;
	r->fixed.luid = luid_of(&i);
	return true;
}

/* ---- Addresses ---- */

/* The n-th address of that kind: *a is in *i. */
static bool nth_address(uint32_t n, bool v6, struct os_iface *i, const struct os_iface_addr **a)
{
	for (uint32_t k = 0; os_iface(k, i); k++)
		for (uint32_t m = 0; m < i->count; m++)
			if (i->addr[m].v6 == v6 && n-- == 0) {
				*a = &i->addr[m];
				return true;
			}
	return false;
}

static bool unicast(uint32_t n, bool v6, struct nsi_row *r)
{
	const struct os_iface_addr *a;
	struct os_iface i;

	if (!nth_address(n, v6, &i, &a))
		return false;
	if (v6) {
		r->key.unicast6.luid = luid_of(&i);
		memcpy(r->key.unicast6.address, a->bytes, 16);
	} else {
		r->key.unicast4.luid = luid_of(&i);
		memcpy(r->key.unicast4.address, a->bytes, 4);
	}
	r->rw.unicast = (struct nsi_unicast_rw){ ~0u, ~0u, ORIGIN_MANUAL, ORIGIN_MANUAL, a->bits, { 0 } };
	r->dynamic.unicast = (struct nsi_unicast_dynamic){ 0, DAD_PREFERRED };
	return true;
}

static bool unicast4(uint32_t n, struct nsi_row *r)
{
	return unicast(n, false, r);
}

static bool unicast6(uint32_t n, struct nsi_row *r)
{
	return unicast(n, true, r);
}

/* ---- Routes ---- */

/* Of each address the way to its network, and of eth0's first of a kind the way to all else, which is the first. */
struct way {
	struct os_iface i;
	struct os_iface_addr a;
	bool all;
};

static bool nth_way(uint32_t n, bool v6, struct way *w)
{
	const struct os_iface_addr *a = NULL;
	uint32_t k = 0;

	while (nth_address(k, v6, &w->i, &a) && w->i.loopback)
		k++;
	w->all = a != NULL && !w->i.loopback && n == 0;
	if (a != NULL && !w->i.loopback && !w->all)
		n--;
	if (!w->all && !nth_address(n, v6, &w->i, &a))
		return false;
	w->a = *a;
	return true;
}

static void forward_rest(struct nsi_row *r, const struct way *w)
{
	r->rw.forward = (struct nsi_forward_rw){ .valid = ~0u, .preferred = ~0u, .metric = w->i.loopback ? METRIC_LOOPBACK : METRIC_ETHERNET,
		.protocol = w->all ? PROTOCOL_NETMGMT : PROTOCOL_LOCAL, .loopback = w->i.loopback, .immortal = 1 };
	r->fixed.forward.index = w->i.index;
}

static bool forward4(uint32_t n, struct nsi_row *r)
{
	struct nsi_forward4 *key = &r->key.forward4;
	struct way w;

	if (!nth_way(n, false, &w))
		return false;
	key->luid = key->luid2 = luid_of(&w.i);
	if (w.all) {
		memcpy(key->next_hop, w.a.gateway, 4);
	} else {
		memcpy(key->prefix, w.a.net, 4);
		key->prefix_len = (uint8_t)w.a.bits;
	}
	memcpy(r->dynamic.forward4.address, key->prefix, 4);
	forward_rest(r, &w);
	return true;
}

static bool forward6(uint32_t n, struct nsi_row *r)
{
	struct nsi_forward6 *key = &r->key.forward6;
	struct way w;

	if (!nth_way(n, true, &w))
		return false;
	key->luid = key->luid2 = luid_of(&w.i);
	if (w.all) {
		memcpy(key->next_hop, w.a.gateway, 16);
	} else {
		memcpy(key->prefix, w.a.net, 16);
		key->prefix_len = (uint8_t)w.a.bits;
	}
	memcpy(r->dynamic.forward6.address, key->prefix, 16);
	forward_rest(r, &w);
	return true;
}

/* ---- Tables ---- */

static const struct nsi_table tables[] = {
	{ 0xeb004a11, 0, { 8, sizeof(struct nsi_ifinfo_rw), sizeof(struct nsi_ifinfo_dynamic), sizeof(struct nsi_ifinfo_static) }, ifinfo }, /* NPI_MS_NDIS */
	{ 0xeb004a11, 2, { 4, 0, 0, 8 }, luid_by_index },
	{ 0xeb004a00, 10, { sizeof(struct nsi_unicast4), sizeof(struct nsi_unicast_rw), sizeof(struct nsi_unicast_dynamic), 8 }, unicast4 }, /* NPI_MS_IPV4 */
	{ 0xeb004a00, 16, { sizeof(struct nsi_forward4), sizeof(struct nsi_forward_rw), sizeof(struct nsi_forward4_dynamic), sizeof(struct nsi_forward_static) }, forward4 },
	{ 0xeb004a01, 10, { sizeof(struct nsi_unicast6), sizeof(struct nsi_unicast_rw), sizeof(struct nsi_unicast_dynamic), 8 }, unicast6 }, /* NPI_MS_IPV6 */
	{ 0xeb004a01, 16, { sizeof(struct nsi_forward6), sizeof(struct nsi_forward_rw), sizeof(struct nsi_forward6_dynamic), sizeof(struct nsi_forward_static) }, forward6 },
};

const struct nsi_table *nsi_table(uint32_t module, uint32_t number)
{
	for (uint32_t i = 0; i < ARRAY_LEN(tables); i++)
		if (tables[i].module == module && tables[i].number == number)
			return &tables[i];
	return NULL;
}
