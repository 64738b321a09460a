/* SPDX-License-Identifier: MIT */
/*
 * nt/bcrypt/call.c - bcrypt.dll's Unix side: ciphers (call_cipher.c), keys (call_keys.c), signatures (call_sign.c).  Hashes, random numbers and key
 * derivation are the DLL's own.
 *
 * How parameters lie in memory is what Wine 8.0's DLL passes.  Everything is copied in, worked on, and copied out.
 */
#include "nt/bcrypt/call.h"
#include "nt/ke/user.h"
#include "nt/ldr/unixcall.h"
#include "pico/arena.h"
#include "rt/mem.h"

enum { ATTACH, DETACH, VECTOR_RESET, SET_AUTH_DATA, SYMMETRIC_ENCRYPT, SYMMETRIC_DECRYPT, GET_TAG, SYMMETRIC_DESTROY, GENERATE, DECRYPT, ENCRYPT,
	DUPLICATE, SIGN, VERIFY, DESTROY, EXPORT, IMPORT };

NTSTATUS bc_copy_in(uint64_t va, uint32_t size, uint32_t max, uint8_t **out)
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

NTSTATUS bc_set_handle(uint64_t key_va, uint64_t handle)
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

NTSTATUS bc_pair_of(uint64_t key_va, NTSTATUS missing, struct bc_guest_key *g, struct bc_key **out)
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

NTSTATUS unix_bcrypt(uint32_t code, uint64_t args)
{
	switch (code) {
	case ATTACH: case DETACH: return STATUS_SUCCESS;
	case VECTOR_RESET: return bc_call_vector_reset(args);
	case SET_AUTH_DATA: return bc_call_auth(args);
	case SYMMETRIC_ENCRYPT: return bc_call_cipher(args, true);
	case SYMMETRIC_DECRYPT: return bc_call_cipher(args, false);
	case GET_TAG: return bc_call_tag(args);
	case SYMMETRIC_DESTROY: case DESTROY: return destroy(args);
	case GENERATE: return bc_call_generate(args);
	case DECRYPT: return bc_call_crypt(args, false);
	case ENCRYPT: return bc_call_crypt(args, true);
	case DUPLICATE: return bc_call_duplicate(args);
	case SIGN: return bc_call_sign(args);
	case VERIFY: return bc_call_verify(args);
	case EXPORT: return bc_call_export(args);
	case IMPORT: return bc_call_import(args);
	default: return STATUS_NOT_IMPLEMENTED;
	}
}
