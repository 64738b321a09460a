/* SPDX-License-Identifier: MIT */
/*
 * nt/mm/view.c - views: sections shown in an address space.
 *
 * A view is mapped whole at the host.  A view of a SEC_RESERVE section is closed where nobody has committed yet: committing
 * sets the section's bit, opens the pages here, and other views follow when they are touched or asked about
 * (nt_view_sync_locked).  Views that copy what is written (PAGE_WRITECOPY; copyview.c) are private mappings of the file; of pages,
 * a copy made at once: what others write later is not seen.
 *
 * A process's hold on the section is an nt_view in the arena, in process->views, so that it is let go however the process ends.
 */
#include "nt/mm/mm_int.h"
#include "nt/mm/section.h"

/* ---- Holds ---- */

bool nt_view_is_file(const struct nt_view *v)
{
	return v != NULL && v->section->file != NULL;
}

struct nt_view *nt_view_new(struct nt_section *s)
{
	struct nt_process *p = nt_current_process();
	struct nt_view *v = arena_alloc(sizeof *v);

	if (v == NULL)
		return NULL;
	ob_get(&s->ob);
	v->section = s;
	v->process = p;
	lock_take(&p->lock);
	if (p->views.next == NULL)
		list_init(&p->views);
	list_append(&p->views, &v->link);
	lock_drop(&p->lock);
	return v;
}

void nt_view_put(struct nt_view *v)
{
	if (v == NULL)
		return;
	lock_take(&v->process->lock);
	list_remove(&v->link);
	lock_drop(&v->process->lock);
	ob_put(&v->section->ob);
	arena_free(v);
}

void nt_mm_process_ended(struct nt_process *p)
{
	struct nt_view *v;

	for (;;) {
		lock_take(&p->lock);
		v = p->views.next == NULL || list_empty(&p->views) ? NULL : LIST_FIRST(&p->views, struct nt_view, link);
		if (v != NULL)
			list_remove(&v->link);
		lock_drop(&p->lock);
		if (v == NULL)
			return;
		ob_put(&v->section->ob);
		arena_free(v);
	}
}

/* How a section's pages are cached is shown, and does nothing. */
static uint32_t caching(const struct nt_section *s)
{
	return (s->attributes & SEC_NOCACHE ? PAGE_NOCACHE : 0) | (s->attributes & SEC_WRITECOMBINE ? PAGE_WRITECOMBINE : 0);
}

/* ---- SEC_RESERVE ---- */

static bool is_committed(const struct nt_section *s, uint64_t page)
{
	return atomic_load_explicit(&s->committed[page / 64], memory_order_acquire) >> (page % 64) & 1;
}

/* Opens [start, end) of v, which somebody has committed, with protect. */
static NTSTATUS open_run(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect)
{
	NTSTATUS status = nt_stock_locked(mm) ? nt_open_pages_locked(v, start, end, protect) : (NTSTATUS)STATUS_NO_MEMORY;

	if (status == STATUS_SUCCESS)
		nt_run_set_locked(mm, v, start, end, protect);
	return status;
}

/* The first page at or behind `page`, below end, that is committed and not open in v yet; end: none. */
static uint64_t next_new(const struct nt_vad *v, const struct nt_section *s, uint64_t page, uint64_t end)
{
	while (page < end) {
		if (page % 64 == 0 && atomic_load_explicit(&s->committed[page / 64], memory_order_relaxed) == 0)
			page += 64;
		else if (is_committed(s, page) && nt_run_at(v, v->r.start + ((page << PAGE_SHIFT) - v->offset)) == NULL)
			return page;
		else
			page++;
	}
	return end;
}

void nt_view_sync_locked(struct nt_mm *mm, struct nt_vad *v)
{
	const struct nt_section *s = v->view->section;
	uint64_t now = atomic_load(&s->commits), page = v->offset >> PAGE_SHIFT, end = page + pages_of(v->r.start, v->r.end);

	if (now == v->synced)
		return;
	while ((page = next_new(v, s, page, end)) < end) {
		uint64_t first = page, at = v->r.start + ((page << PAGE_SHIFT) - v->offset);

		while (page < end && is_committed(s, page) && nt_run_at(v, at + ((page - first) << PAGE_SHIFT)) == NULL)
			page++;
		if (open_run(mm, v, at, at + ((page - first) << PAGE_SHIFT), v->protect) != STATUS_SUCCESS)
			return;
	}
	v->synced = now;
}

NTSTATUS nt_view_commit_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect)
{
	struct nt_section *s = v->view != NULL ? v->view->section : NULL;
	NTSTATUS status;

	if (s == NULL || v->type != MEM_MAPPED || (s->file != NULL && !(s->attributes & SEC_RESERVE)))
		return STATUS_ALREADY_COMMITTED;
	if (!nt_protect_within(protect, v->most))
		return STATUS_SECTION_PROTECTION;
	if (s->file != NULL) { /* all of the view is mapped: what shall be written must lie in the file */
		uint64_t now;

		return os_vm_file_extend(s->file, &now, protect & (PAGE_READWRITE | PAGE_EXECUTE_READWRITE) ? v->offset + (end - v->r.start) : 0);
	}
	protect |= caching(s);
	status = open_run(mm, v, start, end, protect);
	if (status != STATUS_SUCCESS || s->committed == NULL)
		return status;
	for (uint64_t at = start; at < end; at += PAGE_SIZE) {
		uint64_t page = (v->offset + (at - v->r.start)) >> PAGE_SHIFT;

		atomic_fetch_or(&s->committed[page / 64], 1ull << (page % 64));
	}
	atomic_fetch_add(&s->commits, 1);
	return STATUS_SUCCESS;
}

/* ---- Mapping ---- */

static NTSTATUS map_pages(const struct nt_vad *v, const struct nt_section *s, uint32_t protect)
{
	uint64_t at = v->r.start, size = v->r.end - at;
	uint32_t prot = NT_COPIES(protect) ? nt_vm_prot(protect) & ~VM_WRITE : nt_vm_prot(protect);

	if (s->file != NULL)
		return os_vm_map_file(at, size, prot, s->file, v->offset, !NT_COPIES(protect), false);
	if (NT_COPIES(protect))
		return os_vm_copy_pages(at, size, prot, s->pages, v->offset);
	return os_vm_map_pages(at, size, s->committed != NULL ? 0 : prot, s->pages, v->offset);
}

static NTSTATUS map_locked(struct nt_mm *mm, struct nt_view_wish *w, struct nt_view *view)
{
	const struct nt_section *s = w->section;
	struct nt_vad what = { .type = MEM_MAPPED, .protect = w->protect, .most = w->protect, .view = view, .offset = w->offset }, *v;
	NTSTATUS status;

	if (NT_COPIES(w->protect))
		what.flags |= VAD_COPY;
	else if (s->committed != NULL)
		what.flags |= VAD_RESERVED;
	if (s->attributes & SEC_NO_CHANGE)
		what.flags |= VAD_NO_CHANGE;
	if (!nt_stock_locked(mm))
		return STATUS_NO_MEMORY;
	if (w->type & MEM_REPLACE_PLACEHOLDER)
		status = nt_placeholder_take_locked(mm, w->base, w->size, &what, &v);
	else
		status = nt_vad_new_locked(mm, &w->base, w->size, &what, &w->where, &v);
	if (status != STATUS_SUCCESS)
		return status;
	status = map_pages(v, s, w->protect);
	if (status != STATUS_SUCCESS) {
		v->view = NULL;
		nt_vad_remove_locked(mm, v);
		return status;
	}
	if (v->flags & VAD_RESERVED)
		nt_view_sync_locked(mm, v);
	else
		nt_run_set_locked(mm, v, v->r.start, v->r.end, w->protect);
	return STATUS_SUCCESS;
}

/* A view may be longer than the file that it shows: what is written behind the file's end shows when it is there. */
static bool grows(const struct nt_view_wish *w)
{
	return (w->type & MEM_RESERVE) && w->section->file != NULL && (w->section->attributes & SEC_RESERVE);
}

static NTSTATUS check_range(struct nt_view_wish *w)
{
	uint64_t size = atomic_load(&w->section->size), end;
	uint64_t edge = w->type & MEM_REPLACE_PLACEHOLDER ? PAGE_SIZE : NT_GRANULE;

	if ((w->base | w->offset) & (edge - 1))
		return STATUS_MAPPED_ALIGNMENT;
	if (grows(w) && w->size != 0 && !ADD_OVERFLOW(w->offset, w->size, &end)) {
		w->size = PAGE_UP(w->size);
		return STATUS_SUCCESS;
	}
	if (w->offset >= size)
		return STATUS_INVALID_VIEW_SIZE;
	if (w->size == 0)
		w->size = size - w->offset;
	if (ADD_OVERFLOW(w->offset, w->size, &end) || end > size)
		return STATUS_INVALID_VIEW_SIZE;
	w->size = PAGE_UP(w->size);
	return STATUS_SUCCESS;
}

/* A view's protection must be no more than the section's; an image's pages have their own. */
static NTSTATUS check_protect(const struct nt_view_wish *w)
{
	NTSTATUS status = nt_check_protect(w->protect, true);

	if (status != STATUS_SUCCESS || (w->protect & PAGE_GUARD))
		return STATUS_INVALID_PAGE_PROTECTION;
	if (w->section->attributes & SEC_IMAGE)
		return STATUS_SUCCESS;
	return nt_protect_within(w->protect, w->section->protect) ? STATUS_SUCCESS : STATUS_SECTION_PROTECTION;
}

NTSTATUS nt_mm_map_view(struct nt_mm *mm, struct nt_view_wish *w)
{
	NTSTATUS status = check_protect(w);
	struct nt_view *view;

	if (status == STATUS_SUCCESS && (w->section->attributes & SEC_IMAGE))
		return nt_mm_map_image(mm, w);
	if (status == STATUS_SUCCESS)
		status = check_range(w);
	if (status != STATUS_SUCCESS)
		return status;
	w->protect |= caching(w->section);
	view = nt_view_new(w->section);
	if (view == NULL)
		return STATUS_NO_MEMORY;
	lock_take(&mm->lock);
	status = map_locked(mm, w, view);
	lock_drop(&mm->lock);
	if (status != STATUS_SUCCESS)
		nt_view_put(view);
	return status;
}

NTSTATUS nt_mm_unmap_view(struct nt_mm *mm, uint64_t address, bool preserve)
{
	NTSTATUS status = STATUS_NOT_MAPPED_VIEW;
	struct nt_view *view = NULL;
	struct nt_vad *v;

	lock_take(&mm->lock);
	v = nt_vad_find(mm, address);
	if (v != NULL && v->type != MEM_PRIVATE) {
		uint64_t start = v->r.start, size = v->r.end - start;

		view = nt_vad_unmap_locked(mm, v);
		status = preserve ? nt_placeholder_put_locked(mm, start, size) : STATUS_SUCCESS;
	}
	lock_drop(&mm->lock);
	nt_view_put(view);
	return status;
}

void nt_mm_free(struct nt_mm *mm)
{
	struct nt_vad *v;
	struct nt_run *n;

	nt_mm_process_ended(nt_current_process());
	lock_take(&mm->lock);
	while ((v = (struct nt_vad *)mm->vads.root) != NULL)
		nt_vad_remove_locked(mm, v);
	lock_drop(&mm->lock);
	while ((n = mm->stock) != NULL) {
		mm->stock = (struct nt_run *)n->r.left;
		heap_free(n);
	}
	heap_free(mm);
}
