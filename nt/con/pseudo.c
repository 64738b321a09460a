/* SPDX-License-Identifier: MIT */
/*
 * nt/con/pseudo.c - pseudo consoles: a console on a pty of the sandbox, whose other end a program has by two pipes.
 *
 * kernelbase's CreatePseudoConsole opens \Device\ConDrv\Server, a reference below it, and starts conhost.exe with the first. AllocConsole does
 * the same, and which of the two it is only conhost's command line says.  So what both handles share, a port, is undecided until conhost
 * (nt/dll/conhost.c) says what it is: who comes with the reference meanwhile waits.  conhost then has the pty's master and carries bytes between
 * it and the pipes.  ^C it does not hand to the pty, of which nobody is the foreground, but to PSEUDO_CTRL_C.
 *
 * decided and console are set once, the second before the first.
 */
#include "nt/con/state.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/os/file.h"
#include "nt/os/tty.h"
#include "nt/ps/ps.h"

#define DECIDE_NS     3000000000u /* conhost may have been killed */
#define LOOK_NS       1000000u
#define CLOSE_EVENT   2u

struct con_port {
	struct ref ref;
	_Atomic uint32_t decided;
	struct nt_console *_Atomic console; /* a reference; NULL: none of its own */
};

struct con_port *port_new(void)
{
	struct con_port *p = arena_alloc(sizeof *p);

	if (p != NULL)
		ref_init(&p->ref);
	return p;
}

struct con_port *port_get(struct con_port *p)
{
	if (p != NULL)
		ref_get(&p->ref);
	return p;
}

void port_put(struct con_port *p)
{
	if (p == NULL || !ref_put(&p->ref))
		return;
	con_put(atomic_load(&p->console));
	arena_free(p);
}

struct nt_console *port_console(struct con_port *p)
{
	uint64_t until = pico_now() + DECIDE_NS;
	struct nt_console *c;

	if (p == NULL)
		return NULL;
	while (!atomic_load(&p->decided) && pico_now() < until)
		(void)pico_wait(pico_now() + LOOK_NS, DK_WAIT_UNINTERRUPTIBLE);
	c = atomic_load(&p->console);
	if (c != NULL)
		ref_get(&c->ref);
	return c;
}

/* A file object for the master, which is given away, in the caller's handle table. */
static NTSTATUS give_master(struct file *master, uint64_t va)
{
	struct nt_process *p = nt_current_process();
	struct io_file *f;
	uint64_t handle;
	NTSTATUS status = io_file_wrap(master, FILE_READ_DATA | FILE_WRITE_DATA | SYNCHRONIZE | FILE_READ_ATTRIBUTES, FILE_SYNCHRONOUS_IO_NONALERT, &f);

	if (status != STATUS_SUCCESS)
		return status;
	status = ob_handle_add(p, &f->ob, f->access, 0, &handle);
	ob_put(&f->ob);
	return status == STATUS_SUCCESS ? user_write(va, &handle, sizeof handle) : status;
}

static NTSTATUS make(struct con_port *p, uint32_t columns, uint32_t rows, struct io_request *r)
{
	struct file *master, *slave;
	struct nt_console *c, *none = NULL;

	if (columns > CON_SIDE_MAX || rows == 0 || rows > CON_SIDE_MAX || r->size < sizeof(uint64_t))
		return STATUS_INVALID_PARAMETER;
	if (!os_pty_new(columns, rows, &master, &slave))
		return STATUS_NO_MEMORY;
	os_tty_get(slave);
	c = con_new(slave, slave);
	if (c == NULL) {
		os_tty_put(slave);
		os_tty_put(slave);
		os_tty_put(master);
		return STATUS_NO_MEMORY;
	}
	con_set_raw(c); /* what is typed before somebody reads is not shown by the pty */
	c = con_enter(c);
	if (!atomic_compare_exchange_strong(&p->console, &none, c)) {
		con_put(c);
		os_tty_put(master);
		return STATUS_INVALID_PARAMETER;
	}
	r->done = sizeof(uint64_t);
	return give_master(master, r->buffer);
}

NTSTATUS port_ioctl(struct con_port *p, struct io_request *r)
{
	struct nt_console *c = atomic_load(&p->console);
	uint32_t size[2];
	NTSTATUS status;

	switch (r->code) {
	case PSEUDO_DECIDE:
		status = r->in_size < sizeof size ? (NTSTATUS)STATUS_INVALID_PARAMETER : user_read(size, r->in, sizeof size);
		if (status == STATUS_SUCCESS && size[0] != 0)
			status = make(p, size[0], size[1], r);
		atomic_store(&p->decided, 1);
		return status;
	case PSEUDO_CTRL_C: /* is it an event? */
		if (c == NULL || !(__atomic_load_n(&c->input_mode, __ATOMIC_RELAXED) & ENABLE_PROCESSED_INPUT))
			return STATUS_INVALID_PARAMETER;
		con_tell(c, NULL, 0, 0);
		return STATUS_SUCCESS;
	case PSEUDO_CLOSE:
		if (c != NULL)
			con_tell(c, NULL, CLOSE_EVENT, 0);
		return STATUS_SUCCESS;
	default:
		return STATUS_NOT_SUPPORTED;
	}
}
