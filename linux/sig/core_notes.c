/* SPDX-License-Identifier: MIT */
/*
 * linux/sig/core_notes.c - the notes of a core file: the process, its files and its threads.
 *
 * The thread that dies comes first.  The others are asked for their registers (proc/remote.c);
 * one that ends meanwhile has no note.
 */
#include "linux/mm/mm.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/proc/remote.h"
#include "linux/sig/core.h"
#include "pico/patch.h"
#include "pico/uaccess.h"

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
	uint32_t need = d->notes_size + 12 + 8 + (uint32_t)ALIGN_UP(size, 4);
	char *to;

	if (need > d->notes_room) {
		char *more = heap_realloc(d->notes, need * 2);

		if (!more)
			return;
		d->notes = more;
		d->notes_room = need * 2;
	}
	to = d->notes + d->notes_size;
	memset(to, 0, 12 + 8 + ALIGN_UP(size, 4));
	memcpy(to, head, sizeof head);
	memcpy(to + 12, name, len);
	memcpy(to + 12 + ALIGN_UP(len, 4), data, size);
	d->notes_size += 12 + ALIGN_UP(len, 4) + ALIGN_UP(size, 4);
}

static void note_status(struct core *d, const struct lx_thread *t, int sig, const struct user_regs *r)
{
	struct lx_proc *p = t->proc;
	struct prstatus s;

	memset(&s, 0, sizeof s);
	s.signo = sig;
	s.cursig = (int16_t)sig;
	s.sigpend = t->pending.set | p->pending.set;
	s.sighold = t->sigmask;
	s.pid = t->tid;
	s.ppid = p->ppid;
	s.pgrp = p->pgrp;
	s.sid = p->session;
	memcpy(s.regs, r, sizeof s.regs);
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

static void note_fp(struct core *d, const char *area)
{
	add_note(d, "CORE", 2 /* NT_FPREGSET */, area, 512);
	if (fp_features())
		add_note(d, "LINUX", 0x202 /* NT_X86_XSTATE */, area, fp_size());
}

static void note_own(struct core *d)
{
	struct user_regs r = { .c = *d->c, .fs_base = pico_get_fs_base() };

	r.c.rip = pico_guest_rip(r.c.rip);
	r.c.cs = 0x33;
	r.c.ss = 0x2b;
	note_status(d, d->t, d->sig, &r);
}

static void note_own_fp(struct core *d)
{
	void *raw = heap_alloc(fp_size() + 64 + 576);
	char *area = (void *)ALIGN_UP((uint64_t)raw, 64);
	uint64_t features = fp_features();

	if (!raw)
		return;
	fp_save(area);
	memcpy(area + 464, &features, sizeof features);
	note_fp(d, area);
	heap_free(raw);
}

/* The next thread behind tid, of those that are not about to go; its status is copied. */
static bool next_thread(struct core *d, int tid, struct lx_thread *copy)
{
	struct lx_proc *p = d->t->proc;
	const struct lx_thread *best = NULL;

	lock_take(&p->lock);
	LIST_FOR (t, &p->threads, struct lx_thread, sibling)
		if (t->tid > tid && t != d->t && !t->exiting && (!best || t->tid < best->tid))
			best = t;
	if (best)
		*copy = *best;
	lock_drop(&p->lock);
	return best != NULL;
}

static void note_threads(struct core *d)
{
	struct lx_thread *copy = heap_alloc(sizeof *copy);
	char *area = heap_alloc(REMOTE_FP_MAX);
	struct user_regs r;

	if (copy && area)
		for (int tid = 0; next_thread(d, tid, copy); tid = copy->tid) {
			if (remote_regs(d->t->proc, copy->tid, &r) < 0)
				continue;
			note_status(d, copy, 0, &r);
			if (remote_fp_get(d->t->proc, copy->tid, area, REMOTE_FP_MAX) > 0)
				note_fp(d, area);
		}
	heap_free(copy);
	heap_free(area);
}

/* Which files are mapped where: three words each, then their names. */
static void note_files(struct core *d)
{
	struct mm_region m = { 0 };
	char *path = path_buf(), *names = NULL;
	uint64_t *word = heap_alloc((2 + 3ull * d->count) * 8), count = 0, names_size = 0;

	while (path && word && count < d->count && mm_region_at(d->t->proc->mm, m.end, &m, path)) {
		uint64_t n = strlen(path) + 1;
		char *more = m.file && n > 1 ? heap_realloc(names, names_size + n) : NULL;

		if (!more)
			continue;
		names = more;
		memcpy(names + names_size, path, n);
		names_size += n;
		word[2 + 3 * count] = m.start;
		word[3 + 3 * count] = m.end;
		word[4 + 3 * count++] = m.offset / PAGE_SIZE;
	}
	path_buf_free(path);
	if (count) {
		uint64_t head = (2 + 3 * count) * 8;
		uint64_t *all = heap_realloc(word, head + names_size);

		word = all ? all : word;
		word[0] = count;
		word[1] = PAGE_SIZE;
		if (all) {
			memcpy((char *)all + head, names, names_size);
			add_note(d, "CORE", 0x46494c45 /* NT_FILE */, all, (uint32_t)(head + names_size));
		}
	}
	heap_free(word);
	heap_free(names);
}

bool core_notes(struct core *d)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	info.si_signo = d->sig;
	note_own(d);
	note_process(d);
	add_note(d, "CORE", 0x53494749 /* NT_SIGINFO */, &info, sizeof info);
	note_auxv(d);
	note_files(d);
	note_own_fp(d);
	note_threads(d);
	return d->notes != NULL;
}
