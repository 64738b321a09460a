/* SPDX-License-Identifier: MIT */
/* nt/dll/blobs.h - Windows files of our own, which lie in the image and are put over Wine's in C:\windows\system32. */
#ifndef NT_DLL_BLOBS_H
#define NT_DLL_BLOBS_H

struct blob {
	const char *name; /* NULL: the end */
	const unsigned char *bytes;
	unsigned size;
};
extern const struct blob nt_dll_blobs[]; /* tools/blobs.py */
extern const struct blob nt_etc_files[]; /* etc.c: texts */
extern const char nt_etc_services[];     /* lines of "NAME PORT/PROTOCOL ALIASES\r\n" */
#endif
