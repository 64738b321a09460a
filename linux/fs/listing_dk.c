/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/listing_dk.c - a host directory read as a whole, names and attributes.
 *
 * Entries are sorted by a hash of the name, which is also their position for
 * getdents: a reader that goes on in a newer listing misses and repeats nothing that
 * was there all the time.  A listing is believed for a second by look-ups, so
 * that "ls -l" asks the host once; the newest few are kept, and one that is being
 * read lives as long as its readers.
 */
#include "linux/fs/fs.h"

#define ENUM_ROOM (64u * 1024)

uint64_t listing_hash(const char *name, uint32_t len)
{
	uint64_t h = 0xcbf29ce484222325ull ^ len;

	for (uint32_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 0x100000001b3ull;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15ull;
	return h >> 3;
}

void listing_put(struct listing *l)
{
	if (!ref_put(&l->ref))
		return;
	if (l->sorted != NULL)
		gather_drop(l);
	if (l->text != NULL)
		arena_free_pages(l->text, l->pages);
	if (l->sorted != NULL)
		arena_free_pages(l->sorted, l->sorted_pages);
	arena_free(l);
}

/* Reads everything into heap memory that grows; entries keep their form. */
static long read_all(const char *uri, char **text, size_t *size, uint32_t *count)
{
	uint64_t cursor = 0, done;
	size_t room = 0, used = 0;
	char *buf = NULL;

	*count = 0;
	do {
		enum dk_status status;

		if (room - used < ENUM_ROOM) {
			char *more = heap_realloc(buf, MAX(room * 2, (size_t)ENUM_ROOM * 2));

			if (more == NULL) {
				heap_free(buf);
				return -ENOMEM;
			}
			buf = more;
			room = MAX(room * 2, (size_t)ENUM_ROOM * 2);
		}
		status = DkStreamEnumerateChildren(uri, &cursor, buf + used, ENUM_ROOM, &done);
		if (status != DK_OK) {
			heap_free(buf);
			return lx_err(status);
		}
		for (size_t at = used; at + sizeof(struct dk_dirent) <= used + done;) {
			const struct dk_dirent *e = (const void *)(buf + at);

			if (e->size < sizeof *e || e->size > used + done - at) {
				done = at - used; /* nonsense from below: what was good counts */
				break;
			}
			++*count;
			at += e->size;
		}
		used += done;
		/* With room for another entry, that was all: see dk.abi. */
	} while (done != 0 && ENUM_ROOM - done < 1024);
	*text = buf;
	*size = used;
	return 0;
}

static void sift(struct listing_entry *a, uint32_t start, uint32_t end)
{
	for (uint32_t child; (child = 2 * start + 1) < end; start = child) {
		struct listing_entry swap;

		if (child + 1 < end && a[child].hash < a[child + 1].hash)
			child++;
		if (a[start].hash >= a[child].hash)
			return;
		swap = a[start];
		a[start] = a[child];
		a[child] = swap;
	}
}

static void heap_sort(struct listing_entry *a, uint32_t n)
{
	for (uint32_t i = n / 2; i-- > 0;)
		sift(a, i, n);
	for (uint32_t end = n; end > 1; end--) {
		struct listing_entry swap = a[0];

		a[0] = a[end - 1];
		a[end - 1] = swap;
		sift(a, 0, end - 1);
	}
}

static struct listing *build(const char *text, size_t size, uint32_t count, uint64_t when)
{
	struct listing *l = arena_alloc(sizeof *l);
	size_t at = 0;

	if (l == NULL)
		return NULL;
	ref_init(&l->ref);
	lock_init(&l->lock, LOCK_INODE);
	l->last = UINT32_MAX;
	l->pages = (uint32_t)(PAGE_UP(size + 1) >> PAGE_SHIFT);
	l->sorted_pages = PAGE_UP((count + 1) * sizeof *l->sorted) >> PAGE_SHIFT;
	l->text = arena_alloc_pages(l->pages);
	l->sorted = arena_alloc_pages(l->sorted_pages);
	if (l->text == NULL || l->sorted == NULL) {
		listing_put(l);
		return NULL;
	}
	memcpy(l->text, text, size);
	for (uint32_t i = 0; i < count; i++) {
		struct dk_dirent *e = (void *)(l->text + at);

		l->sorted[i].ent = e;
		l->sorted[i].hash = listing_hash(e->name, e->name_len);
		at += e->size;
	}
	l->count = count;
	heap_sort(l->sorted, count);
	l->when = when;
	l->until = when + TRUST_NS;
	return l;
}

struct listing *listing_fetch(const char *uri, long *err)
{
	uint64_t when = pico_now_coarse();
	struct listing *l;
	uint32_t count;
	size_t size;
	char *text;

	*err = read_all(uri, &text, &size, &count);
	if (*err < 0)
		return NULL;
	l = build(text, size, count, when);
	heap_free(text);
	if (l == NULL)
		*err = -ENOMEM;
	return l;
}

void listing_remember(struct listing *l)
{
	struct vfs *v = vfs();
	struct listing *old;

	ref_get(&l->ref);
	lock_take(&v->idle_lock);
	old = v->listing[v->listing_next];
	v->listing[v->listing_next] = l;
	v->listing_next = (v->listing_next + 1) % LISTING_SLOTS;
	lock_drop(&v->idle_lock);
	if (old != NULL) {
		old->until = 0;
		listing_put(old);
	}
}

uint32_t listing_from(const struct listing *l, uint64_t hash)
{
	uint32_t low = 0, high = l->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (l->sorted[mid].hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

uint32_t listing_index(const struct listing *l, const char *name, uint32_t len)
{
	uint64_t hash = listing_hash(name, len);

	for (uint32_t i = listing_from(l, hash); i < l->count && l->sorted[i].hash == hash; i++) {
		const struct dk_dirent *e = l->sorted[i].ent;

		if (e->name_len == len && memcmp(e->name, name, len) == 0)
			return i;
	}
	return UINT32_MAX;
}

struct dk_dirent *listing_find(const struct listing *l, const char *name, uint32_t len)
{
	uint32_t i = listing_index(l, name, len);

	return i != UINT32_MAX ? l->sorted[i].ent : NULL;
}

uint32_t dirent_type(uint32_t mode)
{
	return S_IFMT_(mode) >> 12; /* DT_* are the type bits */
}
