/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/mutant.c - mutants: mutexes that a thread owns, any number of times.
 *
 * signal is 1 when it is free, 1 - n when it is owned n times.  An owned one is in its owner's list, which only the
 * owner looks at; a signaller who gives it one does so in the middle of its wait, under the mutant's lock.  Being owned
 * is a reference.  A thread that ends leaves its mutants abandoned, and the next owner is told so.
 */
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "ntcalls.gen.h"

struct ex_mutant {
	struct ob_object ob;
	struct nt_thread *owner; /* [NTOBJ] */
	struct list owned;       /* [NTOBJ] in owner->mutants */
	bool abandoned;          /* [NTOBJ] */
};

static struct ex_mutant *mutant(const struct ob_object *o)
{
	return (struct ex_mutant *)(uintptr_t)o;
}

static bool mutant_ready(const struct ob_object *o, const struct nt_thread *t)
{
	return o->signal > 0 || mutant(o)->owner == t;
}

static NTSTATUS mutant_take(struct ob_object *o, struct nt_thread *t)
{
	struct ex_mutant *m = mutant(o);
	bool abandoned = m->abandoned;

	o->signal--;
	if (m->owner == t)
		return STATUS_SUCCESS;
	m->owner = t;
	m->abandoned = false;
	list_append(&t->mutants, &m->owned);
	ob_get(o);
	return abandoned ? (NTSTATUS)STATUS_ABANDONED_WAIT_0 : STATUS_SUCCESS;
}

/* It is free again: the owner's reference is the caller's now. */
static void leave(struct ex_mutant *m) REQUIRES(NTOBJ)
{
	m->ob.signal = 1;
	m->owner = NULL;
	list_remove(&m->owned);
	if (!list_empty(&m->ob.waiters))
		ex_satisfy(&m->ob);
}

/* Who closes the last handle of a mutant that he owns, and that nobody else knows, can do nothing with it any more. */
static void mutant_close(struct ob_object *o, struct nt_process *p, bool last)
{
	struct nt_thread *t = nt_current(); /* NULL: kproc */
	struct ex_mutant *m = mutant(o);
	bool mine;

	if (!last || t == NULL || t->process != p)
		return;
	lock_take(&o->lock);
	mine = m->owner == t && list_empty(&o->waiters) && __atomic_load_n(&o->name, __ATOMIC_RELAXED) == NULL;
	if (mine)
		leave(m);
	lock_drop(&o->lock);
	if (mine)
		ob_put(o);
}

const struct ob_type ob_type_mutant = { .name = "Mutant", .read = READ_CONTROL | MUTANT_QUERY_STATE, .write = READ_CONTROL,
	.execute = READ_CONTROL | SYNCHRONIZE, .all = STANDARD_RIGHTS_ALL | MUTANT_QUERY_STATE, .waitable = true, .alone = true, .ready = mutant_ready,
	.take = mutant_take, .close = mutant_close };

void ex_mutants_abandon(struct nt_thread *t)
{
	while (t->mutants.next != NULL && !list_empty(&t->mutants)) {
		struct ex_mutant *m = LIST_FIRST(&t->mutants, struct ex_mutant, owned);

		lock_take(&m->ob.lock);
		m->abandoned = true;
		leave(m);
		lock_drop(&m->ob.lock);
		ob_put(&m->ob);
	}
}

static void take_new(struct ex_mutant *m, struct nt_thread *t)
{
	lock_take(&m->ob.lock);
	(void)mutant_take(&m->ob, t);
	lock_drop(&m->ob.lock);
}

static void give_back(struct ex_mutant *m)
{
	lock_take(&m->ob.lock);
	leave(m);
	lock_drop(&m->ob.lock);
	ob_put(&m->ob);
}

NTSTATUS NtCreateMutant(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes, uint8_t owned)
{
	struct ex_mutant *m = ob_alloc(OB_MUTANT, sizeof *m);
	NTSTATUS status;

	if (m == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	list_init(&m->owned);
	m->ob.signal = 1;
	if (!owned)
		return ob_create_handle(attributes, access, &m->ob, handle);
	/* Who finds it by name finds it owned. */
	take_new(m, t);
	ob_get(&m->ob);
	status = ob_create_handle(attributes, access, &m->ob, handle);
	if (status != STATUS_SUCCESS)
		give_back(m);
	ob_put(&m->ob);
	return status;
}

NTSTATUS NtOpenMutant(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes)
{
	return ob_open_handle(attributes, access, OB_MUTANT, handle);
}

NTSTATUS ex_mutant_release(struct ob_object *o, struct nt_thread *t, int32_t *before)
{
	struct ex_mutant *m = mutant(o);
	bool owner, freed = false;

	lock_take(&o->lock);
	owner = m->owner == t;
	if (owner) {
		*before = o->signal;
		freed = ++o->signal == 1;
		if (freed)
			leave(m);
	}
	lock_drop(&o->lock);
	if (freed)
		ob_put(o);
	return owner ? (NTSTATUS)STATUS_SUCCESS : STATUS_MUTANT_NOT_OWNED;
}

/* Two references: the handle's, and the owner's, which is t.  False: there are others. */
static bool release_alone(struct nt_thread *t, uint64_t handle, int32_t *was)
{
	struct ob_alone a;
	struct ex_mutant *m;
	bool mine;

	if (!ob_alone(t->process, handle, 0, 2, &a))
		return false;
	m = mutant(a.object);
	mine = a.object->type == OB_MUTANT && m->owner == t;
	if (mine) {
		*was = a.object->signal;
		if (++a.object->signal == 1) {
			leave(m);
			atomic_store_explicit(&a.object->ref.count, 1, memory_order_relaxed);
		}
	}
	ob_alone_end(&a);
	return mine;
}

static NTSTATUS release(struct nt_thread *t, uint64_t handle, int32_t *was)
{
	struct ob_object *o;
	NTSTATUS status = ob_by_handle(handle, OB_MUTANT, 0, &o);

	if (UNLIKELY(status != STATUS_SUCCESS))
		return status;
	status = ex_mutant_release(o, t, was);
	ob_put(o);
	return status;
}

NTSTATUS NtReleaseMutant(struct nt_thread *t, uint64_t handle, uint64_t before)
{
	int32_t was = 0;
	NTSTATUS status = release_alone(t, handle, &was) ? (NTSTATUS)STATUS_SUCCESS : release(t, handle, &was);

	return status == STATUS_SUCCESS ? user_put32(before, (uint32_t)was) : status;
}

/* ---- NtQueryMutant ---- */

static NTSTATUS query_basic(struct ex_mutant *m, const struct nt_thread *t, uint64_t buffer, uint32_t size, uint64_t returned)
{
	struct {
		int32_t CurrentCount;
		uint8_t OwnedByCaller, AbandonedState, pad[2];
	} b = { 0 };

	lock_take(&m->ob.lock);
	b.CurrentCount = m->ob.signal;
	b.OwnedByCaller = m->owner == t;
	b.AbandonedState = m->abandoned;
	lock_drop(&m->ob.lock);
	return ex_answer(buffer, size, &b, sizeof b, returned);
}

static NTSTATUS query_owner(struct ex_mutant *m, uint64_t buffer, uint32_t size, uint64_t returned)
{
	struct CLIENT_ID id = { 0, 0 };

	lock_take(&m->ob.lock);
	if (m->owner != NULL)
		id = (struct CLIENT_ID){ m->owner->process->pid, m->owner->tid };
	lock_drop(&m->ob.lock);
	return ex_answer(buffer, size, &id, sizeof id, returned);
}

NTSTATUS NtQueryMutant(struct nt_thread *t, uint64_t handle, uint32_t class, uint64_t buffer, uint32_t size, uint64_t returned)
{
	struct ob_object *o;
	NTSTATUS status;

	if (class > 1)
		return STATUS_INVALID_INFO_CLASS;
	status = ob_by_handle(handle, OB_MUTANT, MUTANT_QUERY_STATE, &o);
	if (status != STATUS_SUCCESS)
		return status;
	if (class == 0)
		status = query_basic(mutant(o), t, buffer, size, returned);
	else
		status = query_owner(mutant(o), buffer, size, returned);
	ob_put(o);
	return status;
}
