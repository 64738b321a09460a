/* SPDX-License-Identifier: MIT */
/* linux/sec/keys.h - keys and keyrings (keyrings(7)), between the files of sec/ and /proc. */
#ifndef LINUX_SEC_KEYS_H
#define LINUX_SEC_KEYS_H

#include "linux/linux.h"

#define KEY_DESC_MAX 4096u

/* What may be done; in a key's perm four times: possessor, user, group, others (from bit 24 down). */
enum { KEY_VIEW = 1, KEY_READ = 2, KEY_WRITE = 4, KEY_SEARCH = 8, KEY_LINK = 16, KEY_SETATTR = 32, KEY_ALL = 63 };
enum key_type { KEY_USER, KEY_LOGON, KEY_BIG, KEY_KEYRING, KEY_TYPES };
enum key_state { KEY_LIVE, KEY_NEGATIVE, KEY_REVOKED };

/* In the arena; all of them, and all about them, is under the one lock of class IPC. */
struct key {
	struct list all;        /* in keys_root()->all */
	int serial;
	uint32_t refs;          /* keyrings, threads, processes that have it; those that use it just now */
	enum key_type type;
	enum key_state state;
	uint32_t uid, gid, perm;
	uint64_t expires;       /* wall clock ns; 0 = never */
	char *desc;
	void *data;             /* payload; a keyring's: struct key *[] */
	uint32_t len, room;     /* payload bytes; a keyring's keys, and for how many there is room */
	uint32_t quota;         /* bytes it counts for its user */
};

struct key_user {
	struct list link;
	uint32_t uid, keys, bytes;
	struct key *ring, *session, *persistent; /* references, or NULL */
};

struct keys_root {
	LOCK(IPC) lock;
	struct list all, users;
	uint32_t seed;
};

void keys_boot(void);
struct keys_root *keys_root(void);
/* How the calls' type names are called: -1 if there is none. */
int key_type_of(const char *name);
extern const char *const key_type_names[KEY_TYPES];

/* A new key with one reference; NULL and *err: -ENOMEM, -EDQUOT.  data is taken over if it succeeds. */
struct key *key_new(struct lx_thread *t, enum key_type type, const char *desc, uint32_t perm, void *data, uint32_t len, long *err) REQUIRES(IPC);
struct key *key_by_serial(int serial) REQUIRES(IPC); /* NULL: there is none */
void key_get(struct key *k) REQUIRES(IPC);
void key_put(struct key *k) REQUIRES(IPC); /* NULL is fine */
/* Replaces the payload; data is taken over if it succeeds. */
long key_set_data(struct key *k, void *data, uint32_t len) REQUIRES(IPC);
/* The owner, and with it who the key counts for; -EDQUOT. */
long key_set_uid(struct key *k, uint32_t uid) REQUIRES(IPC);
struct key_user *key_user(uint32_t uid) REQUIRES(IPC); /* made if need be; NULL: no memory */

/* 0, or why k cannot be used: -EKEYREVOKED, -EKEYEXPIRED, -ENOKEY. */
long key_usable(const struct key *k);
/* Is k found from one of t's keyrings? */
bool key_possessed(struct lx_thread *t, struct key *k) REQUIRES(IPC);
/* May t do all of need to k?  possessed as key_possessed, or known otherwise.  0 or -EACCES. */
long key_permission(const struct lx_thread *t, const struct key *k, bool possessed, uint32_t need);
/* A key by its number or special number, usable and permitted, with a reference; create makes t's own
   keyrings; partial: a negative one, too, and with need 0 any.  *possessed may be NULL.  NULL: *err. */
struct key *key_lookup(struct lx_thread *t, int id, bool create, uint32_t need, bool partial, bool *possessed, long *err) REQUIRES(IPC);

/* Keyrings.  The key of that name in ring; NULL: none. */
struct key *ring_find(const struct key *ring, enum key_type type, const char *desc) REQUIRES(IPC);
long ring_link(struct key *ring, struct key *k) REQUIRES(IPC);   /* takes a reference; displaces one of that name; -EDEADLK, -ELOOP */
long ring_unlink(struct key *ring, struct key *k) REQUIRES(IPC); /* -ENOENT */
void ring_clear(struct key *ring) REQUIRES(IPC);
/* Looks through a keyring and those in it that t may search; a reference, or NULL and *err. */
struct key *ring_search(struct lx_thread *t, struct key *ring, bool possessed, enum key_type type, const char *desc, long *err) REQUIRES(IPC);
/* The same through all of t's own. */
struct key *key_search_own(struct lx_thread *t, enum key_type type, const char *desc, long *err) REQUIRES(IPC);
/* KEYCTL_JOIN_SESSION_KEYRING; name NULL: a new one. */
long session_join(struct lx_thread *t, const char *name) REQUIRES(IPC);

static inline void keys_lock(void) ACQUIRES(IPC)
{
	lock_take(&keys_root()->lock);
}
static inline void keys_unlock(void) RELEASES(IPC)
{
	lock_drop(&keys_root()->lock);
}

/* keyadd.c: arguments.  Descriptions go into a path buffer (NULL stays NULL), payloads into the arena. */
long key_type_in(struct gva from, int *type);
long key_desc_in(struct gva from, char **out);
long key_payload_in(struct gva from, uint64_t len, void **out);
long key_check_payload(int type, const char *desc, uint64_t len); /* -EINVAL, -EPERM, -ENODEV: the type does not take it */
/* Links what was found into the keyring dest, if that is not 0: the key's number or -errno. */
long key_link_found(struct lx_thread *t, struct key *k, int dest) REQUIRES(IPC);

/* A thread's life; no lock held. */
void keys_inherit(struct lx_thread *to, const struct lx_thread *from);
void keys_exec(struct lx_thread *t);
void keys_thread_end(struct lx_thread *t);
void keys_proc_end(struct lx_proc *p);
#endif
