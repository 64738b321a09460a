/* SPDX-License-Identifier: MIT */
/* covers: many processes and threads that make, move and remove names of one small tree at once */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 1500

static void pick(char *name, unsigned *seed)
{
	int d = rand_r(seed) % 4, n = rand_r(seed) % 12;

	d == 0 ? sprintf(name, "n%d", n) : sprintf(name, "d%d/n%d", d, n);
}

static void write_some(const char *name, unsigned *seed)
{
	static const char data[5000];
	int fd = open(name, O_CREAT | O_RDWR | (rand_r(seed) % 3 ? 0 : O_TRUNC), 0644);

	pwrite(fd, data, rand_r(seed) % 5000, rand_r(seed) % 20000);
	close(fd);
}

static void read_some(const char *name)
{
	char buf[4000];
	struct stat st;
	int fd = open(name, O_RDONLY);

	read(fd, buf, sizeof buf);
	fstat(fd, &st);
	close(fd);
}

static void nameless(const char *name)
{
	char link[40];
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);

	sprintf(link, "/proc/self/fd/%d", fd);
	linkat(AT_FDCWD, link, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
	close(fd);
}

static void directories(unsigned *seed)
{
	char a[20], b[20];
	struct stat st;
	DIR *d;

	sprintf(a, "d%d", 1 + rand_r(seed) % 3);
	sprintf(b, "d%d/sub", 1 + rand_r(seed) % 3);
	switch (rand_r(seed) % 4) {
	case 0:
		mkdir(a, 0755);
		break;
	case 1:
		rmdir(a);
		break;
	case 2:
		rename(a, b);
		rename(b, a);
		break;
	default:
		if ((d = opendir(a)) != NULL) {
			while (readdir(d))
				stat(a, &st);
			closedir(d);
		}
	}
}

static void *work(void *arg)
{
	unsigned seed = (unsigned)(long)arg * 7919 + 1;
	char x[40], y[40];

	for (int i = 0; i < ROUNDS; i++) {
		pick(x, &seed);
		pick(y, &seed);
		switch (rand_r(&seed) % 12) {
		case 0:
		case 1:
			write_some(x, &seed);
			break;
		case 2:
			read_some(x);
			break;
		case 3:
			unlink(x);
			break;
		case 4:
		case 5:
			rename(x, y);
			break;
		case 6:
			link(x, y);
			break;
		case 7:
			symlink("n1", x);
			break;
		case 8:
			renameat2(AT_FDCWD, x, AT_FDCWD, y, RENAME_EXCHANGE);
			break;
		case 9:
			truncate(x, rand_r(&seed) % 30000);
			break;
		case 10:
			nameless(x);
			break;
		default:
			directories(&seed);
		}
	}
	return NULL;
}

/* What is listed must be there, and must go when it is removed. */
static int sweep(const char *dir)
{
	struct dirent *e;
	struct stat st;
	char name[600];
	int left = 0;
	DIR *d = opendir(dir);

	while ((e = readdir(d)) != NULL) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		sprintf(name, "%s/%s", dir, e->d_name);
		if (lstat(name, &st) < 0) {
			printf("listed, but not there\n");
		} else if (S_ISDIR(st.st_mode)) {
			left += sweep(name);
			left += rmdir(name) != 0;
		} else
			left += unlink(name) != 0;
	}
	closedir(d);
	return left;
}

int main(void)
{
	char place[] = "/tmp/fs_stressXXXXXX";
	pthread_t t[2];
	struct stat st;
	int status;

	chdir(mkdtemp(place));
	for (long p = 0; p < 3; p++)
		if (fork() == 0) {
			for (long i = 0; i < 2; i++)
				pthread_create(&t[i], NULL, work, (void *)(p * 10 + i));
			for (int i = 0; i < 2; i++)
				pthread_join(t[i], NULL);
			_exit(0);
		}
	while (wait(&status) > 0)
		if (status != 0)
			printf("status %x\n", status);
	printf("left %d\n", sweep("."));
	stat(".", &st);
	printf("links %ld, gone %d\n", (long)(st.st_nlink == 2), rmdir(place));
	return 0;
}
