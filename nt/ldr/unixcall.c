/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/unixcall.c - the functions that Wine's DLLs call on their Unix side.
 *
 * A DLL asks for a handle (NtQueryVirtualMemory, class 1000) and calls by it and a code.  Code 0 is the
 * DLL's start, which must succeed for the DLL to load at all; what a DLL needs besides is answered per DLL.
 */
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/ldr/ldr.h"

enum { UNIX_LOAD_SO, UNIX_UNWIND, UNIX_TIME_PRECISE };

static NTSTATUS of_ntdll(uint32_t code, uint64_t args)
{
	switch (code) {
	case UNIX_TIME_PRECISE:
		return user_put64(args, (uint64_t)ex_system_time());
	case UNIX_UNWIND: /* of no DLL: there is no other frame information, so ntdll takes it for a leaf function */
		return STATUS_UNSUCCESSFUL;
	case UNIX_LOAD_SO:
		return STATUS_INVALID_IMAGE_FORMAT;
	default:
		return STATUS_NOT_IMPLEMENTED;
	}
}

NTSTATUS ldr_unix_call(struct nt_thread *t, uint64_t handle, uint32_t code, uint64_t args)
{
	(void)t;
	if (handle == ldr_ntdll()->base)
		return of_ntdll(code, args);
	return code == 0 ? STATUS_SUCCESS : (NTSTATUS)STATUS_NOT_IMPLEMENTED;
}
