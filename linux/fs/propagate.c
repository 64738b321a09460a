/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/propagate.c - shared subtrees (mount_namespaces(7)).
 *
 * Mounts of one peer group are a ring; what is mounted or unmounted in one of them is so
 * in all.  A slave gets what happens in its master's group and gives nothing back; it may
 * be shared itself, with peers that have the same master.  Who receives from a mount is found by
 * a work list: the mounts reached so far, each with the copy that it got; from each on to
 * the slaves of its whole group.  A visit number in each mount says that it was reached.
 */
#include "linux/fs/mount.h"

#define MOUNTS_MAX 100000u /* /proc/sys/fs/mount-max */

/* ---- Groups ---- */

void mount_share(struct mount *m)
{
	if (m->group == 0)
		m->group = ++vfs()->next_group;
	m->unbindable = 0;
}

void mount_join(struct mount *m, struct mount *peer)
{
	m->group = peer->group;
	list_insert(&peer->peers, &m->peers);
}

void mount_enslave(struct mount *m, struct mount *master)
{
	if (master->group == 0)
		return;
	m->master = master;
	list_insert(&master->slaves, &m->slave);
}

static struct mount *other_peer(struct mount *m) REQUIRES(MOUNT)
{
	LIST_FOR(p, &m->peers, struct mount, peers)
		if (p->root == m->root)
			return p;
	return list_empty(&m->peers) ? NULL : LIST_FIRST(&m->peers, struct mount, peers);
}

/* m's slaves have another master from now on, or none. */
static void hand_slaves(struct mount *m, struct mount *to) REQUIRES(MOUNT)
{
	while (!list_empty(&m->slaves)) {
		struct mount *s = LIST_FIRST(&m->slaves, struct mount, slave);

		list_remove(&s->slave);
		s->master = to;
		if (to != NULL)
			list_insert(&to->slaves, &s->slave);
	}
}

/* Out of its group, or of its master's hands; with keep it becomes the slave of the peers it had. */
static void leave_group(struct mount *m, bool keep) REQUIRES(MOUNT)
{
	struct mount *peer = other_peer(m);

	list_remove(&m->peers);
	m->group = 0;
	hand_slaves(m, peer != NULL ? peer : m->master);
	if (!keep || peer != NULL) {
		list_remove(&m->slave);
		m->master = NULL;
	}
	if (keep && peer != NULL)
		mount_enslave(m, peer);
}

void mount_leave(struct mount *m)
{
	leave_group(m, false);
}

void mount_set_type(struct mount *m, uint64_t type)
{
	if (type == MS_SHARED) {
		mount_share(m);
		return;
	}
	if (type != MS_SLAVE)
		leave_group(m, false);
	else if (m->group != 0)
		leave_group(m, true);
	m->unbindable = type == MS_UNBINDABLE;
}

/* ---- Who receives ---- */

struct spread {
	struct dentry *point;
	struct ns *user;          /* the user namespace it happens in */
	struct mount *work;       /* by `work`: reached, its slaves not looked at yet */
	struct gone *gone;
	long err;
};

static bool reached(const struct mount *m) REQUIRES(MOUNT)
{
	return m->visited == vfs()->visit;
}

static void reach(struct spread *s, struct mount *m) REQUIRES(MOUNT)
{
	m->visited = vfs()->visit;
	m->work = s->work;
	s->work = m;
}

static struct mount *next_reached(struct spread *s) REQUIRES(MOUNT)
{
	struct mount *m = s->work;

	if (m != NULL)
		s->work = m->work;
	return m;
}

/* there comes to lie on top of m, which has its place now: its references are not the last. */
static void put_on_top(struct mount *there, struct mount *m) REQUIRES(MOUNT)
{
	struct path was = mount_unlink(there);

	mount_link(there, m, m->root);
	path_put(&was);
}

/* A tree comes to (to, point): what is there already goes on top of it. */
static void link_under(struct mount *m, struct mount *to, struct dentry *point) REQUIRES(MOUNT)
{
	struct mount *there = mount_child_at(to, point);

	mount_link(m, to, point);
	if (there != NULL)
		put_on_top(there, m);
}

/* to receives a copy of the tree src. */
static struct mount *give(struct spread *s, struct mount *to, struct mount *src, uint32_t how) REQUIRES(MOUNT)
{
	struct mount *c;

	if (!dentry_is_below(s->point, to->root)) { /* not shown there; its slaves may show it */
		reach(s, to);
		to->copy = src;
		return src;
	}
	if (to->ns != NULL && to->ns->mnt.mounts >= MOUNTS_MAX)
		s->err = -ENOSPC;
	c = s->err == 0 ? mount_copy(src, src->root, how, true, s->gone) : NULL;
	if (c == NULL) {
		s->err = s->err != 0 ? s->err : -ENOMEM;
		return src;
	}
	for (struct mount *m = c; m != NULL; m = mount_next(m, c)) {
		m->visited = vfs()->visit; /* nothing that comes of this is itself a receiver */
		if (to->ns != NULL && to->ns->user != s->user)
			m->locked = m != c;
	}
	link_under(c, to, s->point);
	reach(s, to);
	to->copy = c;
	return c;
}

/* first has its copy; all its peers get theirs. */
static void give_peers(struct spread *s, struct mount *first) REQUIRES(MOUNT)
{
	LIST_FOR(p, &first->peers, struct mount, peers)
		if (s->err == 0 && !reached(p))
			(void)give(s, p, first->copy, 0);
}

static void give_slaves(struct spread *s, struct mount *m) REQUIRES(MOUNT)
{
	LIST_FOR(v, &m->slaves, struct mount, slave) {
		if (s->err != 0 || reached(v))
			continue;
		(void)give(s, v, m->copy, COPY_SLAVE | (v->group != 0 ? COPY_SHARE : 0));
		give_peers(s, v);
	}
}

static void remove_copies(struct mount *parent, struct dentry *point, struct gone *g) REQUIRES(MOUNT)
{
	LIST_FOR_SAFE(m, n, &vfs()->mounts, struct mount, link)
		if (m != parent && reached(m) && m->copy != NULL && m->copy->parent == m && m->copy->point == point) {
			struct mount *there = mount_child_at(m->copy, m->copy->root);

			if (there != NULL && !reached(there)) {
				struct path was = mount_unlink(there);

				mount_link(there, m, point);
				path_put(&was);
			}
			mount_umount_tree(m->copy, g);
			return remove_copies(parent, point, g); /* the list has changed */
		}
}

long mount_attach_tree(struct mount *top, struct mount *parent, struct dentry *point, struct gone *g)
{
	struct spread s = { .point = point, .gone = g, .user = parent->ns != NULL ? parent->ns->user : ns_initial(NS_USER) };
	struct mount *m;

	if (parent->ns != NULL && parent->ns->mnt.mounts >= MOUNTS_MAX)
		return -ENOSPC;
	if (parent->group == 0) {
		link_under(top, parent, point);
		return 0;
	}
	vfs()->visit++;
	for (m = top; m != NULL; m = mount_next(m, top)) {
		mount_share(m);
		if (m->ns == NULL)
			m->visited = vfs()->visit;
	}
	parent->copy = top;
	reach(&s, parent);
	give_peers(&s, parent);
	while (s.err == 0 && (m = next_reached(&s)) != NULL)
		give_slaves(&s, m);
	if (s.err != 0) {
		remove_copies(parent, point, g);
		return s.err;
	}
	link_under(top, parent, point);
	return 0;
}

/* ---- Unmounting ---- */

/* A mount goes if nothing is mounted on it, and from under one that covers it, which comes into its place. */
static bool slip_out(struct mount *m, struct gone *g) REQUIRES(MOUNT)
{
	struct mount *over = mount_child_at(m, m->root), *parent = m->parent;
	struct dentry *point = m->point;
	struct path was;

	if (m->locked)
		return false;
	if (list_empty(&m->children)) {
		mount_umount_tree(m, g);
	} else if (over != NULL && m->children.next == &over->child && over->child.next == &m->children) {
		was = mount_unlink(over);
		mount_umount_tree(m, g); /* keeps its place's references until g is put */
		mount_link(over, parent, point);
		path_put(&was);
	} else {
		return false;
	}
	return true;
}

/* Those of a chain, by `below`, as long as one that went lets another go. */
static void slip_out_all(struct mount *chain, struct gone *g) REQUIRES(MOUNT)
{
	bool any;

	do {
		struct mount *rest = NULL, *next;

		any = false;
		for (struct mount *m = chain; m != NULL; m = next) {
			next = m->below;
			m->below = NULL;
			if (slip_out(m, g)) {
				any = true;
				continue;
			}
			m->below = rest;
			rest = m;
		}
		chain = rest;
	} while (any);
	for (struct mount *m = chain, *next; m != NULL; m = next) {
		next = m->below;
		m->below = NULL;
	}
}

/* The copies of m at the other places go, where that is possible. */
static void detach_elsewhere(struct mount *parent, struct dentry *point, struct gone *g) REQUIRES(MOUNT)
{
	struct spread s = { .point = point, .gone = g };
	struct mount *m, *chain = NULL;

	vfs()->visit++;
	reach(&s, parent);
	while ((m = next_reached(&s)) != NULL) {
		struct mount *c = m != parent ? mount_child_at(m, point) : NULL;

		LIST_FOR(p, &m->peers, struct mount, peers)
			if (!reached(p))
				reach(&s, p);
		LIST_FOR(v, &m->slaves, struct mount, slave)
			if (!reached(v))
				reach(&s, v);
		if (c != NULL) {
			c->below = chain;
			chain = c;
		}
	}
	slip_out_all(chain, g);
}

void mount_detach_tree(struct mount *top, struct gone *g)
{
	struct dentry *point;
	struct mount *m;

	while (!list_empty(&top->children)) {
		for (m = top; !list_empty(&m->children);)
			m = LIST_FIRST(&m->children, struct mount, child);
		mount_detach_tree(m, g);
	}
	if (top->was.dentry != NULL) /* what was on it stood for it elsewhere, and took it along */
		return;
	m = mount_has_parent(top) && top->parent->group != 0 ? top->parent : NULL;
	point = top->point;
	mount_umount_tree(top, g);
	if (m != NULL)
		detach_elsewhere(m, point, g);
}
