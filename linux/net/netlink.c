/* SPDX-License-Identifier: MIT */
/*
 * linux/net/netlink.c - sockets of AF_NETLINK: netlink(7).
 *
 * Requests are of NETLINK_ROUTE (rtnetlink.c) or NETLINK_SOCK_DIAG (sock_diag.c) and answered at once into the own queue.  Also what libc's mq_notify for SIGEV_THREAD
 * hears on (sock_tell).
 */
#include <linux/netlink.h>

#include "linux/net/inet.h"
#include "linux/net/netlink.h"
#include "rt/mem.h"

#define REQUEST_MOST 4096u

struct sock *sock_netlink(const struct file *f)
{
	struct sock *s = f->kind == FILE_SOCKET ? f->object : NULL;

	if (s == NULL || s->kind != SK_NETLINK)
		return NULL;
	sock_get(s);
	return s;
}

void sock_tell(struct sock *to, const void *data, uint32_t size)
{
	struct packet *p = arena_alloc(sizeof *p + size);

	if (p == NULL)
		return;
	p->size = size;
	p->from.len = sizeof p->from.in; /* the kernel: port 0 */
	memcpy(p->data, data, size);
	lock_take(&to->lock);
	if (to->state == SOCK_DEAD) {
		lock_drop(&to->lock);
		arena_free(p);
		return;
	}
	list_append(&to->packets, &p->link);
	to->npackets++;
	to->packet_bytes += size + MSG_OVERHEAD;
	lock_drop(&to->lock);
	(void)waitq_wake(&to->wq, 1, EPOLLIN | EPOLLRDNORM);
}

static long netlink_send(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	uint32_t size = (uint32_t)x->v->size;
	uint8_t *data = x->v->size <= REQUEST_MOST ? heap_alloc(REQUEST_MOST) : NULL;
	long result = x->v->size > REQUEST_MOST ? -EMSGSIZE : -ENOBUFS;

	if (data != NULL && iov_take(x->v, 0, data, size) != size) {
		result = -EFAULT;
	} else if (data != NULL) {
		if (s->addr.in.port == 0 && s->addr.in.scope == 0)
			s->addr.in.scope = (uint32_t)t->proc->pid;
		result = s->protocol == NETLINK_SOCK_DIAG ? sock_diag_request(t, s, data, size) : rtnetlink_request(t, s, data, size);
	}
	heap_free(data);
	return result;
}

static long netlink_recv(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	return (x->flags & MSG_OOB) ? -EOPNOTSUPP : packet_recv(t, s, x);
}

/* ---- Names: a port is the number in scope. ---- */

static long netlink_name_in(const struct sock *s, struct sock_name *a, struct gva from, int len)
{
	struct sockaddr_nl nl;

	if (len < (int)sizeof nl)
		return -EINVAL;
	if (copy_in(&nl, from, sizeof nl) != 0)
		return -EFAULT;
	if (nl.nl_family != AF_NETLINK)
		return -EINVAL;
	*a = (struct sock_name){ .len = sizeof a->in, .in.scope = nl.nl_pid };
	return 0;
}

static long netlink_name_out(const struct sock *s, const struct sock_name *a, struct gva to, struct gva len)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_pid = a->in.scope };
	int room;

	if (copy_in(&room, len, sizeof room) != 0)
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (copy_out(to, &nl, MIN(sizeof nl, (uint64_t)room)) != 0)
		return -EFAULT;
	return PUT_USER(len, (int)sizeof nl);
}

static long netlink_bind(struct lx_thread *t, struct sock *s, const struct sock_name *a)
{
	lock_take(&s->lock);
	s->addr = *a;
	if (s->addr.in.scope == 0)
		s->addr.in.scope = (uint32_t)t->proc->pid;
	lock_drop(&s->lock);
	return 0;
}

static long netlink_connect(struct lx_thread *t, struct sock *s, const struct sock_name *a, bool nonblock)
{
	lock_take(&s->lock);
	s->state = a != NULL ? SOCK_CONNECTED : SOCK_OPEN;
	lock_drop(&s->lock);
	return a != NULL && a->in.scope != 0 ? -ECONNREFUSED : 0;
}

static void netlink_peer_name(struct sock *s, struct sock_name *a)
{
	*a = (struct sock_name){ .len = sizeof a->in };
}

static long netlink_listen(struct lx_thread *t, struct sock *s, int backlog)
{
	return -EOPNOTSUPP;
}

static long netlink_shutdown(struct sock *s, uint32_t how)
{
	return -EOPNOTSUPP;
}

static void netlink_unname(struct sock *s)
{
}

static void netlink_peer_gone(struct sock *s, struct sock *peer, bool unread)
{
}

#define SOL_NETLINK_LEVEL 270

/* Memberships of groups are taken: nothing ever changes that they would hear of. */
static long netlink_setopt(struct lx_thread *t, struct sock *s, int level, int name, struct gva value, int len)
{
	return level == SOL_NETLINK_LEVEL && name >= NETLINK_ADD_MEMBERSHIP && name <= NETLINK_GET_STRICT_CHK ? 0 : -ENOPROTOOPT;
}

static long netlink_getopt(struct lx_thread *t, struct sock *s, int level, int name, struct gva value, struct gva len)
{
	return -ENOPROTOOPT;
}

const struct sock_ops netlink_ops = {
	.name_in = netlink_name_in,
	.name_out = netlink_name_out,
	.peer_name = netlink_peer_name,
	.bind = netlink_bind,
	.listen = netlink_listen,
	.connect = netlink_connect,
	.shutdown = netlink_shutdown,
	.send = netlink_send,
	.recv = netlink_recv,
	.unname = netlink_unname,
	.peer_gone = netlink_peer_gone,
	.ioctl = inet_ioctl,
	.setopt = netlink_setopt,
	.getopt = netlink_getopt,
};
