/* SPDX-License-Identifier: MIT */
/*
 * nt/bcrypt/cipher.c - AES and triple DES.
 *
 * BearSSL's functions that take the same time whatever the data, without vector registers.  Blocks alone, which ECB and CFB need,
 * are CBC with a vector of zeros.  A key that encrypts and decrypts does both from its vector on.  CFB is CNG's default, of 8 bits.
 */
#include "nt/bcrypt/bcrypt.h"
#include "rt/mem.h"

#define AES_BLOCK 16u
#define DES_BLOCK 8u

NTSTATUS bc_cipher_init(struct bc_cipher *c, uint32_t alg, uint32_t mode, const uint8_t *secret, uint32_t size)
{
	c->mode = mode;
	c->des = alg == BC_3DES;
	c->block = c->des ? DES_BLOCK : AES_BLOCK;
	if (c->des) {
		if (mode > BC_ECB || (size != 16 && size != 24))
			return STATUS_NOT_SUPPORTED;
		br_des_ct_cbcenc_init(&c->tdes.enc, secret, size);
		br_des_ct_cbcdec_init(&c->tdes.dec, secret, size);
		return STATUS_SUCCESS;
	}
	if (mode > BC_GCM || mode == BC_CCM || (size != 16 && size != 24 && size != 32))
		return STATUS_NOT_SUPPORTED;
	if (mode == BC_GCM) {
		br_aes_ct64_ctr_init(&c->ctr, secret, size);
		br_gcm_init(&c->gcm, &c->ctr.vtable, &br_ghash_ctmul64);
		return STATUS_SUCCESS;
	}
	br_aes_ct64_cbcenc_init(&c->aes.enc, secret, size);
	br_aes_ct64_cbcdec_init(&c->aes.dec, secret, size);
	return STATUS_SUCCESS;
}

void bc_cipher_begin(struct bc_cipher *c, const uint8_t *iv, uint32_t size)
{
	c->begun = true;
	c->data = false;
	if (c->mode == BC_GCM) {
		br_gcm_reset(&c->gcm, iv, size);
		return;
	}
	memset(c->iv, 0, sizeof c->iv);
	for (int i = 0; iv != NULL && i < 2; i++)
		memcpy(c->iv[i], iv, MIN(size, c->block));
}

void bc_cipher_auth(struct bc_cipher *c, const uint8_t *data, uint32_t size)
{
	if (c->mode == BC_GCM && !c->data)
		br_gcm_aad_inject(&c->gcm, data, size);
}

static void chain(struct bc_cipher *c, bool encrypt, uint8_t *iv, uint8_t *data, uint32_t size)
{
	if (c->des && encrypt)
		br_des_ct_cbcenc_run(&c->tdes.enc, iv, data, size);
	else if (c->des)
		br_des_ct_cbcdec_run(&c->tdes.dec, iv, data, size);
	else if (encrypt)
		br_aes_ct64_cbcenc_run(&c->aes.enc, iv, data, size);
	else
		br_aes_ct64_cbcdec_run(&c->aes.dec, iv, data, size);
}

static void blocks(struct bc_cipher *c, bool encrypt, uint8_t *data, uint32_t size)
{
	uint8_t zero[AES_BLOCK];

	for (uint32_t i = 0; i < size; i += c->block) {
		memset(zero, 0, sizeof zero);
		chain(c, encrypt, zero, data + i, c->block);
	}
}

static void feedback(struct bc_cipher *c, bool encrypt, uint8_t *data, uint32_t size)
{
	uint8_t block[AES_BLOCK], *iv = c->iv[encrypt], in;

	for (uint32_t i = 0; i < size; i++) {
		memcpy(block, iv, sizeof block);
		blocks(c, true, block, c->block);
		in = data[i];
		data[i] ^= block[0];
		memmove(iv, iv + 1, c->block - 1);
		iv[c->block - 1] = encrypt ? data[i] : in;
	}
}

NTSTATUS bc_cipher_run(struct bc_cipher *c, bool encrypt, uint8_t *data, uint32_t size)
{
	if (c->mode <= BC_ECB && size % c->block != 0)
		return STATUS_INVALID_BUFFER_SIZE;
	switch (c->mode) {
	case BC_CBC:
		chain(c, encrypt, c->iv[encrypt], data, size);
		return STATUS_SUCCESS;
	case BC_ECB:
		blocks(c, encrypt, data, size);
		return STATUS_SUCCESS;
	case BC_CFB:
		feedback(c, encrypt, data, size);
		return STATUS_SUCCESS;
	default:
		if (!c->data)
			br_gcm_flip(&c->gcm);
		c->data = true;
		br_gcm_run(&c->gcm, encrypt, data, size);
		return STATUS_SUCCESS;
	}
}

NTSTATUS bc_cipher_tag(struct bc_cipher *c, uint8_t tag[16])
{
	if (c->mode != BC_GCM)
		return STATUS_NOT_SUPPORTED;
	if (!c->data)
		br_gcm_flip(&c->gcm);
	c->data = true;
	br_gcm_get_tag(&c->gcm, tag);
	return STATUS_SUCCESS;
}
