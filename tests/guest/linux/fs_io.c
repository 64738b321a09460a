/* SPDX-License-Identifier: MIT */
/* covers: open flags, read, write, lseek, holes, truncate, dup, fcntl, vectors, fallocate, copies, mappings */
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
	char place[] = "/tmp/fs_ioXXXXXX", buf[8192], b2[200], *m;
	int fd, fd2, i;
	struct stat s;

	setvbuf(stdout, NULL, _IONBF, 0);
	umask(022);
	chmod(mkdtemp(place), 0755);
	chdir(place);
	E(fd = open("a", O_RDWR | O_CREAT | O_EXCL, 0666));
	T(write(fd, "hello world", 11));
	T(lseek(fd, 0, SEEK_SET));
	T(read(fd, buf, 5));
	T(read(fd, buf, 100));
	T(read(fd, buf, 100));
	T(pread(fd, buf, 5, 6));
	T(memcmp(buf, "world", 5));
	E(open("a", O_RDWR | O_CREAT | O_EXCL, 0666));
	E(open("a/b", O_RDONLY));
	E(open("nope/x", O_RDONLY));
	E(open("nope", O_RDONLY));
	E(open("a/", O_RDONLY));
	E(open("a", O_RDONLY | O_DIRECTORY));
	E(open(".", O_RDWR));
	E(open(".", O_CREAT | O_RDWR, 0600));
	E(open("zz/", O_CREAT | O_RDWR, 0600));
	E(open("", O_RDONLY));
	T(fcntl(fd, F_GETFL));
	T(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
	T(fcntl(fd, F_GETFL));
	T(pwrite(fd, "X", 1, 0));
	T(lseek(fd, 0, SEEK_END));
	T(fcntl(fd, F_SETFL, 0));
	T(pwrite(fd, "Y", 1, 0));
	T(lseek(fd, -1, SEEK_SET));
	T(lseek(fd, 100000, SEEK_SET));
	T(write(fd, "Z", 1));
	T(fstat(fd, &s));
	T(s.st_size);
	T(s.st_blocks <= 32);
	T(lseek(fd, 0, SEEK_HOLE));
	T(lseek(fd, 8192, SEEK_DATA) > 8192);
	T(lseek(fd, 200000, SEEK_DATA));
	T(ftruncate(fd, 5));
	T(fstat(fd, &s));
	T(s.st_size);
	T(ftruncate(fd, -1));
	T(truncate("a", 20));
	T(pread(fd, buf, 100, 0));
	T(buf[6]);
	T(truncate("nope", 1));
	T(truncate(".", 1));
	T(close(fd));
	T(close(fd));
	T(read(fd, buf, 1));
	T(write(999, buf, 1));
	E(fd = open("a", O_RDWR));
	T(dup2(fd, 100));
	T(dup3(fd, 100, 0));
	T(dup3(fd, fd, 0));
	T(fcntl(100, F_GETFD));
	T(fcntl(100, F_SETFD, FD_CLOEXEC));
	T(fcntl(100, F_GETFD));
	T(fcntl(fd, F_DUPFD, 200));
	T(fcntl(fd, F_DUPFD_CLOEXEC, 200));
	T(fcntl(201, F_GETFD));
	T(fcntl(fd, F_DUPFD, -1));
	T(syscall(SYS_close_range, 100, 300, 0));
	T(fcntl(100, F_GETFD));
	T(fcntl(fd, 9999));
	T(dup2(999, 5));
	T(dup2(fd, -1));
	lseek(fd, 0, SEEK_SET);
	struct iovec io[3] = {{"aa", 2}, {"", 0}, {"bbbb", 4}};
	T(writev(fd, io, 3));
	char r1[3], r2[10];
	struct iovec ri[2] = {{r1, 3}, {r2, 10}};
	T(preadv(fd, ri, 2, 0));
	T(memcmp(r2, "bbb", 3));
	T(readv(fd, ri, -1));
	T(readv(fd, ri, 2000));
	T(writev(fd, (void *)8, 1));
	T(read(fd, (void *)8, 10));
	T(write(fd, (void *)8, 10));
	T(pwritev2(fd, io, 3, -1, RWF_APPEND));
	T(preadv2(fd, ri, 2, 0, 0x4000));
	T(posix_fallocate(fd, 0, 10000));
	fstat(fd, &s);
	T(s.st_size);
	T(fallocate(fd, FALLOC_FL_KEEP_SIZE, 20000, 100));
	fstat(fd, &s);
	T(s.st_size);
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 5));
	T(pread(fd, buf, 1, 1));
	T(buf[0]);
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 5));
	T(fallocate(fd, 0, -1, 5));
	T(fallocate(fd, 0, 0, 0));
	T(fsync(fd));
	T(fdatasync(fd));
	T(syncfs(fd));
	sync();
	T(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	T(sync_file_range(fd, 0, 0, 2));
	E(fd2 = open("cp", O_RDWR | O_CREAT | O_TRUNC, 0600));
	lseek(fd, 0, SEEK_SET);
	T(sendfile(fd2, fd, NULL, 100000));
	fstat(fd2, &s);
	T(s.st_size);
	off_t off = 9990;
	T(sendfile(fd2, fd, &off, 100));
	T(off);
	loff_t o1 = 0, o2 = 5;
	T(copy_file_range(fd, &o1, fd2, &o2, 50, 0));
	T(o1);
	T(copy_file_range(fd, NULL, fd2, NULL, 50, 1));
	close(fd2);
	ftruncate(fd, 8192);
	E((m = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) == MAP_FAILED ? -1 : 0);
	strcpy(m + 4096, "mapped");
	T(pread(fd, buf, 6, 4096));
	T(memcmp(buf, "mapped", 6));
	T(pwrite(fd, "WRITE", 5, 0));
	T(memcmp(m, "WRITE", 5));
	char *m2 = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	T(memcmp(m2, "WRITE", 5));
	m2[0] = 'q';
	T(pread(fd, buf, 1, 0));
	T(buf[0]);
	T(msync(m, 8192, MS_SYNC));
	munmap(m, 8192);
	if (!fork()) {
		_exit(m2[0] == 'q' ? 7 : 1);
	}
	wait(&i);
	T(WEXITSTATUS(i));
	close(fd);
	chdir("/");
	sprintf(buf, "rm -rf %s", place);
	return system(buf);
}
