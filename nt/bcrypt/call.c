/* SPDX-License-Identifier: MIT */
/*
 * nt/bcrypt/call.c - bcrypt.dll's Unix side: ciphers, keys, signatures.  Hashes, random numbers and key derivation are the DLL's own.
 *
 * How parameters lie in memory is what Wine 8.0's DLL passes.  Everything is copied in, worked on, and copied out.
 */
#include "nt/bcrypt/bcrypt.h"
#include "nt/ke/user.h"
#include "nt/ldr/unixcall.h"
#include "pico/arena.h"
#include "rt/mem.h"

enum { ATTACH, DETACH, VECTOR_RESET, SET_AUTH_DATA, SYMMETRIC_ENCRYPT, SYMMETRIC_DECRYPT, GET_TAG, SYMMETRIC_DESTROY, GENERATE, DECRYPT, ENCRYPT,
	DUPLICATE, SIGN, VERIFY, DESTROY, EXPORT, IMPORT };
enum { PAD_PKCS1 = 2, PAD_PSS = 8 };

#define CHUNK    4096u        /* of what is encrypted at once; whole blocks */
#define INPUT_MAX 4096u       /* of what keys work on */
#define NONCE_MAX 65536u

/* Heap memory with size bytes of the guest's (at least one is there). */
static NTSTATUS copy_in(uint64_t va, uint32_t size, uint32_t max, uint8_t **out)
{
	NTSTATUS status;

	*out = NULL;
	if (size > max)
		return STATUS_INVALID_PARAMETER;
	*out = heap_alloc(MAX(size, 1u));
	if (*out == NULL)
		return STATUS_NO_MEMORY;
	status = size != 0 ? user_read(*out, va, size) : STATUS_SUCCESS;
	if (status != STATUS_SUCCESS) {
		heap_free(*out);
		*out = NULL;
	}
	return status;
}

static NTSTATUS set_handle(uint64_t key_va, uint64_t handle)
{
	return handle == 0 ? (NTSTATUS)STATUS_NO_MEMORY : user_write(key_va + offsetof(struct bc_guest_key, handle), &handle, sizeof handle);
}

static NTSTATUS destroy(uint64_t key_va)
{
	struct bc_guest_key g;
	NTSTATUS status = user_read(&g, key_va, sizeof g);

	if (status == STATUS_SUCCESS)
		bc_key_close(g.handle);
	return status;
}

/* ---- Ciphers ---- */

static NTSTATUS cipher_make(uint64_t key_va, struct bc_guest_key *g)
{
	struct bc_key *k;
	uint8_t *secret;
	NTSTATUS status = copy_in(g->s.secret, g->s.secret_len, 64, &secret);

	if (status != STATUS_SUCCESS)
		return status;
	k = bc_key_new(g->alg);
	status = k != NULL ? bc_cipher_init(&k->cipher, g->alg, g->s.mode, secret, g->s.secret_len) : (NTSTATUS)STATUS_NO_MEMORY;
	memset(secret, 0, g->s.secret_len);
	heap_free(secret);
	if (status != STATUS_SUCCESS) {
		bc_key_put(k);
		return status;
	}
	bc_key_close(g->handle);
	g->handle = bc_key_publish(k);
	return set_handle(key_va, g->handle);
}

static NTSTATUS cipher_begin(struct bc_key *k, const struct bc_guest_key *g)
{
	uint8_t *iv;
	NTSTATUS status = copy_in(g->s.vector, g->s.vector != 0 ? g->s.vector_len : 0, NONCE_MAX, &iv);

	if (status != STATUS_SUCCESS)
		return status;
	bc_cipher_begin(&k->cipher, g->s.vector != 0 || k->cipher.mode == BC_GCM ? iv : NULL, g->s.vector != 0 ? g->s.vector_len : 0);
	heap_free(iv);
	return STATUS_SUCCESS;
}

/* The cipher of a key, with a reference, made at first use and where the mode has changed, and begun after a reset. */
static NTSTATUS cipher_of(uint64_t key_va, struct bc_key **out)
{
	struct bc_guest_key g;
	struct bc_key *k;
	NTSTATUS status = user_read(&g, key_va, sizeof g);

	if (status != STATUS_SUCCESS || g.alg > BC_AES)
		return status != STATUS_SUCCESS ? status : (NTSTATUS)STATUS_NOT_SUPPORTED;
	k = bc_key_get(g.handle);
	if (k == NULL || k->alg != g.alg || k->cipher.mode != g.s.mode) {
		bc_key_put(k);
		status = cipher_make(key_va, &g);
		k = status == STATUS_SUCCESS ? bc_key_get(g.handle) : NULL;
		if (k == NULL)
			return status != STATUS_SUCCESS ? status : (NTSTATUS)STATUS_INVALID_HANDLE;
	}
	if (!k->cipher.begun)
		status = cipher_begin(k, &g);
	if (status == STATUS_SUCCESS)
		*out = k;
	else
		bc_key_put(k);
	return status;
}

static NTSTATUS vector_reset(uint64_t key_va)
{
	struct bc_guest_key g;
	struct bc_key *k;
	NTSTATUS status = user_read(&g, key_va, sizeof g);

	k = status == STATUS_SUCCESS ? bc_key_get(g.handle) : NULL;
	if (k != NULL && k->alg <= BC_AES)
		k->cipher.begun = false;
	bc_key_put(k);
	return status;
}

static NTSTATUS run(struct bc_key *k, bool encrypt, uint64_t from, uint64_t to, uint32_t size, uint8_t *buffer)
{
	NTSTATUS status = STATUS_SUCCESS;
	uint32_t n;

	for (uint32_t done = 0; status == STATUS_SUCCESS && done < size; done += n) {
		n = MIN(size - done, CHUNK);
		status = user_read(buffer, from + done, n);
		if (status == STATUS_SUCCESS)
			status = bc_cipher_run(&k->cipher, encrypt, buffer, n);
		if (status == STATUS_SUCCESS)
			status = user_write(to + done, buffer, n);
	}
	return status;
}

static NTSTATUS symmetric(uint64_t args, bool encrypt)
{
	struct { uint64_t key, input; uint32_t input_len, pad; uint64_t output; uint32_t output_len, pad2; } a;
	struct bc_key *k;
	uint8_t *buffer;
	NTSTATUS status = user_read(&a, args, sizeof a);

	if (status == STATUS_SUCCESS && a.output_len < a.input_len)
		status = STATUS_BUFFER_TOO_SMALL;
	if (status == STATUS_SUCCESS)
		status = cipher_of(a.key, &k);
	if (status != STATUS_SUCCESS)
		return status;
	buffer = heap_alloc_dirty(MAX(MIN(a.input_len, CHUNK), 1u));
	status = buffer != NULL ? run(k, encrypt, a.input, a.output, a.input_len, buffer) : (NTSTATUS)STATUS_NO_MEMORY;
	heap_free(buffer);
	bc_key_put(k);
	return status;
}

static NTSTATUS set_auth_data(uint64_t args)
{
	struct { uint64_t key, data; uint32_t size, pad; } a;
	struct bc_key *k;
	uint8_t buffer[256];
	uint32_t n;
	NTSTATUS status = user_read(&a, args, sizeof a);

	if (status != STATUS_SUCCESS || a.data == 0)
		return status;
	status = cipher_of(a.key, &k);
	if (status != STATUS_SUCCESS)
		return status;
	for (uint32_t done = 0; status == STATUS_SUCCESS && done < a.size; done += n) {
		n = MIN(a.size - done, (uint32_t)sizeof buffer);
		status = user_read(buffer, a.data + done, n);
		if (status == STATUS_SUCCESS)
			bc_cipher_auth(&k->cipher, buffer, n);
	}
	bc_key_put(k);
	return status;
}

static NTSTATUS get_tag(uint64_t args)
{
	struct { uint64_t key, tag; uint32_t size, pad; } a;
	struct bc_key *k;
	uint8_t tag[16];
	NTSTATUS status = user_read(&a, args, sizeof a);

	if (status == STATUS_SUCCESS && a.size > sizeof tag)
		status = STATUS_INVALID_PARAMETER;
	if (status == STATUS_SUCCESS)
		status = cipher_of(a.key, &k);
	if (status != STATUS_SUCCESS)
		return status;
	status = bc_cipher_tag(&k->cipher, tag);
	bc_key_put(k);
	return status == STATUS_SUCCESS ? user_write(a.tag, tag, a.size) : status;
}

/* ---- Pairs of keys ---- */

/* The pair of a key of the DLL's; none: `missing`. */
static NTSTATUS pair_of(uint64_t key_va, NTSTATUS missing, struct bc_guest_key *g, struct bc_key **out)
{
	NTSTATUS status = user_read(g, key_va, sizeof *g);

	if (status != STATUS_SUCCESS)
		return status;
	*out = bc_key_get(g->handle);
	if (*out != NULL && ((*out)->alg != g->alg || g->alg < BC_RSA)) {
		bc_key_put(*out);
		*out = NULL;
	}
	return *out != NULL ? STATUS_SUCCESS : missing;
}

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

static NTSTATUS generate(uint64_t key_va)
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
		return set_handle(key_va, bc_key_publish(k));
	bc_key_put(k);
	return status;
}

static NTSTATUS import(uint64_t args)
{
	struct { uint64_t key; uint32_t flags, pad; uint64_t blob; uint32_t size, pad2; } a;
	struct bc_guest_key g;
	struct bc_key *k;
	uint8_t *blob;
	NTSTATUS status = user_read(&a, args, sizeof a);

	if (status == STATUS_SUCCESS)
		status = user_read(&g, a.key, sizeof g);
	if (status == STATUS_SUCCESS)
		status = copy_in(a.blob, a.size, BC_BLOB_MAX, &blob);
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
		return set_handle(a.key, bc_key_publish(k));
	}
	bc_key_put(k);
	return status;
}

static NTSTATUS export(uint64_t args)
{
	struct { uint64_t key; uint32_t flags, pad; uint64_t buffer; uint32_t room, pad2; uint64_t size; } a;
	struct bc_guest_key g;
	struct bc_key *k;
	uint8_t *blob;
	uint32_t size;
	NTSTATUS status = user_read(&a, args, sizeof a);

	if (status == STATUS_SUCCESS)
		status = pair_of(a.key, STATUS_INVALID_PARAMETER, &g, &k);
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

static NTSTATUS duplicate(uint64_t args)
{
	struct { uint64_t from, to; } a;
	struct bc_guest_key g;
	NTSTATUS status = user_read(&a, args, sizeof a);

	if (status == STATUS_SUCCESS)
		status = user_read(&g, a.from, sizeof g);
	if (status != STATUS_SUCCESS || g.handle == 0)
		return status;
	return set_handle(a.to, bc_key_again(g.handle)); /* pairs do not change */
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

static NTSTATUS crypt(uint64_t args, bool encrypt)
{
	struct crypt_args a;
	struct bc_guest_key g;
	struct bc_key *k;
	uint8_t *input = NULL, *out;
	NTSTATUS status = user_read(&a, args, sizeof a);

	if (status == STATUS_SUCCESS)
		status = pair_of(a.key, STATUS_INVALID_HANDLE, &g, &k);
	if (status != STATUS_SUCCESS)
		return status;
	out = heap_alloc(BC_RSA_MAX);
	status = !bc_is_rsa(k->alg) ? (NTSTATUS)STATUS_NOT_SUPPORTED : out == NULL ? (NTSTATUS)STATUS_NO_MEMORY : copy_in(a.input, a.input_len, INPUT_MAX, &input);
	if (status == STATUS_SUCCESS)
		status = crypt_with(k, &a, encrypt, input, out);
	heap_free(input);
	heap_free(out);
	bc_key_put(k);
	return status;
}

/* ---- Signatures ---- */

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
	status = copy_in(a->input, a->input_len, INPUT_MAX, &hash);
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

static NTSTATUS sign(uint64_t args)
{
	struct sign_args a;
	struct bc_guest_key g;
	struct padding p;
	struct bc_key *k;
	NTSTATUS status = user_read(&a, args, sizeof a);

	if (status == STATUS_SUCCESS)
		status = read_padding(a.padding, a.flags, &p);
	if (status == STATUS_SUCCESS)
		status = pair_of(a.key, STATUS_INVALID_PARAMETER, &g, &k);
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
		status = copy_in(a->hash, a->hash_len, INPUT_MAX, &hash);
	if (status == STATUS_SUCCESS)
		status = copy_in(a->signature, a->size, INPUT_MAX, &signature);
	if (status == STATUS_SUCCESS)
		status = verify_with(k, p, a, hash, signature);
	heap_free(hash);
	heap_free(signature);
	return status;
}

static NTSTATUS verify(uint64_t args)
{
	struct verify_args a;
	struct bc_guest_key g;
	struct padding p;
	struct bc_key *k;
	NTSTATUS status = user_read(&a, args, sizeof a);

	if (status == STATUS_SUCCESS)
		status = read_padding(a.padding, a.flags, &p);
	if (status == STATUS_SUCCESS)
		status = pair_of(a.key, STATUS_INVALID_PARAMETER, &g, &k);
	if (status != STATUS_SUCCESS)
		return status;
	status = verify_pair(k, &p, &a);
	bc_key_put(k);
	return status;
}

NTSTATUS unix_bcrypt(uint32_t code, uint64_t args)
{
	switch (code) {
	case ATTACH: case DETACH: return STATUS_SUCCESS;
	case VECTOR_RESET: return vector_reset(args);
	case SET_AUTH_DATA: return set_auth_data(args);
	case SYMMETRIC_ENCRYPT: return symmetric(args, true);
	case SYMMETRIC_DECRYPT: return symmetric(args, false);
	case GET_TAG: return get_tag(args);
	case SYMMETRIC_DESTROY: case DESTROY: return destroy(args);
	case GENERATE: return generate(args);
	case DECRYPT: return crypt(args, false);
	case ENCRYPT: return crypt(args, true);
	case DUPLICATE: return duplicate(args);
	case SIGN: return sign(args);
	case VERIFY: return verify(args);
	case EXPORT: return export(args);
	case IMPORT: return import(args);
	default: return STATUS_NOT_IMPLEMENTED;
	}
}
