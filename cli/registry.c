/* SPDX-License-Identifier: MIT */
/*
 * cli/registry.c - the host's file behind --registry: made, checked, and repaired before a sandbox sees it.
 *
 * The sandbox writes FILE.log whole first (struct registry_log, then the bytes), and FILE then: where it was killed in between,
 * what the log has is put into FILE here.  A log that is not whole says that FILE was not touched yet.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

#define SIZE_LIMIT (256u << 20) /* of nt/cm/hive.h */
#define HEAD       4096u
#define GUEST      "/run/bailey-registry"

struct registry_log { /* nt/cm/persist.c */
	char magic[8];
	uint64_t size, sum;
};

/* FNV-1a. */
static uint64_t sum_of(const unsigned char *p, size_t n)
{
	uint64_t sum = 0xcbf29ce484222325u;

	while (n-- != 0)
		sum = (sum ^ *p++) * 0x100000001b3u;
	return sum;
}

static int open_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);

	if (fd < 0 || fstat(fd, &st) < 0)
		fail("--registry: %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		fail("--registry: %s is no file", path);
	return fd;
}

static unsigned char *contents(int fd, const char *path, size_t *size)
{
	struct stat st;
	unsigned char *p;
	ssize_t n = 0;

	if (fstat(fd, &st) < 0)
		fail("--registry: %s: %s", path, strerror(errno));
	if (st.st_size > (off_t)SIZE_LIMIT + HEAD)
		fail("--registry: %s is longer than a registry can be", path);
	p = malloc((size_t)st.st_size + 1);
	if (!p)
		fail("no memory");
	for (*size = 0; (n = pread(fd, p + *size, (size_t)st.st_size - *size, (off_t)*size)) > 0; *size += (size_t)n)
		;
	if (n < 0)
		fail("--registry: %s: %s", path, strerror(errno));
	return p;
}

static void write_file(int fd, const char *path, const unsigned char *p, size_t size)
{
	size_t done = 0;
	ssize_t n = 0;

	while (done < size && (n = pwrite(fd, p + done, size - done, (off_t)done)) > 0)
		done += (size_t)n;
	if (n < 0 || ftruncate(fd, (off_t)size) < 0 || fsync(fd) < 0)
		fail("--registry: %s: %s", path, strerror(errno));
}

/* A log that is whole goes to its file; either way it is empty then. */
static void recover(int fd, const char *path, const char *log_path)
{
	int log = open_file(log_path);
	size_t size;
	unsigned char *p = contents(log, log_path, &size);
	struct registry_log h;

	if (size >= sizeof h) {
		memcpy(&h, p, sizeof h);
		if (!memcmp(h.magic, "BREGLOG1", 8) && h.size == size - sizeof h && h.sum == sum_of(p + sizeof h, size - sizeof h))
			write_file(fd, path, p + sizeof h, size - sizeof h);
	}
	if (size != 0 && (ftruncate(log, 0) < 0 || fsync(log) < 0))
		fail("--registry: %s: %s", log_path, strerror(errno));
	free(p);
	close(log);
}

static uint32_t word(const unsigned char *p, size_t at)
{
	uint32_t v;

	memcpy(&v, p + at, sizeof v);
	return v;
}

/* Head and bins, as far as can be seen without following what they hold: the sandbox does that. */
static bool looks_whole(const unsigned char *p, size_t size)
{
	uint32_t sum = 0;
	size_t end;

	if (size < 2 * HEAD || memcmp(p, "regf", 4) != 0 || word(p, 4) != word(p, 8))
		return false;
	for (size_t i = 0; i < 127; i++)
		sum ^= word(p, 4 * i);
	sum = sum == 0 ? 1 : sum == UINT32_MAX ? UINT32_MAX - 1 : sum;
	end = (size_t)word(p, 40) + HEAD;
	if (sum != word(p, 508) || end > size)
		return false;
	for (size_t at = HEAD; at < end;) {
		uint32_t bin = end - at < 32 || memcmp(p + at, "hbin", 4) != 0 ? 0 : word(p, at + 8);

		if (bin == 0 || bin % HEAD != 0 || bin > end - at || word(p, at + 4) != at - HEAD)
			return false;
		at += bin;
	}
	return true;
}

static void show(const char *path, const char *guest)
{
	char *real = realpath(path, NULL);

	if (!real)
		fail("--registry: %s: %s", path, strerror(errno));
	spec_add("m.mount", "rw:%s", guest);
	spec_add("m.host", "%s", real);
	spec_add("mount", "host:rw:%s", guest);
	free(real);
}

void registry_records(const struct options *o)
{
	char log[PATH_MAX];
	unsigned char *p;
	size_t size;
	int fd;

	if (!o->registry)
		return;
	if (snprintf(log, sizeof log, "%s.log", o->registry) >= (int)sizeof log)
		fail("--registry: the name is too long");
	fd = open_file(o->registry);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		fail("--registry: %s is used by another sandbox", o->registry);
	recover(fd, o->registry, log);
	p = contents(fd, o->registry, &size);
	if (size != 0 && !looks_whole(p, size))
		fail("--registry: %s is no registry file, or a damaged one: it is left as it is", o->registry);
	free(p);
	close(fd);
	show(o->registry, GUEST);
	show(log, GUEST ".log");
	spec_add("m.lock", "%s", o->registry);
}
