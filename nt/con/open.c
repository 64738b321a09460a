/* SPDX-License-Identifier: MIT */
/*
 * nt/con/open.c - what a name below \Device\ConDrv opens, and the file objects of consoles.
 *
 * Names as Wine 8.0's kernelbase asks for them: \Device\ConDrv\Server is a console to come, Reference (below it, or below a
 * process's connection) one that is there, Connection attaches the caller to it; Input, Output, CurrentIn, CurrentOut, CONIN$, CONOUT$
 * and ScreenBuffer are of the caller's console.  Which console is whose is attach.c's.
 */
#include "nt/con/state.h"
#include "nt/ex/wait.h"
#include "nt/os/tty.h"
#include "nt/ps/ps.h"
#include "nt/rtl/upcase.h"
#include "rt/mem.h"

/* ---- File objects ---- */

/* Takes over the references. */
NTSTATUS con_file_new(struct nt_console *c, struct con_screen *s, enum con_part part, uint32_t access, uint32_t share, uint32_t options,
	struct io_file **out)
{
	struct con_file *cf = arena_alloc(sizeof *cf);
	struct io_file *f = cf != NULL ? io_file_new(IO_CONSOLE, access, share, options) : NULL;

	if (f == NULL) {
		arena_free(cf);
		screen_put(s);
		con_put(c);
		return STATUS_NO_MEMORY;
	}
	cf->console = c;
	cf->screen = s;
	cf->part = part;
	cf->file = f;
	f->object = cf;
	list_init(&cf->link);
	if (part != CON_SERVER) { /* output handles are ready when there is input, too */
		lock_take(&c->lock);
		list_append(&c->inputs, &cf->link);
		f->ob.signal = con_queue_count(c) != 0 || c->hung;
		lock_drop(&c->lock);
	}
	*out = f;
	return STATUS_SUCCESS;
}

static void con_destroy(struct io_file *f)
{
	struct con_file *cf = f->object;

	if (cf == NULL)
		return;
	lock_take(&cf->console->lock);
	list_remove(&cf->link);
	lock_drop(&cf->console->lock);
	screen_put(cf->screen);
	con_put(cf->console);
	port_put(cf->port);
	arena_free(cf);
	f->object = NULL;
}

bool con_is_gone(const struct con_file *cf)
{
	return cf->unbound && nt_current_process()->con == NULL;
}

static NTSTATUS read_file(struct io_request *r)
{
	struct con_file *cf = r->file->object;

	return cf->part == CON_INPUT && !con_is_gone(cf) ? con_read_bytes(cf->console, r) : (NTSTATUS)STATUS_INVALID_HANDLE;
}

static NTSTATUS write_file(struct io_request *r)
{
	struct con_file *cf = r->file->object;

	if (cf->part != CON_OUTPUT || con_is_gone(cf))
		return STATUS_INVALID_HANDLE;
	return con_write_bytes(cf->console, cf->screen, r->buffer, r->size, &r->done);
}

static NTSTATUS flush_file(struct io_request *r)
{
	struct con_file *cf = r->file->object;

	return cf->part == CON_INPUT && !con_is_gone(cf) ? con_flush_input(cf->console) : (NTSTATUS)STATUS_INVALID_HANDLE;
}

/* FreeConsole closes the connection: the process has no console then.  One that ends has no current thread any more. */
static void disconnect(struct io_file *f)
{
	struct con_file *cf = f->object;
	struct nt_thread *t = nt_current();

	if (t != NULL && cf->attached != 0 && cf->attached == t->process->pid && t->process->con == cf->console)
		con_attach(t->process, NULL);
}

#define FileStandardInformation 5u
static NTSTATUS query_file(struct io_file *f, uint32_t class, uint64_t buf, uint32_t size, uint64_t *done)
{
	(void)f; (void)buf; (void)size; (void)done;
	return class == FileStandardInformation ? STATUS_INVALID_DEVICE_REQUEST : STATUS_INVALID_INFO_CLASS;
}

const struct io_ops io_console_ops = {
	.name = "console",
	.device = FILE_DEVICE_CONSOLE,
	.read = read_file,
	.write = write_file,
	.ioctl = con_ioctl,
	.flush = flush_file,
	.query = query_file,
	.cleanup = disconnect,
	.destroy = con_destroy,
};

/* ---- Opening ---- */

NTSTATUS con_open_part(struct nt_console *c, bool output, uint32_t access, uint32_t share, uint32_t options, struct io_file **out)
{
	struct con_screen *s = NULL;

	if (c == NULL)
		return STATUS_INVALID_HANDLE;
	if (output) {
		lock_take(&c->lock);
		s = c->screen;
		ref_get(&s->ref);
		lock_drop(&c->lock);
	}
	return con_file_new(c, s, output ? CON_OUTPUT : CON_INPUT, access, share, options, out);
}

static NTSTATUS open_buffer(struct nt_console *c, uint32_t access, uint32_t share, uint32_t options, struct io_file **out)
{
	struct con_screen *s = c != NULL ? screen_new(c->screen->width, c->screen->height) : NULL;

	if (s == NULL) {
		con_put(c);
		return c == NULL ? STATUS_INVALID_HANDLE : (NTSTATUS)STATUS_NO_MEMORY;
	}
	s->attr = s->popup = c->screen->attr;
	screen_blank(s, 0, s->width * s->height);
	return con_file_new(c, s, CON_OUTPUT, access, share, options, out);
}

/* root, or else the process, says which console. */
static struct nt_console *meant(const struct io_file *root)
{
	const struct con_file *cf = root != NULL && root->kind == IO_CONSOLE ? root->object : NULL;

	if (cf == NULL)
		return con_of_process(nt_current_process());
	ref_get(&cf->console->ref);
	return cf->console;
}

/* Server: a console to come; Reference below it: the same. */
static struct con_port *port_for(const struct io_file *root, bool server)
{
	const struct con_file *cf = root != NULL && root->kind == IO_CONSOLE ? root->object : NULL;

	return server ? port_new() : cf != NULL ? port_get(cf->port) : NULL;
}

static NTSTATUS open_server(const struct io_file *root, bool connect, bool server, uint32_t access, uint32_t share, uint32_t options, struct io_file **out)
{
	struct con_port *port = port_for(root, server);
	struct nt_console *c = connect ? port_console(port) : NULL;
	NTSTATUS status;

	if (c == NULL)
		c = meant(root);
	/* A connection without a console: AttachConsole says of which process it is to be. */
	if (c == NULL)
		c = connect && root == NULL ? con_new(NULL, NULL) : con_fresh();
	if (c == NULL || (server && port == NULL)) {
		con_put(c);
		port_put(port);
		return STATUS_NO_MEMORY;
	}
	if (connect && root != NULL)
		con_attach(nt_current_process(), c);
	status = con_file_new(c, NULL, CON_SERVER, access, share, options, out);
	if (status != STATUS_SUCCESS || connect)
		port_put(port);
	else
		((struct con_file *)(*out)->object)->port = port;
	if (status == STATUS_SUCCESS && connect)
		((struct con_file *)(*out)->object)->attached = nt_current_process()->pid;
	return status;
}

static NTSTATUS open_bound(struct io_file *root, bool output, uint32_t access, uint32_t share, uint32_t options, struct io_file **out)
{
	NTSTATUS status = con_open_part(meant(root), output, access, share, options, out);

	if (status == STATUS_SUCCESS)
		((struct con_file *)(*out)->object)->unbound = root == NULL;
	return status;
}

NTSTATUS con_open(const WCHAR *rest, uint32_t size, struct io_file *root, uint32_t access, uint32_t share, uint32_t options, struct io_file **out)
{
	static const struct { const char *name; uint8_t what; } names[] = { { "Input", 'i' }, { "CurrentIn", 'i' }, { "CONIN$", 'i' }, { "Output", 'o' },
		{ "CurrentOut", 'o' }, { "CONOUT$", 'o' }, { "CON", 'c' }, { "Console", 'c' }, { "ScreenBuffer", 's' }, { "Server", 'v' }, { "Reference", 'r' },
		{ "Connection", 'n' }, { "Connect", 'n' } };
	uint8_t what = 0;

	access = ob_map_access(OB_FILE, access);
	for (uint32_t i = 0; i < ARRAY_LEN(names) && what == 0; i++)
		if (size == strlen(names[i].name) * 2 && rtl_equal_ascii(rest, size, names[i].name))
			what = names[i].what;
	if (what == 'c' && access & FILE_READ_DATA && access & FILE_WRITE_DATA)
		return nt_current_process()->con != NULL ? STATUS_INVALID_PARAMETER : (NTSTATUS)STATUS_INVALID_HANDLE;
	if (what == 'c')
		what = access & (FILE_WRITE_DATA | FILE_APPEND_DATA) ? 'o' : 'i';
	switch (what) {
	case 'i': case 'o': return open_bound(root, what == 'o', access, share, options, out);
	case 's': return open_buffer(meant(root), access, share, options, out);
	case 'v': case 'r': return open_server(root, false, what == 'v', access, share, options, out);
	case 'n': return open_server(root, true, false, access, share, options, out);
	default: return STATUS_OBJECT_NAME_NOT_FOUND;
	}
}
