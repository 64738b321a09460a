/* SPDX-License-Identifier: MIT */
/*
 * monitor/file.c - streams of scheme file: opening and asking.
 *
 * A path is split from its URI, checked canonical, and placed by policy.c; from
 * then on only openat2 below the mount's descriptor is used, which follows no
 * link and no "..".  Work is first tried by the loop thread with RESOLVE_CACHED,
 * which gives up where the disk would be asked, and within one local file system;
 * else a worker does it again without these limits.
 *
 * Devices, pipes and sockets of the host are never opened, only described.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "monitor/host.h"
#include "monitor/monitor.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif

/* Sets w for the URI at offset of the job's text. */
enum dk_status file_place(struct job *j, uint32_t offset, struct where *w)
{
	const char *uri = j->text + offset;
	size_t len = strlen(uri);
	enum dk_status status;

	if (len < 6 || memcmp(uri, "file:", 5) != 0)
		return DK_INVALID_URI;
	if (len - 5 >= PATH_MAX)
		return DK_NAME_TOO_LONG;
	if (!path_canonical(uri + 5, len - 5))
		return DK_INVALID_URI;
	status = policy_find(uri + 5, w);
	w->offset += offset + 5;
	return status;
}

/*
 * Cuts the text at its first '?', undoing %25 and %3F in the part before; text2
 * is then the offset of the part behind.
 */
enum dk_status file_split_query(struct job *j)
{
	char *q = memchr(j->text, '?', j->req.text_len), *out = j->text;

	if (!q)
		return DK_INVALID_URI;
	*q = 0;
	j->text2 = (uint32_t)(q + 1 - j->text);
	for (const char *in = j->text; *in; in++) {
		if (!strncmp(in, "%25", 3) || !strncmp(in, "%3F", 3)) {
			*out++ = in[1] == '2' ? '%' : '?';
			in += 2;
		} else {
			*out++ = *in;
		}
	}
	*out = 0;
	return DK_OK;
}

const char *where_path(const struct job *j, const struct where *w)
{
	return w->fixed ? w->fixed : j->text + w->offset;
}

static int openat2_below(int dirfd, const char *path, int flags, unsigned mode, uint64_t extra)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | extra };

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

/* What only names a place needs no rights to it; what opens it does. */
static int open_with_rights(const struct where *w, const char *path, int flags, unsigned mode, uint64_t extra)
{
	int fd;

	if (!(flags & O_PATH))
		as_nobody(w);
	fd = openat2_below(w->dirfd, path, flags, mode, extra);
	if (!(flags & O_PATH))
		as_self(w);
	return fd;
}

int open_at(const struct where *w, const char *path, int flags, unsigned mode, bool try)
{
	int fd;

	if (!try)
		return open_with_rights(w, path, flags, mode, 0);
	if (!(w->flags & MOUNT_LOCAL) || (flags & (O_CREAT | O_TRUNC))) {
		errno = EAGAIN;
		return -1;
	}
	fd = open_with_rights(w, path, flags, mode, RESOLVE_CACHED | RESOLVE_NO_XDEV);
	if (fd < 0 && (errno == EXDEV || errno == EINVAL))
		errno = EAGAIN;
	return fd;
}

int open_known(const struct where *w, const char *path)
{
	return openat2_below(w->dirfd, path, O_PATH | O_NOFOLLOW, 0, RESOLVE_CACHED);
}

int open_inside(const struct where *w, const char *path, int flags)
{
	return openat2_below(w->dirfd, path, flags, 0, RESOLVE_NO_XDEV);
}

int open_below(const struct job *j, const struct where *w, int flags, unsigned mode, bool try)
{
	return open_at(w, where_path(j, w), flags, mode, try);
}

/* Opens the folder that holds the last part of the path, and points name at that part. */
int open_parent(const struct job *j, const struct where *w, const char **name)
{
	const char *path = where_path(j, w), *slash = strrchr(path, '/');
	char dir[PATH_MAX];

	if (w->is_root && strcmp(path, ".") == 0) {
		errno = EBUSY;
		return -1;
	}
	*name = slash ? slash + 1 : path;
	if (!slash)
		return openat2_below(w->dirfd, ".", O_PATH | O_DIRECTORY, 0, 0);
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = 0;
	return openat2_below(w->dirfd, dir, O_PATH | O_DIRECTORY, 0, 0);
}

uint32_t where_rights(const struct where *w)
{
	return w->flags & MOUNT_RW ? DK_READ | DK_WRITE | DK_EXECUTE : DK_READ | DK_EXECUTE;
}

/* ---- open ---- */

static int open_flags(const struct job *j)
{
	uint32_t access = (uint32_t)j->req.args[0], options = (uint32_t)j->req.args[2];
	int flags = O_NOCTTY | O_NONBLOCK;

	if ((access & (DK_READ | DK_WRITE)) == (DK_READ | DK_WRITE))
		flags |= O_RDWR;
	else if (access & DK_WRITE)
		flags |= O_WRONLY;
	else if (!(access & (DK_READ | DK_EXECUTE)) && j->req.args[1] == DK_OPEN_EXISTING)
		flags = O_PATH;
	if (options & DK_OPTION_DIRECTORY)
		flags |= O_DIRECTORY;
	switch (j->req.args[1]) {
	case DK_CREATE_NEW: return flags | O_CREAT | O_EXCL;
	case DK_OPEN_OR_CREATE: return flags | O_CREAT;
	case DK_TRUNCATE: return flags | O_TRUNC;
	case DK_CREATE_ALWAYS: return flags | O_CREAT | O_TRUNC;
	default: return flags;
	}
}

/* Small contents ride along, behind what is there, if they can be had without waiting or this may wait. */
static void read_inline(struct job *j, int fd, bool try)
{
	uint64_t size = j->reply.attr.size;
	struct iovec v = { .iov_base = j->data + j->reply.data_len, .iov_len = MON_INLINE_MAX };
	ssize_t n;

	if (size == 0 || size > MON_INLINE_MAX)
		return;
	n = host_preadv2(fd, &v, 1, 0, try ? RWF_NOWAIT : 0);
	if (n == (ssize_t)size)
		j->reply.data_len += (uint32_t)n;
}

/* On a read-only mount what would change it says so, but only if it would. */
static enum dk_status read_only_flags(struct job *j, int *flags)
{
	uint64_t disposition = j->req.args[1];

	if (j->a.flags & MOUNT_RW)
		return DK_OK;
	if ((*flags & O_ACCMODE) != O_RDONLY && !(*flags & O_PATH))
		return DK_READ_ONLY;
	if (disposition == DK_TRUNCATE || disposition == DK_CREATE_ALWAYS)
		return DK_READ_ONLY;
	*flags &= ~(O_CREAT | O_EXCL);
	return DK_OK;
}

void open_done(struct job *j, int fd, bool try)
{
	struct dk_attributes *attr = &j->reply.attr;

	j->reply.status = attr_of_fd(fd, where_rights(&j->a), attr);
	if (j->reply.status == DK_OK && attr->type != DK_TYPE_FILE && attr->type != DK_TYPE_DIR && (j->req.args[0] & 7))
		j->reply.status = DK_DENIED;
	if (j->reply.status != DK_OK) {
		close(fd);
		return;
	}
	if (attr->type == DK_TYPE_FILE && (j->req.args[2] & DK_OPTION_INLINE) && (j->req.args[0] & DK_READ))
		read_inline(j, fd, try);
	j->out_fd = fd;
}

static bool open_work(struct job *j, bool try)
{
	int flags = open_flags(j), fd;
	enum dk_status denied = read_only_flags(j, &flags);

	if (j->a.bare)
		flags = O_PATH;
	fd = open_below(j, &j->a, denied != DK_OK ? O_PATH : flags, (unsigned)j->req.args[3] & 01777, try);
	if (fd < 0 && errno == EAGAIN && try)
		return false;
	if (fd < 0) {
		j->reply.status = status_of_errno(errno);
		if (errno == ENOENT && !(j->a.flags & MOUNT_RW) && j->req.args[1] != DK_OPEN_EXISTING && j->req.args[1] != DK_TRUNCATE)
			j->reply.status = DK_READ_ONLY;
		if (errno == ENXIO) /* a socket, or a pipe that nobody reads */
			j->reply.status = DK_DENIED;
		return true;
	}
	if (!(j->a.flags & MOUNT_RW) && j->req.args[1] == DK_CREATE_NEW)
		denied = DK_EXISTS;
	if (denied != DK_OK) {
		j->reply.status = denied;
		attr_of_fd(fd, where_rights(&j->a), &j->reply.attr);
		close(fd);
		return true;
	}
	open_done(j, fd, try);
	return true;
}

/* In the loop thread: the new descriptor becomes a stream. */
static void open_register(struct job *j)
{
	enum stream_kind kind = j->reply.attr.type == DK_TYPE_DIR ? STREAM_DIR : STREAM_FILE;
	uint32_t access = (uint32_t)j->req.args[0], flags = MON_FD_SEEK | MON_FD_NOWAIT;
	struct stream *s;

	if (j->reply.status != DK_OK || j->out_fd < 0)
		return;
	if (access & (DK_READ | DK_EXECUTE))
		flags |= MON_FD_READ;
	if (access & DK_WRITE)
		flags |= MON_FD_WRITE;
	if (j->reply.attr.type != DK_TYPE_FILE || !(flags & (MON_FD_READ | MON_FD_WRITE)))
		kind = STREAM_DIR, flags = 0;
	s = stream_new(kind, j->out_fd, flags, where_rights(&j->a));
	if (!s) {
		j->reply.status = DK_TOO_MANY;
		return;
	}
	s->local = j->a.flags & MOUNT_LOCAL;
	stream_count(s, j->pico);
	j->reply.value[0] = s->number;
	j->reply.fd_flags = flags;
	j->reply.fds = kind == STREAM_FILE;
	if (j->req.args[2] & DK_OPTION_KEEP && !(j->req.args[2] & DK_OPTION_WALK) && j->req.args[1] == DK_OPEN_EXISTING)
		keep_stream(j, s);
	j->stream = s;
	stream_hold(s);
	j->out_fd = -1;
}

enum dk_status file_open(struct job *j)
{
	uint32_t type = (uint32_t)j->req.args[2] & 0xf;
	const struct pico *p = pico_find(j->pico);
	enum dk_status status;

	if (p && !stream_share_left(p))
		return DK_TOO_MANY;

	if (type == DK_TYPE_SYMLINK || type == DK_TYPE_LINK) {
		status = file_split_query(j);
		if (status != DK_OK)
			return status;
	}
	status = file_place(j, 0, &j->a);
	if (j->req.args[2] & DK_OPTION_WALK && status != DK_INVALID_URI && status != DK_NAME_TOO_LONG) {
		if (j->req.args[1] != DK_OPEN_EXISTING || j->req.args[0] & ~(uint64_t)DK_READ || type != DK_TYPE_NONE)
			return DK_INVALID_ARG;
		j->work = walk_work;
		j->done = open_register;
		return DK_OK;
	}
	if (status != DK_OK)
		return status;
	if (j->a.bare && j->req.args[1] != DK_OPEN_EXISTING)
		return DK_READ_ONLY;
	if (type != DK_TYPE_NONE && type != DK_TYPE_FILE && j->req.args[1] != DK_OPEN_EXISTING)
		return file_create_special(j);
	j->work = open_work;
	j->done = open_register;
	j->brief = j->req.args[1] != DK_OPEN_EXISTING && j->a.flags & MOUNT_LOCAL;
	return DK_OK;
}

/* ---- query ---- */

static void put_data(struct job *j, const void *data, size_t len)
{
	memcpy(j->data, data, len);
	j->reply.data_len = (uint32_t)len;
}

static enum dk_status query_fs(struct job *j, int fd)
{
	struct dk_fs_info info;
	struct statfs sf;
	uint64_t id = 0;

	if (fstatfs(fd, &sf) < 0)
		return status_of_errno(errno);
	memcpy(&id, &sf.f_fsid, sizeof id);
	info = (struct dk_fs_info){ .type = (uint64_t)sf.f_type, .block_size = (uint64_t)sf.f_bsize, .blocks = sf.f_blocks,
		.free = sf.f_bfree, .available = sf.f_bavail, .files = sf.f_files, .files_free = sf.f_ffree, .id = id,
		.name_max = (uint64_t)sf.f_namelen, .flags = (uint64_t)sf.f_flags };
	put_data(j, &info, sizeof info);
	return DK_OK;
}

/* Extended attributes of what an O_PATH descriptor names go by its /proc name; only user.* crosses. */
static enum dk_status query_xattr(struct job *j, int fd, const char *name)
{
	char path[32];
	ssize_t n;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (name) {
		if (strncmp(name, "user.", 5) != 0)
			return DK_NO_DATA;
		n = getxattr(path, name, j->data, 65536);
	} else {
		n = listxattr(path, (char *)j->data, 65536);
	}
	if (n < 0)
		return errno == EOPNOTSUPP ? DK_NO_DATA : status_of_errno(errno);
	if (!name) {
		char *out = (char *)j->data, *end = out + n;

		for (char *in = (char *)j->data; in < end;) {
			size_t len = strnlen(in, (size_t)(end - in)) + 1;

			if (in + len <= end && !strncmp(in, "user.", 5)) {
				memmove(out, in, len);
				out += len;
			}
			in += len;
		}
		n = out - (char *)j->data;
	}
	j->reply.data_len = (uint32_t)n;
	return DK_OK;
}

static enum dk_status query_by_fd(struct job *j, int fd, const char *name, uint32_t rights)
{
	ssize_t n;

	switch (j->req.args[0]) {
	case DK_ATTR_BASIC:
		j->reply.status = attr_of_fd(fd, rights, &j->reply.attr);
		if (j->reply.status == DK_OK)
			put_data(j, &j->reply.attr, sizeof j->reply.attr);
		return j->reply.status;
	case DK_ATTR_TARGET:
		n = readlinkat(fd, "", (char *)j->data, PATH_MAX);
		if (n < 0)
			return errno == ENOENT ? DK_INVALID_ARG : status_of_errno(errno);
		j->reply.data_len = (uint32_t)n;
		return DK_OK;
	case DK_ATTR_FS:
		return query_fs(j, fd);
	case DK_ATTR_XATTR:
		return query_xattr(j, fd, name);
	case DK_ATTR_XATTR_LIST:
		return query_xattr(j, fd, NULL);
	default:
		return DK_NOT_SUPPORTED;
	}
}

static bool query_work(struct job *j, bool try)
{
	int fd = open_below(j, &j->a, O_PATH | O_NOFOLLOW, 0, try);

	if (fd < 0 && errno == EAGAIN && try)
		return false;
	if (fd < 0) {
		j->reply.status = status_of_errno(errno);
		return true;
	}
	if (j->a.bare && j->req.args[0] != DK_ATTR_BASIC && j->req.args[0] != DK_ATTR_FS)
		j->reply.status = DK_NO_DATA;
	else {
		bool plain = j->req.args[0] == DK_ATTR_BASIC || j->req.args[0] == DK_ATTR_FS;

		if (!plain)
			as_nobody(&j->a);
		j->reply.status = query_by_fd(j, fd, j->text + j->text2, where_rights(&j->a));
		if (!plain)
			as_self(&j->a);
	}
	close(fd);
	return true;
}

enum dk_status file_query(struct job *j)
{
	enum dk_status status;

	if (j->req.args[0] == DK_ATTR_XATTR || j->req.args[0] == DK_ATTR_CONTENTS || j->req.args[0] == DK_ATTR_TREE ||
		j->req.args[0] == DK_ATTR_OPENED) {
		status = file_split_query(j);
		if (status != DK_OK)
			return status;
	}
	status = file_place(j, 0, &j->a);
	if (j->req.args[0] == DK_ATTR_CONTENTS)
		return status == DK_OK ? contents_query(j) : status;
	if (j->req.args[0] == DK_ATTR_OPENED)
		return status == DK_OK ? opened_query(j) : status;
	if (j->req.args[0] == DK_ATTR_TREE)
		return status == DK_OK ? tree_query(j) : status;
	if (j->req.args[0] == DK_ATTR_CHAIN && status != DK_INVALID_URI && status != DK_NAME_TOO_LONG) {
		j->work = chain_work;
		return DK_OK;
	}
	j->work = query_work;
	return status;
}

static bool stream_query_work(struct job *j, bool try)
{
	if (try && !j->stream->local && j->stream->kind == STREAM_FILE)
		return false;
	j->reply.status = query_by_fd(j, j->fd, j->text, j->stream->rights);
	return true;
}

/* Classes that only a file has; special.c answers those of terminals and pipes. */
enum dk_status stream_query(struct job *j)
{
	j->work = stream_query_work;
	return DK_OK;
}
