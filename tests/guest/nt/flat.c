/* SPDX-License-Identifier: MIT */
/* Images whose sections are aligned to less than a page lie in memory as in their file; an entry point may lie anywhere until it is called. */
/* wine: it takes alignments that are no power of two. */
#include "t.h"

static struct {
	IMAGE_DOS_HEADER dos;
	IMAGE_NT_HEADERS64 nt;
	IMAGE_SECTION_HEADER section;
	char pad[0x200 - sizeof(IMAGE_DOS_HEADER) - sizeof(IMAGE_NT_HEADERS64) - sizeof(IMAGE_SECTION_HEADER)];
	char data[0x100];
} f;

static void make(DWORD section_alignment, DWORD file_alignment, DWORD va)
{
	memset(&f, 0, sizeof f);
	f.dos.e_magic = IMAGE_DOS_SIGNATURE;
	f.dos.e_lfanew = sizeof f.dos;
	f.nt.Signature = IMAGE_NT_SIGNATURE;
	f.nt.FileHeader = (IMAGE_FILE_HEADER){ .Machine = IMAGE_FILE_MACHINE_AMD64, .NumberOfSections = 1, .SizeOfOptionalHeader = sizeof f.nt.OptionalHeader,
		.Characteristics = IMAGE_FILE_EXECUTABLE_IMAGE | IMAGE_FILE_DLL };
	f.nt.OptionalHeader = (IMAGE_OPTIONAL_HEADER64){ .Magic = IMAGE_NT_OPTIONAL_HDR64_MAGIC, .ImageBase = 0x20000000, .SectionAlignment = section_alignment,
		.FileAlignment = file_alignment, .MajorSubsystemVersion = 5, .SizeOfImage = 0x2800, .SizeOfHeaders = 0x200, .Subsystem = IMAGE_SUBSYSTEM_WINDOWS_CUI,
		.NumberOfRvaAndSizes = IMAGE_NUMBEROF_DIRECTORY_ENTRIES };
	f.section = (IMAGE_SECTION_HEADER){ .Name = ".data", .Misc.VirtualSize = sizeof f.data, .VirtualAddress = va, .SizeOfRawData = sizeof f.data, .PointerToRawData = 0x200,
		.Characteristics = IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ };
	strcpy(f.data, "bytes of the file");
}

static HMODULE load(void)
{
	HANDLE h = CreateFileA("flat.dll", GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
	DWORD done;

	WriteFile(h, &f, sizeof f, &done, NULL);
	CloseHandle(h);
	SetLastError(0);
	return LoadLibraryExA("flat.dll", NULL, DONT_RESOLVE_DLL_REFERENCES);
}

static void show(HMODULE m, DWORD va)
{
	MEMORY_BASIC_INFORMATION i;

	if (m == NULL) {
		printf("error %lu\n", GetLastError());
		return;
	}
	VirtualQuery((char *)m + va, &i, sizeof i);
	printf("\"%s\" at +%#lx of %#zx bytes, protection %#lx\n", (char *)m + va, va - (DWORD)((char *)i.BaseAddress - (char *)m), i.RegionSize, i.Protect);
	FreeLibrary(m);
}

int main(void)
{
	HMODULE m;

	t_start();
	make(0x200, 0x200, 0x200);
	m = load();
	if (m != NULL) {
		char *end = (char *)m + 0x2000;

		end[5] = 'x'; /* behind the file: zeros, which can be written */
		printf("%d %c\n", end[4], end[5]);
	}
	show(m, 0x200);
	make(0x200, 0x200, 0x400); /* elsewhere than in the file */
	show(load(), 0x400);
	make(0x200, 0x1000, 0x200);
	show(load(), 0x200);
	make(0x300, 0x300, 0x200);
	show(load(), 0x200);
	make(0x1000, 0x200, 0x1000);
	f.nt.OptionalHeader.AddressOfEntryPoint = 0x12345678;
	show(load(), 0x1000);
	return 0;
}
