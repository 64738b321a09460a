/* SPDX-License-Identifier: MIT */
/* tests/unit/dns_test.c - questions and answers of the domain name system; answers are read back by the C library's resolver. */
#include <arpa/nameser.h>
#include <resolv.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#undef MIN /* sys/param.h's, which came with these */
#undef MAX
#include "linux/net/dns_msg.h"
#include "tests/unit/t.h"

static struct dns_query q;
static struct dns_answer a;
static uint8_t message[4096];

/* A question as the C library makes it, with an OPT record on demand. */
static int ask(const char *name, int type, int opt_room)
{
	int n = res_mkquery(ns_o_query, name, ns_c_in, type, NULL, 0, NULL, message, sizeof message);
	const uint8_t opt[] = { 0, 0, 41, (uint8_t)(opt_room >> 8), (uint8_t)opt_room, 0, 0, 0, 0, 0, 0 };

	if (n > 0 && opt_room != 0) {
		memcpy(message + n, opt, sizeof opt);
		n += (int)sizeof opt;
		message[11] = 1;
	}
	return n;
}

static void questions(void)
{
	int n = ask("WWW.Example.org", ns_t_a, 0);

	T_CASE("a question");
	T_OK(n > 0);
	T_EQ(dns_parse(message, (size_t)n, &q), DNS_NOERROR);
	T_STR(q.name, "www.example.org");
	T_OK(q.type == DNS_A && !q.edns && q.room == DNS_UDP_LEAST && q.question_len == 17 + 4);
	T_EQ(memcmp(q.question, "\3WWW\7Example\3org", 17), 0); /* as it was asked */
	for (int i = 0; i < n; i++)
		T_OK(dns_parse(message, (size_t)i, &q) == (i < 12 ? -1 : DNS_FORMERR));

	T_CASE("with EDNS");
	n = ask("a.b", ns_t_aaaa, 1400);
	T_EQ(dns_parse(message, (size_t)n, &q), DNS_NOERROR);
	T_OK(q.type == DNS_AAAA && q.edns && q.room == 1400);
	message[n - 5] = 1; /* the version */
	T_EQ(dns_parse(message, (size_t)n, &q), DNS_BADVERS);

	T_CASE("what is no question of ours");
	n = ask("x.y", ns_t_any, 0);
	T_EQ(dns_parse(message, (size_t)n, &q), DNS_NOTIMP);
	n = ask("x.y", ns_t_a, 0);
	message[n - 1] = 3; /* CHAOS */
	T_EQ(dns_parse(message, (size_t)n, &q), DNS_NOTIMP);
	n = ask("x.y", ns_t_a, 0);
	message[2] |= 0x80; /* an answer */
	T_EQ(dns_parse(message, (size_t)n, &q), -1);
	n = ask("x.y", ns_t_a, 0);
	message[13] = '/';
	T_EQ(dns_parse(message, (size_t)n, &q), DNS_REFUSED);
	T_STR(q.name, "");
	message[12] = 0xc0; /* a pointer to itself */
	message[13] = 12;
	T_EQ(dns_parse(message, (size_t)n, &q), DNS_FORMERR);
}

static void answers(void)
{
	static const uint8_t four[4] = { 192, 0, 2, 7 };
	char name[NS_MAXDNAME];
	uint8_t out[DNS_TCP_MOST];
	uint32_t size;
	ns_msg m;
	ns_rr rr;
	int n = ask("host.example", ns_t_a, 0);

	T_CASE("an answer, as the C library reads it");
	T_EQ(dns_parse(message, (size_t)n, &q), DNS_NOERROR);
	dns_begin(&a, DNS_A, DNS_NOERROR, 300);
	T_OK(dns_add(&a, four, 4) && dns_add(&a, four, 4));
	size = dns_build(&q, &a, out, DNS_UDP_LEAST);
	T_EQ(ns_initparse(out, (int)size, &m), 0);
	T_OK(ns_msg_id(m) == q.id && ns_msg_getflag(m, ns_f_qr) && ns_msg_getflag(m, ns_f_rd) && ns_msg_getflag(m, ns_f_ra));
	T_OK(ns_msg_count(m, ns_s_qd) == 1 && ns_msg_count(m, ns_s_an) == 2 && ns_msg_getflag(m, ns_f_rcode) == ns_r_noerror);
	T_EQ(ns_parserr(&m, ns_s_an, 1, &rr), 0);
	T_STR(ns_rr_name(rr), "host.example");
	T_OK(ns_rr_ttl(rr) == 300 && ns_rr_rdlen(rr) == 4 && memcmp(ns_rr_rdata(rr), four, 4) == 0);

	T_CASE("names as answers");
	n = ask("7.2.0.192.in-addr.arpa", ns_t_ptr, 1232);
	T_EQ(dns_parse(message, (size_t)n, &q), DNS_NOERROR);
	dns_begin(&a, DNS_PTR, DNS_NOERROR, 5);
	T_OK(dns_add_name(&a, "host.example") && !dns_add_name(&a, "a..b") && a.count == 1);
	size = dns_build(&q, &a, out, DNS_UDP_LEAST);
	T_EQ(ns_initparse(out, (int)size, &m), 0);
	T_EQ(ns_msg_count(m, ns_s_ar), 1);
	T_EQ(ns_parserr(&m, ns_s_an, 0, &rr), 0);
	T_OK(ns_name_uncompress(out, out + size, ns_rr_rdata(rr), name, sizeof name) > 0);
	T_STR(name, "host.example");

	T_CASE("too many for the room, and for anything");
	dns_begin(&a, DNS_A, DNS_NOERROR, 5);
	for (n = 0; n < 100; n++)
		T_OK(dns_add(&a, four, 4));
	size = dns_build(&q, &a, out, DNS_UDP_LEAST);
	T_EQ(ns_initparse(out, (int)size, &m), 0);
	T_OK(ns_msg_getflag(m, ns_f_tc) && ns_msg_count(m, ns_s_an) == 0);
	size = dns_build(&q, &a, out, DNS_TCP_MOST);
	T_EQ(ns_initparse(out, (int)size, &m), 0);
	T_OK(!ns_msg_getflag(m, ns_f_tc) && ns_msg_count(m, ns_s_an) == 100);
	while (dns_add(&a, four, 4))
		n++;
	T_EQ(n, DNS_DATA_MAX / 6);

	T_CASE("an answer to what was no proper question");
	T_EQ(dns_parse("\1\2\1\0\0\2\0\0\0\0\0\0", 12, &q), DNS_FORMERR);
	dns_begin(&a, 0, DNS_FORMERR, 0);
	size = dns_build(&q, &a, out, DNS_UDP_LEAST);
	T_EQ(size, 12);
	T_OK(out[0] == 1 && out[1] == 2 && (out[3] & 15) == DNS_FORMERR);
}

static void reverse(void)
{
	uint8_t addr[16];

	T_CASE("addresses in names");
	T_OK(dns_reverse("4.3.2.1.in-addr.arpa", addr) && memcmp(addr, "\0\0\0\0\0\0\0\0\0\0\377\377\1\2\3\4", 16) == 0);
	T_OK(!dns_reverse("3.2.1.in-addr.arpa", addr) && !dns_reverse("5.4.3.2.1.in-addr.arpa", addr) && !dns_reverse("256.3.2.1.in-addr.arpa", addr));
	T_OK(!dns_reverse("a.3.2.1.in-addr.arpa", addr) && !dns_reverse(".in-addr.arpa", addr) && !dns_reverse("x", addr));
	T_OK(dns_reverse("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", addr));
	T_EQ(memcmp(addr, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16), 0);
	T_OK(!dns_reverse("1.0.0.0.ip6.arpa", addr));
	T_OK(!dns_reverse("g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", addr));
}

static void local(void)
{
	T_CASE("localhost");
	(void)dns_parse(message, (size_t)ask("a.LOCALHOST", ns_t_a, 0), &q);
	T_OK(dns_local(&q, &a) && a.count == 1 && memcmp(a.data, "\0\4\177\0\0\1", 6) == 0);
	(void)dns_parse(message, (size_t)ask("localhost", ns_t_aaaa, 0), &q);
	T_OK(dns_local(&q, &a) && a.count == 1 && a.data[1] == 16 && a.data[17] == 1);
	(void)dns_parse(message, (size_t)ask("9.9.9.127.in-addr.arpa", ns_t_ptr, 0), &q);
	T_OK(dns_local(&q, &a) && a.count == 1 && memcmp(a.data, "\0\13\11localhost", 13) == 0);
	(void)dns_parse(message, (size_t)ask("notlocalhost", ns_t_a, 0), &q);
	T_OK(!dns_local(&q, &a));
}

int main(void)
{
	questions();
	answers();
	reverse();
	local();
	return T_DONE();
}
