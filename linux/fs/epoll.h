/* SPDX-License-Identifier: MIT */
/* linux/fs/epoll.h - between epoll.c, epoll_ctl.c and epoll_wait.c. */
#ifndef LINUX_FS_EPOLL_H
#define LINUX_FS_EPOLL_H

#include "abi/net.h"
#include "linux/fs/io.h"

#define EP_PRIVATE  (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE) /* modes, not events */
#define EP_BUCKETS  16u /* first size of the table */
#define EP_STREAMS  2u  /* host streams one file may wait on, but sockets */
#define EP_MEMBERS  5u  /* sockets of the host behind one of the guest's */
#define EP_MAX_NEST 5
#define EP_BATCH    32u

struct epwait {
	struct waiter w;    /* kind LX_WAITER_EPOLL, data: the item */
	struct waitq *q;
	struct epwait *more; /* beyond the embedded ones */
};

/* One watched descriptor.  E = EPOLL (ep->lock), R = EPREADY (ep->rlock). */
struct epitem {
	struct list ready;    /* [R] in ep->ready */
	uint32_t on_ready;    /* [R] */
	uint32_t events;      /* [E] as the guest gave them, ERR and HUP; modes only once a ONESHOT fired */
	struct list hash;     /* [E] in a bucket */
	struct list file_link;/* [FILE of file] in file->epitems */
	struct list host;     /* [E] in ep->host if it waits on streams */
	struct epoll *ep;     /* [I] */
	struct file *file;    /* [I] no reference: epoll_file_gone comes first */
	int fd;               /* [I] */
	bool seen;            /* [FILE of file] epoll_file_changed's */
	uint32_t told;        /* [E] ET on a stream: what was reported and still holds */
	uint64_t data;        /* [E] */
	uint32_t nwaits, nstreams;
	struct epwait waits[2];
	struct epwait *more;
	struct { dk_handle stream; uint32_t which; } streams[EP_STREAMS];
	uint32_t serial;      /* [E] its number in ep->set's cookies, another when its members are others */
	uint32_t nmembers, member_events; /* [E] what of ep->set is its */
	dk_handle members[EP_MEMBERS];    /* [E] */
};

struct epoll {
	LOCK(EPOLL) lock;
	LOCK(EPREADY) rlock;   /* what a waker touches */
	struct list ready;     /* [R] items that may be ready */
	uint32_t nready;       /* [R] */
	struct list sleepers;  /* [R] waiters of threads in epoll_wait; a wake takes one off */
	struct waitq pollq;    /* poll, select or another epoll on this one */
	struct list host;      /* [E] items on host streams */
	dk_handle set;         /* [E] of sockets of the host, epoll_set.c; 0: none yet */
	dk_handle old_set;     /* [E] the one before */
	uint32_t left;         /* [E] members of set that belong to nobody, perhaps */
	bool new_set;          /* [E] it was just opened */
	bool turn;             /* the last wait with room for one event gave it to the set */
	uint32_t serials;      /* [E] */
	struct list *buckets;  /* [E] */
	uint32_t nbuckets, nitems;
	struct file *self;     /* [I] whose object it is */
	struct list first_buckets[EP_BUCKETS];
};

/* Where events go, and how many. */
struct epoll_out {
	struct gva to;
	uint32_t max, done;
	uint32_t n; /* in batch */
	struct epoll_event batch[EP_BATCH];
};
long epoll_flush(struct epoll_out *o); /* the batch reaches the guest: 0 or -EFAULT */

/* Marks an item as maybe ready and wakes one sleeper, if there is one: from lx_wake and from epoll_ctl. */
bool epitem_ready(struct epitem *item);
bool epitem_mark(struct epitem *item); /* the same without waking: the caller is about to take ready items.  False: it was */
bool epitem_unready(struct epitem *item); /* false: it was not marked */
void epoll_wake_all(struct epoll *ep); /* who waits does so for something else now, and looks again */
/* What item's file is ready for, of what the guest asked. */
uint32_t epitem_poll(struct lx_thread *t, struct epitem *item, struct poll_table *p);
/* Is there anything to report?  For poll on the epoll itself.  Drops stale ready marks. */
bool epoll_any_ready(struct lx_thread *t, struct epoll *ep);
/* The sandbox's one lock over who watches whom. */
LOCK(EPTREE) *epoll_tree_lock(void);
/* epoll_host.c: items on host streams that are no sockets.  Is one ready?  Adds their events to p if it is not NULL.  [E] is taken. */
bool epoll_poll_host(struct lx_thread *t, struct epoll *ep, struct poll_table *p);
void epoll_gather_host(struct epoll *ep, struct poll_table *p); /* their events alone */
long epoll_collect_host(struct lx_thread *t, struct epoll *ep, struct epoll_out *o); /* those that are ready: 0 or -EFAULT; with [E] */

/* ---- epoll_set.c ---- */

struct epoll_told { /* by the set */
	uint32_t n;
	bool past; /* something of no item */
	struct dk_ready ready[EP_BATCH];
};
void epoll_read_told(struct epoll *ep, struct epoll_told *told, uint32_t room); /* what is there now, up to room; [E] is not held */
/* Something to report, for who does not wait?  [E] is not held. */
bool epoll_peek_set(struct lx_thread *t, struct epoll *ep);
void epoll_renew_set(struct epoll *ep); /* if members of the past are in it; [E] is not held */
/* With [E]: */
/* Gives the guest what was told, 0 or -EFAULT; o is empty before.  *left: how many on the ready list are to be reported still. */
long epoll_report_told(struct lx_thread *t, struct epoll *ep, struct epoll_told *told, struct epoll_out *o, uint32_t *left);
uint32_t epitem_look(struct lx_thread *t, struct epitem *item, uint32_t ready); /* epitem_poll, without asking the host's sockets */
bool epitem_is_told(const struct epitem *item);  /* the set tells all that the host knows of it */
bool epitem_is_level(const struct epitem *item); /* and as long as it holds */
void epitem_members_changed(struct epitem *item); /* its events were set */
void epitem_leave_set(struct epitem *item);
void epitem_free(struct epoll *ep, struct epitem *item); /* EPTREE or a reference on the file held, EPOLL held */

#endif
