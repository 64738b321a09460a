/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/job.c - job objects: groups of processes with limits, accounts, and an end in common.
 *
 * A process is in at most one chain of jobs: that it was put into last (p->job), and that job's parents; it counts in each of
 * them.  A job gets a parent when a process that is in another job is put into it while it is empty.  Lock NTJOB of each job, inner
 * before outer never held together; p->job and p->job_link are changed under the job's lock and NTPROC.  A process
 * holds a reference on its job, a job on its parent.
 *
 * The limits that are kept: active processes, kill on close, breakaway, time and memory (job_limits.c).  Priority class and affinity are
 * remembered and shown.
 */
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/ps/job.h"
#include "nt/ps/ps.h"
#include "ntcalls.gen.h"

/* ---- Telling ---- */

void job_tell(struct nt_job *j, uint32_t message, uint64_t value)
{
	struct ob_object *port;
	uint64_t key;

	lock_take(&j->lock);
	port = j->port;
	key = j->port_key;
	if (port != NULL)
		ob_get(port);
	lock_drop(&j->lock);
	if (port == NULL)
		return;
	(void)ex_completion_post(port, key, value, STATUS_SUCCESS, message);
	ob_put(port);
}

/* ---- Coming and going ---- */

static NTSTATUS count_in(struct nt_job *j)
{
	NTSTATUS status = STATUS_SUCCESS;

	lock_take(&j->lock);
	if ((j->limits.basic.LimitFlags & LIMIT_ACTIVE_PROCESS) && j->active >= j->limits.basic.ActiveProcessLimit)
		status = STATUS_QUOTA_EXCEEDED;
	if (status == STATUS_SUCCESS) {
		j->active++;
		j->total++;
	}
	lock_drop(&j->lock);
	return status;
}

static void count_out(struct nt_job *j, bool never_was, uint64_t user, uint64_t kernel)
{
	bool over;

	lock_take(&j->lock);
	j->active--;
	j->total -= never_was;
	j->user += (int64_t)user;
	j->kernel += (int64_t)kernel;
	over = j->ended && j->active == 0;
	lock_drop(&j->lock);
	if (over)
		(void)ex_signal(&j->ob, 1);
}

/* In j and its parents up to `outer`, or in none. */
static NTSTATUS chain_in(struct nt_job *j, struct nt_job *outer)
{
	for (struct nt_job *at = j; at != outer; at = at->parent) {
		NTSTATUS status = count_in(at);

		if (status == STATUS_SUCCESS)
			continue;
		if (status == STATUS_QUOTA_EXCEEDED)
			job_tell(at, MSG_ACTIVE_LIMIT, 0);
		for (struct nt_job *back = j; back != at; back = back->parent)
			count_out(back, true, 0, 0);
		return status;
	}
	return STATUS_SUCCESS;
}

bool job_is_below(const struct nt_job *j, const struct nt_job *outer)
{
	while (j != NULL && j != outer)
		j = j->parent;
	return j == outer;
}

/* j may hang below `outer` from now on, if it does not yet: one that never had a process. */
static bool adopt(struct nt_job *j, struct nt_job *outer)
{
	bool ok;

	if (outer == NULL)
		return true; /* counts in j's parents as well */
	if (j->parent != NULL || j == outer)
		return j != outer && job_is_below(j, outer);
	if (job_is_below(outer, j))
		return false;
	lock_take(&j->lock);
	ok = j->total == 0 && j->parent == NULL;
	if (ok) {
		ob_get(&outer->ob);
		j->parent = outer;
	}
	lock_drop(&j->lock);
	return ok;
}

/* p, in no job's list now, is in j's; it has a reference on it. */
static void list_in(struct nt_job *j, struct nt_process *p)
{
	ob_get(&j->ob);
	lock_take(&j->lock);
	list_append(&j->processes, &p->job_link);
	p->job = j;
	lock_drop(&j->lock);
}

static struct nt_job *list_out(struct nt_process *p)
{
	struct nt_job *j = p->job;

	if (j == NULL)
		return NULL;
	lock_take(&j->lock);
	list_remove(&p->job_link);
	p->job = NULL;
	lock_drop(&j->lock);
	return j;
}

static NTSTATUS assign(struct nt_job *j, struct nt_process *p)
{
	struct nt_job *outer = p->job;
	NTSTATUS status;

	if (p->dying || p->exit_time != 0)
		return STATUS_PROCESS_IS_TERMINATING;
	if (outer == j)
		return STATUS_SUCCESS;
	if (!adopt(j, outer))
		return STATUS_ACCESS_DENIED;
	status = chain_in(j, outer);
	if (status == STATUS_QUOTA_EXCEEDED)
		ps_process_mark(p, ERROR_NOT_ENOUGH_QUOTA); /* as it is documented: who is too many ends */
	if (status != STATUS_SUCCESS)
		return status;
	if (outer != NULL)
		ob_put(&list_out(p)->ob);
	list_in(j, p);
	for (struct nt_job *at = j; at != outer; at = at->parent)
		job_tell(at, MSG_NEW, p->pid);
	return STATUS_SUCCESS;
}

NTSTATUS ps_job_inherit(struct nt_process *parent, struct nt_process *child, bool breakaway)
{
	uint32_t leaves = LIMIT_SILENT_BREAKAWAY | (breakaway ? LIMIT_BREAKAWAY_OK : 0);
	struct nt_job *j = parent->job;

	if (j != NULL && breakaway && !(j->limits.basic.LimitFlags & leaves))
		return STATUS_ACCESS_DENIED;
	while (j != NULL && (j->limits.basic.LimitFlags & leaves)) /* up to the first that keeps it */
		j = j->parent;
	return j != NULL ? assign(j, child) : STATUS_SUCCESS;
}

/* Ends that are told as such: those of exceptions that nobody handled. */
static bool is_abnormal(NTSTATUS status)
{
	return status == STATUS_ACCESS_VIOLATION || status == STATUS_BREAKPOINT || status == STATUS_CONTROL_C_EXIT || status == STATUS_DATATYPE_MISALIGNMENT ||
		status == STATUS_ILLEGAL_INSTRUCTION || status == STATUS_IN_PAGE_ERROR || status == STATUS_PRIVILEGED_INSTRUCTION ||
		status == STATUS_STACK_OVERFLOW || status == STATUS_NONCONTINUABLE_EXCEPTION || status == STATUS_INVALID_DISPOSITION ||
		(status >= STATUS_ARRAY_BOUNDS_EXCEEDED && status <= STATUS_INTEGER_OVERFLOW);
}

void ps_job_process_ended(struct nt_process *p)
{
	struct nt_job *j = p->job; /* which stays its job, for who asks */
	const struct ps_process *ps = ps_of_process(p);

	if (j == NULL)
		return;
	lock_take(&j->lock);
	list_remove(&p->job_link);
	lock_drop(&j->lock);
	for (struct nt_job *at = j; at != NULL; at = at->parent) {
		count_out(at, false, ps->times[0] / 100, ps->times[1] / 100);
		job_tell(at, is_abnormal(p->exit_status) ? MSG_ABNORMAL : MSG_EXIT, p->pid);
		if (__atomic_load_n(&at->active, __ATOMIC_ACQUIRE) == 0)
			job_tell(at, MSG_ZERO, 0);
	}
}

void ps_job_forget(struct nt_process *p)
{
	ob_put(&p->job->ob);
}

/* ---- The end ---- */

/* A member of j, or of a job below it, that lives; with a reference. */
static struct nt_process *a_member(struct nt_job *j)
{
	struct nt_state *nt = nt_state();
	struct nt_process *found = NULL;

	lock_take(&nt->procs_lock);
	LIST_FOR (p, &nt->processes, struct nt_process, all)
		if (!ps_of_process(p)->exit_said && p->job != NULL && job_is_below(p->job, j)) {
			ob_get(&p->ob);
			found = p;
			break;
		}
	lock_drop(&nt->procs_lock);
	return found;
}

/* True: the caller's process is one of them, and is to end too. */
static bool end_all(struct nt_job *j, NTSTATUS code)
{
	struct nt_thread *t = pico_current() != NULL ? nt_current() : NULL; /* kproc is none */
	struct nt_process *me = t != NULL ? t->process : NULL, *p;
	bool mine = false;

	while ((p = a_member(j)) != NULL) {
		if (p == me && !mine) {
			lock_take(&p->lock);
			p->exit_status = code;
			ps_of_process(p)->exit_said = 1;
			lock_drop(&p->lock);
			mine = true;
		} else {
			(void)ps_process_kill(p, code);
		}
		ob_put(&p->ob);
	}
	return mine;
}

bool job_end(struct nt_job *j, NTSTATUS code)
{
	bool over;

	lock_take(&j->lock);
	j->ended = 1;
	over = j->active == 0;
	lock_drop(&j->lock);
	if (over)
		(void)ex_signal(&j->ob, 1);
	return end_all(j, code);
}

static void job_close(struct ob_object *o, struct nt_process *p, bool last)
{
	struct nt_job *j = (struct nt_job *)o;
	struct nt_thread *t;

	(void)p;
	if (!last || !(j->limits.basic.LimitFlags & LIMIT_KILL_ON_CLOSE))
		return;
	if (!end_all(j, 0))
		return;
	t = nt_current();
	ps_process_mark(t->process, 0);
}

static void job_destroy(struct ob_object *o)
{
	struct nt_job *j = (struct nt_job *)o;

	ob_put(j->port);
	if (j->parent != NULL)
		ob_put(&j->parent->ob);
	arena_free(j);
}

const struct ob_type ob_type_job = {
	.name = "Job",
	.read = READ_CONTROL | JOB_QUERY,
	.write = READ_CONTROL | JOB_ASSIGN_PROCESS | JOB_SET_ATTRIBUTES | JOB_TERMINATE,
	.execute = READ_CONTROL | SYNCHRONIZE,
	.all = JOB_ALL_ACCESS,
	.waitable = true,
	.destroy = job_destroy,
	.close = job_close,
};

/* ---- The calls ---- */

NTSTATUS NtCreateJobObject(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes)
{
	struct nt_job *j = ob_alloc(OB_JOB, sizeof *j);

	(void)t;
	if (j == NULL)
		return STATUS_NO_MEMORY;
	lock_init(&j->lock, LOCK_NTJOB);
	list_init(&j->processes);
	return ob_create_handle(attributes, access, &j->ob, handle);
}

NTSTATUS NtOpenJobObject(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes)
{
	(void)t;
	return ob_open_handle(attributes, access, OB_JOB, handle);
}

NTSTATUS ps_job_assign_handle(uint64_t job, struct nt_process *p)
{
	struct ob_object *o = NULL;
	NTSTATUS status = ob_by_handle(job, OB_JOB, JOB_ASSIGN_PROCESS, &o);

	if (status == STATUS_SUCCESS)
		status = assign((struct nt_job *)o, p);
	ob_put(o);
	return status;
}

NTSTATUS NtAssignProcessToJobObject(struct nt_thread *t, uint64_t job, uint64_t process)
{
	struct ob_object *p = NULL;
	NTSTATUS status = ob_by_handle(process, OB_PROCESS, PROCESS_SET_QUOTA | PROCESS_TERMINATE, &p);

	(void)t;
	if (status == STATUS_SUCCESS)
		status = ps_job_assign_handle(job, (struct nt_process *)p);
	ob_put(p);
	return status;
}

NTSTATUS NtIsProcessInJob(struct nt_thread *t, uint64_t process, uint64_t job)
{
	struct ob_object *p = NULL, *j = NULL;
	NTSTATUS status = ob_by_handle(process, OB_PROCESS, PROCESS_QUERY_LIMITED_INFORMATION, &p);
	bool in = false;

	(void)t;
	if (status == STATUS_SUCCESS && job != 0)
		status = ob_by_handle(job, OB_JOB, JOB_QUERY, &j);
	if (status == STATUS_SUCCESS) {
		struct nt_job *of = ((struct nt_process *)p)->job;

		in = of != NULL && (j == NULL || job_is_below(of, (struct nt_job *)j));
	}
	ob_put(j);
	ob_put(p);
	return status != STATUS_SUCCESS ? status : in ? (NTSTATUS)STATUS_PROCESS_IN_JOB : (NTSTATUS)STATUS_PROCESS_NOT_IN_JOB;
}

NTSTATUS NtTerminateJobObject(struct nt_thread *t, uint64_t job, uint32_t code)
{
	struct ob_object *o = NULL;
	NTSTATUS status = ob_by_handle(job, OB_JOB, JOB_TERMINATE, &o);
	bool mine;

	if (status != STATUS_SUCCESS)
		return status;
	mine = job_end((struct nt_job *)o, code);
	ob_put(o);
	if (mine)
		ps_process_exit(t, code);
	return STATUS_SUCCESS;
}
