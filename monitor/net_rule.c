/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_rule.c - the one place that says yes to an address or a name.
 *
 * A rule is TARGET[:PORT[-PORT]][/tcp|/udp].  TARGET is an address or ADDRESS/BITS, a host's name, *.NAME (all names
 * below it), * (all addresses), localhost (the host's loopback addresses), or dns (names may be looked up, nothing
 * else).  No rule, no connection: deny is what happens when nothing says yes.
 *
 * What only the host itself or its own wire answers (loopback, link-local and with it the cloud's metadata address,
 * multicast) is reached by a rule whose addresses are all of that kind: "*" and 0.0.0.0/0 do not mean it, nor does
 * a name, whoever answers for it.
 *
 * A name's rule holds for the addresses that the sandbox was told when it looked the name up, for as long as the answer
 * is good and an hour more, since programs remember addresses longer than they should.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "monitor/monitor.h"
#include "monitor/net.h"

#define RULES_MAX   256u
#define LEARNED_MAX 4096u
#define LEARNED_NS  3600000000000ull

enum rule_kind { RULE_PREFIX, RULE_NAME, RULE_BELOW, RULE_ALL, RULE_LOCALHOST, RULE_DNS };
struct rule {
	const char *text;    /* as it was given, for the log */
	enum rule_kind kind;
	uint8_t protos;      /* NET_TCP | NET_UDP */
	uint16_t low, high;
	unsigned bits;
	struct dk_inet net;
	char name[NET_NAME_MAX + 1];
};
static struct rule *rules;
static unsigned rule_count;
enum net_mode net_mode;

struct learned {
	struct dk_inet addr;
	uint16_t rule;
	uint64_t until_ns;
};
static struct learned *learned;
static unsigned learned_count, learned_next;

/* ---- reading a rule ---- */

bool net_name_ok(const char *name)
{
	size_t part = 0, len = strlen(name);

	if (len == 0 || len > NET_NAME_MAX)
		return false;
	for (const char *p = name; *p; p++) {
		if (*p == '.') {
			if (part == 0)
				return false;
			part = 0;
			continue;
		}
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *p) || ++part > 63)
			return false;
	}
	return true; /* a dot at the end is good */
}

static bool take_bits(const char **at, struct rule *r)
{
	uint32_t n;

	if (**at != '/' || (*at)[1] < '0' || (*at)[1] > '9')
		return true;
	++*at;
	if (!net_take_number(at, r->net.family == 4 ? 32 : 128, &n))
		return false;
	r->bits = r->net.family == 4 ? n + 96 : n;
	return true;
}

/* Inside the brackets too: [fd00::/8]. */
static const char *take_prefix(const char **at, struct rule *r)
{
	char text[NET_TEXT_MAX];
	const char *close = **at == '[' ? strchr(*at, ']') : NULL, *slash = **at == '[' ? strchr(*at, '/') : NULL, *p = text;
	uint32_t n;

	r->kind = RULE_PREFIX;
	r->bits = 128;
	if (close && slash && slash < close) {
		size_t len = (size_t)(slash - *at);

		if (len + 2 > sizeof text)
			return "it has no address";
		memcpy(text, *at, len);
		strcpy(text + len, "]");
		slash++;
		if (!net_take_addr(&p, &r->net) || !net_take_number(&slash, 128, &n) || slash != close)
			return "its address is none";
		r->bits = n;
		*at = close + 1;
		return r->bits < 96 || r->net.family == 6 ? NULL : "write it as an IPv4 address";
	}
	if (!net_take_addr(at, &r->net))
		return "its address is none: write 1.2.3.4, 1.2.3.0/24 or [IPV6]";
	return take_bits(at, r) ? NULL : "its prefix is too long";
}

static const char *take_name(const char **at, struct rule *r)
{
	size_t len = strcspn(*at, ":/");
	const char *p = *at;

	*at += len;
	r->kind = RULE_NAME;
	if (len == 1 && *p == '*') {
		r->kind = RULE_ALL;
		return NULL;
	}
	if (len == 3 && !strncmp(p, "dns", 3)) {
		r->kind = RULE_DNS;
		return NULL;
	}
	if (len == 9 && !strncmp(p, "localhost", 9)) {
		r->kind = RULE_LOCALHOST;
		return NULL;
	}
	if (len > 2 && p[0] == '*' && p[1] == '.') {
		r->kind = RULE_BELOW;
		p += 2;
		len -= 2;
	}
	if (len == 0 || len > NET_NAME_MAX)
		return "its name is none";
	memcpy(r->name, p, len);
	r->name[len] = 0;
	if (r->name[len - 1] == '.')
		r->name[len - 1] = 0;
	return net_name_ok(r->name) ? NULL : "its name is none";
}

static bool looks_like_address(const char *p)
{
	size_t n = strspn(p, "0123456789.");

	return *p == '[' || (n > 0 && (p[n] == 0 || p[n] == '/' || p[n] == ':'));
}

static const char *take_ports(const char **at, struct rule *r)
{
	uint32_t low, high;

	r->low = 0;
	r->high = 65535;
	if (**at != ':')
		return NULL;
	++*at;
	if (**at == '*') {
		++*at;
		return NULL;
	}
	if (!net_take_number(at, 65535, &low))
		return "its port is none";
	high = low;
	if (**at == '-' && (++*at, !net_take_number(at, 65535, &high)))
		return "its last port is none";
	if (high < low || low == 0)
		return "its ports are none";
	r->low = (uint16_t)low;
	r->high = (uint16_t)high;
	return NULL;
}

static const char *parse(const char *p, struct rule *r)
{
	const char *wrong = looks_like_address(p) ? take_prefix(&p, r) : take_name(&p, r);

	if (!wrong)
		wrong = take_ports(&p, r);
	if (wrong)
		return wrong;
	r->protos = NET_TCP | NET_UDP;
	if (!strcmp(p, "/tcp"))
		r->protos = NET_TCP;
	else if (!strcmp(p, "/udp"))
		r->protos = NET_UDP;
	else if (*p)
		return "behind its target only :PORT, :PORT-PORT, /tcp and /udp may follow";
	return NULL;
}

const char *net_rule_add(const char *rule, size_t len)
{
	struct rule r = { 0 };
	char *text = strndup(rule, len);
	const char *wrong;

	if (!rules)
		rules = calloc(RULES_MAX, sizeof *rules);
	if (!text || !rules)
		wrong = "there is no memory for it";
	else if (rule_count == RULES_MAX)
		wrong = "there are too many";
	else
		wrong = parse(text, &r);
	if (wrong) {
		free(text);
		return wrong;
	}
	r.text = text;
	rules[rule_count++] = r;
	return NULL;
}

void net_rules_log(void)
{
	if (net_mode == NET_HOST)
		log_line(DK_LOG_INFO, "net: all that this host reaches, its own services too");
	for (unsigned i = 0; i < rule_count; i++)
		log_line(DK_LOG_INFO, "net: %s is allowed", rules[i].text);
}

/* ---- judging ---- */

static const struct dk_inet loopback4 = { .addr = { [10] = 0xff, 0xff, 127 } }, loopback6 = { .addr = { [15] = 1 } };

static bool is_loopback(const struct dk_inet *a)
{
	return net_in_prefix(a, &loopback4, 96 + 8) || net_same_addr(a, &loopback6);
}

static bool is_learned(const struct dk_inet *a, unsigned rule)
{
	uint64_t now = now_ns();

	for (unsigned i = 0; i < learned_count; i++)
		if (learned[i].rule == rule && learned[i].until_ns > now && net_same_addr(&learned[i].addr, a))
			return true;
	return false;
}

static bool rule_holds(unsigned i, const struct dk_inet *a, bool special)
{
	const struct rule *r = &rules[i];

	switch (r->kind) {
	case RULE_PREFIX:
		return net_is_v4(a) == (r->net.family == 4) && net_in_prefix(a, &r->net, r->bits) && (!special || net_all_special(&r->net, r->bits));
	case RULE_LOCALHOST: return is_loopback(a);
	case RULE_ALL: return !special;
	case RULE_NAME:
	case RULE_BELOW: return !special && is_learned(a, i);
	case RULE_DNS: break;
	}
	return false;
}

bool net_may_reach(const struct dk_inet *a, enum net_proto proto)
{
	bool special = net_is_special(a);

	if (net_mode != NET_RULES)
		return net_mode == NET_HOST;
	for (unsigned i = 0; i < rule_count; i++)
		if ((rules[i].protos & proto) && a->port >= rules[i].low && a->port <= rules[i].high && rule_holds(i, a, special))
			return true;
	return false;
}

/* name without the dot that it may have at its end. */
static bool names(const struct rule *r, const char *name, size_t len)
{
	size_t n = strlen(r->name);

	if (r->kind == RULE_NAME)
		return n == len && !strncasecmp(name, r->name, n);
	return r->kind == RULE_BELOW && len > n + 1 && name[len - n - 1] == '.' && !strncasecmp(name + len - n, r->name, n);
}

static size_t name_len(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && name[len - 1] == '.' ? len - 1 : len;
}

bool net_rules_have_names(void)
{
	for (unsigned i = 0; i < rule_count; i++)
		if (rules[i].kind == RULE_NAME || rules[i].kind == RULE_BELOW)
			return true;
	return false;
}

bool net_rules_have_loopback(void)
{
	for (unsigned i = 0; i < rule_count; i++)
		if (rules[i].kind == RULE_LOCALHOST || (rules[i].kind == RULE_PREFIX && is_loopback(&rules[i].net)))
			return true;
	return false;
}

bool net_may_look_up_all(void)
{
	for (unsigned i = 0; i < rule_count; i++)
		if (rules[i].kind == RULE_DNS || rules[i].kind == RULE_ALL)
			return net_mode == NET_RULES;
	return net_mode == NET_HOST;
}

bool net_may_look_up(const char *name)
{
	if (net_may_look_up_all())
		return true;
	for (unsigned i = 0; net_mode == NET_RULES && i < rule_count; i++)
		if (names(&rules[i], name, name_len(name)))
			return true;
	return false;
}

/* Where it is, or what was learned longest ago; NULL: no memory. */
static struct learned *place_of(const struct dk_inet *a, unsigned rule)
{
	struct learned *all = learned ? learned : calloc(LEARNED_MAX, sizeof *learned);

	learned = all;
	for (unsigned i = 0; all && i < learned_count; i++)
		if (all[i].rule == rule && net_same_addr(&all[i].addr, a))
			return &all[i];
	if (all && learned_count < LEARNED_MAX)
		learned_count++;
	return all ? &all[learned_next++ % LEARNED_MAX] : NULL;
}

static void learn(const struct dk_inet *a, unsigned rule, uint64_t until)
{
	struct learned *l = place_of(a, rule);

	if (l)
		*l = (struct learned){ .addr = *a, .rule = (uint16_t)rule, .until_ns = until };
}

void net_learn(const char *name, const struct dk_inet *a, uint32_t ttl)
{
	uint64_t until = now_ns() + LEARNED_NS + ttl * 1000000000ull;

	for (unsigned i = 0; i < rule_count; i++)
		if (names(&rules[i], name, name_len(name)))
			learn(a, i, until);
}

/* ---- -p ---- */

static const char *publish_host(const char **at, struct net_publish *out)
{
	const char *p = *at;
	size_t digits = strspn(p, "0123456789");
	uint32_t port;

	out->host = (struct dk_inet){ 0 };
	if (*p == '[' || p[digits] == '.') {
		if (!net_take_addr(&p, &out->host))
			return "its address is none: write 1.2.3.4 or [IPV6]";
		if (*p++ != ':')
			return "behind the address the port of the host must follow";
	}
	if (!net_take_number(&p, 65535, &port))
		return "it is no [ADDR:]HOSTPORT:PORT[/tcp|/udp]";
	out->host.port = (uint16_t)port;
	*at = p;
	return NULL;
}

const char *net_publish_parse(const char *text, struct net_publish *out)
{
	const char *wrong = publish_host(&text, out);
	uint32_t port;

	if (wrong)
		return wrong;
	if (*text++ != ':' || !net_take_number(&text, 65535, &port) || port == 0)
		return "it is no [ADDR:]HOSTPORT:PORT[/tcp|/udp]";
	out->guest = (uint16_t)port;
	out->proto = !strcmp(text, "/udp") ? NET_UDP : NET_TCP;
	if (*text && strcmp(text, "/udp") != 0 && strcmp(text, "/tcp") != 0)
		return "behind its ports only /tcp and /udp may follow";
	return NULL;
}
