/* SPDX-License-Identifier: MIT */
/*
 * monitor/file_change.c - streams of scheme file: making, removing, renaming and
 * changing.  All of it may wait for a disk and is a worker's job,
 * except what works on an open descriptor and never waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "monitor/host.h"
#include "monitor/monitor.h"

#ifndef FALLOC_FL_KEEP_SIZE
#define FALLOC_FL_KEEP_SIZE 1
#endif
#ifndef FALLOC_FL_PUNCH_HOLE
#define FALLOC_FL_PUNCH_HOLE 2
#endif
#ifndef FALLOC_FL_ZERO_RANGE
#define FALLOC_FL_ZERO_RANGE 16
#endif

/* ---- make, remove, rename ---- */

static enum dk_status create_at(struct job *j, int dir, const char *name)
{
	unsigned mode = (unsigned)j->req.args[3] & 01777;

	switch (j->req.args[2] & 0xf) {
	case DK_TYPE_DIR:
		return mkdirat(dir, name, (unsigned)j->req.args[3] & 03777) < 0 ? status_of_errno(errno) : DK_OK;
	case DK_TYPE_SYMLINK:
		return symlinkat(j->text + j->text2, dir, name) < 0 ? status_of_errno(errno) : DK_OK;
	case DK_TYPE_FIFO:
		return mkfifoat(dir, name, mode) < 0 ? status_of_errno(errno) : DK_OK;
	default:
		return DK_PERMISSION; /* devices and sockets are not made on the host */
	}
}

static bool create_work(struct job *j, bool try)
{
	struct statx sx;
	const char *name;
	int dir;

	if (try)
		return false;
	dir = open_parent(j, &j->a, &name);
	if (dir < 0) {
		j->reply.status = errno == EBUSY ? DK_EXISTS : status_of_errno(errno);
		return true;
	}
	if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		j->reply.status = DK_EXISTS;
	else
		j->reply.status = j->a.flags & MOUNT_RW ? create_at(j, dir, name) : DK_READ_ONLY;
	if (j->reply.status == DK_OK && host_statx(dir, name, AT_SYMLINK_NOFOLLOW, &sx) == 0)
		attr_of_statx(&sx, DK_READ | DK_WRITE | DK_EXECUTE, &j->reply.attr);
	close(dir);
	return true;
}

static bool link_work(struct job *j, bool try)
{
	const char *from, *to;
	int from_dir, to_dir;
	struct statx sx;

	if (try)
		return false;
	from_dir = open_parent(j, &j->b, &from);
	to_dir = from_dir < 0 ? -1 : open_parent(j, &j->a, &to);
	if (to_dir < 0 || linkat(from_dir, from, to_dir, to, 0) < 0)
		j->reply.status = status_of_errno(errno);
	else if (host_statx(to_dir, to, AT_SYMLINK_NOFOLLOW, &sx) == 0)
		attr_of_statx(&sx, DK_READ | DK_WRITE | DK_EXECUTE, &j->reply.attr);
	if (from_dir >= 0)
		close(from_dir);
	if (to_dir >= 0)
		close(to_dir);
	return true;
}

/* Both places of a rename or link must be writable and neither a mount's own root. */
static enum dk_status both_writable(const struct job *j)
{
	if (!(j->a.flags & MOUNT_RW) || !(j->b.flags & MOUNT_RW))
		return DK_READ_ONLY;
	if (j->a.is_root || j->b.is_root)
		return DK_BUSY;
	if (j->a.bare || j->b.bare)
		return DK_DENIED;
	return DK_OK;
}

/* a = the new name, b = what exists; the text behind '?' is a bare path or a URI. */
static enum dk_status link_prepare(struct job *j)
{
	enum dk_status status;
	const char *path = j->text + j->text2;

	if (strncmp(path, "file:", 5) == 0)
		status = file_place(j, j->text2, &j->b);
	else if (!path_canonical(path, strlen(path)))
		return DK_INVALID_URI;
	else
		status = policy_find(path, &j->b), j->b.offset += j->text2;
	j->work = link_work;
	j->brief = j->a.flags & MOUNT_LOCAL;
	return status != DK_OK ? status : both_writable(j);
}

/* OPEN with a type: folders, links, pipes.  j->a is placed already. */
enum dk_status file_create_special(struct job *j)
{
	uint32_t type = (uint32_t)j->req.args[2] & 0xf;

	if (type == DK_TYPE_LINK)
		return link_prepare(j);
	if (type == DK_TYPE_SYMLINK) {
		size_t len = strlen(j->text + j->text2);

		if (len == 0)
			return DK_NOT_FOUND;
		if (len >= PATH_MAX)
			return DK_NAME_TOO_LONG;
	}
	j->work = create_work;
	j->brief = j->a.flags & MOUNT_LOCAL;
	return DK_OK;
}

static bool delete_work(struct job *j, bool try)
{
	uint64_t mode = j->req.args[0];
	const char *name;
	int dir, err = 0;

	if (try)
		return false;
	dir = open_parent(j, &j->a, &name);
	if (dir < 0) {
		j->reply.status = status_of_errno(errno);
		return true;
	}
	if (unlinkat(dir, name, mode == DK_DELETE_DIR ? AT_REMOVEDIR : 0) < 0)
		err = errno;
	if ((err == EISDIR || err == EPERM) && mode == DK_DELETE_ANY)
		err = unlinkat(dir, name, AT_REMOVEDIR) < 0 ? errno : 0;
	close(dir);
	j->reply.status = status_of_errno(err);
	return true;
}

enum dk_status file_delete(struct job *j)
{
	enum dk_status status = file_place(j, 0, &j->a);

	if (status != DK_OK)
		return status;
	if (j->req.args[0] > DK_DELETE_ANY)
		return DK_INVALID_ARG;
	if (!(j->a.flags & MOUNT_RW))
		return DK_READ_ONLY;
	if (j->a.is_root || j->a.bare)
		return DK_BUSY;
	j->work = delete_work;
	j->brief = j->a.flags & MOUNT_LOCAL;
	return DK_OK;
}

static bool rename_work(struct job *j, bool try)
{
	static const unsigned flags[] = { [DK_RENAME_REPLACE] = 0, [DK_RENAME_NOREPLACE] = 1, [DK_RENAME_EXCHANGE] = 2 };
	const char *from, *to;
	int from_dir, to_dir;

	if (try)
		return false;
	from_dir = open_parent(j, &j->b, &from);
	to_dir = from_dir < 0 ? -1 : open_parent(j, &j->a, &to);
	if (to_dir < 0 || syscall(SYS_renameat2, from_dir, from, to_dir, to, flags[j->req.args[0]]) < 0)
		j->reply.status = status_of_errno(errno);
	if (from_dir >= 0)
		close(from_dir);
	if (to_dir >= 0)
		close(to_dir);
	return true;
}

/* text: from NUL to. */
enum dk_status file_rename(struct job *j)
{
	char *nul = memchr(j->text, 0, j->req.text_len);
	enum dk_status status;

	if (!nul || j->req.args[0] > DK_RENAME_LINK)
		return DK_INVALID_ARG;
	j->text2 = (uint32_t)(nul + 1 - j->text);
	status = file_place(j, 0, &j->b);
	if (status == DK_OK)
		status = file_place(j, j->text2, &j->a);
	if (status != DK_OK)
		return status;
	j->work = j->req.args[0] == DK_RENAME_LINK ? link_work : rename_work;
	j->brief = j->a.flags & MOUNT_LOCAL;
	return both_writable(j);
}

/* ---- set ---- */

static struct timespec time_of(int64_t ns)
{
	struct timespec t = { .tv_nsec = UTIME_OMIT };

	if (ns == INT64_MIN)
		return t;
	t.tv_sec = ns / 1000000000;
	t.tv_nsec = ns % 1000000000;
	if (t.tv_nsec < 0) {
		t.tv_nsec += 1000000000;
		t.tv_sec--;
	}
	return t;
}

/* fd may be an O_PATH one: modes and extended attributes go by its name in /proc. */
static enum dk_status set_by_fd(int fd, uint32_t class, const char *name, const void *value, size_t len)
{
	char path[32];
	struct timespec t[2];
	struct stat st;
	int64_t times[2];
	uint32_t u[2];
	int r;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	switch (class) {
	case DK_ATTR_TIMES:
		if (len != sizeof times)
			return DK_INVALID_ARG;
		memcpy(times, value, sizeof times);
		t[0] = time_of(times[0]);
		t[1] = time_of(times[1]);
		r = utimensat(fd, "", t, AT_EMPTY_PATH);
		break;
	case DK_ATTR_MODE:
		if (len != sizeof u[0] || fstat(fd, &st) < 0)
			return DK_INVALID_ARG;
		memcpy(u, value, sizeof u[0]);
		if (S_ISLNK(st.st_mode))
			return DK_NOT_SUPPORTED;
		/* A file of the host must not become one that changes who runs it. */
		if (!S_ISDIR(st.st_mode) && (u[0] & 06000))
			return DK_PERMISSION;
		r = chmod(path, u[0] & 03777);
		break;
	case DK_ATTR_OWNER:
		if (len != sizeof u)
			return DK_INVALID_ARG;
		memcpy(u, value, sizeof u);
		r = fchownat(fd, "", u[0], u[1], AT_EMPTY_PATH);
		break;
	case DK_ATTR_XATTR:
	case DK_ATTR_XATTR_REMOVE:
		if (strncmp(name, "user.", 5) != 0)
			return DK_PERMISSION;
		r = class == DK_ATTR_XATTR ? setxattr(path, name, value, len, 0) : removexattr(path, name);
		break;
	default:
		return DK_NOT_SUPPORTED;
	}
	return r < 0 ? status_of_errno(errno) : DK_OK;
}

static bool is_xattr(uint64_t class)
{
	return class == DK_ATTR_XATTR || class == DK_ATTR_XATTR_REMOVE;
}

static bool set_work(struct job *j, bool try)
{
	const char *name = is_xattr(j->req.args[0]) ? j->text + j->args_name : "";
	int fd;

	if (try)
		return false;
	fd = open_below(j, &j->a, O_PATH | O_NOFOLLOW, 0, false);
	if (fd < 0) {
		j->reply.status = status_of_errno(errno);
		return true;
	}
	j->reply.status = set_by_fd(fd, (uint32_t)j->req.args[0], name, j->text + j->text2, j->req.text_len - j->text2);
	close(fd);
	return true;
}

/* text: uri NUL value. */
enum dk_status file_set(struct job *j)
{
	char *nul = memchr(j->text, 0, j->req.text_len);
	uint32_t value;
	enum dk_status status;

	if (!nul)
		return DK_INVALID_ARG;
	value = (uint32_t)(nul + 1 - j->text);
	if (is_xattr(j->req.args[0])) {
		uint32_t all = j->req.text_len;

		j->req.text_len = value - 1;
		status = file_split_query(j);
		j->req.text_len = all;
		j->args_name = j->text2;
		if (status != DK_OK)
			return status;
	}
	j->text2 = value;
	status = file_place(j, 0, &j->a);
	if (status != DK_OK)
		return status;
	if (!(j->a.flags & MOUNT_RW))
		return DK_READ_ONLY;
	if (j->a.bare)
		return DK_DENIED;
	j->work = set_work;
	j->brief = j->a.flags & MOUNT_LOCAL;
	return DK_OK;
}

/* ---- on open files ---- */

static bool stream_set_work(struct job *j, bool try)
{
	const char *name = "";
	uint32_t value = 0;

	if (try)
		return false;
	if (j->req.args[0] == DK_ATTR_XATTR) { /* text: name NUL value */
		char *nul = memchr(j->text, 0, j->req.text_len);

		if (!nul) {
			j->reply.status = DK_INVALID_ARG;
			return true;
		}
		name = j->text;
		value = (uint32_t)(nul + 1 - j->text);
	}
	j->reply.status = set_by_fd(j->fd, (uint32_t)j->req.args[0], name, j->text + value, j->req.text_len - value);
	return true;
}

enum dk_status stream_set(struct job *j)
{
	if (!(j->stream->rights & DK_WRITE) || (j->stream->kind != STREAM_FILE && j->stream->kind != STREAM_DIR))
		return DK_READ_ONLY;
	j->work = stream_set_work;
	j->brief = true;
	return DK_OK;
}

static bool length_work(struct job *j, bool try)
{
	static const int modes[] = { [DK_LENGTH_ALLOCATE] = 0, [DK_LENGTH_ALLOCATE_KEEP] = FALLOC_FL_KEEP_SIZE,
		[DK_LENGTH_PUNCH] = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, [DK_LENGTH_ZERO] = FALLOC_FL_ZERO_RANGE };
	off_t offset = (off_t)j->req.args[0], length = (off_t)j->req.args[1];
	int r;

	if (try && j->stream->kind == STREAM_FILE)
		return false;
	if (j->req.args[2] == DK_LENGTH_TRUNCATE)
		r = ftruncate(j->fd, length);
	else
		r = fallocate(j->fd, modes[j->req.args[2]], offset, length);
	j->reply.status = r < 0 ? status_of_errno(errno) : DK_OK;
	return true;
}

enum dk_status stream_length(struct job *j)
{
	if (j->req.args[2] > DK_LENGTH_ZERO || j->req.args[0] > INT64_MAX || j->req.args[1] > INT64_MAX)
		return DK_INVALID_ARG;
	if (j->stream->kind != STREAM_FILE && j->stream->kind != STREAM_SHM && j->stream->kind != STREAM_STD)
		return DK_INVALID_ARG;
	if (!(j->stream->fd_flags & MON_FD_WRITE))
		return DK_READ_ONLY;
	j->work = length_work;
	j->brief = j->req.args[2] == DK_LENGTH_TRUNCATE;
	return DK_OK;
}

static bool flush_work(struct job *j, bool try)
{
	char path[32];
	int r, fd = j->fd;

	if (try)
		return false;
	if (j->stream->kind == STREAM_DIR) { /* an O_PATH descriptor cannot be flushed itself */
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0) {
			j->reply.status = status_of_errno(errno);
			return true;
		}
	}
	if (j->req.args[0] == DK_FLUSH_FS)
		r = syncfs(fd);
	else
		r = j->req.args[0] == DK_FLUSH_DATA ? fdatasync(fd) : fsync(fd);
	j->reply.status = r < 0 ? status_of_errno(errno) : DK_OK;
	if (fd != j->fd)
		close(fd);
	return true;
}

enum dk_status stream_flush(struct job *j)
{
	if (j->req.args[0] > DK_FLUSH_FS || (j->stream->kind != STREAM_FILE && j->stream->kind != STREAM_DIR))
		return DK_INVALID_ARG;
	j->slow = true;
	j->work = flush_work;
	return DK_OK;
}
