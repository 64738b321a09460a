/* SPDX-License-Identifier: MIT */
/* nt/net/names.c - what names stand for: numbers, the sandbox's own name, localhost, what /etc/hosts has, and what a name server knows. */
#include "nt/net/names.h"
#include "nt/dll/blobs.h"
#include "nt/net/resolve.h"
#include "nt/os/sysinfo.h"
#include "pico/arena.h"
#include "rt/fmt.h"
#include "rt/mem.h"

/* ---- /etc/hosts ---- */

/* The next word of a line; false: there is none. */
static bool word(const char **at, const char *end, char *to)
{
	const char *s = *at;
	uint32_t n = 0;

	while (s < end && (*s == ' ' || *s == '\t' || *s == '\r'))
		s++;
	while (s < end && *s != ' ' && *s != '\t' && *s != '\r' && *s != '#' && n < NET_NAME_ROOM - 1)
		to[n++] = *s++;
	to[n] = '\0';
	*at = s;
	return n != 0;
}

bool net_same_name(const char *a, const char *b)
{
	for (;; a++, b++) {
		char x = *a >= 'A' && *a <= 'Z' ? (char)(*a + 32) : *a, y = *b >= 'A' && *b <= 'Z' ? (char)(*b + 32) : *b;

		if (x != y)
			return false;
		if (x == '\0')
			return true;
	}
}

void net_names_add(struct net_names *f, const struct inet_addr *a, const char *canonical)
{
	if (f->n == NET_NAMES)
		return;
	if (f->n == 0)
		(void)fmt_snprintf(f->canonical, sizeof f->canonical, "%s", canonical);
	f->addr[f->n++] = *a;
}

/* By name, or by address where name is NULL. */
static void hosts_line(const char *at, const char *end, const char *name, const struct inet_addr *by, struct net_names *f)
{
	char text[NET_NAME_ROOM], first[NET_NAME_ROOM], other[NET_NAME_ROOM];
	struct inet_addr a;
	bool hit = false;

	if (!word(&at, end, text) || !inet_parse(text, &a) || !word(&at, end, first))
		return;
	if (name == NULL) {
		hit = by->family == a.family && memcmp(by->bytes, a.bytes, sizeof a.bytes) == 0;
	} else {
		hit = net_same_name(first, name);
		while (!hit && word(&at, end, other))
			hit = net_same_name(other, name);
	}
	if (hit)
		net_names_add(f, &a, first);
}

static void look_in_hosts(const char *name, const struct inet_addr *by, struct net_names *f)
{
	uint32_t size;
	char *text = os_read_file("/etc/hosts", 1u << 20, &size);

	if (text == NULL)
		return;
	for (const char *at = text, *end = text + size; at < end;) {
		const char *eol = at;

		while (eol < end && *eol != '\n')
			eol++;
		hosts_line(at, eol, name, by, f);
		at = eol + 1;
	}
	heap_free(text);
}

/* ---- By name ---- */

void net_names_loopback(struct net_names *f, const char *name)
{
	net_names_add(f, &(struct inet_addr){ .family = INET_V6, .bytes = { [15] = 1 } }, name);
	net_names_add(f, &(struct inet_addr){ .family = INET_V4, .bytes = { 127, 0, 0, 1 } }, name);
}

static void ask_server(const char *name, struct net_names *f)
{
	struct inet_addr a[NET_NAMES];
	uint32_t n = net_resolve(name, a, NET_NAMES);

	for (uint32_t i = 0; i < n; i++)
		net_names_add(f, &a[i], name);
}

bool net_look_up(const char *name, bool numeric, struct net_names *f)
{
	char own[NET_NAME_ROOM];
	struct inet_addr a;

	if (inet_parse(name, &a)) {
		net_names_add(f, &a, name);
		return true;
	}
	if (numeric)
		return false;
	look_in_hosts(name, NULL, f);
	(void)os_host_name(own, sizeof own);
	if (f->n == 0 && (net_same_name(name, "localhost") || net_same_name(name, own) || name[0] == '\0'))
		net_names_loopback(f, name[0] != '\0' ? name : own);
	if (f->n == 0)
		ask_server(name, f);
	return f->n != 0;
}

void net_name_of(const struct inet_addr *a, struct net_names *f)
{
	look_in_hosts(NULL, a, f);
}

static bool is_service(const char *at, const char *end, const char *name, uint16_t *port)
{
	char first[NET_NAME_ROOM], number[NET_NAME_ROOM], alias[NET_NAME_ROOM];
	bool hit;

	if (!word(&at, end, first) || !word(&at, end, number))
		return false;
	hit = net_same_name(first, name);
	while (!hit && word(&at, end, alias))
		hit = net_same_name(alias, name);
	*port = 0;
	for (const char *s = number; hit && *s >= '0' && *s <= '9'; s++)
		*port = (uint16_t)(*port * 10 + (*s - '0'));
	return hit;
}

bool net_service(const char *name, uint16_t *port)
{
	for (const char *at = nt_etc_services, *eol; *at != '\0'; at = eol + 1) {
		for (eol = at; *eol != '\n'; eol++)
			continue;
		if (is_service(at, eol, name, port))
			return true;
	}
	return false;
}
