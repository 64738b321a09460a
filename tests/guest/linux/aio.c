/* SPDX-License-Identifier: MIT */
/* covers: io_setup io_destroy io_submit io_getevents io_pgetevents io_cancel, the ring libaio reads, eventfds */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

struct ring {
	unsigned id, nr, head, tail, magic, compat, incompat, header_length;
	struct io_event event[];
};

static aio_context_t ctx;

static void res(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : "ok");
}

static long submit(struct iocb *cb)
{
	struct iocb *list[1] = { cb };

	return syscall(SYS_io_submit, ctx, 1l, list);
}

static struct iocb make(int op, int fd, void *buf, uint64_t n, int64_t off)
{
	struct iocb cb = { .aio_data = 7, .aio_lio_opcode = (uint16_t)op, .aio_fildes = (uint32_t)fd, .aio_buf = (uint64_t)buf,
		.aio_nbytes = n, .aio_offset = off };

	return cb;
}

static void take(const char *what, long min)
{
	struct io_event e[8];
	struct timespec ts = { 2, 0 };
	long n = syscall(SYS_io_getevents, ctx, min, 8l, e, &ts);

	printf("%s: %ld events", what, n);
	for (long i = 0; i < n; i++)
		printf(" %lld/%lld/%lld", (long long)e[i].data, (long long)e[i].res, (long long)e[i].res2);
	puts("");
}

static void contexts(void)
{
	aio_context_t other = 0;

	res("setup 0", syscall(SYS_io_setup, 0, &other));
	res("setup far too many", syscall(SYS_io_setup, 0x7fffffff, &other));
	res("setup over the limit", syscall(SYS_io_setup, 1 << 20, &other));
	res("setup nowhere", syscall(SYS_io_setup, 1, (void *)8));
	res("setup", syscall(SYS_io_setup, 4, &ctx));
	other = ctx;
	res("setup used", syscall(SYS_io_setup, 4, &other));
	printf("magic %x head %u tail %u room %d\n", ((struct ring *)ctx)->magic, ((struct ring *)ctx)->head, ((struct ring *)ctx)->tail,
		((struct ring *)ctx)->nr > 8);
	res("destroy other", syscall(SYS_io_destroy, 4096l));
}

static void files(void)
{
	char name[] = "/tmp/aio-XXXXXX", buf[16] = "hello, aio", in[16] = "";
	struct iovec v[2] = { { in, 5 }, { in + 8, 5 } };
	int fd = mkstemp(name);
	struct iocb cb = make(IOCB_CMD_PWRITE, fd, buf, 10, 0), bad;
	struct iocb *many[3];

	unlink(name);
	res("write", submit(&cb));
	take("written", 1);
	cb = make(IOCB_CMD_PREADV, fd, v, 2, 0);
	res("readv", submit(&cb));
	take("read", 1);
	printf("[%.5s][%.5s]\n", in, in + 8);
	cb = make(IOCB_CMD_FDSYNC, fd, NULL, 0, 0);
	res("fdsync", submit(&cb));
	take("synced", 1);
	bad = make(IOCB_CMD_NOOP, fd, NULL, 0, 0);
	res("noop", submit(&bad));
	bad = make(IOCB_CMD_PREAD, 77, in, 1, 0);
	res("bad fd", submit(&bad));
	bad = make(IOCB_CMD_PREAD, fd, in, 1, 0);
	bad.aio_reserved2 = 1;
	res("reserved", submit(&bad));
	bad = make(IOCB_CMD_PREAD, fd, in, 1, -1);
	res("negative", submit(&bad));
	cb = make(IOCB_CMD_PREAD, fd, in, 4, 3);
	bad = make(99, fd, NULL, 0, 0);
	many[0] = &cb;
	many[1] = &bad;
	many[2] = &cb;
	res("two of three are right", syscall(SYS_io_submit, ctx, 3l, many));
	take("one", 0);
	res("nothing", syscall(SYS_io_submit, ctx, 0l, many));
	close(fd);
}

static void *wake(void *arg)
{
	usleep(30000);
	write(*(int *)arg, "x", 1);
	return NULL;
}

static void polls(void)
{
	int p[2], e = eventfd(0, 0);
	struct iocb cb;
	struct io_event ev;
	struct pollfd pfd = { e, POLLIN };
	uint64_t count = 0;
	pthread_t th;
	int n = 0;

	pipe(p);
	cb = make(IOCB_CMD_POLL, p[0], (void *)POLLIN, 0, 0);
	cb.aio_flags = IOCB_FLAG_RESFD;
	cb.aio_resfd = (uint32_t)e;
	res("poll", submit(&cb));
	take("not yet", 0);
	pthread_create(&th, NULL, wake, &p[1]);
	take("ready", 1);
	pthread_join(th, NULL);
	read(e, &count, 8);
	printf("eventfd %lu\n", (unsigned long)count);
	read(p[0], &count, 1);
	/* Nobody waits in a call: the eventfd, and the ring, tell all the same. */
	res("poll again", submit(&cb));
	pthread_create(&th, NULL, wake, &p[1]);
	printf("eventfd ready %d\n", poll(&pfd, 1, 2000));
	while (__atomic_load_n(&((struct ring *)ctx)->tail, __ATOMIC_ACQUIRE) == __atomic_load_n(&((struct ring *)ctx)->head, __ATOMIC_ACQUIRE) &&
		n++ < 1000)
		usleep(1000);
	pthread_join(th, NULL);
	take("by the ring", 0);
	read(p[0], &count, 1);
	res("poll to cancel", submit(&cb));
	res("cancel", syscall(SYS_io_cancel, ctx, &cb, &ev));
	take("cancelled", 1);
	res("cancel again", syscall(SYS_io_cancel, ctx, &cb, &ev));
	res("poll to die", submit(&cb));
	close(p[0]);
	close(p[1]);
	close(e);
}

static void nothing(int sig)
{
	(void)sig;
}

static void limits(void)
{
	struct io_event e[2];
	struct timespec ts = { 0, 20000000 };
	struct sigaction sa = { .sa_handler = nothing };

	res("none in time", syscall(SYS_io_getevents, ctx, 1l, 2l, e, &ts));
	res("more than fit", syscall(SYS_io_getevents, ctx, 3l, 2l, e, &ts));
	res("less than none", syscall(SYS_io_getevents, ctx, -1l, 2l, e, &ts));
	sigaction(SIGALRM, &sa, NULL);
	ualarm(20000, 20000); /* again and again: on a busy machine the first may come before the call */
	res("a signal", syscall(SYS_io_getevents, ctx, 1l, 2l, e, NULL));
	ualarm(0, 0);
}

int main(void)
{
	int status;

	setvbuf(stdout, NULL, _IONBF, 0);
	contexts();
	files();
	polls();
	limits();
	if (fork() == 0) {
		struct io_event e;

		res("child's getevents", syscall(SYS_io_getevents, ctx, 0l, 1l, &e, NULL));
		_exit(3);
	}
	wait(&status);
	printf("child %d\n", WEXITSTATUS(status));
	res("destroy", syscall(SYS_io_destroy, ctx));
	res("destroy again", syscall(SYS_io_destroy, ctx));
	return 0;
}
