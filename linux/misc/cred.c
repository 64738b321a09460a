/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/cred.c - user and group ids.
 *
 * Credentials belong to a thread, as in Linux (libc changes all threads by itself).
 * A change is made on a copy and committed under TASKLIST, where others read it.  References that
 * credentials hold are moved along with them, or taken and dropped with cred_refs_get and cred_refs_put.
 */
#include "linux/fs/vfs.h"
#include "linux/misc/cred.h"
#include "linux/ns/ns.h"
#include "linux/sec/landlock.h"
#include "syscalls.gen.h"

/* In the initial user namespace. */
bool lx_capable(const struct lx_thread *t, int cap)
{
	return LIKELY(t->cred.user_ns == NULL) && (t->cred.cap_effective >> cap & 1);
}

void cred_refs_get(const struct lx_cred *c)
{
	landlock_get(c->landlock);
	group_list_get(c->more);
}

void cred_refs_put(struct lx_cred *c)
{
	landlock_put(c->landlock);
	group_list_put(c->more);
	c->landlock = NULL;
	c->more = NULL;
}

void cred_commit(struct lx_thread *t, const struct lx_cred *new)
{
	struct lx_state *lx = lx_state();

	if (new->euid != t->cred.euid || new->egid != t->cred.egid || new->fsuid != t->cred.fsuid || new->fsgid != t->cred.fsgid) {
		t->proc->dumpable = 0;
		t->pdeath_signal = 0;
	}
	lock_take(&lx->tasklist);
	t->cred = *new;
	lock_drop(&lx->tasklist);
}

static bool any_root(const struct lx_cred *c, uint32_t root)
{
	return c->uid == root || c->euid == root || c->suid == root;
}

/* The user that is root in its user namespace; one that does not exist if none is. */
static uint32_t root_of(const struct lx_cred *c)
{
	return LIKELY(c->user_ns == NULL) ? 0 : user_ns_root(c->user_ns);
}

/* Leaving root gives up what root could, entering it takes it up again. */
static void fix_caps(struct lx_cred *new, const struct lx_cred *old)
{
	uint32_t root = root_of(old);

	if (new->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (any_root(old, root) && !any_root(new, root)) {
		if (!(new->securebits & SECBIT_KEEP_CAPS))
			new->cap_permitted = new->cap_effective = 0;
		new->cap_ambient = 0;
	}
	if (old->euid == root && new->euid != root)
		new->cap_effective = 0;
	if (old->euid != root && new->euid == root)
		new->cap_effective = new->cap_permitted;
}

static long commit_uid(struct lx_thread *t, struct lx_cred *new)
{
	new->fsuid = new->euid;
	fix_caps(new, &t->cred);
	cred_commit(t, new);
	return 0;
}

static long commit_gid(struct lx_thread *t, struct lx_cred *new)
{
	new->fsgid = new->egid;
	cred_commit(t, new);
	return 0;
}

/* Ids that the caller names; false: one has no meaning in its namespace. */
static bool ids_in(const struct lx_thread *t, unsigned map, uint32_t **id)
{
	for (; UNLIKELY(t->cred.user_ns != NULL) && *id != NULL; id++)
		if (**id != NO_ID && (**id = id_to_global(t->cred.user_ns, map, **id)) == NO_ID)
			return false;
	return true;
}

static bool one_of(uint32_t id, uint32_t a, uint32_t b, uint32_t c)
{
	return id == NO_ID || id == a || id == b || id == c;
}

long lx_sys_getuid(struct lx_thread *t)
{
	return uid_out(t, t->cred.uid);
}

long lx_sys_geteuid(struct lx_thread *t)
{
	return uid_out(t, t->cred.euid);
}

long lx_sys_getgid(struct lx_thread *t)
{
	return gid_out(t, t->cred.gid);
}

long lx_sys_getegid(struct lx_thread *t)
{
	return gid_out(t, t->cred.egid);
}

long lx_sys_setuid(struct lx_thread *t, uint32_t uid)
{
	struct lx_cred new = t->cred;

	uid = uid_in(t, uid);
	if (uid == NO_ID)
		return -EINVAL;
	if (cap_own(t, CAP_SETUID))
		new.uid = new.suid = uid;
	else if (uid != new.uid && uid != new.suid)
		return -EPERM;
	new.euid = uid;
	return commit_uid(t, &new);
}

long lx_sys_setgid(struct lx_thread *t, uint32_t gid)
{
	struct lx_cred new = t->cred;

	gid = gid_in(t, gid);
	if (gid == NO_ID)
		return -EINVAL;
	if (cap_own(t, CAP_SETGID))
		new.gid = new.sgid = gid;
	else if (gid != new.gid && gid != new.sgid)
		return -EPERM;
	new.egid = gid;
	return commit_gid(t, &new);
}

long lx_sys_setreuid(struct lx_thread *t, uint32_t r, uint32_t e)
{
	struct lx_cred new = t->cred;
	const struct lx_cred *old = &t->cred;

	if (!ids_in(t, MAP_UID, (uint32_t *[]){ &r, &e, NULL }))
		return -EINVAL;
	if (!cap_own(t, CAP_SETUID) &&
	    (!one_of(r, old->uid, old->euid, old->uid) || !one_of(e, old->uid, old->euid, old->suid)))
		return -EPERM;
	if (r != NO_ID)
		new.uid = r;
	if (e != NO_ID)
		new.euid = e;
	if (r != NO_ID || (e != NO_ID && e != old->uid))
		new.suid = new.euid;
	return commit_uid(t, &new);
}

long lx_sys_setregid(struct lx_thread *t, uint32_t r, uint32_t e)
{
	struct lx_cred new = t->cred;
	const struct lx_cred *old = &t->cred;

	if (!ids_in(t, MAP_GID, (uint32_t *[]){ &r, &e, NULL }))
		return -EINVAL;
	if (!cap_own(t, CAP_SETGID) &&
	    (!one_of(r, old->gid, old->egid, old->gid) || !one_of(e, old->gid, old->egid, old->sgid)))
		return -EPERM;
	if (r != NO_ID)
		new.gid = r;
	if (e != NO_ID)
		new.egid = e;
	if (r != NO_ID || (e != NO_ID && e != old->gid))
		new.sgid = new.egid;
	return commit_gid(t, &new);
}

long lx_sys_setresuid(struct lx_thread *t, uint32_t r, uint32_t e, uint32_t s)
{
	struct lx_cred new = t->cred;
	const struct lx_cred *old = &t->cred;

	if (!ids_in(t, MAP_UID, (uint32_t *[]){ &r, &e, &s, NULL }))
		return -EINVAL;
	if (!cap_own(t, CAP_SETUID) &&
	    (!one_of(r, old->uid, old->euid, old->suid) || !one_of(e, old->uid, old->euid, old->suid) ||
	     !one_of(s, old->uid, old->euid, old->suid)))
		return -EPERM;
	if (r != NO_ID)
		new.uid = r;
	if (e != NO_ID)
		new.euid = e;
	if (s != NO_ID)
		new.suid = s;
	return commit_uid(t, &new);
}

long lx_sys_setresgid(struct lx_thread *t, uint32_t r, uint32_t e, uint32_t s)
{
	struct lx_cred new = t->cred;
	const struct lx_cred *old = &t->cred;

	if (!ids_in(t, MAP_GID, (uint32_t *[]){ &r, &e, &s, NULL }))
		return -EINVAL;
	if (!cap_own(t, CAP_SETGID) &&
	    (!one_of(r, old->gid, old->egid, old->sgid) || !one_of(e, old->gid, old->egid, old->sgid) ||
	     !one_of(s, old->gid, old->egid, old->sgid)))
		return -EPERM;
	if (r != NO_ID)
		new.gid = r;
	if (e != NO_ID)
		new.egid = e;
	if (s != NO_ID)
		new.sgid = s;
	return commit_gid(t, &new);
}

static long put_three(struct gva r, struct gva e, struct gva s, uint32_t vr, uint32_t ve, uint32_t vs)
{
	if (PUT_USER(r, vr) || PUT_USER(e, ve) || PUT_USER(s, vs))
		return -EFAULT;
	return 0;
}

long lx_sys_getresuid(struct lx_thread *t, struct gva r, struct gva e, struct gva s)
{
	return put_three(r, e, s, uid_out(t, t->cred.uid), uid_out(t, t->cred.euid), uid_out(t, t->cred.suid));
}

long lx_sys_getresgid(struct lx_thread *t, struct gva r, struct gva e, struct gva s)
{
	return put_three(r, e, s, gid_out(t, t->cred.gid), gid_out(t, t->cred.egid), gid_out(t, t->cred.sgid));
}

/* Capabilities that concern files follow fsuid. */
static void fix_fs_caps(struct lx_cred *new, const struct lx_cred *old)
{
	const uint64_t fs = 1ull << CAP_CHOWN | 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_DAC_READ_SEARCH | 1ull << CAP_FOWNER |
		1ull << CAP_FSETID | 1ull << CAP_LINUX_IMMUTABLE | 1ull << CAP_MKNOD | 1ull << CAP_MAC_OVERRIDE;

	if (new->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (old->fsuid == root_of(old) && new->fsuid != root_of(old))
		new->cap_effective &= ~fs;
	if (old->fsuid != root_of(old) && new->fsuid == root_of(old))
		new->cap_effective |= new->cap_permitted & fs;
}

/* These two return the old id, whatever happens. */
long lx_sys_setfsuid(struct lx_thread *t, uint32_t uid)
{
	struct lx_cred new = t->cred;
	uint32_t was = uid_out(t, new.fsuid);

	uid = uid_in(t, uid);
	if (uid == NO_ID || uid == new.fsuid)
		return was;
	if (uid == new.uid || uid == new.euid || uid == new.suid || cap_own(t, CAP_SETUID)) {
		new.fsuid = uid;
		fix_fs_caps(&new, &t->cred);
		cred_commit(t, &new);
	}
	return was;
}

long lx_sys_setfsgid(struct lx_thread *t, uint32_t gid)
{
	struct lx_cred new = t->cred;
	uint32_t was = gid_out(t, new.fsgid);

	gid = gid_in(t, gid);
	if (gid == NO_ID || gid == new.fsgid)
		return was;
	if (gid == new.gid || gid == new.egid || gid == new.sgid || cap_own(t, CAP_SETGID)) {
		new.fsgid = gid;
		cred_commit(t, &new);
	}
	return was;
}
