/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/memopen.c - the host's file of an overlay inode that still shows it.
 *
 * It is opened by the first open (one trip, with the contents if it is small) and
 * shared by all that follow; when the last one closes it waits in a ring of IDLE_SLOTS
 * for the next open, so that a program run again costs no trip.
 */
#include "linux/fs/mem.h"

/* Drops stream and contents of an inode that nobody has open. */
static void forget_host(struct inode *i)
{
	struct mem_priv *m = mem(i);
	dk_handle stream = DK_NO_HANDLE;
	void *data = NULL;

	lock_take(&i->lock);
	m->flags &= ~MEM_IDLE;
	if (m->opens == 0) {
		stream = m->stream;
		data = m->inline_data;
		m->stream = DK_NO_HANDLE;
		m->inline_data = NULL;
		m->inline_size = 0;
	}
	lock_drop(&i->lock);
	if (stream != DK_NO_HANDLE)
		(void)DkObjectClose(stream);
	arena_free(data);
}

/* The ring takes a reference; what was longest in it goes. */
void mem_lower_idle(struct inode *i)
{
	struct vfs *v = vfs();
	struct inode *old;

	inode_get(i);
	lock_take(&v->idle_lock);
	old = v->idle[v->idle_next];
	v->idle[v->idle_next] = i;
	v->idle_next = (v->idle_next + 1) % IDLE_SLOTS;
	lock_drop(&v->idle_lock);
	if (old != NULL) {
		forget_host(old);
		inode_put(old);
	}
}

static long open_host(struct inode *i)
{
	struct mem_priv *m = mem(i);
	bool small = i->size != 0 && i->size <= 16384;
	struct dk_open o = { .access = DK_READ, .share = 7, .disposition = DK_OPEN_EXISTING };
	dk_handle stream = DK_NO_HANDLE;
	void *room = small ? heap_alloc_dirty(16384) : NULL, *data = NULL;
	enum dk_status status;

	if (room != NULL) {
		o.options = DK_OPTION_INLINE;
		o.inline_data = room;
		o.inline_size = 16384;
	}
	status = DkStreamOpen(m->lower, &o, &stream);
	if (status == DK_OK && room != NULL && o.inline_size != 0 && o.inline_size == o.attr.size) {
		data = arena_alloc(o.inline_size);
		if (data != NULL)
			memcpy(data, room, o.inline_size);
	}
	heap_free(room);
	if (status != DK_OK)
		return status == DK_NOT_FOUND || status == DK_SYMLINK || status == DK_NOT_DIRECTORY ? -ESTALE : lx_err(status);
	if (mode_of_type(o.attr.type) != S_IFMT_(i->mode) || o.attr.inode != m->lower_ino) {
		(void)DkObjectClose(stream);
		arena_free(data);
		return -ESTALE; /* the name is something else now */
	}
	mem_lower_attributes(i, &o.attr, pico_now_coarse());
	lock_take(&i->lock);
	if (m->stream == DK_NO_HANDLE) {
		m->stream = stream;
		stream = DK_NO_HANDLE;
	}
	if (m->inline_data == NULL && data != NULL) {
		m->inline_data = data;
		m->inline_size = o.inline_size;
		data = NULL;
	}
	lock_drop(&i->lock);
	if (stream != DK_NO_HANDLE)
		(void)DkObjectClose(stream);
	arena_free(data);
	return 0;
}

long mem_lower_open(struct inode *i)
{
	struct mem_priv *m = mem(i);
	bool have;
	long err;

	lock_take(&i->lock);
	m->opens++;
	have = m->stream != DK_NO_HANDLE || !(m->flags & MEM_LOWER);
	lock_drop(&i->lock);
	if (have)
		return 0;
	err = open_host(i);
	if (err < 0) {
		lock_take(&i->lock);
		m->opens--;
		lock_drop(&i->lock);
	}
	return err;
}

void mem_lower_close(struct inode *i)
{
	struct mem_priv *m = mem(i);
	bool idle;

	lock_take(&i->lock);
	idle = --m->opens == 0 && m->stream != DK_NO_HANDLE && !(m->flags & MEM_IDLE);
	if (idle)
		m->flags |= MEM_IDLE;
	lock_drop(&i->lock);
	if (idle)
		mem_lower_idle(i);
}

void mem_lower_free(struct inode *i)
{
	struct mem_priv *m = mem(i);

	if (m->stream != DK_NO_HANDLE)
		(void)DkObjectClose(m->stream);
	arena_free(m->inline_data);
	arena_free(m->lower);
}
