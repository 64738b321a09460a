/* SPDX-License-Identifier: MIT */
/*
 * linux/sec/keys.c - keys: their life, payload and quota (keyrings(7)).
 *
 * One lock for all of it: keys are few and calls rare.  A key lives as long as a keyring,
 * thread or process refers to it.  There is no /sbin/request-key: what is not
 * found does not come into being, but a negative key may (request_key(2)).
 */
#include "linux/sec/keys.h"

#include <linux/keyctl.h>

#include "linux/misc/cred.h"
#include "linux/proc/proc.h"
#include "linux/sec/internal.h"
#include "rt/fmt.h"

#define KEYS_MAX        200u
#define BYTES_MAX       20000u
#define ROOT_KEYS_MAX   1000000u
#define ROOT_BYTES_MAX  25000000u

const char *const key_type_names[KEY_TYPES] = { "user", "logon", "big_key", "keyring" };

struct keys_root *keys_root(void)
{
	return lx_state()->keys;
}

void keys_boot(void)
{
	struct keys_root *r = arena_alloc(sizeof *r);

	if (!r)
		panic("no memory for keyrings");
	lock_init(&r->lock, LOCK_IPC);
	list_init(&r->all);
	list_init(&r->users);
	(void)DkRandomBitsRead(&r->seed, sizeof r->seed);
	lx_state()->keys = r;
}

int key_type_of(const char *name)
{
	for (int i = 0; i < KEY_TYPES; i++)
		if (strcmp(name, key_type_names[i]) == 0)
			return i;
	return -1;
}

/* ---- Objects ---- */

struct key_user *key_user(uint32_t uid)
{
	struct keys_root *r = keys_root();
	struct key_user *u;

	LIST_FOR(each, &r->users, struct key_user, link)
		if (each->uid == uid)
			return each;
	u = arena_alloc(sizeof *u);
	if (!u)
		return NULL;
	u->uid = uid;
	list_append(&r->users, &u->link);
	return u;
}

static bool quota_take(uint32_t uid, uint32_t keys, int64_t bytes) REQUIRES(IPC)
{
	struct key_user *u = key_user(uid);

	if (!u)
		return false;
	if (bytes > 0 && (u->keys + keys > (uid ? KEYS_MAX : ROOT_KEYS_MAX) || u->bytes + bytes > (uid ? BYTES_MAX : ROOT_BYTES_MAX)))
		return false;
	u->keys += keys;
	u->bytes = (uint32_t)((int64_t)u->bytes + bytes);
	return true;
}

struct key *key_by_serial(int serial)
{
	LIST_FOR(k, &keys_root()->all, struct key, all)
		if (k->serial == serial)
			return k;
	return NULL;
}

static int new_serial(void) REQUIRES(IPC)
{
	struct keys_root *r = keys_root();
	int serial;

	do {
		r->seed = r->seed * 1664525u + 1013904223u;
		serial = (int)(r->seed >> 2);
	} while (serial < 3 || key_by_serial(serial));
	return serial;
}

struct key *key_new(struct lx_thread *t, enum key_type type, const char *desc, uint32_t perm, void *data, uint32_t len, long *err)
{
	size_t n = strlen(desc) + 1;
	uint32_t quota = (uint32_t)n + (type == KEY_KEYRING ? 0 : len);
	struct key *k = arena_alloc(sizeof *k);
	char *copy = arena_alloc(n);

	*err = !k || !copy ? -ENOMEM : quota_take(t->cred.fsuid, 1, quota) ? 0 : -EDQUOT;
	if (*err) {
		arena_free(k);
		arena_free(copy);
		return NULL;
	}
	memcpy(copy, desc, n);
	*k = (struct key){ .serial = new_serial(), .refs = 1, .type = type, .uid = t->cred.fsuid, .gid = t->cred.fsgid, .perm = perm,
		.desc = copy, .data = data, .len = len, .quota = quota };
	list_append(&keys_root()->all, &k->all);
	return k;
}

void key_get(struct key *k)
{
	k->refs++;
}

static void quota_give(const struct key *k) REQUIRES(IPC)
{
	if (k->quota)
		(void)quota_take(k->uid, UINT32_MAX, -(int64_t)k->quota); /* one key less */
}

/* One reference less; the last moves k to dead. */
static void put_to(struct key *k, struct list *dead) REQUIRES(IPC)
{
	if (--k->refs)
		return;
	list_remove(&k->all);
	list_append(dead, &k->all);
}

/* A list and no recursion: keyrings lie in each other as deep as there are keys. */
void key_put(struct key *k)
{
	struct list dead;

	if (!k)
		return;
	list_init(&dead);
	put_to(k, &dead);
	while (!list_empty(&dead)) {
		k = LIST_FIRST(&dead, struct key, all);
		list_remove(&k->all);
		while (k->type == KEY_KEYRING && k->len)
			put_to(((struct key **)k->data)[--k->len], &dead);
		quota_give(k);
		arena_free(k->data);
		arena_free(k->desc);
		arena_free(k);
	}
}

long key_set_uid(struct key *k, uint32_t uid)
{
	if (k->uid == uid)
		return 0;
	if (k->quota && !quota_take(uid, 1, k->quota))
		return -EDQUOT;
	quota_give(k);
	k->uid = uid;
	return 0;
}

long key_set_data(struct key *k, void *data, uint32_t len)
{
	int64_t more = (int64_t)len - k->len;

	if (k->quota && !quota_take(k->uid, 0, more))
		return -EDQUOT;
	k->quota = k->quota ? (uint32_t)(k->quota + more) : 0;
	arena_free(k->data);
	k->data = data;
	k->len = len;
	k->state = KEY_LIVE;
	return 0;
}

long key_usable(const struct key *k)
{
	if (k->state == KEY_REVOKED)
		return -EKEYREVOKED;
	if (k->expires && pico_now_realtime() >= k->expires)
		return -EKEYEXPIRED;
	return k->state == KEY_NEGATIVE ? -ENOKEY : 0;
}

/* ---- Threads ---- */

void keys_inherit(struct lx_thread *to, const struct lx_thread *from)
{
	to->reqkey_default = from->reqkey_default;
	if (!from->session_keyring)
		return;
	lock_take(&keys_root()->lock);
	key_get(from->session_keyring);
	to->session_keyring = from->session_keyring;
	lock_drop(&keys_root()->lock);
}

static void drop(struct key **slot)
{
	struct key *k;

	if (!*slot)
		return;
	lock_take(&keys_root()->lock);
	k = *slot;
	*slot = NULL;
	key_put(k);
	lock_drop(&keys_root()->lock);
}

void keys_exec(struct lx_thread *t)
{
	drop(&t->thread_keyring);
	drop(&t->proc->process_keyring);
}

void keys_thread_end(struct lx_thread *t)
{
	drop(&t->thread_keyring);
	drop(&t->session_keyring);
}

void keys_proc_end(struct lx_proc *p)
{
	drop(&p->process_keyring);
}
