/* SPDX-License-Identifier: MIT */
/*
 * nt/mm/section.h - sections: what views show.  In the arena, shared by the sandbox's processes.
 *
 * A section is of pages of its own (the "page file"), of a file, or of an image (a PE file, which nt/ldr/image.h maps).
 * Legend: I immutable after creation, a atomic.
 */
#ifndef NT_MM_SECTION_H
#define NT_MM_SECTION_H

#include "nt/mm/mm_int.h"

#define SEC_BASED             0x00200000u
#define SEC_NO_CHANGE         0x00400000u
#define SEC_FILE              0x00800000u
#define SEC_IMAGE             0x01000000u
#define SEC_RESERVE           0x04000000u
#define SEC_COMMIT            0x08000000u
#define SEC_NOCACHE           0x10000000u
#define SEC_IMAGE_NO_EXECUTE  0x11000000u
#define SEC_WRITECOMBINE      0x40000000u
#define SEC_LARGE_PAGES       0x80000000u

#define SECTION_QUERY         0x01u
#define SECTION_MAP_WRITE     0x02u
#define SECTION_MAP_READ      0x04u
#define SECTION_MAP_EXECUTE   0x08u
#define SECTION_EXTEND_SIZE   0x10u

struct file;
struct ldr_image;
struct shared_mem;

struct nt_section {
	struct ob_object ob;           /* first; type OB_SECTION */
	uint32_t attributes, protect;  /* [I] SEC_*, PAGE_* */
	_Atomic uint64_t size;
	struct file *file;             /* [I] Linux' open file, a reference; NULL: pages */
	struct ob_object *file_object; /* [I] NT's, a reference: for its name; or NULL */
	struct shared_mem *pages;      /* [I] */
	_Atomic uint64_t *committed;   /* [I] SEC_RESERVE: a bit a page that somebody committed; [a] the bits */
	_Atomic uint64_t commits;      /* how often pages were committed: views look again when it has changed */
	uint64_t committed_pages;      /* [I] pages of the arena that the bits take */
	const struct ldr_image *image; /* [I] a reference; SEC_IMAGE: what the file's headers say; or NULL */
};

static inline struct ob_object *nt_section_object(struct nt_section *s)
{
	return &s->ob;
}

/* A section of pages; one of a file that is as the caller says (both get references of their own).  NULL, or a status. */
NTSTATUS nt_section_pages(uint64_t size, uint32_t protect, uint32_t attributes, struct nt_section **out);
NTSTATUS nt_section_file(struct file *file, struct ob_object *file_object, uint64_t size, uint32_t protect, uint32_t attributes,
	struct nt_section **out);

/* A view: a process's hold on a section, in the arena so that it can be let go when the process was killed. */
struct nt_view {
	struct list link;           /* [NTPROC] of its process: in process->views */
	struct nt_section *section; /* [I] a reference */
	struct nt_process *process; /* [I] */
	uint64_t base;              /* [p] of an image */
};
static inline struct nt_section *nt_view_section(const struct nt_view *v)
{
	return v->section;
}
bool nt_view_is_file(const struct nt_view *v); /* NULL: no */
struct nt_view *nt_view_new(struct nt_section *s);

/* What a view is to be; base 0: as where says. */
struct nt_view_wish {
	struct nt_section *section;
	uint64_t base, offset, size; /* size 0: to the section's end */
	uint32_t protect, type;      /* type: MEM_TOP_DOWN, MEM_REPLACE_PLACEHOLDER ... */
	struct nt_place where;
};
/* Maps; on success base, offset and size are what came of it.  STATUS_IMAGE_NOT_AT_BASE is a success. */
NTSTATUS nt_mm_map_view(struct nt_mm *mm, struct nt_view_wish *w);
/* The view that has address.  preserve: a placeholder stays in its place. */
NTSTATUS nt_mm_unmap_view(struct nt_mm *mm, uint64_t address, bool preserve);
#endif
