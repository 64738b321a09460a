/* SPDX-License-Identifier: MIT */
/*
 * monitor/deaths.c - what kproc is told: which picoprocesses died, and signals that
 * `bailey` got, as records on a stream of their own.  What does not fit waits in a queue
 * here, as does a signal that comes before there is a kproc.
 *
 * Who ended as pal ends a picoprocess has done all that others wait for, and kproc only
 * tidies up.  Such deaths wait a moment for others, so that a shell's forks do not wake
 * kproc each time; not for long, since a hostile process can end with the same status and
 * have told nobody.  The moment is longer than the host's tick: an earlier timer has to
 * be set each time the loop sleeps, which leaves a virtual machine and costs 10 us.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "monitor/monitor.h"

int deaths_fd = -1, deaths_child_fd = -1;
static struct mon_death *death_queue;
static size_t death_count, death_room;
static bool deaths_watched;
static uint64_t flush_at; /* 0: nothing waits for its time */

#define LATER_NS 20000000u
#define LATER_MAX 16u

void deaths_init(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		fail("cannot make a socket pair: %s", strerror(errno));
	deaths_fd = pair[0];
	deaths_child_fd = pair[1];
}

void deaths_flush(void)
{
	size_t n = 0;

	flush_at = 0;
	if (deaths_fd < 0)
		return; /* a signal that came before kproc */
	while (n < death_count && send(deaths_fd, &death_queue[n], sizeof death_queue[0], MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		n++;
	if (n < death_count && errno == EPIPE)
		n = death_count; /* nobody listens any more: kproc is about to be reaped */
	memmove(death_queue, death_queue + n, (death_count - n) * sizeof death_queue[0]);
	death_count -= n;
	if (death_count > 0 && !deaths_watched)
		loop_add(deaths_fd, LOOP_DEATHS, 0), loop_set_write(deaths_fd, LOOP_DEATHS, 0, true);
	else if (death_count == 0 && deaths_watched)
		loop_remove(deaths_fd);
	deaths_watched = death_count > 0;
}

void deaths_note(const struct mon_death *d)
{
	if (death_count == death_room) {
		size_t room = death_room ? death_room * 2 : 16;
		struct mon_death *new = realloc(death_queue, room * sizeof *new);

		if (!new)
			fail("no memory for the list of dead processes");
		death_queue = new;
		death_room = room;
	}
	death_queue[death_count++] = *d;
	if (d->kind != MON_NOTE_DEATH || d->wait_status != 0 || spec.bare || death_count >= LATER_MAX)
		deaths_flush();
	else if (flush_at == 0)
		flush_at = now_ns() + LATER_NS;
}

int deaths_timeout_ms(void)
{
	uint64_t now = flush_at ? now_ns() : 0;

	if (!flush_at)
		return -1;
	return now >= flush_at ? 0 : (int)((flush_at - now) / 1000000) + 1;
}

void deaths_tick(uint64_t now)
{
	if (flush_at && now >= flush_at)
		deaths_flush();
}
