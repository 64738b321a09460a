/* SPDX-License-Identifier: MIT */
/*
 * nt/ob/names.c - the name space: what is where.
 *
 * Directories are objects; their names are all in one hash table, by directory and name without regard to case, and in
 * a list per directory for those who list it.  A name holds a reference to its object and to its directory.  It goes
 * when the last handle of the object is closed, unless the object is permanent; so that an object found here
 * keeps its name, finding it counts as a handle until there is one (ob_uncount is what undoes that).
 *
 * How a path is followed through it is lookup.c's.
 */
#include "nt/ke/user.h"
#include "nt/nt.h"
#include "nt/ob/ob.h"
#include "nt/ob/ob_int.h"
#include "nt/rtl/upcase.h"
#include "nt/se/se.h"
#include "rt/mem.h"

struct ob_names *ob_names(void)
{
	return nt_state()->ob;
}

static struct list *bucket_of(const struct ob_names *n, uint32_t hash)
{
	return &n->buckets[hash & (n->nbuckets - 1)];
}

static uint32_t hash_of(const struct ob_directory *d, const WCHAR *text, uint32_t size)
{
	uint32_t h = rtl_hash(text, size) ^ (uint32_t)((uint64_t)d >> 5) * 0x9e3779b1u;

	/* All bits are to have a say in the low ones, which choose the bucket: names often differ in digits only. */
	h = (h ^ h >> 16) * 0x7feb352du;
	h = (h ^ h >> 15) * 0x846ca68bu;
	return h ^ h >> 16;
}

struct ob_name *ob_name_find(const struct ob_directory *d, const WCHAR *text, uint32_t size, bool ignore_case) REQUIRES(NTNAMES)
{
	uint32_t hash = hash_of(d, text, size);

	LIST_FOR(n, bucket_of(ob_names(), hash), struct ob_name, hash)
		if (n->hash_value == hash && n->directory == d && rtl_equal(n->text, n->size, text, size, ignore_case))
			return n;
	return NULL;
}

/* Twice the buckets, if there is memory. */
static void buckets_grow(struct ob_names *n) REQUIRES(NTNAMES)
{
	uint32_t count = n->nbuckets * 2;
	struct list *old = n->buckets, *more = arena_alloc(count * sizeof *more);

	if (more == NULL)
		return;
	for (uint32_t i = 0; i < count; i++)
		list_init(&more[i]);
	for (uint32_t i = 0; i < n->nbuckets; i++)
		LIST_FOR_SAFE(name, next, &old[i], struct ob_name, hash) {
			list_remove(&name->hash);
			list_append(&more[name->hash_value & (count - 1)], &name->hash);
		}
	n->buckets = more;
	n->nbuckets = count;
	arena_free(old);
}

NTSTATUS ob_name_add(struct ob_directory *d, const WCHAR *text, uint32_t size, struct ob_object *o) REQUIRES(NTNAMES)
{
	struct ob_names *all = ob_names();
	struct ob_name *n = arena_alloc(sizeof *n + size);

	if (n == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	memcpy(n->text, text, size);
	n->size = size;
	n->hash_value = hash_of(d, text, size);
	n->directory = d;
	n->object = o;
	ob_get(&d->ob);
	ob_get(o);
	if (all->count++ >= all->nbuckets * 2)
		buckets_grow(all);
	list_insert(bucket_of(all, n->hash_value), &n->hash); /* of names that differ in case, the last is found first */
	list_append(&d->names, &n->sibling);
	__atomic_store_n(&o->name, n, __ATOMIC_RELEASE);
	return STATUS_SUCCESS;
}

void ob_name_unused(struct ob_object *o)
{
	struct ob_name *n;

	lock_take(&ob_names()->lock);
	n = o->name;
	if (n != NULL && !(o->flags & OB_PERMANENT) && atomic_load_explicit(&o->handles, memory_order_acquire) == 0) {
		list_remove(&n->hash);
		list_remove(&n->sibling);
		ob_names()->count--;
		__atomic_store_n(&o->name, NULL, __ATOMIC_RELAXED);
	} else {
		n = NULL;
	}
	lock_drop(&ob_names()->lock);
	if (n == NULL)
		return;
	ob_put(&n->directory->ob);
	arena_free(n);
	ob_put(o);
}

/* Bytes of o's path; with text its end is written there, and *start is where it begins. */
static uint32_t path_of(const struct ob_object *o, WCHAR *end) REQUIRES(NTNAMES)
{
	uint32_t size = 0;

	for (const struct ob_name *n = o->name; n != NULL; n = n->directory->ob.name) {
		size += n->size + 2;
		if (end == NULL)
			continue;
		end -= n->size / 2;
		memcpy(end, n->text, n->size);
		*--end = '\\';
	}
	return size;
}

NTSTATUS ob_name_of(struct ob_object *o, WCHAR **text, uint32_t *size)
{
	*text = NULL;
	*size = 0;
	if (ob_type_of(o)->query_name != NULL)
		return ob_type_of(o)->query_name(o, text, size);
	lock_take(&ob_names()->lock);
	*size = o == &nt_state()->root->ob ? 2 : path_of(o, NULL);
	if (*size != 0)
		*text = heap_alloc(*size + 2);
	if (*text != NULL && o == &nt_state()->root->ob)
		**text = '\\';
	else if (*text != NULL)
		(void)path_of(o, *text + *size / 2);
	lock_drop(&ob_names()->lock);
	return *size != 0 && *text == NULL ? (NTSTATUS)STATUS_NO_MEMORY : STATUS_SUCCESS;
}
