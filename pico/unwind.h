/* SPDX-License-Identifier: MIT */
/*
 * pico/unwind.h - does an image have unwind data for an address?
 *
 * Unwinders that find none for a return address look whether its bytes are those of
 * rt_sigreturn's call (libgcc, gdb); where they find some, bytes do not matter.
 */
#ifndef PICO_UNWIND_H
#define PICO_UNWIND_H

#include "pico/pico.h"

/*
 * True if the ELF image whose header is at base has an entry for address in the search
 * table of its PT_GNU_EH_FRAME.  Reads guest memory and believes nothing: whatever is
 * not as ld writes it means false.  After the Linux Standard Base, "Exception Frames".
 */
bool unwind_covers(uint64_t base, uint64_t address);
#endif
