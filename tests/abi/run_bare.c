/* SPDX-License-Identifier: MIT */
/*
 * tests/abi/run_bare.c - a minimal monitor to try pal with, outside all namespaces.
 *
 *	run_bare [-t SECONDS] [-s] [-x EXT.IMG[=ARG]]... [-p PARAMETER] PAL.IMG PERSONALITY.IMG
 *
 * -s stops and continues all picoprocesses at random all the time.  URIs beside file:
 * and null: are for tests: testpipe:NAME/r and /w, testsock:NAME/a and /b,
 * testtty:NAME/m and /s name the two ends of a pipe, a socket pair, a terminal.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "abi/dk_boot.h"
#include "abi/monitor.h"

#define CLIENTS 4096
#define STREAMS 65536
#define NAMED   64

struct client {
	int fd;
	pid_t pid;
	uint64_t pico, index;
	int known; /* HELLO was seen */
};
struct stream {
	int fd;
	uint32_t flags;
	uint64_t number; /* a multiple of STREAMS, and its place; never the same again */
};
struct named {
	char name[64];
	int ends[2];
};

static struct client clients[CLIENTS];
static struct stream streams[STREAMS];
static struct named named[NAMED];
static unsigned nclients, nstreams = 1, nnamed;
static uint64_t next_pico = 1;
static int arena_fd, data_fd, shared_fd, personality_fd, ext_fds[EXT_SLOTS], deaths[2];
static unsigned next_count, verbose;
static char ext_args[EXT_SLOTS][64];
static const char *pal_path;
static pid_t stopper;
static struct { pid_t pid; int status; } orphans[CLIENTS];
static unsigned norphans;

static void die(const char *what)
{
	perror(what);
	exit(98);
}

static void kill_all(int code)
{
	fflush(stderr);
	if (stopper > 0)
		kill(stopper, SIGKILL);
	for (unsigned i = 0; i < nclients; i++) {
		if (clients[i].pid > 0)
			kill(clients[i].pid, SIGKILL);
	}
	_exit(code);
}

static void on_alarm(int sig)
{
	static const char text[] = "run_bare: timeout\n";

	(void)sig;
	if (write(2, text, sizeof text - 1) < 0)
		_exit(97);
	if (getenv("BARE_HANG")) /* for a debugger */
		for (;;)
			pause();
	kill_all(97);
}

static int memfd(const char *name, uint64_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		die("memfd");
	return fd;
}

static void send_message(int fd, const void *buf, size_t len, const int *fds, unsigned count)
{
	char control[CMSG_SPACE(sizeof(int) * MON_BOOT_FDS)] = { 0 };
	struct iovec iov = { (void *)(uintptr_t)buf, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count) {
		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), fds, sizeof(int) * count);
	}
	while (sendmsg(fd, &m, MSG_NOSIGNAL) < 0) {
		if (errno != EINTR)
			return; /* the picoprocess is gone */
	}
}

static void vdso_places(struct mon_boot *b)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned long start, end, vdso = 0;

	if (!f)
		die("maps");
	while (fgets(line, sizeof line, f)) {
		if (!strstr(line, "[vvar") && !strstr(line, "[vdso]"))
			continue;
		if (sscanf(line, "%lx-%lx", &start, &end) != 2)
			continue;
		if (strstr(line, "[vdso]")) {
			vdso = start;
			b->vdso_index = b->vdso_count;
		}
		b->vdso[b->vdso_count].start = (int64_t)start;
		b->vdso[b->vdso_count++].size = end - start;
	}
	fclose(f);
	for (unsigned i = 0; i < b->vdso_count; i++)
		b->vdso[i].start -= (int64_t)vdso;
}

static struct client *client_add(int fd, uint64_t index)
{
	struct client *c = NULL;

	for (unsigned i = 0; i < nclients && !c; i++) {
		if (clients[i].fd < 0 && clients[i].pid == 0)
			c = &clients[i];
	}
	if (!c) {
		if (nclients == CLIENTS)
			die("clients");
		c = &clients[nclients++];
	}
	*c = (struct client){ .fd = fd, .pico = next_pico++, .index = index };
	return c;
}

static struct client *launch(uint64_t index, uint64_t parameter)
{
	int pair[2], on = 1;
	struct client *c;
	struct mon_boot b = { .protocol = MON_PROTOCOL, .role = DK_ROLE_BARE, .ext_count = next_count, .ncpus = 2,
		.memory_limit = UINT64_MAX };
	struct mon_start s = { .parameter = parameter, .process_index = index };
	int fds[MON_BOOT_FDS], n = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die("socketpair");
	setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
	c = client_add(pair[0], index);
	c->pid = fork();
	if (c->pid == 0) {
		char *argv[] = { (char *)"pal", NULL };

		if (pair[1] != MON_CHANNEL_FD)
			dup2(pair[1], MON_CHANNEL_FD);
		else
			fcntl(pair[1], F_SETFD, 0);
		execve(pal_path, argv, argv + 1);
		_exit(96);
	}
	close(pair[1]);
	c->known = 1;
	b.pico = c->pico;
	vdso_places(&b);
	b.fd_mask = 1u << MON_BFD_ARENA | 1u << MON_BFD_DATA | 1u << MON_BFD_PALSHARED | 1u << MON_BFD_PERSONALITY;
	fds[n++] = arena_fd;
	fds[n++] = data_fd;
	fds[n++] = shared_fd;
	fds[n++] = personality_fd;
	if (index == 0) {
		b.fd_mask |= 1u << MON_BFD_DEATHS;
		fds[n++] = deaths[1];
	}
	for (unsigned i = 0; i < next_count; i++) {
		b.fd_mask |= 1u << (MON_BFD_EXT + i);
		fds[n++] = ext_fds[i];
		memcpy(b.ext_arg[i], ext_args[i], sizeof b.ext_arg[i]);
	}
	send_message(c->fd, &b, sizeof b, fds, (unsigned)n);
	send_message(c->fd, &s, sizeof s, NULL, 0);
	return c;
}

static uint32_t status_of_errno(int err)
{
	static const struct { int err; uint32_t status; } map[] = {
#define STATUS(name, nr, number, ntstatus, text) { number, DK_##name },
#include "abi/dk_status.def"
#undef STATUS
	};

	for (unsigned i = 1; i < sizeof map / sizeof map[0]; i++) {
		if (map[i].err == err && map[i].status != DK_INVALID_URI)
			return map[i].status;
	}
	return DK_IO;
}

static void fill_attributes(struct dk_attributes *a, const struct stat *st)
{
	a->type = S_ISREG(st->st_mode) ? DK_TYPE_FILE : S_ISDIR(st->st_mode) ? DK_TYPE_DIR : DK_TYPE_CHAR;
	a->mode = st->st_mode & 07777;
	a->size = (uint64_t)st->st_size;
	a->inode = st->st_ino;
	a->device = st->st_dev;
	a->nlink = (uint32_t)st->st_nlink;
	a->rights = DK_READ | DK_WRITE;
}

static int named_end(const char *kind, const char *name, int end)
{
	struct named *n = NULL;
	struct termios raw;

	for (unsigned i = 0; i < nnamed && !n; i++) {
		if (strcmp(named[i].name, name) == 0)
			n = &named[i];
	}
	if (!n) {
		if (nnamed == NAMED || strlen(name) >= sizeof named[0].name)
			return -1;
		n = &named[nnamed++];
		strcpy(n->name, name);
		if (strcmp(kind, "testpipe") == 0) {
			if (pipe(n->ends) < 0)
				return -1;
		} else if (strcmp(kind, "testsock") == 0) {
			if (socketpair(AF_UNIX, SOCK_STREAM, 0, n->ends) < 0)
				return -1;
		} else {
			if (openpty(&n->ends[0], &n->ends[1], NULL, NULL, NULL) < 0)
				return -1;
			tcgetattr(n->ends[1], &raw);
			cfmakeraw(&raw);
			tcsetattr(n->ends[1], TCSANOW, &raw);
		}
	}
	return dup(n->ends[end]);
}

static int open_test(const char *uri, uint32_t *flags)
{
	char kind[16], name[64], end;

	if (sscanf(uri, "%15[a-z]:%63[^/]/%c", kind, name, &end) != 3)
		return -1;
	*flags = strcmp(kind, "testsock") == 0 ? MON_FD_SOCKET : strcmp(kind, "testtty") == 0 ? MON_FD_TTY : MON_FD_NOWAIT;
	*flags |= MON_FD_READ | MON_FD_WRITE;
	return named_end(kind, name, end == 'w' || end == 'b' || end == 's');
}

static int open_file(const struct mon_request *q, const char *path)
{
	static const int disposition[] = { 0, O_CREAT | O_EXCL, O_CREAT, O_TRUNC, O_CREAT | O_TRUNC };
	int mode = q->args[0] & DK_WRITE ? (q->args[0] & DK_READ ? O_RDWR : O_WRONLY) : O_RDONLY;

	if (q->args[1] > DK_CREATE_ALWAYS) {
		errno = EINVAL;
		return -1;
	}
	return open(path, mode | disposition[q->args[1]] | O_CLOEXEC | O_NOCTTY, (mode_t)q->args[3]);
}

static void reply_send(struct client *c, const struct mon_request *q, struct mon_reply *r, const void *data, int fd)
{
	static char buf[sizeof(struct mon_reply) + MON_DATA_MAX];

	r->op = q->op;
	r->seq = q->seq;
	r->fds = fd >= 0;
	memcpy(buf, r, sizeof *r);
	if (r->data_len)
		memcpy(buf + sizeof *r, data, r->data_len);
	send_message(c->fd, buf, sizeof *r + r->data_len, &fd, fd >= 0);
}

static void do_open(struct client *c, const struct mon_request *q, const char *text)
{
	struct mon_reply r = { 0 };
	static char contents[MON_INLINE_MAX];
	static uint64_t opened;
	struct stat st;
	uint64_t at;
	int fd;

	if (strncmp(text, "file:", 5) == 0)
		fd = open_file(q, text + 5);
	else if (strcmp(text, "null:") == 0)
		fd = open("/dev/null", O_RDWR);
	else if (strncmp(text, "test", 4) == 0)
		fd = open_test(text, &r.fd_flags);
	else {
		r.status = DK_INVALID_URI;
		reply_send(c, q, &r, NULL, -1);
		return;
	}
	if (fd < 0) {
		r.status = status_of_errno(errno);
		reply_send(c, q, &r, NULL, -1);
		return;
	}
	fstat(fd, &st);
	fill_attributes(&r.attr, &st);
	if (S_ISREG(st.st_mode))
		r.fd_flags = MON_FD_SEEK;
	if (q->args[2] & DK_OPTION_INLINE && S_ISREG(st.st_mode) && st.st_size <= MON_INLINE_MAX)
		r.data_len = (uint32_t)pread(fd, contents, sizeof contents, 0);
	for (at = 1; at < nstreams && streams[at].fd >= 0; at++)
		;
	if (at == nstreams)
		nstreams++;
	r.value[0] = ++opened * STREAMS + at;
	streams[at] = (struct stream){ fd, r.fd_flags, r.value[0] };
	reply_send(c, q, &r, contents, fd);
}

static void do_clone(struct client *c, const struct mon_request *q)
{
	struct mon_reply r = { 0 };
	int pair[2], on = 1;
	struct client *child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die("socketpair");
	setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
	child = client_add(pair[0], q->args[0]);
	r.value[0] = child->pico;
	reply_send(c, q, &r, NULL, pair[1]);
	close(pair[1]);
}

static void report_death(struct client *c, int status)
{
	struct mon_death d = { .process_index = c->index, .pico = c->pico, .wait_status = (uint32_t)status };

	if (WIFSIGNALED(status))
		fprintf(stderr, "run_bare: picoprocess %" PRIu64 " died of signal %d\n", c->pico, WTERMSIG(status));
	if (c->index == 0)
		kill_all(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : 95);
	while (send(deaths[0], &d, sizeof d, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
	c->pid = 0;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void do_hello(struct client *c, pid_t pid)
{
	if (c->known)
		return;
	c->known = 1;
	c->pid = pid;
	for (unsigned i = 0; i < norphans; i++) {
		if (orphans[i].pid == pid) {
			orphans[i] = orphans[--norphans];
			report_death(c, orphans[norphans].status);
			return;
		}
	}
}

static void do_other(struct client *c, const struct mon_request *q, const char *text)
{
	struct mon_reply r = { 0 };
	uint64_t at = q->stream % STREAMS;
	struct stream *s = at && at < nstreams && streams[at].fd >= 0 && streams[at].number == q->stream ? &streams[at] : NULL;
	struct dk_attributes a = { 0 };
	struct stat st;

	switch (q->op) {
	case MON_FETCH:
		r.status = s ? DK_OK : DK_INVALID_HANDLE;
		r.fd_flags = s ? s->flags : 0;
		reply_send(c, q, &r, NULL, s ? s->fd : -1);
		return;
	case MON_CLOSE:
		if (s) {
			close(s->fd);
			s->fd = -1;
		}
		return;
	case MON_QUERY:
		if (q->args[0] != DK_ATTR_BASIC || (s ? fstat(s->fd, &st) : stat(text + 5, &st)) < 0) {
			r.status = q->args[0] == DK_ATTR_BASIC ? DK_NOT_FOUND : DK_NO_DATA;
		} else {
			fill_attributes(&a, &st);
			r.data_len = sizeof a;
		}
		break;
	case MON_LENGTH:
		r.status = s && ftruncate(s->fd, (off_t)q->args[1]) == 0 ? DK_OK : DK_INVALID_HANDLE;
		break;
	case MON_FLUSH:
		r.status = s && fsync(s->fd) == 0 ? DK_OK : DK_INVALID_HANDLE;
		break;
	case MON_DELETE:
		r.status = s ? (shutdown(s->fd, q->args[0] == DK_DELETE_SIDE_READ ? SHUT_RD : SHUT_WR) ? DK_IO : DK_OK)
			     : unlink(text + 5) == 0 ? DK_OK : status_of_errno(errno);
		break;
	case MON_RENAME:
		r.status = rename(text + 5, text + strlen(text) + 1 + 5) == 0 ? DK_OK : status_of_errno(errno);
		break;
	case MON_SPAWN:
		r.value[0] = launch(q->args[1], q->args[0])->pico;
		break;
	case MON_USAGE: {
		struct mon_usage u = { .process_index = q->args[0] == UINT64_MAX ? 0 : q->args[0], .anon = 1, .file = 1 };

		memcpy(&a, &u, sizeof u);
		r.data_len = sizeof u;
		break;
	}
	default:
		r.status = DK_NOT_SUPPORTED;
		break;
	}
	reply_send(c, q, &r, &a, -1);
}

static void serve(struct client *c, const struct mon_request *q, const char *text, pid_t pid)
{
	switch (q->op) {
	case MON_HELLO:
		do_hello(c, pid);
		return;
	case MON_OPEN:
		do_open(c, q, text);
		return;
	case MON_CLONE:
		do_clone(c, q);
		return;
	case MON_CLONED:
	case MON_BEAT:
		return;
	case MON_LOG:
		fprintf(stderr, "[%" PRIu64 "] %s\n", c->pico, text);
		return;
	case MON_PANIC:
		fprintf(stderr, "PANIC [%" PRIu64 "] %s\n", c->pico, text);
		if (getenv("BARE_HANG"))
			for (;;)
				pause();
		kill_all(99);
		return;
	case MON_EXIT:
		kill_all((int)q->args[0]);
		return;
	default:
		do_other(c, q, text);
	}
}

static int serve_one(struct client *c)
{
	static struct {
		struct mon_request q;
		char text[MON_TEXT_MAX + 1];
	} in;
	char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = { &in, sizeof in - 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT);
	pid_t pid = 0;

	if (n < 0)
		return 0;
	if (n == 0) {
		close(c->fd);
		c->fd = -1;
		return 0;
	}
	if (n < (ssize_t)sizeof in.q || (size_t)n != sizeof in.q + in.q.text_len) {
		fprintf(stderr, "run_bare: bad request of %zd bytes\n", n);
		kill_all(94);
	}
	in.text[in.q.text_len] = 0;
	if (m.msg_controllen >= CMSG_LEN(sizeof(struct ucred)) && CMSG_FIRSTHDR(&m)->cmsg_type == SCM_CREDENTIALS)
		pid = ((struct ucred *)(void *)CMSG_DATA(CMSG_FIRSTHDR(&m)))->pid;
	serve(c, &in.q, in.text, pid);
	return 1;
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct client *c = NULL;

		for (unsigned i = 0; i < nclients && !c; i++) {
			if (clients[i].pid == pid)
				c = &clients[i];
		}
		if (!c && norphans < CLIENTS) {
			orphans[norphans].pid = pid;
			orphans[norphans++].status = status;
			continue;
		}
		if (c) {
			while (c->fd >= 0 && serve_one(c))
				;
			report_death(c, status);
		}
	}
}

/* Stops and continues the picoprocesses, by what it reads of the parent's children. */
static void run_stopper(void)
{
	char path[64], text[65536];
	struct timespec ts = { 0, 0 };
	pid_t me = getpid(), parent = getppid();

	for (unsigned seed = 1;; seed = seed * 1103515245 + 12345) {
		int fd, n;

		snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
		fd = open(path, O_RDONLY);
		n = fd >= 0 ? (int)read(fd, text, sizeof text - 1) : -1;
		if (n < 0)
			_exit(0);
		close(fd);
		text[n] = 0;
		for (char *p = text; *p;) {
			pid_t pid = (pid_t)strtol(p, &p, 10);

			while (*p == ' ')
				p++;
			if (pid <= 0 || pid == me)
				continue;
			kill(pid, SIGSTOP);
			ts.tv_nsec = (seed >> 16) % 300000;
			nanosleep(&ts, NULL);
			kill(pid, SIGCONT);
		}
		ts.tv_nsec = (seed >> 8) % 1500000;
		nanosleep(&ts, NULL);
		if (getppid() != parent)
			_exit(0);
	}
}

static void loop(void)
{
	static struct pollfd fds[CLIENTS];
	static unsigned who[CLIENTS];
	struct timespec tick = { 0, 20000000 };
	sigset_t none;

	sigemptyset(&none);
	for (;;) {
		unsigned n = 0;

		for (unsigned i = 0; i < nclients; i++) {
			if (clients[i].fd < 0)
				continue;
			fds[n] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
			who[n++] = i;
		}
		if (ppoll(fds, n, &tick, &none) > 0) {
			for (unsigned i = 0; i < n; i++) {
				if (fds[i].revents && clients[who[i]].fd == fds[i].fd)
					(void)serve_one(&clients[who[i]]);
			}
		}
		reap();
	}
}

static void on_child(int sig)
{
	(void)sig;
}

int main(int argc, char **argv)
{
	int opt, seconds = 60, storm = 0;
	uint64_t parameter = 0;
	sigset_t set;
	struct sigaction sa = { .sa_handler = on_child };

	while ((opt = getopt(argc, argv, "t:sx:p:v")) != -1) {
		char *eq;

		switch (opt) {
		case 't':
			seconds = atoi(optarg);
			break;
		case 's':
			storm = 1;
			break;
		case 'v':
			verbose = 1;
			break;
		case 'p':
			parameter = strtoull(optarg, NULL, 0);
			break;
		case 'x':
			eq = strchr(optarg, '=');
			if (eq) {
				*eq = 0;
				snprintf(ext_args[next_count], sizeof ext_args[0], "%s", eq + 1);
			}
			ext_fds[next_count] = open(optarg, O_RDONLY | O_CLOEXEC);
			if (ext_fds[next_count++] < 0)
				die(optarg);
			break;
		default:
			return 98;
		}
	}
	if (argc - optind != 2)
		return 98;
	pal_path = argv[optind];
	personality_fd = open(argv[optind + 1], O_RDONLY | O_CLOEXEC);
	if (personality_fd < 0)
		die(argv[optind + 1]);
	arena_fd = memfd("arena", ARENA_SIZE);
	data_fd = memfd("data", DATA_SIZE);
	shared_fd = memfd("pal", PALSHARED_SIZE);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, deaths) < 0)
		die("socketpair");
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGCHLD, &sa, NULL);
	signal(SIGALRM, on_alarm);
	alarm((unsigned)seconds);
	launch(0, parameter);
	if (storm) {
		stopper = fork();
		if (stopper == 0)
			run_stopper();
	}
	loop();
}
