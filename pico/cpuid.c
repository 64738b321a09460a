/* SPDX-License-Identifier: MIT */
/*
 * pico/cpuid.c - made once, before there is a second process, then only read: no locks.
 *
 * CPUs of one machine differ in what they say of themselves (their APIC ids, on hybrid ones the
 * caches); a program that asks for those binds itself to a CPU first, and its CPUID is its own
 * text's, which is not changed.
 */
#include "pico/arena.h"
#include "pico/cpuid.h"
#include "pico/internal.h"
#include "rt/mem.h"

struct cpuid_table {
	struct cpuid_plan plan;
	uint32_t count;
	struct cpuid_answer answer[CPUID_ANSWERS];
};

static struct cpuid_table *table(void)
{
	return (struct cpuid_table *)arena_root()->cpuid;
}

/* More than 15 if it is none. */
static unsigned digit(char c)
{
	return c <= '9' ? (unsigned)c - '0' : (unsigned)c - 'a' + 10;
}

/* Hexadecimal digits to at most room bytes; how many, 0 = they are not that. */
static size_t bytes_of(const char *hex, void *out, size_t room)
{
	uint8_t *to = out;
	size_t n = strlen(hex);

	if (n % 2 != 0 || n / 2 > room)
		return 0;
	for (size_t i = 0; i < n; i += 2) {
		unsigned high = digit(hex[i]), low = digit(hex[i + 1]);

		if ((high | low) > 15)
			return 0;
		to[i / 2] = (uint8_t)(high << 4 | low);
	}
	return n / 2;
}

void cpuid_boot(const char *answers, const char *plan)
{
	struct cpuid_table *t;
	size_t n;

	if (answers == NULL || plan == NULL)
		return;
	t = arena_alloc(sizeof *t);
	if (t == NULL)
		return;
	t->count = (uint32_t)(bytes_of(answers, t->answer, sizeof t->answer) / sizeof t->answer[0]);
	n = bytes_of(plan, &t->plan, sizeof t->plan);
	if (t->count == 0 || n < CPUID_PLAN_HEAD || t->plan.count > (n - CPUID_PLAN_HEAD) / sizeof t->plan.site[0]) {
		arena_free(t);
		return;
	}
	arena_root()->cpuid = (uint64_t)t;
}

const struct cpuid_plan *cpuid_plan(void)
{
	return table() != NULL ? &table()->plan : NULL;
}

/* The answer if it is known; subleaf 0 also stands for leaves that do not look at ecx. */
static const struct cpuid_answer *find(uint32_t leaf, uint32_t ecx)
{
	const struct cpuid_table *t = table();
	const struct cpuid_answer *first = NULL;

	for (uint32_t i = 0; t != NULL && i < t->count; i++) {
		const struct cpuid_answer *a = &t->answer[i];

		if (a->leaf != leaf)
			continue;
		if (a->subleaf == ecx)
			return a;
		first = first == NULL ? a : first;
		if (a != first)
			first = (const struct cpuid_answer *)-1; /* it has subleaves, and this one is not there */
	}
	return first == (const struct cpuid_answer *)-1 ? NULL : first;
}

/* A stub's call, from pico_cpuid_entry: CPUID changes four registers and no flag. */
void pico_cpuid(struct dk_context *c)
{
	const struct cpuid_answer *a = find((uint32_t)c->rax, (uint32_t)c->rcx);
	uint32_t r[4];

	if (a != NULL)
		memcpy(r, a->regs, sizeof r);
	else
		__asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"((uint32_t)c->rax), "c"((uint32_t)c->rcx));
	c->rax = r[0];
	c->rbx = r[1];
	c->rcx = r[2];
	c->rdx = r[3];
}
