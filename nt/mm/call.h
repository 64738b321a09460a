/* SPDX-License-Identifier: MIT */
/* nt/mm/call.h - arguments that several of nt/mm's calls have. */
#ifndef NT_MM_CALL_H
#define NT_MM_CALL_H

#include "nt/mm/mm_int.h"

/* PVOID *BaseAddress, SIZE_T *RegionSize. */
NTSTATUS mm_range_in(struct mm_op *op, uint64_t address_va, uint64_t size_va);
NTSTATUS mm_range_out(const struct mm_op *op, uint64_t address_va, uint64_t size_va);
/* MEM_EXTENDED_PARAMETER's; *required: the address has requirements. */
NTSTATUS mm_parameters_in(uint64_t va, uint32_t count, struct nt_place *where, bool *required);
#endif
