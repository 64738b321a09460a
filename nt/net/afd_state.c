/* SPDX-License-Identifier: MIT */
/*
 * nt/net/afd_state.c - what has become of a socket, and the events of WSAEventSelect.
 *
 * Windows tells an event once, and again after the call that belongs to it (recv for READ and OOB, accept for ACCEPT, a send that did not
 * get all away for WRITE); `reported` has those that wait for their call, `pending` those that nobody has fetched yet.  Polls
 * are told what holds, as poll(2) is.
 */
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/net/afd.h"

#define SHUT_BOTH (OS_SHUT_RECEIVE | OS_SHUT_SEND)
#define ANSWER_SIZE (4 + 4 * AFD_EVENTS) /* GET_EVENTS: flags, and a status each */

static void connected(struct afd *a)
{
	a->state = AFD_CONNECTED;
	a->connected_at = pico_now();
	a->errors[AFD_BIT_CONNECT_ERR] = 0;
	afd_post(a, AFD_POLL_CONNECT);
}

static void look_connecting(struct afd *a, uint32_t ev)
{
	int err = ev & (OS_SOCK_ERR | OS_SOCK_HUP) ? os_sock_error(a->file) : 0;

	if (err != 0) {
		a->state = AFD_UNCONNECTED;
		a->errors[AFD_BIT_CONNECT_ERR] = err;
		afd_post(a, AFD_POLL_CONNECT_ERR);
	} else if (ev & OS_SOCK_OUT) {
		connected(a);
	}
}

/* A connection's end. */
static void look_connected(struct afd *a, uint32_t ev)
{
	int err = ev & OS_SOCK_ERR ? os_sock_error(a->file) : 0;

	if (err != 0) {
		a->reset = os_sock_status(-err) == STATUS_CONNECTION_RESET;
		a->aborted = !a->reset;
		a->errors[AFD_BIT_HUP] = a->reset ? 0 : err;
	}
	if (!a->reset && (ev & OS_SOCK_RDHUP) && !(a->shut & OS_SHUT_RECEIVE) && os_sock_available(a->file) == 0)
		a->hangup = 1;
}

static uint32_t flags_connected(const struct afd *a, uint32_t ev)
{
	uint32_t flags = AFD_POLL_CONNECT;

	if ((ev & OS_SOCK_IN) && !a->hangup && !a->reset)
		flags |= AFD_POLL_READ;
	if (ev & OS_SOCK_PRI)
		flags |= a->oobinline ? AFD_POLL_READ : AFD_POLL_OOB;
	if (ev & OS_SOCK_OUT)
		flags |= AFD_POLL_WRITE;
	if (a->hangup)
		flags |= AFD_POLL_HUP;
	if (a->reset)
		flags |= AFD_POLL_RESET;
	if (a->aborted)
		flags |= AFD_POLL_HUP | AFD_POLL_CONNECT_ERR;
	return flags;
}

uint32_t afd_look(struct afd *a)
{
	uint32_t ev;

	if (a->file == NULL || a->state == AFD_NONE || a->state == AFD_ACCEPTING)
		return 0;
	ev = os_sock_poll(a->file);
	if (a->state == AFD_CONNECTING)
		look_connecting(a, ev);
	if (a->state == AFD_CONNECTED)
		look_connected(a, ev);
	switch (a->state) {
	case AFD_LISTENING:
		return (ev & OS_SOCK_IN) || a->deferred != NULL ? AFD_POLL_ACCEPT : 0;
	case AFD_CONNECTED:
		return flags_connected(a, ev);
	case AFD_CONNECTIONLESS:
		return (ev & (OS_SOCK_IN | OS_SOCK_ERR) ? AFD_POLL_READ : 0) | (ev & OS_SOCK_OUT ? AFD_POLL_WRITE : 0);
	case AFD_UNCONNECTED:
		return a->errors[AFD_BIT_CONNECT_ERR] != 0 ? AFD_POLL_CONNECT_ERR : 0;
	default:
		return 0;
	}
}

/* ---- Events ---- */

static void tell(struct afd *a)
{
	if (a->event != NULL && (a->pending & a->mask))
		(void)ex_signal(a->event, 1);
}

void afd_post(struct afd *a, uint32_t flags)
{
	uint32_t fresh;

	if (a->shut & OS_SHUT_SEND)
		flags &= ~AFD_POLL_WRITE;
	/* What nobody has selected comes when somebody does, if it holds then; the ends of a connect hold once only. */
	fresh = flags & ~a->reported & (a->mask | AFD_POLL_CONNECT | AFD_POLL_CONNECT_ERR);
	if (fresh == 0)
		return;
	a->pending |= fresh;
	a->reported |= fresh;
	tell(a);
}

struct select_in { /* afd_event_select_params */
	uint64_t event;
	uint32_t mask, pad;
};

/* The status block says it too. */
static NTSTATUS failed(struct io_request *r, NTSTATUS status)
{
	(void)user_io_status(r->iosb, status, 0);
	return status;
}

NTSTATUS afd_event_select(struct io_request *r)
{
	struct ob_object *event = NULL, *before;
	struct afd_news n;
	struct select_in in;
	struct afd *a;
	NTSTATUS status = r->in_size < 12 ? failed(r, STATUS_INVALID_PARAMETER) : user_read(&in, r->in, 12);

	if (status != STATUS_SUCCESS)
		return status;
	if ((in.event != 0 || in.mask != 0) && ob_by_handle(in.event, OB_EVENT, EVENT_MODIFY_STATE, &event) != STATUS_SUCCESS)
		return failed(r, STATUS_INVALID_PARAMETER);
	status = afd_lock(r, &a);
	if (status != STATUS_SUCCESS) {
		ob_put(event);
		return status;
	}
	before = a->event;
	a->event = event;
	a->mask = in.mask;
	a->selector = nt_current_process();
	a->nonblocking = 1;
	afd_run_locked(r->file, &n);
	tell(a);
	lock_drop(&r->file->lock);
	ob_put(before);
	afd_ran(r->file, &n);
	return STATUS_SUCCESS;
}

NTSTATUS afd_get_events(struct io_request *r)
{
	uint32_t out[1 + AFD_EVENTS];
	struct afd *a;
	NTSTATUS status = r->size < ANSWER_SIZE ? (NTSTATUS)STATUS_INVALID_PARAMETER : afd_lock(r, &a);

	if (status != STATUS_SUCCESS)
		return status;
	out[0] = a->pending & a->mask;
	for (uint32_t i = 0; i < AFD_EVENTS; i++)
		out[1 + i] = os_sock_status(-a->errors[i]);
	a->pending &= ~a->mask;
	afd_run_drop(r->file);
	return afd_out(r, out, sizeof out);
}
