/* SPDX-License-Identifier: MIT */
/* nt/bcrypt/hash.c - hash algorithms: CNG's names, object identifiers (RFC 8017, appendix B.1), BearSSL's functions. */
#include "nt/bcrypt/bcrypt.h"
#include "nt/ke/user.h"
#include "rt/mem.h"

#define OID(text) ((const uint8_t *)(text))
static const struct bc_hash hashes[] = {
	{ "SHA1", &br_sha1_vtable, 20, OID("\x05\x2b\x0e\x03\x02\x1a") },
	{ "SHA256", &br_sha256_vtable, 32, OID("\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01") },
	{ "SHA384", &br_sha384_vtable, 48, OID("\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02") },
	{ "SHA512", &br_sha512_vtable, 64, OID("\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03") },
	{ "MD5", &br_md5_vtable, 16, OID("\x08\x2a\x86\x48\x86\xf7\x0d\x02\x05") },
	{ "MD2", NULL, 16, OID("\x08\x2a\x86\x48\x86\xf7\x0d\x02\x02") },
};

#define NAME_MAX 8u
NTSTATUS bc_hash_of(uint64_t name_va, const struct bc_hash **out)
{
	WCHAR c = 1;
	char name[NAME_MAX] = "";

	*out = NULL;
	if (name_va == 0)
		return STATUS_SUCCESS;
	for (uint32_t i = 0; i < NAME_MAX && c != 0; i++) {
		NTSTATUS status = user_read(&c, name_va + i * sizeof c, sizeof c);

		if (status != STATUS_SUCCESS)
			return status;
		name[i] = c < 0x80 ? (char)c : '?';
	}
	for (uint32_t i = 0; i < ARRAY_LEN(hashes) && c == 0; i++)
		if (strcmp(hashes[i].name, name) == 0)
			*out = &hashes[i];
	return *out != NULL ? STATUS_SUCCESS : (NTSTATUS)STATUS_NOT_SUPPORTED;
}

const struct bc_hash *bc_hash_by_size(uint32_t size)
{
	for (uint32_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (hashes[i].size == size && hashes[i].hash != NULL)
			return &hashes[i];
	return NULL;
}
