/* SPDX-License-Identifier: MIT */
/*
 * linux/boot.c - the first picoprocess's boot.
 *
 * It makes the global state from the settings, boots the parts, and becomes the program's
 * process, guest pid 2.  While it is alone, that is all there is, and its end is the
 * sandbox's.  Guest pid 1 is made here too, as an object: kproc.c says when it gets a picoprocess.
 */
#include "linux/boot.h"
#include "linux/entry.h"
#include "linux/exec/exec.h"
#include "linux/fs/poll.h"
#include "linux/fs/tty.h"
#include "linux/fs/vfs.h"
#include "linux/misc/cred.h"
#include "linux/misc/timer.h"
#include "linux/ns/ns.h"
#include "linux/mm/futex.h"
#include "linux/mm/mm.h"
#include "linux/proc/exit.h"
#include "linux/proc/proc.h"
#include "linux/sec/keys.h"
#include "linux/sig/sig.h"
#include "rt/fmt.h"
#include "pico/cpuid.h"
#include "rt/mem.h"

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

const char *config_next(const struct dk_boot *boot, const char *key, const char *after)
{
	const char *at = after != NULL ? after + strlen(after) + 1 : boot->config, *end = boot->config ? boot->config + boot->config_size : NULL;
	size_t n = strlen(key);

	for (; at && at < end && *at; at += strlen(at) + 1)
		if (*at == *key && str_starts(at, key) && at[n] == '=')
			return at + n + 1;
	return NULL;
}

const char *config_get(const struct dk_boot *boot, const char *key, unsigned i)
{
	const char *s = config_next(boot, key, NULL);

	for (; s && i > 0; i--)
		s = config_next(boot, key, s);
	return s;
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

	str_copy(lx->core_pattern, "core", sizeof lx->core_pattern);
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
	uint64_t up = 0;

	if (!lx)
		panic("not enough memory to start");
	lock_init(&lx->tasklist, LOCK_TASKLIST);
	list_init(&lx->procs);
	list_init(&lx->graveyard);
	list_init(&lx->dead_threads);
	lock_init(&lx->hosts, LOCK_HOSTS);
	atomic_store(&lx->next_tid, 1);
	/* The machine's: /proc/uptime and CLOCK_BOOTTIME must agree, programs take differences. */
	(void)DkSystemTimeQuery(DK_CLOCK_BOOTTIME, &up);
	lx->boot_mono_ns = pico_now() - up;
	lx->boot_real_ns = pico_now_realtime() - up;
	lx->memtotal = config_u64(boot, "memtotal", 10, 1ull << 30);
	if (boot->memory_limit < lx->memtotal)
		lx->memtotal = boot->memory_limit;
	lx->ncpus = (uint32_t)config_u64(boot, "cpus", 10, boot->ncpus ? boot->ncpus : 1);
	lx->trace = boot->trace[0] != '\0';
	lx->stats = config_u64(boot, "stats", 10, 0) != 0;
	parse_names(lx, boot);
	parse_seed(lx, boot);
	cpuid_boot(config_get(boot, "cpuid", 0), config_get(boot, "cpuid_plan", 0));
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
	p->pid = p->vpid = p->pgrp = p->session = t->tid;
	p->start_ns = t->start_ns;
	p->exit_signal = SIGCHLD;
	p->dumpable = 1;
	p->coredump_filter = 0x33 /* private, shared, ELF headers: core(5) */;
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
	groups_sort(t->cred.groups, t->cred.ngroups);
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

void lx_first_main(const struct dk_boot *boot)
{
	struct lx_state *lx = state_new(boot);

	entry_init();
	ns_boot();
	make_init(lx);
	outside_boot(boot);
	if (vfs_boot(boot) != 0)
		panic("the file systems could not be set up");
	timer_boot();
	keys_boot();
	futex_boot();
	ipc_boot();
	tty_boot();
	unix_boot();
	sig_boot();
	make_first(lx, boot);
	become_first(lx, boot);
}
