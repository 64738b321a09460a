/* SPDX-License-Identifier: MIT */
/* covers: ptys, canonical editing, echo, output processing, VMIN and VTIME, packet mode, window size */
/* libs: -lutil */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int master, slave;

static void show(const char *what, const char *s, int n)
{
	printf("%s %d:", what, n);
	for (int i = 0; i < n; i++)
		printf(s[i] >= 33 && s[i] < 127 && s[i] != '\\' ? " %c" : " \\%03o", s[i] & 255);
	if (n < 0)
		printf(" %s", strerror(errno));
	printf("\n");
}

static void drain(const char *what)
{
	char buf[8192];
	int n = 0, got;

	fcntl(master, F_SETFL, O_NONBLOCK);
	while (n < (int)sizeof buf && (got = read(master, buf + n, sizeof buf - n)) > 0)
		n += got;
	fcntl(master, F_SETFL, 0);
	show(what, buf, n);
}

static void take(const char *what, int room)
{
	char buf[8192];
	int n;

	fcntl(slave, F_SETFL, O_NONBLOCK);
	n = read(slave, buf, room);
	fcntl(slave, F_SETFL, 0);
	show(what, buf, n);
}

static void type(const char *s)
{
	if (write(master, s, strlen(s)) != (ssize_t)strlen(s))
		printf("short write\n");
	usleep(20000);
}

static void modes(int iflag_off, int lflag_off, int lflag_on, int min, int timeout)
{
	struct termios t;

	tcgetattr(slave, &t);
	t.c_iflag &= ~iflag_off;
	t.c_lflag = (t.c_lflag & ~lflag_off) | lflag_on;
	t.c_cc[VMIN] = min;
	t.c_cc[VTIME] = timeout;
	tcsetattr(slave, TCSANOW, &t);
}

static void canonical(void)
{
	type("hello\n");
	drain("echo");
	take("line", 100);
	take("nothing", 100);
	type("abx\177c\025def ghi\027jkl\n");
	drain("edit echo");
	take("edited", 100);
	type("\026\003lit\n");
	drain("lnext echo");
	take("lnext", 100);
	type("part");
	take("no line yet", 100);
	type("\004");
	take("eof after part", 100);
	type("\004");
	take("eof alone", 100);
	type("one\ntwo\n");
	take("short", 2);
	take("rest", 100);
	take("two", 100);
	drain("echo");
	type("exact\004next\n");
	take("fits", 5);
	take("after", 100);
	drain("echo");
	type("a\tb\177\177c\n");
	drain("tab echo");
	take("tab", 100);
	type("re\022x\n");
	drain("reprint echo");
	take("reprint", 100);
	type("\r");
	take("cr", 10);
	drain("cr echo");
}

static void raw(void)
{
	struct timespec a, b;
	char buf[16];
	int n;

	type("pending");
	modes(ICRNL | IXON, ICANON | ECHO | ISIG, 0, 1, 0);
	take("after switch", 100);
	type("\003\r\n\023x");
	take("raw", 100);
	drain("no echo");
	modes(0, 0, 0, 0, 2);
	clock_gettime(CLOCK_MONOTONIC, &a);
	n = read(slave, buf, sizeof buf);
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("vtime read %d, waited %s\n", n, (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 >= 150 ? "yes" : "no");
	modes(0, 0, 0, 3, 0);
	struct pollfd p = { slave, POLLIN, 0 };
	type("ab");
	printf("poll below vmin %d\n", poll(&p, 1, 0));
	type("c");
	printf("poll at vmin %d\n", poll(&p, 1, 1000));
	n = read(slave, buf, sizeof buf);
	show("vmin", buf, n);
	modes(0, 0, 0, 5, 1);
	type("xy");
	n = read(slave, buf, sizeof buf);
	show("interbyte", buf, n);
	type("left");
	modes(0, 0, ICANON | ISIG, 1, 0);
	take("raw to canon", 100);
}

static void output(void)
{
	struct termios t;
	struct winsize ws = { 24, 80, 0, 0 }, got;
	int n, on = 1;
	char buf[64];

	tcgetattr(slave, &t);
	t.c_oflag = OPOST | ONLCR;
	tcsetattr(slave, TCSANOW, &t);
	write(slave, "a\tb\nc\r\n", 7);
	drain("onlcr");
	t.c_oflag = OPOST | XTABS;
	tcsetattr(slave, TCSANOW, &t);
	write(slave, "a\tb\n", 4);
	drain("xtabs");
	t.c_oflag = 0;
	tcsetattr(slave, TCSANOW, &t);
	write(slave, "a\n", 2);
	drain("raw out");
	ioctl(master, TIOCSWINSZ, &ws);
	ioctl(slave, TIOCGWINSZ, &got);
	printf("winsize %dx%d\n", got.ws_row, got.ws_col);
	ioctl(master, FIONREAD, &n);
	printf("fionread %d\n", n);
	write(slave, "12345", 5);
	usleep(20000);
	ioctl(master, FIONREAD, &n);
	printf("fionread %d\n", n);
	drain("data");
	ioctl(master, TIOCPKT, &on);
	write(slave, "pkt", 3);
	n = read(master, buf, sizeof buf);
	show("packet", buf, n);
	tcflush(slave, TCIOFLUSH);
	n = read(master, buf, sizeof buf);
	printf("packet status %x len %d\n", buf[0] & 0xff, n);
	on = 0;
	ioctl(master, TIOCPKT, &on);
}

static void flow(void)
{
	struct termios t;
	struct pollfd p = { slave, POLLOUT, 0 };

	tcgetattr(slave, &t);
	t.c_iflag |= IXON;
	t.c_oflag = 0;
	tcsetattr(slave, TCSANOW, &t);
	type("\023");
	printf("stopped: writable %d\n", poll(&p, 1, 50));
	type("\021");
	printf("started: writable %d\n", poll(&p, 1, 1000));
}

static void ends(void)
{
	struct pollfd p = { master, POLLIN, 0 };
	char buf[64];
	int n;

	write(slave, "bye", 3);
	close(slave);
	usleep(20000);
	n = read(master, buf, sizeof buf);
	show("last", buf, n);
	n = read(master, buf, sizeof buf);
	show("slave closed", buf, n);
	n = poll(&p, 1, 0);
	printf("poll %d hup %d\n", n, !!(p.revents & POLLHUP));
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	p.revents = 0;
	printf("again %d poll %d\n", slave >= 0, poll(&p, 1, 0));
	close(master);
	usleep(20000);
	n = read(slave, buf, sizeof buf);
	show("master closed", buf, n);
	n = write(slave, "x", 1);
	show("master closed write", buf, n < 0 ? n : 0);
	p.fd = slave;
	p.events = POLLIN | POLLOUT;
	poll(&p, 1, 0);
	printf("revents %x\n", p.revents);
}

int main(void)
{
	char name[64];
	unsigned n;
	int lock = 1, fd;

	signal(SIGINT, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	master = posix_openpt(O_RDWR | O_NOCTTY);
	fd = open(ptsname(master), O_RDWR | O_NOCTTY);
	printf("locked: %s\n", fd < 0 ? strerror(errno) : "open");
	grantpt(master);
	unlockpt(master);
	ioctl(master, TIOCGPTN, &n);
	snprintf(name, sizeof name, "/dev/pts/%u", n);
	printf("name %s\n", strcmp(name, ptsname(master)) ? "differs" : "ok");
	slave = open(name, O_RDWR | O_NOCTTY);
	printf("tty %d %d, ttyname %s\n", isatty(master), isatty(slave), ttyname(slave) && !strcmp(ttyname(slave), name) ? "ok" : "wrong");
	canonical();
	raw();
	output();
	flow();
	fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	printf("peer %d\n", fd >= 0 && isatty(fd));
	close(fd);
	ends();
	(void)lock;
	return 0;
}
