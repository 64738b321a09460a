/* SPDX-License-Identifier: MIT */
/* linux/fs/procfs.h - between the files procfs*.c. */
#ifndef LINUX_FS_PROCFS_H
#define LINUX_FS_PROCFS_H

#include "linux/fs/textfs.h"
#include "linux/misc/release.h"

/* The directories. */
enum proc_dir { PD_NONE, PD_ROOT = TEXT_ROOT, PD_PID, PD_TASK, PD_TID, PD_FD, PD_FDINFO, PD_NS, PD_ATTR, PD_PIDNET, PD_SYS, PD_KERNEL,
	PD_RANDOM, PD_YAMA, PD_KEYS, PD_VM, PD_SYSFS, PD_INOTIFY, PD_FANOTIFY, PD_EPOLLD, PD_MQUEUE, PD_SYSNET, PD_CORE, PD_IPV4, PD_IPV6, PD_TTYD, PD_PRESSURE,
	PD_SYSVIPC, PD_PTYD, PD_USERNS };

#define SHOW(name) void show_##name(struct text *x, struct node_ctx *c)
/* procfs_pid.c, procfs_status.c */
SHOW(stat); SHOW(status); SHOW(statm); SHOW(cmdline); SHOW(environ); SHOW(comm); SHOW(auxv); SHOW(limits); SHOW(io);
SHOW(oom_score_adj); SHOW(oom_score); SHOW(children); SHOW(schedstat); SHOW(syscall); SHOW(personality); SHOW(sched); SHOW(timerslack);
/* procfs_maps.c */
SHOW(maps); SHOW(numa_maps); SHOW(smaps); SHOW(smaps_rollup);
/* procfs_fd.c, mountinfo.c */
uint32_t poll_mounts(struct node_ctx *c, struct poll_table *p);
SHOW(fdinfo); SHOW(mounts); SHOW(mountinfo); SHOW(mountstats);
/* ns/ */
SHOW(id_map); SHOW(setgroups); SHOW(timens_offsets); SHOW(user_max);
/* procfs_sys.c */
SHOW(cpuinfo); SHOW(meminfo); SHOW(system_stat); SHOW(uptime); SHOW(loadavg); SHOW(version); SHOW(interrupts);
SHOW(vmstat); SHOW(zoneinfo); SHOW(buddyinfo);
/* ipc/ */
SHOW(sysvipc_shm); SHOW(sysvipc_sem); SHOW(sysvipc_msg); SHOW(ipc_limit); SHOW(ipc_objects); SHOW(ipc_next_id); SHOW(ipc_sem);
/* sig/core_name.c */
SHOW(core_pattern); SHOW(coredump_filter);
SHOW(timers); /* misc/posix_timer.c */
/* sec/keys_proc.c */
SHOW(keys); SHOW(key_users);
/* procfs_sysctl.c */
SHOW(hostname); SHOW(domainname); SHOW(boot_id); SHOW(uuid); SHOW(threads_max); SHOW(file_nr); SHOW(aio_nr); SHOW(number);
SHOW(pty_nr); SHOW(ns_last_pid);
SHOW(tcp); SHOW(tcp6); SHOW(udp); SHOW(udp6); SHOW(if_inet6); SHOW(net_dev); SHOW(net_route); SHOW(sockstat); SHOW(sockstat6); SHOW(snmp); SHOW(unix_sockets); /* net/inet_proc.c */

long store_comm(struct node_ctx *c, char *text, size_t n);
long store_timerslack(struct node_ctx *c, char *text, size_t n);
long store_oom_score_adj(struct node_ctx *c, char *text, size_t n);
long store_hostname(struct node_ctx *c, char *text, size_t n);
long store_domainname(struct node_ctx *c, char *text, size_t n);
long store_number(struct node_ctx *c, char *text, size_t n);
long store_id_map(struct node_ctx *c, char *text, size_t n);
long store_setgroups(struct node_ctx *c, char *text, size_t n);
long store_timens_offsets(struct node_ctx *c, char *text, size_t n);
long store_user_max(struct node_ctx *c, char *text, size_t n);
long store_ipc_limit(struct node_ctx *c, char *text, size_t n);
long store_ipc_objects(struct node_ctx *c, char *text, size_t n);
long store_ipc_next_id(struct node_ctx *c, char *text, size_t n);
long store_ipc_sem(struct node_ctx *c, char *text, size_t n);
long store_ns_last_pid(struct node_ctx *c, char *text, size_t n);
long store_core_pattern(struct node_ctx *c, char *text, size_t n);
long store_coredump_filter(struct node_ctx *c, char *text, size_t n);
long store_nothing(struct node_ctx *c, char *text, size_t n); /* accepted, without effect */
long raw_mem(struct node_ctx *c, const struct iov *v, uint64_t *pos, bool write);
long raw_pagemap(struct node_ctx *c, const struct iov *v, uint64_t *pos, bool write); /* procfs_maps.c */
long ioctl_maps(struct node_ctx *c, uint32_t cmd, uint64_t arg); /* PROCMAP_QUERY */
long raw_kmsg(struct node_ctx *c, const struct iov *v, uint64_t *pos, bool write); /* kmsg.c */

long link_self(struct node_ctx *c, char *buf, size_t size);
long link_thread_self(struct node_ctx *c, char *buf, size_t size);
long link_exe(struct node_ctx *c, char *buf, size_t size);
long link_cwd(struct node_ctx *c, char *buf, size_t size);
long link_root(struct node_ctx *c, char *buf, size_t size);
long link_fd(struct node_ctx *c, char *buf, size_t size);
long link_ns(struct node_ctx *c, char *buf, size_t size);
long jump_exe(struct node_ctx *c, struct path *out, struct file **file);
long jump_cwd(struct node_ctx *c, struct path *out, struct file **file);
long jump_root(struct node_ctx *c, struct path *out, struct file **file);
long jump_ns(struct node_ctx *c, struct path *out, struct file **file);
long jump_fd(struct node_ctx *c, struct path *out, struct file **file);
uint32_t mode_of_fd(struct node_ctx *c);

/* procfs_fd.c: the descriptor table with a reference, or NULL; fd's file with one. */
struct fdtable *proc_fdtable(struct lx_proc *p);
struct file *proc_file(struct lx_proc *p, uint64_t fd);

/* Settings that may be changed but mean nothing: their values, in lx_state()->misc. */
void inotify_fdinfo(struct text *x, struct file *f); /* fs/inotify.c: lines of /proc/PID/fdinfo */

enum sysctl { CTL_DMESG, CTL_OVERCOMMIT, CTL_RATIO, CTL_SWAPPINESS, CTL_MAX_MAP, CTL_PID_MAX, CTL_PIPE_MAX, CTL_FILE_MAX, CTL_SOMAXCONN,
	CTL_RANDOMIZE, CTL_CORE_USES_PID, CTL_PTRACE,
	CTL_INSTANCES, CTL_WATCHES, CTL_QUEUED, CTL_NR_OPEN, CTL_AIO_MAX, CTL_HUGE, CTL_DIRTY_RATIO, CTL_DIRTY_BG, CTL_MMAP_MIN, CTL_LEASE_BREAK, CTL_FAN_QUEUED, CTL_FAN_GROUPS, CTL_FAN_MARKS, CTL_URING_OFF, CTL_UFFD, CTL_SYMLINKS, CTL_HARDLINKS, CTL_COUNT };
uint64_t sysctl_value(enum sysctl which); /* for the rest of linux/ too */

#endif
