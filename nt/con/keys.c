/* SPDX-License-Identifier: MIT */
/*
 * nt/con/keys.c - from bytes that a terminal sends to INPUT_RECORDs.
 *
 * From the first use of its input on, the console has the terminal hand on each key as it comes (con_set_raw);
 * lines are edited by line.c.  ^C stays the terminal's as long as ENABLE_PROCESSED_INPUT is set, so that it
 * reaches programs that do not read.  Who wants input takes what was typed into the queue (con_pump): there is no thread for that.
 */
#include "nt/con/state.h"
#include "nt/ex/wait.h"
#include "nt/os/tty.h"
#include "nt/rtl/unicode.h"
#include "rt/mem.h"

#define ESCAPE_NS 25000000u /* what follows an escape within this time is part of a sequence */

/* ---- The terminal's modes ---- */

void con_set_raw(struct nt_console *c)
{
	bool signals = (__atomic_load_n(&c->input_mode, __ATOMIC_RELAXED) & ENABLE_PROCESSED_INPUT) != 0;
	struct os_tty_mode m;

	if (c->tty == NULL || !c->saved_valid || (c->raw && c->raw_signals == signals))
		return;
	memcpy(&m, c->saved_mode, sizeof m);
	os_tty_raw(&m, signals);
	if (!os_tty_set_mode(c->tty, &m))
		return;
	c->raw = 1;
	c->raw_signals = signals;
}

void con_restore(struct nt_console *c)
{
	struct os_tty_mode m;

	if (!c->raw || c->tty == NULL)
		return;
	memcpy(&m, c->saved_mode, sizeof m);
	(void)os_tty_set_mode(c->tty, &m);
	c->raw = 0;
}

/* ---- The queue ---- */

void con_signal_inputs(struct nt_console *c)
{
	struct list *i;

	for (i = c->inputs.next; i != &c->inputs; i = i->next) {
		struct con_file *f = CONTAINER_OF(i, struct con_file, link);

		if (con_queue_count(c) != 0 || c->hung)
			(void)ex_signal(&f->file->ob, 1);
		else
			(void)ex_clear(&f->file->ob);
	}
}

bool con_queue_put(struct nt_console *c, const struct con_record *r)
{
	if (con_queue_count(c) == CON_QUEUE)
		return false;
	c->queue[c->head++ % CON_QUEUE] = *r;
	return true;
}

static void put_key(struct nt_console *c, uint16_t vk, uint16_t scan, WCHAR ch, uint32_t state)
{
	struct con_record r = { .type = KEY_EVENT, .key = { 1, 1, vk, scan, ch, state } };

	if (con_queue_count(c) + 2 > CON_QUEUE)
		return;
	(void)con_queue_put(c, &r);
	r.key.down = 0;
	(void)con_queue_put(c, &r);
}

/* ---- Characters as keys of a US keyboard ---- */

static const char rows[] = "\0\0331234567890-=\b\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0\0\0 "; /* by scan code */
static const char shifted[] = "!1@2#3$4%5^6&7*8(9)0_-+={[}]:;\"'~`|\\<,>.?/";
static const struct { char ch; uint8_t vk; } oem[] = { { ';', 0xba }, { '=', 0xbb }, { ',', 0xbc }, { '-', 0xbd }, { '.', 0xbe }, { '/', 0xbf },
	{ '`', 0xc0 }, { '[', 0xdb }, { '\\', 0xdc }, { ']', 0xdd }, { '\'', 0xde } };

static uint16_t scan_of(char base)
{
	for (uint16_t i = 1; i < sizeof rows - 1; i++)
		if (rows[i] == base && base != 0)
			return i;
	return 0;
}

static uint16_t vk_of(char base)
{
	if (base >= 'a' && base <= 'z')
		return (uint16_t)(base - 'a' + 'A');
	for (uint32_t i = 0; i < ARRAY_LEN(oem); i++)
		if (oem[i].ch == base)
			return oem[i].vk;
	return (uint16_t)base;
}

static void put_char(struct nt_console *c, WCHAR ch, uint32_t state)
{
	char base = ch < 0x7f ? (char)ch : 0;

	if (ch == 0x7f || ch == '\b') {
		put_key(c, 8, scan_of('\b'), 8, state);
		return;
	}
	if (ch == '\n')
		ch = '\r', base = '\r';
	if (base >= 'A' && base <= 'Z') {
		base = (char)(base - 'A' + 'a');
		state |= SHIFT_PRESSED;
	} else if (ch < 32 && ch != '\r' && ch != '\t' && ch != 033) {
		base = (char)(ch + 'a' - 1);
		state |= LEFT_CTRL_PRESSED;
	} else if (ch > 32 && ch < 0x7f) {
		for (uint32_t i = 0; i < sizeof shifted - 1; i += 2)
			if (shifted[i] == (char)ch) {
				base = shifted[i + 1];
				state |= SHIFT_PRESSED;
				break;
			}
	}
	put_key(c, base != 0 ? vk_of(base) : 0, scan_of(base), ch, state);
}

/* ---- Sequences ---- */

struct special { char final; uint8_t number, vk, scan; };
static const struct special specials[] = { { 'A', 0, 0x26, 0x48 }, { 'B', 0, 0x28, 0x50 }, { 'C', 0, 0x27, 0x4d }, { 'D', 0, 0x25, 0x4b },
	{ 'H', 0, 0x24, 0x47 }, { 'F', 0, 0x23, 0x4f }, { 'E', 0, 0x0c, 0x4c }, { 'P', 0, 0x70, 0x3b }, { 'Q', 0, 0x71, 0x3c }, { 'R', 0, 0x72, 0x3d },
	{ 'S', 0, 0x73, 0x3e }, { '~', 1, 0x24, 0x47 }, { '~', 2, 0x2d, 0x52 }, { '~', 3, 0x2e, 0x53 }, { '~', 4, 0x23, 0x4f }, { '~', 5, 0x21, 0x49 },
	{ '~', 6, 0x22, 0x51 }, { '~', 7, 0x24, 0x47 }, { '~', 8, 0x23, 0x4f }, { '~', 11, 0x70, 0x3b }, { '~', 12, 0x71, 0x3c }, { '~', 13, 0x72, 0x3d },
	{ '~', 14, 0x73, 0x3e }, { '~', 15, 0x74, 0x3f }, { '~', 17, 0x75, 0x40 }, { '~', 18, 0x76, 0x41 }, { '~', 19, 0x77, 0x42 }, { '~', 20, 0x78, 0x43 },
	{ '~', 21, 0x79, 0x44 }, { '~', 23, 0x7a, 0x57 }, { '~', 24, 0x7b, 0x58 } };

static void put_special(struct nt_console *c, char final, uint32_t number, uint32_t modifiers)
{
	uint32_t bits = modifiers > 0 ? modifiers - 1 : 0;
	uint32_t state = (bits & 1 ? SHIFT_PRESSED : 0) | (bits & 2 ? LEFT_ALT_PRESSED : 0) | (bits & 4 ? LEFT_CTRL_PRESSED : 0);

	if (final == 'Z') {
		put_key(c, 9, scan_of('\t'), 9, SHIFT_PRESSED);
		return;
	}
	for (uint32_t i = 0; i < ARRAY_LEN(specials); i++)
		if (specials[i].final == final && (final != '~' || specials[i].number == number)) {
			put_key(c, specials[i].vk, specials[i].scan, 0, state | (specials[i].vk < 0x70 ? ENHANCED_KEY : 0));
			return;
		}
}

/* ESC [ 1 ; 5 C and ESC O P: how many bytes it has, 0: more are needed. */
static uint32_t sequence(struct nt_console *c)
{
	uint32_t number[2] = { 0, 0 }, which = 0, i = 2;

	while (i < c->nkeys && c->keys[1] == '[' && (c->keys[i] < 0x40 || c->keys[i] > 0x7e)) {
		char ch = c->keys[i++];

		if (ch == ';')
			which = 1;
		else if (ch >= '0' && ch <= '9')
			number[which] = number[which] * 10 % 1000 + (uint32_t)(ch - '0');
	}
	if (i >= c->nkeys)
		return i >= sizeof c->keys ? i : 0;
	put_special(c, c->keys[i], number[0], number[1]);
	return i + 1;
}

static uint32_t utf8_size(char first)
{
	return (first & 0x80) == 0 ? 1 : (first & 0xe0) == 0xc0 ? 2 : (first & 0xf0) == 0xe0 ? 3 : (first & 0xf8) == 0xf0 ? 4 : 1;
}

static uint32_t character(struct nt_console *c, uint32_t at, uint32_t state, bool plain)
{
	uint32_t size = utf8_size(c->keys[at]);
	WCHAR units[4];
	uint32_t n;

	if (at + size > c->nkeys)
		return 0;
	n = rtl_utf8_to_utf16(units, sizeof units, c->keys + at, size) / 2;
	for (uint32_t i = 0; i < n; i++) {
		if (plain && (units[i] < 32 || units[i] == 0x7f))
			put_key(c, 0, 0, units[i], 0);
		else
			put_char(c, units[i], state);
	}
	return at + size;
}

static uint32_t key(struct nt_console *c, bool all)
{
	bool vt = (c->input_mode & ENABLE_VIRTUAL_TERMINAL_INPUT) != 0;
	uint32_t used = 0;

	if (c->keys[0] != 033 || vt)
		return character(c, 0, 0, vt);
	if (c->nkeys > 1 && (c->keys[1] == '[' || c->keys[1] == 'O')) {
		used = sequence(c);
	} else if (c->nkeys > 1 && c->keys[1] != 033) {
		used = character(c, 1, LEFT_ALT_PRESSED, false);
	} else if (c->nkeys > 1) {
		all = true;
	}
	if (used == 0 && all) {
		put_char(c, 033, 0);
		used = 1;
	}
	return used;
}

/* False: a sequence is not over; all: what there is of it are keys of their own. */
bool keys_decode(struct nt_console *c, bool all)
{
	while (c->nkeys > 0) {
		uint32_t used = key(c, all);

		if (used == 0)
			return false;
		c->nkeys -= MIN(used, c->nkeys);
		memmove(c->keys, c->keys + used, c->nkeys);
	}
	return true;
}

/* ---- From the terminal ---- */

static bool never(const void *arg)
{
	(void)arg;
	return false;
}

static bool take_bytes(struct nt_console *c, bool all, bool *whole)
{
	char buf[sizeof c->keys];
	uint32_t room;
	long n;

	lock_take(&c->lock);
	room = (uint32_t)sizeof c->keys - c->nkeys;
	if (con_queue_count(c) > CON_QUEUE - 2 * sizeof c->keys)
		room = 0; /* who types ahead too far waits in the terminal */
	lock_drop(&c->lock);
	n = room != 0 ? os_tty_read(c->tty, buf, room) : 0;
	lock_take(&c->lock);
	if (n < 0)
		c->hung = 1;
	n = MIN(MAX(n, 0), (long)(sizeof c->keys - c->nkeys));
	memcpy(c->keys + c->nkeys, buf, (size_t)n);
	c->nkeys += (uint32_t)n;
	*whole = keys_decode(c, all);
	lock_drop(&c->lock);
	return n > 0;
}

bool con_pump(struct nt_console *c)
{
	uint32_t nobody = 0;
	bool whole;

	if (c->tty == NULL || c->hung)
		return !c->hung;
	if (!__atomic_compare_exchange_n(&c->pumper, &nobody, nt_current_process()->pid, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return true;
	con_set_raw(c);
	while (take_bytes(c, false, &whole) && con_queue_count(c) < CON_QUEUE / 2)
		;
	if (!whole && !c->hung) {
		(void)os_tty_wait(c->tty, &c->wq, pico_now() + ESCAPE_NS, never, NULL);
		(void)take_bytes(c, true, &whole);
	}
	__atomic_store_n(&c->pumper, 0, __ATOMIC_RELEASE);
	lock_take(&c->lock);
	con_signal_inputs(c);
	lock_drop(&c->lock);
	if (con_queue_count(c) != 0 || c->hung)
		waitq_wake_all(&c->wq);
	return !c->hung;
}

static bool has_input(const void *arg)
{
	const struct nt_console *c = arg;

	return con_queue_count(c) != 0 || c->hung || __atomic_load_n(&c->resized, __ATOMIC_RELAXED);
}

static void look_at_size(struct nt_console *c)
{
	struct con_out o;

	if (__atomic_load_n(&c->resized, __ATOMIC_RELAXED) && con_begin(c, &o))
		con_end(c, &o);
}

bool con_sleep(struct nt_console *c)
{
	if (os_tty_wait(c->hung ? NULL : c->tty, &c->wq, DK_FOREVER, has_input, c) != 0)
		return false;
	look_at_size(c);
	(void)con_pump(c);
	return true;
}

/* ---- For waits on handles ---- */

struct nt_console *con_waited_for(const struct ob_object *file)
{
	const struct io_file *f = (const struct io_file *)file;
	const struct con_file *cf = f->kind == IO_CONSOLE ? f->object : NULL;

	return cf != NULL && cf->part != CON_SERVER && cf->console->tty != NULL ? cf->console : NULL;
}

enum dk_status con_wait(struct nt_console *c, uint64_t deadline)
{
	long err = 0;

	(void)con_pump(c);
	if (!has_input(c))
		err = os_tty_wait(c->tty, &c->wq, deadline, has_input, c);
	look_at_size(c);
	(void)con_pump(c);
	return err == 0 ? DK_OK : err == -110 ? DK_TIMEOUT : DK_INTERRUPTED;
}
