/* SPDX-License-Identifier: MIT */
/*
 * monitor/contents.c - files of one folder, many in one answer: contents of small ones, or all of them open.
 *
 * Each name is judged by policy as a path of its own and opened as an OPEN for reading
 * would open it: below its mount, no link followed, without waiting for a pipe's other
 * end.  Only what is below the same mount as the folder, which is opened once, is opened
 * relative to it.  What a file is, and how long, is asked of the open descriptor.
 *
 * The loop thread goes as far as it can without waiting; if that is not even the first
 * name, a worker does it.  Files that are opened ahead are no more than a guess of the asker's: what the
 * loop thread cannot have at once is left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "monitor/host.h"
#include "monitor/monitor.h"

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif

_Static_assert(DK_CONTENTS_ROOM <= MON_DATA_MAX, "an answer has room");
_Static_assert(sizeof(struct dk_contents) + DK_CONTENTS_FILE + 8 <= DK_CONTENTS_ROOM, "the first name always has room");

/* A plain name: no ".", no "..", not empty. */
static bool plain_name(const char *name, size_t len)
{
	return len > 0 && len <= NAME_MAX && !(len == 1 && name[0] == '.') && !(len == 2 && name[0] == '.' && name[1] == '.');
}

/* Opens one name of the folder dir; the status says why not.  AGAIN: it could only be tried. */
static enum dk_status open_child(const struct job *j, int dir, const char *path, const char *name, bool try, struct where *w, int *fd)
{
	enum dk_status status = policy_find(path, w);
	struct where below;

	if (status != DK_OK)
		return status;
	if (w->bare)
		return DK_IS_DIRECTORY;
	if (w->dirfd == j->a.dirfd && !w->fixed) {
		below = *w;
		below.dirfd = dir;
		*fd = open_at(&below, name, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, try);
	} else {
		*fd = open_at(w, w->fixed ? w->fixed : path + w->offset, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, try);
	}
	if (*fd >= 0)
		return DK_OK;
	return errno == ENXIO ? DK_DENIED : status_of_errno(errno); /* ENXIO: a socket */
}

/* The record's contents, room bytes of place for them.  False: there is no room, or the disk would have to be waited for. */
static bool read_child(struct dk_contents *c, int fd, size_t room, bool try)
{
	struct iovec v = { .iov_base = c + 1, .iov_len = room < DK_CONTENTS_FILE ? room : DK_CONTENTS_FILE };
	uint64_t size = c->attr.size;
	ssize_t n;

	if (c->attr.type != DK_TYPE_FILE || size > DK_CONTENTS_FILE)
		return true;
	if (size > room)
		return false;
	n = host_preadv2(fd, &v, 1, 0, try ? RWF_NOWAIT : 0);
	if (n != (ssize_t)size)
		return !try; /* shorter or longer by now, or no file that tells its length */
	c->data_len = (uint32_t)n;
	c->complete = 1;
	return true;
}

/* Adds the record of a name.  False: not now. */
static bool add(struct job *j, int dir, const char *path, const char *name, bool try)
{
	struct dk_contents *c = (struct dk_contents *)(j->data + j->reply.data_len);
	size_t room = DK_CONTENTS_ROOM - j->reply.data_len, size;
	struct where w;
	bool done = true;
	int fd = -1;

	if (room < sizeof *c + 8)
		return false;
	memset(c, 0, sizeof *c);
	c->when_ns = coarse_ns();
	c->status = open_child(j, dir, path, name, try, &w, &fd);
	if (c->status == DK_AGAIN && try)
		return false;
	if (fd >= 0) {
		c->status = attr_of_fd(fd, where_rights(&w), &c->attr);
		done = c->status != DK_OK || read_child(c, fd, room - sizeof *c - 8, try);
		close(fd);
	}
	if (!done)
		return false;
	size = (sizeof *c + c->data_len + 7) & ~(size_t)7;
	memset((char *)(c + 1) + c->data_len, 0, size - sizeof *c - c->data_len);
	c->size = (uint32_t)size;
	j->reply.data_len += c->size;
	return true;
}

/* Calls fn with each name's path and itself, until it says no. */
static void each_name(struct job *j, int dir, bool try, bool (*fn)(struct job *j, int dir, const char *path, const char *name, bool try))
{
	const char *folder = j->text + 5, *name = j->text + j->text2;
	size_t dir_len = folder[1] ? strlen(folder) : 0;
	char path[PATH_MAX + NAME_MAX + 2];

	memcpy(path, folder, dir_len);
	path[dir_len] = '/';
	for (;;) {
		size_t len = strcspn(name, "/");

		memcpy(path + dir_len + 1, name, len);
		path[dir_len + 1 + len] = 0;
		if (!fn(j, dir, path, path + dir_len + 1, try) || !name[len])
			return;
		name += len + 1;
	}
}

bool contents_work(struct job *j, bool try)
{
	int dir = open_below(j, &j->a, O_RDONLY | O_DIRECTORY, 0, try);

	if (dir < 0 && errno == EAGAIN && try)
		return false;
	if (dir < 0) {
		j->reply.status = status_of_errno(errno);
		return true;
	}
	each_name(j, dir, try, add);
	close(dir);
	return j->reply.data_len > 0;
}

/*
 * Names and their number are checked here, once; what follows relies on it.  next, unless NULL: where further names begin,
 * behind an empty one, which is cut off; 0 = there are none.
 */
static bool good_names(struct job *j, uint32_t most, uint32_t *next)
{
	char *names = j->text + j->text2;
	uint32_t count = 0;

	if (strlen(names) != j->req.text_len - j->text2)
		return false;
	if (next)
		*next = 0;
	for (char *name = names;; name++) {
		size_t len = strcspn(name, "/");

		if (len == 0 && next && *next == 0 && count > 0 && *name) {
			*next = (uint32_t)(name + 1 - j->text);
			count = 0;
			continue;
		}
		if (++count > most || !plain_name(name, len))
			return false;
		name += len;
		if (!*name)
			break;
	}
	if (next && *next)
		j->text[*next - 2] = 0;
	return true;
}

enum dk_status contents_query(struct job *j)
{
	if (!good_names(j, DK_CONTENTS_NAMES, &j->text3))
		return DK_INVALID_ARG;
	j->work = contents_work;
	contents_ahead(j);
	return DK_OK;
}

/* ---- Open files ---- */

_Static_assert(DK_OPENED_NAMES <= 1 + MON_FETCH_MORE && DK_OPENED_NAMES * sizeof(struct dk_opened) <= MON_DATA_MAX, "an answer has room");

/* fd becomes a stream of the asker's and goes along. */
static void give(struct job *j, struct dk_opened *o, const struct where *w, int fd)
{
	struct stream *s = stream_new(STREAM_FILE, fd, MON_FD_SEEK | MON_FD_NOWAIT | MON_FD_READ, where_rights(w));

	if (!s) {
		o->status = DK_TOO_MANY;
		close(fd);
		return;
	}
	s->local = w->flags & MOUNT_LOCAL;
	stream_count(s, j->pico);
	o->stream = s->number;
	o->flags = s->fd_flags;
	j->more[j->reply.fds++] = fd;
}

static bool add_open(struct job *j, int dir, const char *path, const char *name, bool try)
{
	struct dk_opened *o = (struct dk_opened *)(j->data + j->reply.data_len);
	const struct pico *p = pico_find(j->pico);
	struct where w;
	int fd = -1;

	memset(o, 0, sizeof *o);
	o->status = !p || stream_share_left(p) ? open_child(j, dir, path, name, try, &w, &fd) : DK_TOO_MANY;
	if (fd >= 0) {
		o->status = attr_of_fd(fd, where_rights(&w), &o->attr);
		if (o->status == DK_OK && o->attr.type == DK_TYPE_FILE)
			give(j, o, &w, fd);
		else
			close(fd);
	}
	j->reply.data_len += sizeof *o;
	return true;
}

enum dk_status opened_query(struct job *j)
{
	int dir;

	if (!good_names(j, DK_OPENED_NAMES, NULL))
		return DK_INVALID_ARG;
	dir = open_below(j, &j->a, O_RDONLY | O_DIRECTORY, 0, true);
	if (dir < 0)
		return status_of_errno(errno);
	j->only_more = true;
	each_name(j, dir, true, add_open);
	close(dir);
	return DK_OK;
}
