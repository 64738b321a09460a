/* SPDX-License-Identifier: MIT */
/* nt/os/missing.c - for a few hours: weak stand-ins for parts that are being written, so that the image links. */
#include "nt/ex/wait.h"
#include "nt/os/peers.h"
#include "rt/mem.h"
#define WEAK __attribute__((weak))
WEAK void ps_exception(struct nt_thread *t, const struct dk_exception *e, struct dk_context *c) { (void)t; (void)e; (void)c; panic("nt/ps is missing"); }
WEAK void ps_return_to_user(struct nt_thread *t, struct dk_context *c) { (void)t; (void)c; }
WEAK void ps_thread_started(struct nt_thread *t, struct dk_context *c) { (void)t; (void)c; }
WEAK void ps_thread_ended(struct nt_thread *t) { (void)t; }
WEAK void ps_process_ended(struct nt_process *p, uint32_t wait_status) { (void)p; (void)wait_status; }
WEAK NTSTATUS ps_thread_create(struct nt_process *p, struct lx_thread *lx, uint64_t start, uint64_t arg, uint64_t stack_reserve,
	uint64_t stack_commit, uint64_t zero_bits, struct nt_thread **out)
{
	(void)p; (void)lx; (void)start; (void)arg; (void)stack_reserve; (void)stack_commit; (void)zero_bits; (void)out;
	return STATUS_NOT_IMPLEMENTED;
}
WEAK void ps_start_context(struct nt_thread *t, uint64_t entry, uint64_t arg, struct dk_context *c) { (void)t; (void)entry; (void)arg; (void)c; }
WEAK const struct ob_type ob_type_process = { .name = "Process", .all = 0x1fffff, .waitable = true };
WEAK const struct ob_type ob_type_thread = { .name = "Thread", .all = 0x1fffff, .waitable = true };
WEAK bool ps_apcs_pending(const struct nt_thread *t) { return t->apcs.next != NULL && !list_empty(&t->apcs); }
WEAK void ps_user_apcs(struct nt_thread *t) { (void)t; }
WEAK NTSTATUS ps_queue_apc(struct nt_thread *t, uint64_t routine, uint64_t a1, uint64_t a2, uint64_t a3, bool special) { (void)t; (void)routine; (void)a1; (void)a2; (void)a3; (void)special; return STATUS_NOT_IMPLEMENTED; }
#include "nt/io/io.h"
WEAK struct file *io_share_file(struct ob_object *o) { (void)o; return NULL; }
WEAK void io_thread_ended(struct nt_thread *t) { (void)t; }
