/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/lock_dk.c - file locks of -v folders on the host.
 *
 * Programs outside must see what the sandbox as a whole has locked, and nothing
 * else: a POSIX lock there would be the monitor's, one owner for all guests and
 * lost with any close.  So each inode with locks has one stream of its own, and the
 * monitor holds, as locks of that open file description, the union of what guests
 * hold.  Who conflicts with whom inside was settled before anybody asks here.
 * flock(2) is a thing apart from record locks on the host too, and is kept the same
 * way.  Waiting is the caller's business: nothing here sleeps.
 */
#include "linux/fs/hostfs.h"
#include "linux/fs/lock.h"

static long set(struct lock_list *l, uint32_t type, uint64_t start, uint64_t end)
{
	struct dk_lock d = { .type = type, .start = start, .length = end >= INT64_MAX ? 0 : end - start + 1 };

	enum dk_status status = DkStreamAttributesSet(l->stream, NULL, DK_ATTR_LOCK, &d, sizeof d);

	atomic_store(&vfs()->host_doubt, pico_now_coarse()); /* host_believed */
	return lx_err(status);
}

/* Able to lock both ways if the host lets us.  A file without a name is locked through the stream at hand. */
static void want_stream(struct lock_list *l, struct file *f)
{
	if (l->stream != DK_NO_HANDLE)
		return;
	l->stream = host_open_same(f->path.dentry, f->inode, DK_READ | DK_WRITE);
	if (l->stream == DK_NO_HANDLE)
		l->stream = host_open_same(f->path.dentry, f->inode, DK_READ);
	if (l->stream != DK_NO_HANDLE)
		return;
	if (host_stream(f) == 0 && DkObjectReference(f->stream) == DK_OK)
		l->stream = f->stream;
}

long host_lock_set(struct lock_list *l, struct file *f, const struct file_lock *want)
{
	bool exclusive = want->type == F_WRLCK;

	want_stream(l, f);
	if (want->kind == KIND_FLOCK)
		return set(l, exclusive ? DK_LOCK_WHOLE_EXCLUSIVE : DK_LOCK_WHOLE_SHARED, 0, INT64_MAX);
	return set(l, exclusive ? DK_LOCK_EXCLUSIVE : DK_LOCK_SHARED, want->start, want->end);
}

static bool flock_left(struct lock_list *l)
{
	LIST_FOR(k, &l->head, struct file_lock, link)
		if (k->kind == KIND_FLOCK)
			return true;
	return false;
}

/* The next byte range of [*at, end] that no record lock covers: false = none. */
static bool next_gap(struct lock_list *l, uint64_t *at, uint64_t end, uint64_t *gap_end)
{
	LIST_FOR(k, &l->head, struct file_lock, link) {
		if (k->kind == KIND_FLOCK || k->end < *at)
			continue;
		if (k->start > *at) {
			*gap_end = MIN(k->start - 1, end);
			return *at <= end;
		}
		if (k->end == INT64_MAX)
			return false;
		*at = k->end + 1;
	}
	*gap_end = end;
	return *at <= end;
}

void host_lock_clear(struct lock_list *l, const struct file_lock *want)
{
	uint64_t at = want->start, gap_end;
	bool more;

	if (l->stream == DK_NO_HANDLE)
		return;
	if (want->kind == KIND_FLOCK) {
		lock_take(&vfs()->locks_lock);
		more = flock_left(l);
		lock_drop(&vfs()->locks_lock);
		if (!more)
			(void)set(l, DK_LOCK_WHOLE_NONE, 0, INT64_MAX);
		return;
	}
	for (;;) {
		lock_take(&vfs()->locks_lock);
		more = next_gap(l, &at, want->end, &gap_end);
		lock_drop(&vfs()->locks_lock);
		if (!more)
			return;
		(void)set(l, DK_LOCK_NONE, at, gap_end);
		if (gap_end >= want->end)
			return;
		at = gap_end + 1;
	}
}

short host_lock_test(struct lock_list *l, struct file *f, const struct file_lock *want)
{
	want_stream(l, f);
	if (want->type == F_RDLCK)
		return set(l, DK_LOCK_TEST_SHARED, want->start, want->end) == -EAGAIN ? F_WRLCK : F_UNLCK;
	if (set(l, DK_LOCK_TEST_EXCLUSIVE, want->start, want->end) != -EAGAIN)
		return F_UNLCK;
	return set(l, DK_LOCK_TEST_SHARED, want->start, want->end) == -EAGAIN ? F_WRLCK : F_RDLCK;
}

void host_lock_idle(struct lock_list *l)
{
	if (l->stream != DK_NO_HANDLE)
		(void)DkObjectClose(l->stream);
	l->stream = DK_NO_HANDLE;
}
