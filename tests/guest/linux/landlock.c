/* SPDX-License-Identifier: MIT */
/*
 * Landlock: errors of the three calls; each right on files, with rules on folders and files; layers;
 * link and rename between folders; what descriptors keep; scopes; ptrace; fork, exec, mounts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sched.h>

enum { X = 1, W = 2, R = 4, RD = 8, RMD = 16, RMF = 32, MCHR = 64, MDIR = 128, MREG = 256, MSOCK = 512, MFIFO = 1024,
       MBLK = 2048, MSYM = 4096, REFER = 8192, TRUNC = 16384, IOCTL = 32768, ALL = 65535 };

struct attr { unsigned long fs, net, scoped; };
struct beneath { unsigned long access; int fd; } __attribute__((packed));
struct port { unsigned long access, port; };

static int create(unsigned long fs, unsigned long scoped)
{
	struct attr a = { fs, 0, scoped };

	return syscall(444, &a, sizeof a, 0);
}
static int rule(int rs, const char *path, unsigned long access)
{
	struct beneath b = { access, open(path, O_PATH | O_CLOEXEC) };
	int r = syscall(445, rs, 1, &b, 0), e = errno;

	close(b.fd);
	errno = e;
	return r;
}
static void restrict_self(int rs)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(446, rs, 0))
		perror("restrict");
	close(rs);
}
static void say(const char *what, long r)
{
	printf("%s: %s\n", what, r < 0 ? strerrorname_np(errno) : "ok");
}
static int opens(const char *name, int flags)
{
	int fd = open(name, flags, 0644);

	if (fd >= 0)
		close(fd);
	return fd;
}
static void make(const char *name)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0644);

	write(fd, "abc", 3);
	close(fd);
}
static void child(void (*fn)(void))
{
	int st;

	fflush(stdout);
	if (fork() == 0) {
		fn();
		fflush(stdout);
		_exit(0);
	}
	wait(&st);
	if (st)
		printf("child %x\n", st);
}

static void errors(void)
{
	struct attr a = { ALL, 0, 0 };
	struct beneath b = { R, -1 };
	struct port p = { 1, 80 };
	char big[4097] = { 0 };
	int rs, fds[2];

	say("version", syscall(444, NULL, 0, 1) >= 6 ? 0 : -1);
	say("version with size", syscall(444, NULL, 8, 1));
	say("version with attr", syscall(444, &a, 0, 1));
	say("flags", syscall(444, NULL, 0, 1u << 30));
	say("short", syscall(444, &a, 7, 0));
	say("fs only", close(syscall(444, &a, 8, 0)));
	memcpy(big, &a, sizeof a);
	say("long", close(syscall(444, big, 4096, 0)));
	big[4095] = 1;
	say("long and not zero", syscall(444, big, 4096, 0));
	say("too long", syscall(444, big, 4097, 0));
	say("fault", syscall(444, (void *)8, 24, 0));
	a.fs = 0;
	say("nothing", syscall(444, &a, sizeof a, 0));
	a.fs = 1ul << 40;
	say("unknown", syscall(444, &a, sizeof a, 0));
	rs = create(R | MDIR, 0);
	say("read", read(rs, big, 1));
	printf("cloexec %d\n", fcntl(rs, F_GETFD));
	say("rule flags", syscall(445, rs, 1, &b, 1));
	say("rule type", syscall(445, rs, 9, &b, 0));
	say("rule fault", syscall(445, rs, 1, (void *)8, 0));
	say("rule bad fd", syscall(445, rs, 1, &b, 0));
	say("rule no ruleset", syscall(445, 99, 1, &b, 0));
	say("rule other file", syscall(445, 0, 1, &b, 0));
	b.access = 0;
	say("rule empty", syscall(445, rs, 1, &b, 0));
	say("rule unhandled", rule(rs, ".", W));
	say("rule refer unhandled", rule(rs, ".", REFER));
	say("rule dir right on a file", rule(rs, "a/f", MDIR));
	say("rule on a file", rule(rs, "a/f", R));
	b.access = R;
	pipe(fds);
	b.fd = fds[0];
	say("rule on a pipe", syscall(445, rs, 1, &b, 0));
	b.fd = rs;
	say("rule on a ruleset", syscall(445, rs, 1, &b, 0));
	say("port unhandled", syscall(445, rs, 2, &p, 0));
	a = (struct attr){ 0, 3, 0 };
	rs = syscall(444, &a, sizeof a, 0);
	say("port", syscall(445, rs, 2, &p, 0));
	p.port = 65536;
	say("port too big", syscall(445, rs, 2, &p, 0));
	p.access = 0;
	say("port nothing", syscall(445, rs, 2, &p, 0));
	if (getuid())
		say("no new privs", syscall(446, rs, 0));
	else
		printf("no new privs: EPERM\n");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	say("restrict flags", syscall(446, rs, 1u << 30));
	say("restrict bad fd", syscall(446, 99, 0));
	say("restrict other fd", syscall(446, 0, 0));
	say("restrict", syscall(446, rs, 0));
	for (int i = 2; i <= 17; i++)
		if (syscall(446, rs, 0))
			printf("layer %d: %s\n", i, strerrorname_np(errno));
}

static void reading(void)
{
	int rs = create(R | RD | W | X, 0), held = open("b/f", O_RDWR);

	rule(rs, "a", R | RD);
	rule(rs, "b/g", W);
	rule(rs, "/usr", R | X);
	rule(rs, "/lib", R | X);
	rule(rs, "/lib64", R | X);
	rule(rs, "/etc", R);
	restrict_self(rs);
	say("r a/f", opens("a/f", O_RDONLY));
	say("w a/f", opens("a/f", O_WRONLY));
	say("rw a/f", opens("a/f", O_RDWR));
	say("a/f by ..", opens("b/../a/f", O_RDONLY));
	say("path only", opens("b/f", O_PATH));
	say("r b/f", opens("b/f", O_RDONLY));
	say("w b/g", opens("b/g", O_WRONLY));
	say("r b/g", opens("b/g", O_RDONLY));
	say("list a", opens("a", O_RDONLY));
	say("list b", opens("b", O_RDONLY));
	say("list a/d", opens("a/d", O_RDONLY));
	say("create", opens("a/new", O_CREAT | O_RDONLY));
	say("create w", opens("a/new2", O_CREAT | O_WRONLY));
	say("it is there", access("a/new2", F_OK));
	say("stat b/f", access("b/f", R_OK | W_OK));
	say("held", write(held, "x", 1));
	say("truncate", truncate("b/f", 1));
	say("pipe again", ({ int p[2]; char n[32]; pipe(p); sprintf(n, "/proc/self/fd/%d", p[0]); opens(n, O_RDONLY); }));
	say("memfd again", ({ char n[32]; sprintf(n, "/proc/self/fd/%d", (int)syscall(SYS_memfd_create, "x", 0)); opens(n, O_RDONLY); }));
	fflush(stdout);
	if (fork() == 0) {
		execl("/bin/echo", "echo", "exec works", NULL);
		_exit(1);
	}
	wait(NULL);
	if (fork() == 0) {
		execl("/bin/cat", "cat", "b/f", NULL);
		_exit(1);
	}
	wait(NULL);
	say("exec without the right", execl("a/f", "f", NULL));
}

static void names(void)
{
	int rs = create(RMD | RMF | MDIR | MREG | MSOCK | MFIFO | MSYM | MCHR | MBLK, 0);
	struct sockaddr_un un = { AF_UNIX, "b/sock" };

	rule(rs, "a", MREG | MDIR | RMF);
	rule(rs, "b", MFIFO | MSOCK | MSYM | RMD);
	restrict_self(rs);
	say("mkdir a", mkdir("a/m", 0755));
	say("mkdir b", mkdir("b/m", 0755));
	say("mkdir there", mkdir("b/d", 0755));
	say("rmdir a", rmdir("a/m"));
	say("rmdir b", rmdir("b/e"));
	say("fifo a", mkfifo("a/p", 0644));
	say("fifo b", mkfifo("b/p", 0644));
	say("symlink a", symlink("x", "a/l"));
	say("symlink b", symlink("x", "b/l"));
	say("reg a", opens("a/r", O_CREAT | O_WRONLY));
	say("reg b", opens("b/r", O_CREAT | O_WRONLY));
	say("mknod b", mknod("b/r", S_IFREG | 0644, 0));
	say("unlink a", unlink("a/r"));
	say("unlink b", unlink("b/p"));
	say("sock b", bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&un, sizeof un));
	un.sun_path[0] = 'a';
	say("sock a", bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&un, sizeof un));
	say("rename in a", rename("a/f", "a/f2"));
	say("rename back", rename("a/f2", "a/f"));
	say("rename in b", rename("b/f", "b/f2"));
	say("rename to b", rename("a/f", "b/f3"));
	say("link in a", link("a/f", "a/f4"));
	say("link to b", link("a/f", "b/f5"));
	say("dir to b", rename("a/d", "b/dd"));
}

static void refer(void)
{
	int rs = create(ALL & ~(IOCTL | TRUNC), 0);

	rule(rs, "a", R | W | MREG | MDIR | RMF | RMD | REFER);
	rule(rs, "b", R | W | MREG | MDIR | RMF | RMD | REFER);
	rule(rs, "c", R | W | X | MREG | MDIR | RMF | RMD | REFER);
	rule(rs, "d", MREG | MDIR | RMF | RMD | REFER);
	rule(rs, "e", R | W | MREG | RMF);
	restrict_self(rs);
	say("equal", rename("a/f", "b/f9"));
	say("back", rename("b/f9", "a/f"));
	say("to more", rename("a/f", "c/f"));
	say("from more", rename("c/g", "a/g9"));
	say("to less", rename("a/f", "d/f"));
	say("without refer", rename("a/f", "e/f"));
	say("nowhere", rename("a/f", "f9"));
	say("exchange", syscall(SYS_renameat2, AT_FDCWD, "a/f", AT_FDCWD, "b/f", 2));
	say("exchange more", syscall(SYS_renameat2, AT_FDCWD, "b/f", AT_FDCWD, "c/f", 2));
	say("link", link("b/f", "c/l"));
	say("link back", link("b/f", "a/l9"));
	say("dir", rename("b/d", "a/dd"));
}

static void layers(void)
{
	int rs = create(R, 0);

	rule(rs, "a", R);
	rule(rs, "b", R);
	restrict_self(rs);
	rs = create(R | W, 0);
	rule(rs, "b", R);
	rule(rs, "c", R | W);
	restrict_self(rs);
	say("a", opens("a/f", O_RDONLY));
	say("b", opens("b/f", O_RDONLY));
	say("c r", opens("c/g", O_RDONLY));
	say("c w", opens("c/g", O_WRONLY));
	say("a w", opens("a/f", O_WRONLY));
	say("rename out", rename("c/g", "a/g"));
	rs = create(MREG, 0);
	restrict_self(rs);
	say("later", opens("c/new", O_CREAT | O_WRONLY));
}

static void truncates(void)
{
	int rs = create(TRUNC, 0), before = open("b/f", O_RDWR), after, f;

	rule(rs, "a", TRUNC);
	restrict_self(rs);
	after = open("b/f", O_RDWR);
	say("a", truncate("a/f", 2));
	say("b", truncate("b/f", 2));
	say("before", ftruncate(before, 2));
	say("after", ftruncate(after, 2));
	say("o_trunc a", opens("a/f", O_WRONLY | O_TRUNC));
	say("o_trunc b", opens("b/f", O_WRONLY | O_TRUNC));
	say("creat new", opens("b/new", O_CREAT | O_WRONLY | O_TRUNC));
	say("creat there", opens("b/new", O_CREAT | O_WRONLY | O_TRUNC));
	say("fallocate", fallocate(after, 0, 0, 100));
	f = syscall(SYS_memfd_create, "m", 0);
	say("memfd", ftruncate(f, 10));
}

static void ioctls(void)
{
	int rs = create(IOCTL, 0), before = open("/dev/null", O_RDWR), after, n = 1;

	restrict_self(rs);
	after = open("/dev/null", O_RDWR);
	say("before", ioctl(before, 0x5401, &n) < 0 && errno == ENOTTY ? 0 : -1);
	say("after", ioctl(after, 0x5401, &n));
	say("nonblock", ioctl(after, FIONBIO, &n));
	say("cloexec", ioctl(after, FIOCLEX));
	say("regular", ioctl(open("a/f", O_RDONLY), FIONREAD, &n));
}

static void dgram(const char *what, const char *name)
{
	struct sockaddr_un un = { AF_UNIX };
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);

	strcpy(un.sun_path + 1, name);
	say(what, sendto(s, "x", 1, 0, (void *)&un, 30));
	say(what, connect(s, (void *)&un, 30));
}
static void scopes(void)
{
	struct sockaddr_un un = { AF_UNIX };
	char name[20];
	int out = socket(AF_UNIX, SOCK_DGRAM, 0), in, rs, pid;

	sprintf(name, "ll%d", getpid());
	strcpy(un.sun_path + 1, name);
	bind(out, (void *)&un, 30);
	rs = create(0, 3);
	restrict_self(rs);
	dgram("outside", name);
	in = socket(AF_UNIX, SOCK_DGRAM, 0);
	strcat(un.sun_path + 1, "i");
	bind(in, (void *)&un, 30);
	dgram("inside", un.sun_path + 1);
	say("kill parent", kill(getppid(), 0));
	say("kill self", kill(getpid(), 0));
	pid = fork();
	if (!pid) {
		say("kill parent inside", kill(getppid(), 0));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	say("rename", rename("a/f", "b/f"));
}

static void traces(void)
{
	int go[2], pid, rs;
	char c;

	pipe(go);
	pid = fork();
	if (!pid) {
		read(go[0], &c, 1);
		_exit(0);
	}
	rs = create(R, 0);
	rule(rs, "/", R);
	restrict_self(rs);
	say("attach outside", ptrace(PTRACE_ATTACH, pid, 0, 0));
	write(go[1], "x", 1);
	waitpid(pid, NULL, 0);
	pid = fork();
	if (!pid) {
		say("traceme", ptrace(PTRACE_TRACEME, 0, 0, 0));
		restrict_self(create(W, 0));
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	pid = fork();
	if (!pid) {
		restrict_self(create(W, 0));
		write(go[1], "y", 1);
		pause();
	}
	read(go[0], &c, 1);
	say("attach below", ptrace(PTRACE_ATTACH, pid, 0, 0));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void mounts(void)
{
	if (syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS)) {
		printf("mount: EPERM\numount: EPERM\nchroot: ok\n");
		return;
	}
	mount("x", "b", "tmpfs", 0, NULL);
	restrict_self(create(R, 0));
	say("mount", mount("x", "a", "tmpfs", 0, NULL));
	say("umount", umount2("b", 0));
	say("chroot", chroot("/"));
}

static void files(void)
{
	for (const char *d = "abcde"; *d; d++) {
		char n[8] = { *d };

		mkdir(n, 0755);
		strcpy(n + 1, "/f"), make(n);
		strcpy(n + 1, "/g"), make(n);
		strcpy(n + 1, "/d"), mkdir(n, 0755);
		strcpy(n + 1, "/e"), mkdir(n, 0755);
	}
}

int main(void)
{
	static const struct { const char *name; void (*fn)(void); } part[] = { { "errors", errors }, { "reading", reading },
		{ "names", names }, { "refer", refer }, { "layers", layers }, { "truncates", truncates }, { "ioctls", ioctls },
		{ "scopes", scopes }, { "traces", traces }, { "mounts", mounts } };

	setvbuf(stdout, NULL, _IONBF, 0);
	for (unsigned i = 0; i < sizeof part / sizeof part[0]; i++) {
		printf("== %s\n", part[i].name);
		mkdir(part[i].name, 0755);
		chdir(part[i].name);
		files();
		child(part[i].fn);
		chdir("..");
	}
	return 0;
}
