/* SPDX-License-Identifier: MIT */
/* nt/bcrypt/call_keys.c - of the calls of bcrypt.dll those of pairs of keys: making, blobs, RSA's encryption. */
#include "nt/bcrypt/call.h"
#include "nt/ke/user.h"
#include "pico/arena.h"
#include "rt/mem.h"

static NTSTATUS generate_in(struct bc_key *k, const struct bc_guest_key *g)
{
	k->private = true;
	if (bc_is_rsa(g->alg))
		return bc_rsa_generate(&k->rsa, g->a.bits);
	if (g->alg == BC_DSA)
		return bc_dsa_generate(&k->dsa, g->a.bits);
	if (!bc_is_ec(g->alg))
		return STATUS_NOT_SUPPORTED;
	bc_ec_init(&k->ec, g->alg);
	return bc_ec_generate(&k->ec);
}

NTSTATUS bc_call_generate(uint64_t key_va)
{
	struct bc_guest_key g;
	struct bc_key *k;
	NTSTATUS status = user_read(&g, key_va, sizeof g);

	if (status != STATUS_SUCCESS)
		return status;
	if (g.handle != 0)
		return STATUS_INVALID_HANDLE; /* it was made before */
	k = bc_key_new(g.alg);
	status = k != NULL ? generate_in(k, &g) : (NTSTATUS)STATUS_NO_MEMORY;
	if (status == STATUS_SUCCESS)
		return bc_set_handle(key_va, bc_key_publish(k));
	bc_key_put(k);
	return status;
}

NTSTATUS bc_call_import(uint64_t args)
{
	struct { uint64_t key; uint32_t flags, pad; uint64_t blob; uint32_t size, pad2; } a;
	struct bc_guest_key g;
	struct bc_key *k;
	uint8_t *blob;
	NTSTATUS status = user_read(&a, args, sizeof a);

	if (status == STATUS_SUCCESS)
		status = user_read(&g, a.key, sizeof g);
	if (status == STATUS_SUCCESS)
		status = bc_copy_in(a.blob, a.size, BC_BLOB_MAX, &blob);
	if (status != STATUS_SUCCESS)
		return status;
	k = bc_key_new(g.alg);
	status = k != NULL ? bc_import(k, &g, a.flags & 1, blob, a.size, g.a.dss_seed) : (NTSTATUS)STATUS_NO_MEMORY;
	memset(blob, 0, a.size);
	heap_free(blob);
	if (status == STATUS_SUCCESS && g.alg == BC_DSA)
		status = user_write(a.key + offsetof(struct bc_guest_key, a.dss_seed), g.a.dss_seed, sizeof g.a.dss_seed);
	if (status == STATUS_SUCCESS) {
		bc_key_close(g.handle);
		return bc_set_handle(a.key, bc_key_publish(k));
	}
	bc_key_put(k);
	return status;
}

NTSTATUS bc_call_export(uint64_t args)
{
	struct { uint64_t key; uint32_t flags, pad; uint64_t buffer; uint32_t room, pad2; uint64_t size; } a;
	struct bc_guest_key g;
	struct bc_key *k;
	uint8_t *blob;
	uint32_t size;
	NTSTATUS status = user_read(&a, args, sizeof a);

	if (status == STATUS_SUCCESS)
		status = bc_pair_of(a.key, STATUS_INVALID_PARAMETER, &g, &k);
	if (status != STATUS_SUCCESS)
		return status;
	blob = heap_alloc(BC_BLOB_MAX);
	status = blob != NULL ? bc_export(k, &g, a.flags, blob, &size) : (NTSTATUS)STATUS_NO_MEMORY;
	bc_key_put(k);
	if (status == STATUS_SUCCESS)
		status = user_put32(a.size, size);
	if (status == STATUS_SUCCESS && a.buffer != 0 && a.room >= size)
		status = user_write(a.buffer, blob, size);
	if (blob != NULL)
		memset(blob, 0, BC_BLOB_MAX);
	heap_free(blob);
	return status;
}

NTSTATUS bc_call_duplicate(uint64_t args)
{
	struct { uint64_t from, to; } a;
	struct bc_guest_key g;
	NTSTATUS status = user_read(&a, args, sizeof a);

	if (status == STATUS_SUCCESS)
		status = user_read(&g, a.from, sizeof g);
	if (status != STATUS_SUCCESS || g.handle == 0)
		return status;
	return bc_set_handle(a.to, bc_key_again(g.handle)); /* pairs do not change */
}

/* ---- What RSA encrypts ---- */

struct crypt_args { uint64_t key, input; uint32_t input_len, pad; uint64_t output; uint32_t output_len, pad2; uint64_t size; };

/* The result, or how long it is. */
static NTSTATUS give(const struct crypt_args *a, const uint8_t *from, uint32_t size)
{
	NTSTATUS status = user_put32(a->size, size);

	if (status != STATUS_SUCCESS || a->output_len == 0)
		return status;
	return a->output_len < size ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : user_write(a->output, from, size);
}

static NTSTATUS crypt_with(const struct bc_key *k, const struct crypt_args *a, bool encrypt, uint8_t *input, uint8_t *out)
{
	uint32_t at = 0;
	NTSTATUS status;

	if (encrypt) {
		status = bc_rsa_encrypt(&k->rsa, input, a->input_len, out);
		return status == STATUS_SUCCESS ? give(a, out, k->rsa.nlen) : status;
	}
	if (!k->private)
		return STATUS_INVALID_PARAMETER;
	status = bc_rsa_decrypt(&k->rsa, input, a->input_len, &at);
	return status == STATUS_SUCCESS ? give(a, input + at, a->input_len - at) : status;
}

NTSTATUS bc_call_crypt(uint64_t args, bool encrypt)
{
	struct crypt_args a;
	struct bc_guest_key g;
	struct bc_key *k;
	uint8_t *input = NULL, *out;
	NTSTATUS status = user_read(&a, args, sizeof a);

	if (status == STATUS_SUCCESS)
		status = bc_pair_of(a.key, STATUS_INVALID_HANDLE, &g, &k);
	if (status != STATUS_SUCCESS)
		return status;
	out = heap_alloc(BC_RSA_MAX);
	status = !bc_is_rsa(k->alg) ? (NTSTATUS)STATUS_NOT_SUPPORTED : out == NULL ? (NTSTATUS)STATUS_NO_MEMORY : bc_copy_in(a.input, a.input_len, BC_INPUT_MAX, &input);
	if (status == STATUS_SUCCESS)
		status = crypt_with(k, &a, encrypt, input, out);
	heap_free(input);
	heap_free(out);
	bc_key_put(k);
	return status;
}
