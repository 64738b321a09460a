/* SPDX-License-Identifier: MIT */
/* nt/ex/ex.h - the executive's objects, for each other and for other components. */
#ifndef NT_EX_EX_H
#define NT_EX_EX_H

#include "nt/nt.h"

#define EVENT_QUERY_STATE      1u
#define EVENT_MODIFY_STATE     2u
#define EVENT_ALL_ACCESS       (STANDARD_RIGHTS_ALL | 3u)
#define SEMAPHORE_QUERY_STATE  1u
#define SEMAPHORE_MODIFY_STATE 2u
#define MUTANT_QUERY_STATE     1u

/* A new event, not signalled; automatic: waiting for it resets it.  NULL: no memory. */
struct ob_object *ex_event_new(bool automatic);
/* before may be NULL. */
NTSTATUS ex_mutant_release(struct ob_object *o, struct nt_thread *t, int32_t *before);
NTSTATUS ex_semaphore_release(struct ob_object *o, int32_t n, int32_t *before);
/* t ends. */
void ex_mutants_abandon(struct nt_thread *t);
/* The end of a query call whose answer has one size. */
NTSTATUS ex_answer(uint64_t va, uint32_t room, const void *from, uint32_t size, uint64_t returned_va);
#endif
