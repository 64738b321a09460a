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
/* Where the site lies whose mov the stub at address (its bytes: stub) has; 0 for a stub of another kind. */
uint64_t site_of_stub(const uint8_t *stub, uint64_t address);
#endif
