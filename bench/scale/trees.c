/* SPDX-License-Identifier: MIT */
/* bench/scale/trees.c - folders of N entries on each kind of file system, and N folders in each other. */
#include <dirent.h>
#include "scale.h"

static char folder[600];

static const char *entry(int i)
{
	static char path[700];

	snprintf(path, sizeof path, "%s/entry-%d", folder, i);
	return path;
}

static void create(int i)
{
	int fd = open(entry(i), O_CREAT | O_EXCL | O_WRONLY, 0600);

	must(fd >= 0, "create");
	close(fd);
}

static void list(size_t buffer)
{
	static char buf[65536];
	int fd = open(folder, O_RDONLY | O_DIRECTORY);
	long got;

	must(fd >= 0, folder);
	while ((got = syscall(SYS_getdents64, fd, buf, buffer)) > 0)
		;
	must(got == 0, "getdents64");
	close(fd);
}

static void rename_one(int n)
{
	char to[700];
	int i = any_of(n);

	snprintf(to, sizeof to, "%s/renamed", folder);
	must(rename(entry(i), to) == 0 && rename(to, entry(i)) == 0, "rename");
}

/* What is done once there are N. */
static void among(int n)
{
	struct stat st;
	char other[700];

	EACH("first open+close", n, for (int i = 0; i < n; i++) close(open(entry(i), O_RDONLY)));
	TIME("stat", 50, must(stat(entry(any_of(n)), &st) == 0, "stat"));
	TIME("stat of none", 50, must(stat(entry(n + any_of(64)), &st) < 0, "stat"));
	TIME("open+close", 20, close(open(entry(any_of(n)), O_RDONLY)));
	TIME("create+unlink", 10, create(n + 100); unlink(entry(n + 100)));
	TIME("unlink+create", 10, int i = any_of(n); unlink(entry(i)); create(i));
	TIME("mkdir+rmdir", 10, must(mkdir(entry(n + 101), 0700) == 0 && rmdir(entry(n + 101)) == 0, "mkdir"));
	TIME("rename there and back", 5, rename_one(n));
	snprintf(other, sizeof other, "%s/symlink", folder);
	TIME("symlink+stat through it+unlink", 5, must(symlink(entry(any_of(n)), other) == 0 && stat(other, &st) == 0 && unlink(other) == 0, "symlink"));
	TIME_EACH("list again, each", n, list(32768));
	TIME_EACH("list in small steps, each", n, list(1024));
}

static void remove_all(int n)
{
	EACH("unlink", n, for (int i = 0; i < n; i++) must(unlink(entry(i)) == 0, "unlink"));
}

static void entries(const char *where, int n)
{
	snprintf(folder, sizeof folder, "%s/entries-%d", where, n);
	must(mkdir(folder, 0700) == 0, folder);
	EACH("create", n, for (int i = 0; i < n; i++) create(i));
	EACH("list, each", n, list(32768));
	among(n);
	remove_all(n);
	rmdir(folder);
}

void entries_tmpfs(int n)
{
	entries(at.memory, n);
}

void entries_upper(int n)
{
	entries(at.root, n);
}

void entries_shared(int n)
{
	entries(at.shared, n);
}

/* A folder that the host has, of which changed names are in memory. */
void entries_lower(int n)
{
	struct stat st;

	snprintf(folder, sizeof folder, "%s/list-%d", at.given, n);
	EACH("list, each", n, list(32768));
	EACH("first stat", n, for (int i = 0; i < n; i++) must(stat(entry(i), &st) == 0, "stat"));
	among(n);
	EACH("chmod", n, for (int i = 0; i < n; i++) must(chmod(entry(i), 0640) == 0, "chmod"));
	TIME_EACH("list when all were changed, each", n, list(32768));
	remove_all(n);
	TIME_EACH("list when all are gone, each", n, list(32768));
}

void nested(int n)
{
	static char path[8192];
	struct stat st;
	int deep = n < 2000 ? n : 2000;

	snprintf(folder, sizeof folder, "%s/nested-%d", at.memory, n);
	must(mkdir(folder, 0700) == 0 && chdir(folder) == 0, folder);
	for (int i = 0; i < deep; i++)
		strcat(path, "d/");
	strcat(path, ".");
	EACH("mkdir+chdir", n, for (int i = 0; i < n; i++) must(mkdir("d", 0700) == 0 && chdir("d") == 0, "mkdir"));
	TIME("stat of ..", 50, must(stat("..", &st) == 0, "stat"));
	TIME("create+unlink", 10, close(open("file", O_CREAT | O_WRONLY, 0600)); unlink("file"));
	TIME("rename of a folder", 5, must(mkdir("a", 0700) == 0 && rename("a", "b") == 0 && rmdir("b") == 0, "rename"));
	if (n <= 1000)
		TIME_EACH("getcwd, each", n, must(syscall(SYS_getcwd, path + 4096, 4096) > 0, "getcwd"));
	must(chdir(folder) == 0, folder);
	TIME_EACH("stat of a deep path, each", n, must(stat(path, &st) == 0, "stat"));
}
