/* SPDX-License-Identifier: MIT */
/*
 * linux/net/sock_diag.c - NETLINK_SOCK_DIAG, by which ss lists sockets: sock_diag(7).
 *
 * TCP and UDP's sockets are those of the ports' table, unix sockets those that have a file (unix_state.files).  A dump is queued
 * at the asking socket as a whole, a packet for each socket.  Filters are the bytecode of <linux/inet_diag.h>: each operation
 * says how far to go on if it holds and if not, and to arrive at the end exactly is to pass.
 */
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

#include "linux/net/inet.h"
#include "linux/net/netlink.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"

#define TCP_CLOSED 7u

static uint16_t swap16(uint16_t x)
{
	return (uint16_t)(x << 8 | x >> 8);
}

/* ---- Sockets, with a reference each ---- */

struct found {
	struct sock **all;
	uint32_t n, room; /* n may be more than room: so many there are */
};

static void find_one(void *arg, const struct sock *s)
{
	struct found *f = arg;

	if (f->n >= f->room)
		f->n++;
	else if (ref_get_live(&((struct sock *)(uintptr_t)s)->ref))
		f->all[f->n++] = (struct sock *)(uintptr_t)s;
}

static void find_in(struct found *f, enum sock_kind kind, int family, uint32_t net)
{
	struct unix_state *u = unix_state();

	if (kind != SK_UNIX) {
		inet_each(kind, family, net, find_one, f);
		return;
	}
	lock_take(&u->files_lock);
	LIST_FOR(s, &u->files, struct sock, file_link)
		if (s->net == net)
			find_one(f, s);
	lock_drop(&u->files_lock);
}

/* All there are, or -ENOMEM.  Those made meanwhile may be missing. */
static long find_all(struct found *f, enum sock_kind kind, int family, uint32_t net)
{
	*f = (struct found){ 0 };
	find_in(f, kind, family, net);
	f->room = f->n + 64;
	f->n = 0;
	f->all = heap_alloc(f->room * sizeof f->all[0]);
	if (f->all == NULL)
		return -ENOMEM;
	find_in(f, kind, family, net);
	f->n = MIN(f->n, f->room);
	return 0;
}

static void found_done(struct found *f)
{
	for (uint32_t i = 0; i < f->n; i++)
		sock_put(f->all[i]);
	heap_free(f->all);
}

/* ---- Filters ---- */

/* A connection as a filter sees it. */
struct ends {
	const struct inet_name *from, *to;
	bool auto_port;
};

static bool bits_same(const uint8_t *a, const uint8_t *b, uint32_t bits)
{
	uint32_t bytes = bits / 8, rest = bits % 8;

	return memcmp(a, b, bytes) == 0 && (rest == 0 || ((a[bytes] ^ b[bytes]) >> (8 - rest)) == 0);
}

/* An address and port, either of which may be any. */
static bool host_holds(const struct inet_diag_bc_op *op, uint32_t left, const struct inet_name *n)
{
	const struct inet_diag_hostcond *c = (const void *)(op + 1);
	uint32_t size = sizeof *op + sizeof *c;
	bool four = inet_is4(&n->addr);

	if (left < size || c->prefix_len > 128 || left < size + (c->prefix_len + 31u) / 32 * 4)
		return false;
	if (c->port != -1 && c->port != n->port)
		return false;
	if (c->prefix_len == 0)
		return true;
	if (c->family == AF_INET)
		return four && c->prefix_len <= 32 && bits_same((const uint8_t *)c->addr, n->addr.b + 12, c->prefix_len);
	return c->family == AF_INET6 && bits_same((const uint8_t *)c->addr, n->addr.b, c->prefix_len);
}

static bool op_holds(const struct inet_diag_bc_op *op, uint32_t left, const struct ends *e)
{
	uint16_t port = left >= 2 * sizeof *op ? op[1].no : 0;

	switch (op->code) {
	case INET_DIAG_BC_NOP:
		return true;
	case INET_DIAG_BC_S_GE:
		return e->from->port >= port;
	case INET_DIAG_BC_S_LE:
		return e->from->port <= port;
	case INET_DIAG_BC_S_EQ:
		return e->from->port == port;
	case INET_DIAG_BC_D_GE:
		return e->to->port >= port;
	case INET_DIAG_BC_D_LE:
		return e->to->port <= port;
	case INET_DIAG_BC_D_EQ:
		return e->to->port == port;
	case INET_DIAG_BC_AUTO:
		return e->auto_port;
	case INET_DIAG_BC_S_COND:
		return host_holds(op, left, e->from);
	case INET_DIAG_BC_D_COND:
		return host_holds(op, left, e->to);
	default: /* INET_DIAG_BC_JMP, and what is not known here */
		return false;
	}
}

static bool passes(const uint8_t *code, uint32_t size, const struct ends *e)
{
	uint32_t at = 0;

	while (at + sizeof(struct inet_diag_bc_op) <= size) {
		const struct inet_diag_bc_op *op = (const void *)(code + at);
		uint32_t step = op_holds(op, size - at, e) ? op->yes : op->no;

		if (step < sizeof *op || step % 4 != 0)
			return false;
		at += step;
	}
	return at == size;
}

/* ---- TCP and UDP ---- */

struct dump {
	struct nl_reply *r;
	const struct inet_diag_req_v2 *req;
	const uint8_t *code;
	uint32_t code_size;
};

static void put_place(const struct sock *s, const struct inet_name *n, __be16 *port, __be32 *addr)
{
	*port = swap16(n->port);
	if (s->family == AF_INET)
		memcpy(addr, n->addr.b + 12, 4);
	else
		memcpy(addr, n->addr.b, 16);
}

static void put_memory(struct nl_reply *r, const struct sock *s)
{
	uint32_t m[9] = { 0 }; /* SK_MEMINFO_* */

	m[SK_MEMINFO_RMEM_ALLOC] = s->kind == SK_TCP ? s->rx.used : s->packet_bytes;
	m[SK_MEMINFO_RCVBUF] = s->rcvbuf;
	m[SK_MEMINFO_SNDBUF] = s->sndbuf;
	nl_attribute(r, INET_DIAG_SKMEMINFO, m, sizeof m);
}

static bool wants(const struct dump *d, int what)
{
	return d->req->idiag_ext & (1u << (what - 1));
}

static void put_more(struct dump *d, const struct sock *s)
{
	struct nl_reply *r = d->r;

	nl_attribute(r, INET_DIAG_SHUTDOWN, &(uint8_t){ (uint8_t)s->shut }, 1);
	if (wants(d, INET_DIAG_SKMEMINFO))
		put_memory(r, s);
	if (wants(d, INET_DIAG_TOS))
		nl_attribute(r, INET_DIAG_TOS, &(uint8_t){ (uint8_t)inet_opt(s, OPT_TOS) }, 1);
	if (s->family == AF_INET6)
		nl_attribute(r, INET_DIAG_SKV6ONLY, &(uint8_t){ inet_opt(s, OPT_V6ONLY) || !inet_is_any(&s->addr.in.addr) }, 1);
	if (s->kind == SK_TCP && wants(d, INET_DIAG_CONG))
		nl_attribute(r, INET_DIAG_CONG, "cubic", 6);
	if (s->kind == SK_TCP && wants(d, INET_DIAG_INFO)) {
		struct tcp_info info;

		inet_tcp_info(s, &info);
		nl_attribute(r, INET_DIAG_INFO, &info, sizeof info);
	}
}

static void put_inet(struct dump *d, const struct sock *s)
{
	struct ends e = { &s->addr.in, &s->inet->remote, s->inet->auto_port };
	uint32_t state = inet_state_number(s);
	struct inet_diag_msg *m;

	if (!(d->req->idiag_states & (1u << state)) || s->inet->protocol != d->req->sdiag_protocol)
		return;
	if (d->code != NULL && !passes(d->code, d->code_size, &e))
		return;
	m = nl_begin(d->r, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, sizeof *m);
	m->idiag_family = (uint8_t)s->family;
	m->idiag_state = (uint8_t)state;
	put_place(s, &s->addr.in, &m->id.idiag_sport, m->id.idiag_src);
	put_place(s, &s->inet->remote, &m->id.idiag_dport, m->id.idiag_dst);
	m->id.idiag_cookie[0] = (uint32_t)s->ino;
	m->idiag_uid = uid_out(lx_current(), s->inet->uid);
	m->idiag_inode = (uint32_t)s->ino;
	m->idiag_rqueue = s->state == SOCK_LISTENING ? s->nqueued : s->kind == SK_TCP ? s->rx.used : s->packet_bytes;
	m->idiag_wqueue = s->state == SOCK_LISTENING ? s->backlog : 0;
	put_more(d, s);
	nl_finish(d->r);
	nl_send(d->r);
}

static long dump_inet(struct lx_thread *t, struct nl_reply *r)
{
	const struct nlmsghdr *h = r->asked;
	const struct inet_diag_req_v2 *req = NLMSG_DATA(h);
	struct dump d = { .r = r, .req = req };
	const struct rtattr *a = (const void *)((const uint8_t *)req + NLMSG_ALIGN(sizeof *req));
	int left = (int)h->nlmsg_len - (int)NLMSG_SPACE(sizeof *req);
	struct found f;
	long err;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof *req))
		return -EINVAL;
	if (req->sdiag_protocol != IPPROTO_TCP && req->sdiag_protocol != IPPROTO_UDP && req->sdiag_protocol != IPPROTO_UDPLITE)
		return -ENOENT;
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == INET_DIAG_REQ_BYTECODE) {
			d.code = RTA_DATA(a);
			d.code_size = (uint32_t)RTA_PAYLOAD(a);
		}
	}
	err = find_all(&f, req->sdiag_protocol == IPPROTO_TCP ? SK_TCP : SK_UDP, req->sdiag_family, r->to->net);
	if (err != 0)
		return err;
	for (uint32_t i = 0; i < f.n; i++)
		put_inet(&d, f.all[i]);
	found_done(&f);
	nl_done(r);
	return 0;
}

/* ---- Unix sockets ---- */

static uint32_t unix_state_number(const struct sock *s)
{
	return s->state == SOCK_LISTENING ? TCP_LISTEN : s->state == SOCK_CONNECTED ? TCP_ESTABLISHED : TCP_CLOSED;
}

static void put_unix(struct nl_reply *r, const struct unix_diag_req *req, struct sock *s)
{
	uint32_t state = unix_state_number(s), queue[2];
	struct unix_diag_msg *m;
	struct sock *peer;

	if (!(req->udiag_states & (1u << state)) || (req->udiag_ino != 0 && req->udiag_ino != s->ino))
		return;
	m = nl_begin(r, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, sizeof *m);
	m->udiag_family = AF_UNIX;
	m->udiag_type = (uint8_t)s->type;
	m->udiag_state = (uint8_t)state;
	m->udiag_ino = m->udiag_cookie[0] = (uint32_t)s->ino;
	if ((req->udiag_show & UDIAG_SHOW_NAME) && s->addr.len != 0)
		nl_attribute(r, UNIX_DIAG_NAME, s->addr.path, MIN(s->addr.len, (uint32_t)sizeof s->addr.path));
	if ((req->udiag_show & UDIAG_SHOW_VFS) && s->inode != NULL)
		nl_attribute(r, UNIX_DIAG_VFS, &(struct unix_diag_vfs){ (uint32_t)s->inode->ino, (uint32_t)s->inode->dev }, sizeof(struct unix_diag_vfs));
	peer = (req->udiag_show & UDIAG_SHOW_PEER) ? sock_peer(s) : NULL;
	if (peer != NULL) {
		nl_number(r, UNIX_DIAG_PEER, (uint32_t)peer->ino);
		sock_put(peer);
	}
	queue[0] = s->state == SOCK_LISTENING ? s->nqueued : is_stream(s) ? stream_there(s) : s->packet_bytes;
	queue[1] = s->state == SOCK_LISTENING ? s->backlog : 0;
	if (req->udiag_show & UDIAG_SHOW_RQLEN)
		nl_attribute(r, UNIX_DIAG_RQLEN, queue, sizeof queue);
	nl_attribute(r, UNIX_DIAG_SHUTDOWN, &(uint8_t){ (uint8_t)s->shut }, 1);
	nl_finish(r);
	nl_send(r);
}

static long dump_unix(struct lx_thread *t, struct nl_reply *r)
{
	const struct unix_diag_req *req = NLMSG_DATA(r->asked);
	struct found f;
	long err;

	if (r->asked->nlmsg_len < NLMSG_LENGTH(sizeof *req))
		return -EINVAL;
	err = find_all(&f, SK_UNIX, AF_UNIX, r->to->net);
	if (err != 0)
		return err;
	for (uint32_t i = 0; i < f.n; i++)
		put_unix(r, req, f.all[i]);
	found_done(&f);
	nl_done(r);
	return 0;
}

/* ---- Requests ---- */

static long answer(struct lx_thread *t, struct nl_reply *r)
{
	const struct nlmsghdr *h = r->asked;
	uint8_t family;

	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || h->nlmsg_len < NLMSG_LENGTH(sizeof(struct sock_diag_req)))
		return -EINVAL;
	if ((h->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		return -EOPNOTSUPP;
	family = ((const struct sock_diag_req *)NLMSG_DATA(h))->sdiag_family;
	switch (family) {
	case AF_INET:
	case AF_INET6:
		return dump_inet(t, r);
	case AF_UNIX:
		return dump_unix(t, r);
	default:
		return -ENOENT;
	}
}

long sock_diag_request(struct lx_thread *t, struct sock *s, const void *data, uint32_t size)
{
	struct nl_reply *r = heap_alloc(sizeof *r);
	int left = (int)size;
	long err;

	if (r == NULL)
		return -ENOBUFS;
	for (const struct nlmsghdr *h = data; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		*r = (struct nl_reply){ .to = s, .asked = h, .port = s->addr.in.scope };
		if (!(h->nlmsg_flags & NLM_F_REQUEST) || h->nlmsg_type < NLMSG_MIN_TYPE)
			continue;
		err = answer(t, r);
		if (err != 0 || (h->nlmsg_flags & (NLM_F_ACK | NLM_F_DUMP)) == NLM_F_ACK)
			nl_acknowledge(r, err);
	}
	heap_free(r);
	return (long)size;
}
