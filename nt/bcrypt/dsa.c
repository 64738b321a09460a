/* SPDX-License-Identifier: MIT */
/*
 * nt/bcrypt/dsa.c - DSA (FIPS 186-2): p of 512 to 1024 bits, q of 160, SHA-1's hashes.
 *
 * New p and q are random primes, not such as follow from a seed: blobs say so by a seed of zeros.  Both are 3 mod 4, so that one power
 * a base tests them.
 */
#include "nt/bcrypt/bcrypt.h"
#include "rt/mem.h"

#define BASES 32
#define TRIES 8 /* of which none fails with numbers that make sense */

bool bc_dsa_is_sound(const struct bc_dsa *d)
{
	return d->size >= BC_DSA_Q && (d->p[d->size - 1] & 1) && (d->q[BC_DSA_Q - 1] & 1) && d->p[0] != 0 && d->q[0] != 0 &&
		bc_num_compare(d->g, d->p, d->size) < 0 && bc_num_compare(d->y, d->p, d->size) < 0 && bc_num_compare(d->x, d->q, BC_DSA_Q) < 0;
}

void bc_dsa_complete(struct bc_dsa *d)
{
	memcpy(d->y, d->g, d->size);
	bc_num_power(d->y, d->x, BC_DSA_Q, d->p, d->size);
}

/* 0 < x < q. */
static void random_below_q(const struct bc_dsa *d, br_hmac_drbg_context *rng, uint8_t *x)
{
	do
		br_hmac_drbg_generate(rng, x, BC_DSA_Q);
	while (bc_num_is_zero(x, BC_DSA_Q) || bc_num_compare(x, d->q, BC_DSA_Q) >= 0);
}

/* p = q k + 1 with k = 2 mod 4; k, which is returned, is also what a number is raised to for one of order q. */
static void find_primes(struct bc_dsa *d, br_hmac_drbg_context *rng, uint8_t *k)
{
	uint32_t klen = d->size - BC_DSA_Q;

	do {
		br_hmac_drbg_generate(rng, d->q, BC_DSA_Q);
		d->q[0] |= 0x80;
		d->q[BC_DSA_Q - 1] |= 3;
	} while (!bc_num_is_prime(d->q, BC_DSA_Q, BASES, rng));
	do {
		br_hmac_drbg_generate(rng, k, klen);
		k[0] |= 0x80;
		k[klen - 1] = (uint8_t)((k[klen - 1] & ~3u) | 2);
		bc_num_multiply_add_one(d->p, d->size, k, klen, d->q, BC_DSA_Q);
	} while (!(d->p[0] & 0x80) || !bc_num_is_prime(d->p, d->size, BASES, rng));
}

NTSTATUS bc_dsa_generate(struct bc_dsa *d, uint32_t bits)
{
	br_hmac_drbg_context rng;
	uint8_t k[BC_DSA_MAX], h = 1;

	if (bits < 512 || bits % 64 != 0)
		return STATUS_INVALID_PARAMETER;
	if (bits > BC_DSA_MAX * 8)
		return STATUS_NOT_SUPPORTED;
	d->size = bits / 8;
	bc_random(&rng);
	find_primes(d, &rng, k);
	do {
		memset(d->g, 0, d->size);
		d->g[d->size - 1] = ++h;
		bc_num_power(d->g, k, d->size - BC_DSA_Q, d->p, d->size);
	} while (d->g[d->size - 1] <= 1 && bc_num_is_zero(d->g, d->size - 1));
	random_below_q(d, &rng, d->x);
	bc_dsa_complete(d);
	return STATUS_SUCCESS;
}

/* (g^k mod p) mod q */
static void first_half(const struct bc_dsa *d, const uint8_t *k, uint8_t *r)
{
	uint8_t v[BC_DSA_MAX];

	memcpy(v, d->g, d->size);
	bc_num_power(v, k, BC_DSA_Q, d->p, d->size);
	bc_num_mod(r, v, d->size, d->q, BC_DSA_Q, false);
}

NTSTATUS bc_dsa_sign(const struct bc_dsa *d, const uint8_t *hash, uint8_t *out)
{
	br_hmac_drbg_context rng;
	uint8_t k[BC_DSA_Q], z[BC_DSA_Q], *r = out, *s = out + BC_DSA_Q;
	int tries = TRIES;

	bc_random(&rng);
	bc_num_mod(z, hash, BC_DSA_Q, d->q, BC_DSA_Q, false);
	do {
		random_below_q(d, &rng, k);
		first_half(d, k, r);
		memcpy(s, r, BC_DSA_Q); /* s = (z + x r) / k */
		bc_num_multiply_mod(s, d->x, d->q, BC_DSA_Q);
		bc_num_add_mod(s, z, d->q, BC_DSA_Q);
		if (tries-- == 0 || !bc_num_inverse(k, k, BC_DSA_Q, d->q, BC_DSA_Q))
			return STATUS_INTERNAL_ERROR;
		bc_num_multiply_mod(s, k, d->q, BC_DSA_Q);
	} while (bc_num_is_zero(r, BC_DSA_Q) || bc_num_is_zero(s, BC_DSA_Q));
	return STATUS_SUCCESS;
}

NTSTATUS bc_dsa_verify(const struct bc_dsa *d, const uint8_t *hash, const uint8_t *signature, uint32_t ssize)
{
	const uint8_t *r = signature, *s = signature + BC_DSA_Q;
	uint8_t w[BC_DSA_Q], u[BC_DSA_Q], v[BC_DSA_MAX], y[BC_DSA_MAX];

	if (ssize != 2 * BC_DSA_Q || bc_num_is_zero(r, BC_DSA_Q) || bc_num_is_zero(s, BC_DSA_Q) || bc_num_compare(r, d->q, BC_DSA_Q) >= 0 ||
		bc_num_compare(s, d->q, BC_DSA_Q) >= 0 || !bc_num_inverse(w, s, BC_DSA_Q, d->q, BC_DSA_Q))
		return STATUS_INVALID_SIGNATURE;
	bc_num_mod(u, hash, BC_DSA_Q, d->q, BC_DSA_Q, false);
	bc_num_multiply_mod(u, w, d->q, BC_DSA_Q);
	memcpy(v, d->g, d->size);
	bc_num_power(v, u, BC_DSA_Q, d->p, d->size);
	memcpy(u, r, BC_DSA_Q);
	bc_num_multiply_mod(u, w, d->q, BC_DSA_Q);
	memcpy(y, d->y, d->size);
	bc_num_power(y, u, BC_DSA_Q, d->p, d->size);
	bc_num_multiply_mod(v, y, d->p, d->size);
	bc_num_mod(u, v, d->size, d->q, BC_DSA_Q, false);
	return bc_num_compare(u, r, BC_DSA_Q) == 0 ? STATUS_SUCCESS : (NTSTATUS)STATUS_INVALID_SIGNATURE;
}
