/* SPDX-License-Identifier: MIT */
/*
 * statmount and listmount: what they say of mounts made here, their order, pages of a list, errors;
 * unique numbers in statx; getcwd out of the root; lsm_list_modules's errors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct req { unsigned size, spare; unsigned long id, param, ns; };
struct st {
	unsigned size, opts;
	unsigned long mask;
	unsigned dev_major, dev_minor;
	unsigned long magic;
	unsigned sb_flags, fs_type;
	unsigned long id, parent;
	unsigned id_old, parent_old;
	unsigned long attr, propagation, peer, master, from;
	unsigned root, point;
	unsigned long ns, rest[49];
	char str[4096];
};

static void say(const char *what, long r)
{
	printf("%s: %s\n", what, r < 0 ? strerrorname_np(errno) : "ok");
}
static unsigned long unique(const char *path)
{
	struct statx x;

	syscall(SYS_statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, 0x4000 | 0x1000, &x);
	if (!(x.stx_mask & 0x4000))
		printf("no unique number\n");
	return *(unsigned long *)((char *)&x + 0x90);
}
static long get(unsigned long id, unsigned long what, struct st *s, size_t size)
{
	struct req r = { 32, 0, id, what, 0 };

	memset(s, 0, sizeof *s);
	return syscall(457, &r, s, size, 0);
}
static long list(unsigned long id, unsigned long last, unsigned long *ids, size_t n, unsigned flags)
{
	struct req r = { 32, 0, id, last, 0 };

	return syscall(458, &r, ids, n, flags);
}
static void put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);

	write(fd, text, strlen(text));
	close(fd);
}
static void show(const char *path)
{
	struct st s;

	if (get(unique(path), 0x7f, &s, sizeof s)) {
		perror(path);
		return;
	}
	printf("%s: mask %lx magic %lx sb %x type %s root %s point %s attr %lx prop %lx peer %d master %d from %d ns %d parent %d\n", path, s.mask,
		s.magic, s.sb_flags, s.str + s.fs_type, s.str + s.root, strstr(s.str + s.point, path) ? "right" : s.str + s.point, s.attr,
		s.propagation, s.peer != 0, s.master != 0, s.from != 0, s.ns != 0, s.parent == unique("."));
}

int main(void)
{
	static unsigned long ids[200], part[200];
	unsigned long top;
	unsigned uid = getuid(), gid = getgid();
	struct st s;
	struct req r = { 32, 0, 0, 1, 0 };
	char buf[200];
	long n, all;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (unshare((getuid() ? CLONE_NEWUSER : 0) | CLONE_NEWNS))
		return puts("no namespaces"), 0;
	if (uid) {
		put("/proc/self/setgroups", "deny");
		sprintf(buf, "0 %u 1", uid), put("/proc/self/uid_map", buf);
		sprintf(buf, "0 %u 1", gid), put("/proc/self/gid_map", buf);
	}
	mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	mkdir("top", 0755);
	mount("src", "top", "tmpfs", 0, NULL);
	chdir("top");
	mkdir("a", 0755), mkdir("b", 0755), mkdir("c", 0755), mkdir("d", 0755);
	mount("none", ".", NULL, MS_PRIVATE, NULL);
	mount("one", "a", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	mount("a", "b", NULL, MS_BIND, NULL);
	mkdir("a/sub", 0755);
	mount("a/sub", "c", NULL, MS_BIND, NULL);
	mount("none", "a", NULL, MS_SHARED, NULL);
	mount("a", "d", NULL, MS_BIND, NULL);
	mount("none", "d", NULL, MS_SLAVE, NULL);
	mount("none", "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	show("a"), show("b"), show("c"), show("d");
	top = unique(".");
	n = list(top, 0, ids, 200, 0);
	printf("below: %ld\n", n);
	for (long i = 0; i < n; i++)
		printf("%s", ids[i] == unique("a") ? "a" : ids[i] == unique("b") ? "b" : ids[i] == unique("c") ? "c" : ids[i] == unique("d") ? "d" : "?");
	printf("\n");
	printf("two: %ld", list(top, 0, part, 2, 0));
	printf(" rest: %ld", list(top, part[1], part + 2, 198, 0));
	printf(" same %d\n", memcmp(ids, part, n * 8) == 0);
	printf("back: %ld", list(top, 0, part, 200, 1));
	printf(" %d\n", part[0] == ids[n - 1] && part[n - 1] == ids[0]);
	all = list(~0ul, 0, part, 200, 0);
	printf("all: %d ascending %d\n", all > n, all > 1 && part[0] < part[1]);
	printf("none: %ld\n", list(ids[0], 0, part, 200, 0));
	say("flags", list(top, 0, ids, 1, 2));
	say("too many", list(top, 0, ids, 1000001, 0));
	say("fault", list(top, 0, (void *)8, 10, 0));
	say("no mount", list(0x7fffffffffff, 0, ids, 10, 0));
	say("small number", list(5, 0, ids, 10, 0));
	say("small last", list(top, 5, ids, 10, 0));
	say("no room for texts", get(top, 0x38, &s, 514));
	say("no texts", get(top, 3, &s, 24));
	printf("cut: %u %lx %lx\n", s.size, s.mask, s.magic);
	say("no mount", get(0x7fffffffffff, 1, &s, sizeof s));
	say("small", get(4, 1, &s, sizeof s));
	say("req fault", syscall(457, 8, &s, sizeof s, 0));
	r.id = top;
	say("st flags", syscall(457, &r, &s, sizeof s, 0x80000000u));
	r.size = 20;
	say("short req", syscall(457, &r, &s, sizeof s, 0));
	r.size = 5000;
	say("long req", syscall(457, &r, &s, sizeof s, 0));
	r.size = 24;
	say("version 0", syscall(457, &r, &s, sizeof s, 0));
	r.size = 32;
	r.ns = 3;
	say("no such namespace", syscall(457, &r, &s, sizeof s, 0));
	/* A mount that came by propagation lies under another; when its original goes, it goes from there. */
	mkdir("p", 0755);
	mount("p", "p", NULL, MS_BIND, NULL);
	mount("none", "p", NULL, MS_SHARED, NULL);
	mkdir("p/c", 0755);
	mount("p/c", "p/c", NULL, MS_BIND, NULL);
	mount("over", "p/c", "tmpfs", 0, NULL);
	printf("covered: %ld\n", list(unique("p"), 0, ids, 200, 0));
	say("umount top", umount2("p/c", 0));
	printf("left: %ld\n", list(unique("p"), 0, ids, 200, 0));
	say("umount next", umount2("p/c", 0));
	say("umount parent", umount2("p", 0));
	mount("p", "p", NULL, MS_BIND, NULL);
	mount("none", "p", NULL, MS_SHARED, NULL);
	mkdir("p/c2", 0755);
	mount("p/c2", "p/c2", NULL, MS_BIND, NULL);
	mount("p", "p/c2", NULL, MS_BIND | MS_REC, NULL);
	printf("itself: %ld\n", list(unique("p"), 0, ids, 200, 0));
	say("umount lazily", umount2("p/c2", MNT_DETACH));
	printf("left: %ld\n", list(unique("p"), 0, ids, 200, 0));
	say("umount all", umount2("p", MNT_DETACH));
	printf("below: %ld\n", list(top, 0, ids, 200, 0));
	if (fork() == 0) {
		chroot("a");
		n = syscall(SYS_getcwd, buf, sizeof buf);
		printf("cwd: %.13s %d\n", buf, n == (long)strlen(buf) + 1);
		/* libc looks for it in the folders above then, some of which may not be read. */
		printf("getcwd: %s\n", getcwd(buf, sizeof buf) ? "some" : "none");
		_exit(0);
	}
	wait(NULL);
	return 0;
}
