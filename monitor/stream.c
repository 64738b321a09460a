/* SPDX-License-Identifier: MIT */
/*
 * monitor/stream.c - stream numbers of the sandbox.
 *
 * The monitor keeps the descriptor of each stream that pal has open somewhere, so
 * that another picoprocess can fetch it.  Numbers are generation << 20 | slot and
 * mean nothing once closed.  A job that works on a stream holds it, so that a
 * CLOSE meanwhile cannot give its descriptor number to somebody else.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "monitor/monitor.h"

#define SLOT_BITS 20
#define SLOT_MASK ((1u << SLOT_BITS) - 1)

#define FIRST_SLOTS 64

/* The first ones are here: asking for memory costs a start more than all else of a stream. */
static struct stream *first_slots[FIRST_SLOTS], **slots = first_slots;
static uint32_t first_generations[FIRST_SLOTS], *generations = first_generations;
static uint32_t first_free[FIRST_SLOTS], *free_slots = first_free;
static uint32_t slot_count, free_count;

static void *larger(void *old, const void *initial, size_t have, size_t want)
{
	void *new;

	if (old != initial)
		return realloc(old, want);
	new = calloc(1, want);
	if (new)
		memcpy(new, old, have);
	return new;
}

static bool make_room(uint32_t n)
{
	void *s, *g, *f;

	if (n > SLOT_MASK)
		return false;
	s = larger(slots, first_slots, slot_count * sizeof *slots, n * sizeof *slots);
	if (s)
		slots = s;
	g = larger(generations, first_generations, slot_count * sizeof *generations, n * sizeof *generations);
	if (g)
		generations = g;
	f = larger(free_slots, first_free, slot_count * sizeof *free_slots, n * sizeof *free_slots);
	if (f)
		free_slots = f;
	return s && g && f;
}

static bool grow(void)
{
	uint32_t n = slot_count ? slot_count * 4 : FIRST_SLOTS;

	if (slot_count && !make_room(n))
		return false;
	for (uint32_t i = n; i-- > slot_count;) {
		slots[i] = NULL;
		generations[i] = 1;
		free_slots[free_count++] = i;
	}
	slot_count = n;
	return true;
}

struct stream *stream_new(enum stream_kind kind, int fd, uint32_t fd_flags, uint32_t rights)
{
	struct stream *s;
	uint32_t slot;

	if (free_count == 0 && !grow())
		return NULL;
	s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	slot = free_slots[--free_count];
	slots[slot] = s;
	*s = (struct stream){ .number = (uint64_t)generations[slot] << SLOT_BITS | slot, .kind = kind, .fd = fd,
		.fd_flags = fd_flags, .rights = rights, .refs = 1 };
	return s;
}

struct stream *stream_find(uint64_t number)
{
	uint32_t slot = number & SLOT_MASK;

	if (slot >= slot_count || !slots[slot] || slots[slot]->number != number)
		return NULL;
	return slots[slot];
}

void stream_each(void (*fn)(struct stream *s, void *arg), void *arg)
{
	for (uint32_t i = 0; i < slot_count; i++)
		if (slots[i])
			fn(slots[i], arg);
}

void stream_hold(struct stream *s)
{
	s->refs++;
}

/* The last close of a written file may have to wait for its device. */
static bool close_work(struct job *j, bool try)
{
	(void)try;
	close(j->fd);
	return true;
}

static void close_later(int fd, bool local)
{
	struct job *j = job_new();

	if (!j) {
		close(fd);
		return;
	}
	j->work = close_work;
	j->slow = true;
	j->brief = local;
	j->fd = fd;
	job_do(j);
}

#define RESERVE_MAX 4096u

/*
 * One process that opens files without end must not stop the others: when only a
 * quarter of our descriptors (at most 4,096) is left, those who have a quarter
 * as many get no more.
 */
bool stream_share_left(const struct pico *p)
{
	uint64_t reserve = file_limit / 4 < RESERVE_MAX ? file_limit / 4 : RESERVE_MAX;

	return p->streams < reserve / 4 || slot_count - free_count + net_more_fds + reserve < file_limit;
}

void stream_count(struct stream *s, uint64_t opener)
{
	struct pico *p = pico_find(opener);

	if (!p)
		return;
	s->opener = opener;
	p->streams++;
}

void stream_put(struct stream *s)
{
	struct pico *p;

	if (--s->refs > 0)
		return;
	if (s->kept)
		keep_drop(s);
	if (s->kind >= STREAM_TCP)
		net_closed(s);
	p = s->opener ? pico_find(s->opener) : NULL;
	if (p)
		p->streams--;
	if (s->fd >= 0) {
		if ((s->local && !(s->fd_flags & MON_FD_WRITE)) || s->kind != STREAM_FILE)
			close(s->fd);
		else
			close_later(s->fd, s->local);
	}
	free(s);
}

void stream_close(struct stream *s)
{
	uint32_t slot = s->number & SLOT_MASK;

	if (s->permanent || s->closing)
		return;
	s->closing = true;
	attr_drop_locks(s);
	slots[slot] = NULL;
	generations[slot]++;
	free_slots[free_count++] = slot;
	stream_put(s);
}

/* What a descriptor that comes from outside can do. */
uint32_t fd_flags_of(int fd)
{
	uint32_t flags = 0;
	struct statfs sf;
	struct stat st;
	int mode = fcntl(fd, F_GETFL);

	if (mode < 0 || fstat(fd, &st) < 0)
		return 0;
	if ((mode & O_ACCMODE) != O_WRONLY)
		flags |= MON_FD_READ;
	if ((mode & O_ACCMODE) != O_RDONLY)
		flags |= MON_FD_WRITE;
	if (S_ISREG(st.st_mode))
		flags |= MON_FD_SEEK | MON_FD_NOWAIT;
	else if (S_ISSOCK(st.st_mode))
		flags |= MON_FD_SOCKET | MON_FD_NOWAIT;
	else if (S_ISFIFO(st.st_mode) && fstatfs(fd, &sf) == 0 && sf.f_type == 0x50495045)
		flags |= MON_FD_NOWAIT; /* a pipe proper; named ones may refuse it */
	else if (S_ISCHR(st.st_mode) && isatty(fd))
		flags |= MON_FD_TTY;
	return flags;
}
