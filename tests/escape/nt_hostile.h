/* SPDX-License-Identifier: MIT */
/* tests/escape/nt_hostile.h - what the hostile Windows program's files share. */
#ifndef NT_HOSTILE_H
#define NT_HOSTILE_H
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0a00
#endif
#include <windows.h>
#include <winternl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raw.h"

/* Shared by parent and children: what a dead child had reached. */
struct shared_page {
	volatile uint32_t progress, returned, wrong, entered, came_back;
	volatile uint64_t result;
	volatile uint32_t number, counts[4];
};
extern struct shared_page *page;

/* pal's own, found by its symbol: (number, arguments) */
typedef long __attribute__((sysv_abi)) host_fn(long nr, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
extern host_fn *host_call;

#define PATIENCE_MS 60000

uint64_t rnd(void);
extern uint64_t random_state;
#define PICK(list) ((list)[rnd() % (sizeof(list) / sizeof *(list))])
/* A function of ntdll. */
void *nt(const char *name);
#define NT(name, ...) ((LONG(WINAPI *)())nt(#name))(__VA_ARGS__)
/*
 * This program again with these arguments.  One that makes no progress for ms is ended.  Its exit code; stuck: it was ended.
 */
DWORD child(const char *args, DWORD ms, int *stuck);
/* Any program, ended after ms. */
DWORD run_program(const char *path, const char *line, DWORD ms, int *stuck);
HANDLE start_program(const char *path, const char *line);
HANDLE start_child(const char *args);
/* Places that a forged register or address might name: pal, images, slots, arena, vdso, the edges of what is canonical. */
uint64_t place(void);
void unicode(UNICODE_STRING *s, const WCHAR *text);

int frames(unsigned seed, unsigned count);
int frames_child(unsigned seed);
int folders(const WCHAR *marker, const WCHAR *dir, DWORD ms);
int names(const WCHAR *marker, const WCHAR *vol, const WCHAR *top);
int bomb(const char *kind, unsigned seconds);
int bomb_child(const char *kind, unsigned seconds);
int programs(unsigned seed, unsigned count);
int libraries(unsigned seed, unsigned count);
int libraries_child(const char *path);
int hives(unsigned seed, unsigned count);
int hives_child(unsigned seed);
#endif
