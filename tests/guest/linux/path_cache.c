/* SPDX-License-Identifier: MIT */
/* covers: paths that were walked often are walked anew when something on the way changes, whoever changes it */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[PATH_MAX];

static const char *at(const char *name)
{
	static char all[4][PATH_MAX + 100];
	static unsigned next;
	char *p = all[next++ % 4];

	snprintf(p, sizeof all[0], "%s/%s", top, name);
	return p;
}

static void put(const char *name, const char *text)
{
	int fd = open(at(name), O_CREAT | O_WRONLY | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		printf("cannot write %s: %s\n", name, strerror(errno));
	close(fd);
}

/* Often enough that whatever remembers paths does. */
static void get(const char *name)
{
	char b[100] = "";
	struct stat st;
	int fd = -1, n = 0;

	for (int i = 0; i < 60; i++) {
		(void)stat(at(name), &st);
		if (fd >= 0)
			close(fd);
		fd = open(at(name), O_RDONLY);
	}
	n = fd < 0 ? -errno : (int)read(fd, b, sizeof b - 1);
	if (fd >= 0)
		close(fd);
	printf("%s: %s\n", name, n < 0 ? strerror(-n) : b);
}

/* In another process, which the first one waits for. */
static void elsewhere(void (*fn)(void))
{
	pid_t p = fork();

	if (p == 0) {
		fn();
		_exit(0);
	}
	waitpid(p, NULL, 0);
}

static void swap_folders(void)
{
	rename(at("a"), at("t"));
	rename(at("b"), at("a"));
	rename(at("t"), at("b"));
}
static void exchange(void) { renameat2(AT_FDCWD, at("a"), AT_FDCWD, at("b"), 2 /* RENAME_EXCHANGE */); }
static void turn_link(void)
{
	unlink(at("l"));
	symlink("b", at("l"));
}
static void turn_link_by_rename(void)
{
	symlink("a", at("l2"));
	rename(at("l2"), at("l"));
}
static void remove_folder(void)
{
	unlink(at("a/f"));
	unlink(at("a/sub/f"));
	rmdir(at("a/sub"));
	rmdir(at("a"));
}
static void make_folder(void)
{
	mkdir(at("a"), 0755);
	mkdir(at("a/sub"), 0755);
	put("a/f", "new a");
	put("a/sub/f", "new sub");
}
static void move_deeper(void) { rename(at("a/sub"), at("b/sub2")); }
static void file_for_folder(void)
{
	rename(at("b"), at("c"));
	put("b", "a file now");
}
static void close_folder(void) { chmod(at("c"), 0); }
static void open_folder(void) { chmod(at("c"), 0755); }
static void create_missing(void) { put("c/later", "here now"); }

/* Whom modes bind, in another process: root without its capabilities for files. */
static void bound(void (*fn)(void))
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };
	pid_t p = fork();

	if (p == 0) {
		if (syscall(SYS_capset, &h, none))
			printf("cannot drop capabilities\n");
		fn();
		fflush(stdout);
		_exit(0);
	}
	waitpid(p, NULL, 0);
}

static void look_closed(void)
{
	get("c/f");
}

static void close_own(void)
{
	mkdir(at("open/mine"), 0755);
	mkdir(at("open/mine/deep"), 0755);
	put("open/mine/deep/f", "mine");
	get("open/mine/deep/f");
	chmod(at("open/mine"), 0);
	get("open/mine/deep/f");
	chmod(at("open/mine"), 0755);
	get("open/mine/deep/f");
}

static volatile int stop;
static long wrong, seen;

/* One of the two files must always be found by one of the two names, or neither while they change places. */
static void *watch(void *arg)
{
	char b[8];

	(void)arg;
	while (!stop) {
		int fd = open("race/x/f", O_RDONLY), n;
		char abs[PATH_MAX];

		if (fd >= 0)
			close(fd);
		snprintf(abs, sizeof abs, "%s/race/x/f", top);
		fd = open(abs, O_RDONLY);
		if (fd < 0) {
			wrong += errno != ENOENT;
			continue;
		}
		n = (int)read(fd, b, sizeof b);
		wrong += n != 1 || (b[0] != '1' && b[0] != '2');
		seen++;
		close(fd);
	}
	return NULL;
}

static void race(void)
{
	pthread_t t[3];

	mkdir(at("race"), 0755);
	mkdir(at("race/x"), 0755);
	mkdir(at("race/y"), 0755);
	put("race/x/f", "1");
	put("race/y/f", "2");
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, watch, NULL);
	for (int i = 0; i < 300; i++) {
		pid_t p = i % 10 ? 0 : fork();
		char got[2] = "";
		int fd;

		if (i % 10 == 0 && p != 0) {
			waitpid(p, NULL, 0);
		} else {
			rename(at("race/x"), at("race/z"));
			rename(at("race/y"), at("race/x"));
			rename(at("race/z"), at("race/y"));
			if (i % 10 == 0)
				_exit(0);
		}
		/* Who made or waited for the change must see it. */
		fd = open(at("race/x/f"), O_RDONLY);
		if (fd < 0 || read(fd, got, 1) != 1 || got[0] != (i % 2 ? '1' : '2'))
			printf("turn %d: %s, %s\n", i, fd < 0 ? strerror(errno) : "opened", got);
		close(fd);
	}
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	printf("race: %ld wrong, %s\n", wrong, seen > 0 ? "some seen" : "none seen");
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (!getcwd(top, sizeof top - 100))
		return 1;
	mkdir(at("a"), 0755);
	mkdir(at("b"), 0755);
	mkdir(at("a/sub"), 0755);
	put("a/f", "first");
	put("b/f", "second");
	put("a/sub/f", "sub");
	symlink("a", at("l"));
	get("a/f"), get("b/f"), get("l/f"), get("l/sub/f"), get("a/none"), get("none/f");
	elsewhere(swap_folders);
	get("a/f"), get("b/f"), get("l/f"), get("l/sub/f"), get("b/sub/f");
	swap_folders();
	get("a/f"), get("b/f"), get("l/f"), get("l/sub/f");
	elsewhere(exchange);
	get("a/f"), get("b/f"), get("l/f"), get("l/sub/f");
	exchange();
	get("a/f"), get("a/sub/f");
	elsewhere(turn_link);
	get("l/f"), get("l/sub/f");
	elsewhere(turn_link_by_rename);
	get("l/f"), get("l/sub/f");
	elsewhere(move_deeper);
	get("a/sub/f"), get("b/sub2/f"), get("l/sub/f");
	rename(at("b/sub2"), at("a/sub"));
	get("a/sub/f"), get("b/sub2/f");
	elsewhere(remove_folder);
	get("a/f"), get("a/sub/f"), get("l/f");
	elsewhere(make_folder);
	get("a/f"), get("a/sub/f"), get("l/f");
	elsewhere(file_for_folder);
	get("b/f"), get("c/f");
	get("c/later");
	elsewhere(create_missing);
	get("c/later");
	get("a/../c/f"), get("a/sub/../../c/later");
	elsewhere(close_folder);
	bound(look_closed);
	elsewhere(open_folder);
	bound(look_closed);
	mkdir(at("open"), 0777);
	chmod(at("open"), 0777);
	bound(close_own);
	race();
	return 0;
}
