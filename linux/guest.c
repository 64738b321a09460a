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

/* One is kept: most calls with a path need one for a moment. */
static char *kept_buf;

char *path_buf(void)
{
	char *buf = __atomic_load_n(&kept_buf, __ATOMIC_RELAXED) ? __atomic_exchange_n(&kept_buf, NULL, __ATOMIC_ACQUIRE) : NULL;

	return buf ? buf : heap_alloc_dirty(PATH_MAX);
}

void path_buf_free(char *buf)
{
	char *none = NULL;

	if (!buf || __atomic_load_n(&kept_buf, __ATOMIC_RELAXED) || !__atomic_compare_exchange_n(&kept_buf, &none, buf, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		heap_free(buf);
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
