/* SPDX-License-Identifier: MIT */
/* covers: /dev/null, zero, full, random, urandom, ptmx, fd, stdin; mmap of /dev/zero */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void device(const char *name)
{
	struct stat st;
	char buf[64], path[64];
	int fd, n, w, zeros = 0;

	snprintf(path, sizeof path, "/dev/%s", name);
	if (stat(path, &st) < 0) {
		printf("%s: %s\n", name, strerror(errno));
		return;
	}
	fd = open(path, O_RDWR);
	memset(buf, 1, sizeof buf);
	n = read(fd, buf, sizeof buf);
	for (int i = 0; i < n; i++)
		zeros += buf[i] == 0;
	errno = 0;
	w = write(fd, "x", 1);
	const char *why = w < 0 ? strerror(errno) : "";
	long at = lseek(fd, 5, SEEK_SET);

	printf("%s: %o %u:%u read %d zeros %s write %d %s seek %ld tty %d\n", name, st.st_mode, major(st.st_rdev), minor(st.st_rdev), n,
		zeros == (int)sizeof buf ? "all" : zeros < 10 ? "few" : "some", w, why, at, isatty(fd));
	close(fd);
}

static void zero_map(void)
{
	int fd = open("/dev/zero", O_RDWR);
	char *a = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), *b = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (a == MAP_FAILED || b == MAP_FAILED) {
		printf("mmap: %s\n", strerror(errno));
		return;
	}
	printf("zero map %d %d\n", a[0], a[8191]);
	a[0] = b[0] = 7;
	printf("zero map %d %d\n", a[0], b[0]);
	close(fd);
}

int main(void)
{
	char buf[64];
	int n, fd;

	device("null");
	device("zero");
	device("full");
	device("urandom");
	device("random");
	zero_map();
	n = readlink("/dev/fd", buf, sizeof buf);
	printf("fd -> %.*s\n", n, buf);
	n = readlink("/dev/stdin", buf, sizeof buf);
	printf("stdin -> %.*s\n", n, buf);
	fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	printf("ptmx %d\n", fd >= 0 && isatty(fd));
	setsid();
	fd = open("/dev/tty", O_RDWR);
	printf("tty %s\n", fd < 0 ? strerror(errno) : "opens");
	fd = open("/dev/stdout", O_WRONLY);
	fflush(stdout);
	n = write(fd, "through /dev/stdout\n", 20);
	fd = open("/dev/fd/1", O_WRONLY);
	n = write(fd, "through /dev/fd/1\n", 18);
	fd = open("/dev/null", O_RDONLY);
	printf("readdir: %s\n", opendir("/dev/null") ? "opens" : strerror(errno));
	printf("shm %d\n", access("/dev/shm", W_OK));
	return 0;
}
