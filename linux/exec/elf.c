/* SPDX-License-Identifier: MIT */
/*
 * linux/exec/elf.c - maps the segments of an ELF file.
 *
 * A file without fixed addresses is placed as Linux does it: its first segment is
 * mapped with the size of all, which finds the place (and keeps room for stubs
 * below), the rest is unmapped again and the other segments are put there.
 */
#include "linux/exec/exec.h"
#include "linux/fs/vfs.h"
#include "pico/cpuid.h"
#include "pico/patch.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

static int prot_of(const Elf64_Phdr *ph)
{
	return (ph->p_flags & PF_R ? PROT_READ : 0) | (ph->p_flags & PF_W ? PROT_WRITE : 0) | (ph->p_flags & PF_X ? PROT_EXEC : 0);
}

static void extent(const struct elf_file *e, uint64_t *low, uint64_t *high, uint64_t *align)
{
	*low = UINT64_MAX;
	*high = 0;
	*align = PAGE_SIZE;
	for (unsigned i = 0; i < e->eh.e_phnum; i++) {
		const Elf64_Phdr *ph = &e->ph[i];

		if (ph->p_type != PT_LOAD)
			continue;
		*low = MIN(*low, PAGE_DOWN(ph->p_vaddr));
		*high = MAX(*high, PAGE_UP(ph->p_vaddr + ph->p_memsz));
		if (ph->p_align > *align && !(ph->p_align & (ph->p_align - 1)) && ph->p_align <= (1ull << 30))
			*align = ph->p_align;
	}
}

static uint64_t file_len(const Elf64_Phdr *ph)
{
	return ph->p_filesz ? PAGE_UP(ph->p_vaddr + ph->p_filesz) - PAGE_DOWN(ph->p_vaddr) : 0;
}

/* Chooses the load bias.  Only the caller maps anything here until it has mapped the segments. */
static long place(struct mm *mm, const struct elf_file *e, uint64_t hint, uint64_t *bias)
{
	uint64_t low, high, align;
	long at;

	*bias = 0;
	extent(e, &low, &high, &align);
	if (e->eh.e_type == ET_EXEC)
		return guest_range_ok(low, high - low) && low >= GUEST_LOW ? 0 : -ENOMEM;
	if (align > PAGE_SIZE && !hint) {
		at = mm_place_file(mm, 0, high - low + align);
		if (at < 0)
			return at;
		hint = ALIGN_UP((uint64_t)at, align);
	}
	at = mm_place_file(mm, ALIGN_DOWN(hint, align), high - low);
	*bias = (uint64_t)at - low;
	return at < 0 ? at : 0;
}

static long map_segment(struct mm *mm, const struct elf_file *e, const Elf64_Phdr *ph, uint64_t bias)
{
	uint64_t start = PAGE_DOWN(ph->p_vaddr) + bias, len = file_len(ph);
	uint64_t end = PAGE_UP(ph->p_vaddr + ph->p_memsz) + bias, data_end = ph->p_vaddr + ph->p_filesz + bias;
	int fixed = e->eh.e_type == ET_EXEC ? MAP_FIXED_NOREPLACE : MAP_FIXED;
	long at;

	if (len) {
		at = mm_map(mm, start, len, prot_of(ph), MAP_PRIVATE | fixed, e->file, PAGE_DOWN(ph->p_offset));
		if (at < 0)
			return at;
	}
	if (ph->p_memsz > ph->p_filesz && len && (ph->p_flags & PF_W) && (data_end & (PAGE_SIZE - 1)) &&
		uaccess_zero(data_end, PAGE_UP(data_end) - data_end))
		return -EFAULT;
	if (end > start + len) {
		at = mm_map(mm, start + len, end - start - len, prot_of(ph), MAP_PRIVATE | MAP_ANONYMOUS | fixed, NULL, 0);
		if (at < 0)
			return at;
	}
	return 0;
}

static uint64_t phdr_address(const struct elf_file *e, uint64_t bias)
{
	for (unsigned i = 0; i < e->eh.e_phnum; i++)
		if (e->ph[i].p_type == PT_PHDR)
			return e->ph[i].p_vaddr + bias;
	for (unsigned i = 0; i < e->eh.e_phnum; i++) {
		const Elf64_Phdr *ph = &e->ph[i];

		if (ph->p_type == PT_LOAD && e->eh.e_phoff >= ph->p_offset && e->eh.e_phoff < ph->p_offset + ph->p_filesz)
			return e->eh.e_phoff - ph->p_offset + ph->p_vaddr + bias;
	}
	return 0;
}

long elf_map(struct mm *mm, const struct elf_file *e, uint64_t hint, struct elf_place *out)
{
	uint64_t bias;
	long err = place(mm, e, hint, &bias);

	out->end = 0;
	for (unsigned i = 0; !err && i < e->eh.e_phnum; i++) {
		const Elf64_Phdr *ph = &e->ph[i];

		if (ph->p_type != PT_LOAD)
			continue;
		err = map_segment(mm, e, ph, bias);
		out->end = MAX(out->end, PAGE_UP(ph->p_vaddr + ph->p_memsz) + bias);
	}
	out->bias = bias;
	out->entry = e->eh.e_entry + bias;
	out->phdr = phdr_address(e, bias);
	return err;
}

void elf_prepare(const struct elf_file *e, uint64_t bias)
{
	const struct cpuid_plan *plan = cpuid_plan();
	const struct inode *i = e->file->inode;

	if (plan == NULL || plan->size != i->size || plan->mtime_ns != i->mtime_ns || plan->ctime_ns != i->ctime_ns)
		return;
	for (unsigned n = 0; n < e->eh.e_phnum; n++) {
		const Elf64_Phdr *ph = &e->ph[n];

		if (ph->p_type == PT_LOAD && (ph->p_flags & (PF_X | PF_W)) == PF_X)
			pico_text_prepare(PAGE_DOWN(ph->p_vaddr) + bias, PAGE_DOWN(ph->p_vaddr) + bias + file_len(ph), plan);
	}
}
