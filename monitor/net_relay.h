/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_relay.h - what the monitor and the relay (net_relay.c) say to each other: one message each.
 */
#ifndef MONITOR_NET_RELAY_H
#define MONITOR_NET_RELAY_H

#include "monitor/net.h"

enum relay_what {
	RELAY_CONNECTION, /* three descriptors: the socket, the relay's end of a pair, the sandbox's */
	RELAY_SHUT_WRITE, /* what the sandbox wrote so far is the last; */
	RELAY_CLOSE,      /* it reads no more, either, and the number means nothing from now on; arg 1: it is broken off */
	RELAY_DATAGRAM,   /* one came or went: data is what is in it */
	RELAY_EXCHANGE,   /* a connection for one question, of arg bytes, and its answer, which are the data */
};
struct relay_order {
	uint64_t id;
	uint32_t what, arg; /* CONNECTION: 1 = it was accepted, else a connect is under way */
	uint32_t plug;      /* CONNECTION: bytes in the pair that are nobody's (net_broker.c) */
	uint32_t pad;
	struct dk_inet from, to; /* CONNECTION, EXCHANGE: from is our side */
};
#define RELAY_DATA_MAX (65536u + 512u)

struct relay_said {
	uint64_t id; /* RELAY_FILE: err is why the capture ends; else why the connection ended */
	int32_t err;
	uint32_t pad;
};
#define RELAY_FILE UINT64_MAX

struct relay_args {
	int control, file;
	pid_t parent;
};
void net_relay_main(const struct relay_args *a) __attribute__((noreturn));
#define RELAY_CONTROL_FD 10
#define RELAY_FILE_FD    11 /* the only descriptor that its filter lets it write to as to a file */
#define RELAY_EPOLL_FD   12

/* ---- net_broker.c ---- */
extern int net_relay_fd; /* -1 = nothing is relayed; in the helper too, which tells of its questions */
extern bool net_brokered; /* every stream passes through the relay, or through the monitor if it is of datagrams */
/* s's socket is relayed from now on: its fd is to be what the sandbox gets, made by net_broker_pair. */
bool net_broker(struct stream *s, bool accepted, const struct dk_inet *from, const struct dk_inet *to, int end, uint32_t plug);
/* A pair of which pair[0] is the sandbox's.  plug not NULL: what is written to pair[0] until it takes no more, so that it seems busy. */
bool net_broker_pair(int pair[2], uint32_t *plug);
void net_broker_tell(const struct stream *s, enum relay_what what, uint32_t arg);
void net_note_datagram(const struct dk_inet *from, const struct dk_inet *to, const void *data, size_t len);
void net_note_exchange(const struct dk_inet *from, const struct dk_inet *to, const void *ask, size_t ask_len, const void *answer, size_t len);
void net_broker_end(void); /* the relay has no orders to come */
#endif
