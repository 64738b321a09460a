/* SPDX-License-Identifier: MIT */
/*
 * linux/exec/exec.h - what execve has found out, between its checks and the new program.
 *
 * A struct exec_image and all it points to lie in the arena, since the program may
 * start in a fresh picoprocess (a vfork child's).
 */
#ifndef LINUX_EXEC_EXEC_H
#define LINUX_EXEC_EXEC_H

#include "linux/fs/vfs.h"
#include "linux/mm/mm.h"
#include "linux/proc/proc.h"

#define EXEC_PATH_MAX 4096

/* An ELF file that was checked: what is needed to map it. */
struct elf_file {
	struct file *file; /* a reference */
	Elf64_Ehdr eh;
	Elf64_Phdr *ph;    /* eh.e_phnum of them, arena */
};
struct exec_image {
	struct exec_args args;
	struct elf_file prog, interp; /* interp.file NULL: none */
	uint32_t stack_exec;
	uint32_t pe;       /* a Windows program; interp.file is then ntdll.dll: linux/other.h */
	int old_tid;       /* the calling thread's, for its tracer */
	uint32_t secure;   /* AT_SECURE: it has more rights than who started it */
	uint32_t first;    /* the sandbox's first program: path is still to be searched */
	uint32_t spawned;  /* of a process that was made for it (nt/os/spawn.c): exec_commit is still to come */
	char *cwd;         /* first: where to start */
	bool cwd_later;    /* it is the caller's own and will be there: looked up when it is used */
	char path[EXEC_PATH_MAX]; /* of the file that is executed (the script's interpreter's for scripts) */
};

/* args.c */
long args_in(struct exec_args *a, struct lx_thread *t, struct gva argv, struct gva envp);
long args_append(struct exec_args *a, const char *s); /* kernel string, behind all others; counts nothing */
long args_script(struct exec_args *a, const char *interp, const char *option, const char *script);
void args_free(struct exec_args *a);

/* image.c: opens and checks the program; img->path is where.  0 or -errno, and why in words. */
struct exec_image *image_new(void);
void image_free(struct exec_image *img);
long image_open(struct lx_thread *t, struct exec_image *img, int dirfd, const char *name, int at_flags);
const char *image_problem(void);

/* elf.c */
struct elf_place {
	uint64_t bias, entry, phdr, end; /* end: of bss, page aligned */
};
long elf_map(struct mm *mm, const struct elf_file *e, uint64_t hint, struct elf_place *out);
/* If e, just mapped, is the file that the host knows the CPUIDs of: makes calls of them (pico/patch_cpuid.h). */
void elf_prepare(const struct elf_file *e, uint64_t bias);

/* stack.c */
struct stack_facts {
	const struct exec_image *img;
	const struct elf_place *prog;
	uint64_t interp_base, vdso;
};
long stack_build(struct lx_thread *t, uint64_t top, const struct stack_facts *f, uint64_t *sp);

/* vdso.c: maps it; its address, or 0. */
uint64_t vdso_map(struct mm *mm);
/* The calling process is in another time namespace now, maybe: if it is not the initial one, its vDSO asks the library OS. */
void vdso_clocks(struct lx_thread *t);
/* Threads of this memory are kept to some CPUs: getcpu asks the library OS. */
void vdso_cpus(struct mm *mm);

/* exec.c */
long exec_load(struct lx_thread *t, struct exec_image *img, struct dk_context *c);
void exec_commit(struct lx_thread *t, struct exec_image *img);
uint64_t exec_random(void);
/* privs.c: may t start the program in f?  -EPERM: it has capabilities that t cannot get. */
long exec_may(struct lx_thread *t, const struct file *f);
/* t's credentials become those it has in the program in f; true: AT_SECURE. */
bool exec_privs(struct lx_thread *t, const struct file *f);
/* first.c: PATH search, working directory; ends the sandbox if it fails. */
void first_open(struct lx_thread *t, struct exec_image *img);
#endif
