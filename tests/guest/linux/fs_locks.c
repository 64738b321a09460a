/* SPDX-License-Identifier: MIT */
/* covers: flock, POSIX and OFD record locks */
#include "fs_common.h"

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
