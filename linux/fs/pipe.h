/* SPDX-License-Identifier: MIT */
/* linux/fs/pipe.h - between pipe.c, fifo.c and splice.c. */
#ifndef LINUX_FS_PIPE_H
#define LINUX_FS_PIPE_H

#include "linux/fs/io.h"
#include "linux/fs/ring.h"

#define PIPE_LIMIT     65536u   /* what a new pipe may hold */
#define PIPE_LIMIT_MAX 1048576u /* F_SETPIPE_SZ without CAP_SYS_RESOURCE */

struct pipe {
	struct ref ref;     /* one for each file, one for a named FIFO's inode */
	LOCK(PIPE) lock;
	struct waitq rq;    /* who waits for bytes, or to open for reading */
	struct waitq wq;    /* who waits for room, or to open for writing */
	struct ring ring;   /* [PIPE] */
	uint32_t readers, writers; /* [PIPE] open descriptions */
	uint32_t r_opens, w_opens; /* [PIPE] how many there ever were */
	bool packets;       /* [I] O_DIRECT: each write is a u32 length and so many bytes */
};

struct pipe *pipe_new(void);
void pipe_put(struct pipe *p);
static inline bool pipe_reads(const struct file *f)
{
	return (f->flags & O_ACCMODE) != O_WRONLY;
}
static inline bool pipe_writes(const struct file *f)
{
	return (f->flags & O_ACCMODE) != O_RDONLY;
}
/* A write of up to PIPE_BUF bytes does not have to wait. */
static inline bool pipe_has_room(const struct pipe *p)
{
	return ring_free_bytes(&p->ring) >= PIPE_BUF;
}
/* After bytes were taken out, with no lock: tells writers, if there is room worth it. */
void pipe_taken(struct pipe *p);
/* Sleep until something can be read (or there is no writer), written (or no reader): 0 or -errno. */
long pipe_wait_data(struct pipe *p);
long pipe_wait_room(struct pipe *p);
long pipe_broken(struct lx_thread *t); /* SIGPIPE and -EPIPE */
long pipe_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos);
long pipe_write(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos);
/* -EPIPE alone sends no signal: file_write does, or the caller. */
long pipe_write_mode(struct lx_thread *t, struct pipe *p, const struct iov *v, bool nonblock);
long pipe_read_mode(struct pipe *p, const struct iov *v, bool nonblock);

#endif
