/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/forge.c - malformed and lying requests, one process each.
 */
#include <sys/un.h>

#include "attack.h"

enum { SURVIVES = 1, DIES = 2, ANY = 3 };
struct forgery {
	const char *name;
	int expect;
	void (*send)(void);
};

static void send_bytes(size_t n)
{
	raw_send(channel, &msg, n);
	raw_receive(channel, 300);
}

static void f_empty(void) { send_bytes(0); }
static void f_one(void) { send_bytes(1); }
static void f_short(void) { request(MON_OPEN, 0, NULL, 0); send_bytes(sizeof msg.q - 1); }
static void f_unknown(void) { request(MON_OP_COUNT, 0, NULL, 0); send_bytes(sizeof msg.q); }
static void f_unknown_big(void) { request(0xffffffff, 0, NULL, 0); send_bytes(sizeof msg.q); }
static void f_len_more(void) { request(MON_OPEN, 0, "file:/etc", 9); msg.q.text_len = 10; send_bytes(sizeof msg.q + 9); }
static void f_len_less(void) { request(MON_OPEN, 0, "file:/etc", 9); msg.q.text_len = 8; send_bytes(sizeof msg.q + 9); }
static void f_len_huge(void) { request(MON_OPEN, 0, "file:/etc", 9); msg.q.text_len = 0xffffffff; send_bytes(sizeof msg.q + 9); }
static void f_len_sign(void) { request(MON_OPEN, 0, "file:/etc", 9); msg.q.text_len = 0x80000000; send_bytes(sizeof msg.q + 9); }
static void f_len_wrap(void) { request(MON_OPEN, 0, "file:/etc", 9); msg.q.text_len = 0u - (uint32_t)sizeof msg.q; send_bytes(sizeof msg.q + 9); }
static void f_oversize(void)
{
	request(MON_OPEN, 0, NULL, 0);
	memset(msg.text, 'a', sizeof msg.text);
	memcpy(msg.text, "file:/", 6);
	msg.q.text_len = MON_TEXT_MAX + 1;
	send_bytes(sizeof msg.q + MON_TEXT_MAX + 1);
}
static void f_giant(void)
{
	request(MON_LOG, 0, NULL, 0);
	memset(msg.text, 'a', sizeof msg.text);
	msg.q.text_len = 150000;
	send_bytes(sizeof msg.q + 150000);
}
static void f_torn(void)
{
	request(MON_OPEN, 0, "file:/etc/passwd", 16);
	raw_send(channel, &msg, sizeof msg.q / 2);
	raw_send(channel, (char *)&msg + sizeof msg.q / 2, sizeof msg.q / 2 + 16);
	raw_receive(channel, 300);
}
static void f_text_on_clone(void) { request(MON_CLONE, 0, "abc", 3); send_bytes(sizeof msg.q + 3); }
static void f_no_text(void) { request(MON_OPEN, 0, NULL, 0); send_bytes(sizeof msg.q); }
static void f_open_flags(void) { request(MON_OPEN, 0, "file:/etc/passwd", 16); msg.q.args[0] = ~0ull; send_bytes(sizeof msg.q + 16); }
static void f_open_disposition(void) { request(MON_OPEN, 0, "file:/etc/passwd", 16); msg.q.args[1] = 1ull << 32; send_bytes(sizeof msg.q + 16); }
static void f_open_nul(void) { request(MON_OPEN, 0, "file:/etc/pas\0swd", 17); msg.q.args[0] = DK_READ; ask(0); }
static void f_open_long(void)
{
	request(MON_OPEN, 0, NULL, 0);
	memset(msg.text, 'a', MON_TEXT_MAX);
	memcpy(msg.text, "file:/", 6);
	msg.q.text_len = MON_TEXT_MAX;
	if (ask(0) == DK_OK)
		bad("a name of 8192 bytes was opened");
}
static void f_open_deep(void)
{
	request(MON_OPEN, 0, NULL, 0);
	memcpy(msg.text, "file:", 5);
	for (unsigned i = 0; i < 2000; i++)
		memcpy(msg.text + 5 + 2 * i, "/a", 2);
	msg.q.text_len = 4005;
	ask(0);
}
static void f_exit(void) { request(MON_EXIT, 0, NULL, 0); msg.q.args[0] = 0; send_bytes(sizeof msg.q); }
static void f_hello(void) { request(MON_HELLO, 0, NULL, 0); raw_send(channel, &msg, sizeof msg.q); }
static void f_cloned(void)
{
	for (uint64_t n = 0; n < 300; n++) {
		request(MON_CLONED, 0, NULL, 0);
		msg.q.args[0] = n & 63 ? (n >> 6) << 16 | (n & 63) : ~0ull;
		raw_send(channel, &msg, sizeof msg.q);
	}
}
static void f_spawn_path(void)
{
	static const char *const images[] = { "../../etc/passwd", "pal", "/bin/sh", "self", "linuy\0x", "", "%s%s%n" };

	for (unsigned i = 0; i < sizeof images / sizeof images[0]; i++) {
		request(MON_SPAWN, 0, images[i], i == 4 ? 7 : strlen(images[i]));
		msg.q.args[1] = ~0ull;
		if (msg.q.text_len == 0)
			continue;
		if (ask(0) == DK_OK && i < 3)
			bad("image %s was started", images[i]);
	}
}
/* Process indexes that cannot be. */
static void index_clone(uint64_t index) { request(MON_CLONE, 0, NULL, 0); msg.q.args[0] = index; send_bytes(sizeof msg.q); }
static void index_spawn(uint64_t index) { request(MON_SPAWN, 0, "linux", 5); msg.q.args[1] = index; send_bytes(sizeof msg.q + 5); }
static void f_clone_first(void) { index_clone(MON_PROCESSES); }
static void f_clone_wide(void) { index_clone(1ull << 32); }
static void f_clone_last(void) { index_clone(~0ull); }
static void f_spawn_first(void) { index_spawn(MON_PROCESSES); }
static void f_spawn_sign(void) { index_spawn(1ull << 63); }
static void f_spawn_last(void) { index_spawn(~0ull); }
/* kproc believes a death by the index: nobody's may be announced a second time. */
static void f_index_taken(void)
{
	request(MON_CLONE, 0, NULL, 0);
	msg.q.args[0] = 0;
	if (ask(0) == DK_OK)
		bad("a copy was to be process 0, which is the kernel process");
	request(MON_SPAWN, 0, "linux", 5);
	msg.q.args[1] = MON_FIRST_INDEX;
	if (ask(0) == DK_OK)
		bad("a new process was to be process 1, which is the program");
}
/* All numbers that the sandbox will want next: its own forks may fail by it, and its waits. */
static void f_index_all(void)
{
	for (uint64_t i = 0; i < 400; i++) {
		request(MON_CLONE, 0, NULL, 0);
		msg.q.args[0] = i;
		ask(0);
	}
	doze(50);
}
/* A new process with a start parameter that is a lie: its library OS will fall over it. */
static void f_spawn_lie(void)
{
	request(MON_SPAWN, 0, "linux", 5);
	msg.q.args[0] = 0x4141414141414141;
	msg.q.args[1] = MON_PROCESSES - 2;
	ask(0);
	doze(500);
}
/* What the shared memory is must not change, whoever asks and by whatever way. */
static void f_memory(void)
{
	static const char *const uris[] = { "shm:arena", "shm:data" };
	static const uint64_t sizes[] = { ARENA_SIZE, DATA_SIZE }, lengths[] = { 0, 1, 4096, 1ull << 50, INT64_MAX, ~0ull };
	struct stat st;

	for (unsigned i = 0; i < 2; i++) {
		uint64_t number;
		int fd;

		request(MON_OPEN, 0, uris[i], strlen(uris[i]));
		msg.q.args[0] = DK_READ | DK_WRITE;
		if (ask(1) != DK_OK || answer_fd < 0)
			continue;
		fd = answer_fd;
		number = answer.r.value[0];
		for (unsigned k = 0; k < 6; k++)
			for (uint64_t mode = 0; mode < 5; mode++) {
				if (mode == DK_LENGTH_PUNCH || ((mode == DK_LENGTH_ALLOCATE_KEEP || mode == DK_LENGTH_ALLOCATE) && lengths[k] < 1ull << 50))
					continue; /* as MADV_REMOVE: "scribbling: hole"; or memory that would be charged */
				request(MON_LENGTH, number, NULL, 0);
				msg.q.args[0] = mode == DK_LENGTH_ALLOCATE ? sizes[i] : 0;
				msg.q.args[1] = lengths[k];
				msg.q.args[2] = mode;
				if (mode != DK_LENGTH_ZERO && ask(0) == DK_OK)
					bad("length mode %u of %s to %" PRIu64 " was done", (unsigned)mode, uris[i], lengths[k]);
			}
		request(MON_CLOSE, number, NULL, 0);
		for (unsigned k = 0; k < 4; k++) /* a permanent one does not go */
			raw_send(channel, &msg, sizeof msg.q);
		if (host_call(SYS_fstat, (uint64_t)fd, (uint64_t)&st, 0, 0, 0, 0) != 0 || (uint64_t)st.st_size != sizes[i])
			bad("%s has %llu bytes", uris[i], (unsigned long long)st.st_size);
		host_call(SYS_close, (uint64_t)fd, 0, 0, 0, 0, 0);
	}
}
static void f_not_taken(void)
{
	for (unsigned i = 0; i < 400; i++) {
		request(MON_FETCH, 0, NULL, 0);
		if (raw_send(channel, &msg, sizeof msg.q) < 0)
			return;
	}
	doze(300);
}
static void f_close_all(void)
{
	for (int fd = 0; fd < 1100; fd++)
		host_call(SYS_close, (uint64_t)fd, 0, 0, 0, 0, 0);
	for (;;)
		; /* must be ended from outside: it can no longer speak */
}
/* Says hello and asks something there; an answer means that we are believed. */
static void must_not_answer(int fd, const char *else_what)
{
	request(MON_HELLO, 0, NULL, 0);
	raw_send(fd, &msg, sizeof msg.q);
	request(MON_QUERY, 0xffffffffffull, NULL, 0);
	raw_send(fd, &msg, sizeof msg.q);
	if (raw_receive(fd, 5000) >= (long)sizeof answer.r) /* its end comes at once */
		bad(else_what);
}
/* A pid that is not the copy's own: the monitor would signal whoever has it later. */
static void f_lying_hello(void)
{
	request(MON_CLONE, 0, NULL, 0);
	msg.q.args[0] = 5000;
	if (ask(1) != DK_OK || answer_fd < 0) {
		page->wrong = 1;
		return;
	}
	must_not_answer(answer_fd, "one process was taken for two");
}
static void f_clone_closed(void)
{
	for (unsigned i = 0; i < 50; i++) {
		request(MON_CLONE, 0, NULL, 0);
		msg.q.args[0] = 6000 + i;
		ask(0); /* closes the descriptor */
	}
}
/* Channels in advance: announced by numbers that are nobody's or another's, answers left unread, spoken on unannounced. */
static long grant(uint64_t index, uint64_t number)
{
	request(MON_CLONE, 0, NULL, 0);
	msg.q.args[0] = index;
	msg.q.args[1] = number;
	msg.q.args[2] = 1;
	return ask(1);
}
static void f_grant_lies(void)
{
	for (uint64_t i = 0; i < 400; i++)
		if (grant(5100 + i, i & 63 ? (i >> 6) << 16 | (i & 63) : ~0ull) == DK_OK && answer.r.value[1] == 0 && answer_fd >= 0)
			bad("a descriptor came with no number");
}
static void f_grant_unread(void)
{
	uint64_t number;

	if (grant(5600, 0) != DK_OK || (number = answer.r.value[1]) == 0) {
		page->wrong = 1;
		return;
	}
	for (uint64_t i = 0; i < 400; i++) {
		request(MON_CLONE, 0, NULL, 0);
		msg.q.args[0] = 5601 + i;
		msg.q.args[1] = number;
		msg.q.args[2] = 1;
		if (raw_send(channel, &msg, sizeof msg.q) < 0)
			return;
	}
	doze(300);
}
static void f_grant_speaks(void)
{
	if (grant(5610, 0) != DK_OK || answer_second < 0) {
		page->wrong = 1;
		return;
	}
	must_not_answer(answer_second, "a channel that was not announced is answered");
}
static void f_clone_garbage(void)
{
	request(MON_CLONE, 0, NULL, 0);
	msg.q.args[0] = 5001;
	if (ask(1) == DK_OK && answer_fd >= 0)
		raw_send(answer_fd, &msg, 3);
	doze(50);
}
static void f_clone_many(void)
{
	for (unsigned i = 0; i < 3000; i++) {
		request(MON_CLONE, 0, NULL, 0);
		msg.q.args[0] = 4000 + i; /* numbers that nobody has */
		ask(1);
	}
}
static void f_stream_numbers(void)
{
	for (uint64_t s = 0; s < 600; s++) {
		uint64_t number = s < 300 ? (s / 100 + 1) << 20 | s % 100 : s < 400 ? ~0ull - s : s < 500 ? 1ull << (s - 400 < 64 ? s - 400 : 63) : s - 500;
		uint64_t classes[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 255, ~0ull };

		for (unsigned c = 0; c < sizeof classes / sizeof classes[0]; c++) {
			request(MON_QUERY, number, NULL, 0);
			msg.q.args[0] = classes[c];
			ask(0);
		}
		request(MON_FETCH, number, NULL, 0);
		ask(0);
		request(MON_FLUSH, number, NULL, 0);
		ask(0);
	}
}
/* Attributes of the caller's own descriptors: nothing of them may stay changed. */
static void f_set_std(void)
{
	for (uint64_t s = 0; s < 40; s++) {
		uint64_t number = 1ull << 20 | s;
		uint32_t mode = 0777, owner[2] = { 12345, 12345 };
		int64_t times[2] = { 1, 1 };

		request(MON_SET, number, &mode, sizeof mode), msg.q.args[0] = DK_ATTR_MODE, ask(0);
		request(MON_SET, number, owner, sizeof owner), msg.q.args[0] = DK_ATTR_OWNER, ask(0);
		request(MON_SET, number, times, sizeof times), msg.q.args[0] = DK_ATTR_TIMES, ask(0);
		request(MON_SET, number, "user.x\0y", 8), msg.q.args[0] = DK_ATTR_XATTR, ask(0);
		request(MON_QUERY, number, NULL, 0), msg.q.args[0] = DK_ATTR_TERMIOS;
		if (ask(0) == DK_OK) {
			struct dk_termios t;

			memcpy(&t, answer.data, sizeof t);
			t.lflag = 0, t.iflag = 0, t.oflag = 0;
			request(MON_SET, number, &t, sizeof t), msg.q.args[0] = DK_ATTR_TERMIOS, ask(0);
		}
	}
}
/* The memory files are sealed; no length of theirs may change. */
void f_lengths(void)
{
	static const uint64_t lengths[] = { 0, 1, 4096, 1ull << 20, INT64_MAX, 1ull << 63, ~0ull };

	for (uint64_t s = 0; s < 64; s++)
		for (unsigned i = 0; i < 7; i++)
			for (uint64_t mode = 0; mode < 7; mode++) {
				if (mode == DK_LENGTH_TRUNCATE && s < 4)
					continue; /* the caller's own files: as a native program could */
				request(MON_LENGTH, 1ull << 20 | s, NULL, 0);
				msg.q.args[0] = 0;
				msg.q.args[1] = lengths[i];
				msg.q.args[2] = mode == 6 ? ~0ull : mode;
				if (mode != DK_LENGTH_ALLOCATE && mode != DK_LENGTH_ALLOCATE_KEEP && mode != DK_LENGTH_ZERO)
					ask(0);
			}
}
static void f_two_texts(void)
{
	request(MON_RENAME, 0, "file:/vol/a", 11);
	ask(0);
	request(MON_SET, 0, "file:/vol/a", 11);
	msg.q.args[0] = DK_ATTR_XATTR;
	ask(0);
	request(MON_SET, 0, "file:/vol/a?", 12);
	ask(0);
	request(MON_SET, 0, "file:/vol/a?user.x", 18);
	msg.q.args[0] = DK_ATTR_MODE;
	ask(0);
	request(MON_RENAME, 0, "\0\0\0\0\0\0\0\0", 8);
	ask(0);
	request(MON_QUERY, 0, "?", 1);
	msg.q.args[0] = DK_ATTR_XATTR;
	ask(0);
	request(MON_QUERY, 0, "file:/vol/%25%3F%%%3?user.%", 27);
	msg.q.args[0] = DK_ATTR_XATTR;
	ask(0);
}
static void f_enum(void)
{
	static const uint64_t values[] = { 0, 1, 2, 7, 1ull << 31, 1ull << 32, 1ull << 63, ~0ull, 96 * 1024, 96 * 1024 + 1 };

	for (unsigned i = 0; i < 10; i++)
		for (unsigned k = 0; k < 10; k++) {
			request(MON_ENUM, 0, i & 1 ? "file:/etc" : "file:/vol", 9);
			msg.q.args[0] = values[i];
			msg.q.args[1] = values[k];
			ask(0);
			if (answer.r.data_len > MON_DATA_MAX)
				bad("an answer of %u bytes", answer.r.data_len);
		}
}
static void f_log_flood(void)
{
	for (unsigned i = 0; i < 3000; i++) {
		request(MON_LOG, 0, "\33]0;evil\7\33[2J\r\n%s%n", 20);
		msg.q.args[0] = i % 3 ? ~0ull : DK_LOG_TRACE;
		raw_send(channel, &msg, sizeof msg.q + msg.q.text_len);
	}
}
static void f_beat_flood(void)
{
	for (unsigned i = 0; i < 2000; i++) {
		request(MON_BEAT, 0, NULL, 0);
		msg.q.args[0] = 1;
		raw_send(channel, &msg, sizeof msg.q);
	}
}
static void f_links(void)
{
	static const char *const pairs[][2] = { { "file:/ro/file", "file:/vol/l1" }, { "file:/etc/passwd", "file:/vol/l2" }, { "file:/ro/file", "file:/ro/l3" },
		{ "file:/vol/own", "file:/ro/l4" }, { "file:/vol/own", "file:/etc/l5" }, { "file:/ro/file", "file:/ro/file2" }, { "file:/", "file:/vol/root" },
		{ "file:/vol", "file:/vol2" }, { "file:/vol/own", "file:/vol" }, { "file:/ro", "file:/vol/r" } };
	char text[200];

	for (unsigned i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		for (uint64_t mode = 0; mode < 6; mode++) {
			size_t n = strlen(pairs[i][0]) + 1 + strlen(pairs[i][1]);

			memcpy(text, pairs[i][0], strlen(pairs[i][0]) + 1);
			strcpy(text + strlen(pairs[i][0]) + 1, pairs[i][1]);
			request(MON_RENAME, 0, text, n);
			msg.q.args[0] = mode;
			if (ask(0) == DK_OK)
				bad("rename mode %u of %s to %s was done", (unsigned)mode, pairs[i][0], pairs[i][1]);
		}
}
/* Devices and set-user-ID files in a folder of the host would serve others there. */
static void f_special(void)
{
	for (uint64_t type = 0; type < 16; type++) {
		char uri[64];

		request(MON_OPEN, 0, uri, (size_t)sprintf(uri, "file:/vol/special%u", (unsigned)type));
		msg.q.args[0] = DK_WRITE;
		msg.q.args[1] = DK_CREATE_NEW;
		msg.q.args[2] = DK_OPTION_TYPE(type);
		msg.q.args[3] = 06777;
		msg.q.args[4] = 0x103;
		ask(0);
		uint32_t mode = 06777;
		size_t n = strlen(uri) + 1;

		memcpy(msg.text + n, &mode, sizeof mode);
		request(MON_SET, 0, uri, n);
		memcpy(msg.text + n, &mode, sizeof mode);
		msg.q.text_len = (uint32_t)(n + sizeof mode);
		msg.q.args[0] = DK_ATTR_MODE;
		ask(0);
	}
}

static const struct forgery forgeries[] = {
	{ "an empty message", DIES, f_empty }, { "one byte", DIES, f_one }, { "a short head", DIES, f_short },
	{ "an unknown number", DIES, f_unknown }, { "number 2^32-1", DIES, f_unknown_big }, { "a length too large", DIES, f_len_more },
	{ "a length too small", DIES, f_len_less }, { "length 2^32-1", DIES, f_len_huge }, { "length 2^31", DIES, f_len_sign },
	{ "a length that wraps", DIES, f_len_wrap }, { "too much text", DIES, f_oversize }, { "150,000 bytes", DIES, f_giant },
	{ "a torn request", DIES, f_torn }, { "text where none goes", DIES, f_text_on_clone }, { "no text where it must", DIES, f_no_text },
	{ "unknown access bits", DIES, f_open_flags }, { "an unknown disposition", DIES, f_open_disposition },
	{ "a NUL in a name", ANY, f_open_nul }, { "a name of 8192 bytes", SURVIVES, f_open_long }, { "2000 folders deep", SURVIVES, f_open_deep },
	{ "an EXIT that is not kproc's", DIES, f_exit }, { "a second HELLO", ANY, f_hello }, { "CLONED of others", ANY, f_cloned },
	{ "images by path", ANY, f_spawn_path }, { "a copy numbered past the last", DIES, f_clone_first },
	{ "a copy numbered 2^32", DIES, f_clone_wide }, { "a copy numbered 2^64-1", DIES, f_clone_last },
	{ "a process numbered past the last", DIES, f_spawn_first }, { "a process numbered 2^63", DIES, f_spawn_sign },
	{ "a process numbered 2^64-1", DIES, f_spawn_last }, { "numbers of other processes", SURVIVES, f_index_taken },
	{ "answers not taken", DIES, f_not_taken }, { "a closed channel", DIES, f_close_all }, { "a HELLO for somebody else", ANY, f_lying_hello },
	{ "channels in advance that are nobody's", ANY, f_grant_lies }, { "answers about channels in advance not taken", DIES, f_grant_unread },
	{ "a channel in advance, not announced", ANY, f_grant_speaks },
	{ "copies never made", SURVIVES, f_clone_closed }, { "a copy that begins with garbage", ANY, f_clone_garbage },
	{ "copies without end", ANY, f_clone_many }, { "stream numbers", SURVIVES, f_stream_numbers }, { "attributes of the caller's files", ANY, f_set_std },
	{ "lengths", ANY, f_lengths }, { "missing second texts", SURVIVES, f_two_texts }, { "cursors out of range", SURVIVES, f_enum },
	{ "a flood of log lines", ANY, f_log_flood }, { "a flood of beats", ANY, f_beat_flood }, { "links across grants", SURVIVES, f_links },
	{ "devices and set-user-ID files", ANY, f_special },
	{ "the length of the shared memory", SURVIVES, f_memory }, /* last: "lengths" would find the streams it opens */
};

/* The sandbox still works: a process, a file, a pipe. */
int alive(void)
{
	int p[2], status;
	char c;
	pid_t pid;

	if (pipe(p) < 0)
		return 0;
	pid = fork();
	if (pid < 0)
		return 0;
	if (pid == 0) {
		int fd = open("/etc/passwd", O_RDONLY);

		if (fd >= 0 && write(p[1], "x", 1) == 1)
			_exit(0);
		_exit(1);
	}
	close(p[1]);
	if (read(p[0], &c, 1) != 1)
		c = 0;
	close(p[0]);
	return waitpid(pid, &status, 0) == pid && status == 0 && c == 'x';
}

static int one_forgery(const struct forgery *f)
{
	pid_t pid;
	int status;

	page->entered = page->came_back = page->wrong = page->outlived = 0;
	pid = fork();
	if (pid == 0) {
		need_channel();
		page->entered = 1;
		f->send();
		/* Only who can still speak counts as living. */
		request(MON_QUERY, 0xffffffffffull, NULL, 0);
		page->came_back = ask(0) >= 0;
		if (!page->came_back)
			await_death();
		_exit(0);
	}
	status = pid < 0 ? -3 : wait_child(pid, PATIENCE_MS);
	if (status < 0)
		bad("%s: the process did not end (%d)", f->name, status);
	else if (!page->entered)
		bad("%s: was not tried", f->name);
	else if (f->expect == SURVIVES && !page->came_back)
		bad("%s: an honest process was ended (status %x)", f->name, status);
	else if (f->expect == DIES && (page->came_back || page->outlived))
		bad("%s: the process lived on", f->name);
	if (!alive()) {
		bad("%s: the sandbox works no more", f->name);
		return 1;
	}
	return 0;
}

/* Lies about processes can end the sandbox whose they are. */
int lie(void)
{
	f_index_all();
	f_spawn_lie();
	return 0;
}

int forge(const char *only)
{
	for (unsigned i = 0; i < sizeof forgeries / sizeof forgeries[0]; i++) {
		const struct forgery *f = &forgeries[i];

		if (only && !strstr(f->name, only))
			continue;
		if (one_forgery(f))
			return 1;
	}
	printf("done forge: %zu kinds\n", sizeof forgeries / sizeof forgeries[0]);
	return 0;
}
