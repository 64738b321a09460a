/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/system.c - NtQuerySystemInformation: the machine, its memory, its time.
 *
 * Most classes have one size: too small a buffer gives STATUS_INFO_LENGTH_MISMATCH and that size.  Layouts are the
 * public documentation's.
 */
#include "nt/ex/system.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/mm/mm.h"
#include "nt/os/sysinfo.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

enum system_class { SYS_BASIC, SYS_CPU, SYS_PERFORMANCE, SYS_TIME_OF_DAY, SYS_PROCESS = 5, SYS_PROCESSOR_TIMES = 8, SYS_FLAGS = 9, SYS_MODULES = 11,
	SYS_HANDLES = 16, SYS_FILE_CACHE = 21, SYS_INTERRUPTS = 23, SYS_TIME_ADJUSTMENT = 28, SYS_DEBUGGER = 35, SYS_REGISTRY_QUOTA = 37,
	SYS_TIME_ZONE = 44, SYS_EXTENDED_PROCESS = 57, SYS_EXTENDED_HANDLES = 64, SYS_LOGICAL_PROCESSORS = 73, SYS_FIRMWARE_TABLE = 76,
	SYS_MODULES_EX = 77, SYS_EMULATION_BASIC = 62, SYS_EMULATION_CPU = 63, SYS_BOOT_ENVIRONMENT = 90, SYS_DYNAMIC_TIME_ZONE = 102,
	SYS_FIRMWARE = 76, SYS_CODE_INTEGRITY = 103, SYS_LOGICAL_PROCESSORS_EX = 107, SYS_DEBUGGER_EX = 149, SYS_CPU_SETS = 175, SYS_ARCHITECTURES = 181, SYS_FULL_PROCESS = 148,
	SYS_WINE_VERSION = 1000, SYS_NATIVE_BASIC = 114, SYS_ALIGNMENT = 58 };

NTSTATUS sys_answer(const struct sys_out *o, const void *from, uint32_t size)
{
	return user_answer(o->va, o->room, from, size, o->returned_va);
}

struct sys_basic {
	uint32_t reserved, resolution, page_size, pages, lowest, highest, granularity, pad;
	uint64_t user_low, user_high, affinity;
	uint8_t cpus, pad2[7];
};
_Static_assert(sizeof(struct sys_basic) == 64, "SYSTEM_BASIC_INFORMATION");

static NTSTATUS basic(const struct sys_out *o)
{
	struct os_machine m;
	struct sys_basic b = { .resolution = 10000, .page_size = PAGE_SIZE, .lowest = 1, .granularity = NT_GRANULE, .user_low = NT_USER_LOW,
		.user_high = 0x7ffffffeffff };

	if (o->room > sizeof b)
		return STATUS_INFO_LENGTH_MISMATCH;
	os_machine(&m);
	b.pages = (uint32_t)MIN(m.total_pages, UINT32_MAX);
	b.highest = b.pages;
	b.cpus = (uint8_t)MIN(m.cpus, 64u);
	b.affinity = m.cpus >= 64 ? UINT64_MAX : (1ull << m.cpus) - 1;
	return sys_answer(o, &b, sizeof b);
}

/* SYSTEM_PERFORMANCE_INFORMATION: where the figures are that there are. */
#define PERFORMANCE_SIZE 312u
enum { PERF_IDLE = 0, PERF_AVAILABLE = 44, PERF_COMMITTED = 48, PERF_COMMIT_LIMIT = 52, PERF_PEAK = 56 };

static NTSTATUS performance(const struct sys_out *o)
{
	struct os_machine m;
	uint8_t p[PERFORMANCE_SIZE] = { 0 };
	uint32_t available, committed, limit;

	os_machine_memory(&m);
	available = (uint32_t)MIN(m.free_pages, UINT32_MAX);
	committed = (uint32_t)MIN(m.committed_pages, UINT32_MAX);
	limit = (uint32_t)MIN(m.total_pages, UINT32_MAX);
	memcpy(p + PERF_AVAILABLE, &available, 4);
	memcpy(p + PERF_COMMITTED, &committed, 4);
	memcpy(p + PERF_COMMIT_LIMIT, &limit, 4);
	memcpy(p + PERF_PEAK, &committed, 4);
	return sys_answer(o, p, sizeof p);
}

/* May be asked for in part. */
static NTSTATUS time_of_day(const struct sys_out *o)
{
	struct {
		int64_t boot, now, bias;
		uint32_t zone_kind, reserved;
		uint64_t boot_bias, sleep_bias;
	} d = { 0 };
	NTSTATUS status;

	if (o->room > sizeof d) {
		status = user_put32(o->returned_va, 0);
		return status != STATUS_SUCCESS ? status : (NTSTATUS)STATUS_INFO_LENGTH_MISMATCH;
	}
	d.now = ex_system_time();
	d.boot = d.now - (int64_t)((pico_now() - os_boot_monotonic()) / 100);
	d.bias = (int64_t)sys_zone_bias_now(d.now, &d.zone_kind) * 60 * 10000000;
	status = user_write(o->va, &d, o->room);
	return status != STATUS_SUCCESS ? status : user_put32(o->returned_va, o->room);
}

static NTSTATUS time_zone(const struct sys_out *o, uint32_t size)
{
	struct sys_zone *z = heap_alloc(sizeof *z);
	NTSTATUS status;

	if (z == NULL)
		return STATUS_NO_MEMORY;
	sys_zone(z);
	status = sys_answer(o, z, size);
	heap_free(z);
	return status;
}

/* A struct of 24 bytes a processor, whose figures nobody shows: who asks wants something that cannot be guessed. */
static NTSTATUS interrupts(const struct sys_out *o)
{
	struct os_machine m;
	uint32_t size;
	uint8_t *bytes;
	NTSTATUS status;

	os_machine(&m);
	size = m.cpus * 24;
	bytes = heap_alloc(size);
	if (bytes == NULL)
		return STATUS_NO_MEMORY;
	(void)DkRandomBitsRead(bytes, size);
	status = sys_answer(o, bytes, size);
	heap_free(bytes);
	return status;
}

/* Four texts one behind the other: version, build, and the system that it runs on with its release. */
static NTSTATUS wine_version(const struct sys_out *o)
{
	static const char text[] = "8.0\0wine-8.0\0Bailey\0" "1";
	NTSTATUS status = user_put32(o->returned_va, sizeof text);

	if (status != STATUS_SUCCESS)
		return status;
	status = user_write(o->va, text, MIN(o->room, (uint32_t)sizeof text));
	return status == STATUS_SUCCESS && o->room < sizeof text ? (NTSTATUS)STATUS_INFO_LENGTH_MISMATCH : status;
}

/* Answers of all but nothing: size bytes, of which the first ones are given. */
static NTSTATUS plain(const struct sys_out *o, uint64_t first, uint64_t second, uint32_t size)
{
	uint64_t words[8] = { first, second };

	return sys_answer(o, words, size);
}

/* The same to who has that much room, and no more. */
static NTSTATUS exactly(const struct sys_out *o, uint64_t first, uint64_t second, uint32_t size)
{
	NTSTATUS status;

	if (o->room == size)
		return plain(o, first, second, size);
	status = user_put32(o->returned_va, size);
	return status == STATUS_SUCCESS ? (NTSTATUS)STATUS_INFO_LENGTH_MISMATCH : status;
}

static NTSTATUS file_cache(const struct sys_out *o)
{
	struct os_machine m;
	uint64_t words[8] = { 0 };

	os_machine_memory(&m);
	words[0] = words[1] = m.shared_pages * PAGE_SIZE;
	return sys_answer(o, words, sizeof words);
}

static NTSTATUS query(uint32_t class, const struct sys_out *o)
{
	switch (class) {
	case SYS_BASIC:
	case SYS_NATIVE_BASIC:
	case SYS_EMULATION_BASIC: return basic(o);
	case SYS_CPU: return sys_processor(o, 9);
	case SYS_EMULATION_CPU: return sys_processor(o, 0); /* as 32-bit programs see it */
	case SYS_ALIGNMENT: return plain(o, 64, 0, 4);
	case SYS_PERFORMANCE: return performance(o);
	case SYS_TIME_OF_DAY: return time_of_day(o);
	case SYS_PROCESS: return sys_processes(o, false);
	case SYS_EXTENDED_PROCESS: return sys_processes(o, true);
	case SYS_PROCESSOR_TIMES: return sys_processor_times(o);
	case SYS_FLAGS: return plain(o, 0, 0, 4);
	case SYS_MODULES: return sys_modules(o, false);
	case SYS_MODULES_EX: return sys_modules(o, true);
	case SYS_HANDLES: return sys_handles(o, false);
	case SYS_EXTENDED_HANDLES: return sys_handles(o, true);
	case SYS_FILE_CACHE: return file_cache(o);
	case SYS_INTERRUPTS: return interrupts(o);
	case SYS_TIME_ADJUSTMENT: return exactly(o, 156250ull << 32 | 156250, 1, 12); /* adjustment, increment, disabled */
	case SYS_DEBUGGER: return plain(o, 0x100, 0, 2);          /* not enabled, not present */
	case SYS_REGISTRY_QUOTA: return plain(o, 0x2000000ull << 32 | 0x8000000, 0, 16);
	case SYS_TIME_ZONE: return time_zone(o, SYS_ZONE_SHORT);
	case SYS_DYNAMIC_TIME_ZONE: return time_zone(o, sizeof(struct sys_zone));
	case SYS_LOGICAL_PROCESSORS: return sys_logical_processors(o);
	case SYS_CPU_SETS: return STATUS_INVALID_PARAMETER; /* of a process: NtQuerySystemInformationEx */
	case SYS_FIRMWARE: return sys_firmware(o);
	case SYS_CODE_INTEGRITY: return plain(o, 1ull << 32 | 8, 0, 8);
	case SYS_DEBUGGER_EX: return plain(o, 0, 0, 3);
	case SYS_WINE_VERSION: return wine_version(o);
	default: return STATUS_INVALID_INFO_CLASS;
	}
}

NTSTATUS NtQuerySystemInformation(struct nt_thread *t, uint32_t class, uint64_t info, uint32_t length, uint64_t returned)
{
	struct sys_out o = { .va = info, .returned_va = returned, .room = length };

	(void)t;
	return query(class, &o);
}

/* The input of classes that are about a process, or about none (handle 0). */
static NTSTATUS process_in(uint64_t input, uint32_t input_length, bool *any)
{
	uint64_t process;
	struct ob_object *p = NULL;
	NTSTATUS status;

	if (input == 0 || input_length != sizeof process)
		return STATUS_INVALID_PARAMETER;
	status = user_read(&process, input, sizeof process);
	if (status == STATUS_SUCCESS && process != 0)
		status = ob_by_handle(process, OB_PROCESS, PROCESS_QUERY_LIMITED_INFORMATION, &p);
	*any = p != NULL;
	ob_put(p);
	return status;
}

/* All processes have the same: all. */
static NTSTATUS cpu_sets(const struct sys_out *o, uint64_t input, uint32_t input_length)
{
	bool any;
	NTSTATUS status = process_in(input, input_length, &any);

	return status == STATUS_SUCCESS ? sys_cpu_sets(o) : status;
}

/* Machine types with flags: the kernel's, programs', native, and that process's; then an empty one.  Only x86-64 programs run here. */
static NTSTATUS architectures(const struct sys_out *o, uint64_t input, uint32_t input_length)
{
	uint32_t list[2] = { 0x8664 | 7u << 16, 0 };
	bool of_process;
	NTSTATUS status = process_in(input, input_length, &of_process);

	if (status != STATUS_SUCCESS)
		return status;
	if (of_process)
		list[0] |= 8u << 16;
	status = user_put32(o->returned_va, sizeof list);
	if (status == STATUS_SUCCESS && o->room < sizeof list)
		return STATUS_BUFFER_TOO_SMALL;
	return status == STATUS_SUCCESS ? user_write(o->va, list, sizeof list) : status;
}

NTSTATUS NtQuerySystemInformationEx(struct nt_thread *t, uint32_t class, uint64_t input, uint32_t input_length, uint64_t info, uint32_t length,
	uint64_t returned)
{
	struct sys_out o = { .va = info, .returned_va = returned, .room = length };
	uint32_t relation;
	NTSTATUS status;

	(void)t;
	if (class == SYS_CPU_SETS)
		return cpu_sets(&o, input, input_length);
	if (class == SYS_ARCHITECTURES)
		return architectures(&o, input, input_length);
	if (class != SYS_LOGICAL_PROCESSORS_EX)
		return STATUS_INVALID_INFO_CLASS;
	if (input == 0 || input_length < sizeof relation)
		return STATUS_INVALID_PARAMETER;
	status = user_read(&relation, input, sizeof relation);
	return status != STATUS_SUCCESS ? status : sys_logical_processors_ex(&o, relation);
}

NTSTATUS NtSetSystemInformation(struct nt_thread *t, uint32_t class, uint64_t info, uint32_t length)
{
	(void)t;
	(void)class;
	(void)info;
	(void)length;
	return STATUS_PRIVILEGE_NOT_HELD;
}
