/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/signalfd.c - signalfd.  A read takes signals of the reading thread, as in Linux.
 *
 * An epoll's waiter stays on a queue for long, maybe longer than the process lives,
 * so the file holds a reference on the signal state of its maker and epoll waits there.
 */

#include <linux/signalfd.h>

#include "linux/fs/io.h"
#include "linux/sig/sig.h"
#include "syscalls.gen.h"

struct signalfd {
	_Atomic uint64_t mask;   /* signals it takes */
	struct sighand *sighand; /* [I] the maker's, a reference */
};

static void info_out(struct signalfd_siginfo *out, const siginfo_t *info)
{
	*out = (struct signalfd_siginfo){ .ssi_signo = (uint32_t)info->si_signo, .ssi_errno = info->si_errno, .ssi_code = info->si_code };
	if (info->si_signo == SIGCHLD && info->si_code > 0) {
		out->ssi_pid = (uint32_t)info->si_pid;
		out->ssi_uid = info->si_uid;
		out->ssi_status = info->si_status;
		out->ssi_utime = (uint64_t)info->si_utime;
		out->ssi_stime = (uint64_t)info->si_stime;
	} else if (info->si_code == SI_TIMER) {
		out->ssi_tid = (uint32_t)info->si_tid;
		out->ssi_overrun = (uint32_t)info->si_overrun;
		out->ssi_ptr = (uint64_t)info->si_ptr;
		out->ssi_int = info->si_int;
	} else if (info->si_code <= 0) { /* kill, tgkill, sigqueue */
		out->ssi_pid = (uint32_t)info->si_pid;
		out->ssi_uid = info->si_uid;
		out->ssi_ptr = (uint64_t)info->si_ptr;
		out->ssi_int = info->si_int;
	} else if (info->si_signo == SIGIO) {
		out->ssi_band = (uint32_t)info->si_band;
		out->ssi_fd = info->si_fd;
	} else if (info->si_code != SI_KERNEL) {
		out->ssi_addr = (uint64_t)info->si_addr;
	}
}

static uint64_t pending(struct lx_thread *t, uint64_t mask)
{
	uint64_t set;

	lock_take(&t->proc->sighand->lock);
	set = (t->pending.set | t->proc->pending.set) & mask;
	lock_drop(&t->proc->sighand->lock);
	return set;
}

static long signalfd_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct signalfd *s = f->object;
	struct signalfd_siginfo out;
	uint64_t done = 0;
	siginfo_t info;
	long err;

	if (v->size < sizeof out)
		return -EINVAL;
	while (v->size - done >= sizeof out) {
		if (pending(t, s->mask) == 0 || signal_dequeue(t, ~s->mask, &info) == 0) {
			err = done > 0 ? (long)done : file_wait(t, f, EPOLLIN, DK_FOREVER);
			if (err != 0)
				return err;
			continue;
		}
		info_out(&out, &info);
		if (iov_put(v, done, &out, sizeof out) != sizeof out)
			return done > 0 ? (long)done : -EFAULT;
		done += sizeof out;
	}
	return (long)done;
}

static uint32_t signalfd_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	struct signalfd *s = f->object;

	poll_wait(p, p != NULL && p->epitem != NULL ? &s->sighand->signalfd_wait : &t->proc->sighand->signalfd_wait);
	return pending(t, s->mask) ? EPOLLIN : 0;
}

static void signalfd_release(struct file *f)
{
	struct signalfd *s = f->object;

	if (s == NULL)
		return;
	sighand_put(s->sighand);
	arena_free(s);
}

const struct file_ops signalfd_file_ops = {
	.name = "signalfd",
	.read = signalfd_read,
	.poll = signalfd_poll,
	.release = signalfd_release,
};

static long change_mask(struct lx_thread *t, int fd, uint64_t mask)
{
	struct signalfd *s;
	struct file *f;
	long err;

	f = fd_get_kind(t, fd, FILE_SIGNALFD, -EINVAL, &err);
	if (f == NULL)
		return err;
	s = f->object;
	s->mask = mask;
	waitq_wake_all(&t->proc->sighand->signalfd_wait);
	file_put(f);
	return fd;
}

long lx_sys_signalfd4(struct lx_thread *t, int fd, struct gva set, uint64_t size, int flags)
{
	struct signalfd *s;
	struct file *f;
	uint64_t mask;

	if (size != sizeof mask || (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK)))
		return -EINVAL;
	if (copy_in(&mask, set, sizeof mask) != 0)
		return -EFAULT;
	mask &= ~(SIGBIT(SIGKILL) | SIGBIT(SIGSTOP));
	if (fd != -1)
		return change_mask(t, fd, mask);
	s = arena_alloc(sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	s->mask = mask;
	s->sighand = t->proc->sighand;
	f = anon_file(FILE_SIGNALFD, O_RDWR | (uint32_t)(flags & SFD_NONBLOCK), 0600, s);
	if (f == NULL) {
		arena_free(s);
		return -ENOMEM;
	}
	sighand_get(s->sighand);
	return anon_fd(t, f, flags & SFD_CLOEXEC);
}

long lx_sys_signalfd(struct lx_thread *t, int fd, struct gva mask, uint64_t size)
{
	return lx_sys_signalfd4(t, fd, mask, size, 0);
}
