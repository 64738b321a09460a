/* SPDX-License-Identifier: MIT */
/* nt/ke/dispatch.h - the table of NT calls as tools/abigen.py makes it from nt/syscalls.abi. */
#ifndef NT_KE_DISPATCH_H
#define NT_KE_DISPATCH_H

#include "nt/nt.h"

/* A call's result that is no status: the frame has all registers, rax too (NtContinue, NtSetContextThread of the caller); tb->work is set. */
#define NT_FRAME_IS_SET 0xfffffffeu
#define NT_ARGS_MAX 16u
enum nt_arg { NT_ARG_HANDLE = 1, NT_ARG_PTR, NT_ARG_OA, NT_ARG_USTR, NT_ARG_U8, NT_ARG_U32, NT_ARG_I32, NT_ARG_U64, NT_ARG_CLASS,
	NT_ARG_ACCESS };
struct nt_call {
	const char *name;
	NTSTATUS (*call)(struct nt_thread *t, const uint64_t *args); /* NULL: not there */
	uint32_t nargs;
	uint8_t arg[NT_ARGS_MAX]; /* enum nt_arg */
};
extern const struct nt_call nt_calls[];
extern const unsigned nt_ncalls;
#endif
