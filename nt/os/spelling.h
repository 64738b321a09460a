/* SPDX-License-Identifier: MIT */
/* nt/os/spelling.h - names in a folder that are written otherwise. */
#ifndef NT_OS_SPELLING_H
#define NT_OS_SPELLING_H

#include "nt/types.h"

struct dentry;
/* How the folder d spells name, which is not there as it is written: bytes in to (NAME_LIMIT of them), 0: not at all. */
uint32_t os_other_spelling(struct dentry *d, const char *name, uint32_t len, char *to);
#endif
