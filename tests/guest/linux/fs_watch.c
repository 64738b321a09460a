/* SPDX-License-Identifier: MIT */
/* covers: leases, F_NOTIFY, O_ASYNC, fanotify with handles and names, F_GETOWN_EX, statx */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define T(call)                                                                                                        \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		long r_ = (long)(call);                                                                                \
		printf("%s = %ld %s\n", #call, r_, r_ == -1 ? strerrorname_np(errno) : "");                            \
	} while (0)

static sigset_t set;

/* The signal that comes within a second: its number, code and descriptor. */
static void hear(const char *what, int fd)
{
	struct timespec second = { 1, 0 };
	siginfo_t si;
	int sig = sigtimedwait(&set, &si, &second);

	if (sig < 0)
		printf("%s: no signal\n", what);
	else
		printf("%s: signal %d code %d, its descriptor: %s\n", what, sig - SIGRTMIN, si.si_code, si.si_fd == fd ? "yes" : "no");
	fflush(stdout);
}

static void leases(void)
{
	int w, fd = open("leased", O_RDWR | O_CREAT, 0644);

	T(fcntl(fd, F_GETLEASE));
	T(fcntl(fd, F_SETLEASE, F_RDLCK)); /* open for writing */
	T(fcntl(fd, F_SETLEASE, F_WRLCK));
	T(fcntl(fd, F_SETSIG, SIGRTMIN));
	T(fcntl(fd, F_GETLEASE));
	w = open("leased", O_RDONLY | O_NONBLOCK);
	printf("open, not waiting: %d %s\n", w >= 0, w < 0 ? strerrorname_np(errno) : "");
	hear("a break", fd);
	T(fcntl(fd, F_GETLEASE));
	fflush(stdout);
	if (fork() == 0) {
		w = open("leased", O_RDWR);
		printf("the other opened it: %d\n", w >= 0);
		fflush(stdout);
		_exit(0);
	}
	usleep(100000);
	printf("given up\n");
	fflush(stdout);
	fcntl(fd, F_SETLEASE, F_UNLCK);
	wait(NULL);
	T(fcntl(fd, F_GETLEASE));
	T(fcntl(fd, F_SETLEASE, F_UNLCK));
	close(fd);
	T(fcntl(0, F_SETLEASE, 7));
}

static void notified(void)
{
	int d, fd;

	mkdir("d", 0755);
	d = open("d", O_RDONLY);
	T(fcntl(d, F_SETSIG, SIGRTMIN + 1));
	T(fcntl(d, F_NOTIFY, DN_CREATE | DN_DELETE | DN_MULTISHOT));
	fd = open("d/f", O_CREAT | O_WRONLY, 0644);
	hear("made", d);
	write(fd, "x", 1);
	hear("written", d);
	unlink("d/f");
	hear("removed", d);
	close(fd), close(d);
	T(fcntl(0, F_NOTIFY, DN_CREATE));
}

static void async(void)
{
	struct f_owner_ex o = { F_OWNER_TID, 0 };
	int p[2];

	pipe(p);
	T(fcntl(p[0], F_SETSIG, SIGRTMIN + 2));
	T(fcntl(p[0], F_SETOWN, getpid()));
	T(fcntl(p[0], F_SETFL, O_ASYNC));
	write(p[1], "x", 1);
	hear("bytes", p[0]);
	T(fcntl(p[0], F_GETOWN_EX, &o));
	printf("owner: type %d, me: %d\n", o.type, o.pid == getpid());
	T(fcntl(p[0], F_SETOWN, 4000000));
	T(fcntl(p[0], F_SETFL, 0));
	write(p[1], "x", 1);
	hear("bytes, not wanted", p[0]);
}

static void events(void)
{
	char buf[4096];
	ssize_t n;
	int fd, fan = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_NONBLOCK, O_RDONLY);

	if (fan < 0) {
		printf("fanotify: none\n");
		return;
	}
	T(fanotify_mark(fan, FAN_MARK_ADD, FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_ONDIR, AT_FDCWD, "d"));
	T(fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "d"));
	T(fanotify_mark(fan, FAN_MARK_ADD, 0, AT_FDCWD, "d"));
	fd = open("d/one", O_CREAT | O_WRONLY, 0644);
	rename("d/one", "d/two");
	mkdir("d/sub", 0755);
	unlink("d/two");
	rmdir("d/sub");
	n = read(fan, buf, sizeof buf);
	for (struct fanotify_event_metadata *m = (void *)buf; FAN_EVENT_OK(m, n); m = FAN_EVENT_NEXT(m, n)) {
		struct fanotify_event_info_fid *f = (void *)(m + 1);
		struct file_handle *h = (void *)f->handle;

		printf("event %llx type %d name %s, mine: %d, no descriptor: %d\n", (unsigned long long)m->mask, f->hdr.info_type,
		    (char *)h->f_handle + h->handle_bytes, m->pid == getpid(), m->fd == FAN_NOFD);
	}
	T(read(fan, buf, sizeof buf));
	T(fanotify_mark(fan, FAN_MARK_REMOVE, FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_ONDIR, AT_FDCWD, "d"));
	T(fanotify_mark(fan, FAN_MARK_REMOVE, FAN_CREATE, AT_FDCWD, "d"));
	T(fanotify_mark(fan, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL));
	close(fd), close(fan);
}

static void more(void)
{
	struct statx x;

	T(statx(AT_FDCWD, "d", 0, STATX_ALL | STATX_MNT_ID, &x));
	printf("birth: %d, mount: %d, mount's root: %d\n", (x.stx_mask & STATX_BTIME) != 0, (x.stx_mask & STATX_MNT_ID) != 0,
	    (x.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0);
	T(statx(AT_FDCWD, "/", 0, STATX_ALL, &x));
	printf("mount's root: %d\n", (x.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0);
}

int main(void)
{
	sigfillset(&set);
	sigdelset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	leases();
	notified();
	async();
	events();
	more();
	return 0;
}
