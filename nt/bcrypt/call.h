/* SPDX-License-Identifier: MIT */
/*
 * nt/bcrypt/call.h - between the files with bcrypt.dll's calls.
 *
 * args and key_va are guest addresses: of a call's parameters, and of the DLL's key object (struct bc_guest_key).  No lock is held.
 */
#ifndef NT_BCRYPT_CALL_H
#define NT_BCRYPT_CALL_H

#include "nt/bcrypt/bcrypt.h"

#define BC_INPUT_MAX 4096u /* bytes of what pairs of keys work on */

/* ---- call.c ---- */
/* Heap memory with size bytes of the guest's (at least one is there).  STATUS_INVALID_PARAMETER: they are more than max. */
NTSTATUS bc_copy_in(uint64_t va, uint32_t size, uint32_t max, uint8_t **out);
/* Into the DLL's key; handle 0: there was no memory for it. */
NTSTATUS bc_set_handle(uint64_t key_va, uint64_t handle);
/* The pair of a key of the DLL's, a copy of which is *g; *out has a reference.  None: `missing`. */
NTSTATUS bc_pair_of(uint64_t key_va, NTSTATUS missing, struct bc_guest_key *g, struct bc_key **out);

/* ---- call_cipher.c ---- */
NTSTATUS bc_call_vector_reset(uint64_t key_va);
NTSTATUS bc_call_auth(uint64_t args); /* data that is authenticated and not encrypted */
NTSTATUS bc_call_cipher(uint64_t args, bool encrypt);
NTSTATUS bc_call_tag(uint64_t args);

/* ---- call_keys.c ---- */
NTSTATUS bc_call_generate(uint64_t key_va);
NTSTATUS bc_call_import(uint64_t args);
NTSTATUS bc_call_export(uint64_t args);
NTSTATUS bc_call_duplicate(uint64_t args);
NTSTATUS bc_call_crypt(uint64_t args, bool encrypt);

/* ---- call_sign.c ---- */
NTSTATUS bc_call_sign(uint64_t args);
NTSTATUS bc_call_verify(uint64_t args);
#endif
