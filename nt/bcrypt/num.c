/* SPDX-License-Identifier: MIT */
/*
 * nt/bcrypt/num.c - arithmetic with numbers of up to BC_RSA_HALF bytes, as big-endian bytes, by BearSSL's i31 functions.
 *
 * A number there is words of 31 bits behind one with its size (as inner.h tells).  Each function converts and converts back: what is
 * slow in it is the arithmetic.
 */
#include <inner.h> /* first: it has functions by the names of our macros */
#include "nt/bcrypt/bcrypt.h"
#include "rt/mem.h"

#define WORDS (3 + (BC_RSA_HALF * 8 + 30) / 31)

void bc_num_mod(uint8_t *out, const uint8_t *a, uint32_t alen, const uint8_t *m, uint32_t mlen, bool less_one)
{
	uint32_t mod[WORDS], x[WORDS];

	br_i31_decode(mod, m, mlen);
	mod[1] -= less_one; /* m is odd */
	br_i31_decode_reduce(x, a, alen, mod);
	br_i31_encode(out, mlen, x);
}

bool bc_num_inverse(uint8_t *out, const uint8_t *a, uint32_t alen, const uint8_t *m, uint32_t mlen)
{
	uint32_t mod[WORDS], x[WORDS], y[WORDS], t[3 * WORDS];
	bool good;

	br_i31_decode(mod, m, mlen);
	br_i31_decode_reduce(y, a, alen, mod);
	br_i31_zero(x, mod[0]);
	x[1] = 1;
	good = br_i31_moddiv(x, y, mod, br_i31_ninv31(mod[1]), t) != 0;
	br_i31_encode(out, mlen, x);
	return good;
}

void bc_num_power(uint8_t *x, const uint8_t *e, uint32_t elen, const uint8_t *m, uint32_t mlen)
{
	uint32_t mod[WORDS], v[WORDS], t[4 * WORDS];

	br_i31_decode(mod, m, mlen);
	br_i31_decode_reduce(v, x, mlen, mod);
	(void)br_i31_modpow_opt(v, e, elen, mod, br_i31_ninv31(mod[1]), t, ARRAY_LEN(t));
	br_i31_encode(x, mlen, v);
}

void bc_num_multiply_mod(uint8_t *x, const uint8_t *y, const uint8_t *m, uint32_t mlen)
{
	uint32_t mod[WORDS], a[WORDS], b[WORDS], d[WORDS];

	br_i31_decode(mod, m, mlen);
	br_i31_decode_reduce(a, x, mlen, mod);
	br_i31_decode_reduce(b, y, mlen, mod);
	br_i31_to_monty(a, mod);
	br_i31_zero(d, mod[0]);
	br_i31_montymul(d, a, b, mod, br_i31_ninv31(mod[1]));
	br_i31_encode(x, mlen, d);
}

void bc_num_add_mod(uint8_t *x, const uint8_t *y, const uint8_t *m, uint32_t mlen)
{
	uint32_t mod[WORDS], a[WORDS], b[WORDS], carry;

	br_i31_decode(mod, m, mlen);
	br_i31_decode_reduce(a, x, mlen, mod);
	br_i31_decode_reduce(b, y, mlen, mod);
	carry = br_i31_add(a, b, 1);
	(void)br_i31_sub(a, mod, carry | (br_i31_sub(a, mod, 0) ^ 1));
	br_i31_encode(x, mlen, a);
}

void bc_num_multiply_add_one(uint8_t *out, uint32_t olen, const uint8_t *a, uint32_t alen, const uint8_t *b, uint32_t blen)
{
	uint32_t x[WORDS], y[WORDS], d[2 * WORDS];

	br_i31_decode(x, a, alen);
	br_i31_decode(y, b, blen);
	memset(d, 0, sizeof d);
	br_i31_zero(d, x[0]);
	d[1] = 1;
	br_i31_mulacc(d, x, y);
	br_i31_encode(out, olen, d);
}

bool bc_num_is_zero(const uint8_t *a, uint32_t len)
{
	uint8_t any = 0;

	for (uint32_t i = 0; i < len; i++)
		any |= a[i];
	return any == 0;
}

int bc_num_compare(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	return memcmp(a, b, len);
}

/* ---- Primes ---- */

static uint32_t remainder(const uint8_t *n, uint32_t len, uint32_t by)
{
	uint32_t r = 0;

	for (uint32_t i = 0; i < len; i++)
		r = (r << 8 | n[i]) % by;
	return r;
}

static bool has_small_factor(const uint8_t *n, uint32_t len)
{
	for (uint32_t by = 3; by < 2048; by += 2)
		if (remainder(n, len, by) == 0)
			return true;
	return false;
}

/* Miller and Rabin's test; n - 1 is twice an odd number, so it is one power: that is 1 or n - 1. */
static bool is_witness(const uint8_t *n, uint32_t len, uint8_t *base)
{
	uint8_t half[BC_DSA_MAX], minus[BC_DSA_MAX];
	uint32_t carry = 0;

	memcpy(minus, n, len);
	minus[len - 1] -= 1;
	for (uint32_t i = 0; i < len; i++) { /* (n - 1) / 2 */
		half[i] = (uint8_t)(carry << 7 | minus[i] >> 1);
		carry = minus[i] & 1;
	}
	bc_num_power(base, half, len, n, len);
	return bc_num_compare(base, minus, len) != 0 && (base[len - 1] != 1 || !bc_num_is_zero(base, len - 1));
}

bool bc_num_is_prime(const uint8_t *n, uint32_t len, int bases, br_hmac_drbg_context *rng)
{
	uint8_t base[BC_DSA_MAX];

	if ((n[len - 1] & 3) != 3 || has_small_factor(n, len))
		return false;
	for (int i = 0; i < bases; i++) {
		br_hmac_drbg_generate(rng, base, len);
		base[0] &= 0x7f;
		base[len - 1] |= 2; /* neither 0 nor 1 */
		if (is_witness(n, len, base))
			return false;
	}
	return true;
}
