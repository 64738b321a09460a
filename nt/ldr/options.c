/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/options.c - what the registry says of every new process (Session Manager), and of programs of one name (Image File Execution
 * Options): flags and sizes that go into the PEB.  From Microsoft's documentation of "GFlags" and of these keys.
 */
#include "nt/cm/cm.h"
#include "nt/ldr/ldr.h"
#include "rt/mem.h"

static const WCHAR session_manager[] = u"\\Machine\\System\\CurrentControlSet\\Control\\Session Manager";
static const WCHAR image_options[] = u"\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Image File Execution Options\\";

/* Hexadecimal, with or without 0x. */
static uint64_t number_in(const WCHAR *text, uint32_t n)
{
	uint64_t value = 0;

	for (uint32_t i = n > 2 && text[0] == '0' && (text[1] | 32) == 'x' ? 2 : 0; i < n && text[i] != 0; i++) {
		uint32_t c = text[i] | 32u;

		if ((text[i] < '0' || text[i] > '9') && (c < 'a' || c > 'f'))
			break;
		value = value << 4 | (text[i] <= '9' ? text[i] - '0' : c - 'a' + 10);
	}
	return value;
}

/* False: it is not there. */
static bool number(const WCHAR *key, const WCHAR *name, uint32_t size, uint64_t *value)
{
	struct cm_value *v;
	uint32_t dword;
	bool known = true;

	if (cm_read(key, name, size, &v) != STATUS_SUCCESS)
		return false;
	if (v->type == REG_DWORD && v->size == sizeof dword) {
		memcpy(&dword, cm_data(v), sizeof dword);
		*value = dword;
	} else if (v->type == REG_SZ) {
		*value = number_in(cm_data(v), v->size / 2);
	} else {
		known = false;
	}
	cm_value_put(v);
	return known;
}

static void read_options(const WCHAR *key, uint8_t *peb)
{
	static const struct { const WCHAR *name; uint32_t chars, at, size; } options[] = {
		{ u"GlobalFlag", 10, PEB_GLOBAL_FLAG, 4 }, { u"HeapSegmentReserve", 18, PEB_HEAP_RESERVE, 8 }, { u"HeapSegmentCommit", 17, PEB_HEAP_COMMIT, 8 },
		{ u"HeapDeCommitTotalFreeThreshold", 30, PEB_HEAP_DECOMMIT, 8 }, { u"HeapDeCommitFreeBlockThreshold", 30, PEB_HEAP_FREE, 8 },
	};
	uint64_t value;

	for (uint32_t i = 0; i < ARRAY_LEN(options); i++)
		if (number(key, options[i].name, options[i].chars * 2, &value))
			memcpy(peb + options[i].at, &value, options[i].size);
	if (number(key, u"CriticalSectionTimeout", 22 * 2, &value)) {
		value = (uint64_t)(-(int64_t)value * 10000000);
		memcpy(peb + PEB_CRITICAL_TIMEOUT, &value, sizeof value);
	}
}

void ldr_options(const struct nt_start *start, uint8_t *peb)
{
	const uint32_t head = sizeof image_options - sizeof(WCHAR);
	uint32_t at = start->image.size / 2, n;
	WCHAR *key;

	read_options(session_manager, peb);
	while (at > 0 && start->image.text[at - 1] != '\\' && start->image.text[at - 1] != '/')
		at--;
	n = start->image.size - at * 2;
	key = n != 0 && n < 512 ? heap_alloc(head + n + sizeof(WCHAR)) : NULL;
	if (key == NULL)
		return;
	memcpy(key, image_options, head);
	memcpy((char *)key + head, start->image.text + at, n);
	read_options(key, peb);
	heap_free(key);
}
