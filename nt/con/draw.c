/* SPDX-License-Identifier: MIT */
/*
 * nt/con/draw.c - the active screen as bytes for the terminal.
 *
 * Where on the terminal the screen's row 0 is, is not known and need not be: all moves are relative, and
 * rows that nothing was on yet are reached by newlines, which scroll where a move would stop.  Clearing everything sets
 * the origin to the terminal's own.  Colours are only said when they change; grey on black is the terminal's own.
 */
#include "nt/con/state.h"
#include "nt/rtl/unicode.h"
#include "rt/fmt.h"
#include "rt/mem.h"

void out_bytes(struct con_out *o, const char *s, uint32_t size)
{
	if (o->size + size > o->room) {
		uint32_t room = MAX(o->room * 2, o->size + size + 512);
		char *more = o->failed ? NULL : heap_realloc(o->at, room);

		if (more == NULL) {
			o->failed = true;
			return;
		}
		o->at = more;
		o->room = room;
	}
	memcpy(o->at + o->size, s, size);
	o->size += size;
}

void out_format(struct con_out *o, const char *format, ...)
{
	char buf[96];
	va_list args;
	int n;

	va_start(args, format);
	n = fmt_vsnprintf(buf, sizeof buf, format, args);
	va_end(args);
	out_bytes(o, buf, (uint32_t)MIN(n, (int)sizeof buf - 1));
}

bool con_shows(const struct nt_console *c, const struct con_screen *s)
{
	return c->screen == s && c->tty_out != NULL;
}

/* ---- Colours ---- */

static const uint8_t ansi[8] = { 0, 4, 2, 6, 1, 5, 3, 7 }; /* of blue, green, red bits */

void draw_attr(struct nt_console *c, struct con_out *o, uint32_t attr)
{
	uint32_t fg = attr & 15, bg = attr >> 4 & 15;

	if (attr == c->term.attr)
		return;
	c->term.attr = attr;
	out_bytes(o, "\033[0", 3);
	if (fg != 7)
		out_format(o, ";%u", (fg & 8 ? 90 : 30) + ansi[fg & 7]);
	if (bg != 0)
		out_format(o, ";%u", (bg & 8 ? 100 : 40) + ansi[bg & 7]);
	if (attr & 0x4000)
		out_bytes(o, ";7", 2);
	if (attr & 0x8000)
		out_bytes(o, ";4", 2);
	out_bytes(o, "m", 1);
}

/* ---- The cursor ---- */

static void down(struct nt_console *c, struct con_out *o, int32_t y)
{
	struct con_term *t = &c->term;
	int32_t moved = MIN(y, t->lowest) - t->y;

	if (moved > 1 || (moved == 1 && !t->adds_cr)) {
		out_format(o, "\033[%dB", moved);
		t->y += moved;
	}
	if (t->y < y && t->attr != CON_ATTR)
		draw_attr(c, o, CON_ATTR); /* rows that come in take the colours */
	while (t->y < y) {
		out_bytes(o, "\n", 1);
		t->y++;
		t->lowest = t->y;
		if (t->adds_cr)
			t->x = 0;
	}
}

void draw_move(struct nt_console *c, struct con_out *o, int32_t x, int32_t y)
{
	struct con_term *t = &c->term;

	if (t->wrap) { /* it stays behind the last column, unless it is moved */
		out_bytes(o, "\r", 1);
		t->x = 0;
		t->wrap = 0;
	}
	if (y < t->y) {
		out_format(o, "\033[%dA", t->y - y);
		t->y = y;
	} else if (y > t->y) {
		down(c, o, y);
	}
	if (x == t->x)
		return;
	if (x == 0)
		out_bytes(o, "\r", 1);
	else if (x == t->x - 1)
		out_bytes(o, "\b", 1);
	else
		out_format(o, "\033[%d%c", x < t->x ? t->x - x : x - t->x, x < t->x ? 'D' : 'C');
	t->x = x;
}

void draw_cursor(struct nt_console *c, struct con_out *o)
{
	struct con_screen *s = c->screen;

	if (c->tty_out == NULL)
		return;
	if (!s->wrap || !c->term.wrap)
		draw_move(c, o, s->x, s->y);
	if (c->term.hidden == s->cursor_visible) {
		out_bytes(o, s->cursor_visible ? "\033[?25h" : "\033[?25l", 6);
		c->term.hidden = !s->cursor_visible;
	}
}

/* ---- Characters ---- */

/* The terminal's cursor is where it is to be. */
static void emit(struct nt_console *c, struct con_out *o, const WCHAR *ch, uint32_t units, uint32_t columns)
{
	char utf8[8];

	out_bytes(o, utf8, rtl_utf16_to_utf8(utf8, sizeof utf8, ch, units * 2));
	c->term.x += (int32_t)columns;
	c->term.wrap = c->term.x >= (int32_t)c->screen->width;
	if (c->term.wrap)
		c->term.x = (int32_t)c->screen->width - 1;
}

/* Control characters have pictures on Windows' screens. */
static WCHAR picture(WCHAR ch)
{
	static const WCHAR pictures[32] = { ' ', 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb, 0x25d9, 0x2642, 0x2640, 0x266a,
		0x266b, 0x263c, 0x25ba, 0x25c4, 0x2195, 0x203c, 0xb6, 0xa7, 0x25ac, 0x21a8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc };

	return ch < 32 ? pictures[ch] : ch == 0x7f ? 0x2302 : ch;
}

/* A wide character's second cell has the second half of a pair, or 0. */
static void put_cells(struct con_screen *s, WCHAR ch, WCHAR low, uint32_t columns)
{
	for (uint32_t i = 0; i < columns && s->x < (int32_t)s->width; i++, s->x++)
		*screen_at(s, (uint32_t)s->x, (uint32_t)s->y) = (struct con_cell){ i == 0 ? ch : low, (uint16_t)s->attr };
	s->wrap = s->x >= (int32_t)s->width;
	if (s->wrap)
		s->x = (int32_t)s->width - 1;
}

static bool is_second(WCHAR ch)
{
	return ch == 0 || (ch & 0xfc00) == 0xdc00;
}

/* The terminal goes to its next line by itself. */
static void wrapped(struct nt_console *c)
{
	struct con_term *t = &c->term;

	t->wrap = 0;
	t->x = 0;
	t->y++;
	t->lowest = MAX(t->lowest, t->y);
}

void draw_char(struct nt_console *c, struct con_screen *s, struct con_out *o, WCHAR ch, WCHAR low)
{
	uint32_t point = low != 0 ? 0x10000u + ((ch & 0x3ffu) << 10 | (low & 0x3ffu)) : ch, columns = con_width(point);
	const WCHAR units[2] = { picture(ch), low };

	if (columns != 0 && (s->wrap || (columns == 2 && s->x == (int32_t)s->width - 1))) {
		bool by_itself = s->wrap && con_shows(c, s) && c->term.wrap;

		s->wrap = 0;
		if (s->mode & ENABLE_WRAP_AT_EOL_OUTPUT) {
			con_newline(c, s);
			if (by_itself)
				wrapped(c);
		} else {
			s->x = s->began;
		}
	}
	if (con_shows(c, s)) {
		if (columns != 0)
			draw_move(c, o, s->x, s->y);
		draw_attr(c, o, s->attr);
		emit(c, o, units, low != 0 ? 2 : 1, columns);
	}
	put_cells(s, ch, low, columns);
}

/* ---- Parts of the screen again ---- */

static bool rest_is_blank(const struct con_screen *s, uint32_t x, uint32_t y)
{
	for (; x < s->width; x++)
		if (screen_at(s, x, y)->ch != ' ' || screen_at(s, x, y)->attr != CON_ATTR)
			return false;
	return true;
}

static void draw_row(struct nt_console *c, struct con_out *o, uint32_t x, uint32_t y, uint32_t count)
{
	const struct con_screen *s = c->screen;

	for (uint32_t end = x + count; x < end; x++) {
		const struct con_cell *cell = screen_at(s, x, y);
		bool wide = x + 1 < s->width && is_second(cell[1].ch);
		const WCHAR units[2] = { picture(cell->ch), wide ? cell[1].ch : 0 };

		if (is_second(cell->ch))
			continue;
		draw_move(c, o, (int32_t)x, (int32_t)y);
		if (end == s->width && rest_is_blank(s, x, y)) {
			draw_attr(c, o, CON_ATTR);
			out_bytes(o, "\033[K", 3);
			return;
		}
		draw_attr(c, o, cell->attr);
		emit(c, o, units, units[1] != 0 ? 2 : 1, wide ? 2 : 1);
	}
}

void draw_cells(struct nt_console *c, struct con_out *o, uint32_t x, uint32_t y, uint32_t count)
{
	const struct con_screen *s = c->screen;

	while (count > 0 && y < s->height) {
		uint32_t n = MIN(count, s->width - x);

		draw_row(c, o, x, y, n);
		count -= n;
		x = 0;
		y++;
	}
}

void draw_clear(struct nt_console *c, struct con_out *o)
{
	draw_attr(c, o, c->screen->cells[0].attr);
	out_bytes(o, "\033[H\033[2J", 7);
	c->term.x = c->term.y = 0;
	c->term.wrap = 0;
	c->term.lowest = (int32_t)c->screen->height - 1;
}

void draw_all(struct nt_console *c, struct con_out *o)
{
	if (c->tty_out == NULL)
		return;
	draw_clear(c, o);
	if (!screen_is_empty(c->screen))
		draw_cells(c, o, 0, 0, c->screen->width * c->screen->height);
}

void draw_title(struct nt_console *c, struct con_out *o)
{
	char utf8[CON_TITLE * 3];
	uint32_t n = rtl_utf16_to_utf8(utf8, sizeof utf8, c->title, c->title_size);

	if (c->tty_out == NULL)
		return;
	for (uint32_t i = 0; i < n; i++)
		if ((uint8_t)utf8[i] < 32)
			utf8[i] = ' ';
	out_bytes(o, "\033]0;", 4);
	out_bytes(o, utf8, n);
	out_bytes(o, "\a", 1);
}
