/* SPDX-License-Identifier: MIT */
/* linux/fs/procfs_status.c - stat, status and statm of a process or thread. */
#include "linux/fs/procfs.h"

#include "linux/fs/tty.h"
#include "linux/mm/mm.h"
#include "linux/misc/cputime.h"
#include "linux/misc/cred.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/sig/sig.h"

#define TICK_NS 10000000ull

/* What these texts tell, copied under the locks. */
struct snapshot {
	char comm[17], state;
	int pid, tgid, ppid, pgrp, session, tty_nr, tty_pgrp, nice, policy, rt_priority, exit_signal, tracer;
	uint32_t threads, exit_code;
	uint64_t utime, stime, cutime, cstime, min_flt, maj_flt, cmin_flt, cmaj_flt, start_ns, vcsw, ivcsw;
	uint64_t pending, shared_pending, blocked, ignored, caught;
	struct lx_cred cred;
	uint64_t affinity;
	uint32_t seccomp_mode, seccomp_filters;
	unsigned levels;  /* 0: the numbers above are all there are */
	int ns[8][4];     /* tgid, pid, pgrp, session, outermost namespace first */
};

static char state_of(const struct lx_proc *p, const struct lx_thread *t, const struct lx_thread *self)
{
	if (p->state != PROC_LIVE)
		return 'Z';
	if (t && t->pt && t->pt->stop)
		return 't';
	if (p->stopped || (t && t->jobctl_stopped))
		return 'T';
	if (t && t->priv[0]) /* its thread is lent to a vfork child */
		return 'D';
	return t && t != self && t->pico.sleeping && !t->pico.woken ? 'S' : 'R';
}

static void snap_signals(struct snapshot *s, struct lx_proc *p, struct lx_thread *t)
{
	struct sighand *h = p->sighand;

	if (!h)
		return;
	lock_take(&h->lock);
	s->pending = t ? t->pending.set : 0;
	s->shared_pending = p->pending.set;
	s->blocked = t ? t->sigmask : 0;
	for (int n = 1; n <= LX_NSIG; n++) {
		if (h->action[n].handler == (uint64_t)SIG_IGN)
			s->ignored |= SIGBIT(n);
		else if (h->action[n].handler != (uint64_t)SIG_DFL)
			s->caught |= SIGBIT(n);
	}
	lock_drop(&h->lock);
}

static void snap_tree(struct snapshot *s, struct lx_proc *p)
{
	s->tgid = p->pid;
	s->ppid = p->parent ? p->parent->pid : 0;
	s->pgrp = p->pgrp;
	s->session = p->session;
	s->tty_pgrp = -1;
	if (p->tty) {
		s->tty_nr = (int)LX_DEV(PTS_MAJOR, p->tty->index);
		s->tty_pgrp = p->tty->pgrp;
	}
	s->exit_signal = (int)p->exit_signal;
	s->exit_code = p->exit_code;
	s->threads = p->nthreads;
	s->cutime = p->cutime_ns;
	s->cstime = p->cstime_ns;
	s->cmin_flt = p->cmin_flt;
	s->cmaj_flt = p->cmaj_flt;
}

static void snap_thread(struct snapshot *s, struct lx_thread *t)
{
	memcpy(s->comm, t->comm, sizeof t->comm);
	s->pid = t->tid;
	s->cred = t->cred;
	cred_refs_get(&s->cred);
	s->nice = t->nice;
	s->policy = t->policy;
	s->rt_priority = t->rt_priority;
	s->start_ns = t->start_ns;
	s->vcsw = t->pico.waits;
	s->ivcsw = t->nivcsw;
	s->min_flt = t->min_flt;
	s->maj_flt = t->maj_flt;
	s->affinity = t->affinity[0];
	s->seccomp_mode = t->seccomp_mode;
	s->seccomp_filters = t->seccomp_filters;
	s->tracer = t->tracer ? t->tracer->tid : 0;
}

/* Numbers in the namespace of the mount, and, for the NS lines, in each from there inwards. */
static void snap_numbers(struct snapshot *s, struct node_ctx *c, struct lx_proc *p, struct lx_thread *t) REQUIRES(TASKLIST)
{
	const struct ns *outer = c->pid_ns ? c->pid_ns : ns_initial(NS_PID), *chain[NS_LEVELS + 2];
	int tid = t ? t->tid : p->pid;
	unsigned n = 0;

	for (const struct ns *ns = pid_ns_of(p);; ns = ns->parent) {
		if (n < ARRAY_LEN(chain))
			chain[n++] = ns;
		if (ns == outer || ns->level == 0)
			break;
	}
	for (s->levels = 0; n-- > 0 && s->levels < ARRAY_LEN(s->ns); s->levels++) {
		int *nr = s->ns[s->levels];

		nr[0] = pid_in_ns(chain[n], p->pid);
		nr[1] = pid_in_ns(chain[n], tid);
		nr[2] = pid_in_ns(chain[n], p->pgrp);
		nr[3] = pid_in_ns(chain[n], p->session);
	}
	s->tgid = pid_in_ns(outer, p->pid);
	s->pid = pid_in_ns(outer, s->pid);
	s->ppid = p->parent ? pid_in_ns(outer, p->parent->pid) : 0;
	s->pgrp = pid_in_ns(outer, p->pgrp);
	s->session = pid_in_ns(outer, p->session);
	if (s->tty_pgrp > 0)
		s->tty_pgrp = pid_in_ns(outer, s->tty_pgrp);
}

/* False: the thread is gone. */
static bool snap(struct snapshot *s, struct node_ctx *c)
{
	struct lx_proc *p = c->proc;
	struct cpu_times cpu;
	struct lx_thread *t;

	memset(s, 0, sizeof *s);
	lock_take(&lx_state()->tasklist);
	t = c->key.tid ? thread_find_global(c->key.tid) : p->leader;
	if (c->key.tid && (!t || t->proc != p)) {
		lock_drop(&lx_state()->tasklist);
		return false;
	}
	s->pid = p->pid;
	snap_tree(s, p);
	if (t)
		snap_thread(s, t);
	s->state = state_of(p, t, c->t);
	snap_signals(s, p, t);
	if (c->key.tid)
		thread_cpu_times(c->t, t, &cpu);
	else
		proc_cpu_times(c->t, p, &cpu);
	s->utime = cpu.user;
	s->stime = cpu.system;
	if (c->pid_ns || p->pid_ns)
		snap_numbers(s, c, p, t);
	lock_drop(&lx_state()->tasklist);
	return true;
}

/* The counters of the reader's own memory; another's are as it left them, and kproc, who tells of itself, has none. */
static void memory_now(struct node_ctx *c)
{
	if (c->proc == c->t->proc && c->proc->mm && !c->proc->mm_borrowed)
		mm_stack_sync(c->proc->mm);
}

SHOW(stat)
{
	struct lx_proc *p = c->proc;
	struct snapshot s;
	uint64_t boot = lx_state()->boot_mono_ns;
	struct proc_rss r;
	bool live;

	if (!snap(&s, c))
		return;
	cred_refs_put(&s.cred);
	live = s.state != 'Z';
	memory_now(c);
	proc_rss(p, &r);
	text_add(x, "%d (%s) %c %d %d %d %d %d %u %lu %lu %lu %lu ", s.pid, s.comm, s.state, s.ppid, s.pgrp, s.session, s.tty_nr,
		s.tty_pgrp, live ? 4194304u : 4194308u, (unsigned long)s.min_flt, (unsigned long)s.cmin_flt, (unsigned long)s.maj_flt,
		(unsigned long)s.cmaj_flt);
	text_add(x, "%lu %lu %ld %ld %d %d %u 0 %lu ", (unsigned long)(s.utime / TICK_NS), (unsigned long)(s.stime / TICK_NS),
		(long)(s.cutime / TICK_NS), (long)(s.cstime / TICK_NS), s.policy == 1 || s.policy == 2 ? -1 - s.rt_priority : 20 + s.nice,
		s.nice, s.threads ? s.threads : 1, (unsigned long)((s.start_ns - boot) / TICK_NS));
	text_add(x, "%lu %lu %lu ", live ? (unsigned long)p->vm_pages * PAGE_SIZE : 0ul, live ? (unsigned long)(r.anon + r.file) : 0ul,
		(unsigned long)p->rlim[RLIMIT_RSS].rlim_cur);
	text_add(x, "1 1 %lu 0 0 %lu %lu %lu %lu 0 0 0 %d 0 %d %d 0 0 0 ", (unsigned long)p->stack_start, (unsigned long)s.pending & 0x7fffffff,
		(unsigned long)s.blocked & 0x7fffffff, (unsigned long)s.ignored & 0x7fffffff, (unsigned long)s.caught & 0x7fffffff,
		s.exit_signal, s.rt_priority, s.policy);
	text_add(x, "0 0 %lu %lu %lu %lu %lu %u\n", (unsigned long)p->brk_start, (unsigned long)p->arg_start, (unsigned long)p->arg_end,
		(unsigned long)p->env_start, (unsigned long)p->env_end, s.exit_code);
}

static void statm_line(struct text *x, struct lx_proc *p)
{
	struct proc_rss r;

	proc_rss(p, &r);
	text_add(x, "%lu %lu %lu %lu 0 %lu 0\n", (unsigned long)p->vm_pages, (unsigned long)(r.anon + r.file), (unsigned long)r.file,
		(unsigned long)p->text_pages, (unsigned long)(p->data_pages + p->stack_pages));
}

SHOW(statm)
{
	struct lx_proc *p = c->proc;

	memory_now(c);
	if (p->state != PROC_LIVE)
		text_add(x, "0 0 0 0 0 0 0\n");
	else
		statm_line(x, p);
}

static const char *state_name(char state)
{
	switch (state) {
	case 'R':
		return "R (running)";
	case 'D':
		return "D (disk sleep)";
	case 'T':
		return "T (stopped)";
	case 't':
		return "t (tracing stop)";
	case 'Z':
		return "Z (zombie)";
	default:
		return "S (sleeping)";
	}
}

static void status_numbers(struct text *x, const struct snapshot *s)
{
	static const char *const names[4] = { "NStgid", "NSpid", "NSpgid", "NSsid" };
	const int own[4] = { s->tgid, s->pid, s->pgrp, s->session };

	for (unsigned i = 0; i < 4; i++) {
		text_add(x, "%s:", names[i]);
		if (!s->levels)
			text_add(x, "\t%d", own[i]);
		for (unsigned l = 0; l < s->levels; l++)
			text_add(x, "\t%d", s->ns[l][i]);
		text_add(x, "\n");
	}
}

static void status_ids(struct text *x, struct node_ctx *c, const struct snapshot *s)
{
	struct fdtable *fdt = proc_fdtable(c->proc);
	const struct lx_cred *k = &s->cred;
	struct lx_thread *t = c->t;

	text_add(x, "Uid:\t%u\t%u\t%u\t%u\n", uid_out(t, k->uid), uid_out(t, k->euid), uid_out(t, k->suid), uid_out(t, k->fsuid));
	text_add(x, "Gid:\t%u\t%u\t%u\t%u\n", gid_out(t, k->gid), gid_out(t, k->egid), gid_out(t, k->sgid), gid_out(t, k->fsgid));
	text_add(x, "FDSize:\t%u\nGroups:\t", fdt ? fdt->size : 0);
	for (uint32_t i = 0; i < k->ngroups; i++)
		text_add(x, "%u ", gid_out(t, cred_groups(k)[i]));
	text_add(x, "\n");
	status_numbers(x, s);
	if (fdt)
		fdt_put_table(fdt);
}

static void status_memory(struct text *x, struct lx_proc *p)
{
	unsigned long vm = p->vm_pages * 4, data = p->data_pages * 4, anon, file, rss;
	struct proc_rss r;

	proc_rss(p, &r);
	anon = r.anon * 4;
	file = r.file * 4;
	rss = anon + file;
	text_add(x, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t%8u kB\n", MAX(vm, (unsigned long)p->max_vm * 4), vm,
		(unsigned long)p->locked_pages * 4, 0);
	text_add(x, "VmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\n", MAX(rss, (unsigned long)r.peak * 4), rss);
	text_add(x, "RssAnon:\t%8lu kB\nRssFile:\t%8lu kB\nRssShmem:\t%8u kB\n", anon, file, 0);
	text_add(x, "VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8u kB\nVmLib:\t%8lu kB\nVmPTE:\t%8lu kB\nVmSwap:\t%8u kB\n", data,
		(unsigned long)p->stack_pages * 4, 4, (unsigned long)p->text_pages * 4, rss / 512 + 4, 0);
	text_add(x, "HugetlbPages:\t%8u kB\nCoreDumping:\t0\nTHP_enabled:\t1\n", 0);
}

static void status_caps(struct text *x, const struct snapshot *s)
{
	const struct lx_cred *k = &s->cred;

	text_add(x, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\nCapAmb:\t%016lx\nNoNewPrivs:\t%u\n",
		(unsigned long)k->cap_inheritable, (unsigned long)k->cap_permitted, (unsigned long)k->cap_effective,
		(unsigned long)k->cap_bounding, (unsigned long)k->cap_ambient, k->no_new_privs);
	text_add(x, "Seccomp:\t%u\nSeccomp_filters:\t%u\n", s->seccomp_mode, s->seccomp_filters);
	text_add(x, "Speculation_Store_Bypass:\tthread vulnerable\nSpeculationIndirectBranch:\tconditional enabled\n");
}

static void cpu_list(struct text *x, uint64_t mask)
{
	const char *comma = "";

	for (unsigned i = 0; i < 64; i++) {
		unsigned first = i;

		if (!(mask >> i & 1))
			continue;
		while (i < 63 && mask >> (i + 1) & 1)
			i++;
		text_add(x, first == i ? "%s%u" : "%s%u-%u", comma, first, i);
		comma = ",";
	}
}

SHOW(status)
{
	struct lx_proc *p = c->proc;
	struct snapshot s;
	uint64_t all = lx_state()->ncpus >= 64 ? ~0ull : (1ull << lx_state()->ncpus) - 1, cpus;
	uint32_t umask = 0;

	if (!snap(&s, c))
		return;
	lock_take(&p->lock);
	if (p->fs)
		umask = p->fs->umask;
	lock_drop(&p->lock);
	cpus = s.affinity & all ? s.affinity & all : all;
	text_add(x, "Name:\t%s\nUmask:\t%04o\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n", s.comm, umask,
		state_name(s.state), s.tgid, s.pid, s.ppid, s.tracer);
	status_ids(x, c, &s);
	cred_refs_put(&s.cred);
	memory_now(c);
	if (s.state != 'Z')
		status_memory(x, p);
	text_add(x, "Threads:\t%u\nSigQ:\t%u/%lu\n", s.threads ? s.threads : 1, (unsigned)p->nqueued,
		(unsigned long)p->rlim[RLIMIT_SIGPENDING].rlim_cur);
	text_add(x, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n", (unsigned long)s.pending,
		(unsigned long)s.shared_pending, (unsigned long)s.blocked, (unsigned long)s.ignored, (unsigned long)s.caught);
	status_caps(x, &s);
	text_add(x, "Cpus_allowed:\t%lx\nCpus_allowed_list:\t", (unsigned long)cpus);
	cpu_list(x, cpus);
	text_add(x, "\nMems_allowed:\t1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
		(unsigned long)s.vcsw, (unsigned long)s.ivcsw);
}
