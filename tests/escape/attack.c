/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/attack.c - a guest that speaks to the monitor itself, through pal's
 * instruction, and one that scribbles over what the sandbox shares.
 *
 *	hostile forge ADDR		malformed and lying requests, one process each
 *	hostile lie ADDR		processes with numbers of others, and one with a lying parameter
 *	hostile fuzz ADDR SEED COUNT	random well-formed requests
 *	hostile paths ADDR MARKER URI...	tries to read MARKER by each URI and many spellings
 *	hostile race ADDR MARKER DIR	swaps DIR/d between folder and link while opening below it
 *	hostile net ADDR TCP UDP OTHER	requests of the network: netops.c
 *	hostile swarm ADDR		streams and copies without end, answers not taken
 *	hostile panic ADDR		ends the sandbox by a PANIC with control characters
 *	hostile scribble ADDR WHERE	writes over a part of the shared memory, while others use it
 */
#include "attack.h"

static int swarm(unsigned most)
{
	pid_t pid;
	unsigned opened = 0, copies = 0;
	int status;

	/* Copies that the monitor was not told of: they share the channel and must end with the sandbox. */
	pid = fork();
	if (pid == 0) {
		for (unsigned i = 0; i < 200; i++) {
			long r = host_call(SYS_clone, 0x1208011, 0, 0, (uint64_t)&page->number, 0, 0);

			if (r == 0)
				for (;;)
					host_call(SYS_ppoll, 0, 0, 0, 0, 0, 0);
			if (r < 0)
				break;
			page->progress++;
			page->found = (int)i + 1;
		}
		_exit(0);
	}
	wait_child(pid, PATIENCE_MS);
	copies = (unsigned)page->found;
	page->progress = page->found = 0;
	pid = fork();
	if (pid == 0) {
		long n = 0;

		need_channel();
		for (unsigned i = 0; i < most; i++) {
			request(MON_OPEN, 0, "file:/etc/passwd", 16);
			msg.q.args[0] = DK_READ;
			n = ask(0);
			page->found++;
			if (n != DK_OK)
				break;
		}
		page->result = n;
		_exit(0);
	}
	status = wait_child(pid, PATIENCE_MS);
	opened = (unsigned)page->found;
	printf("streams: %u, then status %ld, exit %x\n", opened, page->result, status);
	printf("done swarm: %u streams, %u copies\n", opened, copies);
	return 0;
}

static int send_panic(void)
{
	need_channel();
	request(MON_PANIC, 0, "\33[31mfalse\7 alarm\r\n%n%s", 22);
	raw_send(channel, &msg, sizeof msg.q + msg.q.text_len);
	sleep(10);
	return 0;
}


int attack_main(int argc, char **argv)
{
	const char *what = argv[1];

	if (!strcmp(what, "forge"))
		return forge(argc > 3 ? argv[3] : NULL);
	if (!strcmp(what, "lie")) {
		need_channel();
		return lie();
	}
	if (!strcmp(what, "fuzz") && argc > 4)
		return fuzz(strtoull(argv[3], NULL, 0), (unsigned)atoi(argv[4]));
	if (!strcmp(what, "paths") && argc > 4)
		return paths(argc, argv);
	if (!strcmp(what, "race") && argc > 4)
		return race(argv[3], argv[4], argc > 5 ? atol(argv[5]) : 1500);
	if (!strcmp(what, "swarm"))
		return swarm(argc > 3 ? (unsigned)atoi(argv[3]) : 40000);
	if (!strcmp(what, "net") && argc > 5)
		return net_attack(argc, argv);
	if (!strcmp(what, "panic"))
		return send_panic();
	if (!strcmp(what, "scribble") && argc > 3)
		return scribble(argv[3]);
	return 2;
}
