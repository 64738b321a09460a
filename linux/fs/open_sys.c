/* SPDX-License-Identifier: MIT */
/* linux/fs/open_sys.c - open(2) and its family: from the guest's arguments to open.c. */
#include "linux/fs/fs.h"

static long open_user(struct lx_thread *t, int dirfd, struct gva name, int flags, uint32_t mode, uint32_t walk, struct file **out)
{
	long err;
	char *buf = path_in(name, &err);

	if (buf == NULL)
		return err;
	err = open_flags(t, dirfd, buf, flags, mode, walk, out);
	path_buf_free(buf);
	return err;
}

long open_at(struct lx_thread *t, int dirfd, struct gva name, int flags, uint32_t mode, struct file **out)
{
	return open_user(t, dirfd, name, flags & OPEN_KNOWN, mode, 0, out);
}

static long open_fd(struct lx_thread *t, int dirfd, struct gva name, int flags, uint32_t mode, uint32_t walk)
{
	struct file *f;
	long err = open_user(t, dirfd, name, flags, mode, walk, &f);

	if (err != 0)
		return err;
	err = fd_install(t, f, (flags & O_CLOEXEC) != 0, 0);
	if (err < 0)
		file_put(f);
	return err;
}

long lx_sys_open(struct lx_thread *t, struct gva name, int flags, uint32_t mode)
{
	return open_fd(t, AT_FDCWD, name, flags & OPEN_KNOWN, mode, 0);
}

long lx_sys_openat(struct lx_thread *t, int dirfd, struct gva name, int flags, uint32_t mode)
{
	return open_fd(t, dirfd, name, flags & OPEN_KNOWN, mode, 0);
}

long lx_sys_creat(struct lx_thread *t, struct gva name, uint32_t mode)
{
	return open_fd(t, AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode, 0);
}

static long how_in(struct gva ptr, uint64_t size, struct open_how *how)
{
	static const uint64_t least = 24;
	uint8_t rest[64];

	memset(how, 0, sizeof *how);
	if (size < least)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (copy_in(how, ptr, MIN(size, sizeof *how)) != 0)
		return -EFAULT;
	for (uint64_t at = sizeof *how; at < size;) {
		uint64_t n = MIN(size - at, sizeof rest);

		if (copy_in(rest, gva_add(ptr, at), n) != 0)
			return -EFAULT;
		for (uint64_t i = 0; i < n; i++)
			if (rest[i] != 0)
				return -E2BIG;
		at += n;
	}
	return 0;
}

static long resolve_flags(uint64_t resolve, uint32_t *walk)
{
	static const struct { uint64_t resolve; uint32_t walk; } map[] = {
		{ RESOLVE_NO_XDEV, WALK_NO_XDEV }, { RESOLVE_NO_MAGICLINKS, WALK_NO_MAGIC },
		{ RESOLVE_NO_SYMLINKS, WALK_NO_SYMLINKS }, { RESOLVE_BENEATH, WALK_BENEATH }, { RESOLVE_IN_ROOT, WALK_IN_ROOT },
	};

	*walk = 0;
	for (unsigned i = 0; i < ARRAY_LEN(map); i++)
		if (resolve & map[i].resolve) {
			*walk |= map[i].walk;
			resolve &= ~map[i].resolve;
		}
	if (resolve & ~(uint64_t)RESOLVE_CACHED)
		return -EINVAL;
	if ((*walk & (WALK_BENEATH | WALK_IN_ROOT)) == (WALK_BENEATH | WALK_IN_ROOT))
		return -EINVAL;
	return resolve & RESOLVE_CACHED ? -EAGAIN : 0;
}

/* The struct of openat2: checked, with its walk flags. */
static long how_checked(struct gva ptr, uint64_t size, struct open_how *out, uint32_t *walk)
{
	struct open_how how;
	long err = how_in(ptr, size, &how);

	if (err == 0)
		err = resolve_flags(how.resolve, walk);
	if (err != 0)
		return err;
	*out = how;
	if ((how.flags & ~(uint64_t)OPEN_KNOWN) != 0 || (how.mode & ~07777ull) != 0)
		return -EINVAL;
	if (how.mode != 0 && !(how.flags & (O_CREAT | __O_TMPFILE)))
		return -EINVAL;
	if ((how.flags & O_PATH) && (how.flags & ~(uint64_t)(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)))
		return -EINVAL;
	return 0;
}

long lx_sys_openat2(struct lx_thread *t, int dirfd, struct gva name, struct gva ptr, uint64_t size)
{
	struct open_how how;
	uint32_t walk;
	long err = how_checked(ptr, size, &how, &walk);

	return err != 0 ? err : open_fd(t, dirfd, name, (int)how.flags, (uint32_t)how.mode, walk);
}

long open_file_how(struct lx_thread *t, int dirfd, struct gva name, struct gva ptr, uint64_t size, bool *cloexec, struct file **out)
{
	struct open_how how;
	uint32_t walk;
	long err = how_checked(ptr, size, &how, &walk);

	if (err != 0)
		return err;
	*cloexec = how.flags & O_CLOEXEC;
	return open_user(t, dirfd, name, (int)how.flags, (uint32_t)how.mode, walk, out);
}
