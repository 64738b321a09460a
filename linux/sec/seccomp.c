/* SPDX-License-Identifier: MIT */
/*
 * linux/sec/seccomp.c - what happens to a system call of a thread with filters.
 *
 * entry.c asks only in a picoprocess that has had such a thread (sec_thread_here), so
 * other programs pay nothing.  Every way into the library OS ends in one dispatcher,
 * patched call sites and traps alike, so no call goes round this.  (What the vDSO answers
 * is no system call on Linux either.)
 *
 * t->seccomp is the thread's newest filter.  The thread itself changes it, or with TSYNC a
 * sibling, who puts a younger one of the same line there: what the thread may just be running
 * stays alive as an ancestor.  As in Linux this keeps honest programs honest; it is no
 * boundary against one that writes over its library OS (the boundary is pal's filter).
 */
#include <asm/siginfo.h>
#include <linux/audit.h>

#include "linux/entry.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/sec/internal.h"
#include "linux/sec/keys.h"
#include "linux/sig/internal.h"
#include "pico/patch.h"
#include "pico/uaccess.h"
#include "syscalls.gen.h"

#define ERRNO_MAX 4095u

void filter_get(struct seccomp_filter *f)
{
	if (f)
		ref_get(&f->ref);
}

void filter_put(struct seccomp_filter *f)
{
	while (f && ref_put(&f->ref)) {
		struct seccomp_filter *prev = f->prev;

		if (f->notify) {
			notify_hang_up(f->notify);
			notify_put(f->notify);
		}
		arena_free(f);
		f = prev;
	}
}

/* ---- A thread's life ---- */

void sec_thread_here(const struct lx_thread *t)
{
	if (t->seccomp_mode != SECCOMP_MODE_DISABLED || t->dispatch_on)
		entry_go_slow(ENTRY_FILTER);
}

void sec_inherit(struct lx_thread *to, const struct lx_thread *from)
{
	struct seccomp_filter *old = to->seccomp;

	filter_get(from->seccomp);
	to->seccomp = from->seccomp;
	to->seccomp_mode = from->seccomp_mode;
	to->seccomp_filters = from->seccomp_filters;
	filter_put(old);
}

void sec_exec(struct lx_thread *t)
{
	t->dispatch_on = 0;
	keys_exec(t);
}

void sec_thread_end(struct lx_thread *t)
{
	struct seccomp_filter *f = __atomic_exchange_n(&t->seccomp, NULL, __ATOMIC_ACQ_REL);

	filter_put(f);
	keys_thread_end(t);
}

void sec_thread_died(struct lx_thread *t)
{
	notify_forget(t);
	sec_thread_end(t);
}

/* ---- One call ---- */

static void siginfo_sys(siginfo_t *info, const struct dk_context *c, uint64_t nr, int code, int err)
{
	memset(info, 0, sizeof *info);
	info->si_signo = SIGSYS;
	info->si_code = code;
	info->si_errno = err;
	info->_sifields._sigsys._call_addr = (void *)pico_guest_rip(c->rip);
	info->_sifields._sigsys._syscall = (int)nr;
	info->_sifields._sigsys._arch = AUDIT_ARCH_X86_64;
}

/* SIGSYS with the registers as before the call; fatal: whatever the program says about it. */
static long raise(struct lx_thread *t, struct dk_context *c, uint64_t nr, int code, int err, bool fatal)
{
	siginfo_t info;

	siginfo_sys(&info, c, nr, code, err);
	signal_force_info(t, &info, fatal);
	c->orig_rax = UINT64_MAX;
	return (long)nr;
}

static uint32_t run_filters(struct seccomp_filter *f, const struct seccomp_data *data, struct seccomp_filter **which)
{
	uint32_t result = SECCOMP_RET_ALLOW;

	*which = NULL;
	for (; f; f = f->prev) {
		uint32_t r = bpf_run(f->insn, data);

		if ((int32_t)(r & SECCOMP_RET_ACTION_FULL) < (int32_t)(result & SECCOMP_RET_ACTION_FULL)) {
			result = r;
			*which = f;
		}
	}
	return result;
}

static bool ask(struct lx_thread *t, struct dk_context *c, struct seccomp_filter *f, const struct seccomp_data *data, long *result)
{
	*result = -ENOSYS;
	if (f->notify && notify_ask(t, f->notify, data, f->flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, result))
		return true;
	if (*result != -ERESTARTSYS)
		c->orig_rax = UINT64_MAX;
	return false;
}

static bool filter_call(struct lx_thread *t, struct dk_context *c, uint64_t nr, const uint64_t *args, bool again, long *result);

/* The tracer may have made another call of it, which the filters see once more, or none (number -1). */
static bool after_tracer(struct lx_thread *t, struct dk_context *c, long *result)
{
	const uint64_t args[6] = { c->rdi, c->rsi, c->rdx, c->r10, c->r8, c->r9 };

	if (!thread_should_exit(t) && (int32_t)c->orig_rax >= 0)
		return filter_call(t, c, (uint32_t)c->orig_rax, args, true, result);
	*result = (long)c->rax;
	return false;
}

/* again: a tracer has seen it. */
static bool filter_call(struct lx_thread *t, struct dk_context *c, uint64_t nr, const uint64_t *args, bool again, long *result)
{
	struct seccomp_data data = { .nr = (int)nr, .arch = AUDIT_ARCH_X86_64, .instruction_pointer = pico_guest_rip(c->rip) };
	struct seccomp_filter *f;
	uint32_t what;

	memcpy(data.args, args, sizeof data.args);
	what = run_filters(__atomic_load_n(&t->seccomp, __ATOMIC_ACQUIRE), &data, &f);
	*result = -ENOSYS;
	switch (what & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG: /* there is no audit log */
		return true;
	case SECCOMP_RET_ERRNO:
		*result = -(long)MIN(what & SECCOMP_RET_DATA, ERRNO_MAX);
		break;
	case SECCOMP_RET_TRAP:
		*result = raise(t, c, nr, SYS_SECCOMP, (int)(what & SECCOMP_RET_DATA), false);
		break;
	case SECCOMP_RET_USER_NOTIF:
		return ask(t, c, f, &data, result);
	case SECCOMP_RET_TRACE:
		if (again)
			return true;
		if (ptrace_seccomp(t, c, what & SECCOMP_RET_DATA))
			return after_tracer(t, c, result);
		break;
	case SECCOMP_RET_KILL_THREAD:
		if (t->proc->nthreads > 1)
			lx_thread_exit(t, SIGSYS);
		/* fall through */
	default:
		*result = raise(t, c, nr, SYS_SECCOMP, (int)(what & SECCOMP_RET_DATA), true);
		break;
	}
	c->orig_rax = UINT64_MAX;
	return false;
}

static bool strict_allows(uint64_t nr)
{
	return nr == LX_NR_read || nr == LX_NR_write || nr == LX_NR_exit || nr == LX_NR_rt_sigreturn;
}

/* The program handles its calls itself, where the byte it named says so. */
static bool dispatch_blocks(struct lx_thread *t, const struct dk_context *c)
{
	uint8_t selector = 1; /* BLOCK */

	if (pico_guest_rip(c->rip) - t->dispatch_start < t->dispatch_len)
		return false;
	if (t->dispatch_selector && uaccess_read(&selector, t->dispatch_selector, 1))
		lx_group_exit(t, SIGSEGV);
	if (selector > 1)
		lx_group_exit(t, SIGSYS);
	return selector == 1;
}

bool sec_enter(struct lx_thread *t, struct dk_context *c, uint64_t nr, const uint64_t *args, long *result)
{
	if (t->dispatch_on && dispatch_blocks(t, c)) {
		*result = raise(t, c, nr, SYS_USER_DISPATCH, 0, false);
		return false;
	}
	if (t->seccomp_mode == SECCOMP_MODE_FILTER)
		return filter_call(t, c, nr, args, false, result);
	if (t->seccomp_mode == SECCOMP_MODE_STRICT && !strict_allows(nr))
		lx_thread_exit(t, SIGKILL);
	return true;
}

long dispatch_prctl(struct lx_thread *t, uint64_t on, uint64_t start, uint64_t len, uint64_t selector)
{
	if (on == PR_SYS_DISPATCH_OFF) {
		if (start || len || selector)
			return -EINVAL;
		t->dispatch_on = 0;
		return 0;
	}
	if (on != PR_SYS_DISPATCH_ON)
		return -EINVAL;
	if (start && start + len <= start)
		return -EINVAL;
	if (selector && selector >= GUEST_HIGH)
		return -EFAULT;
	t->dispatch_start = start;
	t->dispatch_len = len;
	t->dispatch_selector = selector;
	t->dispatch_on = 1;
	sec_thread_here(t);
	return 0;
}
