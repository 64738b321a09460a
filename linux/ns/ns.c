/* SPDX-License-Identifier: MIT */
/*
 * linux/ns/ns.c - namespace objects: made, counted, found, freed.  See ns.h.
 *
 * A user namespace limits how many namespaces of each kind a user may have in it
 * and below (/proc/sys/user/max_*); a new one counts in its owner's and in all those around.
 */
#include "linux/ns/ns.h"
#include "linux/fs/vfs.h"
#include "linux/proc/proc.h"
#include "rt/mem.h"

#define FIRST_INO 4026531834u /* the initial namespaces', as Linux numbers them */
#define NEXT_INO  4026532100u
#define MAX_EACH  31000u

static const struct {
	const char *name;
	uint32_t flag, ino;
} kinds[NS_KINDS] = {
	[NS_MNT] = { "mnt", CLONE_NEWNS, FIRST_INO + 7 }, [NS_UTS] = { "uts", CLONE_NEWUTS, FIRST_INO + 4 },
	[NS_IPC] = { "ipc", CLONE_NEWIPC, FIRST_INO + 5 }, [NS_USER] = { "user", CLONE_NEWUSER, FIRST_INO + 3 },
	[NS_PID] = { "pid", CLONE_NEWPID, FIRST_INO + 2 }, [NS_NET] = { "net", CLONE_NEWNET, FIRST_INO + 6 },
	[NS_TIME] = { "time", CLONE_NEWTIME, FIRST_INO }, [NS_CGROUP] = { "cgroup", CLONE_NEWCGROUP, FIRST_INO + 1 },
};

uint32_t ns_clone_flag(enum ns_kind kind)
{
	return kinds[kind].flag;
}

const char *ns_name(enum ns_kind kind)
{
	return kinds[kind].name;
}

void ns_boot(void)
{
	struct lx_state *lx = lx_state();
	struct ns *all = arena_alloc(NS_KINDS * sizeof *all);

	if (!all)
		panic("not enough memory to start");
	lx->ns_initial = all;
	atomic_store(&lx->next_ns, NEXT_INO);
	for (uint32_t k = 0; k < NS_KINDS; k++) {
		ref_init(&all[k].ref);
		all[k].kind = k;
		all[k].ino = kinds[k].ino;
		all[k].user = &all[NS_USER];
	}
	for (uint32_t k = 0; k < NS_KINDS; k++)
		all[NS_USER].u.max[k] = MAX_EACH;
	memcpy(all[NS_UTS].uts.host, lx->hostname, sizeof lx->hostname);
	memcpy(all[NS_UTS].uts.domain, lx->domainname, sizeof lx->domainname);
	waitq_init(&all[NS_PID].pid.wait);
}

/* ---- Counts ---- */

static struct ns_count *count_of(struct ns *user, uint32_t uid, bool make) REQUIRES(TASKLIST)
{
	struct ns_count *c = user->u.counts;

	while (c && c->uid != uid)
		c = c->next;
	if (!c && make && (c = arena_alloc(sizeof *c)) != NULL) {
		c->uid = uid;
		c->next = user->u.counts;
		user->u.counts = c;
	}
	return c;
}

/* In user on behalf of uid, and in each one around on behalf of the owner of the inner. */
static long count(struct ns *user, uint32_t uid, enum ns_kind kind, const struct ns *stop, int n) REQUIRES(TASKLIST)
{
	for (struct ns *u = user; u != stop; u = u->user) {
		struct ns_count *c = count_of(u, uid, n > 0);

		if (n > 0 && (!c || c->n[kind] >= __atomic_load_n(&u->u.max[kind], __ATOMIC_RELAXED))) {
			(void)count(user, uid, kind, u, -1);
			return c ? -ENOSPC : -ENOMEM;
		}
		if (c)
			c->n[kind] += (uint32_t)n;
		uid = u->owner;
		if (u->level == 0)
			break;
	}
	return 0;
}

long ns_count_up(struct ns *user, uint32_t uid, enum ns_kind kind)
{
	long err;

	lock_take(&lx_state()->tasklist);
	err = count(user, uid, kind, NULL, 1);
	lock_drop(&lx_state()->tasklist);
	return err;
}

void ns_count_down(struct ns *user, uint32_t uid, enum ns_kind kind)
{
	lock_take(&lx_state()->tasklist);
	(void)count(user, uid, kind, NULL, -1);
	lock_drop(&lx_state()->tasklist);
}

/* ---- Life ---- */

long ns_new(struct lx_thread *t, enum ns_kind kind, struct ns *user, struct ns **out)
{
	struct ns *ns;
	long err = ns_count_up(user, t->cred.euid, kind);

	if (err)
		return err;
	ns = arena_alloc(sizeof *ns);
	if (!ns) {
		ns_count_down(user, t->cred.euid, kind);
		return -ENOMEM;
	}
	ref_init(&ns->ref);
	ns->kind = kind;
	ns->ino = atomic_fetch_add(&lx_state()->next_ns, 1);
	ns->user = user;
	ns_get(user);
	ns->owner = t->cred.euid;
	ns->owner_gid = t->cred.egid;
	*out = ns;
	return 0;
}

void ns_get(struct ns *ns)
{
	ref_get(&ns->ref);
}

static void free_contents(struct ns *ns)
{
	switch (ns->kind) {
	case NS_MNT:
		mnt_ns_free(ns);
		break;
	case NS_IPC:
		ipc_ns_free(ns);
		break;
	case NS_USER:
		user_ns_free(ns);
		break;
	case NS_PID:
		pid_ns_free(ns);
		break;
	default:
		break;
	}
}

void ns_put(struct ns *ns)
{
	while (ns && ref_put(&ns->ref)) {
		struct ns *user = ns->user;

		free_contents(ns);
		ns_count_down(user, ns->owner, ns->kind);
		if (ns->parent)
			ns_put(ns->parent);
		arena_free(ns);
		ns = user;
	}
}

/* ---- Of a thread ---- */

static struct ns *find(struct lx_thread *t, enum ns_kind kind, bool for_children) REQUIRES(TASKLIST)
{
	if (t->ns_gone)
		return kind == NS_USER ? user_ns_of(t) : NULL;
	if (kind == NS_USER)
		return user_ns_of(t);
	if (kind == NS_PID && !for_children)
		return pid_ns_of(t->proc);
	if (!t->nsset)
		return ns_initial(kind);
	if (kind == NS_PID)
		return t->nsset->pid_children;
	return kind == NS_TIME && for_children ? t->nsset->time_children : t->nsset->ns[kind];
}

struct ns *ns_of_thread(struct lx_thread *t, enum ns_kind kind, bool for_children)
{
	struct ns *ns;

	lock_take(&lx_state()->tasklist);
	ns = find(t, kind, for_children);
	if (ns)
		ns_get(ns);
	lock_drop(&lx_state()->tasklist);
	return ns;
}
