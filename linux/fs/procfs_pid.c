/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/procfs_pid.c - small texts of /proc/PID: what was executed, its
 * limits, name and counters.
 */
#include "linux/fs/procfs.h"

#include "linux/misc/timer.h"
#include "linux/misc/cputime.h"
#include "linux/mm/mm.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/proc/remote.h"

#define TEXT_MAX  0x20000ull
#define TITLE_MAX 4096u /* as much of a title as Linux tells */

/* The process's memory as it is now (setproctitle writes there): is all of it in buf? */
static bool memory_now(struct node_ctx *c, uint64_t from, char *buf, size_t n)
{
	if (c->proc == c->t->proc)
		return !c->proc->mm_borrowed && uaccess_read(buf, from, n) == 0;
	/* kproc, which answers `bailey ps`, waits for nobody. */
	return c->t != lx_state()->kthread && remote_memory(c->proc, from, buf, n, false, true) == (long)n;
}

/* Where the arguments' last byte is no NUL, there is a title from their start on, which may go on in the environment. */
static size_t title_length(struct node_ctx *c, char *buf, size_t n, size_t room)
{
	size_t more = MIN(room, MAX((size_t)TITLE_MAX, n)) - n, len;

	if (buf[n - 1] == '\0')
		return n;
	if (more != 0 && memory_now(c, c->proc->arg_start + n, buf + n, more))
		n += more;
	for (len = 0; len < n && buf[len] != '\0'; len++)
		;
	return len < n ? len + 1 : n;
}

/* end: where a title may reach to, 0 = there are none here.  False: the memory cannot be read now. */
static bool put_now(struct text *x, struct node_ctx *c, uint64_t from, uint64_t to, uint64_t end)
{
	size_t n = to > from ? MIN(to - from, TEXT_MAX) : 0, room = end > to ? MIN(end - from, TEXT_MAX) : n;
	char *buf = n != 0 ? heap_alloc(room) : NULL;
	bool got = buf && memory_now(c, from, buf, n);

	if (got)
		text_put(x, buf, end != 0 ? title_length(c, buf, n, room) : n);
	heap_free(buf);
	return got;
}

static void show_blob(struct text *x, struct lx_proc *p, char *const *place, const uint32_t *place_len)
{
	char *blob;
	uint32_t len;

	lock_take(&p->lock);
	blob = *place;
	len = *place_len;
	if (blob)
		blob_get(blob);
	lock_drop(&p->lock);
	if (!blob)
		return;
	text_put(x, blob, len);
	blob_put(blob);
}

SHOW(cmdline)
{
	struct lx_proc *p = c->proc;

	if (p->state != PROC_LIVE || put_now(x, c, p->arg_start, p->arg_end, p->env_end))
		return;
	x->len = 0;
	show_blob(x, p, &p->cmdline, &p->cmdline_len);
}

SHOW(environ)
{
	struct lx_proc *p = c->proc;

	if (p->state != PROC_LIVE || put_now(x, c, p->env_start, p->env_end, 0))
		return;
	x->len = 0;
	show_blob(x, p, &p->environ_copy, &p->environ_len);
}

/* Words of the process's memory, read a piece at a time. */
struct words {
	struct lx_proc *p;
	uint64_t at, n, i, word[256];
};

static bool next_word(struct words *w, uint64_t *out)
{
	if (w->i == w->n) {
		long got = remote_memory(w->p, w->at, w->word, sizeof w->word, false, true);

		if (got < 8)
			return false;
		w->n = (uint64_t)got / 8;
		w->at += w->n * 8;
		w->i = 0;
	}
	*out = w->word[w->i++];
	return true;
}

/* The auxiliary vector lies behind the environment's pointers: it is found from the stack's start. */
static void put_auxv(struct text *x, struct words *w)
{
	uint64_t word = 0, pair[2];

	if (!next_word(w, &word))
		return; /* argc */
	for (int nulls = 0; nulls < 2; nulls += word == 0)
		if (!next_word(w, &word))
			return;
	do {
		if (!next_word(w, &pair[0]) || !next_word(w, &pair[1]))
			return;
		text_put(x, pair, sizeof pair);
	} while (pair[0] && x->len < 1024);
}

SHOW(auxv)
{
	struct words *w = heap_alloc(sizeof *w);

	if (w && c->proc->stack_start && c->proc->state == PROC_LIVE) {
		w->p = c->proc;
		w->at = c->proc->stack_start;
		put_auxv(x, w);
	}
	heap_free(w);
}

/* The name of the thread that is meant: of /proc/PID the leader. */
static bool get_comm(struct node_ctx *c, char *comm)
{
	struct lx_thread *t;

	lock_take(&lx_state()->tasklist);
	t = c->key.tid ? thread_find_global(c->key.tid) : c->proc->leader;
	if (t)
		memcpy(comm, t->comm, sizeof t->comm);
	lock_drop(&lx_state()->tasklist);
	return t != NULL;
}

SHOW(comm)
{
	char comm[17] = { 0 };

	if (get_comm(c, comm))
		text_add(x, "%s\n", comm);
}

long store_comm(struct node_ctx *c, char *text, size_t n)
{
	struct lx_thread *t;

	if (c->proc != c->t->proc)
		return -EINVAL;
	lock_take(&lx_state()->tasklist);
	t = c->key.tid ? thread_find_global(c->key.tid) : c->proc->leader;
	if (t) {
		memset(t->comm, 0, sizeof t->comm);
		memcpy(t->comm, text, MIN(strlen(text), sizeof t->comm - 1));
		for (unsigned i = 0; i < sizeof t->comm; i++)
			if (t->comm[i] == '\n')
				t->comm[i] = '\0';
	}
	lock_drop(&lx_state()->tasklist);
	return t ? (long)n : -ESRCH;
}

SHOW(timerslack)
{
	uint64_t ns = 0;

	lock_take(&lx_state()->tasklist);
	if (c->proc->leader)
		ns = c->proc->leader->timer_slack;
	lock_drop(&lx_state()->tasklist);
	text_add(x, "%lu\n", (unsigned long)ns);
}

long store_timerslack(struct node_ctx *c, char *text, size_t n)
{
	size_t len = strlen(text);
	uint64_t ns;

	len -= len && text[len - 1] == '\n';
	if (c->proc != c->t->proc && !lx_capable(c->t, 23 /* SYS_NICE */))
		return -EPERM;
	if (!name_number(text, (uint32_t)len, &ns))
		return -EINVAL;
	lock_take(&lx_state()->tasklist);
	if (c->proc->leader)
		c->proc->leader->timer_slack = ns ? ns : c->proc->leader->timer_slack_default;
	lock_drop(&lx_state()->tasklist);
	return (long)n;
}

static void limit_value(struct text *x, uint64_t v)
{
	if (v == RLIM64_INFINITY)
		text_add(x, "%-20s ", "unlimited");
	else
		text_add(x, "%-20lu ", (unsigned long)v);
}

SHOW(limits)
{
	static const struct { const char *name, *unit; } limits[RLIM_NLIMITS] = {
		[RLIMIT_CPU] = { "Max cpu time", "seconds" }, [RLIMIT_FSIZE] = { "Max file size", "bytes" },
		[RLIMIT_DATA] = { "Max data size", "bytes" }, [RLIMIT_STACK] = { "Max stack size", "bytes" },
		[RLIMIT_CORE] = { "Max core file size", "bytes" }, [RLIMIT_RSS] = { "Max resident set", "bytes" },
		[RLIMIT_NPROC] = { "Max processes", "processes" }, [RLIMIT_NOFILE] = { "Max open files", "files" },
		[RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" }, [RLIMIT_AS] = { "Max address space", "bytes" },
		[RLIMIT_LOCKS] = { "Max file locks", "locks" }, [RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
		[RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" }, [RLIMIT_NICE] = { "Max nice priority", NULL },
		[RLIMIT_RTPRIO] = { "Max realtime priority", NULL }, [RLIMIT_RTTIME] = { "Max realtime timeout", "us" } };

	text_add(x, "Limit                     Soft Limit           Hard Limit           Units     \n");
	for (unsigned i = 0; i < RLIM_NLIMITS; i++) {
		text_add(x, "%-25s ", limits[i].name);
		limit_value(x, c->proc->rlim[i].rlim_cur);
		limit_value(x, c->proc->rlim[i].rlim_max);
		if (limits[i].unit)
			text_add(x, "%-10s", limits[i].unit);
		text_add(x, "\n");
	}
}

/* Of the thread, or of all that the process has and had. */
SHOW(io)
{
	uint64_t io[4] = { 0 };

	lock_take(&lx_state()->tasklist);
	lock_take(&c->proc->lock);
	LIST_FOR(t, &c->proc->threads, struct lx_thread, sibling)
		for (unsigned i = 0; i < ARRAY_LEN(io) && (!c->key.tid || t->tid == c->key.tid); i++)
			io[i] += t->io[i];
	for (unsigned i = 0; i < ARRAY_LEN(io) && !c->key.tid; i++)
		io[i] += c->proc->io_ended[i];
	lock_drop(&c->proc->lock);
	lock_drop(&lx_state()->tasklist);
	text_add(x, "rchar: %lu\nwchar: %lu\nsyscr: %lu\nsyscw: %lu\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n",
		(unsigned long)io[0], (unsigned long)io[1], (unsigned long)io[2], (unsigned long)io[3]);
}

SHOW(oom_score_adj)
{
	text_add(x, "%d\n", c->proc->oom_score_adj);
}

SHOW(oom_score)
{
	text_add(x, "%u\n", oom_score(c->proc));
}

long store_oom_score_adj(struct node_ctx *c, char *text, size_t n)
{
	bool minus = *text == '-';
	int value = 0;

	text += minus;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9' && value <= 1000; text++)
		value = value * 10 + (*text - '0');
	if ((*text && *text != '\n') || value > 1000)
		return -EINVAL;
	value = minus ? -value : value;
	if (value < c->proc->oom_score_adj && !lx_capable(c->t, CAP_SYS_RESOURCE))
		return -EACCES;
	c->proc->oom_score_adj = value;
	return (long)n;
}

SHOW(children)
{
	lock_take(&lx_state()->tasklist);
	if (c->proc->leader && c->proc->leader->tid == c->key.tid)
		LIST_FOR(child, &c->proc->children, struct lx_proc, child)
			text_add(x, "%d ", c->pid_ns ? pid_in_ns(c->pid_ns, child->pid) : child->pid);
	lock_drop(&lx_state()->tasklist);
}

SHOW(schedstat)
{
	text_add(x, "%lu 0 1\n", (unsigned long)proc_cpu_ns(c->t, c->proc));
}

SHOW(sched)
{
	char comm[17] = { 0 };

	(void)get_comm(c, comm);
	text_add(x, "%s (%d, #threads: %u)\n", comm, pid_out(c->t, c->key.tid ? c->key.tid : c->proc->pid), c->proc->nthreads);
	text_add(x, "-------------------------------------------------------------------\n");
}

SHOW(syscall)
{
	int tid = c->key.tid ? c->key.tid : c->proc->pid;
	struct user_regs regs;
	const struct dk_context *r = &regs.c;
	long waits = 1;

	if (tid == c->t->tid)
		r = pico_frame();
	else
		waits = remote_regs(c->proc, tid, &regs);
	if (waits == 1)
		text_add(x, "%ld 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx\n", (long)r->orig_rax, (unsigned long)r->rdi, (unsigned long)r->rsi,
			(unsigned long)r->rdx, (unsigned long)r->r10, (unsigned long)r->r8, (unsigned long)r->r9, (unsigned long)r->rsp,
			(unsigned long)r->rip);
	else
		text_add(x, "running\n");
}

SHOW(personality)
{
	text_add(x, "%08x\n", (unsigned)c->proc->personality);
}

#define MEM_CHUNK 0x10000u

/* As a debugger reaches it: whatever the protection. */
long raw_mem(struct node_ctx *c, const struct iov *v, uint64_t *pos, bool write)
{
	uint64_t size = MIN(v->size, (uint64_t)MEM_CHUNK), done = 0;
	char *buf = size ? heap_alloc_dirty(size) : NULL;
	long moved = 0;

	if (size && !buf)
		return -ENOMEM;
	while (done < v->size) {
		uint64_t n = MIN(size, v->size - done);

		if (write)
			n = iov_take(v, done, buf, n);
		moved = n ? remote_memory(c->proc, *pos, buf, n, write, true) : -EFAULT;
		if (moved > 0 && !write)
			moved = (long)iov_put(v, done, buf, (uint64_t)moved);
		if (moved <= 0)
			break;
		done += (uint64_t)moved;
		*pos += (uint64_t)moved;
		if ((uint64_t)moved < n)
			break;
	}
	heap_free(buf);
	if (done || !v->size)
		return (long)done;
	return moved == -ESRCH ? 0 : -EIO; /* what has ended has no memory */
}
