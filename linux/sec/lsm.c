/* SPDX-License-Identifier: MIT */
/*
 * linux/sec/lsm.c - which security modules there are: lsm_list_modules, lsm_get_self_attr, lsm_set_self_attr
 * (Documentation/userspace-api/lsm.rst).  Capabilities, Yama's ptrace_scope and Landlock; none has
 * attributes of processes.
 */
#include "linux/linux.h"
#include "syscalls.gen.h"

#define FLAG_SINGLE 1u

static const uint64_t modules[] = { 100 /* capability */, 107 /* yama */, 110 /* landlock */ };

long lx_sys_lsm_list_modules(struct lx_thread *t, struct gva ids, struct gva size, uint32_t flags)
{
	uint32_t room;

	if (flags)
		return -EINVAL;
	if (copy_in(&room, size, sizeof room) || PUT_USER(size, (uint32_t)sizeof modules))
		return -EFAULT;
	if (room < sizeof modules)
		return -E2BIG;
	return copy_out(ids, modules, sizeof modules) ? -EFAULT : (long)ARRAY_LEN(modules);
}

long lx_sys_lsm_get_self_attr(struct lx_thread *t, uint32_t attr, struct gva ctx, struct gva size, uint32_t flags)
{
	uint32_t room;

	if (!attr || !size.va || (flags & ~FLAG_SINGLE) || (flags && !ctx.va))
		return -EINVAL;
	return copy_in(&room, size, sizeof room) ? -EFAULT : -EOPNOTSUPP;
}

long lx_sys_lsm_set_self_attr(struct lx_thread *t, uint32_t attr, struct gva ctx, uint32_t size, uint32_t flags)
{
	uint64_t head[4]; /* struct lsm_ctx without its text */

	if (flags || size < sizeof head)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	return copy_in(head, ctx, sizeof head) ? -EFAULT : -EOPNOTSUPP;
}
