/* SPDX-License-Identifier: MIT */
/*
 * tests/abi/wait.c - torture of waiting and kicking: nothing may be lost, or this hangs.
 *
 * Ball: two players, each in a picoprocess of its own or in one, pass a ball by an
 * event, a semaphore or a byte in a pipe, chosen at random; the receiver waits for all
 * of them, sometimes with a short deadline, sometimes with a descriptor among them
 * (poll) and sometimes without (futex).  A third thread kicks both all the time.
 *
 * Kick: a thread blocks in all ways there are; each mark must get it out, one by one.
 *
 * The parameter is the number of passes a game, two waits each; 0 = a short run.
 */
#include "tests/abi/bare.h"

struct game {
	dk_handle event[2], semaphore[2], pipe_read[2], pipe_write[2], never, tty, pipe_idle, done;
	_Atomic uint32_t balls[2]; /* sent to player i so far, by each means */
	_Atomic uint32_t thread[2], got[2], stop;
	_Atomic uint32_t acks, target, interrupted, timeouts;
	uint32_t passes;
};
/* The arena is the same memory in all picoprocesses. */
#define GAME ((struct game *)ARENA_BASE)

static dk_handle open_uri(const char *uri)
{
	struct dk_open open = { .access = DK_READ | DK_WRITE };
	dk_handle h = 0;

	OK(DkStreamOpen(uri, &open, &h));
	return h;
}

static dk_handle event_of(dk_handle stream, uint32_t which)
{
	dk_handle h = 0;

	OK(DkStreamGetEvent(stream, which, &h));
	return h;
}

static void throw_ball(int to, uint64_t *seed)
{
	struct game *g = GAME;
	struct dk_segment s = { (void *)(uintptr_t)"b", 1 };
	uint64_t done;

	switch (bare_random(seed) % 3) {
	case 0:
		OK(DkEventSet(g->event[to]));
		break;
	case 1:
		OK(DkSemaphoreRelease(g->semaphore[to], 1, NULL));
		break;
	default:
		OK(DkStreamWrite(g->pipe_write[to], DK_OFFSET_NONE, &s, 1, DK_IO_NONBLOCK, &done));
		CHECK(done == 1);
		break;
	}
}

/* A ball may come by event, semaphore or pipe; when the last is not waited for (futex), look after it
   now and then. */
static void catch_ball(int me, uint64_t *seed)
{
	struct game *g = GAME;
	dk_handle objects[6] = { g->event[me], g->semaphore[me], event_of(g->pipe_read[me], DK_EVENT_READ), g->never, g->never, g->never };
	char byte;
	struct dk_segment s = { &byte, 1 };
	uint64_t done;

	for (;;) {
		uint32_t r = bare_random(seed), index = 99, count = r & 1 ? 3 : 6;
		uint64_t deadline = DK_FOREVER;
		enum dk_status status;

		if (r % 16 == 2)
			deadline = bare_now() + bare_random(seed) % 50000;
		else if (r % 16 == 4)
			deadline = 0;
		if (r % 8 == 6) { /* without the descriptor */
			count = 2;
			deadline = bare_now() + bare_random(seed) % 100000;
		}
		status = DkObjectsWaitAny(count, objects, deadline, r & 64 ? DK_WAIT_UNINTERRUPTIBLE : 0, &index);
		if (status == DK_TIMEOUT) {
			CHECK(deadline != DK_FOREVER);
			atomic_fetch_add(&g->timeouts, 1);
			continue;
		}
		if (status == DK_INTERRUPTED) {
			CHECK(bare_tb()->work);
			bare_tb()->work = 0;
			atomic_fetch_add(&g->interrupted, 1);
			continue;
		}
		CHECK_STATUS(status, DK_OK);
		CHECK(index < 3);
		if (index < 2)
			return;
		status = DkStreamRead(g->pipe_read[me], DK_OFFSET_NONE, &s, 1, DK_IO_NONBLOCK, &done);
		CHECK_STATUS(status, DK_OK);
		CHECK(done == 1);
		return;
	}
}

static void play(int me)
{
	struct game *g = GAME;
	uint64_t seed = bare_now() + (uint64_t)me;

	g->thread[me] = bare_boot->thread;
	for (uint32_t i = 0; i < g->passes; i++) {
		if (me == 0)
			throw_ball(1, &seed);
		catch_ball(me, &seed);
		if (me == 1)
			throw_ball(0, &seed);
		g->got[me] = i;
	}
}

static void kicker(void)
{
	struct game *g = GAME;
	uint64_t seed = bare_now();

	while (!g->stop) {
		for (int i = 0; i < 2; i++) {
			if (g->thread[i])
				(void)DkThreadRaiseException(g->thread[i], 0);
		}
		for (uint32_t n = bare_random(&seed) % 3000; n; n--)
			cpu_relax();
		if (bare_random(&seed) % 8 == 0)
			(void)DkThreadDelayExecution(bare_random(&seed) % 100000);
	}
}

/* ---- Kick ---- */

static void block_somehow(uint32_t how)
{
	struct game *g = GAME;
	dk_handle objects[2] = { g->never, event_of(g->pipe_idle, DK_EVENT_READ) };
	char byte;
	struct dk_segment s = { &byte, 1 };
	uint64_t done;
	uint32_t index;

	switch (how % 6) {
	case 0:
		CHECK_STATUS(DkObjectsWaitAny(1, objects, DK_FOREVER, 0, &index), DK_INTERRUPTED);
		break;
	case 1:
		CHECK_STATUS(DkObjectsWaitAny(2, objects, DK_FOREVER, 0, &index), DK_INTERRUPTED);
		break;
	case 2:
		CHECK_STATUS(DkStreamRead(g->pipe_idle, DK_OFFSET_NONE, &s, 1, 0, &done), DK_INTERRUPTED);
		break;
	case 3:
		CHECK_STATUS(DkThreadDelayExecution(UINT64_MAX), DK_INTERRUPTED);
		break;
	case 4:
		CHECK_STATUS(DkStreamRead(g->tty, DK_OFFSET_NONE, &s, 1, 0, &done), DK_INTERRUPTED);
		break;
	default:
		while (!*(volatile uint32_t *)&bare_tb()->work)
			cpu_relax();
		break;
	}
}

static void target(void)
{
	struct game *g = GAME;

	for (uint32_t i = 0; i < g->passes; i++) {
		if (!bare_tb()->work)
			block_somehow(i);
		bare_tb()->work = 0;
		atomic_fetch_add(&g->acks, 1);
	}
}

static void kick_one_by_one(void)
{
	struct game *g = GAME;
	uint64_t seed = bare_now();

	while (!g->target)
		(void)DkThreadYieldExecution();
	for (uint32_t i = 0; i < g->passes; i++) {
		uint64_t since = bare_now();

		if (bare_random(&seed) % 4 == 0)
			(void)DkThreadDelayExecution(bare_random(&seed) % 60000);
		OK(DkThreadRaiseException(g->target, 0));
		while (g->acks <= i) {
			(void)DkThreadYieldExecution();
			if (bare_now() - since > 20000 * MS)
				bare_fail(__FILE__, __LINE__, "a kick was lost: way", i % 6);
		}
	}
}

enum { ROLE_PLAYER, ROLE_KICKER, ROLE_TARGET, ROLE_HITTER };

void bare_thread(uint64_t parameter)
{
	struct game *g = GAME;

	switch (parameter) {
	case ROLE_PLAYER: /* boot->thread is the first thread's: players register themselves in play() */
		play(1);
		break;
	case ROLE_KICKER:
		kicker();
		break;
	case ROLE_TARGET:
		target();
		break;
	default:
		kick_one_by_one();
		break;
	}
	OK(DkSemaphoreRelease(g->done, 1, NULL));
}

static void await_done(uint32_t n)
{
	while (n--)
		CHECK_STATUS(DkObjectsWaitAny(1, &GAME->done, DK_FOREVER, DK_WAIT_UNINTERRUPTIBLE, &(uint32_t){ 0 }), DK_OK);
}

static void ball_game(bool two_processes)
{
	struct game *g = GAME;
	dk_handle child = 0, kicks, player = 0;
	uint64_t start = bare_now();

	g->stop = g->interrupted = g->timeouts = g->thread[0] = g->thread[1] = 0;
	kicks = bare_start(ROLE_KICKER);
	if (two_processes) {
		OK(DkProcessCreate(NULL, 0, DK_PROCESS_CLONE, &child));
		if (!child) {
			kicks = bare_start(ROLE_KICKER);
			play(1);
			CHECK_STATUS(DkObjectsWaitAny(1, &kicks, DK_FOREVER, DK_WAIT_UNINTERRUPTIBLE, &(uint32_t){ 0 }), DK_OK);
			(void)DkProcessExit(0);
		}
	} else {
		player = bare_start(ROLE_PLAYER);
		g->thread[1] = player;
	}
	play(0);
	g->stop = 1;
	await_done(2);
	bare_print("ball, %s: %u passes, %lu ns each, %u interrupted, %u timed out", two_processes ? "two processes" : "one process",
		g->passes, (bare_now() - start) / g->passes, g->interrupted, g->timeouts);
	OK(DkObjectClose(kicks));
	if (player)
		OK(DkObjectClose(player));
	if (child)
		OK(DkObjectClose(child));
}

static void kick_game(bool two_processes)
{
	struct game *g = GAME;
	dk_handle child = 0;
	uint64_t start = bare_now();

	g->acks = g->target = 0;
	if (two_processes) {
		OK(DkProcessCreate(NULL, 0, DK_PROCESS_CLONE, &child));
		if (!child) {
			kick_one_by_one();
			OK(DkSemaphoreRelease(g->done, 1, NULL));
			(void)DkProcessExit(0);
		}
	} else {
		OK(DkObjectClose(bare_start(ROLE_HITTER)));
	}
	g->target = bare_boot->thread;
	target();
	await_done(1);
	bare_tb()->work = 0;
	bare_print("kick, %s: %u kicks, %lu ns each", two_processes ? "two processes" : "one process", g->passes,
		(bare_now() - start) / g->passes);
	if (child)
		OK(DkObjectClose(child));
}

int bare_main(void)
{
	struct game *g = GAME;
	uint32_t passes = bare_boot->parameter ? (uint32_t)bare_boot->parameter : 20000;

	for (int i = 0; i < 2; i++) {
		OK(DkSynchronizationEventCreate(0, &g->event[i]));
		OK(DkSemaphoreCreate(0, 10, &g->semaphore[i]));
		g->pipe_read[i] = open_uri(i ? "testpipe:one/r" : "testpipe:zero/r");
		g->pipe_write[i] = open_uri(i ? "testpipe:one/w" : "testpipe:zero/w");
	}
	OK(DkNotificationEventCreate(0, &g->never));
	OK(DkSemaphoreCreate(0, 100, &g->done));
	g->pipe_idle = open_uri("testpipe:idle/r");
	g->tty = open_uri("testtty:term/s");
	for (int two = 0; two < 2; two++) {
		g->passes = passes;
		ball_game(two);
		g->passes = MIN(passes, 50000u); /* a kick takes ten times a pass */
		kick_game(two);
	}
	return 0;
}
