/* SPDX-License-Identifier: MIT */
/* nt/bcrypt/ec.c - keys on the curves P-256 and P-384, and ECDSA (FIPS 186-4; the secret number is made from key and hash, RFC 6979). */
#include "nt/bcrypt/bcrypt.h"
#include "rt/mem.h"

static const br_ec_impl *functions_of(const struct bc_ec *c)
{
	return c->curve == BR_EC_secp256r1 ? &br_ec_p256_m31 : &br_ec_prime_i31;
}

void bc_ec_init(struct bc_ec *c, uint32_t alg)
{
	bool small = alg == BC_ECDH_P256 || alg == BC_ECDSA_P256;

	c->size = small ? 32 : 48;
	c->curve = small ? BR_EC_secp256r1 : BR_EC_secp384r1;
	c->q[0] = 4; /* not compressed */
}

static br_ec_private_key private_of(const struct bc_ec *c)
{
	return (br_ec_private_key){ .curve = c->curve, .x = (uint8_t *)c->d, .xlen = c->size };
}

NTSTATUS bc_ec_generate(struct bc_ec *c)
{
	br_ec_private_key sk = private_of(c);
	br_hmac_drbg_context rng;

	bc_random(&rng);
	if (br_ec_keygen(&rng.vtable, functions_of(c), &sk, c->d, c->curve) != c->size)
		return STATUS_INTERNAL_ERROR;
	return br_ec_compute_pub(functions_of(c), NULL, c->q, &sk) == 1 + 2 * c->size ? STATUS_SUCCESS : (NTSTATUS)STATUS_INTERNAL_ERROR;
}

bool bc_ec_on_curve(const struct bc_ec *c)
{
	const uint8_t one = 1;
	uint8_t q[sizeof c->q];

	memcpy(q, c->q, sizeof q);
	return functions_of(c)->mul(q, 1 + 2 * c->size, &one, 1, c->curve) != 0;
}

NTSTATUS bc_ec_sign(const struct bc_ec *c, const uint8_t *hash, uint32_t size, uint8_t *out)
{
	const struct bc_hash *h = bc_hash_by_size(size);
	br_ec_private_key sk = private_of(c);

	if (h == NULL)
		return STATUS_INVALID_PARAMETER;
	return br_ecdsa_i31_sign_raw(functions_of(c), h->hash, hash, &sk, out) == 2 * c->size ? STATUS_SUCCESS : (NTSTATUS)STATUS_INTERNAL_ERROR;
}

NTSTATUS bc_ec_verify(const struct bc_ec *c, const uint8_t *hash, uint32_t size, const uint8_t *signature, uint32_t ssize)
{
	br_ec_public_key pk = { .curve = c->curve, .q = (uint8_t *)c->q, .qlen = 1 + 2 * c->size };

	if (ssize != 2 * c->size || br_ecdsa_i31_vrfy_raw(functions_of(c), hash, size, &pk, signature, ssize) == 0)
		return STATUS_INVALID_SIGNATURE;
	return STATUS_SUCCESS;
}
