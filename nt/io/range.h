/* SPDX-License-Identifier: MIT */
/* nt/io/range.h - byte ranges of files that are locked. */
#ifndef NT_IO_RANGE_H
#define NT_IO_RANGE_H

#include "nt/io/irp.h"

static inline bool io_ranges_there(const struct io_node *n)
{
	return atomic_load_explicit(&n->nranges, memory_order_acquire) != 0;
}
/* May r not read or write there?  Another file object or key has locked a part of it. */
bool io_range_denies(const struct io_request *r, uint64_t offset);
/* All that f has: its last handle is gone. */
void io_ranges_drop(struct io_file *f);
#endif
