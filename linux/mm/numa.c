/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/numa.c - memory policies and protection keys, for a machine with one
 * memory node and no keys.  Policies are checked, kept (of a thread, of a region) and
 * told; there is one node that memory can come from.
 */
#include <linux/mempolicy.h>

#include "linux/mm/mm_int.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "pico/uaccess.h"
#include "syscalls.gen.h"

#define MODE_FLAGS (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)
#define NODES_MAX  1024

/* A policy in 32 bits, 0 = none: the mode with its flags, and whether node 0 is in its mask. */
#define POLICY_NODE   0x10000u
#define POLICY_SET    0x20000u
#define POLICY_MODE(p) ((int)((p) & 0xffff))

/* The guest's node mask must name node 0 and no other, or none if the mode wants none.  The policy goes to *policy. */
static long check_policy(int mode, struct gva mask, uint64_t maxnode, uint32_t *policy)
{
	int flags = mode & MODE_FLAGS;
	uint64_t words = 0, all = 0, first = 0;

	if ((mode & ~MODE_FLAGS) < 0 || (mode & ~MODE_FLAGS) >= MPOL_MAX)
		return -EINVAL;
	if (maxnode > NODES_MAX * 8)
		return -EINVAL;
	words = mask.va != 0 && maxnode > 1 ? (maxnode - 1 + 63) / 64 : 0;
	for (uint64_t i = 0; i < words; i++) {
		uint64_t w;

		if (copy_in(&w, gva_add(mask, i * 8), sizeof w) != 0)
			return -EFAULT;
		if (i == 0)
			first = w;
		all |= i == 0 ? w & ~1ull : w;
	}
	mode &= ~MODE_FLAGS;
	if (flags == MODE_FLAGS || (mode == MPOL_DEFAULT && flags != 0))
		return -EINVAL;
	if (mode == MPOL_DEFAULT || mode == MPOL_LOCAL) {
		*policy = mode == MPOL_DEFAULT ? 0 : POLICY_SET | (uint32_t)mode;
		return first != 0 || all != 0 ? -EINVAL : 0;
	}
	if (all != 0 || (first == 0 && (mode != MPOL_PREFERRED || flags != 0)))
		return -EINVAL;
	*policy = POLICY_SET | (first == 0 ? (uint32_t)MPOL_LOCAL : POLICY_NODE | (uint32_t)(mode | flags));
	return 0;
}

const char *mm_policy_name(uint32_t policy)
{
	switch (policy == 0 ? MPOL_DEFAULT : POLICY_MODE(policy) & ~MODE_FLAGS) {
	case MPOL_PREFERRED:
		return "prefer:0";
	case MPOL_BIND:
		return "bind:0";
	case MPOL_INTERLEAVE:
		return "interleave:0";
	case MPOL_LOCAL:
		return "local";
	default:
		return "default";
	}
}

long lx_sys_set_mempolicy(struct lx_thread *t, int mode, struct gva mask, uint64_t maxnode)
{
	return check_policy(mode, mask, maxnode, &t->mempolicy);
}

/* Kept with what is mapped, and not needed by anybody else than get_mempolicy. */
static long set_range_policy(struct mm *mm, uint64_t start, uint64_t end, uint32_t policy)
{
	struct region *r;

	for (uint64_t at = start; at < end; at = r->end) {
		r = region_find(&mm->tree, at);
		if (r == NULL || r->kind == REGION_ROOM)
			return -EFAULT;
		if (r->policy == policy)
			continue;
		if (!mm_may_cut(mm, at, MIN(r->end, end), false) || !mm_stock_locked(mm))
			return -ENOMEM;
		mm_cut_locked(mm, at, MIN(r->end, end));
		r = region_find(&mm->tree, at);
		r->policy = policy;
		r = mm_merge_locked(mm, r);
	}
	return 0;
}

long lx_sys_mbind(struct lx_thread *t, struct gva addr, uint64_t len, int mode, struct gva mask, uint64_t maxnode, uint32_t flags)
{
	struct mm *mm = t->proc->mm;
	uint32_t policy = 0;
	uint64_t end;
	long err;

	if ((flags & ~(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)) || (addr.va & ~PAGE_MASK))
		return -EINVAL;
	err = check_policy(mode, mask, maxnode, &policy);
	if (err != 0)
		return err;
	if (PAGE_UP(len) < len || addr.va + PAGE_UP(len) < addr.va)
		return -EINVAL;
	end = addr.va + PAGE_UP(len);
	mm_lock(mm);
	err = set_range_policy(mm, addr.va, end, policy);
	mm_unlock(mm);
	return err;
}

/* The policy that holds for addr; false: nothing is mapped there. */
static bool policy_at(struct mm *mm, uint64_t addr, uint32_t *policy)
{
	const struct region *r;

	mm_lock(mm);
	r = region_find(&mm->tree, addr);
	if (r != NULL && r->kind == REGION_ROOM)
		r = NULL;
	if (r != NULL)
		*policy = r->policy;
	mm_unlock(mm);
	return r != NULL;
}

long lx_sys_get_mempolicy(struct lx_thread *t, struct gva mode, struct gva mask, uint64_t maxnode, struct gva addr, uint64_t flags)
{
	uint32_t policy = t->mempolicy;
	uint64_t nodes;
	int told;

	if (flags & ~(uint64_t)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
		return -EINVAL;
	if ((flags & MPOL_F_MEMS_ALLOWED) && (flags & (MPOL_F_NODE | MPOL_F_ADDR)))
		return -EINVAL;
	if (mask.va != 0 && maxnode < 1)
		return -EINVAL;
	if (!(flags & MPOL_F_ADDR) && addr.va != 0)
		return -EINVAL;
	if ((flags & MPOL_F_ADDR) && !policy_at(t->proc->mm, addr.va, &policy))
		return -EFAULT;
	told = POLICY_MODE(policy);
	if (flags & MPOL_F_NODE) {
		if (!(flags & MPOL_F_ADDR) && (told & ~MODE_FLAGS) != MPOL_INTERLEAVE)
			return -EINVAL;
		told = 0; /* the node itself */
	}
	nodes = (flags & MPOL_F_MEMS_ALLOWED) || (policy & POLICY_NODE) ? 1 : 0;
	if (mode.va != 0 && PUT_USER(mode, told) != 0)
		return -EFAULT;
	if (mask.va == 0)
		return 0;
	if (clear_out(mask, (maxnode - 1 + 63) / 64 * 8) != 0)
		return -EFAULT;
	return maxnode > 1 ? PUT_USER(mask, nodes) : 0;
}

long lx_sys_set_mempolicy_home_node(struct lx_thread *t, struct gva start, uint64_t len, uint64_t node, uint64_t flags)
{
	if (flags != 0 || node != 0 || (start.va & ~PAGE_MASK))
		return -EINVAL;
	return len == 0 ? 0 : -ENOENT; /* what a home node would be for has no effect here */
}

/* A node mask: whether it names node 0, and whether any other. */
static long mask_in(struct gva mask, uint64_t maxnode, bool *first, bool *others)
{
	uint64_t words = maxnode > 1 ? (maxnode - 1 + 63) / 64 : 0;

	*first = *others = false;
	for (uint64_t i = 0; i < words; i++) {
		uint64_t w;

		if (copy_in(&w, gva_add(mask, i * 8), sizeof w) != 0)
			return -EFAULT;
		*first = *first || (i == 0 && (w & 1));
		*others = *others || (i == 0 ? w & ~1ull : w) != 0;
	}
	return 0;
}

long lx_sys_migrate_pages(struct lx_thread *t, int pid, uint64_t maxnode, struct gva old, struct gva new)
{
	struct lx_proc *p = NULL;
	bool first, others;
	long err;

	if (maxnode > NODES_MAX * 8)
		return -EINVAL;
	err = mask_in(old, maxnode, &first, &others);
	if (err == 0)
		err = mask_in(new, maxnode, &first, &others);
	if (err != 0)
		return err;
	if (pid != 0 && (p = proc_get_by_pid(pid)) == NULL)
		return -ESRCH;
	if (p != NULL && !proc_may_access(t, p, ACCESS_READ))
		err = -EPERM;
	else if (others && !first)
		err = lx_capable(t, CAP_SYS_NICE) ? -EINVAL : -EPERM;
	if (p != NULL)
		proc_put(p);
	return err;
}

/* Where each page is (nodes NULL), or moving it to node 0, where it is. */
long lx_sys_move_pages(struct lx_thread *t, int pid, uint64_t count, struct gva pages, struct gva nodes, struct gva status, int flags)
{
	if ((flags & ~(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)))
		return -EINVAL;
	if (pid != 0 && pid != t->proc->vpid)
		return -EPERM;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t addr;
		uint32_t word;
		int node = 0, result = 0;

		if (copy_in(&addr, gva_add(pages, i * sizeof addr), sizeof addr) != 0)
			return -EFAULT;
		if (nodes.va != 0 && copy_in(&node, gva_add(nodes, i * sizeof node), sizeof node) != 0)
			return -EFAULT;
		if (node != 0)
			return -ENODEV;
		if (!guest_range_ok(addr, 4) || !uaccess_load32(addr & ~3ull, &word))
			result = -EFAULT;
		if (PUT_USER(gva_add(status, i * sizeof result), result) != 0)
			return -EFAULT;
	}
	return 0;
}

/* ---- Protection keys: as on a CPU without them ---- */

long lx_sys_pkey_mprotect(struct lx_thread *t, struct gva addr, uint64_t len, int prot, int key)
{
	return key == -1 ? mm_protect(t->proc->mm, addr.va, len, prot) : -EINVAL;
}

long lx_sys_pkey_alloc(struct lx_thread *t, uint32_t flags, uint32_t rights)
{
	return flags != 0 || (rights & ~3u) ? -EINVAL : -ENOSPC;
}

long lx_sys_pkey_free(struct lx_thread *t, int key)
{
	return -EINVAL;
}
