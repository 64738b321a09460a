/* SPDX-License-Identifier: MIT */
/* linux/gva.h - a guest address.  A struct, so that nobody dereferences it by accident. */
#ifndef LINUX_GVA_H
#define LINUX_GVA_H

#include <stdint.h>

struct gva {
	uint64_t va;
};
static inline struct gva gva_add(struct gva a, uint64_t n)
{
	return (struct gva){ a.va + n };
}
#define GVA_NULL ((struct gva){ 0 })
#endif
