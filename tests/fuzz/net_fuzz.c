/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/net_fuzz.c - libFuzzer: texts of the network, from rules and -p (the user's) and URIs (a guest's) to
 * answers of name servers (anybody's).  What is understood must be said back as the same, and no rule may open what
 * only a rule for just that opens.
 *
 * The first byte says which: 0 a rule, 1 -p, 2 a URI, 3 an answer to a question, 4 a hosts file.
 */
#include <stdlib.h>

#include "monitor/net_hosts.c"
#include "monitor/net_rule.c"

static uint64_t clock_ns = 1;
uint64_t now_ns(void) { return clock_ns; }
void log_line(enum dk_log_level level, const char *format, ...) {}

static void must(bool good)
{
	if (!good)
		abort();
}

static void try_rule(const char *text)
{
	static const char *const special[] = { "127.0.0.1", "169.254.169.254", "[::1]", "[fe80::1]", "224.0.0.1", "[::]", "0.0.0.0", "[ff02::1]" };
	struct rule *r;

	for (unsigned i = 0; i < rule_count; i++)
		free((char *)rules[i].text);
	rule_count = 0;
	net_mode = NET_RULES;
	if (net_rule_add(text, strlen(text)))
		return;
	r = &rules[0];
	must(r->low <= r->high && r->bits <= 128 && r->protos);
	for (unsigned i = 0; i < ARRAY_LEN(special); i++) {
		const char *p = special[i];
		struct dk_inet a;

		must(net_take_addr(&p, &a));
		a.port = r->low;
		net_learn("a.b", &a, 1);
		if (net_may_reach(&a, NET_TCP))
			must(r->kind == RULE_LOCALHOST || (r->kind == RULE_PREFIX && r->bits >= 8 && net_in_prefix(&a, &r->net, r->bits)));
		net_mode = NET_NONE;
		must(!net_may_reach(&a, NET_TCP));
		net_mode = NET_RULES;
	}
	(void)net_may_look_up(text);
}

static void try_uri(const char *text)
{
	char again[NET_TEXT_MAX], uri[NET_TEXT_MAX + 20];
	struct net_ask ask, second;

	if (net_uri_parse(text, &ask) != DK_OK)
		return;
	must(ask.option_count <= NET_OPTIONS_MAX && ask.publish < (int)NET_PUBLISH_MAX && strlen(ask.name) <= NET_NAME_MAX);
	if (ask.kind == NET_DNS) {
		uint8_t question[DNS_QUESTION_MAX];

		must(dnsmsg_question(&ask, 1, question) <= sizeof question);
		return;
	}
	must(ask.addr.family == 4 ? net_is_v4(&ask.addr) : ask.addr.family == 6 && !net_is_v4(&ask.addr));
	if (ask.addr.port == 0)
		return;
	snprintf(uri, sizeof uri, "tcp.client:%s", net_text(&ask.addr, again));
	must(net_uri_parse(uri, &second) == DK_OK && !memcmp(&second.addr, &ask.addr, sizeof ask.addr));
}

/* The input is the message from its third byte on, to a question that it cannot know the number of. */
static void try_answer(const uint8_t *data, size_t size)
{
	struct net_ask ask = { .kind = NET_DNS, .type = DNS_A, .name = "a.b" };
	uint8_t question[DNS_QUESTION_MAX], message[4096];
	static char out[NET_ANSWER_MAX];
	size_t qlen = dnsmsg_question(&ask, 0x1234, question), len = 0;

	memcpy(message, question, qlen);
	if (size > 10 && size + 10 < sizeof message - qlen) {
		memcpy(message + 2, data, 10); /* flags and counts */
		message[2] |= 0x80;
		message[4] = 0, message[5] = 1;
		memcpy(message + qlen, data + 10, size - 10);
		if (dnsmsg_answer(message, qlen + size - 10, question, qlen, out, sizeof out, &len) == DNSMSG_OK)
			must(len > 6 && len <= sizeof out && !memcmp(out, "rcode ", 6) && out[len - 1] == '\n' && !memchr(out, 0, len));
	}
	(void)dnsmsg_answer(data, size, question, qlen, out, sizeof out, &len);
}

static void try_hosts(const char *text)
{
	struct net_ask ask = { .kind = NET_DNS, .type = DNS_A, .name = "a.b." };
	char out[200];

	hosts = (char *)text;
	must(hosts_answer(&ask, out, sizeof out) < sizeof out);
	dns_server_count = 0;
	take_server(text, text + strcspn(text, "\n"));
	hosts = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_publish p;
	char *text;

	if (size == 0)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	switch (data[0] % 5) {
	case 0: try_rule(text); break;
	case 1: must(net_publish_parse(text, &p) || (p.guest && (p.proto == NET_TCP || p.proto == NET_UDP))); break;
	case 2: try_uri(text); break;
	case 3: try_answer(data + 1, size - 1); break;
	case 4: try_hosts(text); break;
	}
	free(text);
	return 0;
}
