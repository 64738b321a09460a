/* SPDX-License-Identifier: MIT */
/*
 * linux/sig/wait.c - rt_sigtimedwait.
 *
 * While a thread waits, sigwait_set tells senders that it takes these signals
 * although they are blocked (and that they are not to be dropped as ignored).
 */
#include "linux/misc/timer.h"
#include "linux/sig/internal.h"
#include "syscalls.gen.h"

static int take_one(struct lx_thread *t, uint64_t set, siginfo_t *info)
{
	return signal_dequeue(t, ~set, info);
}

static void set_wait(struct lx_thread *t, uint64_t set)
{
	lock_take(&t->proc->sighand->lock);
	t->sigwait_set = set;
	lock_drop(&t->proc->sighand->lock);
}

static int wait_one(struct lx_thread *t, uint64_t set, uint64_t deadline, siginfo_t *info, long *err)
{
	int sig;

	set_wait(t, set);
	*err = 0;
	while (!(sig = take_one(t, set, info)) && !*err) {
		enum dk_status status = pico_wait(deadline, 0);

		if (status == DK_TIMEOUT)
			*err = -EAGAIN;
		else if (status != DK_OK)
			*err = -EINTR;
	}
	set_wait(t, 0);
	if (!sig)
		sig = take_one(t, set, info); /* it came while we gave up */
	return sig;
}

long lx_sys_rt_sigtimedwait(struct lx_thread *t, struct gva set, struct gva info, struct gva timeout, uint64_t size)
{
	uint64_t want, deadline = DK_FOREVER, ns = 0;
	siginfo_t got;
	long err = -EAGAIN;
	int sig;

	if (size != sizeof want)
		return -EINVAL;
	if (copy_in(&want, set, sizeof want))
		return -EFAULT;
	if (timeout.va) {
		err = user_timespec_in(timeout, &ns);
		if (err)
			return err;
		err = -EAGAIN;
		deadline = pico_now() + ns;
		if (deadline < ns)
			deadline = DK_FOREVER;
	}
	want &= ~SIG_NEVER_BLOCKED;
	sig = take_one(t, want, &got);
	if (!sig && !(timeout.va && ns == 0))
		sig = wait_one(t, want, deadline, &got, &err);
	if (!sig)
		return err;
	if (info.va && copy_out(info, &got, sizeof got))
		return -EFAULT;
	return sig;
}
