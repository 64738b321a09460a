/* SPDX-License-Identifier: MIT */
/*
 * monitor/pico_death.c - picoprocesses' deaths, and who said hello.
 *
 * A death counts when the process was reaped and its channel read to the end; kproc
 * then hears of it.  A channel at its end with the process still there is a
 * picoprocess that lost its only way to speak: it is ended.
 * Deaths and what the processes said come in any order: a child that died before we
 * knew which picoprocess it was waits among the strangers, a clone whose channel ended
 * before its hello in limbo.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/monitor.h"

#define LIMBO_NS 1000000000ull
#define REAP_NS  5000000u
#define FEW      128u /* processes of which all are looked at */

/* Dead before we knew which picoprocess they were. */
static struct {
	pid_t pid;
	uint32_t status;
} strangers[64];
static unsigned next_stranger;
static uint64_t clones[64]; /* numbers of those announced last */
static unsigned next_clone;
uint64_t pico_reap_at;

static pid_t dying; /* reaped a moment ago */

/* While it is alone it says EXIT before it ends. */
static void first_ended(const struct pico *p)
{
	if (p->reaped && WIFSIGNALED(p->wait_status) && WTERMSIG(p->wait_status) == SIGKILL)
		sandbox_end(128 + SIGKILL); /* as kproc reports it */
	if (p->reaped && WIFSIGNALED(p->wait_status))
		fail("the program's process was ended by signal %d", WTERMSIG(p->wait_status));
	fail("the program's process ended without a word (status %u)", p->wait_status >> 8);
}

static void bury(struct pico *p)
{
	struct mon_death d = { .process_index = p->process_index, .pico = p->number,
		.wait_status = p->reaped ? p->wait_status : 0xffff, .kind = MON_NOTE_DEATH };
	bool tell = p->state != PICO_SPARE && !(p->state == PICO_CLONING && p->after_hello == PICO_SPARE);
	bool parent = p->state == PICO_RUNNING;

	if (p == kproc) {
		if (p->reaped && WIFSIGNALED(p->wait_status))
			fail("the sandbox's kernel process was ended by signal %d", WTERMSIG(p->wait_status));
		fail("the sandbox's kernel process ended without a word (status %u)", p->wait_status >> 8);
	}
	if (p == first && !kproc)
		first_ended(p);
	if (p == first)
		first = NULL;
	pico_forget(p);
	if (tell)
		deaths_note(&d);
	if (pico_limbo > 0 && parent)
		pico_each(pico_check_limbo); /* its copies go with it, and their process indexes are free */
}

void pico_kill(struct pico *p, const char *why)
{
	if (why)
		log_line(DK_LOG_WARNING, "process %llu of the sandbox is ended: %s", (unsigned long long)p->number & 0xffff, why);
	p->killed = true;
	if (p->grant != 0 && p->channel >= 0)
		loop_remove(p->channel); /* nothing it said is heard any more but that it made a copy: channel_last_words */
	else
		pico_close_channel(p);
	if (p->pid > 0 && !p->reaped)
		kill(p->pid, SIGKILL);
	if (p->pid == 0) {
		p->eof = true;
		if (p->state == PICO_CLONING) {
			p->since_ns = now_ns();
			pico_limbo++;
		}
	}
}

/*
 * A clone whose channel ended before it said hello: the clone failed and its parent
 * will say so (CLONED), or the child died at once and is, or will be, a stranger
 * among the reaped, or the parent is gone too.
 */
static bool claim_stranger(struct pico *p)
{
	for (unsigned i = 0; i < ARRAY_LEN(strangers); i++) {
		if (strangers[i].pid == 0)
			continue;
		strangers[i].pid = 0;
		p->reaped = true;
		p->wait_status = strangers[i].status;
		bury(p);
		return true;
	}
	return false;
}

void pico_check_limbo(struct pico *p)
{
	if (p->state != PICO_CLONING || !p->eof)
		return;
	if (!claim_stranger(p) && (!pico_find(p->parent) || now_ns() - p->since_ns >= LIMBO_NS))
		bury(p);
}

static bool reap_one(pid_t which);

void pico_eof(struct pico *p)
{
	if (p->state == PICO_GRANTED) { /* its owner wants it no more, or is gone */
		pico_forget(p);
		return;
	}
	pico_close_channel(p);
	if (p->reaped) {
		bury(p);
		return;
	}
	if (p->state == PICO_CLONING && p->pid == 0) {
		p->since_ns = now_ns();
		pico_limbo++;
		if (!pico_find(p->parent))
			pico_check_limbo(p);
		return;
	}
	if (p->pid > 0 && !(picos_live() >= FEW && reap_one(p->pid)))
		kill(p->pid, SIGKILL); /* pid 0: the launcher's answer comes first */
}

/*
 * May the sender of a hello be a new picoprocess?  One that speaks for itself is our
 * child, not yet known; any other number could later be that of a process of the
 * host, which we would signal.
 */
bool pico_may_be(pid_t pid)
{
	siginfo_t si;

	if (pid == launcher_pid || net_has(pid) || pid == init_pid || pico_by_pid(pid))
		return false;
	return pid == dying || waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Those that have not yet said hello may have, by now. */
static void hear_clones(struct pico *p)
{
	if (p->state == PICO_GRANTED)
		channel_hear_maker(p);
	if (p->state == PICO_CLONING && p->channel >= 0)
		channel_hear(p);
}

void pico_announced(const struct pico *p)
{
	clones[next_clone++ % ARRAY_LEN(clones)] = p->number;
}

/* Who has just been reaped and is not known may be one of those announced last, or of all. */
static struct pico *unheard(pid_t pid)
{
	struct pico *p;

	dying = pid;
	for (unsigned i = 0; i < ARRAY_LEN(clones); i++)
		if ((p = pico_find(clones[i])) != NULL)
			hear_clones(p);
	p = pico_by_pid(pid);
	if (!p) {
		pico_each(hear_clones);
		p = pico_by_pid(pid);
	}
	dying = 0;
	return p;
}

static void one_died(pid_t pid, uint32_t status)
{
	struct pico *p = pico_by_pid(pid);

	if (!p)
		p = unheard(pid);
	if (!p) {
		strangers[next_stranger % ARRAY_LEN(strangers)].pid = pid;
		strangers[next_stranger++ % ARRAY_LEN(strangers)].status = status;
		return;
	}
	p->reaped = true;
	p->wait_status = status;
	if (p->channel >= 0)
		channel_drain(p);
	bury(p);
}

/* One dead child: which, or -1.  False: there is none. */
static bool reap_one(pid_t which)
{
	int status;
	pid_t pid = waitpid(which, &status, WNOHANG);

	if (pid <= 0)
		return false;
	if (pid == init_pid) {
		init_pid = -1;
		fail("the sandbox's init process was ended (status %d)", status);
	}
	if (net_has(pid)) {
		net_ended(pid);
		return true;
	}
	if (pid == launcher_pid) {
		launcher_pid = 0;
		sandbox_launcher_event();
		fail("the launcher of the sandbox's processes ended (status %d)", status);
	}
	one_died(pid, (uint32_t)status);
	return true;
}

void pico_reap_all(void)
{
	pico_reap_at = 0;
	while (reap_one(-1))
		;
}

/*
 * The host's kernel looks at all our children to find one that is dead.  Of many only the one that
 * SIGCHLD names is asked for, and all a little later: signals of several deaths are one.
 */
void pico_reap(pid_t hint)
{
	if (picos_live() < FEW) {
		pico_reap_all();
		return;
	}
	if (hint > 0)
		(void)reap_one(hint);
	if (pico_reap_at == 0)
		pico_reap_at = now_ns() + REAP_NS;
}

/* The launcher says which process it made. */
void pico_made(uint64_t number, pid_t pid, bool failed)
{
	struct pico *p = pico_find(number);

	if (!p) {
		if (pid > 0 && !failed)
			kill(pid, SIGKILL);
		return;
	}
	pico_set_pid(p, pid);
	for (unsigned i = 0; i < ARRAY_LEN(strangers); i++) {
		if (pid > 0 && strangers[i].pid == pid) {
			strangers[i].pid = 0;
			p->reaped = true;
			p->wait_status = strangers[i].status;
			if (p->channel >= 0)
				channel_drain(p);
			bury(p);
			return;
		}
	}
	if (pid <= 0)
		bury(p);
	else if (p->killed || p->eof)
		kill(pid, SIGKILL);
}
