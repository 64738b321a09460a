/* SPDX-License-Identifier: MIT */
/* cli/stats.c - `bailey stats`: what went over the networks of sandboxes that run. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/sandboxes.h"

static const char stats_help[] =
    "bailey stats [-n COUNT] [-d SECONDS] [SANDBOX]\n\n"
    "What the sandboxes that run, or one, have received and sent, the connections that they made and took, and what was refused;\n"
    "with -n or -d again and again.\n";

struct counts {
	unsigned long long in, out, packets_in, packets_out, made, taken, refused, names;
};

static bool counts_of(const struct sandbox *s, struct counts *c)
{
	char text[CONTROL_TEXT_MAX + 1];
	struct control_answer a;
	int fd = sandbox_ask(s, CONTROL_COUNTS, 0);
	bool had = false;

	while (fd >= 0 && sandbox_answer(fd, &a, text, true))
		if (a.kind == CONTROL_NETWORK)
			had = sscanf(text, "%llu %llu %llu %llu %llu %llu %llu %llu", &c->in, &c->out, &c->packets_in, &c->packets_out, &c->made, &c->taken,
			    &c->refused, &c->names) == 8;
	if (fd >= 0)
		close(fd);
	return had;
}

/* As docker has it: 1.23MB. */
static const char *size_text(unsigned long long bytes, char *room, size_t size)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double n = (double)bytes;
	unsigned u = 0;

	for (; n >= 1000 && u < sizeof units / sizeof units[0] - 1; u++)
		n /= 1000;
	snprintf(room, size, u ? "%.3g%s" : "%.0f%s", n, units[u]);
	return room;
}

static void put(const struct sandbox *s)
{
	size_t len = s->name[0] ? strlen(s->name) : 1;
	char in[16], out[16];
	struct counts c;

	if (!counts_of(s, &c))
		return; /* it has ended, or is stopped */
	printf("%-8d ", s->pid);
	put_safe(stdout, s->name[0] ? s->name : "-", len < 16 ? len : 16);
	printf("%*s %8s %8s %8llu %8llu %6llu %6llu %7llu %6llu\n", len < 16 ? 16 - (int)len : 0, "", size_text(c.in, in, sizeof in), size_text(c.out, out, sizeof out),
	    c.packets_in, c.packets_out, c.made, c.taken, c.refused, c.names);
}

static void show(const char *which)
{
	unsigned count = 0;
	struct sandbox *all = which ? NULL : sandboxes_find(&count);

	printf("SANDBOX  NAME               NET IN  NET OUT  PKTS IN PKTS OUT   MADE  TAKEN REFUSED  NAMES\n");
	if (which)
		put(sandbox_named(which));
	for (unsigned i = 0; i < count; i++)
		put(&all[i]);
	free(all);
	fflush(stdout);
}

int command_stats(int argc, char **argv)
{
	unsigned long times = 1, pause = 2;
	int c;

	if (asked_for_help(argc, argv, stats_help))
		return 0;
	opterr = 0;
	while ((c = getopt(argc, argv, "+n:d:")) != -1) {
		if (c == 'n')
			times = number_of("-n", optarg, 1000000000);
		else if (c == 'd')
			pause = number_of("-d", optarg, 86400), times = times == 1 ? (unsigned long)-1 : times;
		else
			fail("bailey stats has no option %s: bailey stats --help says what it has", argv[optind - 1]);
	}
	if (argc - optind > 1)
		fail("bailey stats takes one sandbox, and %s is one more", argv[optind + 1]);
	for (unsigned long i = 0; i < times; i++) {
		if (i)
			sleep((unsigned)pause);
		show(argv[optind]);
	}
	return 0;
}
