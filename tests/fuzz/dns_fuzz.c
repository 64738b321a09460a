/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/dns_fuzz.c - libFuzzer: what a guest sends to its name server (linux/net/dns_msg.c).  Every question that is read gets an
 * answer, which must be no larger than it may and be read again as one.
 */
#include <stdlib.h>
#include <string.h>

#include "linux/net/dns_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dns_query q, again;
	static struct dns_answer a;
	uint8_t *exact = malloc(size), *out = malloc(DNS_TCP_MOST);
	uint8_t addr[16];
	uint32_t n;
	int code;

	memcpy(exact, data, size);
	code = dns_parse(exact, size, &q);
	if (code >= 0) {
		dns_begin(&a, q.type, (uint16_t)code, 60);
		if (code == DNS_NOERROR && !dns_local(&q, &a)) {
			if (dns_reverse(q.name, addr))
				(void)dns_add(&a, addr, 16);
			for (size_t i = 0; i < size % 40; i++)
				(void)dns_add(&a, exact, (uint32_t)(exact[i % size] % (size + 1)));
			(void)dns_add_name(&a, q.name);
		}
		n = dns_build(&q, &a, out, DNS_UDP_LEAST);
		if (n > DNS_UDP_LEAST || n > q.room)
			abort();
		n = dns_build(&q, &a, out, DNS_TCP_MOST);
		if (n > DNS_TCP_MOST)
			abort();
		out[2] &= 0x7f;
		if (dns_parse(out, n, &again) < 0 || (q.question_len != 0 && (again.id != q.id || again.question_len != q.question_len)))
			abort();
	}
	free(exact);
	free(out);
	return 0;
}
