/* SPDX-License-Identifier: MIT */
/*
 * nt/bcrypt/blob.c - keys as CNG's blobs (bcrypt.h: BCRYPT_RSAKEY_BLOB, _ECCKEY_BLOB, _DSA_KEY_BLOB), and DSA's as CryptoAPI's, which are
 * little-endian (wincrypt.h: BLOBHEADER, DSSPUBKEY, DSSSEED).
 *
 * Blobs are the program's: every size in one is held against what there is.
 */
#include "nt/bcrypt/bcrypt.h"
#include "rt/mem.h"

#define MAGIC(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

struct RSAKEY_BLOB {
	uint32_t Magic, BitLength, cbPublicExp, cbModulus, cbPrime1, cbPrime2;
};
struct ECCKEY_BLOB {
	uint32_t dwMagic, cbKey;
};
struct DSA_KEY_BLOB {
	uint32_t dwMagic, cbKey;
	uint8_t Count[4], Seed[20], q[BC_DSA_Q];
};
struct CAPI_DSA {
	uint8_t bType, bVersion;
	uint16_t reserved;
	uint32_t aiKeyAlg, magic, bitlen;
};
enum { PUBLICKEYBLOB = 6, PRIVATEKEYBLOB = 7, CALG_DSS_SIGN = 0x2200 };
#define DSS_SEED 24u

/* ---- A walk over a blob ---- */

struct at {
	uint8_t *p;
	uint32_t left;
};

/* The next size bytes; NULL: there are not so many. */
static uint8_t *take(struct at *a, uint32_t size)
{
	uint8_t *p = a->p;

	if (size > a->left)
		return NULL;
	a->p += size;
	a->left -= size;
	return p;
}

static bool get(struct at *a, uint8_t *to, uint32_t size)
{
	const uint8_t *p = take(a, size);

	if (p != NULL)
		memcpy(to, p, size);
	return p != NULL;
}

/* Without its leading zeros, at most room bytes. */
static bool get_number(struct at *a, uint32_t size, uint8_t *to, uint32_t room, uint32_t *len)
{
	const uint8_t *p = take(a, size);

	while (p != NULL && size > 0 && *p == 0) {
		p++;
		size--;
	}
	if (p == NULL || size == 0 || size > room)
		return false;
	memcpy(to, p, size);
	*len = size;
	return true;
}

static bool get_little(struct at *a, uint8_t *to, uint32_t size)
{
	const uint8_t *p = take(a, size);

	for (uint32_t i = 0; p != NULL && i < size; i++)
		to[i] = p[size - 1 - i];
	return p != NULL;
}

static void put(struct at *a, const void *from, uint32_t size)
{
	uint8_t *p = take(a, size);

	if (p != NULL)
		memcpy(p, from, size);
}

/* With leading zeros, size bytes in all. */
static void put_padded(struct at *a, const uint8_t *from, uint32_t len, uint32_t size)
{
	uint8_t *p = take(a, size);

	if (p == NULL || len > size)
		return;
	memset(p, 0, size - len);
	memcpy(p + size - len, from, len);
}

static void put_little(struct at *a, const uint8_t *from, uint32_t size)
{
	uint8_t *p = take(a, size);

	for (uint32_t i = 0; p != NULL && i < size; i++)
		p[i] = from[size - 1 - i];
}

/* ---- RSA ---- */

static NTSTATUS import_rsa(struct bc_key *k, bool public, struct at *a)
{
	struct bc_rsa *r = &k->rsa;
	struct RSAKEY_BLOB h;
	uint32_t half, skipped;

	if (!get(a, (uint8_t *)&h, sizeof h) || !get_number(a, h.cbPublicExp, r->e, sizeof r->e, &r->elen) ||
		!get_number(a, h.cbModulus, r->n, sizeof r->n, &r->nlen) || !(r->n[r->nlen - 1] & 1))
		return h.cbModulus > sizeof r->n ? (NTSTATUS)STATUS_NOT_SUPPORTED : (NTSTATUS)STATUS_INVALID_PARAMETER;
	if (public)
		return STATUS_SUCCESS;
	if (!get_number(a, h.cbPrime1, r->p, sizeof r->p, &r->plen) || !get_number(a, h.cbPrime2, r->q, sizeof r->q, &r->qlen))
		return STATUS_INVALID_PARAMETER;
	half = h.cbPrime1;
	skipped = h.cbPrime1 * 2 + h.cbPrime2; /* what is computed again */
	if (h.Magic == MAGIC('R', 'S', 'A', '3') && half < sizeof r->p * 2 && h.cbPrime2 < sizeof r->q * 2 && take(a, skipped) != NULL &&
		!get_number(a, h.cbModulus, r->d, sizeof r->d, &r->dlen))
		return STATUS_INVALID_PARAMETER;
	k->private = true;
	return bc_rsa_complete(r);
}

static void export_rsa(const struct bc_rsa *r, uint32_t bits, uint32_t flags, struct at *a)
{
	uint32_t half = MAX(MAX(r->plen, r->qlen), (r->nlen + 1) / 2);
	bool public = flags & BC_EXPORT_PUBLIC, full = flags & BC_EXPORT_FULL;
	struct RSAKEY_BLOB h = { .Magic = MAGIC('R', 'S', 'A', public ? '1' : full ? '3' : '2'), .BitLength = bits, .cbPublicExp = r->elen, .cbModulus = r->nlen,
		.cbPrime1 = public ? 0 : half, .cbPrime2 = public ? 0 : half };

	put(a, &h, sizeof h);
	put(a, r->e, r->elen);
	put(a, r->n, r->nlen);
	if (public)
		return;
	put_padded(a, r->p, r->plen, half);
	put_padded(a, r->q, r->qlen, half);
	if (!full)
		return;
	put_padded(a, r->dp, r->plen, half);
	put_padded(a, r->dq, r->qlen, half);
	put_padded(a, r->iq, r->plen, half);
	put_padded(a, r->d, r->dlen, r->nlen);
}

/* ---- Curves ---- */

static NTSTATUS import_ec(struct bc_key *k, bool public, struct at *a)
{
	struct ECCKEY_BLOB h;

	bc_ec_init(&k->ec, k->alg);
	if (!get(a, (uint8_t *)&h, sizeof h) || h.cbKey != k->ec.size || !get(a, k->ec.q + 1, 2 * k->ec.size) || (!public && !get(a, k->ec.d, k->ec.size)))
		return STATUS_INVALID_PARAMETER;
	k->private = !public;
	return bc_ec_on_curve(&k->ec) ? STATUS_SUCCESS : (NTSTATUS)STATUS_INVALID_PARAMETER;
}

static void export_ec(const struct bc_key *k, bool public, struct at *a)
{
	bool dh = k->alg == BC_ECDH_P256 || k->alg == BC_ECDH_P384;
	char number = (char)('1' + (k->ec.size == 48 ? 2 : 0) + !public);
	struct ECCKEY_BLOB h = { .dwMagic = MAGIC('E', 'C', dh ? 'K' : 'S', number), .cbKey = k->ec.size };

	put(a, &h, sizeof h);
	put(a, k->ec.q + 1, 2 * k->ec.size);
	if (!public)
		put(a, k->ec.d, k->ec.size);
}

/* ---- DSA ---- */

static NTSTATUS import_dsa(struct bc_key *k, struct at *a)
{
	struct bc_dsa *d = &k->dsa;
	struct DSA_KEY_BLOB h;

	if (!get(a, (uint8_t *)&h, sizeof h) || h.cbKey > BC_DSA_MAX)
		return STATUS_NOT_SUPPORTED;
	d->size = h.cbKey;
	memcpy(d->q, h.q, sizeof d->q);
	if (!get(a, d->p, d->size) || !get(a, d->g, d->size) || !get(a, d->y, d->size) || !bc_dsa_is_sound(d))
		return STATUS_INVALID_PARAMETER;
	return STATUS_SUCCESS;
}

static NTSTATUS import_capi_dsa(struct bc_key *k, bool public, struct at *a, uint8_t seed[DSS_SEED])
{
	struct bc_dsa *d = &k->dsa;
	struct CAPI_DSA h;

	if (!get(a, (uint8_t *)&h, sizeof h) || h.bitlen > BC_DSA_MAX * 8 || h.bitlen % 8 != 0)
		return STATUS_NOT_SUPPORTED;
	d->size = h.bitlen / 8;
	if (!get_little(a, d->p, d->size) || !get_little(a, d->q, BC_DSA_Q) || !get_little(a, d->g, d->size) ||
		!(public ? get_little(a, d->y, d->size) : get_little(a, d->x, BC_DSA_Q)) || !get(a, seed, DSS_SEED) || !bc_dsa_is_sound(d))
		return STATUS_INVALID_PARAMETER;
	if (!public)
		bc_dsa_complete(d);
	k->private = !public;
	return STATUS_SUCCESS;
}

static void export_dsa(const struct bc_dsa *d, bool public, struct at *a)
{
	struct DSA_KEY_BLOB h = { .dwMagic = MAGIC('D', 'S', 'P', public ? 'B' : 'V'), .cbKey = d->size };

	memcpy(h.q, d->q, sizeof h.q);
	put(a, &h, sizeof h);
	put(a, d->p, d->size);
	put(a, d->g, d->size);
	put(a, d->y, d->size);
	if (!public)
		put(a, d->x, BC_DSA_Q);
}

static void export_capi_dsa(const struct bc_dsa *d, const struct bc_guest_key *g, bool public, struct at *a)
{
	struct CAPI_DSA h = { .bType = public ? PUBLICKEYBLOB : PRIVATEKEYBLOB, .bVersion = 2, .aiKeyAlg = CALG_DSS_SIGN,
		.magic = MAGIC('D', 'S', 'S', public ? '1' : '2'), .bitlen = d->size * 8 };

	put(a, &h, sizeof h);
	put_little(a, d->p, d->size);
	put_little(a, d->q, BC_DSA_Q);
	put_little(a, d->g, d->size);
	if (public)
		put_little(a, d->y, d->size);
	else
		put_little(a, d->x, BC_DSA_Q);
	put(a, g->a.dss_seed, DSS_SEED);
}

/* ---- All ---- */

NTSTATUS bc_import(struct bc_key *k, const struct bc_guest_key *g, bool public, const uint8_t *blob, uint32_t size, uint8_t dss_seed[DSS_SEED])
{
	struct at a = { (uint8_t *)blob, size };

	if (bc_is_rsa(k->alg))
		return import_rsa(k, public, &a);
	if (bc_is_ec(k->alg))
		return import_ec(k, public, &a);
	if (k->alg == BC_DSA && (g->a.flags & BC_LEGACY_DSA))
		return import_capi_dsa(k, public, &a, dss_seed);
	return k->alg == BC_DSA && public ? import_dsa(k, &a) : (NTSTATUS)STATUS_NOT_IMPLEMENTED;
}

NTSTATUS bc_export(const struct bc_key *k, const struct bc_guest_key *g, uint32_t flags, uint8_t *out, uint32_t *size)
{
	struct at a = { out, BC_BLOB_MAX };
	bool public = flags & BC_EXPORT_PUBLIC;

	if (!public && !k->private)
		return STATUS_INVALID_PARAMETER;
	if (bc_is_rsa(k->alg))
		export_rsa(&k->rsa, g->a.bits, flags, &a);
	else if (bc_is_ec(k->alg))
		export_ec(k, public, &a);
	else if (k->alg == BC_DSA && (g->a.flags & BC_LEGACY_DSA))
		export_capi_dsa(&k->dsa, g, public, &a);
	else if (k->alg == BC_DSA)
		export_dsa(&k->dsa, public, &a);
	else
		return STATUS_NOT_IMPLEMENTED;
	*size = BC_BLOB_MAX - a.left;
	return STATUS_SUCCESS;
}
