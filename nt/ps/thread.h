/* SPDX-License-Identifier: MIT */
/* nt/ps/thread.h - making and ending threads: between thread.c, thread_end.c and remote.c. */
#ifndef NT_PS_THREAD_H
#define NT_PS_THREAD_H

#include "nt/nt.h"

struct ps_start { /* NtCreateThreadEx' arguments */
	uint64_t entry, arg, flags, zero_bits, commit, reserve, attributes;
};
/* In the calling process: *out has a reference of the caller's. */
NTSTATUS ps_thread_make(struct nt_process *p, const struct ps_start *s, struct nt_thread **out);
/* In any. */
NTSTATUS ps_thread_make_in(struct nt_process *p, const struct ps_start *s, struct nt_thread **out);
void ps_thread_memory_free(struct nt_thread *t); /* stack and TEB; by a thread of its process */
/* It ends with that status, if it has not said another one. */
void ps_kill_thread(struct nt_thread *t, NTSTATUS status) REQUIRES(NTPROC);
#endif
