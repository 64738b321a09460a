/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/cm.h - the registry: one tree of keys in the arena, of all NT processes of the sandbox.
 *
 * A key has its subkeys in the order of their names in upper case (that is how they are enumerated), and its values in the
 * order in which they came, with a hash index once there are many.  A value is never changed, only replaced:
 * who reads one takes a reference under the lock and copies without it.
 *
 * A handle's object (struct cm_body) is made by each open; it refers to the key, which may have been deleted meanwhile.
 *
 * Lock: NTKEYS, one for all of it, held for a few dozen instructions; memory of the guest is never touched under it.
 * Legend: I immutable after creation, k NTKEYS.
 */
#ifndef NT_CM_CM_H
#define NT_CM_CM_H

#include "nt/nt.h"

#define REG_NONE                0u
#define REG_SZ                  1u
#define REG_EXPAND_SZ           2u
#define REG_BINARY              3u
#define REG_DWORD               4u
#define REG_LINK                6u
#define REG_MULTI_SZ            7u
#define REG_QWORD               11u

#define KEY_QUERY_VALUE         0x001u
#define KEY_SET_VALUE           0x002u
#define KEY_CREATE_SUB_KEY      0x004u
#define KEY_ENUMERATE_SUB_KEYS  0x008u
#define KEY_NOTIFY              0x010u
#define KEY_CREATE_LINK         0x020u
#define KEY_WOW64_64KEY         0x100u
#define KEY_WOW64_32KEY         0x200u
#define KEY_READ                0x20019u
#define KEY_WRITE               0x20006u
#define KEY_ALL_ACCESS          0xf003fu

#define REG_OPTION_VOLATILE       1u
#define REG_OPTION_CREATE_LINK    2u
#define REG_OPTION_BACKUP_RESTORE 4u
#define REG_OPTION_OPEN_LINK      8u
#define REG_CREATED_NEW_KEY       1u
#define REG_OPENED_EXISTING_KEY   2u

#define REG_NOTIFY_CHANGE_NAME       1u
#define REG_NOTIFY_CHANGE_ATTRIBUTES 2u
#define REG_NOTIFY_CHANGE_LAST_SET   4u
#define REG_NOTIFY_CHANGE_SECURITY   8u

#define CM_NAME_MAX  512u   /* bytes of a key's name: 255 characters, rounded up */
#define CM_VALUE_NAME_MAX 32766u /* bytes of a value's name */
#define CM_DATA_MAX  0x4000000u  /* bytes of a value */
#define CM_DEPTH_MAX 512u

struct cm_value {
	struct ref ref;
	uint32_t hash;      /* [I] rtl_hash of the name */
	uint32_t type;      /* [I] REG_* */
	uint32_t size;      /* [I] bytes of data */
	uint32_t data_at;   /* [I] where they are, from the struct's start */
	uint16_t name_size; /* [I] bytes */
	WCHAR name[];
};
static inline void *cm_data(const struct cm_value *v)
{
	return (char *)(uintptr_t)v + v->data_at;
}

struct cm_key {
	struct ref ref;            /* the parent's, each body's */
	uint32_t flags;            /* [k] CM_* */
	struct cm_key *parent;     /* [k] NULL: the root, or deleted */
	WCHAR *name;               /* [k] and behind it the same in upper case */
	WCHAR *class;              /* [k] NULL: none */
	uint32_t name_size, class_size; /* bytes */
	uint32_t nkeys, keys_room;
	struct cm_key **keys;      /* [k] by name */
	uint32_t nvalues, values_room;
	struct cm_value **values;  /* [k] */
	uint32_t *index;           /* [k] open addressing, number of the value + 1; NULL: not so many */
	uint32_t nindex;           /* a power of two */
	uint32_t user_flags;       /* [k] NtSetInformationKey */
	int64_t modified;          /* [k] NT time */
	struct list notices;       /* [k] struct cm_notice */
	void *security;            /* [k] a descriptor of security_size bytes; NULL: the usual one */
	uint32_t security_size;
	uint16_t seed_first, seed_end, seed_at, pad; /* [k] CM_LAZY_SEED: seed.c */
};
#define CM_VOLATILE 1u
#define CM_LINK     2u
#define CM_DELETED  4u
#define CM_FIXED    8u /* \Registry, Machine, User: cannot be deleted */
#define CM_LAZY_ZONES      16u /* its subkeys are made when somebody looks: cm_settle */
#define CM_LAZY_PROCESSORS 32u
#define CM_LAZY_YEARS      128u /* a time zone: its rules of past years */
#define CM_LAZY_CLASSES    256u
#define CM_LAZY_SEED       512u /* what seed.def has below it; made without dropping the lock */
#define CM_ZONE            1024u /* a time zone's key: value.c */
#define CM_LAZY (CM_LAZY_SEED | CM_LAZY_ZONES | CM_LAZY_PROCESSORS | CM_LAZY_YEARS | CM_LAZY_CLASSES)
#define CM_LOADED   64u /* a hive's root, by NtLoadKey */

/* What a handle of a key refers to. */
struct cm_body {
	struct ob_object ob;  /* first */
	struct cm_key *key;   /* [I] a reference */
	struct list notices;  /* [k] struct cm_notice by `of_body` */
	uint32_t filter;      /* [k] what its notices are about: the first call says */
	bool asked, subtree;  /* [k] there was a first call; it was about all below, too */
};

struct cm_state {
	LOCK(NTKEYS) lock;
	struct cm_key *root;  /* [I] \REGISTRY */
	struct cm_key *kept[2]; /* [I] HKLM\Software and the user's keys, if a file keeps them: persist.c */
	_Atomic uint32_t saver; /* the process that writes it; 0: nobody */
	bool unsaved;         /* [k] they changed */
	struct list told;     /* [k] struct cm_notice that were told, for cm_unlock to put their events */
};
/* The registry; made with what it begins with by whoever asks first.  NULL: no memory. */
struct cm_state *cm_state(void);
void cm_lock(struct cm_state *s) ACQUIRES(NTKEYS);
void cm_unlock(struct cm_state *s) RELEASES(NTKEYS); /* no other lock is held */

/* ---- tree.c: the tree itself; NTKEYS held, or nobody else knows the tree ---- */
struct cm_key *cm_key_new(const WCHAR *name, uint32_t size) MUST_CHECK;
void cm_key_put(struct cm_key *k); /* no lock needed */
struct cm_key *cm_child(const struct cm_key *k, const WCHAR *name, uint32_t size); /* no reference */
uint32_t cm_child_number(const struct cm_key *child); /* which of its parent's */
/* What k has and what fresh has change places: subkeys, values, class. */
void cm_swap_contents(struct cm_key *k, struct cm_key *fresh);
/* The key that comes after k when the whole tree below top is gone through, top first; NULL: that was all. */
struct cm_key *cm_next(struct cm_key *k, const struct cm_key *top);
/* Takes the reference over.  False: no memory. */
bool cm_child_add(struct cm_key *parent, struct cm_key *child) MUST_CHECK;
/* Out of its parent, which gives its reference up: the caller puts it without the lock. */
void cm_child_remove(struct cm_key *child);
/* NULL: no memory.  data NULL: zeroes. */
struct cm_value *cm_value_new(const WCHAR *name, uint32_t name_size, uint32_t type, const void *data, uint32_t size) MUST_CHECK;
void cm_value_put(struct cm_value *v);
struct cm_value *cm_value_find(const struct cm_key *k, const WCHAR *name, uint32_t size); /* no reference */
/* Takes v over; *old: what had that name, for the caller to put.  False: no memory. */
bool cm_value_set(struct cm_key *k, struct cm_value *v, struct cm_value **old) MUST_CHECK;
struct cm_value *cm_value_remove(struct cm_key *k, const WCHAR *name, uint32_t size);

/* ---- path.c ---- */
/* The key's whole name, \REGISTRY\..., at most room bytes of it; returns its size.  NTKEYS held. */
uint32_t cm_path(const struct cm_key *k, WCHAR *to, uint32_t room);
struct cm_walk {
	const WCHAR *rest; /* what is left of the name */
	uint32_t size;     /* bytes */
	uint32_t links;    /* symbolic links followed */
	WCHAR *made;       /* heap: a link's target with the rest behind it */
	bool open_link;    /* the last component itself, not what it links to */
	bool broken;       /* *k is a link that leads nowhere: nothing can be made there */
};
/*
 * From *k as far as there are keys: with STATUS_SUCCESS *k is the last one and rest is empty; with STATUS_OBJECT_NAME_NOT_FOUND
 * *k is the last one that is there and rest begins with the name that is not.  NTKEYS held; it may be dropped and taken.
 */
NTSTATUS cm_walk(struct cm_state *s, struct cm_key **k, struct cm_walk *w);
/* The first component, before the next '\'. */
uint32_t cm_first(const WCHAR *name, uint32_t size);
/* A lookup's start: the key that its root handle or \Registry means, with a reference; w is what is left. */
NTSTATUS cm_start(const struct ob_lookup *l, struct cm_key **k, struct cm_walk *w);

/* For the kernel's own use: a value of the key of that name below \Registry, with a reference. */
NTSTATUS cm_read(const WCHAR *key, const WCHAR *name, uint32_t size, struct cm_value **v) MUST_CHECK;

/* ---- open.c ---- */
NTSTATUS cm_by_handle(uint64_t handle, uint32_t access, struct cm_body **b) MUST_CHECK; /* STATUS_KEY_DELETED is for the caller to see */
NTSTATUS cm_open_body(struct cm_key *k, uint32_t access, uint32_t attributes, uint64_t handle_va) MUST_CHECK;

/* Copies the key's descriptor to room for SE_DESCRIPTOR_MAX bytes: its size; 0: it has none of its own. */
uint32_t cm_security(struct ob_object *o, void *to);
void cm_set_security(struct ob_object *o, void *descriptor, uint32_t size); /* of arena_alloc: taken over */

/* ---- notify.c ---- */
/* Something of k changed: who waits for this kind is told.  NTKEYS held. */
void cm_changed(struct cm_state *s, struct cm_key *k, uint32_t what);
void cm_key_gone(struct cm_state *s, struct cm_key *k); /* it is deleted: all who wait are told.  NTKEYS held */
void cm_body_closed(struct cm_body *b);

/* ---- seed.c ---- */
void cm_seed(struct cm_key *root);
/* What seed.def has directly below k, whose CM_LAZY_SEED goes; the one of that name, if there is one.  NTKEYS held, or k is nobody else's. */
void cm_seed_below(struct cm_key *k);
void cm_seed_child(struct cm_key *k, const WCHAR *name, uint32_t size);
/* All of it below root, which is nobody else's yet. */
void cm_seed_all(struct cm_key *root);

/* ---- lazy.c ---- */
void cm_expand(struct cm_state *s, struct cm_key *k);
/* Before its subkey of that name is looked for: a time zone is made alone. */
void cm_expand_name(struct cm_state *s, struct cm_key *k, const WCHAR *name, uint32_t size);
/* The same of all keys below k and of k itself, which the caller has a reference to. */
void cm_expand_below(struct cm_state *s, struct cm_key *k);
/* Before k's subkeys are looked at: those that are made on demand.  NTKEYS held; it may be dropped and taken. */
static inline void cm_settle(struct cm_state *s, struct cm_key *k)
{
	if (UNLIKELY((k->flags & CM_LAZY) != 0))
		cm_expand(s, k);
}
static inline void cm_settle_name(struct cm_state *s, struct cm_key *k, const WCHAR *name, uint32_t size)
{
	if (UNLIKELY((k->flags & CM_LAZY) != 0))
		cm_expand_name(s, k, name, size);
}
#endif
