/* SPDX-License-Identifier: MIT */
/* covers: splice, tee, vmsplice */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void res(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : "ok");
}

int main(void)
{
	int p[2], q[2], f = open("f", O_RDWR | O_CREAT | O_TRUNC, 0600), g = open("g", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char b[100] = "";
	loff_t off = 3;

	setvbuf(stdout, NULL, _IONBF, 0);
	pipe(p);
	pipe(q);
	write(f, "0123456789", 10);
	lseek(f, 0, SEEK_SET);
	res("no pipe", splice(f, NULL, g, NULL, 5, 0));
	res("offset of a pipe", splice(p[0], &off, g, NULL, 5, 0));
	res("wrong end", splice(f, NULL, p[0], NULL, 5, 0));
	res("itself", splice(p[0], NULL, p[1], NULL, 5, 0));
	res("flags", splice(f, NULL, p[1], NULL, 5, 0x100));
	res("file to pipe", splice(f, NULL, p[1], NULL, 4, 0));
	res("at offset", splice(f, &off, p[1], NULL, 4, 0));
	printf("offset now %ld, file at %ld\n", (long)off, (long)lseek(f, 0, SEEK_CUR));
	res("tee", tee(p[0], q[1], 100, 0));
	ssize_t n = read(q[0], b, 100);
	printf("copy %zd %.8s\n", n, b);
	res("pipe to file", splice(p[0], NULL, g, NULL, 6, 0));
	res("pipe to pipe", splice(p[0], NULL, q[1], NULL, 100, 0));
	n = read(q[0], b, 100);
	printf("moved %zd %.2s\n", n, b);
	n = pread(g, b, 100, 0);
	printf("file has %zd %.6s\n", n, b);
	res("empty, non-blocking", splice(p[0], NULL, g, NULL, 6, SPLICE_F_NONBLOCK));
	struct iovec v[2] = { { "vm", 2 }, { "splice", 6 } };
	res("vmsplice", vmsplice(p[1], v, 2, 0));
	struct iovec r = { b, 8 };
	res("vmsplice back", vmsplice(p[0], &r, 1, 0));
	printf("%.8s\n", b);
	if (fork() == 0) {
		usleep(20000);
		write(p[1], "late", 4);
		_exit(0);
	}
	res("waits", splice(p[0], NULL, g, NULL, 100, 0));
	wait(NULL);
	close(p[1]);
	res("end", splice(p[0], NULL, g, NULL, 100, 0));
	unlink("f");
	unlink("g");
	return 0;
}
