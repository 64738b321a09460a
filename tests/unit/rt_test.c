/* SPDX-License-Identifier: MIT */
/* tests/unit/rt_test.c - rt's bytes, strings and formatted text against the C library's. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rt/fmt.h"
#include "tests/unit/t.h"

/* Under RT_HOSTED the functions that C has, too, carry another name. */
void *rt_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *rt_memmove(void *dst, const void *src, size_t n);
void *rt_memset(void *dst, int c, size_t n);
int rt_memcmp(const void *a, const void *b, size_t n);
void *rt_memchr(const void *p, int c, size_t n);
size_t rt_strlen(const char *s);
size_t rt_strnlen(const char *s, size_t max);
int rt_strcmp(const char *a, const char *b);
int rt_strncmp(const char *a, const char *b, size_t n);
char *rt_strchr(const char *s, int c);
char *rt_strrchr(const char *s, int c);
size_t str_copy(char *dst, const char *src, size_t size);
bool str_starts(const char *s, const char *prefix);
bool str_u64(const char *s, int base, uint64_t *out);

static unsigned char a[700], b[700];

static void fill(void)
{
	for (unsigned i = 0; i < sizeof a; i++)
		a[i] = b[i] = (unsigned char)(i * 7 + 3);
}

static void copies(void)
{
	int wrong = 0;

	for (size_t n = 0; n < 300; n++) {
		for (int from = 0; from < 20; from++) {
			for (int to = 0; to < 20; to++) {
				fill();
				rt_memmove(a + to, a + from, n);
				memmove(b + to, b + from, n);
				wrong += memcmp(a, b, sizeof a) != 0;
			}
		}
		fill();
		rt_memcpy(a + 350, a + 1, n);
		memcpy(b + 350, b + 1, n);
		rt_memset(a + 3, (int)n, n);
		memset(b + 3, (int)n, n);
		wrong += memcmp(a, b, sizeof a) != 0;
	}
	T_EQ(wrong, 0);
}

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

static void compares(void)
{
	static const char *const words[] = { "", "a", "ab", "abc", "abd", "abcdefgh", "abcdefghi", "\377", "abcdefgz" };
	int wrong = 0;

	for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
		for (unsigned k = 0; k < sizeof words / sizeof words[0]; k++) {
			size_t n = MIN(strlen(words[i]), strlen(words[k]));

			wrong += sign(rt_strcmp(words[i], words[k])) != sign(strcmp(words[i], words[k]));
			wrong += sign(rt_strncmp(words[i], words[k], 3)) != sign(strncmp(words[i], words[k], 3));
			wrong += sign(rt_memcmp(words[i], words[k], n)) != sign(memcmp(words[i], words[k], n));
		}
		wrong += rt_strlen(words[i]) != strlen(words[i]) || rt_strnlen(words[i], 2) != strnlen(words[i], 2);
		for (int c = 0; c < 128; c += c ? 1 : 'a') {
			wrong += rt_strchr(words[i], c) != strchr(words[i], c) || rt_strrchr(words[i], c) != strrchr(words[i], c);
			wrong += rt_memchr(words[i], c, strlen(words[i])) != memchr(words[i], c, strlen(words[i]));
		}
	}
	T_EQ(wrong, 0);
}

static void numbers(void)
{
	static const struct {
		const char *text;
		int base, ok;
		uint64_t value;
	} cases[] = {
		{ "", 10, 0, 0 }, { "x", 10, 0, 0 }, { "12 ", 10, 0, 0 }, { "-1", 10, 0, 0 }, { "18446744073709551616", 10, 0, 0 },
		{ "0x", 0, 0, 0 }, { "08", 0, 0, 0 }, { "0", 0, 1, 0 }, { "18446744073709551615", 10, 1, UINT64_MAX },
		{ "0xfF", 0, 1, 255 }, { "ff", 16, 1, 255 }, { "017", 0, 1, 15 }, { "017", 10, 1, 17 },
	};

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t v = 0;

		T_EQ(str_u64(cases[i].text, cases[i].base, &v), cases[i].ok);
		T_EQ(v, cases[i].value);
	}
}

#define SAME(...)                                                                                    \
	do {                                                                                         \
		char x[64], y[64];                                                                   \
		int n = fmt_snprintf(x, sizeof x, __VA_ARGS__), m = snprintf(y, sizeof y, __VA_ARGS__); \
		T_STR(x, y);                                                                         \
		T_EQ(n, m);                                                                          \
	} while (0)

static void formats(void)
{
	char small[4];

	SAME("plain %% text");
	SAME("%d %i %u", -5, 7, 9u);
	SAME("%5d|%-5d|%05d|%+d|% d|%.3d", 42, 42, -42, 42, 42, 7);
	SAME("%x %X %#x %o %#o %#x", 255u, 255u, 255u, 8u, 8u, 0u);
	SAME("%lx %lu %ld %zu", ~0ul, ~0ul, -1l, (size_t)5);
	SAME("%hhx %hx %hhd", 0x1ff, 0x1ffff, 200);
	SAME("%s|%10s|%-10s|%.2s|%*s|%.*s", "abc", "abc", "abc", "abc", 6, "ab", 1, "xyz");
	SAME("%c%c|%3c|%-3c|", 'a', 'b', 'c', 'd');
	SAME("%*d|%-*d|%.0d|", -6, 5, 4, 3, 0);
	SAME("%p", (void *)0x1234);
	SAME("%lld %#lx %08lx %#010x", -9223372036854775807ll, 0xabcul, 0xabcul, 0xabcu);
	T_EQ(fmt_snprintf(small, sizeof small, "%s", "abcdef"), 6);
	T_STR(small, "abc");
	T_EQ(fmt_snprintf(NULL, 0, "%d", 123), 3);
}

int main(void)
{
	char buf[4];

	T_CASE("memcpy, memmove, memset as C's");
	copies();
	T_CASE("comparing and searching as C's");
	compares();
	T_CASE("numbers in text");
	numbers();
	T_CASE("formatted text as C's");
	formats();
	T_CASE("str_copy, str_starts");
	T_EQ(str_copy(buf, "abcdef", sizeof buf), 3);
	T_STR(buf, "abc");
	T_EQ(str_starts("abc", "ab"), 1);
	T_EQ(str_starts("ab", "abc"), 0);
	return T_DONE();
}
