/* SPDX-License-Identifier: MIT */
/*
 * monitor/worker.c - up to four threads for what may wait for a device.
 *
 * They are made when a job finds none idle and own nothing: a job comes with its
 * own copy of the request, its places judged, and its streams held; its result
 * goes back to the loop thread, which alone changes the monitor's state.  After a
 * job a worker looks for the next one a while before it sleeps, because waking a
 * thread on another CPU can cost more than the job.
 *
 * Flushes, which may take seconds, have a queue of their own and never more than
 * half of the workers, so that what else the sandbox asks for goes on.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "monitor/monitor.h"

#define WORKERS 4
#define SLOW    2 /* of them may flush at a time */
#define SPIN_NS 40000
#define STACK   (64u * 1024)

int worker_eventfd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
struct queue {
	struct job *first, **tail;
};
static struct queue todo = { NULL, &todo.first }, todo_slow = { NULL, &todo_slow.first }; /* under lock */
static unsigned slow_running;                 /* under lock */
static _Atomic(struct job *) finished;        /* pushed by workers, taken by the loop */
static atomic_uint todo_count, spinning;
static unsigned threads, idle;                /* under lock */
static atomic_uint outstanding;

static void first_time(void)
{
	if (worker_eventfd >= 0)
		return;
	worker_eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (worker_eventfd < 0)
		fail("cannot make an event descriptor: the limit of open files (ulimit -n) is too low");
	loop_add(worker_eventfd, LOOP_WORKER, 0);
}

static void append(struct queue *q, struct job *j)
{
	*q->tail = j;
	q->tail = &j->next;
}

static struct job *take_from(struct queue *q)
{
	struct job *j = q->first;

	if (!j)
		return NULL;
	q->first = j->next;
	if (!q->first)
		q->tail = &q->first;
	return j;
}

/* The lock is held. */
static struct job *take(void)
{
	struct job *j = take_from(&todo);

	if (!j && slow_running < SLOW && (j = take_from(&todo_slow)) != NULL)
		slow_running++;
	return j;
}

static struct job *next_job(void)
{
	uint64_t until = now_ns() + SPIN_NS;
	struct job *j;

	atomic_fetch_add(&spinning, 1);
	while (atomic_load(&todo_count) == 0 && host_ncpus() > 1 && now_ns() < until)
		__builtin_ia32_pause();
	pthread_mutex_lock(&lock);
	atomic_fetch_sub(&spinning, 1);
	idle++;
	while ((j = take()) == NULL)
		pthread_cond_wait(&more, &lock);
	idle--;
	atomic_fetch_sub(&todo_count, 1);
	pthread_mutex_unlock(&lock);
	return j;
}

void worker_poke(void)
{
	uint64_t one = 1;

	if (write(worker_eventfd, &one, sizeof one) < 0)
		return; /* full: it is readable already */
}

static void give_back(struct job *j)
{
	j->next = atomic_load(&finished);
	while (!atomic_compare_exchange_weak(&finished, &j->next, j))
		;
	worker_poke();
}

static void do_it(struct job *j)
{
	bool silent = j->silent;

	j->work(j, false);
	if (silent)
		atomic_fetch_sub(&outstanding, 1);
	else
		give_back(j);
}

static void slow_over(void)
{
	pthread_mutex_lock(&lock);
	slow_running--;
	if (todo_slow.first && idle > 0)
		pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
}

static void *run(void *arg)
{
	for (;;) {
		struct job *j = next_job();
		bool slow = j->slow;

		do_it(j);
		if (slow)
			slow_over();
	}
	return arg;
}

bool worker_thread(void *(*fn)(void *arg), size_t stack)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t t;
	int err;

	first_time();
	affinity_spread();
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, stack);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	err = pthread_create(&t, &attr, fn, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return err == 0;
}

/* No thread at all can be had: the job runs here, better late than never. */
static void run_here(void)
{
	struct job *j;

	while ((j = take_from(&todo)) != NULL || (j = take_from(&todo_slow)) != NULL) {
		do_it(j);
	}
	atomic_store(&todo_count, 0);
}

void worker_give(struct job *j)
{
	bool add;

	first_time();
	j->next = NULL;
	atomic_fetch_add(&outstanding, 1);
	pthread_mutex_lock(&lock);
	append(j->slow ? &todo_slow : &todo, j);
	add = atomic_fetch_add(&todo_count, 1) + 1 > idle + atomic_load(&spinning) && threads < WORKERS;
	if (idle > 0)
		pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
	if (!add)
		return;
	if (worker_thread(run, STACK))
		threads++;
	else if (threads == 0)
		run_here();
}

void worker_return(struct job *j)
{
	atomic_fetch_add(&outstanding, 1);
	give_back(j);
}

void worker_poked(void)
{
	uint64_t count;

	if (read(worker_eventfd, &count, sizeof count) < 0)
		return;
}

struct job *worker_take(void)
{
	static struct job *ready;
	struct job *j;

	if (!ready && atomic_load(&finished))
		ready = atomic_exchange(&finished, NULL);
	j = ready;
	if (j) {
		ready = j->next;
		atomic_fetch_sub(&outstanding, 1);
	}
	return j;
}

unsigned worker_busy(void)
{
	unsigned n = atomic_load(&outstanding);

	return n < WORKERS ? n : WORKERS;
}
