/* SPDX-License-Identifier: MIT */
/*
 * nt/os/tty.h - terminals as NT's console sees its screen and keyboard: the host's, or a pty of the sandbox.
 *
 * No NT lock may be held.  Files are borrowed from the caller.
 */
#ifndef NT_OS_TTY_H
#define NT_OS_TTY_H

#include "nt/types.h"

struct file;
struct waitq;

bool os_tty_is(const struct file *f);          /* a terminal's end that programs use */
const void *os_tty_id(const struct file *f);   /* the same for all files on one terminal; to compare */
void os_tty_get(struct file *f);               /* references */
void os_tty_put(struct file *f);               /* NULL is fine */
bool os_tty_can(const struct file *f, bool write); /* was it opened for that? */
/* The terminal that the sandbox was started on, by name; a reference, or NULL: there is none. */
struct file *os_tty_open(void);

/* A new pty of that size, both ends open; references.  False: there is no memory, no number, or the sandbox has no /dev/ptmx. */
bool os_pty_new(uint32_t columns, uint32_t rows, struct file **master, struct file **slave);

struct os_tty_mode { /* struct termios' */
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line, cc[19];
	uint32_t ispeed, ospeed;
};
bool os_tty_mode(struct file *f, struct os_tty_mode *m);
bool os_tty_set_mode(struct file *f, const struct os_tty_mode *m);
/* m as it is when each key is handed on as it comes.  signals: ^C, ^\ and ^Z go on meaning something. */
void os_tty_raw(struct os_tty_mode *m, bool signals);
bool os_tty_adds_cr(const struct os_tty_mode *m); /* a newline goes to the next line's start */
void os_tty_size(struct file *f, uint32_t *columns, uint32_t *rows); /* 80 and 25 if it does not know */
/* What has been typed, without waiting: bytes; 0: nothing now; -1: it has hung up. */
long os_tty_read(struct file *f, void *buf, uint32_t size);
/* All of it; false: the thread is to end, or the terminal has hung up. */
bool os_tty_write(struct file *f, const void *buf, uint32_t size);
/*
 * Sleeps until something may be typed, wq is woken, or the deadline: as pico_wait, 0, or -errno.  f NULL: wq alone.  woken is looked at
 * between queueing and sleeping: true: do not.
 */
long os_tty_wait(struct file *f, struct waitq *wq, uint64_t deadline, bool (*woken)(const void *arg), const void *arg);
#endif
