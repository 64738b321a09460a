/* SPDX-License-Identifier: MIT */
/*
 * abi/dk_boot.h - what pal hands to an extension or personality at start, what
 * an image shows pal, and the thread block both know.
 */
#ifndef ABI_DK_BOOT_H
#define ABI_DK_BOOT_H

#include "abi/dk_types.h"

struct dk_table;

/*
 * A thread's block, the last page of its slot.  The owner of GS (Linux guests) or
 * FS (Windows guests) base points to it while the thread lives.
 */
struct dk_tb {
	struct dk_tb *self;
	uint64_t kstack_top;      /* of the library-OS stack; entry code switches to it */
	uint64_t user_rsp;        /* scratch of the entry code */
	uint64_t syscall_entry;   /* where patched call sites jump, by %gs:24 */
	volatile uint32_t work;   /* not 0: take the slow way out to the guest.  Set by pal when
	                             DkThreadRaiseException reached this thread, and by the owner */
	uint32_t pad;
	void *libos;              /* the library OS's current thread; its own to use */
	uint64_t scratch[10];     /* the library OS's own */
	uint64_t pal[64];         /* pal's own */
};
_Static_assert(offsetof(struct dk_tb, kstack_top) == TB_KSTACK_TOP, "tb");
_Static_assert(offsetof(struct dk_tb, user_rsp) == TB_USER_RSP, "tb");
_Static_assert(offsetof(struct dk_tb, syscall_entry) == TB_SYSCALL_ENTRY, "tb");
_Static_assert(offsetof(struct dk_tb, work) == TB_WORK, "tb");
_Static_assert(offsetof(struct dk_tb, libos) == TB_LIBOS, "tb");
_Static_assert(offsetof(struct dk_tb, scratch) == TB_SCRATCH, "tb");
_Static_assert(sizeof(struct dk_context) == CTX_SIZE, "context");
_Static_assert(offsetof(struct dk_context, rip) == CTX_RIP, "context");

/*
 * FIRST boots the sandbox and runs its first program; KPROC is the helper that DK_PROCESS_KPROC
 * starts, once, when there is something that no particular guest process can do.
 */
enum dk_role { DK_ROLE_KPROC, DK_ROLE_GUEST, DK_ROLE_BARE, DK_ROLE_FIRST };

/* First argument of LibOsInitialize.  Lies in pal's memory for the picoprocess's life. */
struct dk_boot {
	uint32_t version, size;
	const struct dk_table *table; /* as the topmost extension hands it up */
	struct dk_tb *tb;             /* the first thread's */
	uint32_t role;                /* enum dk_role */
	uint32_t ncpus;
	uint64_t parameter;           /* what DkProcessCreate was given; 0 in kproc and the first */
	dk_handle process, thread;    /* own */
	dk_handle deaths;             /* kproc: reads give struct dk_death */
	dk_handle arena_data;         /* shm stream for DkStreamMap of arena-data pages */
	const char *config;           /* the first: settings, records ended by NUL, an empty one last */
	uint64_t config_size;
	uint64_t memory_limit;        /* bytes, UINT64_MAX = none */
	uint64_t memory_watched;      /* 1: what is really used counts, and kproc is told when it is too much (DK_DEATH_MEMORY) */
	uint64_t host_vdso;           /* address of the moved vdso's ELF header, 0 = none */
	uint64_t cpu_features;        /* the host's AT_HWCAP: asking the CPU leaves a virtual machine */
	uint64_t signal_frame;        /* bytes of stack that a signal frame of the host's may take */
	uint64_t pids_limit;
	uint64_t cpu_quota;           /* thousandths of a CPU, 0 = all */
	char trace[64];               /* "lx,dk": what to trace, for personality and extensions */
};
#define DK_BOOT_VERSION 1u

/*
 * First bytes of each image's lowest segment, at its link address.
 *
 * uaccess_*: a fault at an instruction in [begin,end) resumes at fixup; so all
 * guest memory access is there and cannot crash.  restart_*: a kick that finds a
 * thread in [begin,end) resumes it at restart_to: the last check of tb->work and
 * the return to the guest are in that range, so no kick is lost.
 *
 * leaf_*: answers to system calls that change nothing but eax and r11, on the guest's stack.  A kick that
 * finds a thread in [begin,end) is as if it had come before the call, rcx - 2; at end, as if
 * behind it, rcx.
 */
struct dk_image {
	uint64_t magic; /* DK_IMAGE_MAGIC */
	uint32_t version, flags;
	/* Personality.  None of the three returns. */
	void (*initialize)(const struct dk_boot *boot);                                /* LibOsInitialize */
	void (*thread_start)(uint64_t parameter);                                      /* LibOsThreadStart */
	void (*exception)(const struct dk_exception *e, struct dk_context *c);         /* LibOsExceptionDispatch */
	/* Extension: given the table below, returns the one to hand up; NULL = refuse. */
	const struct dk_table *(*attach)(const struct dk_table *below, const struct dk_boot *boot, const char *arg);
	uint64_t uaccess_begin, uaccess_end, uaccess_fixup;
	uint64_t restart_begin, restart_end, restart_to;
	uint64_t leaf_begin, leaf_end; /* both 0: there is none */
};
#define DK_IMAGE_MAGIC   0x31676d694b44ull /* "DKimg1" */
#define DK_IMAGE_VERSION 1u

#endif
