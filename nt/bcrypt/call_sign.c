/* SPDX-License-Identifier: MIT */
/* nt/bcrypt/call_sign.c - of the calls of bcrypt.dll signing and verifying. */
#include "nt/bcrypt/call.h"
#include "nt/ke/user.h"
#include "pico/arena.h"

enum { PAD_PKCS1 = 2, PAD_PSS = 8 };

struct padding {
	const struct bc_hash *hash;
	uint32_t salt;
};

/* What BCRYPT_PKCS1_PADDING_INFO or BCRYPT_PSS_PADDING_INFO say. */
static NTSTATUS read_padding(uint64_t va, uint32_t flags, struct padding *p)
{
	uint64_t name = 0;
	NTSTATUS status;

	*p = (struct padding){ 0 };
	if (va == 0 || (flags != PAD_PKCS1 && flags != PAD_PSS))
		return STATUS_SUCCESS;
	status = user_read(&name, va, sizeof name);
	if (status == STATUS_SUCCESS && flags == PAD_PSS)
		status = user_read(&p->salt, va + sizeof name, sizeof p->salt);
	return status == STATUS_SUCCESS ? bc_hash_of(name, &p->hash) : status;
}

/* What a signature is made and checked with; *k has a reference. */
static NTSTATUS begin(uint64_t key_va, uint64_t padding, uint32_t flags, struct padding *p, struct bc_key **k)
{
	struct bc_guest_key g;
	NTSTATUS status = read_padding(padding, flags, p);

	return status == STATUS_SUCCESS ? bc_pair_of(key_va, STATUS_INVALID_PARAMETER, &g, k) : status;
}

static uint32_t signature_size(const struct bc_key *k)
{
	return bc_is_rsa(k->alg) ? k->rsa.nlen : k->alg == BC_DSA ? 2 * BC_DSA_Q : 2 * k->ec.size;
}

static NTSTATUS sign_rsa(const struct bc_rsa *r, const struct padding *p, uint32_t flags, const uint8_t *hash, uint32_t size, uint8_t *out)
{
	if (flags == PAD_PKCS1)
		return bc_rsa_sign(r, p->hash, hash, size, out);
	return bc_pss_sign(r, p->hash, p->salt, hash, size, out);
}

static NTSTATUS sign_with(const struct bc_key *k, const struct padding *p, uint32_t flags, const uint8_t *hash, uint32_t size, uint8_t *out)
{
	if (!k->private)
		return STATUS_INVALID_PARAMETER;
	if (bc_is_rsa(k->alg))
		return sign_rsa(&k->rsa, p, flags, hash, size, out);
	if (k->alg == BC_DSA)
		return size == BC_DSA_Q ? bc_dsa_sign(&k->dsa, hash, out) : (NTSTATUS)STATUS_INVALID_PARAMETER;
	if (p->hash != NULL && p->hash->size != size)
		return STATUS_INVALID_PARAMETER;
	return bc_ec_sign(&k->ec, hash, size, out);
}

/* RSA is told the padding and its hash. */
static NTSTATUS check_padding(const struct bc_key *k, const struct padding *p, uint32_t flags)
{
	if (!bc_is_rsa(k->alg))
		return STATUS_SUCCESS;
	if (flags != 0 && flags != PAD_PKCS1 && flags != PAD_PSS)
		return STATUS_NOT_IMPLEMENTED;
	return flags == 0 || p->hash == NULL ? (NTSTATUS)STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

struct sign_args { uint64_t key, padding, input; uint32_t input_len, pad; uint64_t output; uint32_t output_len, pad2; uint64_t size; uint32_t flags, pad3; };

static NTSTATUS sign_into(const struct bc_key *k, const struct padding *p, const struct sign_args *a)
{
	uint32_t size = signature_size(k);
	uint8_t *hash, *out;
	NTSTATUS status = user_put32(a->size, size);

	if (status != STATUS_SUCCESS || a->output == 0)
		return status;
	if (k->private && a->output_len < size)
		return STATUS_BUFFER_TOO_SMALL;
	status = bc_copy_in(a->input, a->input_len, BC_INPUT_MAX, &hash);
	if (status != STATUS_SUCCESS)
		return status;
	out = heap_alloc(BC_RSA_MAX);
	status = out != NULL ? sign_with(k, p, a->flags, hash, a->input_len, out) : (NTSTATUS)STATUS_NO_MEMORY;
	if (status == STATUS_SUCCESS)
		status = user_write(a->output, out, size);
	heap_free(out);
	heap_free(hash);
	return status;
}

NTSTATUS bc_call_sign(uint64_t args)
{
	struct sign_args a;
	struct padding p;
	struct bc_key *k;
	NTSTATUS status = user_read(&a, args, sizeof a);

	if (status == STATUS_SUCCESS)
		status = begin(a.key, a.padding, a.flags, &p, &k);
	if (status != STATUS_SUCCESS)
		return status;
	status = check_padding(k, &p, a.flags);
	if (status == STATUS_SUCCESS)
		status = sign_into(k, &p, &a);
	bc_key_put(k);
	return status;
}

struct verify_args { uint64_t key, padding, hash; uint32_t hash_len, pad; uint64_t signature; uint32_t size, flags; };

static NTSTATUS verify_with(const struct bc_key *k, const struct padding *p, const struct verify_args *a, const uint8_t *hash, uint8_t *signature)
{
	if (k->alg == BC_DSA)
		return a->hash_len == BC_DSA_Q ? bc_dsa_verify(&k->dsa, hash, signature, a->size) : (NTSTATUS)STATUS_INVALID_PARAMETER;
	if (!bc_is_rsa(k->alg))
		return bc_ec_verify(&k->ec, hash, a->hash_len, signature, a->size);
	if (a->flags == PAD_PSS)
		return bc_pss_verify(&k->rsa, p->hash, p->salt, hash, a->hash_len, signature, a->size);
	return bc_rsa_verify(&k->rsa, p->hash, hash, a->hash_len, signature, a->size);
}

static NTSTATUS verify_pair(const struct bc_key *k, const struct padding *p, const struct verify_args *a)
{
	uint8_t *hash = NULL, *signature = NULL;
	NTSTATUS status = check_padding(k, p, a->flags);

	if (status == (NTSTATUS)STATUS_INVALID_PARAMETER && a->padding != 0 && a->flags != 0)
		status = STATUS_INVALID_SIGNATURE; /* a padding without a hash */
	if (status == STATUS_SUCCESS)
		status = bc_copy_in(a->hash, a->hash_len, BC_INPUT_MAX, &hash);
	if (status == STATUS_SUCCESS)
		status = bc_copy_in(a->signature, a->size, BC_INPUT_MAX, &signature);
	if (status == STATUS_SUCCESS)
		status = verify_with(k, p, a, hash, signature);
	heap_free(hash);
	heap_free(signature);
	return status;
}

NTSTATUS bc_call_verify(uint64_t args)
{
	struct verify_args a;
	struct padding p;
	struct bc_key *k;
	NTSTATUS status = user_read(&a, args, sizeof a);

	if (status == STATUS_SUCCESS)
		status = begin(a.key, a.padding, a.flags, &p, &k);
	if (status != STATUS_SUCCESS)
		return status;
	status = verify_pair(k, &p, &a);
	bc_key_put(k);
	return status;
}
