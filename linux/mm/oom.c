/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/oom.c - the sandbox's memory is used up: a process is chosen and killed.
 *
 * kproc does it when the monitor says that the limit is reached (docs/design/12-oom.md),
 * so nobody who holds a lock is in the way, and the allocation that was too much goes
 * on meanwhile.  The choice is Linux's: what a process has in memory, plus
 * oom_score_adj thousandths of all memory; never one with -1000.  While a victim has not
 * ended, no other is chosen for a second.
 */
#include "linux/misc/klog.h"
#include "linux/mm/mm_int.h"
#include "linux/proc/proc.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"

#define USAGES_MAX  1024u
#define PATIENCE_NS 1000000000ull
#define LISTED_MAX  64u /* processes that the log lists */

struct usages {
	uint64_t count;
	struct dk_memory_usage of[USAGES_MAX];
};

/* The victim that has not ended yet; kproc's own. */
static int victim_pid;
static uint64_t victim_since;

static const struct dk_memory_usage *usage_of(const struct usages *u, const struct lx_proc *p)
{
	for (uint64_t i = 0; i < u->count; i++)
		if (u->of[i].process == p->host && p->host != DK_NO_HANDLE)
			return &u->of[i];
	return NULL;
}

static bool exempt(const struct lx_proc *p)
{
	return p == lx_state()->init || p->state != PROC_LIVE || p->mm_borrowed || p->oom_score_adj == -1000 || p->group_exit;
}

/* Linux's points: pages, and a thousandth of all pages for each step of oom_score_adj. */
static int64_t badness(const struct lx_proc *p, const struct dk_memory_usage *u)
{
	return (int64_t)(u->anon + u->file + u->shared) + (int64_t)(p->oom_score_adj * (int64_t)(lx_state()->memtotal >> PAGE_SHIFT) / 1000);
}

uint32_t oom_score(struct lx_proc *p)
{
	int64_t total = (int64_t)(lx_state()->memtotal >> PAGE_SHIFT), points;
	struct proc_rss rss;

	if (p == lx_state()->init || p->oom_score_adj == -1000 || total == 0)
		return 0;
	proc_rss(p, &rss);
	points = (int64_t)(rss.anon + rss.file) * 1000 / total + p->oom_score_adj;
	return (uint32_t)(MAX(points + 1000, 0) * 2 / 3);
}

static struct lx_proc *choose(const struct usages *u) REQUIRES(TASKLIST)
{
	struct lx_proc *worst = NULL;
	int64_t most = INT64_MIN;

	LIST_FOR(p, &lx_state()->procs, struct lx_proc, all) {
		const struct dk_memory_usage *mine = exempt(p) ? NULL : usage_of(u, p);

		if (mine == NULL || badness(p, mine) <= most)
			continue;
		worst = p;
		most = badness(p, mine);
	}
	return worst;
}

static void log_tasks(const struct usages *u) REQUIRES(TASKLIST)
{
	unsigned n = 0;

	klog_print(KLOG_INFO, "Tasks state (memory values in pages):");
	klog_print(KLOG_INFO, "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name");
	LIST_FOR(p, &lx_state()->procs, struct lx_proc, all) {
		const struct dk_memory_usage *m = p == lx_state()->init ? NULL : usage_of(u, p);

		if (m == NULL || p->leader == NULL || n++ == LISTED_MAX)
			continue;
		klog_print(KLOG_INFO, "[%7d] %5u %5d %8lu %8lu %8lu %8u %9lu %8lu %8u         %5d %.16s", p->pid, p->leader->cred.uid, p->pid,
			(unsigned long)p->vm_pages, (unsigned long)(m->anon + m->shared), (unsigned long)m->anon, 0, (unsigned long)m->shared,
			(unsigned long)(m->anon / 512 * PAGE_SIZE), 0, p->oom_score_adj, p->leader->comm);
	}
}

static void log_memory(void)
{
	struct arena_root *r = arena_root();

	klog_print(KLOG_WARNING, "bailey-kproc invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0");
	klog_print(KLOG_INFO, "memory: usage %lukB, limit %lukB, failcnt %lu", (unsigned long)arena_in_use() * 4,
		(unsigned long)r->limit_pages * 4, (unsigned long)lx_state()->oom_kills);
	klog_print(KLOG_INFO, "Memory cgroup stats for /: anon %lu file 0 shmem %lu kernel %lu",
		(unsigned long)atomic_load(&r->guest_resident) * PAGE_SIZE, (unsigned long)atomic_load(&r->data_pages_used) * PAGE_SIZE,
		(unsigned long)atomic_load(&r->pages_used) * PAGE_SIZE);
}

static void log_kill(const struct lx_proc *p, const struct dk_memory_usage *m)
{
	const char *name = p->leader != NULL ? p->leader->comm : "?";
	uint32_t uid = p->leader != NULL ? p->leader->cred.uid : 0;

	klog_print(KLOG_INFO, "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/,task_memcg=/,task=%.16s,pid=%d,uid=%u",
		name, p->pid, uid);
	klog_print(KLOG_ERR, "Memory cgroup out of memory: Killed process %d (%.16s) total-vm:%lukB, anon-rss:%lukB, file-rss:0kB, shmem-rss:%lukB, "
		"UID:%u pgtables:%lukB oom_score_adj:%d", p->pid, name, (unsigned long)p->vm_pages * 4, (unsigned long)m->anon * 4,
		(unsigned long)m->shared * 4, uid, (unsigned long)m->anon / 512 * 4, p->oom_score_adj);
	log_line(DK_LOG_WARNING, "out of memory: process %d (%.16s) is ended", p->pid, name);
}

/* Vfork children that run in its memory go with it: they hold it. */
static void kill_all_of(struct lx_proc *victim)
{
	struct lx_state *lx = lx_state();

	for (;;) {
		struct lx_proc *next = NULL;

		lock_take(&lx->tasklist);
		LIST_FOR(p, &lx->procs, struct lx_proc, all)
			if (p->host == victim->host && p != victim && p->state == PROC_LIVE && p->mm_borrowed && !p->group_exit &&
			    !(p->pending.set & SIGBIT(SIGKILL))) {
				next = p;
				proc_get(p);
				break;
			}
		lock_drop(&lx->tasklist);
		if (next == NULL)
			break;
		(void)signal_proc(next, SIGKILL, NULL);
		proc_put(next);
	}
	(void)signal_proc(victim, SIGKILL, NULL);
}

/* It has not ended, and may still. */
static bool victim_pending(void)
{
	struct lx_proc *p;
	bool live;

	if (victim_pid == 0)
		return false;
	lock_take(&lx_state()->tasklist);
	p = proc_find(victim_pid);
	live = p != NULL && p->state == PROC_LIVE;
	lock_drop(&lx_state()->tasklist);
	if (!live)
		victim_pid = 0;
	return live && pico_now() - victim_since < PATIENCE_NS;
}

void oom_kill(void)
{
	struct lx_state *lx = lx_state();
	struct usages *u;
	struct lx_proc *p;
	uint64_t done;

	if (victim_pending())
		return;
	u = heap_alloc_dirty(sizeof *u);
	if (u == NULL || DkVirtualMemoryQuery(DK_NO_HANDLE, 0, 0, DK_QUERY_USAGE, u->of, sizeof u->of, &done) != DK_OK) {
		heap_free(u);
		return;
	}
	u->count = done / sizeof u->of[0];
	arena_ask();
	lock_take(&lx->tasklist);
	p = choose(u);
	if (p != NULL) {
		proc_get(p);
		victim_pid = p->pid;
		victim_since = pico_now();
		lx->oom_kills++;
		log_memory();
		log_tasks(u);
		log_kill(p, usage_of(u, p));
	}
	lock_drop(&lx->tasklist);
	heap_free(u);
	if (p == NULL) {
		klog_print(KLOG_WARNING, "Out of memory and no killable processes...");
		return;
	}
	kill_all_of(p);
	proc_put(p);
}
