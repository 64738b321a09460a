/* SPDX-License-Identifier: MIT */
/* pal/mem.h - checks and mapping, shared by memory and stream calls. */
#ifndef PAL_MEM_H
#define PAL_MEM_H

#include "pal/pal.h"

bool mem_range_ok(uint64_t address, uint64_t size);
int mem_host_prot(uint32_t prot);
enum dk_status mem_map(uint64_t *address, uint64_t size, int prot, int flags, int fd, uint64_t offset);
#endif
