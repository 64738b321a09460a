/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/procfs_query.c - PROCMAP_QUERY: one mapping of /proc/PID/maps, by an address in it.
 *
 * Answered from the text of maps, which another process writes for us (procfs_maps.c): line by line up to
 * the one that is wanted.  Build IDs are not looked for; the answer says that there is none.
 */
#include "linux/fs/procfs.h"

#include "linux/proc/remote.h"

#define PROCMAP_QUERY 0xc0686611u /* _IOWR('f', 17, struct query) */

enum { WANT_READ = 1, WANT_WRITE = 2, WANT_EXEC = 4, WANT_SHARED = 8, WANT_NEXT = 16, WANT_FILE = 32, WANT_ALL = 63 };
#define WANT_ACCESS 15u

/* Linux's struct procmap_query. */
struct query {
	uint64_t size, flags, addr;             /* in */
	uint64_t start, end, access, page_size; /* out, and so on but for the addresses */
	uint64_t offset, inode;
	uint32_t major, minor;
	uint32_t name_size, build_id_size; /* in: room, out: bytes */
	uint64_t name_addr, build_id_addr;
};
_Static_assert(sizeof(struct query) == 104, "Linux's");

#define CHUNK 32768u
#define VSYSCALL 0xffffffffff600000ull

static uint64_t number(const char **p, unsigned base)
{
	uint64_t n = 0;

	for (;; (*p)++) {
		unsigned d = **p >= 'a' ? (unsigned)(**p - 'a') + 10 : (unsigned)(**p - '0');

		if ((**p < '0' || **p > '9') && (**p < 'a' || **p > 'f' || base < 16))
			return n;
		n = n * base + d;
	}
}

/* A line of maps: where its name is. */
static const char *parse(const char *p, struct query *q)
{
	q->start = number(&p, 16);
	p++;
	q->end = number(&p, 16);
	p++;
	q->access = (p[0] == 'r' ? WANT_READ : 0u) | (p[1] == 'w' ? WANT_WRITE : 0u) | (p[2] == 'x' ? WANT_EXEC : 0u) | (p[3] == 's' ? WANT_SHARED : 0u);
	p += 5;
	q->offset = number(&p, 16);
	p++;
	q->major = (uint32_t)number(&p, 16);
	p++;
	q->minor = (uint32_t)number(&p, 16);
	p++;
	q->inode = number(&p, 10);
	while (*p == ' ')
		p++;
	return p;
}

/* 0: this is it; 1: it is not, go on; -ENOENT: nor is another. */
static long judge(const struct query *q)
{
	bool covers = q->start <= q->addr && q->addr < q->end;
	bool fits = !(q->flags & WANT_ACCESS & ~q->access) && (!(q->flags & WANT_FILE) || q->inode != 0);

	if (q->end <= q->addr)
		return 1;
	if (q->start >= VSYSCALL || (!covers && !(q->flags & WANT_NEXT)))
		return -ENOENT;
	return fits ? 0 : q->flags & WANT_NEXT ? 1 : -ENOENT;
}

/* Looks through whole lines; name: of the one that is found. */
static long search(const char *text, size_t n, struct query *q, const char **name, size_t *len)
{
	for (const char *p = text, *end; p < text + n; p = end + 1) {
		long found;

		end = memchr(p, '\n', n - (size_t)(p - text));
		if (!end)
			return 1;
		*name = parse(p, q);
		*len = (size_t)(end - *name);
		found = judge(q);
		if (found <= 0)
			return found;
	}
	return 1;
}

static long put_name(struct query *q, const char *name, size_t len)
{
	uint32_t room = q->name_size;

	q->name_size = len ? (uint32_t)len + 1 : 0;
	if (!room || !len)
		return 0;
	if (len + 1 > room)
		return -ENAMETOOLONG;
	return copy_out((struct gva){ q->name_addr }, name, len) || PUT_USER(((struct gva){ q->name_addr + len }), (uint8_t)0) ? -EFAULT : 0;
}

static long answer(struct node_ctx *c, struct query *q)
{
	char *buf = heap_alloc(CHUNK);
	const char *name = NULL;
	uint64_t at = 0;
	size_t len = 0;
	long n, found = 1;

	if (!buf)
		return -ENOMEM;
	while (found > 0 && (n = remote_maps(c->proc, buf, CHUNK, &at, MAPS_MAPS)) > 0)
		found = search(buf, (size_t)n, q, &name, &len);
	if (found == 0)
		found = put_name(q, name, len);
	heap_free(buf);
	return found > 0 ? -ENOENT : found;
}

long ioctl_maps(struct node_ctx *c, uint32_t cmd, uint64_t arg)
{
	struct query q = { 0 };
	uint64_t size;
	long err;

	if (cmd != PROCMAP_QUERY)
		return -ENOTTY;
	if (c->proc->state != PROC_LIVE)
		return -ESRCH;
	if (copy_in(&size, (struct gva){ arg }, sizeof size))
		return -EFAULT;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < offsetof(struct query, start))
		return -EINVAL;
	if (copy_in(&q, (struct gva){ arg }, MIN(size, sizeof q)))
		return -EFAULT;
	if (q.flags & ~(uint64_t)WANT_ALL || !q.name_size != !q.name_addr || !q.build_id_size != !q.build_id_addr)
		return -EINVAL;
	err = answer(c, &q);
	if (err < 0)
		return err;
	q.page_size = PAGE_SIZE;
	q.build_id_size = 0;
	return copy_out((struct gva){ arg }, &q, MIN(size, sizeof q)) ? -EFAULT : 0;
}
