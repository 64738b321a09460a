/* SPDX-License-Identifier: MIT */
/* covers: fallocate of more than a tmpfs may hold: refused at once, and nothing is taken */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void take(int fd, int mode, long long size)
{
	struct stat st;
	int err = fallocate(fd, mode, 0, size) != 0 ? errno : 0;

	fstat(fd, &st);
	printf("%lld: %s, %ld blocks of %ld bytes\n", size, strerror(err), (long)st.st_blocks, (long)st.st_size);
}

static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY), n = write(fd, text, strlen(text));

	close(fd);
	return n > 0;
}

static int be_root_of_own(void)
{
	char uid[40], gid[40];

	sprintf(uid, "0 %d 1", (int)geteuid());
	sprintf(gid, "0 %d 1", (int)getegid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && put("/proc/self/setgroups", "deny") &&
	       put("/proc/self/uid_map", uid) && put("/proc/self/gid_map", gid);
}

int main(void)
{
	int fd;

	mkdir("m", 0755);
	if (!be_root_of_own() || mount("none", "m", "tmpfs", 0, "size=1m") != 0) {
		printf("no mount here\n");
		return 0;
	}
	fd = open("m/f", O_CREAT | O_RDWR, 0600);
	take(fd, 0, 65536);
	take(fd, 0, 1ll << 40);
	take(fd, FALLOC_FL_KEEP_SIZE, 2 << 20);
	take(fd, 0, 1 << 20);
	return 0;
}
