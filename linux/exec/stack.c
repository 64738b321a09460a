/* SPDX-License-Identifier: MIT */
/* linux/exec/stack.c - what a new program finds on its stack: strings, vectors, auxiliary vector. */
#include "linux/exec/exec.h"
#include "linux/ns/ns.h"
#include "linux/sig/sig.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

#define AUX_MAX 24
#define CLOCK_TICKS 100

struct aux {
	uint64_t v[AUX_MAX * 2];
	unsigned n;
};

static void aux_add(struct aux *a, uint64_t type, uint64_t value)
{
	a->v[a->n++] = type;
	a->v[a->n++] = value;
}

struct places {
	uint64_t strings, execfn, platform, random;
};

/* AT_HWCAP2 stays 0: bit 1 would tell guests that they may write the GS base, which is ours.
   No AT_RSEQ_*: rseq is not there. */
static void aux_fill(struct aux *a, struct lx_thread *t, const struct stack_facts *f, const struct places *at)
{
	const struct elf_file *e = &f->img->prog;

	if (f->vdso)
		aux_add(a, AT_SYSINFO_EHDR, f->vdso);
	aux_add(a, 51 /* AT_MINSIGSTKSZ */, sig_min_stack());
	aux_add(a, AT_HWCAP, pico_boot_block->cpu_features);
	aux_add(a, AT_PAGESZ, PAGE_SIZE);
	aux_add(a, AT_CLKTCK, CLOCK_TICKS);
	aux_add(a, AT_PHDR, f->prog->phdr);
	aux_add(a, AT_PHENT, sizeof(Elf64_Phdr));
	aux_add(a, AT_PHNUM, e->eh.e_phnum);
	aux_add(a, AT_BASE, f->interp_base);
	aux_add(a, AT_FLAGS, 0);
	aux_add(a, AT_ENTRY, f->prog->entry);
	aux_add(a, AT_UID, uid_out(t, t->cred.uid));
	aux_add(a, AT_EUID, uid_out(t, t->cred.euid));
	aux_add(a, AT_GID, gid_out(t, t->cred.gid));
	aux_add(a, AT_EGID, gid_out(t, t->cred.egid));
	aux_add(a, AT_SECURE, f->img->secure);
	aux_add(a, AT_RANDOM, at->random);
	aux_add(a, AT_HWCAP2, 0);
	aux_add(a, AT_EXECFN, at->execfn);
	aux_add(a, AT_PLATFORM, at->platform);
	aux_add(a, AT_NULL, 0);
}

/* Addresses of n strings that follow each other in kernel memory at s and at the guest's va. */
static const char *vector_fill(uint64_t *v, uint32_t n, const char *s, uint64_t *va)
{
	for (uint32_t i = 0; i < n; i++) {
		size_t len = strlen(s) + 1;

		v[i] = *va;
		*va += len;
		s += len;
	}
	v[n] = 0;
	return s;
}

static long put_strings(const struct exec_args *a, uint64_t top, struct places *at)
{
	size_t name = strlen(a->path) + 1;
	uint8_t random[16];

	(void)DkRandomBitsRead(random, sizeof random);
	at->execfn = top - 8 - name;
	at->strings = at->execfn - a->size;
	at->platform = ALIGN_DOWN(at->strings - 8, 16);
	at->random = at->platform - 16;
	if (uaccess_zero(top - 8, 8) || uaccess_write(at->execfn, a->path, name) ||
		uaccess_write(at->strings, a->strings, a->size) || uaccess_write(at->platform, "x86_64", 7) ||
		uaccess_write(at->random, random, sizeof random))
		return -EFAULT;
	return 0;
}

long stack_build(struct lx_thread *t, uint64_t top, const struct stack_facts *f, uint64_t *sp)
{
	const struct exec_args *a = &f->img->args;
	struct lx_proc *p = t->proc;
	struct aux aux = { .n = 0 };
	struct places at;
	uint64_t words, va, *v;
	const char *s;
	long err = put_strings(a, top, &at);

	if (err)
		return err;
	aux_fill(&aux, t, f, &at);
	words = 1 + a->argc + 1 + a->envc + 1 + aux.n;
	v = heap_alloc(words * 8);
	if (!v)
		return -ENOMEM;
	va = at.strings;
	p->arg_start = va;
	v[0] = a->argc;
	s = vector_fill(v + 1, a->argc, a->strings, &va);
	p->arg_end = p->env_start = va;
	vector_fill(v + 1 + a->argc + 1, a->envc, s, &va);
	p->env_end = va;
	memcpy(v + words - aux.n, aux.v, aux.n * 8);
	*sp = ALIGN_DOWN(at.random - words * 8, 16);
	err = uaccess_write(*sp, v, words * 8) ? -EFAULT : 0;
	p->stack_start = *sp;
	heap_free(v);
	return err;
}
