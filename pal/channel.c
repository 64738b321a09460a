/* SPDX-License-Identifier: MIT */
/*
 * pal/channel.c - requests to the monitor.
 *
 * One request is outstanding a channel; a private lock queues the threads that want
 * it.  The answer usually comes soon, so we look for it a bounded while before we
 * sleep: waking a CPU costs far more than a few tries.  A reply that is not the
 * awaited one (sequence number) is dropped, but for that to a CLONE that was not waited
 * for (grant_ask): it brings the channel for the next copy, and whoever receives keeps it.
 */
#include "pal/pal.h"
#include "rt/mem.h"

#define SPIN_TRIES 100
#define MEMORY_TRIES 10000 /* of a millisecond and more */

int channel_fd = MON_CHANNEL_FD;
struct mutex channel_lock;

static uint32_t sequence;
static struct {
	struct mon_request req;
	char text[MON_TEXT_MAX];
} message __attribute__((section(".bss.near"))); /* mostly its head is used */

static struct grant granted = { 0, -1 };
static bool grant_due;
static uint32_t grant_sequence;

static void NORETURN channel_broken(void)
{
	/* The monitor is gone, and with it the sandbox. */
	for (;;)
		(void)HOST1(exit_group, 137);
}

/* Its size, -1 = too long; *at is where it lies: without text, that is where it came from. */
static long message_build(struct rpc *r, const void **at)
{
	uint64_t len = r->text_len;

	if (len > MON_TEXT_MAX || (r->text2 && len + 1 + r->text2_len > MON_TEXT_MAX))
		return -1;
	r->req.seq = ++sequence;
	if (len)
		memcpy(message.text, r->text, len);
	if (r->text2) {
		message.text[len++] = 0;
		memcpy(message.text + len, r->text2, r->text2_len);
		len += r->text2_len;
	}
	r->req.text_len = (uint32_t)len;
	*at = &r->req;
	if (len) {
		message.req = r->req;
		*at = &message;
	}
	return (long)(sizeof message.req + len);
}

/* The host has no memory for the message: for as long as it takes until kproc has ended somebody. */
static bool wait_for_memory(long result, unsigned *tries)
{
	struct host_timespec ms = { 0, 1000000 };

	if ((result != -HOST_ENOMEM && result != -HOST_ENOBUFS) || ++*tries > MEMORY_TRIES)
		return false;
	(void)HOST6(ppoll, NULL, 0, &ms, NULL, 8, 0);
	return true;
}

static void message_send(const void *at, long size)
{
	unsigned tries = 0;
	long n;

	do {
		n = HOST6(sendto, channel_fd, at, size, MSG_NOSIGNAL, 0, 0);
	} while (n == -HOST_EINTR || n == -HOST_EAGAIN || wait_for_memory(n, &tries));
	if (n != size)
		channel_broken();
}

void rpc_send_locked(struct rpc *r)
{
	const void *at;
	long size = message_build(r, &at);

	if (size > 0)
		message_send(at, size);
}

void rpc_send(struct rpc *r)
{
	mutex_take(&channel_lock);
	rpc_send_locked(r);
	mutex_drop(&channel_lock);
}

/* Descriptors of a received message; at most max are kept, others closed. */
static uint32_t take_fds(const struct host_msghdr *m, int *fds, uint32_t max)
{
	const struct host_cmsghdr *c = m->control;
	uint32_t n = 0, count;

	if (m->controllen < sizeof *c || c->level != SOL_SOCKET || c->type != SCM_RIGHTS || c->len > m->controllen ||
		c->len < sizeof *c)
		return 0;
	count = (uint32_t)((c->len - sizeof *c) / sizeof(int));
	for (uint32_t i = 0; i < count; i++) {
		int fd = ((const int *)(c + 1))[i];

		if (n < max)
			fds[n++] = fd;
		else
			(void)HOST1(close, fd);
	}
	return n;
}

/* One whole message, for start.c; its size, or -errno. */
long channel_receive(void *buf, uint64_t size, int *fds, uint32_t *nfds)
{
	struct {
		struct host_cmsghdr c;
		int fds[MON_BOOT_FDS + 1];
	} control;
	struct host_iovec iov = { buf, size };
	struct host_msghdr m;
	long n;

	do {
		m = (struct host_msghdr){ .iov = &iov, .iovlen = 1, .control = &control, .controllen = sizeof control };
		n = HOST3(recvmsg, channel_fd, &m, 0);
	} while (n == -HOST_EINTR);
	if (n == 0)
		channel_broken();
	*nfds = n > 0 ? take_fds(&m, fds, *nfds) : 0;
	if (n > 0 && (m.flags & (MSG_TRUNC | MSG_CTRUNC)))
		return -HOST_EINVAL;
	return n;
}

/* Waits for one message into reply and data.  Returns its size; *flags are the message's. */
static long reply_receive(struct rpc *r, uint32_t *flags)
{
	struct {
		struct host_cmsghdr c;
		int fds[1 + MON_FETCH_MORE + 1];
	} control;
	struct host_iovec iov[2] = { { &r->reply, sizeof r->reply }, { r->data, r->data ? r->data_size : 0 } };
	struct host_msghdr m;
	unsigned tries = pal_boot.ncpus > 1 && !process_gathered() ? SPIN_TRIES : 0;
	int fds[1 + MON_FETCH_MORE];
	unsigned hungry = 0;
	long n;

	for (;;) {
		m = (struct host_msghdr){ .iov = iov, .iovlen = 2, .control = &control, .controllen = sizeof control };
		n = HOST3(recvmsg, channel_fd, &m, tries ? MSG_DONTWAIT : 0);
		if (n == -HOST_EAGAIN && tries) {
			tries--;
			continue;
		}
		if (n != -HOST_EINTR && !wait_for_memory(n, &hungry))
			break;
	}
	if (n < (long)sizeof r->reply)
		channel_broken();
	r->more_count = take_fds(&m, fds, ARRAY_LEN(fds));
	r->fd = r->more_count ? fds[0] : -1;
	r->more_count -= r->more_count != 0;
	memcpy(r->more, fds + 1, r->more_count * sizeof fds[0]);
	*flags = m.flags;
	return n;
}

static void drop_fds(struct rpc *r)
{
	if (r->fd >= 0)
		(void)HOST1(close, r->fd);
	for (uint32_t i = 0; i < r->more_count; i++)
		(void)HOST1(close, r->more[i]);
	r->fd = -1;
	r->more_count = 0;
}

/* ---- Copies ---- */

void grant_keep(const struct rpc *r)
{
	if (r->reply.value[1] != 0)
		granted = (struct grant){ r->reply.value[1], r->reply.fds > 1 ? r->more[0] : r->fd };
}

static bool grant_came(const struct rpc *r)
{
	if (!grant_due || r->reply.seq != grant_sequence || r->reply.op != MON_CLONE)
		return false;
	grant_due = false;
	if (r->reply.status == DK_OK) /* else a lie about process indexes: the copy is ended as it says hello */
		grant_keep(r);
	return true;
}

void grant_ask(struct rpc *r)
{
	rpc_send_locked(r);
	grant_due = true;
	grant_sequence = r->req.seq;
}

struct grant grant_take(void)
{
	struct grant g;
	struct rpc r = { 0 };
	uint32_t flags;

	while (grant_due) {
		(void)reply_receive(&r, &flags);
		if (!grant_came(&r))
			drop_fds(&r);
	}
	g = granted;
	granted.fd = -1;
	return g;
}

void grant_after_clone(void)
{
	if (granted.fd >= 0)
		(void)HOST1(close, granted.fd);
	granted.fd = -1;
	grant_due = false;
}

/* ---- Requests that wait ---- */

enum dk_status rpc_call_locked(struct rpc *r)
{
	const void *at;
	long size = message_build(r, &at), n;
	uint32_t flags;

	r->fd = -1;
	if (size < 0)
		return DK_NAME_TOO_LONG;
	message_send(at, size);
	for (;;) {
		n = reply_receive(r, &flags);
		if (r->reply.seq == r->req.seq && r->reply.op == r->req.op)
			break;
		if (!grant_came(r))
			drop_fds(r);
		r->fd = -1;
	}
	if (!r->reply.gathered)
		process_not_gathered();
	if (r->reply.status >= DK_STATUS_COUNT)
		pal_panic("pal: the monitor's reply to request %u has status %u", r->req.op, r->reply.status);
	if (r->reply.status == DK_OK && (r->reply.data_len > r->data_size || (flags & MSG_TRUNC)))
		return DK_RANGE;
	if (r->reply.data_len > (uint64_t)n - sizeof r->reply && r->reply.status == DK_OK)
		pal_panic("pal: the monitor's reply to request %u is too short", r->req.op);
	return (enum dk_status)r->reply.status;
}

enum dk_status rpc_call(struct rpc *r)
{
	enum dk_status status;

	mutex_take(&channel_lock);
	status = rpc_call_locked(r);
	mutex_drop(&channel_lock);
	return status;
}
