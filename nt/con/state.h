/* SPDX-License-Identifier: MIT */
/*
 * nt/con/state.h - a console and its screen buffers, between the files of con/.
 *
 * A console is an arena object that file objects, and the processes attached to it, refer to.  NTCONS guards all of it.  What is
 * to be seen on the terminal is put together as bytes (struct con_out) under the lock, and written after it is dropped:
 * one writer at a time (con_begin, con_end), so that bytes come in the order of what they show.
 *
 * Letters: C = NTCONS (console->lock).
 */
#ifndef NT_CON_STATE_H
#define NT_CON_STATE_H

#include "nt/con/con.h"

/* Modes, as the SDK has them. */
#define ENABLE_PROCESSED_INPUT 0x001u
#define ENABLE_LINE_INPUT      0x002u
#define ENABLE_ECHO_INPUT      0x004u
#define ENABLE_WINDOW_INPUT    0x008u
#define ENABLE_VIRTUAL_TERMINAL_INPUT 0x200u
#define ENABLE_PROCESSED_OUTPUT 0x01u
#define ENABLE_WRAP_AT_EOL_OUTPUT 0x02u
#define ENABLE_VIRTUAL_TERMINAL_PROCESSING 0x04u
#define DISABLE_NEWLINE_AUTO_RETURN 0x08u
#define CON_INPUT_MODES  0x1f7u
#define CON_OUTPUT_MODES 0x003u

struct con_cell { /* CHAR_INFO */
	WCHAR ch;
	uint16_t attr;
};
#define CON_ATTR   7u    /* grey on black: the terminal's own colours */
#define CON_POPUP  0xf5u

/* INPUT_RECORD */
enum { KEY_EVENT = 1, MOUSE_EVENT = 2, WINDOW_BUFFER_SIZE_EVENT = 4, MENU_EVENT = 8, FOCUS_EVENT = 16 };
struct con_record {
	uint16_t type, pad;
	union {
		struct {
			int32_t down;
			uint16_t repeat, vk, scan, ch;
			uint32_t state;
		} key;
		struct {
			int16_t x, y;
		} size;
		uint32_t raw[4];
	};
};
_Static_assert(sizeof(struct con_record) == 20, "INPUT_RECORD");
#define RIGHT_ALT_PRESSED  0x01u
#define LEFT_ALT_PRESSED   0x02u
#define LEFT_CTRL_PRESSED  0x08u
#define SHIFT_PRESSED      0x10u
#define ENHANCED_KEY       0x100u

#define CON_SIDE_MAX  1000u /* columns or rows */
#define CON_ESC_MAX   256u  /* longest escape sequence that is understood */
#define CON_QUEUE     512u  /* input records */
#define CON_TITLE     256u
#define CON_HISTORY   32u
#define CON_LINE      4096u /* longest line that is edited */

struct con_screen {
	struct ref ref;
	uint32_t width, height;   /* [C] cells */
	int32_t x, y;             /* [C] cursor */
	int32_t began;            /* [C] where the text that is being written began in this line: without wrapping it goes on there */
	uint32_t wrap;            /* [C] the last column was written: what comes next begins a line */
	uint32_t attr, popup, mode;
	uint32_t cursor_size, cursor_visible;
	int16_t window[4];        /* [C] left, top, right, bottom as they were set; bottom 0: all of it */
	uint32_t colours[16];
	uint32_t scrolled;        /* [C] rows that left at the top, ever */
	uint32_t saved_x, saved_y, saved_attr; /* ESC 7 */
	uint32_t top, bottom;     /* scrolling region: rows */
	struct con_cell *cells;   /* arena */
	/* Text with escape sequences that is not over yet. */
	uint32_t esc_len, high;   /* high: first half of a surrogate pair */
	WCHAR esc[CON_ESC_MAX];
	char utf8[4];             /* WRITE_FILE: a character's first bytes */
	uint32_t utf8_len;
};

/* Where the terminal is, in the active screen's coordinates: its row 0 is where the first program began to write. */
struct con_term {
	int32_t x, y, lowest;     /* lowest: row that it was on; below it only newlines lead */
	uint32_t attr;            /* colours that it writes in */
	uint32_t wrap;            /* its cursor is behind the last column */
	uint32_t hidden, adds_cr;
};

struct nt_console {
	struct ref ref;
	LOCK(NTCONS) lock;
	struct list link;         /* nt_state()->con: all consoles; by that list's lock */
	const void *id;           /* [I] the terminal's, NULL: none */
	struct file *tty;         /* [I] open for both directions, or what there was */
	struct file *tty_out;     /* [I] */
	struct waitq wq;          /* input came, a size changed, the writer is done */
	uint32_t writer;          /* [C] pid of who is between con_begin and con_end; 0: nobody */
	uint32_t reader;          /* [C] the same of who edits a line */
	uint32_t pumper;          /* [a] the same of who takes what was typed */
	struct con_screen *screen;/* [C] active */
	struct con_term term;
	uint32_t input_mode, input_cp, output_cp;
	uint32_t raw, raw_signals; /* [C] the terminal hands on each key */
	uint32_t saved_valid;
	uint32_t head, tail;      /* [C] of queue, running */
	struct con_record queue[CON_QUEUE];
	char keys[64];            /* [C] bytes typed that are no whole key yet */
	uint32_t nkeys;
	uint32_t resized;         /* [a] look at the size */
	uint32_t hung;            /* [C] nothing will be typed any more */
	uint32_t eof;
	WCHAR title[CON_TITLE];
	uint32_t title_size;      /* bytes */
	WCHAR *left;              /* [C] arena: of the last line that was read, what nobody took yet */
	uint32_t left_size, left_at; /* in WCHARs */
	char left_bytes[4];       /* READ_FILE: of a character that is cut */
	uint32_t nleft_bytes;
	WCHAR *history[CON_HISTORY]; /* [C] arena; each a 0 behind */
	uint32_t nhistory;
	struct list inputs;       /* [C] struct con_file: file objects that are waited for */
	uint8_t saved_mode[64];   /* struct os_tty_mode as it was found */
};

/* What a file object is on; io_file->object. */
enum con_part { CON_INPUT, CON_OUTPUT, CON_SERVER };
struct con_file {
	struct nt_console *console; /* a reference; NULL: it is looked up in the process (CurrentIn, CurrentOut) */
	struct con_screen *screen;  /* OUTPUT: a reference; NULL: the active one */
	uint32_t part;              /* enum con_part */
	struct list link;           /* [C] in console->inputs */
	struct io_file *file;
	uint32_t attached;          /* pid of whom it attaches to the console */
	bool unbound;               /* of the caller's console: of none when that process has none any more */
	struct con_port *port;      /* SERVER: a reference; NULL: it is of no console to come */
};

/* Bytes on their way to the terminal: heap memory, grows. */
struct con_out {
	char *at;
	uint32_t size, room;
	bool failed;
};

/* ---- state.c ---- */
struct nt_console *con_new(struct file *tty, struct file *tty_out); /* takes over the files' references; NULL: no memory */
void con_put(struct nt_console *c);
struct con_screen *screen_new(uint32_t width, uint32_t height);
void screen_put(struct con_screen *s);
/* Becomes the writer: NTCONS is held afterwards.  False: the thread has to end. */
bool con_begin(struct nt_console *c, struct con_out *o) ACQUIRES(NTCONS);
/* Drops NTCONS, writes what there is, lets the next one write. */
void con_end(struct nt_console *c, struct con_out *o) RELEASES(NTCONS);
/* A size of the terminal's that has changed is taken over.  The writer alone. */
void con_check_size(struct nt_console *c, struct con_out *o);

/* ---- draw.c: the screen as bytes; NTCONS held ---- */
void out_bytes(struct con_out *o, const char *s, uint32_t size);
void out_format(struct con_out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool con_shows(const struct nt_console *c, const struct con_screen *s); /* is it the active one, on a terminal? */
/* Moves the terminal's cursor to the screen's and gives it its looks. */
void draw_cursor(struct nt_console *c, struct con_out *o);
void draw_cells(struct nt_console *c, struct con_out *o, uint32_t x, uint32_t y, uint32_t count); /* on through rows */
void draw_all(struct nt_console *c, struct con_out *o);
void draw_clear(struct nt_console *c, struct con_out *o); /* the whole terminal, empty; its origin is known then */
void draw_title(struct nt_console *c, struct con_out *o);
void draw_attr(struct nt_console *c, struct con_out *o, uint32_t attr);
void draw_move(struct nt_console *c, struct con_out *o, int32_t x, int32_t y);
/* One character at the cursor; ch may be half a pair, the second half is in low. */
void draw_char(struct nt_console *c, struct con_screen *s, struct con_out *o, WCHAR ch, WCHAR low);

/* ---- screen.c: cells; NTCONS held ---- */
static inline struct con_cell *screen_at(const struct con_screen *s, uint32_t x, uint32_t y)
{
	return s->cells + (size_t)y * s->width + x;
}
bool screen_resize(struct con_screen *s, uint32_t width, uint32_t height);
void screen_blank(struct con_screen *s, uint32_t from, uint32_t count); /* in reading order, in the current colours */
void screen_scroll_up(struct con_screen *s, uint32_t top, uint32_t bottom, uint32_t n);
void screen_scroll_down(struct con_screen *s, uint32_t top, uint32_t bottom, uint32_t n);
bool screen_is_empty(const struct con_screen *s);
uint32_t con_width(uint32_t code_point); /* columns: 0, 1 or 2 */

/* ---- text.c ---- */
/* Text as programs write it, with control characters and, if they asked for it, escape sequences. */
void con_write_text(struct nt_console *c, struct con_screen *s, struct con_out *o, const WCHAR *text, uint32_t count);
/* To the next line's start; the terminal is told when something is written there. */
void con_newline(struct nt_console *c, struct con_screen *s);

/* ---- vt.c ---- */
/* s->esc is a whole sequence: does to the screen what it does to the terminal. */
void vt_apply(struct nt_console *c, struct con_screen *s, struct con_out *o);
/* Is what s->esc holds a whole sequence?  1: yes, 0: not yet, -1: it is none. */
int vt_complete(const struct con_screen *s);

/* ---- keys.c ---- */
/* Takes what was typed into the queue, and signals who waits.  NTCONS not held.  False: the terminal has hung up. */
bool con_pump(struct nt_console *c);
void con_set_raw(struct nt_console *c);
void con_restore(struct nt_console *c);
bool con_queue_put(struct nt_console *c, const struct con_record *r) REQUIRES(NTCONS);
static inline uint32_t con_queue_count(const struct nt_console *c)
{
	return c->head - c->tail;
}
void con_signal_inputs(struct nt_console *c) REQUIRES(NTCONS);
/* Sleeps until input or a wake; false: the thread is to end. */
bool con_sleep(struct nt_console *c);
bool keys_decode(struct nt_console *c, bool all) REQUIRES(NTCONS);

/* ---- line.c ---- */
/* Up to room characters as the modes say; *count of them.  control: wake-up mask of READ_CONSOLE_CONTROL and first characters. */
struct con_line {
	WCHAR *text;
	uint32_t room, count;
	uint32_t wakeup, state;   /* mask of control characters that end it; key state then */
	bool file;                /* READ_FILE: ^Z at its beginning ends the file */
};
NTSTATUS con_read_line(struct nt_console *c, struct con_line *l);

/* ---- codepage.c ---- */
bool con_code_page_ok(uint32_t cp);
/* to has room for size characters; *used: the bytes of whole characters. */
uint32_t con_to_unicode(uint32_t cp, WCHAR *to, const char *from, uint32_t size, uint32_t *used);
uint32_t con_from_unicode(uint32_t cp, char *to, const WCHAR *from, uint32_t count);

/* ---- cells.c: the request's control code, on a screen that the caller holds ---- */
NTSTATUS con_fill(struct nt_console *c, struct con_screen *s, struct io_request *r);
NTSTATUS con_write_output(struct nt_console *c, struct con_screen *s, struct io_request *r);
NTSTATUS con_read_output(struct nt_console *c, struct con_screen *s, struct io_request *r);
NTSTATUS con_scroll(struct nt_console *c, struct con_screen *s, struct io_request *r);
/* ---- attach.c and open.c.  Consoles are returned with a reference; NULL: none, or no memory. ---- */
struct nt_console *con_of_terminal(struct file *f); /* that f is open on */
struct nt_console *con_fresh(void);                 /* for who asks for a new one */
struct nt_console *con_of_process(struct nt_process *p);
void con_attach(struct nt_process *p, struct nt_console *c); /* takes a reference of its own; c NULL: to none */
NTSTATUS con_bind(struct con_file *cf, uint32_t pid);
bool con_is_gone(const struct con_file *cf); /* a handle on the caller's console, which has none */
/* File objects; both take over the references on console and screen. */
NTSTATUS con_file_new(struct nt_console *c, struct con_screen *s, enum con_part part, uint32_t access, uint32_t share, uint32_t options,
	struct io_file **out);
NTSTATUS con_open_part(struct nt_console *c, bool output, uint32_t access, uint32_t share, uint32_t options, struct io_file **out);
uint32_t con_processes(const struct nt_console *c, uint32_t *pids, uint32_t room); /* how many; room of them in pids */

struct nt_console *con_enter(struct nt_console *c); /* into the list of all; another one that is there of its terminal */
/* Ctrl-C and the like to all attached processes of the group (0: any) but `but`; true: that is one of them. */
bool con_tell(struct nt_console *c, const struct nt_process *but, uint32_t event, uint32_t group);

/* ---- pseudo.c: what handles on a console to come share ---- */
struct con_port *port_new(void); /* one reference; NULL: no memory */
struct con_port *port_get(struct con_port *p); /* p; NULL is fine */
void port_put(struct con_port *p);
/* The pseudo console that it has become, with a reference; waits until that is decided.  NULL: none, the handle's own console is meant. */
struct nt_console *port_console(struct con_port *p);
NTSTATUS port_ioctl(struct con_port *p, struct io_request *r);
/* Of our conhost.exe, on the server's handle. */
#define PSEUDO_DECIDE 0x50f000u /* in: columns and rows, u32, 0: it is no pseudo console; out: u64, a handle on the pty's master */
#define PSEUDO_CTRL_C 0x50f004u /* ^C was typed; STATUS_INVALID_PARAMETER: it is a character like others */
#define PSEUDO_CLOSE  0x50f008u /* CTRL_CLOSE_EVENT to all who are attached */

/* ---- ioctl.c, output.c ---- */
NTSTATUS con_ioctl(struct io_request *r);
NTSTATUS con_flush_input(struct nt_console *c);
NTSTATUS con_input_ioctl(struct nt_console *c, struct con_file *f, struct io_request *r);
NTSTATUS con_output_ioctl(struct nt_console *c, struct con_screen *s, struct io_request *r);
NTSTATUS con_read_bytes(struct nt_console *c, struct io_request *r);
NTSTATUS con_write_bytes(struct nt_console *c, struct con_screen *s, uint64_t va, uint32_t size, uint64_t *done);
#endif
