/* SPDX-License-Identifier: MIT */
/*
 * rt/fmt.c - formatted text.
 *
 * One conversion is parsed into struct spec and then put out with its padding; an
 * output that does not fit is counted and dropped, so that the result tells how
 * much room was needed.  A conversion we do not know is copied as it stands.
 */
#include "rt/fmt.h"
#include "rt/mem.h"

struct out {
	char *buf;
	size_t size, len; /* len counts what did not fit, too */
};

struct spec {
	bool left, zero, plus, space, alt;
	int width, precision; /* precision -1 = none given */
	int size;             /* bytes of the argument: 1 2 4 8 */
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_times(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_text(struct out *o, const struct spec *s, const char *text, size_t len)
{
	int pad = s->width - (int)len;

	if (!s->left)
		put_times(o, ' ', pad);
	for (size_t i = 0; i < len; i++)
		put(o, text[i]);
	if (s->left)
		put_times(o, ' ', pad);
}

static void put_number(struct out *o, const struct spec *s, uint64_t v, unsigned base, const char *digits, const char *sign)
{
	char text[24];
	int n = 0, zeros, pad;
	bool zero = v == 0;

	for (; v; v /= base)
		text[n++] = digits[v % base];
	if (n == 0 && s->precision != 0)
		text[n++] = '0';
	if (s->alt && base == 8 && !(n > 0 && text[n - 1] == '0'))
		text[n++] = '0';
	if (s->alt && base == 16 && !zero)
		sign = digits[10] == 'a' ? "0x" : "0X";
	zeros = s->precision - n;
	if (zeros < 0)
		zeros = 0;
	pad = s->width - n - zeros - (int)strlen(sign);
	if (s->zero && !s->left && s->precision < 0 && pad > 0) {
		zeros = pad;
		pad = 0;
	}
	if (!s->left)
		put_times(o, ' ', pad);
	while (*sign)
		put(o, *sign++);
	put_times(o, '0', zeros);
	while (n > 0)
		put(o, text[--n]);
	if (s->left)
		put_times(o, ' ', pad);
}

static int parse_int(const char **p)
{
	int v = 0;

	while (**p >= '0' && **p <= '9' && v < 100000)
		v = v * 10 + *(*p)++ - '0';
	return v;
}

static void parse_flags(const char **p, struct spec *s)
{
	for (;; (*p)++) {
		if (**p == '-')
			s->left = true;
		else if (**p == '0')
			s->zero = true;
		else if (**p == '+')
			s->plus = true;
		else if (**p == ' ')
			s->space = true;
		else if (**p == '#')
			s->alt = true;
		else
			return;
	}
}

static int parse_size(const char **p)
{
	int size = 4;

	for (;; (*p)++) {
		if (**p == 'l' || **p == 'z' || **p == 'j' || **p == 't')
			size = 8;
		else if (**p == 'h')
			size = size == 4 ? 2 : 1;
		else
			return size;
	}
}

static uint64_t to_size(uint64_t v, int size)
{
	return size == 8 ? v : v & ((1ull << size * 8) - 1);
}

static void put_signed(struct out *o, const struct spec *s, int64_t v)
{
	const char *sign = v < 0 ? "-" : s->plus ? "+" : s->space ? " " : "";

	put_number(o, s, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, "0123456789", sign);
}

static int64_t sign_extend(uint64_t v, int size)
{
	int shift = 64 - size * 8;

	return (int64_t)(v << shift) >> shift;
}

/* Width and precision; va is the caller's list, which moves on. */
static void parse_widths(const char **p, struct spec *s, va_list *va)
{
	if (**p == '*') {
		s->width = va_arg(*va, int);
		if (s->width < 0) {
			s->left = true;
			s->width = -s->width;
		}
		(*p)++;
	} else {
		s->width = parse_int(p);
	}
	if (**p != '.')
		return;
	(*p)++;
	if (**p == '*') {
		s->precision = va_arg(*va, int);
		(*p)++;
	} else {
		s->precision = parse_int(p);
	}
}

static void put_integer(struct out *o, const struct spec *s, char c, uint64_t v)
{
	static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";

	if (c == 'd' || c == 'i')
		put_signed(o, s, sign_extend(v, s->size));
	else
		put_number(o, s, to_size(v, s->size), c == 'o' ? 8 : c == 'u' ? 10 : 16, c == 'X' ? upper : lower, "");
}

/* The conversion c of the next argument; false: there is no such one. */
static bool convert(struct out *o, struct spec *s, char c, va_list *va)
{
	const char *text;
	char one;

	switch (c) {
	case 'd': case 'i': case 'u': case 'x': case 'X': case 'o':
		put_integer(o, s, c, s->size == 8 ? va_arg(*va, uint64_t) : va_arg(*va, unsigned));
		return true;
	case 'p':
		s->alt = true;
		s->size = 8;
		put_integer(o, s, 'x', (uintptr_t)va_arg(*va, void *));
		return true;
	case 'c':
		one = (char)va_arg(*va, int);
		put_text(o, s, &one, 1);
		return true;
	case 's':
		text = va_arg(*va, const char *);
		if (!text)
			text = "(null)";
		put_text(o, s, text, strnlen(text, s->precision < 0 ? SIZE_MAX : (size_t)s->precision));
		return true;
	case '%':
		put(o, '%');
		return true;
	default:
		return false;
	}
}

int fmt_vsnprintf(char *buf, size_t size, const char *format, va_list ap)
{
	struct out o = { buf, size, 0 };
	va_list va;

	va_copy(va, ap);
	for (const char *p = format; *p; p++) {
		struct spec s = { .precision = -1 };
		const char *start = p;

		if (*p != '%') {
			put(&o, *p);
			continue;
		}
		p++;
		parse_flags(&p, &s);
		parse_widths(&p, &s, &va);
		s.size = parse_size(&p);
		if (convert(&o, &s, *p, &va))
			continue;
		for (; start <= p && *start; start++)
			put(&o, *start);
		if (!*p)
			p--;
	}
	va_end(va);
	if (size > 0)
		buf[MIN(o.len, size - 1)] = 0;
	return (int)o.len;
}

int fmt_snprintf(char *buf, size_t size, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = fmt_vsnprintf(buf, size, format, ap);
	va_end(ap);
	return n;
}
