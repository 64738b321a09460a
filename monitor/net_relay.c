/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_relay.c - the process between the sandbox and its sockets, where a sandbox is brokered.
 *
 * It has no files but the capture, no capabilities, and a filter that makes, binds and connects nothing: it passes
 * bytes on between sockets that it is given, and writes down what passed (net_pcap.c).  It dies with the monitor, by PDEATHSIG;
 * an orderly end (its control socket closes) lets it pass on what the sandbox has written, as long as that moves.
 *
 * A connection has three descriptors here: the socket, our end of a pair, and a copy of the sandbox's end.  What comes in stays in
 * the socket until the pair has taken it (it is peeked at), so no more is acknowledged to the peer than without a relay; of what goes out
 * one piece at most is kept here.  So nothing grows, and each side slows the other down.
 *
 * The sandbox's end is to look like the socket.  A connect that is under way: the pair is plugged with bytes that are
 * nobody's (net_broker.c), and so not writable; they are taken out when it is over.  The peer's FIN: our end is shut.  An error: one
 * more byte is put in through the copy, and our end closed with something unread, which the kernel tells the
 * other end as ECONNRESET; which error it was is told to the monitor before.  The sandbox's own ends come as orders.
 *
 * Events are edges: after one both directions go on until one side would wait, or have had their turn (busy).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "monitor/net_relay_flow.h"

#define FIN_NS     60000000000ull /* a peer that does not end its side after ours, of a stream that is closed */
#define END_NS     5000000000ull  /* at the sandbox's end: without any progress */
#define LAST_NS    50000000ull    /* the same, for peers' FINs alone */
#define BUCKETS    4096u
#define HIGH       64             /* above the places that descriptors are put at */

static struct relay *bucket[BUCKETS], *all, *busy, *graves;
static uint8_t *order_data; /* RELAY_DATA_MAX; allocated as relay_piece is */
static bool at_end;
static unsigned closing;

static void say(uint64_t id, int err)
{
	struct relay_said s = { .id = id, .err = err };

	while (send(RELAY_CONTROL_FD, &s, sizeof s, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static void file_is_full(int err)
{
	say(RELAY_FILE, err);
}

/* ---- connections ---- */

static struct relay **place_of(uint64_t id)
{
	struct relay **at = &bucket[id % BUCKETS];

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static void forget_number(struct relay *r)
{
	struct relay **at = place_of(r->id);

	if (*at == r)
		*at = r->next;
}

/* The monitor may have it still, and so what we watch would go on to tell of it. */
static void drop(int fd)
{
	(void)epoll_ctl(RELAY_EPOLL_FD, EPOLL_CTL_DEL, fd, NULL);
	close(fd);
}

/* Its descriptors go now; the rest when this round of events is over, which may name it still. */
static void bury(struct relay *r)
{
	if (r->gone)
		return;
	r->gone = true;
	forget_number(r);
	drop(r->sock);
	drop(r->end);
	if (r->sandbox >= 0)
		close(r->sandbox);
	closing -= r->closed;
	if (r->newer)
		r->newer->older = r->older;
	else
		all = r->older;
	if (r->older)
		r->older->newer = r->newer;
	free(r->kept);
	if (!r->busy) {
		r->next_busy = graves;
		graves = r;
	}
}

static void dig(void)
{
	while (graves) {
		struct relay *r = graves;

		graves = r->next_busy;
		free(r);
	}
}

void relay_fails(struct relay *r, int err)
{
	if (!r->closed)
		say(r->id, err);
	if (err == ECONNRESET || err == ECONNREFUSED || err == EPIPE)
		pcap_rst(&r->seen, PCAP_PEER);
	if (r->sandbox >= 0)
		(void)send(r->sandbox, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	bury(r);
}

void relay_break_off(struct relay *r)
{
	struct linger l = { 1, 0 };

	(void)setsockopt(r->sock, SOL_SOCKET, SO_LINGER, &l, sizeof l);
	if (!r->connecting)
		pcap_rst(&r->seen, PCAP_US);
	bury(r);
}

/* ---- turns ---- */

static void go_on(struct relay *r)
{
	bool done;

	if (r->gone || (r->connecting && !relay_settle(r)))
		return;
	done = relay_out(r);
	done = (r->gone || relay_in(r)) && done;
	if (!r->gone && r->sent_fin && r->got_fin)
		bury(r);
	if (done || r->gone || r->busy)
		return;
	r->busy = true;
	r->next_busy = busy;
	busy = r;
}

static void go_on_busy(void)
{
	struct relay *r = busy;

	for (busy = NULL; r;) {
		struct relay *next = r->next_busy;

		r->busy = false;
		if (r->gone) {
			r->next_busy = graves;
			graves = r;
		} else {
			go_on(r);
		}
		r = next;
	}
}

/* ---- orders ---- */

static void watch(struct relay *r, int fd)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET, .data.ptr = r };

	(void)epoll_ctl(RELAY_EPOLL_FD, EPOLL_CTL_ADD, fd, &e);
}

static void add(const struct relay_order *o, const int fd[3])
{
	struct relay *r = fd[0] >= 0 && fd[1] >= 0 && fd[2] >= 0 ? calloc(1, sizeof *r) : NULL;

	if (!r) { /* whoever has the other end hears of it */
		say(o->id, EMFILE);
		for (unsigned i = 0; i < 3; i++)
			if (fd[i] >= 0)
				close(fd[i]);
		return;
	}
	*r = (struct relay){ .id = o->id, .sock = fd[0], .end = fd[1], .sandbox = fd[2], .plug = o->plug, .connecting = !o->arg, .older = all };
	r->seen.name[PCAP_US] = o->from;
	r->seen.name[PCAP_PEER] = o->to;
	if (all)
		all->newer = r;
	all = r;
	r->next = bucket[r->id % BUCKETS];
	bucket[r->id % BUCKETS] = r;
	pcap_syn(&r->seen, o->arg ? PCAP_PEER : PCAP_US);
	if (o->arg)
		pcap_established(&r->seen, PCAP_PEER);
	watch(r, r->sock);
	watch(r, r->end);
}

static void close_it(struct relay *r, bool reset)
{
	forget_number(r);
	if (reset || r->connecting) {
		relay_break_off(r);
		return;
	}
	close(r->sandbox);
	r->sandbox = -1;
	r->closed = r->ending = true;
	r->until_ns = now_ns() + FIN_NS;
	closing++;
	go_on(r);
}

static void exchange(const struct relay_order *o, const uint8_t *data, size_t len)
{
	struct pcap_tcp c = { .name = { o->from, o->to } };

	if (o->arg > len)
		return;
	pcap_syn(&c, PCAP_US);
	pcap_established(&c, PCAP_US);
	pcap_data(&c, PCAP_US, data, o->arg, false);
	for (size_t at = o->arg, n; at < len; at += n) {
		n = len - at < PCAP_DATA_MAX ? len - at : PCAP_DATA_MAX;
		pcap_data(&c, PCAP_PEER, data + at, n, false);
	}
	pcap_fin(&c, PCAP_US);
	pcap_fin(&c, PCAP_PEER);
}

static void obey(const struct relay_order *o, const uint8_t *data, size_t len, const int fd[3])
{
	struct relay *r = *place_of(o->id);

	if (o->what == RELAY_CONNECTION)
		add(o, fd);
	else if (o->what == RELAY_DATAGRAM)
		pcap_udp(&o->from, &o->to, data, len);
	else if (o->what == RELAY_EXCHANGE)
		exchange(o, data, len);
	else if (!r)
		return; /* it has ended */
	else if (o->what == RELAY_CLOSE)
		close_it(r, o->arg);
	else if (o->what == RELAY_SHUT_WRITE)
		r->ending = true, go_on(r);
}

/* One; false: there is none. */
static bool take_order(void)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(3 * sizeof(int))];
	} c;
	struct relay_order o;
	struct iovec v[2] = { { &o, sizeof o }, { order_data, RELAY_DATA_MAX } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2, .msg_control = &c, .msg_controllen = sizeof c };
	ssize_t n = recvmsg(RELAY_CONTROL_FD, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *h = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	int fd[3] = { -1, -1, -1 };

	if (n < 0)
		return false;
	if (n < (ssize_t)sizeof o) {
		at_end = true;
		return false;
	}
	if (h && h->cmsg_type == SCM_RIGHTS && h->cmsg_len <= CMSG_LEN(sizeof fd))
		memcpy(fd, CMSG_DATA(h), h->cmsg_len - CMSG_LEN(0));
	obey(&o, order_data, (size_t)n - sizeof o, fd);
	return true;
}

/* ---- the loop ---- */

static void close_late(void)
{
	uint64_t now = closing ? now_ns() : 0;

	for (struct relay *r = closing ? all : NULL, *older; r; r = older) {
		older = r->older;
		if (r->closed && r->until_ns <= now)
			bury(r);
	}
}

static void one_round(int timeout_ms)
{
	struct epoll_event e[64];
	int n = epoll_wait(RELAY_EPOLL_FD, e, ARRAY_LEN(e), busy ? 0 : timeout_ms);

	for (int i = 0; i < n; i++) {
		struct relay *r = e[i].data.ptr;

		if (!r) {
			for (unsigned k = 0; k < 64 && take_order(); k++)
				;
			continue;
		}
		go_on(r);
	}
	go_on_busy();
	dig();
}

static bool has_unsent(const struct relay *r)
{
	int there = 0;

	return !r->sent_fin && (r->kept || r->connecting || (ioctl(r->end, FIONREAD, &there) == 0 && there > 0));
}

/* What the sandbox has written leaves, as long as it moves; then the peers' own ends have a moment. */
static void __attribute__((noreturn)) finish(void)
{
	uint64_t last = now_ns(), had = relay_moved;

	epoll_ctl(RELAY_EPOLL_FD, EPOLL_CTL_DEL, RELAY_CONTROL_FD, NULL);
	for (struct relay *r = all, *older; r; r = older) {
		older = r->older;
		if (!r->closed && !r->connecting)
			close_it(r, false);
		else if (r->connecting)
			bury(r);
	}
	for (;;) {
		uint64_t now = now_ns();
		bool unsent = false;

		for (const struct relay *r = all; r && !unsent; r = r->older)
			unsent = has_unsent(r);
		if (had != relay_moved)
			last = now;
		had = relay_moved;
		if (!all || now - last > (unsent ? END_NS : LAST_NS))
			_exit(0);
		one_round(10);
	}
}

/* ---- start ---- */

static void drop_privileges(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	if (syscall(SYS_capset, &h, none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(1);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void place(int fd, int at)
{
	if (dup2(fd, at) < 0)
		_exit(1);
}

void net_relay_main(const struct relay_args *args)
{
	struct epoll_event e = { .events = EPOLLIN };
	int err, control = fcntl(args->control, F_DUPFD, HIGH), file = fcntl(args->file, F_DUPFD, HIGH);

	place(control, RELAY_CONTROL_FD);
	place(file, RELAY_FILE_FD);
	place(fcntl(epoll_create1(0), F_DUPFD, HIGH), RELAY_EPOLL_FD);
	syscall(SYS_close_range, 0, RELAY_CONTROL_FD - 1, 0);
	syscall(SYS_close_range, RELAY_EPOLL_FD + 1, ~0u, 0);
	setsid();
	prctl(PR_SET_NAME, "bailey-relay", 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != args->parent)
		_exit(1);
	affinity_give_back(0);
	relay_piece = malloc(PIECE);
	order_data = malloc(RELAY_DATA_MAX);
	if (!relay_piece || !order_data)
		_exit(1);
	drop_privileges();
	signal(SIGXFSZ, SIG_IGN); /* a file of the longest is full */
	filter_net_relay();
	pcap_full = file_is_full;
	err = pcap_begin(RELAY_FILE_FD);
	if (err)
		file_is_full(err);
	epoll_ctl(RELAY_EPOLL_FD, EPOLL_CTL_ADD, RELAY_CONTROL_FD, &e);
	while (!at_end) {
		one_round(closing ? 1000 : -1);
		close_late();
		dig();
	}
	finish();
}
