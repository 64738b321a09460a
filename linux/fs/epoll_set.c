/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/epoll_set.c - sockets of the host in an epoll.
 *
 * They are members of a set that the host keeps (abi/net.h, "waitset:"), one for each epoll that watches such a socket, shared like every stream.
 * The set tells each change once; here it puts the item on the ready list, and the file is asked what holds, as when a queue had
 * been woken.  So a wait costs what is ready, however many sockets there are.
 *
 * A member can outlive its item: where another picoprocess put it in under a descriptor of its own.  A cookie is therefore the
 * guest's descriptor and the item's serial number, and one that fits no item is of the past.
 */
#include "abi/net.h"
#include "linux/fs/epoll.h"
#include "linux/fs/pollset.h"

#define READ_AT_ONCE 32u

static bool open_set(struct epoll *ep)
{
	struct dk_open open = { .access = DK_READ, .share = 7, .disposition = DK_OPEN_EXISTING };

	return ep->set != DK_NO_HANDLE || DkStreamOpen("waitset:", &open, &ep->set) == DK_OK;
}

/* What is to be told of an item.  Room for writing is, at the first look, and nobody wants to hear of it but who asked. */
static uint32_t events_of(const struct epitem *item)
{
	uint32_t events = DK_READY(DK_EVENT_READ) | DK_READY(DK_EVENT_HANGUP) | DK_READY(DK_EVENT_CHANGE) | DK_MEMBER_EDGE;

	return item->events & (EPOLLOUT | EPOLLWRNORM) ? events | DK_READY(DK_EVENT_WRITE) : events;
}

static bool set_member(const struct epitem *item, dk_handle stream, uint32_t events)
{
	struct dk_member m = { .cookie = (uint64_t)item->serial << 32 | (uint32_t)item->fd, .stream = stream, .events = events };

	return DkStreamAttributesSet(item->ep->set, NULL, DK_ATTR_MEMBERS, &m, sizeof m) == DK_OK;
}

bool epoll_add_member(struct poll_table *p, dk_handle stream)
{
	struct epitem *item = p->epitem;

	for (uint32_t i = 0; i < item->nmembers; i++)
		if (item->members[i] == stream)
			return true;
	if (item->nmembers == EP_MEMBERS || !open_set(item->ep) || !set_member(item, stream, events_of(item)))
		return false;
	item->member_events = events_of(item);
	item->members[item->nmembers++] = stream;
	return true;
}

void epitem_members_changed(struct epitem *item)
{
	if (item->nmembers == 0 || (events_of(item) & ~item->member_events) == 0)
		return;
	item->member_events |= events_of(item);
	for (uint32_t i = 0; i < item->nmembers; i++)
		(void)set_member(item, item->members[i], item->member_events);
}

void epitem_leave_set(struct epitem *item)
{
	for (uint32_t i = 0; i < item->nmembers; i++)
		(void)set_member(item, item->members[i], 0);
	item->nmembers = 0;
}

static bool wanted(const struct epitem *item, uint32_t ready)
{
	uint32_t want = item->events;

	return (ready & (DK_READY_ERROR | DK_READY_CLOSED)) || ((ready & DK_READY(DK_EVENT_WRITE)) && (want & (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND))) ||
		((ready & ~DK_READY(DK_EVENT_WRITE)) && (want & (EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | EPOLLPRI | EPOLLRDBAND)));
}

static void told(struct epoll *ep, const struct dk_ready *r, bool wake)
{
	int fd = (int)(uint32_t)r->cookie;
	uint32_t serial = (uint32_t)(r->cookie >> 32);

	LIST_FOR(item, &ep->buckets[(uint32_t)fd & (ep->nbuckets - 1)], struct epitem, hash) {
		if (item->fd != fd || item->serial != serial)
			continue;
		if (!wanted(item, r->events))
			return;
		if (wake)
			(void)epitem_ready(item);
		else
			epitem_mark(item);
		return;
	}
}

void epoll_read_set(struct epoll *ep, bool wake)
{
	struct dk_ready ready[READ_AT_ONCE];
	struct dk_segment seg = { ready, sizeof ready };
	uint64_t done;

	do {
		done = 0;
		if (DkStreamRead(ep->set, DK_OFFSET_NONE, &seg, 1, DK_IO_NONBLOCK, &done) != DK_OK)
			return;
		lock_take(&ep->lock);
		for (uint32_t i = 0; i < done / sizeof ready[0]; i++)
			told(ep, &ready[i], wake);
		lock_drop(&ep->lock);
	} while (done == sizeof ready);
}
