/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/nls.c - tables of characters and locales, and which locale is the default.
 *
 * The tables are files of Wine's in /usr/share/wine/nls, in the formats of Windows' *.nls; each call maps the one it is asked for.
 * The default locales are the sandbox's, en-US until somebody sets another.
 */
#include "nt/ex/ex.h"
#include "nt/ke/user.h"
#include "nt/mm/mm.h"
#include "nt/nt.h"
#include "nt/os/file.h"
#include "nt/os/sysinfo.h"
#include "ntcalls.gen.h"
#include "rt/fmt.h"

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

NTSTATUS NtSetDefaultLocale(struct nt_thread *t, uint8_t user, uint32_t lcid)
{
	uint64_t old = atomic_load(locales()), both;

	(void)t;
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
