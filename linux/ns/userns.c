/* SPDX-License-Identifier: MIT */
/*
 * linux/ns/userns.c - user namespaces: capabilities, and ids as seen from inside.
 *
 * Everywhere in linux/ ids are those of the initial namespace ("global"); they are
 * translated where a program names or sees one.  An id without a number in the
 * reader's namespace shows as 65534.
 */
#include "linux/ns/ns.h"
#include "linux/fs/inode_ops.h"
#include "linux/misc/cred.h"
#include "linux/proc/proc.h"

#define CAP_ALL ((1ull << (CAP_LAST_CAP + 1)) - 1)

/* The initial namespace has all ids, itself included. */
static bool everything(const struct ns *user)
{
	return user->level == 0;
}

uint32_t id_to_global(const struct ns *user, unsigned map, uint32_t id)
{
	const struct id_map *m = &user->u.map[map];

	if (id == NO_ID || everything(user))
		return id;
	for (uint32_t i = 0, n = __atomic_load_n(&m->count, __ATOMIC_ACQUIRE); i < n; i++)
		if (id - m->extent[i].inside < m->extent[i].count)
			return m->extent[i].global + (id - m->extent[i].inside);
	return NO_ID;
}

uint32_t id_from_global(const struct ns *user, unsigned map, uint32_t id)
{
	const struct id_map *m = &user->u.map[map];

	if (id == NO_ID || everything(user))
		return id;
	for (uint32_t i = 0, n = __atomic_load_n(&m->count, __ATOMIC_ACQUIRE); i < n; i++)
		if (id - m->extent[i].global < m->extent[i].count)
			return m->extent[i].inside + (id - m->extent[i].global);
	return NO_ID;
}

uint32_t id_out_slow(const struct lx_thread *t, unsigned map, uint32_t id)
{
	uint32_t seen = id_from_global(user_ns_of(t), map, id);

	return seen == NO_ID ? ID_OVERFLOW : seen;
}

uint32_t user_ns_root(const struct ns *user)
{
	return id_to_global(user, MAP_UID, 0);
}

/* capabilities(7): in its own namespace by the set; in one below all, if the thread's user made a namespace on the way. */
bool cred_capable(const struct lx_cred *c, const struct ns *user, int cap)
{
	const struct ns *own = cred_user_ns(c);

	for (;; user = user->user) {
		if (user == own)
			return c->cap_effective >> cap & 1;
		if (user->level <= own->level)
			return false;
		if (user->user == own && user->owner == c->euid)
			return true;
	}
}

bool inode_capable(const struct lx_thread *t, const struct inode *i, int cap)
{
	if (!cap_own(t, cap))
		return false;
	if (LIKELY(t->cred.user_ns == NULL))
		return true;
	return id_from_global(t->cred.user_ns, MAP_UID, i->uid) != NO_ID && id_from_global(t->cred.user_ns, MAP_GID, i->gid) != NO_ID;
}

bool setgroups_allowed(const struct ns *user)
{
	return everything(user) || (__atomic_load_n(&user->u.map[MAP_GID].count, __ATOMIC_ACQUIRE) && !user->u.setgroups_denied);
}

/* Whoever enters a user namespace has all capabilities there. */
void cred_enter_user_ns(struct lx_cred *c, struct ns *user)
{
	c->user_ns = user == ns_initial(NS_USER) ? NULL : user;
	c->securebits = 0;
	c->cap_inheritable = c->cap_ambient = 0;
	c->cap_permitted = c->cap_effective = c->cap_bounding = CAP_ALL;
}

static bool root_is_changed(struct lx_thread *t)
{
	struct fs_context *fs = t->proc->fs;
	bool changed;

	if (!fs)
		return false;
	lock_take(&fs->lock);
	changed = fs->root.dentry != fs->root.mnt->root || fs->root.mnt != fs->root.mnt->parent;
	lock_drop(&fs->lock);
	return changed;
}

long user_ns_new(struct lx_thread *t, struct ns **out)
{
	struct ns *parent = user_ns_of(t), *ns;
	long err;

	if (parent->level > NS_LEVELS)
		return -ENOSPC;
	if (root_is_changed(t)) /* a chroot could be left by means of the capabilities */
		return -EPERM;
	if (id_from_global(parent, MAP_UID, t->cred.euid) == NO_ID || id_from_global(parent, MAP_GID, t->cred.egid) == NO_ID)
		return -EPERM;
	err = ns_new(t, NS_USER, parent, &ns);
	if (err)
		return err;
	ns->level = parent->level + 1;
	ns->u.parent_setfcap = cap_own(t, CAP_SETFCAP);
	lock_take(&lx_state()->tasklist);
	ns->u.setgroups_denied = parent->u.setgroups_denied;
	lock_drop(&lx_state()->tasklist);
	for (unsigned k = 0; k < NS_KINDS; k++)
		ns->u.max[k] = INT32_MAX;
	*out = ns;
	return 0;
}

void user_ns_free(struct ns *ns)
{
	for (unsigned i = 0; i < MAPS; i++)
		arena_free(ns->u.map[i].extent);
	while (ns->u.counts) {
		struct ns_count *c = ns->u.counts;

		ns->u.counts = c->next;
		arena_free(c);
	}
}
