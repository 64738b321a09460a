/* SPDX-License-Identifier: MIT */
/*
 * monitor/deaths.c - what kproc is told: which picoprocesses died, and signals that
 * `bailey` got, as records on a stream of their own.  What does not fit waits in a queue
 * here, as does a signal that comes before there is a kproc.
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
	deaths_flush();
}
