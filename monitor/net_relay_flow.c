/* SPDX-License-Identifier: MIT */
/* monitor/net_relay_flow.c - what passes over a relayed connection, and its ends: both directions.  See net_relay.c. */
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "monitor/monitor.h"
#include "monitor/net_relay_flow.h"

#define TURN 16u /* pieces of one direction before others have their turn */

uint8_t *relay_piece;
uint64_t relay_moved;

bool relay_settle(struct relay *r)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;
	int err = 0;

	if (getpeername(r->sock, (struct sockaddr *)&peer, &len) < 0) {
		len = sizeof err;
		if (getsockopt(r->sock, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err != 0)
			relay_fails(r, err);
		return false;
	}
	r->connecting = false;
	pcap_established(&r->seen, PCAP_US);
	while (r->plug > 0) {
		ssize_t n = recv(r->end, relay_piece, r->plug < PIECE ? r->plug : PIECE, MSG_DONTWAIT);

		if (n <= 0)
			break;
		r->plug -= (uint32_t)n;
	}
	return true;
}

/* ---- out ---- */

static bool failed(struct relay *r)
{
	if (errno == EAGAIN || errno == EINTR)
		return false;
	relay_fails(r, errno);
	return true;
}

/* How much of it left; -1: the connection is over. */
static ssize_t put_out(struct relay *r, const uint8_t *data, size_t len)
{
	ssize_t n = send(r->sock, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return failed(r) ? -1 : 0;
	relay_moved++;
	pcap_data(&r->seen, PCAP_US, data, (size_t)n, false);
	return n;
}

/* What could not leave at once.  False: it did not now, either. */
static bool put_kept(struct relay *r)
{
	ssize_t n = put_out(r, r->kept + r->kept_at, r->kept_len);

	if (n < 0)
		return false;
	r->kept_at += (uint32_t)n;
	r->kept_len -= (uint32_t)n;
	if (r->kept_len > 0)
		return false;
	free(r->kept);
	r->kept = NULL;
	return true;
}

static bool keep(struct relay *r, const uint8_t *data, size_t len)
{
	r->kept = malloc(PIECE);
	if (!r->kept) {
		relay_fails(r, ENOMEM);
		return false;
	}
	memcpy(r->kept, data, len);
	r->kept_at = 0;
	r->kept_len = (uint32_t)len;
	return true;
}

/* The byte that a mark is at, if what comes next is that.  False: it is not. */
static bool pass_urgent(struct relay *r, int from, int to, enum pcap_side side)
{
	int mark = 0;
	char byte;

	if (ioctl(from, SIOCATMARK, &mark) < 0 || !mark || recv(from, &byte, 1, MSG_OOB | MSG_DONTWAIT) != 1)
		return false;
	(void)send(to, &byte, 1, MSG_OOB | MSG_DONTWAIT | MSG_NOSIGNAL);
	pcap_data(&r->seen, side, &byte, 1, true);
	return true;
}

/* The sandbox has written all that it will, and it has left. */
static void end_out(struct relay *r)
{
	if (r->sent_fin || !r->ending)
		return;
	r->sent_fin = true;
	shutdown(r->sock, SHUT_WR);
	pcap_fin(&r->seen, PCAP_US);
}

bool relay_out(struct relay *r)
{
	for (unsigned turn = 0; turn < TURN && !r->gone && !r->sent_fin; turn++) {
		ssize_t n, left;
		int there = 0;

		if (r->kept && !put_kept(r))
			return true;
		/* What comes next is there, or nothing is: a read does not run over a mark then. */
		(void)ioctl(r->end, FIONREAD, &there);
		if (pass_urgent(r, r->end, r->sock, PCAP_US))
			continue;
		if (there == 0) {
			end_out(r);
			return true;
		}
		n = recv(r->end, relay_piece, PIECE, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			end_out(r);
			return true;
		}
		left = put_out(r, relay_piece, (size_t)n);
		if (left < 0 || (left < n && !keep(r, relay_piece + left, (size_t)(n - left))))
			return true;
	}
	return r->gone || r->sent_fin;
}

/* ---- in ---- */

static void end_in(struct relay *r)
{
	r->got_fin = true;
	pcap_fin(&r->seen, PCAP_PEER);
	shutdown(r->end, SHUT_WR);
}

/* How much of it the sandbox's end has taken. */
static ssize_t put_in(struct relay *r, size_t len)
{
	ssize_t n;

	if (r->deaf)
		return (ssize_t)len;
	do
		n = send(r->end, relay_piece, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0 || errno == EAGAIN)
		return n >= 0 ? n : 0;
	r->deaf = true; /* the sandbox has shut that side */
	return (ssize_t)len;
}

bool relay_in(struct relay *r)
{
	for (unsigned turn = 0; turn < TURN && !r->gone && !r->got_fin; turn++) {
		ssize_t n, taken;
		int err;

		n = recv(r->sock, relay_piece, PIECE, MSG_DONTWAIT | MSG_PEEK);
		err = errno;
		if ((n < 0 && err == EINTR) || (n != 0 && pass_urgent(r, r->sock, r->end, PCAP_PEER)))
			continue;
		errno = err;
		if (n < 0) {
			(void)failed(r);
			return true;
		}
		if (n == 0) {
			end_in(r);
			return true;
		}
		if (r->closed) {
			relay_break_off(r); /* as TCP does with what comes for nobody */
			return true;
		}
		taken = put_in(r, (size_t)n);
		if (taken == 0)
			return true;
		relay_moved++;
		while (recv(r->sock, NULL, (size_t)taken, MSG_DONTWAIT | MSG_TRUNC) < 0 && errno == EINTR)
			;
		pcap_data(&r->seen, PCAP_PEER, relay_piece, (size_t)taken, false);
		if (taken < n)
			return true;
	}
	return r->gone || r->got_fin;
}
