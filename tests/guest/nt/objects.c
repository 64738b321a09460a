/* SPDX-License-Identifier: MIT */
/* Objects and handles by the native calls: duplicates and rights, names, directories, links, protection from closing, types. */
#include "t.h"

#define NT(ret, name, ...) ret(WINAPI *name)(__VA_ARGS__) = t_nt(#name)
#define ST(call) printf("%s: %#lx\n", #call, (unsigned long)(call))

static OBJECT_ATTRIBUTES named(const WCHAR *name, HANDLE root, ULONG flags, UNICODE_STRING *s)
{
	s->Buffer = (WCHAR *)name;
	s->Length = wcslen(name) * 2;
	s->MaximumLength = s->Length + 2;
	return (OBJECT_ATTRIBUTES){ .Length = sizeof(OBJECT_ATTRIBUTES), .RootDirectory = root, .ObjectName = s, .Attributes = flags };
}

static void names(void)
{
	NT(LONG, NtCreateDirectoryObject, HANDLE *, ULONG, void *);
	NT(LONG, NtOpenDirectoryObject, HANDLE *, ULONG, void *);
	NT(LONG, NtCreateEvent, HANDLE *, ULONG, void *, ULONG, ULONG);
	NT(LONG, NtOpenEvent, HANDLE *, ULONG, void *);
	NT(LONG, NtCreateSymbolicLinkObject, HANDLE *, ULONG, void *, UNICODE_STRING *);
	NT(LONG, NtOpenSymbolicLinkObject, HANDLE *, ULONG, void *);
	NT(LONG, NtQuerySymbolicLinkObject, HANDLE, UNICODE_STRING *, ULONG *);
	NT(LONG, NtQueryDirectoryObject, HANDLE, void *, ULONG, ULONG, ULONG, ULONG *, ULONG *);
	NT(LONG, NtQueryObject, HANDLE, ULONG, void *, ULONG, ULONG *);
	UNICODE_STRING s, to;
	OBJECT_ATTRIBUTES oa;
	HANDLE dir, sub, e, e2, link;
	char buffer[1024];
	ULONG context = 0, size = 0;

	oa = named(L"\\BaseNamedObjects\\BaileyDir", 0, 0, &s);
	ST(NtCreateDirectoryObject(&dir, 0xf000f, &oa));
	ST(NtCreateDirectoryObject(&sub, 0xf000f, &oa));
	oa = named(L"Event", dir, 0, &s);
	ST(NtCreateEvent(&e, EVENT_ALL_ACCESS, &oa, 0, 1));
	ST(NtCreateEvent(&e2, EVENT_ALL_ACCESS, &oa, 0, 1));
	oa.Attributes = OBJ_OPENIF;
	ST(NtCreateEvent(&e2, EVENT_ALL_ACCESS, &oa, 0, 1));
	oa = named(L"\\BaseNamedObjects\\BaileyDir\\Event", 0, 0, &s);
	ST(NtOpenEvent(&e2, SYNCHRONIZE, &oa));
	oa = named(L"\\BASENAMEDOBJECTS\\baileydir\\EVENT", 0, OBJ_CASE_INSENSITIVE, &s);
	ST(NtOpenEvent(&e2, SYNCHRONIZE, &oa));
	oa = named(L"\\BaseNamedObjects\\baileydir\\Event", 0, 0, &s);
	ST(NtOpenEvent(&e2, SYNCHRONIZE, &oa));
	oa = named(L"\\BaseNamedObjects\\None\\Event", 0, 0, &s);
	ST(NtOpenEvent(&e2, SYNCHRONIZE, &oa));
	oa = named(L"BaseNamedObjects", 0, 0, &s);
	ST(NtOpenEvent(&e2, SYNCHRONIZE, &oa));
	oa = named(L"\\BaseNamedObjects\\BaileyDir", 0, 0, &s);
	ST(NtOpenEvent(&e2, SYNCHRONIZE, &oa));
	ST(NtOpenDirectoryObject(&sub, 1, &oa));
	oa = named(L"\\BaseNamedObjects\\BaileyLink", 0, 0, &s);
	named(L"\\BaseNamedObjects\\BaileyDir", 0, 0, &to);
	ST(NtCreateSymbolicLinkObject(&link, 0xf0001, &oa, &to));
	oa = named(L"\\BaseNamedObjects\\BaileyLink\\Event", 0, 0, &s);
	ST(NtOpenEvent(&e2, SYNCHRONIZE, &oa));
	oa = named(L"\\BaseNamedObjects\\BaileyLink", 0, 0, &s);
	ST(NtOpenSymbolicLinkObject(&link, 1, &oa));
	to.Buffer = (WCHAR *)buffer;
	to.MaximumLength = sizeof buffer;
	ST(NtQuerySymbolicLinkObject(link, &to, 0));
	printf("%.*ls\n", to.Length / 2, to.Buffer);
	ST(NtQueryDirectoryObject(sub, buffer, sizeof buffer, 1, 1, &context, &size));
	UNICODE_STRING *entry = (void *)buffer;
	printf("%.*ls, %.*ls\n", entry[0].Length / 2, entry[0].Buffer, entry[1].Length / 2, entry[1].Buffer);
	ST(NtQueryDirectoryObject(sub, buffer, sizeof buffer, 1, 0, &context, &size));
	ST(NtQueryObject(e, 1, buffer, sizeof buffer, &size));
	printf("%.*ls\n", (int)entry->Length / 2, entry->Buffer);
	ST(NtQueryObject(e, 2, buffer, sizeof buffer, &size));
	printf("%.*ls\n", (int)entry->Length / 2, entry->Buffer);
	ST(NtQueryObject(e, 1, buffer, 4, &size));
	CloseHandle(e);
	CloseHandle(e2);
	oa = named(L"\\BaseNamedObjects\\BaileyDir\\Event", 0, 0, &s);
	while (!NtOpenEvent(&e2, SYNCHRONIZE, &oa) && context++ < 20)
		CloseHandle(e2);
	printf("held by other handles: %d\n", context > 5);
}

static void handles(void)
{
	HANDLE e = CreateEventA(0, FALSE, TRUE, 0), d, weak, same;
	DWORD flags;
	struct { ULONG attributes, access, handles, pointers, rest[10]; } basic;
	NT(LONG, NtQueryObject, HANDLE, ULONG, void *, ULONG, ULONG *);

	OK(DuplicateHandle(GetCurrentProcess(), e, GetCurrentProcess(), &weak, SYNCHRONIZE, FALSE, 0));
	WAITS(WaitForSingleObject(weak, 0));
	OK(SetEvent(weak));
	OK(DuplicateHandle(GetCurrentProcess(), weak, GetCurrentProcess(), &d, EVENT_MODIFY_STATE, FALSE, 0));
	OK(DuplicateHandle(GetCurrentProcess(), e, GetCurrentProcess(), &same, 0, TRUE, DUPLICATE_SAME_ACCESS));
	ST(NtQueryObject(weak, 0, &basic, 56, 0));
	printf("access %#lx, handles %lu\n", basic.access, basic.handles);
	OK(GetHandleInformation(same, &flags));
	NUM(flags);
	NUM((ULONG_PTR)same % 4);
	WAITS(WaitForSingleObject((HANDLE)((ULONG_PTR)same | 3), 0));
	SetEvent(same);
	WAITS(WaitForSingleObject((HANDLE)((ULONG_PTR)same | 1), 0));
	OK(SetHandleInformation(same, HANDLE_FLAG_PROTECT_FROM_CLOSE, HANDLE_FLAG_PROTECT_FROM_CLOSE));
	OK(CloseHandle(same));
	OK(SetHandleInformation(same, HANDLE_FLAG_PROTECT_FROM_CLOSE, 0));
	OK(CloseHandle(same));
	OK(CloseHandle(same));
	OK(DuplicateHandle(GetCurrentProcess(), e, GetCurrentProcess(), &d, 0, FALSE, DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE));
	OK(SetEvent(d));
	int good = 0;
	HANDLE *many = malloc(20000 * sizeof *many);
	for (int i = 0; i < 20000; i++)
		many[i] = CreateEventA(0, FALSE, TRUE, 0);
	for (int i = 0; i < 20000; i++)
		good += WaitForSingleObject(many[i], 0) == WAIT_OBJECT_0 && CloseHandle(many[i]);
	NUM(good);
}

int main(void)
{
	t_start();
	names();
	handles();
	return 0;
}
