/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/attack.c - a guest that speaks to the monitor itself, through pal's
 * instruction, and one that scribbles over what the sandbox shares.
 *
 *	hostile forge ADDR		malformed and lying requests, one process each
 *	hostile lie ADDR		processes with numbers of others, and one with a lying parameter
 *	hostile fuzz ADDR SEED COUNT	random well-formed requests
 *	hostile paths ADDR MARKER URI...	tries to read MARKER by each URI and many spellings
 *	hostile race ADDR MARKER DIR	swaps DIR/d between folder and link while opening below it
 *	hostile swarm ADDR		streams and copies without end, answers not taken
 *	hostile panic ADDR		ends the sandbox by a PANIC with control characters
 *	hostile scribble ADDR WHERE	writes over a part of the shared memory, while others use it
 *
 * The channel is found by trying every descriptor number.
 */
#include <linux/futex.h>
#include <poll.h>
#include <sys/un.h>

#include "abi/monitor.h"
#include "hostile.h"

static int channel = -1;
static uint32_t seq = 0x7f000000;
static struct {
	struct mon_reply r;
	char data[MON_DATA_MAX];
} answer;
static int answer_fd, answer_second;

static long raw_send(int fd, const void *msg, size_t len)
{
	return host_call(SYS_sendto, (uint64_t)fd, (uint64_t)msg, len, MSG_NOSIGNAL, 0, 0);
}

/* One message, waiting at most ms; its size or -errno. */
static long raw_receive(int fd, long ms)
{
	struct iovec iov = { &answer, sizeof answer };
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} c;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };
	long until = now_ms() + ms, left, n;

	for (unsigned tries = 0;; tries++) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		struct timespec t;

		m.msg_controllen = sizeof c;
		n = host_call(SYS_recvmsg, (uint64_t)fd, (uint64_t)&m, MSG_DONTWAIT, 0, 0, 0);
		if (n != -EAGAIN)
			break;
		left = until - now_ms();
		if (left <= 0)
			break;
		t = (struct timespec){ left / 1000, left % 1000 * 1000000 };
		if (tries >= 60) /* as pal does: it mostly comes soon */
			host_call(SYS_ppoll, (uint64_t)&p, 1, (uint64_t)&t, 0, 0, 0);
	}
	answer_fd = answer_second = -1;
	if (n > 0 && m.msg_controllen >= sizeof c.h && c.h.cmsg_type == SCM_RIGHTS) {
		memcpy(&answer_fd, CMSG_DATA(&c.h), sizeof answer_fd);
		if (c.h.cmsg_len >= CMSG_LEN(2 * sizeof(int)))
			memcpy(&answer_second, CMSG_DATA(&c.h) + sizeof(int), sizeof answer_second);
	}
	return n;
}

/*
 * Sleeps at the host.  Who has lied to the monitor must not enter the library OS any
 * more: killed there with a lock in its hands it would take the sandbox along, which it
 * may, but that is not what is tried here.
 */
static void doze(unsigned ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000l };

	host_call(SYS_ppoll, 0, 0, (uint64_t)&t, 0, 0, 0);
}

static void await_death(void)
{
	doze(PATIENCE_MS / 2);
	page->outlived = 1;
	host_call(SYS_exit_group, 1, 0, 0, 0, 0, 0);
}

struct message {
	struct mon_request q;
	char text[200000];
};
static struct message msg;

static void request(uint32_t op, uint64_t stream, const void *text, size_t len)
{
	memset(&msg.q, 0, sizeof msg.q);
	msg.q.op = op;
	msg.q.seq = seq++;
	msg.q.stream = stream;
	msg.q.text_len = (uint32_t)len;
	memcpy(msg.text, text ? text : "", len);
}

static int quiet(uint32_t op)
{
	return op == MON_HELLO || op == MON_CLOSE || op == MON_CLONED || op == MON_LOG || op == MON_PANIC || op == MON_EXIT || op == MON_BEAT;
}

/* Sends msg; the answer's status, or -errno; descriptors that come are closed unless keep. */
static long ask(int keep)
{
	long n = raw_send(channel, &msg, sizeof msg.q + msg.q.text_len);

	answer_fd = -1;
	if (n < 0 || quiet(msg.q.op))
		return n < 0 ? n : 0;
	do {
		n = raw_receive(channel, PATIENCE_MS / 2);
	} while (n >= (long)sizeof answer.r && answer.r.seq != msg.q.seq);
	if (n < (long)sizeof answer.r)
		return n < 0 ? n : -EPIPE;
	page->progress++; /* slow is not stuck */
	if (answer_fd >= 0 && !keep) {
		host_call(SYS_close, (uint64_t)answer_fd, 0, 0, 0, 0, 0);
		host_call(SYS_close, (uint64_t)answer_second, 0, 0, 0, 0, 0);
		answer_fd = answer_second = -1;
	}
	return answer.r.status;
}

/* The descriptor on which a request gets an answer. */
static int find_channel(void)
{
	for (int fd = 0; fd < 4096; fd++) {
		request(MON_QUERY, 0xffffffffffull, NULL, 0);
		if (raw_send(fd, &msg.q, sizeof msg.q) != (long)sizeof msg.q)
			continue;
		if (raw_receive(fd, PATIENCE_MS / 2) >= (long)sizeof answer.r && answer.r.seq == msg.q.seq) {
			channel = fd;
			return fd;
		}
	}
	return -1;
}

static void need_channel(void)
{
	if (find_channel() < 0) {
		bad("no channel was found");
		_exit(9);
	}
}

/* ---- forged requests ---- */

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
/* A pid that is not the copy's own: the monitor would signal whoever has it later. */
static void f_lying_hello(void)
{
	request(MON_CLONE, 0, NULL, 0);
	msg.q.args[0] = 5000;
	if (ask(1) != DK_OK || answer_fd < 0) {
		page->wrong = 1;
		return;
	}
	request(MON_HELLO, 0, NULL, 0);
	raw_send(answer_fd, &msg, sizeof msg.q);
	/* An answer on the new channel means that we were taken for the copy. */
	request(MON_QUERY, 0xffffffffffull, NULL, 0);
	raw_send(answer_fd, &msg, sizeof msg.q);
	if (raw_receive(answer_fd, 5000) >= (long)sizeof answer.r) /* its end comes at once */
		bad("one process was taken for two");
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
	request(MON_HELLO, 0, NULL, 0);
	raw_send(answer_second, &msg, sizeof msg.q);
	request(MON_QUERY, 0xffffffffffull, NULL, 0);
	raw_send(answer_second, &msg, sizeof msg.q);
	if (raw_receive(answer_second, 5000) >= (long)sizeof answer.r)
		bad("a channel that was not announced is answered");
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
static void f_lengths(void)
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
static int alive(void)
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

static int one_forgery(const struct forgery *f);

/* Lies about processes can end the sandbox whose they are. */
static int lie(void)
{
	f_index_all();
	f_spawn_lie();
	return 0;
}

static int forge(const char *only)
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

/* ---- random requests ---- */

static uint64_t random_state;
static uint32_t rnd(void)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(random_state >> 33);
}

static uint64_t rnd_value(void)
{
	switch (rnd() % 8) {
	case 0: return 0;
	case 1: return rnd() % 16;
	case 2: return 1ull << rnd() % 64;
	case 3: return ~0ull;
	case 4: return 1ull << 20 | rnd() % 40;
	case 5: return (uint64_t)rnd() << 32 | rnd();
	case 6: return 0ull - rnd() % 4096;
	default: return rnd() % 5000;
	}
}

static size_t rnd_uri(char *out)
{
	static const char *const heads[] = { "file:", "file:/", "file:/vol/", "file:/ro/", "file:/vol/../", "null:", "stdin:", "tty:", "pipe.server:", "pipe.client:",
		"shm:", "tcp:", "dir:", "", "file:/etc/", "file:/proc/self/", "file:/dev/", "FILE:/", "file:/vol/d/" };
	static const char *const parts[] = { "a", "b", "own", "file", "..", ".", "", "/", "secret", "link", "abs", "%2F", "%00", "?", "?user.x", "\xff", "self", "root", "fd/0", "mem" };
	size_t n = (size_t)sprintf(out, "%s", heads[rnd() % (sizeof heads / sizeof heads[0])]);

	for (unsigned i = rnd() % 6; i > 0; i--)
		n += (size_t)sprintf(out + n, "%s%s", parts[rnd() % (sizeof parts / sizeof parts[0])], rnd() % 3 ? "/" : "");
	if (rnd() % 30 == 0) {
		unsigned more = rnd() % 7000;

		memset(out + n, 'x', more);
		n += more;
	}
	return n;
}

static void fuzz_one(void)
{
	char text[MON_TEXT_MAX * 2];
	uint32_t op = rnd() % MON_OP_COUNT;
	size_t n = 0;

	if (op == MON_PANIC || op == MON_EXIT || op == MON_SPAWN || (op == MON_CLONE && rnd() % 20))
		op = MON_QUERY;
	if (op == MON_OPEN || op == MON_QUERY || op == MON_SET || op == MON_ENUM || op == MON_DELETE || op == MON_RENAME || op == MON_LOG)
		n = rnd_uri(text);
	if (op == MON_RENAME || op == MON_SET) {
		if (rnd() % 8)
			text[n++] = 0;
		if (op == MON_RENAME)
			n += rnd_uri(text + n);
		else
			for (unsigned i = rnd() % 70; i > 0; i--)
				text[n++] = (char)rnd();
	}
	if (n > MON_TEXT_MAX)
		n = MON_TEXT_MAX;
	request(op, rnd() % 2 && op != MON_OPEN ? rnd_value() : 0, text, n);
	for (unsigned i = 0; i < 5; i++)
		msg.q.args[i] = rnd_value();
	if (op == MON_CLONE) /* an index that nobody has; what lies about others do is tried by "lie" */
		msg.q.args[0] = 7000 + rnd() % 1000;
	if (op == MON_OPEN && rnd() % 8) {
		msg.q.args[0] &= 15;
		msg.q.args[1] %= 5;
	}
	if (op == MON_LENGTH && (msg.q.args[2] == DK_LENGTH_ALLOCATE || msg.q.args[2] == DK_LENGTH_ALLOCATE_KEEP || msg.q.args[2] == DK_LENGTH_ZERO))
		msg.q.args[2] = 9; /* would fill the host's disk, which a grant of a folder allows */
	if (op == MON_LENGTH)
		msg.q.args[1] &= 0xffff;
}

static int fuzz(uint64_t seed, unsigned count)
{
	unsigned left = count, died = 0;

	while (left > 0) {
		pid_t pid;
		int status, sent;

		page->progress = page->found = 0;
		pid = fork();
		if (pid == 0) {
			need_channel();
			random_state = seed;
			for (unsigned i = 0; i < left; i++) {
				fuzz_one();
				page->found++;
				if (ask(0) < 0)
					await_death();
			}
			_exit(0);
		}
		if (pid < 0) {
			bad("fork: %s", strerror(errno));
			return 1;
		}
		status = wait_child(pid, PATIENCE_MS);
		sent = page->found;
		if (status < 0)
			bad("a fuzzer hung after %d requests of seed %" PRIu64, sent, seed);
		died += status != 0;
		left -= (unsigned)sent < left ? (unsigned)(sent ? sent : 1) : left;
		seed = seed * 31 + 7 + (uint64_t)sent;
	}
	if (!alive())
		bad("the sandbox works no more");
	printf("done fuzz: %u requests, %u processes ended for them\n", count, died);
	return 0;
}

/* ---- paths ---- */

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

static int paths(int argc, char **argv)
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

static int race(const char *marker, const char *dir, long ms)
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

/* ---- without end ---- */

static int swarm(unsigned most)
{
	pid_t pid;
	unsigned opened = 0, copies = 0;
	int status;

	/* Copies that the monitor was not told of: they share the channel and must end with the sandbox. */
	pid = fork();
	if (pid == 0) {
		for (unsigned i = 0; i < 200; i++) {
			long r = host_call(SYS_clone, 0x1208011, 0, 0, (uint64_t)&page->number, 0, 0);

			if (r == 0)
				for (;;)
					host_call(SYS_ppoll, 0, 0, 0, 0, 0, 0);
			if (r < 0)
				break;
			page->progress++;
			page->found = (int)i + 1;
		}
		_exit(0);
	}
	wait_child(pid, PATIENCE_MS);
	copies = (unsigned)page->found;
	page->progress = page->found = 0;
	pid = fork();
	if (pid == 0) {
		long n = 0;

		need_channel();
		for (unsigned i = 0; i < most; i++) {
			request(MON_OPEN, 0, "file:/etc/passwd", 16);
			msg.q.args[0] = DK_READ;
			n = ask(0);
			page->found++;
			if (n != DK_OK)
				break;
		}
		page->result = n;
		_exit(0);
	}
	status = wait_child(pid, PATIENCE_MS);
	opened = (unsigned)page->found;
	printf("streams: %u, then status %ld, exit %x\n", opened, page->result, status);
	printf("done swarm: %u streams, %u copies\n", opened, copies);
	return 0;
}

static int send_panic(void)
{
	need_channel();
	request(MON_PANIC, 0, "\33[31mfalse\7 alarm\r\n%n%s", 22);
	raw_send(channel, &msg, sizeof msg.q + msg.q.text_len);
	sleep(10);
	return 0;
}

/* ---- scribbling ---- */

static void scribble_range(uint64_t at, uint64_t size, int how)
{
	random_state = (uint64_t)now_ms();
	for (uint64_t i = 0; i < size; i += how == 1 ? 8 : 8 * (1 + rnd() % 64)) {
		volatile uint64_t *p = (volatile uint64_t *)(at + i);

		*p = how == 1 ? ~0ull : how == 2 ? 0 : (uint64_t)rnd() << 32 | rnd();
	}
}

static void use_it(void)
{
	int p[2];
	char c;

	if (pipe(p) == 0) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		(void)!write(p[1], "x", 1);
		(void)!read(p[0], &c, 1);
		waitpid(pid, NULL, 0);
	}
	(void)open("/etc/passwd", O_RDONLY);
	free(malloc(1 << 22));
}

static void *at_work(void *arg)
{
	(void)arg;
	for (;;)
		use_it();
	return NULL;
}

/* Words change under the eyes of all who use them, for a second. */
static void storm(uint64_t at, uint64_t size)
{
	long until = now_ms() + 1000;

	for (unsigned i = 0; i < 3; i++)
		if (fork() == 0)
			at_work(NULL);
	random_state = (uint64_t)now_ms();
	while (now_ms() < until) {
		for (unsigned i = 0; i < 20; i++) {
			volatile uint64_t *p = (volatile uint64_t *)(at + (rnd() * 8ull) % size);
			uint64_t old = *p;

			*p = rnd() & 1 ? rnd_value() : old ^ 1ull << rnd() % 64;
			if (rnd() & 1)
				*p = old; /* torn */
		}
		host_call(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	}
}

static void map_over(uint64_t at, uint64_t size, int prot)
{
	long r = host_call(SYS_mmap, at, size, (uint64_t)prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (uint64_t)-1, 0);

	printf("map over %" PRIx64 ": %ld\n", at, r == (long)at ? 0 : r);
}

static int scribble(const char *where)
{
	pid_t busy = fork();
	uint64_t gs;

	if (busy == 0)
		at_work(NULL);
	usleep(20000);
	__asm__ volatile("rdgsbase %0" : "=r"(gs));
	if (!strncmp(where, "arena", 5)) {
		/* The allocator's own tables lie at the front, objects from 4 GB on (pico/arena.c). */
		int how = !strcmp(where, "arena-ones") ? 1 : !strcmp(where, "arena-zeros") ? 2 : 0;

		scribble_range(ARENA_BASE + (4ull << 30), 4 << 20, how);
		scribble_range(ARENA_BASE, 4 << 20, how);
	}
	else if (!strcmp(where, "data"))
		scribble_range(DATA_BASE, 4 << 20, 0);
	else if (!strcmp(where, "palshared"))
		scribble_range(PALSHARED_BASE, PALSHARED_SIZE, 0);
	else if (!strcmp(where, "palshared-ones"))
		scribble_range(PALSHARED_BASE, PALSHARED_SIZE, 1);
	else if (!strcmp(where, "threads"))
		scribble_range(PALSHARED_BASE + 4096, 1 << 20, 0);
	else if (!strcmp(where, "storm-arena"))
		storm(ARENA_BASE + (4ull << 30), 1 << 20);
	else if (!strcmp(where, "storm-tables"))
		storm(ARENA_BASE, 1 << 20);
	else if (!strcmp(where, "storm-pal"))
		storm(PALSHARED_BASE, 1 << 20);
	else if (!strcmp(where, "storm-streams")) /* streams and events (pal/shared.h) */
		storm(PALSHARED_BASE + (PALSHARED_SIZE / 4), PALSHARED_SIZE / 2);
	else if (!strcmp(where, "tb"))
		scribble_range(gs, 4096, 0);
	else if (!strcmp(where, "slots"))
		scribble_range((gs & ~0xffffull) + SLOT_KSTACK, SLOT_KSTACK_TOP - SLOT_KSTACK, 0);
	else if (!strcmp(where, "heap"))
		scribble_range(HEAP_BASE, 65536, 0);
	else if (!strcmp(where, "hole"))
		printf("punch: %ld\n", host_call(SYS_madvise, ARENA_BASE, 64 << 20, MADV_REMOVE, 0, 0, 0));
	else if (!strcmp(where, "hole-pal"))
		printf("punch: %ld\n", host_call(SYS_madvise, PALSHARED_BASE, PALSHARED_SIZE, MADV_REMOVE, 0, 0, 0));
	else if (!strcmp(where, "map-pal"))
		map_over(PAL_BASE, 4096 * 4, PROT_READ | PROT_WRITE);
	else if (!strcmp(where, "map-linux"))
		map_over(LINUX_BASE, 65536, PROT_READ | PROT_WRITE | PROT_EXEC);
	else if (!strcmp(where, "map-stack"))
		map_over(gs & ~0xffffull, 65536, PROT_NONE);
	else if (!strcmp(where, "unmap-all"))
		host_call(SYS_munmap, 0x10000, 0x680000000000 - 0x10000, 0, 0, 0, 0);
	else if (!strcmp(where, "kick"))
		for (unsigned i = 0; i < 300000; i++)
			host_call(SYS_tgkill, 1 + i % 12, 1 + i % 12, SIGURG, 0, 0, 0);
	else if (!strcmp(where, "wake"))
		for (uint64_t i = 0; i < 1 << 20; i += 4)
			host_call(SYS_futex, PALSHARED_BASE + i, FUTEX_WAKE, 1000, 0, 0, 0);
	else if (!strcmp(where, "truncate")) {
		/* By every descriptor and every way there is. */
		for (int fd = 0; fd < 300; fd++) {
			long r = ftruncate(fd, 0);

			if (r == 0 && fd > 2)
				bad("ftruncate of %d worked", fd);
		}
		need_channel();
		f_lengths();
	} else {
		bad("no such place: %s", where);
	}
	printf("scribbled %s\n", where);
	fflush(stdout);
	for (unsigned i = 0; i < 200; i++)
		use_it();
	kill(busy, SIGKILL);
	waitpid(busy, NULL, 0);
	printf("done scribble: it went well\n");
	return 0;
}

int attack_main(int argc, char **argv)
{
	const char *what = argv[1];

	if (!strcmp(what, "forge"))
		return forge(argc > 3 ? argv[3] : NULL);
	if (!strcmp(what, "lie")) {
		need_channel();
		return lie();
	}
	if (!strcmp(what, "fuzz") && argc > 4)
		return fuzz(strtoull(argv[3], NULL, 0), (unsigned)atoi(argv[4]));
	if (!strcmp(what, "paths") && argc > 4)
		return paths(argc, argv);
	if (!strcmp(what, "race") && argc > 4)
		return race(argv[3], argv[4], argc > 5 ? atol(argv[5]) : 1500);
	if (!strcmp(what, "swarm"))
		return swarm(argc > 3 ? (unsigned)atoi(argv[3]) : 40000);
	if (!strcmp(what, "panic"))
		return send_panic();
	if (!strcmp(what, "scribble") && argc > 3)
		return scribble(argv[3]);
	return 2;
}
