/* SPDX-License-Identifier: MIT */
/*
 * linux/guest.c - what every handler needs: guest memory in and out, paths, and the
 * one place where a Dk status becomes an errno.
 */
#include "linux/linux.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

static const uint8_t status_errno[DK_STATUS_COUNT] = {
#define STATUS(name, nr, err, ntstatus, text) [nr] = err,
#include "abi/dk_status.def"
#undef STATUS
};

long lx_err(enum dk_status status)
{
	if ((uint32_t)status >= DK_STATUS_COUNT)
		return -EIO;
	return -(long)status_errno[status];
}

long lx_wait_err(enum dk_status status)
{
	if (status == DK_INTERRUPTED || status == DK_ABORTED)
		return -ERESTARTSYS;
	return lx_err(status);
}

int copy_in(void *dst, struct gva src, uint64_t size)
{
	return uaccess_read(dst, src.va, size) ? -EFAULT : 0;
}

int copy_out(struct gva dst, const void *src, uint64_t size)
{
	return uaccess_write(dst.va, src, size) ? -EFAULT : 0;
}

int clear_out(struct gva dst, uint64_t size)
{
	return uaccess_zero(dst.va, size) ? -EFAULT : 0;
}

long string_in(char *dst, struct gva src, uint64_t size)
{
	int64_t len = uaccess_string(dst, src.va, size);

	if (len >= 0)
		return len;
	return len == -2 ? -ENAMETOOLONG : -EFAULT;
}

/* One is kept a thread, in its block: most calls with a path need one for a moment. */
#define KEPT_BUF 2

char *path_buf(void)
{
	struct dk_tb *tb = pico_tb();
	char *buf = (char *)tb->scratch[KEPT_BUF];

	tb->scratch[KEPT_BUF] = 0;
	return buf ? buf : heap_alloc_dirty(PATH_MAX);
}

void path_buf_free(char *buf)
{
	struct dk_tb *tb = pico_tb();

	if (!buf || tb->scratch[KEPT_BUF])
		heap_free(buf);
	else
		tb->scratch[KEPT_BUF] = (uint64_t)buf;
}

void path_buf_forget(void)
{
	heap_free((char *)pico_tb()->scratch[KEPT_BUF]);
	pico_tb()->scratch[KEPT_BUF] = 0;
}

char *path_in(struct gva path, long *err)
{
	char *buf = path_buf();
	long len;

	if (!buf) {
		*err = -ENOMEM;
		return NULL;
	}
	len = string_in(buf, path, PATH_MAX);
	if (len >= 0)
		return buf;
	path_buf_free(buf);
	*err = len;
	return NULL;
}
