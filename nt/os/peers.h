/* SPDX-License-Identifier: MIT */
/* nt/os/peers.h - for a few hours: what the loader uses of parts that are being written. */
#ifndef NT_OS_PEERS_H
#define NT_OS_PEERS_H
#include "nt/nt.h"
struct dk_context;
struct dk_exception;
void ps_exception(struct nt_thread *t, const struct dk_exception *e, struct dk_context *c);
void ps_return_to_user(struct nt_thread *t, struct dk_context *c);
void ps_thread_started(struct nt_thread *t, struct dk_context *c);
void ps_thread_ended(struct nt_thread *t);
void ps_process_ended(struct nt_process *p, uint32_t wait_status);
NTSTATUS ps_thread_create(struct nt_process *p, struct lx_thread *lx, uint64_t start, uint64_t arg, uint64_t stack_reserve,
	uint64_t stack_commit, uint64_t zero_bits, struct nt_thread **out);
void ps_start_context(struct nt_thread *t, uint64_t entry, uint64_t arg, struct dk_context *c);
NTSTATUS io_std_handles(struct nt_process *p, uint64_t handle[3]);
/* ps/apc.c: are there user APCs?  A wait ends for them: they are to be delivered on the way out. */
bool ps_apcs_pending(const struct nt_thread *t);
void ps_user_apcs(struct nt_thread *t);
NTSTATUS ps_queue_apc(struct nt_thread *t, uint64_t routine, uint64_t a1, uint64_t a2, uint64_t a3, bool special);
#endif
