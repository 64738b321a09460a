/* SPDX-License-Identifier: MIT */
/*
 * monitor/usage.c - how much memory picoprocesses have in use, as the host's
 * /proc/PID/statm says: kproc chooses by it whom to end, and the guests' /proc shows it.
 * (What single pages are, only the picoprocess itself may know: the monitor's Landlock
 * domain keeps it from looking into processes.)
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/monitor.h"

static struct {
	struct mon_usage *out;
	uint32_t count, room;
	uint64_t index; /* or MON_USAGE_ALL, _TOTAL */
} ask;

/* Decimal at *p, which moves behind it. */
static uint64_t number(const char **p)
{
	char *end;
	uint64_t n = strtoull(*p, &end, 10);

	*p = end;
	return n;
}

/* The text of /proc/PID/NAME; false: the process is gone. */
static bool read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[40];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	return true;
}

/* "size resident shared ...", in pages; shared is of files and of shared memory. */
static bool read_statm(pid_t pid, struct mon_usage *u)
{
	char text[128];
	const char *p = text;
	uint64_t resident;

	if (!read_proc(pid, "statm", text, sizeof text))
		return false;
	(void)number(&p);
	resident = number(&p);
	u->shared = number(&p);
	u->anon = resident > u->shared ? resident - u->shared : 0;
	return true;
}

/* The value of "\nNAME:   123 kB" in pages. */
static uint64_t value_of(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	if (!p)
		return 0;
	p += strlen(name);
	return number(&p) / 4;
}

/* The same in detail, for one process. */
static bool read_status(pid_t pid, struct mon_usage *u)
{
	static char text[4096];

	if (!read_proc(pid, "status", text, sizeof text))
		return false;
	u->anon = value_of(text, "\nRssAnon:");
	u->file = value_of(text, "\nRssFile:");
	u->shared = value_of(text, "\nRssShmem:");
	return true;
}

static void add(struct pico *p)
{
	struct mon_usage *u;

	if (p == first && p->pid == 0)
		(void)sandbox_first_pid();
	if (p->pid <= 0 || p->reaped || p->state != PICO_RUNNING || ask.count == ask.room)
		return;
	if (ask.index < MON_USAGE_TOTAL && p->process_index != ask.index)
		return;
	u = &ask.out[ask.count];
	*u = (struct mon_usage){ .process_index = p->process_index };
	if (ask.index >= MON_USAGE_TOTAL ? read_statm(p->pid, u) : read_status(p->pid, u))
		ask.count++;
}

/* Adds all up into the first record. */
static void sum_up(void)
{
	for (uint32_t i = 1; i < ask.count; i++) {
		ask.out[0].anon += ask.out[i].anon;
		ask.out[0].shared = ask.out[0].shared > ask.out[i].shared ? ask.out[0].shared : ask.out[i].shared;
	}
	ask.count = ask.count > 0;
}

enum dk_status usage_query(struct job *j)
{
	ask.out = (struct mon_usage *)j->data;
	ask.count = 0;
	ask.room = MON_DATA_MAX / sizeof *ask.out;
	ask.index = j->req.args[0];
	if (ask.index == MON_USAGE_TOTAL && memwatch_total(&ask.out[0])) {
		ask.count = 1;
	} else {
		pico_each(add);
		if (ask.index == MON_USAGE_TOTAL)
			sum_up();
	}
	if (ask.index == MON_USAGE_TOTAL && ask.count > 0)
		ask.out[0].process_index = UINT64_MAX;
	j->reply.data_len = ask.count * (uint32_t)sizeof *ask.out;
	return ask.count == 0 ? DK_NOT_FOUND : DK_OK;
}
