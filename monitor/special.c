/* SPDX-License-Identifier: MIT */
/*
 * monitor/special.c - streams that are no files: null, stdin stdout stderr, tty,
 * pipe.server and pipe.client, shm; and what can be asked of and set on them.
 *
 * The three standard streams are the command's own descriptors, handed through.
 * Terminal modes are noted at the start and put back at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/monitor.h"

/* ---- memory of the sandbox ---- */

int arena_fd = -1, data_fd = -1, palshared_fd = -1;

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_SEAL_SEAL 1
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW 4
#endif

static int memory_file(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) /* kernels before 6.3 */
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

static int memory_make(const char *name, uint64_t size)
{
	int fd = memory_file(name);

	if (fd < 0)
		fail("cannot make the sandbox's memory (memfd_create): %s", strerror(errno));
	if (ftruncate(fd, (off_t)size) < 0) {
		if (errno == EFBIG)
			fail("the limit of file sizes is too low for a sandbox: raise it with ulimit -f unlimited");
		fail("cannot size the sandbox's memory: %s", strerror(errno));
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		fail("cannot seal the sandbox's memory: %s", strerror(errno));
	return fd;
}

void memory_init(void)
{
	arena_fd = memory_make("bailey-arena", ARENA_SIZE);
	data_fd = memory_make("bailey-data", DATA_SIZE);
	palshared_fd = memory_make("bailey-pal", PALSHARED_SIZE);
}

void memory_drop(void)
{
	close(arena_fd);
	close(data_fd);
	close(palshared_fd);
}

/* ---- terminals ---- */

struct kernel_termios2 {
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line, cc[19];
	uint32_t ispeed, ospeed;
};
#define K_TCGETS2  _IOR('T', 0x2A, struct kernel_termios2)
#define K_TCSETS2  _IOW('T', 0x2B, struct kernel_termios2)

static struct dk_termios saved_termios;
static int saved_fd = -1;
static bool termios_changed;

enum dk_status termios_get(int fd, struct dk_termios *out)
{
	struct kernel_termios2 k;

	if (ioctl(fd, K_TCGETS2, &k) < 0)
		return status_of_errno(errno);
	memset(out, 0, sizeof *out);
	memcpy(out, &k, sizeof k);
	return DK_OK;
}

enum dk_status termios_set(int fd, const struct dk_termios *in)
{
	struct kernel_termios2 k;

	if (in->when > 5)
		return DK_INVALID_ARG;
	if (in->when >= 3)
		return ioctl(fd, 0x540B /* TCFLSH */, in->when - 3) < 0 ? status_of_errno(errno) : DK_OK;
	memcpy(&k, in, sizeof k);
	termios_changed = true;
	/* TCSETS2, TCSETSW2 and TCSETSF2 follow one another. */
	return ioctl(fd, K_TCSETS2 + in->when, &k) < 0 ? status_of_errno(errno) : DK_OK;
}

void termios_restore(void)
{
	if (saved_fd >= 0 && termios_changed)
		termios_set(saved_fd, &saved_termios);
}

/* ---- standard streams ---- */

static struct stream *std_streams[3], *tty_stream;

void special_init(void)
{
	for (int i = 0; i < 3; i++) {
		uint32_t flags = fd_flags_of(i);

		if (flags == 0)
			continue; /* the caller closed it */
		std_streams[i] = stream_new(STREAM_STD, i, flags, 0);
		if (!std_streams[i])
			fail("no memory for streams");
		std_streams[i]->permanent = true;
		if (!(flags & MON_FD_TTY) || tty_stream)
			continue;
		if ((flags & (MON_FD_READ | MON_FD_WRITE)) == (MON_FD_READ | MON_FD_WRITE) || i == 2)
			tty_stream = std_streams[i];
		if (saved_fd < 0 && termios_get(i, &saved_termios) == DK_OK)
			saved_fd = i;
	}
}

bool special_tty(void)
{
	return tty_stream != NULL;
}

struct stream *special_std(unsigned i)
{
	return std_streams[i];
}

const char *special_std_kind(unsigned i)
{
	struct stat st;

	if (!std_streams[i] || fstat((int)i, &st) < 0)
		return "null";
	if (std_streams[i]->fd_flags & MON_FD_TTY)
		return "tty";
	if (S_ISFIFO(st.st_mode))
		return "pipe";
	if (S_ISSOCK(st.st_mode))
		return "socket";
	return S_ISCHR(st.st_mode) ? "null" : "file";
}

bool special_std_attr(unsigned i, struct dk_attributes *out)
{
	const struct stream *s = std_streams[i];

	return s && attr_of_fd(s->fd, (s->fd_flags & MON_FD_READ ? DK_READ : 0) | (s->fd_flags & MON_FD_WRITE ? DK_WRITE : 0), out) == DK_OK;
}

static enum dk_status open_std(unsigned i, struct stream **out)
{
	*out = std_streams[i];
	return *out ? DK_OK : DK_NOT_FOUND;
}

static enum dk_status open_null(struct stream **out)
{
	static struct stream *null;

	if (!null) {
		int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (fd < 0)
			return status_of_errno(errno);
		null = stream_new(STREAM_NULL, fd, MON_FD_READ | MON_FD_WRITE, DK_READ | DK_WRITE);
		if (!null)
			return DK_TOO_MANY;
		null->permanent = true;
	}
	*out = null;
	return DK_OK;
}

/* ---- named pipes of the sandbox: each open of a server end waits for one client ---- */

struct waiting_end {
	struct waiting_end *next;
	int fd;
	char name[64];
};
static struct waiting_end *waiting;
static unsigned waiting_count;

static bool good_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < sizeof waiting->name && !strchr(name, '/');
}

static enum dk_status open_server(const char *name, struct stream **out)
{
	struct waiting_end *w;
	int pair[2];

	if (!good_name(name))
		return DK_INVALID_URI;
	if (waiting_count >= 256)
		return DK_TOO_MANY;
	w = calloc(1, sizeof *w);
	if (!w)
		return DK_NO_MEMORY;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		free(w);
		return status_of_errno(errno);
	}
	*out = stream_new(STREAM_PIPE, pair[0], MON_FD_SOCKET | MON_FD_NOWAIT | MON_FD_READ | MON_FD_WRITE, DK_READ | DK_WRITE);
	if (!*out) {
		close(pair[0]);
		close(pair[1]);
		free(w);
		return DK_TOO_MANY;
	}
	w->fd = pair[1];
	strcpy(w->name, name);
	for (struct waiting_end **at = &waiting;; at = &(*at)->next) {
		if (*at)
			continue;
		*at = w;
		break;
	}
	waiting_count++;
	return DK_OK;
}

static enum dk_status open_client(const char *name, struct stream **out)
{
	for (struct waiting_end **at = &waiting; *at; at = &(*at)->next) {
		struct waiting_end *w = *at;

		if (strcmp(w->name, name) != 0)
			continue;
		*out = stream_new(STREAM_PIPE, w->fd, MON_FD_SOCKET | MON_FD_NOWAIT | MON_FD_READ | MON_FD_WRITE, DK_READ | DK_WRITE);
		if (!*out)
			return DK_TOO_MANY;
		*at = w->next;
		free(w);
		waiting_count--;
		return DK_OK;
	}
	return DK_NOT_FOUND;
}

/* ---- shm: a new anonymous file each time, or the sandbox's two ---- */

static enum dk_status open_shm(const char *name, struct stream **out)
{
	static struct stream *arena, *data;
	struct stream **fixed = !strcmp(name, "arena") ? &arena : !strcmp(name, "data") ? &data : NULL;
	int fd;

	if (fixed && *fixed) {
		*out = *fixed;
		return DK_OK;
	}
	if (!fixed && !good_name(name))
		return DK_INVALID_URI;
	fd = fixed ? fcntl(fixed == &arena ? arena_fd : data_fd, F_DUPFD_CLOEXEC, 3) : memory_file("bailey-shm");
	if (fd < 0)
		return status_of_errno(errno);
	*out = stream_new(STREAM_SHM, fd, MON_FD_SEEK | MON_FD_READ | MON_FD_WRITE, DK_READ | DK_WRITE);
	if (!*out) {
		close(fd);
		return DK_TOO_MANY;
	}
	if (fixed) {
		(*out)->permanent = true;
		*fixed = *out;
	}
	return DK_OK;
}

/* Who has it puts descriptors in and asks what is ready (pal/net.c): of use where there are many, so with a network only. */
static enum dk_status open_waitset(struct stream **out)
{
	int fd = net_granted() ? epoll_create1(EPOLL_CLOEXEC) : -1;

	if (fd < 0)
		return net_granted() ? status_of_errno(errno) : DK_NOT_SUPPORTED;
	*out = stream_new(STREAM_WAITSET, fd, MON_FD_SERVER | MON_FD_READ, DK_READ);
	if (!*out)
		close(fd);
	return *out ? DK_OK : DK_TOO_MANY;
}

enum dk_status special_open(struct job *j, struct stream **out)
{
	const char *uri = j->text;
	enum dk_status status;

	if (!strcmp(uri, "stdin:"))
		status = open_std(0, out);
	else if (!strcmp(uri, "stdout:"))
		status = open_std(1, out);
	else if (!strcmp(uri, "stderr:"))
		status = open_std(2, out);
	else if (!strcmp(uri, "null:"))
		status = open_null(out);
	else if (!strcmp(uri, "tty:"))
		status = (*out = tty_stream) ? DK_OK : DK_NO_DEVICE;
	else if (!strncmp(uri, "pipe.server:", 12))
		status = open_server(uri + 12, out);
	else if (!strncmp(uri, "pipe.client:", 12))
		status = open_client(uri + 12, out);
	else if (!strncmp(uri, "shm:", 4))
		status = open_shm(uri + 4, out);
	else if (!strcmp(uri, "waitset:"))
		status = open_waitset(out);
	else
		return strchr(uri, ':') ? DK_NOT_SUPPORTED : DK_INVALID_URI;
	if (status == DK_OK)
		attr_of_fd((*out)->fd, ((*out)->fd_flags & MON_FD_READ ? DK_READ : 0) | ((*out)->fd_flags & MON_FD_WRITE ? DK_WRITE : 0),
			&j->reply.attr);
	return status;
}
