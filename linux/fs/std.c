/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/std.c - the host's stdin, stdout and stderr as files, and its terminal.
 *
 * They are the very descriptors bailey was started with, so position, append mode
 * and whatever else belongs to the open file stay shared with its other holders:
 * reads and writes never name an offset unless the guest does (pread), and seeking
 * moves the host's own position.  O_NONBLOCK is the guest's alone: each call says
 * what it wants.
 *
 * f->object is the host's struct tty (a reference) when it is a terminal; then the
 * inode is the one of /dev/pts/0, which names it.  Files opened as /dev/tty have no
 * stream of their own and use the terminal's.
 */
#include "linux/fs/std.h"

#include "linux/fs/fs.h"
#include "linux/fs/special.h"
#include "linux/sig/sig.h"

static const char *const std_uri[3] = { "stdin:", "stdout:", "stderr:" };

static dk_handle open_uri(const char *uri, struct dk_attributes *a)
{
	struct dk_open open = { .access = DK_READ | DK_WRITE, .share = 7, .disposition = DK_OPEN_EXISTING };
	dk_handle h = DK_NO_HANDLE;

	if (DkStreamOpen(uri, &open, &h) != DK_OK)
		return DK_NO_HANDLE;
	*a = open.attr;
	return h;
}

/* Two threads may come here first together: one keeps its handle, the other closes its own. */
static dk_handle tty_stream(struct tty *tty)
{
	dk_handle h = __atomic_load_n(&tty->host, __ATOMIC_ACQUIRE), none = DK_NO_HANDLE;
	struct dk_attributes a;

	if (h != DK_NO_HANDLE)
		return h;
	h = open_uri("tty:", &a);
	if (h == DK_NO_HANDLE || __atomic_compare_exchange_n(&tty->host, &none, h, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return h;
	(void)DkObjectClose(h);
	return none;
}

/* One that nobody has used yet: many programs never touch their standard streams, and an open is a trip. */
static dk_handle first_use(struct file *f)
{
	dk_handle h, none = DK_NO_HANDLE;
	struct dk_attributes a;

	if (f->priv[STD_WHICH] > 2)
		return DK_NO_HANDLE;
	h = open_uri(std_uri[f->priv[STD_WHICH]], &a);
	if (h == DK_NO_HANDLE || __atomic_compare_exchange_n(&f->stream, &none, h, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return h;
	(void)DkObjectClose(h);
	return none;
}

dk_handle std_stream(struct file *f)
{
	dk_handle h = __atomic_load_n(&f->stream, __ATOMIC_ACQUIRE);

	if (LIKELY(h != DK_NO_HANDLE))
		return h;
	return f->priv[STD_WHICH] > 2 ? tty_stream(f->object) : first_use(f);
}

bool std_is_tty(const struct file *f)
{
	return f->object != NULL;
}

static bool is_regular(const struct file *f)
{
	return f->priv[STD_TYPE] == DK_TYPE_FILE;
}

/* ---- Reading and writing ---- */

/* pread and pwrite hand a position of their own; read and write (NONE) move the host's. */
static uint64_t offset_of(const struct file *f, const uint64_t *pos)
{
	return is_regular(f) ? *pos : DK_OFFSET_NONE;
}

static long std_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	uint64_t offset = offset_of(f, pos);
	dk_handle stream;
	long n;

	if (std_is_tty(f)) {
		long err = tty_check_change(t, f->object, SIGTTIN);

		if (err)
			return err;
	}
	stream = std_stream(f);
	if (stream == DK_NO_HANDLE)
		return -EIO;
	t->pico.woken = 0;
	t->pico.sleeping = !is_regular(f);
	n = rw_host_read(stream, v, offset, file_nonblock(t, f) && !is_regular(f) ? DK_IO_NONBLOCK : 0);
	t->pico.sleeping = 0;
	if (n > 0 && offset != DK_OFFSET_NONE)
		*pos += (uint64_t)n;
	return n;
}

/* All of it, unless it must not wait: the host takes what a pipe or terminal has room for. */
static long write_out(dk_handle stream, const struct iov *v, uint64_t offset, uint32_t flags)
{
	struct dk_segment part[DK_SEGMENTS_MAX];
	uint64_t total = 0, bytes;

	while (total < v->size) {
		uint32_t n = iov_slice(v, total, v->size - total, part, &bytes);
		uint64_t done = 0;
		enum dk_status s = DkStreamWrite(stream, offset == DK_OFFSET_NONE ? offset : offset + total, part, n, flags, &done);

		total += done;
		if (s != DK_OK)
			return total ? (long)total : lx_wait_err(s);
		if (!done || flags & DK_IO_NONBLOCK)
			break;
	}
	return (long)total;
}

static long std_write(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	uint64_t offset = offset_of(f, pos);
	uint32_t flags = file_nonblock(t, f) && !is_regular(f) ? DK_IO_NONBLOCK : 0;
	dk_handle stream;
	long n;

	if (std_is_tty(f) && ((struct tty *)f->object)->tio.c_lflag & TOSTOP) {
		long err = tty_check_change(t, f->object, SIGTTOU);

		if (err)
			return err;
	}
	stream = std_stream(f);
	if (stream == DK_NO_HANDLE)
		return -EIO;
	if (f->flags & O_APPEND && is_regular(f))
		flags |= DK_IO_APPEND;
	n = write_out(stream, v, offset, flags);
	if (n > 0 && offset != DK_OFFSET_NONE)
		*pos += (uint64_t)n;
	return n;
}

static bool event_is_set(dk_handle stream, enum dk_stream_event which)
{
	dk_handle event;
	uint32_t index;

	return DkStreamGetEvent(stream, which, &event) == DK_OK &&
	       DkObjectsWaitAny(1, &event, 0, DK_WAIT_UNINTERRUPTIBLE, &index) == DK_OK;
}

static uint32_t poll_one(struct file *f, struct poll_table *p, enum dk_stream_event which, uint32_t mask)
{
	dk_handle stream = std_stream(f);
	uint32_t bits;

	if (stream == DK_NO_HANDLE)
		return EPOLLERR;
	if (p)
		poll_wait_stream(p, stream, which);
	if (!event_is_set(stream, which))
		return 0;
	bits = mask;
	if (!std_is_tty(f) && event_is_set(stream, DK_EVENT_HANGUP))
		bits |= which == DK_EVENT_READ ? EPOLLHUP : EPOLLERR;
	return bits;
}

static uint32_t std_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	uint32_t mask = 0;

	if (f->priv[STD_TYPE] == DK_TYPE_FILE || (f->priv[STD_TYPE] == DK_TYPE_CHAR && !std_is_tty(f)))
		return EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM;
	if (f->priv[STD_RIGHTS] & DK_READ && (f->flags & O_ACCMODE) != O_WRONLY)
		mask |= poll_one(f, p, DK_EVENT_READ, EPOLLIN | EPOLLRDNORM);
	if (f->priv[STD_RIGHTS] & DK_WRITE && (f->flags & O_ACCMODE) != O_RDONLY)
		mask |= poll_one(f, p, DK_EVENT_WRITE, EPOLLOUT | EPOLLWRNORM);
	return mask;
}

/* ---- Position, length, mapping ---- */

static long std_attributes(struct file *f, struct dk_attributes *a)
{
	uint64_t done;

	return lx_err(DkStreamAttributesQueryByHandle(std_stream(f), DK_ATTR_BASIC, a, sizeof *a, &done));
}

static long std_seek(struct lx_thread *t, struct file *f, int64_t offset, int whence)
{
	dk_handle stream = std_stream(f);
	struct dk_attributes a;
	uint64_t base = 0, done, now;
	long err;

	if (!is_regular(f) && f->priv[STD_TYPE] != DK_TYPE_BLOCK)
		return f->priv[STD_TYPE] == DK_TYPE_CHAR && !std_is_tty(f) ? 0 : -ESPIPE; /* /dev/null */
	if (whence == SEEK_CUR)
		err = lx_err(DkStreamAttributesQueryByHandle(stream, DK_ATTR_POSITION, &base, sizeof base, &done));
	else if (whence == SEEK_END)
		err = std_attributes(f, &a), base = a.size;
	else
		err = whence == SEEK_SET ? 0 : -EINVAL;
	if (err)
		return err;
	if (ADD_OVERFLOW((int64_t)base, offset, (int64_t *)&now) || (int64_t)now < 0)
		return -EINVAL;
	if (whence != SEEK_CUR || offset != 0)
		err = lx_err(DkStreamAttributesSet(stream, NULL, DK_ATTR_POSITION, &now, sizeof now));
	return err ? err : (long)now;
}

static long std_truncate(struct lx_thread *t, struct file *f, uint64_t length)
{
	if (!is_regular(f))
		return -EINVAL;
	return lx_err(DkStreamSetLength(std_stream(f), 0, length, DK_LENGTH_TRUNCATE));
}

static long std_sync(struct lx_thread *t, struct file *f, bool data_only)
{
	if (!is_regular(f))
		return -EINVAL;
	return lx_err(DkStreamFlush(std_stream(f), data_only ? DK_FLUSH_DATA : DK_FLUSH_ALL));
}

static long std_map(struct lx_thread *t, struct file *f, uint64_t addr, uint64_t len, int prot, int flags, uint64_t offset)
{
	uint32_t dk_prot = (prot & PROT_READ ? DK_PROT_R : 0) | (prot & PROT_WRITE ? DK_PROT_W : 0) |
			   (prot & PROT_EXEC ? DK_PROT_X : 0);
	uint32_t kind = (flags & MAP_TYPE) == MAP_PRIVATE ? DK_MAP_PRIVATE : DK_MAP_SHARED;

	if (!is_regular(f))
		return -ENODEV;
	return lx_err(DkStreamMap(std_stream(f), &addr, offset, len, dk_prot, kind | DK_MAP_FIXED));
}

static long std_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	uint64_t n = 0, done;
	int value;
	long err;

	if (std_is_tty(f))
		return std_tty_ioctl(t, f, cmd, arg);
	if (cmd != FIONREAD)
		return -ENOTTY;
	err = lx_err(DkStreamAttributesQueryByHandle(std_stream(f), DK_ATTR_AVAILABLE, &n, sizeof n, &done));
	value = (int)MIN(n, 0x7fffffffull);
	return err ? -ENOTTY : PUT_USER((struct gva){ arg }, value);
}

static void std_release(struct file *f)
{
	if (f->stream != DK_NO_HANDLE)
		(void)DkObjectClose(f->stream);
	tty_put(f->object);
	f->object = NULL;
}

const struct file_ops file_std_ops = {
	.name = "std",
	.read = std_read,
	.write = std_write,
	.ioctl = std_ioctl,
	.poll = std_poll,
	.map = std_map,
	.seek = std_seek,
	.sync = std_sync,
	.truncate = std_truncate,
	.release = std_release,
	.seekable = false,
};

/* ---- Opening ---- */

static uint32_t type_mode(uint32_t type)
{
	static const uint32_t mode[] = { [DK_TYPE_NONE] = S_IFCHR, [DK_TYPE_FILE] = S_IFREG, [DK_TYPE_DIR] = S_IFDIR,
		[DK_TYPE_SYMLINK] = S_IFLNK, [DK_TYPE_FIFO] = S_IFIFO, [DK_TYPE_SOCKET] = S_IFSOCK, [DK_TYPE_CHAR] = S_IFCHR,
		[DK_TYPE_BLOCK] = S_IFBLK, [DK_TYPE_LINK] = S_IFREG };

	return type < ARRAY_LEN(mode) ? mode[type] : S_IFCHR;
}

static void fill_inode(struct inode *i, const struct dk_attributes *a)
{
	i->mode = type_mode(a->type) | (a->mode & 07777);
	i->uid = a->uid;
	i->gid = a->gid;
	i->nlink = a->nlink ? a->nlink : 1;
	i->size = a->size;
	i->blocks = (a->allocated + 511) / 512;
	i->rdev = a->rdev;
	i->ino = a->inode;
	i->dev = a->device;
	i->atime_ns = a->atime_ns;
	i->mtime_ns = a->mtime_ns;
	i->ctime_ns = a->ctime_ns;
	i->btime_ns = a->btime_ns;
}

/* fstat of a file that others may write. */
long std_getattr(struct inode *i)
{
	struct dk_attributes a;
	uint64_t done;

	if ((i->mode & S_IFMT) != S_IFREG ||
		DkStreamAttributesQueryByHandle((dk_handle)i->priv[DEV_STD_STREAM], DK_ATTR_BASIC, &a, sizeof a, &done) != DK_OK)
		return 0;
	lock_take(&i->lock);
	fill_inode(i, &a);
	lock_drop(&i->lock);
	return 0;
}

/* The host's terminal is made when the first of the three is seen to be one. */
static struct tty *host_tty(const struct dk_attributes *a)
{
	struct tty_state *s = tty_state();
	struct tty *tty;

	if (!s)
		return NULL;
	if (!s->host) {
		tty = tty_new(TTY_HOST);
		if (!tty)
			return NULL;
		tty->master = 1;
		tty->mode = S_IFCHR | 0620;
		tty->uid = a->uid;
		s->host = tty; /* this reference is never put */
	}
	return tty_get(s->host);
}

static int access_flags(uint32_t rights, int fd)
{
	if ((rights & (DK_READ | DK_WRITE)) == (DK_READ | DK_WRITE))
		return O_RDWR;
	if (rights & DK_READ)
		return O_RDONLY;
	return rights & DK_WRITE ? O_WRONLY : fd == 0 ? O_RDONLY : O_WRONLY;
}

static void name_it(struct file *f, const struct dk_attributes *a)
{
	struct path p;

	if (f->object && path_walk(lx_current(), AT_FDCWD, "/dev/pts/0", WALK_FOLLOW, &p, NULL) == 0) {
		f->path = p;
		f->inode = p.dentry->inode;
		inode_get(f->inode);
		if ((f->flags & O_ACCMODE) != O_RDONLY) /* as open does; undone with the file */
			__atomic_fetch_add(&f->inode->writers, 1, __ATOMIC_RELAXED);
		return;
	}
	f->inode = inode_new(INODE_DEV, S_IFCHR | 0620);
	if (!f->inode)
		return;
	fill_inode(f->inode, a);
	f->inode->priv[DEV_NUMBER] = DEV_IS_STD;
	f->inode->priv[DEV_STD_STREAM] = f->stream;
	if (f->object)
		f->inode->rdev = LX_DEV(PTS_MAJOR, 0);
}

static bool attr_of_text(const char *hex, struct dk_attributes *a)
{
	uint8_t *out = (uint8_t *)a;

	if (hex == NULL || strlen(hex) != 2 * sizeof *a)
		return false;
	for (size_t i = 0; i < 2 * sizeof *a; i++) {
		unsigned digit = hex[i] <= '9' ? (unsigned)hex[i] - '0' : (unsigned)hex[i] - 'a' + 10;

		if (digit > 15)
			return false;
		out[i / 2] = (uint8_t)((i % 2 ? out[i / 2] << 4 : 0) | digit);
	}
	return true;
}

/* NULL: bailey was started without it, or no memory.  attr: what the settings say of it, or NULL. */
struct file *std_file_open(int fd, const char *attr)
{
	struct dk_attributes a;
	struct file *f;
	dk_handle stream = DK_NO_HANDLE;
	uint32_t rights;

	/* A regular file's inode needs the stream: others write the file, and stat must see that. */
	if (!attr_of_text(attr, &a) || a.type == DK_TYPE_FILE) {
		stream = open_uri(std_uri[fd], &a);
		if (stream == DK_NO_HANDLE)
			return NULL;
	}
	rights = a.rights & (DK_READ | DK_WRITE);
	f = file_new(FILE_STD, (uint32_t)access_flags(rights, fd) | O_LARGEFILE);
	if (!f) {
		if (stream != DK_NO_HANDLE)
			(void)DkObjectClose(stream);
		return NULL;
	}
	f->stream = stream;
	f->priv[STD_WHICH] = (uint64_t)fd;
	f->priv[STD_TYPE] = a.type;
	f->priv[STD_RIGHTS] = rights ? rights : fd == 0 ? DK_READ : DK_WRITE;
	if (a.flags & DK_ATTR_TTY)
		f->object = host_tty(&a);
	name_it(f, &a);
	if (f->inode)
		return f;
	file_put(f);
	return NULL;
}

/* /dev/tty and /dev/pts/0. */
long std_open_tty(struct lx_thread *t, struct tty *tty, struct file *f)
{
	f->kind = FILE_STD;
	f->object = tty_get(tty);
	f->priv[STD_WHICH] = 3;
	f->priv[STD_TYPE] = DK_TYPE_CHAR;
	f->priv[STD_RIGHTS] = DK_READ | DK_WRITE;
	tty_open_ctty(t, tty, (int)f->flags);
	return 0;
}
