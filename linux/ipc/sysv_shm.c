/* SPDX-License-Identifier: MIT */
/*
 * linux/ipc/sysv_shm.c - System V shared memory: pages of arena-data with a number.
 *
 * The memory itself is a struct shared_mem (mm/shared.c); a segment holds one
 * reference, each region that shows it another, and those are the attaches.  The
 * segment goes when it is removed and nobody is attached.
 */
#include <limits.h>

#include "linux/ipc/shm.h"
#include "linux/ns/ns.h"
#include "linux/mm/mm_int.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

#define SHM_DEST_BIT   01000u /* mode bits that IPC_STAT shows */
#define SHM_LOCKED_BIT 02000u

/* Takes it away: what it held.  The caller, who has lock IPC, puts that without the lock. */
static struct shared_mem *destroy(struct shm_segment *s) REQUIRES(IPC)
{
	struct shared_mem *m = s->mem;

	if (!s->orphan) {
		ipc_remove(&s->ipc);
		s->ipc.root->shm_pages -= m->count;
	}
	arena_free(s);
	return m;
}

/* The segment's own reference, which is no attach. */
static void put_memory(struct shared_mem *m)
{
	m->segment = NULL;
	shared_mem_put(m);
}

/* What is attached stays until it is detached. */
static struct shared_mem *free_one(struct ipc_root *root)
{
	struct shared_mem *gone = NULL;
	struct ipc_table *tab = &root->table[IPC_SHM];

	ipc_lock();
	for (uint32_t i = 0; i < tab->size && gone == NULL; i++) {
		struct shm_segment *s = (struct shm_segment *)tab->slot[i];

		if (s == NULL)
			continue;
		if (s->nattch == 0) {
			gone = destroy(s);
		} else {
			ipc_remove(&s->ipc);
			s->doomed = s->orphan = true;
		}
	}
	ipc_unlock();
	return gone;
}

void shm_root_free(struct ipc_root *root)
{
	struct shared_mem *gone;

	while ((gone = free_one(root)) != NULL)
		put_memory(gone);
}

void sysv_shm_attached(struct shared_mem *m)
{
	struct shm_segment *s = m->segment;

	ipc_lock();
	s->nattch++;
	s->atime = ipc_seconds();
	s->lpid = lx_current()->proc->pid;
	ipc_unlock();
}

void sysv_shm_detached(struct shared_mem *m)
{
	struct shm_segment *s = m->segment;
	struct shared_mem *gone = NULL;

	ipc_lock();
	s->nattch--;
	s->dtime = ipc_seconds();
	s->lpid = lx_current()->proc->pid;
	if (s->nattch == 0 && (s->doomed || atomic_load(&s->ipc.root->limit[IPC_SHM_FORCED]) != 0))
		gone = destroy(s);
	ipc_unlock();
	if (gone != NULL)
		put_memory(gone);
}

static struct shm_segment *new_segment(uint64_t size)
{
	struct shm_segment *s = arena_alloc(sizeof *s);

	if (s == NULL)
		return NULL;
	s->mem = shared_mem_new(PAGE_UP(size) >> PAGE_SHIFT);
	if (s->mem == NULL) {
		arena_free(s);
		return NULL;
	}
	s->size = size;
	return s;
}

/* Lock IPC is held. */
static long create(struct lx_thread *t, int key, uint64_t size, int flags) REQUIRES(IPC)
{
	struct shm_segment *s;
	long id;

	if (size == 0 || size > ipc_limit(IPC_SHMMAX))
		return -EINVAL;
	if (size > GUEST_HIGH)
		return -ENOMEM;
	if (ipc_root()->shm_pages + (PAGE_UP(size) >> PAGE_SHIFT) > ipc_limit(IPC_SHMALL))
		return -ENOSPC;
	if (flags & SHM_HUGETLB)
		return cap_own(t, CAP_IPC_LOCK) || mm_rlimit(RLIMIT_MEMLOCK) != 0 ? -ENOMEM : -EPERM;
	s = new_segment(size);
	if (s == NULL)
		return -ENOMEM;
	id = ipc_add(t, IPC_SHM, &s->ipc, key, flags);
	if (id < 0) {
		shared_mem_put(s->mem);
		arena_free(s);
		return id;
	}
	s->cpid = t->proc->pid;
	s->mem->key = (uint32_t)key;
	s->mem->id = (uint64_t)id;
	s->mem->segment = s;
	ipc_root()->shm_pages += s->mem->count;
	return id;
}

long lx_sys_shmget(struct lx_thread *t, int key, uint64_t size, int flags)
{
	struct ipc_object *o;
	long ret;

	ipc_lock();
	ret = ipc_get(t, IPC_SHM, key, flags, &o);
	if (ret == 0)
		ret = create(t, key, size, flags);
	else if (ret > 0)
		ret = size > ((struct shm_segment *)o)->size ? -EINVAL : o->id;
	ipc_unlock();
	return ret;
}

/* The segment's memory with an attach counted, which shared_mem_put takes back. */
static long hold(struct lx_thread *t, int id, int flags, struct shared_mem **out)
{
	uint32_t bits = 0444 | ((flags & SHM_RDONLY) ? 0 : 0222) | ((flags & SHM_EXEC) ? 0111 : 0);
	struct shm_segment *s;
	long err = -EINVAL;

	ipc_lock();
	s = (struct shm_segment *)ipc_find(IPC_SHM, id);
	if (s != NULL)
		err = ipc_permission(t, &s->ipc.perm, bits);
	if (err == 0) {
		ref_get(&s->mem->ref);
		s->nattch++;
		*out = s->mem;
	}
	ipc_unlock();
	return err;
}

long lx_sys_shmat(struct lx_thread *t, int id, struct gva addr, int flags)
{
	uint32_t prot = PROT_READ | ((flags & SHM_RDONLY) ? 0 : PROT_WRITE) | ((flags & SHM_EXEC) ? PROT_EXEC : 0);
	int fixed = (flags & SHM_REMAP) ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	struct shared_mem *m;
	uint64_t at = addr.va;
	long ret;

	if (at & ~PAGE_MASK) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		at = PAGE_DOWN(at);
	}
	if (at == 0 && (flags & SHM_REMAP))
		return -EINVAL;
	ret = hold(t, id, flags, &m);
	if (ret != 0)
		return ret;
	ret = mm_map_shared(t->proc->mm, m, at, m->count << PAGE_SHIFT, prot, MAP_SHARED | (at != 0 ? fixed : 0));
	shared_mem_put(m);
	return ret == -EEXIST ? -EINVAL : ret;
}

/* Unmaps all that is left of the attach that begins at addr. */
long lx_sys_shmdt(struct lx_thread *t, struct gva addr)
{
	struct mm *mm = t->proc->mm;
	struct region *r;
	long ret = -EINVAL;

	if (addr.va & ~PAGE_MASK)
		return -EINVAL;
	mm_lock(mm);
	r = region_find(&mm->tree, addr.va);
	if (r != NULL && r->start == addr.va && r->kind == REGION_SHARED && r->offset == 0 && ((struct shared_mem *)r->object)->segment != NULL) {
		struct shared_mem *m = r->object;
		uint64_t end = addr.va + (m->count << PAGE_SHIFT), at = addr.va;

		for (ret = 0; ret == 0 && (r = region_next(&mm->tree, at)) != NULL && r->start < end;) {
			at = r->end;
			if (r->object == m && r->offset == r->start - addr.va)
				ret = mm_stock_locked(mm) ? mm_unmap_locked(mm, r->start, r->end, true) : -ENOMEM;
		}
	}
	mm_unlock(mm);
	return ret;
}

uint64_t shm_resident(const struct shm_segment *s)
{
	uint8_t there[256];
	uint64_t start = (uint64_t)data_ptr(s->mem->page);

	return mm_count_resident(start, start + (s->mem->count << PAGE_SHIFT), there, sizeof there);
}

static struct shmid64_ds stat_of(const struct shm_segment *s)
{
	return (struct shmid64_ds){ .shm_perm = ipc_perm_out(&s->ipc.perm), .shm_segsz = s->size, .shm_atime = s->atime, .shm_dtime = s->dtime,
		.shm_ctime = s->ipc.ctime, .shm_cpid = pid_out(lx_current(), s->cpid), .shm_lpid = pid_out(lx_current(), s->lpid), .shm_nattch = s->nattch };
}

static long shm_stat(struct lx_thread *t, int id, int cmd, struct gva buf)
{
	struct shmid64_ds ds;
	struct shm_segment *s;
	long ret = -EINVAL;

	ipc_lock();
	s = (struct shm_segment *)(cmd == IPC_STAT ? ipc_find(IPC_SHM, id) : ipc_at(IPC_SHM, id));
	if (s != NULL)
		ret = cmd == SHM_STAT_ANY ? 0 : ipc_permission(t, &s->ipc.perm, 0444);
	if (ret == 0) {
		ds = stat_of(s);
		ret = cmd == IPC_STAT ? 0 : s->ipc.id;
	}
	ipc_unlock();
	return ret >= 0 && copy_out(buf, &ds, sizeof ds) != 0 ? -EFAULT : ret;
}

static long shm_info(int cmd, struct gva buf)
{
	struct shminfo64 limits = { .shmmax = ipc_limit(IPC_SHMMAX), .shmmin = 1, .shmmni = ipc_root()->table[IPC_SHM].max,
		.shmseg = SHMSEG, .shmall = ipc_limit(IPC_SHMALL) };
	struct shm_info info = { 0 };
	long highest;

	ipc_lock();
	info.used_ids = (int)ipc_root()->table[IPC_SHM].used;
	info.shm_tot = ipc_root()->shm_pages;
	highest = ipc_highest(IPC_SHM);
	for (int i = 0; cmd == SHM_INFO && i <= highest; i++)
		info.shm_rss += ipc_at(IPC_SHM, i) != NULL ? shm_resident((struct shm_segment *)ipc_at(IPC_SHM, i)) : 0;
	ipc_unlock();
	if (cmd == IPC_INFO ? copy_out(buf, &limits, sizeof limits) : copy_out(buf, &info, sizeof info))
		return -EFAULT;
	return highest;
}

/* Lock IPC is held; *gone: memory to put afterwards. */
static long change(struct lx_thread *t, struct shm_segment *s, int cmd, const struct shmid64_ds *ds, struct shared_mem **gone) REQUIRES(IPC)
{
	long err = ipc_owner(t, &s->ipc.perm);

	if (err != 0)
		return err;
	switch (cmd) {
	case IPC_SET:
		ipc_set(&s->ipc, &ds->shm_perm);
		return 0;
	case SHM_LOCK:
		s->ipc.perm.mode |= SHM_LOCKED_BIT;
		return 0;
	case SHM_UNLOCK:
		s->ipc.perm.mode &= (__kernel_mode_t)~SHM_LOCKED_BIT;
		return 0;
	default: /* IPC_RMID */
		/* While it is attached it can be found by its number, but no longer by its key. */
		s->doomed = true;
		ipc_drop_key(&s->ipc);
		s->ipc.perm.mode |= SHM_DEST_BIT;
		if (s->nattch == 0)
			*gone = destroy(s);
		return 0;
	}
}

long lx_sys_shmctl(struct lx_thread *t, int id, int cmd, struct gva buf)
{
	struct shared_mem *gone = NULL;
	struct shmid64_ds ds;
	struct shm_segment *s;
	long ret;

	cmd &= ~IPC_64;
	if (cmd == IPC_STAT || cmd == SHM_STAT || cmd == SHM_STAT_ANY)
		return shm_stat(t, id, cmd, buf);
	if (cmd == IPC_INFO || cmd == SHM_INFO)
		return shm_info(cmd, buf);
	if (cmd != IPC_SET && cmd != IPC_RMID && cmd != SHM_LOCK && cmd != SHM_UNLOCK)
		return -EINVAL;
	if (cmd == IPC_SET && copy_in(&ds, buf, sizeof ds) != 0)
		return -EFAULT;
	ipc_lock();
	s = (struct shm_segment *)ipc_find(IPC_SHM, id);
	ret = s == NULL ? -EINVAL : change(t, s, cmd, &ds, &gone);
	ipc_unlock();
	if (gone != NULL)
		put_memory(gone);
	return ret;
}
