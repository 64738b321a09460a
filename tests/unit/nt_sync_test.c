/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/nt_sync_test.c - nt/ob and nt/ex with real threads: handles, names, and the rules of waiting.  A wake-up that is
 * lost hangs the test (the runner's time limit tells); a signal given to two or to none breaks a count.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "nt/con/con.h"
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/ob/ob.h"
#include "nt/os/timer.h"
#include "nt/os/wait.h"
#include "nt/ps/ps.h"
#include "ntcalls.gen.h"
#include "tests/unit/t.h"

#define THREADS 6

long syscall(long nr, ...);
int pthread_create(unsigned long *id, const void *attr, void *(*fn)(void *), void *arg);
int pthread_join(unsigned long id, void **result);
int sched_yield(void);

/* ---- What ob and ex stand on ---- */

static struct nt_state state;
static struct nt_process process, other;
static struct nt_thread threads[THREADS + 1];
static struct pico_thread picos[THREADS + 1];
static _Atomic uint32_t events[THREADS + 1]; /* latched: 1 = set */
static _Atomic uint32_t interrupted[THREADS + 1];
static __thread unsigned me;
static struct dk_tb tbs[THREADS + 1];

struct nt_thread *nt_current(void) { return &threads[me]; }
struct nt_process *nt_worker_process(void) { return NULL; }

static enum dk_status yield(void)
{
	sched_yield();
	return DK_OK;
}
static const struct dk_table table = { .ThreadYieldExecution = yield };
const struct dk_table *dk = &table;

static void become(unsigned n)
{
	me = n;
	tbs[n].self = &tbs[n];
	tbs[n].libos = &picos[n];
	syscall(158 /* arch_prctl */, 0x1001 /* ARCH_SET_GS */, &tbs[n]);
}

static uint64_t clock_ns(int clock)
{
	struct { long s, ns; } ts;

	syscall(228 /* clock_gettime */, clock, &ts);
	return (uint64_t)ts.s * 1000000000ull + (uint64_t)ts.ns;
}
uint64_t pico_now(void) { return clock_ns(1); }
uint64_t pico_now_realtime(void) { return clock_ns(0); }

void pico_wake(struct pico_thread *t)
{
	unsigned n = (unsigned)(t - picos);

	atomic_store(&events[n], 1);
	syscall(202, &events[n], 129 /* WAKE, private */, 1, 0, 0, 0);
}

enum dk_status pico_wait(uint64_t deadline, uint32_t flags)
{
	struct { long s, ns; } ts = { (long)(deadline / 1000000000), (long)(deadline % 1000000000) };

	for (;;) {
		if (atomic_exchange(&events[me], 0) == 1)
			return DK_OK;
		if (atomic_exchange(&interrupted[me], 0) == 1)
			return DK_INTERRUPTED;
		if (pico_now() >= deadline)
			return DK_TIMEOUT;
		syscall(202, &events[me], 137 /* WAIT_BITSET, private */, 0, deadline == DK_FOREVER ? NULL : (void *)&ts, 0, -1);
	}
}

enum dk_status os_sleep(uint64_t deadline)
{
	return pico_wait(deadline, 0);
}
void lock_init(struct lock *l, enum lock_class_id class) { *l = (struct lock){ .class = class }; }
bool lock_try(struct lock *l) { return atomic_exchange_explicit(&l->word, 1, memory_order_acquire) == 0; }
void lock_take(struct lock *l)
{
	while (!lock_try(l))
		sched_yield();
}
void lock_drop(struct lock *l) { atomic_store_explicit(&l->word, 0, memory_order_release); }
void lock_take2(struct lock *a, struct lock *b)
{
	lock_take(a < b ? a : b);
	if (a != b)
		lock_take(a < b ? b : a);
}
void lock_drop2(struct lock *a, struct lock *b)
{
	lock_drop(a);
	if (a != b)
		lock_drop(b);
}
static _Atomic long blocks;
void *arena_alloc(size_t size) { blocks++; return calloc(1, size); }
void arena_free(void *p) { blocks -= p != NULL; free(p); }
void *heap_alloc(size_t size) { return calloc(1, size); }
void heap_free(void *p) { free(p); }
void ref_misused(const struct ref *r, uint32_t count) { abort(); }
void panic(const char *format, ...) { abort(); }
bool guest_range_ok(uint64_t addr, uint64_t size) { return addr >= 4096; }
size_t uaccess_read(void *dst, uint64_t src, size_t size) { return src < 4096 ? size : (memcpy(dst, (void *)src, size), 0); }
size_t uaccess_write(uint64_t dst, const void *src, size_t size) { return dst < 4096 ? size : (memcpy((void *)dst, src, size), 0); }
bool uaccess_load32(uint64_t addr, uint32_t *v) { return addr >= 4096 && (*v = *(uint32_t *)addr, true); }
bool uaccess_cmpxchg32(uint64_t addr, uint32_t *e, uint32_t d) { return addr >= 4096; }
size_t str_copy(char *dst, const char *src, size_t size)
{
	size_t n = strlen(src);

	n = n < size ? n : size - 1;
	memcpy(dst, src, n);
	dst[n] = 0;
	return n;
}
int fmt_snprintf(char *buf, size_t size, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(buf, size, format, ap);
	va_end(ap);
	return n;
}

void kuser_tick(struct nt_state *nt) {}
bool nt_mm_settle(uint64_t va, uint64_t size, bool write) { return false; }

static _Atomic uint32_t apcs[THREADS + 1], apcs_taken;
bool ps_apcs_pending(const struct nt_thread *t) { return atomic_load(&apcs[t - threads]) != 0; }
void ps_user_apcs(struct nt_thread *t) { apcs_taken += atomic_exchange(&apcs[t - threads], 0); }
struct nt_console *con_waited_for(const struct ob_object *file) { return NULL; }
enum dk_status con_wait(struct nt_console *c, uint64_t deadline) { return DK_INTERRUPTED; }
NTSTATUS ps_queue_apc(struct nt_thread *t, uint64_t routine, uint64_t a1, uint64_t a2, uint64_t a3, bool special)
{
	atomic_fetch_add(&apcs[t - threads], 1);
	ex_interrupt(t);
	return STATUS_SUCCESS;
}
NTSTATUS ps_queue_apc_of(struct nt_thread *t, const void *of, uint64_t routine, uint64_t a1, uint64_t a2, uint64_t a3)
{
	return ps_queue_apc(t, routine, a1, a2, a3, false);
}
void ps_apc_remove(struct nt_thread *t, const void *of) {}
void os_timer_init(struct os_timer *tm, void *owner) {}
void os_timer_arm(struct os_timer *tm, uint64_t deadline) { tm->space[0] = deadline; }
void os_timer_disarm(struct os_timer *tm) { tm->space[0] = 0; }
NTSTATUS se_pseudo_token(uint64_t handle, struct ob_object **o) { return STATUS_NO_TOKEN; }
NTSTATUS se_assign(struct ob_object *o, uint64_t security) { return STATUS_SUCCESS; }
NTSTATUS se_check_open(struct ob_object *o, uint32_t *access) { return STATUS_SUCCESS; }
bool se_may_audit(void) { return false; }
NTSTATUS se_check_duplicate(struct ob_object *o, struct nt_process *to, uint32_t *access) { return STATUS_SUCCESS; }
const struct ob_type ob_type_process = { .name = "Process", .all = 0x1fffff, .waitable = true }, ob_type_thread = { .name = "Thread", .all = 0x1fffff, .waitable = true };

static struct nt_thread *self(void) { return &threads[me]; }

static void process_init(struct nt_process *p)
{
	ref_init(&p->ob.ref);
	p->ob.type = OB_PROCESS;
	p->handles = ob_table_new();
}

static void threads_init(void)
{
	for (unsigned i = 0; i <= THREADS; i++) {
		ref_init(&threads[i].ob.ref);
		threads[i].ob.type = OB_THREAD;
		threads[i].process = &process;
		threads[i].tid = i * 4;
		threads[i].lx = (struct lx_thread *)(void *)&picos[i];
		list_init(&threads[i].mutants);
	}
}

/* ---- Help ---- */

struct name {
	struct OBJECT_ATTRIBUTES oa;
	struct UNICODE_STRING s;
	WCHAR text[300];
};

static uint64_t oa(struct name *n, const char *text, uint64_t root, uint32_t attributes)
{
	size_t i;

	for (i = 0; text[i] != 0; i++)
		n->text[i] = (WCHAR)text[i];
	n->s = (struct UNICODE_STRING){ (uint16_t)(i * 2), (uint16_t)(i * 2), 0, (uint64_t)n->text };
	n->oa = (struct OBJECT_ATTRIBUTES){ .Length = sizeof n->oa, .RootDirectory = root, .ObjectName = (uint64_t)&n->s, .Attributes = attributes };
	return (uint64_t)&n->oa;
}
#define VA(x) ((uint64_t)&(x))

static uint64_t new_event(bool automatic, bool set)
{
	uint64_t h = 0;

	T_EQ(NtCreateEvent(self(), VA(h), EVENT_ALL_ACCESS, 0, automatic, set), STATUS_SUCCESS);
	return h;
}

static uint64_t new_mutant(bool owned)
{
	uint64_t h = 0;

	T_EQ(NtCreateMutant(self(), VA(h), GENERIC_ALL, 0, owned), STATUS_SUCCESS);
	return h;
}

static uint64_t new_semaphore(int32_t count, int32_t limit)
{
	uint64_t h = 0;

	T_EQ(NtCreateSemaphore(self(), VA(h), GENERIC_ALL, 0, count, limit), STATUS_SUCCESS);
	return h;
}

static void close_handle(uint64_t h) { T_EQ(NtClose(self(), h), STATUS_SUCCESS); }

static NTSTATUS wait_ms(uint64_t h, int64_t ms)
{
	int64_t timeout = -ms * 10000;

	return NtWaitForSingleObject(self(), h, 0, ms < 0 ? 0 : VA(timeout));
}

static NTSTATUS wait_many(uint32_t count, const uint64_t *h, bool all, int64_t ms)
{
	int64_t timeout = -ms * 10000;

	return NtWaitForMultipleObjects(self(), count, (uint64_t)h, !all, 0, ms < 0 ? 0 : VA(timeout));
}

static void run(void *(*fn)(void *), unsigned n)
{
	unsigned long id[THREADS];

	for (unsigned i = 0; i < n; i++)
		pthread_create(&id[i], NULL, fn, (void *)(uintptr_t)(i + 1));
	for (unsigned i = 0; i < n; i++)
		pthread_join(id[i], NULL);
}

/* ---- Handles ---- */

static void test_handles(void)
{
	uint64_t h[3000], e, copy = 0, none;
	struct OBJECT_HANDLE_FLAG { uint8_t inherit, protect; } f = { 1, 1 };
	struct ob_object *o;

	for (unsigned i = 0; i < 3000; i++)
		h[i] = new_event(false, false);
	T_EQ(h[0], 4);
	T_EQ(h[2999], 12000);
	T_EQ(ob_handle_count(&process), 3000);
	for (unsigned i = 0; i < 3000; i += 2)
		close_handle(h[i]);
	T_EQ(NtClose(self(), h[0]), STATUS_INVALID_HANDLE);
	T_EQ(NtClose(self(), 1ull << 40), STATUS_INVALID_HANDLE);
	T_EQ(NtClose(self(), 0), STATUS_INVALID_HANDLE);
	T_EQ(NtClose(self(), NtCurrentProcess()), STATUS_SUCCESS);
	e = new_event(false, false);
	T_EQ(e, h[2998]); /* what was freed last */
	T_EQ(NtSetEvent(self(), e + 3, 0), STATUS_SUCCESS);
	T_EQ(ob_by_handle(e, OB_MUTANT, 0, &o), STATUS_OBJECT_TYPE_MISMATCH);
	T_EQ(NtDuplicateObject(self(), NtCurrentProcess(), e, NtCurrentProcess(), VA(copy), EVENT_QUERY_STATE, OBJ_INHERIT, 0), STATUS_SUCCESS);
	T_EQ(NtSetEvent(self(), copy, 0), STATUS_ACCESS_DENIED);
	T_EQ(wait_ms(copy, 0), STATUS_ACCESS_DENIED);
	T_EQ(NtCompareObjects(self(), e, copy), STATUS_SUCCESS);
	T_EQ(NtCompareObjects(self(), e, h[1]), STATUS_NOT_SAME_OBJECT);
	T_EQ(NtDuplicateObject(self(), NtCurrentProcess(), 77777, NtCurrentProcess(), VA(none), 0, 0, 2), STATUS_INVALID_HANDLE);
	T_EQ(NtDuplicateObject(self(), NtCurrentProcess(), e, NtCurrentProcess(), 8, 0, 0, 2), STATUS_ACCESS_VIOLATION);
	T_EQ(ob_handles_inherit(&process, &other), STATUS_SUCCESS);
	T_EQ(ob_handle_count(&other), 1);
	T_EQ(ob_by_handle_of(&other, copy, OB_EVENT, EVENT_QUERY_STATE, &o), STATUS_SUCCESS);
	ob_put(o);
	ob_table_empty(&other);
	T_EQ(ob_handle_count(&other), 0);
	T_EQ(NtSetInformationObject(self(), e, 4, VA(f), 2), STATUS_SUCCESS);
	T_EQ(NtClose(self(), e), STATUS_HANDLE_NOT_CLOSABLE);
	f.protect = 0;
	T_EQ(NtSetInformationObject(self(), e, 4, VA(f), 2), STATUS_SUCCESS);
	T_EQ(NtDuplicateObject(self(), NtCurrentProcess(), e, 0, 0, 0, 0, 1), STATUS_SUCCESS);
	T_EQ(NtClose(self(), e), STATUS_INVALID_HANDLE);
	close_handle(copy);
	for (unsigned i = 1; i < 3000; i += 2)
		close_handle(h[i]);
	T_EQ(ob_handle_count(&process), 0);
	T_EQ(NtCreateEvent(self(), 8, EVENT_ALL_ACCESS, 0, 0, 0), STATUS_ACCESS_VIOLATION);
	T_EQ(NtCreateEvent(self(), VA(e), EVENT_ALL_ACCESS, 16, 0, 0), STATUS_ACCESS_VIOLATION);
	T_EQ(ob_handle_count(&process), 0);
}

/* ---- Names ---- */

static NTSTATUS make(uint64_t *h, const char *name, uint64_t root, uint32_t attributes)
{
	struct name n;

	return NtCreateEvent(self(), (uint64_t)h, EVENT_ALL_ACCESS, oa(&n, name, root, attributes), 0, 0);
}

static NTSTATUS open_event(uint64_t *h, const char *name, uint64_t root, uint32_t attributes)
{
	struct name n;

	return NtOpenEvent(self(), (uint64_t)h, EVENT_ALL_ACCESS, oa(&n, name, root, attributes));
}

static void test_names(void)
{
	struct name n, target;
	uint64_t a = 0, b = 0, dir = 0, link = 0, m = 0;
	struct { struct UNICODE_STRING s; WCHAR text[100]; } name;
	uint32_t size = 0;

	T_EQ(make(&a, "\\BaseNamedObjects\\Test", 0, 0), STATUS_SUCCESS);
	T_EQ(make(&b, "\\BaseNamedObjects\\Test", 0, 0), STATUS_OBJECT_NAME_COLLISION);
	T_EQ(make(&b, "\\BaseNamedObjects\\Test", 0, OBJ_OPENIF), STATUS_OBJECT_NAME_EXISTS);
	T_EQ(NtCompareObjects(self(), a, b), STATUS_SUCCESS);
	close_handle(b);
	T_EQ(open_event(&b, "\\BaseNamedObjects\\TEST", 0, 0), STATUS_OBJECT_NAME_NOT_FOUND);
	T_EQ(open_event(&b, "\\BaseNamedObjects\\TEST", 0, OBJ_CASE_INSENSITIVE), STATUS_SUCCESS);
	close_handle(b);
	T_EQ(make(&b, "\\basenamedobjects\\test", 0, OBJ_CASE_INSENSITIVE), STATUS_OBJECT_NAME_COLLISION);
	T_EQ(make(&b, "\\BaseNamedObjects\\test", 0, 0), STATUS_SUCCESS);
	close_handle(b);
	T_EQ(NtOpenMutant(self(), VA(m), GENERIC_ALL, oa(&n, "\\BaseNamedObjects\\Test", 0, 0)), STATUS_OBJECT_TYPE_MISMATCH);
	T_EQ(NtCreateMutant(self(), VA(m), GENERIC_ALL, oa(&n, "\\BaseNamedObjects\\Test", 0, OBJ_OPENIF), 1), STATUS_OBJECT_TYPE_MISMATCH);
	T_EQ(make(&b, "BaseNamedObjects", 0, 0), STATUS_OBJECT_PATH_SYNTAX_BAD);
	T_EQ(make(&b, "\\None\\x", 0, 0), STATUS_OBJECT_PATH_NOT_FOUND);
	T_EQ(make(&b, "\\BaseNamedObjects\\", 0, 0), STATUS_OBJECT_NAME_INVALID);
	T_EQ(make(&b, "\\BaseNamedObjects\\\\x", 0, 0), STATUS_OBJECT_NAME_INVALID);
	T_EQ(make(&b, "\\BaseNamedObjects\\Test\\x", 0, 0), STATUS_OBJECT_TYPE_MISMATCH);
	T_EQ(open_event(&b, "\\Sessions\\0\\BaseNamedObjects\\Test", 0, 0), STATUS_SUCCESS);
	T_EQ(NtQueryObject(self(), b, 1, VA(name), sizeof name, VA(size)), STATUS_SUCCESS);
	T_EQ(name.s.Length, 44);
	T_EQ(size, 16 + 46);
	T_EQ(name.text[18], 'T');
	T_EQ(NtQueryObject(self(), b, 1, VA(name), 16, VA(size)), STATUS_INFO_LENGTH_MISMATCH);
	close_handle(b);
	T_EQ(open_event(&b, "\\??\\GLOBALROOT\\BaseNamedObjects\\Test", 0, 0), STATUS_SUCCESS);
	close_handle(b);
	T_EQ(NtOpenDirectoryObject(self(), VA(dir), 3, oa(&n, "\\BaseNamedObjects", 0, 0)), STATUS_SUCCESS);
	T_EQ(open_event(&b, "Test", dir, 0), STATUS_SUCCESS);
	T_EQ(open_event(&m, "\\Test", dir, 0), STATUS_OBJECT_PATH_SYNTAX_BAD);
	T_EQ(open_event(&m, "Test", b, 0), STATUS_OBJECT_TYPE_MISMATCH);
	close_handle(b);
	(void)oa(&target, "\\BaseNamedObjects\\loop", 0, 0);
	T_EQ(NtCreateSymbolicLinkObject(self(), VA(link), GENERIC_ALL, oa(&n, "loop", dir, 0), VA(target.s)), STATUS_SUCCESS);
	T_EQ(open_event(&b, "loop", dir, 0), STATUS_NAME_TOO_LONG);
	close_handle(link);
	(void)oa(&target, "\\BaseNamedObjects", 0, 0);
	T_EQ(NtCreateSymbolicLinkObject(self(), VA(link), GENERIC_ALL, oa(&n, "bno", dir, 0), VA(target.s)), STATUS_SUCCESS);
	T_EQ(open_event(&b, "bno\\Test", dir, 0), STATUS_SUCCESS);
	close_handle(b);
	target.s.MaximumLength = 400;
	T_EQ(NtQuerySymbolicLinkObject(self(), link, VA(target.s), VA(size)), STATUS_SUCCESS);
	T_EQ(target.s.Length, 34);
	close_handle(link);
	close_handle(a);
	T_EQ(open_event(&b, "Test", dir, 0), STATUS_OBJECT_NAME_NOT_FOUND);
	close_handle(dir);
	T_EQ(ob_handle_count(&process), 0);
}

static void test_listing(void)
{
	static union { struct { struct UNICODE_STRING name, type; } e[2000]; char bytes[1 << 16]; } buffer;
	struct name n;
	uint64_t dir = 0, h[600];
	uint32_t context = 0, size = 0, seen = 0;
	NTSTATUS status;
	char text[16];

	T_EQ(NtCreateDirectoryObject(self(), VA(dir), 0xf, oa(&n, "\\List", 0, 0)), STATUS_SUCCESS);
	T_EQ(NtQueryDirectoryObject(self(), dir, VA(buffer), sizeof buffer, 0, 1, VA(context), VA(size)), STATUS_NO_MORE_ENTRIES);
	for (unsigned i = 0; i < 600; i++) {
		snprintf(text, sizeof text, "name%u", i);
		T_EQ(make(&h[i], text, dir, 0), STATUS_SUCCESS);
	}
	do {
		status = NtQueryDirectoryObject(self(), dir, VA(buffer), 10000, 0, seen == 0, VA(context), VA(size));
		for (unsigned i = 0; NT_SUCCESS(status) && buffer.e[i].name.Buffer != 0; i++)
			seen++;
	} while (status == STATUS_MORE_ENTRIES);
	T_EQ(status, STATUS_SUCCESS);
	T_EQ(seen, 600);
	T_EQ(buffer.e[0].type.Length, 10);
	T_EQ(NtQueryDirectoryObject(self(), dir, VA(buffer), 70, 1, 1, VA(context), VA(size)), STATUS_BUFFER_TOO_SMALL);
	for (unsigned i = 0; i < 600; i++)
		close_handle(h[i]);
	close_handle(dir);
}

static void *name_races(void *arg)
{
	become((unsigned)(uintptr_t)arg);
	for (unsigned i = 0; i < 3000; i++) {
		uint64_t h, other_h;
		char text[64];

		snprintf(text, sizeof text, "\\BaseNamedObjects\\race%u", i % 3);
		if (NT_SUCCESS(make(&h, text, 0, OBJ_OPENIF))) {
			if (open_event(&other_h, text, 0, 0) != STATUS_SUCCESS) /* while h is open it has its name */
				abort();
			if (NtCompareObjects(self(), h, other_h) != STATUS_SUCCESS)
				abort();
			(void)NtClose(self(), h);
			(void)NtClose(self(), other_h);
		}
	}
	return NULL;
}

/* ---- Rules of waiting, one thread ---- */

static void test_rules(void)
{
	uint64_t manual = new_event(false, true), automatic = new_event(true, true), m = new_mutant(true), s = new_semaphore(2, 3);
	uint64_t both[2] = { manual, automatic }, same[2] = { manual, manual };
	struct { int32_t count; uint8_t mine, abandoned, pad[2]; } mu;
	uint32_t before;

	T_EQ(wait_ms(manual, 0), STATUS_SUCCESS);
	T_EQ(wait_ms(manual, 0), STATUS_SUCCESS);
	T_EQ(wait_ms(automatic, 0), STATUS_SUCCESS);
	T_EQ(wait_ms(automatic, 1), STATUS_TIMEOUT);
	T_EQ(wait_many(2, both, true, 0), STATUS_TIMEOUT);
	T_EQ(wait_many(2, same, true, 0), STATUS_INVALID_PARAMETER_MIX);
	T_EQ(wait_many(2, same, false, 0), STATUS_SUCCESS);
	T_EQ(wait_many(0, same, false, 0), STATUS_INVALID_PARAMETER_1);
	T_EQ(NtSetEvent(self(), automatic, VA(before)), STATUS_SUCCESS);
	T_EQ(before, 0);
	T_EQ(NtSetEvent(self(), automatic, VA(before)), STATUS_SUCCESS);
	T_EQ(before, 1);
	T_EQ(wait_many(2, both, true, 0), STATUS_SUCCESS);
	T_EQ(NtResetEvent(self(), manual, VA(before)), STATUS_SUCCESS);
	T_EQ(before, 1);
	T_EQ(NtSetEvent(self(), automatic, 0), STATUS_SUCCESS);
	T_EQ(wait_many(2, both, false, 0), 1);
	T_EQ(wait_ms(m, 0), STATUS_SUCCESS);
	T_EQ(NtQueryMutant(self(), m, 0, VA(mu), sizeof mu, 0), STATUS_SUCCESS);
	T_EQ(mu.count, -1);
	T_OK(mu.mine);
	T_EQ(NtReleaseMutant(self(), m, VA(before)), STATUS_SUCCESS);
	T_EQ((int32_t)before, -1);
	T_EQ(NtReleaseMutant(self(), m, VA(before)), STATUS_SUCCESS);
	T_EQ(NtReleaseMutant(self(), m, VA(before)), STATUS_MUTANT_NOT_OWNED);
	T_EQ(wait_ms(s, 0), STATUS_SUCCESS);
	T_EQ(wait_ms(s, 0), STATUS_SUCCESS);
	T_EQ(wait_ms(s, 0), STATUS_TIMEOUT);
	T_EQ(NtReleaseSemaphore(self(), s, 4, VA(before)), STATUS_SEMAPHORE_LIMIT_EXCEEDED);
	T_EQ(NtReleaseSemaphore(self(), s, 3, VA(before)), STATUS_SUCCESS);
	T_EQ(NtReleaseSemaphore(self(), s, 0, VA(before)), STATUS_INVALID_PARAMETER);
	T_EQ(NtPulseEvent(self(), manual, VA(before)), STATUS_SUCCESS);
	T_EQ(wait_ms(manual, 0), STATUS_TIMEOUT);
	close_handle(manual);
	close_handle(automatic);
	close_handle(m);
	close_handle(s);
}

static void test_alerts(void)
{
	uint64_t e = new_event(true, false);
	int64_t zero = 0, ms = -10000;

	atomic_store(&apcs[me], 1);
	T_EQ(NtWaitForSingleObject(self(), e, 0, VA(ms)), STATUS_TIMEOUT);
	T_EQ(NtWaitForSingleObject(self(), e, 1, VA(zero)), STATUS_USER_APC);
	T_EQ(NtWaitForSingleObject(self(), e, 1, VA(zero)), STATUS_TIMEOUT);
	self()->alerted = 1;
	T_EQ(NtWaitForSingleObject(self(), e, 1, 0), STATUS_ALERTED);
	T_EQ(NtDelayExecution(self(), 0, VA(ms)), STATUS_SUCCESS);
	atomic_store(&interrupted[me], 1);
	T_EQ(NtWaitForSingleObject(self(), e, 0, 0), STATUS_THREAD_IS_TERMINATING);
	close_handle(e);
}

static void test_abandon(void)
{
	uint64_t m = new_mutant(false), e = new_event(false, true), both[2] = { e, m };

	become(1);
	T_EQ(wait_ms(m, 0), STATUS_SUCCESS);
	become(0);
	T_EQ(wait_ms(m, 0), STATUS_TIMEOUT);
	T_EQ(NtReleaseMutant(self(), m, 0), STATUS_MUTANT_NOT_OWNED);
	ex_thread_ended(&threads[1]);
	T_EQ(wait_many(2, both, true, 0), STATUS_ABANDONED_WAIT_0);
	T_EQ(NtReleaseMutant(self(), m, 0), STATUS_SUCCESS);
	T_EQ(wait_ms(m, 0), STATUS_SUCCESS);
	close_handle(m); /* owned, and nobody else's */
	T_OK(list_empty(&threads[0].mutants));
	close_handle(e);
}

static void test_timers(void)
{
	uint64_t h = 0, e = new_event(true, false), both[2] = { e, 0 };
	int64_t due = -200000;
	uint64_t began = pico_now();
	uint8_t was = 9;

	T_EQ(NtCreateTimer(self(), VA(h), GENERIC_ALL, 0, 1), STATUS_SUCCESS);
	both[1] = h;
	T_EQ(NtSetTimer(self(), h, VA(due), 0, 0, 0, 0, VA(was)), STATUS_SUCCESS);
	T_EQ(was, 0);
	T_EQ(wait_ms(h, 0), STATUS_TIMEOUT);
	T_EQ(wait_many(2, both, false, -1), 1);
	T_OK(pico_now() - began >= 20000000);
	T_EQ(wait_ms(h, 0), STATUS_TIMEOUT);
	T_EQ(NtSetTimer(self(), h, VA(due), 0, 0, 0, 1, 0), STATUS_SUCCESS);
	T_EQ(wait_ms(h, -1), STATUS_SUCCESS);
	T_EQ(wait_ms(h, -1), STATUS_SUCCESS);
	T_EQ(NtCancelTimer(self(), h, 0), STATUS_SUCCESS);
	T_EQ(wait_ms(h, 0), STATUS_TIMEOUT);
	T_EQ(NtSetTimer(self(), h, VA(due), 1, 0, 0, 0, 0), STATUS_SUCCESS); /* with an APC */
	T_EQ(NtSetTimer(self(), h, VA(due), 0, 0, 0, 0, 0), STATUS_SUCCESS);
	T_EQ(threads[0].ob.ref.count, 1);
	close_handle(h);
	close_handle(e);
}

/* ---- Many threads ---- */

#define ROUNDS 20000u
static uint64_t ev[2], sems[8], mutants[THREADS], port, keyed, counter;
static _Atomic uint64_t taken, released, missed;
static _Atomic uint32_t stop;

static void *ping_pong(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg - 1;

	become(i + 1);
	for (unsigned n = 0; n < ROUNDS; n++) {
		if (wait_ms(ev[i], -1) != STATUS_SUCCESS)
			abort();
		(void)NtSetEvent(self(), ev[!i], 0);
	}
	return NULL;
}

static void *mutex_count(void *arg)
{
	become((unsigned)(uintptr_t)arg);
	for (unsigned n = 0; n < ROUNDS; n++) {
		if (wait_ms(mutants[0], -1) != STATUS_SUCCESS)
			abort();
		counter++;
		if (NtReleaseMutant(self(), mutants[0], 0) != STATUS_SUCCESS)
			abort();
	}
	return NULL;
}

/* Philosophers: each needs two neighbours' mutants at once. */
static void *wait_all_count(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg - 1;
	uint64_t h[2] = { mutants[i], mutants[(i + 1) % THREADS] };

	become(i + 1);
	for (unsigned n = 0; n < ROUNDS / 20; n++) {
		if (wait_many(2, h, true, -1) != STATUS_SUCCESS)
			abort();
		atomic_fetch_add(&taken, 1);
		if (NtReleaseMutant(self(), h[0], 0) != STATUS_SUCCESS || NtReleaseMutant(self(), h[1], 0) != STATUS_SUCCESS)
			abort();
	}
	return NULL;
}

/* Two release, the others take any of eight, with short timeouts: nothing may be lost or taken twice. */
static void *any_of_many(void *arg)
{
	become((unsigned)(uintptr_t)arg);
	if (me <= 2) {
		for (unsigned n = 0; n < ROUNDS; n++)
			if (NtReleaseSemaphore(self(), sems[(n * 5 + me) % 8], 1, 0) == STATUS_SUCCESS)
				atomic_fetch_add(&released, 1);
		atomic_fetch_add(&stop, 1);
		return NULL;
	}
	while (atomic_load(&stop) < 2 || atomic_load(&taken) < atomic_load(&released)) {
		int64_t timeout = -(int64_t)(rand() % 200);
		NTSTATUS status = NtWaitForMultipleObjects(self(), 8, (uint64_t)sems, 1, 0, VA(timeout));

		if (status < 8)
			atomic_fetch_add(&taken, 1);
		else
			atomic_fetch_add(&missed, 1);
	}
	return NULL;
}

/* Waits for all of some, others for any: counts must fit. */
static void *all_and_any(void *arg)
{
	uint64_t h[2] = { sems[0], sems[1] };

	become((unsigned)(uintptr_t)arg);
	if (me == 1) {
		for (unsigned n = 0; n < ROUNDS; n++) {
			(void)NtReleaseSemaphore(self(), sems[n % 2], 1, 0);
			atomic_fetch_add(&released, 1);
			if (n % 64 == 0)
				sched_yield();
		}
		atomic_store(&stop, 1);
		return NULL;
	}
	for (;;) {
		NTSTATUS status = wait_many(2, h, me % 2 != 0, 1);

		if (status < 2)
			atomic_fetch_add(&taken, me % 2 ? 2 : 1);
		else if (atomic_load(&stop))
			return NULL;
	}
}

static void *packets(void *arg)
{
	struct { uint64_t key, value; struct IO_STATUS_BLOCK b; } i[4];
	uint32_t n;

	become((unsigned)(uintptr_t)arg);
	if (me <= 3) {
		for (unsigned k = 0; k < ROUNDS; k++)
			(void)NtSetIoCompletion(self(), port, k, me, 0, k);
		return NULL;
	}
	while (atomic_load(&taken) < 3ull * ROUNDS) {
		int64_t timeout = -100000;

		if (NtRemoveIoCompletionEx(self(), port, (uint64_t)i, 4, VA(n), VA(timeout), 0) != STATUS_SUCCESS)
			continue;
		for (uint32_t k = 0; k < n; k++)
			if (i[k].key != i[k].b.Information)
				abort();
		atomic_fetch_add(&taken, n);
	}
	return NULL;
}

static void *rendezvous(void *arg)
{
	become((unsigned)(uintptr_t)arg);
	for (unsigned n = 0; n < ROUNDS / 4; n++) {
		NTSTATUS status = me % 2 ? NtWaitForKeyedEvent(self(), keyed, (me + 1) / 2 * 2, 0, 0) : NtReleaseKeyedEvent(self(), keyed, me / 2 * 2, 0, 0);

		if (status != STATUS_SUCCESS)
			abort();
	}
	return NULL;
}

/* One queues APCs, the other waits alertably and is signalled by a third: each APC ends a wait at the latest when no more come. */
static void *apc_races(void *arg)
{
	become((unsigned)(uintptr_t)arg);
	if (me == 1) {
		for (unsigned n = 0; n < ROUNDS; n++)
			(void)ps_queue_apc(&threads[3], 0, 0, 0, 0, false);
		atomic_fetch_add(&stop, 1);
	} else if (me == 2) {
		for (unsigned n = 0; n < ROUNDS; n++)
			(void)NtReleaseSemaphore(self(), sems[0], 1, 0);
		atomic_fetch_add(&stop, 1);
	} else {
		while (atomic_load(&apcs_taken) < ROUNDS || atomic_load(&taken) < ROUNDS)
			if (NtWaitForSingleObject(self(), sems[0], 1, 0) == STATUS_SUCCESS)
				atomic_fetch_add(&taken, 1);
	}
	return NULL;
}

static void *table_races(void *arg)
{
	become((unsigned)(uintptr_t)arg);
	for (unsigned n = 0; n < ROUNDS / 4; n++) {
		uint64_t h[3], copy;

		for (unsigned i = 0; i < 3; i++)
			if (NtCreateEvent(self(), VA(h[i]), EVENT_ALL_ACCESS, 0, 0, 0) != STATUS_SUCCESS)
				abort();
		if (NtDuplicateObject(self(), NtCurrentProcess(), h[n % 3], NtCurrentProcess(), VA(copy), 0, 0, 2) != STATUS_SUCCESS)
			abort();
		for (unsigned i = 0; i < 3; i++)
			if (NtClose(self(), h[i]) != STATUS_SUCCESS)
				abort();
		if (NtSetEvent(self(), copy, 0) != STATUS_SUCCESS || NtClose(self(), copy) != STATUS_SUCCESS)
			abort();
		(void)NtSetEvent(self(), h[0], 0); /* somebody else's, or nobody's */
	}
	return NULL;
}

/*
 * An event as a lock.  Most ask for it again and again without waiting, so that they are alone with it; some wait, some by a second
 * handle, and one by the handle that another process has inherited.
 */
static void *event_as_lock(void *arg)
{
	become((unsigned)(uintptr_t)arg);
	for (unsigned n = 0; n < ROUNDS / 2; n++) {
		uint64_t h = ev[0], copy = 0;

		if (n % 16 == 0 && NtDuplicateObject(self(), NtCurrentProcess(), h, NtCurrentProcess(), VA(copy), 0, 0, 2) == STATUS_SUCCESS)
			h = copy;
		while (wait_ms(h, n % 8 == me ? -1 : 0) != STATUS_SUCCESS)
			sched_yield();
		counter++;
		if (NtSetEvent(self(), h, 0) != STATUS_SUCCESS || (copy != 0 && NtClose(self(), copy) != STATUS_SUCCESS))
			abort();
	}
	return NULL;
}

static void *event_inherited(void *arg)
{
	struct ob_handle_table *empty = other.handles;

	become((unsigned)(uintptr_t)arg);
	for (unsigned n = 0; n < ROUNDS / 8; n++) {
		struct ob_object *o;

		other.handles = ob_table_new();
		if (ob_handles_inherit(&process, &other) != STATUS_SUCCESS || ob_by_handle_of(&other, ev[0], OB_EVENT, 0, &o) != STATUS_SUCCESS)
			abort();
		if (ex_wait(self(), &o, 1, false, false, EX_DEADLINE_NEVER) != STATUS_SUCCESS)
			abort();
		counter++;
		(void)ex_signal(o, 1);
		ob_put(o);
		ob_table_empty(&other);
		ob_table_free(other.handles);
	}
	other.handles = empty;
	return NULL;
}

static void *event_races(void *arg)
{
	return (uintptr_t)arg == THREADS ? event_inherited(arg) : event_as_lock(arg);
}

static void reset(void)
{
	counter = 0;
	taken = released = missed = 0;
	stop = 0;
}

static void test_threads(void)
{
	struct OBJECT_HANDLE_FLAG { uint8_t inherit, protect; } inherit = { 1, 0 };

	T_CASE("one handle table, many threads");
	run(table_races, THREADS);
	T_EQ(ob_handle_count(&process), 0);
	T_CASE("names that come and go");
	run(name_races, THREADS);
	T_EQ(ob_handle_count(&process), 0);
	T_CASE("ping-pong");
	ev[0] = new_event(true, true);
	ev[1] = new_event(true, false);
	run(ping_pong, 2);
	T_CASE("a mutant");
	for (unsigned i = 0; i < THREADS; i++)
		mutants[i] = new_mutant(false);
	run(mutex_count, THREADS);
	T_EQ(counter, THREADS * ROUNDS);
	T_CASE("an event as a lock");
	reset();
	ev[0] = new_event(true, true);
	T_EQ(NtSetInformationObject(self(), ev[0], 4, VA(inherit), 2), STATUS_SUCCESS);
	run(event_races, THREADS);
	T_EQ(counter, (THREADS - 1) * (ROUNDS / 2) + ROUNDS / 8);
	T_CASE("wait for all of neighbours");
	reset();
	run(wait_all_count, THREADS);
	T_EQ(taken, THREADS * (ROUNDS / 20));
	T_CASE("wait for any of eight, with timeouts");
	reset();
	for (unsigned i = 0; i < 8; i++)
		sems[i] = new_semaphore(0, INT32_MAX);
	run(any_of_many, THREADS);
	T_EQ(taken, released);
	T_CASE("for all and for any at once");
	reset();
	run(all_and_any, THREADS);
	while (wait_many(2, sems, false, 0) < 2)
		taken++;
	T_EQ(taken, released);
	T_CASE("APCs and signals race");
	reset();
	apcs_taken = 0;
	run(apc_races, 3);
	T_EQ(apcs_taken, ROUNDS);
	T_EQ(taken, ROUNDS);
	T_CASE("completion port");
	reset();
	T_EQ(NtCreateIoCompletion(self(), VA(port), GENERIC_ALL, 0, 0), STATUS_SUCCESS);
	run(packets, THREADS);
	T_EQ(taken, 3 * ROUNDS);
	T_CASE("keyed event");
	T_EQ(NtCreateKeyedEvent(self(), VA(keyed), GENERIC_ALL, 0, 0), STATUS_SUCCESS);
	run(rendezvous, THREADS);
}

static void test_atoms(void)
{
	WCHAR name[] = u"Hello", number[] = u"#1234";
	uint16_t a = 0, b = 0;
	struct { uint16_t refs, pinned, size; WCHAR text[20]; } info;

	T_EQ(NtAddAtom(self(), (uint64_t)name, 10, VA(a)), STATUS_SUCCESS);
	T_EQ(a, 0xc000);
	name[0] = 'h';
	T_EQ(NtAddAtom(self(), (uint64_t)name, 10, VA(b)), STATUS_SUCCESS);
	T_EQ(a, b);
	T_EQ(NtFindAtom(self(), (uint64_t)number, 10, VA(b)), STATUS_SUCCESS);
	T_EQ(b, 1234);
	T_EQ(NtQueryInformationAtom(self(), a, 0, VA(info), sizeof info, 0), STATUS_SUCCESS);
	T_EQ(info.refs, 2);
	T_EQ(info.size, 10);
	T_EQ(info.text[0], 'H');
	T_EQ(NtDeleteAtom(self(), a), STATUS_SUCCESS);
	T_EQ(NtDeleteAtom(self(), a), STATUS_SUCCESS);
	T_EQ(NtDeleteAtom(self(), a), STATUS_INVALID_HANDLE);
	T_EQ(NtFindAtom(self(), (uint64_t)name, 10, VA(b)), STATUS_OBJECT_NAME_NOT_FOUND);
}

int main(void)
{
	void *mmap(void *addr, size_t len, int prot, int flags, int fd, long offset);
	long before;

	(void)mmap((void *)ARENA_BASE, PAGE_UP(sizeof(struct arena_root)), 3, 0x32 /* PRIVATE, ANONYMOUS, FIXED */, -1, 0);
	arena_root()->provider_root[PICO_PROVIDER_NT] = &state;
	threads_init();
	become(0);
	ob_boot();
	ex_boot();
	process_init(&process);
	process_init(&other);
	before = blocks;
	T_CASE("handles");
	test_handles();
	T_CASE("names");
	test_names();
	T_CASE("listing a directory");
	test_listing();
	T_CASE("rules of waiting");
	test_rules();
	T_CASE("alerts, APCs, ends");
	test_alerts();
	T_CASE("abandoned mutants");
	test_abandon();
	T_CASE("timers");
	test_timers();
	T_CASE("atoms");
	test_atoms();
	test_threads();
	T_CASE("nothing is left");
	ob_table_empty(&process);
	ob_table_free(process.handles);
	ob_table_free(other.handles);
	for (unsigned i = 0; i <= THREADS; i++)
		ex_thread_ended(&threads[i]);
	T_OK(blocks - before <= 8); /* buckets of names and chunks of atoms stay */
	return T_DONE();
}
