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

struct ex_atoms;

/* nt_state()->ex */
struct ex_state {
	struct ob_object *keyed; /* [I] the keyed event behind handle 0 */
	struct ex_atoms *atoms;  /* [I] */
};
static inline struct ex_state *ex_state(void)
{
	return nt_state()->ex;
}
void ex_nls_ahead(void); /* nls.c: opens the tables that each program maps */
uint32_t ex_user_locale(void); /* nls.c: an LCID */
void ex_boot(void); /* once, behind ob_boot */
void ex_keyed_boot(void);
void ex_atoms_boot(void);

/* A new event, not signalled; automatic: waiting for it resets it.  NULL: no memory. */
struct ob_object *ex_event_new(bool automatic);
NTSTATUS ex_mutant_release(struct ob_object *o, struct nt_thread *t, int32_t *before);
NTSTATUS ex_semaphore_release(struct ob_object *o, int32_t n, int32_t *before);
/* kproc: a timer with an APC is due. */
void ex_timer_fired(void *timer);

/* Puts a packet on a completion port.  STATUS_INSUFFICIENT_RESOURCES: no memory.  No lock below NTEX held. */
NTSTATUS ex_completion_post(struct ob_object *port, uint64_t key, uint64_t value, NTSTATUS status, uint64_t information);
/* t ends. */
void ex_mutants_abandon(struct nt_thread *t);
/* The end of a query call whose answer has one size. */
NTSTATUS ex_answer(uint64_t va, uint32_t room, const void *from, uint32_t size, uint64_t returned_va);
#endif
