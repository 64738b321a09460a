/* SPDX-License-Identifier: MIT */
/* nt/ldr/inet.c - internet addresses as text (RFC 4291, RFC 5952) and as Windows' sockaddr. */
#include "nt/ldr/inet.h"
#include "rt/fmt.h"
#include "rt/mem.h"

static bool decimal(const char **s, uint32_t max, uint32_t *v)
{
	const char *at = *s;

	uint64_t n = 0;

	while (*at >= '0' && *at <= '9' && n <= max)
		n = n * 10 + (uint32_t)(*at++ - '0');
	if (at == *s || n > max)
		return false;
	*v = (uint32_t)n;
	*s = at;
	return true;
}

/* Of fewer than four numbers the last one is all the bytes that are left. */
static bool parse_v4(const char *s, uint8_t bytes[4])
{
	for (int i = 0; i < 4; i++) {
		uint32_t v;

		if (!decimal(&s, 0xfffffffe, &v))
			return false;
		if (*s == '.' && i < 3 && v < 256) {
			s++;
			bytes[i] = (uint8_t)v;
			continue;
		}
		if (*s != '\0' || (i > 0 && v >> (32 - 8 * i)))
			return false;
		for (int k = 3; k >= i; k--, v >>= 8)
			bytes[k] = (uint8_t)v;
		return true;
	}
	return false;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Groups up to the end, a '%', or "::", which gap tells the place of. */
static bool parse_groups(const char **at, uint8_t bytes[16], uint32_t *n, int *gap)
{
	const char *s = *at;

	while (*s != '\0' && *s != '%') {
		uint32_t v = 0, digits = 0;

		if (s[0] == ':' && s[1] == ':' && *gap < 0) {
			*gap = (int)*n;
			s += 2;
			continue;
		}
		if (*n > 0 && *gap != (int)*n && *s++ != ':')
			return false;
		if (*n <= 12 && strchr(s, '.') != NULL && strchr(s, ':') == NULL) {
			if (!parse_v4(s, bytes + *n))
				return false;
			*n += 4;
			s += strlen(s);
			continue;
		}
		for (; hex(*s) >= 0 && digits < 4; digits++)
			v = v << 4 | (uint32_t)hex(*s++);
		if (digits == 0 || *n >= 16)
			return false;
		bytes[(*n)++] = (uint8_t)(v >> 8);
		bytes[(*n)++] = (uint8_t)v;
	}
	*at = s;
	return true;
}

static bool parse_v6(const char *s, struct inet_addr *a)
{
	uint32_t n = 0;
	int gap = -1;

	if (!parse_groups(&s, a->bytes, &n, &gap) || (gap < 0) != (n == 16))
		return false;
	if (gap >= 0) {
		uint32_t tail = n - (uint32_t)gap;

		memmove(a->bytes + 16 - tail, a->bytes + gap, tail);
		memset(a->bytes + gap, 0, 16 - n);
	}
	if (*s == '%') {
		s++;
		return decimal(&s, 0x7fffffff, &a->scope) && *s == '\0';
	}
	return *s == '\0';
}

bool inet_parse(const char *text, struct inet_addr *a)
{
	memset(a, 0, sizeof *a);
	a->family = INET_V4;
	if (parse_v4(text, a->bytes))
		return true;
	memset(a, 0, sizeof *a);
	a->family = INET_V6;
	return strchr(text, ':') != NULL && parse_v6(text, a);
}

/* The longest run of two or more groups of 0. */
static void find_gap(const uint8_t b[16], int *from, int *count)
{
	*from = -1;
	*count = 1;
	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && b[(i + n) * 2] == 0 && b[(i + n) * 2 + 1] == 0)
			n++;
		if (n > *count) {
			*from = i;
			*count = n;
		}
	}
}

void inet_format(const struct inet_addr *a, char *to, size_t size)
{
	const uint8_t *b = a->bytes;
	int from, count, n = 0;

	if (a->family == INET_V4) {
		(void)fmt_snprintf(to, size, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
		return;
	}
	if (memcmp(b, "\0\0\0\0\0\0\0\0\0\0\377\377", 12) == 0) {
		(void)fmt_snprintf(to, size, "::ffff:%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
		return;
	}
	find_gap(b, &from, &count);
	for (int i = 0; i < 8; i++) {
		if (i == from) {
			n += fmt_snprintf(to + n, size - (size_t)n, i + count == 8 ? "::" : ":");
			i += count - 1;
		} else {
			n += fmt_snprintf(to + n, size - (size_t)n, "%s%x", i > 0 ? ":" : "", b[i * 2] << 8 | b[i * 2 + 1]);
		}
	}
	if (a->scope != 0)
		(void)fmt_snprintf(to + n, size - (size_t)n, "%%%u", a->scope);
}

uint32_t inet_sockaddr(void *to, const struct inet_addr *a, uint16_t port)
{
	uint8_t *sa = to;
	uint16_t family = (uint16_t)a->family;

	memset(sa, 0, 28);
	memcpy(sa, &family, 2);
	sa[2] = (uint8_t)(port >> 8);
	sa[3] = (uint8_t)port;
	if (a->family == INET_V4) {
		memcpy(sa + 4, a->bytes, 4);
		return 16;
	}
	memcpy(sa + 8, a->bytes, 16);
	memcpy(sa + 24, &a->scope, 4);
	return 28;
}

bool inet_of_sockaddr(const uint8_t *from, uint32_t size, struct inet_addr *a, uint16_t *port)
{
	uint16_t family;

	memset(a, 0, sizeof *a);
	memcpy(&family, from, 2);
	a->family = family;
	*port = (uint16_t)(from[2] << 8 | from[3]);
	if (family == INET_V4 && size >= 16) {
		memcpy(a->bytes, from + 4, 4);
		return true;
	}
	if (family != INET_V6 || size < 28)
		return false;
	memcpy(a->bytes, from + 8, 16);
	memcpy(&a->scope, from + 24, 4);
	return true;
}
