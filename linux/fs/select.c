/* SPDX-License-Identifier: MIT */
/* linux/fs/select.c - select and pselect6: bit sets turned into a poll and back. */

#include "linux/fs/io.h"
#include "linux/fs/pollset.h"
#include "linux/misc/timer.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

#define IN_SET  (POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR)
#define OUT_SET (POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR)
#define EX_SET  POLLPRI
#define FD_MAX  65536

/* Three bit sets, one behind the other; sets that were not given are all zero. */
struct sets {
	uint64_t *bits; /* heap or small */
	uint32_t words; /* of one set */
	uint64_t small[3 * 16];
};
static const uint16_t set_events[3] = { IN_SET, OUT_SET, EX_SET };

static long sets_in(struct sets *s, int n, const struct gva *from)
{
	s->words = (uint32_t)(n + 63) / 64;
	s->bits = s->small;
	if (s->words > 16)
		s->bits = heap_alloc(3ul * s->words * 8);
	if (s->bits == NULL)
		return -ENOMEM;
	for (int i = 0; i < 3; i++) {
		uint64_t *set = s->bits + (size_t)i * s->words;

		if (from[i].va == 0)
			memset(set, 0, s->words * 8ul);
		else if (copy_in(set, from[i], s->words * 8ul) != 0)
			return -EFAULT;
		if (n % 64 != 0)
			set[s->words - 1] &= (1ull << (n % 64)) - 1;
	}
	return 0;
}

static uint32_t wanted(const struct sets *s, uint32_t fd)
{
	uint32_t events = 0;

	for (int i = 0; i < 3; i++)
		if (s->bits[(size_t)i * s->words + fd / 64] >> (fd % 64) & 1)
			events |= set_events[i];
	return events;
}

/* The descriptors named, as pollfds: their number; with fds NULL only counts. */
static uint32_t list_fds(const struct sets *s, struct pollfd *fds)
{
	uint32_t count = 0;

	for (uint32_t w = 0; w < s->words; w++) {
		uint64_t any = s->bits[w] | s->bits[s->words + w] | s->bits[2ul * s->words + w];

		for (; any != 0; any &= any - 1, count++) {
			uint32_t fd = w * 64 + (uint32_t)__builtin_ctzll(any);

			if (fds != NULL)
				fds[count] = (struct pollfd){ .fd = (int)fd, .events = (short)wanted(s, fd) };
		}
	}
	return count;
}

/* Leaves in the sets what is ready: the number of bits, or -EBADF. */
static long sets_result(struct sets *s, const struct pollset *ps)
{
	long bits = 0;

	for (uint32_t k = 0; k < ps->count; k++) {
		const struct pollfd *p = &ps->fds[k];

		if (p->revents & POLLNVAL)
			return -EBADF;
		for (int i = 0; i < 3; i++) {
			uint64_t *word = &s->bits[(size_t)i * s->words + (uint32_t)p->fd / 64];
			uint64_t bit = 1ull << (p->fd % 64);

			if ((*word & bit) == 0)
				continue;
			if ((uint16_t)p->revents & set_events[i])
				bits++;
			else
				*word &= ~bit;
		}
	}
	return bits;
}

static long select_sets(struct lx_thread *t, struct sets *s, uint64_t deadline)
{
	struct pollset ps;
	long result;

	ps.always = 0;
	if (!pollset_alloc(&ps, list_fds(s, NULL)))
		return -ENOMEM;
	(void)list_fds(s, ps.fds);
	result = pollset_wait(t, &ps, deadline);
	if (result >= 0)
		result = sets_result(s, &ps);
	pollset_free(&ps);
	return result;
}

static long do_select(struct lx_thread *t, int n, const struct gva *user, uint64_t deadline)
{
	struct sets s;
	long result;

	if (n < 0)
		return -EINVAL;
	n = MIN(n, FD_MAX);
	result = sets_in(&s, n, user);
	if (result == 0)
		result = select_sets(t, &s, deadline);
	for (int i = 0; i < 3 && result >= 0; i++)
		if (user[i].va != 0 && copy_out(user[i], s.bits + (size_t)i * s.words, s.words * 8ul) != 0)
			result = -EFAULT;
	if (s.bits != s.small)
		heap_free(s.bits);
	return result == -ERESTARTSYS ? -ERESTARTNOHAND : result;
}

long lx_sys_select(struct lx_thread *t, int n, struct gva in, struct gva out, struct gva ex, struct gva timeout)
{
	const struct gva user[3] = { in, out, ex };
	uint64_t deadline = DK_FOREVER;
	int64_t tv[2];
	long result;

	if (timeout.va != 0) {
		if (copy_in(tv, timeout, sizeof tv) != 0)
			return -EFAULT;
		if (tv[0] < 0 || tv[1] < 0)
			return -EINVAL;
		if (tv[0] == 0 && tv[1] == 0)
			deadline = 0;
		else if (tv[0] < INT32_MAX && tv[1] < INT32_MAX)
			deadline = pico_now() + (uint64_t)tv[0] * 1000000000 + (uint64_t)tv[1] * 1000;
	}
	result = do_select(t, n, user, deadline);
	if (timeout.va != 0 && deadline != DK_FOREVER && !(t->proc->personality & STICKY_TIMEOUTS)) {
		uint64_t now = pico_now();
		uint64_t left = deadline > now ? deadline - now : 0;

		tv[0] = (int64_t)(left / 1000000000);
		tv[1] = (int64_t)(left % 1000000000 / 1000);
		(void)!copy_out(timeout, tv, sizeof tv);
	}
	return result;
}

long lx_sys_pselect6(struct lx_thread *t, int n, struct gva in, struct gva out, struct gva ex, struct gva timeout, struct gva sigmask)
{
	const struct gva user[3] = { in, out, ex };
	struct { struct gva set; uint64_t size; } mask = { GVA_NULL, 0 };
	uint64_t deadline;
	long result = deadline_in(timeout, &deadline);

	if (result == 0 && sigmask.va != 0)
		result = copy_in(&mask, sigmask, sizeof mask);
	if (result == 0)
		result = sig_use_mask(t, mask.set, mask.size);
	if (result != 0)
		return result;
	result = do_select(t, n, user, deadline);
	deadline_out(timeout, deadline);
	return result;
}
