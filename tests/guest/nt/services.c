/* SPDX-License-Identifier: MIT */
/* Services: the manager is there when it is asked for; a program runs as one, is told things and stops; one that is none is told so. */
/* libs: -ladvapi32 */
#include "t.h"

#define NAME "BaileyTest"
static SERVICE_STATUS_HANDLE status_handle;
static HANDLE stop;
static SERVICE_STATUS state = { .dwServiceType = SERVICE_WIN32_OWN_PROCESS, .dwControlsAccepted = SERVICE_ACCEPT_STOP };

static void say(DWORD what, DWORD code)
{
	state.dwCurrentState = what;
	state.dwServiceSpecificExitCode = code;
	state.dwWin32ExitCode = code ? ERROR_SERVICE_SPECIFIC_ERROR : 0;
	SetServiceStatus(status_handle, &state);
}

static DWORD WINAPI control(DWORD code, DWORD event, void *data, void *context)
{
	if (code == SERVICE_CONTROL_STOP)
		SetEvent(stop);
	return code == SERVICE_CONTROL_STOP || code == SERVICE_CONTROL_INTERROGATE || code == 200 ? NO_ERROR : ERROR_CALL_NOT_IMPLEMENTED;
}

static void WINAPI service(DWORD argc, char **argv)
{
	status_handle = RegisterServiceCtrlHandlerExA(NAME, control, 0);
	stop = CreateEventA(0, 0, 0, 0);
	say(SERVICE_RUNNING, 0);
	WaitForSingleObject(stop, 20000);
	say(SERVICE_STOPPED, argc > 1 ? 40 + argc : 1);
}

static void wait_for(SC_HANDLE s, DWORD what)
{
	SERVICE_STATUS q = { 0 };

	for (int i = 0; i < 1000 && q.dwCurrentState != what; i++) {
		if (!QueryServiceStatus(s, &q))
			break;
		Sleep(i ? 10 : 0);
	}
	printf("state %lu, exit %lu %lu\n", q.dwCurrentState, q.dwWin32ExitCode, q.dwServiceSpecificExitCode);
}

int main(int argc, char **argv)
{
	SERVICE_TABLE_ENTRYA table[] = { { NAME, service }, { 0, 0 } };
	const char *args[] = { "two", "three" };
	char path[MAX_PATH + 16];
	SC_HANDLE m, s;
	SERVICE_STATUS q;

	if (argc > 1)
		return !StartServiceCtrlDispatcherA(table);
	t_start();
	if (!StartServiceCtrlDispatcherA(table))
		printf("no service: %lu\n", GetLastError());
	m = OpenSCManagerA(0, 0, SC_MANAGER_ALL_ACCESS);
	printf("manager %d\n", m != 0);
	if (!OpenServiceA(m, NAME, SERVICE_QUERY_STATUS))
		printf("none: %lu\n", GetLastError());
	GetModuleFileNameA(0, path, MAX_PATH);
	strcat(path, " service");
	s = CreateServiceA(m, NAME, "Display name", SERVICE_ALL_ACCESS, SERVICE_WIN32_OWN_PROCESS, SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, path, 0, 0, 0, 0, 0);
	printf("created %d\n", s != 0);
	wait_for(s, SERVICE_STOPPED);
	OK(StartServiceA(s, 2, args));
	wait_for(s, SERVICE_RUNNING);
	printf("again %d\n", StartServiceA(s, 0, 0) ? 0 : (int)GetLastError());
	OK(ControlService(s, 200, &q));
	OK(ControlService(s, SERVICE_CONTROL_STOP, &q));
	wait_for(s, SERVICE_STOPPED);
	OK(DeleteService(s));
	CloseServiceHandle(s);
	CloseServiceHandle(m);
	return 0;
}
