/* SPDX-License-Identifier: MIT */
/* timeout: 30 */
/* covers: mount umount2 propagation pivot_root open_tree move_mount fsopen mount_setattr */
/*
 * Mount trees in a namespace of the process's own: binds, propagation, moves, the calls by
 * descriptor, pivot_root.  Printed is what can be seen of them, not numbers.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* libc's names, as both headers cannot be included. */
int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount2(const char *, int);
#define MNT_DETACH 2
#define MNT_EXPIRE 4
#define UMOUNT_NOFOLLOW 8

#define SAY(...) (printf(__VA_ARGS__), fflush(stdout))
#define TRY(x) SAY("%s: %s\n", #x, (long)(x) < 0 ? strerror(errno) : "ok")

static void is(const char *name)
{
	SAY("%s %s\n", name, access(name, F_OK) == 0 ? "is there" : "is not there");
}

static void make(const char *name)
{
	int fd = open(name, O_CREAT | O_WRONLY, 0644);

	SAY("make %s: %s\n", name, fd < 0 ? strerror(errno) : "ok");
	close(fd);
}

/* The optional fields of a place's mountinfo line, without numbers. */
static void fields(const char *where)
{
	FILE *f = fopen("/proc/self/mountinfo", "r");
	char line[1024], path[256], rest[512];
	int n;

	while (f && fgets(line, sizeof line, f)) {
		char *p;

		if (sscanf(line, "%*d %*d %*s %*s %255s %*s %n", path, &n) < 1 || strcmp(path, where))
			continue;
		p = strstr(line + n, "- ");
		*p = '\0';
		snprintf(rest, sizeof rest, "%s", line + n);
		for (p = rest; *p; p++)
			if (*p >= '0' && *p <= '9')
				*p = 'N';
		SAY("%s: [%s]\n", where, rest);
	}
	if (f)
		fclose(f);
}

static void binds(void)
{
	mkdir("a", 0755);
	mkdir("b", 0755);
	TRY(mount("x", "a", "tmpfs", 0, "size=64k,mode=700"));
	mkdir("a/sub", 0755);
	TRY(mount("y", "a/sub", "tmpfs", 0, NULL));
	make("a/sub/file");
	TRY(mount("a", "b", NULL, MS_BIND, NULL));
	is("b/sub");
	is("b/sub/file");
	TRY(umount2("b", 0));
	TRY(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
	is("b/sub/file");
	TRY(mount(NULL, "b", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
	make("b/new");
	make("a/new");
	TRY(umount2("b", 0));
	TRY(umount2("b", MNT_EXPIRE));
	TRY(umount2("b", MNT_DETACH));
	is("b/sub");
	TRY(rmdir("a"));
	TRY(umount2("a/sub", MNT_EXPIRE));
	TRY(umount2("a/sub", MNT_EXPIRE));
	symlink("a", "link");
	TRY(umount2("link", UMOUNT_NOFOLLOW));
	TRY(umount2("a", 0));
	TRY(mount("x", "a", "tmpfs", 0, "size=bad"));
	TRY(mount("x", "a", "nofs", 0, NULL));
}

static void propagation(const char *dir)
{
	char p[512];

	TRY(mount("s", "a", "tmpfs", 0, NULL));
	TRY(mount(NULL, "a", NULL, MS_SHARED, NULL));
	mkdir("a/m", 0755);
	TRY(mount("a", "b", NULL, MS_BIND, NULL));
	mkdir("c", 0755);
	TRY(mount("a", "c", NULL, MS_BIND, NULL));
	TRY(mount(NULL, "c", NULL, MS_SLAVE, NULL));
	snprintf(p, sizeof p, "%s/a", dir);
	fields(p);
	snprintf(p, sizeof p, "%s/c", dir);
	fields(p);
	TRY(mount("t", "a/m", "tmpfs", 0, NULL));
	make("a/m/f");
	is("b/m/f");
	is("c/m/f");
	TRY(umount2("b/m", 0));
	is("a/m/f");
	is("c/m/f");
	TRY(mount("t", "c/m", "tmpfs", 0, NULL));
	make("c/m/g");
	is("a/m/g");
	TRY(umount2("c/m", 0));
	TRY(mount(NULL, "c", NULL, MS_UNBINDABLE, NULL));
	mkdir("d", 0755);
	TRY(mount("c", "d", NULL, MS_BIND, NULL));
	TRY(mount(NULL, "c", NULL, MS_SHARED | MS_PRIVATE, NULL));
	TRY(mount("a", "d", NULL, MS_MOVE, NULL));
	is("d/m");
	TRY(mount("d", "d/m", NULL, MS_MOVE, NULL));
	TRY(umount2("d", 0));
	TRY(umount2("c", 0));
	TRY(umount2("b", 0));
}

static void by_descriptor(void)
{
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	int fs = syscall(SYS_fsopen, "tmpfs", 0), m, t;

	TRY(fs);
	TRY(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "size", "1m", 0));
	TRY(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "nonsense", "1", 0));
	TRY(syscall(SYS_fsmount, fs, 0, 0));
	TRY(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	m = syscall(SYS_fsmount, fs, 0, MOUNT_ATTR_NOEXEC);
	TRY(m);
	TRY(mkdirat(m, "in", 0755));
	TRY(syscall(SYS_move_mount, m, "", AT_FDCWD, "a", MOVE_MOUNT_F_EMPTY_PATH));
	is("a/in");
	t = syscall(SYS_open_tree, AT_FDCWD, "a", OPEN_TREE_CLONE);
	TRY(t);
	TRY(syscall(SYS_mount_setattr, t, "", AT_EMPTY_PATH, &ro, sizeof ro));
	TRY(syscall(SYS_move_mount, t, "", AT_FDCWD, "b", MOVE_MOUNT_F_EMPTY_PATH));
	make("b/no");
	make("a/yes");
	is("b/yes");
	close(m);
	close(t);
	close(fs);
	TRY(umount2("b", 0));
	t = syscall(SYS_open_tree, AT_FDCWD, "a", OPEN_TREE_CLONE);
	close(t); /* never moved: it goes */
	TRY(umount2("a", 0));
	is("a/in");
}

static void pivot(void)
{
	char cwd[512];

	TRY(mount("r", "a", "tmpfs", 0, NULL));
	mkdir("a/old", 0755);
	mkdir("a/proc", 0755);
	TRY(syscall(SYS_pivot_root, "b", "b"));
	TRY(chdir("a"));
	TRY(syscall(SYS_pivot_root, ".", "."));
	TRY(umount2(".", MNT_DETACH));
	TRY(chdir("/"));
	SAY("at %s\n", getcwd(cwd, sizeof cwd));
	is("/old");
	is("/etc");
}

static void put(const char *path, const char *format, unsigned id)
{
	FILE *f = fopen(path, "w");

	if (f) {
		fprintf(f, format, id);
		fclose(f);
	}
}

/* As root of a user namespace, with all of its own. */
static void enter(void)
{
	unsigned uid = getuid(), gid = getgid();

	unshare(CLONE_NEWUSER | CLONE_NEWNS);
	put("/proc/self/setgroups", "deny", 0);
	put("/proc/self/uid_map", "0 %u 1", uid);
	put("/proc/self/gid_map", "0 %u 1", gid);
}

int main(void)
{
	char dir[256];
	int s;

	if (fork() == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS) ? 1 : 0);
	if (wait(&s) < 0 || s != 0) {
		SAY("no user namespaces here\n");
		return 0;
	}
	enter();
	mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (mount("w", "/tmp", "tmpfs", 0, NULL) || chdir("/tmp") || !getcwd(dir, sizeof dir))
		return 1;
	binds();
	propagation(dir);
	by_descriptor();
	pivot();
	return 0;
}
