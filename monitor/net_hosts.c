/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_hosts.c - what the host's resolv.conf and hosts say, read once, before the helper has no files any more.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "monitor/net_dns.h"

#define HOSTS_MAX (1 << 20) /* of block lists the first part */
#define HOSTS_TTL 60

struct dk_inet dns_servers[DNS_SERVERS];
unsigned dns_server_count;
static char *hosts; /* lines as the file has them, comments too */

static char *read_file(const char *path, size_t max)
{
	char *text = malloc(max + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;
	size_t len = 0;

	while (text && fd >= 0 && len < max && (n = read(fd, text + len, max - len)) > 0)
		len += (size_t)n;
	if (fd >= 0)
		close(fd);
	if (text)
		text[len] = 0;
	return text;
}

/* An address as such files write it: without brackets. */
static bool address_of(const char *word, size_t len, struct dk_inet *out)
{
	char text[NET_TEXT_MAX];
	const char *p = text;

	if (len == 0 || len + 3 > sizeof text)
		return false;
	snprintf(text, sizeof text, memchr(word, ':', len) ? "[%.*s]" : "%.*s", (int)len, word);
	return net_take_addr(&p, out) && *p == 0;
}

/* Words of a line; false: no more. */
static bool next_word(const char **at, const char *end, const char **word, size_t *len)
{
	while (*at < end && strchr(" \t\r", **at))
		++*at;
	if (*at >= end || **at == '#')
		return false;
	*word = *at;
	while (*at < end && !strchr(" \t\r#", **at))
		++*at;
	*len = (size_t)(*at - *word);
	return true;
}

static void take_server(const char *at, const char *end)
{
	const char *word;
	size_t len;

	if (dns_server_count == DNS_SERVERS || !next_word(&at, end, &word, &len) || len != 10 || strncmp(word, "nameserver", 10) != 0)
		return;
	if (next_word(&at, end, &word, &len) && address_of(word, len, &dns_servers[dns_server_count])) {
		net_any_to_loopback(&dns_servers[dns_server_count]);
		dns_servers[dns_server_count++].port = 53;
	}
}

void hosts_read(void)
{
	char *conf = read_file("/etc/resolv.conf", 65536);

	for (const char *p = conf; p && *p;) {
		const char *end = p + strcspn(p, "\n");

		take_server(p, end);
		p = end + (*end != 0);
	}
	free(conf);
	if (dns_server_count == 0) { /* as resolv.conf(5) has it */
		dns_servers[0] = (struct dk_inet){ .addr = { [10] = 0xff, 0xff, 127, 0, 0, 1 }, .port = 53, .family = 4 };
		dns_server_count = 1;
	}
	hosts = read_file("/etc/hosts", HOSTS_MAX);
}

struct answer {
	char *out;
	size_t len, room;
	bool known;
};

static void add_line(struct answer *a, const char *what, const char *text, size_t len)
{
	int n = snprintf(a->out + a->len, a->room - a->len, "%s %d %.*s\n", what, HOSTS_TTL, (int)len, text);

	if (n > 0 && a->len + (size_t)n < a->room)
		a->len += (size_t)n;
}

static void look_at(const struct net_ask *ask, const char *at, const char *end, struct answer *a)
{
	size_t name_len = strlen(ask->name), len, address_len;
	const char *word, *address;
	struct dk_inet addr;

	if (!next_word(&at, end, &address, &address_len) || !address_of(address, address_len, &addr))
		return;
	if (name_len > 0 && ask->name[name_len - 1] == '.')
		name_len--;
	while (next_word(&at, end, &word, &len)) {
		if (ask->type == DNS_PTR && net_same_addr(&addr, &ask->addr)) {
			a->known = true;
			add_line(a, "ptr", word, len);
			return;
		}
		if (ask->type == DNS_PTR || len != name_len || strncasecmp(word, ask->name, len) != 0)
			continue;
		a->known = true;
		if ((ask->type == DNS_A) == net_is_v4(&addr))
			add_line(a, net_is_v4(&addr) ? "a" : "aaaa", address, address_len);
		return;
	}
}

size_t hosts_answer(const struct net_ask *ask, char *out, size_t room)
{
	struct answer a = { .out = out, .room = room };

	if (ask->type != DNS_A && ask->type != DNS_AAAA && ask->type != DNS_PTR)
		return 0;
	a.len = (size_t)snprintf(out, room, "rcode %d %d\n", HOSTS_TTL, DNS_NOERROR);
	for (const char *p = hosts; p && *p;) {
		const char *end = p + strcspn(p, "\n");

		look_at(ask, p, end, &a);
		p = end + (*end != 0);
	}
	return a.known ? a.len : 0;
}
