/* SPDX-License-Identifier: MIT */
/*
 * linux/net/dns_msg.h - messages of the domain name system, as a name server reads and writes them: RFC 1035, 3596, 6891.
 *
 * Pure: no locks, no memory of its own; so tests and the fuzzer run it outside.
 */
#ifndef LINUX_NET_DNS_MSG_H
#define LINUX_NET_DNS_MSG_H

#include "rt/base.h"

#define DNS_HEADER     12u
#define DNS_WIRE_MAX   255u /* a name as messages have it */
#define DNS_TEXT_MAX   254u /* a name as text, with its NUL, without the last dot */
#define DNS_UDP_LEAST  512u /* what every asker takes */
#define DNS_UDP_MOST   1232u /* what we send at most by UDP, and say that we take */
#define DNS_TCP_MOST   4096u
#define DNS_DATA_MAX   2048u /* of all records of an answer */

enum { DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_PTR = 12, DNS_AAAA = 28, DNS_OPT = 41, DNS_META = 128 /* and above, to 255: no records */ };
enum { DNS_NOERROR, DNS_FORMERR, DNS_SERVFAIL, DNS_NXDOMAIN, DNS_NOTIMP, DNS_REFUSED, DNS_BADVERS = 16 };

struct dns_query {
	uint16_t id;
	uint16_t flags;         /* as asked; RD and CD are repeated in the answer */
	uint16_t type, class;
	uint32_t room;          /* bytes the asker takes by UDP */
	bool edns;              /* it had an OPT record, and gets one */
	uint32_t question_len;  /* name, type and class as they came: the asker may compare them byte by byte */
	uint8_t question[DNS_WIRE_MAX + 4];
	char name[DNS_TEXT_MAX]; /* small letters; "" = the root, or one that has other characters than host names have */
};

/* What is known of a name and type. */
struct dns_answer {
	uint16_t rcode;
	uint16_t type;          /* of all records */
	uint32_t ttl;           /* seconds */
	uint32_t count, size;   /* records; bytes of data: for each a length of two bytes and so many bytes as the message has them */
	uint8_t data[DNS_DATA_MAX];
};

/*
 * Reads a message.  DNS_NOERROR: *q is a question of class IN.  Else the code to answer with (*q says to whom), or -1: it is no
 * question at all and gets no answer.
 */
int dns_parse(const void *message, size_t size, struct dns_query *q);
/* Writes the answer; at most room bytes, which are at least DNS_UDP_LEAST: what does not fit makes it a truncated one without records.
   How many. */
uint32_t dns_build(const struct dns_query *q, const struct dns_answer *a, void *out, uint32_t room);
/* An answer without records. */
void dns_begin(struct dns_answer *a, uint16_t type, uint16_t rcode, uint32_t ttl);
/* One more record; false: there are too many. */
bool dns_add(struct dns_answer *a, const void *data, uint32_t size);
bool dns_add_name(struct dns_answer *a, const char *name); /* false for one that is none, too */
/* The address that "4.3.2.1.in-addr.arpa" and the like under ip6.arpa ask for, IPv4 as ::ffff:a.b.c.d.  False: it is no such name. */
bool dns_reverse(const char *name, uint8_t addr[16]);
/* What needs no asking: localhost, and the names of its addresses (RFC 6761).  False: ask. */
bool dns_local(const struct dns_query *q, struct dns_answer *a);

#endif
