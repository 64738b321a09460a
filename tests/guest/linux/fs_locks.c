/* SPDX-License-Identifier: MIT */
/* covers: flock, POSIX and OFD record locks */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

/* T prints a call with its value, E one whose value (a descriptor, an address) may differ. */
#define T(call)                                                                                                        \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		long r_ = (long)(call);                                                                                \
		printf("%s = %ld %s\n", #call, r_, r_ == -1 ? strerrorname_np(errno) : "");                            \
	} while (0)
#define E(call)                                                                                                        \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		long r_ = (long)(call);                                                                                \
		printf("%s = %s %s\n", #call, r_ < 0 ? "-1" : "ok", r_ == -1 ? strerrorname_np(errno) : "");           \
	} while (0)

static void st(const char *p)
{
	struct stat s;

	if (lstat(p, &s) < 0)
		printf("%s: %s\n", p, strerrorname_np(errno));
	else
		printf("%s: mode %o nlink %ld size %ld uid %d\n", p, s.st_mode,
		    S_ISDIR(s.st_mode) ? 0 : (long)s.st_nlink, S_ISDIR(s.st_mode) ? 0 : (long)s.st_size, s.st_uid);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void ls(const char *p)
{
	char *names[100], text[300];
	DIR *d = opendir(p);
	struct dirent *e;
	int n = 0;

	while (d && n < 100 && (e = readdir(d))) {
		sprintf(text, "%s:%d", e->d_name, e->d_type);
		names[n++] = strdup(text);
	}
	d ? closedir(d) : 0;
	qsort(names, n, sizeof *names, by_name);
	printf("%s:", p);
	for (int i = 0; i < n; i++)
		printf(" %s", names[i]);
	printf("\n");
}

int main(void)
{
	char place[] = "/tmp/fs_locksXXXXXX", buf[8192], b2[200], *m;
	int fd, fd2, i;
	struct stat s;

	setvbuf(stdout, NULL, _IONBF, 0);
	umask(022);
	chmod(mkdtemp(place), 0755);
	chdir(place);
	E(fd = open("lock", O_RDWR | O_CREAT, 0600));
	E(fd2 = open("lock", O_RDWR));
	T(flock(fd, LOCK_EX));
	T(flock(fd2, LOCK_EX | LOCK_NB));
	T(flock(fd, LOCK_SH));
	T(flock(fd2, LOCK_SH | LOCK_NB));
	T(flock(fd, LOCK_UN));
	T(flock(fd2, LOCK_EX | LOCK_NB));
	close(fd2);
	T(flock(fd, LOCK_EX | LOCK_NB));
	T(flock(fd, 0));
	struct flock fl = {F_WRLCK, SEEK_SET, 0, 10};
	T(fcntl(fd, F_SETLK, &fl));
	fl.l_start = 20;
	T(fcntl(fd, F_SETLK, &fl));
	if (!fork()) {
		struct flock g = {F_WRLCK, SEEK_SET, 5, 10};
		int r = fcntl(fd, F_SETLK, &g);
		if (r != -1 || errno != EAGAIN)
			_exit(1);
		g.l_start = 12;
		g.l_len = 3;
		r = fcntl(fd, F_SETLK, &g);
		if (r)
			_exit(2);
		g = (struct flock){F_RDLCK, SEEK_SET, 0, 0};
		r = fcntl(fd, F_GETLK, &g);
		if (r || g.l_type != F_WRLCK || g.l_start != 0 || g.l_len != 10 || g.l_pid != getppid())
			_exit(3);
		alarm(1);
		_exit(42);
	}
	wait(&i);
	T(i);
	fl = (struct flock){F_UNLCK, SEEK_SET, 3, 2};
	T(fcntl(fd, F_SETLK, &fl));
	if (!fork()) {
		struct flock g = {F_WRLCK, SEEK_SET, 3, 2};
		_exit(fcntl(fd, F_SETLK, &g) ? 1 : 43);
	}
	wait(&i);
	T(i);
	{
		int p[2];
		pipe(p);
		fl = (struct flock){F_WRLCK, SEEK_SET, 0, 0};
		T(fcntl(fd, F_SETLK, &fl));
		if (!fork()) {
			struct flock g = {F_WRLCK, SEEK_SET, 0, 0};
			write(p[1], "x", 1);
			_exit(fcntl(fd, F_SETLKW, &g) ? 1 : 44);
		}
		read(p[0], buf, 1);
		usleep(20000);
		close(dup(fd));
		wait(&i);
		T(i);
	}
	struct flock of = {F_WRLCK, SEEK_SET, 0, 10};
	T(fcntl(fd, F_OFD_SETLK, &of));
	E(fd2 = open("lock", O_RDWR));
	of = (struct flock){F_WRLCK, SEEK_SET, 0, 10};
	T(fcntl(fd2, F_OFD_SETLK, &of));
	T(fcntl(fd2, F_OFD_GETLK, &of));
	T(of.l_pid);
	close(fd);
	T((of = (struct flock){F_WRLCK, SEEK_SET, 0, 10}, fcntl(fd2, F_OFD_SETLK, &of)));
	close(fd2);
	chdir("/");
	sprintf(buf, "rm -rf %s", place);
	return system(buf);
}
