/* SPDX-License-Identifier: MIT */
/* nt/io/unixname.c - what Wine's own DLLs ask beside NT's calls: names and descriptors of the Unix side. */
#include "nt/io/irp.h"
#include "nt/io/name.h"
#include "nt/ke/user.h"
#include "nt/ob/ob.h"
#include "nt/os/file.h"
#include "ntcalls.gen.h"
#include "rt/fmt.h"
#include "rt/mem.h"

/* size: bytes there are, then bytes that it takes, its 0 included. */
static NTSTATUS text_out(const char *text, uint64_t buf, uint64_t size_va)
{
	uint32_t room, need = (uint32_t)strlen(text) + 1;
	NTSTATUS status = user_read(&room, size_va, sizeof room);

	if (status == STATUS_SUCCESS)
		status = user_put32(size_va, need);
	if (status == STATUS_SUCCESS)
		status = room < need ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : user_write(buf, text, need);
	return status;
}

NTSTATUS wine_nt_to_unix_file_name(struct nt_thread *t, uint64_t oa, uint64_t buf, uint64_t size, uint32_t disposition)
{
	struct ob_lookup l;
	struct io_name n;
	struct os_path p;
	NTSTATUS status = oa_in(&l, oa), bad;

	if (status != STATUS_SUCCESS)
		return status;
	status = io_name_parse(&l, &n);
	oa_free(&l);
	if (status != STATUS_SUCCESS)
		return status;
	if (n.where != IO_AT_DISK) {
		io_name_done(&n);
		return STATUS_BAD_DEVICE_TYPE;
	}
	status = os_path_find(n.text, 0, &p);
	if (status == STATUS_SUCCESS) {
		os_path_put(&p);
		status = disposition == FILE_CREATE ? STATUS_OBJECT_NAME_COLLISION : STATUS_SUCCESS;
	} else if (status == STATUS_OBJECT_NAME_NOT_FOUND && disposition != FILE_OPEN && disposition != FILE_OVERWRITE) {
		status = disposition == FILE_CREATE ? STATUS_SUCCESS : STATUS_NO_SUCH_FILE;
	}
	if (status == STATUS_SUCCESS || status == STATUS_NO_SUCH_FILE) {
		bad = text_out(n.text, buf, size);
		status = bad != STATUS_SUCCESS ? bad : status;
	}
	io_name_done(&n);
	return status;
}

/* A path that is relative is one from the working directory. */
static NTSTATUS text_in(uint64_t va, char *text)
{
	int64_t n = uaccess_string(text, va, OS_PATH_MAX);
	char *cwd;
	uint32_t at;

	if (n < 0)
		return n == -2 ? STATUS_NAME_TOO_LONG : STATUS_ACCESS_VIOLATION;
	if (text[0] == '/')
		return STATUS_SUCCESS;
	cwd = os_text();
	if (cwd == NULL || os_cwd(cwd, OS_PATH_MAX) != STATUS_SUCCESS) {
		os_text_free(cwd);
		return STATUS_NO_MEMORY;
	}
	at = (uint32_t)strlen(cwd);
	if (at + 1 + (uint32_t)n + 1 > OS_PATH_MAX) {
		os_text_free(cwd);
		return STATUS_NAME_TOO_LONG;
	}
	memmove(text + at + 1, text, (size_t)n + 1);
	memcpy(text, cwd, at);
	text[at] = '/';
	os_text_free(cwd);
	return STATUS_SUCCESS;
}

/* size: UTF-16 units, the 0 included. */
NTSTATUS wine_unix_to_nt_file_name(struct nt_thread *t, uint64_t name, uint64_t buf, uint64_t size_va)
{
	char *text = os_text();
	uint64_t room;
	uint32_t size = 0;
	WCHAR *wide = NULL;
	NTSTATUS status = text != NULL ? text_in(name, text) : (NTSTATUS)STATUS_NO_MEMORY;

	if (status == STATUS_SUCCESS)
		status = user_read(&room, size_va, sizeof room);
	if (status == STATUS_SUCCESS) {
		wide = io_nt_name(text, &size);
		status = wide != NULL ? user_put64(size_va, size / 2 + 1) : (NTSTATUS)STATUS_NO_MEMORY;
	}
	if (status == STATUS_SUCCESS)
		status = room < size / 2 + 1 ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : user_write(buf, wide, size + 2);
	heap_free(wide);
	os_text_free(text);
	return status;
}

NTSTATUS wine_server_fd_to_handle(struct nt_thread *t, int32_t fd, uint32_t access, uint32_t attributes, uint64_t handle)
{
	struct file *f = os_descriptor(fd);
	struct io_file *file;
	NTSTATUS status;

	if (f == NULL)
		return STATUS_INVALID_HANDLE;
	status = io_file_wrap(f, ob_map_access(OB_FILE, access), FILE_SYNCHRONOUS_IO_NONALERT, &file);
	if (status != STATUS_SUCCESS)
		return status;
	status = ob_handle_out(&file->ob, file->access, attributes, handle);
	ob_put(&file->ob);
	return status;
}

NTSTATUS wine_server_handle_to_fd(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t fd_va, uint64_t options)
{
	struct io_file *f;
	NTSTATUS status = io_by_handle(handle, 0, &f);
	int fd;

	if (status != STATUS_SUCCESS)
		return status;
	fd = f->f != NULL ? os_descriptor_add(f->f) : -1;
	if (f->f == NULL)
		status = STATUS_OBJECT_TYPE_MISMATCH;
	else
		status = fd < 0 ? (NTSTATUS)STATUS_TOO_MANY_OPENED_FILES : user_put32(fd_va, (uint32_t)fd);
	if (status == STATUS_SUCCESS)
		status = user_put32(options, f->options);
	ob_put(&f->ob);
	return status;
}

const struct ob_type ob_type_device = { .name = "Device", .read = 0x120089, .write = 0x120116, .execute = 0x1200a0, .all = FILE_ALL_ACCESS };

void io_boot(void)
{
	ob_boot_add("\\Device\\Null", ob_alloc(OB_DEVICE, sizeof(struct ob_object))); /* for who looks at it as an object; io/name.c opens it */
	for (char letter = 'A'; letter <= 'Z'; letter++) {
		char device[40], link[64];
		struct io_volume v;

		if (!(os_drives() & os_drive_bit(letter)))
			continue;
		io_volume_of(letter, &v);
		fmt_snprintf(device, sizeof device, "\\Device\\%s", v.device);
		fmt_snprintf(link, sizeof link, "\\??\\%s", v.drive);
		ob_boot_link(link, device);
		fmt_snprintf(link, sizeof link, "\\??\\%s", v.guid);
		ob_boot_link(link, device);
	}
	ob_boot_link("\\??\\PhysicalDrive0", "\\Device\\Harddisk0\\DR0");
	ob_boot_link("\\??\\NUL", "\\Device\\Null");
	ob_boot_link("\\??\\PIPE", "\\Device\\NamedPipe");
	ob_boot_link("\\??\\MAILSLOT", "\\Device\\MailSlot");
}
