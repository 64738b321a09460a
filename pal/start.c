/* SPDX-License-Identifier: MIT */
/*
 * pal/start.c - from the host's exec to LibOsInitialize.
 *
 * The only thing a fresh picoprocess has is its channel.  The boot message brings
 * descriptors and limits; memory is laid out, signals set, and the filter put in as
 * the last act before any other image's code is looked at.  Then the images are
 * loaded, and pal waits for the start message: a warm spare stays there.
 */
#include "pal/pal.h"
#include "pal/stream.h"
#include "rt/mem.h"

struct sock_filter {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};
#include "pal_filter.gen.h"
#include "pal_filter_net.gen.h"
_Static_assert(FILTER_PAL_BASE == PAL_BASE && FILTER_PAL_SIZE == PAL_SIZE, "the filter knows where pal is");

struct dk_boot pal_boot;
struct dk_image pal_image;
uint32_t pal_process;
uint64_t pal_pico;
struct range pal_ranges[PAL_RANGES];
uint32_t pal_range_count;

static struct mon_boot boot BIG_BSS;
static int boot_fds[MON_BOOT_FDS] BIG_BSS;
static struct dk_image ext_images[EXT_SLOTS] BIG_BSS;

enum { AT_HWCAP = 16, AT_HWCAP2 = 26, AT_SYSINFO_EHDR = 33, AT_MINSIGSTKSZ = 51, HWCAP2_FSGSBASE = 2 };
enum { PR_SET_NAME = 15, PR_SET_NO_NEW_PRIVS = 38, SECCOMP_SET_MODE_FILTER = 1 };

static uint64_t auxv_find(const uint64_t *sp, uint64_t type)
{
	const uint64_t *p = sp + 1 + sp[0] + 1; /* behind argv */

	while (*p)
		p++;
	for (p++; p[0]; p += 2) {
		if (p[0] == type)
			return p[1];
	}
	return 0;
}

static uint64_t start_vdso;

void pal_start(const uint64_t *sp);
static void start_on_slot(void);

/* On the host's own start stack: as little as possible. */
void pal_start(const uint64_t *sp)
{
	int slot;

	start_vdso = auxv_find(sp, AT_SYSINFO_EHDR);
	pal_boot.cpu_features = auxv_find(sp, AT_HWCAP);
	pal_boot.signal_frame = auxv_find(sp, AT_MINSIGSTKSZ);
	if (!(auxv_find(sp, AT_HWCAP2) & HWCAP2_FSGSBASE))
		pal_panic("pal: the host does not let programs set FS and GS bases (FSGSBASE, Linux 5.9)");
	if (auxv_find(sp, AT_MINSIGSTKSZ) > SLOT_ALTSTACK_TOP - SLOT_ALTSTACK - 3072)
		pal_panic("pal: the host's signal frames are too large");
	slot = slot_take();
	if (slot != 0)
		pal_panic("pal: no memory for the first stack");
	pal_switch_stack(slot_tb(0)->kstack_top, start_on_slot);
}

static void *map_fixed(uint64_t at, uint64_t size, int prot, int flags, int fd)
{
	long result = HOST6(mmap, at, size, prot, flags | MAP_FIXED_NOREPLACE, fd, 0);

	if (result != (long)at)
		pal_panic("pal: cannot map %lx, %lx bytes: error %ld", at, size, result < 0 ? -result : 0);
	return (void *)at;
}

static void boot_check(long n, uint32_t nfds)
{
	uint32_t next = 0;

	if (n != sizeof boot || boot.protocol != MON_PROTOCOL)
		pal_panic("pal: the boot message is not of protocol %u", MON_PROTOCOL);
	if (boot.role > DK_ROLE_FIRST || boot.ext_count > EXT_SLOTS || boot.fd_mask >> MON_BOOT_FDS ||
		boot.vdso_count > ARRAY_LEN(boot.vdso) || (boot.vdso_count && boot.vdso_index >= boot.vdso_count))
		pal_panic("pal: the boot message makes no sense");
	/* Descriptors came in order; put each at its own place. */
	for (int i = MON_BOOT_FDS - 1, from = (int)nfds - 1; i >= 0; i--)
		boot_fds[i] = boot.fd_mask >> i & 1 && from >= 0 ? boot_fds[from--] : -1;
	for (uint32_t m = boot.fd_mask; m; m &= m - 1)
		next++;
	if (next != nfds || boot_fds[MON_BFD_ARENA] < 0 || boot_fds[MON_BFD_DATA] < 0 || boot_fds[MON_BFD_PALSHARED] < 0 ||
		boot_fds[MON_BFD_PERSONALITY] < 0)
		pal_panic("pal: the boot message came with %u descriptors for mask %x", nfds, boot.fd_mask);
	boot.trace[sizeof boot.trace - 1] = 0;
	for (uint32_t i = 0; i < boot.ext_count; i++) {
		boot.ext_arg[i][sizeof boot.ext_arg[i] - 1] = 0;
		if (boot_fds[MON_BFD_EXT + i] < 0)
			pal_panic("pal: extension %u has no image", i);
	}
}

static void receive_boot(void)
{
	uint32_t nfds = MON_BOOT_FDS;
	long n;

	/* No hello: the launcher says whom it made. */
	n = channel_receive(&boot, sizeof boot, boot_fds, &nfds);
	boot_check(n, nfds);
	pal_pico = boot.pico;
}

static void map_memory(void)
{
	int rw = HOST_PROT_READ | HOST_PROT_WRITE, shared_flags = MAP_SHARED | MAP_NORESERVE;

	map_fixed(ARENA_BASE, ARENA_SIZE, rw, shared_flags, boot_fds[MON_BFD_ARENA]);
	map_fixed(DATA_BASE, DATA_SIZE, rw, shared_flags, boot_fds[MON_BFD_DATA]);
	map_fixed(PALSHARED_BASE, PALSHARED_SIZE, rw, shared_flags, boot_fds[MON_BFD_PALSHARED]);
	(void)HOST1(close, boot_fds[MON_BFD_ARENA]);
	(void)HOST1(close, boot_fds[MON_BFD_PALSHARED]);
	if (boot_fds[MON_BFD_CONFIG] >= 0) {
		if (boot.config_size == 0 || boot.config_size > CONFIG_SIZE)
			pal_panic("pal: settings of %lu bytes", boot.config_size);
		map_fixed(CONFIG_BASE, PAGE_UP(boot.config_size), HOST_PROT_READ, MAP_PRIVATE, boot_fds[MON_BFD_CONFIG]);
		(void)HOST1(close, boot_fds[MON_BFD_CONFIG]);
	}
	/* What has a fixed place is made by the first alone. */
	if (boot.role == DK_ROLE_FIRST || boot.role == DK_ROLE_BARE)
		shared_init();
	stream_special_fd(STREAM_INDEX_DATA, boot_fds[MON_BFD_DATA]);
	if (boot_fds[MON_BFD_DEATHS] >= 0)
		stream_special_fd(STREAM_INDEX_DEATHS, boot_fds[MON_BFD_DEATHS]);
}

/* Moves vvar and vdso to VDSO_BASE, in the order they have; the host knows their places by
   what the monitor saw in its own maps.  0 = there is no vdso, or it could not be moved. */
static uint64_t move_vdso(void)
{
	int64_t low = INT64_MAX;
	uint64_t moved = 0;

	if (!start_vdso || boot.vdso_count == 0)
		return 0;
	for (uint32_t i = 0; i < boot.vdso_count; i++)
		low = MIN(low, boot.vdso[i].start);
	for (uint32_t i = 0; i < boot.vdso_count; i++) {
		uint64_t from = start_vdso + (uint64_t)boot.vdso[i].start, size = boot.vdso[i].size;
		uint64_t to = VDSO_BASE + (uint64_t)(boot.vdso[i].start - low);

		if (((from | size) & (PAGE_SIZE - 1)) || size == 0 || size > VDSO_SIZE || to - VDSO_BASE > VDSO_SIZE - size)
			pal_panic("pal: the vdso is not where the monitor says");
		if (HOST6(mremap, from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to, 0) != (long)to)
			return 0;
		if (i == boot.vdso_index)
			moved = to - (uint64_t)boot.vdso[i].start;
	}
	return moved;
}

static void install_filter(void)
{
	struct {
		uint16_t len;
		const struct sock_filter *filter;
	} plain = { ARRAY_LEN(pal_filter), pal_filter }, net = { ARRAY_LEN(pal_filter_net), pal_filter_net };
	long err = host_call(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);

	if (err == 0)
		err = HOST3(seccomp, SECCOMP_SET_MODE_FILTER, 0, boot.network ? &net : &plain);
	if (err)
		pal_panic("pal: cannot install the filter: error %ld", -err);
}

static void load_images(void)
{
	pal_ranges[pal_range_count++] = (struct range){ PAL_BASE, PAL_BASE + PAL_SIZE, (uint64_t)pal_uaccess_begin,
		(uint64_t)pal_uaccess_end, (uint64_t)pal_uaccess_fixup };
	for (uint32_t i = 0; i < boot.ext_count; i++)
		load_image(boot_fds[MON_BFD_EXT + i], EXT_BASE, EXT_BASE + EXT_SLOTS * (uint64_t)EXT_SLOT_SIZE, &ext_images[i]);
	load_image(boot_fds[MON_BFD_PERSONALITY], LINUX_BASE, NT_BASE + IMAGE_SIZE, &pal_image);
	if (!pal_image.initialize || !pal_image.thread_start || !pal_image.exception)
		pal_panic("pal: the personality's image lacks an entry");
}

static void fill_boot(struct dk_tb *tb, uint64_t vdso)
{
	pal_boot.version = DK_BOOT_VERSION;
	pal_boot.size = sizeof pal_boot;
	pal_boot.table = &pal_table;
	pal_boot.tb = tb;
	pal_boot.role = boot.role;
	pal_boot.ncpus = boot.ncpus;
	pal_boot.arena_data = DK_HANDLE(DK_KIND_STREAM, 0, STREAM_INDEX_DATA);
	if (boot_fds[MON_BFD_DEATHS] >= 0)
		pal_boot.deaths = DK_HANDLE(DK_KIND_STREAM, 0, STREAM_INDEX_DEATHS);
	if (boot.config_size && boot_fds[MON_BFD_CONFIG] >= 0) {
		pal_boot.config = (const char *)CONFIG_BASE;
		pal_boot.config_size = boot.config_size;
	}
	pal_boot.memory_limit = boot.memory_limit;
	pal_boot.memory_watched = boot.memory_watched;
	pal_boot.pids_limit = boot.pids_limit;
	pal_boot.cpu_quota = boot.cpu_quota;
	pal_boot.host_vdso = vdso;
	memcpy(pal_boot.trace, boot.trace, sizeof pal_boot.trace);
}

/* The first picoprocess makes kproc's entry and its own; the others' were made by who created them. */
static void first_entries(void)
{
	for (uint32_t i = 0; i <= (boot.role == DK_ROLE_FIRST ? MON_FIRST_INDEX : 0u); i++) {
		struct process *p = process_new();

		if (!p || object_index(&p->object) != i)
			pal_panic("pal: no process entry");
	}
}

static void become(struct dk_tb *tb, const struct mon_start *start)
{
	struct process *p;
	struct thread *t;

	if (start->process_index >= PS_PROCESSES)
		pal_panic("pal: process index %lu", start->process_index);
	p = &shared()->processes[start->process_index];
	if (boot.role == DK_ROLE_FIRST || (boot.role == DK_ROLE_BARE && start->process_index == 0))
		first_entries();
	if (atomic_load(&p->object.handle) == 0)
		pal_panic("pal: process %lu does not exist", start->process_index);
	pal_process = (uint32_t)start->process_index;
	p->pico = pal_pico;
	atomic_store(&p->tgid, atomic_load(slot_busy(0)));
	t = thread_new(pal_process);
	if (!t)
		pal_panic("pal: the thread table is full");
	atomic_store(&t->tgid, atomic_load(slot_busy(0)));
	atomic_store(&t->tid, atomic_load(slot_busy(0)));
	tb->pal[TBP_PARAMETER] = start->parameter;
	thread_setup(tb, t);
	pal_boot.parameter = start->parameter;
	pal_boot.process = atomic_load(&p->object.handle);
	pal_boot.thread = atomic_load(&t->object.handle);
}

static void attach_extensions(void)
{
	for (uint32_t i = 0; i < boot.ext_count; i++) {
		const struct dk_table *t = ext_images[i].attach ? ext_images[i].attach(pal_boot.table, &pal_boot, boot.ext_arg[i]) : NULL;

		if (!t)
			pal_panic("pal: extension %u refuses", i);
		pal_boot.table = t;
	}
}

static void wait_for_start(struct mon_start *start)
{
	for (;;) {
		uint32_t nfds = 1;
		int fd = -1;

		if (channel_receive(start, sizeof *start, &fd, &nfds) != sizeof *start || nfds != (start->kind == MON_COPY))
			pal_panic("pal: the start message makes no sense");
		if (start->kind == MON_START)
			return;
		process_copy(fd, start->process_index);
	}
}

static void start_on_slot(void)
{
	struct dk_tb *tb = pal_tb();
	struct mon_start start;
	uint64_t vdso;
	long tid;

	write_gs_base((uint64_t)tb);
	trap_init();
	trap_thread_init(tb);
	signals_unblock();
	receive_boot();
	map_memory();
	vdso = move_vdso();
	if (vdso)
		time_init(vdso);
	if (boot.gathered)
		process_gather();
	/* The host's start stack, and whatever else it put there. */
	if (HOST2(munmap, BAILEY_HIGH, 0x7ffffffff000 - BAILEY_HIGH) < 0)
		pal_panic("pal: cannot clear the guest's address space");
	tid = HOST1(set_tid_address, slot_busy(0));
	atomic_store(slot_busy(0), (uint32_t)tid);
	if (boot.role == DK_ROLE_KPROC)
		(void)host_call(__NR_prctl, PR_SET_NAME, (long)"bailey-kproc", 0, 0, 0, 0); /* for who looks from outside */
	fill_boot(tb, vdso);
	install_filter();
	load_images();
	wait_for_start(&start);
	become(tb, &start);
	attach_extensions();
	pal_image.initialize(&pal_boot);
	__builtin_unreachable();
}
