/* SPDX-License-Identifier: MIT */
/*
 * nt/io/node.c - what the opens of one file have in common: share modes, whether it is to be deleted.
 *
 * Found by the file's inode in a table of the sandbox's; there as long as a file object refers to it, whose
 * open file keeps the inode.  Opens by Linux programs do not take part.
 */
#include "nt/io/irp.h"
#include "nt/os/file.h"

#define BUCKETS 256u

struct io_state { /* nt_state()->io */
	LOCK(NTIO) irps_lock;
	void *npfs;
	struct io_list mailslots, watches;
	struct {
		LOCK(NTIO) lock;
		struct list nodes;
	} bucket[BUCKETS];
};

static void list_make(struct io_list *l)
{
	lock_init(&l->lock, LOCK_NTPIPE);
	list_init(&l->all);
}

static struct io_state *io_state(void)
{
	struct nt_state *nt = nt_state();
	struct io_state *s = __atomic_load_n((struct io_state **)&nt->io, __ATOMIC_ACQUIRE), *none = NULL;

	if (LIKELY(s != NULL))
		return s;
	s = arena_alloc(sizeof *s);
	if (s == NULL)
		return NULL;
	lock_init(&s->irps_lock, LOCK_NTIO);
	list_make(&s->mailslots);
	list_make(&s->watches);
	for (uint32_t i = 0; i < BUCKETS; i++) {
		lock_init(&s->bucket[i].lock, LOCK_NTIO);
		list_init(&s->bucket[i].nodes);
	}
	if (__atomic_compare_exchange_n((struct io_state **)&nt->io, &none, s, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return s;
	arena_free(s);
	return none;
}

static uint32_t bucket_of(const void *inode)
{
	return (uint32_t)((uint64_t)inode * 0x9e3779b97f4a7c15ull >> 56) % BUCKETS;
}

LOCK(NTIO) *io_node_lock(const struct io_node *n)
{
	return &io_state()->bucket[bucket_of(n->inode)].lock;
}

LOCK(NTIO) *io_irps_lock(void)
{
	return &io_state()->irps_lock;
}

void **io_npfs(void)
{
	return &io_state()->npfs;
}

struct io_list *io_watches(void)
{
	return &io_state()->watches;
}

struct io_list *io_mailslots(void)
{
	return &io_state()->mailslots;
}

#define READS(access)   (((access) & (FILE_READ_DATA | FILE_EXECUTE)) != 0)
#define WRITES(access)  (((access) & (FILE_WRITE_DATA | FILE_APPEND_DATA)) != 0)
#define DELETES(access) (((access) & DELETE) != 0)

static bool takes_part(uint32_t access)
{
	return READS(access) || WRITES(access) || DELETES(access);
}

static bool violates(const struct io_node *n, uint32_t access, uint32_t share) REQUIRES(NTIO)
{
	return (READS(access) && n->share_read < n->counted) || (WRITES(access) && n->share_write < n->counted) ||
	       (DELETES(access) && n->share_delete < n->counted) || (n->readers != 0 && !(share & FILE_SHARE_READ)) ||
	       (n->writers != 0 && !(share & FILE_SHARE_WRITE)) || (n->deleters != 0 && !(share & FILE_SHARE_DELETE));
}

/* Of what is mapped nobody knows what else it is to be: a section that writes shares with who shares writing, an image with no writer. */
static bool sections_forbid(const struct io_node *n, uint32_t access, uint32_t share) REQUIRES(NTIO)
{
	return (n->writable != 0 && !(share & FILE_SHARE_WRITE)) || (atomic_load(&n->images) != 0 && (access & FILE_WRITE_DATA));
}

static void count(struct io_node *n, uint32_t access, uint32_t share, uint32_t by) REQUIRES(NTIO)
{
	if (!takes_part(access))
		return;
	n->counted += by;
	n->readers += READS(access) ? by : 0;
	n->writers += WRITES(access) ? by : 0;
	n->deleters += DELETES(access) ? by : 0;
	n->share_read += share & FILE_SHARE_READ ? by : 0;
	n->share_write += share & FILE_SHARE_WRITE ? by : 0;
	n->share_delete += share & FILE_SHARE_DELETE ? by : 0;
}

static struct io_node *find(struct list *nodes, const void *inode)
{
	LIST_FOR (n, nodes, struct io_node, hash)
		if (n->inode == inode)
			return n;
	return NULL;
}

NTSTATUS io_node_open(void *inode, uint32_t access, uint32_t share, struct io_node **out)
{
	struct io_state *s = io_state();
	struct io_node *new = arena_alloc(sizeof *new), *n;
	uint32_t b = bucket_of(inode);
	NTSTATUS status = STATUS_SUCCESS;

	if (s == NULL || new == NULL)
		return STATUS_NO_MEMORY;
	list_init(&new->ranges);
	waitq_init(&new->range_wait);
	new->inode = inode;
	lock_take(&s->bucket[b].lock);
	n = find(&s->bucket[b].nodes, inode);
	if (n != NULL && n->delete_pending)
		status = STATUS_DELETE_PENDING;
	else if (n != NULL && ((takes_part(access) && violates(n, access, share)) || sections_forbid(n, access, share)))
		status = STATUS_SHARING_VIOLATION;
	if (n == NULL) {
		n = new;
		new = NULL;
		list_insert(&s->bucket[b].nodes, &n->hash);
	}
	if (status == STATUS_SUCCESS) {
		n->opens++;
		n->handles++;
		count(n, access, share, 1);
		*out = n;
	}
	lock_drop(&s->bucket[b].lock);
	arena_free(new);
	return status;
}

void io_node_close(struct io_node *n)
{
	LOCK(NTIO) *l = io_node_lock(n);
	bool last;

	lock_take(l);
	last = --n->opens == 0;
	if (last)
		list_remove(&n->hash);
	lock_drop(l);
	if (last)
		arena_free(n);
}

bool io_node_handle_gone(struct io_node *n, uint32_t access, uint32_t share)
{
	LOCK(NTIO) *l = io_node_lock(n);
	bool last;

	lock_take(l);
	count(n, access, share, UINT32_MAX);
	last = --n->handles == 0 && n->delete_pending;
	lock_drop(l);
	return last;
}

void io_node_leave(struct io_node *n, uint32_t access, uint32_t share, uint32_t now)
{
	LOCK(NTIO) *l = io_node_lock(n);

	lock_take(l);
	count(n, access, share, UINT32_MAX);
	if (now != UINT32_MAX)
		count(n, now, share, 1);
	else
		n->handles--;
	lock_drop(l);
	if (now == UINT32_MAX)
		io_node_close(n);
}

bool io_node_delete_pending(struct io_node *n)
{
	return __atomic_load_n(&n->delete_pending, __ATOMIC_ACQUIRE) != 0;
}

void io_node_set_delete(struct io_node *n, bool pending)
{
	LOCK(NTIO) *l = io_node_lock(n);

	lock_take(l);
	n->delete_pending = pending;
	lock_drop(l);
}

void io_file_section(struct ob_object *o, enum io_section kind, int by)
{
	struct io_node *n = ((struct io_file *)o)->node;
	LOCK(NTIO) *l;

	if (n == NULL)
		return;
	l = io_node_lock(n);
	lock_take(l);
	(void)atomic_fetch_add(kind == IO_SECTION_IMAGE ? &n->images : &n->sections, (uint32_t)by);
	n->writable += kind == IO_SECTION_WRITABLE ? (uint32_t)by : 0;
	lock_drop(l);
}

void io_node_know_dlls(void)
{
	static const char *const names[] = { "ntdll.dll", "apisetschema.dll" };
	struct io_node *n;
	void *inode;

	if (LIKELY(atomic_load_explicit(&nt_state()->dlls_known, memory_order_relaxed) != 0) || atomic_exchange(&nt_state()->dlls_known, 1) != 0)
		return;
	for (uint32_t i = 0; i < ARRAY_LEN(names); i++) {
		inode = os_dll_keep(names[i]);
		if (inode != NULL && io_node_open(inode, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, &n) == STATUS_SUCCESS)
			(void)atomic_fetch_add(&n->images, 1); /* as long as the sandbox is there */
	}
}
