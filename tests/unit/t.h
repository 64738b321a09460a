/* SPDX-License-Identifier: MIT */
/* tests/unit/t.h - a small TAP harness: one T_CASE a line, checks inside, T_DONE at the end. */
#ifndef TESTS_UNIT_T_H
#define TESTS_UNIT_T_H

#include <stdio.h>
#include <string.h>

static int t_count, t_failed, t_bad;
static const char *t_name;

static inline void t_end(void)
{
	if (t_name == NULL)
		return;
	printf("%sok %d - %s\n", t_bad ? "not " : "", ++t_count, t_name);
	t_failed += t_bad != 0;
	t_name = NULL;
	t_bad = 0;
}

static inline void t_case(const char *name)
{
	t_end();
	t_name = name;
}

#define T_CASE(name) t_case(name)
#define T_OK(x)                                                                                      \
	do {                                                                                          \
		if (!(x)) {                                                                           \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #x);                              \
			t_bad++;                                                                      \
		}                                                                                     \
	} while (0)
#define T_EQ(a, b)                                                                                   \
	do {                                                                                          \
		long long t_a = (long long)(a), t_b = (long long)(b);                                 \
		if (t_a != t_b) {                                                                     \
			printf("# %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #a, t_a, t_b);  \
			t_bad++;                                                                      \
		}                                                                                     \
	} while (0)
#define T_STR(a, b)                                                                                  \
	do {                                                                                          \
		if (strcmp((a), (b)) != 0) {                                                          \
			printf("# %s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #a, (a), (b)); \
			t_bad++;                                                                      \
		}                                                                                     \
	} while (0)
static inline int t_done(void)
{
	t_end();
	printf("1..%d\n", t_count);
	return t_failed != 0;
}
#define T_DONE() t_done()
#endif
