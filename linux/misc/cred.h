/* SPDX-License-Identifier: MIT */
/* linux/misc/cred.h - changing a thread's credentials. */
#ifndef LINUX_MISC_CRED_H
#define LINUX_MISC_CRED_H

#include "linux/linux.h"
#include "rt/mem.h"
#include <linux/capability.h>
#include <linux/securebits.h>

/* The caller's own; hold no lock from TASKLIST inwards. */
void cred_commit(struct lx_thread *t, const struct lx_cred *new);
/* References that credentials hold beside their user namespace's; hold no lock to put them. */
void cred_refs_get(const struct lx_cred *c);
void cred_refs_put(struct lx_cred *c);
/* groups.c */
const uint32_t *cred_groups(const struct lx_cred *c); /* ngroups of them, sorted */
void groups_sort(uint32_t *a, uint32_t n);
void group_list_get(struct group_list *g); /* NULL is fine */
void group_list_put(struct group_list *g);
/* barrier.c: all threads of the sandbox pass a memory barrier.  -EINTR: t is to end. */
long barrier_all(struct lx_thread *t);
/* prctl's part about capabilities. */
long cap_prctl(struct lx_thread *t, int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
#endif
