/* SPDX-License-Identifier: MIT */
/* cli/main.c - finds the command. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#ifndef BAILEY_VERSION
#define BAILEY_VERSION "0.1.0"
#endif

static const char help[] =
    "bailey - runs unmodified programs, each in a process that can make almost no system call\n"
    "\n"
    "  bailey run [OPTIONS] [--] PROGRAM [ARGUMENTS]   run a program in a new sandbox\n"
    "  bailey doctor [--clean]                         what this host offers, and what to change\n"
    "  bailey ps [SANDBOX]                             sandboxes that run, or the processes in one\n"
    "  bailey top [SANDBOX]                            the same, the busiest first, again and again\n"
    "  bailey stats [SANDBOX]                          what went over their networks\n"
    "  bailey lsof SANDBOX [PID]                       open files in a sandbox\n"
    "  bailey core SANDBOX PID [-o FILE]               writes a core file of a running process in it\n"
    "  bailey strace --attach SANDBOX [PID]            prints its system calls\n"
    "  bailey report [--full]                          what a sandbox left that panicked\n"
    "  bailey --help | --version\n"
    "\n"
    "`bailey run --help` lists the options.\n";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = { { "run", command_run }, { "doctor", command_doctor }, { "ps", command_ps }, { "top", command_top }, { "stats", command_stats }, { "lsof", command_lsof },
	{ "core", command_core }, { "strace", command_strace }, { "report", command_report } };

void warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("bailey: warning: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
}

void list_add(struct list_of *l, const char *text)
{
	l->at = realloc(l->at, (l->count + 1) * sizeof *l->at);
	if (!l->at)
		fail("no memory");
	l->at[l->count++] = text;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "--help";

	for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (!strcmp(command, commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	if (!strcmp(command, "--help") || !strcmp(command, "-h") || !strcmp(command, "help")) {
		fputs(help, stdout);
		return argc > 1 ? 0 : 125;
	}
	if (!strcmp(command, "--version") || !strcmp(command, "version")) {
		puts("bailey " BAILEY_VERSION);
		return 0;
	}
	fail("there is no command %s: `bailey --help` lists them", command);
}
