/* SPDX-License-Identifier: MIT */
/*
 * tests/toy/toy.c - a third provider, a page long: proves that pico's interface is
 * enough to build a personality on.  Its system calls: 1 print rdi, 2 clone, 3 exit,
 * 4 wait for all children.  Its program is the machine code in `program`, copied to guest memory;
 * it makes its calls by `mov $nr,%eax; syscall` like any program.
 */
#include "pico/arena.h"
#include "pico/pico.h"
#include "pico/wait.h"
#include "rt/mem.h"

struct toy_process {
	struct pico_thread thread; /* first */
	struct pico_process process;
};
struct toy_state {
	_Atomic uint32_t live, sum;
	struct waitq ended;
	struct toy_process *kproc;
};

#define CODE 0x400000ul
#define LOOPS 100000

/* mov $LOOPS,%ebx; 1: mov $1,%eax; syscall; dec %ebx; jnz 1b; mov $2,%eax; syscall; mov %eax,%edi;
   mov $1,%eax; syscall; mov $3,%eax; syscall */
__asm__(".section .rodata\n"
	"program: mov $100000, %ebx\n xor %edi, %edi\n 1: mov $1, %eax\n syscall\n dec %ebx\n jnz 1b\n mov $2, %eax\n syscall\n"
	"mov %eax, %edi\n mov $1, %eax\n syscall\n mov $3, %eax\n syscall\n ud2\n program_end:\n .previous");
extern const char program[], program_end[];

static struct toy_state *state(void)
{
	return arena_root()->provider_root[PICO_PROVIDER_TOY];
}

static struct toy_process *toy_new(void)
{
	struct toy_process *p = arena_alloc(sizeof *p);

	ASSERT(p != NULL && pico_thread_init(&p->thread, &p->process) == DK_OK);
	atomic_fetch_add(&state()->live, 1);
	return p;
}

static void toy_fork(struct dk_context *c)
{
	struct toy_process *child = toy_new();
	bool in_child;

	ASSERT(pico_clone_process(&child->process, &child->thread, &in_child) == DK_OK);
	c->rax = in_child ? 1000 : 1;
}

static void toy_syscall(struct pico_thread *t, struct dk_context *c)
{
	(void)t;
	switch (c->orig_rax) {
	case 1:
		atomic_fetch_add(&state()->sum, (uint32_t)c->rdi);
		break;
	case 2:
		toy_fork(c);
		break;
	default:
		if (atomic_fetch_sub(&state()->live, 1) == 1)
			waitq_wake_all(&state()->ended);
		pico_exit_process(0);
	}
}

static void toy_exception(struct pico_thread *t, const struct dk_exception *e, struct dk_context *c)
{
	(void)t;
	panic("toy: exception %u at %lx, address %lx", e->kind, (unsigned long)c->rip, (unsigned long)e->address);
}

static void toy_return(struct pico_thread *t, struct dk_context *c)
{
	(void)t;
	(void)c;
}

static void toy_thread_start(struct pico_thread *t, struct dk_context *c)
{
	(void)t;
	(void)c;
}

static void toy_start(struct pico_thread *t)
{
	struct dk_context c = { .rip = CODE, .rsp = 0, .rflags = 0x202 }; /* a wild stack pointer, on purpose */
	uint64_t at = CODE;

	(void)t;
	ASSERT(DkVirtualMemoryAlloc(&at, PAGE_SIZE, DK_MEM_COMMIT | DK_MEM_FIXED, DK_PROT_R | DK_PROT_W | DK_PROT_X) == DK_OK);
	memcpy((void *)CODE, program, (size_t)(program_end - program));
	pico_enter_user(&c);
}

static void toy_first(const struct dk_boot *boot)
{
	struct toy_state *s = arena_alloc(sizeof *s);
	struct toy_process *p;

	(void)boot;
	ASSERT(s != NULL);
	arena_root()->provider_root[PICO_PROVIDER_TOY] = s;
	waitq_init(&s->ended);
	s->kproc = toy_new();
	p = toy_new();
	ASSERT(pico_start_kproc(&s->kproc->process) == DK_OK);
	pico_become(&p->thread);
	toy_start(&p->thread);
}

static void toy_kproc(const struct dk_boot *boot)
{
	struct toy_state *s = state();
	uint64_t t0 = pico_now();
	long err;

	(void)boot;
	pico_become(&s->kproc->thread);
	{
		struct waiter *w = waiter_self(0);

		waitq_add(&s->ended, w);
		for (err = 0; atomic_load(&s->live) != 1 && err == 0;)
			(void)pico_wait(DK_FOREVER, 0);
		waitq_remove(&s->ended, w);
	}
	log_line(DK_LOG_WARNING, "toy: sum %u, %lu ns a call", atomic_load(&s->sum), (unsigned long)((pico_now() - t0) / LOOPS));
	pico_exit_process(atomic_load(&s->sum) == 1001 ? 0 : 1);
}

static const struct pico_provider toy = {
	.size = sizeof(struct pico_provider),
	.id = PICO_PROVIDER_TOY,
	.name = "toy",
	.first_main = toy_first,
	.kproc_main = toy_kproc,
	.process_start = toy_start,
	.dispatch_syscall = toy_syscall,
	.dispatch_exception = toy_exception,
	.return_to_user = toy_return,
	.thread_start = toy_thread_start,
};

static void toy_initialize(const struct dk_boot *boot)
{
	pico_register(&toy);
	pico_initialize_entry(boot);
}

extern char pico_restart_begin[], pico_restart_end[], pico_restart[];
extern char pico_uaccess_begin[], pico_uaccess_end[], pico_uaccess_fixup[];
extern const struct dk_image linux_image;
__attribute__((section(".image"), used)) const struct dk_image linux_image = {
	.magic = DK_IMAGE_MAGIC,
	.version = DK_IMAGE_VERSION,
	.initialize = toy_initialize,
	.thread_start = pico_thread_entry,
	.exception = pico_exception,
	.uaccess_begin = (uint64_t)pico_uaccess_begin,
	.uaccess_end = (uint64_t)pico_uaccess_end,
	.uaccess_fixup = (uint64_t)pico_uaccess_fixup,
	.restart_begin = (uint64_t)pico_restart_begin,
	.restart_end = (uint64_t)pico_restart_end,
	.restart_to = (uint64_t)pico_restart,
};
