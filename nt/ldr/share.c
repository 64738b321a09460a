/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/share.c - what files' headers say is kept: each process maps the same DLLs.
 *
 * So are the parts of an image that its file has not as whole pages (linkers align sections in files to 512 bytes): the second
 * process that maps it lays them out in pages of arena-data, it and those after it map private ones of those, and who writes gets a copy.
 *
 * A table in the arena by the file's identity (os_file_id: device, inode, time of change, length).  An entry never changes;
 * who uses one has a reference, the table has another.  A file that has no identity, or whose headers are wrong, is read each time.
 * Lock: images_lock (NTEX), for the list alone.
 */
#include "nt/ldr/image.h"
#include "nt/nt.h"
#include "nt/os/file.h"
#include "nt/os/vm.h"
#include "rt/mem.h"

#define KEPT_MAX 64u
#define ASKED_NS 500000000u /* less than what is opened ahead is believed for */
#define LAID_MAX 0x100000u  /* bytes of an image that is kept laid out; larger ones are read by each process, as they may be needed once */
#define LAID_ALL 0x1000000u /* of all of them that the table has */

struct shared {
	struct ref ref;
	bool in_table;          /* NTEX */
	bool was_mapped;        /* [a] once */
	uint64_t asked_until;   /* [a] what it will have ntdll open was opened ahead, and need not be again before */
	struct shared_mem *laid; /* [a] NULL: not yet; then it stays */
	struct list link;       /* in nt->images, the last used first; NTEX */
	struct os_file_id id;   /* [I] */
	struct ldr_image image; /* [I] only as many sections as there are */
};

static struct shared *shared_of(const struct ldr_image *img)
{
	return CONTAINER_OF((struct ldr_image *)(uintptr_t)img, struct shared, image);
}

void ldr_image_put(const struct ldr_image *img)
{
	if (img == NULL || !ref_put(&shared_of(img)->ref))
		return;
	os_vm_pages_put(shared_of(img)->laid);
	arena_free(shared_of(img));
}

static bool is_same(const struct os_file_id *a, const struct os_file_id *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->changed == b->changed && a->size == b->size;
}

static const struct ldr_image *find(struct nt_state *nt, const struct os_file_id *id)
{
	const struct ldr_image *found = NULL;

	lock_take(&nt->images_lock);
	LIST_FOR (s, &nt->images, struct shared, link) {
		if (!is_same(&s->id, id))
			continue;
		list_remove(&s->link);
		list_insert(&nt->images, &s->link);
		ref_get(&s->ref);
		found = &s->image;
		break;
	}
	lock_drop(&nt->images_lock);
	return found;
}

/* The one that was used longest ago, if there are too many; not in the table any more. */
static struct shared *oldest(struct nt_state *nt) REQUIRES(NTEX)
{
	struct shared *s = LIST_ENTRY(nt->images.prev, struct shared, link);

	if (nt->nimages <= KEPT_MAX && (nt->images_laid <= LAID_ALL || nt->nimages == 0))
		return NULL;
	list_remove(&s->link);
	s->in_table = false;
	nt->nimages--;
	nt->images_laid -= s->laid != NULL ? s->image.size : 0;
	return s;
}

static void trim(struct nt_state *nt)
{
	struct shared *s;

	do {
		lock_take(&nt->images_lock);
		s = oldest(nt);
		lock_drop(&nt->images_lock);
		if (s != NULL)
			ldr_image_put(&s->image);
	} while (s != NULL);
}

/* s goes into the table, which has its own reference. */
static void keep(struct nt_state *nt, struct shared *s)
{
	ref_get(&s->ref);
	lock_take(&nt->images_lock);
	list_insert(&nt->images, &s->link);
	s->in_table = true;
	nt->nimages++;
	lock_drop(&nt->images_lock);
	trim(nt);
}

struct shared_mem *ldr_image_laid(const struct ldr_image *img, struct file *f)
{
	struct shared *s = shared_of(img);
	struct nt_state *nt = nt_state();
	struct shared_mem *m = __atomic_load_n(&s->laid, __ATOMIC_ACQUIRE);

	if (m != NULL || img->size > LAID_MAX || !ldr_image_is_copied(img))
		return m;
	if (!__atomic_exchange_n(&s->was_mapped, true, __ATOMIC_RELAXED)) /* most are mapped once, and pages of one's own cost half */
		return NULL;
	m = os_vm_pages_new(img->size);
	if (m == NULL || ldr_image_lay(img, f, os_vm_pages_at(m)) != STATUS_SUCCESS) {
		os_vm_pages_put(m);
		return NULL;
	}
	lock_take(&nt->images_lock);
	if (s->laid == NULL) {
		__atomic_store_n(&s->laid, m, __ATOMIC_RELEASE);
		nt->images_laid += s->in_table ? img->size : 0;
		m = NULL;
	}
	lock_drop(&nt->images_lock);
	os_vm_pages_put(m); /* somebody was faster */
	trim(nt);
	return s->laid;
}

static struct shared *shared_new(const struct ldr_image *img)
{
	size_t size = offsetof(struct ldr_image, section) + img->nsections * sizeof img->section[0];
	struct shared *s = arena_alloc(offsetof(struct shared, image) + size);

	if (s == NULL)
		return NULL;
	ref_init(&s->ref);
	memcpy(&s->image, img, size);
	return s;
}

NTSTATUS ldr_image_of(struct file *f, const struct ldr_image **out)
{
	struct nt_state *nt = nt_state();
	struct os_file_id id;
	struct ldr_image *read;
	struct shared *s;
	bool known = nt != NULL && os_file_id(f, &id);
	NTSTATUS status;

	*out = known ? find(nt, &id) : NULL;
	if (*out != NULL)
		return STATUS_SUCCESS;
	status = ldr_image_read(f, &read);
	if (status != STATUS_SUCCESS)
		return status;
	s = shared_new(read);
	heap_free(read);
	if (s == NULL)
		return STATUS_NO_MEMORY;
	if (known) {
		s->id = id;
		keep(nt, s);
	}
	*out = &s->image;
	return STATUS_SUCCESS;
}

NTSTATUS ldr_program_of(struct file *f, const struct ldr_image **out)
{
	NTSTATUS status = ldr_image_of(f, out);

	if (status != STATUS_SUCCESS || !(*out)->narrow)
		return status;
	ldr_image_put(*out);
	*out = NULL;
	return STATUS_INVALID_IMAGE_WIN_64;
}

bool ldr_ahead_is_due(const struct ldr_image *img)
{
	struct shared *s = shared_of(img);
	uint64_t now = pico_now_coarse();

	if (now < __atomic_load_n(&s->asked_until, __ATOMIC_RELAXED))
		return false;
	__atomic_store_n(&s->asked_until, now + ASKED_NS, __ATOMIC_RELAXED);
	return true;
}
