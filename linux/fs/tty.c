/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/tty.c - the table of terminals, sessions and job control.
 *
 * A session has at most one terminal and a terminal at most one session; both
 * links and the foreground group are under TASKLIST.  p->tty is a counted
 * reference.  What a terminal does with bytes is in tty_in.c and tty_out.c.
 */
#include "linux/fs/tty.h"
#include "linux/ns/ns.h"

#include "linux/proc/proc.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

struct tty_state *tty_state(void)
{
	struct lx_state *lx = lx_state();
	struct tty_state *s = __atomic_load_n((struct tty_state **)&lx->tty, __ATOMIC_ACQUIRE);

	if (LIKELY(s != NULL))
		return s;
	lock_take(&lx->tasklist);
	s = lx->tty;
	if (!s && (s = arena_alloc(sizeof *s)) != NULL) {
		list_init(&s->all);
		__atomic_store_n((struct tty_state **)&lx->tty, s, __ATOMIC_RELEASE);
	}
	lock_drop(&lx->tasklist);
	return s;
}

/* What a new terminal is set to: as Linux's. */
static void default_termios(struct termios2 *tio)
{
	static const uint8_t cc[] = { [VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4, [VMIN] = 1,
		[VSTART] = 17, [VSTOP] = 19, [VSUSP] = 26, [VREPRINT] = 18, [VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22 };

	memset(tio, 0, sizeof *tio);
	tio->c_iflag = ICRNL | IXON;
	tio->c_oflag = OPOST | ONLCR;
	tio->c_cflag = B38400 | CS8 | CREAD;
	tio->c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
	memcpy(tio->c_cc, cc, sizeof cc);
	tio->c_ispeed = tio->c_ospeed = 38400;
}

static bool alloc_rings(struct tty *tty)
{
	tty->in.data = arena_alloc_pages(TTY_RING / PAGE_SIZE);
	tty->out.data = arena_alloc_pages(TTY_RING / PAGE_SIZE);
	tty->mark = arena_alloc(TTY_RING / 8);
	return tty->in.data && tty->out.data && tty->mark;
}

static void tty_free(struct tty *tty)
{
	if (tty->in.data)
		arena_free_pages(tty->in.data, TTY_RING / PAGE_SIZE);
	if (tty->out.data)
		arena_free_pages(tty->out.data, TTY_RING / PAGE_SIZE);
	arena_free(tty->mark);
	arena_free(tty);
}

/* Takes an index; the host's terminal is the first and so has 0.  False: none free. */
static bool tty_enter(struct tty_state *s, struct tty *tty)
{
	uint32_t i = 0;

	lock_take(&lx_state()->tasklist);
	while (i < TTY_MAX && (s->used[i / 64] & 1ull << i % 64))
		i++;
	if (i < TTY_MAX) {
		s->used[i / 64] |= 1ull << i % 64;
		tty->index = i;
		list_append(&s->all, &tty->link);
		s->pty_count += tty->kind == TTY_PTY;
	}
	lock_drop(&lx_state()->tasklist);
	return i < TTY_MAX;
}

struct tty *tty_new(enum tty_kind kind)
{
	struct tty_state *s = tty_state();
	struct tty *tty = s ? arena_alloc(sizeof *tty) : NULL;

	if (!tty)
		return NULL;
	ref_init(&tty->ref);
	list_init(&tty->link);
	lock_init(&tty->lock, LOCK_TTY);
	waitq_init(&tty->slave_wq);
	waitq_init(&tty->master_wq);
	default_termios(&tty->tio);
	tty->kind = kind;
	tty->mode = S_IFCHR | 0620;
	tty->gid = 5;
	tty->made_ns = (int64_t)pico_now_realtime();
	if ((kind == TTY_PTY && !alloc_rings(tty)) || !tty_enter(s, tty)) {
		tty_free(tty);
		return NULL;
	}
	return tty;
}

struct tty *tty_get(struct tty *tty)
{
	if (tty)
		ref_get(&tty->ref);
	return tty;
}

/*
 * The table holds no reference: an entry whose count reached 0 is passed over by
 * tty_find (ref_get_live) until it is taken out here.
 */
void tty_put(struct tty *tty)
{
	struct tty_state *s = lx_state()->tty;

	if (!tty || !ref_put(&tty->ref))
		return;
	lock_take(&lx_state()->tasklist);
	list_remove(&tty->link);
	s->used[tty->index / 64] &= ~(1ull << tty->index % 64);
	s->pty_count -= tty->kind == TTY_PTY;
	lock_drop(&lx_state()->tasklist);
	tty_free(tty);
}

struct tty *tty_find(uint32_t index)
{
	struct tty_state *s = tty_state();
	struct tty *found = NULL;

	if (!s)
		return NULL;
	lock_take(&lx_state()->tasklist);
	LIST_FOR(tty, &s->all, struct tty, link) {
		if (tty->index == index && ref_get_live(&tty->ref)) {
			found = tty;
			break;
		}
	}
	lock_drop(&lx_state()->tasklist);
	return found;
}

struct tty *tty_of_proc(struct lx_proc *p)
{
	struct tty *tty;

	lock_take(&lx_state()->tasklist);
	tty = tty_get(p->tty);
	lock_drop(&lx_state()->tasklist);
	return tty;
}

/* ---- Sessions ---- */

/* Takes the terminal from every process of the session; how many references are to be put. */
static unsigned session_clear(struct tty *tty, int session) REQUIRES(TASKLIST)
{
	unsigned refs = 0;

	PROC_SET_FOR(p, PROC_SESSION, session) {
		if (p->tty == tty) {
			p->tty = NULL;
			refs++;
		}
	}
	tty->session = tty->pgrp = 0;
	return refs;
}

static void put_many(struct tty *tty, unsigned refs)
{
	while (refs--)
		tty_put(tty);
}

void tty_leave(struct lx_proc *p)
{
	struct tty *tty;

	lock_take(&lx_state()->tasklist);
	tty = p->tty;
	p->tty = NULL;
	lock_drop(&lx_state()->tasklist);
	tty_put(tty);
}

/* The leader gives the terminal up: by TIOCNOTTY, or at its end. */
static void give_up(struct lx_proc *leader)
{
	struct tty *tty;
	unsigned refs = 0;

	lock_take(&lx_state()->tasklist);
	tty = leader->tty;
	if (tty) {
		if (tty->pgrp) {
			(void)signal_pgrp(tty->pgrp, SIGHUP, NULL);
			(void)signal_pgrp(tty->pgrp, SIGCONT, NULL);
		}
		refs = session_clear(tty, leader->session);
	}
	lock_drop(&lx_state()->tasklist);
	put_many(tty, refs);
}

void tty_session_end(struct lx_proc *p)
{
	if (p->session == p->pid)
		give_up(p);
	else
		tty_leave(p);
}

/* Makes tty the terminal of p's session. */
static void set_ctty(struct lx_proc *p, struct tty *tty) REQUIRES(TASKLIST)
{
	tty->session = p->session;
	tty->pgrp = p->pgrp;
	p->tty = tty_get(tty);
}

void tty_open_ctty(struct lx_thread *t, struct tty *tty, int flags)
{
	struct lx_proc *p = t->proc;

	if (flags & O_NOCTTY || (flags & O_ACCMODE) == O_WRONLY)
		return;
	lock_take(&lx_state()->tasklist);
	if (p->session == p->pid && !p->tty && !tty->session)
		set_ctty(p, tty);
	lock_drop(&lx_state()->tasklist);
}

void tty_host_attach(struct lx_proc *p)
{
	struct tty_state *s = tty_state();

	if (!s || !s->host)
		return;
	lock_take(&lx_state()->tasklist);
	if (!p->tty && !s->host->session)
		set_ctty(p, s->host);
	lock_drop(&lx_state()->tasklist);
}

void tty_signal_fg(struct tty *tty, int sig)
{
	lock_take(&lx_state()->tasklist);
	if (tty->pgrp)
		(void)signal_pgrp(tty->pgrp, sig, NULL);
	lock_drop(&lx_state()->tasklist);
}

/* Without a terminal of ours, or when nobody is its foreground, the first process is meant. */
void tty_host_signal(int sig)
{
	struct lx_state *lx = lx_state();
	struct tty_state *s = tty_state();
	bool done = false;

	lock_take(&lx->tasklist);
	if (s && s->host && s->host->pgrp)
		done = signal_pgrp(s->host->pgrp, sig, NULL) == 0;
	if (!done && lx->first && lx->first->state == PROC_LIVE)
		(void)signal_proc(lx->first, sig, NULL);
	lock_drop(&lx->tasklist);
}

/* The leader hears of it and its session has no terminal any more. */
void tty_hangup(struct tty *tty)
{
	unsigned refs = 0;

	lock_take(&tty->lock);
	tty->hung = 1;
	tty_flush_in(tty);
	lock_drop(&tty->lock);
	lock_take(&lx_state()->tasklist);
	if (tty->session) {
		struct lx_proc *leader = proc_find_global(tty->session);

		if (leader && leader->state == PROC_LIVE && leader->session == leader->pid) {
			(void)signal_proc(leader, SIGHUP, NULL);
			(void)signal_proc(leader, SIGCONT, NULL);
		}
		if (tty->pgrp && tty->pgrp != tty->session) {
			(void)signal_pgrp(tty->pgrp, SIGHUP, NULL);
			(void)signal_pgrp(tty->pgrp, SIGCONT, NULL);
		}
		refs = session_clear(tty, tty->session);
	}
	lock_drop(&lx_state()->tasklist);
	waitq_wake_all(&tty->slave_wq);
	waitq_wake_all(&tty->master_wq);
	put_many(tty, refs);
}

/* ---- Job control ---- */

static bool signal_is_ignored(struct lx_thread *t, int sig)
{
	return t->sigmask & SIGBIT(sig) || t->proc->sighand->action[sig].handler == (uint64_t)SIG_IGN;
}

long tty_check_change(struct lx_thread *t, struct tty *tty, int sig)
{
	struct lx_proc *p = t->proc;
	long err = 0;

	lock_take(&lx_state()->tasklist);
	if (p->tty == tty && tty->pgrp && p->pgrp != tty->pgrp) {
		if (signal_is_ignored(t, sig)) {
			err = sig == SIGTTIN ? -EIO : 0;
		} else if (pgrp_is_orphaned(p->pgrp, NULL)) {
			err = -EIO;
		} else {
			(void)signal_pgrp(p->pgrp, sig, NULL);
			err = -ERESTARTSYS;
		}
	}
	lock_drop(&lx_state()->tasklist);
	return err;
}

static long get_pgrp(struct lx_thread *t, struct tty *tty, bool is_master, struct gva arg, bool session)
{
	int id;

	lock_take(&lx_state()->tasklist);
	id = session ? tty->session : tty->pgrp;
	if ((!is_master && t->proc->tty != tty) || (session && !id))
		id = -1;
	else
		id = pid_seen_by(t->proc, id);
	lock_drop(&lx_state()->tasklist);
	return id < 0 ? -ENOTTY : PUT_USER(arg, id);
}

static long set_pgrp(struct lx_thread *t, struct tty *tty, struct gva arg)
{
	struct lx_proc *p = t->proc;
	int pgrp;
	long err = tty_check_change(t, tty, SIGTTOU);

	if (err)
		return err == -EIO ? -ENOTTY : err;
	if (copy_in(&pgrp, arg, sizeof pgrp))
		return -EFAULT;
	if (pgrp < 0)
		return -EINVAL;
	lock_take(&lx_state()->tasklist);
	if (p->tty != tty || tty->session != p->session)
		err = -ENOTTY;
	else if (!pgrp_exists(pid_meant_by(p, pgrp), p->session))
		err = proc_find(pgrp) ? -EPERM : -ESRCH;
	else
		tty->pgrp = pid_meant_by(p, pgrp);
	lock_drop(&lx_state()->tasklist);
	return err;
}

static long set_terminal(struct lx_thread *t, struct tty *tty, bool steal)
{
	struct lx_proc *p = t->proc;
	unsigned refs = 0;
	long err = 0;

	lock_take(&lx_state()->tasklist);
	if (p->session == p->pid && tty->session == p->session)
		goto out;
	if (p->session != p->pid || p->tty || (tty->session && !(steal && lx_capable(t, 21 /* CAP_SYS_ADMIN */)))) {
		err = -EPERM;
		goto out;
	}
	if (tty->session)
		refs = session_clear(tty, tty->session);
	set_ctty(p, tty);
out:
	lock_drop(&lx_state()->tasklist);
	put_many(tty, refs);
	return err;
}

static long no_terminal(struct lx_thread *t, struct tty *tty)
{
	struct lx_proc *p = t->proc;

	if (p->tty != tty)
		return -ENOTTY;
	if (p->session == p->pid)
		give_up(p);
	else
		tty_leave(p);
	return 0;
}

long tty_job_ioctl(struct lx_thread *t, struct tty *tty, bool is_master, uint32_t cmd, struct gva arg)
{
	switch (cmd) {
	case TIOCGPGRP:
		return get_pgrp(t, tty, is_master, arg, false);
	case TIOCGSID:
		return get_pgrp(t, tty, is_master, arg, true);
	case TIOCSPGRP:
		return set_pgrp(t, tty, arg);
	case TIOCSCTTY:
		return set_terminal(t, tty, arg.va == 1);
	case TIOCNOTTY:
		return no_terminal(t, tty);
	default:
		return -ENOIOCTLCMD;
	}
}

long lx_sys_vhangup(struct lx_thread *t)
{
	struct tty *tty;

	if (!lx_capable(t, 26 /* CAP_SYS_TTY_CONFIG */))
		return -EPERM;
	tty = tty_of_proc(t->proc);
	if (tty && tty->kind == TTY_PTY)
		tty_hangup(tty);
	tty_put(tty);
	return 0;
}
