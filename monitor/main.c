/* SPDX-License-Identifier: MIT */
/*
 * monitor/main.c - bailey-monitor N: runs the sandbox whose spec is in descriptor N.
 *
 * `bailey run` checks its options, writes the spec and becomes this program.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor/monitor.h"

int main(int argc, char **argv)
{
	int fd = argc == 2 ? atoi(argv[1]) : -1;

	/* bailey puts the spec at 3 and the log at 4; what else is open is none of the sandbox's business. */
	syscall(SYS_close_range, 5, ~0u, 0);
	if (fd != 3 && fd != 4)
		fail("bailey-monitor is started by bailey, not by hand");
	spec_read(fd);
	close(fd);
	sandbox_run();
}
