/* SPDX-License-Identifier: MIT */
/* covers: who is told that a name exists, or is gone, finds it so, while others make and remove names of a host folder */
/* flags: -v /tmp:/tmp */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCS  3
#define ROUNDS 50

static atomic_int *arrived;
static int bad;

static void meet(int round)
{
	atomic_fetch_add(arrived, 1);
	while (*arrived < PROCS * round)
		sched_yield();
}

static void check(int ok, const char *what, int round)
{
	if (ok)
		return;
	printf("round %d: %s: %s\n", round, what, strerror(errno));
	bad = 1;
}

/* As PostgreSQL's workers do for temporary files: the file, else its folder, else that one's folder. */
static void make_file(const char *top, int me, int round)
{
	char a[80], b[90], f[100];
	int fd;

	sprintf(a, "%s/a%d", top, round);
	sprintf(b, "%s/b", a);
	sprintf(f, "%s/f%d", b, me);
	fd = open(f, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0) {
		if (mkdir(b, 0700) != 0 && errno == ENOENT) {
			check(mkdir(a, 0700) == 0 || errno == EEXIST, "outer folder", round);
			check(mkdir(b, 0700) == 0 || errno == EEXIST, "inner folder", round);
		}
		fd = open(f, O_RDWR | O_CREAT | O_TRUNC, 0600);
	}
	check(fd >= 0, "file", round);
	close(fd);
}

/* All make one name, all remove it; then it can be made again. */
static void make_and_remove(const char *top, int me, int round)
{
	char name[80], mine[80];
	int fd;

	sprintf(name, "%s/x", top);
	sprintf(mine, "%s/m%d", top, me);
	fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	check(fd >= 0 || errno == EEXIST, "exclusive", round);
	close(fd);
	check(access(name, F_OK) == 0, "it was there", round);
	meet(3 * round - 1);
	check(unlink(name) == 0 || errno == ENOENT, "unlink", round);
	check(access(name, F_OK) != 0, "it was gone", round);
	fd = open(mine, O_CREAT | O_EXCL | O_WRONLY, 0600);
	check(fd >= 0, "own name", round);
	close(fd);
	check(unlink(mine) == 0, "own name gone", round);
}

int main(void)
{
	char top[] = "/tmp/races.XXXXXX", command[64];
	int me = 0, status;

	arrived = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mkdtemp(top) == NULL)
		return 1;
	for (int n = 1; n < PROCS && me == 0; n++)
		if (fork() == 0)
			me = n;
	for (int r = 1; r <= ROUNDS; r++) {
		meet(3 * r - 2);
		make_file(top, me, r);
		make_and_remove(top, me, r);
		meet(3 * r);
	}
	if (me != 0)
		_exit(bad);
	while (wait(&status) > 0)
		bad |= status != 0;
	sprintf(command, "rm -rf %s", top);
	system(command);
	printf("%s\n", bad ? "bad" : "as it should be");
	return bad;
}
