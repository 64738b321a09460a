/* SPDX-License-Identifier: MIT */
/* linux/net/dns_msg.c - reading questions and writing answers of the domain name system. */
#include "linux/net/dns_msg.h"

#include "rt/mem.h"

#define FLAG_QR 0x8000u
#define FLAG_TC 0x0200u
#define FLAG_RD 0x0100u
#define FLAG_RA 0x0080u
#define FLAG_CD 0x0010u
#define OPCODE(flags) ((flags) >> 11 & 15)
#define CLASS_IN  1u
#define LABEL_MAX 63u
#define OPT_SIZE  11u /* of an OPT record without options */
#define LOCAL_TTL 86400u

/* ---- Reading ---- */

struct in {
	const uint8_t *at, *end;
};

static bool get16(struct in *in, uint16_t *n)
{
	if (in->end - in->at < 2)
		return false;
	*n = (uint16_t)(in->at[0] << 8 | in->at[1]);
	in->at += 2;
	return true;
}

static bool skip(struct in *in, uint32_t n)
{
	if ((size_t)(in->end - in->at) < n)
		return false;
	in->at += n;
	return true;
}

/* Over a name, which may end in a pointer. */
static bool skip_name(struct in *in)
{
	while (in->at < in->end) {
		uint8_t n = *in->at++;

		if (n == 0)
			return true;
		if (n > LABEL_MAX)
			return (n & 0xc0) == 0xc0 && skip(in, 1);
		if (!skip(in, n))
			return false;
	}
	return false;
}

static char host_char(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + 32);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ? (char)c : '\0';
}

/* The question's name, without pointers.  *plain: it has host names' characters only, and is in text then. */
static bool question_name(struct in *in, char text[DNS_TEXT_MAX], bool *plain)
{
	const uint8_t *start = in->at;
	uint32_t used = 0;

	*plain = true;
	while (in->at < in->end && *in->at != 0) {
		uint8_t n = *in->at++;

		if (n > LABEL_MAX || in->end - in->at <= n || in->at + n + 1 - start > (ptrdiff_t)DNS_WIRE_MAX)
			return false;
		if (used != 0)
			text[used++] = '.';
		for (; n > 0; n--) {
			text[used] = host_char(*in->at++);
			*plain = *plain && text[used++] != '\0';
		}
	}
	text[*plain ? used : 0] = '\0';
	return skip(in, 1);
}

/* An OPT record among so many others.  A code; DNS_NOERROR. */
static int find_opt(struct in *in, uint32_t count, struct dns_query *q)
{
	for (uint32_t i = 0; i < count; i++) {
		uint16_t type, class, ttl_high, ttl_low, size;

		if (!skip_name(in) || !get16(in, &type) || !get16(in, &class) || !get16(in, &ttl_high) || !get16(in, &ttl_low) || !get16(in, &size) ||
			!skip(in, size))
			return DNS_FORMERR;
		if (type != DNS_OPT)
			continue;
		if (q->edns)
			return DNS_FORMERR;
		q->edns = true;
		q->room = MAX((uint32_t)class, DNS_UDP_LEAST);
		if ((ttl_high & 0xff) != 0) /* a later version of EDNS */
			return DNS_BADVERS;
	}
	return DNS_NOERROR;
}

int dns_parse(const void *message, size_t size, struct dns_query *q)
{
	const uint8_t *start = message;
	struct in in = { start, start + size };
	uint16_t questions, others[3];
	const uint8_t *question;
	bool plain;
	int code;

	memset(q, 0, sizeof *q);
	q->room = DNS_UDP_LEAST;
	if (!get16(&in, &q->id) || !get16(&in, &q->flags) || !get16(&in, &questions) || !get16(&in, &others[0]) || !get16(&in, &others[1]) ||
		!get16(&in, &others[2]) || (q->flags & FLAG_QR))
		return -1;
	if (OPCODE(q->flags) != 0)
		return DNS_NOTIMP;
	question = in.at;
	if (questions != 1 || !question_name(&in, q->name, &plain) || !get16(&in, &q->type) || !get16(&in, &q->class))
		return DNS_FORMERR;
	q->question_len = (uint32_t)(in.at - question);
	memcpy(q->question, question, q->question_len);
	code = find_opt(&in, (uint32_t)others[0] + others[1] + others[2], q);
	if (code != DNS_NOERROR)
		return code;
	if (q->class != CLASS_IN || q->type == 0 || q->type == DNS_OPT || (q->type >= DNS_META && q->type <= 255))
		return DNS_NOTIMP;
	return plain ? DNS_NOERROR : DNS_REFUSED;
}

/* ---- Answers ---- */

void dns_begin(struct dns_answer *a, uint16_t type, uint16_t rcode, uint32_t ttl)
{
	a->type = type;
	a->rcode = rcode;
	a->ttl = ttl;
	a->count = a->size = 0;
}

bool dns_add(struct dns_answer *a, const void *data, uint32_t size)
{
	if (size > 65535 || a->size + size + 2 > sizeof a->data)
		return false;
	a->data[a->size++] = (uint8_t)(size >> 8);
	a->data[a->size++] = (uint8_t)size;
	memcpy(a->data + a->size, data, size);
	a->size += size;
	a->count++;
	return true;
}

bool dns_add_name(struct dns_answer *a, const char *name)
{
	uint8_t wire[DNS_WIRE_MAX];
	uint32_t used = 0;

	while (*name != '\0') {
		uint32_t n = 0;

		while (name[n] != '\0' && name[n] != '.')
			n++;
		if (n == 0 || n > LABEL_MAX || used + n + 2 > sizeof wire)
			return false;
		wire[used++] = (uint8_t)n;
		memcpy(wire + used, name, n);
		used += n;
		name += n + (name[n] == '.' ? 1 : 0);
	}
	wire[used++] = 0;
	return dns_add(a, wire, used);
}

struct out {
	uint8_t *at;
};

static void put16(struct out *o, uint32_t n)
{
	*o->at++ = (uint8_t)(n >> 8);
	*o->at++ = (uint8_t)n;
}

static void put_records(struct out *o, const struct dns_answer *a)
{
	for (uint32_t i = 0, n; i < a->size; i += n + 2) {
		n = (uint32_t)(a->data[i] << 8 | a->data[i + 1]);
		put16(o, 0xc000 | DNS_HEADER); /* the question's name */
		put16(o, a->type);
		put16(o, CLASS_IN);
		put16(o, a->ttl >> 16);
		put16(o, a->ttl);
		put16(o, n);
		memcpy(o->at, a->data + i + 2, n);
		o->at += n;
	}
}

static void put_opt(struct out *o, uint16_t rcode)
{
	*o->at++ = 0; /* the root's name */
	put16(o, DNS_OPT);
	put16(o, DNS_UDP_MOST);
	put16(o, (uint32_t)rcode >> 4 << 8);
	put16(o, 0);
	put16(o, 0);
}

uint32_t dns_build(const struct dns_query *q, const struct dns_answer *a, void *out, uint32_t room)
{
	struct out o = { out };
	uint32_t opt = q->edns ? OPT_SIZE : 0;
	bool fits = DNS_HEADER + q->question_len + opt + a->size + 10 * a->count <= room;

	put16(&o, q->id);
	put16(&o, FLAG_QR | FLAG_RA | (q->flags & (FLAG_RD | FLAG_CD | 0x7800u)) | (fits ? 0 : FLAG_TC) | (a->rcode & 15u));
	put16(&o, q->question_len != 0);
	put16(&o, fits ? a->count : 0);
	put16(&o, 0);
	put16(&o, q->edns);
	memcpy(o.at, q->question, q->question_len);
	o.at += q->question_len;
	if (fits)
		put_records(&o, a);
	if (q->edns)
		put_opt(&o, a->rcode);
	return (uint32_t)(o.at - (uint8_t *)out);
}

/* ---- Names that say what they are ---- */

/* Does name end in that, behind its first labels?  Where the end begins, or -1. */
static int ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0 ? (int)(n - m) : -1;
}

static bool reverse4(const char *name, int end, uint8_t addr[16])
{
	int at = 0;

	memset(addr, 0, 10);
	addr[10] = addr[11] = 0xff;
	for (int i = 3; i >= 0; i--) {
		int start = at;
		unsigned n = 0;

		for (; at < end && name[at] >= '0' && name[at] <= '9' && at - start < 3; at++)
			n = n * 10 + (unsigned)(name[at] - '0');
		if (at == start || n > 255 || (i > 0 && (at >= end || name[at++] != '.')))
			return false;
		addr[12 + i] = (uint8_t)n;
	}
	return at == end;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool reverse6(const char *name, int end, uint8_t addr[16])
{
	if (end != 63)
		return false;
	for (int i = 0; i < 16; i++) {
		const char *c = name + (15 - i) * 4;

		if (nibble(c[0]) < 0 || c[1] != '.' || nibble(c[2]) < 0 || (i > 0 && c[3] != '.'))
			return false;
		addr[i] = (uint8_t)(nibble(c[2]) << 4 | nibble(c[0]));
	}
	return true;
}

bool dns_reverse(const char *name, uint8_t addr[16])
{
	int end = ends_in(name, ".in-addr.arpa");

	if (end >= 0)
		return reverse4(name, end, addr);
	end = ends_in(name, ".ip6.arpa");
	return end >= 0 && reverse6(name, end, addr);
}

bool dns_local(const struct dns_query *q, struct dns_answer *a)
{
	static const uint8_t lo4[4] = { 127, 0, 0, 1 }, lo6[16] = { [15] = 1 }, mapped[12] = { [10] = 0xff, [11] = 0xff };
	uint8_t addr[16];

	dns_begin(a, q->type, DNS_NOERROR, LOCAL_TTL);
	if (strcmp(q->name, "localhost") == 0 || ends_in(q->name, ".localhost") >= 0) {
		if (q->type == DNS_A)
			return dns_add(a, lo4, sizeof lo4);
		return q->type == DNS_AAAA ? dns_add(a, lo6, sizeof lo6) : true;
	}
	if (q->type != DNS_PTR || !dns_reverse(q->name, addr))
		return false;
	if (memcmp(addr, lo6, 16) != 0 && (memcmp(addr, mapped, 12) != 0 || addr[12] != 127))
		return false;
	return dns_add_name(a, "localhost");
}
