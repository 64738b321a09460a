/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/text.c - texts that grow as they are made, for /proc and /sys; see textfs.h.
 *
 * Private memory of whoever makes one, so there is no lock.  Once memory is short the text stays as it is
 * and says so (failed); what is added then is lost, and the makers need not look.
 */
#include "linux/fs/textfs.h"

static bool text_grow(struct text *x, size_t need)
{
	size_t cap = MAX(MAX(x->cap * 2, need), 1024ul);
	char *buf = x->failed ? NULL : heap_realloc(x->buf, cap);

	if (!buf) {
		x->failed = true;
		return false;
	}
	x->buf = buf;
	x->cap = cap;
	return true;
}

void text_put(struct text *x, const void *p, size_t n)
{
	if (x->len + n + 1 > x->cap && !text_grow(x, x->len + n + 1))
		return;
	memcpy(x->buf + x->len, p, n);
	x->len += n;
}

void text_add(struct text *x, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = fmt_vsnprintf(x->buf ? x->buf + x->len : NULL, x->buf ? x->cap - x->len : 0, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	if (x->len + (size_t)n + 1 > x->cap) {
		if (!text_grow(x, x->len + (size_t)n + 1))
			return;
		va_start(ap, format);
		(void)fmt_vsnprintf(x->buf + x->len, x->cap - x->len, format, ap);
		va_end(ap);
	}
	x->len += (size_t)n;
}

void text_free(struct text *x)
{
	heap_free(x->buf);
	*x = (struct text){ 0 };
}

bool name_number(const char *name, uint32_t len, uint64_t *n)
{
	*n = 0;
	if (len == 0 || len > 10 || (len > 1 && name[0] == '0'))
		return false;
	for (uint32_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		*n = *n * 10 + (uint64_t)(name[i] - '0');
	}
	return true;
}
