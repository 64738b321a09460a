/* SPDX-License-Identifier: MIT */
/*
 * linux/boot.c - the first picoprocess's boot, and kproc: guest pid 1 and the kernel thread.
 *
 * The first picoprocess makes the global state from the settings, boots the parts, and
 * becomes the program's process, guest pid 2.  While it is alone, that is all there is, and
 * its end is the sandbox's.  kproc is started (kproc_need) before there is a second process,
 * with the first timer, or, by the monitor, with a signal to `bailey`.  It does what needs
 * no particular process: it hears which picoprocesses died, passes on the signals, fires
 * timers, and ends the sandbox when the program has ended.  It sleeps until one of these comes.
 */
#include "linux/boot.h"
#include "linux/entry.h"
#include "linux/exec/exec.h"
#include "linux/fs/poll.h"
#include "linux/fs/tty.h"
#include "linux/fs/vfs.h"
#include "linux/misc/timer.h"
#include "linux/mm/futex.h"
#include "linux/mm/mm.h"
#include "linux/proc/exit.h"
#include "linux/proc/proc.h"
#include "linux/sig/sig.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define LATE_DEATHS 32
#define LATE_NS     3000000000ull
#define BOOT_MS     10000u

/* Deaths of picoprocesses that nothing is known of yet: fork's parent may still have to store the handle. */
static struct late_death {
	dk_handle process;
	uint32_t wait_status;
	uint64_t until; /* 0 = free */
} late[LATE_DEATHS];

/* ---- Parts that may need nothing ---- */

#define WEAK __attribute__((weak))

WEAK void ipc_boot(void)
{
}

WEAK void tty_boot(void)
{
}

WEAK void unix_boot(void)
{
}

WEAK void sig_boot(void)
{
}

WEAK void ipc_exit(struct lx_proc *p)
{
	(void)p;
}

/* ---- Settings ---- */

const char *config_get(const struct dk_boot *boot, const char *key, unsigned i)
{
	const char *at = boot->config, *end = at ? at + boot->config_size : NULL;
	size_t n = strlen(key);

	for (; at && at < end && *at; at += strlen(at) + 1)
		if (str_starts(at, key) && at[n] == '=' && i-- == 0)
			return at + n + 1;
	return NULL;
}

static uint64_t config_u64(const struct dk_boot *boot, const char *key, int base, uint64_t otherwise)
{
	const char *s = config_get(boot, key, 0);
	uint64_t n;

	return s && str_u64(s, base, &n) ? n : otherwise;
}

static void parse_names(struct lx_state *lx, const struct dk_boot *boot)
{
	const char *name = config_get(boot, "hostname", 0), *domain = config_get(boot, "domainname", 0);
	const char *id = config_get(boot, "boot_id", 0);

	str_copy(lx->hostname, name ? name : "bailey", sizeof lx->hostname);
	str_copy(lx->domainname, domain ? domain : "(none)", sizeof lx->domainname);
	if (id && strlen(id) == 32)
		(void)fmt_snprintf(lx->boot_id, sizeof lx->boot_id, "%.8s-%.4s-%.4s-%.4s-%.12s", id, id + 8, id + 12, id + 16, id + 20);
	else
		str_copy(lx->boot_id, id ? id : "00000000-0000-4000-8000-000000000000", sizeof lx->boot_id);
}

static unsigned hex_digit(char c)
{
	return c >= '0' && c <= '9' ? (unsigned)(c - '0') : ((unsigned)(c | 32) - 'a' + 10) & 15;
}

static void parse_seed(struct lx_state *lx, const struct dk_boot *boot)
{
	const char *seed = config_get(boot, "seed", 0);

	(void)DkRandomBitsRead(lx->random_state, sizeof lx->random_state);
	for (unsigned i = 0; seed && seed[i] && i < 64; i++)
		lx->random_state[i / 16 % 8] ^= (uint64_t)hex_digit(seed[i]) << i % 16 * 4;
}

static void parse_groups(struct lx_cred *c, const char *s)
{
	if (!s)
		return;
	while (*s && c->ngroups < ARRAY_LEN(c->groups)) {
		uint32_t n = 0;

		while (*s >= '0' && *s <= '9')
			n = n * 10 + (uint32_t)(*s++ - '0');
		c->groups[c->ngroups++] = n;
		s += *s == ',';
		if (*s && (*s < '0' || *s > '9'))
			return;
	}
}

static void cred_set(struct lx_cred *c, uint32_t uid, uint32_t gid)
{
	uint64_t all = (1ull << 41) - 1;

	c->uid = c->euid = c->suid = c->fsuid = uid;
	c->gid = c->egid = c->sgid = c->fsgid = gid;
	c->cap_bounding = all;
	if (uid == 0)
		c->cap_effective = c->cap_permitted = all;
}

/* ---- Objects ---- */

static struct lx_state *state_new(const struct dk_boot *boot)
{
	struct lx_state *lx = arena_alloc(sizeof *lx);

	if (!lx)
		panic("not enough memory to start");
	lock_init(&lx->tasklist, LOCK_TASKLIST);
	list_init(&lx->procs);
	list_init(&lx->graveyard);
	list_init(&lx->dead_threads);
	for (unsigned i = 0; i < ARRAY_LEN(lx->tid_hash); i++)
		list_init(&lx->tid_hash[i]);
	atomic_store(&lx->next_tid, 1);
	lx->boot_mono_ns = pico_now();
	lx->boot_real_ns = pico_now_realtime();
	lx->memtotal = config_u64(boot, "memtotal", 10, 1ull << 30);
	if (boot->memory_limit < lx->memtotal)
		lx->memtotal = boot->memory_limit;
	lx->ncpus = (uint32_t)config_u64(boot, "cpus", 10, boot->ncpus ? boot->ncpus : 1);
	lx->trace = boot->trace[0] != '\0';
	lx->stats = config_u64(boot, "stats", 10, 0) != 0;
	parse_names(lx, boot);
	parse_seed(lx, boot);
	arena_root()->provider_root[PICO_PROVIDER_LINUX] = lx;
	return lx;
}

static void limit(struct lx_proc *p, unsigned which, uint64_t soft, uint64_t hard)
{
	p->rlim[which].rlim_cur = soft;
	p->rlim[which].rlim_max = hard;
}

static void default_limits(struct lx_proc *p)
{
	for (unsigned i = 0; i < RLIM_NLIMITS; i++)
		limit(p, i, RLIM64_INFINITY, RLIM64_INFINITY);
	limit(p, RLIMIT_STACK, 8ull << 20, RLIM64_INFINITY);
	limit(p, RLIMIT_CORE, 0, RLIM64_INFINITY);
	limit(p, RLIMIT_NOFILE, 1024, 1048576);
	limit(p, RLIMIT_MEMLOCK, 8ull << 20, 8ull << 20);
	limit(p, RLIMIT_SIGPENDING, 31000, 31000);
	limit(p, RLIMIT_MSGQUEUE, 819200, 819200);
	limit(p, RLIMIT_NICE, 0, 0);
	limit(p, RLIMIT_RTPRIO, 0, 0);
}

/* A process object of kproc's own making, with one thread. */
static struct lx_proc *boot_proc(const char *comm)
{
	struct lx_proc *p = proc_new();
	struct lx_thread *t = p ? thread_new(p, 0) : NULL;

	if (!t)
		panic("not enough memory to start");
	p->leader = t;
	p->pid = p->pgrp = p->session = t->tid;
	p->start_ns = t->start_ns;
	p->exit_signal = SIGCHLD;
	p->dumpable = 1;
	p->sighand = sighand_new();
	if (!p->sighand)
		panic("not enough memory to start");
	default_limits(p);
	str_copy(t->comm, comm, sizeof t->comm);
	return p;
}

/* Guest pid 1, with no picoprocess yet; the caller is its thread until the program's is there. */
static void make_init(struct lx_state *lx)
{
	struct lx_proc *p = boot_proc("bailey-init");
	struct lx_thread *t = p->leader;

	cred_set(&t->cred, 0, 0);
	lx->init = p;
	lx->kthread = t;
	pico_become(&t->pico);
	lock_take(&lx->tasklist);
	proc_link(p, NULL);
	thread_link(t);
	lock_drop(&lx->tasklist);
}

static void all_cpus(struct lx_thread *t, uint32_t n)
{
	for (uint32_t i = 0; i < n && i < sizeof t->affinity * 8; i++)
		t->affinity[i / 64] |= 1ull << i % 64;
}

static void make_first(struct lx_state *lx, const struct dk_boot *boot)
{
	struct lx_proc *p = boot_proc("bailey");
	struct lx_thread *t = p->leader;

	cred_set(&t->cred, (uint32_t)config_u64(boot, "uid", 10, 0), (uint32_t)config_u64(boot, "gid", 10, 0));
	parse_groups(&t->cred, config_get(boot, "groups", 0));
	t->cred.no_new_privs = 1;
	all_cpus(t, lx->ncpus);
	all_cpus(lx->kthread, lx->ncpus);
	p->fs = fs_new_root();
	p->fdt = fdt_new();
	if (!p->fs || !p->fdt)
		panic("not enough memory to start");
	p->fs->umask = (uint32_t)config_u64(boot, "umask", 8, 022);
	lock_take(&lx->tasklist);
	proc_link(p, lx->init);
	thread_link(t);
	lock_drop(&lx->tasklist);
	lx->first = p;
	if (vfs_std_files(p, boot) != 0)
		panic("the standard streams could not be set up");
	if (config_u64(boot, "tty", 10, 0))
		tty_host_attach(p);
	exec_first(p, boot);
}

static void become_first(struct lx_state *lx, const struct dk_boot *boot) NORETURN;
static void become_first(struct lx_state *lx, const struct dk_boot *boot)
{
	struct lx_proc *p = lx->first;

	proc_get(p); /* its picoprocess's */
	proc_get(p); /* kproc's: the exit code is read from it */
	p->pico.process = boot->process;
	__atomic_store_n(&lx->kthread->pico.thread, DK_NO_HANDLE, __ATOMIC_SEQ_CST);
	pico_become(&p->leader->pico);
	__atomic_store_n(&lx->booted, 1, __ATOMIC_RELEASE);
	lx_process_start(&p->leader->pico);
	panic("the program's start came back");
}

/* ---- Deaths ---- */

/* One process that lived in the dead picoprocess.  True: a reference of its is to be dropped by the caller. */
static bool bury_one(struct lx_proc *p, uint32_t wait_status, bool *ended, bool *reaped)
{
	bool had_ref = !p->mm_borrowed || !p->leader || !p->leader->vfork_parent;

	p->host = HOST_GONE;
	*ended = *reaped = false;
	if (p->state == PROC_DEAD) {
		list_remove(&p->all);
		return had_ref;
	}
	if (p->state == PROC_ZOMBIE)
		return had_ref;
	LIST_FOR (t, &p->threads, struct lx_thread, sibling)
		if (atomic_load(&t->pico.held) != 0)
			panic("process %d (%s) died at the host with a lock held (wait status 0x%x)", p->pid, t->comm, wait_status);
	p->group_exit = 1;
	p->exit_code = SIGKILL;
	*ended = true;
	return had_ref;
}

static struct lx_proc *find_by_host(dk_handle host)
{
	struct lx_state *lx = lx_state();

	LIST_FOR (p, &lx->procs, struct lx_proc, all)
		if (p->host == host)
			return p;
	LIST_FOR (p, &lx->graveyard, struct lx_proc, all)
		if (p->host == host)
			return p;
	return NULL;
}

/* Threads that waited when they died stand in queues of objects that live on. */
static void leave_queues(struct lx_proc *p)
{
	LIST_FOR (t, &p->threads, struct lx_thread, sibling) {
		poll_thread_died(t);
		futex_thread_died(t);
		waiters_abandon(&t->pico);
	}
}

/* False: no process is known to live there. */
static bool picoprocess_died(dk_handle process, uint32_t wait_status)
{
	struct lx_state *lx = lx_state();
	bool any = false;

	for (;;) {
		bool ended, reaped, had_ref;
		struct lx_proc *p;

		lock_take(&lx->tasklist);
		p = find_by_host(process);
		if (p)
			had_ref = bury_one(p, wait_status, &ended, &reaped);
		lock_drop(&lx->tasklist);
		if (!p)
			break;
		any = true;
		if (ended) {
			leave_queues(p);
			exit_resources(p);
			lock_take(&lx->tasklist);
			reaped = proc_make_zombie(p);
			waitq_wake_all(&p->exit_wait);
			waitq_wake_all(&p->leader->vfork_done);
			lock_drop(&lx->tasklist);
			if (reaped)
				proc_put(p);
		}
		if (had_ref)
			proc_put(p);
	}
	if (any)
		(void)DkObjectClose(process);
	return any;
}

void lx_process_died(dk_handle process, uint32_t wait_status)
{
	if (picoprocess_died(process, wait_status))
		return;
	for (unsigned i = 0; i < LATE_DEATHS; i++)
		if (!late[i].until) {
			late[i] = (struct late_death){ process, wait_status, pico_now() + LATE_NS };
			return;
		}
}

/* Returns when to look again. */
static uint64_t retry_late_deaths(uint64_t now)
{
	uint64_t next = DK_FOREVER;

	for (unsigned i = 0; i < LATE_DEATHS; i++) {
		if (!late[i].until)
			continue;
		if (picoprocess_died(late[i].process, late[i].wait_status) || now > late[i].until)
			late[i].until = 0;
		else
			next = now + 20000000;
	}
	return next;
}

/* Read while kproc waited for a lock; handled when it is back. */
static struct dk_death pending[64];
static uint32_t pending_count;

static bool read_deaths(struct dk_death *death, uint32_t max, uint32_t *count)
{
	struct dk_segment seg = { death, max * sizeof *death };
	uint64_t done = 0;

	if (max == 0 || DkStreamRead(pico_boot_block->deaths, DK_OFFSET_NONE, &seg, 1, DK_IO_NONBLOCK, &done) != DK_OK)
		done = 0;
	*count = (uint32_t)(done / sizeof *death);
	return *count != 0;
}

static void take_death(const struct dk_death *d)
{
	if (d->process != DK_NO_HANDLE)
		lx_process_died(d->process, d->wait_status);
	else if (d->wait_status)
		tty_host_signal((int)d->wait_status);
}

void kproc_reap_deaths(void)
{
	struct dk_death death[16];
	uint32_t count;

	do {
		while (pending_count > 0) {
			death[0] = pending[0];
			memmove(pending, pending + 1, --pending_count * sizeof *pending);
			take_death(death);
		}
		read_deaths(death, ARRAY_LEN(death), &count);
		for (uint32_t i = 0; i < count; i++)
			take_death(&death[i]);
	} while (count > 0 || pending_count > 0);
}

static bool holder_is_dead(const struct lock *l)
{
	dk_handle owner = __atomic_load_n(&l->owner, __ATOMIC_ACQUIRE);
	enum dk_status status;
	uint32_t index;

	if (owner == DK_NO_HANDLE)
		return false;
	status = DkObjectsWaitAny(1, &owner, 0, DK_WAIT_UNINTERRUPTIBLE, &index);
	/* Who lives to drop the lock takes his name off before he ends. */
	return (status == DK_OK || status == DK_INVALID_HANDLE) && __atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) == owner;
}

static bool died_with_locks(dk_handle process)
{
	struct lx_proc *p = find_by_host(process);

	if (p && p->state == PROC_LIVE)
		LIST_FOR (t, &p->threads, struct lx_thread, sibling)
			if (atomic_load(&t->pico.held) != 0)
				return true;
	return false;
}

void kproc_lock_stalled(const struct lock *l) LOCK_UNCHECKED("TASKLIST may be its own already")
{
	struct lx_state *lx = lx_state();
	bool own = LOCK_ANY(&lx->tasklist)->owner == pico_boot_block->thread, taken;
	uint32_t count;

	if (pico_boot_block->deaths == DK_NO_HANDLE)
		return;
	while (read_deaths(pending + pending_count, ARRAY_LEN(pending) - pending_count, &count))
		pending_count += count;
	if (holder_is_dead(l) || holder_is_dead(LOCK_ANY(&lx->tasklist)))
		panic("a process died at the host with a lock held that kproc waits for (class %u)", l->class);
	taken = !own && lock_try(&lx->tasklist);
	if (own || taken)
		for (uint32_t i = 0; i < pending_count; i++)
			if (pending[i].process != DK_NO_HANDLE && died_with_locks(pending[i].process))
				panic("a process died at the host with a lock held while kproc waits for one (class %u)", l->class);
	if (taken)
		lock_drop(&lx->tasklist);
}

/* ---- The kernel thread ---- */

void kproc_need(void)
{
	struct lx_state *lx = lx_state();
	enum dk_status status;

	if (LIKELY(__atomic_load_n(&lx->kproc_started, __ATOMIC_ACQUIRE)))
		return;
	status = pico_start_kproc(&lx->init->pico);
	if (status != DK_OK)
		panic("the sandbox's kernel process could not be started (status %d)", (int)status);
	__atomic_store_n(&lx->kproc_started, 1, __ATOMIC_RELEASE);
}

void kproc_kick(void)
{
	struct lx_state *lx = lx_state();

	pico_wake(&lx->kthread->pico); /* its event: kproc need not be there yet */
}

/* Orphans that ended before they became init's children. */
static void reap_orphans(struct lx_state *lx)
{
	for (;;) {
		struct lx_proc *found = NULL;

		lock_take(&lx->tasklist);
		LIST_FOR (p, &lx->init->children, struct lx_proc, child)
			if (p->state == PROC_ZOMBIE && p != lx->first) {
				found = p;
				break;
			}
		if (found)
			proc_reap(found);
		lock_drop(&lx->tasklist);
		if (!found)
			return;
		proc_put(found);
	}
}

static void print_stats(void)
{
	const struct arena_root *root = arena_root();

	log_line(DK_LOG_TRACE, "bailey: stats: %lu system calls trapped, %lu pages of text changed", atomic_load(&root->traps),
		atomic_load(&root->text_pages));
	log_line(DK_LOG_TRACE, "bailey: stats: %lu KB of kernel objects, %lu KB of files and shared memory", atomic_load(&root->pages_used) * 4,
		atomic_load(&root->data_pages_used) * 4);
}

void end_sandbox(uint32_t code)
{
	if (lx_state()->stats)
		print_stats();
	pico_exit_process(code & 0x7f ? 256 + (code & 0x7f) : code >> 8 & 0xff);
}

static void kernel_thread(struct lx_state *lx) NORETURN;
static void kernel_thread(struct lx_state *lx)
{
	dk_handle deaths = DK_NO_HANDLE;
	uint32_t index;

	if (pico_boot_block->deaths != DK_NO_HANDLE &&
		DkStreamGetEvent(pico_boot_block->deaths, DK_EVENT_READ, &deaths) != DK_OK)
		panic("the deaths stream has no event");
	for (;;) {
		uint64_t now = pico_now(), next, again;

		if (__atomic_load_n(&lx->first->state, __ATOMIC_ACQUIRE) != PROC_LIVE)
			end_sandbox(lx->first->exit_code);
		next = timer_run(now);
		again = retry_late_deaths(now);
		reap_orphans(lx);
		(void)pico_wait_handles(&deaths, deaths != DK_NO_HANDLE, MIN(next, again), DK_WAIT_UNINTERRUPTIBLE, &index);
		if (deaths != DK_NO_HANDLE)
			kproc_reap_deaths();
	}
}

void lx_first_main(const struct dk_boot *boot)
{
	struct lx_state *lx = state_new(boot);

	entry_trace_init();
	make_init(lx);
	if (vfs_boot(boot) != 0)
		panic("the file systems could not be set up");
	timer_boot();
	futex_boot();
	ipc_boot();
	tty_boot();
	unix_boot();
	sig_boot();
	make_first(lx, boot);
	become_first(lx, boot);
}

/* The monitor may have started us, for a signal that came early. */
static struct lx_state *wait_for_boot(void)
{
	for (unsigned ms = 0; ms < BOOT_MS; ms++) {
		struct lx_state *lx = lx_state();

		if (lx && __atomic_load_n(&lx->booted, __ATOMIC_ACQUIRE))
			return lx;
		(void)DkThreadDelayExecution(1000000);
	}
	panic("the first process did not come up within %u ms", BOOT_MS);
}

void lx_kproc_main(const struct dk_boot *boot)
{
	struct lx_state *lx = wait_for_boot();
	struct lx_proc *p = lx->init;

	entry_trace_init();
	p->pico.process = boot->process;
	proc_set_host(p, boot->process);
	__atomic_store_n(&lx->kproc_started, 1, __ATOMIC_RELEASE);
	pico_become(&lx->kthread->pico);
	kernel_thread(lx);
}
