/* SPDX-License-Identifier: MIT */
/* What is mapped is neither emptied nor deleted; files by their number; volumes and drives of a program's own; impersonating a pipe's client. */
#include "t.h"

static char folder[MAX_PATH];

static const char *in(const char *name)
{
	static char text[4][MAX_PATH + 40];
	static int n;

	n = (n + 1) % 4;
	sprintf(text[n], "%s%s", folder, name);
	return text[n];
}

static HANDLE open_file(const char *name, DWORD access, DWORD how)
{
	return CreateFileA(in(name), access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, 0, how, 0, 0);
}

static BOOL opens(const char *name, DWORD access, DWORD how)
{
	HANDLE h = open_file(name, access, how);

	if (h != INVALID_HANDLE_VALUE)
		CloseHandle(h);
	return h != INVALID_HANDLE_VALUE;
}

static void mapped(void)
{
	char self[MAX_PATH];
	HANDLE h = open_file("data", GENERIC_READ | GENERIC_WRITE, CREATE_ALWAYS), m;
	DWORD n;

	WriteFile(h, "some text", 9, &n, 0);
	m = CreateFileMappingA(h, 0, PAGE_READONLY, 0, 0, 0);
	CloseHandle(h);
	OK(opens("data", GENERIC_WRITE, OPEN_EXISTING));
	OK(opens("data", GENERIC_WRITE, CREATE_ALWAYS));
	OK(DeleteFileA(in("data")));
	CloseHandle(m);
	OK(opens("data", GENERIC_WRITE, CREATE_ALWAYS));
	OK(DeleteFileA(in("data")));

	GetModuleFileNameA(0, self, sizeof self);
	OK(CopyFileA(self, in("image"), FALSE));
	h = open_file("image", GENERIC_READ, OPEN_EXISTING);
	m = CreateFileMappingA(h, 0, PAGE_READONLY | SEC_IMAGE, 0, 0, 0);
	CloseHandle(h);
	OK(opens("image", GENERIC_READ, OPEN_EXISTING));
	OK(opens("image", GENERIC_WRITE, OPEN_EXISTING));
	OK(DeleteFileA(in("image")));
	CloseHandle(m);
	OK(DeleteFileA(in("image")));
}

static void names(void)
{
	BY_HANDLE_FILE_INFORMATION info;
	FILE_ID_DESCRIPTOR id = { .dwSize = sizeof id, .Type = FileIdType };
	HANDLE h, d;

	CreateDirectoryA(in("sub"), 0);
	OK(opens("sub\\one", GENERIC_WRITE, CREATE_NEW));
	OK(opens("two", GENERIC_WRITE, CREATE_NEW));
	h = open_file("sub\\one", GENERIC_READ, OPEN_EXISTING);
	OK(GetFileInformationByHandle(h, &info));
	CloseHandle(h);
	id.FileId.QuadPart = (LONGLONG)info.nFileIndexHigh << 32 | info.nFileIndexLow;
	d = CreateFileA(folder, GENERIC_READ, 7, 0, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, 0);
	h = OpenFileById(d, &id, GENERIC_READ, 7, 0, 0);
	OK(h != INVALID_HANDLE_VALUE);
	CloseHandle(h);
	CloseHandle(d);
	OK(DeleteFileA(in("sub\\one")));
	OK(MoveFileExA(in("sub"), in("two"), MOVEFILE_REPLACE_EXISTING)); /* a folder takes the place of a file */
	NUM(GetFileAttributesA(in("two")) & FILE_ATTRIBUTE_DIRECTORY);
	OK(RemoveDirectoryA(in("two")));
}

static void volumes(void)
{
	char volume[MAX_PATH] = "", other[MAX_PATH] = "", paths[MAX_PATH] = "";
	DWORD n;
	HANDLE h;
	BOOL found;

	OK(GetVolumeNameForVolumeMountPointA("C:\\", volume, sizeof volume));
	printf("%.11s, %d\n", volume, (int)strlen(volume));
	h = FindFirstVolumeA(other, sizeof other);
	found = h != INVALID_HANDLE_VALUE && !strcmp(volume, other);
	while (!found && FindNextVolumeA(h, other, sizeof other))
		found = !strcmp(volume, other);
	FindVolumeClose(h);
	NUM(found);
	OK(GetVolumePathNamesForVolumeNameA(volume, paths, sizeof paths, &n));
	printf("%s\n", paths);
	strcat(volume, "windows");
	NUM(GetFileAttributesA(volume) & FILE_ATTRIBUTE_DIRECTORY);
	h = CreateFileA("\\\\.\\C:", 0, 7, 0, OPEN_EXISTING, 0, 0);
	OK(h != INVALID_HANDLE_VALUE);
	CloseHandle(h);

	OK(opens("there", GENERIC_WRITE, CREATE_NEW));
	OK(DefineDosDeviceA(0, "Q:", folder));
	NUM(GetFileAttributesA("Q:\\there") != INVALID_FILE_ATTRIBUTES);
	OK(DefineDosDeviceA(DDD_REMOVE_DEFINITION, "Q:", 0));
	NUM(GetFileAttributesA("Q:\\there") != INVALID_FILE_ATTRIBUTES);
	OK(DeleteFileA(in("there")));
}

#define PIPE "\\\\.\\pipe\\bailey-iomore"

static void pipes(void)
{
	HANDLE s = CreateNamedPipeA(PIPE, PIPE_ACCESS_DUPLEX, 0, 1, 100, 100, 0, 0), c, k = 0;
	SECURITY_IMPERSONATION_LEVEL level = 99;
	char text[8] = "";
	DWORD n;

	c = ReOpenFile(s, GENERIC_READ | GENERIC_WRITE, 3, 0); /* by the server's own handle */
	OK(c != INVALID_HANDLE_VALUE);
	OK(ImpersonateNamedPipeClient(s));
	OK(WriteFile(c, "hello", 5, &n, 0));
	OK(ReadFile(s, text, sizeof text, &n, 0));
	OK(ImpersonateNamedPipeClient(s));
	OK(OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &k));
	OK(GetTokenInformation(k, TokenImpersonationLevel, &level, sizeof level, &n));
	NUM(level);
	CloseHandle(k);
	OK(RevertToSelf());
	OK(OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &k));
	OK(DisconnectNamedPipe(s));
	OK(PeekNamedPipe(c, 0, 0, 0, &n, 0));
	OK(PeekNamedPipe(s, 0, 0, 0, &n, 0));
	CloseHandle(c);
	CloseHandle(s);
}

int main(void)
{
	t_start();
	GetTempPathA(sizeof folder, folder);
	strcat(folder, "iomore\\");
	CreateDirectoryA(folder, 0);
	mapped();
	names();
	volumes();
	pipes();
	OK(RemoveDirectoryA(folder));
	return 0;
}
