/* SPDX-License-Identifier: MIT */
/*
 * linux/exec/vdso.c - puts our vDSO (vdso.S) into an address space.
 *
 * Its table of host functions is filled from the symbol table of the host's own
 * vDSO, which pal has moved to a place that is the same in every picoprocess.
 */
#include "linux/exec/exec.h"
#include "linux/misc/sched.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"
#include "vdso.gen.h"

#define HOST_FUNCTIONS 4
#define GETCPU_SLOT    3
static const char *const host_names[HOST_FUNCTIONS] = { "__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time", "__vdso_getcpu" };

/* What is known of the host's vDSO: as addresses. */
struct dyn {
	const Elf64_Sym *sym;
	const char *str;
	const uint32_t *hash; /* DT_HASH: nbucket, nchain */
	uint32_t count;
	int64_t bias;
};

static uint32_t gnu_count(const uint32_t *h)
{
	uint32_t nbuckets = h[0], offset = h[1], bloom = h[2], last = 0;
	const uint32_t *buckets = h + 4 + bloom * 2, *chain = buckets + nbuckets;

	for (uint32_t i = 0; i < nbuckets; i++)
		last = MAX(last, buckets[i]);
	if (last < offset)
		return offset;
	while (!(chain[last - offset] & 1))
		last++;
	return last + 1;
}

static bool read_dynamic(const Elf64_Ehdr *eh, struct dyn *d)
{
	const Elf64_Phdr *ph = (const void *)((const char *)eh + eh->e_phoff);
	const Elf64_Dyn *dyn = NULL;

	for (unsigned i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD)
			d->bias = (int64_t)eh + (int64_t)ph[i].p_offset - (int64_t)ph[i].p_vaddr;
		if (ph[i].p_type == PT_DYNAMIC)
			dyn = (const void *)((const char *)eh + ph[i].p_offset);
	}
	for (; dyn && dyn->d_tag != DT_NULL; dyn++) {
		const void *at = (const void *)((int64_t)dyn->d_un.d_ptr + d->bias);

		if (dyn->d_tag == DT_SYMTAB)
			d->sym = at;
		else if (dyn->d_tag == DT_STRTAB)
			d->str = at;
		else if (dyn->d_tag == DT_HASH)
			d->count = ((const uint32_t *)at)[1];
		else if (dyn->d_tag == 0x6ffffef5 /* DT_GNU_HASH */ && !d->count)
			d->count = gnu_count(at);
	}
	return d->sym && d->str && d->count;
}

static uint64_t host_function(const struct dyn *d, const char *name)
{
	for (uint32_t i = 0; i < d->count; i++)
		if (d->sym[i].st_shndx && !strcmp(d->str + d->sym[i].st_name, name))
			return (uint64_t)((int64_t)d->sym[i].st_value + d->bias);
	return 0;
}

/* The same in every process of a picoprocess. */
static const uint64_t *host_table(void)
{
	static uint64_t table[HOST_FUNCTIONS];
	static bool known;
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)pico_boot_block->host_vdso;
	struct dyn d = { 0 };

	if (known || !eh)
		return table;
	if (!memcmp(eh->e_ident, ELFMAG, SELFMAG) && read_dynamic(eh, &d))
		for (int i = 0; i < HOST_FUNCTIONS; i++)
			table[i] = host_function(&d, host_names[i]);
	known = true;
	return table;
}

static size_t slots_at(void)
{
	for (size_t i = 0; i + 8 < sizeof vdso_image; i += 8)
		if (!memcmp(vdso_image + i, "BAILEYvd", 8))
			return i + 8;
	panic("the vDSO has no table");
}

/* Threads are kept to some CPUs (cpu.c knows what each is told): getcpu comes to us, too. */
void vdso_cpus(struct mm *mm)
{
	uint64_t at = mm_vdso(mm), size = PAGE_UP(sizeof vdso_image);

	/* Other threads may be in it just now. */
	if (!at || mm_protect(mm, at, size, PROT_READ | PROT_WRITE | PROT_EXEC))
		return;
	(void)PUT_USER(((struct gva){ at + slots_at() + GETCPU_SLOT * sizeof(uint64_t) }), (uint64_t)0);
	(void)mm_protect(mm, at, size, PROT_READ | PROT_EXEC);
}

/* In a time namespace the host's clocks are not the guest's: with no function to call, the vDSO comes to us. */
void vdso_clocks(struct lx_thread *t)
{
	struct mm *mm = t->proc->mm;
	uint64_t at = mm_vdso(mm), size = PAGE_UP(sizeof vdso_image);

	if (ns_of(t, NS_TIME) == ns_initial(NS_TIME) || !at || mm_protect(mm, at, size, PROT_READ | PROT_WRITE))
		return;
	(void)PUT_USER(((struct gva){ at + slots_at() }), (uint64_t)0);
	(void)mm_protect(mm, at, size, PROT_READ | PROT_EXEC);
}

uint64_t vdso_map(struct mm *mm)
{
	uint64_t size = PAGE_UP(sizeof vdso_image);
	long at = mm_map(mm, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	struct gva to = { (uint64_t)at };

	if (at < 0)
		return 0;
	if (copy_out(to, vdso_image, sizeof vdso_image) ||
		copy_out(gva_add(to, slots_at()), host_table(), HOST_FUNCTIONS * sizeof(uint64_t)) ||
		mm_protect(mm, to.va, size, PROT_READ | PROT_EXEC)) {
		(void)mm_unmap(mm, to.va, size);
		return 0;
	}
	mm_mark_vdso(mm, to.va);
	vdso_clocks(lx_current());
	if (UNLIKELY(cpus_few(lx_current())))
		vdso_cpus(mm);
	return to.va;
}
