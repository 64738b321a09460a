/* SPDX-License-Identifier: MIT */
/* nt/os/pipefile.h - ends of NT's own pipes as files of Linux programs. */
#ifndef NT_OS_PIPEFILE_H
#define NT_OS_PIPEFILE_H

#include "nt/nt.h"
#include "nt/os/status.h"

struct file;
struct waitq;

/* A file, with one reference, that is o, an end of a pipe, opened with access (FILE_READ_DATA ...): it counts as one of its handles.
   NULL: no memory. */
struct file *os_pipe_file(struct ob_object *o, uint32_t access);

/* ---- What it asks the end, in any picoprocess (io/npfs_linux.c); no lock is held ---- */

#define OS_PIPE_DATA 1u /* there is something to read */
#define OS_PIPE_ROOM 2u
#define OS_PIPE_OVER 4u /* the other end is gone; what is queued can still be read */
uint32_t npfs_linux_ready(struct ob_object *o);
uint32_t npfs_linux_available(const struct ob_object *o); /* bytes to read */
struct waitq *npfs_linux_wait(struct ob_object *o);       /* woken when one of these changes */
/*
 * Up to size bytes: STATUS_SUCCESS, STATUS_PENDING (nothing yet, or no room), STATUS_PIPE_BROKEN, STATUS_ACCESS_VIOLATION.  put takes n bytes
 * for byte `at` of the answer on, under the pipe's lock; fill gives the bytes to write, and says how many.
 */
NTSTATUS npfs_linux_read(struct ob_object *o, uint32_t size, bool (*put)(void *arg, uint32_t at, const void *from, uint32_t n), void *arg, uint32_t *done);
NTSTATUS npfs_linux_write(struct ob_object *o, uint32_t size, uint32_t (*fill)(void *arg, void *to, uint32_t n), void *arg, uint32_t *done);
#endif
