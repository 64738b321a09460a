/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/netops.c - requests of the network by somebody who speaks to the monitor himself, where a rule allows
 * one TCP and one UDP port of the host's loopback: every other way to a socket, and every operation on streams that it is not for.
 *
 *	hostile net ADDR TCP UDP OTHER	OTHER has a TCP and a UDP socket of the host's that nothing may come to
 */
#include <stdlib.h>

#include "abi/net.h"
#include "attack.h"

#define STREAMS 8

static uint64_t stream[STREAMS];
static unsigned streams;

static long open_uri(const char *uri)
{
	request(MON_OPEN, 0, uri, strlen(uri));
	msg.q.args[0] = strncmp(uri, "file:", 5) ? DK_READ | DK_WRITE : DK_READ;
	return ask(0);
}

static void want(const char *uri)
{
	if (open_uri(uri) != DK_OK) {
		bad("what is granted cannot be had");
		return;
	}
	stream[streams++] = answer.r.value[0];
}

/* %u: OTHER. */
static void refused_places(unsigned other)
{
	static const char *const places[] = {
		"tcp.client:127.0.0.1:%u", "tcp.client:0.0.0.0:%u", "tcp.client:127.8.8.8:%u", "tcp.client:[::1]:%u", "tcp.client:[::]:%u", "tcp.client:[::ffff:127.0.0.1]:%u",
		"tcp.client:[::ffff:7f00:1]:%u", "tcp.client:[::ffff:0.0.0.0]:%u", "tcp.client:[::127.0.0.1]:%u", "tcp.client:[::1%%1]:%u", "tcp.client:127.1:%u",
		"tcp.client:localhost:%u", "tcp.client:127.0.0.1:%u?bind=127.0.0.1:0", "tcp.client:127.0.0.1:%u?nodelay=1&linger=1", "tcp.client:127.0.0.1:0%u",
		"udp.client:127.0.0.1:%u", "udp.client:0.0.0.0:%u", "udp.client:[::ffff:127.0.0.1]:%u", "udp.client:[::1]:%u", "udp.client:[::]:%u",
		"tcp.server:127.0.0.1:%u", "tcp.server:0.0.0.0:%u?backlog=1", "tcp.server:[::]:0?backlog=1", "tcp.server:0.0.0.0:%u?publish=0", "tcp.server:0.0.0.0:0?publish=63&backlog=1",
		"tcp.server:0.0.0.0:%u?publish=4294967295", "udp:0.0.0.0:%u", "udp:[::]:%u?reuseport=1", "udp:0.0.0.0:%u?publish=0", "unix:/shared/s", "file:/shared/s", "tcp:127.0.0.1:%u",
		"TCP.CLIENT:127.0.0.1:%u", " tcp.client:127.0.0.1:%u", "net:", "dns:evil.test?type=a",
	};

	for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
		char uri[120];
		long status;

		snprintf(uri, sizeof uri, places[i], other);
		status = open_uri(uri);
		/* A name that is refused is answered so; a socket's file can be shown but not connected. */
		if (status == DK_OK && strncmp(uri, "dns:", 4) != 0 && strncmp(uri, "file:", 5) != 0)
			bad(uri);
	}
}

static void send_to(uint64_t s, const char *addr16, unsigned port, unsigned family)
{
	struct {
		struct dk_inet to;
		char bytes[4];
	} m = { .to = { .port = (uint16_t)port, .family = (uint16_t)family }, .bytes = "in" };

	memcpy(m.to.addr, addr16, 16);
	request(MON_SEND, s, &m, sizeof m);
	if (ask(0) == DK_OK && port != 0)
		bad("a datagram went where none may go");
}

static void sends(uint64_t s, unsigned other)
{
	static const char places[][17] = { "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", "\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\0", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
		"\0\0\0\0\0\0\0\0\0\0\0\0\x7f\0\0\1" };

	for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++)
		for (unsigned family = 0; family < 8; family++)
			send_to(s, places[i], other, family);
}

/* What no stream here is for; then all the rest, whose answers do not matter. */
static void misused(uint64_t s, unsigned other)
{
	uint32_t backlog = 5;

	request(MON_ACCEPT, s, NULL, 0);
	msg.q.args[0] = 16;
	if (ask(0) == DK_OK)
		bad("something was accepted");
	request(MON_SET, s, &backlog, sizeof backlog);
	msg.q.args[0] = DK_ATTR_SOCKET_LISTEN;
	msg.q.args[1] = sizeof backlog;
	if (ask(0) == DK_OK)
		bad("something listens");
	sends(s, other);
	for (uint64_t o = 0; o < 300; o++) {
		request(MON_TUNE, s, NULL, 0);
		msg.q.args[0] = o == 299 ? UINT64_MAX : o;
		msg.q.args[1] = o * 0x100000001ull;
		ask(0);
	}
	for (uint64_t class = 0; class < 40; class++) {
		request(MON_QUERY, s, NULL, 0);
		msg.q.args[0] = class | (class == DK_ATTR_SOCKET_OPTION ? 0xffffff00 : 0);
		ask(0);
		request(MON_SET, s, "\1\0\0\0\1\0\0\0", 8);
		msg.q.args[0] = class | (class == DK_ATTR_SOCKET_OPTION ? (uint64_t)DK_SO_COUNT << 8 : 0);
		msg.q.args[1] = 8;
		ask(0);
	}
	request(MON_RECEIVE, s, NULL, 0);
	msg.q.args[0] = UINT64_MAX;
	ask(0);
	for (uint64_t mode = 0; mode < 12; mode++) {
		request(MON_DELETE, s, NULL, 0);
		msg.q.args[0] = mode;
		ask(0);
	}
}

static void attack_net(char **argv)
{
	unsigned other = (unsigned)atoi(argv[3]);
	uint64_t old;
	char uri[80];

	need_channel();
	snprintf(uri, sizeof uri, "tcp.client:127.0.0.1:%s", argv[1]);
	want(uri);
	want(uri);
	snprintf(uri, sizeof uri, "udp.client:127.0.0.1:%s", argv[2]);
	want(uri);
	want("udp:0.0.0.0:0");
	want("file:/etc/passwd");
	refused_places(other);
	old = stream[0];
	request(MON_CLOSE, old, NULL, 0);
	ask(0);
	for (unsigned i = 1; i < streams; i++) {
		misused(stream[i], other);
		misused(old, other);
		misused(stream[i] + (1ull << 20), other); /* of another time */
		misused(stream[i] + 500, other);
	}
}

int net_attack(int argc, char **argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		attack_net(argv + 2);
		_exit(0);
	}
	printf("exit %x\n", wait_child(pid, PATIENCE_MS));
	printf("done net\n");
	return 0;
}
