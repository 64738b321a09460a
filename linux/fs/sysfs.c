/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/sysfs.c - the little of /sys that programs look at: processors, the
 * memory and CPU limits as a control group would show them, huge pages.
 */
#include "linux/fs/loop.h"
#include "linux/fs/textfs.h"
#include "linux/net/iface.h"

enum sys_dir { S_NONE, S_ROOT = TEXT_ROOT, S_DEVICES, S_SYSTEM, S_CPU, S_CPUN, S_TOPOLOGY, S_NODE, S_NODE0, S_FS, S_CGROUP, S_KERNEL, S_MM,
	S_THP, S_HUGE, S_HUGE2M, S_CLASS, S_BLOCK, S_NET, S_BUS, S_MODULE, S_POWER, S_FIRMWARE, S_VIRTUAL, S_NETLO, S_NETETH, S_DEVDIR, S_DEVCHAR,
	S_DEVBLOCK, S_SECURITY, S_VULN, S_LOOPN, S_LOOP };

static void show_cpus(struct text *x, struct node_ctx *c)
{
	uint32_t n = lx_state()->ncpus;

	text_add(x, n > 1 ? "0-%u\n" : "0\n", n - 1);
}

static void show_none(struct text *x, struct node_ctx *c)
{
	text_add(x, "\n");
}

static void show_core(struct text *x, struct node_ctx *c)
{
	text_add(x, "%lu\n", (unsigned long)c->key.num);
}

static void show_one(struct text *x, struct node_ctx *c)
{
	text_add(x, "1\n");
}

static void show_zero(struct text *x, struct node_ctx *c)
{
	text_add(x, "0\n");
}

static void show_mask(struct text *x, struct node_ctx *c)
{
	text_add(x, "%lx\n", 1ul << (c->key.num & 63));
}

static void show_all_mask(struct text *x, struct node_ctx *c)
{
	uint32_t n = lx_state()->ncpus;

	text_add(x, "%lx\n", n >= 64 ? ~0ul : (1ul << n) - 1);
}

static void show_memory_max(struct text *x, struct node_ctx *c)
{
	uint64_t pages = arena_root()->limit_pages;

	if (pages >= UINT64_MAX >> PAGE_SHIFT)
		text_add(x, "max\n");
	else
		text_add(x, "%lu\n", (unsigned long)(pages << PAGE_SHIFT));
}

static void show_memory_current(struct text *x, struct node_ctx *c)
{
	struct arena_root *a = arena_root();
	uint64_t pages;

	arena_ask();
	pages = atomic_load(&a->pages_used) + atomic_load(&a->data_pages_used) + atomic_load(&a->guest_resident);
	text_add(x, "%lu\n", (unsigned long)(pages << PAGE_SHIFT));
}

static void show_memory_events(struct text *x, struct node_ctx *c)
{
	unsigned long kills = (unsigned long)lx_state()->oom_kills;

	text_add(x, "low 0\nhigh 0\nmax %lu\noom %lu\noom_kill %lu\noom_group_kill 0\n", kills, kills, kills);
}

/* Thousandths of a CPU, as a share of 100 ms. */
static void show_cpu_max(struct text *x, struct node_ctx *c)
{
	uint64_t quota = pico_boot_block->cpu_quota;

	if (!quota)
		text_add(x, "max 100000\n");
	else
		text_add(x, "%lu 100000\n", (unsigned long)(quota * 100));
}

static void show_pids_max(struct text *x, struct node_ctx *c)
{
	uint64_t limit = pico_boot_block->pids_limit;

	if (!limit || limit > 1u << 30)
		text_add(x, "max\n");
	else
		text_add(x, "%lu\n", (unsigned long)limit);
}

static void show_pids_current(struct text *x, struct node_ctx *c)
{
	text_add(x, "%u\n", lx_state()->nthreads);
}

static void show_node_meminfo(struct text *x, struct node_ctx *c)
{
	struct arena_root *a = arena_root();
	uint64_t used = (atomic_load(&a->pages_used) + atomic_load(&a->data_pages_used) + atomic_load(&a->guest_pages)) * 4;
	uint64_t total = lx_state()->memtotal >> 10;

	used = MIN(used, total);
	text_add(x, "Node 0 MemTotal:       %8lu kB\nNode 0 MemFree:        %8lu kB\nNode 0 MemUsed:        %8lu kB\n", (unsigned long)total,
		(unsigned long)(total - used), (unsigned long)used);
}

static void show_eth_address(struct text *x, struct node_ctx *c)
{
	struct iface i;

	if (iface_find(lx_current(), ETH0_INDEX, NULL, &i))
		text_add(x, "%02x:%02x:%02x:%02x:%02x:%02x\n", i.mac[0], i.mac[1], i.mac[2], i.mac[3], i.mac[4], i.mac[5]);
}

/* Interfaces beside lo. */
static uint64_t net_count(void)
{
	struct iface i;

	return iface_find(lx_current(), ETH0_INDEX, NULL, &i);
}

#define N(p, m, n, ...)      { .parent = (p), .mode = (m), .name = (n), __VA_ARGS__ }
#define DIR_(p, n, number)   N(p, S_IFDIR | 0755, n, .dir = (number))
#define SHOWN(p, n, fn)      N(p, S_IFREG | 0444, n, .show = (fn))
#define TEXT(p, n, s)        N(p, S_IFREG | 0444, n, .text = (s))

static const struct text_node nodes[] = {
	N(S_NONE, S_IFDIR | 0755, "", .dir = S_ROOT),
	DIR_(S_ROOT, "devices", S_DEVICES), DIR_(S_ROOT, "fs", S_FS), DIR_(S_ROOT, "kernel", S_KERNEL), DIR_(S_ROOT, "class", S_CLASS),
	DIR_(S_ROOT, "block", S_BLOCK), DIR_(S_ROOT, "bus", S_BUS), DIR_(S_ROOT, "module", S_MODULE), DIR_(S_ROOT, "power", S_POWER),
	DIR_(S_ROOT, "firmware", S_FIRMWARE), DIR_(S_ROOT, "dev", S_DEVDIR), DIR_(S_DEVDIR, "char", S_DEVCHAR), DIR_(S_DEVDIR, "block", S_DEVBLOCK),
	DIR_(S_DEVICES, "system", S_SYSTEM), DIR_(S_DEVICES, "virtual", S_VIRTUAL),
	DIR_(S_SYSTEM, "cpu", S_CPU), DIR_(S_SYSTEM, "node", S_NODE),
	SHOWN(S_CPU, "online", show_cpus), SHOWN(S_CPU, "possible", show_cpus), SHOWN(S_CPU, "present", show_cpus),
	SHOWN(S_CPU, "offline", show_none), SHOWN(S_CPU, "isolated", show_none), TEXT(S_CPU, "kernel_max", "8191\n"),
	N(S_CPU, S_IFDIR | 0755, NULL, .dir = S_CPUN),
	SHOWN(S_CPUN, "online", show_one), DIR_(S_CPUN, "topology", S_TOPOLOGY),
	SHOWN(S_TOPOLOGY, "core_id", show_core), SHOWN(S_TOPOLOGY, "physical_package_id", show_zero), SHOWN(S_TOPOLOGY, "die_id", show_zero),
	SHOWN(S_TOPOLOGY, "thread_siblings", show_mask), SHOWN(S_TOPOLOGY, "thread_siblings_list", show_core),
	SHOWN(S_TOPOLOGY, "core_cpus", show_mask), SHOWN(S_TOPOLOGY, "core_cpus_list", show_core),
	SHOWN(S_TOPOLOGY, "core_siblings", show_all_mask), SHOWN(S_TOPOLOGY, "core_siblings_list", show_cpus),
	SHOWN(S_TOPOLOGY, "package_cpus", show_all_mask), SHOWN(S_TOPOLOGY, "package_cpus_list", show_cpus),
	SHOWN(S_NODE, "online", show_zero), SHOWN(S_NODE, "possible", show_zero), SHOWN(S_NODE, "has_cpu", show_zero),
	DIR_(S_NODE, "node0", S_NODE0), SHOWN(S_NODE0, "cpulist", show_cpus), SHOWN(S_NODE0, "cpumap", show_all_mask),
	TEXT(S_NODE0, "distance", "10\n"), SHOWN(S_NODE0, "meminfo", show_node_meminfo),
	SHOWN(S_NODE, "has_memory", show_zero), SHOWN(S_NODE, "has_normal_memory", show_zero),
	N(S_BLOCK, S_IFDIR | 0755, NULL, .dir = S_LOOPN),
	SHOWN(S_LOOPN, "size", loop_show_size), SHOWN(S_LOOPN, "ro", loop_show_ro), SHOWN(S_LOOPN, "dev", loop_show_dev),
	SHOWN(S_LOOPN, "removable", show_zero), DIR_(S_LOOPN, "loop", S_LOOP), SHOWN(S_LOOP, "backing_file", loop_show_backing),
	SHOWN(S_LOOP, "offset", loop_show_offset), SHOWN(S_LOOP, "sizelimit", loop_show_sizelimit),
	SHOWN(S_LOOP, "autoclear", loop_show_autoclear), SHOWN(S_LOOP, "partscan", loop_show_partscan), SHOWN(S_LOOP, "dio", loop_show_dio),
	DIR_(S_FS, "cgroup", S_CGROUP),
	TEXT(S_CGROUP, "cgroup.controllers", "cpu memory pids\n"), TEXT(S_CGROUP, "cgroup.subtree_control", ""), TEXT(S_CGROUP, "cgroup.type", "domain\n"),
	SHOWN(S_CGROUP, "memory.max", show_memory_max), SHOWN(S_CGROUP, "memory.high", show_memory_max),
	SHOWN(S_CGROUP, "memory.current", show_memory_current), TEXT(S_CGROUP, "memory.swap.max", "0\n"), TEXT(S_CGROUP, "memory.swap.current", "0\n"),
	SHOWN(S_CGROUP, "memory.events", show_memory_events),
	SHOWN(S_CGROUP, "cpu.max", show_cpu_max), TEXT(S_CGROUP, "cpu.weight", "100\n"), SHOWN(S_CGROUP, "pids.max", show_pids_max),
	SHOWN(S_CGROUP, "pids.current", show_pids_current),
	SHOWN(S_CGROUP, "cpuset.cpus.effective", show_cpus), SHOWN(S_CGROUP, "cpuset.mems.effective", show_zero),
	DIR_(S_KERNEL, "mm", S_MM), DIR_(S_MM, "transparent_hugepage", S_THP), DIR_(S_MM, "hugepages", S_HUGE), DIR_(S_KERNEL, "security", S_SECURITY),
	TEXT(S_THP, "enabled", "always [madvise] never\n"), TEXT(S_THP, "defrag", "always defer defer+madvise [madvise] never\n"),
	TEXT(S_THP, "shmem_enabled", "always within_size advise [never] deny force\n"), TEXT(S_THP, "hpage_pmd_size", "2097152\n"),
	TEXT(S_THP, "use_zero_page", "1\n"),
	DIR_(S_HUGE, "hugepages-2048kB", S_HUGE2M), TEXT(S_HUGE2M, "nr_hugepages", "0\n"), TEXT(S_HUGE2M, "free_hugepages", "0\n"),
	DIR_(S_CLASS, "net", S_NET), DIR_(S_NET, "lo", S_NETLO), TEXT(S_NETLO, "address", "00:00:00:00:00:00\n"), TEXT(S_NETLO, "mtu", "65536\n"),
	TEXT(S_NETLO, "operstate", "unknown\n"), TEXT(S_NETLO, "ifindex", "1\n"), TEXT(S_NETLO, "flags", "0x9\n"), TEXT(S_NETLO, "type", "772\n"),
	N(S_NET, S_IFDIR | 0755, NULL, .dir = S_NETETH), SHOWN(S_NETETH, "address", show_eth_address), TEXT(S_NETETH, "mtu", "1500\n"),
	TEXT(S_NETETH, "operstate", "up\n"), TEXT(S_NETETH, "ifindex", "2\n"), TEXT(S_NETETH, "flags", "0x1003\n"), TEXT(S_NETETH, "type", "1\n"),
	TEXT(S_NETETH, "carrier", "1\n"), TEXT(S_NETETH, "speed", "10000\n"), TEXT(S_NETETH, "duplex", "full\n"),
};

/* The patterns: directories of one name with a number. */
static const char *pattern_of(uint32_t dir, uint64_t *limit)
{
	*limit = dir == S_CPU ? lx_state()->ncpus : dir == S_NET ? net_count() : LOOP_DEVICES;
	return dir == S_CPU ? "cpu" : dir == S_BLOCK ? "loop" : dir == S_NET ? "eth" : NULL;
}

static bool find(struct node_ctx *c, uint32_t dir, const char *name, uint32_t len, struct node_key *key)
{
	uint64_t n, limit;
	const char *base = pattern_of(dir, &limit);
	uint32_t at = base != NULL ? (uint32_t)strlen(base) : 0;

	if (base == NULL || len <= at || memcmp(name, base, at) || !name_number(name + at, len - at, &n) || n >= limit)
		return false;
	key->node = text_find_pattern(&sysfs, dir);
	key->num = n;
	return true;
}

static bool next(struct node_ctx *c, uint32_t dir, uint64_t *at, struct node_key *key, char *name, size_t size)
{
	uint64_t limit;
	const char *base = pattern_of(dir, &limit);

	if (base == NULL || *at >= limit)
		return false;
	key->node = text_find_pattern(&sysfs, dir);
	key->num = *at;
	fmt_snprintf(name, size, "%s%lu", base, (unsigned long)*at);
	++*at;
	return true;
}

const struct text_fs sysfs = { nodes, ARRAY_LEN(nodes), find, next };
