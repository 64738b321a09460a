/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/window_dk.c - reading host files from mappings.
 *
 * A read by a host call costs 0.6 us and more for 4 KB, a copy from a mapping 0.1.
 * So the second read within one WINDOW of a file maps it, and later ones copy, but for large
 * vectors: images are read by those, once.  Windows
 * lie in the picoprocess's own range for that, WINDOWS of them in a table that a file
 * and a window's number hash into; who comes later takes the place.
 *
 * The table is private memory; a window's lock is held while it is copied from, so that
 * nobody maps another file there meanwhile.  After a fork the child finds that the table
 * is another process's and starts afresh: it may have been copied with locks held.
 *
 * The host keeps the mapping and the file the same.  A file cut short ends the copy at the
 * missing page; the caller then asks the host, which knows.
 */
#include "linux/fs/fs.h"
#include "linux/fs/window.h"

#define WINDOW_SIZE (1ull << 20)
#define WINDOWS     64u
#define VECTOR_LARGE 65536u

struct window {
	LOCK(WINDOW) lock;
	dk_handle stream; /* whose; 0 = nobody's */
	bool mapped;
	uint64_t number, id;
};
static struct {
	_Atomic uint32_t owner; /* handle of the process the table is of */
	LOCK(WINDOW) lock;
	struct window window[WINDOWS];
} table;

/* Makes the table this process's.  Two threads may both come here first: one does it. */
static NOINLINE void adopt(uint32_t me)
{
	static _Atomic uint32_t adopting;
	uint32_t before = atomic_load(&adopting);

	if (before == me || !atomic_compare_exchange_strong(&adopting, &before, me))
		return; /* somebody is at it: this read goes to the host */
	for (unsigned i = 0; i < WINDOWS; i++) {
		lock_init(&table.window[i].lock, LOCK_WINDOW);
		table.window[i].stream = DK_NO_HANDLE;
		table.window[i].mapped = false;
	}
	atomic_store(&table.owner, me);
}

static uint64_t address_of(const struct window *w)
{
	return WINDOWS_BASE + (uint64_t)(w - table.window) * WINDOW_SIZE;
}

/* True if w shows the window; else it will, from the next read on. */
static bool showing(struct window *w, dk_handle stream, uint64_t id, uint64_t number)
{
	uint64_t at = address_of(w);

	/* Handles come round again after 256 uses of a slot: the file itself must be the same too. */
	if (w->stream != stream || w->number != number || w->id != id) {
		w->stream = stream;
		w->id = id;
		w->number = number;
		w->mapped = false;
	} else if (!w->mapped) {
		w->mapped = DkStreamMap(stream, &at, number * WINDOW_SIZE, WINDOW_SIZE, DK_PROT_R, DK_MAP_SHARED | DK_MAP_FIXED) == DK_OK;
	}
	return w->mapped;
}

long window_read(dk_handle stream, uint64_t id, const struct iov *v, uint64_t pos, uint64_t size)
{
	uint64_t number = pos / WINDOW_SIZE, offset = pos % WINDOW_SIZE;
	struct window *w = &table.window[(stream * 31u + number) % WINDOWS];
	uint32_t me = pico_boot_block->process;
	size_t done = 0;

	/* Not across two windows, and not where the end of the file may be. */
	if (v->size == 0 || (v->count > 1 && v->size >= VECTOR_LARGE) || v->size > WINDOW_SIZE - offset || pos + v->size > size)
		return -EAGAIN;
	if (UNLIKELY(atomic_load_explicit(&table.owner, memory_order_acquire) != me)) {
		adopt(me);
		return -EAGAIN;
	}
	lock_take(&w->lock);
	if (showing(w, stream, id, number))
		done = iov_put(v, 0, (const char *)address_of(w) + offset, v->size);
	lock_drop(&w->lock);
	return done == v->size ? (long)done : -EAGAIN;
}
