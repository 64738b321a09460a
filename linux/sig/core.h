/* SPDX-License-Identifier: MIT */
/* linux/sig/core.h - a core file in the making, for core.c and core_notes.c. */
#ifndef LINUX_SIG_CORE_H
#define LINUX_SIG_CORE_H

#include "linux/sig/internal.h"

struct region {
	uint64_t start, end, dump; /* dump: bytes of contents */
	uint32_t flags;
};

struct core {
	struct lx_thread *t;
	const struct dk_context *c;
	int sig;
	struct file *f;
	uint64_t limit;
	struct region *region;
	uint32_t count;
	char *notes;
	uint32_t notes_size, notes_room;
	char *page; /* one page for copying */
};

#define CORE_NAME_MAX 256u

/* core_name.c: the file's path into buf, CORE_NAME_MAX long; false: there is to be none. */
bool core_name(struct lx_thread *t, int sig, char *buf);
/* core_notes.c: makes d->notes (heap); false: no memory. */
bool core_notes(struct core *d);
#endif
