/* SPDX-License-Identifier: MIT */
/* tests/guest/linux/watch_links.c - inotify and fanotify follow the file, whichever name it is changed by, and however it was found. */
/* flags: -v /tmp:/tmp -v /usr/bin:/usr/bin:ro */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char buf[4096];

static unsigned seen(int in, int ms)
{
	struct pollfd p = { in, POLLIN, 0 };
	unsigned mask = 0;

	while (poll(&p, 1, mask ? 0 : ms) == 1) {
		ssize_t n = read(in, buf, sizeof buf);

		for (ssize_t at = 0; at < n;) {
			struct inotify_event *e = (void *)(buf + at);

			mask |= e->mask;
			at += sizeof *e + e->len;
		}
	}
	return mask;
}

static void append(const char *name)
{
	int fd = open(name, O_WRONLY | O_APPEND | O_CREAT, 0600);

	if (write(fd, "x\n", 2) != 2)
		perror(name);
	close(fd);
}

/* Two names the file had before anybody here knew of it: /usr/bin/perl has two on Debian. */
static void links_of_host(int in)
{
	struct stat perl, other;
	char name[300], c;
	DIR *d = opendir("/usr/bin");
	struct dirent *e;
	int wd, fd;

	if (stat("/usr/bin/perl", &perl) != 0 || d == NULL)
		return;
	wd = inotify_add_watch(in, "/usr/bin/perl", IN_OPEN | IN_CLOSE);
	while ((e = readdir(d)) != NULL) {
		snprintf(name, sizeof name, "/usr/bin/%s", e->d_name);
		if (strncmp(e->d_name, "perl5", 5) != 0 || stat(name, &other) != 0 || other.st_ino != perl.st_ino)
			continue;
		fd = open(name, O_RDONLY);
		read(fd, &c, 1);
		close(fd);
		printf("by another name of the host %x\n", seen(in, 1000));
	}
	closedir(d);
	inotify_rm_watch(in, wd);
	seen(in, 1000);
}

static void links(int in)
{
	int wd, wd2;

	append("a");
	link("a", "b");
	wd = inotify_add_watch(in, "a", IN_MODIFY | IN_ATTRIB);
	append("b");
	printf("by the other name %x\n", seen(in, 1000));
	wd2 = inotify_add_watch(in, "b", IN_MODIFY);
	printf("one watch %d\n", wd == wd2);
	append("a");
	printf("by its own %x\n", seen(in, 1000));
	rename("b", "c");
	append("c");
	printf("renamed %x\n", seen(in, 1000) & IN_MODIFY);
	append("d");
	rename("d", "a"); /* another file has the name now */
	append("c");
	printf("replaced %x\n", seen(in, 1000) & IN_MODIFY);
	append("a");
	printf("that one %x\n", seen(in, 50) & IN_MODIFY);
	inotify_rm_watch(in, wd);
	printf("removed %x\n", seen(in, 1000));
	append("c");
	printf("quiet %x\n", seen(in, 50));
	unlink("c");
}

/* A new file gets the name while somebody looks for just that; then it is written by its name. */
static void found_at_once(int in)
{
	int there[2], soon[2], lost = 0;
	char c;

	pipe(there);
	pipe(soon);
	for (int i = 0; i < 16; i++) {
		struct stat old, now;
		pid_t child;
		int wd;

		append("k");
		stat("k", &old);
		child = fork();
		if (child == 0) {
			append("x");
			usleep(i % 4 ? 1000 : 1050000); /* what is known of a name of the host is believed for a second */
			write(soon[1], "", 1);
			rename("x", "k");
			read(there[0], &c, 1);
			append("k");
			_exit(0);
		}
		read(soon[0], &c, 1);
		do {
			int fd = open("k", O_RDONLY);

			fstat(fd, &now);
			close(fd);
		} while (now.st_ino == old.st_ino);
		wd = inotify_add_watch(in, "k", IN_MODIFY);
		write(there[1], "", 1);
		lost += seen(in, 5000) != IN_MODIFY;
		waitpid(child, NULL, 0);
		inotify_rm_watch(in, wd);
		seen(in, 1000);
	}
	printf("lost %d\n", lost);
	unlink("k");
}

int main(void)
{
	char dir[] = "/tmp/watch_links.XXXXXX";
	int in = inotify_init1(IN_NONBLOCK);

	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		return 1;
	links_of_host(in);
	links(in);
	found_at_once(in);
	unlink("a");
	return rmdir(dir);
}
