/* SPDX-License-Identifier: MIT */
/* An exit code of which Linux would see only zeros is a failure outside, too; inside it is what it is. */
/* exit: 1 */
#include "t.h"

int main(int argc, char **argv)
{
	STARTUPINFOA si = { .cb = sizeof si };
	PROCESS_INFORMATION pi;
	char line[MAX_PATH + 16];
	DWORD code = 0;

	t_start();
	if (argc > 1)
		ExitProcess(0x12300);
	snprintf(line, sizeof line, "\"%s\" child", argv[0]);
	OK(CreateProcessA(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &si, &pi));
	WaitForSingleObject(pi.hProcess, 10000);
	GetExitCodeProcess(pi.hProcess, &code);
	HEX(code);
	TerminateProcess(GetCurrentProcess(), 0x80000100);
	return 3;
}
