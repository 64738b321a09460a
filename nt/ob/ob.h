/* SPDX-License-Identifier: MIT */
/*
 * nt/ob/ob.h - objects, their names, and handles.
 *
 * An object begins with struct ob_object and lies in the arena.  It lives as long as somebody has a reference;
 * handles hold one each and are counted besides (close routines, delete on close).  Its type is a number:
 * the routines are in a table of the image (ob/types.c), since no function pointer may lie in the arena.
 *
 * What can be waited for has its state in the head: `signal` > 0 is signalled.  What taking it means is the
 * type's: nothing (notification events, threads, processes), to 0 (auto-reset), one less (semaphores), the
 * owner (mutants).  All that is ex/wait.c's, under the object's lock.
 *
 * Locks: NTOBJ (one object's head) is near the bottom: only WAITQ, HANDLE and allocators may be taken
 * under it.  NTNAMES guards the name space; NTOBJ may be taken under it.
 */
#ifndef NT_OB_OB_H
#define NT_OB_OB_H

#include "nt/types.h"
#include "pico/arena.h"
#include "pico/lock.h"
#include "rt/list.h"

struct nt_process;
struct nt_thread;

enum ob_type_id { OB_NONE, OB_TYPE, OB_DIRECTORY, OB_SYMLINK, OB_EVENT, OB_MUTANT, OB_SEMAPHORE, OB_TIMER, OB_KEYED_EVENT,
	OB_COMPLETION, OB_SECTION, OB_FILE, OB_KEY, OB_TOKEN, OB_PROCESS, OB_THREAD, OB_JOB, OB_DEBUG, OB_WORKER_FACTORY,
	OB_RESERVE, OB_PORT, OB_DEVICE, OB_TYPES };

struct ob_directory;
struct ob_handle_table;
struct ob_lookup;
struct ob_name;

struct ob_object {
	struct ref ref;
	uint16_t type;            /* [I] enum ob_type_id */
	uint16_t flags;           /* OB_PERMANENT, OB_WAITABLE, ... */
	_Atomic uint32_t handles; /* how many, in all processes */
	int32_t signal;           /* [NTOBJ] > 0: signalled */
	LOCK(NTOBJ) lock;
	struct list waiters;      /* [NTOBJ] struct nt_wait_block by its link, oldest first: ex/wait.c */
	struct ob_name *name;     /* [NTNAMES] its place in the name space; NULL: none */
	void *security;           /* [NTNAMES] its own security descriptor, of arena_alloc: se/; NULL: the usual */
};
#define OB_PERMANENT 1u
#define OB_WAITABLE  2u /* may be waited for */
#define OB_AUTO      4u /* OB_EVENT, OB_TIMER: taking it resets it */
#define OB_ALONE     8u /* nobody gets at it but by a reference: who has the only one is alone with it */

/* What the image knows of a type. */
struct ob_type {
	const char *name;         /* "Event" */
	uint32_t read, write, execute, all; /* generic rights */
	bool waitable, alone; /* OB_WAITABLE, OB_ALONE */
	void (*destroy)(struct ob_object *o); /* last reference went; frees it.  No lock is held */
	void (*close)(struct ob_object *o, struct nt_process *p, bool last); /* a handle was closed; last: of all processes.  p NULL: it was a lookup's own */
	/* Wait rules beyond those by `signal` and OB_AUTO; NULL: those.  NTOBJ held. */
	bool (*ready)(const struct ob_object *o, const struct nt_thread *t);
	NTSTATUS (*take)(struct ob_object *o, struct nt_thread *t); /* STATUS_SUCCESS, or STATUS_ABANDONED_WAIT_0 */
	/* When it may become ready by itself (monotonic ns, 0 = never): who waits for it looks again then.  No lock held. */
	uint64_t (*due)(const struct ob_object *o);
	/* Opens what is below a named object, for types with names of their own (devices, files, keys): rest is what follows
	   its name, with the backslash in front ("" and "\\" may differ); below a root handle there is none in front.
	   l->name is what was asked for at first.  *out is a reference. */
	NTSTATUS (*parse)(struct ob_object *o, const WCHAR *rest, uint32_t size, const struct ob_lookup *l, struct ob_object **out);
	/* The name of an object of such a type, in heap memory, for NtQueryObject.  NULL: by the name space. */
	NTSTATUS (*query_name)(struct ob_object *o, WCHAR **text, uint32_t *size);
	/* Whose descriptor is o's, borrowed from o.  NULL: its own. */
	NTSTATUS (*secured)(struct ob_object *o, struct ob_object **out);
};
extern const struct ob_type *const ob_types[OB_TYPES]; /* ob/types.c: the rows below.  NULL while a component has none */
/* Each is defined by its component. */
extern const struct ob_type ob_type_type, ob_type_directory, ob_type_symlink, ob_type_event, ob_type_mutant, ob_type_semaphore, ob_type_timer,
	ob_type_keyed_event, ob_type_completion, ob_type_section, ob_type_file, ob_type_key, ob_type_token, ob_type_process, ob_type_thread,
	ob_type_job, ob_type_debug, ob_type_worker_factory, ob_type_reserve, ob_type_port, ob_type_device;
static inline const struct ob_type *ob_type_of(const struct ob_object *o)
{
	return ob_types[o->type];
}

/* A zeroed object of size bytes (its struct ob_object first) with one reference, or NULL. */
void *ob_alloc(enum ob_type_id type, size_t size) MUST_CHECK;
void ob_get(struct ob_object *o);
void ob_put(struct ob_object *o); /* NULL is fine; no lock may be held */

/* ---- Handles (ob/handle.c).  Values are multiples of 4, from 4 on. ---- */

struct ob_handle_table *ob_table_new(void); /* NULL: no memory */
void ob_table_free(struct ob_handle_table *h); /* an empty one, with the last reference of its process */
void ob_table_empty(struct nt_process *p); /* closes all: the process ends */
/* Takes no reference over: the handle gets one of its own.  attributes: OBJ_INHERIT ... */
NTSTATUS ob_handle_add(struct nt_process *p, struct ob_object *o, uint32_t access, uint32_t attributes, uint64_t *handle);
/* The object behind a handle of the current process with a reference; type OB_NONE: any.  Pseudo handles (current process,
   thread, token) are understood.  STATUS_INVALID_HANDLE, _OBJECT_TYPE_MISMATCH, _ACCESS_DENIED (access is not granted). */
NTSTATUS ob_by_handle(uint64_t handle, enum ob_type_id type, uint32_t access, struct ob_object **o) MUST_CHECK;
NTSTATUS ob_by_handle_of(struct nt_process *p, uint64_t handle, enum ob_type_id type, uint32_t access, struct ob_object **o) MUST_CHECK;
/*
 * For what is done with an object in some instructions: nobody else can get at it until ob_alone_end, so that neither its lock nor a
 * reference is needed.  False: not so, take the long way: there are more references than refs (1: the handle's own), no such
 * handle, no such access, or a type without OB_ALONE.  Between the two no lock is taken and nothing waits.
 */
struct ob_alone {
	struct ob_object *object;
	struct ob_entry *entry;
};
bool ob_alone(struct nt_process *p, uint64_t handle, uint32_t access, uint32_t refs, struct ob_alone *a) MUST_CHECK;
void ob_alone_end(const struct ob_alone *a);
uint32_t ob_handle_access(struct nt_process *p, uint64_t handle); /* granted; 0: no such */
NTSTATUS ob_handle_close(struct nt_process *p, uint64_t handle);
uint32_t ob_handle_count(const struct nt_process *p);
/* A new reference to what the pseudo handles -4, -5, -6 mean; defined by se/. */
NTSTATUS se_pseudo_token(uint64_t handle, struct ob_object **o);
/* Calls fn for each handle of p, with HANDLE held. */
void ob_handles_each(struct nt_process *p, void (*fn)(void *arg, uint64_t handle, struct ob_object *o, uint32_t access, uint32_t attributes), void *arg);
/* A new process inherits: copies what has OBJ_INHERIT from one table to another, same values. */
NTSTATUS ob_handles_inherit(struct nt_process *from, struct nt_process *to);
/* What the guest asks for, with generic rights and MAXIMUM_ALLOWED made the type's own. */
uint32_t ob_map_access(enum ob_type_id type, uint32_t access);
/* Makes a handle for the current process, and stores it at the guest's address; drops nothing. */
NTSTATUS ob_handle_out(struct ob_object *o, uint32_t access, uint32_t attributes, uint64_t handle_va);

/* One handle more; the caller has a reference. */
void ob_count(struct ob_object *o);
/* One handle less: type's close routine, and the name goes with the last.  p: whose it was, or NULL. */
void ob_uncount(struct ob_object *o, struct nt_process *p);

/* ---- Names (ob/names.c, ob/lookup.c) ---- */

/* OBJECT_ATTRIBUTES, copied in: name is heap memory, oa_free gives it back. */
struct ob_lookup {
	uint64_t root;       /* handle, 0 = none */
	WCHAR *name;         /* NULL: none */
	uint32_t size;       /* bytes of name */
	uint32_t attributes; /* OBJ_* */
	uint64_t security;   /* va of a SECURITY_DESCRIPTOR, 0 = none */
	uint64_t qos;        /* va of a SECURITY_QUALITY_OF_SERVICE, 0 = none */
	uint32_t access;     /* what the opener asks for, for parse routines */
	uint32_t pad;
	void *context;       /* for parse routines: the creator's own (io: create options) */
};
NTSTATUS oa_in(struct ob_lookup *l, uint64_t oa); /* oa 0: an empty one */
void oa_free(struct ob_lookup *l);
/*
 * The usual NtCreate*: a named object of this type is there already: that one (OBJ_OPENIF: STATUS_OBJECT_NAME_EXISTS, else
 * STATUS_OBJECT_NAME_COLLISION), else o gets the name.  o's reference is taken over in any case; *out is a reference.
 */
NTSTATUS ob_insert(const struct ob_lookup *l, struct ob_object *o, struct ob_object **out) MUST_CHECK;
NTSTATUS ob_open(const struct ob_lookup *l, enum ob_type_id type, struct ob_object **out) MUST_CHECK;
/* The guest's handle is 0 until there is one, and it is known that it can be written: first in most NtCreate* and NtOpen*. */
NTSTATUS ob_handle_clear(uint64_t handle_va);
/* ob_insert and ob_handle_out in one: what most NtCreate* end with; takes o over. */
NTSTATUS ob_create_handle(uint64_t oa, uint32_t access, struct ob_object *o, uint64_t handle_va) MUST_CHECK;
NTSTATUS ob_open_handle(uint64_t oa, uint32_t access, enum ob_type_id type, uint64_t handle_va) MUST_CHECK;
/* What the symbolic link object folder + name leads to, in heap memory with room for more bytes; *size: its own.  NULL: there is none. */
WCHAR *ob_link_target(const WCHAR *folder, uint32_t folder_size, const WCHAR *name, uint32_t name_size, uint32_t more, uint32_t *size);
/* The whole name of an object in heap memory; size 0, NULL: it has none. */
NTSTATUS ob_name_of(struct ob_object *o, WCHAR **text, uint32_t *size);

/* At boot: once, before any NT process.  Makes \, \??, \BaseNamedObjects, \Device, \KernelObjects, ... */
void ob_boot(void);
/* For components' own boot: gives o, for ever, this ASCII name, whose directory is there; takes o over. */
void ob_boot_add(const char *name, struct ob_object *o);
void ob_boot_directory(const char *name);
void ob_boot_link(const char *name, const char *target);
#endif
