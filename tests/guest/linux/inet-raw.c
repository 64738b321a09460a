/* SPDX-License-Identifier: MIT */
/* covers: raw sockets: ICMP echo to lo, own IP headers, another protocol, filters; without privilege EPERM */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void res(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : "ok");
}

static struct sockaddr_in lo = { .sin_family = AF_INET };

static unsigned short sum(const void *data, int n)
{
	const unsigned short *w = data;
	unsigned s = 0;

	for (; n > 1; n -= 2)
		s += *w++;
	s = (s & 0xffff) + (s >> 16);
	return (unsigned short)~(s + (s >> 16));
}

/* Echo messages of this id that come within a moment. */
static void got(int s, int id)
{
	struct pollfd p = { s, POLLIN };
	unsigned char b[2000];

	while (poll(&p, 1, 100) == 1) {
		long n = recv(s, b, sizeof b, 0);
		struct iphdr *ip = (void *)b;
		struct icmphdr *i = (void *)(b + 20);

		if (n >= 28 && ip->protocol == IPPROTO_ICMP && i->un.echo.id == htons(id))
			printf(" %ld bytes type %d seq %d sums %d %d ttl %d", n, i->type, ntohs(i->un.echo.sequence), sum(b, 20), sum(i, (int)n - 20), ip->ttl);
	}
	printf("\n");
}

static void echo(int s, int id, const char *what)
{
	struct { struct icmphdr h; char data[12]; } m = { { .type = ICMP_ECHO }, "hello world" };

	m.h.un.echo.id = htons(id);
	m.h.un.echo.sequence = htons(7);
	m.h.checksum = sum(&m, sizeof m);
	res(what, sendto(s, &m, sizeof m, 0, (void *)&lo, sizeof lo));
}

static void with_header(void)
{
	int s = socket(AF_INET, SOCK_RAW, IPPROTO_RAW), r = socket(AF_INET, SOCK_RAW, 253);
	struct { struct iphdr ip; char data[4]; } m = { { .version = 4, .ihl = 5, .ttl = 9, .protocol = 253 }, "abc" };
	unsigned char b[100];
	struct iphdr *ip = (void *)b;

	m.ip.daddr = lo.sin_addr.s_addr;
	res("own header", sendto(s, &m, sizeof m, 0, (void *)&lo, sizeof lo));
	res("its protocol", recv(r, b, sizeof b, 0));
	printf("%s ttl %d length %d from %s\n", b + 20, ip->ttl, ntohs(ip->tot_len), inet_ntoa(*(struct in_addr *)&ip->saddr));
	res("short", sendto(s, &m, 10, 0, (void *)&lo, sizeof lo));
	close(s), close(r);
}

static void six(void)
{
	int s = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct { struct icmp6_hdr h; char data[8]; } m = { { .icmp6_type = ICMP6_ECHO_REQUEST }, "sixsix" };
	struct icmp6_filter f;
	struct pollfd p = { s, POLLIN };

	ICMP6_FILTER_SETBLOCKALL(&f);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &f);
	res("filter", setsockopt(s, IPPROTO_ICMPV6, ICMP6_FILTER, &f, sizeof f));
	m.h.icmp6_id = htons(getpid());
	res("send", sendto(s, &m, sizeof m, 0, (void *)&a, sizeof a));
	while (poll(&p, 1, 100) == 1) {
		struct icmp6_hdr *h = (void *)&m;
		long n = recv(s, &m, sizeof m, 0);

		if (h->icmp6_id == htons(getpid()))
			printf("%ld bytes type %d %s\n", n, h->icmp6_type, m.data);
	}
	close(s);
}

int main(void)
{
	int s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), id = getpid() & 0xffff;
	struct icmp_filter { unsigned bits; } f = { ~(1u << ICMP_ECHOREPLY) };

	lo.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (s < 0) {
		perror("socket");
		return errno == EPERM ? 0 : 1;
	}
	res("no protocol", socket(AF_INET, SOCK_RAW, 0));
	echo(s, id, "echo");
	got(s, id);
	setsockopt(s, 255, 1, &f, sizeof f);
	echo(s, id, "replies only");
	got(s, id);
	res("connect", connect(s, (void *)&lo, sizeof lo));
	res("send", send(s, "12345678", 8, 0));
	with_header();
	six();
	close(s);
	return 0;
}
