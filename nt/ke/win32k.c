/* SPDX-License-Identifier: MIT */
/*
 * nt/ke/win32k.c - the system calls of win32u.dll, in a sandbox without windows.
 *
 * Console programs come here by the way: the start of user32.dll, message boxes nobody sees, COM's waits.  Nearly all of these
 * calls return a handle, a pointer, a number or a BOOL, so 0 is how they fail.  Those that return a status say that they are not
 * there.  A wait for objects and messages is one for the objects: no message ever comes.
 *
 * Numbers are learned from win32u.dll's stubs (as ldr/ntdll.c does), when it calls its Unix side for the first time.
 */
#include "nt/ke/win32k.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/ldr/image.h"
#include "nt/mm/mm.h"
#include "pico/arena.h"
#include "rt/mem.h"

#define MWMO_WAITALL   1u
#define MWMO_ALERTABLE 2u
#define FAILED         0xffffffffu
#define PEB_GDI_TABLE  0xf8u /* GdiSharedHandleTable */
#define GDI_HANDLES    0x10000u
#define GDI_ENTRY      24u

enum answer { NOTHING, A_STATUS, A_WAIT };

static const struct {
	const char *prefix;
	enum answer answer;
} unusual[] = {
	{ "NtGdiDdDDI", A_STATUS }, { "NtUserBuildHwndList", A_STATUS }, { "NtUserDisplayConfigGetDeviceInfo", A_STATUS }, { "NtUserEnumDisplayDevices", A_STATUS },
	{ "NtUserMsgWaitForMultipleObjectsEx", A_WAIT }, { "NtUserSetClipboardData", A_STATUS },
};
static uint8_t answers[0x800]; /* by number; written once, before user32.dll runs */

static bool look_at(void *answer, const char *name, uint64_t address)
{
	uint8_t code[8];
	uint32_t id;

	(void)name;
	if (user_read(code, address, sizeof code) != STATUS_SUCCESS || code[0] != 0x4c || code[1] != 0x8b || code[2] != 0xd1 || code[3] != 0xb8)
		return true;
	memcpy(&id, code + 4, sizeof id);
	if (id - NT_ID_WIN32K < sizeof answers)
		answers[id - NT_ID_WIN32K] = *(const uint8_t *)answer;
	return true;
}

/* gdi32.dll looks handles up in a table that the PEB names: one in which nothing is. */
static void no_gdi_objects(void)
{
	struct nt_process *p = nt_current_process();
	uint64_t table = 0, size = GDI_HANDLES * GDI_ENTRY;

	if (nt_mm_alloc(p->mm, &table, &size, MEM_RESERVE | MEM_COMMIT, PAGE_READONLY, 0, 0) == STATUS_SUCCESS)
		(void)user_put64(p->peb + PEB_GDI_TABLE, table);
}

static void look(uint64_t base, struct ldr_image *img)
{
	uint32_t header;

	if (user_read(&header, base + 0x3c, sizeof header) != STATUS_SUCCESS ||
		user_read(&img->size, base + header + 0x50, sizeof img->size) != STATUS_SUCCESS ||
		user_read(&img->dir[LDR_DIR_EXPORT], base + header + 0x88, sizeof img->dir[LDR_DIR_EXPORT]) != STATUS_SUCCESS)
		return;
	for (uint32_t i = 0; i < ARRAY_LEN(unusual); i++) {
		uint8_t answer = (uint8_t)unusual[i].answer;

		ldr_exports(base, img, unusual[i].prefix, look_at, &answer);
	}
}

void nt_win32k_loaded(uint64_t base)
{
	struct ldr_image *img = heap_alloc(sizeof *img);

	if (img != NULL) {
		memset(img, 0, sizeof *img);
		look(base, img);
	}
	heap_free(img);
	no_gdi_objects();
}

/* count, handles, milliseconds, which messages, flags */
static uint64_t wait(struct nt_thread *t, const uint64_t *args)
{
	uint32_t count = (uint32_t)args[0], ms = (uint32_t)args[2], flags = (uint32_t)args[4];
	uint64_t deadline = ms == FAILED ? EX_DEADLINE_NEVER : ms == 0 ? 0 : ex_deadline(-(int64_t)ms * 10000);
	bool alertable = (flags & MWMO_ALERTABLE) != 0;
	NTSTATUS status;

	if (count == 0)
		status = ex_wait(t, NULL, 0, false, alertable, deadline);
	else
		status = ex_wait_handles(t, count, args[1], (flags & MWMO_WAITALL) != 0, alertable, deadline);
	return status >= 0xc0000000u ? FAILED : status;
}

uint64_t nt_win32k(struct nt_thread *t, uint32_t id, const uint64_t *args)
{
	switch (id - NT_ID_WIN32K < sizeof answers ? answers[id - NT_ID_WIN32K] : NOTHING) {
	case A_STATUS:
		return STATUS_NOT_IMPLEMENTED;
	case A_WAIT:
		return wait(t, args);
	default:
		return 0;
	}
}
