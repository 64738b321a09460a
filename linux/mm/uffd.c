/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/uffd.c - userfaultfd: faults of some ranges are told to a program, which
 * brings the pages (ioctl_userfaultfd(2)).
 *
 * Pages that are missing are closed at the host, so that touching them comes to
 * mm_fault, which puts the thread here: on the list of faults until UFFDIO_COPY or
 * another call wakes it.  A system call that finds such a page where its argument lies
 * is made again once the page is there (uffd_settle).  Of the events only page faults are told:
 * fork, mremap and munmap end a registration silently.
 */
#include "linux/mm/uffd.h"

#include <linux/capability.h>

#include "linux/entry.h"
#include "linux/fs/io.h"
#include "linux/fs/procfs.h"
#include "pico/uaccess.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#define FEATURES (UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_SIGBUS | UFFD_FEATURE_THREAD_ID | UFFD_FEATURE_EXACT_ADDRESS | \
	UFFD_FEATURE_POISON | UFFD_FEATURE_MOVE)
#define SETTLE_PAGES 16u /* pages behind an argument's first that a call may have wanted */

struct uffd_fault {
	struct list link;
	uint64_t addr, flags;
	uint32_t tid, told;    /* [UFFD] */
	_Atomic uint32_t woken;
};

void uffd_get(struct uffd *u)
{
	ref_get(&u->ref);
}

void uffd_put(struct uffd *u)
{
	if (ref_put(&u->ref))
		arena_free(u);
}

/* ---- Faults ---- */

void uffd_wait(struct uffd *u, uint64_t addr, uint64_t flags)
{
	struct uffd_fault *f = arena_alloc(sizeof *f);
	long err;

	if (f == NULL)
		return; /* and again */
	f->addr = (u->features & UFFD_FEATURE_EXACT_ADDRESS) ? addr : PAGE_DOWN(addr);
	f->flags = flags;
	f->tid = (uint32_t)lx_current()->tid;
	lock_take(&u->lock);
	list_append(&u->faults, &f->link);
	lock_drop(&u->lock);
	(void)waitq_wake(&u->readers, UINT32_MAX, EPOLLIN | EPOLLRDNORM);
	WAIT_EVENT(&u->sleepers, DK_FOREVER, atomic_load(&f->woken) || atomic_load(&u->closed), err);
	(void)err;
	lock_take(&u->lock);
	list_remove(&f->link);
	lock_drop(&u->lock);
	arena_free(f);
}

void uffd_wake(struct uffd *u, uint64_t start, uint64_t end)
{
	bool any = false;

	lock_take(&u->lock);
	LIST_FOR(f, &u->faults, struct uffd_fault, link)
		if (f->addr >= start && f->addr < end) {
			atomic_store(&f->woken, 1);
			any = true;
		}
	lock_drop(&u->lock);
	if (any)
		waitq_wake_all(&u->sleepers);
}

/* The first fault that nobody was told of; take: it is told now. */
static bool next_fault(struct uffd *u, struct uffd_msg *m, bool take)
{
	bool found = false;

	lock_take(&u->lock);
	LIST_FOR(f, &u->faults, struct uffd_fault, link) {
		if (f->told || atomic_load(&f->woken))
			continue;
		if (take) {
			memset(m, 0, sizeof *m);
			m->event = UFFD_EVENT_PAGEFAULT;
			m->arg.pagefault.flags = f->flags;
			m->arg.pagefault.address = f->addr;
			if (u->features & UFFD_FEATURE_THREAD_ID)
				m->arg.pagefault.feat.ptid = f->tid;
			f->told = 1;
		}
		found = true;
		break;
	}
	lock_drop(&u->lock);
	return found;
}

/* ---- The file ---- */

static long uffd_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct uffd *u = f->object;
	struct uffd_msg m;
	uint64_t done = 0;
	long err;

	if (!atomic_load(&u->ready) || v->size < sizeof m)
		return -EINVAL;
	while (!next_fault(u, &m, true)) {
		err = file_wait(t, f, EPOLLIN, DK_FOREVER);
		if (err != 0)
			return err;
	}
	do {
		if (iov_put(v, done, &m, sizeof m) < sizeof m)
			return done != 0 ? (long)done : -EFAULT;
		done += sizeof m;
	} while (v->size - done >= sizeof m && next_fault(u, &m, true));
	return (long)done;
}

static uint32_t uffd_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	struct uffd *u = f->object;

	poll_wait(p, &u->readers);
	if (!atomic_load(&u->ready))
		return EPOLLERR;
	return next_fault(u, NULL, false) ? EPOLLIN | EPOLLRDNORM : 0;
}

static long answer_api(struct uffd *u, struct gva arg)
{
	struct uffdio_api a;

	if (copy_in(&a, arg, sizeof a) != 0)
		return -EFAULT;
	if (a.api != UFFD_API || (a.features & ~(uint64_t)FEATURES) || atomic_load(&u->ready)) {
		memset(&a, 0, sizeof a);
		return copy_out(arg, &a, sizeof a) != 0 ? -EFAULT : -EINVAL;
	}
	u->features = a.features;
	a.features = FEATURES;
	a.ioctls = 1ull << _UFFDIO_REGISTER | 1ull << _UFFDIO_UNREGISTER | 1ull << _UFFDIO_API;
	if (copy_out(arg, &a, sizeof a) != 0)
		return -EFAULT;
	atomic_store(&u->ready, 1);
	return 0;
}

static long uffd_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	struct uffd *u = f->object;

	if (cmd == UFFDIO_API)
		return answer_api(u, (struct gva){ arg });
	if (!atomic_load(&u->ready))
		return -EINVAL;
	return uffd_range_ioctl(t, u, cmd, (struct gva){ arg });
}

/* Regions that are still registered open up at their next fault. */
static void uffd_release(struct file *f)
{
	struct uffd *u = f->object;

	atomic_store(&u->closed, 1);
	waitq_wake_all(&u->sleepers);
	uffd_put(u);
}

const struct file_ops uffd_file_ops = {
	.name = "[userfaultfd]",
	.read = uffd_read,
	.poll = uffd_poll,
	.ioctl = uffd_ioctl,
	.release = uffd_release,
};

long lx_sys_userfaultfd(struct lx_thread *t, int flags)
{
	if (!(flags & UFFD_USER_MODE_ONLY) && !lx_capable(t, CAP_SYS_PTRACE) && !sysctl_value(CTL_UFFD))
		return -EPERM;
	return uffd_open(t, flags);
}

long uffd_open(struct lx_thread *t, int flags)
{
	struct uffd *u;
	struct file *f;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY))
		return -EINVAL;
	u = arena_alloc(sizeof *u);
	if (u == NULL)
		return -ENOMEM;
	ref_init(&u->ref);
	lock_init(&u->lock, LOCK_UFFD);
	list_init(&u->faults);
	waitq_init(&u->readers);
	waitq_init(&u->sleepers);
	u->mm_id = t->proc->mm->id;
	u->user_only = flags & UFFD_USER_MODE_ONLY;
	f = anon_file(FILE_UFFD, O_RDWR | (uint32_t)(flags & O_NONBLOCK), 0600, u);
	if (f == NULL) {
		arena_free(u);
		return -ENOMEM;
	}
	return anon_fd(t, f, flags & O_CLOEXEC);
}

/* ---- System calls whose arguments lie in such pages, or in some that a file has grown over ---- */

/* A page at addr or soon behind it is to be told of: *u with a reference. */
static struct uffd *find_missing(struct mm *mm, uint64_t addr, uint64_t *at, uint64_t *flags)
{
	struct region *r;
	struct uffd *u = NULL;
	uint32_t word = 0;

	mm_lock(mm);
	r = region_find(&mm->tree, addr);
	for (uint64_t page = PAGE_DOWN(addr); r != NULL && r->uffd != NULL && !r->uffd->user_only && page < r->end && page < addr + SETTLE_PAGES * PAGE_SIZE; page += PAGE_SIZE) {
		bool missing = !uaccess_load32(page, &word);
		bool closed = !missing && (r->prot & PROT_WRITE) && !uaccess_cmpxchg32(page, &word, word);

		if ((missing || closed) && uffd_tells(mm, r, page, closed, flags)) {
			u = r->uffd;
			uffd_get(u);
			*at = page;
			break;
		}
	}
	mm_unlock(mm);
	return u;
}

/* A page at addr or soon behind it is closed though its file has grown over it: it is opened. */
static bool open_grown(struct mm *mm, uint64_t addr)
{
	const struct region *r;
	uint32_t word = 0;
	bool opened = false;

	mm_lock(mm);
	r = region_find(&mm->tree, addr);
	if (r != NULL && r->kind == REGION_FILE && (r->flags & RF_SHARED))
		for (uint64_t page = PAGE_DOWN(addr); page < mm_behind_end(r) && page < addr + SETTLE_PAGES * PAGE_SIZE && !opened; page += PAGE_SIZE)
			opened = !uaccess_load32(page, &word) && r->prot != PROT_NONE && mm_open_grown(r, page);
	mm_unlock(mm);
	return opened;
}

bool uffd_settle(struct lx_thread *t, const uint64_t *args)
{
	for (unsigned i = 0; i < 6; i++) {
		uint64_t at, flags;
		struct uffd *u = guest_range_ok(args[i], 1) ? find_missing(t->proc->mm, args[i], &at, &flags) : NULL;

		if (u == NULL && guest_range_ok(args[i], 1) && open_grown(t->proc->mm, args[i]))
			return true;
		if (u == NULL)
			continue;
		uffd_wait(u, at, flags);
		uffd_put(u);
		return !pico_tb()->work;
	}
	return false;
}
