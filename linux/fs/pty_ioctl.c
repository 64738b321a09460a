/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/pty_ioctl.c - ioctls of a pty's two ends.  Modes and window size are
 * the terminal's, whichever end asks.
 */
#include "linux/fs/pty.h"

#include "linux/sig/sig.h"
#include "rt/fmt.h"
#include "rt/mem.h"

static long set_modes(struct lx_thread *t, struct tty *tty, uint32_t cmd, uint32_t when, struct gva arg)
{
	struct termios2 tio, old;
	long err = tty_check_change(t, tty, SIGTTOU);

	if (err)
		return err;
	lock_take(&tty->lock);
	tio = tty->tio;
	lock_drop(&tty->lock);
	err = termios_in(cmd, arg, &tio);
	if (err)
		return err;
	lock_take(&tty->lock);
	if (when == 2)
		tty_flush_in(tty);
	old = tty->tio;
	tio.c_line = 0;
	tio.c_cflag = (tio.c_cflag & ~(uint32_t)(CSIZE | PARENB)) | CS8 | CREAD; /* all a pty can do */
	tty->tio = tio;
	tty_termios_changed(tty, &old);
	lock_drop(&tty->lock);
	return 0;
}

static long get_modes(struct tty *tty, uint32_t cmd, struct gva arg)
{
	struct termios2 tio;

	lock_take(&tty->lock);
	tio = tty->tio;
	lock_drop(&tty->lock);
	return termios_out(cmd, arg, &tio);
}

static long get_size(struct tty *tty, struct gva arg)
{
	struct winsize ws;

	lock_take(&tty->lock);
	ws = tty->ws;
	lock_drop(&tty->lock);
	return copy_out(arg, &ws, sizeof ws);
}

static long set_size(struct tty *tty, struct gva arg)
{
	struct winsize ws;
	bool changed;

	if (copy_in(&ws, arg, sizeof ws))
		return -EFAULT;
	lock_take(&tty->lock);
	changed = memcmp(&ws, &tty->ws, sizeof ws) != 0;
	tty->ws = ws;
	lock_drop(&tty->lock);
	if (changed)
		tty_signal_fg(tty, SIGWINCH);
	return 0;
}

static long flush(struct lx_thread *t, struct tty *tty, bool master, uint64_t which)
{
	bool in = which == TCIFLUSH || which == TCIOFLUSH, out = which == TCOFLUSH || which == TCIOFLUSH;
	long err = master ? 0 : tty_check_change(t, tty, SIGTTOU);

	if (err)
		return err;
	if (!in && !out)
		return -EINVAL;
	lock_take(&tty->lock);
	if (master ? out : in)
		tty_flush_in(tty);
	if (master ? in : out)
		tty_flush_out(tty);
	lock_drop(&tty->lock);
	return 0;
}

static long flow(struct lx_thread *t, struct tty *tty, uint64_t what)
{
	long err = tty_check_change(t, tty, SIGTTOU);

	if (err)
		return err;
	if (what > TCION)
		return -EINVAL;
	lock_take(&tty->lock);
	if (what == TCOOFF || what == TCOON)
		tty_set_stopped(tty, what == TCOOFF);
	else if (tty->tio.c_cc[what == TCIOFF ? VSTOP : VSTART])
		ring_put(&tty->out, tty->tio.c_cc[what == TCIOFF ? VSTOP : VSTART]);
	lock_drop(&tty->lock);
	waitq_wake_all(&tty->master_wq);
	return 0;
}

static long put_flag(struct gva arg, uint32_t value)
{
	int v = (int)value;

	return PUT_USER(arg, v);
}

static long set_flag(struct tty *tty, uint32_t *flag, struct gva arg)
{
	int v;

	if (copy_in(&v, arg, sizeof v))
		return -EFAULT;
	lock_take(&tty->lock);
	*flag = v != 0;
	if (flag == &tty->packet)
		tty->packet_status = 0;
	lock_drop(&tty->lock);
	return 0;
}

static long type_ahead(struct lx_thread *t, struct tty *tty, struct gva arg)
{
	uint8_t c;

	if (t->proc->tty != tty && !lx_capable(t, 21 /* CAP_SYS_ADMIN */))
		return -EPERM;
	if (copy_in(&c, arg, 1))
		return -EFAULT;
	lock_take(&tty->lock);
	tty_begin(tty);
	tty_receive(tty, c);
	lock_drop(&tty->lock);
	waitq_wake_all(&tty->master_wq);
	return 0;
}

static long open_peer(struct lx_thread *t, struct tty *tty, uint64_t flags)
{
	char name[32];
	struct file *f;
	long err;
	int fd;

	fmt_snprintf(name, sizeof name, "/dev/pts/%u", tty->index);
	err = vfs_open(t, AT_FDCWD, name, (int)flags & (O_ACCMODE | O_NOCTTY | O_NONBLOCK), 0, &f);
	if (err)
		return err;
	fd = fd_install(t, f, (flags & O_CLOEXEC) != 0, 0);
	if (fd < 0)
		file_put(f);
	return fd;
}

static long count_input(struct tty *tty, bool master, struct gva arg)
{
	uint32_t n;

	lock_take(&tty->lock);
	n = master ? ring_count(&tty->out) : tty_input_count(tty);
	lock_drop(&tty->lock);
	return put_flag(arg, n);
}

static long master_ioctl(struct lx_thread *t, struct tty *tty, uint32_t cmd, struct gva arg)
{
	switch (cmd) {
	case TIOCGPTN:
		return PUT_USER(arg, tty->index);
	case TIOCSPTLCK:
		return set_flag(tty, &tty->locked, arg);
	case TIOCGPTLCK:
		return put_flag(arg, tty->locked);
	case TIOCGPTPEER:
		return open_peer(t, tty, arg.va);
	case TIOCPKT:
		return set_flag(tty, &tty->packet, arg);
	case TIOCGPKT:
		return put_flag(arg, tty->packet);
	case TIOCSIG:
		if (arg.va != SIGINT && arg.va != SIGQUIT && arg.va != SIGTSTP)
			return -EINVAL;
		tty_signal_fg(tty, (int)arg.va);
		return 0;
	default:
		return -ENOTTY;
	}
}

static long set_exclusive(struct tty *tty, uint32_t on)
{
	lock_take(&tty->lock);
	tty->exclusive = on;
	lock_drop(&tty->lock);
	return 0;
}

static long set_discipline(struct gva arg)
{
	int v;

	if (copy_in(&v, arg, sizeof v))
		return -EFAULT;
	return v == 0 ? 0 : -EINVAL;
}

long pty_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t value)
{
	struct tty *tty = f->object;
	struct gva arg = { value };
	bool master = f->priv[0] != 0;
	uint32_t when;
	long err;

	if (!master && tty->hung)
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	if (termios_is_get(cmd))
		return get_modes(tty, cmd, arg);
	if (termios_is_set(cmd, &when))
		return set_modes(t, tty, cmd, when, arg);
	err = tty_job_ioctl(t, tty, master, cmd, arg);
	if (err != -ENOIOCTLCMD)
		return err;
	switch (cmd) {
	case TIOCGWINSZ:
		return get_size(tty, arg);
	case TIOCSWINSZ:
		return set_size(tty, arg);
	case FIONREAD:
		return count_input(tty, master, arg);
	case TIOCOUTQ:
		return put_flag(arg, 0);
	case TCFLSH:
		return flush(t, tty, master, value);
	case TCXONC:
		return flow(t, tty, value);
	case TCSBRK:
	case TCSBRKP:
		return tty_check_change(t, tty, SIGTTOU);
	case TIOCSTI:
		return type_ahead(t, tty, arg);
	case TIOCEXCL:
	case TIOCNXCL:
		return set_exclusive(tty, cmd == TIOCEXCL);
	case TIOCGEXCL:
		return put_flag(arg, tty->exclusive);
	case TIOCGETD:
		return put_flag(arg, 0);
	case TIOCSETD:
		return set_discipline(arg);
	case TIOCGDEV:
		return put_flag(arg, PTS_MAJOR << 8 | (tty->index & 0xff) | (tty->index & ~0xffu) << 12);
	case TIOCGSOFTCAR:
		return put_flag(arg, (tty->tio.c_cflag & CLOCAL) != 0);
	default:
		return master ? master_ioctl(t, tty, cmd, arg) : -ENOTTY;
	}
}
