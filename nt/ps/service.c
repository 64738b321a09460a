/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/service.c - services.exe, the service control manager, and processes that end with the last other one.
 *
 * The manager is Wine's own program; it is started when somebody first opens its pipe, svcctl (io/npfs.c), which then waits until it
 * listens there.  nt_state()->services is its pid, or STARTING while somebody starts it; who does may be killed, so the others stop
 * believing it after a time.  Such processes (Wine calls them system processes) wait for an event that is set when only they are left.
 */
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/ldr/ldr.h"
#include "nt/ps/create.h"
#include "nt/ps/ps.h"
#include "rt/mem.h"

#define STARTING UINT32_MAX
#define START_NS 10000000000u
#define LOOK_NS  5000000u

static NTSTATUS start_services(struct nt_thread *t, uint32_t *pid)
{
	static const WCHAR name[] = u"\\??\\C:\\windows\\system32\\services.exe";
	struct nt_start *s = ldr_start_from_strings(LDR_DLLS "services.exe", LDR_DLLS, "services.exe", 1, 0);
	WCHAR *own = heap_alloc(sizeof name);

	if (s == NULL || own == NULL) {
		nt_start_free(s);
		heap_free(own);
		return STATUS_NO_MEMORY;
	}
	memcpy(own, name, sizeof name);
	return ps_start_program(t, own, sizeof name - sizeof(WCHAR), s, pid);
}

bool ps_need_services(struct nt_thread *t)
{
	_Atomic uint32_t *services = &nt_state()->services;
	uint64_t until = pico_now() + START_NS;
	uint32_t was = 0, pid = 0;

	if (atomic_compare_exchange_strong(services, &was, STARTING)) {
		if (start_services(t, &pid) != STATUS_SUCCESS)
			pid = 0;
		atomic_store(services, pid);
		return pid != 0;
	}
	while (atomic_load(services) == STARTING && pico_now() < until)
		(void)pico_wait(pico_now() + LOOK_NS, DK_WAIT_UNINTERRUPTIBLE);
	was = STARTING;
	(void)atomic_compare_exchange_strong(services, &was, 0);
	return atomic_load(services) != 0;
}

/* The event, with a reference; NULL: no memory. */
static struct ob_object *event_for(struct nt_process *p)
{
	struct nt_state *nt = nt_state();
	struct ob_object *fresh = ex_event_new(false), *o;

	lock_take(&nt->procs_lock);
	if (nt->system_event == NULL) {
		nt->system_event = fresh;
		fresh = NULL;
	}
	o = nt->system_event;
	if (o != NULL) {
		ob_get(o);
		nt->nsystem += !p->system;
		p->system = 1;
	}
	lock_drop(&nt->procs_lock);
	ob_put(fresh);
	return o;
}

NTSTATUS ps_make_system(uint64_t process, uint64_t va)
{
	struct ob_object *o, *event;
	NTSTATUS status = ob_by_handle(process, OB_PROCESS, PROCESS_SET_INFORMATION, &o);

	if (status != STATUS_SUCCESS)
		return status;
	event = event_for((struct nt_process *)o);
	ob_put(o);
	if (event == NULL)
		return STATUS_NO_MEMORY;
	status = ob_handle_out(event, SYNCHRONIZE, 0, va);
	ob_put(event);
	return status;
}

void ps_system_left(struct nt_process *p)
{
	struct nt_state *nt = nt_state();
	struct ob_object *event = NULL;
	uint32_t pid = p->pid;

	(void)atomic_compare_exchange_strong(&nt->services, &pid, 0);
	lock_take(&nt->procs_lock);
	nt->nsystem -= p->system;
	if (atomic_load(&nt->nprocesses) == nt->nsystem) {
		event = nt->system_event;
		nt->system_event = NULL;
	}
	lock_drop(&nt->procs_lock);
	if (event != NULL) {
		(void)ex_signal(event, 1);
		ob_put(event);
	}
}
