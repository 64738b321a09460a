/* SPDX-License-Identifier: MIT */
/* cli/guests.c - guest processes from the records of linux/ask.c, and what the host knows of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/sandboxes.h"

struct pico {
	uint32_t index;
	pid_t pid;
};

/* Field nr of /proc/PID/stat behind the name, counted from 0 = state; 0 if it is not there. */
static unsigned long long stat_field(const char *rest, unsigned nr)
{
	while (*rest == ' ')
		rest++;
	for (; nr > 0; nr--) {
		rest += strcspn(rest, " ");
		while (*rest == ' ')
			rest++;
	}
	return strtoull(rest, NULL, 10);
}

unsigned long long host_stat(pid_t pid, unsigned nr)
{
	char path[40], text[1024], *rest;
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	f = fopen(path, "re");
	n = f ? fread(text, 1, sizeof text - 1, f) : 0;
	text[n] = 0;
	if (f)
		fclose(f);
	rest = strrchr(text, ')');
	return rest ? stat_field(rest + 1, nr) : 0;
}

static unsigned long long host_cpu_ms(pid_t pid)
{
	return (host_stat(pid, 11) + host_stat(pid, 12)) * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK);
}

/* "p UID HOST STAT NUL CMDLINE": false if it is not of that form. */
static bool parse(const char *text, size_t size, struct guest *g, uint32_t *index)
{
	size_t stat_len = strlen(text);
	const char *open, *close;
	char *end;

	if (strncmp(text, "p ", 2) != 0)
		return false;
	g->uid = (unsigned)strtoul(text + 2, &end, 10);
	*index = (uint32_t)strtoul(end, &end, 10);
	g->pid = (int)strtol(end, &end, 10);
	open = strchr(end, '(');
	close = strrchr(end, ')');
	if (!open || !close || close < open || g->pid <= 0)
		return false;
	snprintf(g->comm, sizeof g->comm, "%.*s", (int)(close - open - 1 > 16 ? 16 : close - open - 1), open + 1);
	g->state = close[1] == ' ' && close[2] >= 'A' && close[2] <= 'Z' ? close[2] : '?';
	g->ppid = (int)stat_field(close + 1, 1);
	g->threads = (unsigned)stat_field(close + 1, 17);
	g->rss_kb = stat_field(close + 1, 21) * 4;
	g->stack_start = stat_field(close + 1, 25);
	if (stat_len + 1 < size) {
		size_t n = size - stat_len - 1;

		if (n >= sizeof g->command)
			n = sizeof g->command - 1;
		memcpy(g->command, text + stat_len + 1, n);
		while (n > 0 && !g->command[n - 1])
			n--;
		for (size_t i = 0; i < n; i++)
			if (!g->command[i])
				g->command[i] = ' ';
	}
	return true;
}

static void *grow(void *at, unsigned count, size_t size)
{
	void *new = (count & (count - 1)) ? at : realloc(at, (count ? count * 2 : 1) * size);

	if (!new)
		fail("no memory");
	return new;
}

struct guest *guests_of(const struct sandbox *s, uint32_t pid, unsigned *count, bool quiet)
{
	char text[CONTROL_TEXT_MAX + 1];
	struct control_answer a;
	struct guest *all = NULL;
	struct pico *picos = NULL;
	unsigned n = 0, npicos = 0;
	int fd = sandbox_ask(s, CONTROL_PROCESSES, pid);

	if (fd < 0 && !quiet)
		fail("the sandbox cannot be asked: %s", strerror(errno));
	while (fd >= 0 && sandbox_answer(fd, &a, text, quiet)) {
		struct guest g = { 0 };
		uint32_t index;

		if (a.kind == CONTROL_PICO) {
			picos = grow(picos, npicos, sizeof *picos);
			picos[npicos++] = (struct pico){ a.index, a.pid };
		}
		if (a.kind != CONTROL_RECORD || !parse(text, a.size, &g, &index))
			continue;
		for (unsigned i = 0; i < npicos && g.state != 'Z'; i++)
			if (picos[i].index == index && picos[i].pid > 0)
				g.host = picos[i].pid;
		g.cpu_ms = g.host ? host_cpu_ms(g.host) : 0;
		all = grow(all, n, sizeof *all);
		all[n++] = g;
	}
	if (fd >= 0)
		close(fd);
	free(picos);
	*count = n;
	return all;
}

struct guest_thread *threads_of(const struct sandbox *s, uint32_t pid, unsigned *count)
{
	char text[CONTROL_TEXT_MAX + 1];
	struct guest_thread t, *all = NULL;
	struct control_answer a;
	int fd = sandbox_ask(s, CONTROL_THREADS, pid);

	*count = 0;
	if (fd < 0)
		fail("the sandbox cannot be asked: %s", strerror(errno));
	while (sandbox_answer(fd, &a, text, false)) {
		if (a.kind != CONTROL_RECORD || sscanf(text, "t %d %llx", &t.tid, &t.object) != 2)
			continue;
		all = grow(all, *count, sizeof *all);
		all[(*count)++] = t;
	}
	close(fd);
	return all;
}
