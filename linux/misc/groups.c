/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/groups.c - supplementary groups: getgroups, setgroups.
 *
 * They are kept sorted, as Linux shows them.  Up to 32 are in the credentials themselves; more are in a
 * struct group_list in the arena, immutable, that all who inherit it share.
 */
#include "linux/fs/vfs.h"
#include "linux/misc/cred.h"
#include "linux/ns/ns.h"
#include "syscalls.gen.h"

#define GROUPS_MAX 65536

struct group_list {
	struct ref ref;
	uint32_t gid[];
};

void group_list_get(struct group_list *g)
{
	if (g)
		ref_get(&g->ref);
}

void group_list_put(struct group_list *g)
{
	if (g && ref_put(&g->ref))
		arena_free(g);
}

const uint32_t *cred_groups(const struct lx_cred *c)
{
	return UNLIKELY(c->more != NULL) ? c->more->gid : c->groups;
}

bool lx_in_group(const struct lx_thread *t, uint32_t gid)
{
	const uint32_t *groups = cred_groups(&t->cred);
	uint32_t low = 0, high = t->cred.ngroups;

	if (gid == t->cred.fsgid)
		return true;
	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (groups[mid] == gid)
			return true;
		if (groups[mid] < gid)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

static void sift(uint32_t *a, uint32_t at, uint32_t n)
{
	for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
		uint32_t v = a[at];

		if (child + 1 < n && a[child + 1] > a[child])
			child++;
		if (a[child] <= v)
			return;
		a[at] = a[child];
		a[child] = v;
	}
}

void groups_sort(uint32_t *a, uint32_t n)
{
	for (uint32_t i = n / 2; i-- > 0;)
		sift(a, i, n);
	while (n > 1) {
		uint32_t v = a[--n];

		a[n] = a[0];
		a[0] = v;
		sift(a, 0, n);
	}
}

long lx_sys_getgroups(struct lx_thread *t, int count, struct gva list)
{
	const uint32_t *groups = cred_groups(&t->cred);
	uint32_t n = t->cred.ngroups;

	if (count < 0)
		return -EINVAL;
	if (!count)
		return n;
	if ((uint32_t)count < n)
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++)
		if (PUT_USER(gva_add(list, i * sizeof groups[0]), gid_out(t, groups[i])))
			return -EFAULT;
	return n;
}

static long groups_in(struct lx_thread *t, struct gva list, uint32_t *to, uint32_t n)
{
	if (n && copy_in(to, list, n * sizeof *to))
		return -EFAULT;
	for (uint32_t i = 0; i < n; i++) {
		to[i] = gid_in(t, to[i]);
		if (to[i] == NO_ID)
			return -EINVAL;
	}
	groups_sort(to, n);
	return 0;
}

long lx_sys_setgroups(struct lx_thread *t, int count, struct gva list)
{
	struct group_list *old = t->cred.more;
	struct lx_cred new = t->cred;
	long err;

	if (!cap_own(t, CAP_SETGID) || (t->cred.user_ns && !setgroups_allowed(t->cred.user_ns)))
		return -EPERM;
	if (count < 0 || count > GROUPS_MAX)
		return -EINVAL;
	new.more = NULL;
	if (count > (int)ARRAY_LEN(new.groups)) {
		new.more = arena_alloc(sizeof *new.more + (uint32_t)count * sizeof new.more->gid[0]);
		if (!new.more)
			return -ENOMEM;
		ref_init(&new.more->ref);
	}
	err = groups_in(t, list, new.more ? new.more->gid : new.groups, (uint32_t)count);
	if (err) {
		group_list_put(new.more);
		return err;
	}
	new.ngroups = (uint32_t)count;
	cred_commit(t, &new);
	group_list_put(old);
	vfs_tree_changed();
	return 0;
}
