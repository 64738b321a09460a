/* SPDX-License-Identifier: MIT */
/* covers: mount -t overlay: merged folders, copy up, whiteouts, opaque folders, renames, what layers look like afterwards */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644), n = fd < 0 ? -1 : (int)write(fd, text, strlen(text));

	close(fd);
	return n >= 0;
}

static int be_root_of_own(void)
{
	char uid[40], gid[40];

	sprintf(uid, "0 %d 1", (int)geteuid());
	sprintf(gid, "0 %d 1", (int)getegid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && put("/proc/self/setgroups", "deny") &&
	       put("/proc/self/uid_map", uid) && put("/proc/self/gid_map", gid);
}

static const char *said(int r)
{
	return r == 0 ? "ok" : strerror(errno);
}

static void show(const char *file)
{
	char buf[64] = "";
	int fd = open(file, O_RDONLY), n = fd < 0 ? -1 : (int)read(fd, buf, sizeof buf - 1);

	printf("%s: %s\n", file, n < 0 ? strerror(errno) : buf);
	close(fd);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void list(const char *dir)
{
	struct dirent **e;
	int n = scandir(dir, &e, NULL, by_name);

	printf("%s:", dir);
	for (int i = 0; i < n; i++) {
		char path[400];
		struct stat st;

		snprintf(path, sizeof path, "%s/%s", dir, e[i]->d_name);
		if (lstat(path, &st) != 0)
			printf(" %s?", e[i]->d_name);
		else if (e[i]->d_name[0] != '.')
			printf(" %s(%o%s)", e[i]->d_name, st.st_mode, S_ISCHR(st.st_mode) && st.st_rdev == 0 ? " whiteout" : "");
	}
	printf("\n");
}

static void layers(void)
{
	mkdir("t/lo", 0755), mkdir("t/lo2", 0755), mkdir("t/up", 0755), mkdir("t/wk", 0755), mkdir("t/m", 0755);
	mkdir("t/lo/d", 0750), mkdir("t/lo/d/sub", 0755), mkdir("t/lo2/d", 0755), mkdir("t/lo2/e", 0755);
	put("t/lo/f", "f of lo"), put("t/lo2/f", "f of lo2"), put("t/lo2/g", "g of lo2"), put("t/lo/d/x", "x"), put("t/lo2/d/y", "y");
	put("t/lo2/e/z", "z"), put("t/lo/h", "h"), symlink("f", "t/lo/l");
	chmod("t/lo/h", 0604);
}

static void changes(void)
{
	struct stat st, st2;
	int fd;

	list("t/m"), list("t/m/d");
	fd = open("t/m/h", O_RDONLY);
	printf("append %d\n", (int)write(open("t/m/h", O_WRONLY | O_APPEND), "++", 2));
	show("t/m/h"), show("t/lo/h");
	stat("t/m/h", &st), lstat("t/up/h", &st2);
	printf("mode %o, above %o\n", st.st_mode, st2.st_mode);
	printf("chmod %s\n", said(chmod("t/m/g", 0711)));
	stat("t/lo2/g", &st);
	printf("below it is still %o\n", st.st_mode);
	printf("unlink %s\n", said(unlink("t/m/f")));
	printf("again %s\n", said(unlink("t/m/f")));
	show("t/m/f"), show("t/m/l");
	printf("rmdir %s\n", said(rmdir("t/m/e")));
	printf("unlink %s\n", said(unlink("t/m/e/z")));
	printf("rmdir %s\n", said(rmdir("t/m/e")));
	printf("mkdir %s\n", said(mkdir("t/m/e", 0700)));
	list("t/m/e");
	printf("rename of a folder from below: %s\n", said(rename("t/m/d", "t/m/dd")));
	printf("of a file: %s\n", said(rename("t/m/d/x", "t/m/e/xx")));
	printf("over one from below: %s\n", said(rename("t/m/h", "t/m/g")));
	printf("of a folder over a name that was removed: %s\n", said(rename("t/m/e", "t/m/f")));
	printf("link %s\n", said(link("t/m/d/y", "t/m/yy")));
	stat("t/m/yy", &st);
	printf("%d links\n", (int)st.st_nlink);
	show("t/m/g"), show("t/m/f/xx");
	list("t/m"), list("t/m/d"), list("t/m/f"), list("t/up"), list("t/up/d");
	printf("opaque: %d\n", (int)getxattr("t/up/f", "user.overlay.opaque", NULL, 0));
	printf("seen inside: %s\n", said(getxattr("t/m/f", "user.overlay.opaque", NULL, 0) < 0 ? -1 : 0));
	close(fd);
}

/* Mapped and written, truncated, by several at once. */
static void contents(void)
{
	char *p;
	int fd, ok = 0, status;

	put("t/lo/big", "");
	truncate("t/lo/big", 200000);
	fd = open("t/m/big", O_RDWR);
	p = mmap(NULL, 200000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p[199999] = 'e';
	printf("%d\n", (int)lseek(fd, 0, SEEK_END));
	ftruncate(fd, 199999);
	printf("%d\n", (int)lseek(fd, 0, SEEK_END));
	for (int i = 0; i < 50; i++) {
		char name[40];

		sprintf(name, "t/lo/c%d", i);
		put(name, "contents");
	}
	umount2("t/m", MNT_DETACH);
	printf("again: %s\n", said(mount("none", "t/m", "overlay", 0, "lowerdir=t/lo:t/lo2,upperdir=t/up,workdir=t/wk,userxattr")));
	for (int k = 0; k < 4; k++)
		if (fork() == 0) {
			for (int i = 0; i < 50; i++) {
				char name[40];

				sprintf(name, "t/m/c%d", i);
				if (chmod(name, 0600 + k) != 0 || (i % 2 && write(open(name, O_WRONLY | O_APPEND), "!", 1) != 1))
					_exit(1);
			}
			_exit(0);
		}
	while (wait(&status) > 0)
		ok += status == 0;
	printf("%d of 4\n", ok);
	show("t/m/c2"), show("t/m/c3");
	list("t/wk/work");
}

int main(void)
{
	mkdir("t", 0755);
	umask(022);
	if (!be_root_of_own() || mount("none", "t", "tmpfs", 0, "size=8m") != 0) {
		printf("no mount here\n");
		return 0;
	}
	layers();
	printf("no lower folder: %s\n", said(mount("none", "t/m", "overlay", 0, "upperdir=t/up,workdir=t/wk")));
	printf("no work folder: %s\n", said(mount("none", "t/m", "overlay", 0, "lowerdir=t/lo,upperdir=t/up")));
	printf("missing: %s\n", said(mount("none", "t/m", "overlay", 0, "lowerdir=t/nothing,upperdir=t/up,workdir=t/wk")));
	printf("unknown option: %s\n", said(mount("none", "t/m", "overlay", 0, "lowerdir=t/lo:t/lo2,colour=red")));
	if (mount("none", "t/m", "overlay", 0, "lowerdir=t/lo:t/lo2,upperdir=t/up,workdir=t/wk,userxattr") != 0) {
		printf("no overlay here\n");
		return 0;
	}
	changes();
	contents();
	umount2("t/m", MNT_DETACH);
	printf("read only: %s\n", said(mount("none", "t/m", "overlay", 0, "lowerdir=t/lo:t/lo2")));
	printf("mkdir %s\n", said(mkdir("t/m/n", 0755)));
	printf("chmod %s\n", said(chmod("t/m/h", 0600)));
	list("t/m");
	return 0;
}
