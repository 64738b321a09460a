/* SPDX-License-Identifier: MIT */
/*
 * pal/waitset.c - sets of streams that are waited for together.
 *
 * A waitset is an epoll descriptor that the monitor made; what is put in are this picoprocess's descriptors.  Another one that has the
 * set sees what they tell, but can change only members that it put in itself, or had at its birth.
 */
#include "pal/pal.h"
#include "pal/stream.h"

#define READY_MAX 64u /* told in one read */

bool is_waitset(const struct stream *s)
{
	return s && (s->fd_flags & (MON_FD_SERVER | MON_FD_SOCKET)) == MON_FD_SERVER;
}

static const struct {
	uint32_t dk, host;
} ready_bits[] = {
	{ DK_READY(DK_EVENT_READ), POLLIN }, { DK_READY(DK_EVENT_ACCEPT), POLLIN }, { DK_READY(DK_EVENT_WRITE), POLLOUT },
	{ DK_READY(DK_EVENT_HANGUP), POLLRDHUP }, { DK_READY(DK_EVENT_CHANGE), POLLPRI }, { DK_MEMBER_EDGE, EPOLLET }, { DK_MEMBER_ONCE, EPOLLONESHOT },
	{ DK_READY_ERROR, POLLERR }, { DK_READY_CLOSED, POLLHUP },
};

uint32_t net_ready_bits(uint32_t polled)
{
	uint32_t ready = 0;

	for (uint32_t k = 0; k < ARRAY_LEN(ready_bits); k++)
		ready |= polled & ready_bits[k].host ? ready_bits[k].dk : 0;
	return ready;
}

static enum dk_status set_member(int set, const struct dk_member *m)
{
	struct host_epoll_event e = { .data = m->cookie };
	uint32_t flags;
	int fd;
	enum dk_status status = stream_fd(m->stream, &fd, &flags);
	long err;

	if (status != DK_OK)
		return status;
	for (uint32_t i = 0; i < ARRAY_LEN(ready_bits); i++)
		e.events |= m->events & ready_bits[i].dk ? ready_bits[i].host : 0;
	if (m->events == 0)
		return status_of(HOST4(epoll_ctl, set, EPOLL_CTL_DEL, fd, &e));
	err = HOST4(epoll_ctl, set, EPOLL_CTL_ADD, fd, &e);
	if (err == -HOST_EEXIST)
		err = HOST4(epoll_ctl, set, EPOLL_CTL_MOD, fd, &e);
	return status_of(err);
}

enum dk_status net_set_members(dk_handle set, const struct dk_member *members, uint64_t size)
{
	uint32_t flags;
	int fd;
	enum dk_status status = stream_fd(set, &fd, &flags);

	if (status == DK_OK && (!is_waitset(stream_find(set)) || !members || size % sizeof *members))
		status = DK_INVALID_ARG;
	for (uint64_t i = 0; status == DK_OK && i < size / sizeof *members; i++)
		status = set_member(fd, &members[i]);
	return status;
}

enum dk_status waitset_read(dk_handle set, const struct dk_segment *segments, uint32_t count, uint64_t *done)
{
	struct host_epoll_event e[READY_MAX];
	struct dk_ready ready[READY_MAX];
	uint32_t flags;
	int fd;
	enum dk_status status = stream_fd(set, &fd, &flags);
	long n;

	if (status != DK_OK)
		return status;
	if (count != 1 || segments[0].size < sizeof ready[0])
		return DK_INVALID_ARG;
	n = HOST6(epoll_pwait, fd, e, MIN(segments[0].size / sizeof ready[0], READY_MAX), 0, 0, 8);
	if (n <= 0)
		return n < 0 ? status_of(n) : DK_AGAIN;
	for (long i = 0; i < n; i++) {
		ready[i] = (struct dk_ready){ .cookie = e[i].data, .events = net_ready_bits(e[i].events) };
	}
	*done = (uint64_t)n * sizeof ready[0];
	return pal_copy(segments[0].base, ready, *done) ? DK_OK : DK_FAULT;
}
