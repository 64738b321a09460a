/* SPDX-License-Identifier: MIT */
/* linux/sig/core_notes.c - the notes of a core file: what is known of the process and its thread. */
#include "linux/proc/proc.h"
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

void core_notes(struct core *d)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	info.si_signo = d->sig;
	note_status(d);
	note_process(d);
	add_note(d, "CORE", 0x53494749 /* NT_SIGINFO */, &info, sizeof info);
	note_auxv(d);
	note_fp(d);
}
