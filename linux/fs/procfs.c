/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/procfs.c - /proc: the table of its names, and which processes, threads
 * and descriptors there are.
 */
#include "linux/fs/procfs.h"

#include "linux/ipc/sysv.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"

#define N(p, m, n, ...)              { .parent = (p), .mode = (m), .name = (n), __VA_ARGS__ }
#define DIR_(p, n, number)           N(p, S_IFDIR | 0555, n, .dir = (number))
#define PATTERN_DIR(p, number, mode) N(p, S_IFDIR | (mode), NULL, .dir = (number))
#define SHOWN(p, n, fn)              N(p, S_IFREG | 0444, n, .show = (fn))
#define PRIVATE(p, n, fn, who)       N(p, S_IFREG | 0400, n, .show = (fn), .access = (who))
#define TEXT(p, n, s)                N(p, S_IFREG | 0444, n, .text = (s))
#define SETTABLE(p, n, fn, set)      N(p, S_IFREG | 0644, n, .show = (fn), .store = (set))
#define NUMBER(p, n, which)          N(p, S_IFREG | 0644, n, .show = show_number, .store = store_number, .arg = (which))
#define ID_MAP(p, n, which)          N(p, S_IFREG | 0644, n, .show = show_id_map, .store = store_id_map, .arg = (which))
#define USER_MAX(n, which)           N(PD_USERNS, S_IFREG | 0644, n, .show = show_user_max, .store = store_user_max, .arg = (which))
#define IPC_LIMIT(p, n, which)       N(p, S_IFREG | 0644, n, .show = show_ipc_limit, .store = store_ipc_limit, .arg = (which))
#define IPC_OBJECTS(n, kind)         N(PD_KERNEL, S_IFREG | 0644, n, .show = show_ipc_objects, .store = store_ipc_objects, .arg = (kind))
#define IPC_NEXT_ID(n, kind)         N(PD_KERNEL, S_IFREG | 0644, n, .show = show_ipc_next_id, .store = store_ipc_next_id, .arg = (kind))
#define CONSTANT(p, n, s)            N(p, S_IFREG | 0644, n, .text = (s), .store = store_nothing)
#define LINK(p, n, fn, jump)         N(p, S_IFLNK | 0777, n, .readlink = (fn), .follow = (jump), .access = TEXT_READ)
#define LINK_TEXT(p, n, s)           N(p, S_IFLNK | 0777, n, .text = (s))

/* What /proc/PID and /proc/PID/task/TID have both. */
#define PROCESS_NODES(D)                                                                             \
	SHOWN(D, "stat", show_stat), SHOWN(D, "status", show_status), SHOWN(D, "statm", show_statm),  \
	SHOWN(D, "cmdline", show_cmdline), PRIVATE(D, "environ", show_environ, TEXT_READ), PRIVATE(D, "auxv", show_auxv, TEXT_READ), \
	SETTABLE(D, "comm", show_comm, store_comm), SHOWN(D, "limits", show_limits), PRIVATE(D, "io", show_io, TEXT_READ), \
	SETTABLE(D, "oom_score_adj", show_oom_score_adj, store_oom_score_adj), SHOWN(D, "oom_score", show_oom_score), \
	N(D, S_IFREG | 0444, "maps", .show = show_maps, .ioctl = ioctl_maps, .access = TEXT_READ), N(D, S_IFREG | 0444, "smaps", .show = show_smaps, .access = TEXT_READ), \
	SHOWN(D, "smaps_rollup", show_smaps_rollup), N(D, S_IFREG | 0444, "numa_maps", .show = show_numa_maps, .access = TEXT_READ), \
	N(D, S_IFREG | 0444, "mounts", .show = show_mounts, .poll = poll_mounts), \
	N(D, S_IFREG | 0444, "mountinfo", .show = show_mountinfo, .poll = poll_mounts), SHOWN(D, "schedstat", show_schedstat), \
	SHOWN(D, "sched", show_sched), PRIVATE(D, "syscall", show_syscall, TEXT_ATTACH), PRIVATE(D, "personality", show_personality, TEXT_ATTACH), \
	TEXT(D, "cgroup", "0::/\n"), TEXT(D, "cpuset", "/\n"), TEXT(D, "wchan", "0"), TEXT(D, "sessionid", "4294967295"), \
	CONSTANT(D, "loginuid", "4294967295"), SETTABLE(D, "setgroups", show_setgroups, store_setgroups), \
	ID_MAP(D, "uid_map", MAP_UID), ID_MAP(D, "gid_map", MAP_GID), ID_MAP(D, "projid_map", MAP_PROJID), \
	SETTABLE(D, "timens_offsets", show_timens_offsets, store_timens_offsets), N(D, S_IFREG | 0400, "stack", .text = "", .access = TEXT_ATTACH), \
	LINK(D, "exe", link_exe, jump_exe), LINK(D, "cwd", link_cwd, jump_cwd), LINK(D, "root", link_root, jump_root), \
	N(D, S_IFDIR | 0500, "fd", .dir = PD_FD), DIR_(D, "fdinfo", PD_FDINFO),                         \
	N(D, S_IFDIR | 0511, "ns", .dir = PD_NS), DIR_(D, "attr", PD_ATTR), DIR_(D, "net", PD_PIDNET), \
	N(D, S_IFREG | 0600, "mem", .raw = raw_mem, .access = TEXT_ATTACH)

static const struct text_node nodes[] = {
	DIR_(PD_NONE, "", PD_ROOT),

	PATTERN_DIR(PD_ROOT, PD_PID, 0555),
	LINK(PD_ROOT, "self", link_self, NULL),
	LINK(PD_ROOT, "thread-self", link_thread_self, NULL),
	SHOWN(PD_ROOT, "cpuinfo", show_cpuinfo),
	SHOWN(PD_ROOT, "meminfo", show_meminfo),
	SHOWN(PD_ROOT, "stat", show_system_stat),
	SHOWN(PD_ROOT, "uptime", show_uptime),
	SHOWN(PD_ROOT, "loadavg", show_loadavg),
	SHOWN(PD_ROOT, "version", show_version),
	SHOWN(PD_ROOT, "vmstat", show_vmstat),
	SHOWN(PD_ROOT, "keys", show_keys), SHOWN(PD_ROOT, "key-users", show_key_users),
	SHOWN(PD_ROOT, "interrupts", show_interrupts),
	TEXT(PD_ROOT, "filesystems", "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\tdevpts\nnodev\toverlay\nnodev\tmqueue\n\text4\n"),
	TEXT(PD_ROOT, "devices", "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 pts\n\nBlock devices:\n"),
	TEXT(PD_ROOT, "partitions", "major minor  #blocks  name\n\n"),
	TEXT(PD_ROOT, "swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
	TEXT(PD_ROOT, "cmdline", "bailey\n"),
	TEXT(PD_ROOT, "modules", ""),
	N(PD_ROOT, S_IFREG | 0400, "kmsg", .raw = raw_kmsg),
	TEXT(PD_ROOT, "diskstats", ""), TEXT(PD_ROOT, "execdomains", "0-0\tLinux           \t[kernel]\n"),
	SHOWN(PD_ROOT, "zoneinfo", show_zoneinfo), SHOWN(PD_ROOT, "buddyinfo", show_buddyinfo),
	TEXT(PD_ROOT, "misc", ""),
	TEXT(PD_ROOT, "cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t0\t1\t1\nmemory\t0\t1\t1\npids\t0\t1\t1\n"),
	LINK_TEXT(PD_ROOT, "mounts", "self/mounts"),
	LINK_TEXT(PD_ROOT, "net", "self/net"),
	DIR_(PD_ROOT, "sys", PD_SYS),
	DIR_(PD_ROOT, "tty", PD_TTYD),
	DIR_(PD_ROOT, "pressure", PD_PRESSURE),
	DIR_(PD_ROOT, "sysvipc", PD_SYSVIPC),
	SHOWN(PD_SYSVIPC, "shm", show_sysvipc_shm), SHOWN(PD_SYSVIPC, "sem", show_sysvipc_sem), SHOWN(PD_SYSVIPC, "msg", show_sysvipc_msg),
	TEXT(PD_TTYD, "drivers", "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
		"/dev/console         /dev/console    5       1 system:console\n"
		"/dev/ptmx            /dev/ptmx       5       2 system\n"
		"pty_slave            /dev/pts      136 0-1023 pty:slave\n"),
	TEXT(PD_PRESSURE, "cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"),
	TEXT(PD_PRESSURE, "memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"),
	TEXT(PD_PRESSURE, "io", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"),

	PROCESS_NODES(PD_PID),
	DIR_(PD_PID, "task", PD_TASK),
	SHOWN(PD_PID, "timers", show_timers),
	SETTABLE(PD_PID, "coredump_filter", show_coredump_filter, store_coredump_filter),
	SETTABLE(PD_PID, "timerslack_ns", show_timerslack, store_timerslack),
	SHOWN(PD_PID, "mountstats", show_mountstats),
	CONSTANT(PD_PID, "clear_refs", ""),
	N(PD_PID, S_IFREG | 0400, "pagemap", .raw = raw_pagemap),
	CONSTANT(PD_PID, "autogroup", "/autogroup-1 nice 0\n"),
	PATTERN_DIR(PD_TASK, PD_TID, 0555),
	PROCESS_NODES(PD_TID),
	SHOWN(PD_TID, "children", show_children),
	N(PD_FD, S_IFLNK | 0700, NULL, .readlink = link_fd, .follow = jump_fd, .mode_of = mode_of_fd, .access = TEXT_READ),
	N(PD_FDINFO, S_IFREG | 0444, NULL, .show = show_fdinfo),
	LINK(PD_NS, "cgroup", link_ns, jump_ns), LINK(PD_NS, "ipc", link_ns, jump_ns), LINK(PD_NS, "mnt", link_ns, jump_ns),
	LINK(PD_NS, "net", link_ns, jump_ns), LINK(PD_NS, "pid", link_ns, jump_ns), LINK(PD_NS, "pid_for_children", link_ns, jump_ns),
	LINK(PD_NS, "time", link_ns, jump_ns), LINK(PD_NS, "time_for_children", link_ns, jump_ns), LINK(PD_NS, "user", link_ns, jump_ns),
	LINK(PD_NS, "uts", link_ns, jump_ns),
	CONSTANT(PD_ATTR, "current", "unconfined\n"), CONSTANT(PD_ATTR, "exec", ""), CONSTANT(PD_ATTR, "prev", "unconfined\n"),
	SHOWN(PD_PIDNET, "dev", show_net_dev),
	SHOWN(PD_PIDNET, "tcp", show_tcp),
	SHOWN(PD_PIDNET, "tcp6", show_tcp6),
	SHOWN(PD_PIDNET, "udp", show_udp),
	SHOWN(PD_PIDNET, "udp6", show_udp6),
	TEXT(PD_PIDNET, "raw", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"),
	SHOWN(PD_PIDNET, "route", show_net_route),
	TEXT(PD_PIDNET, "arp", "IP address       HW type     Flags       HW address            Mask     Device\n"),
	SHOWN(PD_PIDNET, "if_inet6", show_if_inet6),
	SHOWN(PD_PIDNET, "snmp", show_snmp), SHOWN(PD_PIDNET, "unix", show_unix_sockets),
	SHOWN(PD_PIDNET, "sockstat", show_sockstat), SHOWN(PD_PIDNET, "sockstat6", show_sockstat6),
	TEXT(PD_PIDNET, "protocols", "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re sp bi br ha uh gp em\n"),

	DIR_(PD_SYS, "kernel", PD_KERNEL), DIR_(PD_SYS, "vm", PD_VM), DIR_(PD_SYS, "fs", PD_SYSFS), DIR_(PD_SYS, "net", PD_SYSNET),
	DIR_(PD_SYS, "user", PD_USERNS),
	USER_MAX("max_cgroup_namespaces", NS_CGROUP), USER_MAX("max_ipc_namespaces", NS_IPC), USER_MAX("max_mnt_namespaces", NS_MNT),
	USER_MAX("max_net_namespaces", NS_NET), USER_MAX("max_pid_namespaces", NS_PID), USER_MAX("max_time_namespaces", NS_TIME),
	USER_MAX("max_user_namespaces", NS_USER), USER_MAX("max_uts_namespaces", NS_UTS),
	SETTABLE(PD_KERNEL, "hostname", show_hostname, store_hostname),
	SETTABLE(PD_KERNEL, "domainname", show_domainname, store_domainname),
	TEXT(PD_KERNEL, "ostype", "Linux\n"),
	TEXT(PD_KERNEL, "osrelease", LX_RELEASE "\n"),
	TEXT(PD_KERNEL, "version", LX_VERSION "\n"),
	NUMBER(PD_KERNEL, "pid_max", CTL_PID_MAX),
	SHOWN(PD_KERNEL, "threads-max", show_threads_max),
	SETTABLE(PD_KERNEL, "ns_last_pid", show_ns_last_pid, store_ns_last_pid),
	TEXT(PD_KERNEL, "cap_last_cap", "40\n"),
	TEXT(PD_KERNEL, "ngroups_max", "65536\n"),
	TEXT(PD_KERNEL, "overflowuid", "65534\n"),
	TEXT(PD_KERNEL, "overflowgid", "65534\n"),
	SETTABLE(PD_KERNEL, "core_pattern", show_core_pattern, store_core_pattern),
	NUMBER(PD_KERNEL, "core_uses_pid", CTL_CORE_USES_PID),
	NUMBER(PD_KERNEL, "randomize_va_space", CTL_RANDOMIZE),
	NUMBER(PD_KERNEL, "io_uring_disabled", CTL_URING_OFF),
	CONSTANT(PD_KERNEL, "perf_event_paranoid", "4\n"),
	CONSTANT(PD_KERNEL, "kptr_restrict", "1\n"),
	NUMBER(PD_KERNEL, "dmesg_restrict", CTL_DMESG),
	CONSTANT(PD_KERNEL, "unprivileged_userns_clone", "1\n"),
	CONSTANT(PD_KERNEL, "sysrq", "0\n"),
	CONSTANT(PD_KERNEL, "printk", "4\t4\t1\t7\n"),
	TEXT(PD_KERNEL, "tainted", "0\n"),
	CONSTANT(PD_KERNEL, "panic", "0\n"),
	IPC_LIMIT(PD_KERNEL, "shmmax", IPC_SHMMAX), IPC_LIMIT(PD_KERNEL, "shmall", IPC_SHMALL), IPC_LIMIT(PD_KERNEL, "shm_rmid_forced", IPC_SHM_FORCED),
	IPC_LIMIT(PD_KERNEL, "msgmax", IPC_MSGMAX), IPC_LIMIT(PD_KERNEL, "msgmnb", IPC_MSGMNB),
	IPC_OBJECTS("shmmni", IPC_SHM), IPC_OBJECTS("msgmni", IPC_MSG), SETTABLE(PD_KERNEL, "sem", show_ipc_sem, store_ipc_sem),
	IPC_NEXT_ID("shm_next_id", IPC_SHM), IPC_NEXT_ID("sem_next_id", IPC_SEM), IPC_NEXT_ID("msg_next_id", IPC_MSG),
	CONSTANT(PD_KERNEL, "sched_child_runs_first", "0\n"),
	CONSTANT(PD_KERNEL, "sched_rt_runtime_us", "950000\n"),
	CONSTANT(PD_KERNEL, "sched_autogroup_enabled", "1\n"),
	DIR_(PD_KERNEL, "random", PD_RANDOM),
	DIR_(PD_KERNEL, "yama", PD_YAMA),
	DIR_(PD_KERNEL, "keys", PD_KEYS),
	DIR_(PD_KERNEL, "pty", PD_PTYD),
	SHOWN(PD_RANDOM, "boot_id", show_boot_id),
	SHOWN(PD_RANDOM, "uuid", show_uuid),
	TEXT(PD_RANDOM, "entropy_avail", "256\n"),
	TEXT(PD_RANDOM, "poolsize", "256\n"),
	CONSTANT(PD_RANDOM, "urandom_min_reseed_secs", "60\n"),
	CONSTANT(PD_RANDOM, "write_wakeup_threshold", "256\n"),
	NUMBER(PD_YAMA, "ptrace_scope", CTL_PTRACE),
	CONSTANT(PD_KEYS, "maxkeys", "200\n"),
	CONSTANT(PD_KEYS, "maxbytes", "20000\n"), CONSTANT(PD_KEYS, "root_maxkeys", "1000000\n"), CONSTANT(PD_KEYS, "root_maxbytes", "25000000\n"),
	CONSTANT(PD_KEYS, "gc_delay", "300\n"), CONSTANT(PD_KEYS, "persistent_keyring_expiry", "259200\n"),
	TEXT(PD_PTYD, "max", "1024\n"),
	SHOWN(PD_PTYD, "nr", show_pty_nr),
	NUMBER(PD_VM, "overcommit_memory", CTL_OVERCOMMIT), NUMBER(PD_VM, "overcommit_ratio", CTL_RATIO),
	NUMBER(PD_VM, "max_map_count", CTL_MAX_MAP), NUMBER(PD_VM, "mmap_min_addr", CTL_MMAP_MIN),
	NUMBER(PD_VM, "swappiness", CTL_SWAPPINESS), NUMBER(PD_VM, "nr_hugepages", CTL_HUGE),
	NUMBER(PD_VM, "dirty_ratio", CTL_DIRTY_RATIO), NUMBER(PD_VM, "dirty_background_ratio", CTL_DIRTY_BG),
	CONSTANT(PD_VM, "min_free_kbytes", "67584\n"), CONSTANT(PD_VM, "drop_caches", "0\n"), CONSTANT(PD_VM, "overcommit_kbytes", "0\n"),
	CONSTANT(PD_VM, "panic_on_oom", "0\n"), CONSTANT(PD_VM, "vfs_cache_pressure", "100\n"), CONSTANT(PD_VM, "zone_reclaim_mode", "0\n"),
	NUMBER(PD_VM, "unprivileged_userfaultfd", CTL_UFFD), CONSTANT(PD_VM, "legacy_va_layout", "0\n"),
	NUMBER(PD_SYSFS, "file-max", CTL_FILE_MAX), NUMBER(PD_SYSFS, "nr_open", CTL_NR_OPEN), NUMBER(PD_SYSFS, "lease-break-time", CTL_LEASE_BREAK), SHOWN(PD_SYSFS, "file-nr", show_file_nr),
	NUMBER(PD_SYSFS, "pipe-max-size", CTL_PIPE_MAX), CONSTANT(PD_SYSFS, "pipe-user-pages-soft", "16384\n"),
	CONSTANT(PD_SYSFS, "pipe-user-pages-hard", "0\n"), NUMBER(PD_SYSFS, "aio-max-nr", CTL_AIO_MAX), SHOWN(PD_SYSFS, "aio-nr", show_aio_nr),
	TEXT(PD_SYSFS, "inode-nr", "0\t0\n"), NUMBER(PD_SYSFS, "protected_hardlinks", CTL_HARDLINKS),
	NUMBER(PD_SYSFS, "protected_symlinks", CTL_SYMLINKS), CONSTANT(PD_SYSFS, "protected_fifos", "0\n"),
	CONSTANT(PD_SYSFS, "protected_regular", "0\n"), CONSTANT(PD_SYSFS, "suid_dumpable", "0\n"),
	CONSTANT(PD_SYSFS, "lease-break-time", "45\n"), CONSTANT(PD_SYSFS, "leases-enable", "1\n"), CONSTANT(PD_SYSFS, "dir-notify-enable", "1\n"), CONSTANT(PD_SYSFS, "mount-max", "100000\n"),
	DIR_(PD_SYSFS, "inotify", PD_INOTIFY), DIR_(PD_SYSFS, "epoll", PD_EPOLLD), DIR_(PD_SYSFS, "mqueue", PD_MQUEUE),
	NUMBER(PD_INOTIFY, "max_user_instances", CTL_INSTANCES), NUMBER(PD_INOTIFY, "max_user_watches", CTL_WATCHES),
	NUMBER(PD_INOTIFY, "max_queued_events", CTL_QUEUED), DIR_(PD_SYSFS, "fanotify", PD_FANOTIFY),
	NUMBER(PD_FANOTIFY, "max_user_groups", CTL_FAN_GROUPS), NUMBER(PD_FANOTIFY, "max_user_marks", CTL_FAN_MARKS),
	NUMBER(PD_FANOTIFY, "max_queued_events", CTL_FAN_QUEUED),
	CONSTANT(PD_EPOLLD, "max_user_watches", "1000000\n"),
	IPC_LIMIT(PD_MQUEUE, "queues_max", IPC_MQ_QUEUES), IPC_LIMIT(PD_MQUEUE, "msg_max", IPC_MQ_MSGS), IPC_LIMIT(PD_MQUEUE, "msg_default", IPC_MQ_MSGS_USUAL),
	IPC_LIMIT(PD_MQUEUE, "msgsize_max", IPC_MQ_SIZE), IPC_LIMIT(PD_MQUEUE, "msgsize_default", IPC_MQ_SIZE_USUAL),
	DIR_(PD_SYSNET, "core", PD_CORE), DIR_(PD_SYSNET, "ipv4", PD_IPV4),
	NUMBER(PD_CORE, "somaxconn", CTL_SOMAXCONN), CONSTANT(PD_CORE, "rmem_max", "212992\n"), CONSTANT(PD_CORE, "wmem_max", "212992\n"),
	CONSTANT(PD_CORE, "rmem_default", "212992\n"), CONSTANT(PD_CORE, "wmem_default", "212992\n"),
	CONSTANT(PD_CORE, "netdev_max_backlog", "1000\n"),
	CONSTANT(PD_IPV4, "ip_local_port_range", "32768\t60999\n"), CONSTANT(PD_IPV4, "ip_forward", "0\n"),
	CONSTANT(PD_IPV4, "ip_unprivileged_port_start", "1024\n"), CONSTANT(PD_IPV4, "tcp_max_syn_backlog", "512\n"),
	CONSTANT(PD_IPV4, "tcp_fin_timeout", "60\n"), CONSTANT(PD_IPV4, "tcp_keepalive_time", "7200\n"),
	CONSTANT(PD_IPV4, "tcp_rmem", "4096\t131072\t6291456\n"), CONSTANT(PD_IPV4, "tcp_wmem", "4096\t16384\t4194304\n"),
};

/* ---- Patterns ---- */

static uint32_t pattern(uint32_t dir)
{
	return text_find_pattern(&procfs, dir);
}

static bool find(struct node_ctx *c, uint32_t dir, const char *name, uint32_t len, struct node_key *key)
{
	struct lx_thread *t;
	uint64_t n;
	bool there = false;

	if (!name_number(name, len, &n) || n > 0x7fffffff)
		return false;
	key->node = pattern(dir);
	if (dir == PD_ROOT || dir == PD_TASK) {
		lock_take(&lx_state()->tasklist);
		t = thread_find_global(c->pid_ns ? pid_from_ns(c->pid_ns, (int)n) : (int)n);
		there = t && (dir == PD_ROOT || t->proc == c->proc);
		if (dir == PD_ROOT && there) {
			key->pid = t->proc->pid; /* /proc/TID of any thread works, but is not listed */
			key->round = t->proc->pid_round;
		}
		lock_drop(&lx_state()->tasklist);
		if (dir == PD_TASK)
			key->tid = there ? t->tid : 0;
	} else if (dir == PD_FD || dir == PD_FDINFO) {
		struct file *f = proc_file(c->proc, n);

		there = f != NULL;
		if (f)
			file_put(f);
		key->num = n;
	}
	return there;
}

/* global, as the mount's namespace counts; 0: not seen from there. */
static uint64_t seen(const struct node_ctx *c, int global) REQUIRES(TASKLIST)
{
	return (uint64_t)(c->pid_ns ? pid_in_ns(c->pid_ns, global) : global);
}

/* In a namespace's order of numbers nothing is sorted; but the next is mostly near. */
static struct lx_proc *first_in_ns(struct node_ctx *c, uint64_t at) REQUIRES(TASKLIST)
{
	struct lx_proc *best = NULL;

	for (uint64_t n = at; n < at + 64 && n < INT32_MAX; n++) {
		struct lx_proc *p = proc_find_global(pid_from_ns(c->pid_ns, (int)n));

		if (p)
			return p;
	}
	LIST_FOR(p, &lx_state()->procs, struct lx_proc, all)
		if (seen(c, p->pid) >= at && (!best || seen(c, p->pid) < seen(c, best->pid)))
			best = p;
	return best;
}

/* The first process with a number of at least at; key: its global one. */
static uint64_t next_pid(struct node_ctx *c, uint64_t at, struct node_key *key)
{
	uint64_t best = UINT64_MAX;
	struct lx_proc *p;

	lock_take(&lx_state()->tasklist);
	at = MAX(MIN(at, (uint64_t)INT32_MAX), 1u);
	p = c->pid_ns ? first_in_ns(c, at) : procs_from((int)at);
	if (p) {
		best = seen(c, p->pid);
		key->pid = p->pid;
		key->round = p->pid_round;
	}
	lock_drop(&lx_state()->tasklist);
	return best;
}

static uint64_t next_tid(struct node_ctx *c, uint64_t at, int *tid)
{
	struct lx_proc *p = c->proc;
	struct lx_thread *before;
	struct list *from = &p->threads;
	uint64_t best = UINT64_MAX;

	lock_take(&lx_state()->tasklist);
	lock_take(&p->lock);
	/* They are in the order of global numbers, and the one told last is mostly still there. */
	before = at > 1 && at <= INT32_MAX && !c->pid_ns ? thread_find_global((int)at - 1) : NULL;
	if (before && before->proc == p && !list_empty(&before->sibling))
		from = &before->sibling;
	for (struct list *l = from->next; l != &p->threads && (c->pid_ns || best == UINT64_MAX); l = l->next) {
		struct lx_thread *t = LIST_ENTRY(l, struct lx_thread, sibling);

		if (seen(c, t->tid) >= MAX(at, 1) && seen(c, t->tid) < best) {
			best = seen(c, t->tid);
			*tid = t->tid;
		}
	}
	lock_drop(&p->lock);
	lock_drop(&lx_state()->tasklist);
	return best;
}

static uint64_t next_fd(struct lx_proc *p, uint64_t at)
{
	struct fdtable *fdt = proc_fdtable(p);
	uint64_t found = UINT64_MAX;

	if (!fdt)
		return found;
	lock_take(&fdt->lock);
	for (uint64_t fd = at; fd < fdt->size && found == UINT64_MAX; fd++)
		if (fdt->slot[fd])
			found = fd;
	lock_drop(&fdt->lock);
	fdt_put_table(fdt);
	return found;
}

static bool next(struct node_ctx *c, uint32_t dir, uint64_t *at, struct node_key *key, char *name, size_t size)
{
	uint64_t n;

	switch (dir) {
	case PD_ROOT:
		n = next_pid(c, *at, key);
		break;
	case PD_TASK:
		n = next_tid(c, *at, &key->tid);
		break;
	case PD_FD:
	case PD_FDINFO:
		n = next_fd(c->proc, *at);
		key->num = n;
		break;
	default:
		return false;
	}
	if (n == UINT64_MAX)
		return false;
	key->node = pattern(dir);
	fmt_snprintf(name, size, "%lu", (unsigned long)n);
	*at = n + 1;
	return true;
}

const struct text_fs procfs = { nodes, ARRAY_LEN(nodes), find, next };

/* ---- self ---- */

/* The reader's own number, as the mount's namespace counts; 0: it cannot be seen from there. */
static int own_number(struct node_ctx *c, int global)
{
	int n;

	if (!c->pid_ns)
		return global;
	lock_take(&lx_state()->tasklist);
	n = pid_in_ns(c->pid_ns, global);
	lock_drop(&lx_state()->tasklist);
	return n;
}

long link_self(struct node_ctx *c, char *buf, size_t size)
{
	int n = own_number(c, c->t->proc->pid);

	return n ? MIN((long)size, fmt_snprintf(buf, size, "%d", n)) : -ENOENT;
}

long link_thread_self(struct node_ctx *c, char *buf, size_t size)
{
	int pid = own_number(c, c->t->proc->pid), tid = own_number(c, c->t->tid);

	return pid && tid ? MIN((long)size, fmt_snprintf(buf, size, "%d/task/%d", pid, tid)) : -ENOENT;
}
