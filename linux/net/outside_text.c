/* SPDX-License-Identifier: MIT */
/* linux/net/outside_text.c - addresses as URIs and settings have them: RFC 4291's text. */
#include "linux/net/outside.h"
#include "rt/fmt.h"
#include "rt/mem.h"

/* Groups of IPv6, none left out. */
static int groups6(char *out, const struct inet_addr *a) /* room for 40 bytes */
{
	int n = 0;

	for (uint32_t i = 0; i < 16; i += 2)
		n += fmt_snprintf(out + n, 40 - (size_t)n, i == 0 ? "%x" : ":%x", (unsigned)(a->b[i] << 8 | a->b[i + 1]));
	return n;
}

void inet_text_addr(char out[INET_TEXT_MAX], const struct inet_addr *a)
{
	if (inet_is4(a))
		(void)fmt_snprintf(out, INET_TEXT_MAX, "%u.%u.%u.%u", a->b[12], a->b[13], a->b[14], a->b[15]);
	else
		(void)groups6(out, a);
}

void inet_text_out(char out[INET_TEXT_MAX], const struct inet_addr *a, uint32_t scope, uint16_t port)
{
	int n = 0;

	if (inet_is4(a)) {
		(void)fmt_snprintf(out, INET_TEXT_MAX, "%u.%u.%u.%u:%u", a->b[12], a->b[13], a->b[14], a->b[15], port);
		return;
	}
	out[n++] = '[';
	n += groups6(out + n, a);
	if (scope != 0)
		n += fmt_snprintf(out + n, INET_TEXT_MAX - (size_t)n, "%%%u", scope);
	(void)fmt_snprintf(out + n, INET_TEXT_MAX - (size_t)n, "]:%u", port);
}

static bool parse4(const char *at, const char *end, uint8_t b[4])
{
	for (int i = 0; i < 4; i++) {
		const char *start = at;
		unsigned n = 0;

		for (; at < end && *at >= '0' && *at <= '9' && at - start < 3; at++)
			n = n * 10 + (unsigned)(*at - '0');
		if (at == start || n > 255 || (i < 3 && (at == end || *at++ != '.')))
			return false;
		b[i] = (uint8_t)n;
	}
	return at == end;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One group of up to four digits. */
static const char *group6(const char *at, const char *end, uint8_t *b)
{
	const char *start = at;
	unsigned n = 0;

	for (; at < end && hex(*at) >= 0; at++)
		n = n << 4 | (unsigned)hex(*at);
	if (at == start || at - start > 4)
		return NULL;
	b[0] = (uint8_t)(n >> 8);
	b[1] = (uint8_t)n;
	return at;
}

static bool parse6(const char *at, const char *end, uint8_t b[16])
{
	int n = 0, gap = -1;

	memset(b, 0, 16);
	if (end - at >= 2 && at[0] == ':' && at[1] == ':') {
		gap = 0;
		at += 2;
	}
	while (at < end) {
		const char *next;

		if (n <= 12 && parse4(at, end, b + n)) {
			n += 4;
			break;
		}
		next = n < 16 ? group6(at, end, b + n) : NULL;
		if (next == NULL)
			return false;
		n += 2;
		at = next;
		if (at == end)
			break;
		if (*at++ != ':' || at == end)
			return false;
		if (*at == ':') {
			if (gap >= 0)
				return false;
			gap = n;
			at++;
		}
	}
	if (gap < 0)
		return n == 16;
	if (n >= 16)
		return false;
	memmove(b + 16 - (n - gap), b + gap, (size_t)(n - gap));
	memset(b + gap, 0, (size_t)(16 - n));
	return true;
}

bool inet_text_in(const char *text, size_t size, struct inet_addr *a)
{
	const char *end = text + size;

	if (size >= 2 && *text == '[' && end[-1] == ']') {
		text++;
		end--;
	}
	memset(a->b, 0, 10);
	a->b[10] = a->b[11] = 0xff;
	return parse4(text, end, a->b + 12) || parse6(text, end, a->b);
}
