/* SPDX-License-Identifier: MIT */
/*
 * linux/sec/keyctl.c - keyctl (keyctl(2) has a man page for each operation).
 *
 * Strings and payloads are copied in before the lock is taken, and out after it is dropped.
 */
#include <linux/keyctl.h>

#include "linux/misc/cred.h"
#include "linux/proc/proc.h"
#include "linux/sec/keys.h"
#include "rt/fmt.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

#define PERSISTENT_NS (3 * 24 * 3600 * 1000000000ull)

static long get_id(struct lx_thread *t, int id, bool create)
{
	struct key *k;
	long err;

	keys_lock();
	k = key_lookup(t, id, create, KEY_SEARCH, false, NULL, &err);
	if (k) {
		err = k->serial;
		key_put(k);
	}
	keys_unlock();
	return err;
}

static long join(struct lx_thread *t, struct gva from)
{
	char *name;
	long err = key_desc_in(from, &name);

	if (err)
		return err;
	keys_lock();
	err = name && name[0] == '.' ? -EPERM : session_join(t, name);
	keys_unlock();
	path_buf_free(name);
	return err;
}

static long update(struct lx_thread *t, int id, struct gva from, uint64_t len)
{
	struct key *k;
	void *data;
	long err = len > PAGE_SIZE ? -EINVAL : key_payload_in(from, len, &data);

	if (err)
		return err;
	keys_lock();
	k = key_lookup(t, id, false, KEY_WRITE, false, NULL, &err);
	if (k) {
		err = k->type == KEY_KEYRING ? -EOPNOTSUPP : key_check_payload(k->type, k->desc, len);
		if (!err)
			err = key_set_data(k, data, (uint32_t)len);
		if (!err)
			data = NULL;
		key_put(k);
	}
	keys_unlock();
	arena_free(data);
	return err;
}

static void destroy(struct key *k) REQUIRES(IPC)
{
	if (k->type == KEY_KEYRING)
		ring_clear(k);
	else if (k->len)
		(void)key_set_data(k, NULL, 0);
	k->state = KEY_REVOKED;
}

static long revoke(struct lx_thread *t, int id)
{
	struct key *k;
	long err;

	keys_lock();
	k = key_lookup(t, id, false, KEY_WRITE, false, NULL, &err);
	if (!k && err == -EACCES)
		k = key_lookup(t, id, false, KEY_SETATTR, false, NULL, &err);
	if (k) {
		destroy(k);
		key_put(k);
	}
	keys_unlock();
	return k ? 0 : err;
}

/* Gone at once, from all keyrings. */
static long invalidate(struct lx_thread *t, int id)
{
	struct key *k;
	long err;

	keys_lock();
	k = key_lookup(t, id, false, KEY_SEARCH, false, NULL, &err);
	if (k) {
		destroy(k);
		LIST_FOR(ring, &keys_root()->all, struct key, all)
			if (ring->type == KEY_KEYRING)
				(void)ring_unlink(ring, k);
		key_put(k);
	}
	keys_unlock();
	return k ? 0 : err;
}

static long chown_key(struct lx_thread *t, int id, uint32_t uid, uint32_t gid)
{
	bool admin = lx_capable(t, CAP_SYS_ADMIN);
	struct key *k;
	long err;

	keys_lock();
	k = key_lookup(t, id, true, admin ? 0 : KEY_SETATTR, true, NULL, &err);
	if (k) {
		if (!admin && ((uid != UINT32_MAX && uid != k->uid) || (gid != UINT32_MAX && gid != k->gid && !lx_in_group(t, gid))))
			err = -EACCES;
		if (!err && uid != UINT32_MAX)
			err = key_set_uid(k, uid);
		if (!err && gid != UINT32_MAX)
			k->gid = gid;
		key_put(k);
	}
	keys_unlock();
	return err;
}

static long setperm(struct lx_thread *t, int id, uint32_t perm)
{
	struct key *k;
	long err;

	if (perm & ~0x3f3f3f3fu)
		return -EINVAL;
	keys_lock();
	k = key_lookup(t, id, true, KEY_SETATTR, true, NULL, &err);
	if (k) {
		if (k->uid != t->cred.fsuid && !lx_capable(t, CAP_SYS_ADMIN))
			err = -EACCES;
		else
			k->perm = perm;
		key_put(k);
	}
	keys_unlock();
	return err;
}

static long set_timeout(struct lx_thread *t, int id, uint32_t seconds)
{
	struct key *k;
	long err;

	keys_lock();
	k = key_lookup(t, id, true, KEY_SETATTR, true, NULL, &err);
	if (k) {
		k->expires = seconds ? pico_now_realtime() + seconds * 1000000000ull : 0;
		key_put(k);
	}
	keys_unlock();
	return err;
}

/* n bytes, cut to the caller's size; their whole length. */
static long bytes_out(struct gva to, uint64_t size, const void *from, uint64_t n, bool all)
{
	if (!to.va || !size || (all && size < n))
		return (long)n;
	return copy_out(to, from, MIN(n, size)) ? -EFAULT : (long)n;
}

static long describe(struct lx_thread *t, int id, struct gva to, uint64_t size)
{
	char *text = path_buf();
	struct key *k;
	int n = 0;
	long err;

	if (!text)
		return -ENOMEM;
	keys_lock();
	k = key_lookup(t, id, false, KEY_VIEW, true, NULL, &err);
	if (k) {
		n = fmt_snprintf(text, PATH_MAX, "%s;%d;%d;%08x;%s", key_type_names[k->type], (int)k->uid, (int)k->gid, k->perm, k->desc);
		key_put(k);
	}
	keys_unlock();
	if (!err)
		err = bytes_out(to, size, text, (uint64_t)n + 1, true);
	path_buf_free(text);
	return err;
}

static long read_copy(struct lx_thread *t, int id, void **data, uint64_t *n) REQUIRES(IPC)
{
	bool possessed;
	struct key *k;
	long err;

	k = key_lookup(t, id, false, 0, true, &possessed, &err);
	if (!k)
		return err;
	*n = k->type == KEY_KEYRING ? k->len * sizeof(int) : k->len;
	err = key_usable(k);
	if (!err && key_permission(t, k, possessed, KEY_READ) && !possessed)
		err = -EACCES;
	if (!err && k->type == KEY_LOGON)
		err = -EOPNOTSUPP;
	*data = err ? NULL : heap_alloc(*n + 1);
	if (!err && !*data)
		err = -ENOMEM;
	for (uint32_t i = 0; !err && k->type == KEY_KEYRING && i < k->len; i++)
		((int *)*data)[i] = ((struct key **)k->data)[i]->serial;
	if (!err && k->type != KEY_KEYRING)
		memcpy(*data, k->data, *n);
	key_put(k);
	return err;
}

static long read_key(struct lx_thread *t, int id, struct gva to, uint64_t size)
{
	void *data = NULL;
	uint64_t n = 0;
	bool ring;
	long err;

	keys_lock();
	err = read_copy(t, id, &data, &n);
	keys_unlock();
	ring = n % sizeof(int) == 0; /* a keyring's list may be cut short, a payload may not */
	if (!err)
		err = bytes_out(to, ring ? size / sizeof(int) * sizeof(int) : size, data, n, !ring);
	heap_free(data);
	return err;
}

static long clear(struct lx_thread *t, int id)
{
	struct key *k;
	long err;

	keys_lock();
	k = key_lookup(t, id, true, KEY_WRITE, false, NULL, &err);
	if (k) {
		err = k->type == KEY_KEYRING ? 0 : -ENOTDIR;
		if (!err)
			ring_clear(k);
		key_put(k);
	}
	keys_unlock();
	return err;
}

/* LINK, UNLINK and MOVE: from 0: link only; to 0: unlink only. */
static long relink(struct lx_thread *t, int id, int from, int to, bool exclusive)
{
	struct key *k, *src = NULL, *dst = NULL;
	long err;

	keys_lock();
	k = key_lookup(t, id, to != 0, to ? KEY_LINK : 0, !to, NULL, &err);
	if (k && from)
		src = key_lookup(t, from, false, KEY_WRITE, false, NULL, &err);
	if (k && !err && to)
		dst = key_lookup(t, to, true, KEY_WRITE, false, NULL, &err);
	if (!err && dst && exclusive && dst->type == KEY_KEYRING && ring_find(dst, k->type, k->desc))
		err = -EEXIST;
	if (!err && dst)
		err = ring_link(dst, k);
	if (!err && src)
		err = ring_unlink(src, k);
	key_put(dst);
	key_put(src);
	key_put(k);
	keys_unlock();
	return err;
}

static long search_ring(struct lx_thread *t, int id, struct gva type_name, struct gva desc_at, int dest)
{
	struct key *ring, *k = NULL;
	bool possessed;
	char *desc = NULL;
	int type;
	long err = key_type_in(type_name, &type);

	if (!err)
		err = desc_at.va ? key_desc_in(desc_at, &desc) : -EFAULT;
	if (!err) {
		keys_lock();
		ring = key_lookup(t, id, false, KEY_SEARCH, false, &possessed, &err);
		if (ring && ring->type != KEY_KEYRING)
			err = -ENOTDIR;
		else if (ring && type < 0)
			err = -ENOKEY;
		else if (ring)
			k = ring_search(t, ring, possessed, type, desc, &err);
		if (k)
			err = key_link_found(t, k, dest);
		key_put(k);
		key_put(ring);
		keys_unlock();
	}
	path_buf_free(desc);
	return err;
}

static long set_reqkey(struct lx_thread *t, int64_t which)
{
	long was = t->reqkey_default;

	if (which == KEY_REQKEY_DEFL_NO_CHANGE)
		return was;
	if (which < 0 || which > KEY_REQKEY_DEFL_USER_SESSION_KEYRING)
		return -EINVAL;
	keys_lock();
	if (which == KEY_REQKEY_DEFL_THREAD_KEYRING || which == KEY_REQKEY_DEFL_PROCESS_KEYRING) {
		long err;

		key_put(key_lookup(t, -(int)which, true, 0, true, NULL, &err)); /* made if it is not there */
	}
	keys_unlock();
	t->reqkey_default = (uint32_t)which;
	return was;
}

/* A user's keyring that outlasts sessions. */
static long persistent(struct lx_thread *t, uint32_t uid, int dest)
{
	struct key_user *u;
	char name[32];
	long err = 0;

	if (uid == UINT32_MAX)
		uid = t->cred.uid;
	if (uid != t->cred.uid && uid != t->cred.euid && !lx_capable(t, CAP_SETUID))
		return -EPERM;
	keys_lock();
	u = key_user(uid);
	if (u && !u->persistent) {
		fmt_snprintf(name, sizeof name, "_persistent.%u", uid);
		u->persistent = key_new(t, KEY_KEYRING, name, (uint32_t)(KEY_ALL & ~(KEY_WRITE | KEY_SETATTR)) << 24 | KEY_WRITE << 24 | (KEY_VIEW | KEY_READ) << 16, NULL, 0, &err);
		if (u->persistent && (err = key_set_uid(u->persistent, uid)) != 0) {
			key_put(u->persistent);
			u->persistent = NULL;
		}
	}
	if (!u || !u->persistent) {
		err = err ? err : -ENOMEM;
	} else {
		u->persistent->expires = pico_now_realtime() + PERSISTENT_NS;
		err = key_link_found(t, u->persistent, dest);
	}
	keys_unlock();
	return err;
}

static long session_to_parent(struct lx_thread *t)
{
	struct lx_state *lx = lx_state();
	struct key *old = NULL;
	struct lx_thread *p;
	long err = -EPERM;

	keys_lock();
	lock_take(&lx->tasklist);
	p = t->proc->parent && t->proc->parent != lx->init ? t->proc->parent->leader : NULL;
	if (p && t->session_keyring && t->proc->parent->nthreads == 1 && p->cred.uid == t->cred.euid && p->cred.euid == t->cred.euid) {
		old = p->session_keyring;
		key_get(t->session_keyring);
		p->session_keyring = t->session_keyring;
		err = 0;
	}
	lock_drop(&lx->tasklist);
	key_put(old);
	keys_unlock();
	return err;
}

static long capabilities(struct gva to, uint64_t size)
{
	static const uint8_t caps[2] = { KEYCTL_CAPS0_CAPABILITIES | KEYCTL_CAPS0_PERSISTENT_KEYRINGS | KEYCTL_CAPS0_BIG_KEY |
		KEYCTL_CAPS0_INVALIDATE | KEYCTL_CAPS0_MOVE, 0 };

	if (size > sizeof caps && clear_out(gva_add(to, sizeof caps), size - sizeof caps))
		return -EFAULT;
	return copy_out(to, caps, MIN(size, sizeof caps)) ? -EFAULT : (long)sizeof caps;
}

static long security_label(struct lx_thread *t, int id, struct gva to, uint64_t size)
{
	struct key *k;
	long err;

	keys_lock();
	k = key_lookup(t, id, false, KEY_VIEW, true, NULL, &err);
	key_put(k);
	keys_unlock();
	return k ? bytes_out(to, size, "", 1, false) : err;
}

long lx_sys_keyctl(struct lx_thread *t, int op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	const struct gva at_a = { a }, at_b = { b }, at_c = { c };

	switch (op) {
	case KEYCTL_GET_KEYRING_ID:
		return get_id(t, (int)a, (int)b != 0);
	case KEYCTL_JOIN_SESSION_KEYRING:
		return join(t, at_a);
	case KEYCTL_UPDATE:
		return update(t, (int)a, at_b, c);
	case KEYCTL_REVOKE:
		return revoke(t, (int)a);
	case KEYCTL_CHOWN:
		return chown_key(t, (int)a, (uint32_t)b, (uint32_t)c);
	case KEYCTL_SETPERM:
		return setperm(t, (int)a, (uint32_t)b);
	case KEYCTL_DESCRIBE:
		return describe(t, (int)a, at_b, c);
	case KEYCTL_CLEAR:
		return clear(t, (int)a);
	case KEYCTL_LINK:
		return relink(t, (int)a, 0, (int)b, false);
	case KEYCTL_UNLINK:
		return relink(t, (int)a, (int)b, 0, false);
	case KEYCTL_MOVE:
		return d & ~(uint64_t)KEYCTL_MOVE_EXCL ? -EINVAL : relink(t, (int)a, (int)b, (int)c, d);
	case KEYCTL_SEARCH:
		return search_ring(t, (int)a, at_b, at_c, (int)d);
	case KEYCTL_READ:
		return read_key(t, (int)a, at_b, c);
	case KEYCTL_INSTANTIATE:
	case KEYCTL_INSTANTIATE_IOV:
	case KEYCTL_NEGATE:
	case KEYCTL_REJECT:
		return -EPERM; /* only who constructs a key for request_key */
	case KEYCTL_ASSUME_AUTHORITY:
		return (int)a < 0 ? -EINVAL : a ? -ENOKEY : 0;
	case KEYCTL_SET_REQKEY_KEYRING:
		return set_reqkey(t, (int)a);
	case KEYCTL_SET_TIMEOUT:
		return set_timeout(t, (int)a, (uint32_t)b);
	case KEYCTL_GET_SECURITY:
		return security_label(t, (int)a, at_b, c);
	case KEYCTL_SESSION_TO_PARENT:
		return session_to_parent(t);
	case KEYCTL_INVALIDATE:
		return invalidate(t, (int)a);
	case KEYCTL_GET_PERSISTENT:
		return persistent(t, (uint32_t)a, (int)b);
	case KEYCTL_CAPABILITIES:
		return capabilities(at_a, b);
	default:
		return -EOPNOTSUPP;
	}
}
