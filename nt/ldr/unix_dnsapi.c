/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/unix_dnsapi.c - the resolver's state that dnsapi.dll asks its Unix side for, in a sandbox without a network: no domains to
 * search, no servers, and questions find none to ask.
 */
#include "nt/ke/user.h"
#include "nt/ldr/unixcall.h"

#define ERROR_MORE_DATA          234u
#define DNS_ERROR_NO_DNS_SERVERS 9852u

enum { GET_SEARCHLIST, GET_SERVERLIST, SET_SERVERLIST, QUERY };

/* An empty list: need zero bytes at list, if the *len bytes there are enough.  list 0: how many it takes is asked. */
static NTSTATUS nothing(uint64_t list, uint64_t len, uint32_t need)
{
	static const uint8_t zeros[32];
	uint32_t room;
	NTSTATUS status = user_read(&room, len, sizeof room);

	if (status == STATUS_SUCCESS)
		status = user_put32(len, need);
	if (status != STATUS_SUCCESS || list == 0)
		return status;
	return room < need ? (NTSTATUS)ERROR_MORE_DATA : user_write(list, zeros, need);
}

NTSTATUS unix_dnsapi(uint32_t code, uint64_t args)
{
	uint64_t p[3];
	NTSTATUS status = user_read(p, args, code == GET_SERVERLIST ? 24 : 16);

	if (status != STATUS_SUCCESS)
		return status;
	switch (code) {
	case GET_SEARCHLIST: /* list, length: a string of strings */
		return nothing(p[0], p[1], sizeof(WCHAR));
	case GET_SERVERLIST: /* family, list, length: a DNS_ADDR_ARRAY without addresses */
		return nothing(p[1], p[2], 32);
	case SET_SERVERLIST:
		return STATUS_SUCCESS;
	default:
		return (NTSTATUS)DNS_ERROR_NO_DNS_SERVERS;
	}
}
