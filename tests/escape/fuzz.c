/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/fuzz.c - random well-formed requests.
 */
#include "attack.h"

uint64_t random_state;
uint32_t rnd(void)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(random_state >> 33);
}

uint64_t rnd_value(void)
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

int fuzz(uint64_t seed, unsigned count)
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
