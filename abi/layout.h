/* SPDX-License-Identifier: MIT */
/*
 * abi/layout.h - where things lie in a picoprocess's address space.
 *
 * Everything of ours lies in one window, BAILEY_LOW..BAILEY_HIGH, so that "is
 * this instruction ours?" and "may a guest map here?" are one comparison each.
 * The guest has all below and all above.  docs/design/02-memory-map.md tells how
 * the places were chosen.  The constants are shared with assembly and linker
 * scripts: plain numbers only.
 */
#ifndef ABI_LAYOUT_H
#define ABI_LAYOUT_H

#define GUEST_LOW         0x000000010000
#define BAILEY_LOW        0x680000000000

#define PAL_BASE          0x680000000000 /* ET_EXEC; the range is a constant in the filter */
#define PAL_SIZE          0x000000100000
#define VDSO_BASE         0x680000100000 /* the host's vvar and vdso, moved here: one page table with pal's */
#define VDSO_SIZE         0x000000100000
#define PALSHARED_BASE    0x680000200000 /* pal's own shared area: threads, events, handles */
#define PALSHARED_SIZE    0x000001000000
#define EXT_BASE          0x680010000000 /* 16 slots, one extension image each */
#define EXT_SLOT_SIZE     0x000001000000
#define EXT_SLOTS         16
#define LINUX_BASE        0x680020000000
#define NT_BASE           0x680030000000
#define IMAGE_SIZE        0x000010000000 /* room of a personality image */
#define CONFIG_BASE       0x680040200000 /* kproc only: the sandbox's settings, read-only */
#define CONFIG_SIZE       0x000000800000
#define SLOTS_BASE        0x680100000000 /* thread slots of this address space */
#define SLOT_SIZE         0x10000
#define SLOT_COUNT        65536
/* Inside a slot: guard 4K | library-OS stack 36K | guard 4K | alternate stack 16K | thread block 4K. */
#define SLOT_KSTACK       0x1000
#define SLOT_KSTACK_TOP   0xa000
#define SLOT_ALTSTACK     0xb000
#define SLOT_ALTSTACK_TOP 0xf000
#define SLOT_TB           0xf000
#define HEAP_BASE         0x681000000000 /* private library-OS heap */
#define HEAP_SIZE         0x001000000000
#define ARENA_BASE        0x684000000000 /* kernel objects, shared by the sandbox */
#define ARENA_SIZE        0x001000000000
#define WINDOWS_BASE      0x688000000000 /* mappings of host files, for reading */
#define WINDOWS_SIZE      0x008000000000
#define DATA_BASE         0x690000000000 /* arena-data: pages of tmpfs, shm, pipes */
#define DATA_SIZE         0x010000000000
#define BAILEY_HIGH       0x6a0000000000
#define GUEST_HIGH        0x7ffffffef000 /* first address a guest cannot have */

#define ARENA_TRACING     0x684000000018 /* struct arena_root's tracing, for assembly; asserted in pico/internal.h */

/* Offsets in struct dk_tb, for assembly; asserted in abi/dk_boot.h. */
#define TB_SELF           0
#define TB_KSTACK_TOP     8
#define TB_USER_RSP       16
#define TB_SYSCALL_ENTRY  24
#define TB_WORK           32
#define TB_LIBOS          40
#define TB_SCRATCH        48
#define TB_PROCESS        72 /* scratch[3]: the current thread's process */
#define TB_GUEST_GS       120 /* scratch[9]: the guest's own GS base, which FS is ours for while it runs; 0 = GS is ours always */
#define TB_CPUID_ENTRY    56 /* scratch[1]: the library OS's place for changed CPUIDs */

/* Offsets in struct dk_context; the order is Linux's pt_regs. */
#define CTX_R15    0
#define CTX_R14    8
#define CTX_R13    16
#define CTX_R12    24
#define CTX_RBP    32
#define CTX_RBX    40
#define CTX_R11    48
#define CTX_R10    56
#define CTX_R9     64
#define CTX_R8     72
#define CTX_RAX    80
#define CTX_RCX    88
#define CTX_RDX    96
#define CTX_RSI    104
#define CTX_RDI    112
#define CTX_ORIG_RAX 120
#define CTX_RIP    128
#define CTX_CS     136
#define CTX_RFLAGS 144
#define CTX_RSP    152
#define CTX_SS     160
#define CTX_SIZE   168

#endif
