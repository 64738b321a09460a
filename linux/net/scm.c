/* SPDX-License-Identifier: MIT */
/*
 * linux/net/scm.c - what goes along with bytes: descriptors and credentials.
 *
 * Descriptors under way hold their files.  A cycle of sockets that wait in each other's
 * queues would never end; two limits keep that small: how many descriptors the sandbox
 * has under way, and how deep queues are nested (which also bounds the recursion
 * when a queue is dropped).
 */

#include <linux/capability.h>

#include "linux/net/sock.h"
#include "linux/proc/proc.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"

#define CMSG_HEADER  16u
#define OVERFLOW_ID  65534u
#define CONTROL_MAX  131072u

void fdset_put(struct fdset *s)
{
	if (s == NULL)
		return;
	for (uint32_t i = 0; i < s->count; i++)
		file_put(s->file[i]);
	arena_free(s);
}

struct fdset *fdset_copy(const struct fdset *s)
{
	size_t size = sizeof *s + s->count * sizeof s->file[0];
	struct fdset *copy = arena_alloc(size);

	if (copy == NULL)
		return NULL;
	memcpy(copy, s, size);
	for (uint32_t i = 0; i < copy->count; i++)
		file_get(copy->file[i]);
	return copy;
}

/* ---- Sending ---- */

/* Room for n more files. */
static bool extend(struct fdset **s, uint32_t n)
{
	uint32_t have = *s != NULL ? (*s)->count : 0;
	struct fdset *new = arena_alloc(sizeof *new + (have + n) * sizeof new->file[0]);

	if (new == NULL)
		return false;
	if (have > 0)
		memcpy(new, *s, sizeof *new + have * sizeof new->file[0]);
	arena_free(*s);
	*s = new;
	return true;
}

static long rights_in(struct lx_thread *t, struct gva data, uint64_t size, struct scm *scm)
{
	uint32_t n = (uint32_t)(size / sizeof(int)), have = scm->fds != NULL ? scm->fds->count : 0;

	if (n > SCM_MAX_FD || have + n > SCM_MAX_FD)
		return -EINVAL;
	if (n == 0)
		return 0;
	if (!extend(&scm->fds, n))
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		struct file *f;
		int fd;

		if (copy_in(&fd, gva_add(data, i * sizeof fd), sizeof fd) != 0)
			return -EFAULT;
		f = fd_get(t, fd);
		if (f == NULL)
			return -EBADF;
		scm->fds->file[scm->fds->count++] = f;
	}
	return 0;
}

static bool may_be(const struct lx_thread *t, const struct lx_ucred *u)
{
	const struct lx_cred *c = &t->cred;

	if (u->pid != t->proc->pid && !ns_capable(t, pid_ns_of(t->proc)->user, CAP_SYS_ADMIN))
		return false;
	if (u->uid != c->uid && u->uid != c->euid && u->uid != c->suid && !cap_own(t, CAP_SETUID))
		return false;
	return u->gid == c->gid || u->gid == c->egid || u->gid == c->sgid || cap_own(t, CAP_SETGID);
}

static long cred_in(struct lx_thread *t, struct gva data, uint64_t size, struct scm *scm)
{
	if (size != sizeof scm->cred)
		return -EINVAL;
	if (copy_in(&scm->cred, data, sizeof scm->cred) != 0)
		return -EFAULT;
	scm->has_cred = true;
	scm->cred.pid = pid_in(t, scm->cred.pid);
	scm->cred.uid = uid_in(t, scm->cred.uid);
	scm->cred.gid = gid_in(t, scm->cred.gid);
	return may_be(t, &scm->cred) ? 0 : -EPERM;
}

static long one_in(struct lx_thread *t, const struct sock *s, const struct lx_cmsghdr *h, struct gva data, struct xfer *x)
{
	struct scm *scm = &x->scm;

	if (ops_of(s)->cmsg_in != NULL)
		return ops_of(s)->cmsg_in(s, x, h->level, h->type, data, h->len - CMSG_HEADER);
	if (s->kind != SK_UNIX)
		return 0;
	if (h->level != SOL_SOCKET)
		return 0;
	if (h->type == SCM_RIGHTS)
		return rights_in(t, data, h->len - CMSG_HEADER, scm);
	return h->type == SCM_CREDENTIALS ? cred_in(t, data, h->len - CMSG_HEADER, scm) : -EINVAL;
}

long scm_in(struct lx_thread *t, const struct sock *s, struct gva control, uint64_t len, struct xfer *x)
{
	uint64_t at = 0;
	long err = 0;

	if (len > CONTROL_MAX)
		return -ENOBUFS;
	while (err == 0 && at + CMSG_HEADER <= len) {
		struct lx_cmsghdr h;

		if (copy_in(&h, gva_add(control, at), sizeof h) != 0)
			err = -EFAULT;
		else if (h.len < CMSG_HEADER || h.len > len - at)
			err = -EINVAL;
		else
			err = one_in(t, s, &h, gva_add(control, at + CMSG_HEADER), x);
		at += ALIGN_UP(h.len, 8);
	}
	if (err != 0) {
		fdset_put(x->scm.fds);
		x->scm.fds = NULL;
	}
	return err;
}

void scm_add_cred(struct lx_thread *t, struct scm *scm, const struct sock *from, const struct sock *to)
{
	if (scm->has_cred || !(from->passcred || to->passcred || from->passpidfd || to->passpidfd))
		return;
	scm->cred = (struct lx_ucred){ t->proc->pid, t->cred.uid, t->cred.gid };
	scm->has_cred = true;
}

long scm_may_queue(const struct scm *scm, struct sock *to)
{
	uint32_t nest = 0;

	if (scm->fds == NULL)
		return 0;
	if (atomic_load_explicit(&unix_state()->inflight, memory_order_relaxed) + scm->fds->count > INFLIGHT_MAX)
		return -ETOOMANYREFS;
	for (uint32_t i = 0; i < scm->fds->count; i++) {
		const struct file *f = scm->fds->file[i];

		if (f->kind == FILE_SOCKET)
			nest = MAX(nest, ((const struct sock *)f->object)->nest + 1);
	}
	if (nest > NEST_MAX)
		return -ETOOMANYREFS;
	to->nest = MAX(to->nest, nest);
	return 0;
}

/* ---- Receiving ---- */

/* What is left of the guest's control buffer. */
struct control {
	struct gva at;
	uint64_t left;
	uint32_t flags;
};

static bool header_out(struct control *c, uint64_t len, int level, int type)
{
	struct lx_cmsghdr h = { len, level, type };

	return copy_out(c->at, &h, sizeof h) == 0;
}

static void advance(struct control *c, uint64_t len)
{
	len = MIN(ALIGN_UP(len, 8), c->left);
	c->at.va += len;
	c->left -= len;
}

struct lx_ucred cred_seen(const struct lx_thread *t, struct lx_ucred u)
{
	return (struct lx_ucred){ pid_out(t, u.pid), uid_out(t, u.uid), gid_out(t, u.gid) };
}

static void cred_out(struct control *c, const struct scm *scm)
{
	struct lx_ucred u = scm->has_cred ? cred_seen(lx_current(), scm->cred) : (struct lx_ucred){ 0, OVERFLOW_ID, OVERFLOW_ID };
	uint64_t len = CMSG_HEADER + sizeof u;

	if (c->left < CMSG_HEADER) {
		c->flags |= MSG_CTRUNC;
		return;
	}
	if (c->left < len) {
		c->flags |= MSG_CTRUNC;
		len = c->left;
	}
	if (header_out(c, len, SOL_SOCKET, SCM_CREDENTIALS) && copy_out(gva_add(c->at, CMSG_HEADER), &u, len - CMSG_HEADER) == 0)
		advance(c, len);
}

/* Installs as many as there is room for; the others are closed. */
static void rights_out(struct lx_thread *t, struct control *c, struct fdset *fds, bool cloexec)
{
	uint32_t room = c->left > CMSG_HEADER ? (uint32_t)MIN((c->left - CMSG_HEADER) / sizeof(int), (uint64_t)SCM_MAX_FD) : 0;
	uint32_t n;

	for (n = 0; n < MIN(room, fds->count); n++) {
		int fd = fd_install(t, fds->file[n], cloexec, 0);

		if (fd < 0)
			break;
		file_get(fds->file[n]); /* the set's own goes below */
		if (PUT_USER(gva_add(c->at, CMSG_HEADER + n * sizeof fd), fd) != 0) {
			(void)fd_close(t, fd);
			break;
		}
	}
	if (n < fds->count)
		c->flags |= MSG_CTRUNC;
	if (n > 0 && header_out(c, CMSG_HEADER + n * sizeof(int), SOL_SOCKET, SCM_RIGHTS))
		advance(c, CMSG_HEADER + n * sizeof(int));
}

bool cmsg_out(struct control *c, int level, int type, const void *value, uint64_t size)
{
	uint64_t len = CMSG_HEADER + size;

	if (c->left < CMSG_HEADER) {
		c->flags |= MSG_CTRUNC;
		return false;
	}
	if (c->left < len) {
		c->flags |= MSG_CTRUNC;
		len = c->left;
	}
	if (!header_out(c, len, level, type) || copy_out(gva_add(c->at, CMSG_HEADER), value, len - CMSG_HEADER) != 0)
		return false;
	advance(c, len);
	return true;
}

/* ns 0: it was sent before anybody asked; Linux then says when it was received, too. */
static void stamp_out(struct control *c, const struct sock *s, uint64_t when)
{
	uint64_t ns = when != 0 ? when : pico_now_realtime();
	bool fine = s->stamp == SO_TIMESTAMPNS_OLD || s->stamp == SO_TIMESTAMPNS_NEW;
	const int64_t at[2] = { (int64_t)(ns / 1000000000), (int64_t)(ns % 1000000000 / (fine ? 1 : 1000)) };

	(void)cmsg_out(c, SOL_SOCKET, s->stamp, at, sizeof at);
}

/* A descriptor of the sender, or -ESRCH where it would be. */
static void pidfd_out(struct lx_thread *t, struct control *c, const struct scm *scm)
{
	struct lx_proc *p = scm->has_cred ? proc_get_by_pid(scm->cred.pid) : NULL;
	int fd = -ESRCH;

	if (c->left < CMSG_HEADER + sizeof fd) {
		c->flags |= MSG_CTRUNC;
	} else {
		if (p != NULL)
			fd = pidfd_create(t, p, 0, NULL);
		if (!cmsg_out(c, SOL_SOCKET, SCM_PIDFD, &fd, sizeof fd) && fd >= 0)
			(void)fd_close(t, fd);
	}
	proc_put(p);
}

void scm_out(struct lx_thread *t, struct lx_msghdr *hdr, struct xfer *x, const struct sock *s)
{
	struct scm *scm = &x->scm;
	struct control c = { hdr->control, hdr->control.va != 0 ? hdr->controllen : 0, 0 };

	if (s->stamp != 0 && !is_stream(s))
		stamp_out(&c, s, scm->stamp_ns);
	if (s->passcred)
		cred_out(&c, scm);
	if (s->passpidfd)
		pidfd_out(t, &c, scm);
	if (scm->fds != NULL)
		rights_out(t, &c, scm->fds, x->flags & MSG_CMSG_CLOEXEC);
	if (ops_of(s)->cmsg != NULL)
		ops_of(s)->cmsg(s, x, &c);
	fdset_put(scm->fds);
	scm->fds = NULL;
	hdr->flags |= c.flags;
	hdr->controllen = c.at.va - hdr->control.va;
}
