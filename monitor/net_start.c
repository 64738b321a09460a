/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_start.c - the network's part of a sandbox's start and end: the helper, what -p publishes, and what the
 * library OS is told of all that.
 */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "monitor/net.h"
#include "monitor/net_relay.h"

#define CAPTURE_FD_FROM 64 /* above the places that others are put at */

static pid_t helper_pid, relay_pid; /* 0 = there is none */

/* An address of each family that what goes out comes from. */
static void address_settings(void (*add_record)(const char *record, void *arg), void *arg)
{
	struct ifaddrs *all, *i;
	unsigned had = 0;

	if (getifaddrs(&all) < 0)
		return;
	for (i = all; i; i = i->ifa_next) {
		char line[NET_TEXT_MAX + 40], text[NET_TEXT_MAX];
		struct sockaddr_storage sa = { 0 }, mask = { 0 };
		struct dk_inet a, m;
		unsigned bits = 0;

		if (!i->ifa_addr || !i->ifa_netmask || (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		memcpy(&sa, i->ifa_addr, i->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		memcpy(&mask, i->ifa_netmask, i->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		mask.ss_family = sa.ss_family;
		net_from_sockaddr(&sa, &a);
		net_from_sockaddr(&mask, &m);
		if (net_is_special(&a) || !(i->ifa_flags & IFF_UP) || had & 1u << a.family)
			continue;
		had |= 1u << a.family;
		net_own[a.family == 6] = a;
		for (unsigned b = a.family == 4 ? 96 : 0; b < 128 && m.addr[b / 8] & 0x80u >> b % 8; b++)
			bits++;
		a.port = 0;
		snprintf(line, sizeof line, "net_address=%s/%u", net_text(&a, text), bits);
		add_record(line, arg);
	}
	freeifaddrs(all);
}

void net_settings(void (*add_record)(const char *record, void *arg), void *arg)
{
	static const char *const modes[] = { "net=none", "net=rules", "net=host" };
	char line[160], text[NET_TEXT_MAX];

	if (!net_granted())
		return;
	add_record(modes[net_mode], arg);
	for (unsigned i = 0; i < net_publish_count; i++) {
		const struct net_publish *p = &net_published[i];
		struct dk_inet a = p->host;

		a.port = 0;
		snprintf(line, sizeof line, "net_publish=%u:%s:%u:%s:%u", i, p->proto == NET_TCP ? "tcp" : "udp", p->guest, p->host.family ? net_text(&a, text) : "",
		    p->host.port);
		add_record(line, arg);
	}
	if (net_may_look_up_all() || net_rules_have_names())
		add_record(net_may_look_up_all() ? "net_dns=all" : "net_dns=names", arg);
	if (net_rules_have_loopback())
		add_record("net_loopback=1", arg);
	if (net_mode != NET_NONE)
		address_settings(add_record, arg);
}

/* Forks; both know their end. */
static pid_t fork_with(int *ours, int *theirs)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		fail("cannot make a socket pair: %s", strerror(errno));
	pid = launcher_fork();
	if (pid < 0)
		fail("cannot make a process (%s): the limit of processes (ulimit -u) may be too low", strerror(errno));
	if (pid > 0)
		close(pair[1]);
	*ours = pair[0];
	*theirs = pair[1];
	return pid;
}

/* Whose orders are waited for when its other ends are closed: before the helper, which has one. */
static void start_relay(void)
{
	struct relay_args a = { .parent = getpid(), .file = spec.pcap_fd };
	int ours;

	relay_pid = fork_with(&ours, &a.control);
	if (relay_pid == 0) {
		close(ours);
		net_relay_main(&a);
	}
	close(spec.pcap_fd);
	net_relay_fd = ours;
	net_brokered = true;
	loop_add(net_relay_fd, LOOP_NET, 1);
}

/* What it is is looked at before anything of it is lost; it is the first thing that the relay writes. */
static void open_capture(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600), up = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, CAPTURE_FD_FROM);
	struct stat st;

	if (up < 0 || fstat(up, &st) < 0)
		fail("--pcap %s: %s", path, strerror(errno));
	close(fd);
	if (!S_ISREG(st.st_mode))
		fail("--pcap %s: it is no file but something else, which a capture is not written to", path);
	if (flock(up, LOCK_EX | LOCK_NB) < 0)
		fail("--pcap %s: another sandbox writes to it", path);
	if (ftruncate(up, 0) < 0)
		fail("--pcap %s: %s", path, strerror(errno));
	spec.pcap_fd = up;
}

void net_start(void)
{
	struct net_helper_args a = { .parent = getpid(), .low_ports = as_root && net_mode == NET_HOST };
	int ours;

	if (spec.pcap) {
		open_capture(spec.pcap);
		start_relay();
	}
	if (!net_granted())
		return;
	helper_pid = fork_with(&ours, &a.control);
	if (helper_pid == 0)
		net_helper_main(&a);
	net_helper_fd = ours;
}

/* Waits until what is published is bound: before the guest runs. */
void net_ready(void)
{
	static char data[NET_ANSWER_MAX] BIG_BSS;
	struct net_answer a;
	char text[NET_TEXT_MAX];
	int fd;

	while (net_helper_fd >= 0) {
		if (net_hear(&a, data, &fd, 0) <= 0)
			fail("the helper for the network did not start");
		if (a.index >= net_publish_count)
			break;
		if (a.err)
			fail("cannot publish port %u (-p): %s", net_published[a.index].host.port, strerror(a.err));
		net_published_fd[a.index] = fd;
		if (net_published[a.index].host.port == 0)
			net_published[a.index].host.port = a.name.port;
		log_line(DK_LOG_INFO, "net: %s port %u of the sandbox is %s of this host", net_published[a.index].proto == NET_TCP ? "tcp" : "udp",
		    net_published[a.index].guest, net_text(&a.name, text));
	}
	if (net_helper_fd >= 0)
		loop_add(net_helper_fd, LOOP_NET, 0);
	net_rules_log();
	if (spec.pcap && net_granted())
		log_line(DK_LOG_WARNING, "net: all that the sandbox sends and receives is relayed, and written to %s", spec.pcap);
	else if (spec.pcap)
		log_line(DK_LOG_WARNING, "net: %s stays empty: the sandbox has no network (--net)", spec.pcap);
}

bool net_has(pid_t pid)
{
	return pid > 0 && (pid == helper_pid || pid == relay_pid);
}

bool net_left(void)
{
	return helper_pid > 0 || relay_pid > 0;
}

void net_ended(pid_t pid)
{
	if (pid == helper_pid)
		helper_pid = 0;
	if (pid == relay_pid)
		relay_pid = 0;
	if (!relay_pid && net_relay_fd >= 0)
		net_broker_event();
	if (!helper_pid && net_helper_fd >= 0)
		net_event();
}

void net_end(void)
{
	if (net_helper_fd >= 0)
		close(net_helper_fd);
	net_helper_fd = -1;
	if (helper_pid > 0)
		kill(helper_pid, SIGKILL);
	net_broker_end();
}
