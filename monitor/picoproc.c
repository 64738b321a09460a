/* SPDX-License-Identifier: MIT */
/*
 * monitor/picoproc.c - the table of picoprocesses, and their births.
 *
 * Numbers are generation << 16 | slot.  A fresh one is made by the launcher, or by
 * another fresh one that has booted already and copies itself (0.15 ms instead of
 * 0.5), and is told what to be by a message; a clone child is announced by its parent.
 * A copy's and a clone's first message, with the kernel's word for its pid, says which
 * process it is.
 *
 * One spare is kept warm while processes are being made, and dropped after a
 * second without.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/monitor.h"

#define SPARE_NS 1000000000ull
#define KPROC_MS_MAX 1000u
#define GRANTS_MAX 64u

struct pico *first, *kproc;
static uint32_t granted;
static struct pico *spare;
static uint64_t last_spawn_ns;
static bool kproc_wanted;
static uint64_t kproc_at_ns; /* when it is to be started; 0: nobody has said so */
unsigned pico_limbo;

/*
 * Who has which process index.  kproc believes a death by its index, so two must not
 * have the same: a guest that announces a copy as somebody else's index is refused.
 * (An honest one can meet this only just after a clone that failed.)
 */
static struct pico *index_owner[MON_PROCESSES] BIG_BSS;

void pico_close_channel(struct pico *p)
{
	if (p->channel < 0)
		return;
	close(p->channel); /* the loop forgets it with that: nobody else has this end */
	p->channel = -1;
}

struct pico *pico_new(enum pico_state state, enum dk_role role, int *child_end)
{
	struct pico *p = picos_live() - granted < spec.pids + 64 ? calloc(1, sizeof *p) : NULL;
	int pair[2];

	if (!p)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		free(p);
		return NULL;
	}
	*p = (struct pico){ .state = state, .role = role, .channel = pair[0], .since_ns = now_ns() };
	if (!picos_enter(p)) {
		close(pair[0]);
		close(pair[1]);
		free(p);
		return NULL;
	}
	p->says_who = state == PICO_CLONING || state == PICO_GRANTED;
	if (p->says_who)
		setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &(int){ 1 }, sizeof(int));
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

static void forget_grant(struct pico *p)
{
	struct pico *parent = pico_find(p->parent);

	granted--;
	if (parent && parent->grant == p->number)
		parent->grant = 0;
}

void pico_forget(struct pico *p)
{
	pico_close_channel(p);
	tree_forget(p->number);
	contents_forget(p->number);
	if (index_owner[p->process_index] == p)
		index_owner[p->process_index] = NULL;
	if (p->state == PICO_CLONING && p->eof && pico_limbo > 0)
		pico_limbo--;
	if (p->state == PICO_GRANTED)
		forget_grant(p);
	else if (p->grant)
		pico_forget(pico_find(p->grant));
	picos_leave(p);
	if (p == spare)
		spare = NULL;
	free(p->part);
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

void pico_want_kproc_in(uint64_t ms)
{
	if (!kproc && !spec.bare)
		kproc_at_ns = now_ns() + (ms < KPROC_MS_MAX ? ms : KPROC_MS_MAX) * 1000000;
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

static void announced(struct pico *p, const struct pico *parent, uint64_t index)
{
	stats_birth(BORN_BY_FORK);
	p->process_index = index;
	p->after_hello = PICO_RUNNING;
	index_owner[index] = p;
	p->parent = parent->number;
	pico_announced(p);
}

struct pico *pico_prepare_clone(const struct pico *parent, uint64_t index, int *child_end)
{
	struct pico *p = index_owner[index] || !kproc ? NULL : pico_new(PICO_CLONING, DK_ROLE_GUEST, child_end);

	if (p)
		announced(p, parent, index);
	return p;
}

/*
 * Grants: a process that forks again and again is given the channel of its next child in
 * advance, so that it need not wait for us before the clone.  It is nobody's until its
 * owner announces it.
 */
struct pico *pico_grant(struct pico *parent, int *child_end)
{
	struct pico *p = parent->grant || granted >= GRANTS_MAX || !kproc ? NULL : pico_new(PICO_GRANTED, DK_ROLE_GUEST, child_end);

	if (p) {
		granted++;
		p->parent = parent->number;
		parent->grant = p->number;
		pico_announced(p);
	}
	return p;
}

struct pico *pico_take_grant(struct pico *parent, uint64_t number, uint64_t index)
{
	struct pico *p = number == parent->grant ? pico_find(number) : NULL;

	if (!p || index_owner[index])
		return NULL; /* the number of processes was looked at when the grant was made */
	forget_grant(p);
	p->state = PICO_CLONING;
	announced(p, parent, index);
	return p;
}

/* Milliseconds from now, at least 1 so that nobody spins for the rest of one. */
static int until_ms(uint64_t when_ns)
{
	uint64_t now = now_ns();

	return when_ns <= now ? 0 : (int)((when_ns - now) / 1000000) + 1;
}

int pico_timeout_ms(void)
{
	uint64_t age;

	if (pico_reap_at != 0)
		return 5;
	if (pico_limbo > 0)
		return kproc_at_ns != 0 && until_ms(kproc_at_ns) < 100 ? until_ms(kproc_at_ns) : 100;
	if (kproc_at_ns != 0)
		return until_ms(kproc_at_ns);
	if (!spare || last_spawn_ns == 0)
		return -1;
	age = now_ns() - spare->since_ns;
	return age >= SPARE_NS ? 0 : (int)((SPARE_NS - age) / 1000000) + 1;
}

void pico_tick(void)
{
	if (pico_reap_at != 0 && now_ns() >= pico_reap_at)
		pico_reap_all();
	if (pico_limbo > 0)
		pico_each(pico_check_limbo);
	if (kproc_at_ns != 0 && now_ns() >= kproc_at_ns) {
		kproc_at_ns = 0;
		affinity_spread();
		(void)pico_want_kproc();
	}
	if (spare && last_spawn_ns != 0 && now_ns() - spare->since_ns >= SPARE_NS) {
		struct pico *p = spare;

		spare = NULL;
		pico_kill(p, NULL);
	}
}
