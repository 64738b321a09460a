/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/tty_out.c - the line discipline towards the master: output processing
 * (OPOST) and echo.
 *
 * The cursor's column is followed, as tabs and erasing need it.  Echo that finds
 * the ring full is dropped: whoever types does not read.
 */
#include "linux/fs/tty.h"

#define OFLAG(tty, f) ((tty)->tio.c_oflag & (f))
#define LFLAG(tty, f) ((tty)->tio.c_lflag & (f))

static bool is_continuation(const struct tty *tty, uint8_t c)
{
	return tty->tio.c_iflag & IUTF8 && (c & 0xc0) == 0x80;
}

static bool is_control(uint8_t c)
{
	return c < 32 || c == 127;
}

/* As Linux, which takes Latin 1 for letters. */
static uint8_t upper(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 0xe0 && c <= 0xfe && c != 0xf7) ? (uint8_t)(c - 32) : c;
}

static void out_newline(struct tty *tty)
{
	if (OFLAG(tty, ONLRET))
		tty->column = 0;
	if (OFLAG(tty, ONLCR)) {
		tty->column = 0;
		ring_put(&tty->out, '\r');
	}
	tty->canon_column = tty->column;
	ring_put(&tty->out, '\n');
}

static void out_return(struct tty *tty)
{
	if (OFLAG(tty, ONOCR) && tty->column == 0)
		return;
	if (OFLAG(tty, OCRNL)) {
		if (OFLAG(tty, ONLRET))
			tty->canon_column = tty->column = 0;
		ring_put(&tty->out, '\n');
		return;
	}
	tty->canon_column = tty->column = 0;
	ring_put(&tty->out, '\r');
}

static void out_tab(struct tty *tty)
{
	uint32_t spaces = 8 - (tty->column & 7);

	tty->column += spaces;
	if (OFLAG(tty, TABDLY) != XTABS) {
		ring_put(&tty->out, '\t');
		return;
	}
	while (spaces--)
		ring_put(&tty->out, ' ');
}

void tty_output(struct tty *tty, uint8_t c)
{
	if (!OFLAG(tty, OPOST)) {
		ring_put(&tty->out, c);
		return;
	}
	switch (c) {
	case '\n':
		out_newline(tty);
		return;
	case '\r':
		out_return(tty);
		return;
	case '\t':
		out_tab(tty);
		return;
	case '\b':
		if (tty->column > 0)
			tty->column--;
		break;
	default:
		if (is_control(c))
			break;
		if (OFLAG(tty, OLCUC))
			c = upper(c);
		if (!is_continuation(tty, c))
			tty->column++;
	}
	ring_put(&tty->out, c);
}

void tty_echo_raw(struct tty *tty, uint8_t c)
{
	if (ring_room(&tty->out) >= 8)
		tty_output(tty, c);
}

void tty_echo(struct tty *tty, uint8_t c)
{
	if (ring_room(&tty->out) < 8)
		return;
	if (LFLAG(tty, ECHOCTL) && is_control(c) && c != '\t') {
		ring_put(&tty->out, '^');
		ring_put(&tty->out, c ^ 0100);
		tty->column += 2;
	} else {
		tty_output(tty, c);
	}
}

void tty_packet_event(struct tty *tty, uint32_t bits)
{
	if (!tty->packet)
		return;
	tty->packet_status |= bits;
	(void)waitq_wake(&tty->master_wq, UINT32_MAX, EPOLLIN | EPOLLPRI | EPOLLRDNORM);
}

/* In Linux output is with the master at once, and flushing comes too late for it. */
void tty_flush_out(struct tty *tty)
{
	tty_packet_event(tty, TIOCPKT_FLUSHWRITE);
	(void)waitq_wake(&tty->slave_wq, UINT32_MAX, EPOLLOUT | EPOLLWRNORM);
}

void tty_set_stopped(struct tty *tty, bool stop)
{
	if (tty->stopped == stop)
		return;
	tty->stopped = stop;
	tty->packet_status &= stop ? ~(uint32_t)TIOCPKT_START : ~(uint32_t)TIOCPKT_STOP;
	tty_packet_event(tty, stop ? TIOCPKT_STOP : TIOCPKT_START);
	if (!stop)
		(void)waitq_wake(&tty->slave_wq, UINT32_MAX, EPOLLOUT | EPOLLWRNORM);
}

/* IXON with the usual characters: then the master's side may do flow control itself. */
static bool usual_flow(const struct termios2 *tio)
{
	return tio->c_iflag & IXON && tio->c_cc[VSTOP] == 19 && tio->c_cc[VSTART] == 17;
}

static void tell_packet(struct tty *tty, const struct termios2 *old)
{
	if ((old->c_lflag ^ tty->tio.c_lflag) & EXTPROC)
		tty_packet_event(tty, TIOCPKT_IOCTL);
	if (usual_flow(old) == usual_flow(&tty->tio))
		return;
	tty->packet_status &= ~(uint32_t)(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP);
	tty_packet_event(tty, usual_flow(&tty->tio) ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP);
}

/*
 * What was typed before a switch between canonical and raw stays readable: from
 * raw, it counts as a line; to raw, marks mean nothing any more.
 */
static void switch_canonical(struct tty *tty)
{
	for (uint32_t i = 0; i < TTY_RING / 64; i++)
		tty->mark[i] = 0;
	tty->canon = tty->in.tail;
	if (LFLAG(tty, ICANON) && ring_count(&tty->in)) {
		uint32_t last = (tty->in.head - 1) % TTY_RING;

		tty->mark[last / 64] |= 1ull << last % 64;
		tty->canon = tty->in.head;
	}
	tty->erasing = tty->lnext = 0;
}

void tty_termios_changed(struct tty *tty, const struct termios2 *old)
{
	if ((old->c_lflag ^ tty->tio.c_lflag) & (ICANON | EXTPROC))
		switch_canonical(tty);
	if (!(tty->tio.c_iflag & IXON) && old->c_iflag & IXON)
		tty_set_stopped(tty, false);
	tell_packet(tty, old);
	waitq_wake_all(&tty->slave_wq);
	waitq_wake_all(&tty->master_wq);
}
