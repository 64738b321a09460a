/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_dnsmsg.c - DNS messages: a question out (RFC 1035 section 4), an answer in, as the lines of abi/net.h.
 *
 * What comes in is anybody's bytes: each read is bounded by the message, each name by its length and by
 * pointers that lead backwards only.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "monitor/net.h"
#include "monitor/net_dns.h"

#define HEADER 12u

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* ---- out ---- */

/* a.b.c in labels; false: it is no name. */
static bool put_name(const char *name, uint8_t *out, size_t room, size_t *len)
{
	size_t at = 0;

	while (*name) {
		size_t n = strcspn(name, ".");

		if (n == 0 || n > 63 || at + n + 2 > room)
			return false;
		out[at++] = (uint8_t)n;
		memcpy(out + at, name, n);
		at += n;
		name += n + (name[n] == '.');
	}
	if (at + 1 > room || at + 1 > 255)
		return false;
	out[at++] = 0;
	*len = at;
	return true;
}

/* d.c.b.a.in-addr.arpa, or nibbles.ip6.arpa. */
static void reverse_name(const struct dk_inet *a, char *out, size_t room)
{
	const uint8_t *b = a->addr + 12;
	size_t n = 0;

	if (net_is_v4(a)) {
		snprintf(out, room, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]);
		return;
	}
	for (unsigned i = 32; i-- > 0;)
		n += (size_t)snprintf(out + n, room - n, "%x.", a->addr[i / 2] >> (i % 2 ? 0 : 4) & 15);
	snprintf(out + n, room - n, "ip6.arpa");
}

size_t dnsmsg_question(const struct net_ask *ask, uint16_t id, uint8_t out[DNS_QUESTION_MAX])
{
	char reverse[80] = "";
	size_t len;

	if (ask->type == DNS_PTR)
		reverse_name(&ask->addr, reverse, sizeof reverse);
	memset(out, 0, HEADER);
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
	out[2] = 1; /* recursion desired */
	out[5] = 1; /* one question */
	if (!put_name(ask->type == DNS_PTR ? reverse : ask->name, out + HEADER, DNS_QUESTION_MAX - HEADER - 4, &len))
		return 0;
	len += HEADER;
	out[len++] = (uint8_t)(ask->type >> 8);
	out[len++] = (uint8_t)ask->type;
	out[len++] = 0;
	out[len++] = 1; /* IN */
	return len;
}

/* ---- in ---- */

struct message {
	const uint8_t *data;
	size_t len;
};

/* The labels of the name at `at`, each with its length before, without pointers: up to 255 bytes.  0 = broken; *end: behind it. */
static size_t take_name(const struct message *m, size_t at, uint8_t out[256], size_t *end)
{
	size_t n = 0, limit = m->len, start = at;
	bool jumped = false;

	for (;;) {
		unsigned c;

		if (at >= limit)
			return 0;
		c = m->data[at];
		if ((c & 0xc0) == 0xc0) {
			if (at + 2 > limit)
				return 0;
			if (!jumped)
				*end = at + 2;
			jumped = true;
			at = get16(m->data + at) & 0x3fff;
			if (at >= start)
				return 0; /* backwards only, and so it ends */
			start = at;
			continue;
		}
		if (c & 0xc0 || at + 1 + c > limit || n + 1 + c > 255)
			return 0;
		memcpy(out + n, m->data + at, 1 + c);
		n += 1 + c;
		at += 1 + c;
		if (c == 0)
			break;
	}
	if (!jumped)
		*end = at;
	return n;
}

/* As text: anything but what names usually have is \ddd. */
static void name_text(const uint8_t *labels, char out[DNS_NAME_TEXT])
{
	size_t n = 0;

	for (; *labels; labels += 1 + *labels) {
		if (n)
			out[n++] = '.';
		for (unsigned i = 1; i <= *labels; i++) {
			unsigned c = labels[i];

			if (c > 0x20 && c < 0x7f && c != '.' && c != '\\')
				out[n++] = (char)c;
			else
				n += (size_t)snprintf(out + n, DNS_NAME_TEXT - n, "\\%03u", c);
		}
	}
	if (n == 0)
		out[n++] = '.';
	out[n] = 0;
}

struct record {
	unsigned type, class;
	uint32_t ttl;
	size_t at, len; /* its data */
};

static bool take_record(const struct message *m, size_t *at, struct record *r)
{
	uint8_t name[256];
	const uint8_t *p;
	size_t end;

	if (!take_name(m, *at, name, &end) || end + 10 > m->len)
		return false;
	p = m->data + end;
	r->type = get16(p);
	r->class = get16(p + 2);
	r->ttl = get32(p + 4);
	if (r->ttl > INT32_MAX)
		r->ttl = 0;
	r->len = get16(p + 8);
	r->at = end + 10;
	*at = r->at + r->len;
	return *at <= m->len;
}

struct text {
	char *at;
	size_t len, room;
};

static void add(struct text *t, const char *s)
{
	size_t n = strlen(s);

	if (t->len + n < t->room) {
		memcpy(t->at + t->len, s, n);
		t->len += n;
	}
}

static void add_hex(struct text *t, const uint8_t *p, size_t n)
{
	char digits[3];

	for (size_t i = 0; i < n; i++) {
		snprintf(digits, sizeof digits, "%02x", p[i]);
		add(t, digits);
	}
}

/* Data with names in it: before the first name come `fixed` bytes, then `names` of them, then the rest. */
static bool add_data(struct text *t, const struct message *m, const struct record *r, size_t fixed, unsigned names)
{
	size_t at = r->at + fixed, end = r->at + r->len;
	uint8_t name[256];

	if (fixed > r->len)
		return false;
	add_hex(t, m->data + r->at, fixed);
	while (names-- > 0) {
		size_t n = take_name(m, at, name, &at);

		if (n == 0 || at > end)
			return false;
		add_hex(t, name, n);
	}
	add_hex(t, m->data + at, end - at);
	return true;
}

static bool add_name(struct text *t, const struct message *m, const struct record *r)
{
	char text[DNS_NAME_TEXT];
	uint8_t name[256];
	size_t end;

	if (!take_name(m, r->at, name, &end))
		return false;
	name_text(name, text);
	add(t, text);
	return true;
}

static bool add_record(struct text *t, const struct message *m, const struct record *r)
{
	static const struct {
		unsigned type, fixed, names;
	} with_names[] = { { 2, 0, 1 }, { 6, 0, 2 }, { 15, 2, 1 }, { 33, 6, 1 } };
	char head[40], text[INET6_ADDRSTRLEN] = "";
	bool ok = true;
	unsigned i;

	snprintf(head, sizeof head, "%u %u ", r->type, r->ttl);
	switch (r->type) {
	case DNS_A:
	case DNS_AAAA:
		if (r->len != (r->type == DNS_A ? 4u : 16u))
			return false;
		inet_ntop(r->type == DNS_A ? AF_INET : AF_INET6, m->data + r->at, text, sizeof text);
		snprintf(head, sizeof head, "%s %u ", r->type == DNS_A ? "a" : "aaaa", r->ttl);
		add(t, head);
		add(t, text);
		break;
	case DNS_CNAME:
	case DNS_PTR:
		snprintf(head, sizeof head, "%s %u ", r->type == DNS_PTR ? "ptr" : "cname", r->ttl);
		add(t, head);
		ok = add_name(t, m, r);
		break;
	default:
		add(t, head);
		for (i = 0; i < sizeof with_names / sizeof with_names[0] && with_names[i].type != r->type;)
			i++;
		ok = i < sizeof with_names / sizeof with_names[0] ? add_data(t, m, r, with_names[i].fixed, with_names[i].names) : add_data(t, m, r, r->len, 0);
		break;
	}
	add(t, "\n");
	return ok;
}

/* What there is not may be remembered for as long as the zone's SOA, in the authority part, says (RFC 2308). */
static uint32_t negative_ttl(const struct message *m, size_t at, unsigned count)
{
	struct record r;

	while (count-- > 0 && take_record(m, &at, &r)) {
		uint32_t least;

		if (r.type != 6 || r.len < 20)
			continue;
		least = get32(m->data + r.at + r.len - 4);
		return least < r.ttl ? least : r.ttl;
	}
	return 0;
}

static bool same_name(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned x = a[i], y = b[i];

		if (x >= 'A' && x <= 'Z')
			x |= 32;
		if (y >= 'A' && y <= 'Z')
			y |= 32;
		if (x != y)
			return false;
	}
	return true;
}

/* Is this the answer to that question?  Names differ in case at most. */
static bool is_answer(const struct message *m, const uint8_t *question, size_t qlen)
{
	if (m->len < qlen || qlen < HEADER || memcmp(m->data, question, 2) != 0 || !(m->data[2] & 0x80) || get16(m->data + 4) != 1)
		return false;
	return same_name(m->data + HEADER, question + HEADER, qlen - HEADER);
}

enum dnsmsg_result dnsmsg_answer(const uint8_t *data, size_t len, const uint8_t *question, size_t qlen, char *out, size_t room, size_t *out_len)
{
	struct message m = { data, len };
	static char lines[NET_ANSWER_MAX];
	struct text body = { lines, 0, sizeof lines }, all = { out, 0, room };
	unsigned rcode, answers, count = 0;
	size_t at = qlen;
	struct record r;
	char head[48];

	if (!is_answer(&m, question, qlen))
		return DNSMSG_NOT_OURS;
	if (data[2] & 2)
		return DNSMSG_TRUNCATED;
	rcode = data[3] & 15;
	answers = get16(data + 6);
	for (unsigned i = 0; i < answers; i++) {
		if (!take_record(&m, &at, &r))
			return DNSMSG_BROKEN;
		if (r.class != 1)
			continue;
		if (!add_record(&body, &m, &r))
			return DNSMSG_BROKEN;
		count++;
	}
	snprintf(head, sizeof head, "rcode %u %u\n", count ? r.ttl : negative_ttl(&m, at, get16(data + 8)), rcode);
	add(&all, head);
	if (all.len + body.len > room)
		return DNSMSG_BROKEN;
	memcpy(out + all.len, lines, body.len);
	*out_len = all.len + body.len;
	return DNSMSG_OK;
}
