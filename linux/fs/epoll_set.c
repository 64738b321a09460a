/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/epoll_set.c - sockets of the host in an epoll.
 *
 * They are members of a set that the host keeps (abi/net.h, "waitset:"), one for each epoll that watches such a socket, shared like every
 * stream.  Members are level-triggered, edge-triggered or told once as their items are, and what the set tells is what is reported, with
 * what the socket itself knows added (epitem_look): so a wait is one call of the host's, whatever is ready.  An item comes on the
 * ready list only for what happens within.  Who looks at the epoll without waiting (poll, another epoll) would use up edges
 * that way, so these items are put on the ready list then, and their file is asked, as it is for an epoll in an epoll.
 *
 * A member can outlive its item, or go on telling what its item does not want any more: where another picoprocess put it in, under
 * a descriptor of its own.  Such are counted (ep->left), and their cookie, which is the guest's descriptor and the item's serial
 * number, fits no item.  When one tells, it would tell for ever; then all that is still wanted moves to a new set.
 */
#include "abi/net.h"
#include "linux/fs/epoll.h"
#include "linux/fs/pollset.h"

static dk_handle open_set(void)
{
	struct dk_open open = { .access = DK_READ, .share = 7, .disposition = DK_OPEN_EXISTING };
	dk_handle set;

	return DkStreamOpen("waitset:", &open, &set) == DK_OK ? set : DK_NO_HANDLE;
}

/* What is to be told of an item: no more than epitem_look finds then, or a level would be told for ever.  Never 0. */
static uint32_t events_of(const struct epitem *item)
{
	uint32_t want = item->events, events = DK_READY_ERROR;

	if (item->file->kind == FILE_EPOLL)
		return DK_READY(DK_EVENT_READ) | DK_MEMBER_EDGE;
	if (want & (EPOLLIN | EPOLLRDNORM))
		events |= DK_READY(DK_EVENT_READ);
	if (want & (EPOLLOUT | EPOLLWRNORM))
		events |= DK_READY(DK_EVENT_WRITE);
	if (want & EPOLLPRI)
		events |= DK_READY(DK_EVENT_CHANGE);
	if (want & EPOLLRDHUP)
		events |= DK_READY(DK_EVENT_HANGUP);
	return events | (want & EPOLLET ? DK_MEMBER_EDGE : 0) | (want & EPOLLONESHOT ? DK_MEMBER_ONCE : 0) | (want & EPOLLEXCLUSIVE ? DK_MEMBER_EXCLUSIVE : 0);
}

static enum dk_status set_member(const struct epitem *item, dk_handle stream, uint32_t events)
{
	struct dk_member m = { .cookie = (uint64_t)item->serial << 32 | (uint32_t)item->fd, .stream = stream, .events = events };

	return DkStreamAttributesSet(item->ep->set, NULL, DK_ATTR_MEMBERS, &m, sizeof m);
}

static bool put_in(struct epitem *item, dk_handle stream)
{
	item->member_events = events_of(item);
	if (set_member(item, stream, item->member_events) != DK_OK)
		return false;
	item->members[item->nmembers++] = stream;
	return true;
}

bool epoll_add_member(struct poll_table *p, dk_handle stream)
{
	struct epitem *item = p->epitem;
	struct epoll *ep = item->ep;

	for (uint32_t i = 0; i < item->nmembers; i++)
		if (item->members[i] == stream)
			return true;
	if (item->nmembers == EP_MEMBERS)
		return false;
	if (ep->set == DK_NO_HANDLE) {
		ep->set = open_set();
		ep->new_set = ep->set != DK_NO_HANDLE;
	}
	return ep->set != DK_NO_HANDLE && put_in(item, stream);
}

void epitem_leave_set(struct epitem *item)
{
	for (uint32_t i = 0; i < item->nmembers; i++)
		if (set_member(item, item->members[i], 0) != DK_OK)
			item->ep->left++;
	item->nmembers = 0;
	item->serial = ++item->ep->serials;
}

/* Another picoprocess has put it in: it goes on telling what it told, to nobody. */
static void put_in_again(struct epitem *item)
{
	uint32_t n = item->nmembers;

	epitem_leave_set(item);
	for (uint32_t i = 0; i < n; i++)
		(void)put_in(item, item->members[i]);
}

void epitem_members_changed(struct epitem *item)
{
	uint32_t events = events_of(item);

	if (item->nmembers == 0 || item->file->kind == FILE_EPOLL || (events == item->member_events && !(events & (DK_MEMBER_EDGE | DK_MEMBER_ONCE))))
		return;
	item->member_events = events;
	for (uint32_t i = 0; i < item->nmembers; i++) {
		if (set_member(item, item->members[i], events | DK_MEMBER_CHANGE) != DK_OK) {
			put_in_again(item);
			return;
		}
	}
}

bool epitem_is_told(const struct epitem *item)
{
	return item->nmembers != 0 && item->file->kind != FILE_EPOLL;
}

bool epitem_is_level(const struct epitem *item)
{
	return item->nmembers != 0 && !(item->member_events & (DK_MEMBER_EDGE | DK_MEMBER_ONCE));
}

uint32_t epitem_look(struct lx_thread *t, struct epitem *item, uint32_t ready)
{
	uint32_t want = item->events & ~EP_PRIVATE;
	struct poll_table p;

	if (want == 0)
		return 0;
	poll_table_look(&p, ready);
	return file_poll(t, item->file, &p) & want;
}

/* ---- What was told ---- */

static struct epitem *item_of(struct epoll *ep, uint64_t cookie)
{
	int fd = (int)(uint32_t)cookie;
	uint32_t serial = (uint32_t)(cookie >> 32);

	LIST_FOR(item, &ep->buckets[(uint32_t)fd & (ep->nbuckets - 1)], struct epitem, hash)
		if (item->fd == fd && item->serial == serial)
			return item;
	return NULL;
}

/* The items that are to be reported so far. */
struct found {
	struct epitem *items[EP_BATCH];
	uint32_t n, was_ready; /* a bit each: it was on the ready list, too */
};

/* One with several sockets of the host is told by each. */
static bool found_already(const struct found *f, const struct epitem *item, uint32_t mask, struct epoll_out *o)
{
	for (uint32_t i = 0; item->nmembers > 1 && i < f->n; i++) {
		if (f->items[i] == item) {
			o->batch[i].events |= mask;
			return true;
		}
	}
	return false;
}

static void find(struct lx_thread *t, struct epitem *item, uint32_t ready, struct found *f, struct epoll_out *o, uint32_t *left)
{
	uint32_t mask;

	if (!epitem_is_told(item) || !list_empty(&item->host)) { /* an epoll, and those that are asked anyway */
		*left += epitem_mark(item);
		return;
	}
	mask = epitem_look(t, item, ready);
	if (mask == 0 || found_already(f, item, mask, o))
		return;
	if (epitem_unready(item)) {
		f->was_ready |= 1u << f->n;
		*left -= *left != 0;
	}
	f->items[f->n++] = item;
	o->batch[o->n++] = (struct epoll_event){ mask, item->data };
}

/* They have been told to the guest; or not, and what the host does not tell again is asked for. */
static void reported(const struct found *f, bool flushed)
{
	for (uint32_t i = 0; i < f->n; i++) {
		struct epitem *item = f->items[i];

		if (flushed ? (f->was_ready & 1u << i) && epitem_is_level(item) : !epitem_is_level(item) || (f->was_ready & 1u << i))
			(void)epitem_mark(item);
		if (flushed && (item->events & EPOLLONESHOT))
			item->events &= EP_PRIVATE;
	}
}

long epoll_report_told(struct lx_thread *t, struct epoll *ep, struct epoll_told *told, struct epoll_out *o, uint32_t *left)
{
	struct found f = { .n = 0 };
	long err;

	for (uint32_t i = 0; i < told->n; i++) {
		struct epitem *item = item_of(ep, told->ready[i].cookie);

		if (item != NULL)
			find(t, item, told->ready[i].events, &f, o, left);
		else
			told->past = true;
	}
	err = epoll_flush(o);
	reported(&f, err == 0);
	return err;
}

void epoll_read_told(struct epoll *ep, struct epoll_told *told, uint32_t room)
{
	struct dk_segment seg = { told->ready, MIN(room, EP_BATCH) * sizeof told->ready[0] };
	uint64_t done = 0;

	if (room != 0 && DkStreamRead(ep->set, DK_OFFSET_NONE, &seg, 1, DK_IO_NONBLOCK, &done) == DK_OK)
		told->n = (uint32_t)(done / sizeof told->ready[0]);
}

/* ---- Who does not wait ---- */

/* True: an item has something to report.  *more: there are others that may. */
static bool peek(struct lx_thread *t, struct epoll *ep, struct epoll_told *told, bool *more)
{
	bool found = false;

	lock_take(&ep->lock);
	for (uint32_t i = 0; i < told->n; i++) {
		struct epitem *item = item_of(ep, told->ready[i].cookie);

		if (item == NULL) {
			told->past = true;
		} else if (epitem_is_level(item)) {
			found = found || (list_empty(&item->host) && epitem_look(t, item, told->ready[i].events) != 0);
		} else {
			(void)epitem_ready(item);
			*more = true;
		}
	}
	lock_drop(&ep->lock);
	return found;
}

bool epoll_peek_set(struct lx_thread *t, struct epoll *ep)
{
	struct epoll_told told;
	bool more, found;

	do {
		more = false;
		told.n = 0;
		told.past = false;
		epoll_read_told(ep, &told, EP_BATCH);
		found = told.n != 0 && peek(t, ep, &told, &more);
		if (told.past && ep->left != 0 && list_empty(&ep->self->epitems))
			epoll_renew_set(ep);
	} while (!found && more && told.n == EP_BATCH);
	return found;
}

/* ---- A new set ---- */

static void move_items(struct epoll *ep)
{
	for (uint32_t b = 0; b < ep->nbuckets; b++) {
		LIST_FOR(item, &ep->buckets[b], struct epitem, hash) {
			uint32_t n = item->nmembers;

			item->nmembers = 0;
			item->serial = ++ep->serials;
			for (uint32_t i = 0; i < n; i++)
				(void)put_in(item, item->members[i]);
		}
	}
}

void epoll_renew_set(struct epoll *ep)
{
	dk_handle set = open_set(), old = DK_NO_HANDLE;

	if (set == DK_NO_HANDLE)
		return;
	lock_take(&ep->lock);
	if (ep->left != 0) {
		ep->left = 0;
		old = ep->old_set; /* the one before stays: threads may be about to wait for it */
		ep->old_set = ep->set;
		ep->set = set;
		set = DK_NO_HANDLE;
		move_items(ep);
	}
	lock_drop(&ep->lock);
	if (set != DK_NO_HANDLE)
		(void)DkObjectClose(set);
	if (old != DK_NO_HANDLE)
		(void)DkObjectClose(old);
	epoll_wake_all(ep);
}
