/* SPDX-License-Identifier: MIT */
/*
 * nt/bcrypt/bcrypt.h - keys of bcrypt.dll's Unix side, and what is done with them by BearSSL.
 *
 * Numbers are big-endian bytes, as in CNG's blobs.  Sizes are bytes where nothing else is said.  Keys are private memory of the picoprocess:
 * the DLL's own key object in guest memory has a handle on one.
 */
#ifndef NT_BCRYPT_BCRYPT_H
#define NT_BCRYPT_BCRYPT_H

#include "nt/types.h"
#include <bearssl.h>

/* Algorithms as the DLL numbers them. */
enum bc_alg { BC_3DES, BC_AES, BC_RSA = 9, BC_ECDH_P256, BC_ECDH_P384, BC_RSA_SIGN, BC_ECDSA_P256, BC_ECDSA_P384, BC_DSA };
enum bc_mode { BC_CBC, BC_ECB, BC_CFB, BC_CCM, BC_GCM };

/* The DLL's key object (Wine 8.0, x86-64), as far as the Unix side has to do with it. */
struct bc_guest_key {
	uint32_t magic, alg;
	uint64_t handle, unused;       /* the Unix side's own two words */
	union {
		struct {
			uint32_t mode, block_size;
			uint64_t vector;
			uint32_t vector_len, pad;
			uint64_t secret;
			uint32_t secret_len, pad2;
		} s;
		struct {
			uint32_t bits, flags;
			uint8_t dss_seed[24];
		} a;
	};
};
_Static_assert(sizeof(struct bc_guest_key) == 64, "the DLL's struct key");
#define BC_LEGACY_DSA 1u /* a.flags: its blobs are CryptoAPI's, little-endian */

struct bc_cipher {
	uint8_t iv[2][16];             /* CBC: the last block; CFB: the shift register; of what is decrypted, of what is encrypted */
	uint32_t block, mode;
	bool des, begun, data;         /* begun: the vector was taken; data: GCM's associated data is over */
	union {
		struct {
			br_aes_ct64_cbcenc_keys enc;
			br_aes_ct64_cbcdec_keys dec;
		} aes;
		struct {
			br_des_ct_cbcenc_keys enc;
			br_des_ct_cbcdec_keys dec;
		} tdes;
		struct {
			br_aes_ct64_ctr_keys ctr;
			br_gcm_context gcm;
		};
	};
};

#define BC_RSA_MAX (4096 / 8)
#define BC_RSA_HALF (BC_RSA_MAX / 2 + 8)
struct bc_rsa {
	uint32_t bits, nlen, elen, plen, qlen, dlen;
	uint8_t n[BC_RSA_MAX], e[16], d[BC_RSA_MAX];
	uint8_t p[BC_RSA_HALF], q[BC_RSA_HALF], dp[BC_RSA_HALF], dq[BC_RSA_HALF], iq[BC_RSA_HALF]; /* dp, iq: plen bytes; dq: qlen */
};
struct bc_ec {
	uint32_t size;                 /* of a coordinate */
	int curve;
	uint8_t q[1 + 2 * 48], d[48];  /* q: 4, x, y */
};
#define BC_DSA_MAX (1024 / 8)
#define BC_DSA_Q   20u
struct bc_dsa {
	uint32_t size;                 /* of p, g, y */
	uint8_t p[BC_DSA_MAX], g[BC_DSA_MAX], y[BC_DSA_MAX], q[BC_DSA_Q], x[BC_DSA_Q];
};

struct bc_key {
	uint32_t refs;                 /* [NTEX of the table] */
	uint32_t alg;                  /* enum bc_alg */
	bool private;                  /* both halves are there; else the public one */
	union {                        /* [I] but for ciphers, which the DLL locks */
		struct bc_cipher cipher;
		struct bc_rsa rsa;
		struct bc_ec ec;
		struct bc_dsa dsa;
	};
};
static inline bool bc_is_rsa(uint32_t alg)
{
	return alg == BC_RSA || alg == BC_RSA_SIGN;
}
static inline bool bc_is_ec(uint32_t alg)
{
	return (alg >= BC_ECDH_P256 && alg <= BC_ECDH_P384) || (alg >= BC_ECDSA_P256 && alg <= BC_ECDSA_P384);
}

/* ---- keys.c ---- */
struct bc_key *bc_key_new(uint32_t alg) MUST_CHECK; /* zeroed, of one reference */
void bc_key_put(struct bc_key *k);                   /* the last one wipes it; NULL is fine */
uint64_t bc_key_publish(struct bc_key *k);           /* takes the reference; a handle, 0: no memory (the key is gone) */
struct bc_key *bc_key_get(uint64_t handle);          /* with a reference; NULL: there is none */
uint64_t bc_key_again(uint64_t handle);              /* another handle on the same key; 0: no memory, or none */
void bc_key_close(uint64_t handle);
void bc_random(br_hmac_drbg_context *rng);           /* a generator with a fresh seed */

/* ---- hash.c: hashes by their CNG names ---- */
struct bc_hash {
	const char *name;
	const br_hash_class *hash;     /* NULL: only known by name */
	uint32_t size;
	const uint8_t *oid;            /* its length in front */
};
NTSTATUS bc_hash_of(uint64_t name_va, const struct bc_hash **out); /* STATUS_NOT_SUPPORTED, or what reading gives; *out NULL: va is 0 */
const struct bc_hash *bc_hash_by_size(uint32_t size);

/* ---- cipher.c ---- */
/* secret: a key's; STATUS_NOT_SUPPORTED for modes and sizes that are not there. */
NTSTATUS bc_cipher_init(struct bc_cipher *c, uint32_t alg, uint32_t mode, const uint8_t *secret, uint32_t size);
/* A new message; iv NULL: zeros. */
void bc_cipher_begin(struct bc_cipher *c, const uint8_t *iv, uint32_t size);
void bc_cipher_auth(struct bc_cipher *c, const uint8_t *data, uint32_t size);
NTSTATUS bc_cipher_run(struct bc_cipher *c, bool encrypt, uint8_t *data, uint32_t size);
NTSTATUS bc_cipher_tag(struct bc_cipher *c, uint8_t tag[16]);

/* ---- num.c ---- */
void bc_num_mod(uint8_t *out, const uint8_t *a, uint32_t alen, const uint8_t *m, uint32_t mlen, bool less_one); /* mlen bytes: a mod m, or mod m - 1 */
bool bc_num_inverse(uint8_t *out, const uint8_t *a, uint32_t alen, const uint8_t *m, uint32_t mlen); /* m odd */
void bc_num_power(uint8_t *x, const uint8_t *e, uint32_t elen, const uint8_t *m, uint32_t mlen); /* x, mlen bytes below m, to the e-th; m odd */
void bc_num_multiply_mod(uint8_t *x, const uint8_t *y, const uint8_t *m, uint32_t mlen); /* both below m; m odd */
void bc_num_add_mod(uint8_t *x, const uint8_t *y, const uint8_t *m, uint32_t mlen);
void bc_num_multiply_add_one(uint8_t *out, uint32_t olen, const uint8_t *a, uint32_t alen, const uint8_t *b, uint32_t blen); /* a * b + 1 */
bool bc_num_is_zero(const uint8_t *a, uint32_t len);
int bc_num_compare(const uint8_t *a, const uint8_t *b, uint32_t len);
/* n = 3 mod 4: is it a prime, as far as so many random bases tell? */
bool bc_num_is_prime(const uint8_t *n, uint32_t len, int bases, br_hmac_drbg_context *rng);

/* ---- rsa.c, ec.c, dsa.c: no guest memory; k's public half is there, and the private one where it is needed ---- */
NTSTATUS bc_rsa_generate(struct bc_rsa *r, uint32_t bits);
NTSTATUS bc_rsa_complete(struct bc_rsa *r); /* the private half from n, e, p, q */
uint32_t bc_rsa_bits(const struct bc_rsa *r);
bool bc_rsa_public(const struct bc_rsa *r, uint8_t *x);  /* nlen bytes */
bool bc_rsa_private(const struct bc_rsa *r, uint8_t *x);
NTSTATUS bc_rsa_encrypt(const struct bc_rsa *r, const uint8_t *data, uint32_t size, uint8_t *out); /* PKCS #1 1.5; out: nlen bytes */
NTSTATUS bc_rsa_decrypt(const struct bc_rsa *r, uint8_t *x, uint32_t size, uint32_t *at); /* x from *at on */
NTSTATUS bc_rsa_sign(const struct bc_rsa *r, const struct bc_hash *h, const uint8_t *hash, uint32_t size, uint8_t *out);
NTSTATUS bc_rsa_verify(const struct bc_rsa *r, const struct bc_hash *h, const uint8_t *hash, uint32_t size, const uint8_t *signature, uint32_t ssize);
/* rsa_pss.c; salt: bytes. */
NTSTATUS bc_pss_sign(const struct bc_rsa *r, const struct bc_hash *h, uint32_t salt, const uint8_t *hash, uint32_t size, uint8_t *out);
NTSTATUS bc_pss_verify(const struct bc_rsa *r, const struct bc_hash *h, uint32_t salt, const uint8_t *hash, uint32_t size, uint8_t *signature, uint32_t ssize);

void bc_ec_init(struct bc_ec *c, uint32_t alg);
NTSTATUS bc_ec_generate(struct bc_ec *c);
bool bc_ec_on_curve(const struct bc_ec *c);
NTSTATUS bc_ec_sign(const struct bc_ec *c, const uint8_t *hash, uint32_t size, uint8_t *out); /* r, s */
NTSTATUS bc_ec_verify(const struct bc_ec *c, const uint8_t *hash, uint32_t size, const uint8_t *signature, uint32_t ssize);

NTSTATUS bc_dsa_generate(struct bc_dsa *d, uint32_t bits);
bool bc_dsa_is_sound(const struct bc_dsa *d);  /* p and q are odd, g and y below p */
void bc_dsa_complete(struct bc_dsa *d);        /* y from x */
NTSTATUS bc_dsa_sign(const struct bc_dsa *d, const uint8_t *hash, uint8_t *out); /* 20 bytes; r, s */
NTSTATUS bc_dsa_verify(const struct bc_dsa *d, const uint8_t *hash, const uint8_t *signature, uint32_t ssize);

/* ---- blob.c ---- */
/* A blob as the DLL has checked it (its magic and kind); the key's halves that it has. */
NTSTATUS bc_import(struct bc_key *k, const struct bc_guest_key *g, bool public, const uint8_t *blob, uint32_t size, uint8_t dss_seed[24]);
/* The blob in out, which has room for BC_BLOB_MAX. */
#define BC_BLOB_MAX 4096u
NTSTATUS bc_export(const struct bc_key *k, const struct bc_guest_key *g, uint32_t flags, uint8_t *out, uint32_t *size);
#define BC_EXPORT_PUBLIC 1u
#define BC_EXPORT_FULL   2u /* RSA's numbers that follow from the primes, too */
#endif
