/* SPDX-License-Identifier: MIT */
/*
 * monitor/channel_ops.c - the requests that are no more than a look or a hand-over.
 *
 * Each fills the job's answer, or sets its work, and says the status.  The job's text and
 * numbers are a guest's: channel.c has checked their sizes and that the stream exists, all
 * else is checked here.  What files are asked is in file.c and its neighbours.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "monitor/monitor.h"

enum dk_status channel_op_open(struct job *j)
{
	struct stream *s;
	enum dk_status status;

	if (!strncmp(j->text, "file:", 5))
		return file_open(j);
	if (net_uri_is(j->text))
		return net_open(j);
	status = special_open(j, &s);
	if (status != DK_OK)
		return status;
	j->stream = s;
	stream_hold(s);
	j->reply.value[0] = s->number;
	j->reply.fds = 1;
	j->reply.fd_flags = s->fd_flags;
	return DK_OK;
}

/* The text is numbers of streams that the asker expects to need; those that are there come along. */
static void fetch_more(struct job *j)
{
	uint64_t *told = (uint64_t *)j->data;
	uint32_t n = j->req.text_len / sizeof *told;

	for (uint32_t i = 0; i < n && i < MON_FETCH_MORE; i++) {
		struct stream *s;
		uint64_t number;

		memcpy(&number, j->text + i * sizeof number, sizeof number);
		s = stream_find(number);
		if (!s || s->kind != STREAM_FILE || s == j->stream)
			continue;
		j->more[j->reply.fds - 1] = s->fd;
		told[j->reply.fds++ - 1] = number;
	}
	j->reply.data_len = (j->reply.fds - 1) * sizeof *told;
}

enum dk_status channel_op_fetch(struct job *j)
{
	if (j->req.stream == 0) {
		int fd = keep_seen();

		j->out_fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
		j->reply.fds = j->out_fd >= 0;
		return j->out_fd < 0 ? DK_NOT_SUPPORTED : DK_OK;
	}
	if (!j->stream)
		return DK_INVALID_HANDLE;
	if (j->stream->kind == STREAM_DIR)
		return DK_IS_DIRECTORY;
	j->reply.fds = 1;
	j->reply.fd_flags = j->stream->fd_flags;
	fetch_more(j);
	return DK_OK;
}

enum dk_status channel_op_query(struct job *j)
{
	if (!j->stream && !strcmp(j->text, "net:"))
		return net_counts_query(j);
	if (!j->stream)
		return !strncmp(j->text, "file:", 5) ? file_query(j) : DK_NOT_SUPPORTED;
	return net_attr_query(j) || attr_query(j) ? (enum dk_status)j->reply.status : stream_query(j);
}

enum dk_status channel_op_set(struct job *j)
{
	if (!j->stream)
		return !strncmp(j->text, "file:", 5) ? file_set(j) : DK_NOT_SUPPORTED;
	return net_attr_set(j) || attr_set(j) ? (enum dk_status)j->reply.status : stream_set(j);
}

/* With a stream: shuts one side of a socket, for all who have it. */
enum dk_status channel_op_delete(struct job *j)
{
	int how = (int)(j->req.args[0] - DK_DELETE_SIDE_READ);

	if (!j->stream)
		return file_delete(j);
	if ((j->stream->kind != STREAM_PIPE && j->stream->kind != STREAM_TCP && j->stream->kind != STREAM_UDP) ||
	    j->req.args[0] < DK_DELETE_SIDE_READ || j->req.args[0] > DK_DELETE_SIDE_BOTH)
		return DK_INVALID_ARG;
	/* READ, WRITE and BOTH have the order that SHUT_* have. */
	if ((j->stream->kind == STREAM_PIPE ? shutdown(j->fd, how) : net_shut(j->stream, how)) < 0)
		return status_of_errno(errno);
	return DK_OK;
}

enum dk_status channel_op_spawn(struct job *j)
{
	enum dk_status status;

	affinity_spread();
	j->reply.value[0] = pico_spawn(j->text, j->req.args[0], j->req.args[1], &status);
	return status;
}

enum dk_status channel_op_clone(struct job *j)
{
	struct pico *p = pico_find(j->pico), *child, *next;

	affinity_spread();
	p->answer_ahead = j->req.args[1] != 0;
	child = j->req.args[1] ? pico_take_grant(p, j->req.args[1], j->req.args[0]) : pico_prepare_clone(p, j->req.args[0], &j->out_fd);
	if (!child)
		return DK_TOO_MANY;
	j->reply.value[0] = child->number;
	j->reply.fds = j->out_fd >= 0;
	next = j->req.args[2] == 1 ? pico_grant(p, &j->also_fd) : NULL;
	if (next) {
		j->reply.value[1] = next->number;
		j->reply.fds++;
	}
	return DK_OK;
}

enum dk_status channel_op_spread(void)
{
	affinity_spread();
	return DK_OK;
}

void channel_op_exit(struct pico *p, const struct mon_request *q)
{
	uint64_t code = q->args[0];

	if (p == first && kproc && p != kproc)
		return; /* it was not alone: kproc knows what its end means */
	if (p != kproc && p != first) {
		pico_kill(p, "it wanted to end the sandbox");
		return;
	}
	sandbox_end(code >= 256 ? 128 + (int)(code & 0x7f) : (int)code);
}
