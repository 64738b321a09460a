/* SPDX-License-Identifier: MIT */
/* tests/escape/attack.h - what speaks to the monitor itself: the parts of `hostile` that attack.c runs. */
#ifndef ATTACK_H
#define ATTACK_H
#include "abi/monitor.h"
#include "hostile.h"

/* ---- talk.c ---- */

struct answer {
	struct mon_reply r;
	char data[MON_DATA_MAX];
};
struct message {
	struct mon_request q;
	char text[200000];
};
extern struct message msg;   /* what is sent next */
extern struct answer answer; /* what came last */
extern int channel;
extern int answer_fd, answer_second; /* descriptors that came with it, or -1 */

void need_channel(void); /* finds the channel, or ends the process */
void request(uint32_t op, uint64_t stream, const void *text, size_t len); /* fills msg */
/* Sends msg; the answer's status, or -errno; descriptors that come are closed unless keep. */
long ask(int keep);
long raw_send(int fd, const void *message, size_t len);
long raw_receive(int fd, long ms); /* one message, waiting at most ms; its size or -errno */
/*
 * Sleeps at the host.  Who has lied to the monitor must not enter the library OS any
 * more: killed there with a lock in its hands it would take the sandbox along, which it
 * may, but that is not what is tried here.
 */
void doze(unsigned ms);
void await_death(void);

/* ---- The attacks; each returns an exit code. ---- */

int forge(const char *only); /* forge.c; only: part of a kind's name, or NULL */
int lie(void);
int alive(void); /* the sandbox still works: a process, a file, a pipe */
void f_lengths(void);
int fuzz(uint64_t seed, unsigned count); /* fuzz.c */
extern uint64_t random_state;
uint32_t rnd(void);
uint64_t rnd_value(void);
int paths(int argc, char **argv); /* paths.c */
int race(const char *marker, const char *dir, long ms);
int net_attack(int argc, char **argv); /* netops.c */
int scribble(const char *where); /* scribble.c */
#endif
