/* SPDX-License-Identifier: MIT */
/*
 * nt/net/nsi.h - rows of the network's tables, as Wine 8's nsi.dll takes them.
 *
 * A table is known by a module, a GUID of which only the first part differs, and a number.  A row has four parts: a key, what can be
 * set, what changes, what does not.
 */
#ifndef NT_NET_NSI_H
#define NT_NET_NSI_H

#include "nt/types.h"

enum nsi_part { NSI_KEY, NSI_RW, NSI_DYNAMIC, NSI_STATIC, NSI_PARTS };

struct nsi_string {
	uint16_t length; /* bytes */
	WCHAR text[257];
};

struct nsi_physical {
	uint16_t length;
	uint8_t address[32];
};

union nsi_key {
	uint64_t luid; /* of an interface */
	uint32_t index;
	struct nsi_unicast4 {
		uint64_t luid;
		uint8_t address[4], pad[4];
	} unicast4;
	struct nsi_unicast6 {
		uint64_t luid;
		uint8_t address[16];
	} unicast6;
	struct nsi_forward4 {
		uint32_t unknown;
		uint8_t prefix[4], prefix_len, unknown2[3];
		uint32_t unknown3[3];
		uint64_t luid, luid2;
		uint8_t next_hop[4], pad[4];
	} forward4;
	struct nsi_forward6 {
		uint32_t unknown;
		uint8_t prefix[16], prefix_len, unknown2[3];
		uint32_t unknown3[3], pad;
		uint64_t luid, luid2;
		uint8_t next_hop[16];
	} forward6;
};

union nsi_rw {
	struct nsi_ifinfo_rw {
		uint8_t network_guid[16];
		uint32_t admin_status;
		struct nsi_string alias;
		struct nsi_physical address;
		uint16_t pad;
		struct nsi_string name;
		uint32_t unknown;
	} ifinfo;
	struct nsi_unicast_rw {
		uint32_t preferred, valid, prefix_origin, suffix_origin, prefix, unknown[2];
	} unicast;
	struct nsi_forward_rw {
		uint32_t site_prefix, valid, preferred, metric, protocol;
		uint8_t loopback, autoconf, publish, immortal, unknown[4];
		uint32_t unknown2;
	} forward;
};

union nsi_dynamic {
	struct nsi_ifinfo_dynamic {
		uint32_t oper_status, flags, media_state, unknown, mtu;
		uint64_t send_speed, receive_speed, counters[22];
	} ifinfo;
	struct nsi_unicast_dynamic {
		uint32_t scope, dad_state;
	} unicast;
	struct nsi_forward4_dynamic {
		uint32_t age, unknown[3];
		uint8_t address[4];
	} forward4;
	struct nsi_forward6_dynamic {
		uint32_t age, unknown[3];
		uint8_t address[16];
	} forward6;
};

union nsi_static {
	struct nsi_ifinfo_static {
		uint32_t index;
		struct nsi_string description;
		uint32_t type, access, unknown, connection, guid[4];
		uint16_t present;
		struct nsi_physical address;
		uint32_t flags, media, medium;
	} ifinfo;
	uint64_t luid, created;
	struct nsi_forward_static {
		uint32_t origin, index;
	} forward;
};

struct nsi_row {
	union nsi_key key;
	union nsi_rw rw;
	union nsi_dynamic dynamic;
	union nsi_static fixed;
};

struct nsi_table {
	uint32_t module, number, size[NSI_PARTS]; /* bytes of each part; 0: it has none */
	bool (*row)(uint32_t n, struct nsi_row *row); /* the n-th, from 0, into zeros; false: there are not so many */
};
const struct nsi_table *nsi_table(uint32_t module, uint32_t number); /* NULL: nothing is in it */
static inline const void *nsi_part(const struct nsi_row *r, enum nsi_part p)
{
	return p == NSI_KEY ? (const void *)&r->key : p == NSI_RW ? (const void *)&r->rw : p == NSI_DYNAMIC ? (const void *)&r->dynamic : (const void *)&r->fixed;
}
#endif
