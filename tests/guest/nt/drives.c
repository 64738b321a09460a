/* SPDX-License-Identifier: MIT */
/* Folders of the host as drives: letters, kinds, volumes, names in any case, a folder shown below C:. */
/* wine: its drives are those of its prefix. */
/* flags: -v .:D: -v .:C:\Shown\here -v .:e:\sub:ro -v .:G:ro */
#include "t.h"

static void kind(const char *root)
{
	char label[32] = "?", fs[32] = "?";
	DWORD serial, length = 0, flags = 0;
	BOOL ok = GetVolumeInformationA(root, label, sizeof label, &serial, &length, &flags, fs, sizeof fs);
	DWORD error = ok ? 0 : GetLastError();

	printf("%s kind %u, volume %d '%s' '%s' %lu error %lu%s\n", root, GetDriveTypeA(root), ok, ok ? label : "", ok ? fs : "", length, error,
		flags & FILE_READ_ONLY_VOLUME ? ", read-only" : "");
}

static void put(const char *name, const char *text)
{
	HANDLE h = CreateFileA(name, GENERIC_WRITE, 0, 0, CREATE_NEW, 0, 0);
	DWORD n = 0, error = h == INVALID_HANDLE_VALUE ? GetLastError() : 0;

	if (!error)
		WriteFile(h, text, strlen(text), &n, 0);
	printf("put %s: %lu, error %lu\n", name, n, error);
	CloseHandle(h);
}

static void get(const char *name)
{
	char text[64] = "", final[MAX_PATH] = "";
	HANDLE h = CreateFileA(name, GENERIC_READ, 7, 0, OPEN_EXISTING, 0, 0);
	DWORD n = 0;

	if (h == INVALID_HANDLE_VALUE) {
		printf("get %s: error %lu\n", name, GetLastError());
		return;
	}
	ReadFile(h, text, sizeof text - 1, &n, 0);
	GetFinalPathNameByHandleA(h, final, sizeof final, 0);
	printf("get %s: '%s', is %s\n", name, text, final);
	CloseHandle(h);
}

int main(void)
{
	char text[512], volume[128], all[128];
	HANDLE find;
	int volumes = 0, seen = 0;

	printf("drives %08lx\n", GetLogicalDrives());
	GetLogicalDriveStringsA(sizeof all, all);
	for (char *p = all; *p; p += strlen(p) + 1)
		printf("%s ", p);
	printf("\n");
	kind("C:\\");
	kind("D:\\");
	kind("E:\\");
	kind("F:\\");
	kind("G:\\");
	OK(SetCurrentDirectoryA("D:\\"));
	OK(CreateDirectoryA("Folder", 0));
	put("Folder\\Mixed.Txt", "content");
	get("D:\\FOLDER\\MIXED.TXT");
	get("d:folder\\mixed.txt");
	get("C:\\shown\\HERE\\folder\\mixed.txt");
	get("E:\\SUB\\folder\\mixed.txt");
	put("E:\\sub\\new.txt", "");
	put("c:\\SHOWN\\here\\new.txt", "seen by both");
	get("new.txt");
	GetFullPathNameA("x", sizeof text, text, 0);
	printf("full %s\n", text);
	OK(QueryDosDeviceA("D:", text, sizeof text));
	printf("device %s\n", text);
	OK(GetVolumeNameForVolumeMountPointA("D:\\", volume, sizeof volume));
	strcpy(text, volume);
	strcat(text, "FOLDER\\mixed.txt");
	printf("by volume: %d\n", GetFileAttributesA(text) == FILE_ATTRIBUTE_ARCHIVE);
	find = FindFirstVolumeA(text, sizeof text);
	do {
		volumes++;
		seen += !strcmp(text, volume);
	} while (FindNextVolumeA(find, text, sizeof text));
	FindVolumeClose(find);
	printf("volumes %d, D: among them %d\n", volumes, seen);
	OK(GetVolumePathNameA("D:\\folder\\mixed.txt", text, sizeof text));
	printf("root %s\n", text);
	if (!RemoveDirectoryA("D:\\"))
		printf("root stays: %lu\n", GetLastError());
	return 0;
}
