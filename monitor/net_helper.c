/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_helper.c - the process that makes sockets.
 *
 * It is there only where a network was granted, forked from the monitor before that locks itself, so that the monitor's
 * own filter need not allow socket, bind and connect.  It binds what -p publishes, then gives up files, capabilities
 * and all calls but those for sockets, and does what the monitor orders, which has judged it.  Nothing of a guest's
 * reaches it but the numbers and names of an order, parsed by the monitor.  It dies with the monitor: by PDEATHSIG,
 * and as its end of the control socket closes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "monitor/net_relay.h"

#ifndef IPV6_V6ONLY
#define IPV6_V6ONLY 26
#endif

/* Places of descriptors. */
#define CONTROL_FD 10
#define RELAY_FD   11 /* to tell of questions; where there is no relay, free */
#define HIGH       64

static int control_fd;

static const struct {
	int level, number;
} options[] = {
#define X(name, level, number, size, may) { level, number },
	DK_SOCKET_OPTIONS(X)
#undef X
};

static void answer(const struct net_answer *a, const void *data, int fd)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} c = { .h = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct iovec v[2] = { { (void *)a, sizeof *a }, { (void *)data, a->len } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = a->len ? 2 : 1 };

	if (fd >= 0) {
		memcpy(CMSG_DATA(&c.h), &fd, sizeof fd);
		m.msg_control = &c;
		m.msg_controllen = sizeof c;
	}
	for (unsigned tries = 0; sendmsg(control_fd, &m, MSG_NOSIGNAL) < 0;) {
		if (errno == EINTR)
			continue;
		if (errno == ETOOMANYREFS && tries++ < 100) { /* others of this user have descriptors in flight */
			poll(NULL, 0, 10);
			continue;
		}
		if (errno == EPIPE || errno == ECONNRESET || fd < 0)
			_exit(0);
		/* Without the descriptor there is still an answer. */
		fd = -1;
		m.msg_control = NULL;
		m.msg_controllen = 0;
		((struct net_answer *)v[0].iov_base)->err = ENOBUFS;
	}
}

void helper_answer(uint64_t id, const char *text, size_t len)
{
	struct net_answer a = { .id = id, .len = (uint32_t)len };

	answer(&a, text, -1);
}

static int set(int fd, int level, int number, int value)
{
	return setsockopt(fd, level, number, &value, sizeof value);
}

static void prepare(int fd, const struct net_ask *ask)
{
	if (ask->kind != NET_CLIENT && ask->proto == NET_TCP)
		set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (ask->kind != NET_CLIENT && ask->addr.family == 6)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, ask->v6only);
	if (ask->reuseport)
		set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	for (unsigned i = 0; i < ask->option_count; i++) {
		unsigned o = ask->options[i].option;

		/* One that the host refuses is as good as one that has no effect. */
		if (o < ARRAY_LEN(options))
			set(fd, options[o].level, options[o].number, ask->options[i].value);
	}
}

static int bind_to(int fd, const struct dk_inet *a)
{
	struct sockaddr_storage sa;
	socklen_t len = net_to_sockaddr(a, &sa);

	return bind(fd, (struct sockaddr *)&sa, len);
}

static int place(int fd, const struct net_ask *ask)
{
	struct sockaddr_storage sa;
	socklen_t len = net_to_sockaddr(&ask->addr, &sa);

	if (ask->kind != NET_CLIENT) {
		if (bind(fd, (struct sockaddr *)&sa, len) < 0)
			return -1;
		return ask->listen ? listen(fd, (int)ask->backlog) : 0;
	}
	if (ask->bind.family && bind_to(fd, &ask->bind) < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS)
		return -1;
	if (ask->proto == NET_UDP && ask->bind.family)
		net_drain(fd); /* of whoever, between bind and connect */
	return 0;
}

/* -1: errno says why. */
static int make_socket(const struct net_ask *ask, struct dk_inet *name)
{
	int fd = socket(ask->addr.family == 4 ? AF_INET : AF_INET6, (ask->proto == NET_TCP ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof sa;

	if (fd < 0)
		return -1;
	prepare(fd, ask);
	if (place(fd, ask) < 0) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0)
		net_from_sockaddr(&sa, name);
	return fd;
}

static void obey(const struct net_order *o, int fd)
{
	struct net_answer a = { .id = o->id };

	switch (o->what) {
	case NET_DO_OPEN:
		fd = make_socket(&o->ask, &a.name);
		a.err = fd < 0 ? errno : 0;
		answer(&a, NULL, fd);
		break;
	case NET_DO_LISTEN:
		a.err = listen(fd, (int)o->ask.backlog) < 0 ? errno : 0;
		answer(&a, NULL, -1);
		break;
	case NET_DO_RESET:
		(void)connect(fd, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr));
		break;
	case NET_DO_DNS:
		dns_ask(o->id, &o->ask);
		break;
	}
	if (fd >= 0)
		close(fd);
}

static void take_order(void)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} c;
	struct net_order o;
	struct iovec v = { &o, sizeof o };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };
	ssize_t n = recvmsg(control_fd, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	int fd = -1;

	if (n < 0 && errno == EINTR)
		return;
	if (n != (ssize_t)sizeof o)
		_exit(0); /* the monitor is gone */
	if (h && h->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(h), sizeof fd);
	obey(&o, fd);
}

/* ---- what -p publishes ---- */

static int publish(const struct net_publish *p, struct dk_inet *name)
{
	struct net_ask ask = { .kind = p->proto == NET_TCP ? NET_SERVER : NET_BOUND, .proto = p->proto, .addr = p->host };
	int fd;

	if (p->host.family)
		return make_socket(&ask, name);
	ask.addr.family = 6;
	fd = make_socket(&ask, name); /* both families on one socket */
	if (fd >= 0 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
		return fd;
	ask.addr = (struct dk_inet){ .addr = { [10] = 0xff, 0xff }, .port = p->host.port, .family = 4 };
	return make_socket(&ask, name);
}

static void publish_all(void)
{
	for (unsigned i = 0; i < net_publish_count; i++) {
		struct net_answer a = { .id = NET_READY, .index = i };
		int fd = publish(&net_published[i], &a.name);

		a.err = fd < 0 ? errno : 0;
		answer(&a, NULL, fd);
		if (fd < 0)
			_exit(0);
		close(fd);
	}
}

/* ---- start ---- */

static void drop_privileges(bool low_ports)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d) < 0)
		_exit(1);
	for (unsigned i = 0; i < 2; i++) {
		d[i].permitted &= i == 0 && low_ports ? 1u << CAP_NET_BIND_SERVICE : 0;
		d[i].effective = d[i].permitted;
		d[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &h, d) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(1);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void net_helper_main(const struct net_helper_args *args)
{
	struct net_answer ready = { .id = NET_READY, .index = UINT32_MAX };
	int relay = net_relay_fd < 0 ? -1 : fcntl(net_relay_fd, F_DUPFD, HIGH);

	control_fd = CONTROL_FD;
	if (dup2(args->control, control_fd) < 0 || (relay >= 0 && dup2(relay, RELAY_FD) < 0))
		_exit(1);
	net_relay_fd = relay < 0 ? -1 : RELAY_FD;
	syscall(SYS_close_range, 0, CONTROL_FD - 1, 0);
	syscall(SYS_close_range, RELAY_FD + (relay >= 0), ~0u, 0);
	setsid();
	prctl(PR_SET_NAME, "bailey-net", 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != args->parent)
		_exit(1);
	publish_all();
	dns_init();
	affinity_give_back(0);
	drop_privileges(args->low_ports);
	filter_net_helper();
	answer(&ready, NULL, -1);
	for (;;) {
		struct pollfd fds[64] = { { .fd = control_fd, .events = POLLIN } };
		int timeout = -1;
		unsigned n = 1 + dns_poll(fds + 1, ARRAY_LEN(fds) - 1, &timeout);

		if (poll(fds, n, timeout) < 0 && errno != EINTR)
			_exit(1);
		if (fds[0].revents)
			take_order();
		dns_events(fds + 1, n - 1);
	}
}
