/* SPDX-License-Identifier: MIT */
/* tests/mon/ops.c - each request once and more, from kproc; ends the sandbox with the number of failures. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/mon/fakepal.h"

static unsigned failures, checks;

#define CHECK(cond)                                                                                  \
	do {                                                                                          \
		checks++;                                                                             \
		if (!(cond)) {                                                                        \
			failures++;                                                                   \
			say("line %d: %s (status %u)", __LINE__, #cond, reply.status);                \
		}                                                                                     \
	} while (0)

/*
 * Of the host's files only what can be had without waiting is told ahead or kept, and a rename or mount anywhere on the host
 * makes the kernel wait: ask again, then.
 */
#define CHECK_SOON(ask, cond)                                                                        \
	do {                                                                                          \
		for (unsigned try_ = 0; try_ < 50 && !((ask) == DK_OK && (cond)); try_++)             \
			usleep(1000);                                                                 \
		CHECK(reply.status == DK_OK && (cond));                                               \
	} while (0)

static enum dk_status open_uri(const char *uri, uint64_t access, uint64_t disposition, uint64_t options, uint64_t mode)
{
	uint64_t args[5] = { access, disposition, options, mode, 7 };

	return call(MON_OPEN, 0, args, uri, NULL, 0);
}

static enum dk_status query(const char *uri, uint64_t stream, uint64_t class)
{
	uint64_t args[5] = { class };

	return call(MON_QUERY, stream, args, uri, NULL, 0);
}

static enum dk_status simple(uint32_t op, const char *uri, uint64_t a0, uint64_t a1)
{
	uint64_t args[5] = { a0, a1 };

	return call(op, 0, args, uri, NULL, 0);
}

static void close_stream(uint64_t number)
{
	struct mon_request r = { .op = MON_CLOSE, .stream = number };

	send_raw(&r, sizeof r);
}

static struct dk_attributes *chain(unsigned i)
{
	return (struct dk_attributes *)reply_data + i;
}

static void test_boot(void)
{
	struct stat st;

	CHECK(boot.protocol == MON_PROTOCOL && boot.role == DK_ROLE_KPROC && start.process_index == MON_KPROC_INDEX && boot.ncpus > 0);
	CHECK(fstat(boot_fds[MON_BFD_ARENA], &st) == 0 && st.st_size == (off_t)ARENA_SIZE);
	CHECK(fstat(boot_fds[MON_BFD_DATA], &st) == 0 && st.st_size == (off_t)DATA_SIZE);
	CHECK(fstat(boot_fds[MON_BFD_PALSHARED], &st) == 0 && st.st_size == (off_t)PALSHARED_SIZE);
	CHECK(ftruncate(boot_fds[MON_BFD_ARENA], 0) < 0);
	CHECK(boot.vdso_count >= 2 && boot.vdso[boot.vdso_index].start == 0);
	CHECK(getpid() == 3 && getsid(0) == 0); /* 1 is init, 2 the first; the session is the launcher's */
	CHECK(open("/", O_RDONLY) < 0);
	CHECK(open("/proc/self/maps", O_RDONLY) < 0);
	CHECK(socket(AF_UNIX, SOCK_STREAM, 0) >= 0); /* pal's filter, not the monitor, forbids that */
	for (int fd = 3 + __builtin_popcount(boot.fd_mask) + 1; fd < 64; fd++)
		CHECK(fcntl(fd, F_GETFD) < 0);
	CHECK(config("boot_id", 0) && strlen(config("boot_id", 0)) == 32 && strlen(config("seed", 0)) == 64);
	CHECK(config("mount", 0) && config("stdin", 0) && config("cwd", 0) && config("env", 0));
	CHECK(config("m.mount", 0) == NULL);
}

/* Numbers of others along with a fetch: files come, what is none or no file does not. */
static void test_fetch_more(void)
{
	uint64_t a, b, wanted[40];

	CHECK(open_uri("file:/etc/hostname", DK_READ, 0, 0, 0) == DK_OK);
	a = reply.value[0];
	close(reply_fd);
	CHECK(open_uri("file:/etc/passwd", DK_READ, 0, 0, 0) == DK_OK);
	b = reply.value[0];
	close(reply_fd);
	for (unsigned i = 0; i < 40; i++)
		wanted[i] = 0xdead0000 + i;
	wanted[1] = b;
	wanted[2] = a;
	CHECK(call(MON_FETCH, a, NULL, NULL, wanted, sizeof wanted) == DK_OK && reply.fds == 2 && reply.data_len == 8);
	CHECK(*(uint64_t *)reply_data == b);
	for (unsigned i = 0; i < 40; i++)
		wanted[i] = b;
	CHECK(call(MON_FETCH, a, NULL, NULL, wanted, sizeof wanted) == DK_OK && reply.fds == 32 && reply.data_len == 31 * 8);
	CHECK(call(MON_FETCH, a, NULL, NULL, wanted, 7) == DK_OK && reply.fds == 1 && reply.data_len == 0);
	close_stream(a);
	close_stream(b);
}

/* What was kept has changed, or that is being told. */
static bool is_changed(int seen, const struct mon_changes *c, uint64_t place, uint64_t number)
{
	struct pollfd p = { .fd = seen, .events = POLLIN };

	return poll(&p, 1, 0) != 0 || c->telling || c->number[place - 1] != number;
}

/* After a moment it is told: the number alone says so. */
static bool is_told(int seen, const struct mon_changes *c)
{
	struct pollfd p = { .fd = seen, .events = POLLIN };

	for (unsigned i = 0; i < 2000 && (poll(&p, 1, 0) != 0 || c->telling); i++)
		usleep(1000);
	return poll(&p, 1, 0) == 0 && !c->telling;
}

static void keep(const char *uri, uint64_t *stream, uint64_t *place, uint64_t *number)
{
	CHECK(open_uri(uri, DK_READ, DK_OPEN_EXISTING, DK_OPTION_KEEP, 0) == DK_OK);
	*stream = reply.value[0];
	*place = reply.value[2];
	*number = reply.value[3];
	close(reply_fd);
}

/* See CHECK_SOON. */
static void keep_soon(const char *uri, uint64_t *stream, uint64_t *place, uint64_t *number)
{
	keep(uri, stream, place, number);
	for (unsigned i = 0; i < 50 && *place == 0; i++) {
		close_stream(*stream);
		usleep(1000);
		keep(uri, stream, place, number);
	}
}

static void test_keep(void)
{
	char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, boot_fds[MON_BFD_PALSHARED], 0);
	const struct mon_changes *c = (const void *)(page + MON_CHANGES_AT);
	uint64_t s, t, place, other, number, number2, many[300];
	unsigned granted = 0;
	int seen;

	CHECK(page != MAP_FAILED);
	CHECK(open_uri("file:/v/kept", DK_READ | DK_WRITE, DK_CREATE_NEW, DK_OPTION_KEEP, 0644) == DK_OK && reply.value[2] == 0);
	close_stream(reply.value[0]);
	close(reply_fd);
	CHECK(open_uri("file:/etc/passwd", DK_READ, DK_OPEN_EXISTING, DK_OPTION_KEEP, 0) == DK_OK && reply.value[2] == 0);
	close_stream(reply.value[0]);
	close(reply_fd);
	CHECK(open_uri("file:/v/kept", DK_WRITE, DK_OPEN_EXISTING, DK_OPTION_KEEP, 0) == DK_OK && reply.value[2] == 0);
	close_stream(reply.value[0]);
	close(reply_fd);
	CHECK(open_uri("file:/v", DK_READ, DK_OPEN_EXISTING, DK_OPTION_KEEP, 0) == DK_OK && reply.value[2] == 0);
	close_stream(reply.value[0]);
	keep_soon("file:/v/kept", &s, &place, &number);
	CHECK(place >= 1 && place <= MON_KEPT);
	CHECK(call(MON_FETCH, 0, NULL, NULL, NULL, 0) == DK_OK && reply_fd >= 0);
	seen = reply_fd;
	CHECK(read(seen, page, 1) < 0); /* it is to be looked at alone */
	CHECK(!is_changed(seen, c, place, number));
	keep_soon("file:/v/kept", &t, &other, &number2);
	CHECK(place == other && number == number2);
	close_stream(t);
	CHECK(open_uri("file:/v/kept", DK_READ | DK_WRITE, DK_OPEN_EXISTING, 0, 0) == DK_OK && write(reply_fd, "x", 1) == 1);
	close_stream(reply.value[0]);
	close(reply_fd);
	CHECK(!is_changed(seen, c, place, number)); /* contents do not count */
	CHECK(call(MON_RENAME, 0, (uint64_t[5]){ 0 }, "file:/v/kept", "file:/v/moved", 13) == DK_OK);
	CHECK(is_changed(seen, c, place, number));
	CHECK(is_told(seen, c) && c->number[place - 1] != number);
	close_stream(s);
	/* The end of the old watch is an event, too, and may be heard of only now: then it is asked for again. */
	for (unsigned i = 0; i < 20; i++) {
		keep("file:/v/moved", &s, &place, &number);
		if (place != 0 && is_told(seen, c) && !is_changed(seen, c, place, number))
			break;
		close_stream(s);
	}
	CHECK(!is_changed(seen, c, place, number));
	CHECK(call(MON_DELETE, 0, (uint64_t[5]){ 0 }, "file:/v/moved", NULL, 0) == DK_OK);
	CHECK(is_told(seen, c) && c->number[place - 1] != number);
	close_stream(s);
	/* There is an end to it. */
	for (unsigned i = 0; i < 300; i++) {
		char uri[32];

		snprintf(uri, sizeof uri, "file:/v/kept-%u", i);
		CHECK(open_uri(uri, DK_READ | DK_WRITE, DK_CREATE_NEW, 0, 0644) == DK_OK);
		close_stream(reply.value[0]);
		close(reply_fd);
		keep(uri, &many[i], &place, &number);
		granted += place != 0;
	}
	CHECK(granted >= 32 && granted <= MON_KEPT);
	for (unsigned i = 0; i < 300; i++) {
		char uri[32];

		snprintf(uri, sizeof uri, "file:/v/kept-%u", i);
		close_stream(many[i]);
		CHECK(call(MON_DELETE, 0, (uint64_t[5]){ 0 }, uri, NULL, 0) == DK_OK);
	}
	close(seen);
	munmap(page, 4096);
}

/* Memory in use: of all, of one process, of one that is not there. */
static void test_usage(void)
{
	uint64_t all[5] = { UINT64_MAX }, none[5] = { 4000 }, one[5];
	struct mon_usage u;

	CHECK(call(MON_USAGE, 0, all, NULL, NULL, 0) == DK_OK && reply.data_len >= sizeof u && reply.data_len % sizeof u == 0);
	memcpy(&u, reply_data, sizeof u);
	CHECK(u.anon > 0 && u.shared > 0);
	memcpy(one, all, sizeof one);
	one[0] = u.process_index;
	CHECK(call(MON_USAGE, 0, one, NULL, NULL, 0) == DK_OK && reply.data_len == sizeof u);
	CHECK(call(MON_USAGE, 0, none, NULL, NULL, 0) == DK_NOT_FOUND && reply.data_len == 0);
}

static void test_open(void)
{
	char c[64];
	uint64_t s;

	CHECK(open_uri("file:/etc/hostname", DK_READ, 0, 0, 0) == DK_OK);
	CHECK(reply.fds == 1 && reply.attr.type == DK_TYPE_FILE && reply.value[0] != 0 && (reply.fd_flags & MON_FD_SEEK));
	CHECK(pread(reply_fd, c, sizeof c, 0) == (ssize_t)reply.attr.size);
	s = reply.value[0];
	close(reply_fd);
	CHECK(call(MON_FETCH, s, NULL, NULL, NULL, 0) == DK_OK && reply_fd >= 0 && pread(reply_fd, c, 1, 0) == 1);
	close(reply_fd);
	close_stream(s);
	CHECK(call(MON_FETCH, s, NULL, NULL, NULL, 0) == DK_INVALID_HANDLE);
	CHECK(open_uri("file:/etc/passwd", DK_READ, 0, DK_OPTION_INLINE, 0) == DK_OK && reply.data_len == reply.attr.size);
	CHECK(!strncmp(reply_data, "root:", 5));
	close_stream(reply.value[0]);
	close(reply_fd);
	CHECK(open_uri("file:/etc/passwd", DK_WRITE, 0, 0, 0) == DK_READ_ONLY);
	CHECK(open_uri("file:/etc/passwd", DK_READ, DK_CREATE_NEW, 0, 0644) == DK_EXISTS);
	CHECK(open_uri("file:/etc/passwd", DK_READ, DK_OPEN_OR_CREATE, 0, 0644) == DK_OK);
	close_stream(reply.value[0]);
	close(reply_fd);
	CHECK(open_uri("file:/etc/nothing-here", DK_READ, DK_OPEN_OR_CREATE, 0, 0644) == DK_READ_ONLY);
	CHECK(open_uri("file:/etc/nothing-here", DK_READ, 0, 0, 0) == DK_NOT_FOUND);
	CHECK(open_uri("file:/etc/passwd/x", DK_READ, 0, 0, 0) == DK_NOT_DIRECTORY);
	CHECK(open_uri("file:/usr", DK_READ, 0, DK_OPTION_DIRECTORY, 0) == DK_OK && reply.fds == 0 && reply.attr.type == DK_TYPE_DIR);
	s = reply.value[0];
	CHECK(call(MON_FETCH, s, NULL, NULL, NULL, 0) == DK_IS_DIRECTORY);
	CHECK(query(NULL, s, DK_ATTR_BASIC) == DK_OK);
	close_stream(s);
	CHECK(open_uri("file:/etc/passwd", DK_READ, 0, DK_OPTION_DIRECTORY, 0) == DK_NOT_DIRECTORY);
	CHECK(open_uri("file:/bin/sh", DK_READ, 0, 0, 0) == DK_SYMLINK); /* merged /usr: /bin is a link */
	CHECK(call(MON_FETCH, 0, NULL, NULL, NULL, 0) == DK_OK && reply_fd >= 0);
	close(reply_fd);
	test_fetch_more();
	test_keep();
	test_usage();
}

static void test_paths(void)
{
	static const char *const bad[] = { "file:", "file:etc", "file://etc", "file:/etc/", "file:/etc/../etc/passwd", "file:/./etc",
		"file:/etc//passwd", "file:/..", "file:/.", "nonsense", "file:/etc/passwd/.." };
	static const char *const hidden[] = { "file:/etc/shadow", "file:/etc/shadow-", "file:/proc/self/mem", "file:/proc/1/root/etc/shadow",
		"file:/sys/kernel", "file:/dev/vda", "file:/dev/null", "file:/run/bailey", "file:/root/.bashrc", "file:/tmp/x" };
	char longest[5000];

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK(open_uri(bad[i], DK_READ, 0, 0, 0) == DK_INVALID_URI);
	for (unsigned i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
		if (open_uri(hidden[i], DK_READ, 0, 0, 0) != DK_NOT_FOUND)
			say("%s: %u", hidden[i], reply.status);
		CHECK(reply.status == DK_NOT_FOUND);
	}
	memset(longest, 'a', sizeof longest);
	memcpy(longest, "file:/", 6);
	longest[4999] = 0;
	CHECK(open_uri(longest, DK_READ, 0, 0, 0) == DK_NAME_TOO_LONG);
	longest[600] = 0;
	CHECK(open_uri(longest, DK_READ, 0, 0, 0) == DK_NAME_TOO_LONG);
	CHECK(open_uri("tcp.client:1.2.3.4:80", DK_READ, 0, 0, 0) == DK_NET_UNREACHABLE);
	CHECK(query("file:/proc", 0, DK_ATTR_BASIC) == DK_OK && reply.attr.type == DK_TYPE_DIR);
	CHECK(simple(MON_ENUM, "file:/proc", 0, 9000) == DK_OK && reply.data_len == 0 && reply.value[1] == 1);
}

static void test_query(void)
{
	struct dk_attributes a;

	CHECK(query("file:/etc/passwd", 0, DK_ATTR_BASIC) == DK_OK && reply.data_len == sizeof a);
	memcpy(&a, reply_data, sizeof a);
	CHECK(a.type == DK_TYPE_FILE && a.mode == 0644 && a.rights == (DK_READ | DK_EXECUTE) && a.mtime_ns > 0 && a.inode > 0);
	CHECK(query("file:/bin", 0, DK_ATTR_BASIC) == DK_OK && chain(0)->type == DK_TYPE_SYMLINK);
	CHECK(query("file:/bin", 0, DK_ATTR_TARGET) == DK_OK && reply.data_len == 7 && !memcmp(reply_data, "usr/bin", 7));
	CHECK(query("file:/bin/x", 0, DK_ATTR_BASIC) == DK_SYMLINK);
	CHECK(query("file:/usr/lib/nothing/more", 0, DK_ATTR_CHAIN) == DK_OK && reply.data_len == 2 * sizeof a && chain(1)->type == DK_TYPE_DIR);
	CHECK(query("file:/etc/passwd/x", 0, DK_ATTR_CHAIN) == DK_OK && reply.data_len == 2 * sizeof a && chain(1)->type == DK_TYPE_FILE);
	CHECK(query("file:/bin/x/y", 0, DK_ATTR_CHAIN) == DK_OK && reply.data_len == sizeof a + 7 && !memcmp(reply_data + sizeof a, "usr/bin", 7) && chain(0)->type == DK_TYPE_SYMLINK);
	CHECK(query("file:/nothing", 0, DK_ATTR_CHAIN) == DK_OK && reply.data_len == 0);
	CHECK(query("file:/", 0, DK_ATTR_CHAIN) == DK_OK && reply.data_len == sizeof a);
	CHECK(query("file:/root/x", 0, DK_ATTR_CHAIN) == DK_OK && reply.data_len == sizeof a);
	CHECK(query("file:/", 0, DK_ATTR_BASIC) == DK_OK && chain(0)->type == DK_TYPE_DIR);
	CHECK(query("file:/usr", 0, DK_ATTR_FS) == DK_OK && reply.data_len == sizeof(struct dk_fs_info));
	CHECK(query("file:/etc/passwd?user.x", 0, DK_ATTR_XATTR) == DK_NO_DATA);
	CHECK(query("file:/etc/passwd?security.selinux", 0, DK_ATTR_XATTR) == DK_NO_DATA);
	CHECK(query("file:/etc/passwd", 0, DK_ATTR_XATTR_LIST) == DK_OK && reply.data_len == 0);
	CHECK(query("file:/etc/passwd", 0, 77) == DK_NOT_SUPPORTED);
}

static const struct dk_walk *segment(unsigned i)
{
	const char *at = (const char *)reply_data;

	while (i-- > 0)
		at += ((const struct dk_walk *)at)->size;
	return (const struct dk_walk *)at;
}

static const char *segment_path(unsigned i)
{
	return (const char *)((const struct dk_attributes *)(segment(i) + 1) + segment(i)->count);
}

static void test_walk(void)
{
	char want[4];

	/* merged /usr: /bin is a link, sh another */
	CHECK(open_uri("file:/bin/sh", DK_READ, 0, DK_OPTION_WALK, 0) == DK_OK && reply.fds == 1 && reply.value[0] != 0);
	CHECK(segment(0)->count == 1 && !strcmp(segment_path(0), "/bin/sh") && segment(0)->target_len == 7);
	CHECK(segment(1)->count == 3 && !strcmp(segment_path(1), "/usr/bin/sh") && !strcmp(segment_path(1) + 12, "dash"));
	CHECK(segment(2)->count == 3 && !strcmp(segment_path(2), "/usr/bin/dash") && segment(2)->target_len == 0);
	CHECK(reply.value[1] == reply.data_len && (const char *)segment(3) - (const char *)reply_data == (long)reply.data_len);
	CHECK(pread(reply_fd, want, 4, 0) == 4 && !memcmp(want, "\177ELF", 4));
	close_stream(reply.value[0]);
	close(reply_fd);
	CHECK(open_uri("file:/bin/sh", 0, 0, DK_OPTION_WALK, 0) == DK_OK && reply.fds == 0 && reply.value[0] == 0 && segment(2)->count == 3);
	CHECK(open_uri("file:/etc/passwd", DK_READ, 0, DK_OPTION_WALK | DK_OPTION_INLINE, 0) == DK_OK && reply.fds == 1);
	CHECK(reply.data_len == reply.value[1] + reply.attr.size && !strncmp((char *)reply_data + reply.value[1], "root:", 5));
	close_stream(reply.value[0]);
	close(reply_fd);
	/* what may not be seen, is not there, or is no regular file */
	CHECK(open_uri("file:/etc/shadow", DK_READ, 0, DK_OPTION_WALK, 0) == DK_OK && reply.fds == 0 && segment(0)->count == 1);
	CHECK(open_uri("file:/root/x", DK_READ, 0, DK_OPTION_WALK, 0) == DK_OK && reply.fds == 0 && segment(0)->count == 1);
	CHECK(open_uri("file:/nothing/x", DK_READ, 0, DK_OPTION_WALK, 0) == DK_OK && reply.fds == 0 && segment(0)->count == 0);
	CHECK(open_uri("file:/etc/passwd/x", DK_READ, 0, DK_OPTION_WALK, 0) == DK_OK && reply.fds == 0 && segment(0)->count == 2);
	CHECK(open_uri("file:/usr/bin", DK_READ, 0, DK_OPTION_WALK, 0) == DK_OK && reply.fds == 0 && segment(0)->count == 2);
	CHECK(open_uri("file:/", DK_READ, 0, DK_OPTION_WALK, 0) == DK_OK && reply.fds == 0 && segment(0)->count == 1);
	CHECK(open_uri("file:/dev/null", DK_READ, 0, DK_OPTION_WALK, 0) == DK_OK && reply.fds == 0);
	CHECK(open_uri("file:/etc/../etc", 0, 0, DK_OPTION_WALK, 0) == DK_INVALID_URI);
	CHECK(open_uri("file:/etc/passwd", DK_WRITE, 0, DK_OPTION_WALK, 0) == DK_INVALID_ARG);
	CHECK(open_uri("file:/etc/passwd", DK_READ, DK_TRUNCATE, DK_OPTION_WALK, 0) == DK_INVALID_ARG);
	CHECK(open_uri("file:/etc/passwd", DK_READ, DK_CREATE_NEW, DK_OPTION_WALK | DK_OPTION_TYPE(DK_TYPE_DIR), 0) == DK_INVALID_ARG);
}

static void test_enum(void)
{
	uint64_t cursor = 0;
	unsigned n = 0, trips = 0, shadow = 0, passwd = 0, texts = 0;

	do {
		CHECK(simple(MON_ENUM, "file:/etc", cursor, 4096) == DK_OK);
		for (char *at = reply_data; at < reply_data + reply.data_len; n++) {
			struct dk_dirent *d = (struct dk_dirent *)at;

			CHECK(d->size % 8 == 0 && d->size >= sizeof *d + d->name_len + d->text_len && d->attr.type != 0);
			CHECK(d->text_len == 0 || (d->attr.type == DK_TYPE_SYMLINK && d->text_len == d->attr.size));
			texts += d->text_len != 0;
			shadow += !strncmp(d->name, "shadow", 6);
			passwd += d->name_len == 6 && !strncmp(d->name, "passwd", 6);
			at += d->size;
		}
		cursor = reply.value[0];
		trips++;
	} while (reply.data_len > 0 && reply.status == DK_OK);
	CHECK(n > 20 && trips > 2 && shadow == 0 && passwd == 1 && texts > 0);
	CHECK(simple(MON_ENUM, "file:/etc", 0, 10) == DK_RANGE);
	CHECK(simple(MON_ENUM, "file:/etc/passwd", 0, 4096) == DK_NOT_DIRECTORY);
	CHECK(simple(MON_ENUM, "file:/nothing", 0, 4096) == DK_NOT_FOUND);
	CHECK(simple(MON_ENUM, "file:/", 0, 90000) == DK_OK && reply.data_len > 500);
}

static const struct dk_contents *record(unsigned i)
{
	const char *at = reply_data;

	while (i-- > 0)
		at += ((const struct dk_contents *)(const void *)at)->size;
	return (const struct dk_contents *)(const void *)at;
}

static unsigned records(void)
{
	unsigned n = 0;

	while ((const char *)record(n) < reply_data + reply.data_len)
		n++;
	return n;
}

static void make_file(const char *uri, size_t size)
{
	static const char bytes[20000] = "made";

	CHECK(open_uri(uri, DK_WRITE, DK_CREATE_NEW, 0, 0644) == DK_OK && write(reply_fd, bytes, size) == (ssize_t)size);
	close(reply_fd);
	close_stream(reply.value[0]);
}

/* One by one first: an answer ends before a name that would have to be waited for. */
static enum dk_status query_names(const char *folder, const char *names)
{
	char uri[400];

	for (const char *name = names; *name; name += strcspn(name, "/"), name += *name == '/') {
		snprintf(uri, sizeof uri, "%s?%.*s", folder, (int)strcspn(name, "/"), name);
		CHECK(query(uri, 0, DK_ATTR_CONTENTS) == DK_OK && records() == 1);
	}
	snprintf(uri, sizeof uri, "%s?%s", folder, names);
	return query(uri, 0, DK_ATTR_CONTENTS);
}

/* Names that are no plain names of one folder, and folders that are none. */
static void test_contents_refused(void)
{
	static const char *const bad[] = { "file:/etc?", "file:/etc?..", "file:/etc?.", "file:/etc?passwd/..", "file:/etc?/passwd",
		"file:/etc?passwd//", "file:/etc?passwd/" };
	char many[400] = "file:/etc?x";

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK(query(bad[i], 0, DK_ATTR_CONTENTS) == DK_INVALID_ARG);
	for (unsigned i = 1; i < DK_CONTENTS_NAMES; i++)
		strcat(many, "/x");
	CHECK(query(many, 0, DK_ATTR_CONTENTS) == DK_OK && records() == DK_CONTENTS_NAMES && record(63)->status == DK_NOT_FOUND);
	strcat(many, "/x");
	CHECK(query(many, 0, DK_ATTR_CONTENTS) == DK_INVALID_ARG);
	memset(many, 'n', 300);
	memcpy(many, "file:/etc?", 10);
	many[300] = 0;
	CHECK(query(many, 0, DK_ATTR_CONTENTS) == DK_INVALID_ARG);
	CHECK(call(MON_QUERY, 0, (uint64_t[5]){ DK_ATTR_CONTENTS }, "file:/etc?passwd", "hostname", 8) == DK_INVALID_ARG);
	CHECK(query("file:/etc", 0, DK_ATTR_CONTENTS) == DK_INVALID_URI);
	CHECK(query("file:/etc/../etc?passwd", 0, DK_ATTR_CONTENTS) == DK_INVALID_URI);
	CHECK(query("file:/nothing?x", 0, DK_ATTR_CONTENTS) == DK_NOT_FOUND);
	CHECK(query("file:/etc/passwd?x", 0, DK_ATTR_CONTENTS) == DK_NOT_DIRECTORY);
	CHECK(query("file:/bin?sh", 0, DK_ATTR_CONTENTS) == DK_SYMLINK);
	CHECK(query("file:/proc/self?mem", 0, DK_ATTR_CONTENTS) == DK_NOT_FOUND);
}

static void test_contents(void)
{
	char uri[40];

	test_contents_refused();
	CHECK_SOON(query_names("file:/etc", "shadow/passwd/gshadow/alternatives/nothing"), records() == 5 && record(1)->complete == 1 && record(3)->status == DK_OK);
	CHECK(record(0)->status == DK_NOT_FOUND && record(0)->data_len == 0 && record(0)->attr.inode == 0 && record(2)->status == DK_NOT_FOUND);
	CHECK(record(1)->status == DK_OK && record(1)->complete == 1 && record(1)->data_len == record(1)->attr.size && !memcmp(record(1) + 1, "root:", 5));
	CHECK(record(3)->status == DK_OK && record(3)->complete == 0 && record(3)->attr.type == DK_TYPE_DIR && record(4)->status == DK_NOT_FOUND);
	CHECK_SOON(query_names("file:/", "proc/root/etc/bin"), records() == 4 && record(2)->status == DK_OK);
	CHECK(record(0)->status == DK_IS_DIRECTORY && record(0)->attr.inode == 0 && record(2)->attr.type == DK_TYPE_DIR && record(3)->status == DK_SYMLINK);
	CHECK(open_uri("file:/v/small", 0, DK_CREATE_NEW, DK_OPTION_TYPE(DK_TYPE_DIR), 0755) == DK_OK);
	CHECK(open_uri("file:/v/small/link?/etc/passwd", 0, DK_CREATE_NEW, DK_OPTION_TYPE(DK_TYPE_SYMLINK), 0) == DK_OK);
	CHECK(open_uri("file:/v/small/fifo", 0, DK_CREATE_NEW, DK_OPTION_TYPE(DK_TYPE_FIFO), 0600) == DK_OK);
	make_file("file:/v/small/empty", 0);
	make_file("file:/v/small/large", DK_CONTENTS_FILE + 1);
	CHECK_SOON(query("file:/v/small?link/fifo/empty/large", 0, DK_ATTR_CONTENTS), records() == 4 && record(2)->complete == 1);
	CHECK(record(0)->status == DK_SYMLINK && record(1)->status == DK_OK && record(1)->attr.type == DK_TYPE_FIFO && record(1)->complete == 0);
	CHECK(record(2)->complete == 1 && record(2)->data_len == 0 && record(2)->attr.rights == 7);
	CHECK(record(3)->complete == 0 && record(3)->data_len == 0 && record(3)->attr.size == DK_CONTENTS_FILE + 1);
	for (unsigned i = 0; i < 8; i++) {
		snprintf(uri, sizeof uri, "file:/v/small/%u", i);
		make_file(uri, DK_CONTENTS_FILE);
	}
	CHECK_SOON(query("file:/v/small?0/1/2/3/4/5/6/7", 0, DK_ATTR_CONTENTS), records() == 5 && record(4)->complete == 1 && reply.data_len <= DK_CONTENTS_ROOM);
	CHECK(record(4)->complete == 1 && record(4)->data_len == DK_CONTENTS_FILE && !memcmp(record(4) + 1, "made", 5));
	CHECK_SOON(query("file:/v/small?5/6/7", 0, DK_ATTR_CONTENTS), records() == 3);
	/* a name of the folder below which something else is mounted, or a folder with '?' and '%' in its name */
	CHECK_SOON(query("file:/?v/r", 0, DK_ATTR_CONTENTS), records() == 2 && record(1)->attr.type == DK_TYPE_DIR && record(1)->attr.rights == (DK_READ | DK_EXECUTE));
	CHECK(open_uri("file:/v/q?%", 0, DK_CREATE_NEW, DK_OPTION_TYPE(DK_TYPE_DIR), 0755) == DK_OK);
	make_file("file:/v/q?%/a", 4);
	CHECK_SOON(query("file:/v/q%3F%25?a", 0, DK_ATTR_CONTENTS), records() == 1 && record(0)->complete == 1);
	simple(MON_DELETE, "file:/v/q?%/a", DK_DELETE_FILE, 0);
	simple(MON_DELETE, "file:/v/q?%", DK_DELETE_DIR, 0);
	CHECK(query(NULL, reply.value[0], DK_ATTR_CONTENTS) != DK_OK);
}

static enum dk_status set(const char *uri, uint64_t stream, uint64_t class, const void *value, uint32_t len)
{
	uint64_t args[5] = { class, len };

	return call(MON_SET, stream, args, uri, value, len);
}

static enum dk_status rename_uri(const char *from, const char *to, uint64_t mode)
{
	uint64_t args[5] = { mode };

	return call(MON_RENAME, 0, args, from, to, (uint32_t)strlen(to));
}

/* /v is a writable folder of the host, /r the same read-only. */
static void test_changes(void)
{
	uint64_t s, len[5] = { 0, 1000, DK_LENGTH_TRUNCATE };
	int64_t times[2] = { 1000000000ll * 1000 + 5, INT64_MIN };
	uint32_t mode = 0600;
	struct dk_lock lock = { 2, 0, 0, 0 };

	CHECK(open_uri("file:/v/a", DK_READ | DK_WRITE, DK_CREATE_NEW, 0, 0640) == DK_OK && reply.attr.mode == 0640);
	s = reply.value[0];
	CHECK(write(reply_fd, "hello", 5) == 5);
	close(reply_fd);
	CHECK(query("file:/v/a", 0, DK_ATTR_BASIC) == DK_OK && chain(0)->size == 5 && chain(0)->rights == 7);
	CHECK(call(MON_LENGTH, s, len, NULL, NULL, 0) == DK_OK);
	CHECK(query(NULL, s, DK_ATTR_BASIC) == DK_OK && chain(0)->size == 1000);
	len[2] = DK_LENGTH_PUNCH;
	CHECK(call(MON_LENGTH, s, len, NULL, NULL, 0) == DK_OK);
	len[2] = 9;
	CHECK(call(MON_LENGTH, s, len, NULL, NULL, 0) == DK_INVALID_ARG);
	CHECK(call(MON_FLUSH, s, (uint64_t[5]){ DK_FLUSH_ALL }, NULL, NULL, 0) == DK_OK);
	CHECK(set("file:/v/a", 0, DK_ATTR_TIMES, times, sizeof times) == DK_OK);
	CHECK(query(NULL, s, DK_ATTR_BASIC) == DK_OK && chain(0)->atime_ns == times[0]);
	CHECK(set("file:/v/a", 0, DK_ATTR_MODE, &mode, sizeof mode) == DK_OK);
	mode = 04755;
	CHECK(set("file:/v/a", 0, DK_ATTR_MODE, &mode, sizeof mode) == DK_PERMISSION);
	mode = 0644;
	CHECK(set(NULL, s, DK_ATTR_MODE, &mode, sizeof mode) == DK_OK);
	CHECK(query(NULL, s, DK_ATTR_BASIC) == DK_OK && chain(0)->mode == 0644);
	CHECK(set("file:/v/a?user.x", 0, DK_ATTR_XATTR, "val", 3) == DK_OK);
	CHECK(query("file:/v/a?user.x", 0, DK_ATTR_XATTR) == DK_OK && reply.data_len == 3 && !memcmp(reply_data, "val", 3));
	CHECK(query("file:/v/a", 0, DK_ATTR_XATTR_LIST) == DK_OK && reply.data_len == 7);
	CHECK(set("file:/v/a?trusted.x", 0, DK_ATTR_XATTR, "val", 3) == DK_PERMISSION);
	CHECK(set(NULL, s, DK_ATTR_LOCK, &lock, sizeof lock) == DK_OK);
	CHECK(open_uri("file:/v/a", DK_READ | DK_WRITE, 0, 0, 0) == DK_OK);
	close(reply_fd);
	CHECK(set(NULL, reply.value[0], DK_ATTR_LOCK, &lock, sizeof lock) == DK_AGAIN);
	close_stream(reply.value[0]);
	close_stream(s);
	CHECK(open_uri("file:/v/d", 0, DK_CREATE_NEW, DK_OPTION_TYPE(DK_TYPE_DIR), 0755) == DK_OK && reply.attr.type == DK_TYPE_DIR);
	CHECK(open_uri("file:/v/d", 0, DK_CREATE_NEW, DK_OPTION_TYPE(DK_TYPE_DIR), 0755) == DK_EXISTS);
	CHECK(open_uri("file:/v/l?../../etc/passwd", 0, DK_CREATE_NEW, DK_OPTION_TYPE(DK_TYPE_SYMLINK), 0) == DK_OK && reply.value[0] == 0);
	CHECK(open_uri("file:/v/l", DK_READ, 0, 0, 0) == DK_SYMLINK);
	CHECK(open_uri("file:/v/l", DK_WRITE, DK_CREATE_ALWAYS, 0, 0600) == DK_SYMLINK);
	CHECK(query("file:/v/l", 0, DK_ATTR_TARGET) == DK_OK && reply.data_len == 16);
	CHECK(open_uri("file:/v/up?..", 0, DK_CREATE_NEW, DK_OPTION_TYPE(DK_TYPE_SYMLINK), 0) == DK_OK);
	CHECK(open_uri("file:/v/up/outside", DK_READ, 0, 0, 0) == DK_SYMLINK);
	CHECK(simple(MON_DELETE, "file:/v/up/outside", DK_DELETE_ANY, 0) == DK_SYMLINK);
	CHECK(open_uri("file:/v/q%3Fx?y", 0, DK_CREATE_NEW, DK_OPTION_TYPE(DK_TYPE_SYMLINK), 0) == DK_OK);
	CHECK(query("file:/v/q?x", 0, DK_ATTR_TARGET) == DK_OK && reply.data_len == 1);
	CHECK(open_uri("file:/v/b?file:/v/a", 0, DK_CREATE_NEW, DK_OPTION_TYPE(DK_TYPE_LINK), 0) == DK_OK && reply.attr.nlink == 2);
	CHECK(rename_uri("file:/v/a", "file:/v/c", DK_RENAME_LINK) == DK_OK);
	CHECK(open_uri("file:/v/x?/etc/passwd", 0, DK_CREATE_NEW, DK_OPTION_TYPE(DK_TYPE_LINK), 0) == DK_READ_ONLY);
	CHECK(rename_uri("file:/v/b", "file:/v/d/b", DK_RENAME_REPLACE) == DK_OK);
	CHECK(rename_uri("file:/v/c", "file:/v/a", DK_RENAME_NOREPLACE) == DK_EXISTS);
	CHECK(rename_uri("file:/v/c", "file:/v/d", DK_RENAME_EXCHANGE) == DK_OK);
	CHECK(rename_uri("file:/v/c", "file:/v/d", DK_RENAME_EXCHANGE) == DK_OK);
	CHECK(rename_uri("file:/v/c", "file:/etc/c", DK_RENAME_REPLACE) == DK_READ_ONLY);
	CHECK(rename_uri("file:/v/c", "file:/r/c", DK_RENAME_REPLACE) == DK_READ_ONLY);
	CHECK(rename_uri("file:/v", "file:/w", DK_RENAME_REPLACE) == DK_READ_ONLY);
	CHECK(open_uri("file:/v/fifo", 0, DK_CREATE_NEW, DK_OPTION_TYPE(DK_TYPE_FIFO), 0600) == DK_OK);
	CHECK(open_uri("file:/v/fifo", DK_READ, 0, 0, 0) == DK_DENIED);
	CHECK(open_uri("file:/v/fifo", DK_WRITE, 0, 0, 0) == DK_DENIED);
	CHECK(query("file:/v/fifo", 0, DK_ATTR_BASIC) == DK_OK && chain(0)->type == DK_TYPE_FIFO);
	CHECK(open_uri("file:/v/dev", 0, DK_CREATE_NEW, DK_OPTION_TYPE(DK_TYPE_CHAR), 0600) == DK_PERMISSION);
	CHECK(simple(MON_DELETE, "file:/v/d", DK_DELETE_DIR, 0) == DK_NOT_EMPTY);
	CHECK(simple(MON_DELETE, "file:/v/d", DK_DELETE_FILE, 0) == DK_IS_DIRECTORY);
	CHECK(simple(MON_DELETE, "file:/v/d/b", DK_DELETE_FILE, 0) == DK_OK);
	CHECK(simple(MON_DELETE, "file:/v/d", DK_DELETE_ANY, 0) == DK_OK);
	CHECK(simple(MON_DELETE, "file:/v", DK_DELETE_DIR, 0) == DK_BUSY);
	CHECK(simple(MON_DELETE, "file:/r/c", DK_DELETE_FILE, 0) == DK_READ_ONLY);
	CHECK(simple(MON_DELETE, "file:/etc/passwd", DK_DELETE_FILE, 0) == DK_READ_ONLY);
	CHECK(set("file:/r/a", 0, DK_ATTR_TIMES, times, sizeof times) == DK_READ_ONLY);
	CHECK(set("file:/etc/passwd", 0, DK_ATTR_MODE, &mode, sizeof mode) == DK_READ_ONLY);
	CHECK(open_uri("file:/r/a", DK_READ, 0, DK_OPTION_INLINE, 0) == DK_OK && reply.attr.size == 1000);
	close(reply_fd);
	s = reply.value[0];
	CHECK(set(NULL, s, DK_ATTR_MODE, &mode, sizeof mode) == DK_READ_ONLY);
	CHECK(call(MON_LENGTH, s, len, NULL, NULL, 0) == DK_INVALID_ARG);
	len[2] = 0;
	CHECK(call(MON_LENGTH, s, len, NULL, NULL, 0) == DK_READ_ONLY);
	CHECK(open_uri("file:/r/a", DK_WRITE, 0, 0, 0) == DK_READ_ONLY);
	CHECK(open_uri("file:/r/new", DK_WRITE, DK_CREATE_NEW, 0, 0600) == DK_READ_ONLY);
	CHECK(open_uri("file:/v/a", DK_WRITE, DK_CREATE_ALWAYS, 0, 0600) == DK_OK && reply.attr.size == 0);
	close(reply_fd);
}

static void test_special(void)
{
	uint64_t server, client, n;
	int a, b;
	char c;

	CHECK(open_uri("stdin:", DK_READ, 0, 0, 0) == DK_OK && (reply.fd_flags & MON_FD_READ));
	close(reply_fd);
	CHECK(open_uri("stdout:", DK_WRITE, 0, 0, 0) == DK_OK && (reply.fd_flags & MON_FD_WRITE));
	CHECK(write(reply_fd, "out\n", 4) == 4);
	close(reply_fd);
	CHECK(open_uri("null:", DK_WRITE, 0, 0, 0) == DK_OK);
	close(reply_fd);
	CHECK(open_uri("pipe.client:p", DK_READ, 0, 0, 0) == DK_NOT_FOUND);
	CHECK(open_uri("pipe.server:p", DK_READ, 0, 0, 0) == DK_OK);
	a = reply_fd;
	server = reply.value[0];
	CHECK(open_uri("pipe.client:p", DK_READ, 0, 0, 0) == DK_OK);
	b = reply_fd;
	client = reply.value[0];
	CHECK(write(a, "x", 1) == 1);
	CHECK(query(NULL, client, DK_ATTR_AVAILABLE) == DK_OK && (memcpy(&n, reply_data, 8), n == 1));
	CHECK(read(b, &c, 1) == 1 && c == 'x');
	close(a);
	close_stream(server);
	CHECK(query(NULL, client, DK_ATTR_TERMIOS) == DK_NOT_TTY);
	CHECK(read(b, &c, 1) == 0);
	close(b);
	close_stream(client);
	CHECK(open_uri("shm:new", DK_READ | DK_WRITE, 0, 0, 0) == DK_OK);
	a = reply_fd;
	CHECK(call(MON_LENGTH, reply.value[0], (uint64_t[5]){ 0, 8192, 0 }, NULL, NULL, 0) == DK_OK);
	CHECK(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, a, 0) != MAP_FAILED);
	close(a);
}

static struct mon_death *next_death(void)
{
	static struct mon_death d;
	struct pollfd p = { .fd = boot_fds[MON_BFD_DEATHS], .events = POLLIN };

	if (poll(&p, 1, 3000) != 1 || recv(p.fd, &d, sizeof d, 0) != sizeof d)
		memset(&d, 0xff, sizeof d);
	return &d;
}

/*
 * A process clones itself as 20 and, while it is ended, as 22 (fakepal.c).  False: it was gone before it had announced that one,
 * which nobody knows then.  20 is known before.
 */
static bool copy_of_ended(void)
{
	bool heard[3] = { false };

	CHECK(simple(MON_SPAWN, "linux", 50, 21) == DK_OK);
	for (unsigned i = 0; i < 3; i++) {
		const struct mon_death *d = next_death();

		if (i == 2 && heard[0] && heard[1] && d->wait_status == UINT32_MAX)
			return false;
		CHECK(((d->process_index == 20 || d->process_index == 22) && d->wait_status == 33 << 8) || (d->process_index == 21 && d->wait_status == SIGKILL));
		if (d->wait_status != (d->process_index == 21 ? SIGKILL : 33 << 8))
			say("process %llu ended with status %x", (unsigned long long)d->process_index, d->wait_status);
		if (d->process_index >= 20 && d->process_index <= 22)
			heard[d->process_index - 20] = true;
	}
	CHECK(heard[0] && heard[1] && heard[2]);
	return true;
}

static void test_processes(void)
{
	struct mon_death *d;
	uint64_t number;

	CHECK(simple(MON_SPAWN, "linux", 42, 5) == DK_OK && reply.value[0] != 0);
	number = reply.value[0];
	d = next_death();
	CHECK(d->process_index == 5 && d->pico == number && d->kind == MON_NOTE_DEATH && d->wait_status == 42 << 8);
	for (unsigned i = 0; i < 20; i++) {
		CHECK(simple(MON_SPAWN, "linux", i, 100 + i) == DK_OK);
		d = next_death();
		CHECK(d->process_index == 100 + i && d->wait_status == i << 8);
		if (i == 6)
			i = 9; /* 7, 8 and 9 mean something to main */
	}
	CHECK(simple(MON_SPAWN, "../../etc/passwd", 0, 1) == DK_DENIED);
	CHECK(simple(MON_SPAWN, "nt", 0, 1) == DK_DENIED);
	CHECK(simple(MON_SPAWN, "linux", 7, 6) == DK_OK); /* hostile: is ended, we live on */
	d = next_death();
	CHECK(d->process_index == 6 && d->wait_status == SIGKILL);
	CHECK(call(MON_CLONE, 0, (uint64_t[5]){ 9 }, NULL, NULL, 0) == DK_OK && reply_fd >= 0);
	number = reply.value[0];
	close(reply_fd);
	tell(MON_CLONED, number, 0, NULL);
	CHECK(simple(MON_SPAWN, "linux", 8, 7) == DK_OK);
	CHECK(simple(MON_SPAWN, "linux", 9, 11) == DK_OK); /* clones itself as processes 10 and 12, see fakepal.c */
	for (unsigned i = 0; i < 3; i++) {
		d = next_death();
		CHECK(((d->process_index == 10 || d->process_index == 12) && d->wait_status == 33 << 8) || (d->process_index == 11 && d->wait_status == 9 << 8));
	}
	for (unsigned i = 0; i < 50 && !copy_of_ended(); i++)
		CHECK(i < 49);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void measure(const char *what, void (*fn)(void))
{
	uint64_t best = UINT64_MAX, all = now();

	for (unsigned i = 0; i < 2000; i++) {
		uint64_t t = now();

		fn();
		t = now() - t;
		best = t < best ? t : best;
	}
	say("%s: %llu ns best, %llu mean", what, (unsigned long long)best, (unsigned long long)(now() - all) / 2000);
}

static void bench_query(void)
{
	query("file:/etc/passwd", 0, DK_ATTR_BASIC);
}

static void bench_open(void)
{
	open_uri("file:/etc/passwd", DK_READ, 0, DK_OPTION_INLINE, 0);
	close(reply_fd);
	close_stream(reply.value[0]);
}

static void bench_enum(void)
{
	simple(MON_ENUM, "file:/v", 0, 4096);
}

static void bench_missing(void)
{
	query("file:/usr/lib/python3/no/such/file", 0, DK_ATTR_CHAIN);
}

void run_ops(const char *what)
{
	if (!strcmp(what, "ops")) {
		test_boot();
		test_open();
		test_paths();
		test_query();
		test_walk();
		test_enum();
		test_contents();
		failures += test_tree();
		failures += test_opened();
		failures += test_ahead();
		test_changes();
		test_special();
		test_processes();
		say("%u checks, %u failures", checks, failures);
	} else if (!strcmp(what, "bench")) {
		measure("query", bench_query);
		measure("open+inline+close", bench_open);
		measure("enumerate", bench_enum);
		measure("missing", bench_missing);
	} else {
		failures = 97; /* nobody wanted anything that there is */
	}
	tell(MON_EXIT, failures > 200 ? 200 : failures, 0, NULL);
}
