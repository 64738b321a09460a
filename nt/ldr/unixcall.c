/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/unixcall.c - the functions that Wine's DLLs call on their Unix side.
 *
 * A DLL asks for a handle (NtQueryVirtualMemory, class 1000), which is its address, and calls by it and a code.  Code 0 is mostly the
 * DLL's start, which must succeed for the DLL to load at all; what a DLL needs besides is answered per DLL, known by
 * the name in its export directory.
 */
#include "nt/ldr/unixcall.h"
#include "nt/ex/wait.h"
#include "nt/ke/trace.h"
#include "nt/ke/user.h"
#include "nt/ke/win32k.h"
#include "nt/ldr/ldr.h"
#include "rt/mem.h"

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

static const struct {
	const char *name;
	NTSTATUS (*call)(uint32_t code, uint64_t args);
} dlls[] = { { "ws2_32.dll", unix_ws2_32 }, { "crypt32.dll", unix_crypt32 }, { "bcrypt.dll", unix_bcrypt }, { "dnsapi.dll", unix_dnsapi } };

/* PE: the header's address at 0x3c, in it the export directory's at 0x88 (64 bit), in that the name's at 0xc. */
static NTSTATUS name_of(uint64_t base, char *name, size_t size)
{
	uint32_t header, exports, at;
	NTSTATUS status = user_read(&header, base + 0x3c, sizeof header);

	if (status == STATUS_SUCCESS)
		status = user_read(&exports, base + header + 0x88, sizeof exports);
	if (status == STATUS_SUCCESS)
		status = user_read(&at, base + exports + 0xc, sizeof at);
	if (status == STATUS_SUCCESS)
		status = user_read(name, base + at, size - 1);
	name[size - 1] = '\0';
	return status;
}

NTSTATUS ldr_unix_call(struct nt_thread *t, uint64_t handle, uint32_t code, uint64_t args)
{
	char name[16];

	(void)t;
	if (handle == ldr_ntdll()->base)
		return of_ntdll(code, args);
	if (name_of(handle, name, sizeof name) != STATUS_SUCCESS)
		return STATUS_INVALID_HANDLE;
	if (nt_tracing)
		log_line(DK_LOG_TRACE, "nt: [%x] %s: Unix side, function %u", t->tid, name, code);
	if (code == 0 && strcmp(name, "win32u.dll") == 0)
		nt_win32k_loaded(handle);
	for (uint32_t i = 0; i < ARRAY_LEN(dlls); i++)
		if (strcmp(dlls[i].name, name) == 0)
			return dlls[i].call(code, args);
	return code == 0 ? STATUS_SUCCESS : (NTSTATUS)STATUS_NOT_IMPLEMENTED;
}
