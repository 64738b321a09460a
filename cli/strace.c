/* SPDX-License-Identifier: MIT */
/* cli/strace.c - `bailey strace`: prints the system calls of a running sandbox until it ends or is left. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/sandboxes.h"

static const char help[] =
    "bailey strace --attach SANDBOX [PID]\n\n"
    "Prints the system calls of a running sandbox, or of one process in it, a line each, until the sandbox\n"
    "ends or you press Ctrl-C.  The program does not notice; lines that are not read in time are left out.\n";

int command_strace(int argc, char **argv)
{
	char text[CONTROL_TEXT_MAX + 1];
	struct control_answer a = { .kind = CONTROL_PICO };
	struct timeval for_good = { 0 };
	int fd;

	if (asked_for_help(argc, argv, help))
		return 0;
	if (argc < 3 || strcmp(argv[1], "--attach") != 0)
		fail("bailey strace needs --attach and a sandbox: bailey ps lists them; bailey run --trace lx traces from the start");
	if (argc > 4)
		fail("bailey strace --attach takes a sandbox and a process, and %s is one more", argv[4]);
	fd = sandbox_ask(sandbox_named(argv[2]), CONTROL_TRACE, argc > 3 ? (uint32_t)number_of("the process", argv[3], INT_MAX) : 0);
	if (fd < 0)
		fail("the sandbox cannot be asked: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &for_good, sizeof for_good);
	while (sandbox_answer(fd, &a, text, a.kind >= CONTROL_LINE)) {
		if (a.kind == CONTROL_LOST && a.index)
			printf("... %u lines were lost: they were not read in time\n", a.index);
		if (a.kind == CONTROL_LINE) {
			put_safe(stdout, text, a.size);
			putchar('\n');
		}
		fflush(stdout);
	}
	return 0;
}
