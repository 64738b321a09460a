/* SPDX-License-Identifier: MIT */
/* Tokens, privileges, impersonation, security descriptors and AccessCheck. */
/* wine: owner and group of a new object are others. */
#include <aclapi.h>
#include <sddl.h>
#include "t.h"

static void show(HANDLE h, const char *what)
{
	PSECURITY_DESCRIPTOR sd;
	PACL dacl;
	LPSTR text = NULL;

	if (GetSecurityInfo(h, SE_KERNEL_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, &dacl, NULL, &sd) ||
		!ConvertSecurityDescriptorToStringSecurityDescriptorA(sd, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &text, NULL))
		printf("%s: error %lu\n", what, GetLastError());
	else
		printf("%s: %s\n", what, text);
}

static PSECURITY_DESCRIPTOR descriptor(const char *text)
{
	PSECURITY_DESCRIPTOR sd = NULL;

	if (!ConvertStringSecurityDescriptorToSecurityDescriptorA(text, SDDL_REVISION_1, &sd, NULL))
		printf("%s: error %lu\n", text, GetLastError());
	return sd;
}

static void objects(void)
{
	SECURITY_ATTRIBUTES sa = { sizeof sa, descriptor("D:(A;;GA;;;WD)(D;;0x2;;;AN)"), FALSE };
	HANDLE e = CreateEventA(&sa, FALSE, FALSE, "security event"), again;
	PACL dacl;
	BOOL present, defaulted;

	show(e, "as it was made");
	GetSecurityDescriptorDacl(descriptor("D:(D;;0x2;;;WD)(A;;GA;;;WD)"), &present, &dacl, &defaulted);
	printf("set: %lu\n", SetSecurityInfo(e, SE_KERNEL_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, dacl, NULL));
	show(e, "as it was set");
	again = OpenEventA(SYNCHRONIZE, FALSE, "security event");
	printf("open to wait: %d\n", again != NULL);
	again = OpenEventA(EVENT_MODIFY_STATE, FALSE, "security event");
	printf("open to set: %d, error %lu\n", again != NULL, GetLastError());
}

static void check(HANDLE token, const char *sd, DWORD wanted)
{
	GENERIC_MAPPING m = { 1, 2, 4, 7 };
	PRIVILEGE_SET set;
	DWORD size = sizeof set, granted = 0;
	BOOL yes = FALSE;

	if (!AccessCheck(descriptor(sd), token, wanted, &m, &set, &size, &granted, &yes))
		printf("%s %lx: error %lu\n", sd, wanted, GetLastError());
	else
		printf("%s %lx: %d, %lx\n", sd, wanted, yes, granted);
}

static void privileges(HANDLE token)
{
	TOKEN_PRIVILEGES p = { 1, { { { 0, 0 }, SE_PRIVILEGE_ENABLED } } }, old;
	DWORD size;

	LookupPrivilegeValueA(NULL, "SeDebugPrivilege", &p.Privileges[0].Luid);
	printf("SeDebugPrivilege is %lu\n", p.Privileges[0].Luid.LowPart);
	SetLastError(0);
	int ok = AdjustTokenPrivileges(token, FALSE, &p, sizeof old, &old, &size);
	printf("on: %d, error %lu, changed %lu\n", ok, GetLastError(), old.PrivilegeCount);
	p.Privileges[0].Luid.LowPart = 9999;
	SetLastError(0);
	ok = AdjustTokenPrivileges(token, FALSE, &p, 0, NULL, NULL);
	printf("one that is not there: %d, error %lu\n", ok, GetLastError());
}

int main(void)
{
	HANDLE token, copy, thread;
	BYTE user[256];
	DWORD size;
	LPSTR sid;
	BOOL admin = FALSE;

	t_start();
	printf("token: %d\n", OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &token));
	int got = GetTokenInformation(token, TokenUser, NULL, 0, &size);
	printf("size: %d, %lu\n", got, GetLastError());
	GetTokenInformation(token, TokenUser, user, sizeof user, &size);
	ConvertSidToStringSidA(((TOKEN_USER *)user)->User.Sid, &sid);
	printf("user: %s\n", sid);
	privileges(token);
	printf("copy: %d\n", DuplicateToken(token, SecurityImpersonation, &copy));
	check(copy, "O:BAG:BAD:(A;;0x3;;;WD)(D;;0x4;;;WD)", MAXIMUM_ALLOWED);
	check(copy, "O:BAG:BAD:(A;;0x3;;;WD)(D;;0x4;;;WD)", 4);
	check(copy, "O:BAG:BAD:(D;;0x1;;;BA)(A;;0x7;;;WD)", 1);
	check(copy, "O:BAG:BAD:(A;;GR;;;WD)", 1);
	check(copy, "O:BAG:BA", 7);
	check(token, "O:BAG:BA", 7);
	CheckTokenMembership(NULL, ((void)CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, user, (size = sizeof user, &size)), user), &admin);
	printf("administrator: %d\n", admin);
	printf("no thread token: %d\n", OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &thread));
	printf("impersonate: %d\n", ImpersonateSelf(SecurityImpersonation));
	printf("thread token: %d\n", OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &thread));
	printf("revert: %d\n", RevertToSelf());
	objects();
	return 0;
}
