/* SPDX-License-Identifier: MIT */
/*
 * cli/sandboxes.c - finds running sandboxes and asks their monitors.
 *
 * State folders hold a file and a socket a sandbox (monitor/state.c, control.h).  As root those of other
 * users in the usual places are looked at too.  A folder counts only if it is its owner's alone, and
 * who answers on a socket must be that owner: others cannot stand in for a sandbox.
 */
#include "cli/sandboxes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli.h"

#define PATIENCE_S 8

void put_safe(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= ' ' && c < 0x7f && c != '\\')
			fputc(c, out);
		else
			fprintf(out, c == '\\' ? "\\\\" : "\\%03o", c);
	}
}

unsigned long number_of(const char *what, const char *text, unsigned long max)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || end == text || text[0] == '-' || n < 1 || n > max)
		fail("%s must be a number from 1 to %lu, not %s", what, max, text);
	return n;
}

/* ---- which there are ---- */

struct found {
	struct sandbox *at;
	unsigned count;
};

/* The folder's descriptor if it is its owner's own and closed to others. */
static int open_folder(const char *path, uid_t *uid)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || (st.st_mode & 077) || (geteuid() != 0 && st.st_uid != geteuid())) {
		close(fd);
		return -1;
	}
	*uid = st.st_uid;
	return fd;
}

static void read_file(int folder, const char *name, struct sandbox *s)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[4096], *save = NULL;
	struct stat st;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	text[n < 0 ? 0 : n] = 0;
	if (fd >= 0 && fstat(fd, &st) == 0)
		s->started = st.st_ctime;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "name=", 5))
			snprintf(s->name, sizeof s->name, "%s", line + 5);
		else if (!strncmp(line, "program=", 8))
			snprintf(s->program, sizeof s->program, "%s", line + 8);
	}
	if (fd >= 0)
		close(fd);
}

/* Connected, or -1; who listens must be the folder's owner, and the process that the name says. */
static int connect_to(const struct sandbox *s, int folder)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct ucred cred;
	socklen_t len = sizeof cred;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/" CONTROL_PREFIX "%d", folder, s->pid);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) {
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.uid == s->uid && cred.pid == s->pid)
			return fd;
		errno = EPERM;
	}
	len = (socklen_t)errno;
	close(fd);
	errno = (int)len;
	return -1;
}

static bool is_alive(const struct sandbox *s, int folder)
{
	int fd = connect_to(s, folder);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno == EAGAIN;
}

static void look_in(struct found *f, const char *path)
{
	struct dirent *e;
	struct sandbox s;
	uid_t uid;
	int fd = open_folder(path, &uid);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	while (d && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, CONTROL_PREFIX, strlen(CONTROL_PREFIX)) != 0)
			continue;
		s = (struct sandbox){ .pid = (pid_t)strtol(e->d_name + strlen(CONTROL_PREFIX), NULL, 10), .uid = uid };
		snprintf(s.folder, sizeof s.folder, "%s", path);
		read_file(fd, e->d_name + strlen(CONTROL_PREFIX), &s);
		if (s.pid <= 0 || !is_alive(&s, fd))
			continue;
		f->at = realloc(f->at, (f->count + 1) * sizeof *f->at);
		if (!f->at)
			fail("no memory");
		f->at[f->count++] = s;
	}
	if (d)
		closedir(d);
}

static int by_age(const void *a, const void *b)
{
	const struct sandbox *x = a, *y = b;

	return x->started != y->started ? (x->started > y->started) - (x->started < y->started) : x->pid - y->pid;
}

struct sandbox *sandboxes_find(unsigned *count)
{
	static const char *const others[] = { "/run/user/*/bailey", "/tmp/bailey-[0-9]*" };
	struct found f = { 0 };
	char path[PATH_MAX];
	glob_t g;

	state_folder(path, sizeof path);
	look_in(&f, path);
	for (unsigned i = 0; geteuid() == 0 && i < sizeof others / sizeof others[0]; i++) {
		if (glob(others[i], GLOB_NOSORT, NULL, &g) != 0)
			continue;
		for (size_t n = 0; n < g.gl_pathc; n++)
			look_in(&f, g.gl_pathv[n]);
		globfree(&g);
	}
	if (f.count)
		qsort(f.at, f.count, sizeof *f.at, by_age);
	*count = f.count;
	return f.at;
}

const struct sandbox *sandbox_named(const char *text)
{
	const struct sandbox *hit = NULL;
	unsigned count;
	struct sandbox *all = sandboxes_find(&count);

	for (unsigned i = 0; i < count; i++) {
		char number[16];

		snprintf(number, sizeof number, "%d", all[i].pid);
		if (!strcmp(text, number))
			return &all[i];
		if (*text && !strcmp(text, all[i].name)) {
			if (hit)
				fail("two sandboxes have the name %s: say which by its number, as bailey ps shows it", text);
			hit = &all[i];
		}
	}
	if (!hit)
		fail("no sandbox %s runs: bailey ps lists them", text);
	return hit;
}

/* ---- questions ---- */

int sandbox_ask(const struct sandbox *s, enum control_op op, uint32_t pid)
{
	struct control_request q = { .magic = CONTROL_MAGIC, .op = op, .pid = pid };
	uid_t uid;
	int folder = open_folder(s->folder, &uid), fd = folder < 0 ? -1 : connect_to(s, folder);

	if (folder >= 0)
		close(folder);
	if (fd >= 0 && send(fd, &q, sizeof q, MSG_NOSIGNAL) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

bool sandbox_answer(int fd, struct control_answer *a, char *text, bool quiet)
{
	char msg[sizeof *a + CONTROL_TEXT_MAX];
	ssize_t n = recv(fd, msg, sizeof msg, 0);

	if (n <= 0 && !quiet)
		fail(n < 0 && errno == EAGAIN ? "the sandbox does not answer: is its monitor stopped?" : "the sandbox has ended");
	if (n < (ssize_t)sizeof *a)
		return false;
	memcpy(a, msg, sizeof *a);
	a->size = (uint32_t)(n - (ssize_t)sizeof *a);
	memcpy(text, msg + sizeof *a, a->size);
	text[a->size] = 0;
	if (a->kind == CONTROL_END && a->size && !quiet)
		fail("%s", text);
	return a->kind != CONTROL_END;
}
