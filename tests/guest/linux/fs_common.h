/* SPDX-License-Identifier: MIT */
/* What the fs_*.c programs print with. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

/* T prints a call with its value, E one whose value (a descriptor, an address) may differ. */
#define T(call)                                                                                                        \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		long r_ = (long)(call);                                                                                \
		printf("%s = %ld %s\n", #call, r_, r_ == -1 ? strerrorname_np(errno) : "");                            \
	} while (0)
#define E(call)                                                                                                        \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		long r_ = (long)(call);                                                                                \
		printf("%s = %s %s\n", #call, r_ < 0 ? "-1" : "ok", r_ == -1 ? strerrorname_np(errno) : "");           \
	} while (0)

static inline void st(const char *p)
{
	struct stat s;

	if (lstat(p, &s) < 0)
		printf("%s: %s\n", p, strerrorname_np(errno));
	else
		printf("%s: mode %o nlink %ld size %ld uid %d\n", p, s.st_mode,
		    S_ISDIR(s.st_mode) ? 0 : (long)s.st_nlink, S_ISDIR(s.st_mode) ? 0 : (long)s.st_size, s.st_uid);
}

static inline int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline void ls(const char *p)
{
	char *names[100], text[300];
	DIR *d = opendir(p);
	struct dirent *e;
	int n = 0;

	while (d && n < 100 && (e = readdir(d))) {
		sprintf(text, "%s:%d", e->d_name, e->d_type);
		names[n++] = strdup(text);
	}
	d ? closedir(d) : 0;
	qsort(names, n, sizeof *names, by_name);
	printf("%s:", p);
	for (int i = 0; i < n; i++)
		printf(" %s", names[i]);
	printf("\n");
}
