/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_attr.c - what is asked of and set on sockets: names, errors, options.  All of it is answered at once.
 *
 * Options are those of abi/net.h's table and no others: none of them runs a program in the host's kernel, changes whom
 * the socket speaks to, or takes a path.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "monitor/monitor.h"
#include "monitor/net_relay.h"

static const struct {
	int level, number;
	uint32_t size;
	bool settable;
} options[] = {
#define X(name, level, number, size, may) { level, number, size, (may)[1] == 'w' },
	DK_SOCKET_OPTIONS(X)
#undef X
};

static bool is_socket(const struct stream *s)
{
	return s->kind == STREAM_TCP || s->kind == STREAM_SERVER || s->kind == STREAM_UDP;
}

static void put(struct job *j, const void *data, size_t len)
{
	memcpy(j->data, data, len);
	j->reply.data_len = (uint32_t)len;
}

static void put_name(struct job *j, bool peer)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof sa;
	struct dk_inet a;
	int fd = j->stream->socket;

	if ((peer ? getpeername(fd, (struct sockaddr *)&sa, &len) : getsockname(fd, (struct sockaddr *)&sa, &len)) < 0) {
		j->reply.status = status_of_errno(errno);
		return;
	}
	net_from_sockaddr(&sa, &a);
	put(j, &a, sizeof a);
}

static void put_error(struct job *j)
{
	int err = 0;
	socklen_t len = sizeof err;
	uint32_t status;

	if (j->stream->brokered) {
		net_broker_event(); /* the relay says it before the sandbox can notice */
		err = j->stream->error;
		j->stream->error = 0;
	} else if (getsockopt(j->stream->socket, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	status = status_of_errno(err);
	put(j, &status, sizeof status);
}

static void put_unsent(struct job *j)
{
	int n = 0, more = 0;
	uint64_t bytes;

	if (ioctl(j->stream->socket, TIOCOUTQ, &n) < 0 || (j->stream->brokered && ioctl(j->fd, TIOCOUTQ, &more) < 0)) {
		j->reply.status = status_of_errno(errno);
		return;
	}
	bytes = (n < 0 ? 0 : (uint64_t)n) + (more < 0 ? 0 : (uint64_t)more);
	put(j, &bytes, sizeof bytes);
}

static void put_available(struct job *j)
{
	int n = 0;
	uint64_t bytes;

	if (ioctl(j->stream->brokered ? j->fd : j->stream->socket, FIONREAD, &n) < 0) {
		j->reply.status = status_of_errno(errno);
		return;
	}
	bytes = n < 0 ? 0 : (uint64_t)n;
	put(j, &bytes, sizeof bytes);
}

static void put_option(struct job *j, uint64_t o)
{
	socklen_t len = DK_SOCKET_OPTION_SIZE;

	if (o >= ARRAY_LEN(options)) {
		j->reply.status = DK_INVALID_ARG;
		return;
	}
	memset(j->data, 0, DK_SOCKET_OPTION_SIZE);
	if (getsockopt(j->stream->socket, options[o].level, options[o].number, j->data, &len) < 0)
		j->reply.status = errno == ENOPROTOOPT ? DK_NO_DATA : status_of_errno(errno);
	else
		j->reply.data_len = len;
}

bool net_attr_query(struct job *j)
{
	uint64_t class = j->req.args[0];

	if (!is_socket(j->stream))
		return false;
	j->reply.status = DK_OK;
	switch (DK_ATTR_CLASS_OF(class)) {
	case DK_ATTR_SOCKET_NAME: put_name(j, false); return true;
	case DK_ATTR_SOCKET_PEER: put_name(j, true); return true;
	case DK_ATTR_SOCKET_ERROR: put_error(j); return true;
	case DK_ATTR_SOCKET_UNSENT: put_unsent(j); return true;
	case DK_ATTR_AVAILABLE: put_available(j); return true;
	case DK_ATTR_SOCKET_OPTION: put_option(j, DK_ATTR_OPTION_OF(class)); return true;
	default: return false;
	}
}

static enum dk_status set_option(struct job *j, uint64_t o)
{
	uint32_t len = j->req.text_len;
	struct linger l;

	if (o >= ARRAY_LEN(options) || !options[o].settable || len > DK_SOCKET_OPTION_SIZE || (options[o].size && options[o].size != len))
		return DK_INVALID_ARG;
	if (o == DK_SO_LINGER) {
		/* With a time our close would wait. */
		memcpy(&l, j->text, sizeof l);
		if (l.l_onoff && l.l_linger != 0)
			return DK_INVALID_ARG;
	}
	if (o == DK_SO_RCVLOWAT && j->stream->brokered)
		return DK_OK; /* the relay would wait for so much, too */
	if (setsockopt(j->stream->socket, options[o].level, options[o].number, j->text, len) < 0)
		return errno == ENOPROTOOPT ? DK_NO_DATA : status_of_errno(errno);
	return DK_OK;
}

void net_tune(struct job *j)
{
	uint64_t o = j->req.args[0];
	int value = (int)j->req.args[1];

	if (!j->stream || j->stream->kind != STREAM_TCP)
		return;
	if (o == MON_TUNE_SHUT)
		(void)net_shut(j->stream, SHUT_WR);
	else if (o < ARRAY_LEN(options) && options[o].settable && options[o].size == sizeof value)
		(void)setsockopt(j->stream->socket, options[o].level, options[o].number, &value, sizeof value);
}

/* how: SHUT_*.  0 or -1 with errno. */
int net_shut(const struct stream *s, int how)
{
	if (!s->brokered)
		return shutdown(s->socket, how);
	if (how != SHUT_RD)
		net_broker_tell(s, RELAY_SHUT_WRITE, 0);
	return how == SHUT_WR ? 0 : shutdown(s->fd, SHUT_RD);
}

bool net_attr_set(struct job *j)
{
	uint64_t class = j->req.args[0];

	if (!is_socket(j->stream))
		return false;
	switch (DK_ATTR_CLASS_OF(class)) {
	case DK_ATTR_SOCKET_OPTION: j->reply.status = set_option(j, DK_ATTR_OPTION_OF(class)); return true;
	case DK_ATTR_SOCKET_LISTEN: j->reply.status = net_listen(j); return true;
	default: return false;
	}
}
