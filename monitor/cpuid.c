/* SPDX-License-Identifier: MIT */
/*
 * monitor/cpuid.c - CPUID for those whom it costs much.
 *
 * CPUID leaves a virtual machine: 1-2 us, 6.5 where that machine is itself in one; 30-100 ns on bare
 * metal.  glibc's dynamic linker makes 68 before each program.  Where one takes longer than
 * WORTH_NS, a sandbox is told the answers, and where the dynamic linker of the host has CPUIDs over
 * which a jmp may be put (pico/patch_cpuid.c does that).
 *
 * Finding that out takes half a millisecond, so it is done once: FOLDER/cpuid keeps it (FOLDER is
 * state.c's, the user's own and closed) until the host is started again or the file changes.
 *
 * A site is `0f a2` and the instructions behind it, at least 5 bytes in all, if those are of a
 * few forms that run elsewhere as well, and if no byte of the text, decoded at any place, may be
 * a jump to the start of one of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "abi/cpuid.h"
#include "monitor/monitor.h"
#include "monitor/run.h"

#define LINKER   "/lib64/ld-linux-x86-64.so.2"
#define NAME     "cpuid"
#define MAGIC    0x31646975706362ull
#define WORTH_NS 600
#define JMP_SIZE 5u
#define TEXT_MAX (8u << 20)

/* What is kept; the file is one of these. */
struct kept {
	uint64_t magic, count; /* of answers; 0 = not worth it */
	struct cpuid_answer answer[CPUID_ANSWERS];
	struct cpuid_plan plan;
};

/* ---- Instructions that run elsewhere as well ---- */

struct form {
	unsigned length;
	unsigned displacement; /* where a displacement from rip is in it; 0 = none */
};

/* The ModRM byte at p with what belongs to it; length 0 = not known. */
static struct form modrm(const uint8_t *p)
{
	unsigned mod = p[0] >> 6, rm = p[0] & 7, length = rm == 4 && mod != 3 ? 2 : 1;

	if (mod == 0 && rm == 5)
		return (struct form){ 5, 1 };
	if (mod == 0 && rm == 4 && (p[1] & 7) == 5)
		return (struct form){ 0, 0 };
	return (struct form){ length + (mod == 1 ? 1 : mod == 2 ? 4 : 0), 0 };
}

/* Bytes of an immediate behind the ModRM byte; -1 = not an opcode of ours with one. */
static int immediate_behind(uint8_t op)
{
	static const uint8_t none[] = { 0x01, 0x03, 0x09, 0x0b, 0x21, 0x23, 0x29, 0x2b, 0x31, 0x33, 0x39, 0x3b, 0x85, 0x89, 0x8b, 0x8d };

	if (memchr(none, op, sizeof none)) /* add or and sub xor cmp test mov lea */
		return 0;
	return op == 0x83 || op == 0xc1 ? 1 : op == 0x81 || op == 0xc7 ? 4 : -1;
}

/* Opcodes with an immediate and no ModRM byte: their length, 0 = none of these. */
static unsigned plain(uint8_t op)
{
	static const uint8_t eax[] = { 0x05, 0x0d, 0x25, 0x2d, 0x35, 0x3d, 0xa9 };

	if (op == 0x3c || op == 0xa8)
		return 2;
	return memchr(eax, op, sizeof eax) || (op & 0xf8) == 0xb8 ? 5 : 0;
}

static struct form form_of(const uint8_t *p)
{
	unsigned rex = (p[0] & 0xf0) == 0x40;
	uint8_t op = p[rex];
	int immediate = immediate_behind(op);
	struct form f;

	if (immediate < 0) {
		bool wide = rex && (p[0] & 8) && (op & 0xf8) == 0xb8;

		return (struct form){ plain(op) && !wide ? rex + plain(op) : 0, 0 };
	}
	f = modrm(p + rex + 1);
	if (f.length == 0)
		return f;
	f.length += rex + 1 + (unsigned)immediate;
	f.displacement += f.displacement ? rex + 1 : 0;
	return f;
}

/* Fills s for the CPUID at p; false: no jmp can be put there. */
static bool cover(const uint8_t *p, struct cpuid_site *s)
{
	unsigned fixes = 0;

	s->size = 2;
	while (s->size < JMP_SIZE) {
		struct form f = form_of(p + s->size);

		if (f.length == 0 || s->size + f.length > CPUID_COVER_MAX)
			return false;
		if (f.displacement)
			s->fix[fixes++] = (uint8_t)(s->size + f.displacement);
		s->size = (uint8_t)(s->size + f.length);
	}
	return true;
}

/* ---- The plan ---- */

struct text {
	const uint8_t *bytes;
	size_t size;
	uint32_t offset; /* in the file */
};

static void find_sites(const struct text *t, struct cpuid_plan *plan)
{
	for (size_t i = 0; i + 32 < t->size && plan->count < CPUID_SITES; i++) {
		struct cpuid_site s = { .offset = t->offset + (uint32_t)i };

		if (t->bytes[i] == 0x0f && t->bytes[i + 1] == 0xa2 && cover(t->bytes + i, &s))
			plan->site[plan->count++] = s;
	}
}

static bool starts_instruction(const struct text *t, const struct cpuid_site *s, int64_t at)
{
	size_t site = s->offset - t->offset;

	for (unsigned i = 2; i < s->size; i += form_of(t->bytes + site + i).length)
		if (at == (int64_t)(site + i))
			return true;
	return false;
}

/* Marks the site that a jump to `at` would enter behind its CPUID. */
static void jump_to(const struct text *t, struct cpuid_plan *plan, int64_t at)
{
	for (size_t i = 0; i < plan->count; i++) {
		int64_t site = (int64_t)plan->site[i].offset - t->offset;

		if (at > site && at < site + plan->site[i].size && starts_instruction(t, &plan->site[i], at))
			plan->site[i].pad = 1;
	}
}

static void drop_targets(const struct text *t, struct cpuid_plan *plan)
{
	size_t kept = 0;

	for (size_t i = 0; plan->count && i + 5 < t->size; i++) {
		uint8_t op = t->bytes[i];
		int32_t rel;

		if (op == 0xeb || (op & 0xf0) == 0x70 || (op & 0xfc) == 0xe0) {
			jump_to(t, plan, (int64_t)i + 2 + (int8_t)t->bytes[i + 1]);
		} else if (op == 0xe9 || op == 0xe8 || (op & 0xf0) == 0x80) {
			memcpy(&rel, t->bytes + i + 1, sizeof rel);
			jump_to(t, plan, (int64_t)i + 5 + rel);
		}
	}
	for (size_t i = 0; i < plan->count; i++)
		if (!plan->site[i].pad)
			plan->site[kept++] = plan->site[i];
	plan->count = kept;
}

/* The first executable segment of the ELF file in map. */
static bool find_text(const uint8_t *map, size_t size, struct text *t)
{
	struct {
		uint8_t ident[16];
		uint16_t type, machine;
		uint32_t version;
		uint64_t entry, phoff, shoff;
		uint32_t flags;
		uint16_t ehsize, phentsize, phnum;
	} e;
	struct {
		uint32_t type, flags;
		uint64_t offset, vaddr, paddr, filesz, memsz, align;
	} p;

	if (size < sizeof e)
		return false;
	memcpy(&e, map, sizeof e);
	for (unsigned i = 0; i < e.phnum && e.phentsize == sizeof p; i++) {
		if (e.phoff > size || size - e.phoff < (i + 1) * sizeof p)
			return false;
		memcpy(&p, map + e.phoff + i * sizeof p, sizeof p);
		if (p.type != 1 || !(p.flags & 1) || p.offset > size || p.filesz > size - p.offset)
			continue;
		*t = (struct text){ map + p.offset, p.filesz, (uint32_t)p.offset };
		return true;
	}
	return false;
}

static int64_t ns_of(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000ll + ts->tv_nsec;
}

static void make_plan(struct cpuid_plan *plan)
{
	int fd = open(LINKER, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct text t;
	void *map;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > (off_t)TEXT_MAX) {
		if (fd >= 0)
			close(fd);
		return;
	}
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return;
	plan->size = (uint64_t)st.st_size;
	plan->mtime_ns = ns_of(&st.st_mtim);
	plan->ctime_ns = ns_of(&st.st_ctim);
	if (find_text(map, (size_t)st.st_size, &t)) {
		find_sites(&t, plan);
		drop_targets(&t, plan);
	}
	munmap(map, (size_t)st.st_size);
}

/* ---- The answers ---- */

static void ask(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
	__asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(subleaf));
}

static void add(struct kept *k, uint32_t leaf, uint32_t subleaf)
{
	if (k->count == CPUID_ANSWERS)
		return;
	k->answer[k->count] = (struct cpuid_answer){ .leaf = leaf, .subleaf = subleaf };
	ask(leaf, subleaf, k->answer[k->count++].regs);
}

/* How many subleaves of a leaf programs ask for at their start; 0 = ecx does not matter. */
static unsigned subleaves(uint32_t leaf)
{
	switch (leaf) {
	case 0x4:
		return 5;
	case 0x7: case 0xb: case 0x14: case 0x1f:
		return 2;
	case 0xd:
		return 20;
	default:
		return 0;
	}
}

static void make_answers(struct kept *k)
{
	uint64_t start = now_ns();
	uint32_t most[4];

	for (unsigned i = 0; i < 4; i++)
		ask(0, 0, most);
	if (now_ns() - start < 4 * WORTH_NS)
		return;
	for (uint32_t leaf = 0; leaf <= most[0] && leaf <= 0x20; leaf++) {
		add(k, leaf, 0);
		for (unsigned s = 1; s < subleaves(leaf); s++)
			add(k, leaf, s);
	}
	ask(0x80000000, 0, most);
	for (uint32_t leaf = 0x80000000; leaf <= most[0] && leaf <= 0x80000008; leaf++)
		add(k, leaf, 0);
}

/* ---- The file ---- */

static bool is_linker(const struct cpuid_plan *plan)
{
	struct stat st;

	if (stat(LINKER, &st) < 0)
		return plan->size == 0;
	return plan->size == (uint64_t)st.st_size && plan->mtime_ns == ns_of(&st.st_mtim) && plan->ctime_ns == ns_of(&st.st_ctim);
}

/* Written since the host was started? */
static bool is_of_this_boot(const struct stat *st)
{
	struct timespec real, boot;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return ns_of(&st->st_mtim) > ns_of(&real) - ns_of(&boot);
}

static bool load(int folder, struct kept *k)
{
	int fd = openat(folder, NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	bool good;

	if (fd < 0)
		return false;
	good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && is_of_this_boot(&st) &&
		read(fd, k, sizeof *k) == (ssize_t)sizeof *k;
	close(fd);
	return good && k->magic == MAGIC && k->count <= CPUID_ANSWERS && k->plan.count <= CPUID_SITES && is_linker(&k->plan);
}

/* Whole or not at all: written beside and renamed. */
static void save(int folder, const struct kept *k)
{
	char name[32];
	int fd;

	snprintf(name, sizeof name, NAME "-%d", (int)getpid());
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, k, sizeof *k) != (ssize_t)sizeof *k || renameat(folder, name, folder, NAME) < 0)
		unlinkat(folder, name, 0);
	close(fd);
}

static void setting(const char *key, const void *bytes, size_t n, void (*add_record)(const char *, void *), void *arg)
{
	static char line[32 + 2 * sizeof(struct cpuid_answer) * CPUID_ANSWERS] BIG_BSS;
	size_t at = (size_t)snprintf(line, sizeof line, "%s=", key);

	hex_text(line + at, bytes, n);
	add_record(line, arg);
}

void cpuid_settings(void (*add_record)(const char *, void *), void *arg)
{
	static struct kept k BIG_BSS;
	int folder = state_folder_fd();

	if (folder < 0)
		return; /* nowhere to keep it: half a millisecond a start is too much */
	if (!load(folder, &k)) {
		memset(&k, 0, sizeof k);
		k.magic = MAGIC;
		make_plan(&k.plan);
		make_answers(&k);
		save(folder, &k);
	}
	if (k.count == 0 || k.plan.count == 0)
		return;
	setting("cpuid", k.answer, k.count * sizeof k.answer[0], add_record, arg);
	setting("cpuid_plan", &k.plan, CPUID_PLAN_HEAD + k.plan.count * sizeof k.plan.site[0], add_record, arg);
}
