/* SPDX-License-Identifier: MIT */
/*
 * nt/mm/section.c - section objects: NtCreateSection, NtOpenSection, NtQuerySection.
 *
 * A section of the page file has pages of arena-data from its creation on; with SEC_RESERVE a bit a page says whether
 * somebody has committed it, and views open a page when their bit is there.  What is never touched costs nothing.
 */
#include "nt/mm/section.h"
#include "nt/io/io.h"
#include "nt/ke/user.h"
#include "nt/ldr/image.h"
#include "nt/mm/mm_int.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

/* ---- Making ---- */

static struct nt_section *section_new(uint64_t size, uint32_t protect, uint32_t attributes)
{
	struct nt_section *s = ob_alloc(OB_SECTION, sizeof *s);

	if (s == NULL)
		return NULL;
	s->attributes = attributes;
	s->protect = protect;
	atomic_store(&s->size, size);
	return s;
}

NTSTATUS nt_section_pages(uint64_t size, uint32_t protect, uint32_t attributes, struct nt_section **out)
{
	struct nt_section *s = section_new(PAGE_UP(size), protect, attributes);

	if (s == NULL)
		return STATUS_NO_MEMORY;
	s->pages = os_vm_pages_new(size);
	if (attributes & SEC_RESERVE) {
		s->committed_pages = PAGE_UP((PAGE_UP(size) / PAGE_SIZE + 63) / 64 * 8) / PAGE_SIZE;
		s->committed = arena_alloc_pages(s->committed_pages);
	}
	if (s->pages == NULL || ((attributes & SEC_RESERVE) && s->committed == NULL)) {
		ob_put(&s->ob);
		return STATUS_COMMITMENT_LIMIT;
	}
	*out = s;
	return STATUS_SUCCESS;
}

static enum io_section file_kind(const struct nt_section *s)
{
	if (s->attributes & SEC_IMAGE)
		return IO_SECTION_IMAGE;
	return s->protect & (PAGE_READWRITE | PAGE_EXECUTE_READWRITE) ? IO_SECTION_WRITABLE : IO_SECTION_DATA;
}

NTSTATUS nt_section_file(struct file *file, struct ob_object *file_object, uint64_t size, uint32_t protect, uint32_t attributes,
	struct nt_section **out)
{
	bool write = protect & (PAGE_READWRITE | PAGE_EXECUTE_READWRITE);
	NTSTATUS status = os_vm_file_mappable(file, write);
	struct nt_section *s;
	uint64_t now;

	if (status == STATUS_SUCCESS)
		status = os_vm_file_extend(file, &now, write ? size : 0);
	if (status != STATUS_SUCCESS)
		return status;
	if (size == 0)
		size = now;
	if (size == 0)
		return STATUS_MAPPED_FILE_SIZE_ZERO;
	if (size > now)
		return STATUS_SECTION_TOO_BIG;
	s = section_new(size, protect, attributes | SEC_FILE);
	if (s == NULL)
		return STATUS_NO_MEMORY;
	os_vm_file_get(file);
	s->file = file;
	s->file_object = file_object;
	if (file_object != NULL) {
		ob_get(file_object);
		io_file_section(file_object, file_kind(s), 1);
	}
	*out = s;
	return STATUS_SUCCESS;
}

/* size: what the section shows as its own, 0 = the image's; it is mapped whole. */
static NTSTATUS section_image(struct file *file, struct ob_object *file_object, uint64_t size, uint32_t protect, uint32_t attributes, struct nt_section **out)
{
	const struct ldr_image *image = NULL;
	NTSTATUS status = os_vm_file_mappable(file, false);

	if (status == STATUS_SUCCESS)
		status = ldr_image_of(file, &image);
	if (status != STATUS_SUCCESS)
		return status;
	status = size > image->size ? STATUS_SECTION_TOO_BIG : nt_section_file(file, file_object, 0, PAGE_EXECUTE_READ, attributes, out);
	if (status != STATUS_SUCCESS) {
		ldr_image_put(image);
		return status;
	}
	(*out)->protect = protect;
	(*out)->image = image;
	atomic_store(&(*out)->size, size != 0 ? size : image->size);
	return STATUS_SUCCESS;
}

static void destroy(struct ob_object *o)
{
	struct nt_section *s = (struct nt_section *)o;

	if (s->file_object != NULL)
		io_file_section(s->file_object, file_kind(s), -1);
	os_vm_file_put(s->file);
	ob_put(s->file_object);
	os_vm_pages_put(s->pages);
	if (s->committed != NULL)
		arena_free_pages(s->committed, s->committed_pages);
	ldr_image_put(s->image);
	arena_free(s);
}

const struct ob_type ob_type_section = {
	.name = "Section",
	.read = READ_CONTROL | SECTION_QUERY | SECTION_MAP_READ,
	.write = READ_CONTROL | SECTION_MAP_WRITE,
	.execute = READ_CONTROL | SECTION_MAP_EXECUTE,
	.all = STANDARD_RIGHTS_REQUIRED | SECTION_QUERY | SECTION_MAP_WRITE | SECTION_MAP_READ | SECTION_MAP_EXECUTE | SECTION_EXTEND_SIZE,
	.destroy = destroy,
};

/* ---- NtCreateSection ---- */

static NTSTATUS check_attributes(uint32_t attributes, uint64_t file)
{
	const uint32_t known = SEC_BASED | SEC_NO_CHANGE | SEC_IMAGE | SEC_RESERVE | SEC_COMMIT | SEC_NOCACHE | SEC_WRITECOMBINE | SEC_LARGE_PAGES;
	uint32_t kind = attributes & (SEC_IMAGE | SEC_RESERVE | SEC_COMMIT);

	if ((attributes & ~known) || (kind == SEC_IMAGE && (attributes & SEC_WRITECOMBINE)) || (kind != SEC_COMMIT && kind != SEC_RESERVE && kind != SEC_IMAGE))
		return STATUS_INVALID_PARAMETER_6;
	if (attributes & SEC_LARGE_PAGES)
		return kind == SEC_COMMIT && file == 0 ? STATUS_PRIVILEGE_NOT_HELD : STATUS_INVALID_PARAMETER_6;
	return kind == SEC_IMAGE && file == 0 ? STATUS_INVALID_FILE_FOR_SECTION : STATUS_SUCCESS;
}

/* What a section with this protection asks of the file's handle. */
static uint32_t file_access(uint32_t protect, uint32_t attributes)
{
	if (attributes & SEC_IMAGE)
		return 0; /* reading or executing */
	switch (protect & 0xff) {
	case PAGE_READWRITE:
		return FILE_READ_DATA | FILE_WRITE_DATA;
	case PAGE_EXECUTE_READWRITE:
		return FILE_READ_DATA | FILE_WRITE_DATA | FILE_EXECUTE;
	case PAGE_EXECUTE:
	case PAGE_EXECUTE_READ:
	case PAGE_EXECUTE_WRITECOPY:
		return FILE_READ_DATA | FILE_EXECUTE;
	default:
		return FILE_READ_DATA;
	}
}

static NTSTATUS create_of_file(uint64_t handle, uint64_t size, uint32_t protect, uint32_t attributes, struct nt_section **s)
{
	struct ob_object *o;
	struct file *f = NULL;
	NTSTATUS status = ob_by_handle(handle, OB_FILE, file_access(protect, attributes), &o);

	if (status != STATUS_SUCCESS)
		return status == STATUS_OBJECT_TYPE_MISMATCH ? STATUS_INVALID_FILE_FOR_SECTION : status;
	status = io_file_of(o, &f);
	if (status == STATUS_SUCCESS)
		status = attributes & SEC_IMAGE ? section_image(f, o, size, protect, attributes, s) : nt_section_file(f, o, size, protect, attributes, s);
	if (f != NULL)
		os_vm_file_put(f);
	ob_put(o);
	return status;
}

NTSTATUS NtCreateSection(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t oa, uint64_t size_va, uint32_t protect, uint32_t attributes,
	uint64_t file)
{
	uint64_t size = 0;
	NTSTATUS status = user_put64(handle, 0); /* kernelbase.dll looks at that, not at the status */
	struct nt_section *s;

	(void)t;
	if (status == STATUS_SUCCESS && size_va != 0)
		status = user_read(&size, size_va, sizeof size);
	if (status == STATUS_SUCCESS)
		status = check_attributes(attributes, file);
	if (status == STATUS_SUCCESS)
		status = nt_check_protect(protect, true);
	if (status == STATUS_SUCCESS && ((protect & 0xff) == PAGE_NOACCESS || (protect & PAGE_GUARD)))
		status = STATUS_INVALID_PAGE_PROTECTION;
	if (status == STATUS_SUCCESS && file == 0 && ((int64_t)size <= 0))
		status = STATUS_INVALID_PARAMETER_4;
	if (status == STATUS_SUCCESS && (int64_t)size < 0)
		status = STATUS_SECTION_TOO_BIG;
	if (status == STATUS_SUCCESS)
		status = file != 0 ? create_of_file(file, size, protect, attributes, &s) : nt_section_pages(size, protect, attributes, &s);
	return status == STATUS_SUCCESS ? ob_create_handle(oa, access, &s->ob, handle) : status;
}

NTSTATUS NtOpenSection(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t oa)
{
	(void)t;
	return ob_open_handle(oa, access, OB_SECTION, handle);
}

/* ---- NtQuerySection ---- */

enum { SectionBasicInformation, SectionImageInformation };

struct SECTION_BASIC_INFORMATION {
	uint64_t BaseAddress;
	uint32_t Attributes, pad;
	int64_t Size;
};
struct SECTION_IMAGE_INFORMATION {
	uint64_t TransferAddress;
	uint32_t ZeroBits, pad;
	uint64_t MaximumStackSize, CommittedStackSize;
	uint32_t SubSystemType;
	uint16_t SubSystemMinorVersion, SubSystemMajorVersion;
	uint16_t MajorOperatingSystemVersion, MinorOperatingSystemVersion;
	uint16_t ImageCharacteristics, DllCharacteristics, Machine;
	uint8_t ImageContainsCode, ImageFlags;
	uint32_t LoaderFlags, ImageFileSize, CheckSum;
};
_Static_assert(sizeof(struct SECTION_IMAGE_INFORMATION) == 64, "SECTION_IMAGE_INFORMATION");
#define DLLCHARACTERISTICS_DYNAMIC_BASE 0x40u
#define IMAGE_DYNAMICALLY_RELOCATED     4u    /* ImageFlags */
#define IMAGE_MAPPED_FLAT               8u
#define IMAGE_WINE_BUILTIN              0x80u /* Wine's own */

static NTSTATUS query_basic(const struct nt_section *s, uint64_t va, uint64_t room, uint64_t returned)
{
	uint32_t hidden = (s->file != NULL ? SEC_COMMIT | SEC_RESERVE : 0) | (s->image != NULL ? SEC_NOCACHE : 0);
	struct SECTION_BASIC_INFORMATION b = { .Attributes = s->attributes & ~hidden, .Size = (int64_t)atomic_load(&s->size) };
	NTSTATUS status;

	if (room < sizeof b)
		return STATUS_INFO_LENGTH_MISMATCH;
	status = user_write(va, &b, sizeof b);
	return status == STATUS_SUCCESS ? user_put64(returned, sizeof b) : status;
}

/* It has a header of the common language runtime. */
static bool is_managed(const struct ldr_image *i)
{
	return i->dir[LDR_DIR_CLR].rva != 0 && i->dir[LDR_DIR_CLR].size != 0;
}

/* ComPlusNativeReady, ComPlusILOnly, ComPlusPrefer32bit. */
static uint8_t clr_flags(const struct ldr_image *i)
{
	if (!(i->clr & LDR_CLR_IL_ONLY))
		return 0;
	return (uint8_t)(2 | (i->narrow && !(i->clr & LDR_CLR_32_REQUIRED) ? 1 : 0) | (i->narrow && (i->clr & LDR_CLR_32_PREFERRED) ? 32 : 0));
}

static NTSTATUS query_image(const struct nt_section *s, uint64_t va, uint64_t room, uint64_t returned)
{
	const struct ldr_image *i = s->image;
	struct SECTION_IMAGE_INFORMATION b;
	NTSTATUS status;

	if (room < sizeof b)
		return STATUS_INFO_LENGTH_MISMATCH;
	if (i == NULL)
		return STATUS_SECTION_NOT_IMAGE;
	b = (struct SECTION_IMAGE_INFORMATION){
		.TransferAddress = i->base + i->entry, .MaximumStackSize = i->stack_reserve, .CommittedStackSize = i->stack_commit,
		.SubSystemType = i->subsystem, .SubSystemMinorVersion = i->subsystem_minor, .SubSystemMajorVersion = i->subsystem_major,
		.MajorOperatingSystemVersion = i->os_major, .MinorOperatingSystemVersion = i->os_minor, .ImageCharacteristics = i->characteristics,
		.DllCharacteristics = i->dll_characteristics, .Machine = i->machine, .ImageContainsCode = i->has_code, .LoaderFlags = is_managed(i),
		.ImageFileSize = i->file_size, .CheckSum = i->checksum,
		.ImageFlags = ((i->dll_characteristics & DLLCHARACTERISTICS_DYNAMIC_BASE) && i->has_code && !is_managed(i) ? IMAGE_DYNAMICALLY_RELOCATED : 0) |
			clr_flags(i) | (i->flat ? IMAGE_MAPPED_FLAT : 0) | (i->builtin ? IMAGE_WINE_BUILTIN : 0),
	};
	status = user_write(va, &b, sizeof b);
	return status == STATUS_SUCCESS ? user_put64(returned, sizeof b) : status;
}

NTSTATUS NtQuerySection(struct nt_thread *t, uint64_t handle, uint32_t class, uint64_t va, uint64_t room, uint64_t returned)
{
	struct ob_object *o;
	NTSTATUS status;

	(void)t;
	if (class != SectionBasicInformation && class != SectionImageInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (va == 0)
		return STATUS_ACCESS_VIOLATION;
	status = ob_by_handle(handle, OB_SECTION, SECTION_QUERY, &o);
	if (status != STATUS_SUCCESS)
		return status;
	if (class == SectionBasicInformation)
		status = query_basic((struct nt_section *)o, va, room, returned);
	else
		status = query_image((struct nt_section *)o, va, room, returned);
	ob_put(o);
	return status;
}
