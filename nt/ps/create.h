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
	struct ldr_image *image; /* heap; pe only */
	bool pe;
	char *strings;           /* heap: argc, then envc strings */
	uint32_t argc, envc;
	struct file *std[3];     /* references */
};

/* Fills in what the process shows as its arguments (/proc/PID/cmdline); and what a Linux program gets. */
NTSTATUS ps_pe_arguments(struct ps_program *w, const struct nt_start *s);
NTSTATUS ps_elf_arguments(struct ps_program *w, const struct nt_start *s);
#endif
