/* SPDX-License-Identifier: MIT */
/* covers: controlling terminals, foreground groups, SIGTTIN, SIGTTOU, ^C and ^Z, hangup */
/* libs: -lutil */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int master, out; /* out: where results go, past the terminal */

static void say(const char *s)
{
	write(out, s, strlen(s));
}

static void sayf(const char *what, int status)
{
	char buf[128];

	if (WIFSTOPPED(status))
		snprintf(buf, sizeof buf, "%s: stopped by %s\n", what, sigabbrev_np(WSTOPSIG(status)));
	else if (WIFSIGNALED(status))
		snprintf(buf, sizeof buf, "%s: killed by %s\n", what, sigabbrev_np(WTERMSIG(status)));
	else
		snprintf(buf, sizeof buf, "%s: exit %d\n", what, WEXITSTATUS(status));
	say(buf);
}

static void foreground(pid_t pgrp)
{
	signal(SIGTTOU, SIG_IGN);
	if (tcsetpgrp(0, pgrp) < 0)
		say("tcsetpgrp failed\n");
	signal(SIGTTOU, SIG_DFL);
}

static pid_t job(void (*body)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		for (int s = 1; s < 32; s++)
			if (s != SIGKILL && s != SIGSTOP)
				signal(s, SIG_DFL);
		body();
		_exit(0);
	}
	setpgid(pid, pid);
	return pid;
}

static void reads(void)
{
	char buf[64];
	int n = read(0, buf, sizeof buf);

	_exit(n > 0 ? buf[0] : n < 0 ? 200 : 201);
}

static void reads_ignoring(void)
{
	char buf[64];

	signal(SIGTTIN, SIG_IGN);
	_exit(read(0, buf, sizeof buf) < 0 && errno == EIO ? 5 : 6);
}

static void writes(void)
{
	_exit(write(1, "x", 1) == 1 ? 7 : 8);
}

static void sets_modes(void)
{
	struct termios t;

	tcgetattr(0, &t);
	tcsetattr(0, TCSANOW, &t);
	_exit(9);
}

static void sleeps(void)
{
	for (;;)
		pause();
}

static void catches_winch(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigwait(&set, &sig);
	_exit(sig == SIGWINCH ? 11 : 12);
}

static void jobs(void)
{
	struct winsize ws = { 30, 100, 0, 0 };
	struct termios t;
	int status;
	pid_t pid;

	pid = job(reads); /* in the background */
	waitpid(pid, &status, WUNTRACED);
	sayf("background read", status);
	foreground(pid);
	kill(-pid, SIGCONT);
	write(master, "K\n", 2);
	waitpid(pid, &status, WUNTRACED);
	sayf("foreground read", status);
	foreground(getpgrp());

	pid = job(reads_ignoring);
	waitpid(pid, &status, WUNTRACED);
	sayf("background read, SIGTTIN ignored", status);

	pid = job(writes);
	waitpid(pid, &status, WUNTRACED);
	sayf("background write", status);
	tcgetattr(0, &t);
	t.c_lflag |= TOSTOP;
	tcsetattr(0, TCSANOW, &t);
	pid = job(writes);
	waitpid(pid, &status, WUNTRACED);
	sayf("background write, TOSTOP", status);
	foreground(pid);
	kill(-pid, SIGCONT);
	waitpid(pid, &status, WUNTRACED);
	sayf("continued", status);
	foreground(getpgrp());

	pid = job(sets_modes);
	waitpid(pid, &status, WUNTRACED);
	sayf("background tcsetattr", status);
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	sayf("then", status);

	pid = job(sleeps);
	foreground(pid);
	usleep(50000);
	write(master, "\032", 1);
	waitpid(pid, &status, WUNTRACED);
	sayf("^Z", status);
	kill(-pid, SIGCONT);
	waitpid(pid, &status, WCONTINUED);
	say(WIFCONTINUED(status) ? "continued\n" : "not continued\n");
	write(master, "\003", 1);
	waitpid(pid, &status, WUNTRACED);
	sayf("^C", status);
	pid = job(sleeps);
	foreground(pid);
	usleep(50000);
	write(master, "\034", 1);
	waitpid(pid, &status, WUNTRACED);
	sayf("^\\", status & ~0x80);
	pid = job(catches_winch);
	foreground(pid);
	usleep(50000);
	ioctl(master, TIOCSWINSZ, &ws);
	waitpid(pid, &status, 0);
	sayf("winch", status);
	foreground(getpgrp());
}

static void leader(void)
{
	int sid, fd, pgrp;
	char buf[200];

	setsid();
	fd = open("/dev/tty", O_RDWR);
	say(fd < 0 && errno == ENXIO ? "no tty yet\n" : "a tty too early\n");
	fd = open(ptsname(master), O_RDWR); /* becomes the terminal */
	dup2(fd, 0);
	dup2(fd, 1);
	ioctl(0, TIOCGSID, &sid);
	pgrp = tcgetpgrp(0);
	say(sid == getpid() && pgrp == getpid() ? "leader ok\n" : "leader wrong\n");
	fd = open("/dev/tty", O_RDWR);
	snprintf(buf, sizeof buf, "/dev/tty %s, same %d\n", fd >= 0 ? "opens" : strerror(errno), fd >= 0 && tcgetsid(fd) == getpid());
	say(buf);
	errno = 0;
	tcsetpgrp(0, 999999);
	say(errno == ESRCH ? "bad group refused\n" : "bad group not refused\n");
	jobs();
}

static volatile int hups;

static void on_hup(int sig)
{
	hups++;
	say("leader got HUP\n");
	_exit(0);
}

int main(void)
{
	int status;
	pid_t pid;

	setvbuf(stdout, NULL, _IONBF, 0);
	out = dup(1);
	master = posix_openpt(O_RDWR | O_NOCTTY);
	grantpt(master);
	unlockpt(master);
	pid = fork();
	if (pid == 0) {
		leader();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	sayf("leader", status);

	pid = fork();
	if (pid == 0) {
		setsid();
		signal(SIGHUP, on_hup);
		open(ptsname(master), O_RDWR);
		close(master);
		for (;;)
			pause();
	}
	usleep(100000);
	close(master);
	waitpid(pid, &status, 0);
	sayf("after hangup", status);
	return 0;
}
