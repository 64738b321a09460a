/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_count.c - what went over the sandbox's network, without looking at it while it goes.
 *
 * Bytes of connections go straight between picoprocess and socket, so they are asked of the kernel, which counts them for each socket:
 * of those that are open when somebody asks, of the others when they are closed.  What the program has written counts
 * as sent, also if it has not left yet.  The kernel counts the peer's FIN as a byte received.  Datagrams are counted that pass through the
 * monitor; those that go straight (to a fixed peer, and all with --net host, unless brokered) nobody counts.
 */
#include <errno.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "monitor/monitor.h"
#include "monitor/net.h"

#define LEVEL_TCP 6

struct net_counts net_counts;

static void add_connection(const struct stream *s, struct dk_net_counts *to)
{
	struct tcp_info t;
	socklen_t len = sizeof t;

	memset(&t, 0, sizeof t); /* an older kernel tells less */
	if (getsockopt(s->socket, LEVEL_TCP, TCP_INFO, &t, &len) < 0)
		return;
	to->bytes_in += t.tcpi_bytes_received;
	to->bytes_out += t.tcpi_bytes_sent - t.tcpi_bytes_retrans + t.tcpi_notsent_bytes;
	to->packets_in += t.tcpi_segs_in;
	to->packets_out += t.tcpi_segs_out;
}

void net_count_closed(const struct stream *s)
{
	if (s->kind == STREAM_TCP)
		add_connection(s, &net_counts.passed);
}

static void add_open(struct stream *s, void *arg)
{
	if (s->kind == STREAM_TCP)
		add_connection(s, arg);
}

void net_count(struct dk_net_counts *out)
{
	*out = net_counts.passed;
	if (net_granted())
		stream_each(add_open, out);
}

enum dk_status net_counts_query(struct job *j)
{
	struct dk_net_counts c;

	if (j->req.args[0] != DK_ATTR_NET_COUNTS)
		return DK_NOT_SUPPORTED;
	net_count(&c);
	memcpy(j->data, &c, sizeof c);
	j->reply.data_len = sizeof c;
	return DK_OK;
}

size_t net_counts_text(char *out, size_t size)
{
	const struct net_counts *n = &net_counts;
	struct dk_net_counts c;

	net_count(&c);
	return (size_t)snprintf(out, size, "%llu %llu %llu %llu %llu %llu %llu %llu", (unsigned long long)c.bytes_in, (unsigned long long)c.bytes_out,
	    (unsigned long long)c.packets_in, (unsigned long long)c.packets_out, (unsigned long long)n->connections, (unsigned long long)n->accepted,
	    (unsigned long long)n->refused, (unsigned long long)n->names);
}

void net_stats(void)
{
	const struct net_counts *c = &net_counts;

	if (!net_granted())
		return;
	log_line(DK_LOG_TRACE, "stats: %llu connections made, %llu taken, %llu refused; %llu datagrams out and %llu in by the monitor; %llu names asked for",
	    (unsigned long long)c->connections, (unsigned long long)c->accepted, (unsigned long long)c->refused, (unsigned long long)c->out,
	    (unsigned long long)c->in, (unsigned long long)c->names);
	log_line(DK_LOG_TRACE, "stats: %llu bytes came over the network, and %llu left", (unsigned long long)c->passed.bytes_in,
	    (unsigned long long)c->passed.bytes_out);
}
