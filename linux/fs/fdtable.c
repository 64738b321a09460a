/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/fdtable.c - descriptor tables.
 *
 * slot, cloexec and the two bitmaps are one allocation, replaced as a whole when the table
 * grows.  The bitmaps find the lowest free slot in the time of some words, however many are in use.
 * A process with one thread and a table of its own is the only one that changes
 * the table, so it looks descriptors up without the lock; others (through
 * /proc/PID/fd) only read, under the lock, and every change is made under it.
 */
#include "linux/aio/engine.h"
#include "linux/fs/fs.h"

#define FDT_FIRST 32u

static uint32_t words_of(uint32_t bits)
{
	return (bits + 63) / 64;
}

static bool alloc_slots(struct fdtable *fdt, uint32_t size)
{
	uint32_t words = words_of(size), fulls = words_of(words);
	uint64_t *mem = arena_alloc(size * (sizeof(struct file *) + 1) + (words + fulls) * sizeof *mem), *full = mem + words;
	struct file **slot = (struct file **)(void *)(full + fulls);
	uint8_t *cloexec = (uint8_t *)(slot + size);

	if (mem == NULL)
		return false;
	if (fdt->slot != NULL) {
		memcpy(mem, fdt->used, words_of(fdt->size) * sizeof *mem);
		memcpy(full, fdt->full, words_of(words_of(fdt->size)) * sizeof *full);
		/* cppcheck-suppress pointerSize; an array of pointers */
		memcpy(slot, fdt->slot, fdt->size * sizeof(struct file *));
		memcpy(cloexec, fdt->cloexec, fdt->size);
		arena_free(fdt->used);
	}
	fdt->used = mem;
	fdt->full = full;
	fdt->slot = slot;
	fdt->cloexec = cloexec;
	fdt->size = size;
	return true;
}

void fdt_put_slot(struct fdtable *fdt, uint32_t fd, struct file *f, bool cloexec)
{
	uint32_t word = fd / 64;

	fdt->slot[fd] = f;
	fdt->cloexec[fd] = cloexec;
	if (f == NULL) {
		fdt->used[word] &= ~(1ull << fd % 64);
		fdt->full[word / 64] &= ~(1ull << word % 64);
		return;
	}
	fdt->used[word] |= 1ull << fd % 64;
	if (fdt->used[word] == UINT64_MAX)
		fdt->full[word / 64] |= 1ull << word % 64;
}

/* The first bit from `from` on that is 0; bits if there is none. */
static uint32_t first_zero(const uint64_t *map, uint32_t from, uint32_t bits)
{
	for (uint32_t w = from / 64; w < words_of(bits); w++) {
		uint64_t zero = ~map[w];

		if (w == from / 64)
			zero &= UINT64_MAX << from % 64;
		if (zero != 0)
			return MIN(w * 64 + (uint32_t)__builtin_ctzll(zero), bits);
	}
	return bits;
}

/* The first free slot from `from` on, or the table's size. */
static uint32_t first_free(const struct fdtable *fdt, uint32_t from)
{
	uint32_t word;

	if (from >= fdt->size)
		return from;
	if (~fdt->used[from / 64] & (UINT64_MAX << from % 64))
		return first_zero(fdt->used, from, fdt->size);
	word = first_zero(fdt->full, from / 64 + 1, words_of(fdt->size));
	return word < words_of(fdt->size) ? first_zero(fdt->used, word * 64, fdt->size) : fdt->size;
}

static struct fdtable *table_new(uint32_t size)
{
	struct fdtable *fdt = arena_alloc(sizeof *fdt);

	if (fdt == NULL)
		return NULL;
	ref_init(&fdt->ref);
	lock_init(&fdt->lock, LOCK_FDTABLE);
	if (!alloc_slots(fdt, size)) {
		arena_free(fdt);
		return NULL;
	}
	return fdt;
}

struct fdtable *fdt_new(void)
{
	return table_new(FDT_FIRST);
}

struct fdtable *fdt_copy(struct fdtable *from)
{
	struct fdtable *fdt;
	uint32_t size;

	do {
		size = __atomic_load_n(&from->size, __ATOMIC_RELAXED);
		fdt = table_new(size);
		if (fdt == NULL)
			return NULL;
		lock_take(&from->lock);
		if (from->size == size)
			break;
		lock_drop(&from->lock);
		fdt_put_table(fdt);
	} while (true);
	/* cppcheck-suppress pointerSize; an array of pointers */
	memcpy(fdt->slot, from->slot, size * sizeof(struct file *));
	memcpy(fdt->cloexec, from->cloexec, size);
	memcpy(fdt->used, from->used, words_of(size) * sizeof *fdt->used);
	memcpy(fdt->full, from->full, words_of(words_of(size)) * sizeof *fdt->full);
	for (uint32_t i = 0; i < size; i++)
		if (fdt->slot[i] != NULL)
			file_get(fdt->slot[i]);
	fdt->next = from->next;
	lock_drop(&from->lock);
	return fdt;
}

void fdt_get_table(struct fdtable *fdt)
{
	ref_get(&fdt->ref);
}

/* One closed descriptor of the table: locks go, the kind hears of it, the reference goes. */
static void drop_file(struct fdtable *fdt, struct file *f)
{
	const struct file_ops *ops = lx_file_ops[f->kind];

	if (f->inode != NULL && f->inode->flocks != NULL)
		locks_release_posix(f, fdt);
	if (ops->flush != NULL)
		ops->flush(lx_current(), f);
	file_put(f);
}

void fdt_put_table(struct fdtable *fdt)
{
	if (!ref_put(&fdt->ref))
		return;
	for (uint32_t i = 0; i < fdt->size; i++)
		if (fdt->slot[i] != NULL)
			drop_file(fdt, fdt->slot[i]);
	arena_free(fdt->used);
	arena_free(fdt);
}

static struct file *take_slot(struct fdtable *fdt, uint32_t fd) REQUIRES(FDTABLE)
{
	struct file *f = fdt->slot[fd];

	fdt_put_slot(fdt, fd, NULL, false);
	if (fd < fdt->next)
		fdt->next = fd;
	return f;
}

void fdt_close_on_exec(struct lx_thread *t)
{
	struct fdtable *fdt = t->proc->fdt;

	for (uint32_t i = 0; i < fdt->size;) {
		struct file *f = NULL;

		lock_take(&fdt->lock);
		for (; i < fdt->size && f == NULL; i++)
			if (fdt->slot[i] != NULL && fdt->cloexec[i])
				f = take_slot(fdt, i);
		lock_drop(&fdt->lock);
		if (f != NULL)
			drop_file(fdt, f);
	}
}

static bool table_is_private(struct lx_thread *t, struct fdtable *fdt)
{
	return t->proc->nthreads == 1 && atomic_load_explicit(&fdt->ref.count, memory_order_relaxed) == 1;
}

struct file *fd_get(struct lx_thread *t, int fd)
{
	struct fdtable *fdt = t->proc->fdt;
	struct file *f = NULL;

	if (LIKELY(table_is_private(t, fdt))) {
		if ((uint32_t)fd >= fdt->size || (f = fdt->slot[fd]) == NULL)
			return NULL;
		file_get(f);
		return f;
	}
	lock_take(&fdt->lock);
	if ((uint32_t)fd < fdt->size && (f = fdt->slot[fd]) != NULL)
		file_get(f);
	lock_drop(&fdt->lock);
	return f;
}

struct file *fd_borrow(struct lx_thread *t, int fd, bool *held)
{
	struct fdtable *fdt = t->proc->fdt;

	*held = !table_is_private(t, fdt);
	if (UNLIKELY(*held))
		return fd_get(t, fd);
	return (uint32_t)fd < fdt->size ? fdt->slot[fd] : NULL;
}

struct file *fd_get_kind(struct lx_thread *t, int fd, enum file_kind kind, long other_err, long *err)
{
	struct file *f = fd_get(t, fd);

	*err = 0;
	if (f == NULL) {
		*err = -EBADF;
		return NULL;
	}
	if (f->kind == kind)
		return f;
	*err = f->kind == FILE_PATH ? -EBADF : other_err;
	file_put(f);
	return NULL;
}

static uint64_t fd_limit(struct lx_thread *t)
{
	uint64_t limit = t->proc->rlim[RLIMIT_NOFILE].rlim_cur;

	return MIN(limit, 1u << 20);
}

/* Lowest free slot from min on, growing the table; -EMFILE or -ENOMEM. */
static int find_free(struct lx_thread *t, struct fdtable *fdt, uint32_t min)
{
	uint64_t limit = fd_limit(t);
	uint32_t fd = first_free(fdt, MAX(min, fdt->next));

	if (fd >= limit)
		return -EMFILE;
	if (fd >= fdt->size && !alloc_slots(fdt, MAX(fdt->size * 2, (uint32_t)ALIGN_UP(fd + 1, 32))))
		return -ENOMEM;
	if (min <= fdt->next)
		fdt->next = fd + 1;
	return (int)fd;
}

int fd_install(struct lx_thread *t, struct file *f, bool cloexec, int min)
{
	struct fdtable *fdt = t->proc->fdt;
	int fd;

	lock_take(&fdt->lock);
	fd = find_free(t, fdt, (uint32_t)min);
	if (fd >= 0) {
		fdt_put_slot(fdt, (uint32_t)fd, f, cloexec);
	}
	lock_drop(&fdt->lock);
	return fd;
}

long fd_close(struct lx_thread *t, int fd)
{
	struct fdtable *fdt = t->proc->fdt;
	struct file *f = NULL;

	lock_take(&fdt->lock);
	if ((uint32_t)fd < fdt->size)
		f = fdt->slot[fd] != NULL ? take_slot(fdt, (uint32_t)fd) : NULL;
	lock_drop(&fdt->lock);
	if (f == NULL)
		return -EBADF;
	drop_file(fdt, f);
	return 0;
}

/* Puts f at fd exactly; takes over the reference if it succeeds. */
static long replace(struct lx_thread *t, struct file *f, uint32_t fd, bool cloexec)
{
	struct fdtable *fdt = t->proc->fdt;
	struct file *old = NULL;
	long err = (long)fd;

	lock_take(&fdt->lock);
	if (fd >= fdt->size && !alloc_slots(fdt, MAX(fdt->size * 2, (uint32_t)ALIGN_UP(fd + 1, 32)))) {
		err = -ENOMEM;
	} else {
		old = fdt->slot[fd];
		fdt_put_slot(fdt, fd, f, cloexec);
	}
	lock_drop(&fdt->lock);
	if (old != NULL)
		drop_file(fdt, old);
	return err;
}

long fd_replace(struct lx_thread *t, struct file *f, int fd, bool cloexec)
{
	return (uint32_t)fd >= fd_limit(t) ? -EBADF : replace(t, f, (uint32_t)fd, cloexec);
}

static long dup_to(struct lx_thread *t, int oldfd, int newfd, bool cloexec)
{
	struct file *f = fd_get(t, oldfd);
	long err;

	if (f == NULL)
		return -EBADF;
	err = fd_replace(t, f, newfd, cloexec);
	if (err < 0)
		file_put(f);
	return err;
}

long lx_sys_dup(struct lx_thread *t, int fd)
{
	struct file *f = fd_get(t, fd);
	int new;

	if (f == NULL)
		return -EBADF;
	new = fd_install(t, f, false, 0);
	if (new < 0)
		file_put(f);
	return new;
}

long lx_sys_dup2(struct lx_thread *t, int oldfd, int newfd)
{
	if (oldfd == newfd) {
		struct file *f = fd_get(t, oldfd);

		if (f == NULL)
			return -EBADF;
		file_put(f);
		return newfd;
	}
	return dup_to(t, oldfd, newfd, false);
}

long lx_sys_dup3(struct lx_thread *t, int oldfd, int newfd, int flags)
{
	if ((flags & ~O_CLOEXEC) != 0 || oldfd == newfd)
		return -EINVAL;
	return dup_to(t, oldfd, newfd, (flags & O_CLOEXEC) != 0);
}

long lx_sys_close(struct lx_thread *t, int fd)
{
	return fd_close(t, fd);
}

/* CLOSE_RANGE_UNSHARE: a table of the process's own first. */
static long unshare_table(struct lx_thread *t)
{
	struct fdtable *old = t->proc->fdt, *new;

	if (io_table_users(t->proc) == 1)
		return 0;
	new = fdt_copy(old);
	if (new == NULL)
		return -ENOMEM;
	t->proc->fdt = new;
	fdt_put_table(old);
	io_table_changed(t->proc);
	return 0;
}

long lx_sys_close_range(struct lx_thread *t, uint32_t first, uint32_t last, uint32_t flags)
{
	struct fdtable *fdt;
	long err = 0;

	if ((flags & ~6u) != 0 || first > last) /* CLOSE_RANGE_UNSHARE, CLOSE_RANGE_CLOEXEC */
		return -EINVAL;
	if (flags & 2)
		err = unshare_table(t);
	if (err < 0)
		return err;
	fdt = t->proc->fdt;
	for (uint64_t fd = first; fd <= last && fd < fdt->size; fd++) {
		if (!(flags & 4)) {
			(void)fd_close(t, (int)fd);
			continue;
		}
		lock_take(&fdt->lock);
		if (fd < fdt->size && fdt->slot[fd] != NULL)
			fdt->cloexec[fd] = 1;
		lock_drop(&fdt->lock);
	}
	return 0;
}
