/* SPDX-License-Identifier: MIT */
/* covers: named FIFOs: blocking and non-blocking opens, several writers, poll */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void res(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : "ok");
}

int main(void)
{
	char b[100];
	struct stat st;
	int r, w;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("mkfifo %d\n", mkfifo("f", 0644));
	res("again", mkfifo("f", 0644));
	stat("f", &st);
	printf("is fifo %d mode %o\n", S_ISFIFO(st.st_mode), st.st_mode & 0777);
	w = open("f", O_WRONLY | O_NONBLOCK);
	res("writer alone", w);
	r = open("f", O_RDONLY | O_NONBLOCK);
	struct pollfd pf = { r, POLLIN };
	printf("reader alone: %d, read %zd, poll %d revents %x\n", r >= 0, read(r, b, 10), poll(&pf, 1, 0), pf.revents);
	w = open("f", O_WRONLY | O_NONBLOCK);
	res("empty with writer", read(r, b, 10));
	write(w, "data", 4);
	printf("poll %d revents %x\n", poll(&pf, 1, 0), pf.revents);
	close(w);
	printf("after close: poll %d revents %x\n", poll(&pf, 1, 0), pf.revents);
	ssize_t n = read(r, b, 10);
	printf("read %zd, then poll %d revents %x, read %zd\n", n, poll(&pf, 1, 0), pf.revents, read(r, b, 10));
	close(r);
	r = open("f", O_RDWR);
	write(r, "self", 4);
	n = read(r, b, 10);
	printf("both ways %zd %.4s\n", n, b);
	close(r);

	if (fork() == 0) {
		w = open("f", O_WRONLY);
		write(w, "from child", 10);
		_exit(0);
	}
	r = open("f", O_RDONLY);
	n = read(r, b, sizeof b);
	printf("met: %zd %.10s, then %zd\n", n, b, read(r, b, 10));
	wait(NULL);
	close(r);
	if (fork() == 0) {
		r = open("f", O_RDONLY);
		n = read(r, b, sizeof b);
		_exit(n == 5 ? 7 : 1);
	}
	w = open("f", O_WRONLY);
	write(w, "other", 5);
	close(w);
	int status;
	wait(&status);
	printf("other way round: %d\n", WEXITSTATUS(status));
	unlink("f");
	res("gone", open("f", O_RDONLY | O_NONBLOCK));
	return 0;
}
