/* SPDX-License-Identifier: MIT */
/* Libraries: load, find, forwarders, free, what is missing, resources of this program, addresses to modules. */
/* wine: 8.0 has no bcryptprimitives.dll; Bailey brings its own. */
#include "t.h"

static const char *const dlls[] = { "advapi32", "bcrypt", "combase", "crypt32", "dbghelp", "gdi32", "iphlpapi", "msvcrt", "netapi32", "ntdll", "ole32", "oleaut32", "psapi", "rpcrt4", "secur32",
	"shell32", "shlwapi", "ucrtbase", "user32", "userenv", "vcruntime140", "version", "winmm", "ws2_32", "bcryptprimitives", "api-ms-win-core-synch-l1-2-0.dll", "api-ms-win-crt-runtime-l1-1-0.dll" };

int main(void)
{
	HMODULE m, again;
	char name[MAX_PATH], *p;
	MEMORY_BASIC_INFORMATION info;

	t_start();
	for (unsigned i = 0; i < sizeof dlls / sizeof *dlls; i++) {
		SetLastError(0);
		m = LoadLibraryA(dlls[i]);
		printf("%s: %s, error %lu\n", dlls[i], m ? "loaded" : "missing", m ? 0 : GetLastError());
	}
	OK(LoadLibraryA("no such library") != 0);
	OK(GetModuleHandleA("no such library") != 0);
	m = LoadLibraryA("version.dll");
	again = LoadLibraryA("C:\\windows\\SYSTEM32\\VERSION.dll");
	NUM(m == again);
	GetModuleFileNameA(m, name, sizeof name);
	puts(_strlwr(name));
	OK(GetProcAddress(m, "GetFileVersionInfoA") != 0);
	OK(GetProcAddress(m, "NoSuchFunction") != 0);
	NUM(GetProcAddress(GetModuleHandleA("kernel32"), "HeapAlloc") == GetProcAddress(GetModuleHandleA("ntdll"), "RtlAllocateHeap"));
	OK(GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (const char *)main, &again));
	NUM(again == GetModuleHandleA(0));
	p = (char *)GetProcAddress(GetModuleHandleA("kernel32"), "GetTickCount");
	VirtualQuery(p, &info, sizeof info);
	printf("type %#lx, protect %#lx, base %d\n", info.Type, info.Protect, info.AllocationBase == GetModuleHandleA("kernel32"));
	m = LoadLibraryExA("shell32.dll", 0, LOAD_LIBRARY_AS_DATAFILE);
	OK(m != 0);
	NUM((ULONG_PTR)m & 3);
	OK(FreeLibrary(m));
	OK(FreeLibrary((HMODULE)0x12340000));
	m = GetModuleHandleA("ws2_32");
	GetModuleFileNameA(m, name, sizeof name);
	puts(_strlwr(name));
	NUM(GetProcAddress(m, "setsockopt") == GetProcAddress(m, (char *)21));
	NUM(GetProcAddress(m, "WSAStartup") == GetProcAddress(m, (char *)115));
	OK(GetProcAddress(m, "__WSAFDIsSet") == GetProcAddress(m, (char *)151));
	DWORD size = GetFileVersionInfoSizeA("kernel32.dll", &size);
	NUM(size > 100);
	NUM(GetFileVersionInfoSizeA("ws2_32.dll", &size) > 100);
	return 0;
}
/* libs: -lversion */
