/* SPDX-License-Identifier: MIT */
/*
 * monitor/picotable.c - picoprocesses by number and by pid.
 *
 * A number is generation << 16 | slot; free slots are a chain.  Nothing here takes longer the more there are.
 */
#include <stdlib.h>

#include "monitor/monitor.h"

#define PICO_MAX 65000u

static struct pico **table;
static uint32_t *generations, *chain, table_size, live;
static uint32_t free_first; /* number of the first free slot and 1 more; chain has the next ones */
static struct pico *pid_hash[1024];

static void give_slot(uint32_t slot)
{
	table[slot] = NULL;
	chain[slot] = free_first;
	free_first = slot + 1;
}

static bool more_slots(void)
{
	uint32_t size = table_size ? table_size * 2 : 16;

	if (size > PICO_MAX)
		return false;
	void *t = realloc(table, size * sizeof *table), *g = realloc(generations, size * sizeof *generations),
	     *c = realloc(chain, size * sizeof *chain);

	if (t)
		table = t;
	if (g)
		generations = g;
	if (c)
		chain = c;
	if (!t || !g || !c)
		return false;
	for (uint32_t i = size; i-- > table_size;) {
		generations[i] = 1;
		give_slot(i);
	}
	table_size = size;
	return true;
}

bool picos_enter(struct pico *p)
{
	uint32_t slot;

	if (free_first == 0 && !more_slots())
		return false;
	slot = free_first - 1;
	free_first = chain[slot];
	table[slot] = p;
	p->number = (uint64_t)generations[slot] << 16 | slot;
	live++;
	return true;
}

void picos_leave(struct pico *p)
{
	uint32_t slot = p->number & 0xffff;

	pico_set_pid(p, 0);
	generations[slot]++;
	give_slot(slot);
	live--;
}

uint32_t picos_live(void)
{
	return live;
}

struct pico *pico_find(uint64_t number)
{
	uint32_t slot = number & 0xffff;

	if (slot >= table_size || !table[slot] || table[slot]->number != number)
		return NULL;
	return table[slot];
}

void pico_each(void (*fn)(struct pico *p))
{
	for (uint32_t i = 0; i < table_size; i++)
		if (table[i])
			fn(table[i]);
}

static struct pico **pid_bucket(pid_t pid)
{
	return &pid_hash[(uint32_t)pid % ARRAY_LEN(pid_hash)];
}

void pico_set_pid(struct pico *p, pid_t pid)
{
	if (p->pid > 0) {
		struct pico **at = pid_bucket(p->pid);

		while (*at != p)
			at = &(*at)->pid_next;
		*at = p->pid_next;
	}
	p->pid = pid;
	if (pid > 0) {
		p->pid_next = *pid_bucket(pid);
		*pid_bucket(pid) = p;
	}
}

struct pico *pico_by_pid(pid_t pid)
{
	struct pico *p = *pid_bucket(pid);

	while (p && p->pid != pid)
		p = p->pid_next;
	return p;
}
