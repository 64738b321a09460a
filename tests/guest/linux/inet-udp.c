/* SPDX-License-Identifier: MIT */
/* covers: UDP within the sandbox: names, connect, errors, truncation, shared ports, control messages; netlink's and ioctls' view of lo */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

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

static int bound(struct sockaddr_in *a, const char *ip)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t l = sizeof *a;

	*a = at(ip, 0);
	if (bind(s, (void *)a, sizeof *a) || getsockname(s, (void *)a, &l))
		perror("bound");
	return s;
}

static void datagrams(void)
{
	struct sockaddr_in a, from, none = at("127.0.0.1", 0);
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	socklen_t l = sizeof from;
	int r = bound(&a, "127.0.0.1"), s = socket(AF_INET, SOCK_DGRAM, 0);
	char buf[64], text[32];

	res("no destination", send(s, "x", 1, 0));
	res("port 0", sendto(s, "x", 1, 0, (void *)&none, sizeof none));
	res("too long", sendto(s, buf, 1 << 20, 0, (void *)&a, sizeof a));
	res("sendto", sendto(s, "hello world", 11, 0, (void *)&a, sizeof a));
	res("recv", recvfrom(r, buf, 5, MSG_TRUNC, (void *)&from, &l));
	printf("from %s len %u\n", inet_ntop(AF_INET, &from.sin_addr, text, sizeof text), l);
	res("empty", sendto(s, "", 0, 0, (void *)&a, sizeof a));
	res("recv empty", recv(r, buf, sizeof buf, 0));
	res("recv none", recv(r, buf, sizeof buf, MSG_DONTWAIT));
	res("connect", connect(s, (void *)&a, sizeof a));
	l = sizeof from;
	getsockname(s, (void *)&from, &l);
	printf("called %s\n", inet_ntop(AF_INET, &from.sin_addr, text, sizeof text));
	res("send", send(s, "abc", 3, 0));
	res("recv", recv(r, buf, sizeof buf, 0));
	res("connect back elsewhere", connect(r, (void *)&(struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, sizeof a));
	res("send", send(s, "not for it", 10, 0));
	usleep(10000);
	res("filtered", recv(r, buf, sizeof buf, MSG_DONTWAIT));
	close(r);
	close(s);
	s = bound(&from, "127.0.0.1");
	connect(s, (void *)&a, sizeof a);
	res("nobody there", send(s, "x", 1, 0));
	usleep(10000);
	res("next", send(s, "x", 1, 0));
	usleep(10000);
	res("recv", recv(s, buf, 1, MSG_DONTWAIT));
	res("disconnect", connect(s, &unspec, sizeof unspec));
	res("no peer", send(s, "x", 1, 0));
	close(s);
}

static void shared(void)
{
	struct sockaddr_in a;
	int one = 1, s[3], got = 0, c = socket(AF_INET, SOCK_DGRAM, 0);
	char b;

	s[0] = socket(AF_INET, SOCK_DGRAM, 0);
	s[1] = socket(AF_INET, SOCK_DGRAM, 0);
	s[2] = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(s[0], SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	setsockopt(s[1], SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	a = at("127.0.0.1", 0);
	res("first", bind(s[0], (void *)&a, sizeof a));
	getsockname(s[0], (void *)&a, &(socklen_t){ sizeof a });
	res("second", bind(s[1], (void *)&a, sizeof a));
	res("third", bind(s[2], (void *)&a, sizeof a));
	for (int i = 0; i < 20; i++)
		sendto(c, "x", 1, 0, (void *)&a, sizeof a);
	usleep(10000);
	for (int i = 0; i < 2; i++)
		while (recv(s[i], &b, 1, MSG_DONTWAIT) == 1)
			got++;
	printf("all arrived: %d\n", got);
	close(c);
	for (int i = 0; i < 3; i++)
		close(s[i]);
}

static void control(void)
{
	struct sockaddr_in a;
	int r = bound(&a, "0.0.0.0"), s = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
	char data[16], space[256] __attribute__((aligned(8)));
	struct iovec v = { data, sizeof data };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };

	setsockopt(r, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
	setsockopt(r, IPPROTO_IP, IP_RECVTTL, &one, sizeof one);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 4);
	res("send", sendto(s, "data", 4, 0, (void *)&a, sizeof a));
	res("recvmsg", recvmsg(r, &h, 0));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
		printf("cmsg %d %d len %zu", c->cmsg_level, c->cmsg_type, c->cmsg_len);
		if (c->cmsg_type == IP_PKTINFO)
			printf(" to %s", inet_ntoa(((struct in_pktinfo *)CMSG_DATA(c))->ipi_addr));
		printf("\n");
	}
	close(r);
	close(s);
}

static void interfaces(void)
{
	struct { struct nlmsghdr h; struct ifaddrmsg a; } q = { { sizeof q, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 7, 0 }, { .ifa_family = AF_INET } };
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK };
	struct ifreq r = { .ifr_name = "lo" };
	char buf[8192] __attribute__((aligned(4)));
	int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), u = socket(AF_UNIX, SOCK_DGRAM, 0), found = 0, over = 0;

	res("flags", ioctl(u, SIOCGIFFLAGS, &r));
	printf("up %d loopback %d\n", !!(r.ifr_flags & IFF_UP), !!(r.ifr_flags & IFF_LOOPBACK));
	res("index", if_nametoindex("lo"));
	res("none such", if_nametoindex("nosuch0"));
	res("bind", bind(s, (void *)&nl, sizeof nl));
	res("dump", send(s, &q, sizeof q, 0));
	while (!over) {
		int n = (int)recv(s, buf, sizeof buf, 0);

		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned)n); h = NLMSG_NEXT(h, n)) {
			struct ifaddrmsg *a = NLMSG_DATA(h);

			over = h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR;
			if (h->nlmsg_type == RTM_NEWADDR && a->ifa_index == 1)
				found = a->ifa_prefixlen;
			if (h->nlmsg_seq != 7)
				printf("seq %u\n", h->nlmsg_seq);
		}
	}
	printf("lo has a prefix of %d bits\n", found);
	q.h.nlmsg_type = 9999;
	q.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	send(s, &q, sizeof q, 0);
	recv(s, buf, sizeof buf, 0);
	printf("unknown: %d %d\n", ((struct nlmsghdr *)buf)->nlmsg_type, ((struct nlmsgerr *)NLMSG_DATA(buf))->error);
	/* Lengths that lie: the rounded one is longer than the message, or there is no whole header. */
	q.h.nlmsg_len = 17;
	res("odd length", send(s, &q, 17, 0));
	q.h.nlmsg_len = 4000;
	res("longer than sent", send(s, &q, sizeof q, 0));
	q.h.nlmsg_len = 3;
	res("shorter than a header", send(s, &q, sizeof q, 0));
	while (recv(s, buf, sizeof buf, MSG_DONTWAIT) > 0)
		printf("answer %d\n", ((struct nlmsgerr *)NLMSG_DATA(buf))->error);
	close(s);
	close(u);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	datagrams();
	shared();
	control();
	interfaces();
	return 0;
}
