/* SPDX-License-Identifier: MIT */
/*
 * nt/io/name.c - from NT names to paths of the sandbox and devices, and back.
 *
 * Drives are C:, Z:, which is the sandbox's root, and others that bailey run -v has made (nt/os/drive.c).  Names of files are not looked up in the object name
 * space: its \??, \Device and \SystemRoot have nothing but these, and a name that begins with one of them is
 * known by its text.  Other names may still be symbolic links that a program made: those are tried last.
 */
#include "nt/io/name.h"
#include "nt/io/npfs.h"
#include "nt/os/file.h"
#include "nt/rtl/unicode.h"
#include "nt/rtl/upcase.h"
#include "rt/mem.h"

struct cursor {
	const WCHAR *p, *end;
};

static uint32_t left(const struct cursor *c)
{
	return (uint32_t)((const char *)c->end - (const char *)c->p);
}

/* Does c go on with this ASCII text, without regard to case, and then end or a backslash?  Moves behind both. */
static bool takes(struct cursor *c, const char *text)
{
	uint32_t n = (uint32_t)strlen(text);

	if (left(c) < n * 2 || !rtl_equal_ascii(c->p, n * 2, text))
		return false;
	if (left(c) > n * 2 && c->p[n] != '\\')
		return false;
	c->p += n + (left(c) > n * 2);
	return true;
}

static bool starts(struct cursor *c, const char *text)
{
	uint32_t n = (uint32_t)strlen(text);

	if (left(c) < n * 2 || !rtl_equal_ascii(c->p, n * 2, text))
		return false;
	c->p += n;
	return true;
}

/* ---- Disks ---- */

static bool is_bad(WCHAR c)
{
	return c < 0x20 || c == '/' || c == '*' || c == '?' || c == '"' || c == '<' || c == '>' || c == '|';
}

/* "." and ".." are no names in the NT kernel: Win32 has taken them away before. */
static bool has_dots(const WCHAR *p, const WCHAR *end)
{
	for (bool first = true; p < end; first = *p++ == '\\') {
		uint32_t n = 0;

		if (!first)
			continue;
		while (p + n < end && p[n] == '.')
			n++;
		if ((n == 1 || n == 2) && (p + n == end || p[n] == '\\'))
			return true;
	}
	return false;
}

static NTSTATUS check_names(const struct cursor *c)
{
	for (const WCHAR *p = c->p; p < c->end; p++)
		if (is_bad(*p))
			return STATUS_OBJECT_NAME_INVALID;
	for (const WCHAR *p = c->p; p + 1 < c->end; p++)
		if (p[0] == '\\' && p[1] == '\\')
			return STATUS_OBJECT_NAME_INVALID;
	return has_dots(c->p, c->end) ? STATUS_OBJECT_NAME_INVALID : STATUS_SUCCESS;
}

/* n->text, which holds a folder's path, is extended by the rest of c. */
static NTSTATUS add_rest(struct io_name *n, struct cursor *c)
{
	uint32_t at = (uint32_t)strlen(n->text), size;
	NTSTATUS status;

	if (left(c) != 0 && *c->p == '\\' && n->root == NULL)
		c->p++;
	n->slash = left(c) != 0 && c->end[-1] == '\\';
	if (n->slash)
		c->end--;
	status = left(c) != 0 && (*c->p == '\\' || c->end[-1] == '\\') ? STATUS_OBJECT_NAME_INVALID : check_names(c);
	if (status != STATUS_SUCCESS)
		return status;
	if (left(c) == 0) {
		if (at == 0)
			memcpy(n->text, "/", 2);
		return STATUS_SUCCESS;
	}
	if (at == 0 || n->text[at - 1] != '/')
		n->text[at++] = '/';
	size = rtl_utf16_to_utf8(n->text + at, OS_PATH_MAX - at - 1, c->p, left(c));
	if (size >= OS_PATH_MAX - at)
		return STATUS_NAME_TOO_LONG;
	n->text[at + size] = '\0';
	for (char *p = n->text + at; *p != '\0'; p++)
		if (*p == '\\')
			*p = '/';
	return STATUS_SUCCESS;
}

static NTSTATUS on_disk(struct io_name *n, const char *base, struct cursor *c)
{
	n->where = IO_AT_DISK;
	n->text = os_text();
	if (n->text == NULL)
		return STATUS_NO_MEMORY;
	memcpy(n->text, base, strlen(base) + 1);
	return add_rest(n, c);
}

/* ---- Devices ---- */

static const struct {
	const char *name;
	enum io_where where;
} devices[] = {
	{ "Null", IO_AT_NULL }, { "NamedPipe", IO_AT_PIPE }, { "Mailslot", IO_AT_MAILSLOT }, { "ConDrv", IO_AT_CONSOLE }, { "Afd", IO_AT_AFD },
	{ "Nsi", IO_AT_NSI }, { "Http", IO_AT_HTTP }, { "MountPointManager", IO_AT_MOUNTMGR },
}, dos_devices[] = {
	{ "NUL", IO_AT_NULL }, { "pipe", IO_AT_PIPE }, { "mailslot", IO_AT_MAILSLOT }, { "MountPointManager", IO_AT_MOUNTMGR },
	{ "Nsi", IO_AT_NSI }, { "PhysicalDrive0", IO_AT_PHYSICAL_DISK },
};

static NTSTATUS at_device(struct io_name *n, enum io_where where, const struct cursor *c)
{
	n->where = where;
	n->rest = c->p;
	n->rest_size = left(c);
	n->slash = n->root == NULL && c->p[-1] == '\\';
	return STATUS_SUCCESS;
}

static NTSTATUS of_drive(struct io_name *n, char letter, struct cursor *c)
{
	char place[OS_DRIVE_ROOM];

	n->volume = left(c) == 0 && c->p[-1] != '\\';
	return on_disk(n, os_drive_place(letter, place), c);
}

/* The drive of a name that begins with a letter and a colon; 0: it does not, or there is no such drive.  Moves behind it as takes does. */
static char takes_letter(struct cursor *c)
{
	WCHAR w = left(c) >= 4 && c->p[1] == ':' ? rtl_upcase(c->p[0]) : 0;

	if (w < 'A' || w > 'Z' || !(os_drives() & os_drive_bit((char)w)) || (left(c) > 4 && c->p[2] != '\\'))
		return 0;
	c->p += 2 + (left(c) > 4);
	return (char)w;
}

/* The drive of a volume's name: of its device, or its GUID; 0: it is none. */
static char takes_volume(struct cursor *c, bool device)
{
	struct io_volume v;

	for (char letter = 'A'; letter <= 'Z'; letter++) {
		if (!(os_drives() & os_drive_bit(letter)))
			continue;
		io_volume_of(letter, &v);
		if (takes(c, device ? v.device : v.guid))
			return letter;
	}
	return 0;
}

static NTSTATUS of_device(struct io_name *n, struct cursor *c)
{
	char letter;

	for (uint32_t i = 0; i < ARRAY_LEN(devices); i++)
		if (takes(c, devices[i].name))
			return at_device(n, devices[i].where, c);
	letter = takes_volume(c, true);
	return letter != 0 ? of_drive(n, letter, c) : (NTSTATUS)STATUS_OBJECT_NAME_NOT_FOUND;
}

/* The object manager's answer for a name that goes on so, below a folder where there is nothing of it. */
static NTSTATUS nothing_there(const struct cursor *c)
{
	if (left(c) == 0 || *c->p == '\\')
		return STATUS_OBJECT_NAME_INVALID;
	for (const WCHAR *p = c->p; p < c->end; p++)
		if (*p == '\\')
			return STATUS_OBJECT_PATH_NOT_FOUND;
	return STATUS_OBJECT_NAME_NOT_FOUND;
}

static NTSTATUS absolute(struct io_name *n, struct cursor *c);

/* A symbolic link object that a program made (DefineDosDevice): its target goes on with the rest of the name. */
static NTSTATUS of_link(struct io_name *n, const struct cursor *c)
{
	static const WCHAR folder[4] = { '\\', '?', '?', '\\' };
	const WCHAR *end = c->p;
	uint32_t size;
	WCHAR *target;
	struct cursor made;

	while (end < c->end && *end != '\\')
		end++;
	if (end == c->p)
		return nothing_there(c);
	target = ob_link_target(folder, sizeof folder, c->p, (uint32_t)(end - c->p) * 2, (uint32_t)(c->end - end) * 2, &size);
	if (target == NULL)
		return nothing_there(c);
	if (size >= 2 && target[size / 2 - 1] == '\\' && end < c->end)
		size -= 2;
	memcpy((char *)target + size, end, (size_t)(c->end - end) * 2);
	n->made = target;
	made = (struct cursor){ target, target + size / 2 + (c->end - end) };
	return absolute(n, &made);
}

static NTSTATUS of_dos(struct io_name *n, struct cursor *c)
{
	struct cursor console = *c;
	char letter = takes_letter(c);

	if (LIKELY(letter != 0))
		return of_drive(n, letter, c);
	if (takes(c, "GLOBALROOT"))
		return starts(c, "Device\\") ? of_device(n, c) : (NTSTATUS)STATUS_OBJECT_NAME_NOT_FOUND;
	letter = left(c) > 2 && rtl_upcase(*c->p) == 'V' ? takes_volume(c, false) : 0;
	if (letter != 0)
		return of_drive(n, letter, c);
	if (takes(c, "unix"))
		return on_disk(n, "", c);
	if (takes(c, "UNC"))
		return STATUS_BAD_NETWORK_PATH;
	for (uint32_t i = 0; i < ARRAY_LEN(dos_devices); i++)
		if (takes(c, dos_devices[i].name))
			return at_device(n, dos_devices[i].where, c);
	if (takes(&console, "CONIN$") || takes(&console, "CONOUT$") || takes(&console, "CON"))
		return at_device(n, IO_AT_CONSOLE, c);
	return n->made == NULL ? of_link(n, c) : nothing_there(c);
}

static NTSTATUS absolute(struct io_name *n, struct cursor *c)
{
	if (left(c) == 0 || *c->p != '\\')
		return STATUS_OBJECT_PATH_SYNTAX_BAD;
	if (starts(c, "\\??\\") || starts(c, "\\DosDevices\\") || starts(c, "\\GLOBAL??\\"))
		return of_dos(n, c);
	if (starts(c, "\\Device\\"))
		return of_device(n, c);
	if (takes(c, "\\SystemRoot")) {
		NTSTATUS status;
		struct cursor none = { c->p, c->p };

		status = on_disk(n, os_system_drive(), &none);
		if (status == STATUS_SUCCESS) {
			memcpy(n->text + strlen(n->text), "/windows", 9);
			status = add_rest(n, c);
		}
		return status;
	}
	c->p++;
	return nothing_there(c);
}

/* ---- Relative to an open one ---- */

/* Below the pipe device's own folder, not the device; a pipe has nothing below it but itself. */
static NTSTATUS relative_pipe(struct io_name *n, const struct cursor *c)
{
	if (n->root->kind == IO_NPFS ? !npfs_is_folder(n->root) : left(c) != 0)
		return STATUS_OBJECT_NAME_INVALID;
	(void)at_device(n, IO_AT_PIPE, c);
	n->slash = true;
	return STATUS_SUCCESS;
}

static NTSTATUS relative(struct io_name *n, struct cursor *c)
{
	struct io_file *root = n->root;

	if (left(c) != 0 && *c->p == '\\' && root->kind != IO_NPFS)
		return root->kind == IO_DIRECTORY ? STATUS_INVALID_PARAMETER : STATUS_OBJECT_PATH_SYNTAX_BAD;
	switch (root->kind) {
	case IO_DIRECTORY:
	case IO_DISK: /* with nothing behind: the same file again */
		if (root->kind == IO_DISK && left(c) != 0)
			return STATUS_OBJECT_PATH_NOT_FOUND;
		n->where = IO_AT_DISK;
		n->text = os_text();
		if (n->text == NULL)
			return STATUS_NO_MEMORY;
		if (os_file_text(root->f, n->text, OS_PATH_MAX) < 0)
			return STATUS_OBJECT_PATH_NOT_FOUND;
		return add_rest(n, c);
	case IO_NPFS:
	case IO_PIPE:
		return relative_pipe(n, c);
	case IO_CONSOLE:
		return at_device(n, IO_AT_CONSOLE, c);
	default:
		return STATUS_OBJECT_PATH_NOT_FOUND;
	}
}

NTSTATUS io_name_absolute(const WCHAR *name, uint32_t size, struct io_name *n)
{
	struct cursor c = { name, name + size / 2 };
	NTSTATUS status;

	*n = (struct io_name){ 0 };
	status = absolute(n, &c);
	if (status != STATUS_SUCCESS)
		io_name_done(n);
	return status;
}

NTSTATUS io_name_parse(const struct ob_lookup *l, struct io_name *n)
{
	struct cursor c = { l->name, l->name + l->size / 2 };
	struct ob_object *root;
	NTSTATUS status;

	*n = (struct io_name){ 0 };
	if (l->root == 0)
		return l->name == NULL ? (NTSTATUS)STATUS_OBJECT_PATH_SYNTAX_BAD : io_name_absolute(l->name, l->size, n);
	status = ob_by_handle(l->root, OB_NONE, 0, &root);
	if (status != STATUS_SUCCESS)
		return status;
	if (root->type == OB_FILE) {
		n->root = (struct io_file *)root;
		status = relative(n, &c);
	} else {
		ob_put(root);
		status = of_dos(n, &c); /* a handle of \?? or the like */
	}
	if (status != STATUS_SUCCESS)
		io_name_done(n);
	return status;
}

NTSTATUS io_name_parse_id(const struct ob_lookup *l, struct io_name *n)
{
	struct ob_object *root;
	uint64_t id[2] = { 0, 0 };
	NTSTATUS status;

	*n = (struct io_name){ 0 };
	if (l->root == 0 || (l->size != 8 && l->size != 16))
		return STATUS_INVALID_PARAMETER;
	memcpy(id, l->name, l->size);
	status = ob_by_handle(l->root, OB_FILE, 0, &root);
	if (status != STATUS_SUCCESS)
		return status;
	n->root = (struct io_file *)root;
	n->where = IO_AT_DISK;
	n->text = os_text();
	status = n->text == NULL ? STATUS_NO_MEMORY : id[1] != 0 ? STATUS_INVALID_PARAMETER : io_name_of_id(n->root, id[0], n->text);
	if (status != STATUS_SUCCESS)
		io_name_done(n);
	return status;
}

void io_name_done(struct io_name *n)
{
	os_text_free(n->text);
	if (n->root != NULL)
		ob_put(&n->root->ob);
	heap_free(n->made);
	n->text = NULL;
	n->root = NULL;
	n->made = NULL;
}

/* ---- Back ---- */

WCHAR *io_nt_name(const char *text, uint32_t *size)
{
	uint32_t skip, length, room, used;
	const WCHAR prefix[6] = { '\\', '?', '?', '\\', (WCHAR)os_drive_of(text, &skip), ':' };
	WCHAR *name;

	text += skip;
	length = (uint32_t)strlen(text);
	room = length * 2 + 32;
	name = heap_alloc(room);
	if (name == NULL)
		return NULL;
	memcpy(name, prefix, sizeof prefix);
	used = rtl_utf8_to_utf16(name + 6, room - 16, text, length);
	for (uint32_t i = 6; i < 6 + used / 2; i++)
		if (name[i] == '/')
			name[i] = '\\';
	if (used == 0) {
		name[6] = '\\';
		used = 2;
	}
	*size = 12 + used;
	return name;
}

uint32_t io_volume_offset(const WCHAR *name, uint32_t size)
{
	return size >= 12 && name[5] == ':' ? 12 : 0;
}
