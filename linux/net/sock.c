/* SPDX-License-Identifier: MIT */
/*
 * linux/net/sock.c - sockets of all kinds: life and end, poll, the file.
 *
 * A socket holds what it received and nobody read: a ring of bytes with marks where
 * descriptors or credentials came along (streams), or a list of packets.  A sender takes
 * the receiver's lock, appends and wakes the receiver's queue; a receiver wakes its
 * peer's queue when there is room worth it again.  So no lock is held on two
 * sockets while bytes move.
 *
 * Connected sockets hold a reference on each other, given up when the own file ends
 * (sock_close), so a pair is no cycle that lives on.  What a kind does its own way is in its struct sock_ops.
 */

#include "linux/net/outside.h"
#include "linux/net/sock.h"
#include "linux/misc/cred.h"
#include "linux/ns/ns.h"
#include "linux/sec/landlock.h"

struct sock *sock_new(int family, enum sock_kind kind, uint32_t type)
{
	struct sock *s = unix_state() != NULL ? arena_alloc(sizeof *s) : NULL;

	if (s == NULL)
		return NULL;
	ref_init(&s->ref);
	lock_init(&s->lock, LOCK_SOCKET);
	waitq_init(&s->wq);
	list_init(&s->marks);
	list_init(&s->packets);
	list_init(&s->name_link);
	list_init(&s->file_link);
	list_init(&s->accept_queue);
	list_init(&s->accept_link);
	s->family = (uint16_t)family;
	s->kind = (uint16_t)kind;
	s->type = type;
	s->net = ns_of(lx_current(), NS_NET)->ino;
	s->landlock = lx_current()->cred.landlock;
	landlock_get(s->landlock);
	s->sndbuf = s->rcvbuf = SNDBUF_DEFAULT;
	s->peek_off = -1;
	ring_init(&s->rx, SNDBUF_DEFAULT);
	return s;
}

void sock_get(struct sock *s)
{
	ref_get(&s->ref);
}

void sock_put(struct sock *s)
{
	if (!ref_put(&s->ref))
		return;
	sock_drop_queue(s);
	landlock_put(s->landlock);
	groups_put(s->groups);
	groups_put(s->peergroups);
	if (s->inet != NULL) {
		arena_free(s->inet->outside);
		arena_free(s->inet->talk);
	}
	arena_free(s->inet);
	arena_free(s);
}

struct lx_ucred cred_of(const struct lx_thread *t)
{
	return (struct lx_ucred){ t->proc->pid, t->cred.euid, t->cred.egid };
}

void groups_get(struct sock_groups *g)
{
	if (g != NULL)
		ref_get(&g->ref);
}

void groups_put(struct sock_groups *g)
{
	if (g != NULL && ref_put(&g->ref))
		arena_free(g);
}

/* Without memory for them it has none. */
static struct sock_groups *groups_of(const struct lx_cred *c)
{
	struct sock_groups *g = c->ngroups != 0 ? arena_alloc(sizeof *g + c->ngroups * sizeof g->gid[0]) : NULL;

	if (g == NULL)
		return NULL;
	ref_init(&g->ref);
	g->count = c->ngroups;
	memcpy(g->gid, cred_groups(c), g->count * sizeof g->gid[0]);
	return g;
}

void sock_own_cred(struct sock *s, const struct lx_thread *t)
{
	s->cred = cred_of(t);
	groups_put(s->groups);
	s->groups = groups_of(&t->cred);
}

void sock_peer_cred(struct sock *to, const struct sock *s)
{
	to->peercred = s->cred;
	groups_get(s->groups);
	groups_put(to->peergroups);
	to->peergroups = s->groups;
}

struct sock *sock_peer(struct sock *s)
{
	struct sock *p;

	lock_take(&s->lock);
	p = s->peer;
	if (p != NULL)
		sock_get(p);
	lock_drop(&s->lock);
	return p;
}

void sock_pair(struct sock *a, struct sock *b)
{
	sock_get(a);
	sock_get(b);
	a->peer = b;
	b->peer = a;
	a->state = b->state = SOCK_CONNECTED;
	a->rx.limit = stream_limit(b, a);
	b->rx.limit = stream_limit(a, b);
}

/* A ring holds what the other side may have under way; TCP has buffers on both sides. */
uint32_t stream_limit(const struct sock *from, const struct sock *to)
{
	return from->sndbuf + (from->kind == SK_TCP ? to->rcvbuf : 0);
}

/* ---- The end ---- */

/* Bytes, packets and descriptors that nobody will read.  The lists are moved out first: a
   descriptor's end may be that of a socket with a queue of its own. */
void sock_drop_queue(struct sock *s)
{
	struct list marks, packets; /* only this thread follows them: nobody else has the socket */

	list_init(&marks);
	list_init(&packets);
	lock_take(&s->lock);
	ring_free(&s->rx);
	s->rx_held = 0;
	while (!list_empty(&s->marks)) {
		struct list *l = s->marks.next;

		list_remove(l);
		list_append(&marks, l);
	}
	while (!list_empty(&s->packets)) {
		struct list *l = s->packets.next;

		list_remove(l);
		list_append(&packets, l);
	}
	s->npackets = s->packet_bytes = 0;
	lock_drop(&s->lock);
	LIST_FOR_SAFE(m, next, &marks, struct mark, link) {
		fds_unqueued(m->scm.fds);
		fdset_put(m->scm.fds);
		arena_free(m);
	}
	LIST_FOR_SAFE(p, next, &packets, struct packet, link) {
		fds_unqueued(p->scm.fds);
		fdset_put(p->scm.fds);
		arena_free(p);
	}
}

/* The peer hears that s is gone. */
static void tell_peer(struct sock *s, struct sock *peer, bool unread)
{
	lock_take(&peer->lock);
	ops_of(s)->peer_gone(s, peer, unread);
	lock_drop(&peer->lock);
	waitq_wake_all(&peer->wq);
}

static void refuse_children(struct sock *s)
{
	for (;;) {
		struct sock *child = NULL;

		lock_take(&s->lock);
		if (!list_empty(&s->accept_queue)) {
			child = LIST_FIRST(&s->accept_queue, struct sock, accept_link);
			list_remove(&child->accept_link);
			s->nqueued--;
		}
		lock_drop(&s->lock);
		if (child == NULL)
			return;
		lock_take(&child->lock);
		child->rx_pos = UINT64_MAX; /* counts as unread: the one who connects gets ECONNRESET */
		lock_drop(&child->lock);
		sock_close(child);
	}
}

void sock_close(struct sock *s)
{
	struct sock *peer;
	bool unread, listening;

	if (s->inet != NULL)
		outside_close(s);
	ops_of(s)->unname(s);
	lock_take(&s->lock);
	listening = s->state == SOCK_LISTENING;
	s->state = SOCK_DEAD;
	s->shut = SHUT_RCV | SHUT_SEND;
	peer = s->peer;
	s->peer = NULL;
	unread = s->rx.used > 0 || s->npackets > 0 || s->rx_pos == UINT64_MAX;
	lock_drop(&s->lock);
	if (listening)
		refuse_children(s);
	if (listening && s->kind == SK_TCP)
		syn_room(lx_current(), s);
	if (peer != NULL) {
		tell_peer(s, peer, unread);
		sock_put(peer);
	}
	sock_drop_queue(s);
	waitq_wake_all(&s->wq);
	waitq_wake_all(&unix_state()->room);
	sock_put(s);
}

/* ---- The file ---- */

static uint32_t out_mask(struct sock *s, struct poll_table *p)
{
	bool writable;

	if (s->type == LX_SOCK_DGRAM && s->peer != NULL) /* AF_UNIX */
		poll_wait(p, &unix_state()->room);
	writable = is_stream(s) ? stream_writable(s) : packet_writable(s);
	return writable ? EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND : 0;
}

static uint32_t socket_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	struct sock *s = f->object;
	uint32_t mask = 0;

	poll_wait(p, &s->wq);
	if (s->host != DK_NO_HANDLE)
		return outside_poll(s, p);
	lock_take(&s->lock);
	if (s->error != 0)
		mask |= EPOLLERR;
	if (s->shut == (SHUT_RCV | SHUT_SEND))
		mask |= EPOLLHUP;
	if (s->shut & SHUT_RCV)
		mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (stream_there(s) > 0 || s->npackets > 0 || s->nqueued > 0)
		mask |= EPOLLIN | EPOLLRDNORM;
	if (is_connection(s) && s->state == SOCK_OPEN)
		mask |= EPOLLHUP;
	if (s->state != SOCK_LISTENING)
		mask |= out_mask(s, p);
	if (ops_of(s)->poll != NULL)
		mask = ops_of(s)->poll(s, mask);
	lock_drop(&s->lock);
	if (s->inet != NULL && outside_listens(s))
		outside_poll_listener(s, p, &mask);
	return mask;
}

static long socket_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct xfer x = { .v = v, .nonblock = file_nonblock(t, f) };
	long n = ops_of(f->object)->recv(t, f->object, &x);

	fdset_put(x.scm.fds); /* read has no place for them: they are closed */
	return n;
}

static long socket_write(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct xfer x = { .v = v, .nonblock = file_nonblock(t, f) };

	return ops_of(f->object)->send(t, f->object, &x);
}

static long queued_bytes(struct sock *s)
{
	if (is_stream(s))
		return (long)stream_there(s);
	return list_empty(&s->packets) ? 0 : (long)LIST_FIRST(&s->packets, struct packet, link)->size;
}

long sock_available(struct sock *s)
{
	long n;

	if (s->host != DK_NO_HANDLE && s->kind == SK_TCP)
		return (long)outside_number(s, DK_ATTR_AVAILABLE);
	if (s->state == SOCK_LISTENING)
		return -EINVAL;
	lock_take(&s->lock);
	n = queued_bytes(s);
	lock_drop(&s->lock);
	return n;
}

static long socket_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	struct sock *s = f->object, *peer;
	long n = 0;

	if (cmd == FIONREAD) {
		n = sock_available(s);
		if (n < 0)
			return n;
	} else if (cmd == TIOCOUTQ && s->host != DK_NO_HANDLE && s->kind == SK_TCP) {
		n = (long)outside_number(s, DK_ATTR_SOCKET_UNSENT);
	} else if (cmd == TIOCOUTQ) {
		peer = sock_peer(s);
		if (peer != NULL) {
			n = is_stream(s) ? (long)peer->rx.used : (long)peer->packet_bytes;
			sock_put(peer);
		}
	} else {
		return ops_of(s)->ioctl != NULL ? ops_of(s)->ioctl(t, s, cmd, arg) : -ENOTTY;
	}
	return PUT_USER((struct gva){ arg }, (int)n);
}

/* unix_state.files, for sock_diag. */
static void list_file(struct sock *s, bool there)
{
	struct unix_state *u = unix_state();

	lock_take(&u->files_lock);
	if (there)
		list_append(&u->files, &s->file_link);
	else
		list_remove(&s->file_link);
	lock_drop(&u->files_lock);
}

static void socket_release(struct file *f)
{
	struct sock *s = f->object;

	if (s == NULL)
		return;
	lock_take(&s->lock);
	s->file = NULL;
	lock_drop(&s->lock);
	if (s->kind == SK_UNIX)
		list_file(s, false);
	sock_close(s);
}

const struct file_ops socket_file_ops = {
	.name = "socket",
	.read = socket_read,
	.write = socket_write,
	.ioctl = socket_ioctl,
	.poll = socket_poll,
	.release = socket_release,
};

struct file *sock_file(struct sock *s, uint32_t flags)
{
	struct file *f = anon_file(FILE_SOCKET, O_RDWR | flags, S_IFSOCK | 0777, s);

	if (f != NULL && f->inode != NULL)
		s->ino = f->inode->ino;
	s->file = f;
	if (f != NULL && s->kind == SK_UNIX)
		list_file(s, true);
	return f;
}

const struct sock_ops *const sock_ops[SK_KINDS] = {
	[SK_UNIX] = &unix_ops, [SK_NETLINK] = &netlink_ops, [SK_TCP] = &tcp_ops, [SK_UDP] = &udp_ops, [SK_RAW] = &raw_ops,
};
