/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/atom.c - the sandbox's global atoms: short names with numbers from 0xc000 on, counted.  Smaller numbers are atoms by
 * themselves, named "#n".
 */
#include "nt/ex/ex.h"
#include "nt/ke/user.h"
#include "nt/rtl/upcase.h"
#include "ntcalls.gen.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define FIRST_NAMED 0xc000u
#define SLOTS       0x4000u
#define PER_CHUNK   250u /* pointers */
#define BUCKETS     128u
#define NAME_BYTES  510u /* 255 characters */

struct atom {
	struct list link;      /* [NTEX] in its bucket */
	uint32_t slot;         /* [I] */
	uint32_t count;        /* [NTEX] */
	uint32_t size;         /* bytes */
	WCHAR name[];
};

struct ex_atoms {
	LOCK(NTEX) lock;
	struct list buckets[BUCKETS];
	struct atom **chunks[SLOTS / PER_CHUNK + 1];
	uint64_t busy[SLOTS / 64]; /* bits */
};

void ex_atoms_boot(void)
{
	struct ex_atoms *a = arena_alloc(sizeof *a);

	if (a == NULL)
		panic("no memory for atoms");
	lock_init(&a->lock, LOCK_NTEX);
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&a->buckets[i]);
	ex_state()->atoms = a;
}

void ex_boot(void)
{
	nt_state()->ex = arena_alloc(sizeof(struct ex_state));
	if (nt_state()->ex == NULL)
		panic("no memory for nt/ex");
	ex_keyed_boot();
	ex_atoms_boot();
}

static struct list *bucket_of(struct ex_atoms *a, const WCHAR *name, uint32_t size)
{
	return &a->buckets[rtl_hash(name, size) % BUCKETS];
}

static struct atom *find(struct ex_atoms *a, const WCHAR *name, uint32_t size) REQUIRES(NTEX)
{
	LIST_FOR(at, bucket_of(a, name, size), struct atom, link)
		if (rtl_equal(at->name, at->size, name, size, true))
			return at;
	return NULL;
}

static struct atom **slot_of(struct ex_atoms *a, uint32_t slot)
{
	struct atom **chunk = a->chunks[slot / PER_CHUNK];

	return chunk != NULL ? &chunk[slot % PER_CHUNK] : NULL;
}

static struct atom *by_number(struct ex_atoms *a, uint32_t number) REQUIRES(NTEX)
{
	struct atom **slot = slot_of(a, number - FIRST_NAMED);

	return slot != NULL ? *slot : NULL;
}

/* The lowest free number, SLOTS if there is none. */
static uint32_t free_slot(const struct ex_atoms *a)
{
	for (uint32_t i = 0; i < ARRAY_LEN(a->busy); i++)
		if (a->busy[i] != UINT64_MAX)
			return i * 64 + (uint32_t)__builtin_ctzll(~a->busy[i]);
	return SLOTS;
}

static NTSTATUS add(struct ex_atoms *a, const WCHAR *name, uint32_t size, uint16_t *number) REQUIRES(NTEX)
{
	struct atom *at = find(a, name, size);
	uint32_t slot = free_slot(a);
	struct atom ***chunk;

	if (at != NULL) {
		at->count++;
		*number = (uint16_t)(at->slot + FIRST_NAMED);
		return STATUS_SUCCESS;
	}
	if (slot >= SLOTS)
		return STATUS_NO_MEMORY;
	chunk = &a->chunks[slot / PER_CHUNK];
	if (*chunk == NULL && (*chunk = arena_alloc(PER_CHUNK * sizeof **chunk)) == NULL)
		return STATUS_NO_MEMORY;
	at = arena_alloc(sizeof *at + size);
	if (at == NULL)
		return STATUS_NO_MEMORY;
	at->slot = slot;
	at->count = 1;
	at->size = size;
	memcpy(at->name, name, size);
	list_append(bucket_of(a, name, size), &at->link);
	*slot_of(a, slot) = at;
	a->busy[slot / 64] |= 1ull << slot % 64;
	*number = (uint16_t)(slot + FIRST_NAMED);
	return STATUS_SUCCESS;
}

/* "#n" is the atom n.  True: name is of that form; *number 0: n is no atom. */
static bool is_number(const WCHAR *name, uint32_t size, uint16_t *number)
{
	uint32_t n = 0;

	if (size < 4 || name[0] != '#')
		return false;
	for (uint32_t i = 1; i < size / 2; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		n = MIN(n * 10 + (name[i] - '0'), 0x10000u);
	}
	*number = n < FIRST_NAMED ? (uint16_t)n : 0;
	return true;
}

/* The guest's name; *number != 0: it is that atom already. */
static NTSTATUS name_in(uint64_t va, uint32_t size, WCHAR *name, uint16_t *number)
{
	*number = 0;
	if (va < 0x10000) {
		*number = (uint16_t)va;
		return va != 0 && va < FIRST_NAMED ? (NTSTATUS)STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
	}
	if (size > NAME_BYTES)
		return STATUS_INVALID_PARAMETER;
	if (size < 2)
		return STATUS_OBJECT_NAME_INVALID;
	if (user_read(name, va, size) != STATUS_SUCCESS)
		return STATUS_ACCESS_VIOLATION;
	if (is_number(name, size, number) && *number == 0)
		return STATUS_INVALID_PARAMETER;
	return STATUS_SUCCESS;
}

static NTSTATUS number_out(uint64_t va, uint16_t number)
{
	return va == 0 ? (NTSTATUS)STATUS_SUCCESS : user_write(va, &number, sizeof number);
}

NTSTATUS NtAddAtom(struct nt_thread *t, uint64_t name, uint32_t size, uint64_t atom)
{
	struct ex_atoms *a = ex_state()->atoms;
	WCHAR text[NAME_BYTES / 2];
	uint16_t number;
	NTSTATUS status;

	size &= ~1u;
	status = name_in(name, size, text, &number);
	if (status == STATUS_SUCCESS && number == 0) {
		lock_take(&a->lock);
		status = add(a, text, size, &number);
		lock_drop(&a->lock);
	}
	return status == STATUS_SUCCESS ? number_out(atom, number) : status;
}

NTSTATUS NtFindAtom(struct nt_thread *t, uint64_t name, uint32_t size, uint64_t atom)
{
	struct ex_atoms *a = ex_state()->atoms;
	WCHAR text[NAME_BYTES / 2];
	struct atom *at;
	uint16_t number;
	NTSTATUS status;

	size &= ~1u;
	status = name_in(name, size, text, &number);
	if (status == STATUS_SUCCESS && number == 0) {
		lock_take(&a->lock);
		at = find(a, text, size);
		if (at != NULL)
			number = (uint16_t)(at->slot + FIRST_NAMED);
		lock_drop(&a->lock);
		status = number != 0 ? (NTSTATUS)STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
	}
	return status == STATUS_SUCCESS ? number_out(atom, number) : status;
}

NTSTATUS NtDeleteAtom(struct nt_thread *t, uint32_t atom)
{
	struct ex_atoms *a = ex_state()->atoms;
	struct atom *at;

	atom &= 0xffff; /* a u16: the rest of the register is anything */
	if (atom < FIRST_NAMED)
		return atom != 0 ? (NTSTATUS)STATUS_SUCCESS : STATUS_INVALID_HANDLE;
	lock_take(&a->lock);
	at = by_number(a, atom);
	if (at != NULL && --at->count == 0) {
		list_remove(&at->link);
		*slot_of(a, at->slot) = NULL;
		a->busy[at->slot / 64] &= ~(1ull << at->slot % 64);
		arena_free(at);
	}
	lock_drop(&a->lock);
	return at != NULL ? (NTSTATUS)STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

/* ---- NtQueryInformationAtom ---- */

struct ATOM_BASIC_INFORMATION {
	uint16_t ReferenceCount, Pinned, NameLength;
	WCHAR Name[NAME_BYTES / 2 + 2];
};
#define ATOM_BASIC_SIZE 8u

static void describe_number(uint32_t atom, struct ATOM_BASIC_INFORMATION *b)
{
	char text[8];
	int n = fmt_snprintf(text, sizeof text, "#%u", atom);

	*b = (struct ATOM_BASIC_INFORMATION){ .ReferenceCount = 1, .Pinned = 1, .NameLength = (uint16_t)(n * 2) };
	for (int i = 0; i < n; i++)
		b->Name[i] = (WCHAR)text[i];
}

static NTSTATUS describe(uint32_t atom, struct ATOM_BASIC_INFORMATION *b)
{
	struct ex_atoms *a = ex_state()->atoms;
	struct atom *at;

	if (atom == 0)
		return STATUS_INVALID_PARAMETER;
	if (atom < FIRST_NAMED) {
		describe_number(atom, b);
		return STATUS_SUCCESS;
	}
	*b = (struct ATOM_BASIC_INFORMATION){ 0 };
	lock_take(&a->lock);
	at = by_number(a, atom);
	if (at != NULL) {
		b->ReferenceCount = (uint16_t)at->count;
		b->NameLength = (uint16_t)at->size;
		memcpy(b->Name, at->name, at->size);
	}
	lock_drop(&a->lock);
	return at != NULL ? (NTSTATUS)STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

static NTSTATUS query_basic(uint32_t atom, uint64_t buffer, uint32_t room, uint64_t returned)
{
	struct ATOM_BASIC_INFORMATION b;
	uint32_t whole;
	NTSTATUS status;

	if (room < ATOM_BASIC_SIZE)
		return STATUS_INVALID_PARAMETER;
	status = describe(atom, &b);
	if (status != STATUS_SUCCESS)
		return status;
	whole = ATOM_BASIC_SIZE + b.NameLength; /* with the 0 behind it */
	status = user_put32(returned, whole);
	if (status == STATUS_SUCCESS && room == ATOM_BASIC_SIZE) {
		status = user_write(buffer, &b, ATOM_BASIC_SIZE - sizeof(WCHAR));
		return status == STATUS_SUCCESS ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : status;
	}
	if (room < whole) { /* as much of the name as there is room for */
		b.NameLength = (uint16_t)((room - ATOM_BASIC_SIZE) & ~1u);
		b.Name[b.NameLength / 2] = 0;
	}
	return status == STATUS_SUCCESS ? user_write(buffer, &b, ATOM_BASIC_SIZE + b.NameLength) : status;
}

/* The number of atoms, and their numbers. */
static NTSTATUS query_table(uint64_t buffer, uint32_t room, uint64_t returned)
{
	struct ex_atoms *a = ex_state()->atoms;
	uint32_t count = 0, *whole = heap_alloc(sizeof(uint32_t) + SLOTS * sizeof(uint16_t));
	uint16_t *numbers = (uint16_t *)(whole + 1);
	NTSTATUS status;

	if (whole == NULL)
		return STATUS_NO_MEMORY;
	lock_take(&a->lock);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		if (a->busy[slot / 64] >> slot % 64 & 1)
			numbers[count++] = (uint16_t)(slot + FIRST_NAMED);
	lock_drop(&a->lock);
	*whole = count;
	status = user_answer(buffer, room, whole, (uint32_t)(sizeof count + count * sizeof *numbers), returned);
	heap_free(whole);
	return status;
}

NTSTATUS NtQueryInformationAtom(struct nt_thread *t, uint32_t atom, uint32_t class, uint64_t buffer, uint32_t size, uint64_t returned)
{
	if (class == 0)
		return query_basic(atom & 0xffff, buffer, size, returned);
	return class == 1 ? query_table(buffer, size, returned) : (NTSTATUS)STATUS_INVALID_INFO_CLASS;
}
