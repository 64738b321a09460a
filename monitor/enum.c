/* SPDX-License-Identifier: MIT */
/* monitor/enum.c - streams of scheme file: listing folders. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor/host.h"
#include "monitor/monitor.h"

#define ENUM_LONG_NS  3000000ull /* 600 entries in memory take 0.5 ms */
#define ENUM_PAUSE_NS 1000000000ull

/*
 * Adds one entry; false = no room.  An entry that vanished meanwhile is left out.  Who may read a folder but
 * not search it learns names, types and numbers: nlink 0 says that the rest is not known.
 */
static bool enum_add(struct job *j, int dir, const struct linux_dirent64 *d, uint32_t rights, uint32_t room)
{
	const char *name = d->d_name;
	size_t len = strlen(name), text = 0, size = (sizeof(struct dk_dirent) + len + 7) & ~(size_t)7;
	struct dk_dirent *out = (struct dk_dirent *)(j->data + j->reply.data_len);
	char target[DK_DIRENT_TEXT + 1];
	struct statx sx;

	if (j->reply.data_len + size > room)
		return false;
	if (!look_at_name(dir, name, d->d_type == DT_LNK, &sx, target, &text)) {
		if (errno == ENOENT)
			return true;
		memset(&sx, 0, sizeof sx);
		sx.stx_mode = (uint16_t)DTTOIF(d->d_type);
		sx.stx_ino = d->d_ino;
	}
	size = (sizeof(struct dk_dirent) + len + text + 7) & ~(size_t)7;
	if (j->reply.data_len + size > room)
		return false;
	memset(out, 0, size);
	out->size = (uint32_t)size;
	out->name_len = (uint16_t)len;
	out->text_len = (uint16_t)text;
	attr_of_statx(&sx, rights, &out->attr);
	memcpy(out->name, name, len);
	memcpy(out->name + len, target, text);
	j->reply.data_len += (uint32_t)size;
	return true;
}

/* Fills the answer from the folder's current position; the cursor is the host's. */
static enum dk_status enum_fill(struct job *j, int dir, uint32_t room)
{
	static const size_t chunk = 16384;
	char *buf = malloc(chunk);
	const char *path = j->text + 5;
	bool rules = policy_has_rules(path), full = false;
	uint64_t cursor = j->req.args[0];
	enum dk_status status = DK_OK;
	long n = 0;

	if (!buf)
		return DK_NO_MEMORY;
	while (!full && (n = syscall(SYS_getdents64, dir, buf, chunk)) > 0) {
		for (char *at = buf; at < buf + n && !full; at += ((struct linux_dirent64 *)at)->d_reclen) {
			struct linux_dirent64 *d = (struct linux_dirent64 *)at;
			bool skip = !strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") ||
			    (rules && policy_child_hidden(path, d->d_name));

			if (!skip && !enum_add(j, dir, d, j->a.flags & MOUNT_RW ? 7 : 5, room))
				full = true;
			else
				cursor = (uint64_t)d->d_off;
		}
	}
	if (n < 0)
		status = status_of_errno(errno);
	else if (full && j->reply.data_len == 0)
		status = DK_RANGE;
	free(buf);
	j->reply.value[0] = cursor;
	j->reply.value[1] = !full; /* 1: that was all */
	return status;
}

/*
 * A folder that can be opened without waiting is mostly one whose names and inodes are in memory as
 * well: then the loop thread reads it, for a worker's wake-up costs more than that.  The host
 * does not tell; so if one took long, for the next second the workers read them.
 */
static uint64_t slow_until_ns; /* loop thread's */

static void took(uint64_t began_ns)
{
	uint64_t now = now_ns();

	if (now - began_ns > ENUM_LONG_NS)
		slow_until_ns = now + ENUM_PAUSE_NS;
}

static bool enum_work(struct job *j, bool try)
{
	uint32_t room = j->req.args[1] < MON_DATA_MAX ? (uint32_t)j->req.args[1] : MON_DATA_MAX;
	uint64_t began_ns = try ? now_ns() : 0;
	int dir;

	if (try && began_ns < slow_until_ns)
		return false;
	dir = open_below(j, &j->a, O_RDONLY | O_DIRECTORY, 0, try);
	if (dir < 0 && errno == EAGAIN && try)
		return false;
	if (dir < 0) {
		j->reply.status = status_of_errno(errno);
		return true;
	}
	if (j->req.args[0] != 0 && lseek(dir, (off_t)j->req.args[0], SEEK_SET) < 0)
		j->reply.status = DK_INVALID_ARG;
	else
		j->reply.status = enum_fill(j, dir, room);
	close(dir);
	if (try)
		took(began_ns);
	return true;
}

enum dk_status file_enum(struct job *j)
{
	j->work = enum_work;
	return file_place(j, 0, &j->a);
}
