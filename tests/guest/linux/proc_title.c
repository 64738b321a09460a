/* SPDX-License-Identifier: MIT */
/* covers: a process that writes a title over its arguments; what others read of it */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static int go[2], done[2];

static void show(const char *what, int pid, const char *name)
{
	char path[64], buf[8192];
	int fd, n;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY);
	n = read(fd, buf, sizeof buf);
	close(fd);
	printf("%s: %d:", what, n);
	for (int i = 0; i < n && i < 120; i++)
		putchar(buf[i] ? buf[i] : '|');
	puts("");
}

static void step(void)
{
	char c;

	write(done[1], "", 1);
	read(go[0], &c, 1);
}

static void titles(char **argv)
{
	size_t args = strlen(argv[0]) + strlen(argv[1]) + 2, all = args;

	for (char **e = environ; *e; e++)
		all += strlen(*e) + 1;
	step();
	strcpy(argv[0], "short");
	step();
	memset(argv[0], 'x', args - 1); /* the last NUL stays */
	step();
	memset(argv[0], 'y', args + 5); /* into the environment */
	argv[0][args + 5] = 0;
	step();
	memset(argv[0], 'z', all - 1);
	step();
	memset(argv[0], 0, all);
	step();
	for (volatile int busy = 1; busy;)
		;
}

static void tell(const char *what, int pid)
{
	char c;

	read(done[0], &c, 1);
	show(what, pid, "cmdline");
	write(go[1], "", 1);
}

int main(int argc, char **argv)
{
	int pid;

	if (argc == 1) {
		char *args[] = { "/proc/self/exe-of-a-test", "second", NULL }, *env[] = { "FIRST=some text", "SECOND=more of it", NULL };

		setvbuf(stdout, NULL, _IONBF, 0);
		execve("/proc/self/exe", args, env);
	}
	pipe(go);
	pipe(done);
	pid = fork();
	if (pid == 0)
		titles(argv);
	tell("at first", pid);
	tell("shorter", pid);
	tell("all of it", pid);
	tell("longer", pid);
	tell("all", pid);
	tell("nothing", pid);
	show("while it runs", pid, "environ");
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	show("stopped", pid, "environ");
	kill(pid, SIGKILL);
	waitid(P_PID, pid, NULL, WEXITED | WNOWAIT);
	show("dead", pid, "cmdline");
	waitpid(pid, NULL, 0);
	show("own", getpid(), "cmdline");
	return 0;
}
