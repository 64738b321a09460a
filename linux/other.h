/* SPDX-License-Identifier: MIT */
/*
 * linux/other.h - what linux/ asks of the other personality in the image, NT (docs/design/15-nt.md).  The functions are in nt/os/.
 *
 * A process is one of its from the time execve has loaded a PE file into it (lx_proc.nt is set) until it ends.
 */
#ifndef LINUX_OTHER_H
#define LINUX_OTHER_H

#include "linux/linux.h"

struct exec_image;

/* execve: head, `have` bytes of img->prog.file, begins with "MZ".  Checks what can be checked before the old program is gone:
   0, or -errno and *problem in words. */
long nt_exec_open(struct lx_thread *t, struct exec_image *img, const char *head, size_t have, const char **problem);
/* Loads img into the calling process's empty address space, as exec_load does, and makes this an NT picoprocess. */
long nt_exec_load(struct lx_thread *t, struct exec_image *img, struct dk_context *c);
/* The calling thread, of a Linux program that a Windows program has started, begins when that says so. */
void nt_wait_resumed(struct lx_thread *t);
/* The calling thread of an NT process ends; p, an NT process, has ended (kproc, if the host ended it).  No lock is held. */
void nt_thread_exit(struct lx_thread *t);
void nt_proc_exit(struct lx_proc *p);
/* A request of another NT process, remote_other's, is to be done by the calling thread's process. */
void nt_serve(void *data, uint64_t size);
/* NT programs watch folders (then lx_state()->watches counts it too).  What fs_tell_entry and fs_tell_path say; dir is the folder of name. */
bool nt_watching(void);
struct dentry;
void nt_fs_event(struct dentry *dir, uint32_t mask, const char *name);
/* kproc: the clocks that NT programs read without a call; when to come again. */
uint64_t nt_tick(uint64_t now);
/* A request of an NT process, of source IO_SOURCE_NT, is to be run by the caller, a thread of it; it ends, as io_exit says, maybe in kproc. */
struct io_req;
void nt_io_run(struct lx_thread *t, struct io_req *r);
void nt_io_cancelled(struct io_req *r);
/* What is due now of p's requests that have a time ends; when the next one is, or DK_FOREVER.  By p's poller. */
uint64_t nt_io_due(struct lx_proc *p);
/* kproc: a timer of kind TIMER_NT is due. */
void nt_timer_fired(void *owner);
#endif
