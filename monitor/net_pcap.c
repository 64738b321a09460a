/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_pcap.c - writes packets.
 *
 * One writev a packet, and nothing is kept back: whoever looks, or finds the file after a crash, has all but what is being
 * written.  A file that takes no more (the disk is full) is cut behind its last whole packet and left alone.
 *
 * Numbers of a connection begin with 0 on both sides.  A data segment acknowledges all that its sender has been sent so far; who
 * only listens says so every ACK_EVERY bytes, so that what is under way stays within the window that the SYNs tell.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "monitor/net.h"
#include "monitor/net_pcap.h"

#define LINKTYPE_RAW 101u
#define SNAPLEN      262144u
#define ACK_EVERY    131072u
#define WINDOW       65535u /* times 2^WINDOW_SCALE */
#define WINDOW_SCALE 7

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snaplen, link;
};
struct record_header {
	uint32_t s, us, have, len;
};
/* Record, IP and transport headers, one behind the other. */
struct head {
	uint8_t bytes[sizeof(struct record_header) + 40 + 20 + 8];
	size_t len; /* of IP and transport */
};

static int file = -1;
static uint64_t whole; /* bytes of whole packets */
void (*pcap_full)(int err);

static void give_up(int err)
{
	int fd = file;

	file = -1;
	while (ftruncate(fd, (off_t)whole) < 0 && errno == EINTR)
		;
	if (pcap_full)
		pcap_full(err);
}

static void write_packet(struct iovec *v, int count)
{
	size_t size = 0;
	ssize_t n;

	for (int i = 0; i < count; i++)
		size += v[i].iov_len;
	do
		n = writev(file, v, count);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)size)
		whole += size;
	else
		give_up(n < 0 ? errno : ENOSPC);
}

int pcap_begin(int fd)
{
	struct file_header h = { .magic = 0xa1b2c3d4, .major = 2, .minor = 4, .snaplen = SNAPLEN, .link = LINKTYPE_RAW };
	struct iovec v = { &h, sizeof h };
	ssize_t n = writev(fd, &v, 1);

	if (n != (ssize_t)sizeof h)
		return n < 0 ? errno : ENOSPC;
	whole = sizeof h;
	file = fd;
	return 0;
}

/* ---- headers ---- */

/* The sum that RFC 1071 has, not yet complemented; of an odd length only the last part may be. */
static uint64_t sum(uint64_t so_far, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t word;

	for (; len >= 4; len -= 4, p += 4) {
		memcpy(&word, p, 4);
		so_far += word;
	}
	word = 0;
	memcpy(&word, p, len);
	return so_far + word;
}

static uint16_t folded(uint64_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static void put16(uint8_t *at, uint32_t n)
{
	at[0] = (uint8_t)(n >> 8);
	at[1] = (uint8_t)n;
}

static void put32(uint8_t *at, uint32_t n)
{
	put16(at, n >> 16);
	put16(at + 2, n);
}

/* The sum of the pseudo header, which has the bytes of both addresses, the protocol and the length. */
static uint64_t pseudo(const uint8_t *addresses, size_t size, uint8_t proto, size_t len)
{
	uint8_t end[8] = { 0 };

	put32(end, (uint32_t)len);
	end[7] = proto;
	return sum(sum(0, addresses, size), end, sizeof end);
}

/* An IP header at at, for len bytes behind it: its size; *check begins the sum of the transport's. */
static size_t put_ip(uint8_t *at, const struct dk_inet *from, const struct dk_inet *to, uint8_t proto, size_t len, uint64_t *check)
{
	static uint16_t ident;

	memset(at, 0, 40);
	if (net_is_v4(from) && net_is_v4(to)) {
		at[0] = 0x45;
		put16(at + 2, (uint32_t)(20 + len));
		put16(at + 4, ident++);
		at[6] = 0x40; /* not to be cut up */
		at[8] = 64;
		at[9] = proto;
		memcpy(at + 12, from->addr + 12, 4);
		memcpy(at + 16, to->addr + 12, 4);
		memcpy(at + 10, &(uint16_t){ folded(sum(0, at, 20)) }, 2);
		*check = pseudo(at + 12, 8, proto, len);
		return 20;
	}
	at[0] = 0x60;
	put16(at + 4, (uint32_t)len);
	at[6] = proto;
	at[7] = 64;
	memcpy(at + 8, from->addr, 16);
	memcpy(at + 24, to->addr, 16);
	*check = pseudo(at + 8, 32, proto, len);
	return 40;
}

static void put_record(struct head *h, size_t data)
{
	struct record_header r = { .have = (uint32_t)(h->len + data), .len = (uint32_t)(h->len + data) };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	r.s = (uint32_t)now.tv_sec;
	r.us = (uint32_t)now.tv_nsec / 1000;
	memcpy(h->bytes, &r, sizeof r);
}

static void write_head(struct head *h, const void *data, size_t len)
{
	struct iovec v[2] = { { h->bytes, sizeof(struct record_header) + h->len }, { (void *)data, len } };

	put_record(h, len);
	write_packet(v, len ? 2 : 1);
}

/* ---- UDP ---- */

void pcap_udp(const struct dk_inet *from, const struct dk_inet *to, const void *data, size_t len)
{
	struct head h;
	uint8_t *ip = h.bytes + sizeof(struct record_header), *udp;
	uint64_t check;
	uint16_t c;

	if (file < 0 || len > 65535 - 8)
		return;
	udp = ip + put_ip(ip, from, to, IPPROTO_UDP, 8 + len, &check);
	put16(udp, from->port);
	put16(udp + 2, to->port);
	put16(udp + 4, (uint32_t)(8 + len));
	put16(udp + 6, 0);
	c = folded(sum(sum(check, udp, 8), data, len));
	memcpy(udp + 6, &(uint16_t){ c ? c : 0xffff }, 2);
	h.len = (size_t)(udp + 8 - ip);
	write_head(&h, data, len);
}

/* ---- TCP ---- */

static size_t put_options(uint8_t *at, bool v4)
{
	const uint8_t options[8] = { 2, 4, 0xff, v4 ? 0xd7 : 0xc3, 3, 3, WINDOW_SCALE, 1 }; /* segment size, window scale, nothing */

	memcpy(at, options, sizeof options);
	return sizeof options;
}

static void segment(struct pcap_tcp *c, enum pcap_side from, unsigned flags, const void *data, size_t len)
{
	const struct dk_inet *a = &c->name[from], *b = &c->name[!from];
	size_t size = 20 + (flags & SYN ? 8u : 0u);
	struct head h;
	uint8_t *ip = h.bytes + sizeof(struct record_header), *tcp;
	uint64_t check;

	if (flags & ACK)
		c->acked[from] = c->next[!from];
	if (file >= 0) {
		tcp = ip + put_ip(ip, a, b, IPPROTO_TCP, size + len, &check);
		memset(tcp, 0, 20);
		put16(tcp, a->port);
		put16(tcp + 2, b->port);
		put32(tcp + 4, c->next[from]);
		put32(tcp + 8, flags & ACK ? c->next[!from] : 0);
		tcp[12] = (uint8_t)(size / 4 << 4);
		tcp[13] = (uint8_t)flags;
		put16(tcp + 14, flags & RST ? 0 : WINDOW);
		put16(tcp + 18, flags & URG ? (uint32_t)len : 0);
		if (flags & SYN)
			put_options(tcp + 20, net_is_v4(a) && net_is_v4(b));
		memcpy(tcp + 16, &(uint16_t){ folded(sum(sum(check, tcp, size), data, len)) }, 2);
		h.len = (size_t)(tcp + size - ip);
		write_head(&h, data, len);
	}
	c->next[from] += (uint32_t)len + (flags & (SYN | FIN) ? 1 : 0);
}

void pcap_syn(struct pcap_tcp *c, enum pcap_side from)
{
	segment(c, from, SYN, NULL, 0);
}

void pcap_established(struct pcap_tcp *c, enum pcap_side asked)
{
	segment(c, (enum pcap_side)!asked, SYN | ACK, NULL, 0);
	segment(c, asked, ACK, NULL, 0);
}

void pcap_data(struct pcap_tcp *c, enum pcap_side from, const void *data, size_t len, bool urgent)
{
	segment(c, from, PSH | ACK | (urgent ? URG : 0), data, len);
	if (c->next[from] - c->acked[!from] >= ACK_EVERY)
		segment(c, (enum pcap_side)!from, ACK, NULL, 0);
}

void pcap_fin(struct pcap_tcp *c, enum pcap_side from)
{
	segment(c, from, FIN | ACK, NULL, 0);
	segment(c, (enum pcap_side)!from, ACK, NULL, 0);
}

void pcap_rst(struct pcap_tcp *c, enum pcap_side from)
{
	segment(c, from, RST | ACK, NULL, 0);
}
