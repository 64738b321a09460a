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
	{ DK_READY_ERROR, POLLERR }, { DK_READY_CLOSED, POLLHUP }, { DK_MEMBER_EXCLUSIVE, EPOLLEXCLUSIVE },
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
	err = HOST4(epoll_ctl, set, m->events & DK_MEMBER_CHANGE ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e);
	if (err == -HOST_EEXIST) { /* nobody removed it, and an exclusive one cannot be changed */
		(void)HOST4(epoll_ctl, set, EPOLL_CTL_DEL, fd, &e);
		err = HOST4(epoll_ctl, set, EPOLL_CTL_ADD, fd, &e);
	}
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

/* What the host told, for the caller. */
static enum dk_status give_ready(const struct host_epoll_event *e, uint32_t n, void *buffer, uint64_t *done)
{
	struct dk_ready ready[READY_MAX];

	for (uint32_t i = 0; i < n; i++)
		ready[i] = (struct dk_ready){ .cookie = e[i].data, .events = net_ready_bits(e[i].events) };
	*done = n * sizeof ready[0];
	return pal_copy(buffer, ready, *done) ? DK_OK : DK_FAULT;
}

/* Its descriptor, and for how many records there is room. */
static enum dk_status set_room(dk_handle set, uint64_t size, int *fd, uint32_t *room)
{
	uint32_t flags;
	enum dk_status status = stream_fd(set, fd, &flags);

	*room = (uint32_t)MIN(size / sizeof(struct dk_ready), READY_MAX);
	return status == DK_OK && (*room == 0 || !is_waitset(stream_find(set))) ? DK_INVALID_ARG : status;
}

enum dk_status waitset_read(dk_handle set, const struct dk_segment *segments, uint32_t count, uint64_t *done)
{
	struct host_epoll_event e[READY_MAX];
	struct host_timespec now = { 0, 0 };
	uint32_t room;
	int fd;
	enum dk_status status = set_room(set, count == 1 ? segments[0].size : 0, &fd, &room);
	long n;

	if (status != DK_OK)
		return status;
	n = HOST6(epoll_pwait2, fd, e, room, &now, 0, 8);
	if (n <= 0)
		return n < 0 ? status_of(n) : DK_AGAIN;
	return give_ready(e, (uint32_t)n, segments[0].base, done);
}

enum dk_status DkStreamWaitReady(dk_handle set, dk_handle event, uint64_t deadline, uint32_t flags, void *buffer, uint64_t size, uint64_t *done)
{
	struct host_epoll_event e[READY_MAX];
	struct set_wait w = { .events = e };
	enum dk_status status = flags & ~DK_WAIT_UNINTERRUPTIBLE ? DK_INVALID_ARG : set_room(set, size, &w.fd, &w.room);

	if (status == DK_OK && event && DK_HANDLE_KIND(event) != DK_KIND_EVENT)
		status = DK_INVALID_HANDLE;
	if (status == DK_OK)
		status = pal_wait_set(event, &w, deadline, flags);
	*done = 0;
	return status == DK_OK && w.count != 0 ? give_ready(e, w.count, buffer, done) : status;
}
