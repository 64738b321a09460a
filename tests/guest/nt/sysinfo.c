/* SPDX-License-Identifier: MIT */
/* What programs ask about the system and themselves: versions, paths, users, memory, processors. */
/* wine: a process has no handles by its count. */
#include "t.h"

#include <psapi.h>
/* libs: -lpsapi */

int main(void)
{
	SYSTEM_INFO si;
	MEMORYSTATUSEX m = { .dwLength = sizeof m };
	RTL_OSVERSIONINFOEXW v = { .dwOSVersionInfoSize = sizeof v };
	OSVERSIONINFOA old = { .dwOSVersionInfoSize = sizeof old };
	PROCESS_MEMORY_COUNTERS p;
	char text[MAX_PATH], text2[MAX_PATH];
	DWORD n, handles = 0;
	LONG (WINAPI *version)(void *) = t_nt("RtlGetVersion");
	FILETIME a, b, c, d;

	t_start();
	version(&v);
	printf("version %lu.%lu, at least 10240: %d, platform %lu, type %d\n", v.dwMajorVersion, v.dwMinorVersion, v.dwBuildNumber >= 10240, v.dwPlatformId, v.wProductType);
	GetVersionExA(&old);
	NUM(old.dwPlatformId);
	GetNativeSystemInfo(&si);
	printf("architecture %d, processors %d, mask %d\n", si.wProcessorArchitecture, si.dwNumberOfProcessors >= 1, (si.dwActiveProcessorMask & 1) == 1);
	OK(GlobalMemoryStatusEx(&m));
	printf("memory %d\n", m.ullTotalPhys > 16 << 20 && m.ullAvailPhys <= m.ullTotalPhys && m.ullTotalVirtual > 0x7fff00000000ull);
	GetWindowsDirectoryA(text, sizeof text);
	puts(_strlwr(text));
	GetSystemDirectoryA(text, sizeof text);
	puts(_strlwr(text));
	n = GetTempPathA(sizeof text, text);
	printf("temp %d\n", n > 3 && text[n - 1] == '\\' && GetFileAttributesA(text) != INVALID_FILE_ATTRIBUTES && (GetFileAttributesA(text) & FILE_ATTRIBUTE_DIRECTORY));
	NUM(GetTempFileNameA(text, "bai", 0, text2) != 0);
	OK(DeleteFileA(text2));
	n = sizeof text;
	OK(GetComputerNameA(text, &n));
	NUM(n > 0);
	n = sizeof text;
	OK(GetUserNameA(text, &n));
	NUM(n > 1);
	NUM(GetModuleFileNameA(0, text, sizeof text) > 3);
	printf("%s\n", strrchr(text, '\\') + 1);
	NUM(GetFileAttributesA(text) != INVALID_FILE_ATTRIBUTES);
	NUM(GetModuleHandleA("KERNEL32") == GetModuleHandleA("kernel32.dll"));
	NUM(GetDriveTypeA("C:\\"));
	NUM((GetLogicalDrives() >> 2) & 1);
	OK(GetVolumeInformationA("C:\\", 0, 0, 0, &n, 0, text, sizeof text));
	NUM(n);
	ULARGE_INTEGER free, total;
	OK(GetDiskFreeSpaceExA(".", &free, &total, 0));
	NUM(total.QuadPart >= free.QuadPart && total.QuadPart > 0);
	OK(GetProcessTimes(GetCurrentProcess(), &a, &b, &c, &d));
	NUM(a.dwHighDateTime > 0x01d00000);
	OK(GetProcessMemoryInfo(GetCurrentProcess(), &p, sizeof p));
	NUM(p.WorkingSetSize > 0);
	OK(GetProcessHandleCount(GetCurrentProcess(), &handles));
	NUM(handles > 0);
	NUM(GetPriorityClass(GetCurrentProcess()));
	DWORD_PTR mask, all;
	OK(GetProcessAffinityMask(GetCurrentProcess(), &mask, &all));
	NUM(mask && (mask & ~all) == 0);
	NUM(IsProcessorFeaturePresent(PF_XMMI64_INSTRUCTIONS_AVAILABLE));
	NUM(IsProcessorFeaturePresent(PF_COMPARE_EXCHANGE128));
	NUM(IsDebuggerPresent());
	NUM(GetACP());
	NUM(GetUserDefaultLCID());
	BOOL wow = 5;
	OK(IsWow64Process(GetCurrentProcess(), &wow));
	NUM(wow);
	NUM(GetCurrentProcessId() % 4);
	NUM(GetLargePageMinimum());
	return 0;
}
