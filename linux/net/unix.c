/* SPDX-License-Identifier: MIT */
/*
 * linux/net/unix.c - AF_UNIX's own: the state of the sandbox's names, and struct sock_ops.  How sockets live is sock.c's,
 * names are unix_name.c's, connections unix_conn.c's, data unix_stream.c's and unix_packet.c's.
 */
#include "linux/net/inet.h"
#include "linux/net/sock.h"

struct unix_state *unix_state(void)
{
	void **root = &lx_state()->unix_sockets;
	struct unix_state *u = __atomic_load_n(root, __ATOMIC_ACQUIRE);
	void *none = NULL;

	if (u != NULL)
		return u;
	u = arena_alloc(sizeof *u);
	if (u == NULL)
		return NULL;
	lock_init(&u->lock, LOCK_IPC);
	lock_init(&u->files_lock, LOCK_IPC);
	list_init(&u->files);
	waitq_init(&u->room);
	for (uint32_t i = 0; i < NAME_BUCKETS; i++) {
		list_init(&u->abstract[i]);
		list_init(&u->bound[i]);
	}
	if (__atomic_compare_exchange_n(root, &none, (void *)u, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return u;
	arena_free(u);
	return none;
}

void unix_inode_free(struct inode *i)
{
	i->object = NULL; /* sockets are found by inode number, and keep their inode */
}

static void unix_peer_gone(struct sock *s, struct sock *peer, bool unread)
{
	if (!is_connection(s))
		return;
	peer->shut = SHUT_RCV | SHUT_SEND;
	if (unread)
		peer->error = ECONNRESET;
}

static void unix_peer_name(struct sock *s, struct sock_name *a)
{
	struct sock *peer = sock_peer(s);

	*a = (struct sock_name){ 0 };
	if (peer == NULL)
		return;
	lock_take(&peer->lock);
	*a = peer->addr;
	lock_drop(&peer->lock);
	sock_put(peer);
}

static long unix_send(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	if (x->flags & MSG_OOB)
		return -EOPNOTSUPP;
	return is_stream(s) ? stream_send(t, s, x) : packet_send(t, s, x);
}

static long unix_recv(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	if (x->flags & MSG_OOB)
		return is_stream(s) ? -EINVAL : -EOPNOTSUPP;
	if (!is_stream(s))
		return packet_recv(t, s, x);
	return x->v->size == 0 ? 0 : stream_recv(t, s, x);
}

static long unix_setopt(struct lx_thread *t, struct sock *s, int level, int name, struct gva value, int len)
{
	return -EOPNOTSUPP;
}

static long unix_getopt(struct lx_thread *t, struct sock *s, int level, int name, struct gva value, struct gva len)
{
	return -EOPNOTSUPP;
}

const struct sock_ops unix_ops = {
	.name_in = unix_name_in,
	.name_out = unix_name_out,
	.peer_name = unix_peer_name,
	.bind = unix_bind,
	.listen = unix_listen,
	.connect = unix_connect,
	.shutdown = unix_shutdown,
	.send = unix_send,
	.recv = unix_recv,
	.unname = unix_unname,
	.peer_gone = unix_peer_gone,
	.ioctl = inet_ioctl,
	.setopt = unix_setopt,
	.getopt = unix_getopt,
};
