/* SPDX-License-Identifier: MIT */
/*
 * nt/dll/ws2_32.c - ws2_32.dll: options of TCP that Wine 8.0's DLL answers with WSAENOPROTOOPT itself, without asking the kernel.
 *
 * All else is Wine's, which lies beside it as ws2_32_wine.dll (nt/os/drive.c): ws2_32.def forwards every other function to that.  libuv sets
 * the three options before it connects, and takes a failure for that of the connect: fetch() of node.js was not possible.
 *
 * As documented: values are DWORDs, times are seconds.  WSAEFAULT: too little room.
 */
#include <winsock2.h>
#include <windows.h>
#include <winternl.h>

/* mswsock.h's and ws2ipdef.h's names, that not all versions of mingw have. */
#define OPTION_KEEPIDLE  3
#define OPTION_KEEPCNT   16
#define OPTION_KEEPINTVL 17
#define OPTION_MOST      32767u /* of TCP_KEEPIDLE and TCP_KEEPINTVL; TCP_KEEPCNT takes 127 */
#define COUNT_MOST       127u

#define GET(n) (0x120000u | (n) << 2) /* nt/net/afd_opt.c */
#define SET(n) GET((n) + 1)

int WSAAPI __declspec(dllimport) wine_getsockopt(SOCKET s, int level, int name, char *value, int *size) __asm__("getsockopt");
int WSAAPI __declspec(dllimport) wine_setsockopt(SOCKET s, int level, int name, const char *value, int size) __asm__("setsockopt");

/* The ioctl of an option's value; 0: it is Wine's. */
static ULONG code_of(int level, int name)
{
	if (level != IPPROTO_TCP)
		return 0;
	switch (name) {
	case OPTION_KEEPIDLE: return GET(400);
	case OPTION_KEEPINTVL: return GET(402);
	case OPTION_KEEPCNT: return GET(404);
	default: return 0;
	}
}

static int failed(int error)
{
	SetLastError((DWORD)error);
	return SOCKET_ERROR;
}

static int ask(SOCKET s, ULONG code, void *in, ULONG in_size, void *out, ULONG out_size)
{
	IO_STATUS_BLOCK io;
	NTSTATUS status = NtDeviceIoControlFile((HANDLE)s, NULL, NULL, NULL, &io, code, in, in_size, out, out_size);

	if (status >= 0)
		return 0;
	switch ((ULONG)status) {
	case 0xc0000008u: /* STATUS_INVALID_HANDLE */
	case 0xc0000024u: /* STATUS_OBJECT_TYPE_MISMATCH */
	case 0xc0000010u: /* STATUS_INVALID_DEVICE_REQUEST */
		return failed(WSAENOTSOCK);
	case 0xc0000005u: /* STATUS_ACCESS_VIOLATION */
		return failed(WSAEFAULT);
	case 0xc00000bbu: /* STATUS_NOT_SUPPORTED */
		return failed(WSAENOPROTOOPT);
	default:
		return failed(WSAEINVAL);
	}
}

int WSAAPI own_getsockopt(SOCKET s, int level, int name, char *value, int *size)
{
	ULONG code = code_of(level, name);

	if (!code)
		return wine_getsockopt(s, level, name, value, size);
	if (!value || !size || *size < (int)sizeof(DWORD))
		return failed(WSAEFAULT);
	*size = sizeof(DWORD);
	return ask(s, code, NULL, 0, value, sizeof(DWORD));
}

int WSAAPI own_setsockopt(SOCKET s, int level, int name, const char *value, int size)
{
	ULONG code = code_of(level, name);
	DWORD number, most = name == OPTION_KEEPCNT ? COUNT_MOST : OPTION_MOST;

	if (!code)
		return wine_setsockopt(s, level, name, value, size);
	if (!value || size < (int)sizeof number)
		return failed(WSAEFAULT);
	number = *(const DWORD *)value;
	if (number > most)
		number = most;
	return ask(s, code + (SET(0) - GET(0)), &number, sizeof number, NULL, 0);
}

BOOL WINAPI DllMainCRTStartup(HINSTANCE dll, DWORD reason, LPVOID reserved)
{
	(void)dll; (void)reason; (void)reserved;
	return TRUE;
}
