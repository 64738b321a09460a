/* SPDX-License-Identifier: MIT */
/* covers: UDP: datagrams of several sends (MSG_MORE, UDP_CORK) and several in one (UDP_SEGMENT, UDP_GRO), multicast groups on lo; IPV6_ADDRFORM */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#define UDP_GRO 104
#endif
#define UDP_CORK 1

static void res(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : "ok");
}

static struct sockaddr_in at(const char *ip, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, ip, &a.sin_addr);
	return a;
}

static int bound(const char *ip, int port, struct sockaddr_in *a)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
	socklen_t l = sizeof *a;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	*a = at(ip, port);
	if (bind(s, (void *)a, sizeof *a) || getsockname(s, (void *)a, &l))
		perror("bind");
	return s;
}

/* What comes within a moment. */
static void got(const char *who, int s)
{
	struct pollfd p = { s, POLLIN };
	char buf[65536], control[64];
	struct iovec v = { buf, sizeof buf };

	printf("%s:", who);
	while (poll(&p, 1, 50) == 1) {
		struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
		long n = recvmsg(s, &m, 0);

		printf(" %ld", n);
		if (n > 0 && n < 20)
			printf("=%.*s", (int)n, buf);
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
			if (c->cmsg_level == IPPROTO_UDP)
				printf(" (%d each)", *(int *)CMSG_DATA(c));
	}
	printf("\n");
}

static void corked(void)
{
	struct sockaddr_in a, b;
	int r = bound("127.0.0.1", 0, &a), other = bound("127.0.0.1", 0, &b), s = socket(AF_INET, SOCK_DGRAM, 0), one = 1, zero = 0;
	static char big[40000];

	res("more", sendto(s, "ab", 2, MSG_MORE, (void *)&a, sizeof a));
	got("nothing yet", r);
	res("elsewhere", sendto(s, "cd", 2, 0, (void *)&b, sizeof b));
	got("all", r);
	got("nothing", other);
	connect(s, (void *)&a, sizeof a);
	setsockopt(s, IPPROTO_UDP, UDP_CORK, &one, sizeof one);
	send(s, "1", 1, 0), send(s, "", 0, 0), send(s, "2", 1, 0);
	got("corked", r);
	setsockopt(s, IPPROTO_UDP, UDP_CORK, &zero, sizeof zero);
	got("drawn", r);
	res("half", send(s, big, sizeof big, MSG_MORE));
	res("too much", send(s, big, sizeof big, MSG_MORE));
	res("then", send(s, "x", 1, 0));
	got("end", r);
	close(r), close(s), close(other);
}

static void segments(void)
{
	struct sockaddr_in a;
	int r = bound("127.0.0.1", 0, &a), s = socket(AF_INET, SOCK_DGRAM, 0), n = 1000, one = 1;
	static char big[60000];
	char control[CMSG_SPACE(2)] = { 0 };
	struct iovec v = { big, 2500 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	connect(s, (void *)&a, sizeof a);
	res("option", setsockopt(s, IPPROTO_UDP, UDP_SEGMENT, &n, sizeof n));
	res("send", send(s, big, 3500, 0));
	got("split", r);
	send(s, big, 700, 0);
	got("one", r);
	n = 400;
	setsockopt(s, IPPROTO_UDP, UDP_SEGMENT, &n, sizeof n);
	res("too many", send(s, big, 60000, 0));
	n = 0;
	setsockopt(s, IPPROTO_UDP, UDP_SEGMENT, &n, sizeof n);
	c->cmsg_level = IPPROTO_UDP, c->cmsg_type = UDP_SEGMENT, c->cmsg_len = CMSG_LEN(2);
	*(unsigned short *)CMSG_DATA(c) = 1200;
	res("message's own", sendmsg(s, &m, 0));
	got("split", r);
	res("whole", setsockopt(r, IPPROTO_UDP, UDP_GRO, &one, sizeof one));
	sendmsg(s, &m, 0);
	got("joined", r);
	close(r), close(s);
}

static void groups(void)
{
	struct sockaddr_in a, to;
	int r1 = bound("0.0.0.0", 0, &a), r2, r3, s = socket(AF_INET, SOCK_DGRAM, 0), port = ntohs(a.sin_port), zero = 0;
	struct ip_mreqn lo = { .imr_ifindex = 1 };
	struct { struct in_addr group, iface, source; } from;
	struct in_addr iface;
	socklen_t len = sizeof iface;

	r2 = bound("239.1.2.3", port, &to), r3 = bound("0.0.0.0", port, &a);
	inet_pton(AF_INET, "239.1.2.3", &lo.imr_multiaddr);
	res("join", setsockopt(r1, IPPROTO_IP, IP_ADD_MEMBERSHIP, &lo, sizeof lo));
	res("twice", setsockopt(r1, IPPROTO_IP, IP_ADD_MEMBERSHIP, &lo, sizeof lo));
	res("not all", setsockopt(r3, IPPROTO_IP, IP_MULTICAST_ALL, &zero, sizeof zero));
	iface.s_addr = htonl(INADDR_LOOPBACK);
	res("by lo", setsockopt(s, IPPROTO_IP, IP_MULTICAST_IF, &iface, sizeof iface));
	getsockopt(s, IPPROTO_IP, IP_MULTICAST_IF, &iface, &len);
	printf("it is %s\n", inet_ntoa(iface));
	res("send", sendto(s, "hello", 5, 0, (void *)&to, sizeof to));
	got("member", r1), got("bound to it", r2), got("member only", r3);
	res("leave", setsockopt(r1, IPPROTO_IP, IP_DROP_MEMBERSHIP, &lo, sizeof lo));
	res("again", setsockopt(r1, IPPROTO_IP, IP_DROP_MEMBERSHIP, &lo, sizeof lo));
	sendto(s, "nobody", 6, 0, (void *)&to, sizeof to);
	got("left", r1), got("bound to it", r2);
	from.group = lo.imr_multiaddr, from.iface.s_addr = htonl(INADDR_LOOPBACK);
	inet_pton(AF_INET, "127.0.0.1", &from.source);
	res("from one", setsockopt(r3, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &from, sizeof from));
	sendto(s, "yes", 3, 0, (void *)&to, sizeof to);
	got("source", r3);
	inet_pton(AF_INET, "127.0.0.9", &from.source);
	res("and one", setsockopt(r3, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &from, sizeof from));
	inet_pton(AF_INET, "127.0.0.1", &from.source);
	res("not that", setsockopt(r3, IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, &from, sizeof from));
	sendto(s, "no", 2, 0, (void *)&to, sizeof to);
	got("source", r3);
	lo.imr_multiaddr.s_addr = htonl(INADDR_LOOPBACK);
	res("no group", setsockopt(r1, IPPROTO_IP, IP_ADD_MEMBERSHIP, &lo, sizeof lo));
	lo.imr_multiaddr = from.group, lo.imr_ifindex = 4711;
	res("no interface", setsockopt(r1, IPPROTO_IP, IP_ADD_MEMBERSHIP, &lo, sizeof lo));
	close(r1), close(r2), close(r3), close(s);
}

static void groups6(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };
	int r = socket(AF_INET6, SOCK_DGRAM, 0), s = socket(AF_INET6, SOCK_DGRAM, 0), one = 1;
	socklen_t len = sizeof a;
	struct ipv6_mreq m = { .ipv6mr_interface = 1 };

	bind(r, (void *)&a, sizeof a);
	getsockname(r, (void *)&a, &len);
	inet_pton(AF_INET6, "ff02::1234", &m.ipv6mr_multiaddr);
	res("join", setsockopt(r, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &m, sizeof m));
	res("by lo", setsockopt(s, IPPROTO_IPV6, IPV6_MULTICAST_IF, &one, sizeof one));
	res("leave", setsockopt(r, IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP, &m, sizeof m));
	res("again", setsockopt(r, IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP, &m, sizeof m));
	close(r), close(s);
}

static void form(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };
	struct sockaddr_in to, name;
	int l = socket(AF_INET6, SOCK_STREAM, 0), s = socket(AF_INET, SOCK_STREAM, 0), c, v = AF_INET, dom;
	socklen_t len = sizeof a;

	bind(l, (void *)&a, sizeof a), listen(l, 1), getsockname(l, (void *)&a, &len);
	to = at("127.0.0.1", ntohs(a.sin6_port));
	connect(s, (void *)&to, sizeof to);
	c = accept(l, NULL, NULL);
	res("form", setsockopt(c, IPPROTO_IPV6, IPV6_ADDRFORM, &v, sizeof v));
	len = sizeof dom, getsockopt(c, SOL_SOCKET, SO_DOMAIN, &dom, &len);
	len = sizeof name, getpeername(c, (void *)&name, &len);
	printf("domain %d peer %s %d\n", dom, inet_ntoa(name.sin_addr), (int)len);
	res("unconnected", setsockopt(l, IPPROTO_IPV6, IPV6_ADDRFORM, &v, sizeof v));
	len = (socklen_t)-1;
	send(s, "x", 1, 0);
	res("negative length", recvfrom(c, &v, 1, 0, (void *)&name, &len));
	close(l), close(s), close(c);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	corked();
	segments();
	groups();
	groups6();
	form();
	return 0;
}
