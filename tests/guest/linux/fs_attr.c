/* SPDX-License-Identifier: MIT */
/* covers: chmod, chown, times, access, limits, permissions of another user, extended attributes */
#include "fs_common.h"

int main(void)
{
	char place[] = "/tmp/fs_attrXXXXXX", buf[8192], b2[200], *m;
	int fd, fd2, i;
	struct stat s;

	setvbuf(stdout, NULL, _IONBF, 0);
	umask(022);
	chmod(mkdtemp(place), 0755);
	chdir(place);
	close(open("a", O_CREAT | O_RDWR, 0666));
	truncate("a", 20);
	symlink("a", "l");
	T(chmod("a", 0400));
	st("a");
	T(chmod("a", 04755));
	st("a");
	T(chmod("nope", 0));
	T(chown("a", -1, -1));
	st("a");
	T(chown("a", 0, 0));
	st("a");
	struct timespec ts[2] = {{1000, 5}, {2000, UTIME_OMIT}};
	T(utimensat(AT_FDCWD, "a", ts, 0));
	stat("a", &s);
	T(s.st_atime);
	T(s.st_atim.tv_nsec);
	T(s.st_mtime > 100000);
	ts[1].tv_nsec = 7;
	T(utimensat(AT_FDCWD, "a", ts, 0));
	stat("a", &s);
	T(s.st_mtime);
	T(s.st_mtim.tv_nsec);
	ts[0].tv_nsec = 1000000000;
	T(utimensat(AT_FDCWD, "a", ts, 0));
	T(utime("a", NULL));
	T(access("a", F_OK));
	T(access("a", X_OK));
	T(access("nope", F_OK));
	T(access("a", 8));
	T(faccessat(AT_FDCWD, "l", R_OK, AT_SYMLINK_NOFOLLOW));
	{
		struct rlimit rl = {100, 100};
		signal(SIGXFSZ, SIG_IGN);
		if (!fork()) {
			setrlimit(RLIMIT_FSIZE, &rl);
			fd = open("lim", O_CREAT | O_RDWR, 0600);
			T(write(fd, buf, 200));
			T(write(fd, buf, 200));
			T(ftruncate(fd, 1000));
			_exit(0);
		}
		wait(&i);
	}
	{
		struct rlimit rl = {10, 10};
		if (!fork()) {
			setrlimit(RLIMIT_NOFILE, &rl);
			for (i = 0; i < 20; i++) {
				fd = open("a", O_RDONLY);
				if (fd < 0)
					break;
			}
			T(fd);
			T(i < 10);
			_exit(0);
		}
		wait(&i);
	}
	if (getuid() == 0 && !fork()) {
		chmod(".", 0755);
		T(chmod("a", 0600));
		T(mkdir("sticky", 0777));
		chmod("sticky", 01777);
		close(open("sticky/r", O_CREAT | O_RDWR, 0666));
		mkdir("priv", 0700);
		close(open("priv/x", O_CREAT, 0600));
		T(setresgid(1000, 1000, 1000));
		T(setresuid(1000, 1000, 1000));
		E(open("a", O_RDONLY));
		E(open("newf", O_CREAT | O_RDWR, 0600));
		T(unlink("a"));
		T(chmod("a", 0777));
		T(chown("a", 1000, 1000));
		T(unlink("sticky/r"));
		T(rename("sticky/r", "sticky/q"));
		E(open("sticky/mine", O_CREAT | O_RDWR, 0600));
		st("sticky/mine");
		T(chown("sticky/mine", 0, -1));
		T(unlink("sticky/mine"));
		E(open("priv/x", O_RDONLY));
		T(stat("priv/x", &s));
		T(access("a", R_OK));
		T(utime("a", NULL));
		T(truncate("a", 0));
		T(chroot("."));
		T(mknod("dev", S_IFCHR | 0600, 0x103));
		T(link("a", "sticky/hl"));
		_exit(0);
	}
	wait(&i);
	T(setxattr("a", "user.foo", "bar", 3, 0));
	T(getxattr("a", "user.foo", buf, 100));
	T(getxattr("a", "user.foo", buf, 1));
	T(getxattr("a", "user.nope", buf, 1));
	T(setxattr("a", "user.foo", "bar", 3, XATTR_CREATE));
	T(setxattr("a", "user.f2", "bar", 3, XATTR_REPLACE));
	T(listxattr("a", buf, 100));
	T(removexattr("a", "user.foo"));
	T(removexattr("a", "user.foo"));
	T(listxattr("a", buf, 100));
	T(setxattr("a", "bad", "x", 1, 0));
	ls(".");
	chdir("/");
	sprintf(buf, "rm -rf %s", place);
	return system(buf);
}
