/* SPDX-License-Identifier: MIT */
/* Fibers and fiber-local storage. */
#include "t.h"

static void *home, *fibers[3];
static DWORD slot;
static int order[32], n;

static void WINAPI freed(void *value) { printf("slot freed: %s\n", (char *)value); }

static void CALLBACK body(void *arg)
{
	int me = (int)(intptr_t)arg;

	FlsSetValue(slot, me ? "fiber 1 or 2" : "fiber 0");
	for (int i = 0; i < 3; i++) {
		order[n++] = me * 10 + i;
		SwitchToFiber(me == 2 ? home : fibers[me + 1]);
	}
	printf("fiber %d: data %lld, slot %s\n", me, (long long)(intptr_t)GetFiberData(), (char *)FlsGetValue(slot));
	SwitchToFiber(home);
}

static void CALLBACK other(void *arg)
{
	printf("moved to another thread, data %s\n", (char *)GetFiberData());
	SwitchToFiber(*(void **)home);
}

static DWORD WINAPI thread(void *arg)
{
	void *mine = ConvertThreadToFiber("thread's");

	home = &mine;
	printf("is a fiber: %d, data %s\n", IsThreadAFiber(), (char *)GetFiberData());
	SwitchToFiber(arg);
	OK(ConvertFiberToThread());
	printf("is a fiber: %d\n", IsThreadAFiber());
	return 0;
}

int main(void)
{
	HANDLE t;
	void *f;
	double x = 1.5;

	t_start();
	NUM(IsThreadAFiber());
	slot = FlsAlloc(freed);
	NUM(slot != FLS_OUT_OF_INDEXES);
	home = ConvertThreadToFiber((void *)99);
	OK(home != 0);
	NUM(IsThreadAFiber());
	NUM((intptr_t)GetFiberData());
	OK(ConvertThreadToFiber(0) != 0);
	FlsSetValue(slot, "home");
	for (int i = 0; i < 3; i++)
		fibers[i] = CreateFiberEx(0, 65536, FIBER_FLAG_FLOAT_SWITCH, body, (void *)(intptr_t)i);
	for (int i = 0; i < 3; i++)
		SwitchToFiber(fibers[0]);
	for (int i = 0; i < n; i++)
		printf("%02d%s", order[i], i == n - 1 ? "\n" : " ");
	printf("home's slot %s, %.2f\n", (char *)FlsGetValue(slot), x * 2);
	SwitchToFiber(fibers[1]);
	for (int i = 0; i < 3; i++)
		DeleteFiber(fibers[i]);
	OK(FlsFree(slot));
	OK(ConvertFiberToThread());
	f = CreateFiber(0, other, "made elsewhere");
	t = CreateThread(0, 0, thread, f, 0, 0);
	WAITS(WaitForSingleObject(t, 60000));
	DeleteFiber(f);
	return 0;
}
