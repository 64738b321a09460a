/* SPDX-License-Identifier: MIT */
/* Hashes and random bytes by each of the ways programs get them. */
/* wine: 8.0 has no bcryptprimitives.dll; Bailey brings its own. */
#include "t.h"
#include <bcrypt.h>
#include <wincrypt.h>
#include <ntsecapi.h>
/* libs: -lbcrypt -ladvapi32 */

static void hash(const WCHAR *name, int mac)
{
	BCRYPT_ALG_HANDLE alg;
	BCRYPT_HASH_HANDLE h;
	UCHAR out[64];
	DWORD n = 0, got;
	LONG st = BCryptOpenAlgorithmProvider(&alg, name, 0, mac ? BCRYPT_ALG_HANDLE_HMAC_FLAG : 0);

	printf("%ls%s: %#lx", name, mac ? " hmac" : "", st);
	BCryptGetProperty(alg, BCRYPT_HASH_LENGTH, (UCHAR *)&n, sizeof n, &got, 0);
	BCryptCreateHash(alg, &h, 0, 0, (UCHAR *)"key", mac ? 3 : 0, 0);
	BCryptHashData(h, (UCHAR *)"abc", 3, 0);
	BCryptFinishHash(h, out, n, 0);
	for (DWORD i = 0; i < n; i++)
		printf("%s%02x", i ? "" : " ", out[i]);
	printf("\n");
	BCryptDestroyHash(h);
	BCryptCloseAlgorithmProvider(alg, 0);
}

static int varied(const unsigned char *p, int n)
{
	int seen[256] = { 0 }, kinds = 0;

	for (int i = 0; i < n; i++)
		kinds += !seen[p[i]]++;
	return kinds > n / 3;
}

int main(void)
{
	unsigned char a[256] = "", b[256] = "", c[256] = "", d[256] = "";
	HCRYPTPROV p;
	unsigned int word = 0, other = 0;

	t_start();
	hash(L"SHA256", 0);
	hash(L"SHA512", 0);
	hash(L"SHA1", 0);
	hash(L"MD5", 0);
	hash(L"SHA256", 1);
	NUM(BCryptGenRandom(0, a, sizeof a, BCRYPT_USE_SYSTEM_PREFERRED_RNG));
	NUM(RtlGenRandom(b, sizeof b));
	OK(CryptAcquireContextA(&p, 0, 0, PROV_RSA_FULL, CRYPT_VERIFYCONTEXT));
	OK(CryptGenRandom(p, sizeof c, c));
	int (__cdecl *rand_s)(unsigned *) = (void *)GetProcAddress(GetModuleHandleA("msvcrt"), "rand_s");
	rand_s(&word);
	rand_s(&other);
	NUM(word != other);
	BOOLEAN (WINAPI *process_prng)(void *, SIZE_T) = (void *)GetProcAddress(LoadLibraryA("bcryptprimitives.dll"), "ProcessPrng");
	NUM(process_prng && process_prng(d, sizeof d));
	NUM(varied(a, 256));
	NUM(varied(b, 256));
	NUM(varied(c, 256));
	NUM(varied(d, 256));
	NUM(memcmp(a, b, 256) && memcmp(b, c, 256));
	return 0;
}
