/* SPDX-License-Identifier: MIT */
/* tests/guest/linux/procmap.c - PROCMAP_QUERY says what /proc/PID/maps says, of oneself and of a child. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

struct query { /* of linux/fs.h, which is newer than some that this is compiled with */
	uint64_t size, flags, addr, start, end, access, page_size, offset, inode;
	uint32_t major, minor, name_size, build_id_size;
	uint64_t name_addr, build_id_addr;
};
#define QUERY _IOWR('f', 17, struct query)
#define NEXT  16

static char name[4096];

static int ask(int fd, uint64_t addr, uint64_t flags, struct query *q)
{
	*q = (struct query){ .size = sizeof *q, .flags = flags, .addr = addr, .name_addr = (uintptr_t)name, .name_size = sizeof name };
	name[0] = 0;
	return ioctl(fd, QUERY, q) == 0 ? 0 : errno;
}

/* Line by line the same: how many lines are not. */
static int compare(const char *path)
{
	FILE *maps = fopen(path, "r");
	int fd = open(path, O_RDONLY), bad = 0;
	uint64_t at = 0;
	char line[5000];
	struct query q;

	while (fgets(line, sizeof line, maps) != NULL) {
		unsigned long start, end, offset, inode;
		unsigned major, minor;
		char access[5], *text;
		int n = 0;

		sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %n", &start, &end, access, &offset, &major, &minor, &inode, &n);
		line[strcspn(line, "\n")] = 0;
		text = line + n;
		if (strcmp(text, "[vsyscall]") == 0)
			continue;
		if (ask(fd, at, NEXT, &q) != 0 || q.start != start || q.end != end || q.offset != offset || q.inode != inode || q.major != major ||
		    q.minor != minor || strcmp(name, text) != 0 || !(q.access & 1) != (access[0] != 'r') || !(q.access & 2) != (access[1] != 'w') ||
		    !(q.access & 4) != (access[2] != 'x') || !(q.access & 8) != (access[3] != 's'))
			bad++;
		at = end;
	}
	fclose(maps);
	bad += ask(fd, at, NEXT, &q) != ENOENT;
	close(fd);
	return bad;
}

static int refusals(void)
{
	int fd = open("/proc/self/maps", O_RDONLY), bad = 0;
	struct query q;

	bad += ask(fd, 1, 0, &q) != ENOENT;
	bad += ask(fd, (uintptr_t)name, 0, &q) != 0 || q.page_size != 4096;
	bad += ask(fd, (uintptr_t)name, 4, &q) != ENOENT; /* not executable */
	bad += ask(fd, (uintptr_t)name, 64, &q) != EINVAL;
	q = (struct query){ .size = 16, .addr = 1 };
	bad += ioctl(fd, QUERY, &q) != -1 || errno != EINVAL;
	q = (struct query){ .size = sizeof q, .addr = (uintptr_t)&refusals, .name_addr = (uintptr_t)name, .name_size = 2 };
	bad += ioctl(fd, QUERY, &q) != -1 || errno != ENAMETOOLONG;
	q = (struct query){ .size = sizeof q, .addr = (uintptr_t)&refusals, .name_size = 2 };
	bad += ioctl(fd, QUERY, &q) != -1 || errno != EINVAL;
	close(fd);
	return bad;
}

int main(void)
{
	struct utsname u;
	unsigned major = 0, minor = 0;
	char path[50];
	pid_t child;
	int old;

	uname(&u);
	sscanf(u.release, "%u.%u", &major, &minor);
	old = major < 6 || (major == 6 && minor < 11); /* there is no such call yet */
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	snprintf(path, sizeof path, "/proc/%d/maps", child);
	printf("own %d\n", old ? 0 : compare("/proc/self/maps"));
	printf("child's %d\n", old ? 0 : compare(path));
	printf("refused %d\n", old ? 0 : refusals());
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return 0;
}
