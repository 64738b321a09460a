/* SPDX-License-Identifier: MIT */
/*
 * nt/bcrypt/rsa_pss.c - RSA signatures with PSS (RFC 8017, 9.1): the padded message is, from its last byte backwards, 0xbc, a hash H of the
 * message's hash and the salt, and the salt behind zeros and a 1, masked by what MGF1 makes of H.
 */
#include <inner.h> /* first: it has functions by the names of our macros */
#include "nt/bcrypt/bcrypt.h"
#include "rt/mem.h"

#define TRAILER 0xbc

/* Eight zeros, the message's hash, the salt. */
static void hash_of(const struct bc_hash *h, const uint8_t *hash, const uint8_t *salt, uint32_t salt_size, uint8_t *out)
{
	br_hash_compat_context c;
	const uint8_t zeros[8] = { 0 };

	h->hash->init(&c.vtable);
	h->hash->update(&c.vtable, zeros, sizeof zeros);
	h->hash->update(&c.vtable, hash, h->size);
	h->hash->update(&c.vtable, salt, salt_size);
	h->hash->out(&c.vtable, out);
}

/* Where the padded message begins in the modulus' bytes: it is a bit shorter.  False: there is no room for it. */
static bool shape(const struct bc_rsa *r, const struct bc_hash *h, uint32_t salt, uint32_t size, uint32_t *skip, uint8_t *mask)
{
	uint32_t bits = bc_rsa_bits(r) - 1;

	*skip = r->nlen - (bits + 7) / 8;
	*mask = (uint8_t)(0xff >> (((bits + 7) & ~7u) - bits));
	return h->hash != NULL && size == h->size && salt <= BC_RSA_MAX && h->size + salt + 2 <= r->nlen - *skip;
}

NTSTATUS bc_pss_sign(const struct bc_rsa *r, const struct bc_hash *h, uint32_t salt, const uint8_t *hash, uint32_t size, uint8_t *out)
{
	br_hmac_drbg_context rng;
	uint32_t skip, data;
	uint8_t mask, *em;

	if (!shape(r, h, salt, size, &skip, &mask))
		return STATUS_INVALID_PARAMETER;
	em = out + skip;
	data = r->nlen - skip - h->size - 1; /* bytes that are masked */
	memset(out, 0, r->nlen);
	bc_random(&rng);
	br_hmac_drbg_generate(&rng, em + data - salt, salt);
	em[data - salt - 1] = 1;
	hash_of(h, hash, em + data - salt, salt, em + data);
	br_mgf1_xor(em, data, h->hash, em + data, h->size);
	em[0] &= mask;
	em[data + h->size] = TRAILER;
	return bc_rsa_private(r, out) ? STATUS_SUCCESS : (NTSTATUS)STATUS_INTERNAL_ERROR;
}

NTSTATUS bc_pss_verify(const struct bc_rsa *r, const struct bc_hash *h, uint32_t salt, const uint8_t *hash, uint32_t size, uint8_t *signature, uint32_t ssize)
{
	uint32_t skip, data;
	uint8_t mask, *em, found[64];

	if (!shape(r, h, salt, size, &skip, &mask) || ssize != r->nlen || !bc_rsa_public(r, signature))
		return STATUS_INVALID_SIGNATURE;
	em = signature + skip;
	data = r->nlen - skip - h->size - 1;
	if ((skip != 0 && signature[0] != 0) || (em[0] & ~mask) != 0 || em[data + h->size] != TRAILER)
		return STATUS_INVALID_SIGNATURE;
	br_mgf1_xor(em, data, h->hash, em + data, h->size);
	em[0] &= mask;
	if (!bc_num_is_zero(em, data - salt - 1) || em[data - salt - 1] != 1)
		return STATUS_INVALID_SIGNATURE;
	hash_of(h, hash, em + data - salt, salt, found);
	return memcmp(found, em + data, h->size) == 0 ? STATUS_SUCCESS : (NTSTATUS)STATUS_INVALID_SIGNATURE;
}
