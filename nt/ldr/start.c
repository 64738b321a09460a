/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/start.c - a start of a Windows program from execve's strings: command line, environment, working directory.
 *
 * The command line is quoted so that the C runtime's rules give back the same arguments (documented at "Parsing C
 * command-line arguments").  The environment has what Windows programs expect, then what execve was given, but
 * for PATH, HOME and the like, which mean something else there.
 */
#include "nt/ldr/ldr.h"
#include "nt/os/file.h"
#include "nt/rtl/unicode.h"
#include "pico/arena.h"
#include "rt/mem.h"

/* A text under way, UTF-8, in heap memory. */
struct text {
	char *at;
	uint32_t size, room;
	bool failed;
};

static void put(struct text *t, const char *s, uint32_t n)
{
	if (t->size + n > t->room && !t->failed) {
		uint32_t room = MAX(t->room * 2, t->size + n + 256);
		char *more = heap_realloc(t->at, room);

		if (more == NULL) {
			t->failed = true;
			return;
		}
		t->at = more;
		t->room = room;
	}
	if (t->failed)
		return;
	memcpy(t->at + t->size, s, n);
	t->size += n;
}

static void put_string(struct text *t, const char *s)
{
	put(t, s, (uint32_t)strlen(s));
}

/* In the arena, a 0 behind. */
static bool text_out(struct text *t, struct nt_start_text *out)
{
	uint32_t room = t->size * 2 + 2;

	out->text = t->failed ? NULL : arena_alloc(room);
	if (out->text != NULL)
		out->size = rtl_utf8_to_utf16(out->text, room - 2, t->at, t->size);
	heap_free(t->at);
	*t = (struct text){ 0 };
	return out->text != NULL;
}

/* ---- Paths ---- */

static void put_dos_path(struct text *t, const char *path)
{
	size_t dlls = strlen(LDR_DLLS);

	if (strncmp(path, LDR_DLLS, dlls) == 0) {
		put_string(t, "C:\\windows\\system32\\");
		path += dlls;
	} else {
		uint32_t skip;
		const char drive[3] = { os_drive_of(path, &skip), ':' };

		put_string(t, drive);
		path += skip;
		if (*path == '\0')
			put_string(t, "\\");
	}
	for (; *path != '\0'; path++)
		put(t, *path == '/' ? "\\" : path, 1);
}

WCHAR *ldr_dos_path(const char *path, uint32_t *size)
{
	struct text t = { 0 };
	WCHAR *out;
	uint32_t room;

	put_dos_path(&t, path);
	room = t.size * 2 + 2;
	out = t.failed ? NULL : heap_alloc(room);
	if (out != NULL)
		*size = rtl_utf8_to_utf16(out, room - 2, t.at, t.size);
	heap_free(t.at);
	return out;
}

/* ---- The command line ---- */

static bool needs_quotes(const char *arg)
{
	if (*arg == '\0')
		return true;
	for (; *arg != '\0'; arg++)
		if (*arg == ' ' || *arg == '\t' || *arg == '\n' || *arg == '\v' || *arg == '"')
			return true;
	return false;
}

static void put_backslashes(struct text *t, uint32_t n)
{
	while (n-- > 0)
		put(t, "\\", 1);
}

static void put_argument(struct text *t, const char *arg)
{
	uint32_t slashes = 0;

	if (!needs_quotes(arg)) {
		put_string(t, arg);
		return;
	}
	put(t, "\"", 1);
	for (; *arg != '\0'; arg++) {
		if (*arg == '\\') {
			slashes++;
			continue;
		}
		put_backslashes(t, *arg == '"' ? slashes * 2 + 1 : slashes);
		slashes = 0;
		put(t, arg, 1);
	}
	put_backslashes(t, slashes * 2);
	put(t, "\"", 1);
}

static const char *put_command_line(struct text *t, const char *exe, const char *strings, uint32_t argc)
{
	struct text name = { 0 };

	put_dos_path(&name, exe);
	put(&name, "", 1);
	put_argument(t, name.failed ? "?" : name.at);
	heap_free(name.at);
	for (uint32_t i = 0; i < argc; i++, strings += strlen(strings) + 1) {
		if (i == 0)
			continue;
		put(t, " ", 1);
		put_argument(t, strings);
	}
	return strings;
}

/* ---- The environment ---- */

static const char *const defaults[] = {
	"ALLUSERSPROFILE=C:\\ProgramData", "APPDATA=C:\\users\\user\\AppData\\Roaming", "COMPUTERNAME=BAILEY", "ComSpec=C:\\windows\\system32\\cmd.exe",
	"CommonProgramFiles=C:\\Program Files\\Common Files", "DriverData=C:\\windows\\System32\\Drivers\\DriverData", "HOMEDRIVE=C:",
	"HOMEPATH=\\users\\user", "LOCALAPPDATA=C:\\users\\user\\AppData\\Local", "LOGONSERVER=\\\\BAILEY", "OS=Windows_NT",
	"PATH=C:\\windows\\system32;C:\\windows", "PATHEXT=.COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH",
	"PROCESSOR_ARCHITECTURE=AMD64", "PROCESSOR_LEVEL=6", "PROCESSOR_REVISION=0000", "ProgramData=C:\\ProgramData",
	"ProgramFiles=C:\\Program Files", "ProgramW6432=C:\\Program Files", "PUBLIC=C:\\users\\Public", "SystemDrive=C:", "SystemRoot=C:\\windows",
	"TEMP=C:\\users\\user\\Temp", "TMP=C:\\users\\user\\Temp", "USERDOMAIN=BAILEY", "USERNAME=user", "USERPROFILE=C:\\users\\user",
	"WINEUSERNAME=user", "windir=C:\\windows",
};
/* Of the Unix side: they mean nothing there, or something else. */
static const char *const unix_names[] = { "PATH", "HOME", "PWD", "OLDPWD", "SHELL", "SHLVL", "_", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "LD_PRELOAD",
	"USER", "LOGNAME", "HOSTNAME", "LANG", "LS_COLORS" };

static bool same_name(const char *a, const char *b)
{
	for (;; a++, b++) {
		char x = *a >= 'a' && *a <= 'z' ? (char)(*a - 32) : *a, y = *b >= 'a' && *b <= 'z' ? (char)(*b - 32) : *b;

		if (x == '=' || x == '\0')
			return y == '=' || y == '\0';
		if (x != y)
			return false;
	}
}

static bool is_unix_name(const char *s)
{
	for (uint32_t i = 0; i < ARRAY_LEN(unix_names); i++)
		if (same_name(s, unix_names[i]) && s[strlen(unix_names[i])] == '=')
			return true;
	return false;
}

static bool is_given(const char *s, const char *strings, uint32_t envc)
{
	for (; envc > 0; envc--, strings += strlen(strings) + 1)
		if (!is_unix_name(strings) && same_name(s, strings))
			return true;
	return false;
}

static void put_environment(struct text *t, const char *strings, uint32_t envc)
{
	const char *s = strings;

	for (uint32_t i = 0; i < ARRAY_LEN(defaults); i++)
		if (!is_given(defaults[i], strings, envc))
			put(t, defaults[i], (uint32_t)strlen(defaults[i]) + 1);
	for (; envc > 0; envc--, s += strlen(s) + 1) {
		if (!is_unix_name(s) && strchr(s, '=') != NULL)
			put(t, s, (uint32_t)strlen(s) + 1);
	}
	put(t, "", 1);
}

/* ---- All of it ---- */

void nt_start_free(struct nt_start *s)
{
	if (s == NULL)
		return;
	arena_free(s->cwd.text);
	arena_free(s->image.text);
	arena_free(s->command_line.text);
	arena_free(s->environment.text);
	arena_free(s->title.text);
	arena_free(s->desktop.text);
	arena_free(s->shell_info.text);
	arena_free(s->runtime.text);
	arena_free(s->dll_path.text);
	arena_free(s);
}

struct nt_start *ldr_start_from_strings(const char *exe, const char *cwd, const char *strings, uint32_t argc, uint32_t envc)
{
	struct nt_start *s = arena_alloc(sizeof *s);
	struct text t = { 0 };
	bool ok;

	if (s == NULL)
		return NULL;
	put_dos_path(&t, cwd);
	if (t.size > 0 && t.at[t.size - 1] != '\\')
		put(&t, "\\", 1);
	ok = text_out(&t, &s->cwd);
	put_dos_path(&t, exe);
	ok = text_out(&t, &s->image) && ok;
	strings = put_command_line(&t, exe, strings, argc);
	ok = text_out(&t, &s->command_line) && ok;
	put_dos_path(&t, exe);
	ok = text_out(&t, &s->title) && ok;
	put_environment(&t, strings, envc);
	ok = text_out(&t, &s->environment) && ok;
	if (ok)
		return s;
	nt_start_free(s);
	return NULL;
}
