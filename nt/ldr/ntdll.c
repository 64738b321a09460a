/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/ntdll.c - what ntdll.dll says of system calls.
 *
 * Each exported stub is 4c 8b d1 b8 <number>: mov %rcx,%r10; mov $number,%eax.  The export __wine_syscall_dispatcher is
 * a table: pointer to the dispatcher, u16 count, u8 bytes of arguments by number.  The first process of a sandbox
 * looks, all use it; the file is the same for them all.
 */
#include "nt/ke/dispatch.h"
#include "nt/ke/user.h"
#include "nt/ldr/ldr.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

static struct ldr_ntdll own FIRST_BSS;

const struct ldr_ntdll *ldr_ntdll(void)
{
	return &own;
}

#define ENTRY(name) { #name, offsetof(struct ldr_ntdll, name) }
static const struct {
	const char *name;
	uint32_t at;
} entries[] = {
	ENTRY(LdrInitializeThunk), ENTRY(RtlUserThreadStart), ENTRY(KiUserExceptionDispatcher), ENTRY(KiUserApcDispatcher),
	ENTRY(KiUserCallbackDispatcher), ENTRY(KiRaiseUserExceptionDispatcher), ENTRY(DbgUiRemoteBreakin),
	{ "__wine_ctrl_routine", offsetof(struct ldr_ntdll, ctrl_routine) },
	{ "__wine_syscall_dispatcher", offsetof(struct ldr_ntdll, syscall_dispatcher) },
	{ "__wine_unix_call_dispatcher", offsetof(struct ldr_ntdll, unix_call_dispatcher) },
};

struct look {
	struct nt_state *nt;
	int row; /* names come in the order that the rows have too */
};

/* The row of that name, or -1. */
static int find_call(struct look *l, const char *name)
{
	int d = 1;

	while (l->row < NT_CALLS && (d = strcmp(nt_calls[l->row].name, name)) < 0)
		l->row++;
	return d == 0 ? l->row : -1;
}

static bool look_at(void *arg, const char *name, uint64_t address)
{
	struct look *l = arg;
	int nr = find_call(l, name);
	uint8_t code[8];
	uint32_t id;

	if (nr < 0 || uaccess_read(code, address, sizeof code) != 0 || code[0] != 0x4c || code[1] != 0x8b || code[2] != 0xd1 || code[3] != 0xb8)
		return true;
	memcpy(&id, code + 4, sizeof id);
	if (id < ARRAY_LEN(l->nt->call_by_id[0]))
		l->nt->call_by_id[0][id] = (uint16_t)(nr + 1);
	return true;
}

static bool read_sizes(struct nt_state *nt)
{
	uint16_t count;

	if (own.syscall_dispatcher == 0 || uaccess_read(&count, own.syscall_dispatcher + 8, sizeof count) != 0 || count == 0 ||
		count > ARRAY_LEN(nt->args_by_id) || uaccess_read(nt->args_by_id, own.syscall_dispatcher + 10, count) != 0)
		return false;
	atomic_store_explicit(&nt->ncalls, count, memory_order_release);
	return true;
}

bool ldr_know_ntdll(uint64_t base, const struct ldr_image *img)
{
	struct nt_state *nt = nt_state();
	struct look l = { nt, 0 };

	if (atomic_load_explicit(&nt->ncalls, memory_order_acquire) != 0) { /* the entry points are where they were, from its base */
		for (uint32_t i = 0; i < ARRAY_LEN(entries); i++)
			*(uint64_t *)((char *)&own + entries[i].at) = base + nt->ntdll_rva[i];
		own.base = base;
		return true;
	}
	own.base = base;
	ldr_exports(base, img, "Nt", look_at, &l);
	ldr_exports(base, img, "__wine_", look_at, &l);
	ldr_exports(base, img, "wine_", look_at, &l);
	for (uint32_t i = 0; i < ARRAY_LEN(entries); i++) {
		uint64_t at = ldr_export(base, img, entries[i].name);

		if (at == 0)
			return false;
		*(uint64_t *)((char *)&own + entries[i].at) = at;
		nt->ntdll_rva[i] = (uint32_t)(at - base);
	}
	return read_sizes(nt);
}
