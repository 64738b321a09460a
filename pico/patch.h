/* SPDX-License-Identifier: MIT */
/*
 * pico/patch.h - turning trapped `syscall` instructions into jumps.
 *
 * The personality tells what it maps with PROT_EXEC; a trap in such a range makes
 * pico replace the page (DkStreamMap of a changed copy over it, never a write to
 * text), with all plain sites `b8 imm32 0f 05` (imm < 512) of that page done in one go.
 * Stubs lie in PICO_STUB_ROOM bytes that the personality keeps free directly
 * below each file mapping that may hold text, so that changed pages are position-
 * independent and can be remembered for the sandbox's next process.  What cannot be
 * patched keeps trapping and stays correct.  MAP_SHARED text is never patched.
 */
#ifndef PICO_PATCH_H
#define PICO_PATCH_H

#include "abi/cpuid.h"
#include "pico/pico.h"

#define PICO_STUB_ROOM 0x10000u

/* Which file a text mapping shows: host device and inode with change time, or 0 = unknown
   (anonymous, or a file that may still change): patched privately, not remembered. */
struct text_id {
	uint64_t device, inode, generation;
};

/*
 * [start,end) of the file, from offset on, is now mapped executable, privately.
 * room is where the stub block for this file may go (PICO_STUB_ROOM bytes the
 * personality keeps free for as long as anything of the file is mapped), 0 = none.
 * Caller holds its mm lock.
 */
void pico_text_mapped(uint64_t start, uint64_t end, const struct text_id *id, uint64_t offset, uint64_t room);
/* The range is unmapped, remapped or made non-executable: forget sites in it. */
void pico_text_unmapped(uint64_t start, uint64_t end);
/* Everything is gone (execve in place). */
void pico_text_reset(void);
/* Changes at once the plan's CPUIDs in the text just mapped at [start,end), of the plan's file (pico/patch_cpuid.h). */
void pico_text_prepare(uint64_t start, uint64_t end, const struct cpuid_plan *plan);
/* A rip inside a stub -> the guest's own address for it; others unchanged. */
uint64_t pico_guest_rip(uint64_t rip);

/*
 * For debuggers (patch_trace.c), about the calling picoprocess's text.  A rip as a tracer is to
 * see it: as pico_guest_rip, and a return address in a stub -> behind the site's syscall; a
 * thread may go on from there.
 */
uint64_t pico_trace_rip(uint64_t rip);
/* bytes holds size bytes of memory from address on: puts in what was there before patching. */
void pico_text_show(uint64_t address, void *bytes, uint64_t size);
/* Somebody will write to address, or step through it: its page becomes what it was, and is left
   so until it is unmapped. */
void pico_text_restore(uint64_t address);
#endif
