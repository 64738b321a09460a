/* SPDX-License-Identifier: MIT */
/* monitor/status.c - the host's answers in Dk's words: errno, attributes, file systems. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "monitor/host.h"
#include "monitor/monitor.h"

/* The one place where a host errno becomes a status. */
enum dk_status status_of_errno(int host_errno)
{
	switch (host_errno) {
	case 0: return DK_OK;
	case EINVAL: return DK_INVALID_ARG;
	case EBADF: return DK_INVALID_HANDLE;
	case EACCES: return DK_DENIED;
	case EPERM: return DK_PERMISSION;
	case ENOENT: return DK_NOT_FOUND;
	case EEXIST: return DK_EXISTS;
	case ENOMEM: case ENOBUFS: return DK_NO_MEMORY;
	case ENOSYS: case EOPNOTSUPP: return DK_NOT_SUPPORTED;
	case EAGAIN: return DK_AGAIN;
	case EINTR: return DK_INTERRUPTED;
	case ENOTDIR: return DK_NOT_DIRECTORY;
	case EISDIR: return DK_IS_DIRECTORY;
	case ENOTEMPTY: return DK_NOT_EMPTY;
	case ELOOP: return DK_SYMLINK; /* RESOLVE_NO_SYMLINKS says so */
	case ENAMETOOLONG: return DK_NAME_TOO_LONG;
	case EROFS: return DK_READ_ONLY;
	case ENOSPC: return DK_NO_SPACE;
	case EDQUOT: return DK_QUOTA;
	case EXDEV: return DK_CROSS_DEVICE;
	case EBUSY: return DK_BUSY;
	case EPIPE: return DK_BROKEN_PIPE;
	case EMFILE: case ENFILE: return DK_TOO_MANY;
	case EFAULT: return DK_FAULT;
	case ENOTTY: return DK_NOT_TTY;
	case EFBIG: case EOVERFLOW: return DK_TOO_BIG;
	case ESPIPE: return DK_SPIPE;
	case ENXIO: case ENODEV: return DK_NO_DEVICE;
	case ENODATA: return DK_NO_DATA;
	case ERANGE: return DK_RANGE;
	case EMLINK: return DK_TOO_MANY_LINKS;
	case ETXTBSY: return DK_TEXT_BUSY;
	case ETIMEDOUT: return DK_TIMEOUT;
	case ENETUNREACH: case ENETDOWN: case EAFNOSUPPORT: return DK_NET_UNREACHABLE;
	case EHOSTUNREACH: case EHOSTDOWN: return DK_HOST_UNREACHABLE;
	case ECONNREFUSED: return DK_REFUSED;
	case ECONNRESET: case ECONNABORTED: return DK_RESET;
	case EADDRINUSE: return DK_ADDRESS_IN_USE;
	case EADDRNOTAVAIL: return DK_ADDRESS_NOT_THERE;
	case ENOTCONN: return DK_NOT_CONNECTED;
	case EMSGSIZE: return DK_MESSAGE_SIZE;
	default: return DK_IO;
	}
}

static uint32_t type_of_mode(unsigned mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return DK_TYPE_FILE;
	case S_IFDIR: return DK_TYPE_DIR;
	case S_IFLNK: return DK_TYPE_SYMLINK;
	case S_IFIFO: return DK_TYPE_FIFO;
	case S_IFSOCK: return DK_TYPE_SOCKET;
	case S_IFCHR: return DK_TYPE_CHAR;
	case S_IFBLK: return DK_TYPE_BLOCK;
	default: return DK_TYPE_NONE;
	}
}

static int64_t ns_of(const struct statx_timestamp *t)
{
	return t->tv_sec * 1000000000ll + t->tv_nsec;
}

void attr_of_statx(const struct statx *sx, uint32_t rights, struct dk_attributes *out)
{
	*out = (struct dk_attributes){
		.type = type_of_mode(sx->stx_mode),
		.mode = sx->stx_mode & 07777,
		.uid = sx->stx_uid,
		.gid = sx->stx_gid,
		.size = sx->stx_size,
		.allocated = sx->stx_blocks * 512,
		.device = makedev(sx->stx_dev_major, sx->stx_dev_minor),
		.inode = sx->stx_ino,
		.nlink = sx->stx_nlink,
		.rights = rights,
		.rdev = makedev(sx->stx_rdev_major, sx->stx_rdev_minor),
		.block_size = sx->stx_blksize,
		.atime_ns = ns_of(&sx->stx_atime),
		.mtime_ns = ns_of(&sx->stx_mtime),
		.ctime_ns = ns_of(&sx->stx_ctime),
	};
	/* The birth time tells two owners of one inode number apart. */
	if (sx->stx_mask & STATX_BTIME) {
		out->btime_ns = ns_of(&sx->stx_btime);
		out->generation = (uint64_t)out->btime_ns;
	}
}

enum dk_status attr_of_fd(int fd, uint32_t rights, struct dk_attributes *out)
{
	struct statx sx;

	if (host_statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, &sx) < 0)
		return status_of_errno(errno);
	attr_of_statx(&sx, rights, out);
	if (S_ISCHR(sx.stx_mode) && isatty(fd))
		out->flags |= DK_ATTR_TTY;
	return DK_OK;
}

bool look_at_name(int dir, const char *name, bool link, struct statx *out, char *text, size_t *text_len)
{
	int fd = link ? openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;
	ssize_t n = -1;
	bool there;

	*text_len = 0;
	if (fd < 0)
		return host_statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, out) == 0;
	there = host_statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, out) == 0;
	if (there && S_ISLNK(out->stx_mode))
		n = readlinkat(fd, "", text, DK_DIRENT_TEXT + 1);
	if (n > 0 && n <= (ssize_t)DK_DIRENT_TEXT)
		*text_len = (size_t)n;
	close(fd);
	return there;
}

bool fs_is_local(int fd)
{
	static const uint32_t local[] = { 0xef53 /* ext */, 0x58465342 /* xfs */, 0x9123683e /* btrfs */, 0x01021994 /* tmpfs */,
		0x794c7630 /* overlayfs */, 0xf2f52010 /* f2fs */, 0x73717368 /* squashfs */, 0x2fc12fc1 /* zfs */,
		0xe0f5e1e2 /* erofs */, 0x858458f6 /* ramfs */, 0xca451a4e /* bcachefs */, 0x4d44 /* vfat */, 0x9660 /* iso */ };
	struct statfs sf;

	if (fstatfs(fd, &sf) < 0)
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(local); i++)
		if ((uint32_t)sf.f_type == local[i])
			return true;
	return false;
}
