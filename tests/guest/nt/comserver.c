/* SPDX-License-Identifier: MIT */
/* A COM class whose server is a process of its own: rpcss.exe, a service, starts it, and calls reach it by RPC over named pipes. */
/* libs: -lole32 -ladvapi32 -luuid */
#define COBJMACROS
#define CINTERFACE
#include <initguid.h>
#include "t.h"
#include <objbase.h>

DEFINE_GUID(CLSID_Test, 0x6a1b3c55, 0x0e8c, 0x4d43, 0x9b, 0x11, 0x5f, 0x2a, 0x77, 0x3d, 0x90, 0x42);

static HRESULT WINAPI query(IClassFactory *f, REFIID iid, void **out)
{
	*out = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IClassFactory) ? f : NULL;
	return *out ? S_OK : E_NOINTERFACE;
}

static ULONG WINAPI count(IClassFactory *f)
{
	return 2;
}

static HRESULT WINAPI create(IClassFactory *f, IUnknown *outer, REFIID iid, void **out)
{
	HANDLE made = OpenEventA(EVENT_MODIFY_STATE, FALSE, "made");

	SetEvent(made);
	return query(f, iid, out);
}

static HRESULT WINAPI lock(IClassFactory *f, BOOL on)
{
	return S_OK;
}

static IClassFactoryVtbl table = { query, count, count, create, lock };
static IClassFactory factory = { &table };

int main(int argc, char **argv)
{
	static const char key[] = "CLSID\\{6A1B3C55-0E8C-4D43-9B11-5F2A773D9042}\\LocalServer32";
	HANDLE made = CreateEventA(0, TRUE, FALSE, "made");
	char command[MAX_PATH + 16];
	IClassFactory *f = NULL;
	IUnknown *u = NULL;
	HRESULT hr;
	DWORD cookie;
	HKEY k;

	CoInitializeEx(NULL, COINIT_MULTITHREADED);
	if (argc > 1) {
		CoRegisterClassObject(&CLSID_Test, (IUnknown *)&factory, CLSCTX_LOCAL_SERVER, REGCLS_MULTIPLEUSE, &cookie);
		Sleep(20000);
		return 0;
	}
	hr = CoGetClassObject(&CLSID_Test, CLSCTX_LOCAL_SERVER, NULL, &IID_IClassFactory, (void **)&f);
	printf("not there: %08lx\n", hr);
	GetModuleFileNameA(NULL, command, MAX_PATH);
	strcat(command, " -Embedding");
	RegCreateKeyA(HKEY_CLASSES_ROOT, key, &k);
	RegSetValueExA(k, NULL, 0, REG_SZ, (BYTE *)command, strlen(command) + 1);
	RegCloseKey(k);
	hr = CoGetClassObject(&CLSID_Test, CLSCTX_LOCAL_SERVER, NULL, &IID_IClassFactory, (void **)&f);
	printf("its class: %08lx\n", hr);
	if (SUCCEEDED(hr))
		hr = IClassFactory_CreateInstance(f, NULL, &IID_IUnknown, (void **)&u);
	printf("an object: %08lx, made %d\n", hr, WaitForSingleObject(made, 0) == 0);
	return 0;
}
