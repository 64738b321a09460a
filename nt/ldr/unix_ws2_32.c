/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/unix_ws2_32.c - host names (nt/net/names.h): what ws2_32.dll asks its Unix side for.
 *
 * Answers are one block of guest memory, with pointers into itself, of a size that the caller learns by WSA's "insufficient buffer"
 * first.
 */
#include "nt/ke/user.h"
#include "nt/ldr/inet.h"
#include "nt/ldr/unixcall.h"
#include "nt/net/names.h"
#include "nt/os/sysinfo.h"
#include "pico/arena.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define ERROR_NO_BUFFER       0x7au
#define WSA_NOT_ENOUGH_MEMORY 8u
#define WSAEFAULT             10014u
#define WSAEINVAL             10022u
#define WSAESOCKTNOSUPPORT    10044u
#define WSAEAFNOSUPPORT       10047u
#define WSATYPE_NOT_FOUND     10109u
#define WSAHOST_NOT_FOUND     11001u
#define WSANO_DATA            11004u

#define AI_PASSIVE     1u
#define AI_CANONNAME   2u
#define AI_NUMERICHOST 4u
#define SOCK_MOST      5 /* SOCK_SEQPACKET */
#define NI_NUMERICHOST 2u
#define NI_NAMEREQD    4u


enum { GETADDRINFO, GETHOSTBYADDR, GETHOSTBYNAME, GETHOSTNAME, GETNAMEINFO };

static uint32_t string_in(char *to, uint64_t va)
{
	uint32_t n = 0;

	for (; n < NET_NAME_ROOM; n++) {
		if (user_read(to + n, va + n, 1) != STATUS_SUCCESS)
			return WSAEFAULT;
		if (to[n] == '\0')
			return 0;
	}
	return WSAHOST_NOT_FOUND;
}

/* ---- Ports ---- */

/* A number, or the name of a service. */
static uint32_t port_of(const char *service, uint16_t *port)
{
	uint32_t n = 0;

	for (const char *s = service; *s >= '0' && *s <= '9' && n < 65536; s++)
		n = n * 10 + (uint32_t)(*s - '0');
	if (service[0] >= '0' && service[0] <= '9') {
		*port = (uint16_t)n;
		return n < 65536 ? 0 : WSATYPE_NOT_FOUND;
	}
	return net_service(service, port) ? 0 : WSATYPE_NOT_FOUND;
}

/* ---- getaddrinfo ---- */

struct addrinfo {
	int32_t flags, family, socktype, protocol;
	uint64_t addrlen, canonname, addr, next;
};
#define SOCKADDR 28u /* the longer of the two */

static uint64_t put_info(char *block, uint64_t va, const struct net_names *f, const struct addrinfo *hints, uint16_t port)
{
	uint64_t at = 0, last = 0;

	for (uint32_t i = 0; i < f->n; i++) {
		struct addrinfo a = { hints->flags, f->addr[i].family, hints->socktype, hints->protocol, 0, 0, va + at + sizeof a, 0 };

		a.addrlen = inet_sockaddr(block + at + sizeof a, &f->addr[i], port);
		if (i > 0)
			memcpy(block + last + offsetof(struct addrinfo, next), &(uint64_t){ va + at }, 8);
		memcpy(block + at, &a, sizeof a);
		last = at;
		at += sizeof a + ALIGN_UP(SOCKADDR, 8);
	}
	if (hints->flags & (int32_t)AI_CANONNAME) {
		memcpy(block + offsetof(struct addrinfo, canonname), &(uint64_t){ va + at }, 8);
		memcpy(block + at, f->canonical, strlen(f->canonical) + 1);
		at += strlen(f->canonical) + 1;
	}
	return at;
}

static void keep_family(struct net_names *f, int32_t family)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->n; i++)
		if (family == 0 || f->addr[i].family == family)
			f->addr[n++] = f->addr[i];
	f->n = n;
}

static uint32_t any_or_loopback(struct net_names *f, const struct addrinfo *hints)
{
	if (hints->flags & (int32_t)AI_PASSIVE) {
		net_names_add(f, &(struct inet_addr){ .family = INET_V4 }, "");
		net_names_add(f, &(struct inet_addr){ .family = INET_V6 }, "");
	} else {
		net_names_loopback(f, "localhost");
	}
	return 0;
}

static uint32_t answer(char *block, uint64_t size, uint64_t va, uint64_t size_va)
{
	uint32_t room;

	if (user_read(&room, size_va, sizeof room) != STATUS_SUCCESS)
		return WSAEFAULT;
	if (size > room)
		return user_put32(size_va, (uint32_t)size) == STATUS_SUCCESS ? ERROR_NO_BUFFER : WSAEFAULT;
	return user_write(va, block, size) == STATUS_SUCCESS ? 0 : WSAEFAULT;
}

static uint32_t resolve(const uint64_t q[5], struct addrinfo *hints, uint16_t *port, struct net_names *f)
{
	char name[NET_NAME_ROOM], service[NET_NAME_ROOM];
	uint32_t err = 0;

	if (q[2] != 0 && user_read(hints, q[2], sizeof *hints) != STATUS_SUCCESS)
		return WSAEFAULT;
	if (hints->family != 0 && hints->family != INET_V4 && hints->family != INET_V6)
		return WSAEAFNOSUPPORT;
	if (hints->socktype < 0 || hints->socktype > SOCK_MOST)
		return WSAESOCKTNOSUPPORT;
	if (q[0] == 0 && q[1] == 0)
		return WSAHOST_NOT_FOUND;
	if (q[1] != 0)
		err = string_in(service, q[1]);
	if (err == 0 && q[1] != 0 && service[0] != '\0')
		err = port_of(service, port);
	if (err == 0 && q[0] != 0)
		err = string_in(name, q[0]);
	if (err == 0)
		err = q[0] != 0 ? net_look_up(name, hints->flags & (int32_t)AI_NUMERICHOST, f) ? 0 : WSAHOST_NOT_FOUND : any_or_loopback(f, hints);
	keep_family(f, hints->family);
	return err != 0 ? err : f->n != 0 ? 0 : WSAHOST_NOT_FOUND;
}

static uint32_t get_addr_info(uint64_t args)
{
	struct net_names *f = heap_alloc(sizeof *f);
	char *block = heap_alloc(NET_NAMES * (sizeof(struct addrinfo) + 32) + NET_NAME_ROOM);
	struct addrinfo hints = { 0 };
	uint64_t q[5]; /* node, service, hints, answer, its size's address */
	uint16_t port = 0;
	uint32_t err = f != NULL && block != NULL ? 0 : WSA_NOT_ENOUGH_MEMORY;

	if (err == 0 && user_read(q, args, sizeof q) != STATUS_SUCCESS)
		err = WSAEFAULT;
	if (err == 0)
		err = resolve(q, &hints, &port, f);
	if (err == 0)
		err = answer(block, put_info(block, q[3], f, &hints, port), q[3], q[4]);
	heap_free(f);
	heap_free(block);
	return err;
}

/* ---- hostent ---- */

struct hostent {
	uint64_t name, aliases;
	int16_t type, length;
	uint32_t pad;
	uint64_t list;
};

static uint64_t put_hostent(char *block, uint64_t va, const struct net_names *f)
{
	uint64_t lists = sizeof(struct hostent), addresses = lists + 8 * (f->n + 2ull), name = addresses + f->n * 16ull;
	uint32_t length = f->addr[0].family == INET_V4 ? 4 : 16;
	struct hostent h = { va + name, va + lists, (int16_t)f->addr[0].family, (int16_t)length, 0, va + lists + 8 };

	memset(block, 0, name);
	memcpy(block, &h, sizeof h);
	for (uint32_t i = 0; i < f->n; i++) {
		memcpy(block + lists + 8 + 8ull * i, &(uint64_t){ va + addresses + 16ull * i }, 8);
		memcpy(block + addresses + 16ull * i, f->addr[i].bytes, length);
	}
	memcpy(block + name, f->canonical, strlen(f->canonical) + 1);
	return name + strlen(f->canonical) + 1;
}

static uint32_t hostent_out(struct net_names *f, uint64_t va, uint64_t size_va)
{
	char *block = heap_alloc(sizeof(struct hostent) + NET_NAMES * 24 + 16 + NET_NAME_ROOM);
	uint32_t err = block != NULL ? answer(block, put_hostent(block, va, f), va, size_va) : WSA_NOT_ENOUGH_MEMORY;

	heap_free(block);
	return err;
}

static uint32_t get_host_by_name(uint64_t args)
{
	struct net_names *f = heap_alloc(sizeof *f);
	uint64_t q[3]; /* name, answer, its size's address */
	char name[NET_NAME_ROOM];
	uint32_t err = f != NULL ? 0 : WSA_NOT_ENOUGH_MEMORY;

	if (err == 0 && user_read(q, args, sizeof q) != STATUS_SUCCESS)
		err = WSAEFAULT;
	if (err == 0)
		err = string_in(name, q[0]);
	if (err == 0)
		err = net_look_up(name, false, f) ? 0 : WSAHOST_NOT_FOUND;
	if (err == 0) {
		keep_family(f, INET_V4);
		err = f->n != 0 ? hostent_out(f, q[1], q[2]) : WSANO_DATA;
	}
	heap_free(f);
	return err;
}

static uint32_t get_host_by_addr(uint64_t args)
{
	struct net_names *f = heap_alloc(sizeof *f);
	struct {
		uint64_t addr;
		int32_t length, family;
		uint64_t host, size;
	} q;
	struct inet_addr a = { 0 };
	uint32_t err = f != NULL ? 0 : WSA_NOT_ENOUGH_MEMORY;

	if (err == 0 && user_read(&q, args, sizeof q) != STATUS_SUCCESS)
		err = WSAEFAULT;
	if (err == 0 && !((q.family == INET_V4 && q.length >= 4) || (q.family == INET_V6 && q.length >= 16)))
		err = WSAEAFNOSUPPORT;
	a.family = q.family;
	if (err == 0 && user_read(a.bytes, q.addr, q.family == INET_V4 ? 4 : 16) != STATUS_SUCCESS)
		err = WSAEFAULT;
	if (err == 0) {
		net_name_of(&a, f);
		err = f->n != 0 ? hostent_out(f, q.host, q.size) : WSAHOST_NOT_FOUND;
	}
	heap_free(f);
	return err;
}

/* ---- Own name, names of addresses ---- */

static uint32_t text_out(uint64_t va, uint32_t room, const char *text)
{
	size_t size = strlen(text) + 1;

	if (va == 0 || room == 0)
		return 0;
	if (size > room)
		return ERROR_NO_BUFFER;
	return user_write(va, text, size) == STATUS_SUCCESS ? 0 : WSAEFAULT;
}

static uint32_t get_host_name(uint64_t args)
{
	struct {
		uint64_t name;
		uint32_t size, pad;
	} q;
	char own[NET_NAME_ROOM];

	if (user_read(&q, args, sizeof q) != STATUS_SUCCESS)
		return WSAEFAULT;
	(void)os_host_name(own, sizeof own);
	return text_out(q.name, q.size, own) != 0 ? WSAEFAULT : 0;
}

struct name_info {
	uint64_t addr;
	uint32_t addr_size, pad;
	uint64_t host;
	uint32_t host_size, pad2;
	uint64_t service;
	uint32_t service_size, flags;
};

static uint32_t name_of(const struct name_info *q, const struct inet_addr *a)
{
	struct net_names *f = heap_alloc(sizeof *f);
	char text[NET_NAME_ROOM];
	uint32_t err;

	if (f == NULL)
		return WSA_NOT_ENOUGH_MEMORY;
	if (!(q->flags & NI_NUMERICHOST))
		net_name_of(a, f);
	inet_format(a, text, sizeof text);
	err = f->n == 0 && q->flags & NI_NAMEREQD ? WSAHOST_NOT_FOUND : text_out(q->host, q->host_size, f->n != 0 ? f->canonical : text);
	heap_free(f);
	return err;
}

static uint32_t get_name_info(uint64_t args)
{
	struct name_info q;
	uint8_t sa[SOCKADDR] = { 0 };
	struct inet_addr a;
	char text[8];
	uint16_t port;
	uint32_t err;

	if (user_read(&q, args, sizeof q) != STATUS_SUCCESS || user_read(sa, q.addr, MIN(q.addr_size, SOCKADDR)) != STATUS_SUCCESS)
		return WSAEFAULT;
	if (!inet_of_sockaddr(sa, q.addr_size, &a, &port))
		return WSAEAFNOSUPPORT;
	err = q.host != 0 ? name_of(&q, &a) : 0;
	(void)fmt_snprintf(text, sizeof text, "%u", port);
	return err != 0 ? err : text_out(q.service, q.service_size, text);
}

NTSTATUS unix_ws2_32(uint32_t code, uint64_t args)
{
	switch (code) {
	case GETADDRINFO: return get_addr_info(args);
	case GETHOSTBYADDR: return get_host_by_addr(args);
	case GETHOSTBYNAME: return get_host_by_name(args);
	case GETHOSTNAME: return get_host_name(args);
	case GETNAMEINFO: return get_name_info(args);
	default: return STATUS_NOT_IMPLEMENTED;
	}
}
