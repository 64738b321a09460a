/* SPDX-License-Identifier: MIT */
/* linux/misc/cpu.c - which CPUs there are, I/O priorities, and barriers between threads. */
#include "linux/exec/exec.h"
#include "linux/ns/ns.h"
#include "linux/misc/cred.h"
#include "linux/misc/sched.h"
#include "linux/proc/proc.h"
#include "syscalls.gen.h"
#include <linux/ioprio.h>
#include <linux/membarrier.h>

/* ---- affinity: kept and reported ---- */

static uint32_t mask_words(void)
{
	return MIN((lx_state()->ncpus + 63) / 64, (uint32_t)ARRAY_LEN(((struct lx_thread *)0)->affinity));
}

static uint64_t all_cpus(uint32_t word)
{
	uint32_t n = lx_state()->ncpus;

	if (n >= (word + 1) * 64)
		return ~0ull;
	return n > word * 64 ? (1ull << (n - word * 64)) - 1 : 0;
}

static bool are_all(const uint64_t *mask)
{
	for (uint32_t i = 0; i < mask_words(); i++)
		if (mask[i] != all_cpus(i))
			return false;
	return true;
}

bool cpus_few(const struct lx_thread *t)
{
	uint64_t any = 0;

	for (uint32_t i = 0; i < mask_words(); i++)
		any |= t->affinity[i];
	return any != 0 && !are_all(t->affinity);
}

static long with_thread(struct lx_thread *t, int pid, uint64_t *mask, bool set)
{
	struct lx_state *lx = lx_state();
	struct lx_thread *o;
	long err = 0;

	lock_take(&lx->tasklist);
	o = pid ? thread_find(pid) : t;
	if (!o)
		err = -ESRCH;
	else if (!set)
		memcpy(mask, o->affinity, sizeof o->affinity);
	else if (t->cred.euid != o->cred.euid && t->cred.euid != o->cred.uid && !ns_capable(t, user_ns_of(o), CAP_SYS_NICE))
		err = -EPERM;
	else
		memcpy(o->affinity, mask, sizeof o->affinity);
	lock_drop(&lx->tasklist);
	return err;
}

long lx_sys_sched_setaffinity(struct lx_thread *t, int pid, uint32_t size, struct gva mask)
{
	uint64_t want[16] = { 0 }, any = 0;
	long err;

	if (copy_in(want, mask, MIN(size, (uint32_t)sizeof want)))
		return -EFAULT;
	for (uint32_t i = 0; i < ARRAY_LEN(want); i++) {
		want[i] &= all_cpus(i);
		any |= want[i];
	}
	if (!any)
		return -EINVAL;
	err = with_thread(t, pid, want, true);
	if (err == 0 && !are_all(want))
		vdso_cpus(t->proc->mm); /* of another process's thread the vDSO tells the host's CPU until it executes something */
	return err;
}

long lx_sys_sched_getaffinity(struct lx_thread *t, int pid, uint32_t size, struct gva mask)
{
	uint32_t words = mask_words(), n = words * 8;
	uint64_t now[16], any = 0;
	long err;

	if (size % 8 || size < n)
		return -EINVAL;
	err = with_thread(t, pid, now, false);
	if (err)
		return err;
	for (uint32_t i = 0; i < words; i++)
		any |= now[i];
	for (uint32_t i = 0; !any && i < words; i++)
		now[i] = all_cpus(i); /* never set: all of them */
	return copy_out(mask, now, n) ? -EFAULT : (long)n;
}

/* Linux keeps the CPU's number in a segment limit for the vDSO; node << 12 | cpu. */
#define CPUNODE_SEGMENT 0x7bu

uint32_t cpu_here(void)
{
	uint64_t limit = 0;

	__asm__ volatile("lsl %1, %0" : "+r"(limit) : "r"((uint64_t)CPUNODE_SEGMENT) : "cc");
	return (limit & 0xfff) % MAX(lx_state()->ncpus, 1u);
}

/* The host runs a thread where it likes; one that is kept to some CPUs is told one of them. */
static uint32_t cpu_of(const struct lx_thread *t)
{
	uint32_t here = cpu_here();

	if (t->affinity[here / 64] & 1ull << here % 64)
		return here;
	for (uint32_t i = 0; i < ARRAY_LEN(t->affinity); i++)
		if (t->affinity[i] != 0)
			return i * 64 + (uint32_t)__builtin_ctzll(t->affinity[i]);
	return here; /* never set: all of them */
}

long lx_sys_getcpu(struct lx_thread *t, struct gva cpu, struct gva node, struct gva unused)
{
	uint32_t here = cpu_of(t);

	if (cpu.va && PUT_USER(cpu, here))
		return -EFAULT;
	return node.va ? PUT_USER(node, (uint32_t)0) : 0;
}

/* ---- I/O priority: kept and reported ---- */

struct ioprio_scan {
	int which, who, set; /* set < 0: look, and keep the best */
	long result;
};

/* The better of two, where a class of 0 means by nice. */
static long ioprio_best(long a, long b)
{
	const long best_effort = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4);

	a = a >> IOPRIO_CLASS_SHIFT ? a : best_effort;
	b = b >> IOPRIO_CLASS_SHIFT ? b : best_effort;
	return MIN(a, b);
}

static void ioprio_one(struct lx_thread *t, struct lx_thread *o, struct ioprio_scan *s)
{
	if (s->set < 0) {
		s->result = s->result < 0 ? (long)o->ioprio : ioprio_best(s->result, (long)o->ioprio);
	} else if (t->cred.uid != o->cred.euid && t->cred.uid != o->cred.uid && !lx_capable(t, CAP_SYS_NICE)) {
		s->result = -EPERM;
	} else {
		o->ioprio = (uint32_t)s->set;
		s->result = s->result == -ESRCH ? 0 : s->result;
	}
}

static bool ioprio_means(struct lx_thread *t, const struct lx_proc *p, const struct ioprio_scan *s)
{
	if (s->which == IOPRIO_WHO_PGRP)
		return p->pgrp == (s->who ? s->who : t->proc->pgrp);
	return p->leader && p->leader->cred.uid == (s->who ? (uint32_t)s->who : t->cred.uid);
}

static long ioprio(struct lx_thread *t, int which, int who, int set)
{
	struct ioprio_scan s = { which, who, set, -ESRCH };
	struct lx_state *lx = lx_state();
	struct lx_thread *o;

	if (which < IOPRIO_WHO_PROCESS || which > IOPRIO_WHO_USER)
		return -EINVAL;
	lock_take(&lx->tasklist);
	if (which == IOPRIO_WHO_PROCESS) {
		o = who ? thread_find(who) : t;
		if (o)
			ioprio_one(t, o, &s);
	} else {
		LIST_FOR(p, &lx->procs, struct lx_proc, all) {
			if (!ioprio_means(t, p, &s))
				continue;
			lock_take(&p->lock);
			LIST_FOR(each, &p->threads, struct lx_thread, sibling)
				ioprio_one(t, each, &s);
			lock_drop(&p->lock);
		}
	}
	lock_drop(&lx->tasklist);
	return s.result;
}

long lx_sys_ioprio_set(struct lx_thread *t, int which, int who, int prio)
{
	int class = prio >> IOPRIO_CLASS_SHIFT, level = prio & (int)((1u << IOPRIO_CLASS_SHIFT) - 1);

	if (class < IOPRIO_CLASS_NONE || class > IOPRIO_CLASS_IDLE || (class == IOPRIO_CLASS_NONE && level) || level > 7)
		return -EINVAL;
	if (class == IOPRIO_CLASS_RT && !lx_capable(t, CAP_SYS_NICE))
		return -EPERM;
	return ioprio(t, which, who, prio);
}

long lx_sys_ioprio_get(struct lx_thread *t, int which, int who)
{
	return ioprio(t, which, who, -1);
}

/* ---- membarrier ---- */

/*
 * Unmapping a page that was used makes the host interrupt every CPU that runs this
 * address space and wait for the answers, to drop the page from their TLBs.  Such
 * an interrupt is a full barrier, and its return serializes the instruction stream: just
 * what a private expedited membarrier asks for.  CPUs that broadcast TLB invalidation
 * without an interrupt (AMD's INVLPGB) do not give that; there the call is not offered.
 *
 * The page lies at the end of the heap's range, one a thread slot.
 */
#define BARRIER_BASE (HEAP_BASE + HEAP_SIZE - (uint64_t)SLOT_COUNT * PAGE_SIZE)
#define BARRIER_COMMANDS                                                                             \
	(MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |               \
	 MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE)

static bool barrier_works(void)
{
	uint32_t a = 0x80000008u, b = 0, c = 0, d = 0;

	__asm__ volatile("cpuid" : "+a"(a), "+b"(b), "+c"(c), "+d"(d));
	return !(b & 1u << 3);
}

static long barrier(void)
{
	uint64_t slot = ((uint64_t)pico_tb() - SLOTS_BASE) / SLOT_SIZE;
	uint64_t at = BARRIER_BASE + slot * PAGE_SIZE;
	enum dk_status status = DkVirtualMemoryAlloc(&at, PAGE_SIZE, DK_MEM_COMMIT | DK_MEM_FIXED, DK_PROT_R | DK_PROT_W);

	if (status != DK_OK)
		return lx_err(status);
	*(volatile uint32_t *)at = 1;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	status = DkVirtualMemoryFree(at, PAGE_SIZE, DK_MEM_RELEASE);
	return status == DK_OK ? 0 : lx_err(status);
}

static long private_barrier(struct lx_proc *p, int cmd)
{
	switch (cmd) {
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
		__atomic_or_fetch(&p->membarrier, (uint32_t)cmd >> 1, __ATOMIC_RELAXED);
		return 0;
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
		if (!(p->membarrier & (uint32_t)cmd))
			return -EPERM;
		return p->nthreads > 1 || p->mm_borrowed ? barrier() : 0;
	default:
		return -EINVAL;
	}
}

long lx_sys_membarrier(struct lx_thread *t, int cmd, uint32_t flags, int cpu)
{
	struct lx_proc *p = t->proc;

	if (flags)
		return -EINVAL;
	switch (cmd) {
	case MEMBARRIER_CMD_QUERY:
		return (barrier_works() ? BARRIER_COMMANDS : 0) | MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |
			MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED;
	case MEMBARRIER_CMD_GLOBAL:
	case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
		return barrier_all(t);
	case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
		return 0; /* all are reached anyway */
	default:
		return barrier_works() ? private_barrier(p, cmd) : -EINVAL;
	}
}
