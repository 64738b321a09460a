/* SPDX-License-Identifier: MIT */
/*
 * nt/con/ioctl.c - control codes of consoles and of their input.
 *
 * Codes and layouts are what Wine 8.0's kernelbase.dll sends and expects, as observed from the console API's calls.
 */
#include "nt/con/state.h"
#include "nt/ke/user.h"
#include "nt/os/tty.h"
#include "rt/mem.h"

#define GET_MODE         0x504000u
#define SET_MODE         0x508004u
#define READ_CONSOLE     0x504028u
#define READ_FILE        0x50402cu
#define READ_INPUT       0x504030u
#define WRITE_INPUT      0x508034u
#define PEEK             0x504038u
#define GET_INPUT_INFO   0x50403cu
#define SET_INPUT_INFO   0x508040u
#define GET_TITLE        0x504044u
#define SET_TITLE        0x508048u
#define CTRL_EVENT       0x50004cu
#define BEEP             0x500050u
#define FLUSH            0x500054u
#define GET_WINDOW       0x500058u
#define GET_PROCESS_LIST 0x50005cu
#define READ_CONSOLE_CONTROL     0x504060u
#define BIND_PID         0x5000ccu

#define INPUT_INFO_CP  1u /* bits of SET_INPUT_INFO's first word */
#define OUTPUT_INFO_CP 2u
#define READ_MAX       32768u     /* characters at a time */
#define SIZE_MAX_READ  0x4000000u /* no buffer is larger */

static NTSTATUS answer(struct io_request *r, const void *from, uint32_t size)
{
	r->done = MIN(size, r->size);
	return r->size < size ? STATUS_BUFFER_TOO_SMALL : user_write(r->buffer, from, size);
}

static NTSTATUS take_in(struct io_request *r, void *to, uint32_t size)
{
	return r->in_size < size ? STATUS_INVALID_PARAMETER : user_read(to, r->in, size);
}

/* ---- Modes and such ---- */

static NTSTATUS set_mode(struct nt_console *c, struct io_request *r)
{
	uint32_t mode;
	NTSTATUS status = take_in(r, &mode, sizeof mode);

	if (status != STATUS_SUCCESS)
		return status;
	if (mode & ENABLE_ECHO_INPUT && !(mode & ENABLE_LINE_INPUT))
		return STATUS_INVALID_PARAMETER;
	lock_take(&c->lock);
	c->input_mode = mode;
	lock_drop(&c->lock);
	con_set_raw(c);
	return STATUS_SUCCESS;
}

static NTSTATUS get_info(struct nt_console *c, struct io_request *r)
{
	uint32_t info[3];

	(void)con_pump(c);
	lock_take(&c->lock);
	info[0] = c->input_cp;
	info[1] = c->output_cp;
	info[2] = con_queue_count(c);
	lock_drop(&c->lock);
	return answer(r, info, sizeof info);
}

static NTSTATUS set_info(struct nt_console *c, struct io_request *r)
{
	uint32_t in[4];
	NTSTATUS status = take_in(r, in, sizeof in);

	if (status != STATUS_SUCCESS)
		return status;
	if ((in[0] & INPUT_INFO_CP && !con_code_page_ok(in[1])) || (in[0] & OUTPUT_INFO_CP && !con_code_page_ok(in[2])))
		return STATUS_INVALID_PARAMETER;
	lock_take(&c->lock);
	if (in[0] & INPUT_INFO_CP)
		c->input_cp = in[1];
	if (in[0] & OUTPUT_INFO_CP)
		c->output_cp = in[2];
	lock_drop(&c->lock);
	return STATUS_SUCCESS;
}

static NTSTATUS get_title(struct nt_console *c, struct io_request *r)
{
	struct { /* with two more at the end, that are counted but are not the title's */
		uint32_t length;
		WCHAR text[CON_TITLE + 2];
	} t = { 0 };
	uint32_t size;

	lock_take(&c->lock);
	size = c->title_size;
	memcpy(t.text, c->title, size);
	lock_drop(&c->lock);
	if (r->size < sizeof t.length)
		return STATUS_BUFFER_TOO_SMALL;
	t.length = size / 2;
	return answer(r, &t, MIN(r->size, (uint32_t)sizeof t.length + size + 4));
}

static NTSTATUS set_title(struct nt_console *c, struct io_request *r)
{
	WCHAR text[CON_TITLE];
	uint32_t size = MIN(r->in_size & ~1u, (uint32_t)sizeof text);
	NTSTATUS status = size != 0 ? user_read(text, r->in, size) : STATUS_SUCCESS;
	struct con_out o;

	if (status != STATUS_SUCCESS)
		return status;
	if (!con_begin(c, &o))
		return STATUS_CANCELLED;
	memcpy(c->title, text, size);
	c->title_size = size;
	draw_title(c, &o);
	con_end(c, &o);
	return STATUS_SUCCESS;
}

static NTSTATUS beep(struct nt_console *c)
{
	struct con_out o;

	if (!con_begin(c, &o))
		return STATUS_CANCELLED;
	out_bytes(&o, "\a", 1);
	con_end(c, &o);
	return STATUS_SUCCESS;
}

static NTSTATUS ctrl_event(struct nt_console *c, struct io_request *r)
{
	uint32_t in[2];
	NTSTATUS status = take_in(r, in, sizeof in);

	(void)c;
	if (status != STATUS_SUCCESS)
		return status;
	return con_ctrl_event(nt_current_process(), in[0], in[1]);
}

#define PIDS 256u
static NTSTATUS process_list(struct nt_console *c, struct io_request *r)
{
	uint32_t *pids = heap_alloc(PIDS * sizeof *pids), n;
	NTSTATUS status;

	if (pids == NULL)
		return STATUS_NO_MEMORY;
	n = MIN(con_processes(c, pids, PIDS), PIDS);
	if (r->size < n * sizeof *pids) {
		r->done = sizeof n;
		status = r->size < sizeof n ? STATUS_SUCCESS : user_write(r->buffer, &n, sizeof n);
		if (status == STATUS_SUCCESS)
			status = STATUS_BUFFER_TOO_SMALL;
	} else {
		status = answer(r, pids, n * (uint32_t)sizeof *pids);
	}
	heap_free(pids);
	return status;
}

/* ---- Records ---- */

/* Waits for one at least, unless it only looks. */
static NTSTATUS read_input(struct nt_console *c, struct io_request *r, bool peek)
{
	struct con_record some[16];
	uint32_t room = r->size / (uint32_t)sizeof *some, at = 0;
	NTSTATUS status = STATUS_SUCCESS;

	(void)con_pump(c);
	while (!peek && con_queue_count(c) == 0 && room != 0) {
		if (c->hung)
			return STATUS_SUCCESS;
		if (!con_sleep(c))
			return STATUS_CANCELLED;
	}
	while (at < room && status == STATUS_SUCCESS) {
		uint32_t n;

		lock_take(&c->lock);
		n = MIN(MIN(room - at, (uint32_t)ARRAY_LEN(some)), con_queue_count(c) - (peek ? MIN(at, con_queue_count(c)) : 0));
		for (uint32_t i = 0; i < n; i++)
			some[i] = c->queue[(c->tail + i + (peek ? at : 0)) % CON_QUEUE];
		if (!peek)
			c->tail += n;
		if (!peek && con_queue_count(c) == 0)
			con_signal_inputs(c);
		lock_drop(&c->lock);
		if (n == 0)
			break;
		status = user_write(r->buffer + (uint64_t)at * sizeof *some, some, n * sizeof *some);
		at += n;
	}
	r->done = (uint64_t)at * sizeof *some;
	return status;
}

static NTSTATUS write_input(struct nt_console *c, struct io_request *r)
{
	struct con_record one;
	NTSTATUS status = STATUS_SUCCESS;

	for (uint32_t at = 0; at + sizeof one <= r->in_size && status == STATUS_SUCCESS; at += sizeof one) {
		status = user_read(&one, r->in + at, sizeof one);
		lock_take(&c->lock);
		if (status == STATUS_SUCCESS && !con_queue_put(c, &one))
			status = STATUS_NO_MEMORY;
		con_signal_inputs(c);
		lock_drop(&c->lock);
	}
	waitq_wake_all(&c->wq);
	return status;
}

NTSTATUS con_flush_input(struct nt_console *c)
{
	(void)con_pump(c);
	lock_take(&c->lock);
	c->tail = c->head;
	c->nkeys = 0;
	c->left_at = c->left_size = 0;
	con_signal_inputs(c);
	lock_drop(&c->lock);
	return STATUS_SUCCESS;
}

/* ---- Text ---- */

static NTSTATUS read_text(struct nt_console *c, struct io_request *r, bool control)
{
	struct con_line l = { .room = MIN((control && r->size >= 4 ? r->size - 4 : r->size) / 2, READ_MAX) };
	uint32_t first = control && r->in_size >= 4 ? (r->in_size - 4) / 2 : 0;
	NTSTATUS status = STATUS_SUCCESS;

	if (r->size > SIZE_MAX_READ)
		return STATUS_NO_MEMORY;
	if (control && (r->in_size < 4 || r->size < 4))
		return STATUS_INVALID_PARAMETER;
	if (first > l.room)
		return STATUS_INVALID_PARAMETER;
	l.text = heap_alloc(MAX(l.room, 1u) * sizeof *l.text);
	if (l.text == NULL)
		return STATUS_NO_MEMORY;
	if (control)
		status = user_read(&l.wakeup, r->in, 4);
	if (first != 0 && status == STATUS_SUCCESS)
		status = user_read(l.text, r->in + 4, first * 2);
	l.count = first;
	if (status == STATUS_SUCCESS)
		status = con_read_line(c, &l);
	if (control && status == STATUS_SUCCESS)
		status = user_write(r->buffer, &l.state, 4);
	if (l.count != 0 && status == STATUS_SUCCESS)
		status = user_write(r->buffer + (control ? 4 : 0), l.text, l.count * 2);
	if (status == STATUS_SUCCESS)
		r->done = l.count * 2 + (control ? 4 : 0);
	heap_free(l.text);
	return status;
}

/* Bytes of a character that did not fit wait for the next read. */
static NTSTATUS bytes_out(struct nt_console *c, struct io_request *r, const struct con_line *l)
{
	char *bytes = heap_alloc(l->count * 3 + sizeof c->left_bytes);
	uint32_t n, kept = c->nleft_bytes;
	NTSTATUS status;

	if (bytes == NULL)
		return STATUS_NO_MEMORY;
	memcpy(bytes, c->left_bytes, kept);
	n = kept + con_from_unicode(c->input_cp, bytes + kept, l->text, l->count);
	r->done = MIN(n, r->size);
	c->nleft_bytes = MIN(n - (uint32_t)r->done, (uint32_t)sizeof c->left_bytes);
	memcpy(c->left_bytes, bytes + r->done, c->nleft_bytes);
	status = r->done != 0 ? user_write(r->buffer, bytes, r->done) : STATUS_SUCCESS;
	heap_free(bytes);
	return status;
}

NTSTATUS con_read_bytes(struct nt_console *c, struct io_request *r)
{
	/* A character is three bytes at most: what is read fits, but for a buffer that has no room for one. */
	struct con_line l = { .room = MIN(MAX(r->size / (c->input_cp == 65001 ? 3 : 1), 1u), READ_MAX), .file = true };
	NTSTATUS status = STATUS_SUCCESS;

	if (r->size == 0)
		return STATUS_SUCCESS;
	if (r->size > SIZE_MAX_READ)
		return STATUS_NO_MEMORY;
	l.text = heap_alloc(l.room * sizeof *l.text);
	if (l.text == NULL)
		return STATUS_NO_MEMORY;
	if (c->nleft_bytes == 0)
		status = con_read_line(c, &l);
	if (status == STATUS_SUCCESS)
		status = bytes_out(c, r, &l);
	heap_free(l.text);
	return status;
}

/* ---- All ---- */

NTSTATUS con_input_ioctl(struct nt_console *c, struct con_file *f, struct io_request *r)
{
	switch (r->code) {
	case GET_MODE: return answer(r, &c->input_mode, sizeof c->input_mode);
	case SET_MODE: return set_mode(c, r);
	case READ_CONSOLE: return read_text(c, r, false);
	case READ_CONSOLE_CONTROL: return read_text(c, r, true);
	case READ_FILE: return con_read_bytes(c, r);
	case READ_INPUT: return read_input(c, r, false);
	case PEEK: return read_input(c, r, true);
	case WRITE_INPUT: return write_input(c, r);
	case GET_INPUT_INFO: return get_info(c, r);
	case SET_INPUT_INFO: return set_info(c, r);
	case GET_TITLE: return get_title(c, r);
	case SET_TITLE: return set_title(c, r);
	case CTRL_EVENT: return ctrl_event(c, r);
	case BEEP: return beep(c);
	case FLUSH: return con_flush_input(c);
	case GET_WINDOW: return answer(r, &(const uint32_t){ 0 }, sizeof(uint32_t));
	case GET_PROCESS_LIST: return process_list(c, r);
	case BIND_PID: {
		uint32_t pid = 0;
		NTSTATUS status = take_in(r, &pid, sizeof pid);

		return status != STATUS_SUCCESS ? status : con_bind(f, pid);
	}
	default: return STATUS_INVALID_HANDLE;
	}
}

NTSTATUS con_ioctl(struct io_request *r)
{
	struct con_file *f = r->file->object;
	const uint32_t access = r->file->access;

	/* Bits 14 and 15 of a code say what it needs. */
	if (f->part != CON_SERVER && ((r->code & 0x4000 && !(access & FILE_READ_DATA)) ||
			(r->code & 0x8000 && !(access & (FILE_WRITE_DATA | FILE_APPEND_DATA)))))
		return STATUS_ACCESS_DENIED;
	if (con_is_gone(f))
		return STATUS_INVALID_HANDLE;
	if (f->port != NULL && r->code >= PSEUDO_DECIDE && r->code <= PSEUDO_CLOSE)
		return port_ioctl(f->port, r);
	if (f->part == CON_OUTPUT)
		return con_output_ioctl(f->console, f->screen, r);
	return con_input_ioctl(f->console, f, r);
}
