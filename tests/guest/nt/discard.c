/* SPDX-License-Identifier: MIT */
/* A function of Windows that Wine's DLLs lack and programs import: the program has it nevertheless. */
/* wine: 8.0 ends the program there. */
#include "t.h"

DWORD WINAPI DiscardVirtualMemory(PVOID address, SIZE_T size);

int main(void)
{
	char *p = VirtualAlloc(NULL, 0x10000, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);

	t_start();
	memset(p, 1, 0x10000);
	NUM(DiscardVirtualMemory(p, 0x10000));
	memset(p, 2, 0x10000);
	NUM(p[0xffff]);
	return 0;
}
