/* SPDX-License-Identifier: MIT */
/* linux/net/sockopt.c - SOL_SOCKET options. */

#include <linux/capability.h>

#include "linux/net/inet.h"
#include "linux/proc/proc.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"

#define SNDBUF_MAX 212992
#define SNDBUF_MIN 4608
#define RCVBUF_MIN 2304

static void set_sndbuf(struct sock *s, int value)
{
	struct sock *peer;

	s->sndbuf = (uint32_t)MAX(MIN(MAX(value, 0), SNDBUF_MAX) * 2, SNDBUF_MIN);
	peer = sock_peer(s);
	if (peer == NULL)
		return;
	lock_take(&peer->lock);
	if (peer->peer == s)
		peer->rx.limit = stream_limit(s, peer);
	lock_drop(&peer->lock);
	sock_put(peer);
	waitq_wake_all(&s->wq);
}

static long set_timeout(uint64_t *timeout, struct gva value, int len)
{
	int64_t tv[2];

	if (len < (int)sizeof tv)
		return -EINVAL;
	if (copy_in(tv, value, sizeof tv) != 0)
		return -EFAULT;
	if (tv[1] < 0 || tv[1] >= 1000000)
		return -EDOM;
	if (tv[0] < 0)
		*timeout = 1; /* Linux: do not wait */
	else if (tv[0] >= INT32_MAX)
		*timeout = 0;
	else
		*timeout = (uint64_t)tv[0] * 1000000000 + (uint64_t)tv[1] * 1000;
	return 0;
}

/* Options that are kept and shown: packets that they would change do not exist here. */
static uint32_t flag_of(int name)
{
	static const int names[] = { SO_DEBUG, SO_DONTROUTE, SO_BROADCAST, SO_OOBINLINE, SO_NO_CHECK };

	for (uint32_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i] == name)
			return 1u << i;
	return 0;
}

bool sock_flag(const struct sock *s, int name)
{
	return (__atomic_load_n(&s->flags, __ATOMIC_RELAXED) & flag_of(name)) != 0;
}

static long set_flag(struct sock *s, int name, int value)
{
	uint32_t bit = flag_of(name);

	if (bit == 0)
		return -ENOPROTOOPT;
	if (value != 0)
		(void)__atomic_or_fetch(&s->flags, bit, __ATOMIC_RELAXED);
	else
		(void)__atomic_and_fetch(&s->flags, ~bit, __ATOMIC_RELAXED);
	return 0;
}

/* Options whose value is an int. */
static long set_int(struct lx_thread *t, struct sock *s, int name, int value)
{
	switch (name) {
	case SO_PASSCRED:
		s->passcred = value != 0;
		return 0;
	case LX_SO_PASSPIDFD:
		s->passpidfd = value != 0;
		return 0;
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMP_NEW:
	case SO_TIMESTAMPNS_NEW:
		s->stamp = value != 0 ? name : 0;
		return 0;
	case SO_REUSEADDR:
		s->reuse = value != 0;
		return 0;
	case SO_KEEPALIVE:
		s->keepalive = value != 0;
		return 0;
	case SO_PRIORITY:
		s->priority = value;
		return 0;
	case SO_PEEK_OFF:
		s->peek_off = value;
		return 0;
	case SO_SNDBUFFORCE:
	case SO_RCVBUFFORCE:
		if (!ns_capable(t, ns_of(t, NS_NET)->user, CAP_NET_ADMIN))
			return -EPERM;
		return set_int(t, s, name == SO_SNDBUFFORCE ? SO_SNDBUF : SO_RCVBUF, value);
	case SO_SNDBUF:
		set_sndbuf(s, value);
		return 0;
	case SO_RCVBUF:
		s->rcvbuf = (uint32_t)MAX(MIN(MAX(value, 0), SNDBUF_MAX) * 2, RCVBUF_MIN);
		return 0;
	case SO_REUSEPORT:
		if (s->inet == NULL)
			return -ENOPROTOOPT;
		s->inet->reuseport = value != 0;
		return 0;
	case SO_RCVLOWAT:
		s->rcvlowat = MAX(value, 1);
		return 0;
	case SO_PASSSEC:
	case SO_BUSY_POLL:
	case SO_INCOMING_CPU:
	case SO_ZEROCOPY:
		return 0;
	default:
		return set_flag(s, name, value);
	}
}

/* There is one interface. */
static long bind_to_device(struct gva value, int len)
{
	char name[16] = "";

	if (copy_in(name, value, MIN((uint64_t)len, sizeof name - 1)) != 0)
		return -EFAULT;
	return name[0] == '\0' || strcmp(name, "lo") == 0 ? 0 : -ENODEV;
}

long sock_setopt(struct lx_thread *t, struct sock *s, int name, struct gva value, int len)
{
	int n;

	if (name == SO_RCVTIMEO_OLD || name == SO_RCVTIMEO_NEW)
		return set_timeout(&s->rcvtimeo, value, len);
	if (name == SO_SNDTIMEO_OLD || name == SO_SNDTIMEO_NEW)
		return set_timeout(&s->sndtimeo, value, len);
	if (name == SO_BINDTODEVICE)
		return bind_to_device(value, len);
	if (name == SO_LINGER) {
		if (len < (int)sizeof s->linger)
			return -EINVAL;
		return copy_in(&s->linger, value, sizeof s->linger);
	}
	if (len < (int)sizeof n)
		return -EINVAL;
	if (copy_in(&n, value, sizeof n) != 0)
		return -EFAULT;
	return set_int(t, s, name, n);
}

int sock_take_error(struct sock *s)
{
	int err;

	lock_take(&s->lock);
	err = s->error;
	s->error = 0;
	lock_drop(&s->lock);
	return err;
}

static long get_int(struct sock *s, int name, int *out)
{
	switch (name) {
	case SO_TYPE:
		*out = (int)s->type;
		return 0;
	case SO_DOMAIN:
		*out = s->family;
		return 0;
	case SO_ERROR:
		*out = sock_take_error(s);
		return 0;
	case SO_ACCEPTCONN:
		*out = s->state == SOCK_LISTENING;
		return 0;
	case SO_SNDBUF:
		*out = (int)s->sndbuf;
		return 0;
	case SO_RCVBUF:
		*out = (int)s->rcvbuf;
		return 0;
	case SO_PASSCRED:
		*out = (int)s->passcred;
		return 0;
	case LX_SO_PASSPIDFD:
		*out = (int)s->passpidfd;
		return 0;
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMP_NEW:
	case SO_TIMESTAMPNS_NEW:
		*out = s->stamp == name;
		return 0;
	case SO_REUSEADDR:
		*out = (int)s->reuse;
		return 0;
	case SO_KEEPALIVE:
		*out = (int)s->keepalive;
		return 0;
	case SO_PRIORITY:
		*out = s->priority;
		return 0;
	case SO_PEEK_OFF:
		*out = s->peek_off;
		return 0;
	case SO_RCVLOWAT:
		*out = MAX(s->rcvlowat, 1);
		return 0;
	case SO_SNDLOWAT:
		*out = 1;
		return 0;
	case SO_REUSEPORT:
		*out = s->inet != NULL && s->inet->reuseport;
		return 0;
	case SO_PROTOCOL:
		*out = s->inet != NULL ? (int)s->inet->protocol : (int)s->protocol;
		return 0;
	case SO_INCOMING_CPU:
	case SO_PASSSEC:
	case SO_ZEROCOPY:
	case SO_BUSY_POLL:
		*out = 0;
		return 0;
	default:
		*out = sock_flag(s, name);
		return flag_of(name) != 0 ? 0 : -ENOPROTOOPT;
	}
}

/* Copies a value of size bytes as far as there is room; tells how much that was. */
long sockopt_out(struct gva to, struct gva len, int room, const void *value, int size)
{
	size = MIN(size, room);
	if (copy_out(to, value, (uint64_t)size) != 0)
		return -EFAULT;
	return PUT_USER(len, size);
}

/* All the peer's groups, or -ERANGE and how much room they take. */
static long groups_out(struct lx_thread *t, const struct sock_groups *g, struct gva to, struct gva len, int room)
{
	uint32_t count = g != NULL ? g->count : 0;
	int size = (int)(count * sizeof g->gid[0]);

	if (room < size)
		return PUT_USER(len, size) != 0 ? -EFAULT : -ERANGE;
	for (uint32_t i = 0; i < count; i++)
		if (PUT_USER(gva_add(to, i * sizeof g->gid[0]), cred_seen(t, (struct lx_ucred){ 0, 0, g->gid[i] }).gid) != 0)
			return -EFAULT;
	return PUT_USER(len, size);
}

static long peer_groups(struct lx_thread *t, struct sock *s, struct gva to, struct gva len, int room)
{
	struct sock_groups *g;
	bool known;
	long err;

	lock_take(&s->lock);
	g = s->peergroups;
	groups_get(g);
	known = s->peercred.pid != 0;
	lock_drop(&s->lock);
	err = known ? groups_out(t, g, to, len, room) : -ENODATA;
	groups_put(g);
	return err;
}

static long peer_pidfd(struct lx_thread *t, struct sock *s, struct gva to, struct gva len, int room)
{
	struct lx_proc *p;
	long err;
	int fd;

	if (s->peercred.pid == 0)
		return -ENODATA;
	p = proc_get_by_pid(s->peercred.pid);
	if (p == NULL)
		return -ESRCH;
	fd = pidfd_create(t, p, 0, NULL);
	proc_put(p);
	if (fd < 0)
		return fd;
	err = sockopt_out(to, len, room, &fd, sizeof fd);
	if (err != 0)
		(void)fd_close(t, fd);
	return err;
}

long sock_getopt(struct lx_thread *t, struct sock *s, int name, struct gva value, struct gva len)
{
	int64_t tv[2];
	int room, n;
	long err;

	if (copy_in(&room, len, sizeof room) != 0)
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	switch (name) {
	case SO_PEERCRED: {
		struct lx_ucred u = cred_seen(t, s->peercred);

		if (u.pid == 0)
			u.uid = u.gid = UINT32_MAX;
		return sockopt_out(value, len, room, &u, sizeof u);
	}
	case SO_PEERGROUPS:
		return peer_groups(t, s, value, len, room);
	case LX_SO_PEERPIDFD:
		return peer_pidfd(t, s, value, len, room);
	case SO_LINGER:
		return sockopt_out(value, len, room, &s->linger, sizeof s->linger);
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW: {
		uint64_t ns = name == SO_RCVTIMEO_OLD || name == SO_RCVTIMEO_NEW ? s->rcvtimeo : s->sndtimeo;

		tv[0] = (int64_t)(ns / 1000000000);
		tv[1] = (int64_t)(ns % 1000000000 / 1000);
		return sockopt_out(value, len, room, tv, sizeof tv);
	}
	default:
		err = get_int(s, name, &n);
		return err != 0 ? err : sockopt_out(value, len, room, &n, sizeof n);
	}
}
