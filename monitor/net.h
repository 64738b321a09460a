/* SPDX-License-Identifier: MIT */
/*
 * monitor/net.h - the network outside: what the parts of it know of each other.
 *
 * net_addr.c, net_rule.c, net_uri.c	texts to structs, and what the rules say; nothing but memory
 * net.c				the loop thread's: streams, and who waits for the helper
 * net_attr.c				what is asked of and set on a socket
 * net_count.c				how much passed
 * net_helper.c				the process that makes sockets, with a filter of its own; net_dns.c asks name servers there
 * net_broker.c, net_relay.c, net_relay_flow.c, net_pcap.c	streams that are relayed, by another process, and written to a file (net_relay.h, net_pcap.h)
 *
 * Only net_rule.c judges, in the monitor.  The helper does what it is told; it is believed as much as the launcher is.
 */
#ifndef MONITOR_NET_H
#define MONITOR_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/net.h"

struct stream;

#define NET_NAME_MAX 253 /* of a host's name */
#define NET_PUBLISH_MAX 64u
#define NET_OPTIONS_MAX 16u

enum net_proto { NET_TCP = 1, NET_UDP = 2 };

/* ---- net_addr.c ---- */
/* 1.2.3.4 or [IPV6] or [IPV6%N] from *at on, which is moved behind it.  family: 4 or 6. */
bool net_take_addr(const char **at, struct dk_inet *out);
bool net_take_number(const char **at, uint32_t max, uint32_t *out); /* decimal digits */
/* ADDR:PORT. */
bool net_take_endpoint(const char **at, struct dk_inet *out);
bool net_is_v4(const struct dk_inet *a); /* by its address, also one of an IPv6 socket */
bool net_is_any(const struct dk_inet *a);
/* 0.0.0.0 and :: as a destination are the host itself. */
void net_any_to_loopback(struct dk_inet *a);
/* Reached only by a rule that means nothing else: loopback, link-local, multicast, clouds' metadata. */
bool net_is_special(const struct dk_inet *a);
bool net_all_special(const struct dk_inet *net, unsigned bits); /* all that the prefix holds */
bool net_same_addr(const struct dk_inet *a, const struct dk_inet *b);
bool net_in_prefix(const struct dk_inet *a, const struct dk_inet *net, unsigned bits); /* bits of 128 */
#define NET_TEXT_MAX 80
/* ADDR:PORT, or without a port if it is 0; out has NET_TEXT_MAX bytes and is given back. */
const char *net_text(const struct dk_inet *a, char *out);
socklen_t net_to_sockaddr(const struct dk_inet *a, struct sockaddr_storage *out);
void net_from_sockaddr(const struct sockaddr_storage *sa, struct dk_inet *out);

/* ---- net_rule.c ---- */
enum net_mode { NET_NONE, NET_RULES, NET_HOST };
/* RULE of --net allow:; NULL, or what is wrong with it. */
const char *net_rule_add(const char *rule, size_t len);
void net_rules_log(void);
bool net_rules_have_loopback(void); /* the host's loopback is among what rules allow */
bool net_rules_have_names(void);
bool net_may_reach(const struct dk_inet *a, enum net_proto proto);
bool net_may_look_up(const char *name);
bool net_may_look_up_all(void);
void net_learn(const char *name, const struct dk_inet *a, uint32_t ttl); /* an answer of dns: */
bool net_name_ok(const char *name); /* of a host: letters, digits, - _ and dots, its parts of 1..63 */

/* One -p: [ADDR:]HOSTPORT:GUESTPORT[/tcp|/udp].  NULL, or what is wrong with it. */
struct net_publish {
	struct dk_inet host; /* family 0: all addresses of both families */
	uint16_t guest;
	uint8_t proto;       /* enum net_proto */
};
const char *net_publish_parse(const char *text, struct net_publish *out);

/* ---- net_uri.c ---- */
enum net_kind { NET_CLIENT, NET_SERVER, NET_BOUND, NET_DNS };
struct net_option {
	uint8_t option; /* enum dk_socket_option */
	int32_t value;
};
struct net_ask {
	uint8_t kind;            /* enum net_kind */
	uint8_t proto;           /* enum net_proto */
	bool reuseport, v6only, listen;
	uint8_t option_count;
	uint16_t type;           /* of DNS */
	int32_t publish;         /* -1 = none */
	uint32_t backlog;
	struct dk_inet addr, bind; /* bind.family 0: none */
	struct net_option options[NET_OPTIONS_MAX];
	char name[NET_NAME_MAX + 1];
};
/* uri: tcp.client: tcp.server: udp: udp.client: dns:, as abi/net.h says. */
enum dk_status net_uri_parse(const char *uri, struct net_ask *out);
bool net_uri_is(const char *uri);

/* ---- what the monitor and its helper say to each other: one message each ---- */
enum net_what { NET_DO_OPEN, NET_DO_LISTEN /* the descriptor that comes along */, NET_DO_DNS, NET_DO_RESET /* the same; no answer */ };
struct net_order {
	uint64_t id;
	uint32_t what;
	struct net_ask ask;
};
struct net_answer {
	uint64_t id;     /* NET_READY: what was published is bound; the descriptors come one a message, then this */
	int32_t err;     /* errno; of what is published: with text */
	uint32_t index;  /* of what is published */
	uint32_t len;    /* bytes behind it */
	struct dk_inet name; /* the new socket's own */
};
#define NET_READY UINT64_MAX
#define NET_ANSWER_MAX 16384 /* bytes behind it */

struct net_helper_args {
	int control;
	pid_t parent;
	bool low_ports; /* it may go on binding ports below 1024 */
};
void net_helper_main(const struct net_helper_args *a) __attribute__((noreturn));

/* ---- net_order.c ---- */
struct job;
extern int net_helper_fd; /* -1 = there is none */
ssize_t net_hear(struct net_answer *a, char *data, int *fd, int flags); /* its size; 0 at the end, -1 = none yet; data has NET_ANSWER_MAX bytes */
/* j waits for the socket, or fd (borrowed) to listen. */
enum dk_status net_let_wait(struct job *j, const struct net_ask *ask, int fd);
void net_order_dns(const struct net_ask *ask, int fd);
bool net_order_reset(int fd);

/* ---- net.c ---- */
extern int net_published_fd[NET_PUBLISH_MAX];
extern struct net_counts {
	uint64_t connections, accepted, in, out, names, refused; /* in, out: datagrams that passed through here */
	struct dk_net_counts passed; /* of connections that are closed, and of datagrams that passed through here */
} net_counts;
void net_opened(struct job *j, const struct net_ask *ask, const struct dk_inet *name, int fd); /* the answer to an open; fd is taken */
void net_count_closed(const struct stream *s);
void net_count(struct dk_net_counts *out); /* open connections, too */
void net_say_refused(const struct net_ask *ask);

/* Of datagrams: names as a capture has them.  peer.family 0: there is no fixed one. */
struct net_ends {
	struct dk_inet own, peer;
};
extern struct dk_inet net_own[2]; /* an address of the host that what goes out comes from, of IPv4 and of IPv6; family 0: none */

/* ---- net_dns.c: in the helper ---- */
void dns_init(void); /* reads the host's resolv.conf and hosts */
struct pollfd;
void dns_ask(uint64_t id, const struct net_ask *ask);
unsigned dns_poll(struct pollfd *fds, unsigned max, int *timeout_ms);
void dns_events(const struct pollfd *fds, unsigned n);
void helper_answer(uint64_t id, const char *text, size_t len);

extern struct net_publish net_published[NET_PUBLISH_MAX];
extern unsigned net_publish_count;
extern enum net_mode net_mode;
#endif
