/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/firmware.c - SystemFirmwareTableInformation: the tables that a sandbox's firmware would have left, by the SMBIOS reference
 * specification (DMTF DSP0134): what firmware and machine there are, and nothing that tells one machine from another.
 */
#include "nt/ex/system.h"
#include "nt/ke/user.h"
#include "pico/arena.h"
#include "rt/mem.h"

#define PROVIDER_RSMB 0x52534d42u
enum { ACTION_ENUMERATE, ACTION_GET };

/* SYSTEM_FIRMWARE_TABLE_INFORMATION, before the table. */
struct firmware_head {
	uint32_t provider, action, table, length;
};

/* RawSMBIOSData: version 2.8, then structures: type, length of the formatted part, handle, its fields, and texts that an empty one ends. */
static const uint8_t raw[] = {
	0, 2, 8, 0, 0, 0, 0, 0,
	/* firmware: vendor, version, segment, date, size, characteristics */
	0, 0x18, 0, 0, 1, 2, 0, 0xe8, 3, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0xff, 0xff,
	'B', 'a', 'i', 'l', 'e', 'y', 0, '1', 0, '0', '1', '/', '0', '1', '/', '2', '0', '2', '4', 0, 0,
	/* machine: maker, product, version, serial number, UUID (none), wake-up, SKU, family */
	1, 0x1b, 1, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0,
	'B', 'a', 'i', 'l', 'e', 'y', 0, 'S', 'a', 'n', 'd', 'b', 'o', 'x', 0, '1', 0, 0,
	/* the end */
	127, 4, 2, 0, 0, 0,
};
#define RAW_HEAD 8u

static uint32_t table_of(const struct firmware_head *h, uint8_t *out)
{
	const uint32_t length = sizeof raw - RAW_HEAD;

	if (h->action == ACTION_ENUMERATE) {
		memset(out, 0, 4); /* the one table is number 0 */
		return 4;
	}
	memcpy(out, raw, sizeof raw);
	memcpy(out + 4, &length, sizeof length);
	return sizeof raw;
}

NTSTATUS sys_firmware(const struct sys_out *o)
{
	struct firmware_head h;
	uint8_t table[sizeof raw];
	NTSTATUS status;
	uint32_t size;

	if (o->room < sizeof h) {
		status = user_put32(o->returned_va, sizeof h);
		return status == STATUS_SUCCESS ? (NTSTATUS)STATUS_INFO_LENGTH_MISMATCH : status;
	}
	status = user_read(&h, o->va, sizeof h);
	if (status == STATUS_SUCCESS && (h.provider != PROVIDER_RSMB || h.action > ACTION_GET)) {
		status = user_put32(o->returned_va, 0);
		return status == STATUS_SUCCESS ? (NTSTATUS)STATUS_NOT_IMPLEMENTED : status;
	}
	size = table_of(&h, table);
	h.length = size;
	if (status == STATUS_SUCCESS)
		status = user_write(o->va, &h, sizeof h);
	if (status == STATUS_SUCCESS)
		status = user_put32(o->returned_va, (uint32_t)sizeof h + size);
	if (status == STATUS_SUCCESS && o->room < sizeof h + size)
		return STATUS_BUFFER_TOO_SMALL;
	return status == STATUS_SUCCESS ? user_write(o->va + sizeof h, table, size) : status;
}
