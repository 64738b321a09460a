/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/unix_dnsapi.c - the resolver's state that dnsapi.dll asks its Unix side for: no domains to search, and the name server that
 * /etc/resolv.conf names, which iphlpapi.dll shows and c-ares asks.  Questions by dnsapi.dll itself find none to ask.
 */
#include "nt/ke/user.h"
#include "nt/ldr/unixcall.h"
#include "nt/net/resolve.h"
#include "rt/mem.h"

#define ERROR_MORE_DATA          234u
#define DNS_ERROR_NO_DNS_SERVERS 9852u

enum { GET_SEARCHLIST, GET_SERVERLIST, SET_SERVERLIST, QUERY };

struct servers { /* DNS_ADDR_ARRAY */
	uint32_t max, count, tag;
	uint16_t family, pad;
	uint32_t unused[4];
	struct { /* DNS_ADDR */
		struct os_sockaddr addr;
		uint32_t pad, size, data[7]; /* size: the address's */
	} server;
};
#define NO_SERVER offsetof(struct servers, server)
_Static_assert(sizeof(struct servers) == 96, "DNS_ADDR_ARRAY");

/* need bytes to list, if the *len bytes there are enough.  list 0: how many it takes is asked. */
static NTSTATUS answer(const void *bytes, uint64_t list, uint64_t len, uint32_t need)
{
	uint32_t room;
	NTSTATUS status = user_read(&room, len, sizeof room);

	if (status == STATUS_SUCCESS)
		status = user_put32(len, need);
	if (status != STATUS_SUCCESS || list == 0)
		return status;
	return room < need ? (NTSTATUS)ERROR_MORE_DATA : user_write(list, bytes, need);
}

static NTSTATUS server_list(uint16_t family, uint64_t list, uint64_t len)
{
	struct servers s = { 0 };
	uint32_t size;

	if (!net_name_server(&s.server.addr, &size) || (family != 0 && family != s.server.addr.family))
		return answer(&s, list, len, NO_SERVER);
	s.max = s.count = 1;
	s.family = family;
	s.server.size = size;
	return answer(&s, list, len, sizeof s);
}

NTSTATUS unix_dnsapi(uint32_t code, uint64_t args)
{
	uint64_t p[3];
	NTSTATUS status = user_read(p, args, code == GET_SERVERLIST ? 24 : 16);

	if (status != STATUS_SUCCESS)
		return status;
	switch (code) {
	case GET_SEARCHLIST: /* list, length: a string of strings */
		return answer(&(WCHAR){ 0 }, p[0], p[1], sizeof(WCHAR));
	case GET_SERVERLIST: /* family, list, length */
		return server_list((uint16_t)p[0], p[1], p[2]);
	case SET_SERVERLIST:
		return STATUS_SUCCESS;
	default:
		return (NTSTATUS)DNS_ERROR_NO_DNS_SERVERS;
	}
}
