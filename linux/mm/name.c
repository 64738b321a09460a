/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/name.c - names that programs give their anonymous mappings (prctl(2),
 * PR_SET_VMA_ANON_NAME), for /proc/PID/maps.
 *
 * Each text is kept once, so that regions with the same name can be joined by
 * comparing pointers, and until the address space is emptied.
 */
#include "linux/mm/mm_int.h"
#include "rt/mem.h"

#define NAME_MAX_LEN 80u /* with its NUL */
#define NAMES_MAX    4096u

struct vma_name {
	struct vma_name *next;
	uint32_t serial, len;
	char text[];
};

/* Printable, and none of the characters that Linux refuses. */
static bool name_ok(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s < 0x20 || *s > 0x7e || *s == '\\' || *s == '`' || *s == '$' || *s == '[' || *s == ']')
			return false;
	return true;
}

/* The text's place among mm's names; NULL: no memory, or too many of them. */
static const char *intern(struct mm *mm, const char *text)
{
	size_t len = strlen(text);
	struct vma_name *n;

	for (n = mm->names; n != NULL; n = n->next)
		if (n->len == len && memcmp(n->text, text, len) == 0)
			return n->text;
	if (mm->names != NULL && mm->names->serial >= NAMES_MAX)
		return NULL;
	n = heap_alloc(sizeof *n + len + 1);
	if (n == NULL)
		return NULL;
	memcpy(n->text, text, len + 1);
	n->len = (uint32_t)len;
	n->serial = mm->names != NULL ? mm->names->serial + 1 : 1;
	n->next = mm->names;
	mm->names = n;
	return n->text;
}

void mm_forget_names(struct mm *mm)
{
	while (mm->names != NULL) {
		struct vma_name *n = mm->names;

		mm->names = n->next;
		heap_free(n);
	}
}

static long set_name_locked(struct mm *mm, uint64_t start, uint64_t end, const char *text)
{
	const char *name = text != NULL && text[0] != '\0' ? intern(mm, text) : NULL;
	bool hole = false;
	struct region *r;

	if (name == NULL && text != NULL && text[0] != '\0')
		return -ENOMEM;
	for (uint64_t at = start; at < end;) {
		r = region_next(&mm->tree, at);
		if (r == NULL || r->start >= end)
			return -ENOMEM;
		hole = hole || r->start > at;
		if (r->kind == REGION_FILE)
			return -EBADF;
		if (r->kind != REGION_ROOM && r->name != name) {
			uint64_t from = MAX(at, r->start), to = MIN(r->end, end);

			if (!mm_may_cut(mm, from, to, false) || !mm_stock_locked(mm))
				return -ENOMEM;
			mm_cut_locked(mm, from, to);
			r = region_find(&mm->tree, from);
			r->name = name;
			r = mm_merge_locked(mm, r);
		}
		at = r->end;
	}
	return hole ? -ENOMEM : 0;
}

long mm_set_name(struct mm *mm, uint64_t addr, uint64_t len, struct gva name)
{
	char text[NAME_MAX_LEN];
	uint64_t end;
	long err;

	if ((addr & ~PAGE_MASK) || PAGE_UP(len) < len || ADD_OVERFLOW(addr, PAGE_UP(len), &end))
		return -EINVAL;
	if (name.va != 0) {
		err = string_in(text, name, sizeof text);
		if (err < 0)
			return err == -ENAMETOOLONG ? -EINVAL : err;
		if (!name_ok(text))
			return -EINVAL;
	}
	if (len == 0)
		return 0;
	mm_lock(mm);
	err = set_name_locked(mm, addr, MIN(end, GUEST_HIGH), name.va != 0 ? text : NULL);
	mm_unlock(mm);
	return err;
}
