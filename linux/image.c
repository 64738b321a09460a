/* SPDX-License-Identifier: MIT */
/*
 * linux/image.c - what pal finds at the start of linux.img, and the provider table
 * that registers the Linux personality with pico.
 */
#include "linux/boot.h"
#include "linux/entry.h"
#include "linux/proc/proc.h"
#include "linux/proc/remote.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"

/* pico/syscall_x86_64.S, pico/uaccess_x86_64.S */
extern char pico_restart_begin[], pico_restart_end[], pico_restart[], pico_leaf_begin[], pico_leaf_end[];
extern char pico_uaccess_begin[], pico_uaccess_end[], pico_uaccess_fixup[];
void pico_initialize_entry(const struct dk_boot *boot);
void pico_thread_entry(uint64_t parameter);
void pico_exception(const struct dk_exception *e, struct dk_context *c);

static const struct pico_provider linux_provider = {
	.size = sizeof(struct pico_provider),
	.id = PICO_PROVIDER_LINUX,
	.name = "linux",
	.first_main = lx_first_main,
	.kproc_main = lx_kproc_main,
	.process_start = lx_process_start,
	.dispatch_syscall = lx_dispatch_syscall,
	.dispatch_exception = sig_dispatch_exception,
	.return_to_user = lx_return_to_user,
	.thread_start = lx_thread_started,
	.process_died = lx_process_died,
	.wake = lx_wake,
	.lock_stalled = kproc_lock_stalled,
	.interrupted = lx_interrupted,
};

/* pal's first call of this image.  It may be at the very top of the stack, where the guest's
   frame will be: pico's entry starts again below it. */
static void linux_initialize(const struct dk_boot *boot)
{
	pico_register(&linux_provider);
	pico_initialize_entry(boot);
}

extern const struct dk_image linux_image;
__attribute__((section(".image"), used)) const struct dk_image linux_image = {
	.magic = DK_IMAGE_MAGIC,
	.version = DK_IMAGE_VERSION,
	.initialize = linux_initialize,
	.thread_start = pico_thread_entry,
	.exception = pico_exception,
	.uaccess_begin = (uint64_t)pico_uaccess_begin,
	.uaccess_end = (uint64_t)pico_uaccess_end,
	.uaccess_fixup = (uint64_t)pico_uaccess_fixup,
	.restart_begin = (uint64_t)pico_restart_begin,
	.restart_end = (uint64_t)pico_restart_end,
	.restart_to = (uint64_t)pico_restart,
	.leaf_begin = (uint64_t)pico_leaf_begin,
	.leaf_end = (uint64_t)pico_leaf_end,
};
