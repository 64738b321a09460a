/* SPDX-License-Identifier: MIT */
/*
 * pal/load.c - maps an extension's or personality's image by its program headers.
 * Images are static and linked for their place: nothing is relocated.
 */
#include "pal/pal.h"
#include "rt/mem.h"

struct elf_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct elf_program {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
enum { ET_EXEC = 2, EM_X86_64 = 62, PT_LOAD = 1, PF_X = 1, PF_W = 2, PF_R = 4, MAX_HEADERS = 16 };

static void read_at(int fd, void *buf, uint64_t size, uint64_t offset)
{
	struct host_iovec iov = { buf, size };

	if (HOST6(preadv2, fd, &iov, 1, offset, 0, 0) != (long)size)
		pal_panic("pal: an image is too short");
}

static void map_segment(int fd, const struct elf_program *p)
{
	uint64_t start = PAGE_DOWN(p->vaddr), file_end = p->vaddr + p->filesz, end = PAGE_UP(p->vaddr + p->memsz);
	int prot = (p->flags & PF_R ? HOST_PROT_READ : 0) | (p->flags & PF_W ? HOST_PROT_WRITE : 0) |
		(p->flags & PF_X ? HOST_PROT_EXEC : 0);
	long at = (long)start;

	if ((p->flags & PF_X) && (p->flags & PF_W))
		pal_panic("pal: an image has a segment both writable and executable");
	if (p->filesz)
		at = HOST6(mmap, start, file_end - start, prot, MAP_PRIVATE | MAP_FIXED, fd, PAGE_DOWN(p->offset));
	if (at == (long)start && PAGE_UP(file_end) < end)
		at = HOST6(mmap, PAGE_UP(file_end), end - PAGE_UP(file_end), prot, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
	if (at < 0)
		pal_panic("pal: cannot map an image: error %ld", -at);
	if (p->memsz > p->filesz && (p->flags & PF_W) && (file_end & (PAGE_SIZE - 1)))
		memset((void *)file_end, 0, PAGE_UP(file_end) - file_end);
}

static bool segment_ok(const struct elf_program *p, uint64_t low, uint64_t high)
{
	return p->memsz > 0 && p->filesz <= p->memsz && p->vaddr >= low && p->vaddr < high && p->memsz <= high - p->vaddr &&
		((p->vaddr ^ p->offset) & (PAGE_SIZE - 1)) == 0;
}

/* Loads the image in fd, which must lie in [low, high), and copies its header out. */
void load_image(int fd, uint64_t low, uint64_t high, struct dk_image *image)
{
	struct elf_header e;
	struct elf_program p[MAX_HEADERS];
	uint64_t begin = UINT64_MAX, end = 0;

	read_at(fd, &e, sizeof e, 0);
	if (memcmp(e.ident, "\177ELF\2\1", 6) != 0 || e.type != ET_EXEC || e.machine != EM_X86_64 ||
		e.phentsize != sizeof p[0] || e.phnum == 0 || e.phnum > MAX_HEADERS)
		pal_panic("pal: an image is no static x86-64 ELF file");
	read_at(fd, p, e.phnum * sizeof p[0], e.phoff);
	for (unsigned i = 0; i < e.phnum; i++) {
		if (p[i].type != PT_LOAD || p[i].memsz == 0)
			continue;
		if (!segment_ok(&p[i], low, high))
			pal_panic("pal: an image's segment at %lx is out of its room %lx-%lx", p[i].vaddr, low, high);
		for (uint32_t r = 0; r < pal_range_count; r++) {
			if (p[i].vaddr < pal_ranges[r].end && p[i].vaddr + p[i].memsz > pal_ranges[r].begin)
				pal_panic("pal: two images are linked for %lx", p[i].vaddr);
		}
		map_segment(fd, &p[i]);
		begin = MIN(begin, p[i].vaddr);
		end = MAX(end, p[i].vaddr + p[i].memsz);
	}
	if (end == 0 || end - begin < sizeof *image)
		pal_panic("pal: an image has no segments");
	memcpy(image, (const void *)begin, sizeof *image);
	if (image->magic != DK_IMAGE_MAGIC || image->version != DK_IMAGE_VERSION)
		pal_panic("pal: an image has no header of version %u at its start", DK_IMAGE_VERSION);
	if (pal_range_count == PAL_RANGES)
		pal_panic("pal: too many images");
	pal_ranges[pal_range_count++] = (struct range){ PAGE_DOWN(begin), PAGE_UP(end), image->uaccess_begin, image->uaccess_end,
		image->uaccess_fixup };
	(void)HOST1(close, fd);
}
