/* SPDX-License-Identifier: MIT */
/* CNG's ciphers, pairs of keys and signatures: against published vectors (NIST SP 800-38A and D, RFC 6979), and against themselves. */
#include "t.h"
#include <bcrypt.h>
/* libs: -lbcrypt */
/* timeout: 120 */
/* needs: subprojects/bearssl-0.6 */

#ifndef BCRYPT_CHAIN_MODE_GCM
#define BCRYPT_CHAIN_MODE_GCM L"ChainingModeGCM"
#endif

static int unhex(const char *s, UCHAR *to)
{
	int n = 0;
	unsigned v;

	for (; s[0] && sscanf(s, "%2x", &v) == 1; s += 2)
		to[n++] = (UCHAR)v;
	return n;
}

static void hex(const char *what, const UCHAR *p, ULONG n)
{
	printf("%s ", what);
	for (ULONG i = 0; i < n; i++)
		printf("%02x", p[i]);
	printf("\n");
}

static void cipher(const char *what, const WCHAR *name, const WCHAR *mode, const char *key_text, const char *iv_text, const char *text, ULONG flags)
{
	UCHAR key[32], iv[16], used[16], in[256], out[256], back[256];
	BCRYPT_ALG_HANDLE alg;
	BCRYPT_KEY_HANDLE k;
	ULONG n = unhex(text, in), got = 0, ivn = unhex(iv_text, iv);
	LONG st;

	BCryptOpenAlgorithmProvider(&alg, name, NULL, 0);
	BCryptSetProperty(alg, BCRYPT_CHAINING_MODE, (UCHAR *)mode, (ULONG)(wcslen(mode) + 1) * 2, 0);
	st = BCryptGenerateSymmetricKey(alg, &k, NULL, 0, key, unhex(key_text, key), 0);
	memcpy(used, iv, sizeof iv);
	if (st == 0)
		st = BCryptEncrypt(k, in, n, NULL, ivn ? used : NULL, ivn, out, sizeof out, &got, flags);
	printf("%s: %#lx", what, st);
	hex("", out, st == 0 ? got : 0);
	BCryptDestroyKey(k);
	BCryptGenerateSymmetricKey(alg, &k, NULL, 0, key, unhex(key_text, key), 0);
	memcpy(used, iv, sizeof iv);
	if (st == 0) {
		st = BCryptDecrypt(k, out, got, NULL, ivn ? used : NULL, ivn, back, sizeof back, &got, flags);
		printf("  back: %#lx %d\n", st, got == n && memcmp(in, back, n) == 0);
	}
	BCryptDestroyKey(k);
	BCryptCloseAlgorithmProvider(alg, 0);
}

static void gcm(void)
{
	UCHAR key[16], nonce[12], aad[20], in[60], out[60], tag[16], back[60];
	BCRYPT_AUTHENTICATED_CIPHER_MODE_INFO a;
	BCRYPT_ALG_HANDLE alg;
	BCRYPT_KEY_HANDLE k;
	ULONG got;

	BCRYPT_INIT_AUTH_MODE_INFO(a);
	unhex("feffe9928665731c6d6a8f9467308308", key);
	a.pbNonce = nonce, a.cbNonce = unhex("cafebabefacedbaddecaf888", nonce);
	a.pbAuthData = aad, a.cbAuthData = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2", aad);
	a.pbTag = tag, a.cbTag = sizeof tag;
	unhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39", in);
	BCryptOpenAlgorithmProvider(&alg, L"AES", NULL, 0);
	BCryptSetProperty(alg, BCRYPT_CHAINING_MODE, (UCHAR *)BCRYPT_CHAIN_MODE_GCM, sizeof BCRYPT_CHAIN_MODE_GCM, 0);
	BCryptGenerateSymmetricKey(alg, &k, NULL, 0, key, sizeof key, 0);
	HEX(BCryptEncrypt(k, in, sizeof in, &a, NULL, 0, out, sizeof out, &got, 0));
	hex("gcm", out, sizeof out);
	hex("tag", tag, sizeof tag);
	HEX(BCryptDecrypt(k, out, sizeof out, &a, NULL, 0, back, sizeof back, &got, 0));
	NUM(memcmp(in, back, sizeof in));
	tag[0] ^= 1;
	HEX((ULONG)BCryptDecrypt(k, out, sizeof out, &a, NULL, 0, back, sizeof back, &got, 0));
	BCryptDestroyKey(k);
}

/* A pair that is made, exported, imported: what one signs the other knows, and nothing else. */
static void pair(const WCHAR *name, ULONG bits, const WCHAR *public, const WCHAR *private, void *padding, ULONG flags, ULONG hash_size)
{
	UCHAR hash[64], sig[512], blob[4096];
	BCRYPT_ALG_HANDLE alg;
	BCRYPT_KEY_HANDLE k, p;
	ULONG n = 0, size = 0;

	for (int i = 0; i < 64; i++)
		hash[i] = (UCHAR)(i * 7);
	printf("%ls %lu\n", name, bits);
	HEX((ULONG)BCryptOpenAlgorithmProvider(&alg, name, NULL, 0));
	HEX((ULONG)BCryptGenerateKeyPair(alg, &k, bits, 0));
	HEX((ULONG)BCryptFinalizeKeyPair(k, 0));
	if (private) {
		HEX((ULONG)BCryptExportKey(k, NULL, private, blob, sizeof blob, &size, 0));
		BCryptDestroyKey(k);
		HEX((ULONG)BCryptImportKeyPair(alg, NULL, private, &k, blob, size, 0));
	}
	HEX((ULONG)BCryptSignHash(k, padding, hash, hash_size, sig, sizeof sig, &n, flags));
	NUM(n);
	HEX((ULONG)BCryptExportKey(k, NULL, public, blob, sizeof blob, &size, 0));
	NUM(size);
	HEX((ULONG)BCryptImportKeyPair(alg, NULL, public, &p, blob, size, 0));
	HEX((ULONG)BCryptVerifySignature(p, padding, hash, hash_size, sig, n, flags));
	hash[3] ^= 1;
	HEX((ULONG)BCryptVerifySignature(p, padding, hash, hash_size, sig, n, flags));
	hash[3] ^= 1;
	sig[n / 2] ^= 1;
	HEX((ULONG)BCryptVerifySignature(p, padding, hash, hash_size, sig, n, flags));
	HEX((ULONG)BCryptSignHash(p, padding, hash, hash_size, sig, sizeof sig, &n, flags));
	BCryptDestroyKey(k);
	BCryptDestroyKey(p);
	BCryptCloseAlgorithmProvider(alg, 0);
}

/* RFC 6979, A.2.5: P-256, SHA-256, "sample". */
static void known(void)
{
	struct {
		BCRYPT_ECCKEY_BLOB h;
		UCHAR xy[64];
	} b = { { BCRYPT_ECDSA_PUBLIC_P256_MAGIC, 32 } };
	UCHAR sig[64], hash[32];
	BCRYPT_ALG_HANDLE alg;
	BCRYPT_KEY_HANDLE k;

	unhex("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299", b.xy);
	unhex("af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf", hash);
	unhex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8", sig);
	BCryptOpenAlgorithmProvider(&alg, BCRYPT_ECDSA_P256_ALGORITHM, NULL, 0);
	HEX((ULONG)BCryptImportKeyPair(alg, NULL, BCRYPT_ECCPUBLIC_BLOB, &k, (UCHAR *)&b, sizeof b, 0));
	HEX((ULONG)BCryptVerifySignature(k, NULL, hash, sizeof hash, sig, sizeof sig, 0));
	sig[63] ^= 1;
	HEX((ULONG)BCryptVerifySignature(k, NULL, hash, sizeof hash, sig, sizeof sig, 0));
	b.xy[63] ^= 1; /* on no curve */
	HEX((ULONG)BCryptImportKeyPair(alg, NULL, BCRYPT_ECCPUBLIC_BLOB, &k, (UCHAR *)&b, sizeof b, 0) != 0);
}

static void encrypts(void)
{
	UCHAR in[] = "for the other one", out[128], back[128];
	BCRYPT_ALG_HANDLE alg;
	BCRYPT_KEY_HANDLE k, copy;
	ULONG n = 0, m = 0;

	BCryptOpenAlgorithmProvider(&alg, L"RSA", NULL, 0);
	BCryptGenerateKeyPair(alg, &k, 1024, 0);
	HEX((ULONG)BCryptEncrypt(k, in, sizeof in, NULL, NULL, 0, out, sizeof out, &n, BCRYPT_PAD_PKCS1)); /* not finished yet */
	BCryptFinalizeKeyPair(k, 0);
	HEX((ULONG)BCryptDuplicateKey(k, &copy, NULL, 0, 0));
	HEX((ULONG)BCryptEncrypt(k, in, sizeof in, NULL, NULL, 0, out, sizeof out, &n, BCRYPT_PAD_PKCS1));
	NUM(n);
	BCryptDestroyKey(k);
	HEX((ULONG)BCryptDecrypt(copy, out, n, NULL, NULL, 0, back, sizeof back, &m, BCRYPT_PAD_PKCS1));
	printf("%lu %s\n", m, back);
	out[5] ^= 1;
	NUM(BCryptDecrypt(copy, out, n, NULL, NULL, 0, back, sizeof back, &m, BCRYPT_PAD_PKCS1) != 0 || m != sizeof in);
	BCryptDestroyKey(copy);
}

int main(void)
{
	BCRYPT_PKCS1_PADDING_INFO pkcs = { L"SHA256" };
	BCRYPT_PSS_PADDING_INFO pss = { L"SHA384", 48 };
	const char *text = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51", *iv = "000102030405060708090a0b0c0d0e0f";

	t_start();
	cipher("aes128 cbc", L"AES", BCRYPT_CHAIN_MODE_CBC, "2b7e151628aed2a6abf7158809cf4f3c", iv, text, 0);
	cipher("aes192 cbc", L"AES", BCRYPT_CHAIN_MODE_CBC, "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", iv, text, 0);
	cipher("aes256 ecb", L"AES", BCRYPT_CHAIN_MODE_ECB, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "", text, 0);
	cipher("aes128 padded", L"AES", BCRYPT_CHAIN_MODE_CBC, "2b7e151628aed2a6abf7158809cf4f3c", iv, "6bc1bee22e", BCRYPT_BLOCK_PADDING);
	cipher("aes128 cfb", L"AES", BCRYPT_CHAIN_MODE_CFB, "2b7e151628aed2a6abf7158809cf4f3c", iv, "6bc1bee22e409f96e93d7e117393172a", 0);
	cipher("3des cbc", L"3DES", BCRYPT_CHAIN_MODE_CBC, "0123456789abcdef23456789abcdef01456789abcdef0123", "f69f2445df4f9b17", text, 0);
	gcm();
	pair(L"RSA", 1024, BCRYPT_RSAPUBLIC_BLOB, BCRYPT_RSAFULLPRIVATE_BLOB, &pkcs, BCRYPT_PAD_PKCS1, 32);
	pair(L"RSA", 1024, BCRYPT_RSAPUBLIC_BLOB, BCRYPT_RSAPRIVATE_BLOB, &pss, BCRYPT_PAD_PSS, 48);
	pair(L"ECDSA_P256", 256, BCRYPT_ECCPUBLIC_BLOB, BCRYPT_ECCPRIVATE_BLOB, NULL, 0, 32);
	pair(L"ECDSA_P384", 384, BCRYPT_ECCPUBLIC_BLOB, NULL, NULL, 0, 48);
	pair(L"DSA", 512, BCRYPT_DSA_PUBLIC_BLOB, NULL, NULL, 0, 20);
	known();
	encrypts();
	return 0;
}
