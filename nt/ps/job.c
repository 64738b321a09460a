/* SPDX-License-Identifier: MIT */
/* nt/ps/job.c - job objects. */
#include "nt/ps/ps.h"

void ps_job_process_ended(struct nt_process *p)
{
	(void)p;
}
