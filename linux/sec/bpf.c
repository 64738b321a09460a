/* SPDX-License-Identifier: MIT */
/*
 * linux/sec/bpf.c - classic BPF as seccomp has it: checked once, then interpreted.
 *
 * Machine: accumulator A, index X, 16 words M[], all 32 bit.  The packet is struct
 * seccomp_data, read by aligned words in the host's byte order.  Jumps only go forward,
 * so a checked program ends after at most its length (McCanne and Jacobson 1993, and
 * Documentation/networking/filter.rst for the encoding).
 */
#include "linux/sec/internal.h"
#include "rt/mem.h"

static bool simple_code(const struct sock_filter *f)
{
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return f->k % 4 == 0 && f->k < sizeof(struct seccomp_data);
	case BPF_ALU | BPF_DIV | BPF_K:
		return f->k != 0;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return f->k < 32;
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_ALU | BPF_ADD | BPF_K:
	case BPF_ALU | BPF_ADD | BPF_X:
	case BPF_ALU | BPF_SUB | BPF_K:
	case BPF_ALU | BPF_SUB | BPF_X:
	case BPF_ALU | BPF_MUL | BPF_K:
	case BPF_ALU | BPF_MUL | BPF_X:
	case BPF_ALU | BPF_DIV | BPF_X:
	case BPF_ALU | BPF_AND | BPF_K:
	case BPF_ALU | BPF_AND | BPF_X:
	case BPF_ALU | BPF_OR | BPF_K:
	case BPF_ALU | BPF_OR | BPF_X:
	case BPF_ALU | BPF_XOR | BPF_K:
	case BPF_ALU | BPF_XOR | BPF_X:
	case BPF_ALU | BPF_LSH | BPF_X:
	case BPF_ALU | BPF_RSH | BPF_X:
	case BPF_ALU | BPF_NEG:
		return true;
	default:
		return false;
	}
}

static bool is_scratch(uint16_t code)
{
	return code == (BPF_LD | BPF_MEM) || code == (BPF_LDX | BPF_MEM) || code == BPF_ST || code == BPF_STX;
}

static bool is_branch(uint16_t code)
{
	uint16_t op = code & ~(uint16_t)BPF_X;

	return op == (BPF_JMP | BPF_JEQ) || op == (BPF_JMP | BPF_JGT) || op == (BPF_JMP | BPF_JGE) || op == (BPF_JMP | BPF_JSET);
}

static bool code_ok(const struct sock_filter *f, uint32_t left)
{
	if (is_scratch(f->code))
		return f->k < BPF_MEMWORDS;
	if (f->code == (BPF_JMP | BPF_JA))
		return f->k < left;
	if (is_branch(f->code))
		return f->jt < left && f->jf < left;
	return simple_code(f);
}

/* Words of M[] that every way to an instruction has written: in[], all ones where nothing leads yet. */
static bool flow_ok(const struct sock_filter *insn, uint32_t count, uint16_t *in)
{
	uint16_t valid = 0;

	memset(in, 0xff, count * sizeof *in);
	for (uint32_t i = 0; i < count; i++) {
		const struct sock_filter *f = &insn[i];

		valid &= in[i];
		if (f->code == BPF_ST || f->code == BPF_STX) {
			valid |= (uint16_t)(1u << f->k);
		} else if (is_scratch(f->code)) {
			if (!(valid >> f->k & 1))
				return false;
		} else if (f->code == (BPF_JMP | BPF_JA)) {
			in[i + 1 + f->k] &= valid;
			valid = 0xffff;
		} else if (is_branch(f->code)) {
			in[i + 1 + f->jt] &= valid;
			in[i + 1 + f->jf] &= valid;
			valid = 0xffff;
		}
	}
	return true;
}

bool bpf_check(const struct sock_filter *insn, uint32_t count)
{
	uint16_t *in, last;
	bool ok;

	if (count == 0 || count > BPF_MAXINSNS)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!code_ok(&insn[i], count - 1 - i))
			return false;
	last = insn[count - 1].code;
	if (last != (BPF_RET | BPF_K) && last != (BPF_RET | BPF_A))
		return false;
	in = heap_alloc_dirty(count * sizeof *in);
	if (!in)
		return false;
	ok = flow_ok(insn, count, in);
	heap_free(in);
	return ok;
}

static uint32_t alu(uint16_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return b ? a / b : 0;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & 31);
	case BPF_RSH:
		return a >> (b & 31);
	default: /* NEG */
		return -a;
	}
}

static bool branch(uint16_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	default: /* JSET */
		return a & b;
	}
}

uint32_t bpf_run(const struct sock_filter *insn, const struct seccomp_data *data)
{
	const uint32_t *words = (const void *)data;
	uint32_t a = 0, x = 0, m[BPF_MEMWORDS];

	for (const struct sock_filter *f = insn;; f++) {
		uint32_t b = f->code & BPF_X ? x : f->k;

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			if (BPF_MODE(f->code) == BPF_ABS)
				a = words[f->k / 4];
			else
				a = BPF_MODE(f->code) == BPF_MEM ? m[f->k] : BPF_MODE(f->code) == BPF_LEN ? sizeof *data : f->k;
			break;
		case BPF_LDX:
			x = BPF_MODE(f->code) == BPF_MEM ? m[f->k] : BPF_MODE(f->code) == BPF_LEN ? sizeof *data : f->k;
			break;
		case BPF_ST:
			m[f->k] = a;
			break;
		case BPF_STX:
			m[f->k] = x;
			break;
		case BPF_ALU:
			a = alu(BPF_OP(f->code), a, b);
			break;
		case BPF_JMP:
			f += BPF_OP(f->code) == BPF_JA ? f->k : branch(BPF_OP(f->code), a, b) ? f->jt : f->jf;
			break;
		case BPF_RET:
			return BPF_RVAL(f->code) == BPF_A ? a : f->k;
		default: /* MISC */
			if (BPF_MISCOP(f->code) == BPF_TAX)
				x = a;
			else
				a = x;
			break;
		}
	}
}
