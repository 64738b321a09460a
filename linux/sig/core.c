/* SPDX-License-Identifier: MIT */
/*
 * linux/sig/core.c - core files.
 *
 * A signal whose default is a core writes "core" into the working directory, if
 * RLIMIT_CORE allows and the process is dumpable: an ELF file with notes about the
 * process and the thread that died, and the memory that was its own.  Pages that
 * cannot be read or hold only zeros become holes.  Other threads have no notes.
 */
#include "linux/fs/vfs.h"
#include "linux/mm/mm.h"
#include "linux/sig/internal.h"
#include "pico/patch.h"
#include "pico/uaccess.h"

#define REGIONS_MAX 4096u
#define NOTES_SIZE  0x8000u
#define MAPS_SIZE   0x10000u

struct region {
	uint64_t start, end, dump; /* dump: bytes of contents */
	uint32_t flags;
};

struct core {
	struct lx_thread *t;
	const struct dk_context *c;
	int sig;
	struct file *f;
	uint64_t limit;
	struct region *region;
	uint32_t count;
	char *notes;
	uint32_t notes_size;
	char *page; /* one page for copying */
};

/* The kernel's layouts of the notes. */
struct prstatus {
	int32_t signo, code, err;
	int16_t cursig;
	uint64_t sigpend, sighold;
	int32_t pid, ppid, pgrp, sid;
	int64_t times[8];
	uint64_t regs[27];
	int32_t fpvalid;
};
struct prpsinfo {
	char state, sname, zomb, nice;
	uint64_t flag;
	uint32_t uid, gid;
	int32_t pid, ppid, pgrp, sid;
	char fname[16], psargs[80];
};
_Static_assert(sizeof(struct prstatus) == 336 && sizeof(struct prpsinfo) == 136, "core notes");

static void add_note(struct core *d, const char *name, uint32_t type, const void *data, uint32_t size)
{
	uint32_t len = (uint32_t)strlen(name) + 1, head[3] = { len, size, type };
	char *to = d->notes + d->notes_size;

	if (d->notes_size + 12 + 8 + ALIGN_UP(size, 4) > NOTES_SIZE)
		return;
	memcpy(to, head, sizeof head);
	memcpy(to + 12, name, len);
	memcpy(to + 12 + ALIGN_UP(len, 4), data, size);
	d->notes_size += 12 + ALIGN_UP(len, 4) + ALIGN_UP(size, 4);
}

static void note_status(struct core *d)
{
	struct lx_thread *t = d->t;
	struct lx_proc *p = t->proc;
	struct prstatus s;

	memset(&s, 0, sizeof s);
	s.signo = d->sig;
	s.cursig = (int16_t)d->sig;
	s.sigpend = t->pending.set | p->pending.set;
	s.sighold = t->sigmask;
	s.pid = t->tid;
	s.ppid = p->ppid;
	s.pgrp = p->pgrp;
	s.sid = p->session;
	memcpy(s.regs, d->c, sizeof *d->c);
	s.regs[16] = pico_guest_rip(d->c->rip);
	s.regs[21] = pico_get_fs_base();
	s.fpvalid = 1;
	add_note(d, "CORE", 1 /* NT_PRSTATUS */, &s, sizeof s);
}

static void note_process(struct core *d)
{
	struct lx_thread *t = d->t;
	struct lx_proc *p = t->proc;
	struct prpsinfo s;
	uint32_t n = MIN(p->cmdline_len, (uint32_t)sizeof s.psargs - 1);

	memset(&s, 0, sizeof s);
	s.sname = 'R';
	s.nice = (char)t->nice;
	s.uid = t->cred.uid;
	s.gid = t->cred.gid;
	s.pid = p->pid;
	s.ppid = p->ppid;
	s.pgrp = p->pgrp;
	s.sid = p->session;
	memcpy(s.fname, t->comm, sizeof s.fname);
	for (uint32_t i = 0; p->cmdline && i < n; i++)
		s.psargs[i] = p->cmdline[i] ? p->cmdline[i] : ' ';
	add_note(d, "CORE", 3 /* NT_PRPSINFO */, &s, sizeof s);
}

/* The auxiliary vector lies behind argc, argv and envp on the first stack. */
static void note_auxv(struct core *d)
{
	uint64_t at = d->t->proc->stack_start, n, v, aux[2 * 40];
	uint32_t count = 0;

	if (!at || !uaccess_load64(at, &n) || n > 1u << 20)
		return;
	at += (n + 2) * 8;
	do {
		if (!uaccess_load64(at, &v))
			return;
		at += 8;
	} while (v);
	do {
		if (uaccess_read(&aux[count], at, 16))
			return;
		at += 16;
		count += 2;
	} while (aux[count - 2] && count < ARRAY_LEN(aux));
	add_note(d, "CORE", 6 /* NT_AUXV */, aux, count * 8);
}

static void note_fp(struct core *d)
{
	void *raw = heap_alloc(fp_size() + 64 + 576);
	char *area = (void *)ALIGN_UP((uint64_t)raw, 64);
	uint64_t features = fp_features();

	if (!raw)
		return;
	fp_save(area);
	memcpy(area + 464, &features, sizeof features);
	add_note(d, "CORE", 2 /* NT_FPREGSET */, area, 512);
	if (features)
		add_note(d, "LINUX", 0x202 /* NT_X86_XSTATE */, area, fp_size());
	heap_free(raw);
}

static bool hex(const char **s, uint64_t *out)
{
	const char *start = *s;
	uint64_t v = 0;

	for (;; (*s)++) {
		char ch = **s;

		if (ch >= '0' && ch <= '9')
			v = v << 4 | (uint64_t)(ch - '0');
		else if (ch >= 'a' && ch <= 'f')
			v = v << 4 | (uint64_t)(ch - 'a' + 10);
		else
			break;
	}
	*out = v;
	return *s != start;
}

/* One line of /proc/PID/maps: what was the process's own is dumped, of mapped files their first page. */
static void add_region(struct core *d, const char *line)
{
	struct region r = { 0 };
	uint64_t offset;
	bool file;

	if (!hex(&line, &r.start) || *line++ != '-' || !hex(&line, &r.end) || *line++ != ' ')
		return;
	r.flags = (line[0] == 'r' ? PF_R : 0) | (line[1] == 'w' ? PF_W : 0) | (line[2] == 'x' ? PF_X : 0);
	line += 5;
	if (!hex(&line, &offset) || d->count == REGIONS_MAX || r.start >= GUEST_HIGH)
		return;
	file = strchr(line, '/') != NULL;
	if ((r.flags & PF_W) || (!file && (r.flags & PF_R)))
		r.dump = r.end - r.start;
	else if ((r.flags & PF_R) && !offset)
		r.dump = PAGE_SIZE;
	d->region[d->count++] = r;
}

static bool list_regions(struct core *d)
{
	char *text = heap_alloc(MAPS_SIZE), *line, *end;
	uint64_t from = 0;
	size_t n;

	if (!text)
		return false;
	while ((n = mm_maps_text(d->t->proc->mm, text, MAPS_SIZE - 1, &from, MAPS_MAPS))) {
		text[n] = 0;
		for (line = text; (end = strchr(line, '\n')); line = end + 1) {
			*end = 0;
			add_region(d, line);
		}
	}
	heap_free(text);
	return true;
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
		if (uaccess_read(d->page, r->start + o, PAGE_SIZE))
			memset(d->page, 0, PAGE_SIZE);
		if (!all_zero(d->page) && !put(d, d->page, PAGE_SIZE, at + o))
			return false;
	}
	return true;
}

static bool write_core(struct core *d)
{
	siginfo_t info;
	uint64_t at;

	memset(&info, 0, sizeof info);
	info.si_signo = d->sig;
	note_status(d);
	note_process(d);
	add_note(d, "CORE", 0x53494749 /* NT_SIGINFO */, &info, sizeof info);
	note_auxv(d);
	note_fp(d);
	if (!list_regions(d))
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
	bool done = false;

	if (!p->dumpable || d.limit < PAGE_SIZE || p->mm_borrowed)
		return false;
	if (vfs_open(t, AT_FDCWD, "core", O_CREAT | O_WRONLY | O_TRUNC | O_NOFOLLOW, 0600, &d.f))
		return false;
	d.region = heap_alloc(REGIONS_MAX * sizeof *d.region);
	d.notes = heap_alloc(NOTES_SIZE);
	d.page = heap_alloc(PAGE_SIZE);
	if (d.region && d.notes && d.page)
		done = write_core(&d);
	heap_free(d.region);
	heap_free(d.notes);
	heap_free(d.page);
	file_put(d.f);
	return done;
}
