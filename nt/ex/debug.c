/* SPDX-License-Identifier: MIT */
/* nt/ex/debug.c - debug objects: they can be made, named and waited for.  Nothing can be debugged through them yet. */
#include "nt/nt.h"
#include "nt/ob/ob.h"
#include "ntcalls.gen.h"

#define DEBUG_READ_EVENT     1u
#define DEBUG_PROCESS_ASSIGN 2u
#define DEBUG_KILL_ON_CLOSE  1u

const struct ob_type ob_type_debug = { .name = "DebugObject", .read = READ_CONTROL | DEBUG_READ_EVENT, .write = READ_CONTROL | DEBUG_PROCESS_ASSIGN,
	.execute = READ_CONTROL | SYNCHRONIZE, .all = STANDARD_RIGHTS_ALL | 0xf, .waitable = true };

NTSTATUS NtCreateDebugObject(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes, uint32_t flags)
{
	NTSTATUS status = ob_handle_clear(handle);
	struct ob_object *o;

	if (status != STATUS_SUCCESS || (flags & ~DEBUG_KILL_ON_CLOSE))
		return status != STATUS_SUCCESS ? status : (NTSTATUS)STATUS_INVALID_PARAMETER;
	o = ob_alloc(OB_DEBUG, sizeof *o);
	return o != NULL ? ob_create_handle(attributes, access, o, handle) : (NTSTATUS)STATUS_INSUFFICIENT_RESOURCES;
}
