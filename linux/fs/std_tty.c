/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/std_tty.c - ioctls on the host's terminal.  Modes and window size are
 * the host's, by stream attributes; session and foreground group are ours.
 */
#include "linux/fs/std.h"

#include "linux/sig/sig.h"
#include "rt/mem.h"

_Static_assert(sizeof(struct winsize) == sizeof(struct dk_winsize), "winsize");

static long query(struct file *f, uint32_t class, void *buf, uint64_t size)
{
	uint64_t done;

	return lx_err(DkStreamAttributesQueryByHandle(std_stream(f), class, buf, size, &done));
}

static long set(struct file *f, uint32_t class, const void *buf, uint64_t size)
{
	return lx_err(DkStreamAttributesSet(std_stream(f), NULL, class, buf, size));
}

/* A struct dk_termios is the host's struct termios2, and so ours, and `when`. */
_Static_assert(sizeof(struct termios2) == offsetof(struct dk_termios, when) && offsetof(struct termios2, c_cc) == offsetof(struct dk_termios, cc) &&
	offsetof(struct termios2, c_ospeed) == offsetof(struct dk_termios, ospeed), "termios2");

static void to_dk(struct dk_termios *d, const struct termios2 *tio, uint32_t when)
{
	memcpy(d, tio, sizeof *tio);
	d->when = when;
}

/* The last known modes are kept for TOSTOP. */
static long read_modes(struct file *f, struct termios2 *tio)
{
	struct tty *tty = f->object;
	struct dk_termios d;
	long err = query(f, DK_ATTR_TERMIOS, &d, sizeof d);

	if (err)
		return err;
	memcpy(tio, &d, sizeof *tio);
	lock_take(&tty->lock);
	tty->tio = *tio;
	lock_drop(&tty->lock);
	return 0;
}

static long get_modes(struct file *f, uint32_t cmd, struct gva arg)
{
	struct termios2 tio;
	long err = read_modes(f, &tio);

	return err ? err : termios_out(cmd, arg, &tio);
}

static long set_modes(struct lx_thread *t, struct file *f, uint32_t cmd, uint32_t when, struct gva arg)
{
	struct tty *tty = f->object;
	struct termios2 tio;
	struct dk_termios d;
	long err = tty_check_change(t, tty, SIGTTOU);

	if (!err)
		err = read_modes(f, &tio);
	if (!err)
		err = termios_in(cmd, arg, &tio);
	if (err)
		return err;
	to_dk(&d, &tio, when);
	err = set(f, DK_ATTR_TERMIOS, &d, sizeof d);
	if (err)
		return err;
	lock_take(&tty->lock);
	tty->tio = tio;
	lock_drop(&tty->lock);
	return 0;
}

static long get_size(struct file *f, struct gva arg)
{
	struct dk_winsize ws;
	long err = query(f, DK_ATTR_WINSIZE, &ws, sizeof ws);

	return err ? err : copy_out(arg, &ws, sizeof ws);
}

static long set_size(struct file *f, struct gva arg)
{
	struct dk_winsize ws;

	if (copy_in(&ws, arg, sizeof ws))
		return -EFAULT;
	return set(f, DK_ATTR_WINSIZE, &ws, sizeof ws);
}

/* 3, 4, 5 of dk_termios.when: flush input, output, both. */
static long flush(struct lx_thread *t, struct file *f, uint64_t which)
{
	struct termios2 tio;
	struct dk_termios d;
	long err = tty_check_change(t, f->object, SIGTTOU);

	if (err)
		return err;
	if (which > TCIOFLUSH)
		return -EINVAL;
	err = read_modes(f, &tio);
	if (err)
		return err;
	to_dk(&d, &tio, which == TCIFLUSH ? 3 : which == TCOFLUSH ? 4 : 5);
	return set(f, DK_ATTR_TERMIOS, &d, sizeof d);
}

static long available(struct file *f, struct gva arg)
{
	uint64_t n = 0;
	long err = query(f, DK_ATTR_AVAILABLE, &n, sizeof n);
	int value = (int)MIN(n, 0x7fffffffull);

	return err ? err : PUT_USER(arg, value);
}

static long put_int(struct gva arg, int value)
{
	return PUT_USER(arg, value);
}

long std_tty_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t value)
{
	struct tty *tty = f->object;
	struct gva arg = { value };
	uint32_t when;
	long err;

	if (termios_is_get(cmd))
		return get_modes(f, cmd, arg);
	if (termios_is_set(cmd, &when))
		return set_modes(t, f, cmd, when, arg);
	err = tty_job_ioctl(t, tty, false, cmd, arg);
	if (err != -ENOIOCTLCMD)
		return err;
	switch (cmd) {
	case TIOCGWINSZ:
		return get_size(f, arg);
	case TIOCSWINSZ:
		return set_size(f, arg);
	case FIONREAD:
		return available(f, arg);
	case TCFLSH:
		return flush(t, f, value);
	case TIOCOUTQ:
	case TIOCGETD:
		return put_int(arg, 0);
	case TCSBRK:
	case TCSBRKP:
		return tty_check_change(t, tty, SIGTTOU);
	case TIOCGDEV:
		return put_int(arg, PTS_MAJOR << 8);
	default:
		return -ENOTTY;
	}
}
