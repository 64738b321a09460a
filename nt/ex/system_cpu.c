/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/system_cpu.c - processors: what they are, how busy, and how they hang together.
 *
 * The sandbox's processors are shown as cores of one package with one thread each, in one group and one NUMA node.
 */
#include "nt/ex/system.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/os/sysinfo.h"
#include "rt/mem.h"

static uint64_t mask_of(const struct os_machine *m)
{
	return m->cpus >= 64 ? UINT64_MAX : (1ull << m->cpus) - 1;
}

NTSTATUS sys_processor(const struct sys_out *o, uint16_t architecture)
{
	struct {
		uint16_t architecture, level, revision, most;
		uint32_t features;
	} p = { .architecture = architecture };
	struct os_machine m;
	struct os_processor cpu;

	os_machine(&m);
	os_processor(&cpu);
	p.level = (uint16_t)cpu.family;
	p.revision = (uint16_t)(cpu.model << 8 | cpu.stepping);
	p.most = (uint16_t)m.cpus;
	p.features = 0x2b8fffff; /* what every 64-bit processor has, as Windows shows it */
	return sys_answer(o, &p, 12);
}

NTSTATUS sys_processor_times(const struct sys_out *o)
{
	struct one {
		int64_t idle, kernel, user, dpc, interrupt;
		uint32_t interrupts, pad;
	} *all;
	struct os_machine m;
	int64_t up = ex_interrupt_time();
	uint32_t count;
	NTSTATUS status;

	os_machine(&m);
	all = heap_alloc(m.cpus * sizeof *all);
	if (all == NULL)
		return STATUS_NO_MEMORY;
	/* What the host's processors do is not the sandbox's to know: they are idle, by what is shown. */
	for (uint32_t i = 0; i < m.cpus; i++)
		all[i].idle = all[i].kernel = up;
	count = MIN(m.cpus, o->room / (uint32_t)sizeof *all);
	status = user_put32(o->returned_va, (count != 0 ? count : m.cpus) * (uint32_t)sizeof *all);
	if (status == STATUS_SUCCESS)
		status = count == 0 ? (NTSTATUS)STATUS_INFO_LENGTH_MISMATCH : user_write(o->va, all, count * sizeof *all);
	heap_free(all);
	return status;
}

enum relation { RELATION_CORE, RELATION_NODE, RELATION_CACHE, RELATION_PACKAGE, RELATION_GROUP, RELATION_ALL = 0xffff };

/* SYSTEM_LOGICAL_PROCESSOR_INFORMATION, 32 bytes */
struct logical {
	uint64_t mask;
	uint32_t relation, pad;
	union {
		uint32_t node;
		struct {
			uint8_t level, associativity;
			uint16_t line;
			uint32_t size, type;
		} cache;
		uint64_t words[2];
	} u;
};
_Static_assert(sizeof(struct logical) == 32, "logical");

static const struct {
	uint8_t level, associativity;
	uint32_t size, type; /* 0 unified, 1 instructions, 2 data */
} caches[] = { { 1, 8, 32 << 10, 2 }, { 1, 8, 32 << 10, 1 }, { 2, 8, 1 << 20, 0 } };

NTSTATUS sys_logical_processors(const struct sys_out *o)
{
	struct os_machine m;
	struct logical *all;
	uint32_t n = 0;
	NTSTATUS status;

	os_machine(&m);
	uint32_t cpus = MIN(m.cpus, 64u);
	all = heap_alloc((cpus * (1 + ARRAY_LEN(caches)) + 2) * sizeof *all);
	if (all == NULL)
		return STATUS_NO_MEMORY;
	for (uint32_t i = 0; i < cpus; i++) {
		all[n++] = (struct logical){ .mask = 1ull << i, .relation = RELATION_CORE };
		for (unsigned c = 0; c < ARRAY_LEN(caches); c++) {
			all[n] = (struct logical){ .mask = 1ull << i, .relation = RELATION_CACHE };
			all[n].u.cache.level = caches[c].level;
			all[n].u.cache.associativity = caches[c].associativity;
			all[n].u.cache.line = 64;
			all[n].u.cache.size = caches[c].size;
			all[n++].u.cache.type = caches[c].type;
		}
	}
	all[n++] = (struct logical){ .mask = mask_of(&m), .relation = RELATION_PACKAGE };
	all[n++] = (struct logical){ .mask = mask_of(&m), .relation = RELATION_NODE };
	status = sys_answer(o, all, n * (uint32_t)sizeof *all);
	heap_free(all);
	return status;
}

/* Records of the extended form, each with its length. */
struct records {
	uint8_t *at;
	uint32_t size, wanted;
};

/* A record with a GROUP_AFFINITY (mask, group, padding) at mask_at; NULL: that relation is not asked for. */
static uint8_t *record(struct records *r, uint32_t relation, uint32_t size, uint32_t mask_at, uint64_t mask)
{
	uint8_t *p = r->at + r->size;

	if (r->wanted != RELATION_ALL && r->wanted != relation)
		return NULL;
	memset(p, 0, size);
	memcpy(p, &relation, 4);
	memcpy(p + 4, &size, 4);
	if (mask != 0)
		memcpy(p + mask_at, &mask, 8);
	r->size += size;
	return p;
}

static void put_group_count(uint8_t *p, uint32_t at)
{
	if (p != NULL)
		p[at] = 1;
}

static void put_cache(struct records *r, unsigned c, uint64_t mask)
{
	uint8_t *p = record(r, RELATION_CACHE, 56, 40, mask);

	if (p == NULL)
		return;
	p[8] = caches[c].level;
	p[9] = caches[c].associativity;
	p[10] = 64;
	memcpy(p + 12, &caches[c].size, 4);
	memcpy(p + 16, &caches[c].type, 4);
	p[38] = 1;
}

static void put_group(struct records *r, const struct os_machine *m)
{
	uint8_t *p = record(r, RELATION_GROUP, 80, 72, mask_of(m)); /* how many; one group's most, active and mask */

	if (p == NULL)
		return;
	p[8] = p[10] = 1;
	p[32] = p[33] = (uint8_t)MIN(m->cpus, 64u);
}

NTSTATUS sys_logical_processors_ex(const struct sys_out *o, uint32_t relation)
{
	struct os_machine m;
	struct records r = { .wanted = relation };
	NTSTATUS status;

	if (relation > RELATION_GROUP && relation != RELATION_ALL)
		return STATUS_INVALID_PARAMETER;
	os_machine(&m);
	uint32_t cpus = MIN(m.cpus, 64u);
	r.at = heap_alloc(cpus * (48 + 56 * ARRAY_LEN(caches)) + 256);
	if (r.at == NULL)
		return STATUS_NO_MEMORY;
	for (uint32_t i = 0; i < cpus; i++) {
		put_group_count(record(&r, RELATION_CORE, 48, 32, 1ull << i), 30);
		for (unsigned c = 0; c < ARRAY_LEN(caches); c++)
			put_cache(&r, c, 1ull << i);
	}
	put_group_count(record(&r, RELATION_PACKAGE, 48, 32, mask_of(&m)), 30);
	put_group_count(record(&r, RELATION_NODE, 48, 32, mask_of(&m)), 30);
	put_group(&r, &m);
	status = sys_answer(o, r.at, r.size);
	heap_free(r.at);
	return status;
}

NTSTATUS sys_cpu_sets(const struct sys_out *o)
{
	struct set {
		uint32_t size, type, id;
		uint16_t group;
		uint8_t logical, core, cache, node, efficiency, flags;
		uint32_t reserved;
		uint64_t tag;
	} *all;
	struct os_machine m;
	NTSTATUS status;

	os_machine(&m);
	all = heap_alloc(m.cpus * sizeof *all);
	if (all == NULL)
		return STATUS_NO_MEMORY;
	for (uint32_t i = 0; i < m.cpus; i++) {
		all[i].size = sizeof *all;
		all[i].id = 0x100 + i;
		all[i].logical = all[i].core = (uint8_t)i;
	}
	status = o->room < m.cpus * sizeof *all ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : user_write(o->va, all, m.cpus * sizeof *all);
	heap_free(all);
	if (status != STATUS_ACCESS_VIOLATION && user_put32(o->returned_va, m.cpus * (uint32_t)sizeof *all) != STATUS_SUCCESS)
		status = STATUS_ACCESS_VIOLATION;
	return status;
}
