/* SPDX-License-Identifier: MIT */
/* linux/fs/loop_sysfs.c - /sys/block/loopN: what a loop device is, as numbers; the device's is the key's. */
#include "linux/fs/loop.h"
#include "linux/fs/textfs.h"

/* The device as it is now. */
static struct loop look(const struct node_ctx *c)
{
	struct loop_table *table = loop_table();
	struct loop l = { 0 };

	if (table == NULL || c->key.num >= LOOP_DEVICES)
		return l;
	lock_take(&table->lock);
	l = table->loop[c->key.num];
	lock_drop(&table->lock);
	return l;
}

void loop_show_size(struct text *x, struct node_ctx *c)
{
	text_add(x, "%lu\n", (unsigned long)(look(c).size / LOOP_SECTOR));
}

void loop_show_ro(struct text *x, struct node_ctx *c)
{
	struct loop l = look(c);

	text_add(x, "%d\n", l.read_only || (l.flags & LO_FLAGS_READ_ONLY) ? 1 : 0);
}

void loop_show_dev(struct text *x, struct node_ctx *c)
{
	text_add(x, "%u:%lu\n", LOOP_MAJOR, (unsigned long)c->key.num);
}

void loop_show_offset(struct text *x, struct node_ctx *c)
{
	text_add(x, "%lu\n", (unsigned long)look(c).offset);
}

void loop_show_sizelimit(struct text *x, struct node_ctx *c)
{
	text_add(x, "%lu\n", (unsigned long)look(c).size_limit);
}

void loop_show_autoclear(struct text *x, struct node_ctx *c)
{
	text_add(x, "%d\n", look(c).flags & LO_FLAGS_AUTOCLEAR ? 1 : 0);
}

void loop_show_partscan(struct text *x, struct node_ctx *c)
{
	text_add(x, "%d\n", look(c).flags & LO_FLAGS_PARTSCAN ? 1 : 0);
}

void loop_show_dio(struct text *x, struct node_ctx *c)
{
	text_add(x, "%d\n", look(c).flags & LO_FLAGS_DIRECT_IO ? 1 : 0);
}

void loop_show_backing(struct text *x, struct node_ctx *c)
{
	struct loop_table *table = loop_table();
	uint64_t offset, size;
	struct file *f = table != NULL && c->key.num < LOOP_DEVICES ? loop_backing(&table->loop[c->key.num], &offset, &size) : NULL;
	char *buf = f != NULL ? path_buf() : NULL;

	if (buf != NULL && f->path.dentry != NULL && path_text(c->t, &f->path, buf, PATH_MAX) > 0)
		text_add(x, "%s\n", buf);
	path_buf_free(buf);
	if (f != NULL)
		file_put(f);
}
