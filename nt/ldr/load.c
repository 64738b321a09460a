/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/load.c - a Windows program's address space up to its first instruction, which is ntdll's LdrInitializeThunk.
 *
 * The kernel maps the program, ntdll and the API set schema, and makes the PEB with its parameters; everything
 * else (imports, TLS, heaps) is ntdll's work.
 */
#include "abi/dk_boot.h"
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/io/io.h"
#include "nt/ke/user.h"
#include "nt/ldr/ldr.h"
#include "nt/mm/mm.h"
#include "nt/os/file.h"
#include "nt/os/map.h"
#include "nt/os/vm.h"
#include "nt/ps/ps.h"
#include "rt/mem.h"

/* Offsets in the PEB. */
#define PEB_SIZE               0x1000u
#define PEB_IMAGE_BASE         0x010
#define PEB_PARAMETERS         0x020
#define PEB_API_SET_MAP        0x068
#define PEB_CPUS               0x0b8
#define PEB_OS_MAJOR           0x118
#define PEB_OS_MINOR           0x11c
#define PEB_OS_BUILD           0x120
#define PEB_OS_PLATFORM        0x124
#define PEB_SUBSYSTEM          0x128
#define PEB_SUBSYSTEM_MAJOR    0x12c
#define PEB_SUBSYSTEM_MINOR    0x130
#define PEB_SESSION            0x2c0

/* RTL_USER_PROCESS_PARAMETERS. */
#define PARAM_SIZE 0x410u
#define PARAM_ENV  0x080
#define PARAM_ENV_SIZE 0x3f0
#define PARAM_TEXTS 8u

struct place { /* what was loaded so far */
	struct nt_process *p;
	uint64_t program, ntdll, api_set;
	const struct ldr_image *image, *ntdll_image;
	const char *problem;
};

/* ---- Images ---- */

/* Not where it wants to be: that is where linkers put DLLs that nobody gave a place. */
#define API_SET_PLACE 0x7efe0000u

static NTSTATUS load_api_set(struct place *w)
{
	struct file *f = os_dll_open("apisetschema.dll");
	const struct ldr_image *img = NULL;
	NTSTATUS status = f != NULL ? ldr_program_of(f, &img) : (NTSTATUS)STATUS_OBJECT_NAME_NOT_FOUND;
	uint64_t base = API_SET_PLACE;

	if (status == STATUS_SUCCESS)
		status = ldr_image_place(w->p->mm, f, img, NULL, &base);
	if (status == STATUS_CONFLICTING_ADDRESSES) {
		base = 0;
		status = ldr_image_place(w->p->mm, f, img, NULL, &base);
	}
	for (uint32_t i = 0; NT_SUCCESS(status) && i < img->nsections; i++)
		if (memcmp(img->section[i].name, ".apiset", 8) == 0)
			w->api_set = base + img->section[i].rva;
	ldr_image_put(img);
	os_close(f);
	return w->api_set != 0 ? STATUS_SUCCESS : status != STATUS_SUCCESS ? status : (NTSTATUS)STATUS_INVALID_IMAGE_FORMAT;
}

static NTSTATUS load_images(struct place *w, struct file *program, struct file *ntdll)
{
	NTSTATUS status = ldr_program_of(program, &w->image);

	w->problem = "it is not a 64-bit Windows program";
	if (status == STATUS_SUCCESS)
		status = ldr_image_place(w->p->mm, program, w->image, NULL, &w->program);
	if (NT_ERROR(status))
		return status;
	w->problem = "Wine's ntdll.dll cannot be loaded";
	status = ldr_program_of(ntdll, &w->ntdll_image);
	if (status == STATUS_SUCCESS)
		status = ldr_image_place(w->p->mm, ntdll, w->ntdll_image, NULL, &w->ntdll);
	if (NT_ERROR(status))
		return status;
	w->problem = "Wine's ntdll.dll is not the one of Wine 8.0";
	if (!ldr_know_ntdll(w->ntdll, w->ntdll_image))
		return STATUS_INVALID_IMAGE_FORMAT;
	w->problem = "Wine's apisetschema.dll cannot be loaded";
	ldr_shim(w->program, w->image);
	if (ldr_ahead(w->program, w->image, true))
		ex_nls_ahead();
	os_folder_ahead(program);
	return load_api_set(w);
}

/* Only the two are written in ntdll: where calls go. */
static NTSTATUS set_dispatchers(void)
{
	uint64_t unix_entry = (uint64_t)ldr_unix_entry, entry = (uint64_t)pico_gs_entry;
	NTSTATUS status = user_write(ldr_ntdll()->syscall_dispatcher, &entry, sizeof entry);

	return status == STATUS_SUCCESS ? user_write(ldr_ntdll()->unix_call_dispatcher, &unix_entry, sizeof unix_entry) : status;
}

/* ---- PEB and parameters ---- */

static NTSTATUS put_text(uint64_t params, uint32_t at, const struct nt_start_text *text, uint32_t room, uint64_t *where)
{
	struct UNICODE_STRING s = { .Length = (uint16_t)text->size, .MaximumLength = (uint16_t)MAX(room, text->size + 2), .Buffer = *where };
	NTSTATUS status;

	if (text->text == NULL && room == 0) /* not said: ntdll would take an empty DllPath for a path with nothing in it */
		s = (struct UNICODE_STRING){ 0 };
	status = user_write(params + at, &s, sizeof s);
	if (status == STATUS_SUCCESS && text->size != 0)
		status = user_write(*where, text->text, text->size);
	*where += ALIGN_UP(s.MaximumLength, 8);
	return status;
}

#define CWD_ROOM 520u
static uint64_t texts_size(const struct nt_start *s)
{
	const struct nt_start_text *all[PARAM_TEXTS] = { &s->dll_path, &s->image, &s->command_line, &s->title, &s->desktop, &s->shell_info, &s->runtime, &s->cwd };
	uint64_t size = CWD_ROOM;

	for (uint32_t i = 0; i < PARAM_TEXTS; i++)
		size += all[i]->size + 16;
	return size;
}

static NTSTATUS put_texts(const struct nt_start *s, uint64_t params)
{
	static const struct { uint32_t at, offset, room; } texts[PARAM_TEXTS] = {
		{ 0x38, offsetof(struct nt_start, cwd), CWD_ROOM }, { 0x50, offsetof(struct nt_start, dll_path), 0 },
		{ 0x60, offsetof(struct nt_start, image), 0 }, { 0x70, offsetof(struct nt_start, command_line), 0 },
		{ 0xb0, offsetof(struct nt_start, title), 0 }, { 0xc0, offsetof(struct nt_start, desktop), 0 },
		{ 0xd0, offsetof(struct nt_start, shell_info), 0 }, { 0xe0, offsetof(struct nt_start, runtime), 0 },
	};
	uint64_t where = params + PARAM_SIZE;
	NTSTATUS status = STATUS_SUCCESS;

	for (uint32_t i = 0; status == STATUS_SUCCESS && i < PARAM_TEXTS; i++)
		status = put_text(params, texts[i].at, (const void *)((const char *)s + texts[i].offset), texts[i].room, &where);
	return status;
}

static NTSTATUS put_params(struct place *w, const struct nt_start *s, uint64_t *params)
{
	uint64_t size = PARAM_SIZE + texts_size(s), env_size = MAX(s->environment.size, 4u), env = 0;
	uint32_t length = (uint32_t)size;
	uint8_t *head = heap_alloc(PARAM_SIZE);
	NTSTATUS status = head != NULL ? STATUS_SUCCESS : (NTSTATUS)STATUS_NO_MEMORY;

	if (status == STATUS_SUCCESS)
		status = nt_mm_alloc(w->p->mm, params, &size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE, 0, 0);
	if (status == STATUS_SUCCESS)
		status = nt_mm_alloc(w->p->mm, &env, &env_size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE, 0, 0);
	if (status == STATUS_SUCCESS && s->environment.size != 0)
		status = user_write(env, s->environment.text, s->environment.size);
	if (status == STATUS_SUCCESS) {
		uint64_t env_bytes = MAX(s->environment.size, 4u);
		const uint32_t flags = s->flags | 1; /* normalized */
		const uint32_t window[2] = { s->window_flags, s->show_window };

		memcpy(head, &length, 4);
		memcpy(head + 4, &length, 4);
		memcpy(head + 8, &flags, 4);
		memcpy(head + 0x10, &s->console_handle, 8);
		memcpy(head + 0x18, &s->console_flags, 4);
		memcpy(head + 0x20, s->std_handle, 24);
		memcpy(head + 0x88, s->place, sizeof s->place);
		memcpy(head + 0xa4, window, 8);
		memcpy(head + PARAM_ENV, &env, 8);
		memcpy(head + PARAM_ENV_SIZE, &env_bytes, 8);
		memcpy(head + 0x408, &s->group, 4);
		status = user_write(*params, head, PARAM_SIZE);
	}
	if (status == STATUS_SUCCESS)
		status = put_texts(s, *params);
	heap_free(head);
	return status;
}

static void peb32(uint8_t *peb, uint32_t at, uint32_t v)
{
	memcpy(peb + at, &v, sizeof v);
}

static void peb64(uint8_t *peb, uint32_t at, uint64_t v)
{
	memcpy(peb + at, &v, sizeof v);
}

static void fill_peb(uint8_t *peb, const struct place *w, const struct nt_start *start, uint64_t params)
{
	peb64(peb, PEB_IMAGE_BASE, w->program);
	peb64(peb, PEB_PARAMETERS, params);
	peb64(peb, PEB_API_SET_MAP, w->api_set);
	peb32(peb, PEB_CPUS, pico_boot_block->ncpus != 0 ? pico_boot_block->ncpus : 1);
	peb64(peb, PEB_CRITICAL_TIMEOUT, (uint64_t)-25920000000000ll);
	peb64(peb, PEB_HEAP_RESERVE, 0x100000);
	peb64(peb, PEB_HEAP_COMMIT, 0x2000);
	peb64(peb, PEB_HEAP_DECOMMIT, 0x10000);
	peb64(peb, PEB_HEAP_FREE, 0x1000);
	peb32(peb, PEB_OS_MAJOR, 10);
	peb32(peb, PEB_OS_BUILD, 19045);
	peb32(peb, PEB_OS_PLATFORM, 2);
	peb32(peb, PEB_SUBSYSTEM, w->image->subsystem);
	peb32(peb, PEB_SUBSYSTEM_MAJOR, w->image->subsystem_major);
	peb32(peb, PEB_SUBSYSTEM_MINOR, w->image->subsystem_minor);
	peb32(peb, PEB_SESSION, 1);
	ldr_options(start, peb);
}

static NTSTATUS make_peb(struct place *w, const struct nt_start *start)
{
	uint64_t size = NT_GRANULE, params = 0; /* ntdll looks for its debug options two pages behind the PEB */
	uint8_t *peb = heap_alloc(PEB_SIZE);
	NTSTATUS status = peb != NULL ? STATUS_SUCCESS : (NTSTATUS)STATUS_NO_MEMORY;

	w->problem = "there is not enough memory for its parameters";
	if (status == STATUS_SUCCESS)
		status = nt_mm_alloc(w->p->mm, &w->p->peb, &size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE, 0, 0);
	if (status == STATUS_SUCCESS)
		status = put_params(w, start, &params);
	if (status == STATUS_SUCCESS) {
		fill_peb(peb, w, start, params);
		status = user_write(w->p->peb, peb, PEB_SIZE);
	}
	heap_free(peb);
	return status;
}

/* ---- All ---- */

/* What ntdll's start takes of the first stack: each page of it by its guard would cost two faults and two calls. */
#define FIRST_COMMIT 0x4000u

static NTSTATUS first_thread(struct place *w, struct lx_thread *lx, struct dk_context *c)
{
	struct nt_thread *t = NULL;
	NTSTATUS status = ps_thread_create(w->p, lx, w->program + w->image->entry, w->p->peb, 0,
		MAX(w->image->stack_commit, FIRST_COMMIT), 0, &t);

	w->problem = "there is not enough memory for its first thread";
	if (status != STATUS_SUCCESS)
		return status;
	ps_start_context(t, w->program + w->image->entry, w->p->peb, c);
	ps_loaded(w->p);
	return STATUS_SUCCESS;
}

static NTSTATUS load(struct place *w, struct lx_thread *lx, struct file *program, struct file *ntdll, struct nt_start *start, struct dk_context *c)
{
	NTSTATUS status;

	w->problem = "there is not enough memory";
	w->p->mm = nt_mm_new(w->p);
	if (w->p->mm == NULL)
		return STATUS_NO_MEMORY;
	os_vm_begin();
	status = kuser_map(w->p->mm, nt_state());
	if (status == STATUS_SUCCESS)
		status = load_images(w, program, ntdll);
	if (!NT_ERROR(status))
		status = set_dispatchers();
	if (NT_ERROR(status))
		return status;
	w->p->image_base = w->program;
	ps_of_process(w->p)->ntdll_base = w->ntdll;
	w->p->subsystem = w->image->subsystem;
	w->p->stack_reserve = w->image->stack_reserve;
	w->p->stack_commit = w->image->stack_commit;
	ps_set_image(w->p, w->image, start);
	status = make_peb(w, start);
	return status == STATUS_SUCCESS ? first_thread(w, lx, c) : status;
}

NTSTATUS ldr_load(struct nt_process *p, struct lx_thread *lx, struct file *program, struct file *ntdll, struct nt_start *start, struct dk_context *c,
	const char **problem)
{
	struct place w = { .p = p };
	NTSTATUS status = load(&w, lx, program, ntdll, start, c);

	*problem = w.problem;
	ldr_image_put(w.image);
	ldr_image_put(w.ntdll_image);
	return status;
}
