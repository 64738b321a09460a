/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/random.c - getrandom: the host's random bytes, through pal.  Nothing
 * is kept in a buffer, so a copy of a process (fork, later a restored sandbox)
 * never gets the same bytes again.
 */
#include "linux/linux.h"
#include "rt/mem.h"
#include "syscalls.gen.h"
#include <linux/random.h>

#define CHUNK 512u

long lx_sys_getrandom(struct lx_thread *t, struct gva buf, uint64_t count, uint32_t flags)
{
	uint8_t chunk[CHUNK];
	uint64_t done = 0;

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) || (flags & GRND_RANDOM && flags & GRND_INSECURE))
		return -EINVAL;
	count = MIN(count, (uint64_t)INT32_MAX);
	while (done < count) {
		uint64_t n = MIN(count - done, (uint64_t)CHUNK);
		enum dk_status status = DkRandomBitsRead(chunk, n);

		if (status != DK_OK)
			return done ? (long)done : lx_err(status);
		if (copy_out(gva_add(buf, done), chunk, n))
			return done ? (long)done : -EFAULT;
		done += n;
	}
	memset(chunk, 0, sizeof chunk);
	return (long)done;
}
