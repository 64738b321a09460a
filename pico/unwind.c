/* SPDX-License-Identifier: MIT */
/*
 * pico/unwind.c - the search table of .eh_frame_hdr, as ld and lld write it: version 1,
 * a count of 4 bytes, then pairs of 32-bit distances from the table's head, sorted.
 */
#include "pico/uaccess.h"
#include "pico/unwind.h"
#include "rt/mem.h"

#define PT_GNU_EH_FRAME 0x6474e550u
#define PHDRS_MAX 64u

struct elf_head {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum;
};
struct elf_phdr {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
struct table_head {
	uint8_t version, frame_encoding, count_encoding, table_encoding;
	int32_t frame;
	uint32_t count;
};
struct table_entry {
	int32_t start, fde;
};
struct fde_head {
	uint32_t length, cie;
	int32_t start;
	uint32_t range;
};

static bool get(void *to, uint64_t from, size_t size)
{
	return uaccess_read(to, from, size) == 0;
}

/* Where the table is, 0 if there is none.  vaddr is the distance from base: for a program at a fixed place it is not. */
static uint64_t find_table(uint64_t base)
{
	static const uint8_t magic[5] = { 0x7f, 'E', 'L', 'F', 2 };
	struct elf_head e;
	struct elf_phdr p;

	if (!get(&e, base, sizeof e) || memcmp(e.ident, magic, sizeof magic) || e.phentsize != sizeof p || e.phnum > PHDRS_MAX)
		return 0;
	for (uint32_t i = 0; i < e.phnum; i++) {
		if (!get(&p, base + e.phoff + i * sizeof p, sizeof p))
			return 0;
		if (p.type == PT_GNU_EH_FRAME)
			return p.vaddr >= base ? p.vaddr : base + p.vaddr;
	}
	return 0;
}

/* The last entry that starts at or before address; false if none does. */
static bool find_entry(uint64_t table, uint32_t count, uint64_t address, struct table_entry *found)
{
	int64_t want = (int64_t)(address - table);
	uint32_t low = 0, high = count;
	struct table_entry e;
	bool any = false;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (!get(&e, table + sizeof(struct table_head) + (uint64_t)middle * sizeof e, sizeof e))
			return false;
		if (e.start <= want) {
			*found = e;
			any = true;
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return any;
}

bool unwind_covers(uint64_t base, uint64_t address)
{
	uint64_t table = find_table(base), start;
	struct table_head head;
	struct table_entry e;
	struct fde_head fde;

	if (table == 0 || !get(&head, table, sizeof head) || head.version != 1 || head.count_encoding != 0x03 ||
	    head.table_encoding != 0x3b || !find_entry(table, head.count, address, &e))
		return false;
	start = table + (uint64_t)(int64_t)e.start;
	if (!get(&fde, table + (uint64_t)(int64_t)e.fde, sizeof fde))
		return false;
	/* Distances from their own place are what compilers write; others are not looked into. */
	if (table + (uint64_t)(int64_t)e.fde + offsetof(struct fde_head, start) + (uint64_t)(int64_t)fde.start != start)
		return false;
	return address - start < fde.range;
}
