/* SPDX-License-Identifier: MIT */
/*
 * monitor/answer.c - what becomes of a request that is to be answered: its work is done here or by a worker, and
 * the answer sent.
 *
 * Each channel has at most one answer under way, and a new one is sent only when the one before was taken, so that
 * nobody can pile up descriptors in flight.  One exception: the answer to a CLONE that used a
 * channel given in advance may wait, with one more behind it.  All but the workers' part is the loop thread's.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "monitor/monitor.h"

#define SMALL_ANSWER 4096 /* an answer without data, as the kernel counts it, is smaller */

static const char *const op_names[] = {
#define X(name, nr, text) [nr] = #name,
	MON_OPS(X)
#undef X
};

_Static_assert(MON_BOOT_FDS <= MON_FDS_MAX && 1 + MON_FETCH_MORE <= MON_FDS_MAX, "descriptors of one message");

/* Sends one message; false = not sent, and the picoprocess is ended for it. */
static bool send_parts(struct pico *p, struct iovec *v, unsigned parts, const int *fds, unsigned nfds)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(MON_FDS_MAX * sizeof(int))];
	} c;
	struct msghdr m = { .msg_iov = v, .msg_iovlen = parts };

	if (nfds > 0) {
		m.msg_control = &c;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		memset(&c, 0, sizeof c);
		c.h.cmsg_level = SOL_SOCKET;
		c.h.cmsg_type = SCM_RIGHTS;
		c.h.cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(&c.h), fds, nfds * sizeof(int));
	}
	for (unsigned tries = 0; sendmsg(p->channel, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0;) {
		if (errno == EINTR)
			continue;
		if (errno == ETOOMANYREFS && tries++ < 10) {
			usleep(10000); /* others of this user have descriptors in flight */
			continue;
		}
		if (errno != EPIPE && errno != ECONNRESET)
			pico_kill(p, strerror(errno));
		return false;
	}
	return true;
}

bool channel_send(struct pico *p, const void *msg, size_t len, const int *fds, unsigned nfds)
{
	struct iovec v = { (void *)msg, len };

	return send_parts(p, &v, 1, fds, nfds);
}

static void reply(struct pico *p, const struct mon_reply *r, const void *data, const int *fds)
{
	struct iovec v[2] = { { (void *)r, sizeof *r }, { (void *)data, r->data_len } };
	int unread = 0;

	if (ioctl(p->channel, SIOCOUTQ, &unread) == 0 && unread > (p->answer_ahead ? SMALL_ANSWER : 0)) {
		pico_kill(p, "it does not take its answers");
		return;
	}
	if (unread == 0 && r->op != MON_CLONE)
		p->answer_ahead = false;
	send_parts(p, v, r->data_len > 0 ? 2 : 1, fds, r->fds);
}

void job_trace(const struct job *j)
{
	const struct mon_request *q = &j->req;

	log_line(DK_LOG_TRACE, "mon: %llu %s %.*s stream=%llx args=%llx,%llx,%llx,%llx -> %u value=%llx data=%u fds=%u",
	    (unsigned long long)j->pico & 0xffff, op_names[q->op], q->op == MON_LOG ? 0 : (int)strnlen(j->text, 300), j->text,
	    (unsigned long long)q->stream, (unsigned long long)q->args[0], (unsigned long long)q->args[1],
	    (unsigned long long)q->args[2], (unsigned long long)q->args[3], j->reply.status,
	    (unsigned long long)j->reply.value[0], j->reply.data_len, j->reply.fds);
}

/* The answer of a job goes out; the job itself is its owner's. */
static void answer(struct job *j)
{
	struct pico *p = pico_find(j->pico);
	int fds[1 + MON_FETCH_MORE];

	if (p)
		p->busy = false;
	if (j->reply.status != DK_OK) {
		j->reply.fds = 0;
		j->reply.data_len = 0;
	}
	if (j->only_more)
		memcpy(fds, j->more, j->reply.fds * sizeof fds[0]);
	else if (j->reply.fds)
		fds[0] = j->out_fd >= 0 ? j->out_fd : j->also_fd >= 0 ? j->also_fd : j->stream->fd;
	if (j->reply.fds > 1 && j->also_fd >= 0)
		fds[1] = j->also_fd;
	else if (j->reply.fds > 1 && !j->only_more)
		memcpy(fds + 1, j->more, (j->reply.fds - 1) * sizeof fds[0]);
	if (spec.trace_mon)
		job_trace(j);
	j->reply.gathered = affinity_gathered();
	if (p && !p->killed)
		reply(p, &j->reply, j->data, fds);
}

void job_release(struct job *j)
{
	if (j->out_fd >= 0)
		close(j->out_fd);
	if (j->also_fd >= 0)
		close(j->also_fd);
	if (j->stream)
		stream_put(j->stream);
	j->out_fd = j->also_fd = -1;
	j->stream = NULL;
}

/* Jobs with their room for data, and without, for the next: to ask the host for it each time costs as much as a small job. */
static struct job *ready_jobs[4], *bare_jobs[4];
static unsigned ready_count, bare_count;

static struct job *job_take(void)
{
	struct job *j;

	if (ready_count > 0)
		return ready_jobs[--ready_count];
	j = malloc(sizeof *j);
	if (j && !(j->data = malloc(MON_DATA_MAX))) {
		free(j);
		j = NULL;
	}
	return j;
}

static struct job *bare_take(void)
{
	return bare_count > 0 ? bare_jobs[--bare_count] : malloc(sizeof(struct job));
}

static void job_give(struct job *j)
{
	if (j->park) /* it was lent */
		j->data = NULL;
	if (j->data && ready_count < ARRAY_LEN(ready_jobs)) {
		ready_jobs[ready_count++] = j;
	} else if (!j->data && bare_count < ARRAY_LEN(bare_jobs)) {
		bare_jobs[bare_count++] = j;
	} else {
		free(j->data);
		free(j);
	}
}

struct job *job_new(void)
{
	struct job *j = bare_take();

	if (j) {
		memset(j, 0, offsetof(struct job, text));
		j->fd = j->out_fd = j->also_fd = -1;
	}
	return j;
}

/* A worker is done with it. */
void channel_job_done(struct job *j)
{
	if (j->done)
		j->done(j);
	if (j->pico != 0)
		answer(j);
	job_release(j);
	job_give(j);
}

void job_do(struct job *j)
{
	if (!j->brief || !loop_later(j))
		worker_give(j);
}

static void hand_over(struct job *small)
{
	struct job *j = small->park ? bare_take() : job_take();
	unsigned char *data = j && !small->park ? j->data : NULL;

	if (j) {
		memcpy(j, small, offsetof(struct job, text) + small->req.text_len + 2);
		j->data = data;
	}
	if (!j) {
		small->reply.status = DK_NO_MEMORY;
		answer(small);
		job_release(small);
		return;
	}
	if (j->park)
		j->park(j);
	else
		job_do(j);
}

void job_start(struct pico *p, struct job *j, enum dk_status status)
{
	j->reply.status = status;
	if (status == DK_OK && j->work && !j->work(j, true)) {
		j->reply.status = DK_OK;
		j->reply.data_len = 0;
		p->busy = true;
		hand_over(j);
		return;
	}
	if (j->done)
		j->done(j);
	answer(j);
	job_release(j);
}
