/* SPDX-License-Identifier: MIT */
/*
 * nt/types.h - NT's types as guests lay them out in memory (x86-64), and the statuses.
 *
 * From the public documentation of Windows' native API and SDK.  Pointers of guests are uint64_t here: nobody
 * follows them but nt/ke/user.h.
 */
#ifndef NT_TYPES_H
#define NT_TYPES_H

#include "rt/base.h"

typedef uint32_t NTSTATUS;
#define STATUS(name, value) STATUS_##name = (value),
enum nt_status {
#include "nt/status.def"
};
#undef STATUS
#define NT_SUCCESS(status) ((int32_t)(status) >= 0)
#define NT_ERROR(status)   ((status) >> 30 == 3)

typedef uint16_t WCHAR;

struct UNICODE_STRING {
	uint16_t Length, MaximumLength; /* bytes */
	uint32_t pad;
	uint64_t Buffer;
};
struct OBJECT_ATTRIBUTES {
	uint32_t Length, pad;
	uint64_t RootDirectory, ObjectName; /* of a UNICODE_STRING */
	uint32_t Attributes, pad2;
	uint64_t SecurityDescriptor, SecurityQualityOfService;
};
#define OBJ_PROTECT_CLOSE    0x001u /* of handles only */
#define OBJ_INHERIT          0x002u
#define OBJ_PERMANENT        0x010u
#define OBJ_EXCLUSIVE        0x020u
#define OBJ_CASE_INSENSITIVE 0x040u
#define OBJ_OPENIF           0x080u
#define OBJ_OPENLINK         0x100u
struct IO_STATUS_BLOCK {
	uint32_t Status, pad;
	uint64_t Information;
};
struct CLIENT_ID {
	uint64_t UniqueProcess, UniqueThread;
};

/* CONTEXT, 0x4d0 bytes. */
struct CONTEXT {
	uint64_t P1Home, P2Home, P3Home, P4Home, P5Home, P6Home;
	uint32_t ContextFlags, MxCsr;
	uint16_t SegCs, SegDs, SegEs, SegFs, SegGs, SegSs;
	uint32_t EFlags;
	uint64_t Dr0, Dr1, Dr2, Dr3, Dr6, Dr7;
	uint64_t Rax, Rcx, Rdx, Rbx, Rsp, Rbp, Rsi, Rdi, R8, R9, R10, R11, R12, R13, R14, R15, Rip;
	uint8_t FltSave[512]; /* FXSAVE's */
	uint8_t VectorRegister[26 * 16];
	uint64_t VectorControl, DebugControl, LastBranchToRip, LastBranchFromRip, LastExceptionToRip, LastExceptionFromRip;
};
_Static_assert(sizeof(struct CONTEXT) == 0x4d0, "CONTEXT");
#define CONTEXT_AMD64          0x100000u
#define CONTEXT_CONTROL        (CONTEXT_AMD64 | 1u)
#define CONTEXT_INTEGER        (CONTEXT_AMD64 | 2u)
#define CONTEXT_SEGMENTS       (CONTEXT_AMD64 | 4u)
#define CONTEXT_FLOATING_POINT (CONTEXT_AMD64 | 8u)
#define CONTEXT_DEBUG_REGISTERS (CONTEXT_AMD64 | 16u)
#define CONTEXT_FULL           (CONTEXT_CONTROL | CONTEXT_INTEGER | CONTEXT_FLOATING_POINT)

#define EXCEPTION_MAXIMUM_PARAMETERS 15
struct EXCEPTION_RECORD {
	uint32_t ExceptionCode, ExceptionFlags;
	uint64_t ExceptionRecord, ExceptionAddress;
	uint32_t NumberParameters, pad;
	uint64_t ExceptionInformation[EXCEPTION_MAXIMUM_PARAMETERS];
};
_Static_assert(sizeof(struct EXCEPTION_RECORD) == 0x98, "EXCEPTION_RECORD");

/* Pseudo handles. */
#define NtCurrentProcess() UINT64_MAX
#define NtCurrentThread()  (UINT64_MAX - 1)

/* Access rights. */
#define DELETE                 0x00010000u
#define READ_CONTROL           0x00020000u
#define WRITE_DAC              0x00040000u
#define WRITE_OWNER            0x00080000u
#define SYNCHRONIZE            0x00100000u
#define STANDARD_RIGHTS_REQUIRED 0x000f0000u
#define STANDARD_RIGHTS_ALL    0x001f0000u
#define ACCESS_SYSTEM_SECURITY 0x01000000u
#define MAXIMUM_ALLOWED        0x02000000u
#define GENERIC_ALL            0x10000000u
#define GENERIC_EXECUTE        0x20000000u
#define GENERIC_WRITE          0x40000000u
#define GENERIC_READ           0x80000000u

#define PROCESS_TERMINATE         0x0001u
#define PROCESS_CREATE_THREAD     0x0002u
#define PROCESS_VM_OPERATION      0x0008u
#define PROCESS_VM_READ           0x0010u
#define PROCESS_VM_WRITE          0x0020u
#define PROCESS_DUP_HANDLE        0x0040u
#define PROCESS_CREATE_PROCESS    0x0080u
#define PROCESS_SET_QUOTA         0x0100u
#define PROCESS_SET_INFORMATION   0x0200u
#define PROCESS_QUERY_INFORMATION 0x0400u
#define PROCESS_SUSPEND_RESUME    0x0800u
#define PROCESS_QUERY_LIMITED_INFORMATION 0x1000u
#define PROCESS_ALL_ACCESS        0x001fffffu
#define THREAD_TERMINATE          0x0001u
#define THREAD_SUSPEND_RESUME     0x0002u
#define THREAD_ALERT              0x0004u
#define THREAD_GET_CONTEXT        0x0008u
#define THREAD_SET_CONTEXT        0x0010u
#define THREAD_SET_INFORMATION    0x0020u
#define THREAD_QUERY_INFORMATION  0x0040u
#define THREAD_SET_LIMITED_INFORMATION   0x0400u
#define THREAD_QUERY_LIMITED_INFORMATION 0x0800u
#define THREAD_RESUME             0x1000u
#define THREAD_ALL_ACCESS         0x001fffffu

#define THREAD_CREATE_FLAGS_CREATE_SUSPENDED   1u
#define THREAD_CREATE_FLAGS_SKIP_THREAD_ATTACH 2u
#define THREAD_CREATE_FLAGS_HIDE_FROM_DEBUGGER 4u

/* Pages. */
#define PAGE_NOACCESS          0x01u
#define PAGE_READONLY          0x02u
#define PAGE_READWRITE         0x04u
#define PAGE_WRITECOPY         0x08u
#define PAGE_EXECUTE           0x10u
#define PAGE_EXECUTE_READ      0x20u
#define PAGE_EXECUTE_READWRITE 0x40u
#define PAGE_EXECUTE_WRITECOPY 0x80u
#define PAGE_GUARD             0x100u
#define MEM_COMMIT             0x1000u
#define MEM_RESERVE            0x2000u
#define MEM_DECOMMIT           0x4000u
#define MEM_RELEASE            0x8000u
#define MEM_FREE               0x10000u
#define MEM_PRIVATE            0x20000u
#define MEM_MAPPED             0x40000u
#define MEM_IMAGE              0x1000000u

#define NT_INFINITE INT64_MIN /* a timeout of these units of 100 ns, negative: relative */
#endif
