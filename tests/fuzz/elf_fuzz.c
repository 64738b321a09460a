/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/elf_fuzz.c - libFuzzer: headers of a program, its interpreter, and scripts, as execve
 * reads them (linux/exec/image.c, elf.c).  The input is the program's file; the interpreter's is
 * its second half.  mm/ is a list of what was asked for, and checks it: whole pages, below the window's
 * edges, never over what was there unless said so.
 */
#include <stdlib.h>

#include "abi/cpuid.h"
#include "linux/exec/exec.h"
#include "linux/other.h"
#include "pico/patch.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

static const uint8_t *bytes;
static size_t length;
static struct inode inode;
static struct file program = { .inode = &inode }, interpreter = { .inode = &inode };
static unsigned interps;
static uint64_t next_free;
static struct {
	uint64_t at, size;
} maps[256];
static unsigned map_count;

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* ---- what exec/ stands on ---- */

void *arena_alloc(size_t size) { return size && size < (1u << 20) ? calloc(1, size) : NULL; }
void arena_free(void *p) { free(p); }
char *path_buf(void) { return malloc(PATH_MAX); }
void path_buf_free(char *p) { free(p); }
void file_put_slow(struct file *f) {}
void file_put(struct file *f) {}
void args_free(struct exec_args *a) {}
long exec_may(struct lx_thread *t, const struct file *f) { return 0; }
const struct cpuid_plan *cpuid_plan(void)
{
	static const struct cpuid_plan of_all; /* as the program's inode: size and times 0 */

	return &of_all;
}
long args_script(struct exec_args *a, const char *interp, const char *option, const char *script)
{
	must(strlen(interp) < 4096 && (!option || strlen(option) < 4096));
	return 0;
}
long vfs_open_exec(struct lx_thread *t, int dirfd, const char *path, int flags, struct file **out)
{
	must(strlen(path) < PATH_MAX);
	*out = interps++ ? &interpreter : &program;
	return interps > 12 ? -ELOOP : 0;
}
long vfs_open(struct lx_thread *t, int dirfd, const char *path, int flags, uint32_t mode, struct file **out) { return -ENOENT; }
long nt_exec_open(struct lx_thread *t, struct exec_image *img, const char *head, size_t have, const char **problem) { return -ENOEXEC; }
long vfs_pread(struct lx_thread *t, struct file *f, void *to, size_t size, uint64_t offset)
{
	size_t start = f == &interpreter ? length / 2 : 0, have = length - start;

	if ((int64_t)offset < 0)
		return -EINVAL;
	if (offset >= have)
		return 0;
	size = MIN(size, have - offset);
	memcpy(to, bytes + start + offset, size);
	return (long)size;
}

static bool overlaps(uint64_t at, uint64_t size)
{
	for (unsigned i = 0; i < map_count; i++)
		if (at < maps[i].at + maps[i].size && maps[i].at < at + size)
			return true;
	return false;
}

bool guest_range_ok(uint64_t at, uint64_t size)
{
	uint64_t end = at + size;

	return end >= at && end <= GUEST_HIGH && (end <= BAILEY_LOW || at >= BAILEY_HIGH);
}

/* As mm/ does: what does not fit the guest's part of the address space is refused. */
long mm_map(struct mm *mm, uint64_t at, uint64_t size, int prot, int flags, struct file *f, uint64_t offset)
{
	bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);

	must((offset & (PAGE_SIZE - 1)) == 0);
	if (size == 0)
		return -EINVAL;
	size = PAGE_UP(size);
	if (size == 0 || size > GUEST_HIGH)
		return -ENOMEM;
	if (fixed && (at & (PAGE_SIZE - 1)))
		return -EINVAL;
	if (!fixed) {
		at = next_free;
		next_free += size;
	}
	if (!guest_range_ok(at, size) || at < GUEST_LOW)
		return -ENOMEM;
	if (flags & MAP_FIXED_NOREPLACE && overlaps(at, size))
		return -EEXIST;
	if (map_count < ARRAY_LEN(maps)) {
		maps[map_count].at = at;
		maps[map_count++].size = size;
	}
	return (long)at;
}
long mm_place_file(struct mm *mm, uint64_t hint, uint64_t size)
{
	size = PAGE_UP(size);
	return size == 0 || size > GUEST_HIGH || !guest_range_ok(next_free, size) ? -ENOMEM : (long)next_free;
}
long mm_unmap(struct mm *mm, uint64_t at, uint64_t size)
{
	must((at & (PAGE_SIZE - 1)) == 0);
	return guest_range_ok(at, size) ? 0 : -EINVAL;
}
void pico_text_prepare(uint64_t from, uint64_t to, const struct cpuid_plan *plan) { must(from <= to && plan); }
size_t uaccess_zero(uint64_t va, size_t size)
{
	must(size < PAGE_SIZE);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exec_image *img = image_new();
	struct elf_place place;

	bytes = data;
	length = size;
	interps = map_count = 0;
	next_free = 0x7f0000000000;
	if (image_open(NULL, img, AT_FDCWD, "/program", 0) == 0) {
		if (elf_map(NULL, &img->prog, 0x555555554000, &place) == 0)
			elf_prepare(&img->prog, place.bias);
		if (img->interp.file)
			(void)elf_map(NULL, &img->interp, 0, &place);
	}
	image_free(img);
	return 0;
}
