/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/mm_test.c - linux/mm's mapping code over a Dk table made of the host's
 * own mmap.  After random mmap, munmap, mprotect, mremap and madvise calls the regions
 * must say what /proc/self/maps says, and every page must have the contents that were
 * written to it.
 *
 * The guest's addresses in use lie below TOP, where the test program itself has nothing.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "linux/entry.h"
#include "linux/fs/fs.h"
#include "linux/fs/procfs.h"
#include "linux/mm/futex.h"
#include "linux/mm/mm_int.h"
#include "linux/mm/uffd.h"
#include "pico/patch.h"
#include "pico/uaccess.h"
#include "syscalls.gen.h"
#include "tests/unit/t.h"

#define TOP   0x6f0000000000ull
#define SPAN  512u /* pages below TOP that fixed mappings use */
#define STEPS 40000u

/* libc's; its headers and the kernel's do not go together. */
void *mmap(void *addr, size_t len, int prot, int flags, int fd, long offset);
int munmap(void *addr, size_t len);
int mprotect(void *addr, size_t len, int prot);
int madvise(void *addr, size_t len, int advice);
void *mremap(void *addr, size_t len, size_t size, int flags, ...);
int memfd_create(const char *name, unsigned flags);
int ftruncate(int fd, long len);
long syscall(long nr, ...);

/* ---- What mm/ stands on ---- */

static int data_fd, file_fd;
static struct lx_thread thread;
static struct lx_proc proc;
static struct dk_tb tb;
static struct dk_boot boot;
static struct lx_state state;
static struct futex_table futexes;
static struct inode inode, inode2;
static struct file file, file2;
const struct dk_boot *pico_boot_block = &boot;
static unsigned file_refs, text_told;

static enum dk_status status(bool ok)
{
	return ok ? DK_OK : DK_NO_MEMORY;
}

static enum dk_status vm_alloc(uint64_t *at, uint64_t size, uint32_t type, uint32_t prot)
{
	if (!(type & (DK_MEM_RESERVE | DK_MEM_COMMIT)))
		return DK_OK;
	return status(mmap((void *)*at, size, (int)prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == (void *)*at);
}
static enum dk_status vm_free(uint64_t at, uint64_t size, uint32_t type)
{
	return status(((type & DK_MEM_DECOMMIT) ? madvise((void *)at, size, MADV_DONTNEED) : munmap((void *)at, size)) == 0);
}
static enum dk_status vm_protect(uint64_t at, uint64_t size, uint32_t prot)
{
	return status(mprotect((void *)at, size, (int)prot) == 0);
}
static enum dk_status stream_map(dk_handle h, uint64_t *at, uint64_t offset, uint64_t size, uint32_t prot, uint32_t flags)
{
	if (flags == DK_MAP_MOVE)
		return status(mremap((void *)offset, (uint64_t)prot * PAGE_SIZE, size, 3 /* MAYMOVE, FIXED */, (void *)*at) == (void *)*at);
	return status(mmap((void *)*at, size, (int)prot, MAP_SHARED | MAP_FIXED, data_fd, (long)offset) == (void *)*at);
}
static enum dk_status stream_unmap(uint64_t at, uint64_t size)
{
	return status(munmap((void *)at, size) == 0);
}
static enum dk_status random_bits(void *buf, uint64_t size)
{
	memset(buf, 0x5a, size);
	return DK_OK;
}
static enum dk_status vm_query(dk_handle process, uint64_t address, uint64_t size, uint32_t what, void *buffer, uint64_t room, uint64_t *done)
{
	memset(buffer, 1, size / PAGE_SIZE);
	*done = size / PAGE_SIZE;
	return DK_OK;
}
static const struct dk_table table = { .VirtualMemoryQuery = vm_query, .VirtualMemoryAlloc = vm_alloc, .VirtualMemoryFree = vm_free, .VirtualMemoryProtect = vm_protect,
	.StreamMap = stream_map, .StreamUnmap = stream_unmap, .RandomBitsRead = random_bits };
const struct dk_table *dk = &table;

static long test_map(struct lx_thread *t, struct file *f, uint64_t addr, uint64_t len, int prot, int flags, uint64_t offset)
{
	return mmap((void *)addr, len, prot, (flags & MAP_TYPE) | MAP_FIXED, file_fd, (long)offset) == (void *)addr ? 0 : -ENOMEM;
}
static const struct file_ops test_ops = { .name = "test", .map = test_map };
const struct file_ops *const lx_file_ops[FILE_KINDS] = { [FILE_MEM] = &test_ops };

void uffd_get(struct uffd *u) { }
void uffd_put(struct uffd *u) { }
void uffd_wait(struct uffd *u, uint64_t addr, uint64_t flags) { }
void uffd_wake(struct uffd *u, uint64_t start, uint64_t end) { }
void entry_go_slow(uint32_t why) { }
uint64_t sysctl_value(enum sysctl which) { return which == CTL_OVERCOMMIT ? 0 : 65530; }
void mem_map_writers(struct inode *i, int delta) { }
void file_get(struct file *f) { file_refs++; }
void file_put(struct file *f) { file_refs--; }
struct file *fd_get(struct lx_thread *t, int fd) { file_refs++; return fd == 4 ? &file2 : &file; }
long path_text(struct lx_thread *t, const struct path *p, char *buf, size_t size) { return -ENOENT; }
void lock_init(struct lock *l, enum lock_class_id class) { *l = (struct lock){ .class = class }; }
void lock_take(struct lock *l) { T_OK(l->word == 0); l->word = 1; }
void lock_drop(struct lock *l) { T_OK(l->word == 1); l->word = 0; }
void *heap_alloc(size_t size) { return calloc(1, size); }
void heap_free(void *p) { free(p); }
void *arena_alloc(size_t size) { return calloc(1, size); }
void *arena_alloc_pages(size_t n) { return calloc(n, PAGE_SIZE); }
void arena_free(void *p) { free(p); }
static uint64_t next_page;
bool data_alloc(size_t count, uint64_t *page) { *page = next_page; next_page += count; return next_page < 1u << 20; }
static unsigned data_freed;
void data_free(uint64_t page, size_t count) { data_freed += (unsigned)count; }
bool data_alloc_lazy(size_t count, uint64_t *page) { return data_alloc(count, page); }
void data_free_lazy(uint64_t page, size_t count) { data_free(page, count); }
void ref_misused(const struct ref *r, uint32_t count) { abort(); }
void sysv_shm_attached(struct shared_mem *m) { }
void sysv_shm_detached(struct shared_mem *m) { }
void pico_text_mapped(uint64_t start, uint64_t end, const struct text_id *id, uint64_t offset, uint64_t room)
{
	text_told++;
	T_OK(room == 0 || room + PICO_STUB_ROOM <= start);
}
void pico_text_unmapped(uint64_t start, uint64_t end) { }
void pico_text_reset(void) { }
uint64_t pico_now(void) { return 1; }
const char *mm_policy_name(uint32_t policy) { return "default"; }
bool lx_capable(const struct lx_thread *t, int cap) { return true; }
long lx_err(enum dk_status s) { return s == DK_OK ? 0 : -ENOMEM; }
int copy_in(void *dst, struct gva src, uint64_t size) { memcpy(dst, (void *)src.va, size); return 0; }
int copy_out(struct gva dst, const void *src, uint64_t size) { memcpy((void *)dst.va, src, size); return 0; }
long string_in(char *dst, struct gva src, size_t size) { strcpy(dst, (char *)src.va); return (long)strlen(dst); }
void *heap_alloc_dirty(size_t size) { return malloc(size); }
bool guest_range_ok(uint64_t addr, uint64_t size) { return true; }
size_t uaccess_read(void *dst, uint64_t src, size_t size) { memcpy(dst, (void *)src, size); return 0; }
size_t uaccess_write(uint64_t dst, const void *src, size_t size) { memcpy((void *)dst, src, size); return 0; }
size_t uaccess_copy(void *dst, const void *src, size_t size) { memcpy(dst, src, size); return 0; }
bool uaccess_load64(uint64_t addr, uint64_t *v) { *v = *(uint64_t *)addr; return true; }
bool uaccess_load32(uint64_t addr, uint32_t *v) { *v = *(uint32_t *)addr; return true; }
bool uaccess_cmpxchg32(uint64_t addr, uint32_t *e, uint32_t d) { return true; }
uint64_t futex_new_mm_id(void) { return ++futexes.next_mm_id; }
size_t str_copy(char *dst, const char *src, size_t size) { return (size_t)snprintf(dst, size, "%s", src); }
int fmt_snprintf(char *buf, size_t size, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(buf, size, format, ap);
	va_end(ap);
	return n;
}
void log_line(enum dk_log_level level, const char *format, ...) { T_OK(!"log_line"); }
void panic(const char *format, ...) { printf("# panic: %s\n", format); abort(); }

static void set_up(void)
{
	void *root = mmap((void *)ARENA_BASE, PAGE_UP(sizeof(struct arena_root)), 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	uint64_t zero[512] = { 0 };

	T_OK(root == (void *)ARENA_BASE);
	tb.self = &tb;
	tb.libos = &thread;
	syscall(158 /* arch_prctl */, 0x1001 /* ARCH_SET_GS */, &tb);
	thread.proc = &proc;
	for (unsigned i = 0; i < RLIM_NLIMITS; i++)
		proc.rlim[i].rlim_cur = RLIM64_INFINITY;
	state.futex = &futexes;
	arena_root()->provider_root[PICO_PROVIDER_LINUX] = &state;
	data_fd = memfd_create("data", 0);
	file_fd = memfd_create("file", 0);
	T_OK(ftruncate(data_fd, 4l << 30) == 0 && ftruncate(file_fd, SPAN * 4096l * 4) == 0);
	(void)zero;
	file.kind = file2.kind = FILE_MEM;
	file.flags = file2.flags = O_RDWR;
	file.inode = &inode;
	file2.inode = &inode2;
	inode.size = SPAN * 4096ull * 4;
	proc.mm = mm_new();
	proc.mm->top = TOP;
}

/* ---- The model: what the guest did, by page below TOP ---- */

struct page {
	bool mapped, shared, file;
	int prot;
	uint64_t value; /* first word */
	uint64_t clean; /* the same after MADV_DONTNEED */
};
static struct page model[SPAN];
static struct mm *mm;

static uint64_t addr_of(unsigned page)
{
	return TOP - SPAN * PAGE_SIZE + page * PAGE_SIZE;
}

static unsigned pick(unsigned n)
{
	return (unsigned)rand() % n;
}

/* Whether the host's view of [start,end) is exactly prot. */
static bool host_has(const char *maps, uint64_t addr, int *prot)
{
	unsigned long start, end;
	char r, w, x;

	for (const char *p = maps; p != NULL && *p != '\0'; p = strchr(p, '\n'), p = p != NULL ? p + 1 : NULL) {
		if (sscanf(p, "%lx-%lx %c%c%c", &start, &end, &r, &w, &x) == 5 && addr >= start && addr < end) {
			*prot = (r == 'r') | (w == 'w') << 1 | (x == 'x') << 2;
			return true;
		}
	}
	return false;
}

static char maps[1 << 20];

static void check_all(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	size_t n = 0, got;
	char *from;

	while ((got = fread(maps + n, 1, sizeof maps - 1 - n, f)) > 0)
		n += got;
	maps[n] = '\0';
	fclose(f);
	from = strstr(maps, "\n6e"); /* the first mapping near TOP */
	T_OK(range_tree_check(&mm->tree));
	for (unsigned i = 0; i < SPAN; i++) {
		struct region *r = region_find(&mm->tree, addr_of(i));
		int prot = -1;
		bool host = host_has(from != NULL ? from + 1 : "", addr_of(i), &prot);

		if (r != NULL && r->kind == REGION_ROOM)
			r = NULL;
		T_OK((r != NULL) == model[i].mapped);
		T_OK(host == (r != NULL));
		if (r == NULL || !host)
			continue;
		T_EQ(r->prot, prot);
		T_EQ(r->prot, model[i].prot);
		if ((prot & 1) && *(uint64_t *)addr_of(i) != model[i].value)
			T_EQ(*(uint64_t *)addr_of(i), model[i].value);
	}
}

static void step_map(bool with_file)
{
	unsigned from = pick(SPAN), n = 1 + pick(24);
	int prot = (int)pick(8), flags = MAP_PRIVATE | MAP_FIXED;
	uint64_t offset = with_file ? pick(SPAN) * PAGE_SIZE : 0;
	long at;

	if (from + n > SPAN)
		return;
	at = mm_map(mm, addr_of(from), n * PAGE_SIZE, prot, flags | (with_file ? 0 : MAP_ANONYMOUS), with_file ? &file : NULL, offset);
	T_EQ(at, addr_of(from));
	for (unsigned i = from; i < from + n; i++)
		model[i] = (struct page){ .mapped = true, .prot = prot, .file = with_file, .clean = with_file ? offset + (i - from) * PAGE_SIZE : 0 };
	for (unsigned i = from; i < from + n; i++)
		model[i].value = model[i].clean;
}

static void step_shared(void)
{
	unsigned from = pick(SPAN), n = 1 + pick(8);

	if (from + n > SPAN)
		return;
	T_EQ(mm_map(mm, addr_of(from), n * PAGE_SIZE, 3, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), addr_of(from));
	for (unsigned i = from; i < from + n; i++)
		model[i] = (struct page){ .mapped = true, .prot = 3, .shared = true };
}

static void step_unmap(void)
{
	unsigned from = pick(SPAN), n = 1 + pick(40);

	if (from + n > SPAN)
		return;
	T_EQ(mm_unmap(mm, addr_of(from), n * PAGE_SIZE), 0);
	memset(&model[from], 0, n * sizeof model[0]);
}

static void step_protect(void)
{
	unsigned from = pick(SPAN), n = 1 + pick(30), i;
	int prot = (int)pick(8);
	long err;

	if (from + n > SPAN)
		return;
	err = mm_protect(mm, addr_of(from), n * PAGE_SIZE, prot);
	for (i = from; i < from + n && model[i].mapped; i++)
		model[i].prot = prot;
	T_EQ(err, i == from + n ? 0 : -ENOMEM);
}

static void step_write(void)
{
	unsigned i = pick(SPAN);

	if (model[i].mapped && (model[i].prot & 2)) {
		model[i].value = (uint64_t)rand() + 1;
		*(uint64_t *)addr_of(i) = model[i].value;
	}
}

/* A run of pages that is one region. */
static unsigned run_of(unsigned from)
{
	struct region *r = region_find(&mm->tree, addr_of(from));

	return r == NULL || r->kind == REGION_ROOM || r->end > TOP ? 0 : (unsigned)((r->end - addr_of(from)) / PAGE_SIZE);
}

static void step_move(void)
{
	unsigned from = pick(SPAN), run = run_of(from), n, to = pick(SPAN);
	struct page moved[SPAN];
	long at;

	if (run == 0)
		return;
	n = 1 + pick(run);
	if (to + n > SPAN || (to < from + n && from < to + n))
		return;
	at = lx_sys_mremap(&thread, (struct gva){ addr_of(from) }, n * PAGE_SIZE, n * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		(struct gva){ addr_of(to) });
	T_EQ(at, addr_of(to));
	if (at < 0)
		return;
	memcpy(moved, &model[from], n * sizeof model[0]);
	memset(&model[from], 0, n * sizeof model[0]);
	memcpy(&model[to], moved, n * sizeof model[0]);
}

static void step_resize(void)
{
	unsigned from = pick(SPAN), run = run_of(from), n, more = 1 + pick(6);
	long at;

	if (run == 0 || from + run + more > SPAN || model[from].file || model[from].shared)
		return;
	for (unsigned i = 0; i < more; i++)
		if (model[from + run + i].mapped)
			return;
	n = run;
	at = lx_sys_mremap(&thread, (struct gva){ addr_of(from) }, n * PAGE_SIZE, (n + more) * PAGE_SIZE, 0, (struct gva){ 0 });
	T_EQ(at, addr_of(from));
	for (unsigned i = 0; i < more && at > 0; i++)
		model[from + n + i] = (struct page){ .mapped = true, .prot = model[from].prot };
}

static void step_drop(void)
{
	unsigned i = pick(SPAN);

	if (model[i].mapped && !model[i].shared) {
		T_EQ(lx_sys_madvise(&thread, (struct gva){ addr_of(i) }, PAGE_SIZE, MADV_DONTNEED), 0);
		/* Text stays as it is: pico may have changed it. */
		if (!model[i].file || (model[i].prot & 6) != 4)
			model[i].value = model[i].clean;
	}
}

static void step(void)
{
	switch (pick(12)) {
	case 0: step_map(false); break;
	case 1: step_shared(); break;
	case 2: step_unmap(); break;
	case 3: case 4: step_protect(); break;
	case 5: step_move(); break;
	case 6: step_resize(); break;
	case 7: step_map(true); break;
	case 8: step_drop(); break;
	default: step_write(); break;
	}
}

/* ---- Cases ---- */

static void fill_file(void)
{
	uint64_t *p = mmap(NULL, SPAN * PAGE_SIZE * 4, 3, MAP_SHARED, file_fd, 0);

	for (uint64_t i = 0; i < SPAN * 4ull; i++)
		p[i * 512] = i * PAGE_SIZE;
	munmap(p, SPAN * PAGE_SIZE * 4);
}

static void test_random(void)
{
	unsigned refs = file_refs;

	for (unsigned i = 0; i < STEPS; i++) {
		step();
		if (i % 64 == 0)
			check_all();
	}
	check_all();
	T_EQ(mm_unmap(mm, addr_of(0), SPAN * PAGE_SIZE), 0);
	T_EQ(file_refs, refs);
	T_EQ(mm->charged_pages, 0);
	T_EQ(mm->data_pages, 0);
	T_EQ(mm->vm_pages, 0);
	T_EQ(data_freed, next_page);
}

static void test_places(void)
{
	long a = mm_map(mm, 0, 5 * PAGE_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	long b = mm_map(mm, 0, 5 * PAGE_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	long c;

	T_EQ(a, TOP - 5 * PAGE_SIZE);
	T_EQ(b, a - 5 * PAGE_SIZE);
	T_EQ(mm->tree.count, 1); /* merged */
	T_EQ(mm_map(mm, (uint64_t)a, PAGE_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, NULL, 0), -EEXIST);
	T_EQ(mm_map(mm, BAILEY_LOW - PAGE_SIZE, BAILEY_HIGH - BAILEY_LOW, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), BAILEY_LOW - PAGE_SIZE);
	T_EQ(mm_unmap(mm, BAILEY_LOW - PAGE_SIZE, BAILEY_HIGH - BAILEY_LOW), 0);
	T_EQ(mm_map(mm, BAILEY_LOW, PAGE_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), -ENOMEM);
	T_EQ(mm_map(mm, 0, 0, 3, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0), -EINVAL);
	T_EQ(mm_map(mm, 4096, PAGE_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), -EPERM);
	T_EQ(mm_map(mm, GUEST_HIGH - PAGE_SIZE, 2 * PAGE_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), -ENOMEM);
	c = mm_map(mm, 0, PAGE_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, NULL, 0);
	T_OK(c > 0 && c < 0x80000000);
	T_EQ(mm_unmap(mm, (uint64_t)c, PAGE_SIZE), 0);
	T_EQ(mm_unmap(mm, (uint64_t)b, 10 * PAGE_SIZE), 0);
	T_EQ(mm->tree.count, 0);
}

/* As ld.so maps a library: whole, then text and data over it. */
static void test_rooms(void)
{
	uint64_t lib = (uint64_t)mm_map(mm, 0, 16 * PAGE_SIZE, PROT_READ, MAP_PRIVATE, &file, 0);
	unsigned told = text_told;
	struct region *r;

	T_EQ(lib, TOP - 16 * PAGE_SIZE);
	T_EQ(mm_map(mm, lib + 4 * PAGE_SIZE, 8 * PAGE_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, &file, 4 * PAGE_SIZE), lib + 4 * PAGE_SIZE);
	T_EQ(text_told, told + 1);
	r = region_find(&mm->tree, lib + 4 * PAGE_SIZE);
	T_EQ(r->room, lib - PICO_STUB_ROOM);
	T_EQ(mm_map(mm, 0, PAGE_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0), lib - PICO_STUB_ROOM - PAGE_SIZE);
	T_EQ(mm_unmap(mm, lib, 4 * PAGE_SIZE), 0);
	T_OK(mm_room_region(mm, lib - PICO_STUB_ROOM) != NULL);
	T_EQ(mm_map(mm, lib - PAGE_SIZE, PAGE_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, NULL, 0), lib - PAGE_SIZE);
	T_OK(mm_room_region(mm, lib - PICO_STUB_ROOM) == NULL);
	T_EQ(region_find(&mm->tree, lib + 4 * PAGE_SIZE)->room, 0);
	T_EQ(mm_unmap(mm, lib - 64 * PAGE_SIZE, 128 * PAGE_SIZE), 0);
	T_EQ(mm->tree.count, 0);
	lib = (uint64_t)mm_map(mm, 0, 16 * PAGE_SIZE, PROT_READ, MAP_PRIVATE, &file2, 0);
	T_EQ(mm->tree.count, 2);
	T_EQ(mm_unmap(mm, lib, 16 * PAGE_SIZE), 0);
	T_EQ(mm->tree.count, 0);
}

static void test_brk(void)
{
	mm_set_brk(mm, addr_of(10) + 100);
	T_EQ(lx_sys_brk(&thread, (struct gva){ 0 }), addr_of(10) + 100);
	T_EQ(lx_sys_brk(&thread, (struct gva){ addr_of(20) + 5 }), addr_of(20) + 5);
	*(uint64_t *)addr_of(15) = 7;
	T_EQ(lx_sys_brk(&thread, (struct gva){ addr_of(12) }), addr_of(12));
	T_EQ(lx_sys_brk(&thread, (struct gva){ addr_of(20) }), addr_of(20));
	T_EQ(*(uint64_t *)addr_of(15), 0);
	T_EQ(mm_map(mm, addr_of(22), PAGE_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), addr_of(22));
	T_EQ(lx_sys_brk(&thread, (struct gva){ addr_of(22) }), addr_of(20));
	T_EQ(lx_sys_brk(&thread, (struct gva){ addr_of(5) }), addr_of(20));
	T_EQ(mm_unmap(mm, addr_of(0), 40 * PAGE_SIZE), 0);
	mm_set_brk(mm, 0);
}

static bool fault_at(uint64_t addr, uint32_t code, int *sig, int *si_code)
{
	struct dk_exception e = { .kind = DK_EXC_MEMORY, .code = code, .address = addr, .trapno = 14 };

	return mm_fault(mm, &e, addr, sig, si_code);
}

static void test_faults(void)
{
	int sig, code;

	T_EQ(mm_map(mm, addr_of(300), 4 * PAGE_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, NULL, 0), addr_of(300));
	T_OK(fault_at(addr_of(290) + 8, 6, &sig, &code));
	*(uint64_t *)addr_of(290) = 1;
	T_EQ(region_find(&mm->tree, addr_of(290))->end, addr_of(304));
	proc.rlim[RLIMIT_STACK].rlim_cur = 20 * PAGE_SIZE;
	T_OK(!fault_at(addr_of(200), 6, &sig, &code) && sig == SIGSEGV && code == SEGV_MAPERR);
	proc.rlim[RLIMIT_STACK].rlim_cur = RLIM64_INFINITY;
	T_EQ(mm_protect(mm, addr_of(300), PAGE_SIZE, PROT_READ), 0);
	T_OK(!fault_at(addr_of(300), 7, &sig, &code) && sig == SIGSEGV && code == SEGV_ACCERR);
	T_OK(!fault_at(addr_of(500), 4, &sig, &code) && sig == SIGSEGV && code == SEGV_MAPERR);
	T_EQ(mm_unmap(mm, addr_of(0), SPAN * PAGE_SIZE), 0);
	T_EQ(mm->stack_pages, 0);
}

static void test_limits(void)
{
	proc.rlim[RLIMIT_AS].rlim_cur = 10 * PAGE_SIZE;
	T_OK(mm_map(mm, 0, 8 * PAGE_SIZE, 0, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0) > 0);
	T_EQ(mm_map(mm, 0, 8 * PAGE_SIZE, 0, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0), -ENOMEM);
	proc.rlim[RLIMIT_AS].rlim_cur = RLIM64_INFINITY;
	arena_root()->limit_pages = 100;
	T_EQ(mm_map(mm, 0, 101 * PAGE_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0), -ENOMEM);
	T_OK(mm_map(mm, 0, 101 * PAGE_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, NULL, 0) > 0);
	T_OK(mm_map(mm, 0, 60 * PAGE_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0) > 0);
	T_EQ(mm_fork_begin(mm), -ENOMEM);
	arena_root()->limit_pages = 1000;
	T_EQ(mm_fork_begin(mm), 0);
	mm_fork_end(mm, false);
	T_EQ(arena_root()->guest_pages, 60);
	mm_reset(mm);
	T_EQ(arena_root()->guest_pages, 0);
	T_EQ(mm->vm_pages, 0);
	mm->top = TOP;
	arena_root()->limit_pages = 0;
}

static void test_maps(void)
{
	static char all[65536], piece[65536];
	size_t n, at = 0, got;
	uint64_t from = 0;

	T_OK(mm_map(mm, 0, 3 * PAGE_SIZE, 5, MAP_PRIVATE, &file, 0) > 0);
	T_OK(mm_map(mm, 0, 3 * PAGE_SIZE, 3, MAP_SHARED | MAP_ANONYMOUS, NULL, 0) > 0);
	n = mm_maps_text(mm, all, sizeof all, &from, MAPS_MAPS);
	all[n] = '\0';
	T_OK(strstr(all, "6effffffd000-6f0000000000 r-xp 00000000 00:00 0") != NULL);
	T_OK(strstr(all, "/dev/zero (deleted)\n") != NULL && strstr(all, "[vsyscall]\n") != NULL);
	T_OK(from == UINT64_MAX && mm_maps_text(mm, all, sizeof all, &from, MAPS_MAPS) == 0);
	from = 0;
	while ((got = mm_maps_text(mm, piece + at, 100, &from, MAPS_MAPS)) > 0)
		at += got;
	T_EQ(at, n);
	T_OK(memcmp(all, piece, n) == 0);
	from = 0;
	T_OK(mm_maps_text(mm, all, sizeof all, &from, MAPS_SMAPS) > n);
	T_OK(strstr(all, "VmFlags: rd ex mr") != NULL);
	mm_reset(mm);
}

int main(void)
{
	T_CASE("set up");
	set_up();
	mm = proc.mm;
	fill_file();
	T_CASE("where mappings go");
	test_places();
	T_CASE("rooms for stubs");
	test_rooms();
	T_CASE("brk");
	test_brk();
	T_CASE("faults");
	test_faults();
	data_freed = 0;
	next_page = 0;
	T_CASE("random calls agree with the host and the model");
	srand(7);
	test_random();
	T_CASE("limits and fork's counts");
	test_limits();
	T_CASE("/proc/self/maps");
	test_maps();
	mm_exit(mm);
	return T_DONE();
}
