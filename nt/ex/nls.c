/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/nls.c - tables of characters and locales, and which locale is the default.
 *
 * The tables are files of Wine's in /usr/share/wine/nls, in the formats of Windows' *.nls; each call maps the one it is asked for.
 * The default locales are the sandbox's, en-US until somebody sets another of those that locale.nls has: with others no program would start.
 */
#include "nt/ex/ex.h"
#include "nt/ke/user.h"
#include "nt/mm/mm.h"
#include "nt/nt.h"
#include "nt/os/file.h"
#include "nt/os/sysinfo.h"
#include "ntcalls.gen.h"
#include "pico/arena.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define NLS_FOLDER "/usr/share/wine/nls/"
#define LCID_EN_US 0x409u

enum nls_section { NLS_SORTKEYS = 9, NLS_CASEMAP = 10, NLS_CODEPAGE = 11, NLS_NORMALIZE = 12 };

/* The file of a section; false: there is no such section. */
static bool section_path(char *path, size_t size, uint32_t type, uint32_t id)
{
	static const char *const forms[] = { [1] = "normnfc", [2] = "normnfd", [5] = "normnfkc", [6] = "normnfkd", [13] = "normidna" };

	switch (type) {
	case NLS_SORTKEYS:
		if (id != 0)
			return false;
		(void)fmt_snprintf(path, size, NLS_FOLDER "sortdefault.nls");
		return true;
	case NLS_CASEMAP:
		if (id != 0)
			return false;
		(void)fmt_snprintf(path, size, NLS_FOLDER "l_intl.nls");
		return true;
	case NLS_CODEPAGE:
		(void)fmt_snprintf(path, size, NLS_FOLDER "c_%03u.nls", id);
		return true;
	case NLS_NORMALIZE:
		if (id >= ARRAY_LEN(forms) || forms[id] == NULL)
			return true; /* a file that is not there */
		(void)fmt_snprintf(path, size, NLS_FOLDER "%s.nls", forms[id]);
		return true;
	default:
		return false;
	}
}

/* What ntdll, kernelbase and the C runtime map of each program. */
void ex_nls_ahead(void)
{
	static const char *const names[] = { "locale.nls", "l_intl.nls", "c_1252.nls", "c_437.nls", "sortdefault.nls", "normnfc.nls", "c_20127.nls" };

	os_files_ahead(NLS_FOLDER, names, ARRAY_LEN(names));
}

NTSTATUS NtGetNlsSectionPtr(struct nt_thread *t, uint32_t type, uint32_t id, uint64_t unknown, uint64_t pointer, uint64_t size)
{
	char path[64] = NLS_FOLDER "none";
	uint64_t address, bytes;
	NTSTATUS status;

	(void)unknown;
	if (!section_path(path, sizeof path, type, id))
		return STATUS_INVALID_PARAMETER_1;
	status = os_map_whole_file(t->process->mm, path, &address, &bytes);
	if (status != STATUS_SUCCESS)
		return status;
	status = user_write(pointer, &address, sizeof address);
	if (status == STATUS_SUCCESS)
		status = user_put64(size, bytes);
	if (status != STATUS_SUCCESS)
		(void)nt_mm_release(t->process->mm, address);
	return status;
}


/* Both: the user's below, the system's above; 0 is en-US. */
static _Atomic uint64_t *locales(void)
{
	return &nt_state()->locales;
}

static uint32_t locale(bool user)
{
	uint64_t both = atomic_load_explicit(locales(), memory_order_relaxed);
	uint32_t lcid = (uint32_t)(user ? both : both >> 32);

	return lcid != 0 ? lcid : LCID_EN_US;
}

uint32_t ex_user_locale(void)
{
	return locale(true);
}

NTSTATUS NtInitializeNlsFiles(struct nt_thread *t, uint64_t pointer, uint64_t lcid, uint64_t size)
{
	uint64_t address, bytes;
	uint32_t system = locale(false);
	NTSTATUS status = os_map_whole_file(t->process->mm, NLS_FOLDER "locale.nls", &address, &bytes);

	(void)size;
	if (status != STATUS_SUCCESS)
		return status;
	status = user_write(pointer, &address, sizeof address);
	if (status == STATUS_SUCCESS)
		status = user_write(lcid, &system, sizeof system);
	if (status != STATUS_SUCCESS)
		(void)nt_mm_release(t->process->mm, address);
	return status;
}

NTSTATUS NtQueryDefaultLocale(struct nt_thread *t, uint8_t user, uint64_t lcid)
{
	uint32_t value = locale(user != 0);

	(void)t;
	return user_write(lcid, &value, sizeof value);
}

/* The part of locale.nls at *(its start + 0x10): how many numbers it has and where they are, from that part on, 8 bytes each, sorted. */
#define NLS_LOCALES 0x10u
#define LCID_COUNT  0x1eu
#define LCID_TABLE  0x2cu
static bool lists_locale(const char *text, uint32_t size, uint32_t lcid)
{
	uint32_t part, table, id;
	uint16_t count;

	if (size < NLS_LOCALES + 4)
		return false;
	memcpy(&part, text + NLS_LOCALES, sizeof part);
	if (part > size || size - part < LCID_TABLE + 4)
		return false;
	memcpy(&count, text + part + LCID_COUNT, sizeof count);
	memcpy(&table, text + part + LCID_TABLE, sizeof table);
	if (table > size - part || size - part - table < count * 8u)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		memcpy(&id, text + part + table + i * 8, sizeof id);
		if (id == lcid)
			return true;
	}
	return false;
}

static bool is_locale(uint32_t lcid)
{
	uint32_t size;
	char *text = os_read_file(NLS_FOLDER "locale.nls", 4u << 20, &size);
	bool known = text != NULL && lists_locale(text, size, lcid);

	heap_free(text);
	return known;
}

NTSTATUS NtSetDefaultLocale(struct nt_thread *t, uint8_t user, uint32_t lcid)
{
	uint64_t old = atomic_load(locales()), both;

	(void)t;
	if (lcid != 0 && !is_locale(lcid))
		return STATUS_INVALID_PARAMETER;
	do
		both = user != 0 ? (old & ~(uint64_t)UINT32_MAX) | lcid : (old & UINT32_MAX) | (uint64_t)lcid << 32;
	while (!atomic_compare_exchange_weak(locales(), &old, both));
	return STATUS_SUCCESS;
}

static NTSTATUS put_language(uint64_t va, uint32_t lcid)
{
	uint16_t language = (uint16_t)lcid;

	return user_write(va, &language, sizeof language);
}

NTSTATUS NtQueryDefaultUILanguage(struct nt_thread *t, uint64_t language)
{
	(void)t;
	return put_language(language, locale(true));
}

NTSTATUS NtQueryInstallUILanguage(struct nt_thread *t, uint64_t language)
{
	(void)t;
	return put_language(language, locale(false));
}

NTSTATUS NtSetDefaultUILanguage(struct nt_thread *t, uint32_t language)
{
	return NtSetDefaultLocale(t, 1, language & 0xffff);
}
