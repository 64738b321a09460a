/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/ldr.h - what is there before a Windows program's first instruction: ntdll, the PEB, its parameters.
 *
 * The contract with Wine 8.0's ntdll.dll (a PE file of Debian's package libwine, unmodified) is observed behaviour.
 */
#ifndef NT_LDR_LDR_H
#define NT_LDR_LDR_H

#include "nt/ldr/image.h"
#include "nt/nt.h"

struct file;
struct nt_mm;

#define LDR_DLLS "/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/"

/* Where ntdll.dll's entry points are in the calling process. */
struct ldr_ntdll {
	uint64_t base;
	uint64_t LdrInitializeThunk, RtlUserThreadStart, KiUserExceptionDispatcher, KiUserApcDispatcher, KiUserCallbackDispatcher,
		KiRaiseUserExceptionDispatcher, DbgUiRemoteBreakin, ctrl_routine, syscall_dispatcher, unix_call_dispatcher;
};
const struct ldr_ntdll *ldr_ntdll(void);

/* How a program is to start: what its maker says (NtCreateUserProcess), or execve's strings as Windows has them.
   In the arena; one block, texts of UTF-16 with sizes in bytes. */
struct nt_start {
	uint64_t std_handle[3];      /* in the new process's table */
	uint64_t console_handle;
	uint32_t place[7]; /* STARTUPINFO's dwX to dwFillAttribute */
	uint32_t console_flags, window_flags, show_window, flags; /* flags: RTL_USER_PROC_* */
	uint32_t group, suspended;   /* suspended: the first thread waits for NtResumeThread */
	struct nt_start_text { WCHAR *text; uint32_t size; } cwd, image, command_line, environment, title, desktop, shell_info, runtime, dll_path;
};
void nt_start_free(struct nt_start *s); /* texts too; NULL is fine */
/* From execve's strings; argv[0] is what the user wrote.  NULL: no memory. */
struct nt_start *ldr_start_from_strings(const char *exe, const char *cwd, const char *strings, uint32_t argc, uint32_t envc);
/* Z:\...\x for /.../x, or C:\windows\system32\x for Wine's DLLs and programs; heap memory, a 0 behind. */
WCHAR *ldr_dos_path(const char *path, uint32_t *size);

/* The process object for lx, without a thread, in the list of processes; *exec*'s reference. */
struct nt_process *ldr_process_new(struct lx_proc *lx);
/* Maps program and ntdll, makes PEB and parameters in the calling, empty address space, and the first thread; *c is how
   that enters.  On failure *problem says why. */
NTSTATUS ldr_load(struct nt_process *p, struct lx_thread *lx, struct file *program, struct file *ntdll, struct nt_start *start, struct dk_context *c,
	const char **problem);
/* The calls that ntdll, mapped at base, makes: numbers, sizes, entry points.  False: it is not the ntdll that we know. */
bool ldr_know_ntdll(uint64_t base, const struct ldr_image *img);

/* KUSER_SHARED_DATA (ldr/kuser.c): makes its page; maps it and the dispatcher's into the calling process. */
bool kuser_boot(struct nt_state *nt);
NTSTATUS kuser_map(struct nt_mm *mm, struct nt_state *nt);
void kuser_tick(struct nt_state *nt);
#define KUSER_TICK_NS 10000000u

/* A call through __wine_unix_call_dispatcher: ldr/unixcall.c. */
NTSTATUS ldr_unix_call(struct nt_thread *t, uint64_t handle, uint32_t code, uint64_t args);
extern char ldr_unix_entry[]; /* nt/ldr/unix_x86_64.S */

/* The global state, made by the first NT process; NULL: no memory. */
struct nt_state *nt_boot(void);

/* Parts of the PEB that options.c sets. */
#define PEB_GLOBAL_FLAG        0x0bc
#define PEB_CRITICAL_TIMEOUT   0x0c0
#define PEB_HEAP_RESERVE       0x0c8
#define PEB_HEAP_COMMIT        0x0d0
#define PEB_HEAP_DECOMMIT      0x0d8
#define PEB_HEAP_FREE          0x0e0
/* What the registry says of new processes goes into the PEB that start's process is to get, over what is there. */
void ldr_options(const struct nt_start *start, uint8_t *peb);
#endif
