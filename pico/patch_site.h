/* SPDX-License-Identifier: MIT */
/*
 * pico/patch_site.h - which instructions become jumps, and the stubs they jump to.
 *
 * Bytes only: no memory is mapped or changed here, no locks.  pico/patch.c has the
 * kinds of site and what is done with them.
 */
#ifndef PICO_PATCH_SITE_H
#define PICO_PATCH_SITE_H

#include "pico/pico.h"

#define STUB_SIZE  32u
#define SITE_SIZE  7u /* mov and syscall */
#define RAX_SIZE   9u /* mov to %rax and syscall */
#define CMP_SIZE   8u /* syscall and cmp */
#define STUB_CMP   17u /* where the second kind of stub has its cmp; `0f 05` is before it, for restarts */
#define STUB_BACK  28u /* ... and where it ends */
#define JMP_SIZE   5u

/* Is there a site of the first kind, SITE_SIZE bytes, at p? */
bool is_site(const uint8_t *p);
/* ... of its long form, RAX_SIZE bytes? */
bool is_rax_site(const uint8_t *p);
/* ... of the second kind, CMP_SIZE bytes? */
bool is_cmp_site(const uint8_t *p);
/* Writes value as the 32 bits of a displacement, unaligned. */
void put32(uint8_t *at, int64_t value);

/* The mov is of rt_sigreturn: unwinders know such code by its bytes, see unwind_covers. */
bool is_sigreturn(const uint8_t *mov);

/*
 * The mov, $nr to %eax or %rax; lea back(%rip),%rcx; jmp *%gs:TB_SYSCALL_ENTRY.  address is where
 * the stub will run, site where the mov was.
 */
void write_stub(uint8_t *stub, uint64_t address, const uint8_t *mov, uint64_t site);
/* lea cmp(%rip),%rcx; jmp *%gs:TB_SYSCALL_ENTRY; syscall; cmp: cmp $-4095,%rax; jmp site + CMP_SIZE. */
void write_cmp_stub(uint8_t *stub, uint64_t address, const uint8_t *site_bytes, uint64_t site);

/* Where the site lies whose mov the stub at address (its bytes: stub) has; 0 for a stub of the second kind. */
uint64_t site_of_stub(const uint8_t *stub, uint64_t address);

/* Offsets of a page to which any of its bytes, decoded at any place, could be a jump. */
struct targets {
	bool known;
	uint64_t bit[PAGE_SIZE / 64];
};
/* Fills t from the page's bytes (PAGE_SIZE and two more). */
void find_targets(struct targets *t, const uint8_t *bytes);
/* Jumps already put in add targets of their own: only ever one too many. */
bool may_jump_to(const struct targets *t, uint32_t to);
#endif
