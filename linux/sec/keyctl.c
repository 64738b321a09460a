/* SPDX-License-Identifier: MIT */
/*
 * linux/sec/keyctl.c - add_key, request_key and keyctl (their man pages; keyctl(2) has one
 * for each operation).
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

#define PAYLOAD_MAX  (1048576u - 1)
#define USER_MAX     32767u
#define TYPE_MAX     32u
#define NEGATIVE_NS  60000000000ull
#define PERSISTENT_NS (3 * 24 * 3600 * 1000000000ull)

static void lock(void) ACQUIRES(IPC)
{
	lock_take(&keys_root()->lock);
}

static void unlock(void) RELEASES(IPC)
{
	lock_drop(&keys_root()->lock);
}

/* ---- Arguments ---- */

static long type_in(struct gva from, int *type)
{
	char name[TYPE_MAX];
	long n = string_in(name, from, sizeof name);

	if (n < 0)
		return n == -ENAMETOOLONG ? -EINVAL : n;
	if (name[0] == '\0')
		return -EINVAL;
	if (name[0] == '.')
		return -EPERM;
	*type = key_type_of(name);
	return 0;
}

/* A description into *out, a path buffer; NULL stays NULL. */
static long desc_in(struct gva from, char **out)
{
	long n;

	*out = NULL;
	if (!from.va)
		return 0;
	*out = path_buf();
	if (!*out)
		return -ENOMEM;
	n = string_in(*out, from, KEY_DESC_MAX);
	if (n >= 0)
		return 0;
	path_buf_free(*out);
	*out = NULL;
	return n == -ENAMETOOLONG ? -EINVAL : n;
}

static long payload_in(struct gva from, uint64_t len, void **out)
{
	*out = NULL;
	if (len > PAYLOAD_MAX)
		return -EINVAL;
	if (!len)
		return 0;
	*out = arena_alloc(len);
	if (!*out)
		return -ENOMEM;
	if (!copy_in(*out, from, len))
		return 0;
	arena_free(*out);
	*out = NULL;
	return -EFAULT;
}

/* What each type takes. */
static long check_payload(int type, const char *desc, uint64_t len)
{
	const char *colon = desc ? strchr(desc, ':') : NULL;

	if (type < 0)
		return -ENODEV;
	if (!desc || !*desc)
		return -EINVAL;
	if (type == KEY_KEYRING)
		return len ? -EINVAL : desc[0] == '.' ? -EPERM : 0;
	if (type == KEY_LOGON && (!colon || colon == desc))
		return -EINVAL;
	return len == 0 || (type != KEY_BIG && len > USER_MAX) ? -EINVAL : 0;
}

static uint32_t default_perm(int type)
{
	uint32_t perm = KEY_VIEW | KEY_SEARCH | KEY_LINK | KEY_SETATTR | KEY_WRITE;

	if (type != KEY_LOGON)
		perm |= KEY_READ;
	return perm << 24 | KEY_VIEW << 16;
}

/* ---- add_key, request_key ---- */

static long add(struct lx_thread *t, int type, const char *desc, void **data, uint64_t len, int ring_id) REQUIRES(IPC)
{
	struct key *ring, *k = NULL;
	bool possessed;
	long err;

	ring = key_lookup(t, ring_id, true, KEY_WRITE, false, &possessed, &err);
	if (!ring)
		return err;
	if (ring->type != KEY_KEYRING)
		err = -ENOTDIR;
	else if (type != KEY_KEYRING)
		k = ring_find(ring, type, desc);
	if (!err && k) {
		err = key_permission(t, k, possessed, KEY_WRITE);
		if (!err)
			err = key_set_data(k, *data, (uint32_t)len);
		if (!err)
			*data = NULL;
		err = err ? err : k->serial;
	} else if (!err) {
		k = key_new(t, type, desc, default_perm(type), *data, (uint32_t)len, &err);
		if (k) {
			*data = NULL;
			err = ring_link(ring, k);
			err = err ? err : k->serial;
			key_put(k);
		}
	}
	key_put(ring);
	return err;
}

long lx_sys_add_key(struct lx_thread *t, struct gva type_name, struct gva desc_at, struct gva payload, uint64_t len, int ring)
{
	void *data = NULL;
	char *desc = NULL;
	int type;
	long err = type_in(type_name, &type);

	if (!err)
		err = desc_in(desc_at, &desc);
	if (!err)
		err = payload_in(payload, len, &data);
	if (!err)
		err = check_payload(type, desc, len);
	if (!err) {
		lock();
		err = add(t, type, desc, &data, len, ring);
		unlock();
	}
	path_buf_free(desc);
	arena_free(data);
	return err;
}

/* The keyring for what request_key makes: dest, or the thread's default, or the innermost there is. */
static struct key *default_ring(struct lx_thread *t, int dest, long *err) REQUIRES(IPC)
{
	int id = dest ? dest : -(int)t->reqkey_default;

	if (!id)
		id = t->thread_keyring ? KEY_SPEC_THREAD_KEYRING : t->proc->process_keyring ? KEY_SPEC_PROCESS_KEYRING : KEY_SPEC_SESSION_KEYRING;
	return key_lookup(t, id, true, KEY_WRITE, false, NULL, err);
}

/* Nobody constructs keys here: a negative one says so for a minute. */
static long make_negative(struct lx_thread *t, int type, const char *desc, int dest) REQUIRES(IPC)
{
	struct key *ring, *k;
	long err;

	ring = default_ring(t, dest, &err);
	if (!ring)
		return err;
	k = key_new(t, type, desc, default_perm(type), NULL, 0, &err);
	if (k) {
		k->state = KEY_NEGATIVE;
		k->expires = pico_now_realtime() + NEGATIVE_NS;
		(void)ring_link(ring, k);
		key_put(k);
		err = -ENOKEY;
	}
	key_put(ring);
	return err;
}

static long link_found(struct lx_thread *t, struct key *k, int dest) REQUIRES(IPC)
{
	struct key *ring;
	long err = 0;

	if (dest) {
		ring = key_lookup(t, dest, true, KEY_WRITE, false, NULL, &err);
		if (!err)
			err = key_permission(t, k, true, KEY_LINK);
		if (!err)
			err = ring_link(ring, k);
		if (ring)
			key_put(ring);
	}
	return err ? err : k->serial;
}

static long request(struct lx_thread *t, int type, const char *desc, bool callout, int dest) REQUIRES(IPC)
{
	struct key *k;
	long err;

	k = key_search_own(t, type, desc, &err);
	if (k) {
		err = link_found(t, k, dest);
		key_put(k);
	} else if (err == -ENOKEY && callout) {
		err = type == KEY_KEYRING || type == KEY_LOGON ? -EPERM : make_negative(t, type, desc, dest);
	}
	return err;
}

long lx_sys_request_key(struct lx_thread *t, struct gva type_name, struct gva desc_at, struct gva info, int dest)
{
	char *desc = NULL, *callout = NULL;
	int type;
	long err = type_in(type_name, &type);

	if (!err)
		err = desc_at.va ? desc_in(desc_at, &desc) : -EFAULT;
	if (!err)
		err = desc_in(info, &callout);
	if (!err && type < 0)
		err = -ENOKEY;
	if (!err) {
		lock();
		err = request(t, type, desc, callout != NULL, dest);
		unlock();
	}
	path_buf_free(desc);
	path_buf_free(callout);
	return err;
}

/* ---- keyctl ---- */

static long get_id(struct lx_thread *t, int id, bool create)
{
	struct key *k;
	long err;

	lock();
	k = key_lookup(t, id, create, KEY_SEARCH, false, NULL, &err);
	if (k) {
		err = k->serial;
		key_put(k);
	}
	unlock();
	return err;
}

static long join(struct lx_thread *t, struct gva from)
{
	char *name;
	long err = desc_in(from, &name);

	if (err)
		return err;
	lock();
	err = name && name[0] == '.' ? -EPERM : session_join(t, name);
	unlock();
	path_buf_free(name);
	return err;
}

static long update(struct lx_thread *t, int id, struct gva from, uint64_t len)
{
	struct key *k;
	void *data;
	long err = len > PAGE_SIZE ? -EINVAL : payload_in(from, len, &data);

	if (err)
		return err;
	lock();
	k = key_lookup(t, id, false, KEY_WRITE, false, NULL, &err);
	if (k) {
		err = k->type == KEY_KEYRING ? -EOPNOTSUPP : check_payload(k->type, k->desc, len);
		if (!err)
			err = key_set_data(k, data, (uint32_t)len);
		if (!err)
			data = NULL;
		key_put(k);
	}
	unlock();
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

	lock();
	k = key_lookup(t, id, false, KEY_WRITE, false, NULL, &err);
	if (!k && err == -EACCES)
		k = key_lookup(t, id, false, KEY_SETATTR, false, NULL, &err);
	if (k) {
		destroy(k);
		key_put(k);
	}
	unlock();
	return k ? 0 : err;
}

/* Gone at once, from all keyrings. */
static long invalidate(struct lx_thread *t, int id)
{
	struct key *k;
	long err;

	lock();
	k = key_lookup(t, id, false, KEY_SEARCH, false, NULL, &err);
	if (k) {
		destroy(k);
		LIST_FOR(ring, &keys_root()->all, struct key, all)
			if (ring->type == KEY_KEYRING)
				(void)ring_unlink(ring, k);
		key_put(k);
	}
	unlock();
	return k ? 0 : err;
}

static long chown_key(struct lx_thread *t, int id, uint32_t uid, uint32_t gid)
{
	bool admin = lx_capable(t, CAP_SYS_ADMIN);
	struct key *k;
	long err;

	lock();
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
	unlock();
	return err;
}

static long setperm(struct lx_thread *t, int id, uint32_t perm)
{
	struct key *k;
	long err;

	if (perm & ~0x3f3f3f3fu)
		return -EINVAL;
	lock();
	k = key_lookup(t, id, true, KEY_SETATTR, true, NULL, &err);
	if (k) {
		if (k->uid != t->cred.fsuid && !lx_capable(t, CAP_SYS_ADMIN))
			err = -EACCES;
		else
			k->perm = perm;
		key_put(k);
	}
	unlock();
	return err;
}

static long set_timeout(struct lx_thread *t, int id, uint32_t seconds)
{
	struct key *k;
	long err;

	lock();
	k = key_lookup(t, id, true, KEY_SETATTR, true, NULL, &err);
	if (k) {
		k->expires = seconds ? pico_now_realtime() + seconds * 1000000000ull : 0;
		key_put(k);
	}
	unlock();
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
	lock();
	k = key_lookup(t, id, false, KEY_VIEW, true, NULL, &err);
	if (k) {
		n = fmt_snprintf(text, PATH_MAX, "%s;%d;%d;%08x;%s", key_type_names[k->type], (int)k->uid, (int)k->gid, k->perm, k->desc);
		key_put(k);
	}
	unlock();
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

	lock();
	err = read_copy(t, id, &data, &n);
	unlock();
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

	lock();
	k = key_lookup(t, id, true, KEY_WRITE, false, NULL, &err);
	if (k) {
		err = k->type == KEY_KEYRING ? 0 : -ENOTDIR;
		if (!err)
			ring_clear(k);
		key_put(k);
	}
	unlock();
	return err;
}

/* LINK, UNLINK and MOVE: from 0: link only; to 0: unlink only. */
static long relink(struct lx_thread *t, int id, int from, int to, bool exclusive)
{
	struct key *k, *src = NULL, *dst = NULL;
	long err;

	lock();
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
	unlock();
	return err;
}

static long search_ring(struct lx_thread *t, int id, struct gva type_name, struct gva desc_at, int dest)
{
	struct key *ring, *k = NULL;
	bool possessed;
	char *desc = NULL;
	int type;
	long err = type_in(type_name, &type);

	if (!err)
		err = desc_at.va ? desc_in(desc_at, &desc) : -EFAULT;
	if (!err) {
		lock();
		ring = key_lookup(t, id, false, KEY_SEARCH, false, &possessed, &err);
		if (ring && ring->type != KEY_KEYRING)
			err = -ENOTDIR;
		else if (ring && type < 0)
			err = -ENOKEY;
		else if (ring)
			k = ring_search(t, ring, possessed, type, desc, &err);
		if (k)
			err = link_found(t, k, dest);
		key_put(k);
		key_put(ring);
		unlock();
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
	lock();
	if (which == KEY_REQKEY_DEFL_THREAD_KEYRING || which == KEY_REQKEY_DEFL_PROCESS_KEYRING) {
		long err;

		key_put(key_lookup(t, -(int)which, true, 0, true, NULL, &err)); /* made if it is not there */
	}
	unlock();
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
	lock();
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
		err = link_found(t, u->persistent, dest);
	}
	unlock();
	return err;
}

static long session_to_parent(struct lx_thread *t)
{
	struct lx_state *lx = lx_state();
	struct key *old = NULL;
	struct lx_thread *p;
	long err = -EPERM;

	lock();
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
	unlock();
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

	lock();
	k = key_lookup(t, id, false, KEY_VIEW, true, NULL, &err);
	key_put(k);
	unlock();
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
