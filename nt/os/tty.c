/* SPDX-License-Identifier: MIT */
/* nt/os/tty.c - terminals, by linux/fs: the host's by its stream's attributes, ptys by their line discipline. */
#include "nt/os/tty.h"
#include "linux/fs/fs.h"
#include "linux/fs/std.h"
#include "rt/fmt.h"
#include "rt/mem.h"

_Static_assert(sizeof(struct os_tty_mode) == offsetof(struct dk_termios, when), "dk_termios without when");
_Static_assert(sizeof(struct os_tty_mode) == sizeof(struct termios2) && offsetof(struct os_tty_mode, cc) == offsetof(struct termios2, c_cc), "termios2");

bool os_tty_is(const struct file *f)
{
	return (f->kind == FILE_STD && std_is_tty(f)) || (f->kind == FILE_PTY && f->priv[0] == 0);
}

const void *os_tty_id(const struct file *f)
{
	return f->object;
}

void os_tty_get(struct file *f)
{
	file_get(f);
}

void os_tty_put(struct file *f)
{
	if (f != NULL)
		file_put(f);
}

bool os_tty_can(const struct file *f, bool write)
{
	return (f->flags & O_ACCMODE) == O_RDWR || (f->flags & O_ACCMODE) == (write ? O_WRONLY : O_RDONLY);
}

struct file *os_tty_open(void)
{
	struct file *f;

	if (vfs_open(lx_current(), AT_FDCWD, "/dev/tty", O_RDWR | O_NOCTTY, 0, &f) < 0)
		return NULL;
	if (os_tty_is(f))
		return f;
	file_put(f);
	return NULL;
}

/* ---- Modes and size ---- */

static struct tty *pty_of(const struct file *f)
{
	return f->kind == FILE_PTY ? f->object : NULL;
}

bool os_pty_new(uint32_t columns, uint32_t rows, struct file **master, struct file **slave)
{
	struct tty *tty;
	char name[32];

	if (vfs_open(lx_current(), AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY, 0, master) < 0)
		return false;
	tty = pty_of(*master);
	if (tty != NULL) {
		lock_take(&tty->lock);
		tty->locked = 0;
		tty->ws.ws_col = (uint16_t)columns;
		tty->ws.ws_row = (uint16_t)rows;
		lock_drop(&tty->lock);
		fmt_snprintf(name, sizeof name, "/dev/pts/%u", tty->index);
		if (vfs_open(lx_current(), AT_FDCWD, name, O_RDWR | O_NOCTTY, 0, slave) == 0)
			return true;
	}
	file_put(*master);
	return false;
}

static bool host_mode(struct file *f, struct os_tty_mode *m)
{
	struct dk_termios d;
	uint64_t done;

	if (DkStreamAttributesQueryByHandle(std_stream(f), DK_ATTR_TERMIOS, &d, sizeof d, &done) != DK_OK)
		return false;
	memcpy(m, &d, sizeof *m);
	return true;
}

bool os_tty_mode(struct file *f, struct os_tty_mode *m)
{
	struct tty *tty = pty_of(f);

	if (tty == NULL)
		return host_mode(f, m);
	lock_take(&tty->lock);
	memcpy(m, &tty->tio, sizeof *m);
	lock_drop(&tty->lock);
	return true;
}

static bool pty_set_mode(struct tty *tty, const struct os_tty_mode *m)
{
	struct termios2 old;

	lock_take(&tty->lock);
	old = tty->tio;
	tty->tio.c_iflag = m->iflag;
	tty->tio.c_oflag = m->oflag;
	tty->tio.c_lflag = m->lflag;
	memcpy(tty->tio.c_cc, m->cc, sizeof m->cc);
	tty_termios_changed(tty, &old);
	lock_drop(&tty->lock);
	return true;
}

bool os_tty_set_mode(struct file *f, const struct os_tty_mode *m)
{
	struct dk_termios d = { 0 };

	if (pty_of(f) != NULL)
		return pty_set_mode(pty_of(f), m);
	memcpy(&d, m, sizeof *m);
	return DkStreamAttributesSet(std_stream(f), NULL, DK_ATTR_TERMIOS, &d, sizeof d) == DK_OK;
}

void os_tty_raw(struct os_tty_mode *m, bool signals)
{
	m->iflag &= ~(uint32_t)(ICRNL | INLCR | IGNCR | ISTRIP | (signals ? 0 : IXON));
	m->lflag &= ~(uint32_t)(ICANON | ECHO | ECHONL | IEXTEN | (signals ? 0 : ISIG));
	m->cc[VMIN] = 1;
	m->cc[VTIME] = 0;
	m->cc[VSUSP] = 0; /* ^Z means the end of a file there */
}

bool os_tty_adds_cr(const struct os_tty_mode *m)
{
	return (m->oflag & (OPOST | ONLCR)) == (OPOST | ONLCR);
}

void os_tty_size(struct file *f, uint32_t *columns, uint32_t *rows)
{
	struct tty *tty = pty_of(f);
	struct dk_winsize ws = { 0 };
	uint64_t done;

	if (tty != NULL) {
		lock_take(&tty->lock);
		ws.rows = tty->ws.ws_row;
		ws.cols = tty->ws.ws_col;
		lock_drop(&tty->lock);
	} else {
		(void)DkStreamAttributesQueryByHandle(std_stream(f), DK_ATTR_WINSIZE, &ws, sizeof ws, &done);
	}
	*columns = ws.cols != 0 ? ws.cols : 80;
	*rows = ws.rows != 0 ? ws.rows : 25;
}

/* ---- Bytes ---- */

static long move(struct file *f, void *buf, uint32_t size, bool write)
{
	struct dk_segment seg = { .base = buf, .size = size };
	const struct iov v = { .seg = &seg, .count = 1, .kernel = true, .size = size };
	uint64_t pos = DK_OFFSET_NONE;

	return write ? lx_file_ops[f->kind]->write(lx_current(), f, &v, &pos) : lx_file_ops[f->kind]->read(lx_current(), f, &v, &pos);
}

long os_tty_read(struct file *f, void *buf, uint32_t size)
{
	uint32_t ready = file_poll(lx_current(), f, NULL);
	long n;

	if (!(ready & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return 0;
	n = move(f, buf, size, false);
	return n > 0 ? n : n == -EAGAIN || n == -EINTR || n == -ERESTARTSYS ? 0 : -1;
}

bool os_tty_write(struct file *f, const void *buf, uint32_t size)
{
	const char *from = buf;

	while (size > 0) {
		long n = move(f, (void *)(uint64_t)from, size, true);

		if (n <= 0)
			return false;
		from += n;
		size -= (uint32_t)n;
	}
	return true;
}

long os_tty_wait(struct file *f, struct waitq *wq, uint64_t deadline, bool (*woken)(const void *arg), const void *arg)
{
	struct poll_table p;
	long err = 0;

	poll_table_init(&p);
	p.key = EPOLLIN | EPOLLHUP | EPOLLERR;
	poll_wait(&p, wq);
	if (!woken(arg) && (f == NULL || !(file_poll(lx_current(), f, &p) & p.key)))
		err = poll_sleep(&p, deadline);
	poll_table_done(&p);
	return err;
}
