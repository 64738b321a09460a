/* SPDX-License-Identifier: MIT */
/*
 * nt/con/vt.c - what escape sequences do to the cells and the cursor, by Microsoft's "Console Virtual Terminal Sequences".
 *
 * The terminal has had the sequence already; here the model follows.  A sequence that moves to a place by
 * its row makes the terminal's row that row: from then on the screen's origin is the terminal's.
 */
#include "nt/con/state.h"
#include "rt/mem.h"

#define ARGS 16u

struct csi {
	uint32_t arg[ARGS], nargs;
	WCHAR private, last;
};

/* ESC [ ... letter; ESC ] ... BEL or ESC \; ESC ( x and the like; ESC letter. */
int vt_complete(const struct con_screen *s)
{
	WCHAR last = s->esc[s->esc_len - 1];

	if (s->esc_len == 1)
		return 0;
	switch (s->esc[1]) {
	case '[':
		return s->esc_len == 2 || last < 0x40 ? (last < 0x20 ? -1 : 0) : last < 0x7f ? 1 : -1;
	case ']': case 'P': case '_': case '^':
		if (last == 7)
			return 1;
		return s->esc_len > 2 && last == '\\' && s->esc[s->esc_len - 2] == 033;
	case '(': case ')': case '*': case '+': case '#': case '%': case ' ':
		return s->esc_len == 3;
	default:
		return s->esc[1] < 0x20 || s->esc[1] > 0x7e ? -1 : 1;
	}
}

static void parse(const struct con_screen *s, struct csi *q)
{
	uint32_t i = 2;

	memset(q, 0, sizeof *q);
	if (i < s->esc_len && s->esc[i] >= '<' && s->esc[i] <= '?')
		q->private = s->esc[i++];
	q->nargs = 1;
	for (; i + 1 < s->esc_len; i++) {
		WCHAR ch = s->esc[i];

		if ((ch == ';' || ch == ':') && q->nargs < ARGS)
			q->nargs++;
		else if (ch >= '0' && ch <= '9' && q->arg[q->nargs - 1] < 100000)
			q->arg[q->nargs - 1] = q->arg[q->nargs - 1] * 10 + (uint32_t)(ch - '0');
	}
	q->last = s->esc[s->esc_len - 1];
}

static uint32_t arg(const struct csi *q, uint32_t i)
{
	return i < q->nargs && q->arg[i] != 0 ? q->arg[i] : 1;
}

/* ---- Colours ---- */

static const uint8_t windows[8] = { 0, 4, 2, 6, 1, 5, 3, 7 };

/* 256 colours and RGB: the nearest of the sixteen. */
static uint32_t nearest(const struct csi *q, uint32_t *i)
{
	uint32_t r, g, b;

	if (*i + 1 < q->nargs && q->arg[*i + 1] == 5) {
		uint32_t n = *i + 2 < q->nargs ? q->arg[*i + 2] : 0;

		*i += 2;
		if (n < 16)
			return windows[n & 7] | (n & 8);
		if (n >= 232)
			return n < 238 ? 0 : n < 244 ? 8 : n < 250 ? 7 : 15;
		n -= 16;
		r = n / 36 * 51;
		g = n / 6 % 6 * 51;
		b = n % 6 * 51;
	} else if (*i + 1 < q->nargs && q->arg[*i + 1] == 2 && *i + 4 < q->nargs) {
		r = q->arg[*i + 2];
		g = q->arg[*i + 3];
		b = q->arg[*i + 4];
		*i += 4;
	} else {
		*i = q->nargs;
		return 7;
	}
	return (r > 85 ? 4u : 0) | (g > 85 ? 2u : 0) | (b > 85 ? 1u : 0) | (r > 190 || g > 190 || b > 190 ? 8u : 0);
}

static void sgr(struct con_screen *s, const struct csi *q)
{
	for (uint32_t i = 0; i < q->nargs; i++) {
		uint32_t n = q->arg[i], a = s->attr;

		if (n == 0)
			a = CON_ATTR;
		else if (n == 1)
			a |= 8;
		else if (n == 22)
			a &= ~8u;
		else if (n == 4 || n == 24)
			a = n == 4 ? a | 0x8000 : a & ~0x8000u;
		else if (n == 7 || n == 27)
			a = n == 7 ? a | 0x4000 : a & ~0x4000u;
		else if (n >= 30 && n <= 37)
			a = (a & ~7u) | windows[n - 30];
		else if (n >= 90 && n <= 97)
			a = (a & ~15u) | windows[n - 90] | 8;
		else if (n >= 40 && n <= 47)
			a = (a & ~0x70u) | (uint32_t)windows[n - 40] << 4;
		else if (n >= 100 && n <= 107)
			a = (a & ~0xf0u) | (uint32_t)(windows[n - 100] | 8) << 4;
		else if (n == 38)
			a = (a & ~15u) | nearest(q, &i);
		else if (n == 48)
			a = (a & ~0xf0u) | nearest(q, &i) << 4;
		else if (n == 39)
			a = (a & ~15u) | 7;
		else if (n == 49)
			a &= ~0xf0u;
		s->attr = a;
	}
}

/* ---- Moves and changes ---- */

static void place(struct con_screen *s, uint32_t x, uint32_t y)
{
	s->x = (int32_t)MIN(x, s->width - 1);
	s->y = (int32_t)MIN(y, s->height - 1);
	s->wrap = 0;
}

static uint32_t less(int32_t v, uint32_t n)
{
	return (uint32_t)v > n ? (uint32_t)v - n : 0;
}

static bool moves(struct con_screen *s, const struct csi *q)
{
	uint32_t n = arg(q, 0), x = (uint32_t)s->x, y = (uint32_t)s->y;

	switch (q->last) {
	case 'A': place(s, x, less(s->y, n)); return true;
	case 'B': place(s, x, y + n); return true;
	case 'C': place(s, x + n, y); return true;
	case 'D': place(s, less(s->x, n), y); return true;
	case 'E': place(s, 0, y + n); return true;
	case 'F': place(s, 0, less(s->y, n)); return true;
	case 'G': place(s, n - 1, y); return true;
	default: return false;
	}
}

static void erase(struct con_screen *s, const struct csi *q)
{
	uint32_t x = (uint32_t)s->x, at = (uint32_t)s->y * s->width, all = s->width * s->height, how = q->arg[0];

	if (q->last == 'J')
		screen_blank(s, how == 0 ? at + x : 0, how == 0 ? all - at - x : how == 1 ? at + x + 1 : all);
	else if (q->last == 'K')
		screen_blank(s, how == 0 ? at + x : at, how == 0 ? s->width - x : how == 1 ? x + 1 : s->width);
	else /* X */
		screen_blank(s, at + x, MIN(arg(q, 0), s->width - x));
}

static void shift(struct con_screen *s, const struct csi *q)
{
	uint32_t n = MIN(arg(q, 0), s->width - (uint32_t)s->x), rest = s->width - (uint32_t)s->x - n;
	struct con_cell *at = screen_at(s, (uint32_t)s->x, (uint32_t)s->y);
	uint32_t from = (uint32_t)s->y * s->width + (uint32_t)s->x;

	if (q->last == '@') {
		memmove(at + n, at, rest * sizeof *at);
		screen_blank(s, from, n);
	} else {
		memmove(at, at + n, rest * sizeof *at);
		screen_blank(s, from + rest, n);
	}
}

static void lines(struct con_screen *s, const struct csi *q)
{
	uint32_t top = q->last == 'L' || q->last == 'M' ? MAX((uint32_t)s->y, s->top) : s->top;

	if (top > s->bottom)
		return;
	if (q->last == 'L' || q->last == 'T')
		screen_scroll_down(s, top, s->bottom, arg(q, 0));
	else
		screen_scroll_up(s, top, s->bottom, arg(q, 0));
}

/* The row is one of the terminal's own. */
static void absolute(struct nt_console *c, struct con_screen *s, uint32_t x, uint32_t y)
{
	place(s, x, y);
	if (con_shows(c, s))
		c->term.lowest = (int32_t)s->height - 1;
}

static void region(struct nt_console *c, struct con_screen *s, const struct csi *q)
{
	uint32_t top = arg(q, 0) - 1, bottom = q->nargs > 1 && q->arg[1] != 0 ? q->arg[1] - 1 : s->height - 1;

	if (top < bottom && bottom < s->height) {
		s->top = top;
		s->bottom = bottom;
		absolute(c, s, 0, 0);
	}
}

static void save(struct con_screen *s)
{
	s->saved_x = (uint32_t)s->x;
	s->saved_y = (uint32_t)s->y;
	s->saved_attr = s->attr;
}

static void restore(struct con_screen *s)
{
	place(s, s->saved_x, s->saved_y);
	s->attr = s->saved_attr != 0 ? s->saved_attr : CON_ATTR;
}

static void private_mode(struct nt_console *c, struct con_screen *s, const struct csi *q)
{
	bool on = q->last == 'h';

	if (q->arg[0] == 25) {
		s->cursor_visible = on;
		if (con_shows(c, s))
			c->term.hidden = !on;
	} else if (q->arg[0] == 1049 || q->arg[0] == 1047) {
		if (on)
			save(s);
		screen_blank(s, 0, s->width * s->height);
		if (!on)
			restore(s);
		if (con_shows(c, s))
			c->term.lowest = (int32_t)s->height - 1;
	}
}

static void csi(struct nt_console *c, struct con_screen *s)
{
	struct csi q;

	parse(s, &q);
	if (q.private != 0) {
		if (q.private == '?' && (q.last == 'h' || q.last == 'l'))
			private_mode(c, s, &q);
		return;
	}
	if (moves(s, &q))
		return;
	switch (q.last) {
	case 'H': case 'f': absolute(c, s, arg(&q, 1) - 1, arg(&q, 0) - 1); break;
	case 'd': absolute(c, s, (uint32_t)s->x, arg(&q, 0) - 1); break;
	case 'J': case 'K': case 'X': erase(s, &q); break;
	case '@': case 'P': shift(s, &q); break;
	case 'L': case 'M': case 'S': case 'T': lines(s, &q); break;
	case 'm': sgr(s, &q); break;
	case 'r': region(c, s, &q); break;
	case 's': save(s); break;
	case 'u': restore(s); break;
	default: break;
	}
}

static void title(struct nt_console *c, const struct con_screen *s)
{
	uint32_t i = 2, end = s->esc_len - (s->esc[s->esc_len - 1] == 7 ? 1 : 2);

	if (s->esc[i] != '0' && s->esc[i] != '2')
		return;
	i += 2;
	if (i > end || s->esc[i - 1] != ';')
		return;
	c->title_size = MIN((end - i) * 2, (uint32_t)sizeof c->title);
	memcpy(c->title, s->esc + i, c->title_size);
}

static void simple(struct nt_console *c, struct con_screen *s)
{
	switch (s->esc[1]) {
	case '7': save(s); break;
	case '8': restore(s); break;
	case 'D': con_newline(c, s); break;
	case 'E': con_newline(c, s); break;
	case 'M':
		if (s->y == (int32_t)s->top)
			screen_scroll_down(s, s->top, s->bottom, 1);
		else if (s->y > 0)
			s->y--;
		break;
	case 'c':
		s->attr = CON_ATTR;
		screen_blank(s, 0, s->width * s->height);
		absolute(c, s, 0, 0);
		break;
	default: break;
	}
}

void vt_apply(struct nt_console *c, struct con_screen *s, struct con_out *o)
{
	(void)o;
	if (s->esc[1] == '[')
		csi(c, s);
	else if (s->esc[1] == ']')
		title(c, s);
	else if (s->esc_len == 2)
		simple(c, s);
	if (!con_shows(c, s))
		return;
	if (c->term.x != s->x || c->term.y != s->y)
		c->term.wrap = 0;
	c->term.x = s->x;
	c->term.y = s->y;
	c->term.lowest = MAX(c->term.lowest, s->y);
	c->term.attr = s->attr;
}
