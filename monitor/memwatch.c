/* SPDX-License-Identifier: MIT */
/*
 * monitor/memwatch.c - hears when the sandbox's memory cgroup is full, and has kproc
 * end a guest (linux/mm/oom.c).  The host's own out-of-memory killer must not choose:
 * it might hit kproc, or a picoprocess in the middle of library-OS code that holds a lock.
 *
 * Version 1: the killer is switched off, so whoever finds the cgroup full waits.  The
 * eventfd that says so makes us raise the limit by STEP at once (whoever waits may hold
 * what kproc needs), and tell kproc.  When a guest has ended and memory is free again,
 * the limit goes back.  Should nobody be left to end, the killer is switched on again.
 *
 * Version 2: memory.high is the limit, beyond which allocating is slow; memory.max lies
 * HARD_ROOM above it.  memory.events changes with each time it is reached, also if
 * giving back cached files was enough; kproc is told only when what cannot be given back
 * is near the limit.
 *
 * Files are opened before the filter is installed; all of this is the loop thread's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "monitor/monitor.h"

#define STEP       (32ull << 20)
#define STEPS_MAX  16u
#define HARD_ROOM  (64ull << 20)
#define CHECK_MS   50
#define AGAIN_NS   1000000000ull

static struct {
	bool on, v2;
	int event, limit, stat, control;
	uint64_t base;
	unsigned raised; /* steps; v2: 1 = near the limit, looked at by the tick */
	uint64_t told_ns;
} w = { .event = -1, .limit = -1, .stat = -1, .control = -1 };

static int open_in(const char *folder, const char *file, int flags)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof path, "%s/%s", folder, file);
	return open(path, flags | O_CLOEXEC);
}

static bool put(int fd, const char *text)
{
	return write(fd, text, strlen(text)) > 0;
}

static bool put_number(int fd, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof text, "%llu", (unsigned long long)n);
	return put(fd, text);
}

/* The value of "\nNAME 123\n" in the cgroup's statistics; text begins with a newline. */
static uint64_t stat_value(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	return p ? strtoull(p + strlen(name), NULL, 10) : 0;
}

/* What giving back cached files does not free, in bytes: anon alone, and with shared memory. */
static bool read_stat(uint64_t *anon, uint64_t *shmem)
{
	static char text[8192] = "\n";
	ssize_t n = w.stat >= 0 ? pread(w.stat, text + 1, sizeof text - 2, 0) : -1;

	if (n <= 0)
		return false;
	text[n + 1] = 0;
	*anon = stat_value(text, w.v2 ? "\nanon " : "\ntotal_rss ");
	*shmem = stat_value(text, w.v2 ? "\nshmem " : "\ntotal_shmem ");
	return true;
}

static bool watch_v1(const char *folder)
{
	int events = open_in(folder, "cgroup.event_control", O_WRONLY);
	char text[32];

	w.control = open_in(folder, "memory.oom_control", O_RDWR);
	w.limit = open_in(folder, "memory.limit_in_bytes", O_WRONLY);
	w.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	snprintf(text, sizeof text, "%d %d", w.event, w.control);
	w.on = events >= 0 && w.control >= 0 && w.limit >= 0 && w.event >= 0 && put(events, text) && put(w.control, "1");
	if (events >= 0)
		close(events);
	return w.on;
}

static bool watch_v2(const char *folder)
{
	w.limit = open_in(folder, "memory.high", O_WRONLY);
	w.control = open_in(folder, "memory.max", O_WRONLY);
	w.event = open_in(folder, "memory.events", O_RDONLY);
	w.on = w.limit >= 0 && w.control >= 0 && w.event >= 0 && put_number(w.limit, w.base) && put_number(w.control, w.base + HARD_ROOM);
	return w.on;
}

bool memwatch_start(const char *folder, bool v2, uint64_t limit)
{
	w.v2 = v2;
	w.base = limit;
	w.stat = open_in(folder, "memory.stat", O_RDONLY);
	if (w.stat < 0 || !(v2 ? watch_v2(folder) : watch_v1(folder)))
		return false;
	if (v2)
		loop_add_priority(w.event, LOOP_MEMORY, 0);
	else
		loop_add(w.event, LOOP_MEMORY, 0);
	return true;
}

bool memwatch_on(void)
{
	return w.on;
}

bool memwatch_total(struct mon_usage *u)
{
	uint64_t anon, shmem;

	if (!w.on || !read_stat(&anon, &shmem))
		return false;
	u->anon = anon >> 12;
	u->shared = shmem >> 12;
	return true;
}

static void tell(void)
{
	struct mon_death note = { .kind = MON_NOTE_MEMORY };

	w.told_ns = now_ns();
	deaths_note(&note);
	pico_want_kproc();
}

/* Anonymous and shared memory at the limit, but for a sixteenth that other things may need. */
static bool is_full(void)
{
	uint64_t anon, shmem;

	return read_stat(&anon, &shmem) && anon + shmem + w.base / 16 > w.base;
}

static void event_v1(void)
{
	uint64_t count;

	if (read(w.event, &count, sizeof count) != sizeof count)
		return;
	if (w.raised < STEPS_MAX) {
		w.raised++;
		put_number(w.limit, w.base + w.raised * STEP);
	} else {
		log_line(DK_LOG_WARNING, "the sandbox's memory is used up and ending processes does not help: the host chooses now");
		put(w.control, "0");
	}
	tell();
}

static void event_v2(void)
{
	char text[256];

	(void)!pread(w.event, text, sizeof text, 0); /* or it is said again and again */
	w.raised = 1;
	if (is_full() && now_ns() - w.told_ns > CHECK_MS * 1000000ull)
		tell();
}

void memwatch_event(void)
{
	if (w.v2)
		event_v2();
	else
		event_v1();
}

int memwatch_timeout_ms(void)
{
	return w.raised > 0 ? CHECK_MS : -1;
}

/* While the limit is raised (v2: was reached): back to it, or kproc once more. */
void memwatch_tick(void)
{
	if (w.raised == 0)
		return;
	if (is_full()) {
		if (now_ns() - w.told_ns > (w.v2 ? CHECK_MS * 1000000ull : AGAIN_NS))
			tell();
		return;
	}
	if (w.v2 || put_number(w.limit, w.base))
		w.raised = 0;
}
