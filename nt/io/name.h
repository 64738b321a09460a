/* SPDX-License-Identifier: MIT */
/* nt/io/name.h - NT names of files: which device, and what of it. */
#ifndef NT_IO_NAME_H
#define NT_IO_NAME_H

#include "nt/io/io.h"

enum io_where { IO_AT_DISK, IO_AT_NULL, IO_AT_PIPE, IO_AT_MAILSLOT, IO_AT_CONSOLE, IO_AT_AFD, IO_AT_NSI, IO_AT_HTTP, IO_AT_MOUNTMGR, IO_AT_PHYSICAL_DISK };

/* A drive's volume: \Device\device, \??\drive, \??\guid are its names, and a number in the first and the last.  io/mountmgr.c */
struct io_volume {
	char device[20], drive[4], guid[48];
};
void io_volume_of(char letter, struct io_volume *v);

struct io_name {
	enum io_where where;
	char *text;               /* DISK: a path of the sandbox in an os_text buffer */
	const WCHAR *rest;        /* others: what follows the device's name, in the look-up's name: no leading backslash */
	uint32_t rest_size;
	bool slash;               /* it ended in a backslash: a folder is meant; devices: one is behind the device's name */
	bool volume;              /* DISK: the device itself is named, not its root folder */
	WCHAR *made;              /* heap memory that rest may be in; or NULL */
	struct io_file *root;     /* a reference: what it was relative to; NULL: it was absolute */
};
/* STATUS_OBJECT_NAME_INVALID, _PATH_SYNTAX_BAD, _PATH_NOT_FOUND, _NAME_NOT_FOUND ... nothing is held then. */
NTSTATUS io_name_parse(const struct ob_lookup *l, struct io_name *n);
/* An absolute name alone, not of an OBJECT_ATTRIBUTES. */
NTSTATUS io_name_absolute(const WCHAR *name, uint32_t size, struct io_name *n);
/* The same where l's name is the 8 bytes of a file's number: FILE_OPEN_BY_FILE_ID. */
NTSTATUS io_name_parse_id(const struct ob_lookup *l, struct io_name *n);
/* fileid.c: a name of the file with this number in the volume that hint is on, into an os_text buffer.  STATUS_INVALID_PARAMETER: it has none. */
NTSTATUS io_name_of_id(struct io_file *hint, uint64_t id, char *text);
void io_name_done(struct io_name *n);
/* \??\Z:\... of a path of the sandbox: heap memory, a 0 behind; NULL: no memory. */
WCHAR *io_nt_name(const char *text, uint32_t *size);
/* The part of such a name behind its drive: offset in bytes. */
uint32_t io_volume_offset(const WCHAR *name, uint32_t size);
#endif
