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

	return lx_err(DkStreamAttributesSet(l->stream, NULL, DK_ATTR_LOCK, &d, sizeof d));
}

static dk_handle open_again(struct file *f, uint32_t access)
{
	struct dk_open o = { .access = access, .share = 7, .disposition = DK_OPEN_EXISTING };
	char *uri = f->path.dentry->flags & D_DELETED ? NULL : host_uri(f->path.dentry, NULL, 0);
	dk_handle stream;
	enum dk_status status;

	if (uri == NULL)
		return DK_NO_HANDLE;
	status = DkStreamOpen(uri, &o, &stream);
	heap_free(uri);
	if (status != DK_OK)
		return DK_NO_HANDLE;
	if (o.attr.inode == host(f->inode)->ino && o.attr.device == host(f->inode)->dev)
		return stream;
	(void)DkObjectClose(stream); /* another file has the name now */
	return DK_NO_HANDLE;
}

/* Able to lock both ways if the host lets us.  A file without a name is locked through the descriptor at hand. */
static void want_stream(struct lock_list *l, struct file *f)
{
	if (l->stream != DK_NO_HANDLE)
		return;
	l->borrowed = false;
	l->stream = open_again(f, DK_READ | DK_WRITE);
	if (l->stream == DK_NO_HANDLE)
		l->stream = open_again(f, DK_READ);
	if (l->stream != DK_NO_HANDLE)
		return;
	l->stream = f->stream;
	l->borrowed = true;
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
	if (l->stream != DK_NO_HANDLE && !l->borrowed)
		(void)DkObjectClose(l->stream);
	l->stream = DK_NO_HANDLE;
}

/* f goes and its stream with it, unless locks of others are held through it: then it is theirs. */
bool host_lock_keeps(struct file *f)
{
	struct lock_list *l = f->inode != NULL ? f->inode->flocks : NULL;
	bool keeps = false;

	if (l == NULL)
		return false;
	lock_take(&l->change);
	if (l->stream == f->stream && l->borrowed) {
		l->borrowed = false;
		keeps = true;
	}
	lock_drop(&l->change);
	return keeps;
}
