/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/paths.c - tries to read what was not granted: by URIs, by many spellings of paths, and
 * by swapping a folder for a link meanwhile.
 */
#include "attack.h"

static int holds(const char *data, size_t n, const char *marker)
{
	return memmem(data, n, marker, strlen(marker)) != NULL;
}

static void try_uri(const char *uri, size_t len, const char *marker)
{
	char data[4096];

	if (len > MON_TEXT_MAX)
		len = MON_TEXT_MAX;
	for (uint64_t access = 0; access < 8; access++) {
		request(MON_OPEN, 0, uri, len);
		msg.q.args[0] = access;
		msg.q.args[2] = DK_OPTION_INLINE;
		if (ask(1) != DK_OK)
			continue;
		if (holds(answer.data, answer.r.data_len, marker))
			bad("LEAK by inline data of %.200s", uri);
		if (answer_fd >= 0) {
			struct iovec v = { data, sizeof data };
			long n = host_call(SYS_preadv2, (uint64_t)answer_fd, (uint64_t)&v, 1, 0, 0, 0);

			if (n > 0 && holds(data, (size_t)n, marker))
				bad("LEAK by the descriptor of %.200s", uri);
			n = host_call(SYS_pwritev2, (uint64_t)answer_fd, (uint64_t)&v, 0, 0, 0, 0);
			host_call(SYS_close, (uint64_t)answer_fd, 0, 0, 0, 0, 0);
		}
	}
	for (uint64_t how = DK_CREATE_NEW; how <= DK_CREATE_ALWAYS; how++) {
		request(MON_OPEN, 0, uri, len);
		msg.q.args[0] = DK_WRITE;
		msg.q.args[1] = how;
		msg.q.args[2] = how & 1 ? DK_OPTION_TYPE(how) : 0;
		msg.q.args[3] = 0666;
		ask(0);
	}
	request(MON_ENUM, 0, uri, len);
	msg.q.args[1] = 65536;
	if (ask(0) == DK_OK && holds(answer.data, answer.r.data_len, "secret-name"))
		bad("LEAK by the listing of %.200s", uri);
	request(MON_QUERY, 0, uri, len);
	msg.q.args[0] = DK_ATTR_XATTR;
	if (ask(0) == DK_OK && holds(answer.data, answer.r.data_len, marker))
		bad("LEAK by an attribute of %.200s", uri);
	request(MON_DELETE, 0, uri, len);
	if (strstr(uri, "secret"))
		ask(0);
}

/* The same place, said in other words. */
static void spellings(const char *path, const char *marker)
{
	static const char *const before[] = { "", "/", "//", "/./", "/vol/..", "/vol/../..", "/vol/evil/..", "/ro/..", "/proc/self/root", "/proc/1/root", "/proc/self/cwd",
		"/proc/self/fd/3/../..", "/proc/thread-self/root", "/dev/fd/0/..", "/vol/evil", "/vol/abs", "/vol/evil/.", "/vol/up", "/vol/up/..", "/vol/chain" };
	char uri[16384];

	for (unsigned i = 0; i < sizeof before / sizeof before[0]; i++) {
		int n = snprintf(uri, 12000, "file:%s%s", before[i], path);

		try_uri(uri, (size_t)n, marker);
		n = snprintf(uri, 12000, "file:%s%s%c/x", before[i], path, 0);
		try_uri(uri, (size_t)n, marker);
		n = snprintf(uri, 12000, "file:%s/../../../../../../../../../..%s", before[i], path);
		try_uri(uri, (size_t)n, marker);
		n = snprintf(uri, 12000, "file:%s%s/", before[i], path);
		try_uri(uri, (size_t)n, marker);
	}
	memset(uri, 0, sizeof uri);
	strcpy(uri, "file:");
	while (strlen(uri) < 10000)
		strcat(uri, "/./././././././././././././././.");
	strcat(uri, path);
	try_uri(uri, strlen(uri), marker);
	memset(uri, 'n', 10000);
	memcpy(uri, "file:/vol/", 10);
	try_uri(uri, 10000, marker);
}

static void by_calls(const char *path, const char *marker)
{
	static const char *const before[] = { "", "/proc/self/root", "/proc/1/root", "/proc/1/cwd/..", "/vol/evil/..", "/vol/../..", "/proc/self/fd/0/..", "/vol/chain" };
	char name[8192], data[4096];

	for (unsigned i = 0; i < sizeof before / sizeof before[0]; i++) {
		int fd;
		ssize_t n;

		snprintf(name, sizeof name, "%s%s", before[i], path);
		fd = open(name, O_RDONLY);
		if (fd < 0)
			fd = open(name, O_RDONLY | O_NOFOLLOW);
		if (fd < 0)
			continue;
		n = read(fd, data, sizeof data);
		if (n > 0 && holds(data, (size_t)n, marker))
			bad("LEAK by open of %s", name);
		close(fd);
	}
}

int paths(int argc, char **argv)
{
	need_channel();
	for (int i = 4; i < argc; i++) {
		by_calls(argv[i], argv[3]);
		spellings(argv[i], argv[3]);
	}
	by_calls("/vol/evil/secret", argv[3]);
	by_calls("/vol/abs", argv[3]);
	by_calls("/vol/up/outside/secret", argv[3]);
	try_uri("file:/vol/evil", 14, argv[3]);
	try_uri("file:/vol/abs", 13, argv[3]);
	try_uri("file:/vol/evil/secret", 21, argv[3]);
	try_uri("file:/vol/up/outside/secret", 27, argv[3]);
	try_uri("file:/vol/chain/secret", 22, argv[3]);
	try_uri("file:/vol/../outside/secret", 27, argv[3]);
	printf("done paths\n");
	return 0;
}

/* ---- a race: the middle of a path is folder and link by turns ---- */

int race(const char *marker, const char *dir, long ms)
{
	char a[256], b[256], d[256], name[300], uri[300];
	pid_t swapper;
	long until = now_ms() + ms;
	unsigned opened = 0, tries = 0;

	snprintf(a, sizeof a, "%s/real", dir);
	snprintf(b, sizeof b, "%s/evil", dir);
	snprintf(d, sizeof d, "%s/d", dir);
	snprintf(name, sizeof name, "%s/secret", d);
	snprintf(uri, sizeof uri, "file:%s/secret", d);
	swapper = fork();
	if (swapper == 0) {
		while (now_ms() < until) {
			rename(a, d), rename(d, a);
			rename(b, d), rename(d, b);
			syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2);
		}
		_exit(0);
	}
	need_channel();
	while (now_ms() < until) {
		char data[4096];
		int fd = open(name, O_RDONLY);
		ssize_t n = fd >= 0 ? read(fd, data, sizeof data) : -1;

		if (fd >= 0)
			close(fd), opened++;
		if (n > 0 && holds(data, (size_t)n, marker))
			bad("LEAK by a race of open");
		request(MON_OPEN, 0, uri, strlen(uri));
		msg.q.args[0] = DK_READ;
		msg.q.args[2] = DK_OPTION_INLINE;
		if (ask(1) == DK_OK) {
			opened++;
			if (holds(answer.data, answer.r.data_len, marker))
				bad("LEAK by a race of a raw open");
			if (answer_fd >= 0)
				host_call(SYS_close, (uint64_t)answer_fd, 0, 0, 0, 0, 0);
			request(MON_CLOSE, answer.r.value[0], NULL, 0);
			ask(0);
		}
		fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
		if (fd >= 0)
			(void)!write(fd, "innocent\n", 9), close(fd);
		request(MON_DELETE, 0, uri, strlen(uri));
		if (++tries % 7 == 0)
			ask(0);
	}
	waitpid(swapper, NULL, 0);
	printf("done race: %u opened of %u\n", opened, tries);
	return 0;
}
