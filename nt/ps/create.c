/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/create.c - NtCreateUserProcess.
 *
 * The maker copies everything that the new process needs to begin (struct nt_start: texts, environment, standard
 * handles) into the arena, makes process and first thread as objects, gives it the handles it inherits, and starts a picoprocess,
 * which maps the program and makes the rest.  The program may be one of Linux too: then its arguments and its environment are made
 * of the command line by the C runtime's rules, and its descriptors 0, 1 and 2 of the standard handles (ps/create_elf.c).
 */
#include "nt/con/con.h"
#include "nt/io/io.h"
#include "nt/ke/user.h"
#include "nt/ldr/ldr.h"
#include "nt/os/file.h"
#include "nt/os/map.h"
#include "nt/os/spawn.h"
#include "nt/os/thread.h"
#include "nt/ps/create.h"
#include "nt/ps/debug.h"
#include "nt/ps/ps.h"
#include "ntcalls.gen.h"
#include "nt/se/se.h"
#include "rt/mem.h"

#define STARTF_USESTDHANDLES 0x100u
#define CREATE_BREAKAWAY       0x001u
#define CREATE_NO_DEBUG_INHERIT 0x002u
#define CREATE_INHERIT_HANDLES 0x004u
#define CREATE_SUSPENDED       0x200u
#define SUBSYSTEM_GUI          2u
#define HANDLES_MAX            4096u

/* ---- The program ---- */

static NTSTATUS image_name_in(const struct ps_create_asked *a, WCHAR **name, uint32_t *size)
{
	if (a->image == 0 || a->image_size < 2 || a->image_size > 65534)
		return STATUS_INVALID_PARAMETER;
	*size = (uint32_t)a->image_size & ~1u;
	*name = heap_alloc(*size + 2);
	if (*name == NULL)
		return STATUS_NO_MEMORY;
	return user_read(*name, a->image, *size);
}

/* What it is, and for PE files that it can run. */
static NTSTATUS program_check(struct ps_program *w)
{
	uint8_t magic[4] = { 0 };

	if (os_file_pread(w->f, magic, sizeof magic, 0) < 4)
		return STATUS_INVALID_IMAGE_NOT_MZ;
	if (magic[0] == 0x7f && magic[1] == 'E' && magic[2] == 'L' && magic[3] == 'F')
		return STATUS_SUCCESS;
	if (magic[0] == '#' && magic[1] == '!')
		return STATUS_SUCCESS;
	if (magic[0] != 'M' || magic[1] != 'Z')
		return STATUS_INVALID_IMAGE_NOT_MZ;
	w->pe = true;
	return STATUS_SUCCESS;
}

/* What is no PE file for whatever reason is none that runs. */
static NTSTATUS program_status(NTSTATUS status)
{
	return status == STATUS_INVALID_IMAGE_PROTECT || status == STATUS_INVALID_IMAGE_NE_FORMAT || status == STATUS_INVALID_IMAGE_WIN_16 ?
		(NTSTATUS)STATUS_INVALID_IMAGE_FORMAT : status;
}

/* w->name is there. */
static NTSTATUS program_open(struct ps_program *w)
{
	NTSTATUS status = io_open_name(w->name, w->name_size, FILE_READ_DATA | FILE_EXECUTE | SYNCHRONIZE, &w->file);

	if (status != STATUS_SUCCESS)
		return status;
	w->f = io_linux_file(&w->file->ob);
	w->path = os_text();
	if (w->f == NULL || w->path == NULL)
		return w->f == NULL ? (NTSTATUS)STATUS_INVALID_IMAGE_NOT_MZ : (NTSTATUS)STATUS_NO_MEMORY;
	if (os_file_text(w->f, w->path, OS_PATH_MAX) <= 0)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	status = program_check(w);
	if (status == STATUS_SUCCESS && w->pe)
		status = program_status(ldr_program_of(w->f, &w->image));
	if (status == STATUS_SUCCESS && w->pe && w->image->characteristics & 0x2000)
		status = STATUS_INVALID_IMAGE_FORMAT; /* a DLL */
	return status;
}

static void program_close(struct ps_program *w)
{
	heap_free(w->name);
	ldr_image_put(w->image);
	if (w->path != NULL)
		os_text_free(w->path);
	if (w->cwd != NULL)
		os_text_free(w->cwd);
	heap_free(w->strings);
	if (w->file != NULL)
		ob_put(&w->file->ob);
	for (uint32_t i = 0; i < 3; i++)
		if (w->std[i] != NULL)
			os_file_put(w->std[i]);
}

/* ---- Handles ---- */

struct listed {
	uint64_t *wanted;
	uint32_t nwanted, n;
	uint64_t *found; /* that are not wanted */
};

static void find_unlisted(void *arg, uint64_t handle, struct ob_object *o, uint32_t access, uint32_t attributes)
{
	struct listed *l = arg;

	(void)o;
	(void)access;
	(void)attributes;
	for (uint32_t i = 0; i < l->nwanted; i++)
		if (l->wanted[i] == handle)
			return;
	if (l->n < HANDLES_MAX)
		l->found[l->n++] = handle;
}

/* Of what was inherited only the listed ones stay. */
static NTSTATUS keep_listed(struct nt_process *p, const struct ps_create_asked *a)
{
	struct listed l = { .nwanted = (uint32_t)MIN(a->handles_size / 8, HANDLES_MAX) };
	NTSTATUS status;

	l.wanted = heap_alloc(l.nwanted * 8 + 8);
	l.found = heap_alloc(HANDLES_MAX * 8);
	status = l.wanted != NULL && l.found != NULL ? user_read(l.wanted, a->handles, l.nwanted * 8ull) : (NTSTATUS)STATUS_NO_MEMORY;
	if (status == STATUS_SUCCESS)
		ob_handles_each(p, find_unlisted, &l);
	for (uint32_t i = 0; i < l.n; i++)
		(void)ob_handle_close(p, l.found[i]);
	heap_free(l.wanted);
	heap_free(l.found);
	return status;
}

/* The standard handles that it did not inherit: it gets its own, as console programs have it. */
static void give_std(struct nt_process *from, struct nt_process *to, struct nt_start *s)
{
	for (uint32_t i = 0; i < 3; i++) {
		struct ob_object *o = NULL, *there = NULL;
		uint64_t handle = s->std_handle[i], given = 0;

		if (handle == 0 || (int64_t)handle < 0 || ob_by_handle_of(from, handle, OB_NONE, 0, &o) != STATUS_SUCCESS)
			continue;
		if (ob_by_handle_of(to, handle, OB_NONE, 0, &there) != STATUS_SUCCESS || there != o)
			if (ob_handle_add(to, o, ob_handle_access(from, handle), OBJ_INHERIT, &given) == STATUS_SUCCESS)
				s->std_handle[i] = given;
		ob_put(o);
		ob_put(there);
	}
}

static NTSTATUS give_handles(struct nt_thread *t, struct nt_process *p, const struct ps_create_asked *a, uint32_t flags, const struct ps_program *w, struct nt_start *s)
{
	NTSTATUS status = STATUS_SUCCESS;

	if (flags & CREATE_INHERIT_HANDLES) {
		status = ob_handles_inherit(t->process, p);
		if (status == STATUS_SUCCESS && a->handles != 0)
			status = keep_listed(p, a);
	}
	if (status == STATUS_SUCCESS && s != NULL)
		give_std(t->process, p, s);
	if (s != NULL && w->image->subsystem == SUBSYSTEM_GUI && s->console_handle >= CON_NEW_VALUES)
		s->console_handle = 0; /* only programs for consoles get new ones */
	if (status == STATUS_SUCCESS && s != NULL)
		s->console_handle = con_child(t->process, p, s->console_handle, s->std_handle, s->window_flags & STARTF_USESTDHANDLES);
	return status;
}

/* ---- The process ---- */

static NTSTATUS spawn(struct nt_thread *t, struct ps_program *w, struct nt_start *s, struct nt_process **out)
{
	struct os_spawn spawn = { .path = w->path, .start = w->pe ? s : NULL };
	NTSTATUS status = w->pe ? ps_pe_arguments(w, s) : ps_elf_arguments(w, s);

	if (status != STATUS_SUCCESS)
		return status;
	if (!w->pe)
		con_lend(t->process);
	spawn.strings = w->strings;
	spawn.argc = w->argc;
	spawn.envc = w->envc;
	spawn.cwd = w->cwd;
	memcpy(spawn.std, w->std, sizeof spawn.std);
	return os_spawn_make(&spawn, out);
}

static void inherit_values(struct nt_thread *t, struct nt_process *p, struct ps_program *w, struct nt_start *s)
{
	struct nt_process *from = t->process;

	p->parent_pid = from->pid;
	p->error_mode = from->error_mode;
	ps_of_process(p)->affinity = ps_of_process(from)->affinity;
	if (from->priority_class == 1 || from->priority_class == 5)
		p->priority_class = from->priority_class; /* idle and below normal */
	if (w->image != NULL) {
		p->image_base = w->image->base;
		ps_set_image(p, w->image, s);
	}
}

static NTSTATUS jobs_enter(struct nt_thread *t, struct nt_process *p, const struct ps_create_asked *a, uint32_t flags)
{
	NTSTATUS status = ps_job_inherit(t->process, p, (flags & CREATE_BREAKAWAY) != 0);

	for (uint64_t at = 0; status == STATUS_SUCCESS && a->jobs != 0 && at + 8 <= a->jobs_size && at < 512; at += 8) {
		uint64_t handle;

		status = user_read(&handle, a->jobs + at, sizeof handle);
		if (status == STATUS_SUCCESS)
			status = ps_job_assign_handle(handle, p);
	}
	return status;
}

static NTSTATUS answer(const struct create *c, struct nt_process *p, struct nt_thread *first, const struct ps_create_asked *a)
{
	const struct CLIENT_ID id = { p->pid, first->tid };
	struct ob_lookup l;
	NTSTATUS status = oa_in(&l, c->process_oa);

	if (status == STATUS_SUCCESS)
		status = se_assign(&p->ob, l.security);
	if (status == STATUS_SUCCESS) {
		status = ob_handle_out(&p->ob, ob_map_access(OB_PROCESS, c->process_access), l.attributes, c->process_handle);
		oa_free(&l);
	}
	if (status == STATUS_SUCCESS)
		status = oa_in(&l, c->thread_oa);
	if (status == STATUS_SUCCESS)
		status = se_assign(&first->ob, l.security);
	if (status == STATUS_SUCCESS) {
		status = ob_handle_out(&first->ob, ob_map_access(OB_THREAD, c->thread_access), l.attributes, c->thread_handle);
		oa_free(&l);
	}
	if (status == STATUS_SUCCESS && a->client_id != 0)
		status = user_write(a->client_id, &id, MIN(a->client_id_size, sizeof id));
	if (status == STATUS_SUCCESS && a->image_info != 0)
		status = user_write(a->image_info, &ps_of_process(p)->image, MIN(a->image_info_size, sizeof(struct ps_image)));
	return status;
}

static NTSTATUS begin(struct nt_thread *t, const struct create *c, struct ps_program *w, struct nt_start *s, const struct ps_create_asked *a)
{
	bool suspended = (c->thread_flags & THREAD_CREATE_FLAGS_CREATE_SUSPENDED) || (c->process_flags & CREATE_SUSPENDED);
	struct nt_thread *first = NULL;
	struct nt_process *p = NULL;
	struct se_token *token = NULL;
	NTSTATUS status = se_token_for_child(t->process, a->token, &token), ran;

	if (status == STATUS_SUCCESS)
		status = spawn(t, w, s, &p);
	if (status != STATUS_SUCCESS) {
		if (token != NULL)
			ob_put(&token->ob);
		nt_start_free(s);
		return status;
	}
	p->token = token;
	status = ps_first_thread(p, os_spawn_leader(p), suspended, &first);
	if (status == STATUS_SUCCESS) {
		inherit_values(t, p, w, s);
		status = give_handles(t, p, a, c->process_flags, w, w->pe ? s : NULL);
	}
	if (status == STATUS_SUCCESS && w->pe)
		status = ps_debug_born(t->process, p, a->debug, !(c->process_flags & CREATE_NO_DEBUG_INHERIT));
	else if (status == STATUS_SUCCESS && a->debug != 0)
		status = STATUS_NOT_SUPPORTED; /* a Linux program */
	if (status == STATUS_SUCCESS)
		status = jobs_enter(t, p, a, c->process_flags);
	if (status == STATUS_SUCCESS)
		status = answer(c, p, first, a);
	if (!w->pe)
		nt_start_free(s);
	if (status != STATUS_SUCCESS)
		(void)ps_process_kill(p, status); /* it begins, and ends */
	ran = os_spawn_run(p);
	if (first != NULL)
		ob_put(&first->ob);
	ob_put(&p->ob);
	return status == STATUS_SUCCESS ? ran : status;
}

NTSTATUS ps_start_program(struct nt_thread *t, WCHAR *name, uint32_t size, struct nt_start *s, uint32_t *pid)
{
	struct ps_program w = { .name = name, .name_size = size };
	struct nt_thread *first = NULL;
	struct nt_process *p = NULL;
	NTSTATUS status = program_open(&w), ran;

	if (status == STATUS_SUCCESS)
		status = spawn(t, &w, s, &p);
	if (status != STATUS_SUCCESS) {
		nt_start_free(s);
		program_close(&w);
		return status;
	}
	status = ps_first_thread(p, os_spawn_leader(p), false, &first);
	if (status == STATUS_SUCCESS)
		inherit_values(t, p, &w, s);
	else
		(void)ps_process_kill(p, status);
	*pid = p->pid;
	program_close(&w);
	ran = os_spawn_run(p);
	if (first != NULL)
		ob_put(&first->ob);
	ob_put(&p->ob);
	return status == STATUS_SUCCESS ? ran : status;
}

/* ---- PS_CREATE_INFO ---- */

#define INFO_STATE 8u
enum { CREATE_FAIL_ON_OPEN = 1, CREATE_FAIL_FORMAT = 3, CREATE_SUCCESS = 6 };

static void tell_state(uint64_t info, NTSTATUS status, bool opened)
{
	uint32_t state = status == STATUS_SUCCESS ? CREATE_SUCCESS : opened ? CREATE_FAIL_FORMAT : CREATE_FAIL_ON_OPEN;

	if (info != 0)
		(void)user_put32(info + INFO_STATE, state);
}

NTSTATUS NtCreateUserProcess(struct nt_thread *t, uint64_t process, uint64_t thread, uint32_t process_access, uint32_t thread_access, uint64_t process_oa,
	uint64_t thread_oa, uint32_t process_flags, uint32_t thread_flags, uint64_t params, uint64_t info, uint64_t list)
{
	const struct create c = { process, thread, process_oa, thread_oa, process_access, thread_access, process_flags, thread_flags };
	struct ps_program w = { .path = NULL };
	struct ps_create_asked a;
	struct nt_start *s = NULL;
	NTSTATUS status = thread_flags & ~THREAD_CREATE_FLAGS_CREATE_SUSPENDED ? (NTSTATUS)STATUS_INVALID_PARAMETER : ps_create_asked_in(list, &a);

	if (status == STATUS_SUCCESS)
		status = image_name_in(&a, &w.name, &w.name_size);
	if (status == STATUS_SUCCESS)
		status = program_open(&w);
	if (status == STATUS_SUCCESS)
		status = ps_start_in(params, &s);
	if (status == STATUS_SUCCESS)
		status = begin(t, &c, &w, s, &a);
	tell_state(info, status, w.f != NULL);
	program_close(&w);
	return status;
}
