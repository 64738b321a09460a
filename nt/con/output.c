/* SPDX-License-Identifier: MIT */
/* nt/con/output.c - control codes of screen buffers. */
#include "nt/con/state.h"
#include "nt/ke/user.h"
#include "nt/rtl/unicode.h"
#include "rt/mem.h"

#define GET_MODE        0x504000u
#define SET_MODE        0x508004u
#define WRITE_CONSOLE   0x508078u
#define WRITE_FILE      0x50807cu
#define READ_OUTPUT     0x504080u
#define WRITE_OUTPUT    0x508084u
#define GET_OUTPUT_INFO 0x504088u
#define SET_OUTPUT_INFO 0x50808cu
#define ACTIVATE        0x508090u
#define FILL_OUTPUT     0x508094u
#define SCROLL          0x508098u
#define WRITE_PIECE     8192u /* bytes of text at a time: one turn of the writer */

/* What of cells is meant. */
enum { TEXT, ATTR, TEXT_AND_ATTR };

struct info {
	int16_t cursor_size, cursor_visible, x, y, width, height, attr, popup, window[4], max_width, max_height, font_width, font_height, font_weight,
		font_pitch;
	uint32_t colours[16];
};
_Static_assert(sizeof(struct info) == 100, "console output info");
/* Bits of SET_OUTPUT_INFO's first word. */
#define SET_CURSOR_LOOKS 0x01u
#define SET_CURSOR_POS   0x02u
#define SET_SIZE         0x04u
#define SET_ATTR         0x08u
#define SET_WINDOW       0x10u
#define SET_MAX_SIZE     0x20u
#define SET_POPUP        0x40u
#define SET_FONT         0x80u /* the terminal's own: left alone */

/* ---- Text ---- */

static NTSTATUS write_piece(struct nt_console *c, struct con_screen *s, const WCHAR *text, uint32_t count)
{
	struct con_out o;

	if (!con_begin(c, &o))
		return STATUS_CANCELLED;
	con_write_text(c, s, &o, text, count);
	con_end(c, &o);
	return STATUS_SUCCESS;
}

static NTSTATUS write_text(struct nt_console *c, struct con_screen *s, struct io_request *r)
{
	WCHAR *text = heap_alloc_dirty(WRITE_PIECE);
	NTSTATUS status = text != NULL ? STATUS_SUCCESS : (NTSTATUS)STATUS_NO_MEMORY;
	uint32_t n;

	for (uint32_t at = 0; at + 2 <= r->in_size && status == STATUS_SUCCESS; at += n) {
		n = MIN(r->in_size - at, WRITE_PIECE) & ~1u;
		status = user_read(text, r->in + at, n);
		if (status == STATUS_SUCCESS)
			status = write_piece(c, s, text, n / 2);
	}
	heap_free(text);
	return status;
}

NTSTATUS con_write_bytes(struct nt_console *c, struct con_screen *s, uint64_t va, uint32_t size, uint64_t *done)
{
	char *bytes = heap_alloc_dirty(WRITE_PIECE + sizeof s->utf8);
	WCHAR *text = heap_alloc_dirty((WRITE_PIECE + sizeof s->utf8) * sizeof *text);
	NTSTATUS status = bytes != NULL && text != NULL ? STATUS_SUCCESS : (NTSTATUS)STATUS_NO_MEMORY;
	uint32_t n, kept, used, count;

	for (uint32_t at = 0; at < size && status == STATUS_SUCCESS; at += n) {
		n = MIN(size - at, WRITE_PIECE);
		kept = s->utf8_len;
		memcpy(bytes, s->utf8, kept);
		status = user_read(bytes + kept, va + at, n);
		if (status != STATUS_SUCCESS)
			break;
		count = con_to_unicode(c->output_cp, text, bytes, kept + n, &used);
		s->utf8_len = MIN(kept + n - used, (uint32_t)sizeof s->utf8);
		memcpy(s->utf8, bytes + used, s->utf8_len);
		status = write_piece(c, s, text, count);
		*done = at + n;
	}
	heap_free(bytes);
	heap_free(text);
	return status;
}

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

static NTSTATUS fill(struct nt_console *c, struct con_screen *s, struct io_request *r)
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
static NTSTATUS write_output(struct nt_console *c, struct con_screen *s, struct io_request *r)
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

static NTSTATUS read_output(struct nt_console *c, struct con_screen *s, struct io_request *r)
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

static NTSTATUS scroll(struct nt_console *c, struct con_screen *s, struct io_request *r)
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

/* ---- Looks ---- */

static NTSTATUS get_info(struct nt_console *c, struct con_screen *s, struct io_request *r)
{
	struct info i = { .font_weight = 400, .font_pitch = 1, .font_width = 8, .font_height = 16 };
	struct con_out o;

	if (r->size < sizeof i)
		return STATUS_BUFFER_TOO_SMALL;
	if (!con_begin(c, &o))
		return STATUS_CANCELLED;
	i.cursor_size = (int16_t)s->cursor_size;
	i.cursor_visible = (int16_t)s->cursor_visible;
	i.x = (int16_t)s->x;
	i.y = (int16_t)s->y;
	i.width = i.max_width = (int16_t)s->width;
	i.height = i.max_height = (int16_t)s->height;
	i.attr = (int16_t)s->attr;
	i.popup = (int16_t)s->popup;
	memcpy(i.window, s->window, sizeof i.window);
	if (s->window[3] == 0) {
		i.window[2] = (int16_t)(s->width - 1);
		i.window[3] = (int16_t)(s->height - 1);
	}
	memcpy(i.colours, s->colours, sizeof i.colours);
	con_end(c, &o);
	r->done = sizeof i;
	return user_write(r->buffer, &i, sizeof i);
}

/* A buffer's own size may be changed; the terminal's cannot, so the active one stays as wide and high as that is. */
static NTSTATUS set_size(struct nt_console *c, struct con_screen *s, const struct info *i)
{
	if (i->width <= 0 || i->height <= 0 || i->width > (int16_t)CON_SIDE_MAX)
		return STATUS_INVALID_PARAMETER;
	if (con_shows(c, s))
		return STATUS_SUCCESS;
	return screen_resize(s, (uint32_t)i->width, MIN((uint32_t)i->height, CON_SIDE_MAX)) ? STATUS_SUCCESS : (NTSTATUS)STATUS_NO_MEMORY;
}

static NTSTATUS apply(struct nt_console *c, struct con_screen *s, uint32_t mask, const struct info *i)
{
	NTSTATUS status = mask & SET_SIZE ? set_size(c, s, i) : STATUS_SUCCESS;

	if (mask & SET_CURSOR_LOOKS && (i->cursor_size < 1 || i->cursor_size > 100))
		return STATUS_INVALID_PARAMETER;
	if (mask & SET_CURSOR_POS && (i->x < 0 || i->y < 0 || i->x >= (int32_t)s->width || i->y >= (int32_t)s->height))
		return STATUS_INVALID_PARAMETER;
	if (status != STATUS_SUCCESS)
		return status;
	if (mask & SET_CURSOR_LOOKS) {
		s->cursor_size = (uint32_t)i->cursor_size;
		s->cursor_visible = i->cursor_visible != 0;
	}
	if (mask & SET_CURSOR_POS) {
		s->x = i->x;
		s->y = i->y;
		s->wrap = 0;
	}
	if (mask & SET_ATTR)
		s->attr = (uint16_t)i->attr;
	if (mask & SET_POPUP)
		s->popup = (uint16_t)i->popup;
	if (mask & SET_WINDOW)
		memcpy(s->window, i->window, sizeof s->window);
	return STATUS_SUCCESS;
}

static NTSTATUS set_info(struct nt_console *c, struct con_screen *s, struct io_request *r)
{
	struct {
		uint32_t mask;
		struct info info;
	} q;
	NTSTATUS status = r->in_size < sizeof q ? STATUS_INVALID_PARAMETER : user_read(&q, r->in, sizeof q);
	struct con_out o;

	if (status != STATUS_SUCCESS)
		return status;
	if (!con_begin(c, &o))
		return STATUS_CANCELLED;
	status = apply(c, s, q.mask, &q.info);
	if (con_shows(c, s) && q.mask & (SET_CURSOR_LOOKS | SET_CURSOR_POS))
		draw_cursor(c, &o);
	con_end(c, &o);
	return status;
}

static NTSTATUS set_mode(struct nt_console *c, struct con_screen *s, struct io_request *r)
{
	uint32_t mode;
	NTSTATUS status = r->in_size < sizeof mode ? STATUS_INVALID_PARAMETER : user_read(&mode, r->in, sizeof mode);

	if (status != STATUS_SUCCESS)
		return status;
	if (mode & ~0x1fu)
		return STATUS_INVALID_PARAMETER;
	lock_take(&c->lock);
	s->mode = mode;
	lock_drop(&c->lock);
	return STATUS_SUCCESS;
}

static NTSTATUS activate(struct nt_console *c, struct con_screen *s)
{
	struct con_screen *old;
	struct con_out o;

	if (!con_begin(c, &o))
		return STATUS_CANCELLED;
	old = c->screen;
	if (old != s) {
		ref_get(&s->ref);
		c->screen = s;
		draw_all(c, &o);
		draw_cursor(c, &o);
	}
	con_end(c, &o);
	if (old != s)
		screen_put(old);
	return STATUS_SUCCESS;
}

NTSTATUS con_output_ioctl(struct nt_console *c, struct con_screen *s, struct io_request *r)
{
	switch (r->code) {
	case GET_MODE:
		r->done = sizeof s->mode;
		return r->size < sizeof s->mode ? STATUS_BUFFER_TOO_SMALL : user_write(r->buffer, &s->mode, sizeof s->mode);
	case SET_MODE: return set_mode(c, s, r);
	case WRITE_CONSOLE: return write_text(c, s, r);
	case WRITE_FILE: return con_write_bytes(c, s, r->in, r->in_size, &(uint64_t){ 0 });
	case READ_OUTPUT: return read_output(c, s, r);
	case WRITE_OUTPUT: return write_output(c, s, r);
	case GET_OUTPUT_INFO: return get_info(c, s, r);
	case SET_OUTPUT_INFO: return set_info(c, s, r);
	case ACTIVATE: return activate(c, s);
	case FILL_OUTPUT: return fill(c, s, r);
	case SCROLL: return scroll(c, s, r);
	default: return STATUS_INVALID_HANDLE;
	}
}
