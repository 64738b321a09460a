/* SPDX-License-Identifier: MIT */
/*
 * nt/con/con.h - consoles: what the rest of nt/ uses.
 *
 * A console is a terminal of the sandbox as Windows programs see it, or one without a terminal (AllocConsole where there is none): then
 * what is written stays in its screen buffer and nothing is ever typed.  Its file objects are of kind IO_CONSOLE.
 */
#ifndef NT_CON_CON_H
#define NT_CON_CON_H

#include "nt/io/io.h"

extern const struct io_ops io_console_ops; /* io/kinds.c: [IO_CONSOLE] */

/* Is this open file a terminal, so that a standard handle on it is a console's? */
bool con_is_terminal(const struct file *f);
/* A file object for p's standard handle on f, a terminal (borrowed): input, or the active screen buffer.  p is attached to the console. */
NTSTATUS con_std_file(struct nt_process *p, struct file *f, bool output, struct io_file **out);
#define CON_NEW_VALUES (UINT64_MAX - 2) /* from here on values of ConsoleHandle ask for a new console */
/* The value of a new process's parameters' ConsoleHandle: a handle in p's table on p's console; 0: it has none. */
uint64_t con_reference(struct nt_process *p);
/*
 * A new process gets the console that the value of its maker's parameters says (a handle of the maker's, 0: none, or one of kernelbase's
 * special values for a new one): what to put there for it.  std: its standard handles, to be replaced by a new console's unless they are its own
 * wish (own); a pseudo console's replace those that are 0 then, too.
 */
uint64_t con_child(struct nt_process *from, struct nt_process *p, uint64_t value, uint64_t std[3], bool own);
/*
 * NtCreateFile below \Device\ConDrv, or CON, CONIN$, CONOUT$: rest is the name without a leading backslash.  root: the console's file
 * object that the name is relative to, or NULL.  *out: one reference.
 */
NTSTATUS con_open(const WCHAR *rest, uint32_t size, struct io_file *root, uint32_t access, uint32_t share, uint32_t options, struct io_file **out);
/* The terminal behind a file object, borrowed; NULL: it is no console's, or nobody sees that. */
struct file *con_linux_file(const struct ob_object *o);
/* p starts a program of Linux: its terminal gets the modes that it had, until somebody reads the console again. */
void con_lend(struct nt_process *p);
/* Has ended: by itself, or told by kproc. */
void con_process_ended(struct nt_process *p);
/* The processes on p's console get CTRL_C_EVENT (0) or CTRL_BREAK_EVENT (1); group 0: all of them. */
NTSTATUS con_ctrl_event(struct nt_process *p, uint32_t event, uint32_t group);
/* The terminal's size has changed.  kproc, or anybody. */
void con_resized(void);

/* ---- For ex/wait.c: who waits for typing has to look at the terminal itself ---- */

/* The console whose input a file object is, borrowed; else NULL. */
struct nt_console *con_waited_for(const struct ob_object *file);
/* pico_wait for such: sleeps until something is typed (the objects are signalled then), the thread is woken, or the deadline. */
enum dk_status con_wait(struct nt_console *c, uint64_t deadline);
#endif
