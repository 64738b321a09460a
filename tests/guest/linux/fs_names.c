/* SPDX-License-Identifier: MIT */
/* covers: mkdir, rmdir, symlink, link, unlink, rename, openat, chdir, getcwd, unlinked files, O_TMPFILE */
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
	char place[] = "/tmp/fs_namesXXXXXX", buf[8192], b2[200], *m;
	int fd, fd2, i;
	struct stat s;

	setvbuf(stdout, NULL, _IONBF, 0);
	umask(022);
	chmod(mkdtemp(place), 0755);
	chdir(place);
	close(open("a", O_CREAT | O_RDWR, 0666));
	truncate("a", 20);
	T(mkdir("d", 0777));
	T(mkdir("d", 0777));
	T(mkdir("a", 0777));
	T(mkdir("nope/d", 0777));
	T(mkdir("d/", 0777));
	T(mkdir("e/", 0700));
	T(mkdir(".", 0700));
	T(mkdir("/", 0700));
	st("d");
	st("e");
	T(rmdir("e/"));
	T(rmdir("nope"));
	T(rmdir("a"));
	T(rmdir("."));
	T(rmdir("d/."));
	T(rmdir("d/.."));
	T(rmdir("/"));
	T(symlink("a", "l"));
	T(symlink("nowhere", "dang"));
	T(symlink("loop2", "loop1"));
	T(symlink("loop1", "loop2"));
	T(symlink("d", "ld"));
	st("l");
	T(readlink("l", buf, 100));
	T(readlink("l", buf, 0));
	T(readlink("a", buf, 100));
	T(readlink("nope", buf, 100));
	E(open("l", O_RDONLY));
	E(open("l", O_RDONLY | O_NOFOLLOW));
	E(open("l", O_PATH | O_NOFOLLOW));
	E(open("dang", O_RDONLY));
	E(open("dang", O_RDWR | O_CREAT | O_EXCL, 0600));
	E(open("loop1", O_RDONLY));
	E(open("dang", O_RDWR | O_CREAT, 0600));
	st("nowhere");
	T(unlink("nowhere"));
	E(open("ld/x", O_RDWR | O_CREAT, 0640));
	st("d/x");
	T(rmdir("ld"));
	T(rmdir("ld/"));
	T(mkdir("dang", 0700));
	T(mkdir("dang/", 0700));
	T(rmdir("d"));
	T(unlink("d"));
	T(unlink("d/x/"));
	T(unlink("nope"));
	T(unlink("d/"));
	T(link("a", "b"));
	st("a");
	T(link("a", "b"));
	T(link("d", "dd"));
	T(link("nope", "n2"));
	T(link("l", "l2"));
	st("l2");
	T(linkat(AT_FDCWD, "l", AT_FDCWD, "l3", AT_SYMLINK_FOLLOW));
	st("l3");
	T(unlink("l3"));
	T(unlink("l2"));
	T(rename("b", "c"));
	st("b");
	st("c");
	T(rename("c", "a"));
	st("c");
	T(unlink("c"));
	T(rename("nope", "x"));
	T(rename("a", "d"));
	T(rename("d", "a"));
	T(mkdir("f", 0755));
	T(mkdir("f/g", 0755));
	T(rename("f", "f/g/h"));
	T(rename("f/g", "f"));
	T(rename("d", "f"));
	T(rename("f/g", "gg"));
	T(rename("gg", "f"));
	ls("f");
	T(rename("f", "f"));
	T(rename("a", "f/"));
	T(rename("f/.", "q"));
	T(renameat2(AT_FDCWD, "a", AT_FDCWD, "l", RENAME_NOREPLACE));
	T(renameat2(AT_FDCWD, "a", AT_FDCWD, "f", RENAME_EXCHANGE));
	st("a");
	st("f");
	T(renameat2(AT_FDCWD, "a", AT_FDCWD, "f", RENAME_EXCHANGE));
	T(renameat2(AT_FDCWD, "a", AT_FDCWD, "nope", RENAME_EXCHANGE));
	T(renameat2(AT_FDCWD, "a", AT_FDCWD, "a2", 0x80));
	ls(".");
	E(fd = open(".", O_RDONLY | O_DIRECTORY));
	E(fd2 = openat(fd, "a", O_RDONLY));
	T(read(fd, buf, 10));
	T(fchdir(fd));
	T(fchdir(fd2));
	T(fstatat(fd, "d", &s, 0));
	T(S_ISDIR(s.st_mode));
	T(fstatat(fd2, "d", &s, 0));
	T(fstatat(fd2, "", &s, AT_EMPTY_PATH));
	T(fstatat(fd, "", &s, 0));
	T(mkdirat(fd, "dd", 0711));
	T(unlinkat(fd, "dd", 0));
	T(unlinkat(fd, "dd", AT_REMOVEDIR));
	T(unlinkat(fd, "dd", 7));
	close(fd);
	close(fd2);
	E(getcwd(buf, sizeof buf));
	T(!strcmp(buf, place));
	E(getcwd(buf, 2));
	T(chdir("d"));
	E(getcwd(buf, sizeof buf));
	T(!strcmp(buf + strlen(buf) - 2, "/d"));
	T(rename("../d", "../dren"));
	E(getcwd(buf, sizeof buf));
	T(!strcmp(buf + strlen(buf) - 5, "/dren"));
	T(chdir(".."));
	T(rename("dren", "d"));
	T(mkdir("gone", 0700));
	T(chdir("gone"));
	T(rmdir("../gone"));
	E(syscall(SYS_getcwd, buf, sizeof buf));
	E(open("x", O_CREAT | O_RDWR, 0600));
	T(mkdir("x", 0700));
	ls(".");
	T(chdir(place));
	E(fd = open("u", O_RDWR | O_CREAT, 0600));
	T(write(fd, "data", 4));
	T(unlink("u"));
	T(fstat(fd, &s));
	T(s.st_nlink);
	T(pread(fd, buf, 10, 0));
	sprintf(buf, "/proc/self/fd/%d", fd);
	T(stat(buf, &s));
	E(fd2 = open(buf, O_RDWR));
	T(pread(fd2, buf, 10, 0));
	close(fd2);
	sprintf(buf, "/proc/self/fd/%d", fd);
	i = readlink(buf, b2, 200);
	b2[i > 0 ? i : 0] = 0;
	T(!strcmp(b2 + strlen(b2) - 11, "u (deleted)") || printf("[%s]", b2));
	close(fd);
	E(fd = open(".", O_TMPFILE | O_RDWR, 0644));
	T(write(fd, "tmp", 3));
	T(fstat(fd, &s));
	T(s.st_nlink);
	sprintf(buf, "/proc/self/fd/%d", fd);
	T(linkat(AT_FDCWD, buf, AT_FDCWD, "tf", AT_SYMLINK_FOLLOW));
	st("tf");
	close(fd);
	T(unlink("tf"));
	E(open(".", O_TMPFILE | O_RDONLY, 0644));
	chdir("/");
	sprintf(buf, "rm -rf %s", place);
	return system(buf);
}
