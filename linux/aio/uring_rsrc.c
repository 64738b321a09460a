/* SPDX-License-Identifier: MIT */
/*
 * linux/aio/uring_rsrc.c - registered files and buffers.
 *
 * A registered buffer is remembered by address: nothing is pinned, so what the guest
 * unmaps afterwards is a fault (-EFAULT) and not the old page.  A tag is posted when its file
 * or buffer leaves the table.
 */
#include "linux/aio/uring.h"
#include "linux/fs/fs.h"

static void post_tag(struct uring *ring, uint64_t tag)
{
	if (tag != 0 && !ring->dying)
		uring_post(ring, tag, 0, 0, NULL);
}

static long tag_in(struct gva tags, uint32_t i, uint64_t *tag)
{
	*tag = 0;
	return tags.va == 0 ? 0 : copy_in(tag, gva_add(tags, (uint64_t)i * sizeof *tag), sizeof *tag);
}

/* ---- Files ---- */

struct file *uring_fixed_get(struct uring *ring, uint32_t index)
{
	struct file *f = NULL;

	lock_take(&ring->lock);
	if (index < ring->nfiles)
		f = ring->files[index].file;
	if (f != NULL)
		file_get(f);
	lock_drop(&ring->lock);
	return f;
}

/* Puts f (or NULL) into the slot and ends what was there. */
static void replace(struct uring *ring, uint32_t slot, struct file *f, uint64_t tag)
{
	struct uring_fixed old;

	lock_take(&ring->lock);
	old = ring->files[slot];
	ring->files[slot] = (struct uring_fixed){ f, tag };
	lock_drop(&ring->lock);
	if (old.file != NULL) {
		file_put(old.file);
		post_tag(ring, old.tag);
	}
}

static long free_slot(struct uring *ring)
{
	uint32_t n = ring->alloc_to - ring->alloc_from;
	long slot = -ENFILE;

	lock_take(&ring->lock);
	for (uint32_t i = 0; i < n && slot < 0; i++) {
		uint32_t at = ring->alloc_from + (ring->file_hint + i) % n;

		if (at < ring->nfiles && ring->files[at].file == NULL)
			slot = (long)at;
	}
	if (slot >= 0)
		ring->file_hint = (uint32_t)slot - ring->alloc_from + 1;
	lock_drop(&ring->lock);
	return slot;
}

long uring_fixed_install(struct uring *ring, uint32_t file_index, struct file *f)
{
	long slot;

	if (uring_of(f) != NULL)
		return -EBADF;
	if (ring->files == NULL)
		return file_index == IORING_FILE_INDEX_ALLOC ? -ENFILE : -ENXIO;
	slot = file_index == IORING_FILE_INDEX_ALLOC ? free_slot(ring) : (long)file_index - 1;
	if (slot < 0)
		return slot;
	if (slot >= ring->nfiles)
		return -EINVAL;
	replace(ring, (uint32_t)slot, f, 0);
	return file_index == IORING_FILE_INDEX_ALLOC ? slot : 0;
}

long uring_fixed_close(struct uring *ring, uint32_t slot)
{
	struct file *f;

	if (ring->files == NULL)
		return -ENXIO;
	if (slot >= ring->nfiles)
		return -EINVAL;
	f = uring_fixed_get(ring, slot);
	if (f == NULL)
		return -EBADF;
	file_put(f);
	replace(ring, slot, NULL, 0);
	return 0;
}

/* One descriptor of a list; NULL and 0 for -1. */
static long file_in(struct lx_thread *t, struct gva fds, uint32_t i, int *fd, struct file **f)
{
	*f = NULL;
	if (copy_in(fd, gva_add(fds, (uint64_t)i * sizeof *fd), sizeof *fd) != 0)
		return -EFAULT;
	if (*fd == -1 || *fd == IORING_REGISTER_FILES_SKIP)
		return 0;
	*f = fd_get(t, *fd);
	if (*f == NULL)
		return -EBADF;
	if (uring_of(*f) == NULL)
		return 0;
	file_put(*f); /* a ring that holds itself would never end */
	*f = NULL;
	return -EBADF;
}

long uring_files_unregister(struct uring *ring)
{
	struct uring_fixed *files;
	uint32_t n;

	lock_take(&ring->lock);
	files = ring->files;
	n = ring->nfiles;
	ring->files = NULL;
	ring->nfiles = 0;
	lock_drop(&ring->lock);
	if (files == NULL)
		return -ENXIO;
	for (uint32_t i = 0; i < n; i++)
		if (files[i].file != NULL) {
			file_put(files[i].file);
			post_tag(ring, files[i].tag);
		}
	arena_free(files);
	return 0;
}

long uring_files_register(struct lx_thread *t, struct uring *ring, struct gva fds, struct gva tags, uint32_t count)
{
	struct uring_fixed *files;
	long err = 0;

	if (ring->files != NULL)
		return -EBUSY;
	if (count == 0)
		return -EINVAL;
	if (count > URING_FILES_MAX || count > t->proc->rlim[RLIMIT_NOFILE].rlim_cur)
		return -EMFILE;
	files = arena_alloc(count * sizeof *files);
	if (files == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < count && err == 0 && fds.va != 0; i++) {
		int fd;

		err = tag_in(tags, i, &files[i].tag);
		if (err == 0)
			err = file_in(t, fds, i, &fd, &files[i].file);
		if (err == 0 && files[i].file == NULL && (files[i].tag != 0 || fd != -1))
			err = fd == -1 ? -EINVAL : -EBADF;
	}
	lock_take(&ring->lock);
	if (err == 0 && ring->files == NULL) {
		ring->files = files;
		ring->nfiles = ring->alloc_to = count;
		ring->file_hint = ring->alloc_from = 0;
		files = NULL;
	}
	lock_drop(&ring->lock);
	if (files == NULL)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		if (files[i].file != NULL)
			file_put(files[i].file);
	arena_free(files);
	return err != 0 ? err : -EBUSY;
}

long uring_files_update(struct lx_thread *t, struct uring *ring, uint32_t offset, struct gva fds, struct gva tags, uint32_t count)
{
	uint32_t done;
	long err = 0;

	if (ring->files == NULL)
		return -ENXIO;
	if (offset + count < offset || offset + count > ring->nfiles)
		return -EINVAL;
	for (done = 0; done < count; done++) {
		struct file *f;
		uint64_t tag;
		int fd;

		err = tag_in(tags, done, &tag);
		if (err == 0)
			err = file_in(t, fds, done, &fd, &f);
		if (err == 0 && (fd == -1 || fd == IORING_REGISTER_FILES_SKIP) && tag != 0)
			err = -EINVAL;
		if (err != 0)
			break;
		if (fd != IORING_REGISTER_FILES_SKIP)
			replace(ring, offset + done, f, tag);
	}
	return done > 0 ? (long)done : err;
}

long uring_files_place(struct lx_thread *t, struct uring *ring, struct gva fds, uint32_t count)
{
	uint32_t done;
	long n = 0;

	if (ring->files == NULL)
		return -ENXIO;
	for (done = 0; done < count; done++) {
		struct file *f;
		int fd;

		n = file_in(t, fds, done, &fd, &f);
		if (n == 0 && f == NULL)
			n = -EBADF;
		if (n != 0)
			break;
		n = uring_fixed_install(ring, IORING_FILE_INDEX_ALLOC, f);
		if (n < 0) {
			file_put(f);
			break;
		}
		if (PUT_USER(gva_add(fds, (uint64_t)done * sizeof fd), (int)n) != 0) {
			(void)uring_fixed_close(ring, (uint32_t)n);
			n = -EFAULT;
			break;
		}
	}
	return done > 0 ? (long)done : n;
}

/* ---- Buffers ---- */

static long buffer_in(struct gva iovs, struct gva tags, uint32_t i, struct uring_buffer *b)
{
	struct dk_segment seg;
	uint8_t probe;
	long err = tag_in(tags, i, &b->tag);

	if (err != 0)
		return err;
	if (copy_in(&seg, gva_add(iovs, (uint64_t)i * sizeof seg), sizeof seg) != 0)
		return -EFAULT;
	b->addr = (uint64_t)seg.base;
	b->len = seg.size;
	if (b->addr == 0)
		return b->len != 0 ? -EFAULT : b->tag != 0 ? -EINVAL : 0;
	if (b->len == 0 || b->len > 1ull << 30)
		return -EFAULT;
	if (copy_in(&probe, (struct gva){ b->addr }, 1) != 0 || copy_in(&probe, (struct gva){ b->addr + b->len - 1 }, 1) != 0)
		return -EFAULT;
	return 0;
}

long uring_buffers_register(struct uring *ring, struct gva iovs, struct gva tags, uint32_t count)
{
	struct uring_buffer *b;
	long err = 0;

	if (ring->buffers != NULL)
		return -EBUSY;
	if (count == 0 || count > URING_BUFFERS_MAX)
		return -EINVAL;
	b = arena_alloc(count * sizeof *b);
	if (b == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < count && err == 0 && iovs.va != 0; i++)
		err = buffer_in(iovs, tags, i, &b[i]);
	lock_take(&ring->lock);
	if (err == 0 && ring->buffers == NULL) {
		ring->buffers = b;
		ring->nbuffers = count;
		b = NULL;
	}
	lock_drop(&ring->lock);
	arena_free(b);
	return b == NULL ? 0 : err != 0 ? err : -EBUSY;
}

long uring_buffers_update(struct uring *ring, uint32_t offset, struct gva iovs, struct gva tags, uint32_t count)
{
	uint32_t done;
	long err = 0;

	if (ring->buffers == NULL)
		return -ENXIO;
	if (offset + count < offset || offset + count > ring->nbuffers)
		return -EINVAL;
	for (done = 0; done < count; done++) {
		struct uring_buffer b = { 0 };
		uint64_t old;

		err = buffer_in(iovs, tags, done, &b);
		if (err != 0)
			break;
		lock_take(&ring->lock);
		old = ring->buffers[offset + done].tag;
		ring->buffers[offset + done] = b;
		lock_drop(&ring->lock);
		post_tag(ring, old);
	}
	return done > 0 ? (long)done : err;
}

long uring_buffers_unregister(struct uring *ring)
{
	struct uring_buffer *b;
	uint32_t n;

	lock_take(&ring->lock);
	b = ring->buffers;
	n = ring->nbuffers;
	ring->buffers = NULL;
	ring->nbuffers = 0;
	lock_drop(&ring->lock);
	if (b == NULL)
		return -ENXIO;
	for (uint32_t i = 0; i < n; i++)
		post_tag(ring, b[i].tag);
	arena_free(b);
	return 0;
}

long uring_buffer_check(struct uring *ring, uint32_t index, uint64_t addr, uint64_t len)
{
	long err = -EFAULT;

	lock_take(&ring->lock);
	if (index < ring->nbuffers) {
		const struct uring_buffer *b = &ring->buffers[index];

		if (b->addr != 0 && addr >= b->addr && addr - b->addr <= b->len && len <= b->len - (addr - b->addr))
			err = 0;
	}
	lock_drop(&ring->lock);
	return err;
}
