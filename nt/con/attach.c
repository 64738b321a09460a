/* SPDX-License-Identifier: MIT */
/*
 * nt/con/attach.c - which console a terminal, a process or a new process has, and who hears of Ctrl-C.
 *
 * There is one console a terminal; who asks for a new one gets the sandbox's terminal too, or, without one, a console that
 * nobody sees.  All consoles are in one list, under NTCONS; a process's is its `con`, under its lock.
 */
#include "nt/con/state.h"
#include "nt/ex/wait.h"
#include "nt/os/tty.h"
#include "nt/ps/ps.h"
#include "nt/rtl/upcase.h"
#include "rt/mem.h"

struct con_list {
	LOCK(NTCONS) lock;
	struct list all; /* struct nt_console, by link; each has a reference of its own */
};

static struct con_list *con_list(void)
{
	struct nt_state *nt = nt_state();
	struct con_list *l = __atomic_load_n(&nt->con, __ATOMIC_ACQUIRE), *fresh;
	void *none = NULL;

	if (l != NULL)
		return l;
	fresh = arena_alloc(sizeof *fresh);
	if (fresh == NULL)
		return NULL;
	lock_init(&fresh->lock, LOCK_NTCONS);
	list_init(&fresh->all);
	if (__atomic_compare_exchange_n(&nt->con, &none, (void *)fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return fresh;
	arena_free(fresh);
	return none;
}

/* ---- Which console ---- */

static struct nt_console *find_locked(struct con_list *l, const void *id)
{
	struct list *i;

	for (i = l->all.next; i != &l->all; i = i->next) {
		struct nt_console *c = CONTAINER_OF(i, struct nt_console, link);

		if (c->id == id) {
			ref_get(&c->ref);
			return c;
		}
	}
	return NULL;
}

static struct nt_console *find(const void *id)
{
	struct con_list *l = con_list();
	struct nt_console *c;

	if (l == NULL)
		return NULL;
	lock_take(&l->lock);
	c = find_locked(l, id);
	lock_drop(&l->lock);
	return c;
}

/* Somebody else may have been quicker. */
struct nt_console *con_enter(struct nt_console *c)
{
	struct con_list *l = con_list();
	struct nt_console *other;

	lock_take(&l->lock);
	other = find_locked(l, c->id);
	if (other == NULL) {
		ref_get(&c->ref);
		list_append(&l->all, &c->link);
	}
	lock_drop(&l->lock);
	if (other == NULL)
		return c;
	con_put(c);
	return other;
}

/* The console of a terminal that f is open on; a reference. */
struct nt_console *con_of_terminal(struct file *f)
{
	struct nt_console *c = find(os_tty_id(f));
	struct file *both;

	if (c != NULL || con_list() == NULL)
		return c;
	both = os_tty_open();
	if (both == NULL || os_tty_id(both) != os_tty_id(f)) {
		os_tty_put(both);
		os_tty_get(f);
		c = con_new(os_tty_can(f, false) ? f : NULL, os_tty_can(f, true) ? f : NULL);
		if (c != NULL && os_tty_can(f, false) && os_tty_can(f, true))
			os_tty_get(f);
	} else {
		os_tty_get(both);
		c = con_new(both, both);
	}
	return c != NULL ? con_enter(c) : NULL;
}

struct nt_console *con_fresh(void)
{
	struct file *f = os_tty_open();
	struct nt_console *c = f != NULL ? con_of_terminal(f) : con_new(NULL, NULL);

	os_tty_put(f);
	return c;
}

/* A reference, or NULL. */
struct nt_console *con_of_process(struct nt_process *p)
{
	struct nt_console *c;

	lock_take(&p->lock);
	c = p->con;
	if (c != NULL)
		ref_get(&c->ref);
	lock_drop(&p->lock);
	return c;
}

void con_attach(struct nt_process *p, struct nt_console *c)
{
	struct nt_console *old;

	if (c != NULL)
		ref_get(&c->ref);
	lock_take(&p->lock);
	old = p->con;
	p->con = c;
	lock_drop(&p->lock);
	con_put(old);
}

/* ---- Processes ---- */

#define CON_STD_ACCESS (FILE_READ_DATA | FILE_WRITE_DATA | FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | SYNCHRONIZE)

bool con_is_terminal(const struct file *f)
{
	return os_tty_is(f);
}

NTSTATUS con_std_file(struct nt_process *p, struct file *f, bool output, struct io_file **out)
{
	struct nt_console *c = con_of_terminal(f);

	if (c == NULL)
		return STATUS_NO_MEMORY;
	if (p->con == NULL)
		con_attach(p, c);
	return con_open_part(c, output, CON_STD_ACCESS, FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_SYNCHRONOUS_IO_NONALERT, out);
}

uint64_t con_reference(struct nt_process *p)
{
	struct nt_console *c = con_of_process(p);
	struct io_file *f;
	uint64_t handle = 0;

	if (c == NULL || con_file_new(c, NULL, CON_SERVER, SYNCHRONIZE | FILE_READ_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE,
				FILE_SYNCHRONOUS_IO_NONALERT, &f) != STATUS_SUCCESS)
		return 0;
	if (ob_handle_add(p, &f->ob, f->access, 0, &handle) != STATUS_SUCCESS)
		handle = 0;
	ob_put(&f->ob);
	return handle;
}

/* Values for a console that is still to be made. */
#define CONSOLE_ALLOC     UINT64_MAX
#define CONSOLE_NO_WINDOW (UINT64_MAX - 1)

static struct nt_console *of_handle(struct nt_process *from, uint64_t handle, bool *pseudo)
{
	struct nt_console *c = NULL;
	struct ob_object *o;

	if (ob_by_handle_of(from, handle, OB_FILE, 0, &o) != STATUS_SUCCESS)
		return NULL;
	if (((struct io_file *)o)->kind == IO_CONSOLE) {
		const struct con_file *cf = ((struct io_file *)o)->object;

		c = port_console(cf->port);
		*pseudo = c != NULL;
		if (c == NULL) {
			c = cf->console;
			ref_get(&c->ref);
		}
	}
	ob_put(o);
	return c;
}

static uint64_t give(struct nt_process *p, struct nt_console *c, bool output)
{
	struct io_file *f;
	uint64_t handle = 0;

	ref_get(&c->ref);
	if (con_open_part(c, output, CON_STD_ACCESS, FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_SYNCHRONOUS_IO_NONALERT, &f) != STATUS_SUCCESS)
		return 0;
	if (ob_handle_add(p, &f->ob, f->access, OBJ_INHERIT, &handle) != STATUS_SUCCESS)
		handle = 0;
	ob_put(&f->ob);
	return handle;
}

/* A standard handle that is a file or a pipe stays: kernelbase asks for a new console also where the maker has none. */
static bool redirected(struct nt_process *p, uint64_t handle)
{
	struct ob_object *o;
	bool other;

	if (handle == 0 || ob_by_handle_of(p, handle, OB_FILE, 0, &o) != STATUS_SUCCESS)
		return false;
	other = ((struct io_file *)o)->kind != IO_CONSOLE;
	ob_put(o);
	return other;
}

uint64_t con_child(struct nt_process *from, struct nt_process *p, uint64_t value, uint64_t std[3], bool own)
{
	bool new = value >= CON_NEW_VALUES, pseudo = false;
	struct nt_console *c;

	if (value == 0)
		return 0;
	c = value == CONSOLE_NO_WINDOW ? con_new(NULL, NULL) : new ? con_fresh() : of_handle(from, value, &pseudo);
	if (c == NULL)
		return 0;
	con_attach(p, c);
	for (int i = 0; ((new && !own) || pseudo) && i < 3; i++)
		if (own ? std[i] == 0 : !redirected(p, std[i]))
			std[i] = give(p, c, i > 0);
	con_put(c);
	return con_reference(p);
}

/* Attaches the caller to the console of another process, and makes cf, its connection, one to that. */
NTSTATUS con_bind(struct con_file *cf, uint32_t pid)
{
	struct nt_state *nt = nt_state();
	struct nt_console *c = NULL, *old;
	uint32_t parent = nt_current_process()->parent_pid;
	struct list *i;

	lock_take(&nt->procs_lock);
	for (i = nt->processes.next; i != &nt->processes && c == NULL; i = i->next) {
		struct nt_process *p = CONTAINER_OF(i, struct nt_process, all);

		if (p->pid == (pid == UINT32_MAX ? parent : pid))
			c = con_of_process(p);
	}
	lock_drop(&nt->procs_lock);
	if (c == NULL)
		return STATUS_INVALID_PARAMETER;
	con_attach(nt_current_process(), c);
	old = cf->console;
	cf->console = c;
	con_put(old);
	return STATUS_SUCCESS;
}

uint32_t con_processes(const struct nt_console *c, uint32_t *pids, uint32_t room)
{
	struct nt_state *nt = nt_state();
	struct list *i;
	uint32_t n = 0;

	lock_take(&nt->procs_lock);
	for (i = nt->processes.next; i != &nt->processes; i = i->next) {
		const struct nt_process *p = CONTAINER_OF(i, struct nt_process, all);

		if (p->con != c)
			continue;
		if (n < room)
			pids[n] = p->pid;
		n++;
	}
	lock_drop(&nt->procs_lock);
	return n;
}

void con_process_ended(struct nt_process *p)
{
	struct nt_console *c = con_of_process(p);
	uint32_t pid = p->pid, mine = pid;

	if (c == NULL)
		return;
	lock_take(&c->lock);
	if (c->writer == pid)
		c->writer = 0;
	lock_drop(&c->lock);
	(void)__atomic_compare_exchange_n(&c->reader, &mine, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	mine = pid;
	(void)__atomic_compare_exchange_n(&c->pumper, &mine, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	waitq_wake_all(&c->wq);
	con_attach(p, NULL);
	if (con_processes(c, NULL, 0) == 0)
		con_restore(c);
	con_put(c);
}

struct file *con_linux_file(const struct ob_object *o)
{
	const struct io_file *f = (const struct io_file *)o;
	const struct con_file *cf = f->kind == IO_CONSOLE ? f->object : NULL;

	return cf == NULL ? NULL : cf->part == CON_INPUT ? cf->console->tty : cf->console->tty_out;
}

void con_lend(struct nt_process *p)
{
	struct nt_console *c = con_of_process(p);

	if (c == NULL)
		return;
	con_restore(c);
	con_put(c);
}

void con_resized(void)
{
	struct con_list *l = __atomic_load_n(&nt_state()->con, __ATOMIC_ACQUIRE);
	struct list *i;

	if (l == NULL)
		return;
	lock_take(&l->lock);
	for (i = l->all.next; i != &l->all; i = i->next) {
		struct nt_console *c = CONTAINER_OF(i, struct nt_console, link);

		__atomic_store_n(&c->resized, 1, __ATOMIC_RELEASE);
		waitq_wake_all(&c->wq);
	}
	lock_drop(&l->lock);
}

/* ---- Ctrl-C ---- */

static uint32_t take_attached(const struct nt_console *c, uint32_t group, struct nt_process **to, uint32_t room)
{
	struct nt_state *nt = nt_state();
	uint32_t n = 0;

	lock_take(&nt->procs_lock);
	LIST_FOR (p, &nt->processes, struct nt_process, all) {
		if (p->con != c || p->dying || n == room || (group != 0 && p->pid != group && ps_of_process(p)->console_group != group))
			continue;
		ob_get(&p->ob);
		to[n++] = p;
	}
	lock_drop(&nt->procs_lock);
	return n;
}

#define EVENT_PROCESSES 64u
bool con_tell(struct nt_console *c, const struct nt_process *but, uint32_t event, uint32_t group)
{
	struct nt_process *all[EVENT_PROCESSES];
	uint32_t n = take_attached(c, group, all, EVENT_PROCESSES);
	bool among = false;

	for (uint32_t i = 0; i < n; i++) {
		if (all[i] == but)
			among = true;
		else
			(void)ps_ctrl_event(all[i], event);
		ob_put(&all[i]->ob);
	}
	return among;
}

NTSTATUS con_ctrl_event(struct nt_process *p, uint32_t event, uint32_t group)
{
	struct nt_console *c = event <= 1 ? con_of_process(p) : NULL;
	bool me;

	if (event > 1)
		return STATUS_INVALID_PARAMETER;
	if (c == NULL)
		return STATUS_INVALID_HANDLE;
	me = con_tell(c, p, event, group);
	con_put(c);
	return me ? ps_ctrl_event(p, event) : STATUS_SUCCESS;
}
