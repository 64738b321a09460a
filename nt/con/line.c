/* SPDX-License-Identifier: MIT */
/*
 * nt/con/line.c - reading: lines that are edited on the screen, or keys as they come.
 *
 * One reader at a time (c->reader).  A line's place on the screen is that of its first character; the cells behind it follow
 * in reading order, and the screen may have scrolled since.
 */
#include "nt/con/state.h"
#include "nt/os/tty.h"
#include "rt/mem.h"

struct edit {
	struct nt_console *c;
	struct con_line *l;
	WCHAR *text;              /* heap, CON_LINE */
	uint32_t len, pos, shown; /* shown: cells that the line takes on the screen now */
	int32_t x, y;             /* of its first character, when... */
	uint32_t scrolled;        /* ...the screen had scrolled so far */
	uint32_t recall;          /* of history: nhistory is the line itself */
	bool done;
};

static uint32_t cells_of(const WCHAR *text, uint32_t from, uint32_t to)
{
	uint32_t n = 0;

	for (uint32_t i = from; i < to; i++)
		n += text[i] < 32 ? 2 : (text[i] & 0xfc00) == 0xdc00 ? 0 : (text[i] & 0xfc00) == 0xd800 ? 2 : con_width(text[i]);
	return n;
}

/* ---- On the screen; NTCONS held, the writer's turn ---- */

static bool echoes(const struct edit *e)
{
	return (e->c->input_mode & ENABLE_ECHO_INPUT) != 0;
}

static void cursor_to(struct edit *e, uint32_t cells)
{
	struct con_screen *s = e->c->screen;
	int32_t at = e->x + (int32_t)cells, y;

	s->wrap = 0;
	y = e->y - (int32_t)(s->scrolled - e->scrolled) + at / (int32_t)s->width;
	for (; y >= (int32_t)s->height; y--) {
		s->y = (int32_t)s->height - 1;
		con_newline(e->c, s);
	}
	s->x = at % (int32_t)s->width;
	s->y = MAX(y, 0);
}

static void echo(struct edit *e, struct con_out *o, WCHAR ch, WCHAR low)
{
	struct con_screen *s = e->c->screen;

	if (ch < 32) {
		draw_char(e->c, s, o, '^', 0);
		draw_char(e->c, s, o, (WCHAR)(ch + '@'), 0);
	} else {
		draw_char(e->c, s, o, ch, low);
	}
}

/* Draws the line from its character from on, and takes away what was behind its end. */
static void redraw(struct edit *e, struct con_out *o, uint32_t from)
{
	struct con_screen *s = e->c->screen;
	uint32_t cells = cells_of(e->text, 0, e->len);

	if (!echoes(e))
		return;
	cursor_to(e, cells_of(e->text, 0, from));
	for (uint32_t i = from; i < e->len; i++) {
		bool pair = (e->text[i] & 0xfc00) == 0xd800 && i + 1 < e->len;

		echo(e, o, e->text[i], pair ? e->text[i + 1] : 0);
		i += pair;
	}
	for (uint32_t i = cells; i < e->shown; i++)
		draw_char(e->c, s, o, ' ', 0);
	e->shown = cells;
	if (e->pos != e->len || !s->wrap)
		cursor_to(e, cells_of(e->text, 0, e->pos));
}

/* ---- Changes ---- */

static void insert(struct edit *e, struct con_out *o, WCHAR ch)
{
	if (e->len >= CON_LINE - 2)
		return;
	memmove(e->text + e->pos + 1, e->text + e->pos, (e->len - e->pos) * sizeof ch);
	e->text[e->pos++] = ch;
	e->len++;
	if ((ch & 0xfc00) != 0xd800)
		redraw(e, o, e->pos - ((ch & 0xfc00) == 0xdc00 && e->pos > 1 ? 2 : 1));
}

static uint32_t before(const struct edit *e, uint32_t pos)
{
	pos -= pos > 0;
	return pos > 0 && (e->text[pos] & 0xfc00) == 0xdc00 ? pos - 1 : pos;
}

static uint32_t after(const struct edit *e, uint32_t pos)
{
	if (pos < e->len && (e->text[pos] & 0xfc00) == 0xd800 && pos + 1 < e->len)
		return pos + 2;
	return MIN(pos + 1, e->len);
}

static void cut(struct edit *e, struct con_out *o, uint32_t from, uint32_t to)
{
	memmove(e->text + from, e->text + to, (e->len - to) * sizeof *e->text);
	e->len -= to - from;
	e->pos = from;
	redraw(e, o, from);
}

static void go(struct edit *e, uint32_t pos)
{
	e->pos = pos;
	if (echoes(e))
		cursor_to(e, cells_of(e->text, 0, pos));
}

static uint32_t word(const struct edit *e, bool right)
{
	uint32_t p = e->pos;

	if (right) {
		while (p < e->len && e->text[p] != ' ')
			p++;
		while (p < e->len && e->text[p] == ' ')
			p++;
	} else {
		while (p > 0 && e->text[p - 1] == ' ')
			p--;
		while (p > 0 && e->text[p - 1] != ' ')
			p--;
	}
	return p;
}

static void replace(struct edit *e, struct con_out *o, const WCHAR *text)
{
	e->len = 0;
	while (text[e->len] != 0 && e->len < CON_LINE - 2) {
		e->text[e->len] = text[e->len];
		e->len++;
	}
	e->pos = e->len;
	redraw(e, o, 0);
}

static void recall(struct edit *e, struct con_out *o, bool older)
{
	static const WCHAR empty[1];

	if (older ? e->recall == 0 : e->recall >= e->c->nhistory)
		return;
	e->recall += older ? UINT32_MAX : 1;
	replace(e, o, e->recall < e->c->nhistory ? e->c->history[e->recall] : empty);
}

static void remember(struct nt_console *c, const WCHAR *text, uint32_t len)
{
	WCHAR *copy;

	if (len == 0)
		return;
	copy = arena_alloc((len + 1) * sizeof *copy);
	if (copy == NULL)
		return;
	memcpy(copy, text, len * sizeof *copy);
	if (c->nhistory == CON_HISTORY) {
		arena_free(c->history[0]);
		memmove(c->history, c->history + 1, (CON_HISTORY - 1) * sizeof *c->history);
		c->nhistory--;
	}
	c->history[c->nhistory++] = copy;
}

/* ---- Keys ---- */

static void finish(struct edit *e, struct con_out *o)
{
	struct nt_console *c = e->c;

	go(e, e->len);
	if (echoes(e)) {
		remember(c, e->text, e->len);
		con_newline(c, c->screen);
	}
	(void)o;
	e->text[e->len++] = '\r';
	if (c->input_mode & ENABLE_PROCESSED_INPUT)
		e->text[e->len++] = '\n';
	e->done = true;
}

static bool by_code(struct edit *e, struct con_out *o, const struct con_record *r)
{
	bool ctrl = r->key.state & LEFT_CTRL_PRESSED;

	switch (r->key.vk) {
	case 0x25: go(e, ctrl ? word(e, false) : before(e, e->pos)); return true;
	case 0x27: go(e, ctrl ? word(e, true) : after(e, e->pos)); return true;
	case 0x24: go(e, 0); return true;
	case 0x23: go(e, e->len); return true;
	case 0x26: recall(e, o, true); return true;
	case 0x28: recall(e, o, false); return true;
	case 0x2e: cut(e, o, e->pos, after(e, e->pos)); return true;
	default: return r->key.ch == 0;
	}
}

static void on_key(struct edit *e, struct con_out *o, const struct con_record *r)
{
	WCHAR ch = r->key.ch;

	if (ch != 0 && ch < 32 && e->l->wakeup >> ch & 1) {
		e->len = e->pos;
		e->text[e->len++] = ch;
		e->l->state = r->key.state;
		e->done = true;
	} else if (!by_code(e, o, r)) {
		if (ch == '\r')
			finish(e, o);
		else if (ch == '\b')
			cut(e, o, before(e, e->pos), e->pos);
		else if (ch == 033)
			replace(e, o, (const WCHAR[1]){ 0 });
		else
			insert(e, o, ch);
	}
}

/* ---- A line ---- */

static bool take(struct nt_console *c, struct con_record *r)
{
	if (con_queue_count(c) == 0)
		return false;
	*r = c->queue[c->tail++ % CON_QUEUE];
	if (con_queue_count(c) == 0)
		con_signal_inputs(c);
	return true;
}

static void start(struct edit *e)
{
	struct con_screen *s = e->c->screen;
	uint32_t cells = cells_of(e->text, 0, e->len);
	int32_t at = s->y * (int32_t)s->width + s->x + (s->wrap ? 1 : 0) - (int32_t)cells;

	at = MAX(at, 0);
	e->x = at % (int32_t)s->width;
	e->y = at / (int32_t)s->width;
	e->scrolled = s->scrolled;
	e->shown = cells;
	e->recall = e->c->nhistory;
}

static NTSTATUS edit(struct edit *e)
{
	struct con_record r;
	struct con_out o;
	bool first = true;

	for (;;) {
		if (!con_begin(e->c, &o))
			return STATUS_CANCELLED;
		if (first)
			start(e);
		first = false;
		while (!e->done && take(e->c, &r))
			if (r.type == KEY_EVENT && r.key.down)
				on_key(e, &o, &r);
		draw_cursor(e->c, &o);
		con_end(e->c, &o);
		if (e->done || e->c->hung)
			return STATUS_SUCCESS;
		if (!con_sleep(e->c))
			return STATUS_CANCELLED;
	}
}

/* What does not fit stays for the next one. */
static void deliver(struct nt_console *c, struct con_line *l, const WCHAR *text, uint32_t len)
{
	l->count = MIN(len, l->room);
	memcpy(l->text, text, l->count * sizeof *text);
	if (l->count == len)
		return;
	lock_take(&c->lock);
	arena_free(c->left);
	c->left = arena_alloc((len - l->count) * sizeof *text);
	c->left_at = 0;
	c->left_size = c->left != NULL ? len - l->count : 0;
	if (c->left != NULL)
		memcpy(c->left, text + l->count, c->left_size * sizeof *text);
	lock_drop(&c->lock);
}

static NTSTATUS whole_line(struct nt_console *c, struct con_line *l)
{
	struct edit e = { .c = c, .l = l, .text = heap_alloc(CON_LINE * sizeof(WCHAR)) };
	NTSTATUS status;

	if (e.text == NULL)
		return STATUS_NO_MEMORY;
	e.len = e.pos = MIN(l->count, CON_LINE - 2);
	memcpy(e.text, l->text, e.len * sizeof(WCHAR));
	status = edit(&e);
	if (status == STATUS_SUCCESS) {
		if (!e.done)
			e.len = 0; /* hung up */
		if (l->file && e.len > 0 && e.text[0] == 26)
			e.len = 0;
		deliver(c, l, e.text, e.len);
	}
	heap_free(e.text);
	return status;
}

/* ---- Without lines ---- */

static NTSTATUS keys_as_they_come(struct nt_console *c, struct con_line *l)
{
	struct con_record r;

	l->count = 0;
	for (;;) {
		lock_take(&c->lock);
		while (l->count < l->room && take(c, &r))
			if (r.type == KEY_EVENT && r.key.down && r.key.ch != 0)
				l->text[l->count++] = r.key.ch;
		lock_drop(&c->lock);
		if (l->count != 0 || c->hung || l->room == 0)
			return STATUS_SUCCESS;
		if (!con_sleep(c))
			return STATUS_CANCELLED;
	}
}

static bool take_left(struct nt_console *c, struct con_line *l)
{
	bool some;

	lock_take(&c->lock);
	some = c->left_size != c->left_at;
	if (some) {
		l->count = MIN(l->room, c->left_size - c->left_at);
		memcpy(l->text, c->left + c->left_at, l->count * sizeof(WCHAR));
		c->left_at += l->count;
	}
	lock_drop(&c->lock);
	return some;
}

static bool no_reader(const void *arg)
{
	return __atomic_load_n(&((const struct nt_console *)arg)->reader, __ATOMIC_RELAXED) == 0;
}

NTSTATUS con_read_line(struct nt_console *c, struct con_line *l)
{
	uint32_t nobody = 0;
	NTSTATUS status;

	while (!__atomic_compare_exchange_n(&c->reader, &nobody, nt_current_process()->pid, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
		nobody = 0;
		if (os_tty_wait(NULL, &c->wq, DK_FOREVER, no_reader, c) != 0)
			return STATUS_CANCELLED;
	}
	if (take_left(c, l)) {
		status = STATUS_SUCCESS;
	} else {
		(void)con_pump(c);
		status = c->input_mode & ENABLE_LINE_INPUT ? whole_line(c, l) : keys_as_they_come(c, l);
	}
	__atomic_store_n(&c->reader, 0, __ATOMIC_RELEASE);
	waitq_wake_all(&c->wq);
	return status;
}
