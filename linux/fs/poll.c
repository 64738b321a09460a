/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/poll.c - waiting on files: the poll table, poll and ppoll.
 *
 * A table is built by the polled files themselves, in file_ops.poll.  The first
 * four waiters are the thread's own, more come from the arena in chunks, as other
 * picoprocesses follow the links.  poll looks first without a table: only if nothing
 * is ready does it queue itself everywhere, look again, and sleep.
 */

#include "linux/fs/fasync.h"
#include "linux/fs/io.h"
#include "linux/fs/pollset.h"
#include "linux/misc/timer.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

#define CHUNK_WAITERS 36 /* a chunk just fits in 2 KB */
#define MANY_STREAMS_NS 10000000ull

struct poll_chunk {
	struct poll_chunk *next;
	uint32_t used;
	struct waiter w[CHUNK_WAITERS];
};

void poll_table_init(struct poll_table *p)
{
	p->chunks = NULL;
	p->count = p->nevents = 0;
	p->too_many = p->failed = false;
	p->epitem = NULL;
	p->fasync = NULL;
	p->io = NULL;
	p->key = UINT32_MAX;
	p->streams_only = p->looks = p->told = false;
	p->ready = 0;
}

void poll_table_look(struct poll_table *p, uint32_t ready)
{
	poll_table_init(p);
	p->looks = p->told = true;
	p->ready = ready;
}

static void leave(struct waiter *w)
{
	waitq_remove(w->data, w);
	w->data = NULL;
}

void poll_table_done(struct poll_table *p)
{
	struct pico_thread *t = pico_current();
	uint32_t own = MIN(p->count, (uint32_t)PICO_THREAD_WAITERS);

	if (p->chunks != NULL)
		lx_current()->poll_chunks = NULL;

	for (uint32_t i = 0; i < own; i++)
		leave(&t->waiters[i]);
	while (p->chunks != NULL) {
		struct poll_chunk *c = p->chunks;

		p->chunks = c->next;
		for (uint32_t i = 0; i < c->used; i++)
			leave(&c->w[i]);
		arena_free(c);
	}
	p->count = p->nevents = 0;
}

void poll_thread_died(struct lx_thread *t)
{
	for (struct poll_chunk *c = t->poll_chunks, *next; c != NULL; c = next) {
		next = c->next;
		for (uint32_t i = 0; i < c->used; i++)
			waiter_abandon(&c->w[i]);
		arena_free(c);
	}
	t->poll_chunks = NULL;
}

static struct waiter *next_waiter(struct poll_table *p)
{
	struct poll_chunk *c = p->chunks;

	if (p->count < PICO_THREAD_WAITERS)
		return waiter_self(p->count);
	if (c == NULL || c->used == CHUNK_WAITERS) {
		c = arena_alloc(sizeof *c);
		if (c == NULL)
			return NULL;
		c->next = p->chunks;
		p->chunks = c;
		c->used = 0;
		lx_current()->poll_chunks = c;
	}
	waiter_init(&c->w[c->used]);
	return &c->w[c->used++];
}

void poll_wait(struct poll_table *p, struct waitq *q)
{
	struct waiter *w;

	if (p == NULL || q == NULL || p->failed || p->streams_only || p->looks)
		return;
	if (p->epitem != NULL) {
		epoll_add_queue(p, q);
		return;
	}
	if (p->fasync != NULL) {
		fasync_add_queue(p, q);
		return;
	}
	if (p->io != NULL) {
		io_add_queue(p, q);
		return;
	}
	w = next_waiter(p);
	if (w == NULL) {
		p->failed = true;
		return;
	}
	p->count++;
	w->key = p->key;
	w->data = q;
	waitq_add(q, w);
}

void poll_wait_stream(struct poll_table *p, dk_handle stream, enum dk_stream_event which)
{
	dk_handle event;

	if (p == NULL || stream == DK_NO_HANDLE || p->looks)
		return;
	if ((which == DK_EVENT_WRITE && !(p->key & (POLLOUT | POLLWRNORM | POLLWRBAND))) ||
	    (which == DK_EVENT_READ && !(p->key & (POLLIN | POLLRDNORM | POLLRDBAND | POLLPRI | POLLRDHUP))))
		return; /* a level-triggered event nobody asked for would end every sleep */
	if (p->epitem != NULL) {
		epoll_add_stream(p, stream, which);
		return;
	}
	if (p->fasync != NULL)
		return;
	if (p->io != NULL) {
		io_add_stream(p, stream, which);
		return;
	}
	if (DkStreamGetEvent(stream, which, &event) != DK_OK)
		return;
	for (uint32_t i = 0; i < p->nevents; i++)
		if (p->events[i] == event)
			return;
	if (p->nevents == ARRAY_LEN(p->events))
		p->too_many = true;
	else
		p->events[p->nevents++] = event;
}

void poll_wait_socket(struct poll_table *p, dk_handle stream)
{
	if (p == NULL || stream == DK_NO_HANDLE || p->looks || (p->epitem != NULL && epoll_add_member(p, stream)))
		return;
	poll_wait_stream(p, stream, DK_EVENT_READ);
	poll_wait_stream(p, stream, DK_EVENT_WRITE);
	if (!(p->key & (EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM)))
		poll_wait_stream(p, stream, (p->key & EPOLLRDHUP) ? DK_EVENT_HANGUP : DK_EVENT_CHANGE /* only errors and the end, which come unasked */);
}

long poll_sleep(struct poll_table *p, uint64_t deadline)
{
	uint64_t until = deadline;
	enum dk_status status;
	uint32_t index;

	if (p->failed)
		return -ENOMEM;
	if (p->too_many)
		until = MIN(deadline, pico_now() + MANY_STREAMS_NS);
	if (p->nevents == 0)
		status = pico_wait(until, 0);
	else
		status = pico_wait_handles(p->events, p->nevents, until, 0, &index);
	if (status == DK_OK || (status == DK_TIMEOUT && until < deadline))
		return 0;
	return lx_wait_err(status);
}

uint32_t file_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	const struct file_ops *ops = lx_file_ops[f->kind];

	if (ops == NULL || ops->poll == NULL)
		return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	return ops->poll(t, f, p);
}

long file_wait(struct lx_thread *t, struct file *f, uint32_t events, uint64_t deadline)
{
	struct poll_table p;
	bool ready;
	long err = 0;

	events |= POLLERR | POLLHUP;
	if (file_poll(t, f, NULL) & events)
		return 0;
	if (file_nonblock(t, f))
		return -EAGAIN;
	poll_table_init(&p);
	p.key = events;
	ready = file_poll(t, f, &p) & events;
	while (!ready && err == 0) {
		err = poll_sleep(&p, deadline);
		ready = file_poll(t, f, NULL) & events;
	}
	poll_table_done(&p);
	return ready ? 0 : err;
}

/* ---- Times ---- */

long deadline_in(struct gva timespec, uint64_t *deadline)
{
	uint64_t ns;
	long err;

	*deadline = DK_FOREVER;
	if (timespec.va == 0)
		return 0;
	err = user_timespec_in(timespec, &ns);
	if (err != 0)
		return err;
	*deadline = 0;
	if (ns != 0 && ADD_OVERFLOW(pico_now(), ns, deadline))
		*deadline = DK_FOREVER;
	return 0;
}

uint64_t deadline_ms(int ms)
{
	if (ms < 0)
		return DK_FOREVER;
	return ms == 0 ? 0 : pico_now() + (uint64_t)ms * 1000000;
}

void deadline_out(struct gva timespec, uint64_t deadline)
{
	uint64_t now, left;

	if (timespec.va == 0 || deadline == DK_FOREVER || lx_current()->proc->personality & STICKY_TIMEOUTS)
		return;
	now = pico_now();
	left = deadline > now ? deadline - now : 0;
	(void)user_timespec_out(timespec, left); /* a read-only timespec is no error in Linux either */
}

/* ---- Sets of descriptors: poll and select ---- */

/* fd_get for all; what is no descriptor stays NULL. */
static void set_open(struct lx_thread *t, struct pollset *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		s->files[i] = s->fds[i].fd < 0 ? NULL : fd_get(t, s->fds[i].fd);
}

static void set_close(struct pollset *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->files[i] != NULL)
			file_put(s->files[i]);
}

bool pollset_alloc(struct pollset *s, uint32_t count)
{
	s->count = count;
	s->fds = s->small_fds;
	s->files = s->small_files;
	if (count <= ARRAY_LEN(s->small_fds))
		return true;
	s->fds = heap_alloc(count * (sizeof *s->fds + sizeof *s->files));
	s->files = (struct file **)(void *)(s->fds + count);
	return s->fds != NULL;
}

void pollset_free(struct pollset *s)
{
	if (s->fds != s->small_fds)
		heap_free(s->fds);
}

static uint32_t scan(struct lx_thread *t, struct pollset *s, struct poll_table *p)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		struct pollfd *fd = &s->fds[i];
		uint32_t want = (uint16_t)fd->events | s->always;

		fd->revents = 0;
		if (fd->fd < 0)
			continue;
		if (s->files[i] == NULL) {
			fd->revents = POLLNVAL;
		} else {
			if (p != NULL)
				p->key = want | POLLERR | POLLHUP;
			fd->revents = (short)(file_poll(t, s->files[i], p) & want);
		}
		if (fd->revents != 0) {
			found++;
			p = NULL; /* nobody will sleep: no need to queue */
		}
	}
	return found;
}

/* Each turn queues anew: what a file waits on may have changed (an epoll that got its first socket of the host). */
static long wait_for_some(struct lx_thread *t, struct pollset *s, uint64_t deadline)
{
	long err = 0;
	uint32_t found;

	do {
		struct poll_table p;
		bool slept;

		poll_table_init(&p);
		found = scan(t, s, &p);
		slept = found == 0;
		if (slept)
			err = poll_sleep(&p, deadline);
		poll_table_done(&p);
		if (slept)
			found = scan(t, s, NULL);
	} while (found == 0 && err == 0);
	if (found != 0)
		return found;
	return err == -ETIMEDOUT ? 0 : err;
}

long pollset_wait(struct lx_thread *t, struct pollset *s, uint64_t deadline)
{
	long result;

	set_open(t, s);
	result = scan(t, s, NULL);
	if (result == 0 && deadline != 0)
		result = wait_for_some(t, s, deadline);
	set_close(s);
	return result;
}

/* ---- The calls ---- */

static long do_poll(struct lx_thread *t, struct gva fds, uint32_t count, uint64_t deadline)
{
	struct pollset s;
	long result;

	if (count > t->proc->rlim[RLIMIT_NOFILE].rlim_cur || count > 1u << 20)
		return -EINVAL;
	s.always = POLLERR | POLLHUP;
	if (!pollset_alloc(&s, count))
		return -ENOMEM;
	result = copy_in(s.fds, fds, count * sizeof *s.fds);
	if (result == 0)
		result = pollset_wait(t, &s, deadline);
	for (uint32_t i = 0; i < count && result >= 0; i++)
		if (PUT_USER(gva_add(fds, i * sizeof *s.fds + offsetof(struct pollfd, revents)), s.fds[i].revents) != 0)
			result = -EFAULT;
	pollset_free(&s);
	return result;
}

/* A signal without handler must not start the time anew: goes on by restart_syscall. */
static long poll_until(struct lx_thread *t, struct gva fds, uint32_t count, uint64_t deadline)
{
	long result = do_poll(t, fds, count, deadline);

	if (result != -ERESTARTSYS)
		return result;
	t->restart.kind = RESTART_POLL;
	t->restart.deadline = deadline;
	t->restart.ptr = fds;
	t->restart.arg[0] = count;
	return -ERESTART_RESTARTBLOCK;
}

long poll_restart(struct lx_thread *t)
{
	return poll_until(t, t->restart.ptr, (uint32_t)t->restart.arg[0], t->restart.deadline);
}

long lx_sys_poll(struct lx_thread *t, struct gva fds, uint32_t nfds, int timeout)
{
	return poll_until(t, fds, nfds, deadline_ms(timeout));
}

long lx_sys_ppoll(struct lx_thread *t, struct gva fds, uint32_t nfds, struct gva timeout, struct gva sigmask, uint64_t size)
{
	uint64_t deadline;
	long result = deadline_in(timeout, &deadline);

	if (result == 0)
		result = sig_use_mask(t, sigmask, size);
	if (result != 0)
		return result;
	result = do_poll(t, fds, nfds, deadline);
	deadline_out(timeout, deadline);
	return result == -ERESTARTSYS ? -ERESTARTNOHAND : result;
}
