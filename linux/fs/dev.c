/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/dev.c - character devices: null, zero, full, random, urandom, and the
 * ways to a terminal (tty, console, ptmx, pts/N), found by device number.
 */
#include "linux/fs/fs.h"
#include "linux/fs/loop.h"
#include "linux/fs/special.h"
#include "linux/fs/tty.h"
#include "linux/mm/uffd.h"

enum mem_minor { MINOR_NULL = 3, MINOR_ZERO = 5, MINOR_FULL = 7, MINOR_RANDOM = 8, MINOR_URANDOM = 9, MINOR_KMSG = 11,
	MINOR_UFFD = 0x1000 /* one of ours: not a memory device */ };

static long read_random(const struct iov *v)
{
	uint8_t buf[512];
	size_t done = 0;

	while (done < v->size) {
		size_t n = MIN(sizeof buf, v->size - done), put;

		if (DkRandomBitsRead(buf, n) != DK_OK)
			return -EIO;
		put = iov_put(v, done, buf, n);
		done += put;
		if (put < n)
			return done ? (long)done : -EFAULT;
		if (done < v->size && pico_tb()->work)
			break;
	}
	memset(buf, 0, sizeof buf);
	return (long)done;
}

static long dev_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	size_t n;

	switch (f->priv[0]) {
	case MINOR_NULL:
		return 0;
	case MINOR_UFFD:
		return -EINVAL;
	case MINOR_ZERO:
	case MINOR_FULL:
		n = iov_put_zero(v, 0, v->size);
		return n || !v->size ? (long)n : -EFAULT;
	default:
		return read_random(v);
	}
}

static long dev_write(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	if (f->priv[0] == MINOR_UFFD)
		return -EINVAL;
	return f->priv[0] == MINOR_FULL ? -ENOSPC : (long)v->size;
}

static long dev_seek(struct lx_thread *t, struct file *f, int64_t offset, int whence)
{
	return 0;
}

static uint32_t dk_prot(int prot)
{
	return (prot & PROT_READ ? DK_PROT_R : 0) | (prot & PROT_WRITE ? DK_PROT_W : 0) | (prot & PROT_EXEC ? DK_PROT_X : 0);
}

static long dev_map(struct lx_thread *t, struct file *f, uint64_t addr, uint64_t len, int prot, int flags, uint64_t offset)
{
	uint32_t type = DK_MEM_COMMIT | DK_MEM_FIXED;

	if (f->priv[0] != MINOR_ZERO)
		return -ENODEV;
	if ((flags & MAP_TYPE) != MAP_PRIVATE)
		type |= DK_MEM_SHARED;
	return lx_err(DkVirtualMemoryAlloc(&addr, len, type, dk_prot(prot)));
}

/* The entropy pool's questions; adding to it changes nothing, as the host's is used. */
static long dev_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	int bits = 256;

	if (f->priv[0] == MINOR_UFFD)
		return cmd == USERFAULTFD_IOC_NEW ? uffd_open(t, (int)arg) : -EINVAL;
	if (f->priv[0] != MINOR_RANDOM && f->priv[0] != MINOR_URANDOM)
		return -ENOTTY;
	if (cmd == 0x80045200) /* RNDGETENTCNT */
		return PUT_USER((struct gva){ arg }, bits);
	if (cmd == 0x40045201 || cmd == 0x40085203) /* RNDADDTOENTCNT, RNDADDENTROPY */
		return lx_capable(t, CAP_SYS_ADMIN) ? 0 : -EPERM;
	return -EINVAL;
}

const struct file_ops file_dev_ops = {
	.name = "dev",
	.read = dev_read,
	.write = dev_write,
	.seek = dev_seek,
	.map = dev_map,
	.ioctl = dev_ioctl,
	.seekable = true,
};

static long open_ctty(struct lx_thread *t, struct file *f)
{
	struct tty *tty = tty_of_proc(t->proc);
	long err;

	if (!tty)
		return -ENXIO;
	f->flags |= O_NOCTTY;
	err = tty_open(t, tty, f);
	tty_put(tty);
	return err;
}

static long open_console(struct lx_thread *t, struct file *f)
{
	struct tty_state *s = tty_state();

	return s && s->host ? tty_open(t, s->host, f) : -ENXIO;
}

static long open_pts(struct lx_thread *t, uint32_t index, struct file *f)
{
	struct tty *tty = tty_find(index);
	long err;

	if (!tty)
		return -ENXIO;
	err = tty_open(t, tty, f);
	tty_put(tty);
	return err;
}

static long open_memory(struct lx_thread *t, uint32_t minor, struct file *f)
{
	switch (minor) {
	case MINOR_KMSG:
		return kmsg_open(t, f);
	case MINOR_NULL:
	case MINOR_ZERO:
	case MINOR_FULL:
	case MINOR_RANDOM:
	case MINOR_URANDOM:
		f->kind = FILE_DEV;
		f->priv[0] = minor;
		return 0;
	default:
		return -ENXIO;
	}
}

long dev_open(struct lx_thread *t, struct inode *i, struct file *f)
{
	uint32_t major = i->rdev >> 8 & 0xfff, minor = (uint32_t)((i->rdev & 0xff) | (i->rdev >> 12 & 0xfff00));

	if ((i->mode & S_IFMT) == S_IFBLK)
		return major == LOOP_MAJOR ? loop_open(minor, f) : -ENXIO;
	if ((i->mode & S_IFMT) != S_IFCHR)
		return -ENXIO;
	if (major == MISC_MAJOR && minor == MISC_UFFD) {
		f->kind = FILE_DEV;
		f->priv[0] = MINOR_UFFD;
		return 0;
	}
	if (major == MISC_MAJOR)
		return minor == MISC_LOOP_CONTROL ? loop_control_open(f) : -ENODEV;
	if (major == 1)
		return open_memory(t, minor, f);
	if (major == PTS_MAJOR)
		return open_pts(t, minor, f);
	if (major != 5)
		return -ENXIO;
	switch (minor) {
	case 0:
		return open_ctty(t, f);
	case 1:
		return open_console(t, f);
	case 2:
		return pty_open_master(t, f);
	default:
		return -ENXIO;
	}
}
