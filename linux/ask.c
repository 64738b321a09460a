/* SPDX-License-Identifier: MIT */
/*
 * linux/ask.c - what people outside ask of a sandbox: `bailey ps`, `lsof`, `strace`.
 *
 * The monitor passes a question on to kproc on the deaths stream; the answers are log lines of
 * level ANSWER, one a record, each beginning with the question's number, a space and a letter:
 *	p UID HOST STAT NUL CMDLINE    a process: index of its picoprocess, /proc/PID/stat, arguments
 *	t TID OBJECT                   a thread: where its struct lx_thread lies
 *	f PID FD FLAGS NUL PATH        a descriptor of its; FD "cwd", "exe" for its places
 *	.                              that was all
 * A process that ends meanwhile is left out.  No lock is held while a record is sent.
 */
#include "linux/ask.h"

#include "linux/fs/procfs.h"
#include "linux/proc/proc.h"

#define RECORD_MAX 4096u
#define PIDS_MAX   32768u
#define FDS_MAX    65536u
#define THREADS_MAX 32u /* looked at in one go */

/* A question that is being answered. */
struct ask {
	uint32_t number;
	struct lx_thread *t; /* kproc's */
};

static void send(struct text *x)
{
	if (x->len && !x->failed)
		(void)DkDebugStringPrint(DK_LOG_ANSWER, x->buf, MIN(x->len, RECORD_MAX));
	text_free(x);
	memset(x, 0, sizeof *x);
}

static void tell_process(const struct ask *a, struct lx_proc *p)
{
	struct node_ctx c = { .t = a->t, .proc = p };
	dk_handle host = __atomic_load_n(&p->host, __ATOMIC_ACQUIRE);
	struct text x = { 0 }, cmdline = { 0 };

	text_add(&x, "%u p %u %u ", a->number, p->leader ? p->leader->cred.euid : 0, DK_HANDLE_INDEX(host));
	show_stat(&x, &c);
	text_put(&x, "", 1);
	show_cmdline(&cmdline, &c); /* begins its text anew */
	text_put(&x, cmdline.buf, cmdline.len);
	text_free(&cmdline);
	send(&x);
}

/* Threads are in the list by their numbers, as they were made. */
static void tell_threads(const struct ask *a, struct lx_proc *p)
{
	struct { int tid; void *object; } found[THREADS_MAX];
	struct text x = { 0 };
	unsigned n = 0;
	int last = 0;

	do {
		lock_take(&p->lock);
		n = 0;
		LIST_FOR (t, &p->threads, struct lx_thread, sibling)
			if (t->tid > last && n < ARRAY_LEN(found))
				found[n].tid = t->tid, found[n++].object = t;
		lock_drop(&p->lock);
		for (unsigned i = 0; i < n; i++) {
			text_add(&x, "%u t %d %lx", a->number, found[i].tid, (unsigned long)found[i].object);
			send(&x);
			last = found[i].tid;
		}
	} while (n == ARRAY_LEN(found));
}

static void tell_file(const struct ask *a, struct lx_proc *p, const char *fd, uint32_t flags, long (*link)(struct node_ctx *, char *, size_t), uint64_t num)
{
	struct node_ctx c = { .t = a->t, .proc = p, .key.num = num };
	char *path = path_buf();
	struct text x = { 0 };
	long n = path ? link(&c, path, PATH_MAX - 1) : -ENOMEM;

	if (n > 0) {
		text_add(&x, "%u f %d %s %u", a->number, p->pid, fd, flags);
		text_put(&x, "", 1);
		text_put(&x, path, (size_t)n);
		send(&x);
	}
	path_buf_free(path);
}

static void tell_files(const struct ask *a, struct lx_proc *p)
{
	struct fdtable *fdt = proc_fdtable(p);
	uint32_t size = fdt ? MIN(fdt->size, FDS_MAX) : 0;
	char name[16];

	tell_file(a, p, "cwd", 0, link_cwd, 0);
	tell_file(a, p, "exe", 0, link_exe, 0);
	for (uint32_t fd = 0; fd < size; fd++) {
		struct file *f = proc_file(p, fd);

		if (!f)
			continue;
		fmt_snprintf(name, sizeof name, "%u", fd);
		tell_file(a, p, name, f->flags, link_fd, fd);
		file_put(f);
	}
	if (fdt)
		fdt_put_table(fdt);
}

/* All pids there are now, in the order of the list; NULL: no memory. */
static int *all_pids(uint32_t *count)
{
	struct lx_state *lx = lx_state();
	int *pids = heap_alloc(PIDS_MAX * sizeof *pids);

	*count = 0;
	if (!pids)
		return NULL;
	lock_take(&lx->tasklist);
	LIST_FOR (p, &lx->procs, struct lx_proc, all)
		if (*count < PIDS_MAX)
			pids[(*count)++] = p->pid;
	lock_drop(&lx->tasklist);
	return pids;
}

static void each_process(const struct ask *a, int only, void (*tell)(const struct ask *a, struct lx_proc *p))
{
	uint32_t count;
	int *pids = all_pids(&count);

	for (uint32_t i = 0; i < count; i++) {
		struct lx_proc *p = only && pids[i] != only ? NULL : proc_get_global(pids[i]);

		if (!p)
			continue;
		tell(a, p);
		proc_put(p);
	}
	heap_free(pids);
}

void ask_answer(const struct dk_death *d)
{
	struct ask a = { d->number, lx_current() };
	struct text x = { 0 };

	switch (d->ask) {
	case DK_ASK_PROCESSES:
		each_process(&a, (int)d->wait_status, tell_process);
		break;
	case DK_ASK_THREADS:
		each_process(&a, (int)d->wait_status, tell_threads);
		break;
	case DK_ASK_FILES:
		each_process(&a, (int)d->wait_status, tell_files);
		break;
	case DK_ASK_TRACE:
		__atomic_store_n(&arena_root()->tracing, d->wait_status, __ATOMIC_RELAXED);
		break;
	}
	text_add(&x, "%u .", a.number);
	send(&x);
}
