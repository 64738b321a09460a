/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/create_in.c - what NtCreateUserProcess is told: its attributes, and the maker's parameter block, which are read
 * from guest memory once and checked.
 */
#include "nt/ke/user.h"
#include "nt/ldr/ldr.h"
#include "nt/ps/create.h"
#include "nt/ps/ps.h"
#include "rt/mem.h"

/* RTL_USER_PROCESS_PARAMETERS. */
#define PARAM_FLAGS       0x008
#define PARAM_CONSOLE     0x010
#define PARAM_CONSOLE_FLAGS 0x018
#define PARAM_STD         0x020
#define PARAM_ENVIRONMENT 0x080
#define PARAM_PLACE        0x088u
#define PARAM_WINDOW      0x0a4
#define PARAM_ENV_SIZE    0x3f0
#define PARAM_GROUP       0x408
#define PARAM_SIZE        0x410u
#define PARAM_NORMALIZED  1u

/* PS_ATTRIBUTE. */
#define ATTR_PARENT       0x60000u
#define ATTR_DEBUG        0x60001u
#define ATTR_TOKEN        0x60002u
#define ATTR_CLIENT_ID    0x10003u
#define ATTR_TEB          0x10004u
#define ATTR_IMAGE_NAME   0x20005u
#define ATTR_IMAGE_INFO   0x00006u
#define ATTR_STD_HANDLES  0x2000au
#define ATTR_HANDLE_LIST  0x2000bu
#define ATTR_JOB_LIST     0x20013u
#define ATTRS_MAX         64u

#define ENVIRONMENT_MAX        0x1000000u

/* ---- What is asked ---- */

NTSTATUS ps_create_asked_in(uint64_t list, struct ps_create_asked *a)
{
	uint64_t total = 0;
	NTSTATUS status = list != 0 ? user_read(&total, list, sizeof total) : STATUS_SUCCESS;

	memset(a, 0, sizeof *a);
	if (status == STATUS_SUCCESS && total > 8 + ATTRS_MAX * 32)
		status = STATUS_INVALID_PARAMETER;
	for (uint64_t at = 8; status == STATUS_SUCCESS && at + 32 <= total; at += 32) {
		struct { uint64_t kind, size, value, returned; } e;

		status = user_read(&e, list + at, sizeof e);
		if (status != STATUS_SUCCESS)
			break;
		switch (e.kind) {
		case ATTR_IMAGE_NAME:
			a->image = e.value;
			a->image_size = e.size;
			break;
		case ATTR_HANDLE_LIST:
			a->handles = e.value;
			a->handles_size = e.size;
			break;
		case ATTR_JOB_LIST:
			a->jobs = e.value;
			a->jobs_size = e.size;
			break;
		case ATTR_CLIENT_ID:
			a->client_id = e.value;
			a->client_id_size = e.size;
			break;
		case ATTR_TEB:
			a->teb = e.value;
			break;
		case ATTR_IMAGE_INFO:
			a->image_info = e.value;
			a->image_info_size = e.size;
			break;
		case ATTR_DEBUG:
			a->debug = e.value;
			break;
		case ATTR_PARENT:
			a->parent = e.value;
			break;
		case ATTR_TOKEN:
			a->token = e.value;
			break;
		default: /* priorities, standard handles: nothing that differs here */
			break;
		}
	}
	return status;
}

/* ---- The beginning, from the maker's parameter block ---- */

static NTSTATUS text_in(const uint8_t *head, uint32_t at, uint64_t params, struct nt_start_text *out)
{
	struct UNICODE_STRING s;
	uint32_t flags;

	memcpy(&s, head + at, sizeof s);
	memcpy(&flags, head + PARAM_FLAGS, sizeof flags);
	if (s.Length == 0 || s.Buffer == 0)
		return STATUS_SUCCESS;
	if (!(flags & PARAM_NORMALIZED))
		s.Buffer += params;
	out->text = arena_alloc(s.Length + 2u);
	if (out->text == NULL)
		return STATUS_NO_MEMORY;
	out->size = s.Length & 0xfffeu;
	return user_read(out->text, s.Buffer, out->size);
}

/* Its length up to the two 0 characters that end it. */
static NTSTATUS environment_size(uint64_t va, uint64_t *size)
{
	WCHAR chunk[128], last = 1;

	for (uint64_t at = 0; at < ENVIRONMENT_MAX; at += sizeof chunk) {
		size_t n = sizeof chunk - uaccess_read(chunk, va + at, sizeof chunk);

		for (size_t i = 0; i < n / 2; i++) {
			if (chunk[i] == 0 && last == 0) {
				*size = at + (i + 1) * 2;
				return STATUS_SUCCESS;
			}
			last = chunk[i];
		}
		if (n < sizeof chunk)
			break;
	}
	return STATUS_ACCESS_VIOLATION;
}

static NTSTATUS environment_in(const uint8_t *head, uint64_t params, struct nt_start_text *out)
{
	uint64_t va, size;
	uint32_t flags;
	NTSTATUS status = STATUS_SUCCESS;

	memcpy(&va, head + PARAM_ENVIRONMENT, sizeof va);
	memcpy(&size, head + PARAM_ENV_SIZE, sizeof size);
	memcpy(&flags, head + PARAM_FLAGS, sizeof flags);
	if (va == 0)
		return STATUS_SUCCESS;
	if (!(flags & PARAM_NORMALIZED))
		va += params;
	if (size == 0 || size > ENVIRONMENT_MAX)
		status = environment_size(va, &size);
	if (status != STATUS_SUCCESS)
		return status;
	out->text = arena_alloc(size + 4);
	if (out->text == NULL)
		return STATUS_NO_MEMORY;
	out->size = (uint32_t)size;
	return user_read(out->text, va, size);
}

static NTSTATUS texts_in(const uint8_t *head, uint64_t params, struct nt_start *s)
{
	const struct { uint32_t at; struct nt_start_text *to; } texts[] = {
		{ 0x38, &s->cwd }, { 0x50, &s->dll_path }, { 0x60, &s->image }, { 0x70, &s->command_line }, { 0xb0, &s->title }, { 0xc0, &s->desktop },
		{ 0xd0, &s->shell_info }, { 0xe0, &s->runtime },
	};
	NTSTATUS status = STATUS_SUCCESS;

	for (uint32_t i = 0; status == STATUS_SUCCESS && i < ARRAY_LEN(texts); i++)
		status = text_in(head, texts[i].at, params, texts[i].to);
	return status == STATUS_SUCCESS ? environment_in(head, params, &s->environment) : status;
}

NTSTATUS ps_start_in(uint64_t params, struct nt_start **out)
{
	struct nt_start *s = arena_alloc(sizeof *s);
	uint8_t *head = heap_alloc(PARAM_SIZE);
	NTSTATUS status = s != NULL && head != NULL ? user_read(head, params, PARAM_SIZE) : (NTSTATUS)STATUS_NO_MEMORY;

	if (status == STATUS_SUCCESS) {
		memcpy(&s->flags, head + PARAM_FLAGS, 4);
		memcpy(&s->console_handle, head + PARAM_CONSOLE, 8);
		memcpy(&s->console_flags, head + PARAM_CONSOLE_FLAGS, 4);
		memcpy(s->std_handle, head + PARAM_STD, sizeof s->std_handle);
		memcpy(s->place, head + PARAM_PLACE, sizeof s->place);
		memcpy(&s->window_flags, head + PARAM_WINDOW, 4);
		memcpy(&s->show_window, head + PARAM_WINDOW + 4, 4);
		memcpy(&s->group, head + PARAM_GROUP, 4);
		s->flags &= ~PARAM_NORMALIZED;
		status = texts_in(head, params, s);
	}
	heap_free(head);
	if (status == STATUS_SUCCESS)
		*out = s;
	else
		nt_start_free(s);
	return status;
}
