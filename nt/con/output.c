/* SPDX-License-Identifier: MIT */
/* nt/con/output.c - control codes of screen buffers: text, looks, modes; cells are cells.c's. */
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
	case READ_OUTPUT: return con_read_output(c, s, r);
	case WRITE_OUTPUT: return con_write_output(c, s, r);
	case GET_OUTPUT_INFO: return get_info(c, s, r);
	case SET_OUTPUT_INFO: return set_info(c, s, r);
	case ACTIVATE: return activate(c, s);
	case FILL_OUTPUT: return con_fill(c, s, r);
	case SCROLL: return con_scroll(c, s, r);
	default: return STATUS_INVALID_HANDLE;
	}
}
