/* SPDX-License-Identifier: MIT */
/* nt/mm/iofile.c - for an hour: until nt/io is there. */
#include "nt/mm/section.h"

NTSTATUS io_file_of(struct ob_object *o, struct file **out)
{
	(void)o, (void)out;
	return STATUS_NOT_IMPLEMENTED;
}

NTSTATUS io_name_of(struct ob_object *o, WCHAR **name, uint32_t *size)
{
	(void)o, (void)name, (void)size;
	return STATUS_NOT_IMPLEMENTED;
}
