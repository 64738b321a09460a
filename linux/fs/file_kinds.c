/* SPDX-License-Identifier: MIT */
/* linux/fs/file_kinds.c - which operations each kind of open file has. */
#include "linux/fs/io.h"
#include "linux/fs/vfs.h"

extern const struct file_ops file_mem_ops, file_host_ops, file_dir_ops, file_proc_ops, file_dev_ops, file_std_ops,
	file_pty_ops, file_pidfd_ops, file_inotify_ops, file_path_ops, file_mqueue_ops, file_seccomp_ops, file_ns_ops,
	file_fscontext_ops, uring_file_ops;
extern const struct file_ops file_landlock_ops, file_loop_ops, file_loop_control_ops, file_fanotify_ops;

extern const struct file_ops file_kmsg_ops, uffd_file_ops, file_ntpipe_ops;

static const struct file_ops none_ops = { .name = "none" };

const struct file_ops *const lx_file_ops[FILE_KINDS] = {
	[FILE_NONE] = &none_ops,
	[FILE_MEM] = &file_mem_ops,
	[FILE_HOST] = &file_host_ops,
	[FILE_DIR] = &file_dir_ops,
	[FILE_PROC] = &file_proc_ops,
	[FILE_DEV] = &file_dev_ops,
	[FILE_STD] = &file_std_ops,
	[FILE_PIPE] = &pipe_file_ops,
	[FILE_EVENTFD] = &eventfd_file_ops,
	[FILE_TIMERFD] = &timerfd_file_ops,
	[FILE_SIGNALFD] = &signalfd_file_ops,
	[FILE_EPOLL] = &epoll_file_ops,
	[FILE_SOCKET] = &socket_file_ops,
	[FILE_PTY] = &file_pty_ops,
	[FILE_PIDFD] = &file_pidfd_ops,
	[FILE_INOTIFY] = &file_inotify_ops,
	[FILE_PATH] = &file_path_ops,
	[FILE_KMSG] = &file_kmsg_ops,
	[FILE_UFFD] = &uffd_file_ops,
	[FILE_MQUEUE] = &file_mqueue_ops,
	[FILE_SECCOMP] = &file_seccomp_ops,
	[FILE_FANOTIFY] = &file_fanotify_ops,
	[FILE_LOOP] = &file_loop_ops,
	[FILE_LOOP_CONTROL] = &file_loop_control_ops,
	[FILE_NS] = &file_ns_ops,
	[FILE_FSCONTEXT] = &file_fscontext_ops,
	[FILE_URING] = &uring_file_ops,
	[FILE_LANDLOCK] = &file_landlock_ops,
	[FILE_NTPIPE] = &file_ntpipe_ops,
};
