/* SPDX-License-Identifier: MIT */
/*
 * monitor/loop.c - the loop thread.
 *
 * Waits with epoll for channels, signals, results of workers, the launcher.  After
 * something happened it looks again a bounded while before it sleeps: the next
 * request of a busy picoprocess mostly comes within microseconds, and being woken
 * on another CPU costs tens of them.  Without work it sleeps for good.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "monitor/monitor.h"

#define SPIN_NS  50000  /* after an event the loop looks for the next one so long before it sleeps, */
#define BUSY_NS  250000 /* or so long while they come at that pace: waking a CPU costs both sides 15 us */
#define BUSY_MIN 4      /* events at that pace that make it believe in it */
#define TICK_NS 100000000ull

static int epoll_fd = -1, signal_fd = -1;
static bool crowded; /* several events at a time: changes are made side by side */

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t coarse_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static void control(int op, int fd, uint32_t what, uint64_t number, bool write)
{
	struct epoll_event e = { .events = EPOLLIN | (write ? EPOLLOUT : 0), .data.u64 = (uint64_t)what << 56 | number };

	if (epoll_ctl(epoll_fd, op, fd, &e) < 0 && op != EPOLL_CTL_DEL)
		log_line(DK_LOG_ERROR, "cannot watch a descriptor: %s", strerror(errno));
}

void loop_add(int fd, uint32_t what, uint64_t number)
{
	control(EPOLL_CTL_ADD, fd, what, number, false);
}

void loop_add_priority(int fd, uint32_t what, uint64_t number)
{
	struct epoll_event e = { .events = EPOLLPRI, .data.u64 = (uint64_t)what << 56 | number };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
		log_line(DK_LOG_ERROR, "cannot watch a descriptor: %s", strerror(errno));
}

void loop_set_write(int fd, uint32_t what, uint64_t number, bool write)
{
	control(EPOLL_CTL_MOD, fd, what, number, write);
}

void loop_remove(int fd)
{
	control(EPOLL_CTL_DEL, fd, 0, 0, false);
}

/* Signals that a terminal or a user sends to the command go on to the program. */
static const int forwarded[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH, SIGUSR1, SIGUSR2 };

void loop_init(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (unsigned i = 0; i < ARRAY_LEN(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (signal_fd < 0 || epoll_fd < 0)
		fail("cannot make the loop's descriptors: the limit of open files (ulimit -n) is too low");
	loop_add(signal_fd, LOOP_SIGNAL, 0);
}

static void take_signals(void)
{
	struct signalfd_siginfo s[8];
	ssize_t n;

	do {
		n = read(signal_fd, s, sizeof s);
		for (size_t i = 0; i < (size_t)(n > 0 ? n : 0) / sizeof s[0]; i++) {
			struct mon_death note = { .wait_status = s[i].ssi_signo, .kind = MON_NOTE_SIGNAL };

			if (s[i].ssi_signo == SIGCHLD)
				pico_reap((pid_t)s[i].ssi_pid);
			else
				deaths_note(&note), pico_want_kproc();
		}
	} while (n == (ssize_t)sizeof s);
}

static void take_results(void)
{
	struct job *j;

	worker_poked();
	while ((j = worker_take()) != NULL)
		channel_job_done(j);
	tree_serve();
}

static void handle(uint64_t tag)
{
	uint64_t number = tag & 0xffffffffffffffull;
	struct pico *p;

	switch (tag >> 56) {
	case LOOP_CHANNEL:
		p = pico_find(number);
		if (p)
			channel_receive(p);
		break;
	case LOOP_SIGNAL:
		take_signals();
		break;
	case LOOP_WORKER:
		take_results();
		break;
	case LOOP_LAUNCHER:
		sandbox_launcher_event();
		break;
	case LOOP_DEATHS:
		deaths_flush();
		break;
	case LOOP_MEMORY:
		memwatch_event();
		break;
	case LOOP_KEPT:
		keep_event();
		break;
	case LOOP_NET:
		number ? net_broker_event() : net_event();
		break;
	case LOOP_CONTROL:
	case LOOP_CLIENT:
	case LOOP_TRACER:
		control_event((uint32_t)(tag >> 56));
		break;
	}
}

static int timeout_ms(void)
{
	int all[] = { pico_timeout_ms(), state_timeout_ms(), affinity_timeout_ms(), control_timeout_ms(), memwatch_timeout_ms(), deaths_timeout_ms() }, least = -1;

	for (unsigned i = 0; i < ARRAY_LEN(all); i++)
		if (all[i] >= 0 && (least < 0 || all[i] < least))
			least = all[i];
	return least;
}

static void tick(void)
{
	pico_tick();
	state_tick();
	affinity_tick();
	control_tick();
	memwatch_tick();
}

static struct job *later; /* what this thread itself is to do when the event is dealt with */

bool loop_later(struct job *j)
{
	if (later || crowded || !baton_may_leave())
		return false;
	later = j;
	return true;
}

/* False: another has become the loop thread meanwhile, and now the caller is again. */
static bool do_later(void)
{
	struct job *j;

	while ((j = later) != NULL) {
		later = NULL;
		if (!baton_work(j)) {
			baton_lost(j);
			return false;
		}
		channel_job_done(j);
	}
	return true;
}

void loop_run(void)
{
	struct epoll_event events[32];
	uint64_t spin_until = 0, tick_at = 0, last = 0;
	unsigned busy = 0;

	for (;;) {
		uint64_t now = now_ns();
		/* A worker at work, or the network's helper, and the one who waits for it have a CPU each before the loop has one to look around on. */
		bool spin = !affinity_gathered() && now < spin_until && host_ncpus() > worker_busy() + net_due() + 1;
		int n;

		if (now >= tick_at) {
			tick(); /* in a busy sandbox too, or a dead clone's parent waits as long as others keep us busy */
			tick_at = now + TICK_NS;
		}
		deaths_tick(now);
		(void)do_later();
		n = epoll_wait(epoll_fd, events, ARRAY_LEN(events), spin ? 0 : timeout_ms());

		if (n < 0 && errno != EINTR)
			fail("the loop cannot wait: %s", strerror(errno));
		crowded = n > 1;
		for (int i = 0; i < n; i++) {
			handle(events[i].data.u64);
			if (!do_later())
				break; /* the others' events are old */
		}
		if (n > 0) {
			now = now_ns();
			busy = now - last > BUSY_NS ? busy / 2 : busy < 2 * BUSY_MIN ? busy + 1 : busy;
			last = now;
			spin_until = now + (busy >= BUSY_MIN ? BUSY_NS : SPIN_NS);
		} else if (spin) {
			sched_yield(); /* whoever else wants this CPU has it */
		} else {
			tick();
		}
	}
}
