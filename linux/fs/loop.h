/* SPDX-License-Identifier: MIT */
/* linux/fs/loop.h - block devices on files: between dev.c, devfs.c, sysfs.c and loop.c, loop_ioctl.c. */
#ifndef LINUX_FS_LOOP_H
#define LINUX_FS_LOOP_H

#include <linux/loop.h>

#include "linux/fs/fs.h"

#define LOOP_MAJOR   7u
#define LOOP_DEVICES 16u
#define LOOP_SECTOR  512u

enum loop_state { LOOP_UNBOUND, LOOP_BOUND, LOOP_ENDING /* unbound when the last descriptor goes */ };

/* One device; all of it under the table's lock, but number. */
struct loop {
	uint32_t number;          /* [I] */
	enum loop_state state;
	uint32_t openers;         /* open descriptions of the device */
	uint32_t flags;           /* LO_FLAGS_* */
	uint32_t block_size;
	uint32_t read_ahead;      /* BLKRASET: kept and reported */
	bool read_only;           /* BLKROSET */
	struct file *backing;     /* a reference, while bound */
	uint64_t offset, size_limit, size; /* bytes; size: of the device */
	uint8_t name[LO_NAME_SIZE];
	uint64_t init[2];
};

struct loop_table {
	LOCK(IPC) lock;
	struct loop loop[LOOP_DEVICES];
};

/* The table, made by the first who asks; NULL: no memory. */
struct loop_table *loop_table(void);

/* dev_open's part: device number, or the control device. */
long loop_open(uint32_t number, struct file *f);
long loop_control_open(struct file *f);

/* Of a bound device: its file with a reference, and where on it the device lies; NULL: it is not bound. */
struct file *loop_backing(struct loop *l, uint64_t *offset, uint64_t *size);

/* loop_sysfs.c */
struct node_ctx;
struct text;
void loop_show_size(struct text *x, struct node_ctx *c);
void loop_show_ro(struct text *x, struct node_ctx *c);
void loop_show_dev(struct text *x, struct node_ctx *c);
void loop_show_offset(struct text *x, struct node_ctx *c);
void loop_show_sizelimit(struct text *x, struct node_ctx *c);
void loop_show_autoclear(struct text *x, struct node_ctx *c);
void loop_show_partscan(struct text *x, struct node_ctx *c);
void loop_show_dio(struct text *x, struct node_ctx *c);
void loop_show_backing(struct text *x, struct node_ctx *c);

/* loop_ioctl.c */
long loop_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg);
long loop_control_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg);
/* Makes it unbound; the table's lock is held.  The file whose reference the caller then drops, or NULL. */
struct file *loop_unbind(struct loop *l);

#endif
