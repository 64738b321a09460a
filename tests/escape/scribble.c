/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/scribble.c - writes over a part of the shared memory, while others use it.
 */
#include <linux/futex.h>

#include "attack.h"

static void scribble_range(uint64_t at, uint64_t size, int how)
{
	random_state = (uint64_t)now_ms();
	for (uint64_t i = 0; i < size; i += how == 1 ? 8 : 8 * (1 + rnd() % 64)) {
		volatile uint64_t *p = (volatile uint64_t *)(at + i);

		*p = how == 1 ? ~0ull : how == 2 ? 0 : (uint64_t)rnd() << 32 | rnd();
	}
}

static void use_it(void)
{
	int p[2];
	char c;

	if (pipe(p) == 0) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		(void)!write(p[1], "x", 1);
		(void)!read(p[0], &c, 1);
		waitpid(pid, NULL, 0);
	}
	(void)open("/etc/passwd", O_RDONLY);
	free(malloc(1 << 22));
}

static void *at_work(void *arg)
{
	(void)arg;
	for (;;)
		use_it();
	return NULL;
}

/* Words change under the eyes of all who use them, for a second. */
static void storm(uint64_t at, uint64_t size)
{
	long until = now_ms() + 1000;

	for (unsigned i = 0; i < 3; i++)
		if (fork() == 0)
			at_work(NULL);
	random_state = (uint64_t)now_ms();
	while (now_ms() < until) {
		for (unsigned i = 0; i < 20; i++) {
			volatile uint64_t *p = (volatile uint64_t *)(at + (rnd() * 8ull) % size);
			uint64_t old = *p;

			*p = rnd() & 1 ? rnd_value() : old ^ 1ull << rnd() % 64;
			if (rnd() & 1)
				*p = old; /* torn */
		}
		host_call(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	}
}

static void map_over(uint64_t at, uint64_t size, int prot)
{
	long r = host_call(SYS_mmap, at, size, (uint64_t)prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (uint64_t)-1, 0);

	printf("map over %" PRIx64 ": %ld\n", at, r == (long)at ? 0 : r);
}

int scribble(const char *where)
{
	pid_t busy = fork();
	uint64_t gs;

	if (busy == 0)
		at_work(NULL);
	usleep(20000);
	__asm__ volatile("rdgsbase %0" : "=r"(gs));
	if (!strncmp(where, "arena", 5)) {
		/* The allocator's own tables lie at the front, objects from 4 GB on (pico/arena.c). */
		int how = !strcmp(where, "arena-ones") ? 1 : !strcmp(where, "arena-zeros") ? 2 : 0;

		scribble_range(ARENA_BASE + (4ull << 30), 4 << 20, how);
		scribble_range(ARENA_BASE, 4 << 20, how);
	}
	else if (!strcmp(where, "data"))
		scribble_range(DATA_BASE, 4 << 20, 0);
	else if (!strcmp(where, "palshared"))
		scribble_range(PALSHARED_BASE, PALSHARED_SIZE, 0);
	else if (!strcmp(where, "palshared-ones"))
		scribble_range(PALSHARED_BASE, PALSHARED_SIZE, 1);
	else if (!strcmp(where, "threads"))
		scribble_range(PALSHARED_BASE + 4096, 1 << 20, 0);
	else if (!strcmp(where, "storm-arena"))
		storm(ARENA_BASE + (4ull << 30), 1 << 20);
	else if (!strcmp(where, "storm-tables"))
		storm(ARENA_BASE, 1 << 20);
	else if (!strcmp(where, "storm-pal"))
		storm(PALSHARED_BASE, 1 << 20);
	else if (!strcmp(where, "storm-streams")) /* streams and events (pal/shared.h) */
		storm(PALSHARED_BASE + (PALSHARED_SIZE / 4), PALSHARED_SIZE / 2);
	else if (!strcmp(where, "tb"))
		scribble_range(gs, 4096, 0);
	else if (!strcmp(where, "slots"))
		scribble_range((gs & ~0xffffull) + SLOT_KSTACK, SLOT_KSTACK_TOP - SLOT_KSTACK, 0);
	else if (!strcmp(where, "heap"))
		scribble_range(HEAP_BASE, 65536, 0);
	else if (!strcmp(where, "hole"))
		printf("punch: %ld\n", host_call(SYS_madvise, ARENA_BASE, 64 << 20, MADV_REMOVE, 0, 0, 0));
	else if (!strcmp(where, "hole-pal"))
		printf("punch: %ld\n", host_call(SYS_madvise, PALSHARED_BASE, PALSHARED_SIZE, MADV_REMOVE, 0, 0, 0));
	else if (!strcmp(where, "map-pal"))
		map_over(PAL_BASE, 4096 * 4, PROT_READ | PROT_WRITE);
	else if (!strcmp(where, "map-linux"))
		map_over(LINUX_BASE, 65536, PROT_READ | PROT_WRITE | PROT_EXEC);
	else if (!strcmp(where, "map-stack"))
		map_over(gs & ~0xffffull, 65536, PROT_NONE);
	else if (!strcmp(where, "unmap-all"))
		host_call(SYS_munmap, 0x10000, 0x680000000000 - 0x10000, 0, 0, 0, 0);
	else if (!strcmp(where, "kick"))
		for (unsigned i = 0; i < 300000; i++)
			host_call(SYS_tgkill, 1 + i % 12, 1 + i % 12, SIGURG, 0, 0, 0);
	else if (!strcmp(where, "wake"))
		for (uint64_t i = 0; i < 1 << 20; i += 4)
			host_call(SYS_futex, PALSHARED_BASE + i, FUTEX_WAKE, 1000, 0, 0, 0);
	else if (!strcmp(where, "truncate")) {
		/* By every descriptor and every way there is. */
		for (int fd = 0; fd < 300; fd++) {
			long r = ftruncate(fd, 0);

			if (r == 0 && fd > 2)
				bad("ftruncate of %d worked", fd);
		}
		need_channel();
		f_lengths();
	} else {
		bad("no such place: %s", where);
	}
	printf("scribbled %s\n", where);
	fflush(stdout);
	for (unsigned i = 0; i < 200; i++)
		use_it();
	kill(busy, SIGKILL);
	waitpid(busy, NULL, 0);
	printf("done scribble: it went well\n");
	return 0;
}
