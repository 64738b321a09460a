/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_pcap.h - a capture file: what happened on sockets, as packets that could have been.
 *
 * Classic pcap with microseconds, each packet an IPv4 or IPv6 one (LINKTYPE_RAW).  UDP datagrams are as they were; what went over a
 * connection gets the headers that a TCP without losses would have made.
 */
#ifndef MONITOR_NET_PCAP_H
#define MONITOR_NET_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/net.h"

#define PCAP_DATA_MAX 61440u /* bytes of a segment */

/* A connection as the file tells it.  side 0 is ours, 1 the peer's. */
enum pcap_side { PCAP_US, PCAP_PEER };
struct pcap_tcp {
	struct dk_inet name[2];
	uint32_t next[2];  /* sequence number of a side's next byte */
	uint32_t acked[2]; /* what a side has acknowledged of the other's */
};

/* The file, empty and open for writing, gets its header.  0 or errno. */
int pcap_begin(int fd);
/* What to do when the file takes no more: it has only whole packets then, and nothing is written from now on. */
extern void (*pcap_full)(int err);

void pcap_udp(const struct dk_inet *from, const struct dk_inet *to, const void *data, size_t len);
/* names are set, the rest is zeros. */
void pcap_syn(struct pcap_tcp *c, enum pcap_side from);
void pcap_established(struct pcap_tcp *c, enum pcap_side asked); /* the answer to the SYN, and the answer to that */
void pcap_data(struct pcap_tcp *c, enum pcap_side from, const void *data, size_t len, bool urgent); /* up to PCAP_DATA_MAX */
void pcap_fin(struct pcap_tcp *c, enum pcap_side from);
void pcap_rst(struct pcap_tcp *c, enum pcap_side from);
#endif
