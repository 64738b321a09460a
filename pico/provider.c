/* SPDX-License-Identifier: MIT */
/*
 * pico/provider.c - registration, start, and what comes up from pal.
 *
 * A picoprocess starts in pico_initialize (through the assembly entry, on its
 * library-OS stack), which makes or attaches the arena and hands over to the provider: as
 * the first, as kproc, or as the thread that pico_create_process was given.  Traps and faults
 * come to pico_exception with the guest's registers already in the thread's frame
 * and leave by pico_restart, the full way to the guest.
 */

#include "abi/dk_boot.h"
#include "pico/internal.h"
#include "rt/mem.h"

#define TRAPNO_GP 13

const struct dk_table *dk;
const struct dk_boot *pico_boot_block;
const struct pico_provider *pico_provider;
uint32_t pico_leaf[PICO_LEAFS];
void (*pico_dispatch)(struct pico_thread *t, struct dk_context *c);

void pico_register(const struct pico_provider *provider)
{
	if (provider->size != sizeof *provider || provider->id >= PICO_PROVIDERS)
		panic("provider %s was built for another pico", provider->name);
	pico_provider = provider;
	pico_dispatch = provider->dispatch_syscall;
}

/* The monitor may have started kproc, for a signal that came early. */
static void wait_for_arena(void)
{
	for (unsigned ms = 0; ms < 10000 && !__atomic_load_n(&arena_root()->ready, __ATOMIC_ACQUIRE); ms++)
		(void)DkThreadDelayExecution(1000000);
}

void pico_boot(const struct dk_boot *boot)
{
	struct pico_thread *t;

	dk = boot->table;
	pico_boot_block = boot;
	set_entries(pico_tb());
	pico_tb()->scratch[TB_OWN_THREAD] = boot->thread;
	heap_boot();
	if (boot->role == DK_ROLE_FIRST) {
		arena_make(boot->memory_limit == UINT64_MAX ? UINT64_MAX / 2 : boot->memory_limit >> PAGE_SHIFT,
			boot->memory_limit == UINT64_MAX || boot->memory_watched);
		patch_boot(true);
		pico_provider->first_main(boot);
		panic("first_main came back");
	}
	if (boot->role == DK_ROLE_KPROC)
		wait_for_arena();
	arena_attach();
	patch_boot(false);
	if (boot->role == DK_ROLE_KPROC) {
		pico_provider->kproc_main(boot);
		panic("kproc_main came back");
	}
	t = (struct pico_thread *)boot->parameter;
	if (boot->parameter < ARENA_BASE || boot->parameter + sizeof *t > ARENA_BASE + ARENA_SIZE)
		panic("a picoprocess was started with parameter 0x%lx", (unsigned long)boot->parameter);
	t->process->process = boot->process;
	pico_become(t);
	pico_provider->process_start(t);
	panic("process_start came back");
}

void pico_initialize(const struct dk_boot *boot)
{
	pico_boot(boot);
}

static void fault_of_guest(struct pico_thread *t, const struct dk_exception *e, struct dk_context *c)
{
	c->orig_rax = UINT64_MAX;
	pico_provider->dispatch_exception(t, e, c);
}

/* An instruction that the CPU has not, or that a user has no right to. */
static bool refused(const struct dk_exception *e)
{
	return e->kind == DK_EXC_ILLEGAL || (e->kind == DK_EXC_MEMORY && e->trapno == TRAPNO_GP);
}

void pico_exception(const struct dk_exception *e, struct dk_context *c)
{
	struct pico_thread *t = pico_current();

	t->frame = c;
	if (UNLIKELY(refused(e)) && patch_fault(c))
		pico_restart();
	switch (e->kind) {
	case DK_EXC_SYSCALL:
		atomic_fetch_add_explicit(&arena_root()->traps, 1, memory_order_relaxed);
		c->rcx = c->rip;
		c->r11 = c->rflags;
		patch_trap(e->call_site);
		pico_dispatch(t, c);
		break;
	case DK_EXC_SYSCALL_FOREIGN:
		c->rax = (uint64_t)-38; /* ENOSYS, in any personality that such a call could mean */
		break;
	case DK_EXC_INTERRUPT:
		c->rip = pico_guest_rip(c->rip);
		c->orig_rax = UINT64_MAX;
		pico_tb()->work = 1;
		break;
	default:
		if (e->kind == DK_EXC_STEP && pico_guest_rip(c->rip) != c->rip)
			pico_text_restore(pico_guest_rip(c->rip)); /* a guest that steps itself would come to our jump for ever */
		c->rip = pico_guest_rip(c->rip);
		fault_of_guest(t, e, c);
		break;
	}
	pico_restart();
}

/* A return address that iretq could not load would be a fault of ours: make it the guest's. */
static void refuse_wild_rip(struct pico_thread *t, struct dk_context *c)
{
	struct dk_exception e = { .kind = DK_EXC_MEMORY, .address = c->rip, .signo = 11, .trapno = TRAPNO_GP };

	for (int i = 0; i < 4 && c->rip >> 47 != 0; i++)
		fault_of_guest(t, &e, c);
	if (c->rip >> 47 != 0)
		c->rip = 0;
}

void pico_return_work(struct pico_thread *t, struct dk_context *c)
{
	struct dk_tb *tb = pico_tb();

	t->frame = c;
	do {
		while (tb->work) {
			tb->work = 0;
			atomic_signal_fence(memory_order_seq_cst);
			pico_provider->return_to_user(t, c);
		}
		if (UNLIKELY(c->rip >> 47 != 0))
			refuse_wild_rip(t, c);
		c->rip = patch_return(c->rip);
	} while (tb->work);
	if (UNLIKELY(atomic_load_explicit(&t->held, memory_order_relaxed) != 0))
		panic("return to the guest with %u locks held", atomic_load_explicit(&t->held, memory_order_relaxed));
}

struct dk_context *pico_frame(void)
{
	return (struct dk_context *)(pico_tb()->kstack_top - CTX_SIZE);
}

void pico_enter_user(const struct dk_context *c)
{
	struct dk_context *frame = pico_frame();

	if (c != frame)
		memmove(frame, c, sizeof *frame);
	pico_restart();
}
