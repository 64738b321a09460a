/* SPDX-License-Identifier: MIT */
/*
 * monitor/stream_attr.c - attributes of open streams that are answered at once:
 * terminal modes and size, position, bytes to read, locks.  What may wait for a
 * disk is in file.c and file_change.c; draining a terminal is a worker's job too.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "monitor/monitor.h"

static void put(struct job *j, const void *data, size_t len)
{
	memcpy(j->data, data, len);
	j->reply.data_len = (uint32_t)len;
}

/* false: not a class of this file. */
bool attr_query(struct job *j)
{
	struct dk_termios t;
	struct dk_winsize w;
	struct winsize ws;
	uint64_t n;
	off_t at;
	int bytes;

	switch (j->req.args[0]) {
	case DK_ATTR_TERMIOS:
		j->reply.status = termios_get(j->fd, &t);
		if (j->reply.status == DK_OK)
			put(j, &t, sizeof t);
		return true;
	case DK_ATTR_WINSIZE:
		if (ioctl(j->fd, TIOCGWINSZ, &ws) < 0) {
			j->reply.status = status_of_errno(errno);
			return true;
		}
		w = (struct dk_winsize){ ws.ws_row, ws.ws_col, ws.ws_xpixel, ws.ws_ypixel };
		put(j, &w, sizeof w);
		return true;
	case DK_ATTR_POSITION:
		at = lseek(j->fd, 0, SEEK_CUR);
		j->reply.status = at < 0 ? status_of_errno(errno) : DK_OK;
		n = (uint64_t)at;
		if (at >= 0)
			put(j, &n, sizeof n);
		return true;
	case DK_ATTR_AVAILABLE:
		if (ioctl(j->fd, FIONREAD, &bytes) < 0) {
			j->reply.status = status_of_errno(errno);
			return true;
		}
		n = bytes < 0 ? 0 : (uint64_t)bytes;
		put(j, &n, sizeof n);
		return true;
	default:
		return false;
	}
}

static bool termios_work(struct job *j, bool try)
{
	struct dk_termios t;

	memcpy(&t, j->text, sizeof t);
	if (try && t.when != 0 && t.when < 3)
		return false; /* drains first, which a stopped terminal can delay for ever */
	j->reply.status = termios_set(j->fd, &t);
	return true;
}

static enum dk_status status_of_lock(int r)
{
	if (r >= 0)
		return DK_OK;
	return errno == EACCES || errno == EAGAIN ? DK_AGAIN : status_of_errno(errno);
}

/*
 * The lock is the open description's, which all picoprocesses of the sandbox share.
 * Never waits here: waiting is the library OS's business, which asks again.
 */
static enum dk_status set_lock(int fd, const struct dk_lock *l)
{
	static const short types[] = { [DK_LOCK_NONE] = F_UNLCK, [DK_LOCK_SHARED] = F_RDLCK, [DK_LOCK_EXCLUSIVE] = F_WRLCK,
		[DK_LOCK_WHOLE_NONE] = LOCK_UN, [DK_LOCK_WHOLE_SHARED] = LOCK_SH, [DK_LOCK_WHOLE_EXCLUSIVE] = LOCK_EX,
		[DK_LOCK_TEST_SHARED] = F_RDLCK, [DK_LOCK_TEST_EXCLUSIVE] = F_WRLCK };
	struct flock f = { .l_whence = SEEK_SET };
	enum dk_status status;

	if (l->type >= ARRAY_LEN(types) || l->start > INT64_MAX || l->length > INT64_MAX)
		return DK_INVALID_ARG;
	if (l->type >= DK_LOCK_WHOLE_NONE && l->type <= DK_LOCK_WHOLE_EXCLUSIVE)
		return status_of_lock(flock(fd, types[l->type] | LOCK_NB));
	f.l_type = types[l->type];
	f.l_start = (off_t)l->start;
	f.l_len = (off_t)l->length;
	if (l->type < DK_LOCK_WHOLE_NONE)
		return status_of_lock(fcntl(fd, F_OFD_SETLK, &f));
	status = status_of_lock(fcntl(fd, F_OFD_GETLK, &f));
	return status == DK_OK && f.l_type != F_UNLCK ? DK_AGAIN : status;
}

/*
 * A stream that is closed holds no lock, even if some picoprocess has not yet noticed
 * and still has the descriptor.
 */
void attr_drop_locks(struct stream *s)
{
	struct dk_lock all = { .type = DK_LOCK_NONE }, whole = { .type = DK_LOCK_WHOLE_NONE };

	if (!s->locked)
		return;
	set_lock(s->fd, &all);
	set_lock(s->fd, &whole);
}

bool attr_set(struct job *j)
{
	struct dk_winsize w;
	struct winsize ws;
	struct dk_lock l;
	uint64_t at;
	uint32_t len = j->req.text_len;

	switch (j->req.args[0]) {
	case DK_ATTR_TERMIOS:
		if (len != sizeof(struct dk_termios) || !(j->stream->fd_flags & MON_FD_TTY))
			j->reply.status = len != sizeof(struct dk_termios) ? DK_INVALID_ARG : DK_NOT_TTY;
		else
			j->work = termios_work;
		return true;
	case DK_ATTR_WINSIZE:
		if (len != sizeof w || !(j->stream->fd_flags & MON_FD_TTY)) {
			j->reply.status = len != sizeof w ? DK_INVALID_ARG : DK_NOT_TTY;
			return true;
		}
		memcpy(&w, j->text, sizeof w);
		ws = (struct winsize){ w.rows, w.cols, w.xpixel, w.ypixel };
		j->reply.status = ioctl(j->fd, TIOCSWINSZ, &ws) < 0 ? status_of_errno(errno) : DK_OK;
		return true;
	case DK_ATTR_POSITION:
		memcpy(&at, j->text, sizeof at);
		if (len != sizeof at || at > INT64_MAX)
			j->reply.status = DK_INVALID_ARG;
		else
			j->reply.status = lseek(j->fd, (off_t)at, SEEK_SET) < 0 ? status_of_errno(errno) : DK_OK;
		return true;
	case DK_ATTR_LOCK:
		memcpy(&l, j->text, sizeof l);
		j->reply.status = len != sizeof l || j->stream->kind == STREAM_DIR ? DK_INVALID_ARG : set_lock(j->fd, &l);
		j->stream->locked = true;
		return true;
	default:
		return false;
	}
}
