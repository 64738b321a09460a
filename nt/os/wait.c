/* SPDX-License-Identifier: MIT */
/* nt/os/wait.c - interrupted waits. */
#include "nt/os/wait.h"
#include "nt/ps/ps.h"

bool os_interrupted(void)
{
	return ps_wait_interrupted(nt_current());
}
