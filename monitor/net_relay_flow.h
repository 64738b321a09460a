/* SPDX-License-Identifier: MIT */
/* monitor/net_relay_flow.h - between net_relay.c (connections, orders, turns) and net_relay_flow.c (their bytes). */
#ifndef MONITOR_NET_RELAY_FLOW_H
#define MONITOR_NET_RELAY_FLOW_H

#include "monitor/net_pcap.h"
#include "monitor/net_relay.h"

#define PIECE PCAP_DATA_MAX

struct relay {
	struct relay *next;      /* of its bucket, while it has a number */
	struct relay *next_busy;
	struct relay *newer, *older; /* of all */
	uint64_t id, until_ns;   /* until_ns: closing */
	int sock, end, sandbox;  /* sandbox: the copy; -1 = not needed any more */
	uint32_t plug;
	bool connecting, ending /* the sandbox's side: what is there is the last */, closed, deaf;
	bool sent_fin, got_fin, busy, gone;
	uint8_t *kept;           /* of what goes out: PIECE bytes of room */
	uint32_t kept_at, kept_len;
	struct pcap_tcp seen;
};

/* Allocated: every bailey would have it else, and few of them capture. */
extern uint8_t *relay_piece; /* PIECE */
extern uint64_t relay_moved; /* pieces */

/* net_relay.c.  The connection is over, for that reason, which the sandbox's end says; and by us. */
void relay_fails(struct relay *r, int err);
void relay_break_off(struct relay *r);

/* net_relay_flow.c.  A connect is over.  False: its end is not known yet, or it failed. */
bool relay_settle(struct relay *r);
/* As far as one side would wait.  False: there is more, and it was not its turn any more. */
bool relay_out(struct relay *r);
bool relay_in(struct relay *r);
#endif
