/* SPDX-License-Identifier: MIT */
/* covers: mq_notify with SIGEV_THREAD: told once, told again after it asked again, removed */
/* libs: -lrt */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static sem_t told;
static volatile int value;

static void on_message(union sigval v)
{
	value = v.sival_int;
	sem_post(&told);
}

int main(void)
{
	struct mq_attr a = { .mq_maxmsg = 4, .mq_msgsize = 16 };
	struct sigevent e = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_message, .sigev_value.sival_int = 7 };
	char name[64], buf[16];
	mqd_t q;

	sem_init(&told, 0, 0);
	snprintf(name, sizeof name, "/mq_threads-%d", getpid());
	q = mq_open(name, O_CREAT | O_RDWR, 0600, &a);
	mq_unlink(name);
	printf("asked: %d\n", mq_notify(q, &e));
	printf("twice: %d %d\n", mq_notify(q, &e), errno == EBUSY);
	mq_send(q, "one", 4, 0);
	sem_wait(&told);
	printf("told %d\n", value);
	mq_send(q, "two", 4, 0);
	while (mq_getattr(q, &a) == 0 && a.mq_curmsgs > 0)
		mq_receive(q, buf, sizeof buf, NULL);
	e.sigev_value.sival_int = 8;
	printf("again: %d\n", mq_notify(q, &e));
	mq_send(q, "three", 6, 0);
	sem_wait(&told);
	printf("told %d\n", value);
	mq_receive(q, buf, sizeof buf, NULL);
	printf("asked: %d, no more: %d\n", mq_notify(q, &e), mq_notify(q, NULL));
	mq_send(q, "four", 5, 0);
	usleep(20000);
	printf("nobody: %d\n", sem_trywait(&told));
	mq_close(q);
	return 0;
}
