/* SPDX-License-Identifier: MIT */
/*
 * pico/insn.h - instructions that may be moved elsewhere.
 *
 * Not a decoder of all x86: it knows the general-purpose instructions, and the vector moves, that
 * compilers put behind a system call and that do the same at another address once a displacement
 * is corrected.  Of all others it says that it does not know them.
 */
#ifndef PICO_INSN_H
#define PICO_INSN_H

#include <stdbool.h>
#include <stdint.h>

enum insn_kind {
	INSN_PLAIN,  /* goes on behind itself */
	INSN_JCC8,   /* 7x rel8 */
	INSN_JCC32,  /* 0f 8x rel32 */
	INSN_JMP8,   /* eb rel8: from here on nothing goes on behind */
	INSN_JMP32,  /* e9 rel32 */
	INSN_RET,    /* c3 */
	INSN_CALL32, /* e8 rel32: it does not do the same elsewhere, the callee sees from where it came */
};
struct insn {
	uint8_t size;
	uint8_t rel32; /* offset of 32 bits that count from the instruction's end; 0 = none */
	uint8_t kind;  /* enum insn_kind */
	bool nop;
};

/* What is at p, of which left bytes may be read; false if it is unknown or longer. */
bool insn_decode(const uint8_t *p, uint32_t left, struct insn *insn);
#endif
