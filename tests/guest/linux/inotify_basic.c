/* SPDX-License-Identifier: MIT */
/* covers: inotify_init1, inotify_add_watch, inotify_rm_watch, events of files and directories */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int in;
static uint32_t cookie;

static void events(const char *what)
{
	char buf[4096] __attribute__((aligned(8)));
	int n = read(in, buf, sizeof buf);

	printf("%s:\n", what);
	if (n < 0)
		printf("  %s\n", strerror(errno));
	for (char *p = buf; p < buf + n; p += sizeof(struct inotify_event) + ((struct inotify_event *)p)->len) {
		struct inotify_event *e = (void *)p;
		const char *c = !e->cookie ? "" : e->cookie == cookie ? " same cookie" : " cookie";

		if (e->cookie)
			cookie = e->cookie;
		printf("  wd %d mask %x len %u name %s%s\n", e->wd, e->mask, e->len, e->len ? e->name : "-", c);
	}
}

static void refuse(const char *what, int result)
{
	printf("%s: %d %s\n", what, result, result < 0 ? strerror(errno) : "");
}

int main(void)
{
	struct pollfd p;
	int fd, d, f, n;
	char c;

	in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	printf("flags %x\n", fcntl(in, F_GETFD));
	mkdir("dir", 0755);
	d = inotify_add_watch(in, "dir", IN_ALL_EVENTS);
	events("nothing");
	fd = open("dir/file", O_CREAT | O_RDWR, 0644);
	write(fd, "abc", 3);
	write(fd, "def", 3);
	lseek(fd, 0, SEEK_SET);
	read(fd, &c, 1);
	close(fd);
	p = (struct pollfd){ in, POLLIN, 0 };
	printf("poll %d\n", poll(&p, 1, 0));
	ioctl(in, FIONREAD, &n);
	printf("fionread %s\n", n > 0 ? "some" : "none");
	events("create and write");
	chmod("dir/file", 0600);
	rename("dir/file", "dir/other");
	events("chmod, rename");
	mkdir("dir/sub", 0755);
	rmdir("dir/sub");
	symlink("x", "dir/link");
	link("dir/other", "dir/hard");
	unlink("dir/hard");
	events("sub, links");
	f = inotify_add_watch(in, "dir/other", IN_MODIFY | IN_DELETE_SELF | IN_ATTRIB);
	printf("wds %d %d, again %d\n", d, f, inotify_add_watch(in, "dir/other", IN_MODIFY | IN_DELETE_SELF | IN_ATTRIB));
	truncate("dir/other", 1);
	events("truncate");
	unlink("dir/other");
	events("unlink");
	printf("rm %d\n", inotify_rm_watch(in, d));
	refuse("rm again", inotify_rm_watch(in, d));
	events("removed");
	refuse("missing", inotify_add_watch(in, "nowhere", IN_ALL_EVENTS));
	refuse("only dir", inotify_add_watch(in, "dir/link", IN_ALL_EVENTS | IN_ONLYDIR | IN_DONT_FOLLOW));
	refuse("no mask", inotify_add_watch(in, "dir", 0));
	inotify_add_watch(in, "dir", IN_CREATE | IN_ONESHOT);
	mkdir("dir/a", 0755);
	mkdir("dir/b", 0755);
	events("oneshot");
	return 0;
}
