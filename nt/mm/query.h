/* SPDX-License-Identifier: MIT */
/* nt/mm/query.h - what NtQueryVirtualMemory answers, as guests lay it out. */
#ifndef NT_MM_QUERY_H
#define NT_MM_QUERY_H

#include "nt/mm/mm.h"

enum { MemoryBasicInformation, MemoryWorkingSetInformation, MemoryMappedFilenameInformation, MemoryRegionInformation,
	MemoryWorkingSetExInformation, MemorySharedCommitInformation, MemoryImageInformation,
	MemoryWineUnixFuncs = 1000, MemoryWineUnixWow64Funcs };

struct MEMORY_BASIC_INFORMATION {
	uint64_t BaseAddress, AllocationBase;
	uint32_t AllocationProtect;
	uint16_t PartitionId, pad;
	uint64_t RegionSize;
	uint32_t State, Protect, Type, pad2;
};
_Static_assert(sizeof(struct MEMORY_BASIC_INFORMATION) == 48, "MEMORY_BASIC_INFORMATION");

struct MEMORY_REGION_INFORMATION {
	uint64_t AllocationBase;
	uint32_t AllocationProtect, RegionType;
	uint64_t RegionSize, CommitSize, PartitionId, NodePreference;
};
/* RegionType.  Private memory and pages have no bit. */
#define REGION_MAPPED_FILE    2u
#define REGION_MAPPED_IMAGE   4u
#define REGION_PLACEHOLDER    0x100u

struct MEMORY_WORKING_SET_EX_INFORMATION {
	uint64_t VirtualAddress, Attributes;
};
#define WORKING_SET_VALID     1u
#define WORKING_SET_SHARE_COUNT_SHIFT 1
#define WORKING_SET_PROTECTION_SHIFT  4
#define WORKING_SET_SHARED    (1u << 15)

struct MEMORY_IMAGE_INFORMATION {
	uint64_t ImageBase, SizeOfImage;
	uint32_t ImageFlags, pad;
};

/* query.c.  STATUS_INVALID_PARAMETER: no such address. */
NTSTATUS nt_mm_basic(struct nt_mm *mm, uint64_t address, struct MEMORY_BASIC_INFORMATION *out);
/* STATUS_INVALID_ADDRESS: free. */
NTSTATUS nt_mm_region(struct nt_mm *mm, uint64_t address, struct MEMORY_REGION_INFORMATION *out);
void nt_mm_page(struct nt_mm *mm, struct MEMORY_WORKING_SET_EX_INFORMATION *page);
/* What is at an address: type MEM_*, 0 if it is free; an image's or file's; its section with a reference of the caller's, NULL
   if there is none (the program and ntdll have none). */
struct nt_shown {
	uint32_t type;
	bool is_file;
	uint64_t base, size;
	struct nt_section *section;
};
void nt_mm_shown_at(struct nt_mm *mm, uint64_t address, struct nt_shown *out);
#endif
