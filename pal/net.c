/* SPDX-License-Identifier: MIT */
/*
 * pal/net.c - servers and datagrams.
 *
 * A connection is read and written as any other stream (stream_io.c).  A server's read is a request, since each new
 * connection must be a stream that the monitor knows.  Datagrams go straight to and from the socket where the
 * peer is fixed, or where we have the socket; a datagram to a given address is always a request: a system call that
 * sends to an address is one that connects.
 *
 * Those that pass through the monitor lie between here and there in one buffer, which its lock guards; guests'
 * memory is copied with faults in mind.
 */
#include "pal/pal.h"
#include "pal/stream.h"
#include "rt/mem.h"

#define HOST_AF_INET  2
#define HOST_AF_INET6 10
#define DATAGRAM_MAX  65536u
#define PART_MAX      (MON_TEXT_MAX - sizeof(struct dk_inet))

struct mutex net_lock;
static struct {
	struct dk_datagram head;
	uint8_t data[DATAGRAM_MAX];
} letter BIG_BSS; /* under net_lock */

/* ---- copying ---- */

static uint64_t total(const struct dk_segment *s, uint32_t count)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < count; i++)
		n += s[i].size;
	return n;
}

static bool scatter(const struct dk_segment *s, uint32_t count, const uint8_t *from, uint64_t size)
{
	for (uint32_t i = 0; i < count && size > 0; i++) {
		uint64_t n = MIN(s[i].size, size);

		if (!pal_copy(s[i].base, from, n))
			return false;
		from += n;
		size -= n;
	}
	return true;
}

static bool gather(uint8_t *to, const struct dk_segment *s, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (!pal_copy(to, s[i].base, s[i].size))
			return false;
		to += s[i].size;
	}
	return true;
}

/* What recvmsg says of a sender. */
static void inet_of(const uint8_t *name, uint32_t len, struct dk_inet *out)
{
	uint16_t family = 0;

	*out = (struct dk_inet){ 0 };
	if (len >= 16)
		memcpy(&family, name, 2);
	if (family == HOST_AF_INET) {
		out->family = 4;
		out->addr[10] = out->addr[11] = 0xff;
		memcpy(out->addr + 12, name + 4, 4);
	} else if (family == HOST_AF_INET6 && len >= 28) {
		out->family = 6;
		memcpy(out->addr, name + 8, 16);
		memcpy(&out->scope, name + 24, 4);
	}
	if (out->family)
		out->port = (uint16_t)(name[2] << 8 | name[3]);
}

/* ---- servers ---- */

static enum dk_status accept_read(struct stream *s, const struct dk_segment *segments, uint32_t count, uint64_t *done)
{
	struct dk_accepted got[DK_ACCEPTED_MAX];
	uint32_t n, used = 0;
	struct rpc r = { .req = { .op = MON_ACCEPT, .stream = s->number }, .data = got, .data_size = sizeof got };
	enum dk_status status;

	if (count != 1 || segments[0].size < sizeof got[0])
		return DK_INVALID_ARG;
	r.req.args[0] = MIN(segments[0].size / sizeof got[0], DK_ACCEPTED_MAX);
	status = rpc_call(&r);
	if (status != DK_OK)
		return status;
	n = r.reply.data_len / (uint32_t)sizeof got[0];
	if (n > r.req.args[0] || n != r.more_count + (r.fd >= 0))
		pal_panic("pal: %u connections came with %u descriptors", n, r.more_count + (r.fd >= 0));
	for (uint32_t i = 0; i < n; i++) {
		struct dk_accepted a = got[i];

		a.stream = stream_adopt(a.stream, MON_FD_SOCKET | MON_FD_CONNECTION | MON_FD_NOWAIT | MON_FD_READ | MON_FD_WRITE, i == 0 ? r.fd : r.more[i - 1]);
		if (a.stream)
			got[used++] = a;
	}
	if (!scatter(segments, 1, (const uint8_t *)got, used * sizeof got[0])) {
		for (uint32_t i = 0; i < used; i++)
			(void)object_put((dk_handle)got[i].stream);
		return DK_FAULT;
	}
	*done = used * sizeof got[0];
	return used ? DK_OK : DK_TOO_MANY;
}

/* ---- what need not be waited for ---- */

static bool tune(dk_handle h, uint32_t what, uint32_t value)
{
	const struct stream *s = stream_find(h);
	struct rpc r = { .req = { .op = MON_TUNE, .args = { what, value } } };

	/* A connection; the sandbox's own pipes are sockets, too, but have no options. */
	if (!s || (s->fd_flags & (MON_FD_SOCKET | MON_FD_SERVER | MON_FD_DATAGRAM | MON_FD_CONNECTION)) != (MON_FD_SOCKET | MON_FD_CONNECTION))
		return false;
	r.req.stream = s->number;
	rpc_send(&r);
	return true;
}

/* What was written has left, and what is behind it the monitor orders. */
bool net_shut_write(dk_handle stream)
{
	return tune(stream, MON_TUNE_SHUT, 0);
}

/* Those that always succeed on a connection, and change nothing that the caller could notice at once. */
bool net_tune(dk_handle stream, uint32_t class, const void *value, uint64_t size)
{
	static const uint8_t later[] = { DK_SO_NODELAY, DK_SO_QUICKACK, DK_SO_KEEPALIVE };
	uint32_t v;

	if (DK_ATTR_CLASS_OF(class) != DK_ATTR_SOCKET_OPTION || size != sizeof v)
		return false;
	for (uint32_t i = 0; i < ARRAY_LEN(later); i++) {
		if (DK_ATTR_OPTION_OF(class) != later[i])
			continue;
		memcpy(&v, value, sizeof v);
		return tune(stream, later[i], v);
	}
	return false;
}

/* ---- files by connections ---- */

enum dk_status DkStreamSendFile(dk_handle stream, dk_handle file, uint64_t offset, uint64_t size, uint64_t *done)
{
	uint32_t out_flags, in_flags;
	int out, in;
	enum dk_status status = stream_fd(stream, &out, &out_flags);
	int64_t at = (int64_t)offset;
	long n;

	if (status == DK_OK)
		status = stream_fd(file, &in, &in_flags);
	if (status != DK_OK)
		return status;
	if (at < 0 || (out_flags & (MON_FD_SOCKET | MON_FD_SERVER | MON_FD_DATAGRAM | MON_FD_CONNECTION)) != (MON_FD_SOCKET | MON_FD_CONNECTION) ||
		!(in_flags & MON_FD_SEEK))
		return DK_NOT_SUPPORTED;
	do
		n = HOST4(sendfile, out, in, &at, size); /* connections never wait */
	while (n == -HOST_EINTR);
	*done = n > 0 ? (uint64_t)n : 0;
	return n == -HOST_EINVAL ? DK_NOT_SUPPORTED : status_of(n);
}

/* ---- datagrams in ---- */

/* A call's part of it: segments behind the record that tells the peer, if it wants that. */
struct parts {
	const struct dk_segment *peer, *data;
	uint32_t count;
};

static bool take_parts(const struct dk_segment *segments, uint32_t count, uint32_t flags, struct parts *p)
{
	bool peer = flags & DK_IO_PEER;

	if (count > DK_SEGMENTS_MAX || (count && !segments) || (peer && (count == 0 || segments[0].size < sizeof(struct dk_datagram))))
		return false;
	*p = (struct parts){ peer ? segments : NULL, segments + peer, count - peer };
	return true;
}

static enum dk_status tell(const struct parts *p, const struct dk_datagram *d, uint64_t size, uint64_t *done)
{
	if (p->peer && !pal_copy(p->peer->base, d, sizeof *d))
		return DK_FAULT;
	*done = size + (p->peer ? sizeof *d : 0);
	return DK_OK;
}

static enum dk_status receive_here(int fd, const struct parts *p, uint32_t flags, uint64_t *done)
{
	uint8_t name[28];
	struct host_msghdr m = { .name = name, .namelen = sizeof name, .iov = (struct host_iovec *)(uintptr_t)p->data, .iovlen = p->count };
	struct dk_datagram d = { .flags = 0 };
	long n;

	do
		n = HOST3(recvmsg, fd, &m, MSG_DONTWAIT | MSG_TRUNC | (flags & DK_IO_PEEK ? MSG_PEEK : 0));
	while (n == -HOST_EINTR);
	if (n < 0)
		return status_of(n);
	inet_of(name, m.namelen, &d.peer);
	d.size = (uint32_t)n;
	return tell(p, &d, MIN((uint64_t)n, total(p->data, p->count)), done);
}

static enum dk_status receive_there(struct stream *s, const struct parts *p, uint32_t flags, uint64_t *done)
{
	struct rpc r = { .req = { .op = MON_RECEIVE, .stream = s->number, .args = { MIN(total(p->data, p->count), DATAGRAM_MAX), flags & DK_IO_PEEK ? 1 : 0 } },
		.data = &letter, .data_size = sizeof letter };
	enum dk_status status;
	uint64_t size;

	mutex_take(&net_lock);
	status = rpc_call(&r);
	if (status == DK_OK && r.reply.data_len < sizeof letter.head)
		pal_panic("pal: a datagram of %u bytes", r.reply.data_len);
	if (status == DK_OK) {
		size = r.reply.data_len - sizeof letter.head;
		status = scatter(p->data, p->count, letter.data, size) ? tell(p, &letter.head, size, done) : DK_FAULT;
	}
	mutex_drop(&net_lock);
	return status;
}

enum dk_status net_read(dk_handle stream, const struct dk_segment *segments, uint32_t count, uint32_t flags, uint64_t *done)
{
	dk_handle event = stream_event(stream, DK_EVENT_READ);
	struct stream *s = stream_find(stream);
	enum dk_status status;
	struct parts p;
	uint32_t fd_flags;
	int fd;

	if (!s)
		return DK_INVALID_HANDLE;
	if (s->fd_flags & MON_FD_SERVER)
		return is_waitset(s) ? waitset_read(stream, segments, count, done) : accept_read(s, segments, count, done);
	status = stream_fd(stream, &fd, &fd_flags);
	if (status != DK_OK)
		return status;
	if (!take_parts(segments, count, flags, &p))
		return DK_INVALID_ARG;
	for (;;) {
		status = fd_flags & MON_FD_SOCKET ? receive_here(fd, &p, flags, done) : receive_there(s, &p, flags, done);
		if (status != DK_AGAIN || flags & DK_IO_NONBLOCK)
			return status;
		status = pal_wait(1, &event, DK_FOREVER, 0, NULL);
		if (status != DK_OK)
			return status;
	}
}

/* ---- datagrams out ---- */

/* letter.data has size bytes: in as many parts as it takes, none of another datagram between. */
static enum dk_status send_parts(struct stream *s, const struct dk_inet *to, uint64_t size)
{
	static uint8_t text[MON_TEXT_MAX] BIG_BSS;
	enum dk_status status;
	uint64_t at = 0;

	memcpy(text, to, sizeof *to);
	mutex_take(&channel_lock);
	do {
		uint64_t n = MIN(size - at, PART_MAX);
		struct rpc r = { .req = { .op = MON_SEND, .stream = s->number, .args = { at + n < size } }, .text = text, .text_len = sizeof *to + n };

		memcpy(text + sizeof *to, letter.data + at, n);
		status = rpc_call_locked(&r);
		at += n;
	} while (status == DK_OK && at < size);
	mutex_drop(&channel_lock);
	return status;
}

/* Without a peer: the monitor knows whose the stream is, or refuses it. */
static enum dk_status send_there(struct stream *s, const struct parts *p, uint64_t *done)
{
	struct dk_datagram head = { .flags = 0 };
	uint64_t size = total(p->data, p->count);
	enum dk_status status;

	if (size > DATAGRAM_MAX)
		return DK_MESSAGE_SIZE;
	if (p->peer && !pal_copy(&head, p->peer->base, sizeof head))
		return DK_FAULT;
	mutex_take(&net_lock);
	status = gather(letter.data, p->data, p->count) ? send_parts(s, &head.peer, size) : DK_FAULT;
	mutex_drop(&net_lock);
	if (status == DK_OK)
		*done = size + (p->peer ? sizeof head : 0);
	return status;
}

/* To the fixed peer: one call, whatever the segments. */
static enum dk_status send_here(int fd, const struct parts *p, uint64_t *done)
{
	long n;

	do {
		if (p->count <= 1 || total(p->data, p->count) == 0)
			n = HOST6(sendto, fd, p->count == 1 ? p->data[0].base : NULL, p->count == 1 ? p->data[0].size : 0, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
		else
			n = HOST6(pwritev2, fd, p->data, p->count, DK_OFFSET_NONE, 0, RWF_NOWAIT);
	} while (n == -HOST_EINTR);
	if (n >= 0)
		*done = (uint64_t)n;
	return status_of(n);
}

enum dk_status net_write(dk_handle stream, const struct dk_segment *segments, uint32_t count, uint32_t flags, uint64_t *done)
{
	struct stream *s = stream_find(stream);
	dk_handle event = stream_event(stream, DK_EVENT_WRITE);
	enum dk_status status;
	struct parts p;
	uint32_t fd_flags;
	int fd;

	if (!s)
		return DK_INVALID_HANDLE;
	if (s->fd_flags & MON_FD_SERVER)
		return DK_INVALID_ARG;
	status = stream_fd(stream, &fd, &fd_flags);
	if (status != DK_OK)
		return status;
	if (!take_parts(segments, count, flags, &p))
		return DK_INVALID_ARG;
	if (p.peer || !(fd_flags & MON_FD_SOCKET))
		return send_there(s, &p, done);
	for (;;) {
		status = send_here(fd, &p, done);
		if (status != DK_AGAIN || flags & DK_IO_NONBLOCK)
			return status;
		status = pal_wait(1, &event, DK_FOREVER, 0, NULL);
		if (status != DK_OK)
			return status;
	}
}
