/* SPDX-License-Identifier: MIT */
/* Parts of the registry that are made on demand: time zones of past years, classes of COM, kinds of files.  An object is made of its CLSID. */
/* libs: -lole32 -loleaut32 -luuid */
#define COBJMACROS
#include "t.h"
#include <ole2.h>

static void zone(const WCHAR *name, WORD year)
{
	DYNAMIC_TIME_ZONE_INFORMATION d = { 0 };
	TIME_ZONE_INFORMATION z;

	wcscpy(d.TimeZoneKeyName, name);
	if (!t_ok("GetTimeZoneInformationForYear", GetTimeZoneInformationForYear(year, &d, &z)))
		return;
	printf("%u: bias %ld, daylight %ld, standard %u/%u/%u, daylight %u/%u/%u\n", year, z.Bias, z.DaylightBias, z.StandardDate.wMonth, z.StandardDate.wDayOfWeek,
		z.StandardDate.wDay, z.DaylightDate.wMonth, z.DaylightDate.wDayOfWeek, z.DaylightDate.wDay);
}

static void text(HKEY root, const char *key, const char *value)
{
	char data[128] = "";
	DWORD size = sizeof data, err = RegGetValueA(root, key, value, RRF_RT_REG_SZ, 0, data, &size);

	printf("%s %s: %lu %s\n", key, value ? value : "", err, data);
}

static void object(void)
{
	CLSID id;
	IUnknown *u = 0;
	DISPID method;
	IDispatch *d;
	WCHAR *names[] = { L"Add" };

	printf("CLSIDFromProgID: %#lx\n", CLSIDFromProgID(L"Scripting.Dictionary", &id));
	printf("CoCreateInstance: %#lx\n", CoCreateInstance(&id, 0, CLSCTX_INPROC_SERVER, &IID_IUnknown, (void **)&u));
	if (u == 0)
		return;
	printf("IDispatch: %#lx\n", IUnknown_QueryInterface(u, &IID_IDispatch, (void **)&d));
	printf("GetIDsOfNames: %#lx\n", IDispatch_GetIDsOfNames(d, &IID_NULL, names, 1, LOCALE_USER_DEFAULT, &method));
	printf("Add is %ld\n", method);
	IDispatch_Release(d);
	IUnknown_Release(u);
}

int main(void)
{
	t_start();
	zone(L"W. Europe Standard Time", 2020);
	zone(L"Eastern Standard Time", 2006);
	zone(L"Eastern Standard Time", 2007);
	zone(L"Altai Standard Time", 2016);
	zone(L"Egypt Standard Time", 2014);
	zone(L"Egypt Standard Time", 2018);
	text(HKEY_LOCAL_MACHINE, "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Time Zones\\UTC", "MUI_Std");
	text(HKEY_CLASSES_ROOT, ".txt", "Content Type");
	text(HKEY_CLASSES_ROOT, ".png", "Content Type");
	text(HKEY_CLASSES_ROOT, "Scripting.Dictionary\\CLSID", 0);
	text(HKEY_CLASSES_ROOT, "Interface\\{00020400-0000-0000-C000-000000000046}", 0);
	printf("CoInitialize: %#lx\n", CoInitialize(0));
	object();
	CoUninitialize();
	return 0;
}
