/* SPDX-License-Identifier: MIT */
/* nt/con/screen.c - the cells of a screen buffer. */
#include "nt/con/state.h"
#include "rt/mem.h"

static void blank_cells(struct con_cell *at, size_t count, uint32_t attr)
{
	for (size_t i = 0; i < count; i++)
		at[i] = (struct con_cell){ ' ', (uint16_t)attr };
}

/* The cursor's row stays: rows above it are lost if there is no room. */
bool screen_resize(struct con_screen *s, uint32_t width, uint32_t height)
{
	struct con_cell *cells = arena_alloc((size_t)width * height * sizeof *cells);
	uint32_t skip = s->y >= (int32_t)height ? (uint32_t)s->y - height + 1 : 0;

	if (cells == NULL)
		return false;
	blank_cells(cells, (size_t)width * height, s->attr);
	for (uint32_t y = 0; y < height && y + skip < s->height; y++)
		memcpy(cells + (size_t)y * width, screen_at(s, 0, y + skip), MIN(width, s->width) * sizeof *cells);
	arena_free(s->cells);
	s->cells = cells;
	s->width = width;
	s->height = height;
	s->y -= (int32_t)skip;
	s->x = MIN(s->x, (int32_t)width - 1);
	s->top = 0;
	s->bottom = height - 1;
	s->window[3] = 0;
	return true;
}

void screen_blank(struct con_screen *s, uint32_t from, uint32_t count)
{
	blank_cells(s->cells + from, MIN(count, s->width * s->height - from), s->attr);
}

void screen_scroll_up(struct con_screen *s, uint32_t top, uint32_t bottom, uint32_t n)
{
	uint32_t rows = bottom - top + 1;

	n = MIN(n, rows);
	memmove(screen_at(s, 0, top), screen_at(s, 0, top + n), (size_t)(rows - n) * s->width * sizeof *s->cells);
	blank_cells(screen_at(s, 0, bottom + 1 - n), (size_t)n * s->width, s->attr);
	if (top == 0)
		s->scrolled += n;
}

void screen_scroll_down(struct con_screen *s, uint32_t top, uint32_t bottom, uint32_t n)
{
	uint32_t rows = bottom - top + 1;

	n = MIN(n, rows);
	memmove(screen_at(s, 0, top + n), screen_at(s, 0, top), (size_t)(rows - n) * s->width * sizeof *s->cells);
	blank_cells(screen_at(s, 0, top), (size_t)n * s->width, s->attr);
}

bool screen_is_empty(const struct con_screen *s)
{
	for (uint32_t i = 0; i < s->width * s->height; i++)
		if (s->cells[i].ch != ' ' || s->cells[i].attr != s->cells[0].attr)
			return false;
	return true;
}

static const struct { uint32_t first, last, width; } widths[] = {
	{ 0x300, 0x36f, 0 }, { 0x483, 0x489, 0 }, { 0x591, 0x5bd, 0 }, { 0x610, 0x61a, 0 }, { 0x64b, 0x65f, 0 }, { 0x1100, 0x115f, 2 }, { 0x1ab0, 0x1aff, 0 },
	{ 0x1dc0, 0x1dff, 0 }, { 0x200b, 0x200f, 0 }, { 0x20d0, 0x20ff, 0 }, { 0x231a, 0x231b, 2 }, { 0x23e9, 0x23ec, 2 }, { 0x2e80, 0x303e, 2 },
	{ 0x3041, 0x33ff, 2 }, { 0x3400, 0x4dbf, 2 }, { 0x4e00, 0x9fff, 2 }, { 0xa000, 0xa4cf, 2 }, { 0xac00, 0xd7a3, 2 }, { 0xf900, 0xfaff, 2 },
	{ 0xfe00, 0xfe0f, 0 }, { 0xfe20, 0xfe2f, 0 }, { 0xfe30, 0xfe6f, 2 }, { 0xff00, 0xff60, 2 }, { 0xffe0, 0xffe6, 2 }, { 0x1f300, 0x1f64f, 2 },
	{ 0x1f680, 0x1f6ff, 2 }, { 0x1f900, 0x1f9ff, 2 }, { 0x20000, 0x3fffd, 2 },
};

uint32_t con_width(uint32_t code_point)
{
	if (code_point < widths[0].first)
		return 1;
	for (uint32_t i = 0; i < ARRAY_LEN(widths); i++)
		if (code_point >= widths[i].first && code_point <= widths[i].last)
			return widths[i].width;
	return 1;
}
