/* SPDX-License-Identifier: MIT */
/* nt/ps/job_info.c - what is asked of job objects, and set: accounts, members, limits, completion port. */
#include "nt/ex/ex.h"
#include "nt/ke/user.h"
#include "nt/ps/job.h"
#include "nt/ps/ps.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

/* ---- What is known of one ---- */

static void account(struct nt_job *j, struct accounting *a)
{
	job_times(j, &a->TotalUserTime, &a->TotalKernelTime);
	a->ThisPeriodTotalUserTime = a->TotalUserTime;
	a->ThisPeriodTotalKernelTime = a->TotalKernelTime;
	lock_take(&j->lock);
	a->TotalProcesses = j->total;
	a->ActiveProcesses = j->active;
	a->TotalTerminatedProcesses = j->terminated;
	lock_drop(&j->lock);
}

/* Ids of members, but for the first `skip`: how many. */
static uint32_t members(struct nt_job *j, uint32_t skip, uint64_t *ids, uint32_t room)
{
	struct nt_state *nt = nt_state();
	uint32_t n = 0;

	lock_take(&nt->procs_lock);
	LIST_FOR (p, &nt->processes, struct nt_process, all)
		if (p->job != NULL && p->exit_time == 0 && job_is_below(p->job, j)) {
			if (skip != 0)
				skip--;
			else if (n < room)
				ids[n++] = p->pid;
		}
	lock_drop(&nt->procs_lock);
	return n;
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
		if (p->job != NULL && p->exit_time == 0 && job_is_below(p->job, j)) {
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
	job_limits_set(j, &l, extended);
	return STATUS_SUCCESS;
}

/* Those that are there already are told as new. */
static void tell_members(struct nt_job *j)
{
	uint64_t ids[16];
	uint32_t n, done = 0;

	do {
		n = members(j, done, ids, ARRAY_LEN(ids));
		for (uint32_t i = 0; i < n; i++)
			job_tell(j, MSG_NEW, ids[i]);
		done += n;
	} while (n == ARRAY_LEN(ids));
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
	if (status == STATUS_SUCCESS && a.port != 0)
		tell_members(j);
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
