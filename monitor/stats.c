/* SPDX-License-Identifier: MIT */
/* monitor/stats.c - what --stats prints when the sandbox ends: requests by kind, picoprocesses, time. */
#include <stdio.h>
#include <string.h>

#include "monitor/monitor.h"

static const char *const names[] = {
#define X(name, nr, text) [nr] = #name,
	MON_OPS(X)
#undef X
};
static uint64_t requests[MON_OP_COUNT], births[BIRTHS], start_ns;

void stats_init(void)
{
	start_ns = now_ns();
}

void stats_request(uint32_t op)
{
	requests[op]++;
}

void stats_birth(enum born how)
{
	births[how]++;
}

void stats_print(void)
{
	char text[512] = "";
	uint64_t total = 0, ns = now_ns() - start_ns;
	size_t n = 0;

	if (!spec.stats || start_ns == 0)
		return;
	for (unsigned op = 0; op < MON_OP_COUNT; op++) {
		if (requests[op] == 0 || op == MON_LOG)
			continue;
		total += requests[op];
		n += (size_t)snprintf(text + n, sizeof text - n, " %s=%llu", names[op], (unsigned long long)requests[op]);
	}
	log_line(DK_LOG_TRACE, "stats: %llu requests to the monitor:%s", (unsigned long long)total, text);
	log_line(DK_LOG_TRACE, "stats: %llu picoprocesses started, %llu copied from one of those, %llu forked; %llu us from start to end",
	    (unsigned long long)births[BORN_FRESH], (unsigned long long)births[BORN_AS_COPY], (unsigned long long)births[BORN_BY_FORK],
	    (unsigned long long)(ns / 1000));
	net_stats();
}
