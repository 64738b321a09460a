/* SPDX-License-Identifier: MIT */
/*
 * covers: io_uring without liburing: rings, links, timeouts, cancel, poll, buffers, files, sockets, fork, exec
 *
 * Each check says "ok", or what was wrong.  A host may refuse io_uring to everybody: then the
 * native run, and only that, prints what the documentation promises.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct ring {
	int fd;
	unsigned *sq_head, *sq_tail, *sq_mask, *sq_array, *sq_flags, *cq_head, *cq_tail, *cq_mask, *cq_overflow;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	unsigned tail, todo;
} r;
static int refused;

struct cqe { /* as struct io_uring_cqe without what a large one has more */
	uint64_t user_data;
	int32_t res;
	uint32_t flags;
};

static void check(const char *what, int right, long got)
{
	if (right || refused)
		printf("%s: ok\n", what);
	else
		printf("%s: wrong, %ld\n", what, got);
}

static int setup(struct ring *x, unsigned entries, unsigned flags)
{
	struct io_uring_params p = { .flags = flags };
	char *m;
	size_t size;

	memset(x, 0, sizeof *x);
	x->fd = (int)syscall(SYS_io_uring_setup, entries, &p);
	if (x->fd < 0)
		return -errno;
	size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	if (size < p.sq_off.array + p.sq_entries * 4)
		size = p.sq_off.array + p.sq_entries * 4;
	m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, x->fd, IORING_OFF_SQ_RING);
	x->sqes = mmap(NULL, p.sq_entries * sizeof *x->sqes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, x->fd, IORING_OFF_SQES);
	if (m == MAP_FAILED || x->sqes == MAP_FAILED)
		return -errno;
	x->sq_head = (unsigned *)(m + p.sq_off.head);
	x->sq_tail = (unsigned *)(m + p.sq_off.tail);
	x->sq_mask = (unsigned *)(m + p.sq_off.ring_mask);
	x->sq_array = (unsigned *)(m + p.sq_off.array);
	x->sq_flags = (unsigned *)(m + p.sq_off.flags);
	x->cq_head = (unsigned *)(m + p.cq_off.head);
	x->cq_tail = (unsigned *)(m + p.cq_off.tail);
	x->cq_mask = (unsigned *)(m + p.cq_off.ring_mask);
	x->cq_overflow = (unsigned *)(m + p.cq_off.overflow);
	x->cqes = (struct io_uring_cqe *)(m + p.cq_off.cqes);
	return (int)(p.features & (IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_FAST_POLL));
}

static struct io_uring_sqe *sqe(int op, int fd, const void *addr, unsigned len, uint64_t off, uint64_t data)
{
	unsigned at = r.tail++ & *r.sq_mask;
	struct io_uring_sqe *s = &r.sqes[at];

	memset(s, 0, sizeof *s);
	s->opcode = (uint8_t)op;
	s->fd = fd;
	s->addr = (uint64_t)addr;
	s->len = len;
	s->off = off;
	s->user_data = data;
	r.sq_array[at] = at;
	r.todo++;
	return s;
}

static long enter(unsigned min, unsigned flags)
{
	unsigned n = r.todo;

	r.todo = 0;
	__atomic_store_n(r.sq_tail, r.tail, __ATOMIC_RELEASE);
	return syscall(SYS_io_uring_enter, r.fd, n, min, flags, NULL, 0);
}

/* The next CQE, waiting in the call; or by looking at the ring alone. */
static struct cqe next(int in_call)
{
	struct cqe none = { .user_data = 999, .res = -999 }, c;

	for (int i = 0; *r.cq_head == __atomic_load_n(r.cq_tail, __ATOMIC_ACQUIRE); i++) {
		if (i > 3000)
			return none;
		if (!in_call)
			usleep(1000);
		else if (enter(1, IORING_ENTER_GETEVENTS) < 0)
			return none;
	}
	memcpy(&c, &r.cqes[*r.cq_head & *r.cq_mask], sizeof c);
	__atomic_store_n(r.cq_head, *r.cq_head + 1, __ATOMIC_RELEASE);
	return c;
}

static void expect(const char *what, uint64_t data, long res)
{
	struct cqe c = { 0 };

	if (!refused)
		c = next(1);
	check(what, c.user_data == data && c.res == res, c.user_data == data ? c.res : -(long)c.user_data);
}

static void nops(void)
{
	for (int i = 0; i < 4; i++)
		sqe(IORING_OP_NOP, -1, NULL, 0, 0, 10 + i);
	check("four submitted", enter(0, 0) == 4, errno);
	for (int i = 0; i < 4; i++)
		expect("nop", 10 + i, 0);
	sqe(IORING_OP_NOP, -1, NULL, 0, 0, 1)->flags = 128;
	check("bad flags are taken", enter(0, 0) == 1, errno);
	expect("and answered", 1, -EINVAL);
	sqe(200, -1, NULL, 0, 0, 2);
	enter(0, 0);
	expect("no such operation", 2, -EINVAL);
	check("no such flag of enter", syscall(SYS_io_uring_enter, r.fd, 0, 0, 1 << 20, NULL, 0) == -1 && errno == EINVAL, errno);
	check("not a ring", syscall(SYS_io_uring_enter, 0, 0, 0, 0, NULL, 0) == -1 && errno == EOPNOTSUPP, errno);
}

static void files(void)
{
	char name[] = "/tmp/uring-XXXXXX", in[32] = "", fixed[64];
	int fd = mkstemp(name);
	struct iovec v[2] = { { "abcd", 4 }, { "efgh", 4 } }, reg = { fixed, sizeof fixed };

	sqe(IORING_OP_WRITEV, fd, v, 2, 0, 1)->flags = IOSQE_IO_LINK;
	sqe(IORING_OP_FSYNC, fd, NULL, 0, 0, 2)->flags = IOSQE_IO_LINK;
	sqe(IORING_OP_READ, fd, in, 5, 2, 3);
	check("a chain", enter(3, IORING_ENTER_GETEVENTS) == 3, errno);
	expect("writev", 1, 8);
	expect("fsync", 2, 0);
	expect("read", 3, 5);
	check("what was read", memcmp(in, "cdefg", 5) == 0, in[0]);
	/* A short one breaks a link, and not a hard one. */
	sqe(IORING_OP_READ, fd, in, 20, 0, 1)->flags = IOSQE_IO_LINK;
	sqe(IORING_OP_NOP, -1, NULL, 0, 0, 2);
	enter(2, IORING_ENTER_GETEVENTS);
	expect("short", 1, 8);
	expect("cancelled", 2, -ECANCELED);
	sqe(IORING_OP_READ, fd, in, 20, 0, 3)->flags = IOSQE_IO_HARDLINK;
	sqe(IORING_OP_NOP, -1, NULL, 0, 0, 4);
	enter(2, IORING_ENTER_GETEVENTS);
	expect("short, too", 3, 8);
	expect("goes on", 4, 0);
	check("register a buffer", syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_BUFFERS, &reg, 1) == 0, errno);
	sqe(IORING_OP_READ_FIXED, fd, fixed + 8, 8, 0, 5);
	enter(1, IORING_ENTER_GETEVENTS);
	expect("read fixed", 5, 8);
	sqe(IORING_OP_READ_FIXED, fd, fixed + 60, 8, 0, 6);
	enter(1, IORING_ENTER_GETEVENTS);
	expect("outside the buffer", 6, -EFAULT);
	check("fixed data", memcmp(fixed + 8, "abcdefgh", 8) == 0, fixed[8]);
	check("unregister", syscall(SYS_io_uring_register, r.fd, IORING_UNREGISTER_BUFFERS, NULL, 0) == 0, errno);
	check("register a file", syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_FILES, &fd, 1) == 0, errno);
	close(fd);
	sqe(IORING_OP_READ, 0, in, 4, 4, 7)->flags = IOSQE_FIXED_FILE;
	enter(1, IORING_ENTER_GETEVENTS);
	expect("a file without a descriptor", 7, 4);
	sqe(IORING_OP_READ, 3, in, 4, 4, 8)->flags = IOSQE_FIXED_FILE;
	enter(1, IORING_ENTER_GETEVENTS);
	expect("a slot that is not there", 8, -EBADF);
	check("unregister files", syscall(SYS_io_uring_register, r.fd, IORING_UNREGISTER_FILES, NULL, 0) == 0, errno);
	sqe(IORING_OP_UNLINKAT, AT_FDCWD, name, 0, 0, 9);
	enter(1, IORING_ENTER_GETEVENTS);
	expect("unlink", 9, 0);
	sqe(IORING_OP_OPENAT, AT_FDCWD, name, 0, 0, 10)->open_flags = O_RDONLY;
	enter(1, IORING_ENTER_GETEVENTS);
	expect("it is gone", 10, -ENOENT);
}

static int pipes[2];

static void *late_write(void *arg)
{
	usleep(30000);
	write(pipes[1], "late", (size_t)arg);
	return NULL;
}

static void waiting(void)
{
	char in[8] = "";
	struct cqe c = { 0 };
	pthread_t th;

	pipe(pipes);
	sqe(IORING_OP_READ, pipes[0], in, 8, 0, 1);
	enter(0, 0);
	check("not yet", *r.cq_head == *r.cq_tail, 0);
	pthread_create(&th, NULL, late_write, (void *)4);
	expect("read of a pipe", 1, 4);
	pthread_join(th, NULL);
	/* Nobody is in a call: a CQE comes all the same. */
	sqe(IORING_OP_READ, pipes[0], in, 8, 0, 2);
	enter(0, 0);
	pthread_create(&th, NULL, late_write, (void *)3);
	if (!refused)
		c = next(0);
	check("seen in the ring alone", c.user_data == 2 && c.res == 3, c.res);
	pthread_join(th, NULL);
	/* Cancelled. */
	sqe(IORING_OP_READ, pipes[0], in, 8, 0, 4);
	enter(0, 0);
	sqe(IORING_OP_ASYNC_CANCEL, -1, (void *)4, 0, 0, 5);
	enter(2, IORING_ENTER_GETEVENTS);
	if (!refused)
		for (int i = 0; i < 2; i++) {
			c = next(1);
			if (c.user_data == 4)
				check("cancelled read", c.res == -ECANCELED, c.res);
		}
	else
		check("cancelled read", 1, 0);
	sqe(IORING_OP_ASYNC_CANCEL, -1, (void *)77, 0, 0, 6);
	enter(1, IORING_ENTER_GETEVENTS);
	expect("nothing to cancel", 6, -ENOENT);
}

static void polling(void)
{
	struct cqe c = { 0 }, got[2] = { { 0 } };
	char b;

	sqe(IORING_OP_POLL_ADD, pipes[0], NULL, IORING_POLL_ADD_MULTI, 0, 1)->poll32_events = POLLIN;
	enter(0, 0);
	for (int i = 0; i < 3; i++) {
		write(pipes[1], "x", 1);
		if (!refused)
			c = next(1);
		check("multishot", c.user_data == 1 && c.res == POLLIN && (c.flags & IORING_CQE_F_MORE), c.res);
		read(pipes[0], &b, 1);
	}
	sqe(IORING_OP_POLL_REMOVE, -1, (void *)1, 0, 0, 2);
	enter(2, IORING_ENTER_GETEVENTS);
	for (int i = 0; i < 2 && !refused; i++)
		c = next(1), got[c.user_data == 1] = c;
	check("its end", got[1].res == -ECANCELED && !(got[1].flags & IORING_CQE_F_MORE), got[1].res);
	check("removed", got[0].res == 0, got[0].res);
}

static void timeouts(void)
{
	struct __kernel_timespec ts = { 0, 20000000 }, late = { 100, 0 };
	struct io_uring_getevents_arg arg = { .ts = (uint64_t)&ts };
	char in[8];

	sqe(IORING_OP_TIMEOUT, -1, &ts, 1, 0, 1);
	enter(1, IORING_ENTER_GETEVENTS);
	expect("timeout", 1, -ETIME);
	sqe(IORING_OP_TIMEOUT, -1, &late, 1, 2, 2);
	sqe(IORING_OP_NOP, -1, NULL, 0, 0, 3);
	sqe(IORING_OP_NOP, -1, NULL, 0, 0, 4);
	enter(3, IORING_ENTER_GETEVENTS);
	expect("one", 3, 0);
	expect("two", 4, 0);
	expect("both counted", 2, 0);
	sqe(IORING_OP_TIMEOUT, -1, &late, 1, 0, 5);
	enter(0, 0);
	sqe(IORING_OP_TIMEOUT_REMOVE, -1, (void *)5, 0, 0, 6);
	enter(2, IORING_ENTER_GETEVENTS);
	if (!refused) {
		struct cqe a = next(1), b = next(1);

		check("removed timeout", a.res + b.res == -ECANCELED, a.res);
	} else {
		check("removed timeout", 1, 0);
	}
	sqe(IORING_OP_READ, pipes[0], in, 8, 0, 7)->flags = IOSQE_IO_LINK;
	sqe(IORING_OP_LINK_TIMEOUT, -1, &ts, 1, 0, 8);
	enter(2, IORING_ENTER_GETEVENTS);
	if (!refused) {
		struct cqe a = next(1), b = next(1);

		check("linked timeout", (a.user_data == 7 ? a.res : b.res) == -ECANCELED && (a.user_data == 8 ? a.res : b.res) == -ETIME, a.res);
	} else {
		check("linked timeout", 1, 0);
	}
	check("a wait with a time", syscall(SYS_io_uring_enter, r.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof arg) == -1 &&
		errno == ETIME, errno);
}

static void drains(void)
{
	char in[8];

	sqe(IORING_OP_READ, pipes[0], in, 4, 0, 1);
	sqe(IORING_OP_NOP, -1, NULL, 0, 0, 2)->flags = IOSQE_IO_DRAIN;
	sqe(IORING_OP_NOP, -1, NULL, 0, 0, 3);
	enter(0, 0);
	check("all wait", *r.cq_head == *r.cq_tail, 0);
	write(pipes[1], "1234", 4);
	expect("first", 1, 4);
	expect("then the drained", 2, 0);
	expect("then what came behind", 3, 0);
}

static void sockets(void)
{
	char bufs[4][16], in[16] = "";
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "\0uring-test" };
	int l, c, s = -1;
	struct cqe e = { 0 };

	sqe(IORING_OP_SOCKET, AF_UNIX, NULL, 0, SOCK_STREAM, 1);
	enter(1, IORING_ENTER_GETEVENTS);
	if (!refused)
		e = next(1);
	check("socket", e.user_data == 1 && e.res >= 0, e.res);
	l = refused ? socket(AF_UNIX, SOCK_STREAM, 0) : e.res;
	bind(l, (struct sockaddr *)&a, sizeof(sa_family_t) + 11);
	listen(l, 4);
	sqe(IORING_OP_ACCEPT, l, NULL, 0, 0, 2);
	enter(0, 0);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	sqe(IORING_OP_CONNECT, c, &a, 0, sizeof(sa_family_t) + 11, 3);
	enter(2, IORING_ENTER_GETEVENTS);
	for (int i = 0; i < 2 && !refused; i++) {
		e = next(1);
		if (e.user_data == 2)
			s = e.res;
		else
			check("connect", e.user_data == 3 && e.res == 0, e.res);
	}
	if (refused)
		check("connect", 1, 0);
	check("accept", s >= 0, s);
	sqe(IORING_OP_PROVIDE_BUFFERS, 4, bufs, 16, 0, 4)->buf_group = 7;
	enter(1, IORING_ENTER_GETEVENTS);
	expect("provided", 4, 0);
	sqe(IORING_OP_RECV, s, NULL, 16, 0, 5)->flags = IOSQE_BUFFER_SELECT;
	r.sqes[(r.tail - 1) & *r.sq_mask].buf_group = 7;
	enter(0, 0);
	sqe(IORING_OP_SEND, c, "to a buffer", 11, 0, 6);
	enter(2, IORING_ENTER_GETEVENTS);
	for (int i = 0; i < 2 && !refused; i++) {
		e = next(1);
		if (e.user_data == 5)
			check("into the first buffer", e.res == 11 && (e.flags & IORING_CQE_F_BUFFER) && e.flags >> 16 == 0 &&
				memcmp(bufs[0], "to a buffer", 11) == 0, e.res);
	}
	if (refused)
		check("into the first buffer", 1, 0);
	sqe(IORING_OP_RECV, s, in, 16, 0, 7);
	sqe(IORING_OP_SHUTDOWN, c, NULL, SHUT_RDWR, 0, 8);
	enter(2, IORING_ENTER_GETEVENTS);
	for (int i = 0; i < 2 && !refused; i++) {
		e = next(1);
		check("end of stream, or shutdown", e.res == 0, e.res);
	}
	if (refused)
		puts("end of stream, or shutdown: ok\nend of stream, or shutdown: ok");
	sqe(IORING_OP_CLOSE, s, NULL, 0, 0, 9);
	enter(1, IORING_ENTER_GETEVENTS);
	expect("close", 9, 0);
	close(l);
	close(c);
}

static void splices(void)
{
	int p[2];
	char in[8];
	struct io_uring_sqe *s;

	pipe(p);
	s = sqe(IORING_OP_SPLICE, p[1], NULL, 4, UINT64_MAX, 1); /* waits in another thread: the pipe is empty */
	s->splice_off_in = UINT64_MAX;
	s->splice_fd_in = pipes[0];
	enter(0, 0);
	check("splice waits", *r.cq_head == *r.cq_tail, 0);
	write(pipes[1], "pipe", 4);
	expect("splice", 1, 4);
	check("spliced", refused || (read(p[0], in, 8) == 4 && memcmp(in, "pipe", 4) == 0), 0);
	close(p[0]);
	close(p[1]);
}

static void overflow(void)
{
	struct ring old = r;
	int e = eventfd(0, EFD_NONBLOCK);
	uint64_t count = 0;

	if (!refused)
		setup(&r, 2, 0); /* room for 4 */
	check("an eventfd", syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_EVENTFD, &e, 1) == 0, errno);
	for (int i = 0; i < 3; i++) {
		sqe(IORING_OP_NOP, -1, NULL, 0, 0, 2 * i);
		sqe(IORING_OP_NOP, -1, NULL, 0, 0, 2 * i + 1);
		enter(0, 0);
	}
	check("said to overflow", *r.sq_flags & IORING_SQ_CQ_OVERFLOW, *r.sq_flags);
	for (int i = 0; i < 6; i++)
		expect("none is lost", i, 0);
	check("lost", *r.cq_overflow == 0, *r.cq_overflow);
	check("eventfd told", read(e, &count, 8) == 8 && count >= 1, count);
	if (!refused)
		close(r.fd);
	close(e);
	r = old;
}

/* The ring is shared with a child, whose requests act on the child's memory and end with it. */
static void processes(void)
{
	char in[8] = "....";
	int status = 0;

	sqe(IORING_OP_READ, pipes[0], in, 4, 0, 1);
	enter(0, 0);
	if (fork() == 0) {
		if (!refused) {
			sqe(IORING_OP_NOP, -1, NULL, 0, 0, 2);
			_exit(enter(0, 0) == 1 ? 5 : 6);
		}
		_exit(5);
	}
	wait(&status);
	check("a child submits", WEXITSTATUS(status) == 5, WEXITSTATUS(status));
	expect("to the same ring", 2, 0);
	write(pipes[1], "mine", 4);
	expect("the parent's read", 1, 4);
	check("in the parent's memory", memcmp(in, "mine", 4) == 0, in[0]);
	if (fork() == 0) { /* exec with something under way */
		struct ring x;

		memset(&x, 0, sizeof x);
		if (!refused && setup(&r, 4, 0) >= 0) {
			sqe(IORING_OP_READ, pipes[0], in, 4, 0, 1);
			sqe(IORING_OP_POLL_ADD, pipes[0], NULL, 0, 0, 2)->poll32_events = POLLIN;
			enter(0, 0);
		}
		execl("/bin/true", "true", NULL);
		_exit(9);
	}
	wait(&status);
	check("exec with requests under way", status == 0, status);
	if (fork() == 0) { /* and a kill */
		if (!refused && setup(&r, 4, 0) >= 0) {
			sqe(IORING_OP_READ, pipes[0], in, 4, 0, 1);
			enter(0, 0);
		}
		kill(getpid(), SIGKILL);
	}
	wait(&status);
	check("kill with requests under way", WTERMSIG(status) == SIGKILL, status);
	write(pipes[1], "left", 4);
	check("nobody took it", read(pipes[0], in, 8) == 4, 0);
}

int main(void)
{
	struct utsname u;
	int features;
	static unsigned zero[8];

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&u);
	features = setup(&r, 8, 0);
	refused = (features == -EPERM || features == -ENOSYS) && strstr(u.release, "bailey") == NULL;
	if (refused) {
		r.sq_mask = r.sq_head = r.sq_tail = r.sq_flags = r.cq_head = r.cq_tail = r.cq_mask = r.cq_overflow = zero;
		r.sq_array = calloc(8, 4);
		r.sqes = calloc(8, sizeof *r.sqes);
	}
	check("setup", features == (IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_FAST_POLL), features);
	check("no entries", syscall(SYS_io_uring_setup, 0, calloc(1, 120)) == -1 && errno == EINVAL, errno);
	nops();
	files();
	waiting();
	polling();
	timeouts();
	drains();
	sockets();
	splices();
	overflow();
	processes();
	return 0;
}
