/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/tty.h - terminals: the host's, which bailey was started on, and ptys.
 *
 * A struct tty is what job control and termios hang on.  A pty has its line
 * discipline here (tty.c, tty_in.c, tty_out.c); the host's terminal has the
 * host's own, so for it only session and foreground group are ours.
 *
 * Letters as in linux.h, and Y = TTY (tty->lock).  Order: TTY, then TASKLIST.
 */
#ifndef LINUX_FS_TTY_H
#define LINUX_FS_TTY_H

#include "linux/fs/poll.h"
#include "linux/fs/vfs.h"

enum tty_kind { TTY_PTY, TTY_HOST };

#define TTY_RING      16384u /* bytes each way */
#define TTY_LINE_MAX  4095u  /* longest line in canonical mode; what follows overwrites its last byte */
#define TTY_MAX       1024u  /* /dev/pts/0 .. */
#define PTS_MAJOR     136u
#define LX_DEV(major, minor) ((uint64_t)(((major) & 0xfffu) << 8 | ((minor) & 0xffu) | ((minor) & ~0xffu) << 12))

struct tty_ring {
	uint8_t *data;       /* TTY_RING bytes in the arena */
	uint32_t head, tail; /* [Y] running; byte i is data[i % TTY_RING] */
};

struct tty {
	struct ref ref;
	enum tty_kind kind;      /* [I] */
	uint32_t index;          /* [I] /dev/pts/index */
	struct list link;        /* [T] in tty_state.all */
	int session, pgrp;       /* [T] 0 = none */

	LOCK(TTY) lock;
	struct termios2 tio;     /* [Y] pty; the host's is asked for */
	struct winsize ws;       /* [Y] */
	uint32_t hung;           /* [Y] the master is closed, or vhangup */
	uint32_t master;         /* [Y] 1 while the master is open */
	uint32_t slaves;         /* [Y] open descriptions of the slave */
	uint32_t opened;         /* [Y] the slave was open once */
	uint32_t locked;         /* [Y] TIOCSPTLCK */
	uint32_t exclusive;      /* [Y] TIOCEXCL */
	uint32_t mode, uid, gid; /* [Y] of /dev/pts/index */
	int64_t made_ns;         /* [I] when */

	/* Line discipline. */
	struct tty_ring in, out; /* [Y] to the slave (after editing), to the master */
	uint64_t *mark;          /* [Y] bit per byte of in: a line ends there */
	uint32_t canon;          /* [Y] in.head after the last complete line */
	uint32_t column, canon_column; /* [Y] of the cursor; where the current line began */
	uint32_t batch_out, batch_column, batch_canon; /* [Y] out.head and columns when this write to the master began */
	uint32_t lnext, erasing; /* [Y] ^V was typed; inside \.../ of ECHOPRT */
	uint32_t stopped;        /* [Y] ^S */
	uint32_t packet, packet_status; /* [Y] TIOCPKT, and what the next read of the master tells */
	struct waitq slave_wq, master_wq; /* readers, writers and pollers of each end */

	dk_handle host; /* TTY_HOST: its stream, opened by the first file without one of its own */
};

struct tty_state {
	struct list all;             /* [T] */
	uint64_t used[TTY_MAX / 64]; /* [T] */
	struct tty *host;            /* [I] after boot: bailey's own terminal, or NULL */
	uint32_t pty_count;          /* [T] */
};
struct tty_state *tty_state(void); /* NULL: no memory */

/* ---- For proc/ ---- */
/* fork: child->tty = tty_get(parent->tty).  NULL is fine for both. */
struct tty *tty_get(struct tty *tty);
void tty_put(struct tty *tty); /* takes no lock unless it is the last; call with none above SLAB */
/* setsid: the process has no terminal any more.  No lock held. */
void tty_leave(struct lx_proc *p);
/* A session leader ends: its terminal is given up, SIGHUP and SIGCONT to the foreground group.
   Harmless for others.  No lock held. */
void tty_session_end(struct lx_proc *p);
/* First process, setting tty=1: session leader with the host's terminal as its own. */
void tty_host_attach(struct lx_proc *p);
/* kproc: the monitor says that bailey got this signal (from its terminal, or by kill). */
void tty_host_signal(int sig);

/* ---- For files ---- */
struct tty *tty_of_proc(struct lx_proc *p); /* its controlling terminal with a reference, or NULL */
/* Job control: 0, -EIO, or -ERESTARTSYS after sig went to the caller's group. */
long tty_check_change(struct lx_thread *t, struct tty *tty, int sig);
/* open without O_NOCTTY: a leader without terminal gets it. */
void tty_open_ctty(struct lx_thread *t, struct tty *tty, int flags);
/* Ioctls that both kinds share: TIOCSCTTY .. TIOCGSID; -ENOIOCTLCMD for others. */
#define ENOIOCTLCMD 515
long tty_job_ioctl(struct lx_thread *t, struct tty *tty, bool is_master, uint32_t cmd, struct gva arg);
void tty_signal_fg(struct tty *tty, int sig); /* takes TASKLIST */
struct tty *tty_new(enum tty_kind kind);      /* an index is taken; NULL: no memory or none free */
struct tty *tty_find(uint32_t index);         /* a reference, or NULL */
void tty_hangup(struct tty *tty);             /* no lock held */

/* Conversions of guest termio structs: cmd is one of TC[GS]ETS*, TC[GS]ETA*.  0 or -errno. */
long termios_out(uint32_t cmd, struct gva arg, const struct termios2 *tio);
long termios_in(uint32_t cmd, struct gva arg, struct termios2 *tio); /* *tio holds the old one */
bool termios_is_get(uint32_t cmd);
bool termios_is_set(uint32_t cmd, uint32_t *when); /* when: 0 now, 1 drain, 2 drain and flush input */

/* ---- Line discipline; [Y] held in all of these ---- */
static inline uint32_t ring_count(const struct tty_ring *r)
{
	return r->head - r->tail;
}
static inline uint32_t ring_room(const struct tty_ring *r)
{
	return TTY_RING - (r->head - r->tail);
}
static inline uint8_t ring_at(const struct tty_ring *r, uint32_t i)
{
	return r->data[i % TTY_RING];
}
static inline void ring_put(struct tty_ring *r, uint8_t c)
{
	if (ring_room(r))
		r->data[r->head++ % TTY_RING] = c;
}
static inline bool tty_char_is(const struct tty *tty, unsigned which, uint8_t c)
{
	return c != 0 && tty->tio.c_cc[which] == c;
}
void tty_begin(struct tty *tty);                 /* a write to the master begins */
void tty_receive(struct tty *tty, uint8_t c);    /* one byte typed */
bool tty_can_receive(const struct tty *tty);     /* false: the master has to wait */
void tty_flush_in(struct tty *tty);
void tty_flush_out(struct tty *tty);             /* what the master may have got already stays */
void tty_set_stopped(struct tty *tty, bool stop);
void tty_output(struct tty *tty, uint8_t c);     /* by OPOST; needs room for 8 bytes */
void tty_echo(struct tty *tty, uint8_t c);       /* ECHOCTL form */
void tty_echo_raw(struct tty *tty, uint8_t c);   /* as output */
bool tty_input_ready(const struct tty *tty, bool for_poll);
uint32_t tty_input_count(const struct tty *tty); /* FIONREAD */
void tty_termios_changed(struct tty *tty, const struct termios2 *old);
size_t tty_take_input(struct tty *tty, const struct iov *v, size_t done); /* bytes; see tty.c */
void tty_packet_event(struct tty *tty, uint32_t bits);

/*
 * Last part of open: make f, which has its flags, a file on this end.  The open
 * references tty itself.
 */
long pty_open_slave(struct lx_thread *t, struct tty *tty, struct file *f);
long pty_open_master(struct lx_thread *t, struct file *f);               /* a new pty */
long std_open_tty(struct lx_thread *t, struct tty *tty, struct file *f); /* std.c: the host's terminal */
/* Either, by the terminal's kind. */
long tty_open(struct lx_thread *t, struct tty *tty, struct file *f);
extern const struct file_ops file_pty_ops, file_std_ops;

#endif
