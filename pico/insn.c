/* SPDX-License-Identifier: MIT */
/* pico/insn.c - lengths of instructions, by the opcode maps of the processor manuals. */
#include "pico/insn.h"
#include "rt/base.h"

/* What follows an opcode. */
enum { NO = 0, MODRM = 1, IMM8 = 2, IMM32 = 4, UNARY = 8, KNOWN = 16 };

/* The reg field of these opcodes' modrm says which instruction it is; a bit set: one that may move. */
static uint8_t group_allowed(uint8_t op)
{
	switch (op) {
	case 0x8f: /* pop */
	case 0xc6: /* mov */
	case 0xc7:
		return 1;
	case 0xfe: /* inc, dec */
		return 3;
	case 0xff: /* inc, dec, push; not call and jmp */
		return 0x43;
	default:
		return 0xff;
	}
}

static uint32_t form_alu(uint8_t op)
{
	if ((op & 7) < 4)
		return KNOWN | MODRM;
	if ((op & 7) == 4)
		return KNOWN | IMM8;
	return (op & 7) == 5 ? KNOWN | IMM32 : NO;
}

static uint32_t form_rest(uint8_t op)
{
	switch (op) {
	case 0x63: case 0x84: case 0x85: case 0x86: case 0x87: case 0x88: case 0x89: case 0x8a: case 0x8b: case 0x8d: case 0x8f:
	case 0xd0: case 0xd1: case 0xd2: case 0xd3: case 0xfe: case 0xff:
		return KNOWN | MODRM;
	case 0x6b: case 0x80: case 0x83: case 0xc0: case 0xc1: case 0xc6:
		return KNOWN | MODRM | IMM8;
	case 0x69: case 0x81: case 0xc7:
		return KNOWN | MODRM | IMM32;
	case 0xf6:
		return KNOWN | MODRM | IMM8 | UNARY;
	case 0xf7:
		return KNOWN | MODRM | IMM32 | UNARY;
	case 0x6a: case 0xa8: case 0xeb:
		return KNOWN | IMM8;
	case 0x68: case 0xa9: case 0xe8: case 0xe9:
		return KNOWN | IMM32;
	case 0x98: case 0x99: case 0xc3: case 0xc9:
		return KNOWN;
	default:
		return NO;
	}
}

/* Opcodes of one byte. */
static uint32_t form1(uint8_t op)
{
	if (op < 0x40)
		return form_alu(op);
	if ((op & 0xf0) == 0x50 || (op & 0xf8) == 0x90) /* push, pop, xchg with rax */
		return KNOWN;
	if ((op & 0xf0) == 0x70 || (op & 0xf8) == 0xb0)
		return KNOWN | IMM8;
	if ((op & 0xf8) == 0xb8)
		return KNOWN | IMM32;
	return form_rest(op);
}

/* Opcodes behind 0f. */
static uint32_t form2(uint8_t op)
{
	if ((op & 0xf0) == 0x80)
		return KNOWN | IMM32;
	if ((op & 0xf0) == 0x40 || (op & 0xf0) == 0x90) /* cmov, setcc */
		return KNOWN | MODRM;
	switch (op) {
	case 0x10: case 0x11: case 0x1e: case 0x1f: case 0x28: case 0x29: case 0x57: case 0x6e: case 0x6f: case 0x7e: case 0x7f:
	case 0xa3: case 0xab: case 0xaf: case 0xb3: case 0xb6: case 0xb7: case 0xbe: case 0xbf: case 0xd6: case 0xef:
		return KNOWN | MODRM;
	default:
		return NO;
	}
}

/* The bytes of a modrm at p and what it brings; *rip: its displacement, of 32 bits, counts from the instruction's end. */
static uint32_t modrm_size(const uint8_t *p, uint32_t left, bool *rip)
{
	uint8_t mod = p[0] >> 6, rm = p[0] & 7;
	uint32_t size = 1;

	*rip = mod == 0 && rm == 5;
	if (mod == 3)
		return 1;
	if (rm == 4) {
		if (left < 2)
			return UINT32_MAX;
		size++;
		if (mod == 0 && (p[1] & 7) == 5)
			return size + 4;
	}
	return size + (mod == 1 ? 1 : mod == 2 || *rip ? 4 : 0);
}

struct prefixes {
	bool data16, rex_w, any;
};

static uint32_t skip_prefixes(const uint8_t *p, uint32_t left, struct prefixes *x)
{
	uint32_t n = 0;

	while (n < left && (p[n] == 0x66 || p[n] == 0x2e || p[n] == 0x64 || p[n] == 0xf3 || p[n] == 0xf2)) {
		x->data16 |= p[n] == 0x66;
		x->any = true;
		n++;
	}
	if (n < left && (p[n] & 0xf0) == 0x40) {
		x->rex_w = (p[n] & 8) != 0;
		x->any = true;
		n++;
	}
	return n;
}

static enum insn_kind kind_of(bool two, uint8_t op)
{
	if (two)
		return (op & 0xf0) == 0x80 ? INSN_JCC32 : INSN_PLAIN;
	if ((op & 0xf0) == 0x70)
		return INSN_JCC8;
	switch (op) {
	case 0xc3:
		return INSN_RET;
	case 0xe8:
		return INSN_CALL32;
	case 0xe9:
		return INSN_JMP32;
	case 0xeb:
		return INSN_JMP8;
	default:
		return INSN_PLAIN;
	}
}

static uint32_t imm_size(uint32_t form, bool two, uint8_t op, const struct prefixes *x)
{
	if (form & IMM8)
		return 1;
	if (!(form & IMM32))
		return 0;
	if (!two && (op & 0xf8) == 0xb8 && x->rex_w)
		return 8;
	return x->data16 && !x->rex_w ? 2 : 4;
}

bool insn_decode(const uint8_t *p, uint32_t left, struct insn *insn)
{
	struct prefixes x = { 0 };
	uint32_t n = skip_prefixes(p, left, &x), form;
	bool two = n < left && p[n] == 0x0f, rip = false;
	uint8_t op;

	*insn = (struct insn){ 0 };
	n += two;
	if (n >= left)
		return false;
	op = p[n++];
	form = two ? form2(op) : form1(op);
	insn->kind = (uint8_t)kind_of(two, op);
	if (form == NO || (insn->kind != INSN_PLAIN && x.any))
		return false;
	if (form & MODRM) {
		uint32_t more = n < left ? modrm_size(p + n, left - n, &rip) : UINT32_MAX;

		if (more > left - n || !(two || group_allowed(op) >> (p[n] >> 3 & 7) & 1))
			return false;
		if ((form & UNARY) && (p[n] >> 3 & 7) > 1)
			form &= ~(uint32_t)(IMM8 | IMM32);
		if (rip)
			insn->rel32 = (uint8_t)(n + 1);
		n += more;
	}
	if (insn->kind == INSN_JCC32 || insn->kind == INSN_JMP32 || insn->kind == INSN_CALL32)
		insn->rel32 = (uint8_t)n;
	n += imm_size(form, two, op, &x);
	insn->size = (uint8_t)n;
	insn->nop = (!two && op == 0x90) || (two && op == 0x1f);
	return n <= left && n <= 15;
}
