/* SPDX-License-Identifier: MIT */
/* bench/scale/ipc.c - N timers, queued signals, System V objects, message queues, keys, asynchronous requests. */
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include "scale.h"

/* ---- Timers ---- */

static const struct itimerspec far = { { 0, 0 }, { 1000, 0 } }, never;

static void timer_fds(int n)
{
	int *fd = malloc(sizeof *fd * (size_t)n);
	struct itimerspec soon = { { 0, 0 }, { 0, 1 } };
	uint64_t times;

	EACH("timerfd_create", n, for (int i = 0; i < n; i++) must((fd[i] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)) >= 0, "timerfd"));
	EACH("timerfd arm", n, for (int i = 0; i < n; i++) { struct itimerspec t = far; t.it_value.tv_sec += any_of(1000); timerfd_settime(fd[i], 0, &t, NULL); });
	TIME("timerfd disarm+arm", 20, int i = any_of(n); timerfd_settime(fd[i], 0, &never, NULL); timerfd_settime(fd[i], 0, &far, NULL));
	TIME("timerfd expire+read", 5, int i = any_of(n); struct pollfd p = { fd[i], POLLIN, 0 }; timerfd_settime(fd[i], 0, &soon, NULL);
		poll(&p, 1, -1); must(read(fd[i], &times, 8) == 8, "read"); timerfd_settime(fd[i], 0, &far, NULL));
	EACH("timerfd close", n, for (int i = 0; i < n; i++) close(fd[i]));
}

void timers(int n)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	timer_t *t = malloc(sizeof *t * (size_t)n), extra;
	struct itimerspec left;
	struct itimerval it = { { 0, 0 }, { 1000, 0 } };

	timer_fds(n);
	EACH("timer_create", n, for (int i = 0; i < n; i++) must(timer_create(CLOCK_MONOTONIC, &ev, &t[i]) == 0, "timer_create"));
	EACH("timer_settime", n, for (int i = 0; i < n; i++) { struct itimerspec x = far; x.it_value.tv_sec += any_of(1000); timer_settime(t[i], 0, &x, NULL); });
	TIME("timer disarm+arm", 20, int i = any_of(n); timer_settime(t[i], 0, &never, NULL); timer_settime(t[i], 0, &far, NULL));
	TIME("timer_gettime", 50, timer_gettime(t[any_of(n)], &left));
	TIME("timer_create+delete", 10, must(timer_create(CLOCK_MONOTONIC, &ev, &extra) == 0, "timer_create"); timer_delete(extra));
	TIME("setitimer", 20, setitimer(ITIMER_REAL, &it, NULL));
	EACH("timer_delete", n, for (int i = 0; i < n; i++) timer_delete(t[i]));
}

/* ---- Signals ---- */

static void nobody(int sig)
{
	(void)sig;
}

void signals(int n)
{
	union sigval v = { 0 };
	struct timespec none = { 0, 0 };
	sigset_t set, one;
	siginfo_t info;

	signal(SIGUSR1, nobody);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigemptyset(&one);
	sigaddset(&one, SIGUSR2);
	EACH("sigqueue", n, for (int i = 0; i < n; i++) must(sigqueue(getpid(), SIGRTMIN + 1, v) == 0, "sigqueue"));
	TIME("raise, N others wait", 20, raise(SIGUSR1));
	TIME("another queued and taken", 20, kill(getpid(), SIGUSR2); must(sigtimedwait(&one, &info, &none) == SIGUSR2, "sigtimedwait"));
	EACH("taken, each", n, for (int i = 0; i < n; i++) must(sigtimedwait(&set, &info, &none) > 0, "sigtimedwait"));
}

/* ---- System V ---- */

static void segments(int n)
{
	int *id = malloc(sizeof *id * (size_t)n), made = 0;
	struct shmid_ds ds;
	void *p;

	n = n > 4000 ? 4000 : n; /* 4,096 is Linux's limit */
	EACH("shmget", n, for (; made < n && (id[made] = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600)) >= 0; made++));
	if (made == n) {
		TIME("shmctl IPC_STAT", 50, shmctl(id[any_of(n)], IPC_STAT, &ds));
		TIME("shmat+shmdt", 10, p = shmat(id[any_of(n)], NULL, 0); shmdt(p));
		TIME("shmget of a new one", 5, int i = any_of(n); shmctl(id[i], IPC_RMID, NULL); id[i] = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600));
	}
	EACH("shm remove", n, for (int i = 0; i < made; i++) shmctl(id[i], IPC_RMID, NULL));
}

static void semaphores(int n)
{
	int *id = malloc(sizeof *id * (size_t)n), made = 0;
	key_t key = getpid() << 15;
	struct sembuf up = { 0, 1, 0 }, undo = { 0, 1, SEM_UNDO };

	EACH("semget by key", n, for (; made < n && (id[made] = semget(key + made, 1, IPC_CREAT | 0600)) >= 0; made++));
	if (made == n) {
		TIME("semget of one there is", 20, semget(key + any_of(n), 1, 0));
		TIME("semop", 50, semop(id[any_of(n)], &up, 1));
		EACH("semop with undo, each its own", n, for (int i = 0; i < n; i++) semop(id[i], &undo, 1));
		TIME("semop with undo", 20, semop(id[any_of(n)], &undo, 1));
	}
	EACH("sem remove", n, for (int i = 0; i < made; i++) semctl(id[i], 0, IPC_RMID));
}

static void big_set(int n)
{
	int id = semget(IPC_PRIVATE, n, IPC_CREAT | 0600);
	struct sembuf up = { 0, 1, 0 };

	if (id < 0)
		return;
	TIME("semop in a set of N", 50, up.sem_num = (unsigned short)any_of(n); semop(id, &up, 1));
	semctl(id, 0, IPC_RMID);
}

static void messages(int n)
{
	struct { long type; char c; } m = { 1, 'x' };
	struct msqid_ds ds;
	int q = msgget(IPC_PRIVATE, IPC_CREAT | 0600), sent = 0;

	must(q >= 0 && msgctl(q, IPC_STAT, &ds) == 0, "msgget");
	ds.msg_qbytes = 1 << 20;
	msgctl(q, IPC_SET, &ds);
	EACH("msgsnd", n, for (; sent < n; sent++) { m.type = sent + 1; if (msgsnd(q, &m, 1, IPC_NOWAIT) < 0) break; });
	if (sent == n) {
		TIME("msgsnd+msgrcv of the first", 20, m.type = 7; msgsnd(q, &m, 1, IPC_NOWAIT); must(msgrcv(q, &m, 1, 0, IPC_NOWAIT) == 1, "msgrcv"));
		EACH("msgrcv", n, for (int i = 0; i < n; i++) msgrcv(q, &m, 1, 0, IPC_NOWAIT));
	}
	msgctl(q, IPC_RMID, NULL);
}

void sysv(int n)
{
	segments(n);
	semaphores(n);
	big_set(n);
	messages(n);
}

void queues(int n)
{
	struct mq_attr a = { .mq_maxmsg = 10, .mq_msgsize = 16 };
	mqd_t *q = malloc(sizeof *q * (size_t)n);
	char name[64], buf[16];
	unsigned prio;

	EACH("mq_open", n, for (int i = 0; i < n; i++) { snprintf(name, sizeof name, "/scale-%d-%d", getpid(), i); q[i] = mq_open(name, O_CREAT | O_RDWR, 0600, &a);
		if (q[i] < 0) { for (int k = 0; k < i; k++) { snprintf(name, sizeof name, "/scale-%d-%d", getpid(), k); mq_unlink(name); } skip("mq_open"); } });
	TIME("mq_send+receive", 20, int i = any_of(n); mq_send(q[i], "x", 1, 1); must(mq_receive(q[i], buf, 16, &prio) == 1, "mq_receive"));
	EACH("mq_unlink", n, for (int i = 0; i < n; i++) { snprintf(name, sizeof name, "/scale-%d-%d", getpid(), i); mq_unlink(name); });
}

/* ---- Keys ---- */

static long key_of(int i)
{
	char name[64];

	snprintf(name, sizeof name, "scale-%d", i);
	return syscall(SYS_add_key, "user", name, "x", 1, KEY_SPEC_PROCESS_KEYRING);
}

static void find_key(int i)
{
	char name[64];

	snprintf(name, sizeof name, "scale-%d", i);
	must(syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_PROCESS_KEYRING, "user", name, 0) > 0, "search");
}

void keys(int n)
{
	long *id = malloc(sizeof *id * (size_t)n);
	char buf[16];

	EACH("add_key", n, for (int i = 0; i < n; i++) must((id[i] = key_of(i)) > 0, "add_key"));
	TIME("search", 20, find_key(any_of(n)));
	TIME("read", 20, must(syscall(SYS_keyctl, KEYCTL_READ, id[any_of(n)], buf, 16) == 1, "read"));
	TIME("update", 20, key_of(any_of(n)));
	EACH("unlink", n, for (int i = 0; i < n; i++) syscall(SYS_keyctl, KEYCTL_UNLINK, id[i], KEY_SPEC_PROCESS_KEYRING));
}

/* ---- Requests ---- */

struct uring {
	int fd;
	unsigned *sq_tail, *sq_array, sq_mask, *cq_head, *cq_tail, cq_mask;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
};

static void uring_open(struct uring *u, unsigned entries)
{
	struct io_uring_params p = { .flags = IORING_SETUP_CQSIZE, .cq_entries = 32768 };
	size_t size;
	char *ring;

	u->fd = (int)syscall(SYS_io_uring_setup, entries, &p);
	must(u->fd >= 0, "io_uring_setup");
	size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	if (size < p.sq_off.array + p.sq_entries * 4)
		size = p.sq_off.array + p.sq_entries * 4;
	ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd, IORING_OFF_SQ_RING);
	u->sqe = mmap(NULL, p.sq_entries * sizeof *u->sqe, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd, IORING_OFF_SQES);
	must(ring != MAP_FAILED && u->sqe != MAP_FAILED, "mmap of the ring");
	u->sq_tail = (void *)(ring + p.sq_off.tail);
	u->sq_array = (void *)(ring + p.sq_off.array);
	u->sq_mask = p.sq_entries - 1;
	u->cq_head = (void *)(ring + p.cq_off.head);
	u->cq_tail = (void *)(ring + p.cq_off.tail);
	u->cq_mask = p.cq_entries - 1;
	u->cqe = (void *)(ring + p.cq_off.cqes);
}

static void put(struct uring *u, int op, int fd, uint64_t addr, unsigned events, uint64_t data)
{
	unsigned tail = *u->sq_tail;
	struct io_uring_sqe *s = &u->sqe[tail & u->sq_mask];

	memset(s, 0, sizeof *s);
	s->opcode = (uint8_t)op;
	s->fd = fd;
	s->addr = addr;
	s->poll32_events = events;
	s->user_data = data;
	u->sq_array[tail & u->sq_mask] = tail & u->sq_mask;
	__atomic_store_n(u->sq_tail, tail + 1, __ATOMIC_RELEASE);
	must(syscall(SYS_io_uring_enter, u->fd, 1, 0, 0, NULL, 0) == 1, "io_uring_enter");
}

static void reap(struct uring *u, unsigned want)
{
	while (*u->cq_head + want > __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE))
		must(syscall(SYS_io_uring_enter, u->fd, 0, want, IORING_ENTER_GETEVENTS, NULL, 0) >= 0, "io_uring_enter");
	__atomic_store_n(u->cq_head, *u->cq_head + want, __ATOMIC_RELEASE);
}

static void aio_polls(int n, int *fd)
{
	struct iocb *cb = calloc((size_t)n, sizeof *cb), *one;
	struct io_event *ev = calloc((size_t)n, sizeof *ev);
	aio_context_t ctx = 0;
	uint64_t v = 1;

	if (syscall(SYS_io_setup, n, &ctx) < 0)
		return;
	EACH("aio poll submit", n, for (int i = 0; i < n; i++) { cb[i] = (struct iocb){ .aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = (unsigned)fd[i], .aio_buf = POLLIN };
		one = &cb[i]; must(syscall(SYS_io_submit, ctx, 1, &one) == 1, "io_submit"); });
	EACH("aio complete", n, for (int i = 0; i < n; i++) must(write(fd[i], &v, 8) == 8 && syscall(SYS_io_getevents, ctx, 1, 1, ev, NULL) == 1, "io_getevents"));
	EACH("aio destroy, each", n, syscall(SYS_io_destroy, ctx));
}

void requests(int n)
{
	struct uring u;
	uint64_t v = 1;
	int *fd = malloc(sizeof *fd * (size_t)n);

	for (int i = 0; i < n; i++)
		must((fd[i] = eventfd(0, 0)) >= 0, "eventfd");
	uring_open(&u, 8);
	EACH("uring poll submit", n, for (int i = 0; i < n; i++) put(&u, IORING_OP_POLL_ADD, fd[i], 0, POLLIN, (uint64_t)i + 1));
	TIME("uring nop", 20, put(&u, IORING_OP_NOP, -1, 0, 0, 0); reap(&u, 1));
	TIME("uring cancel+submit", 5, int i = any_of(n); put(&u, IORING_OP_ASYNC_CANCEL, -1, (uint64_t)i + 1, 0, 0); reap(&u, 2);
		put(&u, IORING_OP_POLL_ADD, fd[i], 0, POLLIN, (uint64_t)i + 1));
	EACH("uring complete", n, for (int i = 0; i < n; i++) { must(write(fd[i], &v, 8) == 8, "write"); reap(&u, 1); must(read(fd[i], &v, 8) == 8, "read"); });
	close(u.fd);
	aio_polls(n, fd);
}
