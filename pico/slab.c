/* SPDX-License-Identifier: MIT */
/* pico/slab.c - see slab.h. */

#include "pico/arena.h"
#include "pico/internal.h"
#include "pico/slab.h"
#include "rt/mem.h"

#define SLAB_MAGIC 0x51abu

static const uint16_t sizes[SLAB_CLASSES] = { 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048 };

static unsigned class_of(size_t size)
{
	unsigned c = 0;

	while (sizes[c] < size)
		c++;
	return c;
}

void slab_pool_init(struct slab_pool *p, uint32_t ops)
{
	p->ops = ops;
	for (unsigned i = 0; i < SLAB_CLASSES; i++) {
		lock_init(&p->class[i].lock, LOCK_SLAB);
		list_init(&p->class[i].partial);
		p->class[i].spare = 0;
	}
}

void *heap_pages(size_t count);
void heap_pages_free(void *pages, size_t count);

static struct slab *run_new(struct slab_pool *p, unsigned class)
{
	struct slab *s = p->ops == SLAB_ARENA ? arena_alloc_pages(SLAB_RUN) : heap_pages(SLAB_RUN);

	if (s == NULL)
		return NULL;
	*s = (struct slab){ .class = class, .magic = SLAB_MAGIC, .fresh = ALIGN_UP(sizeof *s, 64), .pool = p };
	list_init(&s->link);
	return s;
}

/*
 * Where the next object never handed out lies in the run, or 0.  They are carved one by one, lowest
 * first: a run's later pages cost the host nothing before they are needed, and a
 * page is 3-5 us.  No object starts a page: arena_free tells objects from blocks of
 * pages by that.
 */
static uint32_t next_fresh(const struct slab *s)
{
	uint32_t at = s->fresh;

	if ((at & ~PAGE_MASK) == 0)
		at += sizes[s->class];
	return at + sizes[s->class] <= SLAB_RUN * PAGE_SIZE ? at : 0;
}

static void *carve(struct slab *s)
{
	uint32_t at = next_fresh(s);

	if (at == 0)
		return NULL;
	s->fresh = at + sizes[s->class];
	return (char *)s + at;
}

/* Whether nothing is left to hand out. */
static bool is_full(const struct slab *s)
{
	return s->free == NULL && next_fresh(s) == 0;
}

void *slab_alloc(struct slab_pool *p, size_t size)
{
	unsigned c = class_of(size);
	struct slab_class *k = &p->class[c];
	struct slab *s;
	void *object;

	lock_take(&k->lock);
	if (list_empty(&k->partial)) {
		/* The page allocator's lock is below ours, so the class stays locked. */
		s = run_new(p, c);
		if (s == NULL) {
			lock_drop(&k->lock);
			return NULL;
		}
		list_insert(&k->partial, &s->link);
		k->spare++;
	}
	s = LIST_FIRST(&k->partial, struct slab, link);
	object = s->free;
	if (object != NULL)
		s->free = *(void **)object;
	else
		object = carve(s);
	if (s->used++ == 0)
		k->spare--;
	if (is_full(s))
		list_remove(&s->link);
	lock_drop(&k->lock);
	memset(object, 0, sizes[c]);
	return object;
}

static struct slab *run_of(const void *object)
{
	struct slab *s = (struct slab *)ALIGN_DOWN((uint64_t)object, SLAB_RUN * PAGE_SIZE);

	if (s->magic != SLAB_MAGIC || s->class >= SLAB_CLASSES)
		panic("free of %p, which is no object", object);
	return s;
}

void slab_free(void *object)
{
	struct slab *s = run_of(object);
	struct slab_pool *p = s->pool;
	struct slab_class *k = &p->class[s->class];
	bool drop = false, was_full;

	lock_take(&k->lock);
	ASSERT(s->used > 0);
	was_full = is_full(s);
	*(void **)object = s->free;
	s->free = object;
	if (was_full)
		list_insert(&k->partial, &s->link);
	if (--s->used == 0) {
		drop = k->spare > 0;
		if (drop)
			list_remove(&s->link);
		else
			k->spare++;
	}
	lock_drop(&k->lock);
	if (!drop)
		return;
	s->magic = 0;
	if (p->ops == SLAB_ARENA)
		arena_free_pages(s, SLAB_RUN);
	else
		heap_pages_free(s, SLAB_RUN);
}

size_t slab_size(const void *object)
{
	return sizes[run_of(object)->class];
}
