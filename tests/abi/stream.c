/* SPDX-License-Identifier: MIT */
/*
 * tests/abi/stream.c - streams: files, pipes, sockets, a terminal; descriptors fetched in
 * another picoprocess; attributes, lengths, names.
 */
#include "tests/abi/bare.h"

static dk_handle open_as(const char *uri, uint32_t access, uint32_t disposition, enum dk_status want)
{
	struct dk_open open = { .access = access, .disposition = disposition, .mode = 0644 };
	dk_handle h = 0;

	CHECK_STATUS(DkStreamOpen(uri, &open, &h), want);
	return h;
}

static uint64_t put(dk_handle h, uint64_t offset, const char *text, uint32_t flags)
{
	struct dk_segment s[2] = { { (void *)(uintptr_t)text, strlen(text) }, { NULL, 0 } };
	uint64_t done = 0;

	OK(DkStreamWrite(h, offset, s, 1, flags, &done));
	return done;
}

static uint64_t get(dk_handle h, uint64_t offset, void *buf, uint64_t size, uint32_t flags, enum dk_status want)
{
	struct dk_segment s = { buf, size };
	uint64_t done = 0;

	CHECK_STATUS(DkStreamRead(h, offset, &s, 1, flags, &done), want);
	return done;
}

static void files(void)
{
	char buf[64], small[16];
	struct dk_open open = { .access = DK_READ, .options = DK_OPTION_INLINE, .inline_data = buf, .inline_size = sizeof buf };
	struct dk_attributes a;
	uint64_t done;
	dk_handle f, g;

	(void)open_as("nonsense", DK_READ, 0, DK_INVALID_URI);
	(void)open_as("file:/tmp/bare-none", DK_READ, DK_OPEN_EXISTING, DK_NOT_FOUND);
	f = open_as("file:/tmp/bare-file", DK_READ | DK_WRITE, DK_CREATE_ALWAYS, DK_OK);
	(void)open_as("file:/tmp/bare-file", DK_READ, DK_CREATE_NEW, DK_EXISTS);
	CHECK(put(f, 0, "hello, world", 0) == 12);
	CHECK(put(f, 7, "there", DK_IO_SYNC) == 5);
	CHECK(put(f, 0, "!", DK_IO_APPEND) == 1);
	CHECK(get(f, 0, buf, 64, 0, DK_OK) == 13 && memcmp(buf, "hello, there!", 13) == 0);
	CHECK(get(f, 100, buf, 64, 0, DK_OK) == 0);
	(void)get(f, 0, (void *)16, 64, 0, DK_FAULT);
	(void)get(f, 0, buf, 64, 1u << 20, DK_INVALID_ARG);
	(void)get(f, 1ull << 63, buf, 64, 0, DK_INVALID_ARG);
	(void)get(0x50000777, 0, buf, 64, 0, DK_INVALID_HANDLE);
	OK(DkStreamFlush(f, DK_FLUSH_DATA));
	OK(DkStreamFlush(f, DK_FLUSH_ALL));
	OK(DkStreamSetLength(f, 0, 5, DK_LENGTH_TRUNCATE));
	OK(DkStreamOpen("file:/tmp/bare-file", &open, &g));
	CHECK(open.inline_size == 5 && memcmp(buf, "hello", 5) == 0 && open.attr.size == 5);
	open.inline_data = small;
	open.inline_size = 3;
	OK(DkObjectClose(g));
	OK(DkStreamOpen("file:/tmp/bare-file", &open, &g));
	CHECK(open.inline_size == 0);
	OK(DkStreamAttributesQueryByHandle(g, DK_ATTR_BASIC, &a, sizeof a, &done));
	CHECK(done == sizeof a && a.size == 5 && a.type == DK_TYPE_FILE);
	CHECK_STATUS(DkStreamAttributesQueryByHandle(g, DK_ATTR_BASIC, &a, 8, &done), DK_RANGE);
	OK(DkStreamRename("file:/tmp/bare-file", "file:/tmp/bare-file2", DK_RENAME_REPLACE));
	OK(DkStreamAttributesQuery("file:/tmp/bare-file2", DK_ATTR_BASIC, &a, sizeof a, &done));
	OK(DkStreamDelete(0, "file:/tmp/bare-file2", DK_DELETE_FILE));
	CHECK_STATUS(DkStreamDelete(0, "file:/tmp/bare-file2", DK_DELETE_FILE), DK_NOT_FOUND);
	CHECK_STATUS(DkStreamDelete(g, "x", DK_DELETE_FILE), DK_INVALID_ARG);
	OK(DkStreamTransfer(g, bare_boot->process));
	CHECK_STATUS(DkStreamTransfer(g, g), DK_INVALID_HANDLE);
	OK(DkObjectClose(f));
	OK(DkObjectClose(g));
	(void)get(g, 0, buf, 1, 0, DK_INVALID_HANDLE);
}

static void pipes(void)
{
	dk_handle r = open_as("testpipe:p/r", DK_READ, 0, DK_OK), w = open_as("testpipe:p/w", DK_WRITE, 0, DK_OK), e[3], child;
	static char big[65536];
	char buf[16];
	uint32_t index = 9;
	uint64_t total = 0, done;
	struct dk_segment s = { big, sizeof big };

	OK(DkStreamGetEvent(r, DK_EVENT_READ, &e[0]));
	OK(DkStreamGetEvent(w, DK_EVENT_WRITE, &e[1]));
	CHECK_STATUS(DkStreamGetEvent(w, 99, &e[2]), DK_INVALID_ARG);
	CHECK_STATUS(DkEventSet(e[0]), DK_INVALID_HANDLE);
	CHECK_STATUS(DkObjectsWaitAny(1, e, 0, 0, &index), DK_TIMEOUT);
	CHECK_STATUS(DkObjectsWaitAny(1, e, bare_now() + 2 * MS, 0, &index), DK_TIMEOUT);
	OK(DkObjectsWaitAny(2, e, 0, 0, &index));
	CHECK(index == 1);
	(void)get(r, 0, buf, 1, DK_IO_NONBLOCK, DK_AGAIN);
	CHECK(put(w, 0, "abc", 0) == 3);
	CHECK(get(r, 5, buf, 16, 0, DK_OK) == 3); /* a pipe has no offset */
	while (DkStreamWrite(w, DK_OFFSET_NONE, &s, 1, DK_IO_NONBLOCK, &done) == DK_OK)
		total += done;
	CHECK(total >= 65536);
	CHECK_STATUS(DkObjectsWaitAny(1, &e[1], 0, 0, &index), DK_TIMEOUT);
	OK(DkObjectReference(r)); /* handles are the sandbox's: the copy's use needs one of its own */
	OK(DkProcessCreate(NULL, 0, DK_PROCESS_CLONE, &child));
	if (!child) { /* reads it all away */
		while (total > 0)
			total -= get(r, 0, big, MIN(sizeof big, total), 0, DK_OK);
		CHECK(get(r, 0, buf, 4, 0, DK_OK) == 4 && memcmp(buf, "done", 4) == 0);
		OK(DkObjectClose(r));
		(void)DkProcessExit(0);
	}
	OK(DkObjectsWaitAny(1, &e[1], DK_FOREVER, 0, &index));
	CHECK(put(w, 0, "done", 0) == 4);
	OK(DkObjectClose(child));
	OK(DkObjectClose(r));
	OK(DkObjectClose(w));
}

static void sockets(void)
{
	dk_handle a = open_as("testsock:s/a", DK_READ, 0, DK_OK), b = open_as("testsock:s/b", DK_READ, 0, DK_OK);
	struct dk_segment two[2] = { { (void *)(uintptr_t)"abc", 3 }, { (void *)(uintptr_t)"defg", 4 } };
	char buf[16];
	uint64_t done;

	(void)get(b, 0, buf, 16, DK_IO_NONBLOCK, DK_AGAIN);
	OK(DkStreamWrite(a, 0, two, 2, 0, &done));
	CHECK(done == 7);
	CHECK(get(b, 0, buf, 16, DK_IO_PEEK, DK_OK) == 7);
	CHECK(get(b, 0, buf, 7, DK_IO_WAITALL, DK_OK) == 7 && memcmp(buf, "abcdefg", 7) == 0);
	OK(DkStreamDelete(a, NULL, DK_DELETE_SIDE_WRITE));
	CHECK(get(b, 0, buf, 16, 0, DK_OK) == 0);
	CHECK_STATUS(DkStreamWrite(a, 0, two, 1, 0, &done), DK_BROKEN_PIPE);
	OK(DkObjectClose(a));
	OK(DkObjectClose(b));
}

static void terminal(void)
{
	dk_handle m = open_as("testtty:t/m", DK_READ | DK_WRITE, 0, DK_OK), s = open_as("testtty:t/s", DK_READ | DK_WRITE, 0, DK_OK);
	char buf[16];

	(void)get(s, 0, buf, 16, DK_IO_NONBLOCK, DK_AGAIN);
	CHECK(put(m, 0, "key", 0) == 3);
	CHECK(get(s, 0, buf, 16, 0, DK_OK) == 3 && memcmp(buf, "key", 3) == 0);
	CHECK(put(s, 0, "out", 0) == 3);
	CHECK(get(m, 0, buf, 16, 0, DK_OK) == 3);
	OK(DkObjectClose(m));
	OK(DkObjectClose(s));
}

/* A stream opened in a copy is good in the parent, which fetches the descriptor. */
static void fetched(void)
{
	volatile uint32_t *shared = (volatile uint32_t *)(ARENA_BASE + 128);
	dk_handle child;
	char buf[4];

	OK(DkProcessCreate(NULL, 0, DK_PROCESS_CLONE, &child));
	if (!child) {
		*shared = open_as("file:/proc/self/exe", DK_READ, 0, DK_OK);
		(void)DkProcessExit(0);
	}
	while (!*shared)
		OK(DkThreadYieldExecution());
	CHECK(get(*shared, 1, buf, 3, 0, DK_OK) == 3 && memcmp(buf, "ELF", 3) == 0);
	OK(DkObjectClose(*shared));
	OK(DkObjectClose(child));
}

static void speed(void)
{
	struct dk_attributes a;
	uint64_t start = bare_now(), done;
	dk_handle f;

	for (int i = 0; i < 2000; i++)
		OK(DkStreamAttributesQuery("file:/", DK_ATTR_BASIC, &a, sizeof a, &done));
	bare_print("request: %lu ns", (bare_now() - start) / 2000);
	start = bare_now();
	for (int i = 0; i < 2000; i++) {
		f = open_as("file:/proc/self/exe", DK_READ, 0, DK_OK);
		OK(DkObjectClose(f));
	}
	bare_print("open and close: %lu ns", (bare_now() - start) / 2000);
}

int bare_main(void)
{
	files();
	pipes();
	sockets();
	terminal();
	fetched();
	speed();
	return 0;
}
