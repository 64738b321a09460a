/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/image.h - PE32+ files: what their headers say, and their place in memory.
 *
 * From Microsoft's "PE Format".  Every field of a file is untrusted: ldr_image_read checks all that is used later.
 */
#ifndef NT_LDR_IMAGE_H
#define NT_LDR_IMAGE_H

#include "nt/types.h"

struct file;
struct nt_mm;
struct nt_section;
struct shared_mem;

#define LDR_SECTIONS_MAX 96u
struct ldr_section {
	char name[8];
	uint32_t rva, size;          /* in memory; size not rounded */
	uint32_t offset, file_size;
	uint32_t characteristics;    /* IMAGE_SCN_* */
};
#define IMAGE_SCN_MEM_SHARED  0x10000000u
#define IMAGE_SCN_MEM_EXECUTE 0x20000000u
#define IMAGE_SCN_MEM_READ    0x40000000u
#define IMAGE_SCN_MEM_WRITE   0x80000000u

#define LDR_CLR_IL_ONLY     1u
#define LDR_CLR_32_REQUIRED 2u
#define LDR_CLR_32_PREFERRED 4u
enum { LDR_DIR_EXPORT, LDR_DIR_IMPORT, LDR_DIR_RESOURCE, LDR_DIR_EXCEPTION, LDR_DIR_SECURITY, LDR_DIR_BASERELOC, LDR_DIR_DEBUG, LDR_DIR_TLS = 9, LDR_DIR_CLR = 14,
	LDR_DIR_COUNT = 16 };

struct ldr_image {
	uint64_t base;               /* preferred */
	uint32_t size;               /* in memory, pages */
	uint32_t entry;              /* rva; 0 = none */
	uint32_t headers_size;
	uint32_t section_alignment, file_alignment;
	uint64_t stack_reserve, stack_commit, heap_reserve, heap_commit;
	uint32_t checksum, timestamp, loader_flags;
	uint16_t machine, characteristics, dll_characteristics, subsystem;
	uint16_t os_major, os_minor, subsystem_major, subsystem_minor, image_major, image_minor;
	uint32_t nt_headers;         /* offset of "PE\0\0" */
	uint32_t base_offset;        /* of the header's ImageBase, in the file and in memory */
	bool builtin;                /* "Wine builtin DLL" */
	bool has_code;
	uint8_t clr;                 /* LDR_CLR_*: what a program for the common language runtime is, for those who ask */
	bool narrow;                 /* 32-bit: for who looks at it, and never relocated */
	bool flat;                   /* no sections: in memory as in the file, as far as that goes, all writable and executable */
	bool stripped;               /* has no relocations: goes nowhere but to base */
	uint32_t file_size;
	uint32_t nsections;
	struct { uint32_t rva, size; } dir[LDR_DIR_COUNT];
	struct ldr_section section[LDR_SECTIONS_MAX];
};

/* What the file's headers say, checked, 32-bit ones too; with a reference.  STATUS_INVALID_IMAGE_FORMAT, _NOT_MZ ... */
NTSTATUS ldr_image_of(struct file *f, const struct ldr_image **out);
/* The same of what can be run: STATUS_INVALID_IMAGE_WIN_64 for a 32-bit one. */
NTSTATUS ldr_program_of(struct file *f, const struct ldr_image **out);
void ldr_image_put(const struct ldr_image *img); /* NULL is fine */
/* Reads and checks the headers.  *out is heap memory. */
NTSTATUS ldr_image_read(struct file *f, struct ldr_image **out);
/* The same from the start of a file that is in memory; for tests and fuzzing too. */
NTSTATUS ldr_image_parse(const uint8_t *head, size_t have, uint64_t file_size, struct ldr_image *out);
/* Has the file parts of it that are no whole pages of the file?  Reads those to where they lie from `to` on, kernel memory of
   img->size bytes that are 0. */
bool ldr_image_is_copied(const struct ldr_image *img);
NTSTATUS ldr_image_lay(const struct ldr_image *img, struct file *f, void *to);
/* Pages with those parts, for as long as the caller has img; NULL: each process reads them. */
struct shared_mem *ldr_image_laid(const struct ldr_image *img, struct file *f);
/* Maps it at base, 64 KB aligned, of which nothing may be taken; relocates it if that is not its own place, and says
   so in the mapped header.  laid: ldr_image_laid's, or NULL.  On failure nothing stays. */
NTSTATUS ldr_image_map(const struct ldr_image *img, struct file *f, struct shared_mem *laid, uint64_t base);
/*
 * Finds a place in the process's address space, its own if that is free and *base is 0, else *base or any, maps it
 * there and tells nt/mm.  The view is of section (nt/mm's; NULL: none).  STATUS_IMAGE_NOT_AT_BASE, a success: it is elsewhere.
 */
NTSTATUS ldr_image_place(struct nt_mm *mm, struct file *f, const struct ldr_image *img, struct nt_section *section, uint64_t *base);
/* Opens what the image, mapped at base, will have ntdll open next: ahead.c.  False: it was asked for a moment ago. */
bool ldr_ahead(uint64_t base, const struct ldr_image *img, bool program);
bool ldr_ahead_is_due(const struct ldr_image *img);
/* Imports of a program, mapped at base, that Wine's DLLs lack: shim.c. */
void ldr_shim(uint64_t base, const struct ldr_image *img);
/* PAGE_* of a section, and OS_*. */
uint32_t ldr_section_protect(const struct ldr_section *s);
/* The address of an exported function or datum, or 0. */
uint64_t ldr_export(uint64_t base, const struct ldr_image *img, const char *name);
/* All whose names begin with prefix: name, address; until one returns false.  Names are sorted by their bytes, as the format says. */
void ldr_exports(uint64_t base, const struct ldr_image *img, const char *prefix, bool (*each)(void *arg, const char *name, uint64_t address),
	void *arg);
#endif
