/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/epoll_host.c - host streams in an epoll that are not in its set: what a picoprocess got from the host (std.c).
 *
 * Nobody tells when one becomes ready, so each wait asks all of them, and sleeps on their events.
 */
#include "linux/fs/epoll.h"

/*
 * ET on a host stream: nobody tells about edges.  Input is reported as long as
 * there is some (who uses ET reads it all, and a spurious event is harmless); what
 * lasts by itself - room to write, hang-up - once, until it goes away.
 */
static uint32_t host_mask(struct lx_thread *t, struct epitem *item)
{
	const uint32_t lasting = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND | EPOLLHUP | EPOLLRDHUP | EPOLLERR;
	uint32_t mask = epitem_poll(t, item, NULL), fresh;

	if (!(item->events & EPOLLET))
		return mask;
	fresh = mask & ~(item->told & lasting);
	item->told = mask;
	return fresh;
}

long epoll_collect_host(struct lx_thread *t, struct epoll *ep, struct epoll_out *o)
{
	LIST_FOR(item, &ep->host, struct epitem, host) {
		uint32_t mask;

		if (o->done + o->n >= o->max)
			break;
		if (o->n == EP_BATCH && epoll_flush(o) != 0)
			return -EFAULT;
		mask = host_mask(t, item);
		if (mask == 0)
			continue;
		o->batch[o->n++] = (struct epoll_event){ mask, item->data };
		if (item->events & EPOLLONESHOT)
			item->events &= EP_PRIVATE;
	}
	return epoll_flush(o);
}

static bool still_told(const struct epitem *item, uint32_t which)
{
	if (!(item->events & EPOLLET))
		return false;
	if (which == DK_EVENT_WRITE)
		return item->told & EPOLLOUT;
	return which == DK_EVENT_HANGUP && (item->told & (EPOLLHUP | EPOLLERR | EPOLLRDHUP));
}

/* Events of the streams that could change something, into p. */
static void add_streams(struct epitem *item, struct poll_table *p)
{
	if ((item->events & ~EP_PRIVATE) == 0)
		return;
	p->key = (item->events & ~EP_PRIVATE) | EPOLLERR | EPOLLHUP;
	for (uint32_t i = 0; i < item->nstreams; i++)
		if (!still_told(item, item->streams[i].which))
			poll_wait_stream(p, item->streams[i].stream, item->streams[i].which);
}

bool epoll_poll_host(struct lx_thread *t, struct epoll *ep, struct poll_table *p)
{
	bool found = false;

	lock_take(&ep->lock);
	LIST_FOR(item, &ep->host, struct epitem, host) {
		found = found || epitem_poll(t, item, NULL) != 0;
		if (p != NULL)
			add_streams(item, p);
	}
	lock_drop(&ep->lock);
	return found;
}

void epoll_gather_host(struct epoll *ep, struct poll_table *p)
{
	lock_take(&ep->lock);
	LIST_FOR(item, &ep->host, struct epitem, host)
		add_streams(item, p);
	lock_drop(&ep->lock);
}
