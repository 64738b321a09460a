/* SPDX-License-Identifier: MIT */
/* nt/os/remote.c - requests to other NT processes go the way of Linux' (linux/proc/remote.c). */
#include "linux/other.h"
#include "linux/proc/remote.h"
#include "nt/os/remote.h"
#include "nt/ps/ps.h"

NTSTATUS os_remote_run(struct lx_proc *p, void *data, uint64_t size)
{
	long err = remote_other(p, data, size);

	return err >= 0 ? STATUS_SUCCESS : err == -ENOMEM ? STATUS_NO_MEMORY : STATUS_PROCESS_IS_TERMINATING;
}

uint64_t os_remote_copy(struct lx_proc *p, uint64_t addr, void *buf, uint64_t size, bool write)
{
	long n = remote_memory(p, addr, buf, size, write, false);

	return n > 0 ? (uint64_t)n : 0;
}

bool os_remote_post(struct lx_proc *p)
{
	return remote_post(p);
}

void nt_serve(void *data, uint64_t size)
{
	/* They begin with what they are. */
	if (size == 0)
		nt_io_serve();
	else if (*(const uint32_t *)data == PS_REMOTE)
		ps_remote_run(data, size);
	else
		nt_remote_run(data, size);
}
