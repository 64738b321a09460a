/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/job_limits.c - limits of time and memory of job objects.
 *
 * Time is looked at by kproc's tick, some times a second (ps_jobs_tick), once a job has had such a limit: processes past theirs end; jobs past
 * theirs end or are told, as the job says.  Memory is looked at where private pages are committed (ps_job_may_commit): what would be
 * too much fails.  Charges are kept per process (nt_process.committed_pages) and summed up over a job's members only if it has a limit for the sum.
 */
#include "nt/ex/wait.h"
#include "nt/os/process.h"
#include "nt/ps/job.h"
#include "nt/ps/ps.h"

#define MEMBERS_MAX 512u
#define SCAN_NS     50000000u
#define TIME_UNIT   100u /* ns */
#define TIMED       (LIMIT_PROCESS_TIME | LIMIT_JOB_TIME)

/* Living members of j (NULL: of any job), or of jobs below it, each with a reference: how many. */
static uint32_t members(const struct nt_job *j, struct nt_process **out, uint32_t room)
{
	struct nt_state *nt = nt_state();
	uint32_t n = 0;

	lock_take(&nt->procs_lock);
	LIST_FOR (p, &nt->processes, struct nt_process, all)
		if (n < room && p->job != NULL && p->exit_time == 0 && (j == NULL || job_is_below(p->job, j)) && ref_get_live(&p->ob.ref))
			out[n++] = p;
	lock_drop(&nt->procs_lock);
	return n;
}

void job_times(struct nt_job *j, int64_t *user, int64_t *kernel)
{
	struct nt_process **list = heap_alloc(MEMBERS_MAX * sizeof *list);
	uint32_t n = list != NULL ? members(j, list, MEMBERS_MAX) : 0;
	uint64_t u, k;

	lock_take(&j->lock);
	*user = j->user;
	*kernel = j->kernel;
	lock_drop(&j->lock);
	for (uint32_t i = 0; i < n; i++) {
		os_process_times(list[i]->lx, &u, &k);
		*user += (int64_t)(u / TIME_UNIT);
		*kernel += (int64_t)(k / TIME_UNIT);
		ob_put(&list[i]->ob);
	}
	heap_free(list);
}

/* ---- Time ---- */

static void job_is_over(struct nt_job *j)
{
	bool post;

	lock_take(&j->lock);
	post = j->end_action == END_POST;
	j->limits.basic.LimitFlags &= ~LIMIT_JOB_TIME;
	lock_drop(&j->lock);
	if (post)
		job_tell(j, MSG_JOB_TIME, 0);
	else
		(void)job_end(j, ERROR_NOT_ENOUGH_QUOTA);
}

static void look_at(struct nt_process *p)
{
	uint64_t user, kernel;

	os_process_times(p->lx, &user, &kernel);
	for (struct nt_job *j = p->job; j != NULL; j = j->parent) {
		uint32_t flags = j->limits.basic.LimitFlags;
		int64_t all_user, all_kernel;

		if ((flags & LIMIT_PROCESS_TIME) && (int64_t)(user / TIME_UNIT) >= j->limits.basic.PerProcessUserTimeLimit) {
			job_tell(j, MSG_PROCESS_TIME, p->pid);
			(void)ps_process_kill(p, ERROR_NOT_ENOUGH_QUOTA);
			return;
		}
		if (!(flags & LIMIT_JOB_TIME))
			continue;
		job_times(j, &all_user, &all_kernel);
		if (all_user >= j->time_end)
			job_is_over(j);
	}
}

void ps_jobs_tick(uint64_t now)
{
	struct nt_state *nt = nt_state();
	struct nt_process **list;
	uint32_t n;

	if (LIKELY(!atomic_load_explicit(&nt->timed_jobs, memory_order_relaxed)) || now < nt->jobs_due)
		return;
	nt->jobs_due = now + SCAN_NS;
	list = heap_alloc(MEMBERS_MAX * sizeof *list);
	n = list != NULL ? members(NULL, list, MEMBERS_MAX) : 0;
	for (uint32_t i = 0; i < n; i++) {
		look_at(list[i]);
		ob_put(&list[i]->ob);
	}
	heap_free(list);
}

void job_limits_set(struct nt_job *j, const struct extended_limits *l, bool extended)
{
	int64_t user = 0, kernel;

	if (l->basic.LimitFlags & LIMIT_JOB_TIME)
		job_times(j, &user, &kernel);
	lock_take(&j->lock);
	if (extended) {
		uint64_t peaks[2] = { j->limits.PeakProcessMemoryUsed, j->limits.PeakJobMemoryUsed };

		j->limits = *l;
		j->limits.PeakProcessMemoryUsed = peaks[0];
		j->limits.PeakJobMemoryUsed = peaks[1];
	} else {
		j->limits.basic = l->basic;
	}
	j->time_end = user + l->basic.PerJobUserTimeLimit; /* what was used before does not count */
	lock_drop(&j->lock);
	if (l->basic.LimitFlags & TIMED)
		atomic_store(&nt_state()->timed_jobs, 1);
}

/* ---- Memory ---- */

static uint64_t committed_by(const struct nt_job *j)
{
	struct nt_state *nt = nt_state();
	uint64_t pages = 0;

	lock_take(&nt->procs_lock);
	LIST_FOR (p, &nt->processes, struct nt_process, all)
		if (p->job != NULL && p->exit_time == 0 && job_is_below(p->job, j))
			pages += __atomic_load_n(&p->committed_pages, __ATOMIC_RELAXED);
	lock_drop(&nt->procs_lock);
	return pages << PAGE_SHIFT;
}

static bool fits(struct nt_job *j, const struct nt_process *p, uint64_t bytes)
{
	uint64_t own = (p->committed_pages << PAGE_SHIFT) + bytes, all;

	if ((j->limits.basic.LimitFlags & LIMIT_PROCESS_MEMORY) && own > j->limits.ProcessMemoryLimit) {
		job_tell(j, MSG_PROCESS_MEMORY, p->pid);
		return false;
	}
	if (j->limits.basic.LimitFlags & LIMIT_JOB_MEMORY) {
		all = committed_by(j) + bytes;
		if (all > j->limits.JobMemoryLimit) {
			job_tell(j, MSG_JOB_MEMORY, p->pid);
			return false;
		}
		j->limits.PeakJobMemoryUsed = MAX(j->limits.PeakJobMemoryUsed, all);
	}
	j->limits.PeakProcessMemoryUsed = MAX(j->limits.PeakProcessMemoryUsed, own);
	return true;
}

bool ps_job_may_commit(struct nt_process *p, uint64_t bytes)
{
	for (struct nt_job *j = p->job; j != NULL; j = j->parent)
		if (!fits(j, p, bytes))
			return false;
	return true;
}
