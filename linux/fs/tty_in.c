/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/tty_in.c - the line discipline from the master: what typed bytes do.
 *
 * Bytes go into tty->in as they come.  In canonical mode a reader sees only what
 * lies before tty->canon, and takes one line at most; a mark at a byte says that
 * a line ends with it.  An end of file is a marked NUL, which readers drop.
 * Editing changes only what lies behind tty->canon.
 */
#include "linux/fs/tty.h"

#include "linux/sig/sig.h"
#include "rt/mem.h"

#define IFLAG(tty, f) ((tty)->tio.c_iflag & (f))
#define LFLAG(tty, f) ((tty)->tio.c_lflag & (f))

static bool is_continuation(const struct tty *tty, uint8_t c)
{
	return IFLAG(tty, IUTF8) && (c & 0xc0) == 0x80;
}

static bool is_control(uint8_t c)
{
	return c < 32 || c == 127;
}

/* Linux takes Latin 1 for letters, whatever the terminal's character set is. */
static bool is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}

static uint8_t lower(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ? (uint8_t)(c + 32) : c;
}

static bool marked(const struct tty *tty, uint32_t i)
{
	return tty->mark[i % TTY_RING / 64] >> i % 64 & 1;
}

static void set_mark(struct tty *tty, uint32_t i, bool on)
{
	uint64_t bit = 1ull << i % 64;

	if (on)
		tty->mark[i % TTY_RING / 64] |= bit;
	else
		tty->mark[i % TTY_RING / 64] &= ~bit;
}

static void wake_readers(struct tty *tty)
{
	(void)waitq_wake(&tty->slave_wq, UINT32_MAX, EPOLLIN | EPOLLRDNORM);
}

/* A line that is too long loses its last byte, so that a newline always fits. */
static void put_in(struct tty *tty, uint8_t c)
{
	if (LFLAG(tty, ICANON) && tty->in.head - tty->canon >= TTY_LINE_MAX)
		tty->in.head--;
	set_mark(tty, tty->in.head, false);
	ring_put(&tty->in, c);
	if (!LFLAG(tty, ICANON))
		wake_readers(tty);
}

static void put_parity(struct tty *tty, uint8_t c)
{
	if (c == 0xff && IFLAG(tty, PARMRK))
		put_in(tty, c);
	put_in(tty, c);
}

bool tty_can_receive(const struct tty *tty)
{
	if (ring_room(&tty->in) >= 4)
		return true;
	return LFLAG(tty, ICANON) && tty->canon == tty->in.tail;
}

void tty_flush_in(struct tty *tty)
{
	tty->in.tail = tty->canon = tty->in.head;
	tty->lnext = tty->erasing = 0;
	tty_packet_event(tty, TIOCPKT_FLUSHREAD);
	(void)waitq_wake(&tty->master_wq, UINT32_MAX, EPOLLOUT | EPOLLWRNORM);
}

/* ---- Erasing ---- */

static void finish_erasing(struct tty *tty)
{
	if (tty->erasing) {
		tty_echo_raw(tty, '/');
		tty->erasing = 0;
	}
}

static void echo_text(struct tty *tty, const char *s)
{
	while (*s)
		tty_echo_raw(tty, (uint8_t)*s++);
}

/* Back over a tab: columns used in the line since the tab before, or since its start. */
static void erase_tab(struct tty *tty)
{
	uint32_t chars = 0, i = tty->in.head, back;
	bool after_tab = false;

	while (i != tty->canon && !after_tab) {
		uint8_t c = ring_at(&tty->in, --i);

		if (c == '\t')
			after_tab = true;
		else if (is_control(c))
			chars += LFLAG(tty, ECHOCTL) ? 2 : 0;
		else if (!is_continuation(tty, c))
			chars++;
	}
	if (!after_tab)
		chars += tty->canon_column;
	for (back = 8 - (chars & 7); back > 0; back--)
		tty_echo_raw(tty, '\b');
}

static void echo_erased(struct tty *tty, uint8_t c, uint32_t n, bool erase_key)
{
	if (LFLAG(tty, ECHOPRT)) {
		if (!tty->erasing) {
			tty_echo_raw(tty, '\\');
			tty->erasing = 1;
		}
		tty_echo(tty, c);
		for (uint32_t i = 1; i < n; i++)
			tty_echo_raw(tty, ring_at(&tty->in, tty->in.head + i));
	} else if (erase_key && !LFLAG(tty, ECHOE)) {
		tty_echo(tty, tty->tio.c_cc[VERASE]);
	} else if (c == '\t') {
		erase_tab(tty);
	} else {
		if (is_control(c) && LFLAG(tty, ECHOCTL))
			echo_text(tty, "\b \b");
		if (!is_control(c) || LFLAG(tty, ECHOCTL))
			echo_text(tty, "\b \b");
	}
}

/* ^U on a terminal that does not show erasing. */
static bool kill_plainly(struct tty *tty)
{
	if (!LFLAG(tty, ECHO)) {
		tty->in.head = tty->canon;
		return true;
	}
	if (LFLAG(tty, ECHOK) && LFLAG(tty, ECHOKE) && LFLAG(tty, ECHOE))
		return false;
	tty->in.head = tty->canon;
	finish_erasing(tty);
	tty_echo(tty, tty->tio.c_cc[VKILL]);
	if (LFLAG(tty, ECHOK))
		tty_echo_raw(tty, '\n');
	return true;
}

static void erase(struct tty *tty, unsigned key)
{
	bool seen_word = false;

	if (tty->in.head == tty->canon || (key == VKILL && kill_plainly(tty)))
		return;
	while (tty->in.head != tty->canon) {
		uint32_t head = tty->in.head;
		uint8_t c;

		do
			c = ring_at(&tty->in, --head);
		while (is_continuation(tty, c) && head != tty->canon);
		if (is_continuation(tty, c))
			break; /* half a character */
		if (key == VWERASE) {
			if (is_word(c))
				seen_word = true;
			else if (seen_word)
				break;
		}
		uint32_t n = tty->in.head - head;

		tty->in.head = head;
		if (LFLAG(tty, ECHO))
			echo_erased(tty, c, n, key == VERASE);
		if (key == VERASE)
			break;
	}
	if (tty->in.head == tty->canon && LFLAG(tty, ECHO))
		finish_erasing(tty);
}

/* ---- Keys ---- */

/* Echo of the write that has the key in it goes with the flush, as if it had not been made. */
static void drop_echo(struct tty *tty)
{
	if (tty->out.head - tty->batch_out <= ring_count(&tty->out)) {
		tty->out.head = tty->batch_out;
		tty->column = tty->batch_column;
		tty->canon_column = tty->batch_canon;
	}
}

static void signal_key(struct tty *tty, int sig, uint8_t c)
{
	if (!LFLAG(tty, NOFLSH)) {
		drop_echo(tty);
		tty_flush_in(tty);
		tty_flush_out(tty);
	}
	tty_signal_fg(tty, sig);
	if (IFLAG(tty, IXON))
		tty_set_stopped(tty, false);
	if (LFLAG(tty, ECHO))
		tty_echo(tty, c);
}

static bool try_signal(struct tty *tty, uint8_t c)
{
	if (!LFLAG(tty, ISIG))
		return false;
	if (tty_char_is(tty, VINTR, c))
		signal_key(tty, SIGINT, c);
	else if (tty_char_is(tty, VQUIT, c))
		signal_key(tty, SIGQUIT, c);
	else if (tty_char_is(tty, VSUSP, c))
		signal_key(tty, SIGTSTP, c);
	else
		return false;
	return true;
}

static bool try_flow(struct tty *tty, uint8_t c)
{
	bool is_start = tty_char_is(tty, VSTART, c), is_stop = tty_char_is(tty, VSTOP, c);

	if (!IFLAG(tty, IXON))
		return false;
	if (is_start || is_stop)
		tty_set_stopped(tty, !is_start);
	return is_start || is_stop;
}

static void end_line(struct tty *tty, uint8_t c)
{
	if (tty->in.head - tty->canon >= TTY_LINE_MAX)
		tty->in.head--;
	set_mark(tty, tty->in.head, true);
	ring_put(&tty->in, c);
	tty->canon = tty->in.head;
	wake_readers(tty);
}

static void echo_plain(struct tty *tty, uint8_t c)
{
	if (tty->in.head == tty->canon)
		tty->canon_column = tty->column;
	tty_echo(tty, c);
}

static void echo_typed(struct tty *tty, uint8_t c)
{
	finish_erasing(tty);
	echo_plain(tty, c);
}

static void reprint(struct tty *tty, uint8_t c)
{
	finish_erasing(tty);
	tty_echo(tty, c);
	tty_echo_raw(tty, '\n');
	for (uint32_t i = tty->canon; i != tty->in.head; i++)
		tty_echo(tty, ring_at(&tty->in, i));
}

static bool try_edit(struct tty *tty, uint8_t c)
{
	bool extended = LFLAG(tty, IEXTEN);

	if (tty_char_is(tty, VERASE, c)) {
		erase(tty, VERASE);
	} else if (tty_char_is(tty, VKILL, c)) {
		erase(tty, VKILL);
	} else if (extended && tty_char_is(tty, VWERASE, c)) {
		erase(tty, VWERASE);
	} else if (extended && tty_char_is(tty, VLNEXT, c)) {
		tty->lnext = 1;
		if (LFLAG(tty, ECHO)) {
			finish_erasing(tty);
			if (LFLAG(tty, ECHOCTL))
				echo_text(tty, "^\b");
		}
	} else if (extended && LFLAG(tty, ECHO) && tty_char_is(tty, VREPRINT, c)) {
		reprint(tty, c);
	} else if (c == '\n') {
		if (LFLAG(tty, ECHO) || LFLAG(tty, ECHONL))
			tty_echo_raw(tty, c);
		end_line(tty, c);
	} else if (tty_char_is(tty, VEOF, c)) {
		end_line(tty, 0);
	} else if (tty_char_is(tty, VEOL, c) || (extended && tty_char_is(tty, VEOL2, c))) {
		if (LFLAG(tty, ECHO))
			echo_plain(tty, c);
		if (c == 0xff && IFLAG(tty, PARMRK))
			put_in(tty, c);
		end_line(tty, c);
	} else {
		return false;
	}
	return true;
}

/* made: c is a newline that a return was turned into, whose echo is never ^J. */
static void receive_plain(struct tty *tty, uint8_t c, bool made)
{
	if (LFLAG(tty, ECHO)) {
		if (made) {
			finish_erasing(tty);
			tty_echo_raw(tty, c);
		} else {
			echo_typed(tty, c);
		}
	}
	put_parity(tty, c);
}

void tty_begin(struct tty *tty)
{
	tty->batch_out = tty->out.head;
	tty->batch_column = tty->column;
	tty->batch_canon = tty->canon_column;
}

void tty_receive(struct tty *tty, uint8_t c)
{
	bool made = false;

	if (IFLAG(tty, ISTRIP))
		c &= 0x7f;
	if (IFLAG(tty, IUCLC) && LFLAG(tty, IEXTEN))
		c = lower(c);
	if (LFLAG(tty, EXTPROC)) {
		put_in(tty, c);
		return;
	}
	if (tty->stopped && IFLAG(tty, IXON) && IFLAG(tty, IXANY) && !tty_char_is(tty, VSTOP, c))
		tty_set_stopped(tty, false);
	if (tty->lnext) {
		tty->lnext = 0;
		if (LFLAG(tty, ECHO))
			echo_typed(tty, c);
		put_parity(tty, c);
		return;
	}
	if (try_flow(tty, c) || try_signal(tty, c))
		return;
	if (c == '\r') {
		if (IFLAG(tty, IGNCR))
			return;
		if (IFLAG(tty, ICRNL)) {
			c = '\n';
			made = true;
		}
	} else if (c == '\n' && IFLAG(tty, INLCR)) {
		c = '\r';
	}
	if (!LFLAG(tty, ICANON) || !try_edit(tty, c))
		receive_plain(tty, c, made);
}

/* ---- Reading ---- */

static bool by_line(const struct tty *tty)
{
	return LFLAG(tty, ICANON) && !LFLAG(tty, EXTPROC);
}

bool tty_input_ready(const struct tty *tty, bool for_poll)
{
	uint32_t min = 1;

	if (by_line(tty))
		return tty->canon != tty->in.tail;
	if (for_poll && !tty->tio.c_cc[VTIME] && tty->tio.c_cc[VMIN])
		min = tty->tio.c_cc[VMIN];
	return ring_count(&tty->in) >= min;
}

uint32_t tty_input_count(const struct tty *tty)
{
	uint32_t n = 0;

	if (!by_line(tty))
		return ring_count(&tty->in);
	for (uint32_t i = tty->in.tail; i != tty->canon; i++)
		n += !(marked(tty, i) && ring_at(&tty->in, i) == 0);
	return n;
}

/* Bytes in one piece from the tail on: at most n. */
static size_t take_run(struct tty *tty, const struct iov *v, size_t done, uint32_t n)
{
	size_t copied = 0;

	while (n > 0) {
		uint32_t at = tty->in.tail % TTY_RING;
		uint32_t run = MIN(n, TTY_RING - at);
		size_t got = iov_put(v, done + copied, tty->in.data + at, run);

		tty->in.tail += (uint32_t)got;
		copied += got;
		n -= (uint32_t)got;
		if (got < run)
			break;
	}
	return copied;
}

/*
 * Moves what there is to the reader, from byte done of v on: in canonical mode up
 * to the end of one line.  An end of file right behind what fits is dropped with
 * it, so that the next read does not end early.
 */
size_t tty_take_input(struct tty *tty, const struct iov *v, size_t done)
{
	size_t room = v->size - done, copied;
	uint32_t end;

	if (!by_line(tty))
		return take_run(tty, v, done, (uint32_t)MIN(room, ring_count(&tty->in)));
	for (end = tty->in.tail; end != tty->canon && !marked(tty, end); end++)
		;
	bool has_end = end != tty->canon;
	bool is_eof = has_end && ring_at(&tty->in, end) == 0;
	uint32_t n = end - tty->in.tail + (has_end && !is_eof);

	copied = take_run(tty, v, done, (uint32_t)MIN(room, n));
	if (is_eof && tty->in.tail == end)
		tty->in.tail++;
	return copied;
}
