/* SPDX-License-Identifier: MIT */
/*
 * linux/sec/keyadd.c - add_key and request_key (their man pages), and the arguments of all key calls.
 *
 * Strings and payloads are copied in before the lock is taken.
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

/* ---- Arguments ---- */

long key_type_in(struct gva from, int *type)
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
long key_desc_in(struct gva from, char **out)
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

long key_payload_in(struct gva from, uint64_t len, void **out)
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
long key_check_payload(int type, const char *desc, uint64_t len)
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
	long err = key_type_in(type_name, &type);

	if (!err)
		err = key_desc_in(desc_at, &desc);
	if (!err)
		err = key_payload_in(payload, len, &data);
	if (!err)
		err = key_check_payload(type, desc, len);
	if (!err) {
		keys_lock();
		err = add(t, type, desc, &data, len, ring);
		keys_unlock();
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

long key_link_found(struct lx_thread *t, struct key *k, int dest)
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
		err = key_link_found(t, k, dest);
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
	long err = key_type_in(type_name, &type);

	if (!err)
		err = desc_at.va ? key_desc_in(desc_at, &desc) : -EFAULT;
	if (!err)
		err = key_desc_in(info, &callout);
	if (!err && type < 0)
		err = -ENOKEY;
	if (!err) {
		keys_lock();
		err = request(t, type, desc, callout != NULL, dest);
		keys_unlock();
	}
	path_buf_free(desc);
	path_buf_free(callout);
	return err;
}
