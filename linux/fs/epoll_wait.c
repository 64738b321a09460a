/* SPDX-License-Identifier: MIT */
/* linux/fs/epoll_wait.c - epoll_wait and its variants: taking ready items, sleeping. */

#include "linux/fs/epoll.h"
#include "linux/sig/sig.h"
#include "pico/uaccess.h"
#include "syscalls.gen.h"

#define SLEEPER 3u /* which of the thread's own waiters; polled files use the first ones */

long epoll_flush(struct epoll_out *o)
{
	if (o->n > 0 && copy_out(gva_add(o->to, o->done * sizeof o->batch[0]), o->batch, o->n * sizeof o->batch[0]) != 0)
		return -EFAULT;
	o->done += o->n;
	o->n = 0;
	return 0;
}

/* Takes up to max items off the ready list. */
static uint32_t pop(struct epoll *ep, struct epitem **items, uint32_t max)
{
	uint32_t n = 0;

	lock_take(&ep->rlock);
	while (n < max && !list_empty(&ep->ready)) {
		struct epitem *item = LIST_FIRST(&ep->ready, struct epitem, ready);

		list_remove(&item->ready);
		item->on_ready = 0;
		ep->nready--;
		items[n++] = item;
	}
	lock_drop(&ep->rlock);
	return n;
}

/* Puts items whose bit is set back to the end. */
static void push_back(struct epoll *ep, struct epitem **items, uint32_t bits)
{
	if (bits == 0)
		return;
	lock_take(&ep->rlock);
	for (; bits != 0; bits &= bits - 1) {
		struct epitem *item = items[__builtin_ctz(bits)];

		if (item->on_ready)
			continue;
		item->on_ready = 1;
		list_append(&ep->ready, &item->ready);
		ep->nready++;
	}
	lock_drop(&ep->rlock);
}

/* What an item of the ready list reports.  Those on host streams: epoll_collect_host. */
static uint32_t mask_of(struct lx_thread *t, struct epitem *item)
{
	if (!list_empty(&item->host))
		return 0;
	return epitem_is_level(item) ? epitem_look(t, item, 0) : epitem_poll(t, item, NULL); /* a level of the host's the set tells */
}

/* One batch of popped items.  The events reach the guest before anything is changed for good. */
static long report(struct lx_thread *t, struct epoll *ep, struct epitem **items, uint32_t n, struct epoll_out *o)
{
	uint32_t ready = 0, again = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t mask = mask_of(t, items[i]);

		if (mask == 0)
			continue;
		ready |= 1u << i;
		o->batch[o->n++] = (struct epoll_event){ mask, items[i]->data };
	}
	if (epoll_flush(o) != 0) {
		push_back(ep, items, ready);
		return -EFAULT;
	}
	for (uint32_t bits = ready; bits != 0; bits &= bits - 1) {
		struct epitem *item = items[__builtin_ctz(bits)];

		if (item->events & EPOLLONESHOT)
			item->events &= EP_PRIVATE;
		else if (!(item->events & EPOLLET))
			again |= bits & -bits;
	}
	push_back(ep, items, again);
	return 0;
}

/* left: how many at most, so that items put back are not seen twice. */
static long collect_ready(struct lx_thread *t, struct epoll *ep, struct epoll_out *o, uint32_t left)
{
	struct epitem *items[EP_BATCH];
	long err = 0;

	while (err == 0 && left > 0 && o->done < o->max) {
		uint32_t n = pop(ep, items, MIN(MIN(EP_BATCH, left), o->max - o->done));

		if (n == 0)
			break;
		left -= n;
		err = report(t, ep, items, n, o);
	}
	return err;
}

/* Another thread that sleeps may have what is left over. */
static void pass_on(struct epoll *ep)
{
	struct waiter *w = NULL;

	if (list_empty(&ep->sleepers))
		return;
	lock_take(&ep->rlock);
	if (!list_empty(&ep->ready) && !list_empty(&ep->sleepers)) {
		w = LIST_FIRST(&ep->sleepers, struct waiter, link);
		list_remove(&w->link);
		__atomic_store_n(&w->fired, 1, __ATOMIC_RELEASE);
		pico_wake(w->thread);
	}
	lock_drop(&ep->rlock);
}

/* Events that are there now, and those that were told: their number, 0, or -EFAULT. */
static long collect(struct lx_thread *t, struct epoll *ep, struct gva to, uint32_t max, struct epoll_told *told)
{
	struct epoll_out o;
	uint32_t left;
	long err = 0;

	if (told->n == 0 && list_empty(&ep->ready) && list_empty(&ep->host))
		return 0;
	o.to = to;
	o.max = max;
	o.done = o.n = 0;
	lock_take(&ep->lock);
	left = __atomic_load_n(&ep->nready, __ATOMIC_RELAXED);
	if (told->n != 0)
		err = epoll_report_told(t, ep, told, &o, &left);
	if (err == 0 && left != 0)
		err = collect_ready(t, ep, &o, left);
	if (err == 0 && !list_empty(&ep->host))
		err = epoll_collect_host(t, ep, &o);
	lock_drop(&ep->lock);
	if (UNLIKELY(told->past) && ep->left != 0) {
		epoll_renew_set(ep);
		epoll_file_changed(ep->self);
	}
	pass_on(ep);
	return o.done > 0 ? (long)o.done : err;
}

/* ---- Seen from outside: poll on an epoll ---- */

bool epoll_any_ready(struct lx_thread *t, struct epoll *ep)
{
	struct epitem *item;
	bool found = false;

	if (ep->set != DK_NO_HANDLE && epoll_peek_set(t, ep))
		return true;
	if (list_empty(&ep->ready))
		return false;
	lock_take(&ep->lock);
	while (!found && pop(ep, &item, 1) == 1) {
		found = mask_of(t, item) != 0;
		if (found)
			push_back(ep, &item, 1);
	}
	lock_drop(&ep->lock);
	return found;
}

/* ---- Sleeping ---- */

static long sleep_on_set(struct epoll *ep, uint64_t deadline, struct epoll_told *told, uint32_t room)
{
	uint64_t done = 0;
	enum dk_status status = pico_wait_ready(ep->set, told->ready, MIN(room, EP_BATCH) * sizeof told->ready[0], &done, deadline);

	told->n = (uint32_t)(done / sizeof told->ready[0]);
	return lx_wait_err(status);
}

static long sleep_on_all(struct epoll *ep, uint64_t deadline)
{
	struct poll_table p;

	poll_table_init(&p);
	if (!list_empty(&ep->host))
		epoll_gather_host(ep, &p);
	poll_wait_stream(&p, ep->set, DK_EVENT_READ);
	return poll_sleep(&p, deadline);
}

/* Until an item may be ready, or the set has told something: 0, -ERESTARTSYS, -ETIMEDOUT. */
static long sleep(struct epoll *ep, uint64_t deadline, struct epoll_told *told, uint32_t room)
{
	struct waiter *w;
	bool now_ready;
	long err = 0;

	if (list_empty(&ep->host) && ep->set == DK_NO_HANDLE && WAIT_LINGER(deadline, !list_empty(&ep->ready)))
		return 0;
	w = waiter_self(SLEEPER);
	lock_take(&ep->rlock);
	now_ready = !list_empty(&ep->ready);
	w->kind = LX_WAITER_SLEEPER;
	w->data = ep;
	if (!now_ready)
		list_insert(&ep->sleepers, &w->link); /* the last to sleep has the warmest caches */
	lock_drop(&ep->rlock);
	if (!now_ready)
		err = ep->set != DK_NO_HANDLE && list_empty(&ep->host) ? sleep_on_set(ep, deadline, told, room) : sleep_on_all(ep, deadline);
	lock_take(&ep->rlock);
	list_remove(&w->link);
	lock_drop(&ep->rlock);
	w->kind = PICO_WAITER_THREAD;
	return err;
}

/* The call that it died in has a reference on the epoll's file, so that is still there. */
void epoll_thread_died(struct lx_thread *t)
{
	struct waiter *w = &t->pico.waiters[SLEEPER];
	struct epoll *ep = w->data;

	if (w->kind != LX_WAITER_SLEEPER)
		return;
	lock_take(&ep->rlock);
	list_remove(&w->link);
	lock_drop(&ep->rlock);
	w->kind = PICO_WAITER_THREAD;
	pass_on(ep); /* it may have been woken for what others can take */
}

/* Room for the set's events, so that neither they nor what is ready within crowd the others out. */
static uint32_t share(struct epoll *ep, uint32_t max)
{
	if (list_empty(&ep->ready))
		return max;
	if (max > 1)
		return (max + 1) / 2;
	ep->turn = !ep->turn;
	return ep->turn;
}

static long wait_on(struct lx_thread *t, struct epoll *ep, struct gva to, uint32_t max, uint64_t deadline)
{
	bool look = deadline == 0 || !list_empty(&ep->host); /* before a sleep */
	struct epoll_told told;
	long err = 0, n;

	for (;;) {
		told.n = 0;
		told.past = false;
		if (!look && list_empty(&ep->ready))
			err = sleep(ep, deadline, &told, max);
		if (told.n == 0 && ep->set != DK_NO_HANDLE && (look || !list_empty(&ep->ready) || !list_empty(&ep->host)))
			epoll_read_told(ep, &told, share(ep, max));
		n = collect(t, ep, to, max, &told);
		if (n != 0 || deadline == 0 || err == -ETIMEDOUT)
			return n;
		if (err != 0)
			return err == -ERESTARTSYS ? -EINTR : err;
		look = false;
	}
}

static long do_wait(struct lx_thread *t, int fd, struct gva to, int max, uint64_t deadline)
{
	struct file *f;
	long result;

	if (max <= 0 || max > INT32_MAX / (int)sizeof(struct epoll_event))
		return -EINVAL;
	if (!guest_range_ok(to.va, (uint64_t)max * sizeof(struct epoll_event)))
		return -EFAULT;
	f = fd_get_kind(t, fd, FILE_EPOLL, -EINVAL, &result);
	if (f == NULL)
		return result;
	result = wait_on(t, f->object, to, (uint32_t)max, deadline);
	file_put(f);
	return result;
}

long lx_sys_epoll_wait(struct lx_thread *t, int fd, struct gva events, int max, int timeout)
{
	return do_wait(t, fd, events, max, deadline_ms(timeout));
}

long lx_sys_epoll_pwait(struct lx_thread *t, int fd, struct gva events, int max, int timeout, struct gva sigmask, uint64_t size)
{
	long err = sig_use_mask(t, sigmask, size);

	return err != 0 ? err : do_wait(t, fd, events, max, deadline_ms(timeout));
}

long lx_sys_epoll_pwait2(struct lx_thread *t, int fd, struct gva events, int max, struct gva timeout, struct gva sigmask, uint64_t size)
{
	uint64_t deadline;
	long err = deadline_in(timeout, &deadline);

	if (err == 0)
		err = sig_use_mask(t, sigmask, size);
	return err != 0 ? err : do_wait(t, fd, events, max, deadline);
}
