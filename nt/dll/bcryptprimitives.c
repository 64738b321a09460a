/* SPDX-License-Identifier: MIT */
/*
 * nt/dll/bcryptprimitives.c - bcryptprimitives.dll, which Wine 8.0 lacks: Go's and Rust's programs take random numbers from it.
 *
 * As documented: ProcessPrng fills the buffer and always succeeds.
 */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size)
{
	while (size > 0) {
		ULONG some = size > 0x10000000 ? 0x10000000 : (ULONG)size;

		if (!RtlGenRandom(data, some))
			__builtin_trap();
		data += some;
		size -= some;
	}
	return TRUE;
}

BOOL WINAPI DllMainCRTStartup(HINSTANCE dll, DWORD reason, LPVOID reserved)
{
	(void)dll; (void)reason; (void)reserved;
	return TRUE;
}
