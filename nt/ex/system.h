/* SPDX-License-Identifier: MIT */
/* nt/ex/system.h - the parts of NtQuerySystemInformation. */
#ifndef NT_EX_SYSTEM_H
#define NT_EX_SYSTEM_H

#include "nt/ex/tz.h"
#include "nt/nt.h"

/* Where an answer goes: user_answer's arguments. */
struct sys_out {
	uint64_t va, returned_va;
	uint32_t room;
};
/* firmware.c */
NTSTATUS sys_firmware(const struct sys_out *o);
NTSTATUS sys_answer(const struct sys_out *o, const void *from, uint32_t size);

/* ---- system_process.c ---- */
NTSTATUS sys_processes(const struct sys_out *o, bool extended);
NTSTATUS sys_handles(const struct sys_out *o, bool extended);
NTSTATUS sys_modules(const struct sys_out *o, bool extended);

/* ---- system_cpu.c ---- */
NTSTATUS sys_processor(const struct sys_out *o, uint16_t architecture);
NTSTATUS sys_processor_times(const struct sys_out *o);
NTSTATUS sys_logical_processors(const struct sys_out *o);
NTSTATUS sys_logical_processors_ex(const struct sys_out *o, uint32_t relation);
NTSTATUS sys_cpu_sets(const struct sys_out *o);

/* ---- timezone.c ---- */
struct sys_zone { /* RTL_DYNAMIC_TIME_ZONE_INFORMATION */
	int32_t bias;
	WCHAR standard_name[32];
	struct tz_date standard_date;
	int32_t standard_bias;
	WCHAR daylight_name[32];
	struct tz_date daylight_date;
	int32_t daylight_bias;
	WCHAR key_name[128];
	uint8_t no_dynamic, pad[3];
};
#define SYS_ZONE_SHORT 172u
_Static_assert(sizeof(struct sys_zone) == 0x1b0, "zone");
/* The sandbox's zone: /etc/localtime's. */
void sys_zone(struct sys_zone *z);
/*
 * Who asks is kernelbase.dll's own start, which does not want to hear where the zone's names are, but the names: for "@tzres.dll,-N" it maps that DLL, twice, a
 * twentieth of what a process takes.  It takes them from here if it does not find them in the zone's key (cm/value.c).
 */
bool sys_zone_is_named(void);
/* Minutes that UTC is ahead of local time now, and 0, 1 or 2: no daylight time, standard, daylight. */
int32_t sys_zone_bias_now(int64_t now, uint32_t *kind);
#endif
