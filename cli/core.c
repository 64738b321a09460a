/* SPDX-License-Identifier: MIT */
/*
 * cli/core.c - `bailey core`: an ELF core file of a running guest process.
 *
 * It is made from outside, by ptrace and /proc of the host process, so that it works too when the
 * library OS hangs.  The guest's memory goes in, without Bailey's window; of files what was changed,
 * and first pages, as Linux does it.  Changed text, which comes from a memfd, goes in whole.  The
 * names of files are those of the host, so that gdb finds them.  The process stands still meanwhile.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <unistd.h>

#include "abi/layout.h"
#include "cli/cli.h"
#include "cli/core.h"
#include "cli/sandboxes.h"

#define REGIONS_MAX 65000u
#define PAGE        4096u
#define AUXV_MAX    64u

static const char help[] =
    "bailey core SANDBOX PID [-o FILE]\n\n"
    "Writes a core file of the running process PID of a sandbox, for gdb; the process goes on.  The default FILE is core.PID.\n";

struct region {
	uint64_t start, end, offset, dump; /* dump: bytes of contents */
	uint32_t flags;
	char *file; /* or NULL */
};
struct core {
	struct core_target target;
	struct guest guest;
	struct guest_thread *thread;
	unsigned thread_count;
	struct region *region;
	unsigned count;
	char *notes;
	size_t notes_size;
	int out;
};

/* ---- regions ---- */

static bool begins_elf(const struct core *c, uint64_t at)
{
	char magic[SELFMAG];

	return core_read(&c->target, at, magic, sizeof magic) == sizeof magic && !memcmp(magic, ELFMAG, SELFMAG);
}

static uint64_t contents(const struct core *c, const struct region *r, const char *perms)
{
	if (perms[0] != 'r')
		return 0;
	if (!r->file || perms[1] == 'w')
		return r->end - r->start;
	return begins_elf(c, r->start) ? PAGE : 0;
}

/* "Anonymous: N kB": pages that were changed before they were made read-only, as a program's table of libraries. */
static void see_changed(struct core *c, const char *line)
{
	struct region *r = c->count ? &c->region[c->count - 1] : NULL;

	if (r && (r->flags & PF_R) && !strncmp(line, "Anonymous:", 10) && strtoul(line + 10, NULL, 10) > 0)
		r->dump = r->end - r->start;
}

/* "start-end rwxp offset dev inode   path"; false: no line of this kind, or not the guest's. */
static bool add_region(struct core *c, char *line)
{
	struct region r = { 0 };
	char perms[8], *path = NULL;
	int at = 0;

	if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %n", &r.start, &r.end, perms, &r.offset, &at) < 4)
		return false;
	if ((r.start < BAILEY_HIGH && r.end > BAILEY_LOW) || r.start >= GUEST_HIGH)
		return false;
	path = line + at;
	path[strcspn(path, "\n")] = 0;
	if (path[0] == '/' && strncmp(path, "/memfd:", 7) != 0 && strncmp(path, "/dev/zero", 9) != 0)
		r.file = strdup(path);
	r.flags = (perms[0] == 'r' ? PF_R : 0) | (perms[1] == 'w' ? PF_W : 0) | (perms[2] == 'x' ? PF_X : 0);
	r.dump = contents(c, &r, perms);
	if (c->count == REGIONS_MAX)
		fail("the process has more than %u mappings", REGIONS_MAX);
	c->region = realloc(c->region, (c->count + 1) * sizeof *c->region);
	if (!c->region)
		fail("no memory");
	c->region[c->count++] = r;
	return true;
}

static void read_regions(struct core *c)
{
	char path[40], *line = NULL;
	bool guests = false;
	size_t room = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/smaps", c->target.pid);
	f = fopen(path, "re");
	if (!f)
		fail("the mappings of the process cannot be read: %s", strerror(errno));
	while (getline(&line, &room, f) > 0) {
		if (line[0] >= 'A' && line[0] <= 'Z')
			guests ? see_changed(c, line) : (void)0;
		else
			guests = add_region(c, line);
	}
	free(line);
	fclose(f);
}

/* ---- notes ---- */

static void note(struct core *c, uint32_t type, const char *name, const void *data, size_t size)
{
	uint32_t len = (uint32_t)strlen(name) + 1;
	Elf64_Nhdr h = { len, (uint32_t)size, type };
	size_t need = sizeof h + ((len + 3u) & ~3u) + ((size + 3) & ~(size_t)3);
	char *at;

	c->notes = realloc(c->notes, c->notes_size + need);
	if (!c->notes)
		fail("no memory");
	at = c->notes + c->notes_size;
	memset(at, 0, need);
	memcpy(at, &h, sizeof h);
	memcpy(at + sizeof h, name, len);
	memcpy(at + sizeof h + ((len + 3) & ~3u), data, size);
	c->notes_size += need;
}

static void note_process(struct core *c)
{
	struct elf_prpsinfo p = { .pr_sname = c->guest.state, .pr_uid = c->guest.uid, .pr_pid = c->guest.pid, .pr_ppid = c->guest.ppid };

	memcpy(p.pr_fname, c->guest.comm, strnlen(c->guest.comm, sizeof p.pr_fname));
	memcpy(p.pr_psargs, c->guest.command, strnlen(c->guest.command, sizeof p.pr_psargs - 1));
	note(c, NT_PRPSINFO, "CORE", &p, sizeof p);
}

/* The guest's number of the thread, which its C library knows it by; the host's where there is none. */
static int guest_tid(const struct core *c, const struct core_thread *t)
{
	for (unsigned i = 0; i < c->thread_count; i++)
		if (c->thread[i].object == t->object)
			return c->thread[i].tid;
	return t->tid;
}

static void note_threads(struct core *c)
{
	for (unsigned i = 0; i < c->target.count; i++) {
		const struct core_thread *t = &c->target.threads[i];
		struct elf_prstatus s = { .pr_pid = guest_tid(c, t), .pr_ppid = c->guest.ppid, .pr_fpvalid = t->fp_size > 0 };

		memcpy(&s.pr_reg, &t->regs, sizeof s.pr_reg);
		note(c, NT_PRSTATUS, "CORE", &s, sizeof s);
		if (i == 0)
			note_process(c);
		if (t->fp_size)
			note(c, NT_PRFPREG, "CORE", t->fp, t->fp_size);
		if (t->xsave_size)
			note(c, NT_X86_XSTATE, "LINUX", t->xsave, t->xsave_size);
	}
}

/* Behind argc, the arguments' and the environment's pointers; the guest may have written there. */
static void note_auxv(struct core *c)
{
	uint64_t at = c->guest.stack_start, word, aux[2 * AUXV_MAX];
	unsigned nulls = 0, n = 0;

	for (unsigned i = 0; at && nulls < 2; i++) {
		at += 8;
		if (i > 1000000 || core_read(&c->target, at, &word, 8) != 8)
			return;
		nulls += word == 0;
	}
	if (!at)
		return;
	at += 8;
	do {
		if (core_read(&c->target, at, &aux[2 * n], 16) != 16)
			break;
		at += 16;
	} while (aux[2 * n++] && n < AUXV_MAX);
	note(c, NT_AUXV, "CORE", aux, n * 16);
}

/* count, page size; then start, end, offset in pages of each; then the names. */
static void note_files(struct core *c)
{
	size_t names = 0, n = 0;
	uint64_t *table;
	char *text;

	for (unsigned i = 0; i < c->count; i++)
		if (c->region[i].file)
			n++, names += strlen(c->region[i].file) + 1;
	table = calloc(1, 16 + n * 24 + names);
	if (!table)
		fail("no memory");
	table[0] = n;
	table[1] = PAGE;
	text = (char *)(table + 2 + 3 * n);
	n = 0;
	for (unsigned i = 0; i < c->count; i++) {
		const struct region *r = &c->region[i];

		if (!r->file)
			continue;
		table[2 + 3 * n] = r->start;
		table[3 + 3 * n] = r->end;
		table[4 + 3 * n++] = r->offset / PAGE;
		text = stpcpy(text, r->file) + 1;
	}
	note(c, NT_FILE, "CORE", table, 16 + n * 24 + names);
	free(table);
}

/* ---- the file ---- */

static void put(const struct core *c, const void *data, size_t size, uint64_t offset)
{
	for (const char *p = data; size > 0;) {
		ssize_t n = pwrite(c->out, p, size, (off_t)offset);

		if (n <= 0)
			fail("the core file cannot be written: %s", n < 0 ? strerror(errno) : "no space");
		p += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
}

static bool only_zeros(const char *page, size_t size)
{
	return page[0] == 0 && !memcmp(page, page + 1, size - 1);
}

/* Pages that cannot be read or hold only zeros become holes. */
static void put_region(const struct core *c, const struct region *r, uint64_t offset)
{
	static char block[64 * PAGE];

	for (uint64_t at = 0; at < r->dump; at += sizeof block) {
		size_t want = r->dump - at < sizeof block ? (size_t)(r->dump - at) : sizeof block;
		size_t have = core_read(&c->target, r->start + at, block, want);

		for (size_t page = 0; page < have; page += PAGE)
			if (!only_zeros(block + page, PAGE))
				put(c, block + page, PAGE, offset + at + page);
		/* A page in between that cannot be read: those behind it one by one. */
		for (size_t page = have; page < want; page += PAGE)
			if (core_read(&c->target, r->start + at + page, block, PAGE) == PAGE && !only_zeros(block, PAGE))
				put(c, block, PAGE, offset + at + page);
	}
}

static void write_file(struct core *c)
{
	Elf64_Ehdr eh = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_CORE,
		.e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_phoff = sizeof eh, .e_ehsize = sizeof eh, .e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (Elf64_Half)(c->count + 1) };
	Elf64_Phdr ph = { .p_type = PT_NOTE, .p_offset = sizeof eh + (c->count + 1) * sizeof ph, .p_filesz = c->notes_size, .p_align = 4 };
	uint64_t offset = (ph.p_offset + c->notes_size + PAGE - 1) & ~(uint64_t)(PAGE - 1);

	put(c, &eh, sizeof eh, 0);
	put(c, &ph, sizeof ph, sizeof eh);
	put(c, c->notes, c->notes_size, ph.p_offset);
	for (unsigned i = 0; i < c->count; i++) {
		const struct region *r = &c->region[i];

		ph = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = r->flags, .p_offset = offset, .p_vaddr = r->start, .p_filesz = r->dump,
			.p_memsz = r->end - r->start, .p_align = PAGE };
		put(c, &ph, sizeof ph, sizeof eh + (i + 1) * sizeof ph);
		put_region(c, r, offset);
		offset += r->dump;
	}
	if (ftruncate(c->out, (off_t)offset) < 0)
		fail("the core file cannot be written: %s", strerror(errno));
}

/* ---- the command ---- */

/* As the host has it: the monitor is every picoprocess's parent.  A number told by somebody else's is not traced as root. */
static pid_t parent_of(pid_t pid)
{
	return (pid_t)host_stat(pid, 1);
}

static void find_guest(struct core *c, const char *sandbox, const char *pid)
{
	uint32_t number = (uint32_t)number_of("the process", pid, INT_MAX);
	unsigned count;
	const struct sandbox *s = sandbox_named(sandbox);
	struct guest *all = guests_of(s, number, &count, false);

	if (count == 0)
		fail("the sandbox has no process %s: bailey ps %s lists them", pid, sandbox);
	if (all[0].host == 0)
		fail("process %s has ended, or has not begun", pid);
	if (parent_of(all[0].host) != s->pid)
		fail("host process %d is no process of this sandbox", all[0].host);
	c->guest = all[0];
	c->thread = threads_of(s, number, &c->thread_count);
	c->target.pid = all[0].host;
	free(all);
}

int command_core(int argc, char **argv)
{
	struct core c = { .out = -1 };
	char *words[2], name[64];
	const char *file = NULL;
	int n = 0;

	if (asked_for_help(argc, argv, help))
		return 0;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-o") && i + 1 < argc)
			file = argv[++i];
		else if (argv[i][0] == '-' || n == 2)
			fail("bailey core does not take %s: bailey core SANDBOX PID [-o FILE]", argv[i]);
		else
			words[n++] = argv[i];
	}
	if (n < 2)
		fail("bailey core needs a sandbox and a process: bailey ps lists them");
	find_guest(&c, words[0], words[1]);
	snprintf(name, sizeof name, "core.%d", c.guest.pid);
	core_stop(&c.target);
	read_regions(&c);
	note_threads(&c);
	note_auxv(&c);
	note_files(&c);
	c.out = open(file ? file : name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (c.out < 0)
		fail("%s: %s", file ? file : name, strerror(errno));
	write_file(&c);
	core_go_on(&c.target);
	return 0;
}
