/* SPDX-License-Identifier: MIT */
/* nt/ps/create.h - a process that is being made: between create.c and create_elf.c. */
#ifndef NT_PS_CREATE_H
#define NT_PS_CREATE_H

#include "nt/nt.h"

struct file;
struct io_file;
struct ldr_image;
struct nt_start;

/* NtCreateUserProcess' arguments. */
struct create {
	uint64_t process_handle, thread_handle, process_oa, thread_oa;
	uint32_t process_access, thread_access, process_flags, thread_flags;
};

struct ps_program {
	WCHAR *name;             /* NT's; heap */
	uint32_t name_size;
	struct io_file *file;    /* a reference */
	struct file *f;          /* of file */
	char *path, *cwd;        /* of the sandbox; os_text */
	const struct ldr_image *image; /* a reference; pe only */
	bool pe;
	char *strings;           /* heap: argc, then envc strings */
	uint32_t argc, envc;
	struct file *std[3];     /* references */
};

/* What a process is to be made like: PS_ATTRIBUTE_LIST; 0 where nothing was said. */
struct ps_create_asked {
	uint64_t image, image_size, handles, handles_size, jobs, jobs_size;
	uint64_t client_id, client_id_size, teb, image_info, image_info_size;
	uint64_t parent, token, debug;
};
NTSTATUS ps_create_asked_in(uint64_t list, struct ps_create_asked *a); /* create_in.c */
/* What the program begins with, of an RTL_USER_PROCESS_PARAMETERS; in the arena, the caller's. */
NTSTATUS ps_start_in(uint64_t params, struct nt_start **out);
/* Starts a program that has nothing of the caller's: no handles, console, job, token.  name: NT's, heap memory; it and s are taken over. */
NTSTATUS ps_start_program(struct nt_thread *t, WCHAR *name, uint32_t size, struct nt_start *s, uint32_t *pid);
/* Fills in what the process shows as its arguments (/proc/PID/cmdline); and what a Linux program gets. */
NTSTATUS ps_pe_arguments(struct ps_program *w, const struct nt_start *s);
NTSTATUS ps_elf_arguments(struct ps_program *w, const struct nt_start *s);
#endif
