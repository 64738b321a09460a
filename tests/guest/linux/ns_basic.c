/* SPDX-License-Identifier: MIT */
/* timeout: 30 */
/* covers: unshare setns clone3 nsfs uid_map pid namespaces */
/*
 * Namespaces as an ordinary user gets them: a user namespace first, all others in it.  What is
 * printed is the same natively and inside; where the host allows no user namespaces the native
 * run says so, and then so must nothing else: the case prints one line and ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), fflush(stdout))

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return n;
}

static void result(const char *what, long r)
{
	SAY("%s: %s\n", what, r < 0 ? strerror(errno) : "ok");
}

static int wait_code(pid_t p)
{
	int s;

	if (waitpid(p, &s, 0) != p)
		return -1;
	return WIFSIGNALED(s) ? 1000 + WTERMSIG(s) : WEXITSTATUS(s);
}

static void user_ns(uid_t uid, gid_t gid)
{
	char text[64];

	SAY("ids before maps: %u %u\n", getuid(), getgid());
	snprintf(text, sizeof text, "0 %u 1", gid);
	SAY("gid_map before setgroups: %s\n", strerror(-put("/proc/self/gid_map", "0 0 2")));
	SAY("deny: %d\n", put("/proc/self/setgroups", "deny"));
	SAY("gid_map: %d\n", put("/proc/self/gid_map", text));
	snprintf(text, sizeof text, "0 %u 1\n", uid);
	SAY("uid_map: %d\n", put("/proc/self/uid_map", text));
	SAY("uid_map again: %s\n", strerror(-put("/proc/self/uid_map", text)));
	SAY("ids: %u %u\n", getuid(), getgid());
	result("setuid(5)", setuid(5));
	result("setgroups", syscall(SYS_setgroups, 0, NULL));
}

static void uts(void)
{
	char name[65];

	result("unshare uts", unshare(CLONE_NEWUTS));
	result("sethostname", sethostname("inner", 5));
	gethostname(name, sizeof name);
	SAY("hostname %s\n", name);
}

static void ipc(void)
{
	int id = msgget(0x4711, IPC_CREAT | 0600);

	result("unshare ipc", unshare(CLONE_NEWIPC));
	errno = 0;
	SAY("the key there: %d %s\n", msgget(0x4711, 0), strerror(errno));
	(void)id;
}

static void links(void)
{
	struct stat a, b;
	int fd, old = open("/proc/self/ns/uts", O_RDONLY);

	fstat(old, &a);
	result("unshare uts again", unshare(CLONE_NEWUTS));
	stat("/proc/self/ns/uts", &b);
	SAY("another uts: %d, same device: %d\n", a.st_ino != b.st_ino, a.st_dev == b.st_dev);
	SAY("type %x\n", ioctl(old, NS_GET_NSTYPE));
	fd = ioctl(old, NS_GET_USERNS);
	fstat(fd, &a);
	stat("/proc/self/ns/user", &b);
	SAY("its owner is ours: %d\n", a.st_ino == b.st_ino);
	result("parent of uts", ioctl(old, NS_GET_PARENT));
	result("setns with a wrong type", setns(old, CLONE_NEWIPC));
	result("setns", setns(old, CLONE_NEWUTS));
	result("setns of the own user namespace", setns(fd, 0));
}

static int inner_init(void *arg)
{
	pid_t child;

	SAY("in the pid namespace: %d, parent %d, sid %d\n", getpid(), getppid(), getsid(0));
	kill(1, SIGKILL); /* from inside: nothing */
	kill(1, SIGTERM);
	child = fork();
	if (child == 0) {
		if (fork() == 0) {
			usleep(100000);
			SAY("orphan's parent: %d\n", getppid());
			_exit(9);
		}
		_exit(3);
	}
	SAY("child %d: %d\n", child, wait_code(child));
	child = waitpid(-1, NULL, 0);
	SAY("orphan reaped: %d\n", child);
	if (fork() == 0) {
		pause();
		_exit(0);
	}
	return 7; /* takes that one along */
}

static void pids(void)
{
	pid_t p;
	int s;

	result("unshare pid", unshare(CLONE_NEWPID));
	SAY("still %s\n", getpid() > 1 ? "outside" : "inside");
	p = fork();
	if (p == 0)
		_exit(inner_init(NULL));
	SAY("init ended: %d\n", wait_code(p));
	p = fork();
	SAY("fork into the dead namespace: %s\n", p < 0 ? strerror(errno) : "done");
	if (p == 0)
		_exit(0);
	(void)s;
}

static void clone3_all(void)
{
	struct { unsigned long f[11]; } a = { { CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS, 0, 0, 0, SIGCHLD } };
	pid_t p;

	p = syscall(SYS_clone3, &a, 64);
	if (p == 0) {
		SAY("clone3: pid %d\n", getpid());
		_exit(0);
	}
	if (p < 0)
		SAY("clone3: %s\n", strerror(errno));
	else
		SAY("clone3 child: %d\n", wait_code(p));
}

int main(void)
{
	uid_t uid = getuid();
	gid_t gid = getgid();
	pid_t p;

	if (fork() == 0)
		_exit(unshare(CLONE_NEWUSER) ? 1 : 0);
	if (wait(&p) < 0 || p != 0) {
		SAY("no user namespaces here\n");
		return 0;
	}
	result("unshare user", unshare(CLONE_NEWUSER));
	user_ns(uid, gid);
	uts();
	ipc();
	links();
	p = fork();
	if (p == 0) {
		clone3_all();
		_exit(0);
	}
	wait_code(p);
	pids();
	return 0;
}
