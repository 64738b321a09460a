/* SPDX-License-Identifier: MIT */
/* nt/os/missing.c - for a few hours: weak stand-ins for parts that are being written, so that the image links. */
#include "nt/nt.h"

struct file *io_share_file(struct ob_object *o) __attribute__((weak));
struct file *io_share_file(struct ob_object *o)
{
	(void)o;
	return NULL;
}

void io_thread_ended(struct nt_thread *t) __attribute__((weak));
void io_thread_ended(struct nt_thread *t)
{
	(void)t;
}
