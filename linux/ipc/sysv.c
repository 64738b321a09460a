/* SPDX-License-Identifier: MIT */
/*
 * linux/ipc/sysv.c - tables of System V objects.
 *
 * A number is slot | sequence << 15, as Linux makes them, so that a stale number
 * does not find the slot's next object.
 */
#include <linux/msg.h>
#include <linux/sem.h>
#include <linux/shm.h>

#include "linux/ipc/sysv.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"

#define ID_BITS  15u
#define SEQ_MASK 0xffffu

static struct ipc_root *root_new(void)
{
	struct ipc_root *root = arena_alloc(sizeof *root);

	if (root == NULL)
		return NULL;
	lock_init(&root->lock, LOCK_IPC);
	list_init(&root->mqueues);
	root->table[IPC_SHM].max = SHMMNI;
	root->table[IPC_SEM].max = SEMMNI;
	root->table[IPC_MSG].max = MSGMNI;
	return root;
}

void ipc_boot(void)
{
	struct ipc_root *root = root_new();

	if (root == NULL)
		panic("no memory for the IPC tables");
	lx_state()->ipc = root;
	ns_initial(NS_IPC)->ipc = root;
}

long ipc_ns_init(struct ns *ns)
{
	ns->ipc = root_new();
	return ns->ipc != NULL ? 0 : -ENOMEM;
}

void ipc_ns_free(struct ns *ns)
{
	struct ipc_root *root = ns->ipc;

	if (root == NULL)
		return;
	shm_root_free(root);
	sem_root_free(root);
	msg_root_free(root);
	mqueue_root_free(root);
	for (unsigned k = 0; k < IPC_KINDS; k++)
		arena_free(root->table[k].slot);
	arena_free(root);
}

struct ipc_root *ipc_root_of(const struct lx_thread *t)
{
	return ns_of(t, NS_IPC)->ipc;
}

/* p's namespace is that of its leader; the caller may be kproc. */
void ipc_exit(struct lx_proc *p)
{
	struct ipc_root *root = p->leader != NULL ? ipc_root_of(p->leader) : lx_state()->ipc;

	if (root == NULL)
		return;
	sem_undo_exit(p, root);
	mqueue_exit(p, root);
}

struct ipc64_perm ipc_perm_out(const struct ipc64_perm *p)
{
	struct lx_thread *t = lx_current();
	struct ipc64_perm seen = *p;

	seen.uid = uid_out(t, p->uid);
	seen.cuid = uid_out(t, p->cuid);
	seen.gid = gid_out(t, p->gid);
	seen.cgid = gid_out(t, p->cgid);
	return seen;
}

int64_t ipc_seconds(void)
{
	return (int64_t)(pico_now_realtime() / 1000000000ull);
}

long ipc_permission(const struct lx_thread *t, const struct ipc64_perm *p, uint32_t bits)
{
	uint32_t wanted = (bits >> 6 | bits >> 3 | bits) & 7, granted = p->mode;

	if (t->cred.euid == p->cuid || t->cred.euid == p->uid)
		granted >>= 6;
	else if (lx_in_group(t, p->cgid) || lx_in_group(t, p->gid))
		granted >>= 3;
	return (wanted & ~granted) && !ns_capable(t, ns_of(t, NS_IPC)->user, CAP_IPC_OWNER) ? -EACCES : 0;
}

long ipc_owner(const struct lx_thread *t, const struct ipc64_perm *p)
{
	return t->cred.euid == p->cuid || t->cred.euid == p->uid || ns_capable(t, ns_of(t, NS_IPC)->user, CAP_SYS_ADMIN) ? 0 : -EPERM;
}

struct ipc_object *ipc_at(enum ipc_kind kind, int index)
{
	const struct ipc_table *tab = &ipc_root()->table[kind];

	return index >= 0 && (uint32_t)index < tab->size ? tab->slot[index] : NULL;
}

struct ipc_object *ipc_find(enum ipc_kind kind, int id)
{
	struct ipc_object *o = id < 0 ? NULL : ipc_at(kind, id & ((1 << ID_BITS) - 1));

	return o != NULL && o->id == id ? o : NULL;
}

struct ipc_object *ipc_find_key(enum ipc_kind kind, int key)
{
	for (int i = 0; (uint32_t)i < ipc_root()->table[kind].size; i++) {
		struct ipc_object *o = ipc_at(kind, i);

		if (o != NULL && o->perm.key == key)
			return o;
	}
	return NULL;
}

int ipc_highest(enum ipc_kind kind)
{
	int highest = 0;

	for (int i = 0; (uint32_t)i < ipc_root()->table[kind].size; i++)
		if (ipc_at(kind, i) != NULL)
			highest = i;
	return highest;
}

static bool grow(struct ipc_table *tab)
{
	uint32_t size = tab->size != 0 ? MIN(tab->size * 2, tab->max) : 16;
	struct ipc_object **slot = arena_alloc(size * sizeof(struct ipc_object *));

	if (slot == NULL)
		return false;
	if (tab->size != 0)
		memcpy(slot, tab->slot, tab->size * sizeof(struct ipc_object *));
	arena_free(tab->slot);
	tab->slot = slot;
	tab->size = size;
	return true;
}

long ipc_add(struct lx_thread *t, enum ipc_kind kind, struct ipc_object *o, int key, int flags)
{
	struct ipc_table *tab = &ipc_root()->table[kind];
	uint32_t i = 0;

	if (tab->used == tab->max)
		return -ENOSPC;
	if (tab->used == tab->size && !grow(tab))
		return -ENOMEM;
	while (tab->slot[i] != NULL)
		i++;
	tab->slot[i] = o;
	tab->used++;
	ref_init(&o->ref);
	o->kind = kind;
	o->root = ipc_root();
	o->id = (int)(i | (tab->seq & SEQ_MASK) << ID_BITS);
	o->perm.key = key;
	o->perm.seq = (unsigned short)tab->seq;
	o->perm.mode = (__kernel_mode_t)(flags & 0777);
	o->perm.uid = o->perm.cuid = t->cred.euid;
	o->perm.gid = o->perm.cgid = t->cred.egid;
	o->ctime = ipc_seconds();
	return o->id;
}

void ipc_remove(struct ipc_object *o)
{
	struct ipc_table *tab = &o->root->table[o->kind];

	tab->slot[o->id & ((1 << ID_BITS) - 1)] = NULL;
	tab->used--;
	tab->seq++;
	o->removed = 1;
}

long ipc_get(struct lx_thread *t, enum ipc_kind kind, int key, int flags, struct ipc_object **out)
{
	long err;

	if (key == 0 /* IPC_PRIVATE */)
		return 0;
	*out = ipc_find_key(kind, key);
	if (*out == NULL)
		return (flags & IPC_CREAT) ? 0 : -ENOENT;
	if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
		return -EEXIST;
	err = ipc_permission(t, &(*out)->perm, (uint32_t)flags & 0777);
	return err != 0 ? err : 1;
}

void ipc_set(struct ipc_object *o, const struct ipc64_perm *from)
{
	o->perm.uid = uid_in(lx_current(), from->uid);
	o->perm.gid = gid_in(lx_current(), from->gid);
	o->perm.mode = (__kernel_mode_t)((o->perm.mode & ~0777u) | (from->mode & 0777u));
	o->ctime = ipc_seconds();
}
