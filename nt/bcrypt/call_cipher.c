/* SPDX-License-Identifier: MIT */
/* nt/bcrypt/call_cipher.c - of the calls of bcrypt.dll those of ciphers: AES and triple DES. */
#include "nt/bcrypt/call.h"
#include "nt/ke/user.h"
#include "pico/arena.h"
#include "rt/mem.h"

#define CHUNK     4096u        /* of what is encrypted at once; whole blocks */
#define NONCE_MAX 65536u

static NTSTATUS cipher_make(uint64_t key_va, struct bc_guest_key *g)
{
	struct bc_key *k;
	uint8_t *secret;
	NTSTATUS status = bc_copy_in(g->s.secret, g->s.secret_len, 64, &secret);

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
	return bc_set_handle(key_va, g->handle);
}

static NTSTATUS cipher_begin(struct bc_key *k, const struct bc_guest_key *g)
{
	uint8_t *iv;
	NTSTATUS status = bc_copy_in(g->s.vector, g->s.vector != 0 ? g->s.vector_len : 0, NONCE_MAX, &iv);

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

NTSTATUS bc_call_vector_reset(uint64_t key_va)
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

NTSTATUS bc_call_cipher(uint64_t args, bool encrypt)
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

NTSTATUS bc_call_auth(uint64_t args)
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

NTSTATUS bc_call_tag(uint64_t args)
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
