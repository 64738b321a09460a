/* SPDX-License-Identifier: MIT */
/* nt/ob/ob_int.h - between the files of ob/. */
#ifndef NT_OB_INT_H
#define NT_OB_INT_H

#include "nt/ob/ob.h"

/* An object's place in the name space; arena.  It holds a reference to the object and one to the directory. */
struct ob_name {
	struct list hash;        /* [NTNAMES] in a bucket of ob_names */
	struct list sibling;     /* [NTNAMES] in directory->names, oldest first */
	struct ob_directory *directory;
	struct ob_object *object;
	uint32_t hash_value;
	uint32_t size;           /* bytes */
	WCHAR text[];
};

struct ob_directory {
	struct ob_object ob;
	struct list names;       /* [NTNAMES] struct ob_name */
};

struct ob_symlink {
	struct ob_object ob;
	uint32_t size;           /* [I] bytes */
	WCHAR target[];          /* [I] */
};

struct ob_type_object {
	struct ob_object ob;
	uint32_t what;           /* [I] enum ob_type_id */
};

/* Global: the names of all directories, by directory and name. */
struct ob_names {
	LOCK(NTNAMES) lock;
	struct list *buckets;    /* [NTNAMES] */
	uint32_t nbuckets, count;/* [NTNAMES] nbuckets: a power of 2 */
};

struct ob_names *ob_names(void);
/* The name in a directory; NULL: there is none. */
struct ob_name *ob_name_find(const struct ob_directory *d, const WCHAR *text, uint32_t size, bool ignore_case) REQUIRES(NTNAMES);
/* Gives o that name, which is free. */
NTSTATUS ob_name_add(struct ob_directory *d, const WCHAR *text, uint32_t size, struct ob_object *o) REQUIRES(NTNAMES);

/* What is behind one handle. */
struct ob_grant {
	struct ob_object *object;
	uint32_t access, attributes;
};
NTSTATUS ob_grant_of(struct nt_process *p, uint64_t handle, struct ob_grant *g); /* with a reference */
/* The same as ob_handle_add, taking over the reference and a count as a handle (ob_count), on failure too. */
NTSTATUS ob_handle_give(struct nt_process *p, struct ob_object *o, uint32_t access, uint32_t attributes, uint64_t *handle);
NTSTATUS ob_handle_set_attributes(struct nt_process *p, uint64_t handle, uint32_t attributes);
/* The caller has a reference, and it is the only one there is. */
static inline bool ob_is_alone(const struct ob_object *o)
{
	return (o->flags & OB_ALONE) && atomic_load_explicit(&((struct ob_object *)(uintptr_t)o)->ref.count, memory_order_acquire) == 1;
}
/* Takes the name of an object nobody has handles of. */
void ob_name_unused(struct ob_object *o);
NTSTATUS ob_directory_new(struct ob_directory **d);
NTSTATUS ob_symlink_new(const WCHAR *target, uint32_t size, struct ob_symlink **s);
#endif
