/* SPDX-License-Identifier: MIT */
/*
 * nt/io/directory.c - NtQueryDirectoryFile.
 *
 * The first call on a file object, and one that starts again, reads the whole folder and sorts the names that match as NTFS does,
 * by upper case; later calls go on in that list (arena memory: a file object may be another process's too).
 * Attributes are looked up as the entries are given out; who is gone by then is left out.  A mask without wildcards is one look-up.
 */
#include "nt/io/info.h"
#include "nt/io/irp.h"
#include "nt/io/match.h"
#include "nt/ke/user.h"
#include "nt/os/file.h"
#include "nt/rtl/shortname.h"
#include "nt/rtl/unicode.h"
#include "nt/rtl/upcase.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

#define NAME_MAX 255u /* UTF-16 units */

struct entry {
	uint32_t at, size; /* of its name in text, bytes */
};

struct io_scan {
	uint32_t count, next, begun; /* begun: something was given out or asked for */
	uint32_t mask_size;
	WCHAR *mask;                 /* arena; NULL: all */
	struct entry *entries;       /* arena pages */
	WCHAR *text;
	uint32_t room, text_room, text_size;
};

static void scan_empty(struct io_scan *s)
{
	arena_free(s->entries);
	arena_free(s->text);
	s->entries = NULL;
	s->text = NULL;
	s->count = s->next = s->room = s->text_room = s->text_size = 0;
}

void io_directory_destroy(struct io_file *f)
{
	io_watch_free(f);
	if (f->scan == NULL)
		return;
	scan_empty(f->scan);
	arena_free(f->scan->mask);
	arena_free(f->scan);
}

/* ---- Reading the folder ---- */

static bool grow(void **p, uint32_t *room, uint32_t need, uint32_t used, uint32_t unit)
{
	uint32_t n = MAX(*room, 64u);
	void *new;

	if (need <= *room)
		return true;
	while (n < need)
		n *= 2;
	new = arena_alloc((size_t)n * unit);
	if (new == NULL)
		return false;
	if (used != 0)
		memcpy(new, *p, (size_t)used * unit);
	arena_free(*p);
	*p = new;
	*room = n;
	return true;
}

static bool add(struct io_scan *s, const WCHAR *name, uint32_t size)
{
	if (!grow((void **)&s->entries, &s->room, s->count + 1, s->count, sizeof *s->entries) ||
	    !grow((void **)&s->text, &s->text_room, s->text_size + size, s->text_size, 1))
		return false;
	s->entries[s->count++] = (struct entry){ s->text_size, size };
	memcpy((char *)s->text + s->text_size, name, size);
	s->text_size += size;
	return true;
}

static bool take(void *arg, const char *name, uint32_t len)
{
	struct io_scan *s = arg;
	WCHAR wide[NAME_MAX + 1];
	uint32_t size = rtl_utf8_to_utf16(wide, sizeof wide, name, len);

	if (size > NAME_MAX * 2)
		return true;
	if (s->mask != NULL && !io_name_matches(s->mask, s->mask_size, wide, size))
		return true;
	return add(s, wide, size);
}

static const WCHAR *text_of(const struct io_scan *s, const struct entry *e)
{
	return (const WCHAR *)((const char *)s->text + e->at);
}

static int compare(const struct io_scan *s, const struct entry *a, const struct entry *b)
{
	return rtl_compare(text_of(s, a), a->size, text_of(s, b), b->size, true);
}

static void sift(struct io_scan *s, uint32_t from, uint32_t first, uint32_t end)
{
	for (;;) {
		uint32_t child = (from - first) * 2 + 1 + first;
		struct entry e;

		if (child >= end)
			return;
		if (child + 1 < end && compare(s, &s->entries[child], &s->entries[child + 1]) < 0)
			child++;
		if (compare(s, &s->entries[from], &s->entries[child]) >= 0)
			return;
		e = s->entries[from];
		s->entries[from] = s->entries[child];
		s->entries[child] = e;
		from = child;
	}
}

static void sort(struct io_scan *s, uint32_t first)
{
	uint32_t n = s->count - first;

	for (uint32_t i = n / 2; i-- > 0;)
		sift(s, first + i, first, s->count);
	for (uint32_t end = s->count; n > 1 && end-- > first + 1;) {
		struct entry e = s->entries[first];

		s->entries[first] = s->entries[end];
		s->entries[end] = e;
		sift(s, first, first, end);
	}
}

static NTSTATUS one_name(struct io_file *f, struct io_scan *s)
{
	char name[NAME_MAX * 3 + 1];
	WCHAR wide[NAME_MAX + 1];
	uint32_t len = rtl_utf16_to_utf8(name, sizeof name - 1, s->mask, s->mask_size), size;

	if (len >= sizeof name)
		return STATUS_OBJECT_NAME_INVALID;
	name[len] = '\0';
	if (!os_dir_spelling(f->f, name, sizeof name))
		return STATUS_SUCCESS;
	size = rtl_utf8_to_utf16(wide, sizeof wide, name, (uint32_t)strlen(name)); /* which may be another than the mask, where that is a short name */
	return size <= NAME_MAX * 2 && add(s, wide, size) ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

static NTSTATUS read_all(struct io_file *f, struct io_scan *s)
{
	NTSTATUS status;

	scan_empty(s);
	if (s->mask != NULL && !io_mask_is_wild(s->mask, s->mask_size))
		return one_name(f, s);
	if (!os_dir_is_root(f->f) && (!take(s, ".", 1) || !take(s, "..", 2)))
		return STATUS_NO_MEMORY;
	uint32_t dots = s->count;

	status = os_dir_list(f->f, take, s);
	sort(s, dots);
	return status;
}

static NTSTATUS set_mask(struct io_scan *s, uint64_t mask_va)
{
	WCHAR *mask;
	uint32_t size;
	NTSTATUS status = user_string(mask_va, &mask, &size);

	if (status != STATUS_SUCCESS || size == 0) {
		heap_free(mask);
		return status;
	}
	arena_free(s->mask);
	s->mask = arena_alloc(size);
	if (s->mask != NULL)
		memcpy(s->mask, mask, size);
	/* ".*" is also found in names without an extension; Wine's kernelbase hands it on as it is. */
	for (uint32_t i = 0; s->mask != NULL && i + 1 < size / 2; i++)
		if (s->mask[i] == '.' && s->mask[i + 1] == '*')
			s->mask[i] = '"';
	s->mask_size = size;
	heap_free(mask);
	return s->mask != NULL ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

static NTSTATUS prepare(struct io_file *f, uint64_t mask, bool restart)
{
	bool first = f->scan == NULL;
	NTSTATUS status = STATUS_SUCCESS;

	if (first) {
		f->scan = arena_alloc(sizeof *f->scan);
		if (f->scan == NULL)
			return STATUS_NO_MEMORY;
	}
	if (!first && !restart)
		return STATUS_SUCCESS;
	if (mask != 0)
		status = set_mask(f->scan, mask);
	return status == STATUS_SUCCESS ? read_all(f, f->scan) : status;
}

/* ---- Giving entries out ---- */

/* Where a class has its members; 0: it has none of that kind. */
struct layout {
	uint8_t class, name, ea, file_id, id128, tag, short_name, length;
};
static const struct layout layouts[] = {
	{ FileDirectoryInformation, 64, 0, 0, 0, 0, 0, 60 }, { FileFullDirectoryInformation, 68, 64, 0, 0, 0, 0, 60 },
	{ FileBothDirectoryInformation, 94, 64, 0, 0, 0, 68, 60 }, { FileNamesInformation, 12, 0, 0, 0, 0, 0, 8 },
	{ FileIdBothDirectoryInformation, 104, 64, 96, 0, 0, 68, 60 }, { FileIdFullDirectoryInformation, 80, 64, 72, 0, 0, 0, 60 },
	{ FileIdExtdDirectoryInformation, 88, 64, 0, 72, 68, 0, 60 }, { FileIdExtdBothDirectoryInformation, 114, 64, 0, 72, 68, 88, 60 },
};

static const struct layout *layout_of(uint32_t class)
{
	for (uint32_t i = 0; i < ARRAY_LEN(layouts); i++)
		if (layouts[i].class == class)
			return &layouts[i];
	return NULL;
}

#define PUT(rec, at, value) memcpy((rec) + (at), &(value), sizeof(value))

static void put_entry(char *rec, const struct layout *l, const struct os_attr *a, uint32_t name_size)
{
	uint64_t size = a->type == OS_FILE ? a->size : 0, allocated = a->type == OS_FILE ? MAX(a->allocated, ALIGN_UP(a->size, PAGE_SIZE)) : 0;
	uint32_t attributes = io_attributes(a), tag = a->type == OS_LINK ? 0xa000000cu : 0;

	PUT(rec, l->length, name_size);
	if (l->class == FileNamesInformation)
		return;
	PUT(rec, 8, a->btime);
	PUT(rec, 16, a->atime);
	PUT(rec, 24, a->mtime);
	PUT(rec, 32, a->ctime);
	PUT(rec, 40, size);
	PUT(rec, 48, allocated);
	PUT(rec, 56, attributes);
	if (l->ea != 0)
		PUT(rec, l->ea, tag);
	if (l->tag != 0)
		PUT(rec, l->tag, tag);
	if (l->file_id != 0)
		PUT(rec, l->file_id, a->ino);
	if (l->id128 != 0)
		PUT(rec, l->id128, a->ino);
}

/* An empty one: the name is as short already. */
static void put_short_name(char *rec, const struct layout *l, const WCHAR *name, uint32_t size)
{
	WCHAR brief[12];
	uint32_t n = l->short_name != 0 ? rtl_short_name(brief, name, size) : 0;

	if (n == 0)
		return;
	rec[l->short_name] = (char)n;
	memcpy(rec + l->short_name + 2, brief, n);
}

static bool attr_of(struct io_file *f, const WCHAR *name, uint32_t size, struct os_attr *a)
{
	char text[NAME_MAX * 3 + 1];
	uint32_t len = rtl_utf16_to_utf8(text, sizeof text - 1, name, size);

	text[MIN(len, (uint32_t)sizeof text - 1)] = '\0';
	return os_dir_attr(f->f, text, a) == STATUS_SUCCESS;
}

struct sink {
	uint64_t va;
	uint32_t room, used, last; /* last: where the entry before begins, UINT32_MAX: none */
	const struct layout *layout;
};

/* STATUS_BUFFER_OVERFLOW: it did not fit whole; the first one is there as far as it goes. */
static NTSTATUS emit(struct io_file *f, struct sink *k, const struct io_scan *s, const struct entry *e)
{
	char rec[120];
	uint32_t at = ALIGN_UP(k->used, 8u), fixed = k->layout->name, n = e->size, next;
	struct os_attr a = { .type = OS_FILE };
	NTSTATUS status = STATUS_SUCCESS;

	if (k->last != UINT32_MAX && at + fixed + n > k->room)
		return STATUS_BUFFER_OVERFLOW;
	if (k->layout->class != FileNamesInformation && !attr_of(f, text_of(s, e), e->size, &a))
		return STATUS_NO_SUCH_FILE;
	if (at + fixed + n > k->room) {
		n = k->room - at - fixed;
		status = STATUS_BUFFER_OVERFLOW;
	}
	memset(rec, 0, sizeof rec);
	put_entry(rec, k->layout, &a, e->size);
	put_short_name(rec, k->layout, text_of(s, e), e->size);
	next = at - k->last;
	if (user_write(k->va + at, rec, fixed) != STATUS_SUCCESS || user_write(k->va + at + fixed, text_of(s, e), n) != STATUS_SUCCESS ||
	    (k->last != UINT32_MAX && user_write(k->va + k->last, &next, sizeof next) != STATUS_SUCCESS))
		return STATUS_ACCESS_VIOLATION;
	k->last = at;
	k->used = at + fixed + n;
	return status;
}

static NTSTATUS give(struct io_file *f, struct sink *k, bool single)
{
	struct io_scan *s = f->scan;
	bool begun = s->begun;

	s->begun = 1;
	while (s->next < s->count) {
		bool first = k->last == UINT32_MAX;
		NTSTATUS status = emit(f, k, s, &s->entries[s->next]);

		if (status == STATUS_BUFFER_OVERFLOW && !first)
			break;
		if (status != STATUS_SUCCESS && status != STATUS_NO_SUCH_FILE) {
			s->next += status == STATUS_BUFFER_OVERFLOW;
			return status;
		}
		s->next++;
		if (single && status == STATUS_SUCCESS)
			break;
	}
	if (k->last != UINT32_MAX)
		return STATUS_SUCCESS;
	return begun ? (NTSTATUS)STATUS_NO_MORE_FILES : (NTSTATUS)STATUS_NO_SUCH_FILE;
}

/* Classes that are known, though no file system here has them: their sizes are looked at first. */
static uint32_t size_of_other(uint32_t class)
{
	return class == FileObjectIdInformation ? 72 : class == FileQuotaInformation ? 56 : class == FileReparsePointInformation ? 16 : 0;
}

static NTSTATUS query(struct io_request *r, uint32_t class, bool single, uint64_t mask, bool restart)
{
	struct sink k = { r->buffer, r->size, 0, UINT32_MAX, layout_of(class) };
	struct io_file *f = r->file;
	NTSTATUS status;

	if (k.layout == NULL)
		return r->size < size_of_other(class) ? STATUS_INFO_LENGTH_MISMATCH : STATUS_INVALID_INFO_CLASS;
	if (f->kind != IO_DIRECTORY)
		return STATUS_INVALID_PARAMETER;
	if (r->size < ALIGN_UP(k.layout->name + 2u, 8u))
		return STATUS_INFO_LENGTH_MISMATCH;
	lock_take(&f->lock);
	status = prepare(f, mask, restart);
	if (status == STATUS_SUCCESS)
		status = give(f, &k, single);
	lock_drop(&f->lock);
	r->done = k.used;
	return status;
}

NTSTATUS NtQueryDirectoryFile(struct nt_thread *t, uint64_t handle, uint64_t event, uint64_t apc, uint64_t context, uint64_t iosb, uint64_t buffer,
	uint32_t size, uint32_t class, uint8_t single, uint64_t mask, uint8_t restart)
{
	struct io_request r;
	NTSTATUS status = io_begin(t, &r, handle, FILE_READ_DATA, event, apc, context, iosb), bad;

	if (status != STATUS_SUCCESS)
		return status;
	r.buffer = buffer;
	r.size = size;
	status = query(&r, class, single, mask, restart);
	if (status == STATUS_NO_MORE_FILES) {
		bad = user_io_status(iosb, status, 0);
		if (bad != STATUS_SUCCESS)
			status = bad;
	}
	return io_end(&r, status);
}
