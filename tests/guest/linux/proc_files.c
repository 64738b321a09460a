/* SPDX-License-Identifier: MIT */
/* covers: /proc files that programs parse, magic links, /proc/self/fd */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *slurp(const char *path, long *len)
{
	static char buf[1 << 20];
	int fd = open(path, O_RDONLY), n;
	long at = 0;

	if (fd < 0) {
		printf("%s: %s\n", path, strerror(errno));
		*buf = 0;
		return buf;
	}
	while ((n = read(fd, buf + at, 777)) > 0)
		at += n;
	buf[at] = 0;
	close(fd);
	if (len)
		*len = at;
	return buf;
}

static void check(const char *what, int ok)
{
	printf("%s: %s\n", what, ok ? "ok" : "WRONG");
}

static long field(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	return p ? atol(p + strlen(name)) : -1;
}

static void status_and_stat(void)
{
	char *s, comm[32], state;
	int pid, ppid, pgrp, sid, n;
	unsigned long utime, stime, vsize;
	long rss, threads;

	s = slurp("/proc/self/status", NULL);
	check("status Pid", field(s, "\nPid:\t") == getpid());
	check("status PPid", field(s, "\nPPid:\t") == getppid());
	check("status Threads", field(s, "\nThreads:\t") == 1);
	check("status Uid", field(s, "\nUid:\t") == (long)getuid());
	check("status VmRSS", field(s, "\nVmRSS:") > 100);
	check("status VmSize", field(s, "\nVmSize:") > 1000);
	check("status State", strstr(s, "\nState:\tR (running)") != NULL);
	check("status SigCgt", strstr(s, "\nSigCgt:\t") != NULL);
	check("status Cpus", strstr(s, "\nCpus_allowed_list:\t") != NULL);
	s = slurp("/proc/self/stat", NULL);
	n = sscanf(s, "%d (%31[^)]) %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld %*d %*u %lu %ld", &pid, comm, &state,
		&ppid, &pgrp, &sid, &utime, &stime, &threads, &vsize, &rss);
	check("stat fields", n == 11);
	check("stat values", pid == getpid() && ppid == getppid() && pgrp == getpgrp() && sid == getsid(0) && threads == 1 && rss > 20);
	printf("stat comm %s, state %c\n", comm, state);
	n = 0;
	for (char *p = strrchr(s, ')') + 1; *p; p++)
		n += *p == ' ';
	printf("stat has %d fields\n", n + 2);
	check("statm", atol(slurp("/proc/self/statm", NULL)) > 100);
}

static void names(char **argv)
{
	long len;
	char *s = slurp("/proc/self/cmdline", &len), path[256], buf[4096];
	int n, fd;

	check("cmdline", !strcmp(s, argv[0]) && !strcmp(s + strlen(s) + 1, "second arg") && len == (long)(strlen(argv[0]) + 12));
	s = slurp("/proc/self/environ", NULL);
	check("environ", strstr(s, "=") != NULL);
	prctl(PR_SET_NAME, "renamed");
	printf("comm %s", slurp("/proc/self/comm", NULL));
	fd = open("/proc/self/comm", O_WRONLY);
	printf("comm write %d\n", (int)write(fd, "again", 5));
	close(fd);
	printf("comm %s", slurp("/proc/self/comm", NULL));
	n = readlink("/proc/self/exe", buf, sizeof buf - 1);
	buf[n > 0 ? n : 0] = 0;
	check("exe", n > 0 && !access(buf, X_OK) && strstr(buf, strrchr(argv[0], '/') ? strrchr(argv[0], '/') : argv[0]) != NULL);
	snprintf(path, sizeof path, "/proc/%d/exe", getpid());
	fd = open(path, O_RDONLY);
	n = read(fd, buf, 4);
	check("exe opens", n == 4 && !memcmp(buf, "\177ELF", 4));
	close(fd);
	n = readlink("/proc/self/cwd", buf, sizeof buf - 1);
	buf[n > 0 ? n : 0] = 0;
	char cwd[4096];
	check("cwd", getcwd(cwd, sizeof cwd) && !strcmp(cwd, buf));
	n = readlink("/proc/self/root", buf, sizeof buf - 1);
	check("root", n == 1 && *buf == '/');
	n = readlink("/proc/self", buf, sizeof buf - 1);
	buf[n] = 0;
	check("self", atoi(buf) == getpid());
	snprintf(path, sizeof path, "%d/task/%ld", getpid(), syscall(SYS_gettid));
	n = readlink("/proc/thread-self", buf, sizeof buf - 1);
	buf[n] = 0;
	check("thread-self", !strcmp(buf, path));
}

static void descriptors(void)
{
	int p[2], fd, n, count = 0, file = open("made", O_RDWR | O_CREAT | O_TRUNC, 0644), again;
	char path[64], buf[256], text[300];
	struct dirent *e;
	struct stat a, b;
	DIR *d;

	pipe(p);
	snprintf(path, sizeof path, "/proc/self/fd/%d", p[0]);
	n = readlink(path, buf, sizeof buf - 1);
	buf[n > 0 ? n : 0] = 0;
	check("pipe link", !strncmp(buf, "pipe:[", 6));
	write(file, "hello", 5);
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	n = readlink(path, buf, sizeof buf - 1);
	buf[n > 0 ? n : 0] = 0;
	check("file link", n > 5 && !strcmp(buf + n - 5, "/made"));
	again = open(path, O_RDONLY);
	n = read(again, buf, sizeof buf);
	printf("reopened reads %d\n", n);
	close(again);
	unlink("made");
	n = readlink(path, buf, sizeof buf - 1);
	buf[n > 0 ? n : 0] = 0;
	check("deleted", strstr(buf, "/made (deleted)") != NULL);
	again = open(path, O_RDONLY);
	n = read(again, buf, sizeof buf);
	printf("deleted file reopened reads %d\n", n);
	check("same inode", !fstat(again, &a) && !fstat(file, &b) && a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	close(again);
	lstat(path, &a);
	printf("mode %o\n", a.st_mode);
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", file);
	strcpy(text, slurp(path, NULL));
	printf("fdinfo pos %ld flags %lo\n", field(text, "pos:\t"), strtol(strstr(text, "flags:\t") + 7, NULL, 8));
	d = opendir("/proc/self/fd");
	while ((e = readdir(d)))
		count += isdigit((unsigned char)e->d_name[0]) && atoi(e->d_name) < 100;
	for (n = fd = 0; fd < 100; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	check("fd listing", n == count);
	closedir(d);
	printf("missing: %s\n", open("/proc/self/fd/999", O_RDONLY) < 0 ? strerror(errno) : "opens");
	printf("no pid: %s\n", open("/proc/3999999/stat", O_RDONLY) < 0 ? strerror(errno) : "opens");
	close(p[0]);
	close(p[1]);
	close(file);
}

static void maps(void)
{
	void *m = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long lo, hi, last = 0, stack = (unsigned long)&lo, code = (unsigned long)&maps;
	char *s = slurp("/proc/self/maps", NULL), perms[8];
	int lines = 0, sorted = 1, has_code = 0, has_stack = 0, has_map = 0;

	for (char *p = s; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
		if (sscanf(p, "%lx-%lx %4s", &lo, &hi, perms) != 3)
			break;
		sorted &= lo >= last && hi > lo;
		last = hi;
		lines++;
		if (code >= lo && code < hi)
			has_code = perms[2] == 'x' && memchr(p, '/', strcspn(p, "\n")) != NULL;
		if (stack >= lo && stack < hi)
			has_stack = !strncmp(perms, "rw", 2) && strstr(p, "[stack]") != NULL;
		if ((unsigned long)m >= lo && (unsigned long)m < hi)
			has_map = perms[0] == 'r' && perms[1] == '-';
	}
	check("maps", lines > 5 && sorted && has_code && has_stack && has_map);
	check("smaps", strstr(slurp("/proc/self/smaps", NULL), "\nRss:") != NULL);
}

static void *thread(void *arg)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "/proc/self/task/%ld/stat", syscall(SYS_gettid));
	*(int *)arg = stat(path, &st) == 0 && atol(slurp(path, NULL)) == syscall(SYS_gettid);
	return NULL;
}

static void threads(void)
{
	pthread_t t;
	int ok = 0, status, p[2];
	char path[64], c;
	pid_t pid;

	pthread_create(&t, NULL, thread, &ok);
	pthread_join(t, NULL);
	check("task", ok);
	pipe(p);
	pid = fork();
	if (pid == 0) {
		close(p[1]);
		read(p[0], &c, 1);
		_exit(0);
	}
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	char *s = slurp(path, NULL);
	check("child status", field(s, "\nPid:\t") == pid && field(s, "\nPPid:\t") == getpid());
	snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
	check("child cmdline", strlen(slurp(path, NULL)) > 0);
	close(p[1]);
	waitid(P_PID, pid, NULL, WEXITED | WNOWAIT); /* it has ended, and stays a zombie */
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	check("zombie", strstr(slurp(path, NULL), ") Z ") != NULL);
	snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
	check("zombie cmdline", strlen(slurp(path, NULL)) == 0);
	waitpid(pid, &status, 0);
	check("gone", access(path, F_OK) < 0);
}

static void system_files(void)
{
	char *s = slurp("/proc/meminfo", NULL);
	double up = 0, load = -1;
	int n = 0;

	check("meminfo", field(s, "MemTotal:") > 1000 && field(s, "\nMemAvailable:") > 0 && field(s, "\nSwapFree:") >= 0);
	s = slurp("/proc/cpuinfo", NULL);
	for (char *p = s; (p = strstr(p, "processor\t")); p++)
		n++;
	check("cpuinfo", n == sysconf(_SC_NPROCESSORS_ONLN) && strstr(s, "\nflags\t\t: fpu ") && strstr(s, " sse2 ") && strstr(s, "\nmodel name\t: "));
	usleep(20000); /* it is shown in hundredths of a second, and a sandbox may be younger than one */
	check("uptime", sscanf(slurp("/proc/uptime", NULL), "%lf", &up) == 1 && up > 0);
	check("loadavg", sscanf(slurp("/proc/loadavg", NULL), "%lf", &load) == 1 && load >= 0);
	s = slurp("/proc/stat", NULL);
	check("stat", !strncmp(s, "cpu  ", 5) && strstr(s, "\nbtime ") && strstr(s, "\ncpu0 "));
	check("version", !strncmp(slurp("/proc/version", NULL), "Linux version ", 14));
	check("filesystems", strstr(slurp("/proc/filesystems", NULL), "proc\n") != NULL);
	check("mounts", strstr(slurp("/proc/mounts", NULL), " /proc proc ") != NULL);
	check("mountinfo", strstr(slurp("/proc/self/mountinfo", NULL), " - proc ") != NULL);
	check("hostname", strlen(slurp("/proc/sys/kernel/hostname", NULL)) > 1);
	check("ostype", !strcmp(slurp("/proc/sys/kernel/ostype", NULL), "Linux\n"));
	check("pid_max", atol(slurp("/proc/sys/kernel/pid_max", NULL)) >= 32768);
	check("uuid", strlen(slurp("/proc/sys/kernel/random/uuid", NULL)) == 37);
	check("boot_id", strlen(slurp("/proc/sys/kernel/random/boot_id", NULL)) == 37);
	check("overcommit", strlen(slurp("/proc/sys/vm/overcommit_memory", NULL)) == 2);
	check("pipe-max-size", atol(slurp("/proc/sys/fs/pipe-max-size", NULL)) == 1048576);
	check("limits", strstr(slurp("/proc/self/limits", NULL), "\nMax open files ") != NULL);
	check("cgroup", strchr(slurp("/proc/self/cgroup", NULL), ':') != NULL);
	check("online", isdigit((unsigned char)*slurp("/sys/devices/system/cpu/online", NULL)));
	check("write refused", open("/proc/version", O_WRONLY) < 0 || getuid() == 0);
	printf("unknown: %s\n", open("/proc/no-such", O_RDONLY) < 0 ? strerror(errno) : "opens");
}

static void auxv(void)
{
	unsigned long v[128], entry = 0;
	int fd = open("/proc/self/auxv", O_RDONLY), n = read(fd, v, sizeof v);

	for (int i = 0; i + 1 < n / 8; i += 2)
		if (v[i] == AT_ENTRY)
			entry = v[i + 1];
	check("auxv", entry == getauxval(AT_ENTRY));
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc == 1) {
		execl(argv[0], argv[0], "second arg", NULL);
		return 1;
	}
	status_and_stat();
	auxv();
	names(argv);
	descriptors();
	maps();
	threads();
	system_files();
	return 0;
}
