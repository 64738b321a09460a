/* SPDX-License-Identifier: MIT */
/* nt/dll/conhost.c - conhost.exe, which kernelbase.dll starts for a new console: there the kernel itself is the host. */
#include <windows.h>

void start(void)
{
	ExitProcess(0);
}
