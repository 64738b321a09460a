/* SPDX-License-Identifier: MIT */
/*
 * monitor/picoproc.c - picoprocesses from birth to death.
 *
 * Numbers are generation << 16 | slot.  A fresh one is made by the launcher, or by
 * another fresh one that has booted already and copies itself (0.15 ms instead of
 * 0.5), and is told what to be by a message; a clone child is announced by its parent.
 * A copy's and a clone's first message, with the kernel's word for its pid, says which
 * process it is.
 * A death counts when the process was reaped and its channel read to the end; kproc
 * then hears of it.  A channel at its end with the process still there is a
 * picoprocess that lost its only way to speak: it is ended.
 *
 * One spare is kept warm while processes are being made, and dropped after a
 * second without.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/monitor.h"

#define SPARE_NS 1000000000ull
#define PICO_MAX 65000u

struct pico *first, *kproc;
static struct pico **table;
static uint32_t *generations, table_size, live;
static struct pico *spare;
static uint64_t last_spawn_ns;
static bool kproc_wanted;
static unsigned limbo; /* clones that ended before they said hello */

/*
 * Who has which process index.  kproc believes a death by its index, so two must not
 * have the same: a guest that announces a copy as somebody else's index is refused.
 * (An honest one can meet this only just after a clone that failed.)
 */
static struct pico *index_owner[MON_PROCESSES] BIG_BSS;

/* Dead before we knew which picoprocess they were. */
static struct {
	pid_t pid;
	uint32_t status;
} strangers[64];
static unsigned next_stranger;

/* ---- the table ---- */

static uint32_t free_slot(void)
{
	uint32_t i, size;

	for (i = 0; i < table_size; i++)
		if (!table[i])
			return i;
	size = table_size ? table_size * 2 : 16;
	if (size > PICO_MAX)
		return UINT32_MAX;
	void *t = realloc(table, size * sizeof *table), *g = realloc(generations, size * sizeof *generations);

	if (t)
		table = t;
	if (g)
		generations = g;
	if (!t || !g)
		return UINT32_MAX;
	for (i = table_size; i < size; i++) {
		table[i] = NULL;
		generations[i] = 1;
	}
	i = table_size;
	table_size = size;
	return i;
}

struct pico *pico_find(uint64_t number)
{
	uint32_t slot = number & 0xffff;

	if (slot >= table_size || !table[slot] || table[slot]->number != number)
		return NULL;
	return table[slot];
}

void pico_each(void (*fn)(struct pico *p))
{
	for (uint32_t i = 0; i < table_size; i++)
		if (table[i])
			fn(table[i]);
}

static void close_channel(struct pico *p)
{
	if (p->channel < 0)
		return;
	loop_remove(p->channel);
	close(p->channel);
	p->channel = -1;
}

struct pico *pico_new(enum pico_state state, enum dk_role role, int *child_end)
{
	uint32_t slot = live < spec.pids + 64 ? free_slot() : UINT32_MAX;
	struct pico *p = slot == UINT32_MAX ? NULL : calloc(1, sizeof *p);
	int pair[2];

	if (!p)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		free(p);
		return NULL;
	}
	*p = (struct pico){ .number = (uint64_t)generations[slot] << 16 | slot, .state = state, .role = role, .channel = pair[0],
		.since_ns = now_ns() };
	if (state == PICO_CLONING)
		setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &(int){ 1 }, sizeof(int));
	table[slot] = p;
	live++;
	*child_end = pair[1];
	loop_add(p->channel, LOOP_CHANNEL, p->number);
	return p;
}

void pico_never_was(struct pico *p)
{
	struct mon_death d = { .process_index = p->process_index, .pico = p->number, .wait_status = 0xffff, .kind = MON_NOTE_DEATH };
	bool was_promised = p->is_copy && p->after_hello == PICO_RUNNING;

	pico_forget(p);
	if (was_promised)
		deaths_note(&d);
}

void pico_forget(struct pico *p)
{
	uint32_t slot = p->number & 0xffff;

	close_channel(p);
	if (index_owner[p->process_index] == p)
		index_owner[p->process_index] = NULL;
	if (p->state == PICO_CLONING && p->eof && limbo > 0)
		limbo--;
	table[slot] = NULL;
	generations[slot]++;
	live--;
	if (p == spare)
		spare = NULL;
	free(p);
}

/* ---- birth ---- */

void pico_boot(struct pico *p, const char *image)
{
	struct mon_boot b = boot_template;
	int fds[MON_BOOT_FDS];
	unsigned n = 0;

	b.role = p->role;
	b.pico = p->number;
	b.fd_mask = 0;
	b.gathered = p == first && affinity_gathered();
#define ADD(which, fd)                                                                               \
	do {                                                                                          \
		if ((fd) >= 0) {                                                                      \
			b.fd_mask |= 1u << (which);                                                   \
			fds[n++] = (fd);                                                              \
		}                                                                                     \
	} while (0)
	ADD(MON_BFD_ARENA, arena_fd);
	ADD(MON_BFD_DATA, data_fd);
	ADD(MON_BFD_PALSHARED, palshared_fd);
	ADD(MON_BFD_PERSONALITY, sandbox_image(image));
	if (p == first)
		ADD(MON_BFD_CONFIG, config_fd);
	if (p == kproc)
		ADD(MON_BFD_DEATHS, deaths_child_fd);
	for (unsigned i = 0; i < spec.ext_count; i++)
		ADD(MON_BFD_EXT + i, ext_fds[i]);
#undef ADD
	channel_send(p, &b, sizeof b, fds, n);
}

void pico_start(struct pico *p, uint64_t parameter, uint64_t index)
{
	struct mon_start s = { .parameter = parameter, .process_index = index };

	p->process_index = index;
	index_owner[index] = p;
	p->after_hello = PICO_RUNNING;
	if (p->state != PICO_CLONING)
		p->state = PICO_RUNNING;
	channel_send(p, &s, sizeof s, NULL, 0);
}

/* model, which has not been started, is to make another like itself.  NULL: no room, and no harm. */
static struct pico *copy_of(struct pico *model)
{
	int end;
	struct pico *p = pico_new(PICO_CLONING, DK_ROLE_GUEST, &end);
	struct mon_start s = { .kind = MON_COPY };
	bool sent;

	if (!p)
		return NULL;
	stats_birth(BORN_AS_COPY);
	p->parent = model->number;
	p->after_hello = PICO_SPARE;
	p->is_copy = true;
	s.process_index = p->number;
	sent = channel_send(model, &s, sizeof s, &end, 1);
	close(end);
	if (sent)
		return p;
	pico_forget(p);
	return NULL;
}

static struct pico *make(enum pico_state state, const char *image)
{
	int child_end;
	struct pico *p = pico_new(state, DK_ROLE_GUEST, &child_end);

	if (!p)
		return NULL;
	stats_birth(BORN_FRESH);
	pico_boot(p, image);
	sandbox_spawn_order(p, child_end);
	return p;
}

/*
 * kproc, whose process entry the first made.  A signal may come before the first has an
 * arena for it to find; its first request says that there is one.
 */
bool pico_want_kproc(void)
{
	int child_end;

	if (kproc)
		return true;
	kproc_wanted = true;
	if (!first->asked)
		return false;
	kproc = pico_new(PICO_RUNNING, DK_ROLE_KPROC, &child_end);
	if (!kproc)
		return false;
	deaths_init();
	stats_birth(BORN_FRESH);
	pico_boot(kproc, spec.image);
	close(deaths_child_fd);
	deaths_child_fd = -1;
	sandbox_spawn_order(kproc, child_end);
	pico_start(kproc, 0, MON_KPROC_INDEX);
	deaths_flush();
	return true;
}

void pico_first_asked(void)
{
	first->asked = true;
	if (kproc_wanted && !pico_want_kproc())
		fail("cannot start the sandbox's kernel process: %s", strerror(errno));
}

void pico_want_spare(void)
{
	if (!spare && !spec.bare)
		spare = make(PICO_SPARE, spec.image);
	if (spare)
		spare->since_ns = now_ns();
}

uint64_t pico_spawn(const char *image, uint64_t parameter, uint64_t index, enum dk_status *status)
{
	struct pico *p = NULL;
	uint64_t now = now_ns();

	*status = DK_TOO_MANY;
	if (sandbox_image(image) < 0) {
		*status = DK_DENIED;
		return 0;
	}
	if (index == MON_KPROC_INDEX && !spec.bare) {
		if (pico_want_kproc())
			*status = DK_OK;
		return kproc ? kproc->number : 0;
	}
	if (index_owner[index])
		return 0;
	if (!kproc) {
		*status = DK_DENIED; /* who would hear of its death? */
		return 0;
	}
	if (spare && !spare->eof && !strcmp(image, spec.image)) {
		p = spare;
		spare = NULL;
	} else {
		p = make(PICO_RUNNING, image);
	}
	if (!p)
		return 0;
	*status = DK_OK;
	if (!spare && now - last_spawn_ns < SPARE_NS && !strcmp(image, spec.image))
		spare = copy_of(p);
	pico_start(p, parameter, index);
	last_spawn_ns = now;
	return p->number;
}

struct pico *pico_prepare_clone(const struct pico *parent, uint64_t index, int *child_end)
{
	struct pico *p = index_owner[index] || !kproc ? NULL : pico_new(PICO_CLONING, DK_ROLE_GUEST, child_end);

	if (p) {
		stats_birth(BORN_BY_FORK);
		p->process_index = index;
		p->after_hello = PICO_RUNNING;
		index_owner[index] = p;
		p->parent = parent->number;
	}
	return p;
}

int pico_timeout_ms(void)
{
	uint64_t age;

	if (limbo > 0)
		return 100;
	if (!spare || last_spawn_ns == 0)
		return -1;
	age = now_ns() - spare->since_ns;
	return age >= SPARE_NS ? 0 : (int)((SPARE_NS - age) / 1000000) + 1;
}

static void check_limbo(struct pico *p);

void pico_tick(void)
{
	if (limbo > 0)
		pico_each(check_limbo);
	if (spare && last_spawn_ns != 0 && now_ns() - spare->since_ns >= SPARE_NS) {
		struct pico *p = spare;

		spare = NULL;
		pico_kill(p, NULL);
	}
}

/* ---- death ---- */

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
	if (limbo > 0 && parent)
		pico_each(check_limbo); /* its copies go with it, and their process indexes are free */
}

void pico_kill(struct pico *p, const char *why)
{
	if (why)
		log_line(DK_LOG_WARNING, "process %llu of the sandbox is ended: %s", (unsigned long long)p->number & 0xffff, why);
	p->killed = true;
	close_channel(p); /* nothing it said is heard any more */
	if (p->pid > 0 && !p->reaped)
		kill(p->pid, SIGKILL);
	if (p->pid == 0) {
		p->eof = true;
		if (p->state == PICO_CLONING) {
			p->since_ns = now_ns();
			limbo++;
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

static void check_limbo(struct pico *p)
{
	if (p->state != PICO_CLONING || !p->eof)
		return;
	if (!claim_stranger(p) && (!pico_find(p->parent) || now_ns() - p->since_ns >= SPARE_NS))
		bury(p);
}

void pico_eof(struct pico *p)
{
	close_channel(p);
	if (p->reaped) {
		bury(p);
		return;
	}
	if (p->state == PICO_CLONING && p->pid == 0) {
		p->since_ns = now_ns();
		limbo++;
		if (!pico_find(p->parent))
			check_limbo(p);
		return;
	}
	if (p->pid > 0)
		kill(p->pid, SIGKILL); /* pid 0: the launcher's answer comes first */
}

static pid_t dying; /* reaped a moment ago */

static struct pico *by_pid(pid_t pid)
{
	for (uint32_t i = 0; i < table_size; i++)
		if (table[i] && table[i]->pid == pid)
			return table[i];
	return NULL;
}

/*
 * May the sender of a hello be a new picoprocess?  One that speaks for itself is our
 * child, not yet known; any other number could later be that of a process of the
 * host, which we would signal.
 */
bool pico_may_be(pid_t pid)
{
	siginfo_t si;

	if (pid == launcher_pid || pid == init_pid || by_pid(pid))
		return false;
	return pid == dying || waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Those that have not yet said hello may have, by now. */
static void hear_clones(struct pico *p)
{
	if (p->state == PICO_CLONING && p->channel >= 0)
		channel_hear(p);
}

static void one_died(pid_t pid, uint32_t status)
{
	struct pico *p = by_pid(pid);

	if (!p) {
		dying = pid;
		pico_each(hear_clones);
		dying = 0;
		p = by_pid(pid);
	}
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

void pico_reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == init_pid) {
			init_pid = -1;
			fail("the sandbox's init process was ended (status %d)", status);
		}
		if (pid == launcher_pid) {
			launcher_pid = 0;
			sandbox_launcher_event();
			fail("the launcher of the sandbox's processes ended (status %d)", status);
		}
		one_died(pid, (uint32_t)status);
	}
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
	p->pid = pid;
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
