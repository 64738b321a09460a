/* SPDX-License-Identifier: MIT */
/*
 * linux/sig/core.c - core files.
 *
 * A signal whose default is a core writes one, "core" in the working directory unless kernel.core_pattern
 * says otherwise, if RLIMIT_CORE allows and the process is dumpable: an ELF file with notes about the
 * process and its threads, and the memory that was its own.  Pages that cannot be read or
 * hold only zeros become holes.  Its other threads run on meanwhile, until they are asked for
 * their registers, and after that.
 */
#include "linux/fs/vfs.h"
#include "linux/mm/mm.h"
#include "linux/sig/core.h"

#define REGIONS_MAX 4096u

/* /proc/PID/coredump_filter */
#define DUMP_ANON_PRIVATE 1u
#define DUMP_ANON_SHARED  2u
#define DUMP_FILE_PRIVATE 4u
#define DUMP_FILE_SHARED  8u
#define DUMP_ELF_HEADERS  16u

static uint64_t bytes_to_dump(const struct mm_region *m, uint32_t filter)
{
	uint32_t wants;

	if (m->keep || !(m->prot & (PROT_READ | PROT_WRITE)))
		return 0;
	if (m->own && (filter & DUMP_ANON_PRIVATE))
		return m->end - m->start;
	if (m->file)
		wants = m->shared ? DUMP_FILE_SHARED : DUMP_FILE_PRIVATE;
	else
		wants = m->shared ? DUMP_ANON_SHARED : DUMP_ANON_PRIVATE;
	if (filter & wants)
		return m->end - m->start;
	return m->file && !m->offset && (filter & DUMP_ELF_HEADERS) ? PAGE_SIZE : 0;
}

static void list_regions(struct core *d)
{
	struct mm_region m = { 0 };

	while (d->count < REGIONS_MAX && mm_region_at(d->t->proc->mm, m.end, &m, NULL))
		d->region[d->count++] = (struct region){ .start = m.start, .end = m.end, .dump = bytes_to_dump(&m, d->t->proc->coredump_filter),
			.flags = (m.prot & PROT_READ ? PF_R : 0u) | (m.prot & PROT_WRITE ? PF_W : 0u) | (m.prot & PROT_EXEC ? PF_X : 0u) };
}

static bool put(struct core *d, const void *data, uint64_t size, uint64_t at)
{
	if (at >= d->limit)
		return false;
	size = MIN(size, d->limit - at);
	return vfs_pwrite(d->t, d->f, data, size, at) == (long)size;
}

static bool write_headers(struct core *d, uint64_t data)
{
	Elf64_Ehdr e;
	Elf64_Phdr ph;
	uint64_t at = sizeof e, notes = sizeof e + (d->count + 1) * sizeof ph;

	memset(&e, 0, sizeof e);
	memcpy(e.e_ident, ELFMAG, SELFMAG);
	e.e_ident[EI_CLASS] = ELFCLASS64;
	e.e_ident[EI_DATA] = ELFDATA2LSB;
	e.e_ident[EI_VERSION] = EV_CURRENT;
	e.e_type = ET_CORE;
	e.e_machine = EM_X86_64;
	e.e_version = EV_CURRENT;
	e.e_phoff = sizeof e;
	e.e_ehsize = sizeof e;
	e.e_phentsize = sizeof ph;
	e.e_phnum = (Elf64_Half)(d->count + 1);
	memset(&ph, 0, sizeof ph);
	ph.p_type = PT_NOTE;
	ph.p_offset = notes;
	ph.p_filesz = d->notes_size;
	if (!put(d, &e, sizeof e, 0) || !put(d, &ph, sizeof ph, at) || !put(d, d->notes, d->notes_size, notes))
		return false;
	for (uint32_t i = 0; i < d->count; i++) {
		const struct region *r = &d->region[i];

		at += sizeof ph;
		ph = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = r->flags, .p_offset = data, .p_vaddr = r->start,
			.p_filesz = r->dump, .p_memsz = r->end - r->start, .p_align = PAGE_SIZE };
		data += r->dump;
		if (!put(d, &ph, sizeof ph, at))
			return false;
	}
	return true;
}

static bool all_zero(const char *page)
{
	const uint64_t *w = (const void *)page;

	for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
		if (w[i])
			return false;
	return true;
}

static bool write_region(struct core *d, const struct region *r, uint64_t at)
{
	for (uint64_t o = 0; o < r->dump; o += PAGE_SIZE) {
		uint64_t n = mm_read(d->t->proc->mm, r->start + o, d->page, PAGE_SIZE, false);

		memset(d->page + n, 0, PAGE_SIZE - n);
		if (!all_zero(d->page) && !put(d, d->page, PAGE_SIZE, at + o))
			return false;
	}
	return true;
}

static bool write_core(struct core *d)
{
	uint64_t at;

	list_regions(d);
	if (!core_notes(d))
		return false;
	at = PAGE_UP(sizeof(Elf64_Ehdr) + (d->count + 1) * sizeof(Elf64_Phdr) + d->notes_size);
	if (!write_headers(d, at))
		return false;
	for (uint32_t i = 0; i < d->count; i++) {
		if (!write_region(d, &d->region[i], at))
			break; /* the limit: a core that is cut short is still one */
		at += d->region[i].dump;
	}
	return true;
}

bool core_dump(struct lx_thread *t, const struct dk_context *c, int sig)
{
	struct lx_proc *p = t->proc;
	struct core d = { .t = t, .c = c, .sig = sig, .limit = p->rlim[RLIMIT_CORE].rlim_cur };
	char name[CORE_NAME_MAX];
	bool done = false;

	if (!p->dumpable || d.limit < PAGE_SIZE || p->mm_borrowed)
		return false;
	if (!core_name(t, sig, name) || vfs_open(t, AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC | O_NOFOLLOW, 0600, &d.f))
		return false;
	d.region = heap_alloc(REGIONS_MAX * sizeof *d.region);
	d.page = heap_alloc(PAGE_SIZE);
	if (d.region && d.page)
		done = write_core(&d);
	heap_free(d.region);
	heap_free(d.notes);
	heap_free(d.page);
	file_put(d.f);
	return done;
}
