/* SPDX-License-Identifier: MIT */
/* monitor/net_dns.h - asking name servers: what the helper's parts share. */
#ifndef MONITOR_NET_DNS_H
#define MONITOR_NET_DNS_H

#include "monitor/net.h"

enum { DNS_A = 1, DNS_CNAME = 5, DNS_PTR = 12, DNS_AAAA = 28 };
enum { DNS_NOERROR = 0, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_REFUSED = 5 };
#define DNS_QUESTION_MAX 300
#define DNS_NAME_TEXT    1100 /* of 255 bytes, each \ddd */

/* net_dnsmsg.c.  The question's bytes; 0: it is none. */
size_t dnsmsg_question(const struct net_ask *ask, uint16_t id, uint8_t out[DNS_QUESTION_MAX]);
enum dnsmsg_result { DNSMSG_OK, DNSMSG_NOT_OURS, DNSMSG_TRUNCATED, DNSMSG_BROKEN };
/* Lines as abi/net.h has them, into out. */
enum dnsmsg_result dnsmsg_answer(const uint8_t *data, size_t len, const uint8_t *question, size_t qlen, char *out, size_t room, size_t *out_len);

/* net_hosts.c: the host's /etc/hosts and resolv.conf. */
#define DNS_SERVERS 3u
extern struct dk_inet dns_servers[DNS_SERVERS];
extern unsigned dns_server_count;
void hosts_read(void);
/* An answer that needs no server: its bytes; 0: there is none. */
size_t hosts_answer(const struct net_ask *ask, char *out, size_t room);
#endif
