/* SPDX-License-Identifier: MIT */
/*
 * nt/bcrypt/keys.c - the picoprocess's table of keys.
 *
 * The DLL keeps a handle on a key, a place and the serial number of what is there, so that what a program does to the DLL's
 * memory, or to a key that another thread uses, ends in "no such key".  Keys are counted, and wiped when they go.
 */
#include "nt/bcrypt/bcrypt.h"
#include "nt/os/process.h"
#include "pico/arena.h"
#include "pico/lock.h"
#include "rt/mem.h"

#define KEYS_MAX (1u << 20)

struct table { /* PRIVATE */
	LOCK(NTEX) lock;
	uint32_t room, serial;
	struct { struct bc_key *key; uint32_t serial; } *place;
};

static struct table *table(void)
{
	static struct table *all;
	struct table *t = __atomic_load_n(&all, __ATOMIC_ACQUIRE), *none = NULL;

	if (LIKELY(t != NULL))
		return t;
	t = heap_alloc(sizeof *t);
	if (t == NULL)
		return NULL;
	lock_init(&t->lock, LOCK_NTEX);
	if (__atomic_compare_exchange_n(&all, &none, t, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return t;
	heap_free(t);
	return none;
}

struct bc_key *bc_key_new(uint32_t alg)
{
	struct bc_key *k = heap_alloc(sizeof *k);

	if (k != NULL) {
		k->refs = 1;
		k->alg = alg;
	}
	return k;
}

void bc_key_put(struct bc_key *k)
{
	struct table *t = table();
	bool last;

	if (k == NULL || t == NULL)
		return;
	lock_take(&t->lock);
	last = --k->refs == 0;
	lock_drop(&t->lock);
	if (!last)
		return;
	memset(k, 0, sizeof *k);
	__asm__ volatile("" : : "r"(k) : "memory"); /* it is wiped although nobody reads it any more */
	heap_free(k);
}

/* The place of a handle, or room, if there is nothing. */
static uint32_t place_of(const struct table *t, uint64_t handle) REQUIRES(NTEX)
{
	uint32_t i = (uint32_t)handle;

	return i < t->room && t->place[i].key != NULL && t->place[i].serial == handle >> 32 ? i : t->room;
}

static bool grow(struct table *t) REQUIRES(NTEX)
{
	uint32_t room = t->room == 0 ? 16 : t->room * 2;
	void *more = room <= KEYS_MAX ? heap_realloc(t->place, room * sizeof *t->place) : NULL;

	if (more == NULL)
		return false;
	t->place = more;
	memset(t->place + t->room, 0, (room - t->room) * sizeof *t->place);
	t->room = room;
	return true;
}

static uint64_t publish(struct table *t, struct bc_key *k) REQUIRES(NTEX)
{
	uint32_t i = 0;

	while (i < t->room && t->place[i].key != NULL)
		i++;
	if (i == t->room && !grow(t))
		return 0;
	if (++t->serial == 0)
		t->serial = 1;
	t->place[i].key = k;
	t->place[i].serial = t->serial;
	return (uint64_t)t->serial << 32 | i;
}

uint64_t bc_key_publish(struct bc_key *k)
{
	struct table *t = table();
	uint64_t handle = 0;

	if (t != NULL) {
		lock_take(&t->lock);
		handle = publish(t, k);
		lock_drop(&t->lock);
	}
	if (handle == 0)
		bc_key_put(k);
	return handle;
}

struct bc_key *bc_key_get(uint64_t handle)
{
	struct table *t = table();
	struct bc_key *k = NULL;
	uint32_t i;

	if (t == NULL || handle == 0)
		return NULL;
	lock_take(&t->lock);
	i = place_of(t, handle);
	if (i < t->room) {
		k = t->place[i].key;
		k->refs++;
	}
	lock_drop(&t->lock);
	return k;
}

uint64_t bc_key_again(uint64_t handle)
{
	struct bc_key *k = bc_key_get(handle);

	return k != NULL ? bc_key_publish(k) : 0;
}

void bc_key_close(uint64_t handle)
{
	struct table *t = table();
	struct bc_key *k = NULL;
	uint32_t i;

	if (t == NULL || handle == 0)
		return;
	lock_take(&t->lock);
	i = place_of(t, handle);
	if (i < t->room) {
		k = t->place[i].key;
		t->place[i].key = NULL;
	}
	lock_drop(&t->lock);
	bc_key_put(k);
}

void bc_random(br_hmac_drbg_context *rng)
{
	uint64_t seed[6];

	for (uint32_t i = 0; i < ARRAY_LEN(seed); i++)
		seed[i] = os_random();
	br_hmac_drbg_init(rng, &br_sha256_vtable, seed, sizeof seed);
}
