/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/statmount.c - statmount and listmount (their man pages): the mount table by call.
 *
 * A mount's unique number is its number in mountinfo and 2^31: numbers are never given twice.  What is
 * looked at is copied or referenced under MOUNT; texts are made after it.
 */
#include "linux/fs/mount.h"
#include "linux/fs/textfs.h"

#define UNIQUE_OFFSET (1ull << 31)
#define LSMT_ROOT     UINT64_MAX
#define LIST_REVERSE  1u
#define LIST_MAX      1000000u

/* STATMOUNT_*; those that newer kernels have are left out of the answer's mask. */
#define ST_SB_BASIC       1u
#define ST_MNT_BASIC      2u
#define ST_PROPAGATE_FROM 4u
#define ST_MNT_ROOT       8u
#define ST_MNT_POINT      16u
#define ST_FS_TYPE        32u
#define ST_MNT_NS_ID      64u
#define ST_MNT_OPTS       128u
#define ST_SB_SOURCE      512u

struct mnt_id_req {
	uint32_t size, spare;
	uint64_t mnt_id, param, ns_id;
};
#define REQ_SIZE_VER0 24u

struct stmount { /* struct statmount */
	uint32_t size, opts;
	uint64_t mask;
	uint32_t dev_major, dev_minor;
	uint64_t magic;
	uint32_t sb_flags, fs_type;
	uint64_t id, parent_id;
	uint32_t id_old, parent_id_old;
	uint64_t attr, propagation, peer_group, master, propagate_from;
	uint32_t root, point;
	uint64_t ns_id;
	uint32_t subtype, source;
	uint64_t spare[48];
};
_Static_assert(sizeof(struct stmount) == 512, "struct statmount");

uint64_t mount_unique_id(const struct mount *m)
{
	return UNIQUE_OFFSET + m->id;
}

static long req_in(struct gva from, struct mnt_id_req *r)
{
	uint32_t size;

	if (copy_in(&size, from, sizeof size) != 0)
		return -EFAULT;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < REQ_SIZE_VER0)
		return -EINVAL;
	*r = (struct mnt_id_req){ 0 };
	if (copy_in(r, from, MIN(size, sizeof *r)) != 0)
		return -EFAULT;
	for (uint32_t at = sizeof *r; at < size; at++) {
		uint8_t byte;

		if (copy_in(&byte, gva_add(from, at), 1) != 0)
			return -EFAULT;
		if (byte != 0)
			return -E2BIG;
	}
	return r->spare != 0 || r->mnt_id <= UNIQUE_OFFSET ? -EINVAL : 0;
}

/* The namespace that the request is about, with a reference. */
static long ns_in(struct lx_thread *t, const struct mnt_id_req *r, struct ns **out)
{
	struct ns *ns = mount_ns(t);

	if (r->ns_id == 0 || r->ns_id == ns->ino) {
		ns_get(ns);
		*out = ns;
		return 0;
	}
	*out = NULL;
	mounts_lock();
	LIST_FOR(m, &vfs()->mounts, struct mount, link)
		if (m->ns != NULL && m->ns->ino == r->ns_id && ref_get_live(&m->ns->ref)) {
			*out = m->ns;
			break;
		}
	mounts_unlock();
	if (*out == NULL)
		return -ENOENT;
	if (ns_capable(t, (*out)->user, CAP_SYS_ADMIN))
		return 0;
	ns_put(*out);
	return -ENOENT;
}

static struct mount *find(const struct ns *ns, uint64_t id) REQUIRES(MOUNT)
{
	LIST_FOR(m, &vfs()->mounts, struct mount, link)
		if (m->ns == ns && mount_unique_id(m) == id)
			return m;
	return NULL;
}

/* ---- statmount ---- */

static void propagation(const struct mount *m, const struct ns *ns, struct stmount *s) REQUIRES(MOUNT)
{
	s->peer_group = m->group;
	s->master = m->master != NULL ? m->master->group : 0;
	s->propagation = m->unbindable ? MS_UNBINDABLE : m->group != 0 ? MS_SHARED : m->master != NULL ? 0 : MS_PRIVATE;
	if (m->master != NULL)
		s->propagation |= MS_SLAVE;
	for (const struct mount *from = m->master; from != NULL && s->propagate_from == 0; from = from->master)
		if (from->ns == ns)
			s->propagate_from = from->group;
}

static void basics(const struct mount *m, const struct ns *ns, uint64_t mask, struct stmount *s) REQUIRES(MOUNT)
{
	struct stmount all = { 0 };

	propagation(m, ns, &all);
	if (mask & ST_SB_BASIC) {
		s->dev_minor = (uint32_t)m->fs->dev;
		s->magic = m->fs->magic;
		s->sb_flags = m->fs->flags & MS_RDONLY;
	}
	if (mask & ST_MNT_BASIC) {
		s->id = mount_unique_id(m);
		s->parent_id = mount_unique_id(m->parent);
		s->id_old = m->id;
		s->parent_id_old = m->parent->id;
		s->attr = flags_to_attr(m->flags);
		s->propagation = all.propagation;
		s->peer_group = all.peer_group;
		s->master = all.master;
	}
	if (mask & ST_PROPAGATE_FROM)
		s->propagate_from = all.propagate_from;
	if (mask & ST_MNT_NS_ID)
		s->ns_id = ns->ino;
}

/* A text behind those there are: where it begins. */
static uint32_t add_text(struct text *x, const char *s, size_t len)
{
	uint32_t at = (uint32_t)x->len;

	text_put(x, s, len);
	text_put(x, "", 1);
	return at;
}

static long texts(struct mount *m, const struct path *root, uint64_t mask, struct stmount *s, struct text *x)
{
	char *buf = path_buf();
	struct path p = { m, m->root };
	long n = 0;

	if (buf == NULL)
		return -ENOMEM;
	if (mask & ST_FS_TYPE)
		s->fs_type = add_text(x, m->fs->type, strlen(m->fs->type));
	if (mask & ST_MNT_ROOT) {
		n = dentry_text(m->root, buf, PATH_MAX);
		s->root = n >= 0 ? add_text(x, buf, (size_t)n) : 0;
	}
	if (mask & ST_MNT_POINT && n >= 0) {
		n = path_text_below(root, &p, buf, PATH_MAX);
		if (n == -ENOENT)
			n = 0;
		s->point = n >= 0 ? add_text(x, buf, (size_t)n) : 0;
	}
	if (mask & ST_MNT_OPTS) {
		s->opts = (uint32_t)x->len;
		fs_options_text(m->fs, x);
		if (x->len > s->opts) /* without the comma that leads them */
			s->opts++;
		text_put(x, "", 1);
	}
	if (mask & ST_SB_SOURCE)
		s->source = add_text(x, m->source, strlen(m->source));
	path_buf_free(buf);
	return n < 0 ? n : 0;
}

/* The struct, or as much as there is room for, and the texts, for which there must be. */
static long answer_out(struct gva to, uint64_t size, struct stmount *s, const struct text *x)
{
	uint64_t n = MIN(size, sizeof *s);

	if (x->len != 0 && (size < sizeof *s || size - sizeof *s < x->len))
		return -EOVERFLOW;
	s->size = (uint32_t)(n + x->len);
	if (copy_out(to, s, n) != 0)
		return -EFAULT;
	return x->len != 0 && copy_out(gva_add(to, sizeof *s), x->buf, x->len) != 0 ? -EFAULT : 0;
}

/* Is it below root? */
static bool is_reachable(struct mount *m, const struct path *root, char *buf)
{
	struct path p = { m, m->root };

	return path_text_below(root, &p, buf, PATH_MAX) != -ENOENT;
}

static long stat_one(struct lx_thread *t, struct mount *m, struct ns *ns, const struct path *root, uint64_t mask, struct gva to, uint64_t size)
{
	struct stmount s = { .mask = mask };
	char *buf = path_buf();
	struct text x = { 0 };
	long err = buf == NULL ? -ENOMEM : 0;

	if (err == 0 && !is_reachable(m, root, buf) && !ns_capable(t, ns->user, CAP_SYS_ADMIN))
		err = -EPERM;
	path_buf_free(buf);
	mounts_lock();
	basics(m, ns, mask, &s);
	mounts_unlock();
	if (err == 0)
		err = texts(m, root, mask, &s, &x);
	if (err == 0)
		err = answer_out(to, size, &s, &x);
	text_free(&x);
	return err;
}

long lx_sys_statmount(struct lx_thread *t, struct gva req, struct gva to, uint64_t size, uint32_t flags)
{
	const uint64_t known = ST_SB_BASIC | ST_MNT_BASIC | ST_PROPAGATE_FROM | ST_MNT_ROOT | ST_MNT_POINT | ST_FS_TYPE | ST_MNT_NS_ID |
		ST_MNT_OPTS | ST_SB_SOURCE;
	struct mnt_id_req r;
	struct mount *m;
	struct path root;
	struct ns *ns;
	long err;

	if (flags != 0)
		return -EINVAL;
	err = req_in(req, &r);
	if (err == 0)
		err = ns_in(t, &r, &ns);
	if (err != 0)
		return err;
	mounts_lock();
	m = find(ns, r.mnt_id);
	if (m != NULL)
		ref_get(&m->ref);
	mounts_unlock();
	if (m == NULL) {
		ns_put(ns);
		return -ENOENT;
	}
	walk_root(t, &root);
	err = stat_one(t, m, ns, &root, r.param & known, to, size);
	path_put(&root);
	mount_put(m);
	ns_put(ns);
	return err;
}

/* ---- listmount ---- */

/* A mount with number and reference, taken under the lock. */
struct listed {
	struct mount *m;
	uint64_t id;
};

static bool is_under(const struct mount *m, const struct mount *top) REQUIRES(MOUNT)
{
	while (m != top && mount_has_parent(m))
		m = m->parent;
	return m == top;
}

/* By number.  They mostly are: only a mount that was moved is not where it was made. */
static void sort(struct listed *all, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		struct listed l = all[i];
		uint32_t k = i;

		for (; k > 0 && all[k - 1].id > l.id; k--)
			all[k] = all[k - 1];
		all[k] = l;
	}
}

/* Those of ns below top (LSMT_ROOT: all) with numbers behind last, in their order. */
static struct listed *collect(const struct ns *ns, uint64_t top, uint64_t last, bool reverse, uint32_t *count, long *err)
{
	const struct mount *above = NULL;
	struct listed *all = NULL;
	uint32_t n = 0, room;

	mounts_lock();
	room = ns->mnt.mounts;
	if (top != LSMT_ROOT)
		above = find(ns, top);
	*err = top != LSMT_ROOT && above == NULL ? -ENOENT : 0;
	if (*err == 0)
		all = heap_alloc((room + 1) * sizeof *all);
	if (all != NULL)
		LIST_FOR(m, &vfs()->mounts, struct mount, link) {
			uint64_t id = mount_unique_id(m);

			if (m->ns != ns || m == above || n == room || (last != 0 && (reverse ? id >= last : id <= last)))
				continue;
			if (above != NULL && !is_under(m, above))
				continue;
			ref_get(&m->ref);
			all[n++] = (struct listed){ m, id };
		}
	mounts_unlock();
	if (*err == 0 && all == NULL)
		*err = -ENOMEM;
	sort(all, n);
	*count = n;
	return all;
}

/* May t see what is below the mount of that number? */
static long may_list(struct lx_thread *t, struct ns *ns, uint64_t top, const struct path *root, char *buf)
{
	struct mount *m;
	bool may;

	if (top == LSMT_ROOT || ns_capable(t, ns->user, CAP_SYS_ADMIN))
		return 0;
	mounts_lock();
	m = find(ns, top);
	if (m != NULL)
		ref_get(&m->ref);
	mounts_unlock();
	if (m == NULL)
		return -ENOENT;
	may = is_reachable(m, root, buf);
	mount_put(m);
	return may ? 0 : -EPERM;
}

/* Writes up to max numbers of the n mounts, which are put: how many.  All: only those below root. */
static long list_out(struct listed *all, uint32_t n, bool reverse, const struct path *root, char *buf, struct gva ids, uint64_t max)
{
	long done = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct listed *l = &all[reverse ? n - 1 - i : i];

		if (done >= 0 && (uint64_t)done < max && (root == NULL || is_reachable(l->m, root, buf)))
			done = PUT_USER(gva_add(ids, (uint64_t)done * sizeof l->id), l->id) != 0 ? -EFAULT : done + 1;
		mount_put(l->m);
	}
	return done;
}

long lx_sys_listmount(struct lx_thread *t, struct gva req, struct gva ids, uint64_t max, uint32_t flags)
{
	bool reverse = flags & LIST_REVERSE;
	struct listed *all = NULL;
	struct mnt_id_req r;
	struct path root;
	struct ns *ns;
	uint32_t n = 0;
	char *buf;
	long err;

	if (flags & ~LIST_REVERSE)
		return -EINVAL;
	if (max > LIST_MAX)
		return -EOVERFLOW;
	err = req_in(req, &r);
	if (err == 0 && r.param != 0 && r.param <= UNIQUE_OFFSET)
		err = -EINVAL;
	if (err == 0)
		err = ns_in(t, &r, &ns);
	if (err != 0)
		return err;
	walk_root(t, &root);
	buf = path_buf();
	err = buf == NULL ? -ENOMEM : may_list(t, ns, r.mnt_id, &root, buf);
	if (err == 0)
		all = collect(ns, r.mnt_id, r.param, reverse, &n, &err);
	if (err == 0)
		err = list_out(all, n, reverse, r.mnt_id == LSMT_ROOT ? &root : NULL, buf, ids, max);
	heap_free(all);
	path_buf_free(buf);
	path_put(&root);
	ns_put(ns);
	return err;
}
