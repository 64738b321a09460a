/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/divide.c - which of its two errors a division made: the CPU tells them by one exception, Windows by two statuses.
 * The instruction is looked at again (Intel SDM, volume 2, "DIV", "IDIV", and 2.1 for the encoding): a divisor that is not 0 means overflow.
 */
#include "nt/ke/user.h"
#include "nt/os/thread.h"
#include "nt/ps/ps.h"

#define REX_W 8u
#define REX_X 2u
#define REX_B 1u
#define FS_OVERRIDE 0x64u
#define GS_OVERRIDE 0x65u

struct instruction {
	uint8_t bytes[15];
	uint32_t n, at;          /* read; where we are */
	uint8_t rex, segment;
	bool word;
};

static uint8_t next(struct instruction *i)
{
	return i->at < i->n ? i->bytes[i->at++] : 0;
}

static int32_t displacement(struct instruction *i, uint32_t size)
{
	uint32_t v = 0;

	for (uint32_t k = 0; k < size; k++)
		v |= (uint32_t)next(i) << (8 * k);
	return size == 1 ? (int8_t)v : (int32_t)v;
}

static uint64_t reg(const struct dk_context *c, uint32_t n)
{
	const uint64_t all[16] = { c->rax, c->rcx, c->rdx, c->rbx, c->rsp, c->rbp, c->rsi, c->rdi, c->r8, c->r9, c->r10, c->r11, c->r12, c->r13, c->r14, c->r15 };

	return all[n & 15];
}

/* A register of a byte: ah to bh without any REX. */
static uint64_t byte_reg(const struct instruction *i, const struct dk_context *c, uint32_t rm)
{
	return i->rex == 0 && rm >= 4 && rm < 8 ? reg(c, rm - 4) >> 8 : reg(c, rm);
}

static void prefixes(struct instruction *i)
{
	for (; i->at < i->n; i->at++) {
		uint8_t b = i->bytes[i->at];

		if (b == 0x66)
			i->word = true;
		else if (b == FS_OVERRIDE || b == GS_OVERRIDE)
			i->segment = b;
		else if (b != 0x67 && b != 0xf2 && b != 0xf3 && b != 0x2e && b != 0x36 && b != 0x3e && b != 0x26)
			break;
	}
	if (i->at < i->n && (i->bytes[i->at] & 0xf0) == 0x40)
		i->rex = i->bytes[i->at++];
}

/* The address that ModRM's memory form means. */
static uint64_t address(struct instruction *i, const struct dk_context *c, uint64_t teb, uint8_t modrm)
{
	uint32_t mod = modrm >> 6, rm = modrm & 7;
	uint64_t at = 0;
	bool relative = mod == 0 && rm == 5;

	if (rm == 4) {
		uint8_t sib = next(i);
		uint32_t index = (sib >> 3 & 7) | (i->rex & REX_X ? 8 : 0), base = (sib & 7) | (i->rex & REX_B ? 8 : 0);

		at = index != 4 ? reg(c, index) << (sib >> 6) : 0;
		if ((sib & 7) == 5 && mod == 0)
			at += (uint64_t)(int64_t)displacement(i, 4);
		else
			at += reg(c, base);
	} else if (!relative) {
		at = reg(c, rm | (i->rex & REX_B ? 8 : 0));
	}
	if (mod != 0 || relative)
		at += (uint64_t)(int64_t)displacement(i, mod == 1 ? 1 : 4);
	if (relative)
		at += c->rip + i->at;
	return i->segment == GS_OVERRIDE ? at + teb : at;
}

bool ps_divided_by_zero(const struct nt_thread *t, const struct dk_context *c)
{
	struct instruction i = { .n = 0 };
	uint64_t value = 0;
	uint32_t size;
	uint8_t op, modrm;

	i.n = (uint32_t)(sizeof i.bytes - uaccess_read(i.bytes, c->rip, sizeof i.bytes));
	prefixes(&i);
	op = next(&i);
	modrm = next(&i);
	if ((op & 0xfe) != 0xf6 || (modrm >> 3 & 7) < 6)
		return true; /* no division that is known here */
	size = !(op & 1) ? 1 : i.rex & REX_W ? 8 : i.word ? 2 : 4;
	if (modrm >> 6 == 3) {
		uint32_t rm = (modrm & 7) | (i.rex & REX_B ? 8 : 0);

		value = size == 1 ? byte_reg(&i, c, rm) : reg(c, rm);
	} else if (uaccess_read(&value, address(&i, c, t->teb, modrm), size) != 0) {
		return true;
	}
	if (size < 8)
		value &= (1ull << (size * 8)) - 1;
	return value == 0;
}
