/* SPDX-License-Identifier: MIT */
/* tests/mon/hostile.c - what somebody who took a picoprocess over might send. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/mon/fakepal.h"

static void garbage(void)
{
	unsigned char bytes[20000];

	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)rand();
	for (unsigned len = 1; len < sizeof bytes; len += 97)
		send_raw(bytes, len);
}

static void wrong_length(void)
{
	struct mon_request r = { .op = MON_OPEN, .text_len = 5000 };

	send_raw(&r, sizeof r);
}

static void wrong_op(void)
{
	struct mon_request r = { .op = 0xffffffff };

	send_raw(&r, sizeof r);
}

/* It was held and never let go. */
static void foreign_stream(void)
{
	struct {
		struct mon_request r;
		char text[16];
	} m = { .r = { .op = MON_OPEN, .args = { DK_READ }, .stream = 1, .text_len = 16 }, .text = "file:/etc/passwd" };

	send_raw(&m, sizeof m);
}

static void oversize(void)
{
	static char big[sizeof(struct mon_request) + MON_TEXT_MAX + 1];
	struct mon_request r = { .op = MON_OPEN, .text_len = MON_TEXT_MAX + 1 };

	memset(big, 'a', sizeof big);
	memcpy(big, &r, sizeof r);
	send_raw(big, sizeof big);
}

/* Asks for descriptors and never takes one. */
static void flood(void)
{
	struct {
		struct mon_request r;
		char text[16];
	} m = { .r = { .op = MON_OPEN, .args = { DK_READ }, .text_len = 16 }, .text = "file:/etc/passwd" };

	for (unsigned i = 0; i < 100000; i++)
		send_raw(&m, sizeof m);
}

static void send_fds(void)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} c = { .h = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct mon_request r = { .op = MON_BEAT };
	struct iovec v = { &r, sizeof r };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };

	memcpy(CMSG_DATA(&c.h), &channel, sizeof channel);
	sendmsg(channel, &m, MSG_NOSIGNAL);
}

static void empty(void)
{
	send_raw("", 0);
}

void run_hostile(const char *what)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} all[] = { { "garbage", garbage }, { "length", wrong_length }, { "op", wrong_op }, { "oversize", oversize }, { "flood", flood },
		{ "fds", send_fds }, { "empty", empty }, { "stream", foreign_stream } };

	for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
		if (what && !strcmp(what, all[i].name))
			all[i].fn();
	for (;;)
		pause();
}
