/* SPDX-License-Identifier: MIT */
/*
 * linux/ipc/sysv.c - tables of System V objects.
 *
 * A number is slot | sequence << 15, as Linux makes them, so that a stale number
 * does not find the slot's next object.
 */
#include "linux/ipc/sysv.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"

#define ID_BITS  15u
#define ID_MASK  ((1u << ID_BITS) - 1)
#define SEQ_MASK 0xffffu

static struct ipc_root *root_new(void)
{
	struct ipc_root *root = arena_alloc(sizeof *root);

	if (root == NULL)
		return NULL;
	lock_init(&root->lock, LOCK_IPC);
	list_init(&root->mqueues);
	ipc_limits_init(root);
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
	for (unsigned k = 0; k < IPC_KINDS; k++) {
		arena_free(root->table[k].slot);
		arena_free(root->table[k].by_key);
	}
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
	struct ipc_object *o = id < 0 ? NULL : ipc_at(kind, (int)((uint32_t)id & ID_MASK));

	return o != NULL && o->id == id ? o : NULL;
}

static struct ipc_object **key_chain(const struct ipc_table *tab, int key)
{
	return &tab->by_key[(uint32_t)key * 2654435761u % tab->size];
}

struct ipc_object *ipc_find_key(enum ipc_kind kind, int key)
{
	const struct ipc_table *tab = &ipc_root()->table[kind];
	struct ipc_object *o = tab->size != 0 ? *key_chain(tab, key) : NULL;

	while (o != NULL && o->perm.key != key)
		o = o->next_key;
	return o;
}

static void add_key(struct ipc_table *tab, struct ipc_object *o)
{
	struct ipc_object **chain = key_chain(tab, o->perm.key);

	if (o->perm.key == 0)
		return;
	o->next_key = *chain;
	*chain = o;
}

void ipc_drop_key(struct ipc_object *o)
{
	struct ipc_object **at = key_chain(&o->root->table[o->kind], o->perm.key);

	while (*at != NULL && *at != o)
		at = &(*at)->next_key;
	if (*at == o)
		*at = o->next_key;
	o->perm.key = 0;
}

int ipc_highest(enum ipc_kind kind)
{
	int highest = 0;

	for (int i = (int)ipc_root()->table[kind].size - 1; i > 0 && highest == 0; i--)
		if (ipc_at(kind, i) != NULL)
			highest = i;
	return highest;
}

/* To at least least slots. */
static bool grow(struct ipc_table *tab, uint32_t least)
{
	uint32_t old = tab->size, size = MAX(MIN(MAX(old * 2, 16u), MAX(tab->max, least)), least);
	struct ipc_object **slot = arena_alloc(size * sizeof(struct ipc_object *)), **by_key = arena_alloc(size * sizeof(struct ipc_object *));

	if (slot == NULL || by_key == NULL) {
		arena_free(slot);
		arena_free(by_key);
		return false;
	}
	if (old != 0)
		memcpy(slot, tab->slot, old * sizeof(struct ipc_object *));
	arena_free(tab->slot);
	arena_free(tab->by_key);
	tab->slot = slot;
	tab->by_key = by_key;
	tab->size = size;
	for (uint32_t i = 0; i < old; i++)
		if (slot[i] != NULL)
			add_key(tab, slot[i]);
	return true;
}

/* A free slot, from the one that was asked for on; the table grows where there is none. */
static long free_slot(struct ipc_table *tab, uint32_t from)
{
	uint32_t i = MAX(from, tab->free_from);

	while (i < tab->size && tab->slot[i] != NULL)
		i++;
	if (i > ID_MASK)
		return -ENOSPC;
	return i < tab->size || grow(tab, i + 1) ? (long)i : -ENOMEM;
}

long ipc_add(struct lx_thread *t, enum ipc_kind kind, struct ipc_object *o, int key, int flags)
{
	struct ipc_table *tab = &ipc_root()->table[kind];
	uint32_t seq = tab->next_id < 0 ? tab->seq : (uint32_t)tab->next_id >> ID_BITS;
	long i;

	if (tab->used >= tab->max)
		return -ENOSPC;
	i = free_slot(tab, tab->next_id < 0 ? 0 : (uint32_t)tab->next_id & ID_MASK);
	if (i < 0)
		return i;
	if (tab->next_id < 0)
		tab->free_from = (uint32_t)i + 1;
	tab->next_id = -1;
	tab->slot[i] = o;
	tab->used++;
	ref_init(&o->ref);
	o->kind = kind;
	o->root = ipc_root();
	o->id = (int)((uint32_t)i | (seq & SEQ_MASK) << ID_BITS);
	o->perm.key = key;
	add_key(tab, o);
	o->perm.seq = (unsigned short)seq;
	o->perm.mode = (__kernel_mode_t)(flags & 0777);
	o->perm.uid = o->perm.cuid = t->cred.euid;
	o->perm.gid = o->perm.cgid = t->cred.egid;
	o->ctime = ipc_seconds();
	return o->id;
}

void ipc_remove(struct ipc_object *o)
{
	struct ipc_table *tab = &o->root->table[o->kind];

	ipc_drop_key(o);
	tab->slot[(uint32_t)o->id & ID_MASK] = NULL;
	tab->free_from = MIN(tab->free_from, (uint32_t)o->id & ID_MASK);
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
