/* SPDX-License-Identifier: MIT */
/*
 * nt/ob/types.c - the types of objects, and objects as such.
 *
 * A type is a number in the object and a row in the image.  Each component defines its own rows; one that is not
 * there yet is a NULL here.
 */
#include "nt/ob/ob.h"
#include "nt/se/se.h"
#include "nt/ob/ob_int.h"

#define ROW(name) extern const struct ob_type ob_type_##name __attribute__((weak));
ROW(type) ROW(directory) ROW(symlink) ROW(event) ROW(mutant) ROW(semaphore) ROW(timer) ROW(keyed_event) ROW(completion) ROW(section)
ROW(file) ROW(key) ROW(token) ROW(process) ROW(thread) ROW(job) ROW(debug) ROW(worker_factory) ROW(reserve) ROW(port) ROW(device)
#undef ROW

const struct ob_type *const ob_types[OB_TYPES] = {
	[OB_TYPE] = &ob_type_type,
	[OB_DIRECTORY] = &ob_type_directory,
	[OB_SYMLINK] = &ob_type_symlink,
	[OB_EVENT] = &ob_type_event,
	[OB_MUTANT] = &ob_type_mutant,
	[OB_SEMAPHORE] = &ob_type_semaphore,
	[OB_TIMER] = &ob_type_timer,
	[OB_KEYED_EVENT] = &ob_type_keyed_event,
	[OB_COMPLETION] = &ob_type_completion,
	[OB_SECTION] = &ob_type_section,
	[OB_FILE] = &ob_type_file,
	[OB_KEY] = &ob_type_key,
	[OB_TOKEN] = &ob_type_token,
	[OB_PROCESS] = &ob_type_process,
	[OB_THREAD] = &ob_type_thread,
	[OB_JOB] = &ob_type_job,
	[OB_DEBUG] = &ob_type_debug,
	[OB_WORKER_FACTORY] = &ob_type_worker_factory,
	[OB_RESERVE] = &ob_type_reserve,
	[OB_PORT] = &ob_type_port,
	[OB_DEVICE] = &ob_type_device,
};

void *ob_alloc(enum ob_type_id type, size_t size)
{
	struct ob_object *o = arena_alloc(size);

	if (o == NULL)
		return NULL;
	ref_init(&o->ref);
	o->type = (uint16_t)type;
	o->flags = (uint16_t)((ob_types[type]->waitable ? OB_WAITABLE : 0) | (ob_types[type]->alone ? OB_ALONE : 0));
	lock_init(&o->lock, LOCK_NTOBJ);
	list_init(&o->waiters);
	return o;
}

void ob_get(struct ob_object *o)
{
	ref_get(&o->ref);
}

void ob_put(struct ob_object *o)
{
	if (o == NULL || (!ob_is_alone(o) && !ref_put(&o->ref)))
		return;
	arena_free(o->security);
	if (ob_type_of(o)->destroy != NULL)
		ob_type_of(o)->destroy(o);
	else
		arena_free(o);
}

/* Rights that others have in them. */
static uint32_t implied(enum ob_type_id type, uint32_t access)
{
	uint32_t more = 0;

	if (type == OB_PROCESS && (access & PROCESS_QUERY_INFORMATION))
		more |= PROCESS_QUERY_LIMITED_INFORMATION;
	if (type != OB_THREAD)
		return more;
	if (access & THREAD_QUERY_INFORMATION)
		more |= THREAD_QUERY_LIMITED_INFORMATION;
	if (access & THREAD_SET_INFORMATION)
		more |= THREAD_SET_LIMITED_INFORMATION;
	if (access & THREAD_SUSPEND_RESUME)
		more |= THREAD_RESUME;
	return more;
}

#define STANDARD_RIGHTS 0x001f0000u
uint32_t ob_map_access(enum ob_type_id type, uint32_t access)
{
	const struct ob_type *t = ob_types[type];
	uint32_t mapped = access & (t->all | STANDARD_RIGHTS);

	if (access & GENERIC_READ)
		mapped |= t->read;
	if (access & GENERIC_WRITE)
		mapped |= t->write;
	if (access & GENERIC_EXECUTE)
		mapped |= t->execute;
	if (access & (GENERIC_ALL | MAXIMUM_ALLOWED))
		mapped |= t->all;
	if (UNLIKELY((access & ACCESS_SYSTEM_SECURITY) != 0) && se_may_audit())
		mapped |= ACCESS_SYSTEM_SECURITY;
	return mapped | implied(type, mapped);
}
