/* SPDX-License-Identifier: MIT */
/* Thread-local storage: slots made at run time, the compiler's __thread, a TLS directory with callbacks and a template. */
#include "t.h"

static __thread int compiled = 5;
static DWORD slot;
static int attached, detached;

static void NTAPI on_thread(void *module, DWORD reason, void *reserved)
{
	if (reason == DLL_THREAD_ATTACH)
		attached++;
	if (reason == DLL_THREAD_DETACH)
		detached++;
}
PIMAGE_TLS_CALLBACK tls_entry __attribute__((section(".CRT$XLC"), used)) = on_thread;

/* In the image's own template, which the loader copies for each thread. */
__attribute__((section(".tls$M"), used)) static int template_word = 0x7e57;
extern ULONG _tls_index;
extern char _tls_start;

static int *mine(void)
{
	char **blocks = *(char ***)((char *)NtCurrentTeb() + 0x58);

	return (int *)(blocks[_tls_index] + ((char *)&template_word - &_tls_start));
}

static DWORD WINAPI thread(void *arg)
{
	int n = (int)(intptr_t)arg, same = 1;

	same &= TlsGetValue(slot) == 0 && GetLastError() == 0 && compiled == 5 && *mine() == 0x7e57;
	TlsSetValue(slot, arg);
	compiled = n;
	*mine() = n;
	Sleep(5);
	same &= TlsGetValue(slot) == arg && compiled == n && *mine() == n;
	return same;
}

int main(void)
{
	HANDLE t[16];
	DWORD slots[1200], code, good = 0;
	int got = 0;

	t_start();
	slot = TlsAlloc();
	OK(TlsSetValue(slot, (void *)1));
	compiled = 77;
	for (int i = 0; i < 16; i++)
		t[i] = CreateThread(0, 0, thread, (void *)(intptr_t)(i + 100), 0, 0);
	WAITS(WaitForMultipleObjects(16, t, TRUE, 60000));
	for (int i = 0; i < 16; i++) {
		GetExitCodeThread(t[i], &code);
		good += code;
	}
	NUM(good);
	NUM(compiled);
	NUM((intptr_t)TlsGetValue(slot));
	HEX(*mine());
	NUM(attached);
	NUM(detached);
	while (got < 1200 && (slots[got] = TlsAlloc()) != TLS_OUT_OF_INDEXES) {
		TlsSetValue(slots[got], (void *)(intptr_t)got);
		got++;
	}
	printf("many slots: %d\n", got >= 1000 && got < 1088);
	good = 0;
	for (int i = 0; i < got; i++)
		good += TlsGetValue(slots[i]) == (void *)(intptr_t)i;
	NUM(good == (DWORD)got);
	OK(TlsFree(slots[500]));
	NUM(TlsAlloc() == slots[500]);
	NUM((intptr_t)TlsGetValue(slots[500]));
	OK(TlsFree(5000));
	OK(TlsSetValue(5000, 0));
	TlsGetValue(5000);
	NUM(GetLastError());
	return 0;
}
