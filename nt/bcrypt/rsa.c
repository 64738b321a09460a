/* SPDX-License-Identifier: MIT */
/*
 * nt/bcrypt/rsa.c - RSA (RFC 8017): pairs of keys, PKCS #1 version 1.5 encryption and signatures.
 *
 * Keys have 512 to 4096 bits, which is what BearSSL is built for, and public exponents of up to 32 bits where there is a private half.
 */
#include "nt/bcrypt/bcrypt.h"
#include "pico/arena.h"
#include "rt/mem.h"

#define RSA_MIN_BITS 512u
#define EXPONENT     65537u
#define PAD_LEAST    11u   /* 0, kind, 8 bytes, 0 */

static br_rsa_private_key private_of(const struct bc_rsa *r)
{
	return (br_rsa_private_key){ .n_bitlen = r->bits, .p = (uint8_t *)r->p, .plen = r->plen, .q = (uint8_t *)r->q, .qlen = r->qlen, .dp = (uint8_t *)r->dp,
		.dplen = r->plen, .dq = (uint8_t *)r->dq, .dqlen = r->qlen, .iq = (uint8_t *)r->iq, .iqlen = r->plen };
}

static br_rsa_public_key public_of(const struct bc_rsa *r)
{
	return (br_rsa_public_key){ .n = (uint8_t *)r->n, .nlen = r->nlen, .e = (uint8_t *)r->e, .elen = r->elen };
}

uint32_t bc_rsa_bits(const struct bc_rsa *r)
{
	return r->nlen == 0 || r->n[0] == 0 ? 0 : r->nlen * 8 - (uint32_t)__builtin_clz(r->n[0]) + 24;
}

bool bc_rsa_public(const struct bc_rsa *r, uint8_t *x)
{
	br_rsa_public_key pk = public_of(r);

	return br_rsa_i62_public(x, r->nlen, &pk) != 0;
}

bool bc_rsa_private(const struct bc_rsa *r, uint8_t *x)
{
	br_rsa_private_key sk = private_of(r);

	return br_rsa_i62_private(x, &sk) != 0;
}

/* ---- Keys ---- */

static bool set_exponent(struct bc_rsa *r)
{
	br_rsa_private_key sk = private_of(r);
	uint32_t e = 0;

	if (r->elen > 4)
		return false;
	for (uint32_t i = 0; i < r->elen; i++)
		e = e << 8 | r->e[i];
	if (r->dlen == 0)
		r->dlen = (uint32_t)br_rsa_i31_compute_privexp(r->d, &sk, e);
	return r->dlen != 0;
}

/* Is n the product of the primes? */
static bool is_product(const struct bc_rsa *r)
{
	br_rsa_private_key sk = private_of(r);
	uint8_t *n = heap_alloc(2 * BC_RSA_HALF);
	size_t len;
	bool good = false;

	if (n == NULL)
		return false;
	len = br_rsa_i31_compute_modulus(n, &sk);
	good = len == r->nlen && memcmp(n, r->n, len) == 0;
	heap_free(n);
	return good;
}

NTSTATUS bc_rsa_complete(struct bc_rsa *r)
{
	r->bits = bc_rsa_bits(r);
	if (r->bits < RSA_MIN_BITS || r->plen < 5 || r->qlen < 5 || !(r->p[r->plen - 1] & r->q[r->qlen - 1] & 1) || !is_product(r) || !set_exponent(r))
		return STATUS_INVALID_PARAMETER;
	bc_num_mod(r->dp, r->d, r->dlen, r->p, r->plen, true);
	bc_num_mod(r->dq, r->d, r->dlen, r->q, r->qlen, true);
	return bc_num_inverse(r->iq, r->q, r->qlen, r->p, r->plen) ? STATUS_SUCCESS : (NTSTATUS)STATUS_INVALID_PARAMETER;
}

struct made { /* what BearSSL needs for a new pair */
	br_hmac_drbg_context rng;
	br_rsa_private_key sk;
	br_rsa_public_key pk;
	uint8_t private[BR_RSA_KBUF_PRIV_SIZE(BC_RSA_MAX * 8)], public[BR_RSA_KBUF_PUB_SIZE(BC_RSA_MAX * 8)];
};

NTSTATUS bc_rsa_generate(struct bc_rsa *r, uint32_t bits)
{
	struct made *m;
	NTSTATUS status = STATUS_INTERNAL_ERROR;

	if (bits < RSA_MIN_BITS || bits > BC_RSA_MAX * 8 || bits % 8 != 0)
		return bits > BC_RSA_MAX * 8 ? (NTSTATUS)STATUS_NOT_SUPPORTED : (NTSTATUS)STATUS_INVALID_PARAMETER;
	m = heap_alloc(sizeof *m);
	if (m == NULL)
		return STATUS_NO_MEMORY;
	bc_random(&m->rng);
	if (br_rsa_i62_keygen(&m->rng.vtable, &m->sk, m->private, &m->pk, m->public, bits, EXPONENT) != 0) {
		r->nlen = (uint32_t)m->pk.nlen;
		r->elen = (uint32_t)m->pk.elen;
		r->plen = (uint32_t)m->sk.plen;
		r->qlen = (uint32_t)m->sk.qlen;
		memcpy(r->n, m->pk.n, r->nlen);
		memcpy(r->e, m->pk.e, r->elen);
		while (r->elen > 1 && r->e[0] == 0)
			memmove(r->e, r->e + 1, --r->elen);
		memcpy(r->p, m->sk.p, r->plen);
		memcpy(r->q, m->sk.q, r->qlen);
		status = bc_rsa_complete(r);
	}
	memset(m, 0, sizeof *m);
	__asm__ volatile("" : : "r"(m) : "memory");
	heap_free(m);
	return status;
}

/* ---- PKCS #1, version 1.5 ---- */

static void random_nonzero(uint8_t *to, uint32_t size)
{
	br_hmac_drbg_context rng;

	bc_random(&rng);
	br_hmac_drbg_generate(&rng, to, size);
	for (uint32_t i = 0; i < size; i++)
		while (to[i] == 0)
			br_hmac_drbg_generate(&rng, &to[i], 1);
}

NTSTATUS bc_rsa_encrypt(const struct bc_rsa *r, const uint8_t *data, uint32_t size, uint8_t *out)
{
	if (size + PAD_LEAST > r->nlen)
		return STATUS_INVALID_PARAMETER;
	out[0] = 0;
	out[1] = 2;
	random_nonzero(out + 2, r->nlen - size - 3);
	out[r->nlen - size - 1] = 0;
	memcpy(out + r->nlen - size, data, size);
	return bc_rsa_public(r, out) ? STATUS_SUCCESS : (NTSTATUS)STATUS_INVALID_PARAMETER;
}

NTSTATUS bc_rsa_decrypt(const struct bc_rsa *r, uint8_t *x, uint32_t size, uint32_t *at)
{
	uint32_t i = 2;

	if (size != r->nlen || !bc_rsa_private(r, x) || x[0] != 0 || x[1] != 2)
		return STATUS_INVALID_PARAMETER;
	while (i < size && x[i] != 0)
		i++;
	if (i == size || i + 1 < PAD_LEAST)
		return STATUS_INVALID_PARAMETER;
	*at = i + 1;
	return STATUS_SUCCESS;
}

NTSTATUS bc_rsa_sign(const struct bc_rsa *r, const struct bc_hash *h, const uint8_t *hash, uint32_t size, uint8_t *out)
{
	br_rsa_private_key sk = private_of(r);

	if (size != h->size)
		return STATUS_INVALID_PARAMETER;
	return br_rsa_i62_pkcs1_sign(h->oid, hash, size, &sk, out) != 0 ? STATUS_SUCCESS : (NTSTATUS)STATUS_INVALID_PARAMETER;
}

NTSTATUS bc_rsa_verify(const struct bc_rsa *r, const struct bc_hash *h, const uint8_t *hash, uint32_t size, const uint8_t *signature, uint32_t ssize)
{
	br_rsa_public_key pk = public_of(r);
	uint8_t found[64];

	if (size != h->size || ssize != r->nlen || br_rsa_i62_pkcs1_vrfy(signature, ssize, h->oid, size, &pk, found) == 0)
		return STATUS_INVALID_SIGNATURE;
	return memcmp(found, hash, size) == 0 ? STATUS_SUCCESS : (NTSTATUS)STATUS_INVALID_SIGNATURE;
}
