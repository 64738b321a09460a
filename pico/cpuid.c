/* SPDX-License-Identifier: MIT */
/*
 * pico/cpuid.c - a table in the arena of what was asked: entries are only added, under
 * a lock, and read without it once `count` covers them.
 *
 * CPUs of one machine differ in what they say of themselves (their APIC ids, on hybrid ones the
 * caches); a program that asks for those binds itself to a CPU first, and its CPUID is its own
 * text's, which is not changed.
 */
#include "pico/arena.h"
#include "pico/cpuid.h"
#include "pico/internal.h"
#include "rt/mem.h"

#define ENTRIES 64u

struct cpuid_table {
	LOCK(TEXT) lock;
	_Atomic uint32_t count;
	struct cpuid_entry {
		uint32_t leaf, subleaf, answer[4];
	} entry[ENTRIES];
};

static struct cpuid_table *table(void)
{
	_Atomic uint64_t *at = (_Atomic uint64_t *)&arena_root()->cpuid;
	uint64_t now = atomic_load_explicit(at, memory_order_acquire);
	struct cpuid_table *fresh;

	if (LIKELY(now != 0))
		return (struct cpuid_table *)now;
	fresh = arena_alloc(sizeof *fresh);
	if (fresh == NULL)
		return NULL;
	lock_init(&fresh->lock, LOCK_TEXT);
	if (!atomic_compare_exchange_strong(at, &now, (uint64_t)fresh)) {
		arena_free(fresh);
		return (struct cpuid_table *)now;
	}
	return fresh;
}

static void ask_cpu(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
	__asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(subleaf));
}

/* Only these leaves look at ecx. */
static uint32_t subleaf_of(uint32_t leaf, uint32_t ecx)
{
	static const uint64_t with = 1ull << 0x04 | 1ull << 0x07 | 1ull << 0x0b | 1ull << 0x0d | 1ull << 0x0f | 1ull << 0x10 | 1ull << 0x12 |
		1ull << 0x14 | 1ull << 0x17 | 1ull << 0x18 | 1ull << 0x1a | 1ull << 0x1b | 1ull << 0x1d | 1ull << 0x1f | 1ull << 0x20 |
		1ull << 0x23 | 1ull << 0x24;

	return leaf < 64 ? (with >> leaf & 1 ? ecx : 0) : leaf >= 0x80000000 && leaf <= 0x80000008 ? 0 : ecx;
}

static const struct cpuid_entry *find(const struct cpuid_table *t, uint32_t leaf, uint32_t subleaf)
{
	uint32_t n = atomic_load_explicit(&t->count, memory_order_acquire);

	for (uint32_t i = 0; i < n; i++)
		if (t->entry[i].leaf == leaf && t->entry[i].subleaf == subleaf)
			return &t->entry[i];
	return NULL;
}

void cpuid_remember(uint32_t leaf, uint32_t subleaf, const uint32_t answer[4])
{
	struct cpuid_table *t = table();
	uint32_t n;

	if (t == NULL)
		return;
	lock_take(&t->lock);
	n = atomic_load_explicit(&t->count, memory_order_relaxed);
	if (n < ENTRIES && find(t, leaf, subleaf) == NULL) {
		t->entry[n] = (struct cpuid_entry){ leaf, subleaf, { answer[0], answer[1], answer[2], answer[3] } };
		atomic_store_explicit(&t->count, n + 1, memory_order_release);
	}
	lock_drop(&t->lock);
}

void cpuid_ask(uint32_t leaf, uint32_t ecx, uint32_t out[4])
{
	uint32_t subleaf = subleaf_of(leaf, ecx);
	struct cpuid_table *t = table();
	const struct cpuid_entry *e = t != NULL ? find(t, leaf, subleaf) : NULL;

	if (e != NULL) {
		memcpy(out, e->answer, sizeof e->answer);
		return;
	}
	ask_cpu(leaf, ecx, out);
	cpuid_remember(leaf, subleaf, out);
}

/* A stub's call, from pico_cpuid_entry: CPUID changes four registers and no flag. */
void pico_cpuid(struct dk_context *c)
{
	uint32_t r[4];

	cpuid_ask((uint32_t)c->rax, (uint32_t)c->rcx, r);
	c->rax = r[0];
	c->rbx = r[1];
	c->rcx = r[2];
	c->rdx = r[3];
}
