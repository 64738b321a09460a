/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/job.c - job objects: groups of processes with limits, accounts, and an end in common.
 *
 * A process is in at most one chain of jobs: that it was put into last (p->job), and that job's parents; it counts in each of
 * them.  A job gets a parent when a process that is in another job is put into it while it is empty.  Lock NTJOB of each job, inner
 * before outer never held together; p->job and p->job_link are changed under the job's lock and NTPROC.  A process
 * holds a reference on its job, a job on its parent.
 *
 * The limits that are kept: active processes, kill on close, breakaway, priority class and affinity for who asks.  Time and memory limits
 * are remembered and shown, and have no effect.
 */
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/ps/ps.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

#define JOB_ASSIGN_PROCESS     0x01u
#define JOB_SET_ATTRIBUTES     0x02u
#define JOB_QUERY              0x04u
#define JOB_TERMINATE          0x08u
#define JOB_ALL_ACCESS         0x1f003fu

#define LIMIT_ACTIVE_PROCESS   0x0008u
#define LIMIT_BREAKAWAY_OK     0x0800u
#define LIMIT_SILENT_BREAKAWAY 0x1000u
#define LIMIT_KILL_ON_CLOSE    0x2000u
#define LIMITS_BASIC           0x00ffu
#define LIMITS_ALL             0x7fffu

enum { MSG_ACTIVE_LIMIT = 3, MSG_ZERO = 4, MSG_NEW = 6, MSG_EXIT = 7, MSG_ABNORMAL = 8 };

struct basic_limits {
	int64_t PerProcessUserTimeLimit, PerJobUserTimeLimit;
	uint32_t LimitFlags, pad;
	uint64_t MinimumWorkingSetSize, MaximumWorkingSetSize;
	uint32_t ActiveProcessLimit, pad2;
	uint64_t Affinity;
	uint32_t PriorityClass, SchedulingClass;
};
struct extended_limits {
	struct basic_limits basic;
	uint64_t io[6], ProcessMemoryLimit, JobMemoryLimit, PeakProcessMemoryUsed, PeakJobMemoryUsed;
};
struct accounting {
	int64_t TotalUserTime, TotalKernelTime, ThisPeriodTotalUserTime, ThisPeriodTotalKernelTime;
	uint32_t TotalPageFaultCount, TotalProcesses, ActiveProcesses, TotalTerminatedProcesses;
	uint64_t io[6];
};
_Static_assert(sizeof(struct basic_limits) == 0x40 && sizeof(struct extended_limits) == 0x90 && sizeof(struct accounting) == 0x60, "job");

struct nt_job {
	struct ob_object ob;      /* OB_JOB.  Signalled when it was ended and has no process left */
	LOCK(NTJOB) lock;
	struct list processes;    /* [NTJOB] by job_link: those that are in no job below */
	struct nt_job *parent;    /* [NTJOB] a reference; set once */
	uint32_t active, total, terminated; /* [NTJOB] with those of jobs below */
	uint32_t ended;           /* [NTJOB] NtTerminateJobObject came */
	uint32_t end_action, ui, pad;
	struct extended_limits limits; /* [NTJOB] */
	int64_t user, kernel;     /* [NTJOB] of those that have ended */
	struct ob_object *port;   /* [NTJOB] a reference */
	uint64_t port_key;
};

/* ---- Telling ---- */

static void tell(struct nt_job *j, uint32_t message, uint64_t value)
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
	else if (j->ended)
		status = STATUS_ACCESS_DENIED;
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
			tell(at, MSG_ACTIVE_LIMIT, 0);
		for (struct nt_job *back = j; back != at; back = back->parent)
			count_out(back, true, 0, 0);
		return status;
	}
	return STATUS_SUCCESS;
}

static bool is_below(const struct nt_job *j, const struct nt_job *outer)
{
	while (j != NULL && j != outer)
		j = j->parent;
	return j == outer;
}

/* j may hang below `outer` from now on, if it does not yet. */
static bool adopt(struct nt_job *j, struct nt_job *outer)
{
	bool ok;

	if (outer == NULL)
		return true; /* counts in j's parents as well */
	if (j->parent != NULL || j == outer)
		return j != outer && is_below(j, outer);
	if (is_below(outer, j))
		return false;
	lock_take(&j->lock);
	ok = j->active == 0 && j->parent == NULL;
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
	if (status != STATUS_SUCCESS)
		return status;
	if (outer != NULL)
		ob_put(&list_out(p)->ob);
	list_in(j, p);
	for (struct nt_job *at = j; at != outer; at = at->parent)
		tell(at, MSG_NEW, p->pid);
	return STATUS_SUCCESS;
}

NTSTATUS ps_job_inherit(struct nt_process *parent, struct nt_process *child, bool breakaway)
{
	struct nt_job *j = parent->job;
	uint32_t flags;

	if (j == NULL)
		return STATUS_SUCCESS;
	flags = j->limits.basic.LimitFlags;
	if (flags & LIMIT_SILENT_BREAKAWAY)
		return STATUS_SUCCESS;
	if (breakaway)
		return flags & LIMIT_BREAKAWAY_OK ? STATUS_SUCCESS : (NTSTATUS)STATUS_ACCESS_DENIED;
	return assign(j, child);
}

static bool is_abnormal(NTSTATUS status)
{
	return status >= 0xc0000000u;
}

void ps_job_process_ended(struct nt_process *p)
{
	struct nt_job *j = list_out(p);
	const struct ps_process *ps = ps_of_process(p);

	if (j == NULL)
		return;
	for (struct nt_job *at = j; at != NULL; at = at->parent) {
		count_out(at, false, ps->times[0] / 100, ps->times[1] / 100);
		tell(at, is_abnormal(p->exit_status) ? MSG_ABNORMAL : MSG_EXIT, p->pid);
		if (__atomic_load_n(&at->active, __ATOMIC_ACQUIRE) == 0)
			tell(at, MSG_ZERO, 0);
	}
	ob_put(&j->ob);
}

/* ---- The end ---- */

/* A member of j, or of a job below it, that lives; with a reference. */
static struct nt_process *a_member(struct nt_job *j)
{
	struct nt_state *nt = nt_state();
	struct nt_process *found = NULL;

	lock_take(&nt->procs_lock);
	LIST_FOR (p, &nt->processes, struct nt_process, all)
		if (!ps_of_process(p)->exit_said && p->job != NULL && is_below(p->job, j)) {
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

		in = of != NULL && (j == NULL || is_below(of, (struct nt_job *)j));
	}
	ob_put(j);
	ob_put(p);
	return status != STATUS_SUCCESS ? status : in ? (NTSTATUS)STATUS_PROCESS_IN_JOB : (NTSTATUS)STATUS_PROCESS_NOT_IN_JOB;
}

NTSTATUS NtTerminateJobObject(struct nt_thread *t, uint64_t job, uint32_t code)
{
	struct ob_object *o = NULL;
	NTSTATUS status = ob_by_handle(job, OB_JOB, JOB_TERMINATE, &o);
	struct nt_job *j = (struct nt_job *)o;
	bool mine, over;

	if (status != STATUS_SUCCESS)
		return status;
	lock_take(&j->lock);
	j->ended = 1;
	over = j->active == 0;
	lock_drop(&j->lock);
	if (over)
		(void)ex_signal(o, 1);
	mine = end_all(j, code);
	ob_put(o);
	if (mine)
		ps_process_exit(t, code);
	return STATUS_SUCCESS;
}

/* ---- What is known of one ---- */

static void account(struct nt_job *j, struct accounting *a)
{
	lock_take(&j->lock);
	a->TotalUserTime = a->ThisPeriodTotalUserTime = j->user;
	a->TotalKernelTime = a->ThisPeriodTotalKernelTime = j->kernel;
	a->TotalProcesses = j->total;
	a->ActiveProcesses = j->active;
	a->TotalTerminatedProcesses = j->terminated;
	lock_drop(&j->lock);
}

/* JOBOBJECT_BASIC_PROCESS_ID_LIST; a sandbox has fewer processes than are shown. */
#define MEMBERS_SHOWN 65536u
static NTSTATUS id_list(struct nt_job *j, uint64_t buffer, uint32_t size, uint64_t returned)
{
	struct nt_state *nt = nt_state();
	uint32_t room = size >= 8 ? MIN((size - 8) / 8, MEMBERS_SHOWN) : 0, n = 0, all = 0;
	uint64_t *ids = heap_alloc(room * 8ull + 8);
	uint32_t head[2];
	NTSTATUS status;

	if (size < 16 || ids == NULL) {
		heap_free(ids);
		return size < 16 ? (NTSTATUS)STATUS_INFO_LENGTH_MISMATCH : (NTSTATUS)STATUS_NO_MEMORY;
	}
	lock_take(&nt->procs_lock);
	LIST_FOR (p, &nt->processes, struct nt_process, all)
		if (p->job != NULL && is_below(p->job, j)) {
			all++;
			if (n < room)
				ids[n++] = p->pid;
		}
	lock_drop(&nt->procs_lock);
	head[0] = all;
	head[1] = n;
	status = user_write(buffer, head, sizeof head);
	if (status == STATUS_SUCCESS && n != 0)
		status = user_write(buffer + 8, ids, n * 8ull);
	if (status == STATUS_SUCCESS)
		status = user_put32(returned, 8 + n * 8);
	heap_free(ids);
	return status == STATUS_SUCCESS && n < all ? (NTSTATUS)STATUS_BUFFER_OVERFLOW : status;
}

static NTSTATUS query(struct nt_job *j, uint32_t class, uint64_t buffer, uint32_t size, uint64_t returned)
{
	static const uint8_t sizes[] = { [1] = 0x30, [2] = 0x40, [4] = 4, [6] = 4, [8] = 0x60, [9] = 0x90 };
	union {
		struct accounting a;
		struct extended_limits l;
		uint32_t word;
	} u;

	if (class == 3)
		return id_list(j, buffer, size, returned);
	if (class >= ARRAY_LEN(sizes) || sizes[class] == 0)
		return STATUS_INVALID_INFO_CLASS;
	if (size < sizes[class])
		return STATUS_INFO_LENGTH_MISMATCH;
	memset(&u, 0, sizeof u);
	if (class == 1 || class == 8)
		account(j, &u.a);
	else if (class == 4)
		u.word = j->ui;
	else if (class == 6)
		u.word = j->end_action;
	else
		u.l = j->limits;
	return user_answer(buffer, size, &u, sizes[class], returned);
}

/* handle 0: the job of the calling process. */
static NTSTATUS job_asked(struct nt_thread *t, uint64_t job, struct ob_object **o)
{
	if (job != 0)
		return ob_by_handle(job, OB_JOB, JOB_QUERY, o);
	if (t->process->job == NULL)
		return STATUS_ACCESS_DENIED;
	ob_get(*o = &t->process->job->ob);
	return STATUS_SUCCESS;
}

NTSTATUS NtQueryInformationJobObject(struct nt_thread *t, uint64_t job, uint32_t class, uint64_t buffer, uint32_t size, uint64_t returned)
{
	struct ob_object *o = NULL;
	NTSTATUS status = job_asked(t, job, &o);

	if (status != STATUS_SUCCESS)
		return status;
	status = query((struct nt_job *)o, class, buffer, size, returned);
	ob_put(o);
	return status;
}

/* ---- Setting ---- */

static NTSTATUS set_limits(struct nt_job *j, uint64_t buffer, bool extended)
{
	struct extended_limits l;
	NTSTATUS status;

	memset(&l, 0, sizeof l);
	status = user_read(&l, buffer, extended ? sizeof l : sizeof l.basic);
	if (status != STATUS_SUCCESS)
		return status;
	if (l.basic.LimitFlags & ~(extended ? LIMITS_ALL : LIMITS_BASIC))
		return STATUS_INVALID_PARAMETER;
	lock_take(&j->lock);
	if (extended)
		j->limits = l;
	else
		j->limits.basic = l.basic;
	lock_drop(&j->lock);
	return STATUS_SUCCESS;
}

static NTSTATUS set_port(struct nt_job *j, uint64_t buffer)
{
	struct { uint64_t key, port; } a;
	struct ob_object *port = NULL, *old = NULL;
	NTSTATUS status = user_read(&a, buffer, sizeof a);

	if (status == STATUS_SUCCESS && a.port != 0)
		status = ob_by_handle(a.port, OB_COMPLETION, 2 /* IO_COMPLETION_MODIFY_STATE */, &port);
	if (status != STATUS_SUCCESS)
		return status;
	lock_take(&j->lock);
	if (j->port != NULL && port != NULL)
		status = STATUS_INVALID_PARAMETER;
	old = status == STATUS_SUCCESS ? j->port : port;
	if (status == STATUS_SUCCESS) {
		j->port = port;
		j->port_key = a.key;
	}
	lock_drop(&j->lock);
	ob_put(old);
	return status;
}

static const struct { uint32_t class, size; } set_classes[] = { { 2, 0x40 }, { 4, 4 }, { 5, 0 }, { 6, 4 }, { 7, 16 }, { 9, 0x90 }, { 11, 0 }, { 12, 0 },
	{ 15, 0 }, { 32, 0 } };

static NTSTATUS set(struct nt_job *j, uint32_t class, uint64_t buffer)
{
	uint32_t word = 0;
	NTSTATUS status;

	switch (class) {
	case 2:
	case 9:
		return set_limits(j, buffer, class == 9);
	case 7:
		return set_port(j, buffer);
	case 4:
	case 6:
		status = user_read(&word, buffer, sizeof word);
		if (status == STATUS_SUCCESS)
			*(class == 4 ? &j->ui : &j->end_action) = word;
		return status;
	default:
		return STATUS_SUCCESS; /* rates, groups: kept by nobody */
	}
}

NTSTATUS NtSetInformationJobObject(struct nt_thread *t, uint64_t job, uint32_t class, uint64_t buffer, uint32_t size)
{
	struct ob_object *o = NULL;
	uint32_t want = UINT32_MAX;
	NTSTATUS status;

	(void)t;
	for (unsigned i = 0; i < ARRAY_LEN(set_classes); i++)
		if (set_classes[i].class == class)
			want = set_classes[i].size;
	if (want == UINT32_MAX)
		return STATUS_INVALID_INFO_CLASS;
	if (want != 0 && size != want)
		return class == 2 || class == 9 ? (NTSTATUS)STATUS_INVALID_PARAMETER : (NTSTATUS)STATUS_INFO_LENGTH_MISMATCH;
	status = ob_by_handle(job, OB_JOB, JOB_SET_ATTRIBUTES, &o);
	if (status == STATUS_SUCCESS)
		status = set((struct nt_job *)o, class, buffer);
	ob_put(o);
	return status;
}
