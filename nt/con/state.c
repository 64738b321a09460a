/* SPDX-License-Identifier: MIT */
/*
 * nt/con/state.c - consoles and screen buffers as objects, and whose turn it is to write.
 *
 * A writer changes the screen's cells and puts the bytes for the terminal together under NTCONS, drops it, and writes
 * them: a terminal may make it wait, and no lock is held then.  c->writer keeps others out meanwhile; a writer whose
 * process ends gives it back (con_process_ended).
 */
#include "nt/con/state.h"
#include "nt/os/tty.h"
#include "rt/mem.h"

/* ---- Screen buffers ---- */

/* The colours of the SDK's documentation: 0x00bbggrr. */
static const uint32_t palette[16] = { 0x000000, 0x800000, 0x008000, 0x808000, 0x000080, 0x800080, 0x008080, 0xc0c0c0, 0x808080, 0xff0000,
	0x00ff00, 0xffff00, 0x0000ff, 0xff00ff, 0x00ffff, 0xffffff };

struct con_screen *screen_new(uint32_t width, uint32_t height)
{
	struct con_screen *s = arena_alloc(sizeof *s);

	if (s == NULL)
		return NULL;
	ref_init(&s->ref);
	s->attr = CON_ATTR;
	s->popup = CON_POPUP;
	s->mode = CON_OUTPUT_MODES;
	s->cursor_size = 25;
	s->cursor_visible = 1;
	memcpy(s->colours, palette, sizeof palette);
	if (screen_resize(s, width, height))
		return s;
	arena_free(s);
	return NULL;
}

void screen_put(struct con_screen *s)
{
	if (s == NULL || !ref_put(&s->ref))
		return;
	arena_free(s->cells);
	arena_free(s);
}

/* ---- Consoles ---- */

static void size_of(struct file *f, uint32_t *width, uint32_t *height)
{
	*width = 80;
	*height = 25;
	if (f != NULL)
		os_tty_size(f, width, height);
	*width = MIN(*width, CON_SIDE_MAX);
	*height = MIN(*height, CON_SIDE_MAX);
}

static void learn_modes(struct nt_console *c)
{
	struct os_tty_mode m;

	_Static_assert(sizeof m <= sizeof c->saved_mode, "room for the terminal's modes");
	if (c->tty == NULL || !os_tty_mode(c->tty, &m))
		return;
	memcpy(c->saved_mode, &m, sizeof m);
	c->saved_valid = 1;
	c->term.adds_cr = os_tty_adds_cr(&m);
}

struct nt_console *con_new(struct file *tty, struct file *tty_out)
{
	struct nt_console *c = arena_alloc(sizeof *c);
	uint32_t width, height;

	if (c == NULL)
		return NULL;
	size_of(tty_out != NULL ? tty_out : tty, &width, &height);
	c->screen = screen_new(width, height);
	if (c->screen == NULL) {
		arena_free(c);
		return NULL;
	}
	ref_init(&c->ref);
	lock_init(&c->lock, LOCK_NTCONS);
	list_init(&c->link);
	list_init(&c->inputs);
	waitq_init(&c->wq);
	c->tty = tty;
	c->tty_out = tty_out;
	c->id = tty != NULL ? os_tty_id(tty) : tty_out != NULL ? os_tty_id(tty_out) : NULL;
	c->input_mode = CON_INPUT_MODES;
	c->input_cp = c->output_cp = 65001;
	c->term.attr = CON_ATTR;
	learn_modes(c);
	return c;
}

void con_put(struct nt_console *c)
{
	if (c == NULL || !ref_put(&c->ref))
		return;
	con_restore(c);
	screen_put(c->screen);
	os_tty_put(c->tty);
	os_tty_put(c->tty_out);
	for (uint32_t i = 0; i < c->nhistory; i++)
		arena_free(c->history[i]);
	arena_free(c->left);
	arena_free(c);
}

/* ---- Writing ---- */

static bool is_free(const void *arg)
{
	const struct nt_console *c = arg;

	return __atomic_load_n(&c->writer, __ATOMIC_RELAXED) == 0;
}

bool con_begin(struct nt_console *c, struct con_out *o)
{
	memset(o, 0, sizeof *o);
	lock_take(&c->lock);
	while (c->writer != 0) {
		long err;

		lock_drop(&c->lock);
		err = os_tty_wait(NULL, &c->wq, DK_FOREVER, is_free, c);
		if (err != 0)
			return false;
		lock_take(&c->lock);
	}
	c->writer = nt_current_process()->pid;
	con_check_size(c, o);
	return true;
}

void con_end(struct nt_console *c, struct con_out *o)
{
	lock_drop(&c->lock);
	if (o->size != 0 && c->tty_out != NULL)
		(void)os_tty_write(c->tty_out, o->at, o->size);
	heap_free(o->at);
	lock_take(&c->lock);
	c->writer = 0;
	lock_drop(&c->lock);
	waitq_wake_all(&c->wq);
}

/* The terminal reflows as it likes; what is known is where the cursor's row is, so that row stays the model's. */
void con_check_size(struct nt_console *c, struct con_out *o)
{
	struct con_record r = { .type = WINDOW_BUFFER_SIZE_EVENT };
	struct con_screen *s = c->screen;
	uint32_t width, height;

	(void)o;
	if (!__atomic_exchange_n(&c->resized, 0, __ATOMIC_ACQ_REL) || c->tty_out == NULL)
		return;
	lock_drop(&c->lock); /* c->writer keeps others away */
	size_of(c->tty_out, &width, &height);
	lock_take(&c->lock);
	if ((width == s->width && height == s->height) || !screen_resize(s, width, height))
		return;
	c->term.y = MIN(c->term.y, (int32_t)height - 1);
	c->term.x = MIN(c->term.x, (int32_t)width - 1);
	c->term.lowest = MIN(c->term.lowest, (int32_t)height - 1);
	r.size.x = (int16_t)width;
	r.size.y = (int16_t)height;
	if (c->input_mode & ENABLE_WINDOW_INPUT && con_queue_put(c, &r))
		con_signal_inputs(c);
}
