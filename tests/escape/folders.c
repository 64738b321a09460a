/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/folders.c - folders MARKER DIR MS: storms of renames, links and swapped symbolic links in a granted
 * folder, by plain system calls of several processes, while others open, list, make and remove what
 * a moment ago was a folder of the grant.  What holds MARKER lies outside and must never be read;
 * the test compares what is there before and after.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static const char *marker;
static volatile unsigned *counts; /* reads that worked, hits */

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void look(int fd, const char *how)
{
	char text[200];
	ssize_t n;

	if (fd < 0)
		return;
	n = read(fd, text, sizeof text - 1);
	text[n < 0 ? 0 : n] = 0;
	counts[0]++;
	if (strstr(text, marker)) {
		counts[1]++;
		printf("BAD %s reads what is outside\n", how);
		fflush(stdout);
	}
	close(fd);
}

/* d is by turns a folder, a link to the outside, a link up, a file. */
static void swapper(unsigned seed)
{
	mkdir("own", 0755);
	close(open("own/secret", O_CREAT | O_RDWR, 0644));
	mkdir("own/deep", 0755);
	for (unsigned i = seed;; i++) {
		(void)!symlink("../../outside", "out");
		(void)!symlink("../..", "updown");
		switch (i % 5) {
		case 0: renameat2(AT_FDCWD, "own", AT_FDCWD, "d", 0); renameat2(AT_FDCWD, "d", AT_FDCWD, "own", 0); break;
		case 1: rename("out", "d"); rename("d", "out"); break;
		case 2: renameat2(AT_FDCWD, "own", AT_FDCWD, "out", RENAME_EXCHANGE); renameat2(AT_FDCWD, "own", AT_FDCWD, "out", RENAME_EXCHANGE); break;
		case 3: rename("updown", "d"); unlink("d"); break;
		case 4: (void)!link("own/secret", "d"); unlink("d"); break;
		}
	}
}

/* A folder that somebody stands in moves up and down: its `..` is another one by turns. */
static void mover(unsigned seed)
{
	mkdir("a", 0755);
	mkdir("a/b", 0755);
	mkdir("a/b/c", 0755);
	for (;; seed++) {
		rename("a/b/c", "c");
		rename("c", "a/b/c");
	}
}

static void reader(unsigned seed)
{
	static const char *const names[] = { "d/secret", "own/secret", "out/secret", "d/deep/secret", "updown/outside/secret", "d/../../outside/secret",
		"own/../../../outside/secret", "d/outside/secret", "own/deep/../../../outside/secret" };
	char path[64];
	int dir;

	for (;; seed++) {
		const char *name = names[seed % (sizeof names / sizeof names[0])];

		look(open(name, O_RDONLY), name);
		look(open(name, O_RDONLY | O_NOFOLLOW), name);
		dir = open("d", O_RDONLY | O_DIRECTORY);
		if (dir >= 0) {
			look(openat(dir, "secret", O_RDONLY), "openat below d");
			look(openat(dir, "../../outside/secret", O_RDONLY), "openat d/../..");
			snprintf(path, sizeof path, "/proc/self/fd/%d/secret", dir);
			look(open(path, O_RDONLY), "through /proc/self/fd");
			close(dir);
		}
	}
}

static void below(unsigned seed)
{
	for (;; seed++) {
		if (chdir("a/b/c") < 0 && chdir("c") < 0)
			continue;
		look(open("../../../outside/secret", O_RDONLY), ".. of a moved folder");
		look(open("../../outside/secret", O_RDONLY), ".. of a moved folder");
		look(open("../../../../outside/secret", O_RDONLY), ".. of a moved folder");
		if (chdir("..") == 0)
			look(open("../../outside/secret", O_RDONLY), "chdir .. of a moved folder");
		if (chdir("/vol/host") < 0)
			return;
	}
}

static void writer(unsigned seed)
{
	char name[64];
	struct timespec t[2] = { { 1, 0 }, { 1, 0 } };
	int fd;

	for (;; seed++) {
		snprintf(name, sizeof name, "d/new%u", seed % 8);
		fd = open(name, O_CREAT | O_EXCL | O_RDWR, 0644);
		if (fd >= 0)
			close(fd);
		mkdir("d/newdir", 0755);
		(void)!symlink("x", "d/newlink");
		mknod("d/newpipe", S_IFIFO | 0600, 0);
		linkat(AT_FDCWD, "d/secret", AT_FDCWD, "hard", AT_SYMLINK_FOLLOW);
		linkat(AT_FDCWD, "d", AT_FDCWD, "hard", AT_SYMLINK_FOLLOW);
		look(open("hard", O_RDONLY), "a hard link");
		unlink("hard");
		(void)!truncate("d/secret", 3);
		chmod("d/secret", 04777);
		utimensat(AT_FDCWD, "d/secret", t, 0);
		setxattr("d/secret", "user.x", "y", 1, 0);
		rename("d/secret", "stolen");
		look(open("stolen", O_RDONLY), "a renamed file");
		rename("stolen", "d/secret");
		unlink(name);
		rmdir("d/newdir");
		unlink("d/newlink");
		unlink("d/newpipe");
	}
}

int main(int argc, char **argv)
{
	static void (*const all[])(unsigned) = { swapper, swapper, mover, reader, reader, below, writer };
	pid_t pids[sizeof all / sizeof all[0]];
	long end;

	if (argc < 4 || chdir(argv[2]) < 0)
		return 2;
	marker = argv[1];
	counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			all[i](i * 7);
	}
	for (end = now_ms() + atol(argv[3]); now_ms() < end;)
		usleep(10000);
	for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	printf("done folders: %u reads, %u of them outside\n", counts[0], counts[1]);
	return 0;
}
