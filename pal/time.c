/* SPDX-License-Identifier: MIT */
/*
 * pal/time.c - clocks, by the host's vdso, which the monitor's list let us move.
 *
 * Its clock_gettime uses general registers only.  For a clock it cannot read it makes
 * a host call by itself, which from there traps; the trap handler makes it fail with
 * ENOSYS, and then we make the call.
 */
#include "pal/pal.h"
#include "rt/mem.h"

struct elf_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct elf_program {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
struct elf_symbol {
	uint32_t name;
	uint8_t info, other;
	uint16_t shndx;
	uint64_t value, size;
};
enum { PT_LOAD = 1, PT_DYNAMIC = 2, DT_STRTAB = 5, DT_SYMTAB = 6, DT_STRSZ = 10 };

static long (*vdso_gettime)(int clock, struct host_timespec *ts);

/* Symbols end where the strings begin, as every linker lays a vdso out. */
static void find_symbol(uint64_t bias, const uint64_t *dynamic)
{
	const struct elf_symbol *symbols = NULL;
	const char *names = NULL;
	uint64_t names_size = 0;

	for (; dynamic[0]; dynamic += 2) {
		if (dynamic[0] == DT_STRTAB)
			names = (const char *)(bias + dynamic[1]);
		else if (dynamic[0] == DT_SYMTAB)
			symbols = (const struct elf_symbol *)(bias + dynamic[1]);
		else if (dynamic[0] == DT_STRSZ)
			names_size = dynamic[1];
	}
	if (!symbols || !names)
		return;
	for (const struct elf_symbol *s = symbols; (const char *)(s + 1) <= names; s++) {
		if (s->name < names_size && s->value && strcmp(names + s->name, "__vdso_clock_gettime") == 0)
			vdso_gettime = (long (*)(int, struct host_timespec *))(bias + s->value);
	}
}

void time_init(uint64_t vdso)
{
	const struct elf_header *e = (const struct elf_header *)vdso;
	const struct elf_program *p = (const struct elf_program *)(vdso + e->phoff);
	const uint64_t *dynamic = NULL;
	uint64_t bias = 0;

	if (memcmp(e->ident, "\177ELF", 4) != 0)
		return;
	for (unsigned i = 0; i < e->phnum; i++) {
		if (p[i].type == PT_LOAD && p[i].offset == 0)
			bias = vdso - p[i].vaddr;
	}
	for (unsigned i = 0; i < e->phnum; i++) {
		if (p[i].type == PT_DYNAMIC)
			dynamic = (const uint64_t *)(bias + p[i].vaddr);
	}
	if (dynamic)
		find_symbol(bias, dynamic);
}

static long host_clock(int clock, struct host_timespec *ts)
{
	if (vdso_gettime && clock != 2 && clock != 3 && vdso_gettime(clock, ts) == 0)
		return 0;
	return HOST2(clock_gettime, clock, ts);
}

uint64_t pal_now(void)
{
	struct host_timespec ts;

	(void)host_clock(1, &ts);
	return (uint64_t)ts.sec * 1000000000u + (uint64_t)ts.nsec;
}

uint64_t thread_cpu_ns(void)
{
	struct host_timespec ts;

	(void)host_clock(3, &ts);
	return (uint64_t)ts.sec * 1000000000u + (uint64_t)ts.nsec;
}

enum dk_status DkSystemTimeQuery(uint32_t clock, uint64_t *time)
{
	static const int8_t host[] = {
		[DK_CLOCK_REALTIME] = 0, [DK_CLOCK_MONOTONIC] = 1, [DK_CLOCK_PROCESS_CPU] = 2, [DK_CLOCK_THREAD_CPU] = 3,
		[DK_CLOCK_MONOTONIC_COARSE] = 6, [DK_CLOCK_REALTIME_COARSE] = 5, [DK_CLOCK_BOOTTIME] = 7, [DK_CLOCK_MONOTONIC_RAW] = 4,
	};
	struct host_timespec ts;
	long err;

	if (clock >= ARRAY_LEN(host))
		return DK_INVALID_ARG;
	err = host_clock(host[clock], &ts);
	if (err < 0)
		return status_of(err);
	*time = (uint64_t)ts.sec * 1000000000u + (uint64_t)ts.nsec;
	if (clock == DK_CLOCK_THREAD_CPU)
		*time -= pal_tb()->pal[TBP_CPU_BASE];
	return DK_OK;
}

/* The host's ids of CPU clocks: ~pid << 3, 4 for a thread, then what is counted (clock_getcpuclockid(3)). */
enum { CLOCK_PROF = 0, CLOCK_VIRT = 1, CLOCK_SCHED = 2, CLOCK_OF_THREAD = 4 };

static long cpu_clock(uint32_t id, uint32_t kind, uint64_t *ns)
{
	struct host_timespec ts;
	long err = HOST2(clock_gettime, (int)(~id << 3 | kind), &ts);

	*ns = (uint64_t)ts.sec * 1000000000u + (uint64_t)ts.nsec;
	return err;
}

enum dk_status DkObjectTimeQuery(dk_handle h, uint32_t what, uint64_t *time)
{
	struct object *o = object_find(h);
	uint32_t id = 0, kind = 0;
	uint64_t user, base = 0;
	long err;

	if (!o)
		return DK_INVALID_HANDLE;
	if (DK_HANDLE_KIND(h) == DK_KIND_THREAD) {
		id = atomic_load(&((struct thread *)o)->tid);
		kind = CLOCK_OF_THREAD;
		base = ((struct thread *)o)->cpu_base;
	} else if (DK_HANDLE_KIND(h) == DK_KIND_PROCESS) {
		id = atomic_load(&((struct process *)o)->tgid);
	}
	if (!id || what > DK_TIME_KERNEL)
		return id ? DK_INVALID_ARG : DK_INVALID_HANDLE;
	if (what == DK_TIME_KERNEL && base != 0)
		return DK_NOT_SUPPORTED; /* of that, what its earlier lives had is not known */
	if (what == DK_TIME_CPU) {
		err = cpu_clock(id, kind | CLOCK_SCHED, time);
		*time -= MIN(base, *time);
	} else {
		err = cpu_clock(id, kind | CLOCK_VIRT, &user);
		if (!err)
			err = cpu_clock(id, kind | CLOCK_PROF, time);
		if (!err)
			*time -= MIN(user, *time);
	}
	return err ? DK_DENIED : DK_OK; /* the host knows no such thread, or another picoprocess's */
}
