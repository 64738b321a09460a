/* SPDX-License-Identifier: MIT */
/*
 * nt/con/text.c - what WriteConsole means: characters, control characters, and escape sequences where they were asked for.
 *
 * Escape sequences go to the terminal as they are: it knows more of them than we do.  vt.c does to the cells what they
 * do to it.  Without ENABLE_VIRTUAL_TERMINAL_PROCESSING escape is a character with a picture like others.
 */
#include "nt/con/state.h"
#include "nt/ke/user.h"
#include "nt/rtl/unicode.h"
#include "rt/mem.h"

#define TAB 8

void con_newline(struct nt_console *c, struct con_screen *s)
{
	s->wrap = 0;
	s->x = s->began = 0;
	if (s->y < (int32_t)s->bottom || (s->y > (int32_t)s->bottom && s->y < (int32_t)s->height - 1)) {
		s->y++;
		return;
	}
	screen_scroll_up(s, s->top, s->bottom, 1);
	if (con_shows(c, s) && s->top == 0) {
		c->term.y--;
		c->term.lowest--;
	}
}

static void linefeed(struct nt_console *c, struct con_screen *s, struct con_out *o)
{
	int32_t x = s->x;

	/* In a part of the screen only the terminal scrolls rightly. */
	if (con_shows(c, s) && (s->top != 0 || s->bottom != s->height - 1)) {
		draw_move(c, o, s->x, s->y);
		con_newline(c, s);
		out_bytes(o, "\n", 1);
		c->term.x = c->term.adds_cr ? 0 : c->term.x;
		c->term.y = s->y;
	} else {
		con_newline(c, s);
	}
	if (s->mode & DISABLE_NEWLINE_AUTO_RETURN && s->mode & ENABLE_VIRTUAL_TERMINAL_PROCESSING)
		s->x = x;
}

static void tab(struct nt_console *c, struct con_screen *s, struct con_out *o)
{
	int32_t to = (s->x / TAB + 1) * TAB;

	do
		draw_char(c, s, o, ' ', 0);
	while (s->x < to && !s->wrap && s->x != 0);
}

static void bell(struct nt_console *c, struct con_screen *s, struct con_out *o)
{
	if (con_shows(c, s))
		out_bytes(o, "\a", 1);
}

static void control(struct nt_console *c, struct con_screen *s, struct con_out *o, WCHAR ch)
{
	switch (ch) {
	case '\n':
		linefeed(c, s, o);
		break;
	case '\r':
		s->x = s->began = 0;
		s->wrap = 0;
		break;
	case '\b':
		s->x -= s->x > 0 && !s->wrap;
		s->wrap = 0;
		break;
	case '\t':
		tab(c, s, o);
		break;
	case '\a':
		bell(c, s, o);
		break;
	default:
		draw_char(c, s, o, ch, 0);
		break;
	}
}

/* ---- Escape sequences ---- */

static void esc_emit(struct nt_console *c, struct con_screen *s, struct con_out *o)
{
	char utf8[CON_ESC_MAX * 3];

	if (!con_shows(c, s))
		return;
	if (!s->wrap || !c->term.wrap)
		draw_move(c, o, s->x, s->y);
	out_bytes(o, utf8, rtl_utf16_to_utf8(utf8, sizeof utf8, s->esc, s->esc_len * 2));
}

/* True: ch was part of one. */
static bool escape(struct nt_console *c, struct con_screen *s, struct con_out *o, WCHAR ch)
{
	int whole;

	if (s->esc_len == 0 && (ch != 033 || !(s->mode & ENABLE_VIRTUAL_TERMINAL_PROCESSING)))
		return false;
	s->esc[s->esc_len++] = ch;
	whole = vt_complete(s);
	if (whole == 0 && s->esc_len < CON_ESC_MAX)
		return true;
	if (whole == 1) {
		esc_emit(c, s, o);
		vt_apply(c, s, o);
	}
	s->esc_len = 0;
	return true;
}

static void one(struct nt_console *c, struct con_screen *s, struct con_out *o, WCHAR ch)
{
	if (s->high != 0) {
		WCHAR high = (WCHAR)s->high;

		s->high = 0;
		if ((ch & 0xfc00) == 0xdc00) {
			draw_char(c, s, o, high, ch);
			return;
		}
		draw_char(c, s, o, 0xfffd, 0);
	}
	if ((ch & 0xfc00) == 0xd800)
		s->high = ch;
	else if (ch < 32 && s->mode & ENABLE_PROCESSED_OUTPUT)
		control(c, s, o, ch);
	else
		draw_char(c, s, o, (ch & 0xfc00) == 0xdc00 ? 0xfffd : ch, 0);
}

void con_write_text(struct nt_console *c, struct con_screen *s, struct con_out *o, const WCHAR *text, uint32_t count)
{
	s->began = s->x;
	for (uint32_t i = 0; i < count; i++)
		if (!(s->mode & ENABLE_PROCESSED_OUTPUT) || !escape(c, s, o, text[i]))
			one(c, s, o, text[i]);
	if (con_shows(c, s))
		draw_cursor(c, o);
}
