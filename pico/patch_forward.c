/* SPDX-License-Identifier: MIT */
/*
 * pico/patch_forward.c - the bytes of sites whose jump covers what follows.
 *
 * The stub, FORWARD_STUB bytes:
 *	 0	lea 10(%rip),%rcx
 *	 7	jmp *%gs:TB_SYSCALL_ENTRY
 *	15	syscall: a call that is to be made again goes here
 *	17	the covered instructions; a jump of 8 bits has become one of 32
 *		jmp to behind the site
 *	44	at which bytes an instruction begins, as in struct cover
 *	46	the site's bytes as they were
 *	60	its size, that of what is at 17, and two more numbers
 */
#include "pico/insn.h"
#include "pico/patch_forward.h"
#include "rt/mem.h"

#define STARTS_AT 44u
#define KEPT_AT   46u
#define SIZE_AT   60u
#define BODY_AT   61u
#define JUMP_AT   62u /* where in the site a jump of 8 bits is, 0 = nowhere */
#define GROWN_AT  63u /* ... and what it takes more in the stub */
_Static_assert(FORWARD_BODY + FORWARD_MAX - 2 + 4 + JMP_SIZE <= STARTS_AT && KEPT_AT + FORWARD_MAX <= SIZE_AT, "stub");
#define FILLER    0x3fu /* aas: refused, alone and behind ff, which makes it the undefined 7th of its group */

/* Opcodes of one byte that 64-bit mode has none for. */
static bool is_refused(uint8_t byte)
{
	switch (byte) {
	case 0x06: case 0x07: case 0x0e: case 0x16: case 0x17: case 0x1e: case 0x1f: case 0x27: case 0x2f:
	case 0x37: case 0x3f: case 0x60: case 0x61: case 0x82: case 0x9a: case 0xce: case 0xd4: case 0xea:
		return true;
	default:
		return false;
	}
}

/* What is behind an instruction after which nothing goes on, and where nobody comes. */
static bool is_padding(const uint8_t *p, uint32_t left, struct insn *insn)
{
	insn->size = 1;
	return p[0] == 0xcc || (insn_decode(p, left, insn) && insn->nop);
}

/* Only whole instructions; one at byte 4 must go on to byte 5, which then is ours to make it refused. */
static uint32_t least_size(uint32_t starts)
{
	return starts >> 4 & 1 ? JMP_SIZE + 1 : JMP_SIZE;
}

static bool cover_insn(struct cover *c, const struct insn *insn, uint32_t at)
{
	bool jcc8 = insn->kind == INSN_JCC8, jmp8 = insn->kind == INSN_JMP8;

	if ((insn->rel32 != 0 && insn->kind != INSN_CALL32 && c->fix != 0) || ((jcc8 || jmp8) && c->jump != 0))
		return false;
	if (insn->rel32 != 0 && insn->kind != INSN_CALL32)
		c->fix = at + insn->rel32;
	if (jcc8 || jmp8) {
		c->jump = at;
		c->grown = jcc8 ? 4 : 3;
	}
	c->starts |= 1u << at;
	if (at == 3)
		c->jump_at_3 = insn->kind == INSN_JMP32;
	if (insn->kind != INSN_CALL32)
		c->real = at + insn->size;
	return true;
}

/* May insn follow one of kind `before` in what a jump covers? */
static bool may_follow(uint32_t before, const struct insn *insn)
{
	switch (before) {
	case INSN_RET: /* another function may begin there, or anything */
		return insn->kind == INSN_JMP32;
	case INSN_JMP8:
	case INSN_JMP32:
		return true;
	default: /* who comes to a call by the stub would return to the stub */
		return insn->kind != INSN_CALL32;
	}
}

static bool is_end(uint32_t kind)
{
	return kind == INSN_JMP8 || kind == INSN_JMP32 || kind == INSN_RET || kind == INSN_CALL32;
}

bool forward_cover(const uint8_t *p, uint32_t left, struct cover *c)
{
	uint32_t at = 2, before = INSN_PLAIN;
	struct insn insn = { 0 };

	*c = (struct cover){ 0 };
	if (left < JMP_SIZE || p[0] != 0x0f || p[1] != 0x05)
		return false;
	for (; at < least_size(c->starts); at += insn.size) {
		if (at >= left)
			return false;
		if (is_end(before) && is_padding(p + at, left - at, &insn)) {
			insn.size = (uint8_t)MIN(insn.size, least_size(c->starts) - at);
			continue;
		}
		if (!insn_decode(p + at, left - at, &insn) || !may_follow(before, &insn) || !cover_insn(c, &insn, at))
			return false;
		before = insn.kind;
	}
	c->size = at;
	return at <= FORWARD_MAX && at <= left;
}

/*
 * What begins at byte 3, with ff behind it and then the filler: refused at once, as the undefined 7th of its group, for
 * want of rights (hlt, cli, sti) or behind a prefix; or, of no consequence before a jump out of the function,
 * something about a flag and then refused (cmc, clc, stc, cld).
 */
static bool refused_at_3(uint8_t byte, uint8_t next, bool flags)
{
	if (is_refused(byte))
		return true;
	if (next != 0xff)
		return false;
	switch (byte) {
	case 0xf0: case 0xf2: case 0xf3: case 0xf4: case 0xfa: case 0xfb: case 0xfe: case 0xff:
		return true;
	case 0xf5: case 0xf8: case 0xf9: case 0xfc:
		return flags;
	default:
		return false;
	}
}

bool forward_fits(const struct cover *c, uint64_t site, uint64_t address)
{
	uint32_t d = (uint32_t)(address - (site + JMP_SIZE));
	uint8_t b2 = (uint8_t)(d >> 8), b3 = (uint8_t)(d >> 16), b4 = (uint8_t)(d >> 24);

	if (!is_refused(b2))
		return false;
	/* fe and ff with ff behind them are the undefined 7th of their groups, and so is ff with the filler. */
	if ((c->starts >> 3 & 1) && !refused_at_3(b3, b4, c->jump_at_3))
		return false;
	return !(c->starts >> 4 & 1) || b4 == 0xff;
}

/* The jump of 8 bits as one of 32. */
static void put_long_jump(uint8_t *to, uint64_t address, const uint8_t *jump, uint64_t behind)
{
	uint64_t target = behind + (uint64_t)(int64_t)(int8_t)jump[1];
	uint32_t n = 0;

	if (jump[0] == 0xeb) {
		to[n++] = 0xe9;
	} else {
		to[n++] = 0x0f;
		to[n++] = (uint8_t)(0x80 | (jump[0] & 0x0f));
	}
	put32(to + n, (int64_t)target - (int64_t)(address + n + 4));
}

/* How far byte `in` of the site is moved in the stub by a jump before it that has grown. */
static uint32_t moved(uint32_t jump, uint32_t grown, uint32_t in)
{
	return FORWARD_BODY - 2 + (jump != 0 && in > jump ? grown : 0);
}

static void put_body(uint8_t *stub, uint64_t address, const uint8_t *bytes, uint64_t site, const struct cover *c)
{
	uint32_t cut = c->jump != 0 ? c->jump : c->real, by;
	int32_t d;

	memcpy(stub + FORWARD_BODY, bytes + 2, cut - 2);
	if (c->jump != 0) {
		put_long_jump(stub + moved(0, 0, cut) + cut, address + moved(0, 0, cut) + cut, bytes + cut, site + cut + 2);
		cut += 2;
		memcpy(stub + moved(c->jump, c->grown, cut) + cut, bytes + cut, c->real - cut);
	}
	if (c->fix != 0) {
		by = moved(c->jump, c->grown, c->fix);
		memcpy(&d, bytes + c->fix, sizeof d);
		put32(stub + c->fix + by, d + ((int64_t)site - (int64_t)(address + by)));
	}
}

void write_forward_stub(uint8_t *stub, uint64_t address, const uint8_t *bytes, uint64_t site, const struct cover *c)
{
	static const uint8_t head[FORWARD_BODY] = { 0x48, 0x8d, 0x0d, 10, 0, 0, 0, 0x65, 0xff, 0x24, 0x25, TB_SYSCALL_ENTRY, 0, 0, 0, 0x0f, 0x05 };
	uint32_t n = c->real - 2 + c->grown, end = FORWARD_BODY + n + JMP_SIZE;

	memset(stub, 0xcc, FORWARD_STUB);
	memcpy(stub, head, sizeof head);
	put_body(stub, address, bytes, site, c);
	stub[end - JMP_SIZE] = 0xe9;
	put32(stub + end - 4, (int64_t)(site + c->size) - (int64_t)(address + end));
	stub[STARTS_AT] = (uint8_t)c->starts;
	stub[STARTS_AT + 1] = (uint8_t)(c->starts >> 8);
	memcpy(stub + KEPT_AT, bytes, c->size);
	stub[SIZE_AT] = (uint8_t)c->size;
	stub[BODY_AT] = (uint8_t)n;
	stub[JUMP_AT] = (uint8_t)c->jump;
	stub[GROWN_AT] = (uint8_t)c->grown;
}

void forward_fill(uint8_t *bytes, const struct cover *c)
{
	memset(bytes + JMP_SIZE, FILLER, c->size - JMP_SIZE);
}

bool is_forward_stub(const uint8_t *stub)
{
	return stub[0] == 0x48 && stub[1] == 0x8d && stub[2] == 0x0d && stub[3] == 10 && stub[SIZE_AT] >= JMP_SIZE && stub[SIZE_AT] <= FORWARD_MAX;
}

uint64_t forward_site(const uint8_t *stub, uint64_t address)
{
	uint32_t end = FORWARD_BODY + stub[BODY_AT] + JMP_SIZE;
	int32_t back;

	memcpy(&back, stub + end - sizeof back, sizeof back);
	return address + end + (uint64_t)(int64_t)back - stub[SIZE_AT];
}

uint32_t forward_size(const uint8_t *stub)
{
	return stub[SIZE_AT];
}

const uint8_t *forward_bytes(const uint8_t *stub)
{
	return stub + KEPT_AT;
}

uint32_t forward_site_offset(const uint8_t *stub, uint32_t in)
{
	uint32_t before = in - (FORWARD_BODY - 2), jump = stub[JUMP_AT];

	if (in < FORWARD_BODY) /* nothing there cannot be done twice */
		return 0;
	if (in >= FORWARD_BODY + stub[BODY_AT])
		return stub[SIZE_AT];
	return jump != 0 && before > jump ? MAX(before - stub[GROWN_AT], jump) : before;
}

uint32_t forward_refused(const uint8_t *stub, uint32_t in)
{
	uint32_t starts = stub[STARTS_AT] | (uint32_t)stub[STARTS_AT + 1] << 8;

	if (in >= stub[SIZE_AT])
		return 0;
	if (starts >> in & 1)
		return in;
	/* Something about a flag came first: refused_at_3. */
	return in == 4 && (starts >> 3 & 1) && stub[KEPT_AT + 3] == 0xe9 ? 3 : 0;
}

uint32_t forward_stub_offset(const uint8_t *stub, uint32_t at)
{
	return at + moved(stub[JUMP_AT], stub[GROWN_AT], at);
}
