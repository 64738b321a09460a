/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/create_elf.c - a Linux program's arguments, environment, working directory and descriptors, of what a
 * Windows program said.
 *
 * The command line is taken apart by the C runtime's rules ("Parsing C command-line arguments").  Variables with other
 * meanings on the two sides (PATH, TEMP ...) stay behind.
 */
#include "nt/con/con.h"
#include "nt/io/io.h"
#include "nt/ldr/ldr.h"
#include "nt/os/file.h"
#include "nt/os/map.h"
#include "nt/os/pipefile.h"
#include "nt/ps/create.h"
#include "nt/ps/ps.h"
#include "nt/rtl/unicode.h"
#include "rt/mem.h"

#define UNIX_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct out {
	char *at;
	uint32_t size, room;
};

static void put(struct out *o, char c)
{
	if (o->size < o->room)
		o->at[o->size++] = c;
}

static void put_text(struct out *o, const char *s)
{
	while (*s != '\0')
		put(o, *s++);
	put(o, '\0');
}

/* ---- The command line ---- */

static const char *skip_blanks(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

/* The program's name has no escapes. */
static const char *skip_name(const char *s)
{
	bool quoted = false;

	while (*s != '\0' && (quoted || (*s != ' ' && *s != '\t')))
		if (*s++ == '"')
			quoted = !quoted;
	return s;
}

/* One argument; 2n backslashes before a quote are n, an odd one escapes it. */
static const char *put_argument(struct out *o, const char *s)
{
	bool quoted = false;

	while (*s != '\0' && (quoted || (*s != ' ' && *s != '\t'))) {
		uint32_t slashes = 0;

		while (*s == '\\') {
			s++;
			slashes++;
		}
		if (*s != '"') {
			while (slashes-- > 0)
				put(o, '\\');
			if (*s != '\0' && (quoted || (*s != ' ' && *s != '\t')))
				put(o, *s++);
			continue;
		}
		for (uint32_t i = 0; i < slashes / 2; i++)
			put(o, '\\');
		s++;
		if (slashes % 2 != 0) {
			put(o, '"');
		} else if (quoted && *s == '"') {
			put(o, '"');
			s++;
		} else {
			quoted = !quoted;
		}
	}
	put(o, '\0');
	return s;
}

static uint32_t put_arguments(struct out *o, const char *path, const char *line)
{
	uint32_t n = 1;

	put_text(o, path);
	line = skip_blanks(skip_name(line));
	while (*line != '\0') {
		line = skip_blanks(put_argument(o, line));
		n++;
	}
	return n;
}

/* ---- The environment ---- */

static bool stays_behind(const char *s)
{
	static const char *const names[] = { "PATH=", "TEMP=", "TMP=", "HOMEDRIVE=", "HOMEPATH=", "WINEUSERNAME=", "PATHEXT=", "COMSPEC=", "ComSpec=" };

	if (*s == '=')
		return true; /* a drive's directory */
	for (uint32_t i = 0; i < ARRAY_LEN(names); i++)
		if (strncmp(s, names[i], strlen(names[i])) == 0 || (i == 0 && strncmp(s, "Path=", 5) == 0))
			return true;
	return false;
}

static uint32_t put_environment(struct out *o, const char *env, uint32_t size)
{
	const char *end = env + size;
	uint32_t n = 1;

	put_text(o, UNIX_PATH);
	for (; env < end && *env != '\0'; env += strlen(env) + 1) {
		if (stays_behind(env))
			continue;
		put_text(o, env);
		n++;
	}
	return n;
}

/* ---- Places ---- */

/* Where a DOS path is in the sandbox. */
static NTSTATUS unix_path(const struct nt_start_text *dos, char **out)
{
	static const WCHAR prefix[] = { '\\', '?', '?', '\\' };
	uint32_t size = dos->size + (uint32_t)sizeof prefix;
	WCHAR *name = heap_alloc(size + 2);
	struct io_file *f = NULL;
	NTSTATUS status;

	if (name == NULL)
		return STATUS_NO_MEMORY;
	memcpy(name, prefix, sizeof prefix);
	memcpy(name + ARRAY_LEN(prefix), dos->text, dos->size);
	status = io_open_name(name, size, FILE_READ_ATTRIBUTES, &f);
	heap_free(name);
	if (status != STATUS_SUCCESS)
		return status;
	*out = os_text();
	if (*out == NULL)
		status = STATUS_NO_MEMORY;
	else if (io_linux_file(&f->ob) == NULL || os_file_text(io_linux_file(&f->ob), *out, OS_PATH_MAX) <= 0)
		status = STATUS_OBJECT_NAME_NOT_FOUND;
	ob_put(&f->ob);
	return status;
}

/* With a reference; NULL: it has none. */
static struct file *file_behind(struct ob_object *o)
{
	struct file *f = io_linux_file(o) != NULL ? io_linux_file(o) : con_linux_file(o);

	if (f != NULL)
		os_file_get(f);
	return f;
}

static void descriptors(struct ps_program *w, const struct nt_start *s)
{
	for (uint32_t i = 0; i < 3; i++) {
		struct ob_object *o;

		if (s->std_handle[i] == 0 || ob_by_handle(s->std_handle[i], OB_FILE, 0, &o) != STATUS_SUCCESS) {
			w->std[i] = i == 0 ? os_open("/dev/null") : os_open_write("/dev/null"); /* else the next file it opens is its output */
			continue;
		}
		w->std[i] = ((struct io_file *)o)->kind == IO_PIPE ? os_pipe_file(o, ((struct io_file *)o)->access) : file_behind(o);
		ob_put(o);
	}
}

/* The directory is where the maker says, or where it is itself. */
static void enter(struct ps_program *w, const struct nt_start *s)
{
	if (s->cwd.size != 0 && unix_path(&s->cwd, &w->cwd) != STATUS_SUCCESS && w->cwd != NULL) {
		os_text_free(w->cwd);
		w->cwd = NULL;
	}
}

NTSTATUS ps_pe_arguments(struct ps_program *w, const struct nt_start *s)
{
	uint32_t size = 0;
	char *line = rtl_utf8_of(s->command_line.text, s->command_line.size, &size);

	if (line == NULL)
		return STATUS_NO_MEMORY;
	w->strings = line;
	w->argc = 1;
	enter(w, s);
	return STATUS_SUCCESS;
}

NTSTATUS ps_elf_arguments(struct ps_program *w, const struct nt_start *s)
{
	uint32_t line_size = 0, env_size = 0;
	char *line = rtl_utf8_of(s->command_line.text, s->command_line.size, &line_size);
	char *env = rtl_utf8_of(s->environment.text, s->environment.size, &env_size);
	struct out o = { .room = line_size * 2 + env_size + (uint32_t)strlen(w->path) + 256 };

	o.at = heap_alloc(o.room + 1);
	if (line == NULL || env == NULL || o.at == NULL) {
		heap_free(line);
		heap_free(env);
		heap_free(o.at);
		return STATUS_NO_MEMORY;
	}
	w->strings = o.at;
	w->argc = put_arguments(&o, w->path, line);
	w->envc = put_environment(&o, env, env_size);
	heap_free(line);
	heap_free(env);
	enter(w, s);
	descriptors(w, s);
	return STATUS_SUCCESS;
}
