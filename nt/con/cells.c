/* SPDX-License-Identifier: MIT */
/* nt/con/cells.c - control codes that read, write, fill and move cells of a screen buffer. */
#include "nt/con/state.h"
#include "nt/ke/user.h"
#include "nt/rtl/unicode.h"
#include "rt/mem.h"

/* What of cells is meant. */
enum { TEXT, ATTR, TEXT_AND_ATTR };

/* ---- Cells ---- */

static void draw_if_shown(struct nt_console *c, struct con_screen *s, struct con_out *o, uint32_t from, uint32_t count)
{
	if (!con_shows(c, s))
		return;
	if (count == s->width * s->height && screen_is_empty(s)) {
		draw_clear(c, o);
		s->x = s->y = 0; /* where ever they were: the next thing done is to set them */
	} else {
		draw_cells(c, o, from % s->width, from / s->width, count);
	}
}

NTSTATUS con_fill(struct nt_console *c, struct con_screen *s, struct io_request *r)
{
	struct {
		uint32_t x, y, mode, count, wrap;
		struct con_cell cell;
	} q;
	NTSTATUS status = r->in_size < sizeof q ? STATUS_INVALID_PARAMETER : user_read(&q, r->in, sizeof q);
	struct con_out o;
	uint32_t from, n = 0;

	if (status != STATUS_SUCCESS)
		return status;
	if (!con_begin(c, &o))
		return STATUS_CANCELLED;
	if (q.x < s->width && q.y < s->height) {
		int32_t x = s->x, y = s->y;

		from = q.y * s->width + q.x;
		n = MIN(q.count, (q.wrap ? s->width * s->height : (q.y + 1) * s->width) - from);
		for (uint32_t i = 0; i < n; i++) {
			if (q.mode != ATTR)
				s->cells[from + i].ch = q.cell.ch;
			if (q.mode != TEXT)
				s->cells[from + i].attr = q.cell.attr;
		}
		draw_if_shown(c, s, &o, from, n);
		s->x = x;
		s->y = y;
		if (con_shows(c, s))
			draw_cursor(c, &o);
	}
	con_end(c, &o);
	r->done = MIN(r->size, (uint32_t)sizeof n);
	return r->size >= sizeof n ? user_write(r->buffer, &n, sizeof n) : STATUS_SUCCESS;
}

struct area {
	uint32_t x, y, mode, width; /* width 0: on in reading order */
};

static uint32_t cell_size(uint32_t mode)
{
	return mode == TEXT_AND_ATTR ? sizeof(struct con_cell) : sizeof(WCHAR);
}

/* The rectangle's row and column of the i-th cell, or -1: it is outside. */
static int32_t place_of(const struct con_screen *s, const struct area *a, uint32_t i)
{
	uint64_t at = (uint64_t)a->y * s->width + a->x + i;

	if (a->x >= s->width || a->y >= s->height)
		return -1;

	if (a->width == 0)
		return at < s->width * s->height ? (int32_t)at : -1;
	if (a->x + i % a->width >= s->width || a->y + i / a->width >= s->height)
		return -1;
	return (int32_t)((a->y + i / a->width) * s->width + a->x + i % a->width);
}

static void cell_set(struct con_cell *to, uint32_t mode, const char *from)
{
	if (mode == TEXT)
		memcpy(&to->ch, from, sizeof to->ch);
	else if (mode == ATTR)
		memcpy(&to->attr, from, sizeof to->attr);
	else
		memcpy(to, from, sizeof *to);
}

static void cell_get(const struct con_cell *from, uint32_t mode, char *to)
{
	if (mode == TEXT)
		memcpy(to, &from->ch, sizeof from->ch);
	else if (mode == ATTR)
		memcpy(to, &from->attr, sizeof from->attr);
	else
		memcpy(to, from, sizeof *from);
}

/* What of the rectangle is on the screen, as a SMALL_RECT; one that is not there at all stays as it was. */
static void region_of(const struct con_screen *s, const struct area *a, uint32_t count, int16_t rect[4])
{
	uint32_t rows = (count + a->width - 1) / a->width;
	bool there = a->x < s->width && a->y < s->height;

	rect[0] = (int16_t)a->x;
	rect[1] = (int16_t)a->y;
	rect[2] = (int16_t)((there ? MIN(a->x + a->width, s->width) : a->x + a->width) - 1);
	rect[3] = (int16_t)((there ? MIN(a->y + rows, s->height) : a->y + rows) - 1);
}

static uint32_t put_cells(struct nt_console *c, struct con_screen *s, struct con_out *o, const struct area *a, const char *data, uint32_t count)
{
	uint32_t n = 0, run = 0;
	int32_t from = -1;

	for (uint32_t i = 0; i <= count; i++) {
		int32_t at = i < count ? place_of(s, a, i) : -1;

		if (from >= 0 && at != from + (int32_t)run) {
			draw_if_shown(c, s, o, (uint32_t)from, run);
			from = -1;
		}
		if (at < 0)
			continue;
		if (from < 0) {
			from = at;
			run = 0;
		}
		run++;
		cell_set(&s->cells[at], a->mode, data + (size_t)i * cell_size(a->mode));
		n++;
	}
	if (con_shows(c, s))
		draw_cursor(c, o);
	return n;
}

#define CELLS_MAX (1u << 20)
NTSTATUS con_write_output(struct nt_console *c, struct con_screen *s, struct io_request *r)
{
	struct area a;
	NTSTATUS status = r->in_size < sizeof a ? STATUS_INVALID_PARAMETER : user_read(&a, r->in, sizeof a);
	uint32_t count, n;
	struct con_out o;
	int16_t rect[4];
	char *data;

	if (status != STATUS_SUCCESS || a.mode > TEXT_AND_ATTR || r->in_size > CELLS_MAX * 4)
		return status != STATUS_SUCCESS ? status : (NTSTATUS)STATUS_INVALID_PARAMETER;
	count = (r->in_size - (uint32_t)sizeof a) / cell_size(a.mode);
	data = heap_alloc_dirty(r->in_size);
	if (data == NULL)
		return STATUS_NO_MEMORY;
	status = user_read(data, r->in + sizeof a, r->in_size - sizeof a);
	if (status == STATUS_SUCCESS && !con_begin(c, &o))
		status = STATUS_CANCELLED;
	if (status != STATUS_SUCCESS) {
		heap_free(data);
		return status;
	}
	n = put_cells(c, s, &o, &a, data, count);
	if (a.width != 0)
		region_of(s, &a, count, rect);
	con_end(c, &o);
	heap_free(data);
	if (a.width != 0 && r->size >= sizeof rect) {
		r->done = sizeof rect;
		return user_write(r->buffer, rect, sizeof rect);
	}
	r->done = MIN(r->size, (uint32_t)sizeof n);
	return r->size >= sizeof n ? user_write(r->buffer, &n, sizeof n) : STATUS_SUCCESS;
}

NTSTATUS con_read_output(struct nt_console *c, struct con_screen *s, struct io_request *r)
{
	struct area a;
	NTSTATUS status = r->in_size < sizeof a ? STATUS_INVALID_PARAMETER : user_read(&a, r->in, sizeof a);
	uint32_t head, count, n = 0;
	char *data;

	if (status != STATUS_SUCCESS || a.mode > TEXT_AND_ATTR || r->size > CELLS_MAX * 4)
		return status != STATUS_SUCCESS ? status : (NTSTATUS)STATUS_INVALID_PARAMETER;
	if (a.width != 0 && (a.x >= s->width || a.y >= s->height))
		return STATUS_INVALID_PARAMETER;
	head = a.width != 0 ? sizeof(int16_t[4]) : 0;
	if (r->size < head)
		return STATUS_BUFFER_TOO_SMALL;
	count = (r->size - head) / cell_size(a.mode);
	data = heap_alloc(r->size + 8);
	if (data == NULL)
		return STATUS_NO_MEMORY;
	lock_take(&c->lock);
	for (uint32_t i = 0; i < count; i++) {
		int32_t at = place_of(s, &a, i);

		if (at < 0 && a.width == 0)
			break;
		if (at >= 0)
			cell_get(&s->cells[at], a.mode, data + head + (size_t)i * cell_size(a.mode));
		n++;
	}
	if (a.width != 0)
		region_of(s, &a, count, (int16_t *)data);
	lock_drop(&c->lock);
	r->done = head + n * cell_size(a.mode);
	status = user_write(r->buffer, data, r->done);
	heap_free(data);
	return status;
}

/* ---- Scrolling a rectangle ---- */

struct scroll {
	int16_t from[4], to[2], clip[4]; /* left, top, right, bottom; x, y */
	struct con_cell fill;
};

static bool inside(const int16_t rect[4], int32_t x, int32_t y)
{
	return x >= rect[0] && x <= rect[2] && y >= rect[1] && y <= rect[3];
}

/* Whole rows to the top: what a terminal does by itself is not drawn again.  False: it is another case. */
static bool scroll_all(struct nt_console *c, struct con_screen *s, struct con_out *o, const struct scroll *q)
{
	int32_t rows = q->from[1];

	if (q->from[0] > 0 || q->from[2] < (int32_t)s->width - 1 || q->from[3] < (int32_t)s->height - 1 || q->to[0] != 0 || q->to[1] != 0 || rows <= 0)
		return false;
	screen_scroll_up(s, 0, s->height - 1, (uint32_t)rows);
	if (con_shows(c, s)) {
		int32_t x = s->x, y = s->y;

		draw_move(c, o, 0, (int32_t)s->height - 1);
		c->term.y -= rows;
		c->term.lowest -= rows;
		draw_move(c, o, 0, (int32_t)s->height - 1);
		s->x = x;
		s->y = y;
	}
	return true;
}

static void scroll_cells(struct con_screen *s, const struct scroll *q, const struct con_cell *old)
{
	for (int32_t y = 0; y < (int32_t)s->height; y++)
		for (int32_t x = 0; x < (int32_t)s->width; x++) {
			int32_t fx = x - q->to[0] + q->from[0], fy = y - q->to[1] + q->from[1];

			if (!inside(q->clip, x, y))
				continue;
			if (inside(q->from, fx, fy) && fx >= 0 && fx < (int32_t)s->width && fy >= 0 && fy < (int32_t)s->height)
				*screen_at(s, (uint32_t)x, (uint32_t)y) = old[(uint32_t)fy * s->width + (uint32_t)fx];
			else if (inside(q->from, x, y))
				*screen_at(s, (uint32_t)x, (uint32_t)y) = q->fill;
		}
}

NTSTATUS con_scroll(struct nt_console *c, struct con_screen *s, struct io_request *r)
{
	struct scroll q;
	NTSTATUS status = r->in_size < sizeof q ? STATUS_INVALID_PARAMETER : user_read(&q, r->in, sizeof q);
	struct con_cell *old;
	struct con_out o;
	size_t size;

	if (status != STATUS_SUCCESS)
		return status;
	if (!con_begin(c, &o))
		return STATUS_CANCELLED;
	size = (size_t)s->width * s->height * sizeof *old;
	if (!scroll_all(c, s, &o, &q)) {
		old = heap_alloc_dirty(size);
		if (old != NULL) {
			memcpy(old, s->cells, size);
			scroll_cells(s, &q, old);
			if (con_shows(c, s))
				draw_cells(c, &o, 0, 0, s->width * s->height);
		} else {
			status = STATUS_NO_MEMORY;
		}
		heap_free(old);
	}
	if (con_shows(c, s))
		draw_cursor(c, &o);
	con_end(c, &o);
	return status;
}
