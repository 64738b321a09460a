/* SPDX-License-Identifier: MIT */
/* Counts its runs in HKCU and HKLM\Software; with an argument it goes on counting, and flushes each time. */
#include <windows.h>
#include <stdio.h>

static DWORD count(HKEY root)
{
	DWORD n = 0, size = sizeof n;
	HKEY k;

	if (RegCreateKeyA(root, "Software\\Bailey\\Keep", &k))
		return 0;
	RegQueryValueExA(k, "runs", 0, 0, (BYTE *)&n, &size);
	n++;
	RegSetValueExA(k, "runs", 0, REG_DWORD, (const BYTE *)&n, sizeof n);
	if (RegFlushKey(k))
		n = 0;
	RegCloseKey(k);
	return n;
}

int main(int argc, char **argv)
{
	do {
		printf("%lu %lu\n", count(HKEY_CURRENT_USER), count(HKEY_LOCAL_MACHINE));
		fflush(stdout);
	} while (argc > 1);
	return 0;
}
