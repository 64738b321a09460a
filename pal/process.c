/* SPDX-License-Identifier: MIT */
/*
 * pal/process.c - picoprocesses: fresh ones by the monitor, copies by the host's clone.
 *
 * A copy is a child of the monitor (CLONE_PARENT), which alone reaps.  It gets its own
 * channel first: the parent asks for one, or has one that came in advance and only says
 * whose it will be; both have the descriptor after the clone, and each closes what is not
 * its own.  pal's private locks are held across the clone, so the child finds private
 * state at rest.  The monitor reports every death on the
 * deaths stream; its reader (kproc) marks process and threads ended.
 */
#include "pal/pal.h"
#include "rt/mem.h"

struct process *process_new(void)
{
	struct process *p = (struct process *)object_new(DK_KIND_PROCESS, 0, 0, 0);

	if (!p)
		return NULL;
	p->pico = 0;
	p->has_code = p->code = p->wait_status = 0;
	atomic_store(&p->tgid, 0);
	atomic_store(&p->object.refs, 2); /* the creator's, and that of life */
	return p;
}

static void process_forget(struct process *p)
{
	dk_handle h = atomic_load(&p->object.handle);

	(void)object_put(h);
	(void)object_put(h);
}

static enum dk_status spawn(const char *image, uint64_t parameter, dk_handle *process)
{
	struct process *p = process_new();
	struct rpc r = { .req = { .op = MON_SPAWN }, .text = image, .text_len = strnlen(image, MON_TEXT_MAX + 1) };
	dk_handle h;
	enum dk_status status;

	if (!p)
		return DK_TOO_MANY;
	h = atomic_load(&p->object.handle);
	r.req.args[0] = parameter;
	r.req.args[1] = object_index(&p->object);
	status = rpc_call(&r);
	if (status != DK_OK) {
		process_forget(p);
		return status;
	}
	/* It may be dead, and known to be, by now; the creator's reference keeps the entry. */
	p->pico = r.reply.value[0];
	*process = h;
	return DK_OK;
}

/*
 * The start on one CPU (monitor/affinity.c).  A second thread would inherit that, so the
 * first thread says so before it makes one; nobody else is there to race with.
 */
static uint64_t gathered_until;

void process_gather(void)
{
	gathered_until = pal_now() + MON_GATHER_NS;
}

void process_not_gathered(void)
{
	gathered_until = 0;
}

bool process_gathered(void)
{
	return gathered_until != 0 && pal_now() < gathered_until;
}

void process_spread(void)
{
	struct rpc r = { .req = { .op = MON_SPREAD } };

	if (gathered_until == 0)
		return;
	gathered_until = 0;
	(void)rpc_call(&r);
}

/* Copies this picoprocess has made, as far as it matters: from the second on it gets channels in advance. */
static uint32_t copies;

/* First thing in a clone: becomes itself. */
static void become_child(struct process *p, struct thread *t, int fd, uint64_t pico)
{
	struct dk_tb *tb = pal_tb();
	struct rpc hello = { .req = { .op = MON_HELLO } };
	int slot = (int)tb->pal[TBP_SLOT];
	uint32_t tid;

	(void)HOST1(close, channel_fd);
	channel_fd = fd;
	grant_after_clone();
	copies = 0;
	pal_pico = pico;
	pal_process = object_index(&p->object);
	gathered_until = 0;
	slots_after_clone(slot);
	tid = atomic_load(slot_busy(slot));
	atomic_store(&p->tgid, tid);
	tb->work = 0;
	atomic_store(&t->tgid, tid);
	atomic_store(&t->tid, tid);
	thread_setup(tb, t);
	pal_boot.tb = tb;
	pal_boot.process = atomic_load(&p->object.handle);
	pal_boot.thread = atomic_load(&t->object.handle);
	pal_boot.deaths = DK_NO_HANDLE;
	pal_boot.role = pal_boot.role == DK_ROLE_BARE ? DK_ROLE_BARE : DK_ROLE_GUEST;
	stream_after_clone();
	rpc_send_locked(&hello);
	mutex_drop(&cache_lock);
	mutex_drop(&channel_lock);
	mutex_drop(&net_lock);
	signals_unblock();
}

/*
 * MON_COPY, to a picoprocess that has booted and not started: another like it, which is
 * back here next and waits for its own messages on its own channel fd.  Only one thread
 * is there, and no process entry yet.
 */
void process_copy(int fd, uint64_t pico)
{
	struct rpc hello = { .req = { .op = MON_HELLO } };
	struct rpc failed = { .req = { .op = MON_CLONED, .args = { pico } } };
	long pid = HOST6(clone, CLONE_PROCESS_FLAGS, 0, 0, slot_busy(0), 0, 0);

	if (pid != 0) {
		(void)HOST1(close, fd);
		if (pid < 0)
			rpc_send(&failed);
		return;
	}
	(void)HOST1(close, channel_fd);
	channel_fd = fd;
	pal_pico = pico;
	stream_after_clone();
	rpc_send(&hello);
}

/* The channel of the copy that is about to be made, which the monitor knows of. */
static enum dk_status announce(struct process *p, struct grant *g)
{
	struct rpc r = { .req = { .op = MON_CLONE, .args = { object_index(&p->object), 0, copies++ > 0 } } };
	enum dk_status status;

	*g = grant_take();
	if (g->fd >= 0) {
		r.req.args[1] = g->pico;
		grant_ask(&r);
		return DK_OK;
	}
	status = rpc_call_locked(&r);
	if (status != DK_OK)
		return status;
	if (r.fd < 0)
		pal_panic("pal: the monitor gave no channel for a copy");
	*g = (struct grant){ r.reply.value[0], r.fd };
	grant_keep(&r);
	return DK_OK;
}

/* Nobody else may have its process index before the monitor has heard of this: SPREAD has an answer. */
static void clone_failed(uint64_t pico)
{
	struct rpc failed = { .req = { .op = MON_CLONED, .args = { pico } } };
	struct rpc heard = { .req = { .op = MON_SPREAD } };

	rpc_send_locked(&failed);
	(void)rpc_call_locked(&heard);
}

static enum dk_status clone_locked(struct process *p, struct thread *t, bool *in_child)
{
	struct grant g;
	enum dk_status status = announce(p, &g);
	int slot = (int)pal_tb()->pal[TBP_SLOT];
	long pid;

	if (status != DK_OK)
		return status;
	p->pico = g.pico;
	signals_block();
	pid = HOST6(clone, CLONE_PROCESS_FLAGS, 0, 0, slot_busy(slot), 0, 0);
	if (pid == 0) {
		become_child(p, t, g.fd, g.pico);
		*in_child = true;
		return DK_OK;
	}
	signals_unblock();
	(void)HOST1(close, g.fd);
	if (pid < 0) {
		clone_failed(g.pico);
		return pid == -HOST_EAGAIN ? DK_NO_MEMORY : status_of(pid);
	}
	return DK_OK;
}

static enum dk_status clone_process(dk_handle *process)
{
	struct process *p = process_new();
	struct thread *t = p ? thread_new(object_index(&p->object)) : NULL;
	dk_handle h = p ? atomic_load(&p->object.handle) : 0;
	bool in_child = false;
	enum dk_status status = DK_TOO_MANY;

	if (t) {
		mutex_take(&net_lock);
		mutex_take(&channel_lock);
		mutex_take(&cache_lock);
		status = clone_locked(p, t, &in_child);
		if (in_child) {
			*process = DK_NO_HANDLE;
			return DK_OK;
		}
		mutex_drop(&cache_lock);
		mutex_drop(&channel_lock);
		mutex_drop(&net_lock);
	}
	if (status == DK_OK) {
		*process = h;
		return DK_OK;
	}
	if (t)
		thread_unmade(t);
	if (p)
		process_forget(p);
	return status;
}

static enum dk_status start_kproc(const char *image, uint64_t ms, dk_handle *process)
{
	struct process *p = &shared()->processes[MON_KPROC_INDEX];
	struct rpc r = { .req = { .op = MON_SPAWN }, .text = image, .text_len = strnlen(image, MON_TEXT_MAX + 1) };
	struct rpc soon = { .req = { .op = MON_BEAT, .args = { 0, ms } } };
	enum dk_status status = DK_OK;

	if (ms != 0)
		rpc_send(&soon);
	else
		status = rpc_call(&r);
	if (status == DK_OK)
		*process = atomic_load(&p->object.handle);
	return status;
}

enum dk_status DkProcessCreate(const char *image, uint64_t parameter, uint32_t flags, dk_handle *process)
{
	if (flags > DK_PROCESS_KPROC || !(flags & DK_PROCESS_CLONE) != !!image)
		return DK_INVALID_ARG;
	if (image && (flags & DK_PROCESS_KPROC))
		return pal_boot.role == DK_ROLE_BARE ? DK_NOT_SUPPORTED : start_kproc(image, parameter, process);
	return image ? spawn(image, parameter, process) : clone_process(process);
}

enum dk_status DkProcessGetExitCode(dk_handle process, uint32_t *code)
{
	struct object *o = DK_HANDLE_KIND(process) == DK_KIND_PROCESS ? object_find(process) : NULL;
	struct process *p = (struct process *)o;

	if (!o)
		return DK_INVALID_HANDLE;
	if (!atomic_load(&o->state))
		return DK_RUNNING;
	if (p->has_code)
		*code = p->code;
	else if (p->wait_status & 0x7f)
		*code = 256 + (p->wait_status & 0x7f);
	else
		*code = p->wait_status >> 8 & 0xff;
	return DK_OK;
}

enum dk_status DkProcessExit(uint32_t code)
{
	struct process *p = &shared()->processes[pal_process];
	struct rpc r = { .req = { .op = MON_EXIT, .args = { code } } };

	threads_settle();
	p->code = code;
	p->has_code = 1;
	/* They speak for all of the sandbox; the first, while it is alone. */
	if (pal_boot.role == DK_ROLE_KPROC || pal_boot.role == DK_ROLE_FIRST || (pal_boot.role == DK_ROLE_BARE && pal_process == 0))
		rpc_send(&r);
	for (;;)
		(void)HOST1(exit_group, code & 0xff);
}

/* The monitor knows processes by index. */
static uint64_t usage_store(const struct mon_usage *u, uint64_t count, struct dk_memory_usage *out, uint64_t room)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < count && n < room; i++) {
		struct mon_usage one = u[i];

		if (one.process_index < PS_PROCESSES || one.process_index == UINT64_MAX)
			out[n++] = (struct dk_memory_usage){ .process = one.process_index == UINT64_MAX ? DK_NO_HANDLE :
				atomic_load(&shared()->processes[one.process_index].object.handle), .anon = one.anon, .file = one.file, .shared = one.shared };
	}
	return n;
}

_Static_assert(sizeof(struct mon_usage) == sizeof(struct dk_memory_usage), "usage");

/* Both structs have one size, so that the reply's room is the caller's buffer. */
enum dk_status process_usage(dk_handle process, bool total, struct dk_memory_usage *out, uint64_t room, uint64_t *done)
{
	struct rpc r = { .req = { .op = MON_USAGE, .args = { total ? MON_USAGE_TOTAL : MON_USAGE_ALL } }, .data = out, .data_size = room * sizeof(struct mon_usage) };
	enum dk_status status;

	if (process != DK_NO_HANDLE) {
		if (DK_HANDLE_KIND(process) != DK_KIND_PROCESS || !object_find(process))
			return DK_INVALID_HANDLE;
		r.req.args[0] = DK_HANDLE_INDEX(process);
	}
	status = rpc_call(&r);
	if (status != DK_OK)
		return status;
	*done = sizeof *out * usage_store((const struct mon_usage *)out, r.reply.data_len / sizeof(struct mon_usage), out, room);
	return DK_OK;
}

/* The picoprocess is gone: its threads are out of all waiting lists, then they and it end. */
static void process_ended(struct process *p, const struct mon_death *d)
{
	struct shared *s = shared();
	uint32_t high = atomic_load(&s->threads_table.high);

	for (uint32_t i = 0; i < high; i++) {
		struct thread *t = &s->threads[i];

		if (atomic_load(&t->object.handle) == 0 || __atomic_load_n(&t->process, __ATOMIC_ACQUIRE) != d->process_index || atomic_load(&t->object.state))
			continue;
		waits_drop(t);
		thread_ended(t);
	}
	p->wait_status = d->wait_status;
	object_signal(&p->object);
	(void)object_put(atomic_load(&p->object.handle));
}

void process_died(const struct mon_death *d, struct dk_death *out)
{
	struct process *p;

	*out = (struct dk_death){ DK_NO_HANDLE, d->kind == MON_NOTE_MEMORY ? DK_DEATH_MEMORY : d->wait_status, 0, 0 };
	if (d->kind == MON_NOTE_ASK) {
		out->ask = (uint32_t)d->process_index;
		out->number = (uint32_t)d->pico;
	}
	if (d->kind != MON_NOTE_DEATH)
		return;
	if (d->process_index >= PS_PROCESSES)
		pal_panic("pal: the monitor reports the death of process %lu", d->process_index);
	p = &shared()->processes[d->process_index];
	out->process = atomic_load(&p->object.handle);
	if (out->process == DK_NO_HANDLE)
		out->wait_status = 0; /* a copy that was never made: nobody's death, and no signal either */
	if (out->process != DK_NO_HANDLE && !atomic_load(&p->object.state))
		process_ended(p, d);
}
