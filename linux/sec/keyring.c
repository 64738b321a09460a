/* SPDX-License-Identifier: MIT */
/*
 * linux/sec/keyring.c - keyrings: what is in them, finding and permission (keyrings(7)).
 *
 * t->session_keyring and t->thread_keyring are the thread's, p->process_keyring its
 * process's, each a reference; a user's own two are made at their first use and stay.
 * All of it is under the lock of keys.
 */
#include "linux/sec/keys.h"

#include <linux/keyctl.h>

#include "linux/misc/cred.h"
#include "linux/proc/proc.h"
#include "linux/sec/internal.h"
#include "rt/fmt.h"

#define POS(p)  ((uint32_t)(p) << 24)
#define USR(p)  ((uint32_t)(p) << 16)
#define PERM_OWN_RING   (POS(KEY_ALL) | USR(KEY_VIEW))
#define PERM_USER_RING  (POS(KEY_ALL & ~KEY_SETATTR) | USR(KEY_ALL))
#define PERM_SESSION    (POS(KEY_ALL) | USR(KEY_VIEW | KEY_READ))
#define DEPTH_MAX       6u

static struct key **members(const struct key *ring)
{
	return ring->data;
}

struct key *ring_find(const struct key *ring, enum key_type type, const char *desc)
{
	for (uint32_t i = 0; i < ring->len; i++) {
		struct key *k = members(ring)[i];

		if (k->type == type && strcmp(k->desc, desc) == 0 && k->state != KEY_REVOKED)
			return k;
	}
	return NULL;
}

/* May k be in ring?  -EDEADLK: that is below k; -ELOOP: it may be, too deep to look. */
static long may_nest(const struct key *k, const struct key *ring, unsigned depth)
{
	long err = 0;

	if (k == ring)
		return -EDEADLK;
	if (k->type != KEY_KEYRING)
		return 0;
	if (depth > DEPTH_MAX)
		return -ELOOP;
	for (uint32_t i = 0; err == 0 && i < k->len; i++)
		err = may_nest(members(k)[i], ring, depth + 1);
	return err;
}

static bool make_room(struct key *ring) REQUIRES(IPC)
{
	uint32_t room = ring->room ? ring->room * 2 : 8;
	struct key **new;

	if (ring->len < ring->room)
		return true;
	new = arena_alloc(room * sizeof *new);
	if (!new)
		return false;
	memcpy(new, ring->data, ring->len * sizeof *new);
	arena_free(ring->data);
	ring->data = new;
	ring->room = room;
	return true;
}

long ring_link(struct key *ring, struct key *k)
{
	long err = may_nest(k, ring, 0);

	if (ring->type != KEY_KEYRING)
		return -ENOTDIR;
	if (err)
		return err;
	for (uint32_t i = 0; i < ring->len; i++) {
		struct key *old = members(ring)[i];

		if (old == k)
			return 0;
		if (old->type == k->type && strcmp(old->desc, k->desc) == 0) {
			key_get(k);
			members(ring)[i] = k;
			key_put(old);
			return 0;
		}
	}
	if (!make_room(ring))
		return -ENOMEM;
	key_get(k);
	members(ring)[ring->len++] = k;
	return 0;
}

long ring_unlink(struct key *ring, struct key *k)
{
	if (ring->type != KEY_KEYRING)
		return -ENOTDIR;
	for (uint32_t i = 0; i < ring->len; i++) {
		if (members(ring)[i] != k)
			continue;
		memmove(&members(ring)[i], &members(ring)[i + 1], (ring->len - i - 1) * sizeof k);
		ring->len--;
		key_put(k);
		return 0;
	}
	return -ENOENT;
}

void ring_clear(struct key *ring)
{
	while (ring->len)
		key_put(members(ring)[--ring->len]);
}

/* ---- Permission ---- */

long key_permission(const struct lx_thread *t, const struct key *k, bool possessed, uint32_t need)
{
	uint32_t perm;

	if (k->uid == t->cred.fsuid)
		perm = k->perm >> 16;
	else if (k->perm & 0x3f00 && lx_in_group(t, k->gid))
		perm = k->perm >> 8;
	else
		perm = k->perm;
	if (possessed)
		perm |= k->perm >> 24;
	return (perm & need) == need ? 0 : -EACCES;
}

struct search {
	struct lx_thread *t;
	bool possessed;
	enum key_type type;
	const char *desc;     /* NULL: this very key */
	const struct key *key;
	long err;             /* the best reason for not finding it */
};

static struct key *search_in(struct search *s, struct key *ring, unsigned depth) REQUIRES(IPC)
{
	if (ring->type != KEY_KEYRING || key_usable(ring) || key_permission(s->t, ring, s->possessed, KEY_SEARCH))
		return NULL;
	for (uint32_t i = 0; i < ring->len; i++) {
		struct key *k = members(ring)[i];

		if (s->desc ? k->type != s->type || strcmp(k->desc, s->desc) : k != s->key)
			continue;
		if (key_permission(s->t, k, s->possessed, KEY_SEARCH)) {
			s->err = -EACCES;
		} else if (s->desc && key_usable(k)) {
			s->err = key_usable(k);
		} else {
			return k;
		}
	}
	for (uint32_t i = 0; depth < DEPTH_MAX && i < ring->len; i++) {
		struct key *k = search_in(s, members(ring)[i], depth + 1);

		if (k)
			return k;
	}
	return NULL;
}

struct key *ring_search(struct lx_thread *t, struct key *ring, bool possessed, enum key_type type, const char *desc, long *err)
{
	struct search s = { t, possessed, type, desc, NULL, -ENOKEY };
	struct key *k = search_in(&s, ring, 0);

	*err = s.err;
	if (k)
		key_get(k);
	return k;
}

/* t's keyrings in the order they are looked through; how many. */
static unsigned own_rings(struct lx_thread *t, struct key *ring[3]) REQUIRES(IPC)
{
	struct key_user *u = key_user(t->cred.uid);
	unsigned n = 0;

	if (t->thread_keyring)
		ring[n++] = t->thread_keyring;
	if (t->proc->process_keyring)
		ring[n++] = t->proc->process_keyring;
	if (t->session_keyring)
		ring[n++] = t->session_keyring;
	else if (u && u->session)
		ring[n++] = u->session;
	return n;
}

static struct key *search_own(struct search *s) REQUIRES(IPC)
{
	struct key *ring[3];
	unsigned n = own_rings(s->t, ring);

	for (unsigned i = 0; i < n; i++) {
		struct key *k = !s->desc && ring[i] == s->key ? ring[i] : search_in(s, ring[i], 0);

		if (k)
			return k;
	}
	return NULL;
}

struct key *key_search_own(struct lx_thread *t, enum key_type type, const char *desc, long *err)
{
	struct search s = { t, true, type, desc, NULL, -ENOKEY };
	struct key *k = search_own(&s);

	*err = s.err;
	if (k)
		key_get(k);
	return k;
}

bool key_possessed(struct lx_thread *t, struct key *k)
{
	struct search s = { t, true, k->type, NULL, k, -ENOKEY };

	return search_own(&s) != NULL;
}

/* ---- Special keyrings ---- */

static struct key *new_ring(struct lx_thread *t, const char *name, uint32_t perm, long *err) REQUIRES(IPC)
{
	return key_new(t, KEY_KEYRING, name, perm, NULL, 0, err);
}

/* Makes *slot if it is not there. */
static struct key *own_ring(struct lx_thread *t, struct key **slot, bool create, const char *name, long *err) REQUIRES(IPC)
{
	if (!*slot && create)
		*slot = new_ring(t, name, PERM_OWN_RING, err);
	else if (!*slot)
		*err = -ENOKEY;
	return *slot;
}

/* A user's own two: the session's has the other in it. */
static struct key *user_ring(struct lx_thread *t, bool session, long *err) REQUIRES(IPC)
{
	struct key_user *u = key_user(t->cred.uid);
	char name[32];

	*err = -ENOMEM;
	if (!u)
		return NULL;
	if (!u->ring) {
		fmt_snprintf(name, sizeof name, "_uid.%u", t->cred.uid);
		u->ring = new_ring(t, name, PERM_USER_RING, err);
	}
	if (u->ring && !u->session) {
		fmt_snprintf(name, sizeof name, "_uid_ses.%u", t->cred.uid);
		u->session = new_ring(t, name, PERM_USER_RING, err);
		if (u->session)
			(void)ring_link(u->session, u->ring);
	}
	return session ? u->session : u->ring;
}

long session_join(struct lx_thread *t, const char *name)
{
	struct key *ring = NULL;
	long err;

	if (name) {
		LIST_FOR(k, &keys_root()->all, struct key, all)
			if (k->type == KEY_KEYRING && !ring && strcmp(k->desc, name) == 0 && !key_usable(k) &&
			    !key_permission(t, k, false, KEY_SEARCH))
				ring = k;
		if (ring)
			key_get(ring);
	}
	if (!ring)
		ring = new_ring(t, name ? name : "_ses", name ? PERM_SESSION | USR(KEY_LINK) : PERM_SESSION, &err);
	if (!ring)
		return err;
	key_put(t->session_keyring);
	t->session_keyring = ring;
	return ring->serial;
}

static struct key *session_ring(struct lx_thread *t, bool create, long *err) REQUIRES(IPC)
{
	struct key *user = t->session_keyring && !create ? NULL : user_ring(t, true, err);

	if (!t->session_keyring && !create)
		return user;
	if (!t->session_keyring || (create && t->session_keyring == user)) {
		*err = session_join(t, NULL);
		return *err < 0 ? NULL : t->session_keyring;
	}
	return t->session_keyring;
}

static struct key *special(struct lx_thread *t, int id, bool create, long *err) REQUIRES(IPC)
{
	switch (id) {
	case KEY_SPEC_THREAD_KEYRING:
		return own_ring(t, &t->thread_keyring, create, "_tid", err);
	case KEY_SPEC_PROCESS_KEYRING:
		return own_ring(t, &t->proc->process_keyring, create, "_pid", err);
	case KEY_SPEC_SESSION_KEYRING:
		return session_ring(t, create, err);
	case KEY_SPEC_USER_KEYRING:
		return user_ring(t, false, err);
	case KEY_SPEC_USER_SESSION_KEYRING:
		return user_ring(t, true, err);
	case KEY_SPEC_REQKEY_AUTH_KEY:
		*err = -ENOKEY;
		return NULL;
	default:
		*err = -EINVAL;
		return NULL;
	}
}

struct key *key_lookup(struct lx_thread *t, int id, bool create, uint32_t need, bool partial, bool *possessed, long *err)
{
	struct key *k = id < 0 ? special(t, id, create, err) : key_by_serial(id);
	bool own = id < 0;

	if (id == 0)
		*err = -EINVAL;
	else if (id > 0 && !k)
		*err = -ENOKEY;
	if (!id || !k)
		return NULL;
	own = own || key_possessed(t, k);
	*err = partial && (!need || k->state == KEY_NEGATIVE) ? 0 : key_usable(k);
	if (!*err && need)
		*err = key_permission(t, k, own, need);
	if (*err)
		return NULL;
	if (possessed)
		*possessed = own;
	key_get(k);
	return k;
}
