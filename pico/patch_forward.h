/* SPDX-License-Identifier: MIT */
/*
 * pico/patch_forward.h - sites whose jump covers what follows the `syscall`.
 *
 *	0f 05 XX ...	syscall, and whole instructions until there are 5 bytes: the jmp and a filler
 *			cover them, and the stub has them, corrected, behind its call.
 *
 * Nobody is kept from going to a covered instruction (a jump from elsewhere, a thread that stood there
 * when the page was changed, a debugger, a return to an address that was seen in a signal frame): whatever
 * instruction begins at a byte that the jmp and its filler cover, where one of the site's began, is one that the
 * CPU refuses (#UD, or #GP as a user has no right to it), and pico sends the thread on in the stub.  For that
 * the stub must lie where the jump's displacement has such bytes, and a site for which there is no such
 * place is left.  Which instructions are refused in 64-bit mode: Intel's manual, volume 2, appendix A.
 */
#ifndef PICO_PATCH_FORWARD_H
#define PICO_PATCH_FORWARD_H

#include "pico/patch_site.h"

#define FORWARD_STUB (2 * STUB_SIZE) /* bytes, at a multiple of it */
#define FORWARD_BODY 17u /* where the stub has the covered instructions; `0f 05` is before it, for restarts */
#define FORWARD_MAX  14u /* bytes covered at most */

struct cover {
	uint32_t size;   /* of the site, in bytes: JMP_SIZE to FORWARD_MAX */
	uint32_t real;   /* of that, what the stub has: not padding at the end, where nobody comes, and not a call there */
	uint32_t starts; /* bit n: an instruction begins at byte n; the first, the syscall, is not told */
	uint32_t fix;    /* where bytes have 32 bits to be corrected, 0 = nowhere */
	uint32_t jump;   /* where a jump of 8 bits is, 0 = nowhere: in the stub it takes `grown` bytes more */
	uint32_t grown;
	bool jump_at_3; /* what begins at byte 3 is a jump of 32 bits */
};
/* Is there such a site at p, of whose page left bytes follow?  It must be known that p is an instruction. */
bool forward_cover(const uint8_t *p, uint32_t left, struct cover *c);
/* May the stub at address serve the site? */
bool forward_fits(const struct cover *c, uint64_t site, uint64_t address);
/* Writes the stub that will run at address. */
void write_forward_stub(uint8_t *stub, uint64_t address, const uint8_t *bytes, uint64_t site, const struct cover *c);
/* Writes what is between the jump, which the caller writes, and the end of the site. */
void forward_fill(uint8_t *bytes, const struct cover *c);

bool is_forward_stub(const uint8_t *stub);
/* Where the site of the stub at address is, its size, and its bytes as they were. */
uint64_t forward_site(const uint8_t *stub, uint64_t address);
uint32_t forward_size(const uint8_t *stub);
const uint8_t *forward_bytes(const uint8_t *stub);
/* Where a thread at byte `in` of the stub is in the site. */
uint32_t forward_site_offset(const uint8_t *stub, uint32_t in);
/*
 * A thread was refused at byte `in` of the site: at which instruction, 0 = none.  It goes on at
 * forward_stub_offset of that; but for a call, which is not in the stub.
 */
uint32_t forward_refused(const uint8_t *stub, uint32_t in);
uint32_t forward_stub_offset(const uint8_t *stub, uint32_t at);
#endif
