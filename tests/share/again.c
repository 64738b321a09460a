/* SPDX-License-Identifier: MIT */
/*
 * Opens files again and again that somebody else changes; run by again.py, inside.
 *	again tell		for each line, a path: how the first of some opens went, in this process, one that it forked and one that it started
 *	again tell-one		the same, in this one alone
 *	again race PATH COUNTER	PATH holds a number that only grows, and so does COUNTER, after it: no open may find less
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPENS 5

static void look(const char *path, FILE *out)
{
	char text[64], first[300] = "";

	for (int i = 0; i < OPENS; i++) {
		int fd = open(path, O_RDONLY), err = errno;
		struct stat st;
		ssize_t n;

		if (fd < 0) {
			snprintf(text, sizeof text, "errno %d", err);
			if (i == 0)
				strcpy(first, text);
			continue;
		}
		n = read(fd, text, sizeof text - 1);
		text[n > 0 ? n : 0] = 0;
		if (i == 0 && fstat(fd, &st) == 0)
			snprintf(first, sizeof first, "%s %o %ld %ld %ld.%09ld", text, st.st_mode, (long)st.st_size, (long)st.st_nlink, (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
		close(fd);
	}
	fprintf(out, "%s\n", first);
	fflush(out);
}

static void tell_one(FILE *in, FILE *out)
{
	char line[4096];

	while (fgets(line, sizeof line, in)) {
		line[strcspn(line, "\n")] = 0;
		look(line, out);
	}
}

/* A process that tells. */
static void start(const char *self, FILE **to, FILE **from)
{
	int a[2], b[2];

	if (pipe2(a, O_CLOEXEC) || pipe2(b, O_CLOEXEC))
		exit(3);
	if (fork() == 0) {
		if (self) {
			dup2(a[0], 0);
			dup2(b[1], 1);
			execl(self, self, "tell-one", (char *)0);
			_exit(4);
		}
		close(a[1]);
		tell_one(fdopen(a[0], "r"), fdopen(b[1], "w"));
		_exit(0);
	}
	close(a[0]);
	close(b[1]);
	*to = fdopen(a[1], "w");
	*from = fdopen(b[0], "r");
}

static void tell(const char *self)
{
	FILE *to[2], *from[2];
	char line[4096], answer[400];

	start(NULL, &to[0], &from[0]);
	start(self, &to[1], &from[1]);
	while (fgets(line, sizeof line, stdin)) {
		for (int i = 0; i < 2; i++) {
			fputs(line, to[i]);
			fflush(to[i]);
		}
		line[strcspn(line, "\n")] = 0;
		look(line, stdout);
		for (int i = 0; i < 2; i++)
			fputs(fgets(answer, sizeof answer, from[i]) ? answer : "gone\n", stdout);
		fflush(stdout);
	}
}

static int race(const char *path, const char *counter)
{
	volatile uint64_t *now = mmap(NULL, 4096, PROT_READ, MAP_SHARED, open(counter, O_RDONLY), 0);
	unsigned long opens = 0, old = 0, none = 0;
	char text[64];

	if (now == MAP_FAILED)
		return 3;
	printf("ready\n");
	fflush(stdout);
	while (*now != UINT64_MAX) {
		uint64_t least = *now;
		int fd = open(path, O_RDONLY);
		ssize_t n;

		opens++;
		if (fd < 0) {
			none++;
			continue;
		}
		n = read(fd, text, sizeof text - 1);
		text[n > 0 ? n : 0] = 0;
		close(fd);
		if (least != UINT64_MAX && strtoull(text, NULL, 10) < least)
			old++;
	}
	printf("%lu %lu %lu\n", opens, old, none);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "tell"))
		tell(argv[0]);
	else if (argc > 1 && !strcmp(argv[1], "tell-one"))
		tell_one(stdin, stdout);
	else if (argc > 3)
		return race(argv[2], argv[3]);
	else
		return 2;
	return 0;
}
