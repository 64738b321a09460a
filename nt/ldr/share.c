/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/share.c - what files' headers say is kept: each process maps the same DLLs.
 *
 * A table in the arena by the file's identity (os_file_id: device, inode, time of change, length).  An entry never changes;
 * who uses one has a reference, the table has another.  A file that has no identity, or whose headers are wrong, is read each time.
 * Lock: images_lock (NTEX), for the list alone.
 */
#include "nt/ldr/image.h"
#include "nt/nt.h"
#include "nt/os/file.h"
#include "rt/mem.h"

#define KEPT_MAX 64u

struct shared {
	struct ref ref;
	uint32_t pad;
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
	if (img != NULL && ref_put(&shared_of(img)->ref))
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

/* s goes into the table, which has its own reference. */
static void keep(struct nt_state *nt, struct shared *s)
{
	struct shared *oldest = NULL;

	ref_get(&s->ref);
	lock_take(&nt->images_lock);
	list_insert(&nt->images, &s->link);
	if (++nt->nimages > KEPT_MAX) {
		oldest = LIST_ENTRY(nt->images.prev, struct shared, link);
		list_remove(&oldest->link);
		nt->nimages--;
	}
	lock_drop(&nt->images_lock);
	if (oldest != NULL)
		ldr_image_put(&oldest->image);
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
