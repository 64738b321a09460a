/* SPDX-License-Identifier: MIT */
/* linux/proc/pidfd.c - files that stand for a process. */
#include "linux/fs/poll.h"
#include "linux/fs/vfs.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "syscalls.gen.h"

#define PIDFD_NONBLOCK O_NONBLOCK

struct lx_proc *pidfd_proc(struct file *f)
{
	return f->kind == FILE_PIDFD ? f->object : NULL;
}

static uint32_t pidfd_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	struct lx_proc *proc = f->object;

	(void)t;
	if (p)
		poll_wait(p, &proc->exit_wait);
	return __atomic_load_n(&proc->state, __ATOMIC_ACQUIRE) == PROC_LIVE ? 0 : EPOLLIN | EPOLLRDNORM;
}

static void pidfd_release(struct file *f)
{
	proc_put(f->object);
}

extern const struct file_ops file_pidfd_ops; /* fs/file_kinds.c lists it */
const struct file_ops file_pidfd_ops = {
	.name = "pidfd",
	.poll = pidfd_poll,
	.release = pidfd_release,
};

/* Installed close-on-exec; *out (may be NULL) is borrowed. */
int pidfd_create(struct lx_thread *t, struct lx_proc *p, uint32_t flags, struct file **out)
{
	struct file *f = file_new(FILE_PIDFD, O_RDWR | (flags & PIDFD_NONBLOCK));
	int fd;

	if (!f)
		return -ENOMEM;
	proc_get(p);
	f->object = p;
	fd = fd_install(t, f, true, 0);
	if (fd < 0)
		file_put(f);
	else if (out)
		*out = f;
	return fd;
}

long lx_sys_pidfd_open(struct lx_thread *t, int pid, uint32_t flags)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p;
	bool thread = false;
	int fd;

	if ((flags & ~(uint32_t)PIDFD_NONBLOCK) || pid <= 0)
		return -EINVAL;
	lock_take(&lx->tasklist);
	p = proc_find(pid);
	if (p)
		proc_get(p);
	else
		thread = thread_find(pid) != NULL;
	lock_drop(&lx->tasklist);
	if (!p)
		return thread ? -EINVAL : -ESRCH;
	fd = pidfd_create(t, p, flags, NULL);
	proc_put(p);
	return fd;
}

/* A reference on file fd of another process. */
static struct file *file_of(struct lx_proc *p, int fd)
{
	struct fdtable *fdt;
	struct file *f = NULL;

	lock_take(&p->lock);
	fdt = p->fdt;
	if (fdt)
		fdt_get_table(fdt);
	lock_drop(&p->lock);
	if (!fdt)
		return NULL;
	lock_take(&fdt->lock);
	if (fd >= 0 && (uint32_t)fd < fdt->size)
		f = fdt->slot[fd];
	if (f)
		file_get(f);
	lock_drop(&fdt->lock);
	fdt_put_table(fdt);
	return f;
}

long lx_sys_pidfd_getfd(struct lx_thread *t, int pidfd, int fd, uint32_t flags)
{
	struct file *pf, *f;
	struct lx_proc *p;
	long result;

	if (flags)
		return -EINVAL;
	pf = fd_get(t, pidfd);
	if (!pf)
		return -EBADF;
	p = pidfd_proc(pf);
	if (!p)
		result = -EBADF;
	else if (__atomic_load_n(&p->state, __ATOMIC_ACQUIRE) != PROC_LIVE)
		result = -ESRCH;
	else if (!proc_may_access(t, p, ACCESS_ATTACH))
		result = -EPERM;
	else if (!(f = file_of(p, fd)))
		result = -EBADF;
	else if ((result = fd_install(t, f, true, 0)) < 0)
		file_put(f);
	file_put(pf);
	return result;
}
