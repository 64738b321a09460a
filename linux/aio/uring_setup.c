/* SPDX-License-Identifier: MIT */
/* linux/aio/uring_setup.c - io_uring_setup, and the ring as a file: mmap, poll, its end. */
#include "linux/aio/uring.h"
#include "linux/fs/fs.h"
#include "linux/fs/procfs.h"

#define SETUP_KNOWN                                                                                  \
	(IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_ATTACH_WQ | IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | \
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SQE128 | IORING_SETUP_CQE32 |             \
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
#define FEATURES                                                                                     \
	(IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_RW_CUR_POS |                    \
		IORING_FEAT_CUR_PERSONALITY | IORING_FEAT_SQPOLL_NONFIXED | IORING_FEAT_FAST_POLL | IORING_FEAT_POLL_32BITS | IORING_FEAT_EXT_ARG |          \
		IORING_FEAT_NATIVE_WORKERS | IORING_FEAT_RSRC_TAGS | IORING_FEAT_CQE_SKIP | IORING_FEAT_LINKED_FILE)

static uint64_t cqe_size(uint32_t flags)
{
	return flags & IORING_SETUP_CQE32 ? 32 : 16;
}

static uint64_t sqe_size(uint32_t flags)
{
	return flags & IORING_SETUP_SQE128 ? 128 : 64;
}

static uint64_t array_offset(const struct uring *ring)
{
	return sizeof(struct uring_shared) + ring->cq_entries * cqe_size(ring->flags);
}

/* ---- Making and ending ---- */

static bool make_pages(struct uring *ring)
{
	ring->pages = PAGE_UP(array_offset(ring) + ring->sq_entries * sizeof(uint32_t)) >> PAGE_SHIFT;
	ring->sqe_pages = PAGE_UP(ring->sq_entries * sqe_size(ring->flags)) >> PAGE_SHIFT;
	if (!data_alloc(ring->pages, &ring->page))
		return false;
	if (!data_alloc(ring->sqe_pages, &ring->sqe_page)) {
		data_free(ring->page, ring->pages);
		return false;
	}
	ring->shared = data_ptr(ring->page);
	ring->cqes = (char *)ring->shared + sizeof *ring->shared;
	ring->array = (_Atomic uint32_t *)(void *)((char *)ring->shared + array_offset(ring));
	ring->sqes = data_ptr(ring->sqe_page);
	ring->shared->sq_entries = ring->sq_entries;
	ring->shared->cq_entries = ring->cq_entries;
	ring->shared->sq_mask = ring->sq_entries - 1;
	ring->shared->cq_mask = ring->cq_entries - 1;
	return true;
}

static struct uring *uring_new(const struct io_uring_params *p)
{
	struct uring *ring = arena_alloc(sizeof *ring);

	if (ring == NULL)
		return NULL;
	ref_init(&ring->ref);
	lock_init(&ring->lock, LOCK_IOCTX);
	list_init(&ring->overflow);
	list_init(&ring->held);
	list_init(&ring->pending);
	list_init(&ring->deferred);
	waitq_init(&ring->wq);
	waitq_init(&ring->sq_wq);
	ring->flags = p->flags;
	ring->sq_entries = p->sq_entries;
	ring->cq_entries = p->cq_entries;
	ring->disabled = p->flags & IORING_SETUP_R_DISABLED;
	if (make_pages(ring))
		return ring;
	arena_free(ring);
	return NULL;
}

void uring_get(struct uring *ring)
{
	ref_get(&ring->ref);
}

static void free_cqes(struct list *cqes)
{
	LIST_FOR_SAFE(o, next, cqes, struct uring_overflow, link)
		arena_free(o);
}

void uring_put(struct uring *ring)
{
	if (!ref_put(&ring->ref))
		return;
	free_cqes(&ring->overflow);
	free_cqes(&ring->held);
	for (uint32_t i = 0; i < URING_PERSONALITIES; i++)
		if (ring->personality[i] != NULL) {
			io_cred_drop(ring->personality[i]);
			arena_free(ring->personality[i]);
		}
	data_free(ring->page, ring->pages);
	data_free(ring->sqe_page, ring->sqe_pages);
	arena_free(ring);
}

/* The last descriptor and mapping are gone.  May run in any process, and in kproc. */
static void uring_release(struct file *f)
{
	struct uring *ring = f->object;
	struct file *eventfd;

	if (ring == NULL)
		return;
	lock_take(&ring->lock);
	ring->dying = true;
	eventfd = ring->eventfd;
	ring->eventfd = NULL;
	lock_drop(&ring->lock);
	uring_sq_kick(ring);
	uring_cancel_all(lx_current(), ring);
	(void)uring_files_unregister(ring);
	(void)uring_buffers_unregister(ring);
	uring_buf_drop_all(ring);
	if (eventfd != NULL)
		file_put(eventfd);
	uring_put(ring);
}

/* ---- The file ---- */

struct uring *uring_of(struct file *f)
{
	return f->kind == FILE_URING ? f->object : NULL;
}

static long uring_map(struct lx_thread *t, struct file *f, uint64_t addr, uint64_t len, int prot, int flags, uint64_t offset)
{
	const struct uring *ring = f->object;
	uint64_t page = ring->page, pages = ring->pages, part = offset & IORING_OFF_MMAP_MASK;

	if (part == IORING_OFF_SQES) {
		page = ring->sqe_page;
		pages = ring->sqe_pages;
	} else if (part != IORING_OFF_SQ_RING && part != IORING_OFF_CQ_RING) {
		return -EINVAL;
	}
	offset &= ~IORING_OFF_MMAP_MASK;
	if (offset + len > pages << PAGE_SHIFT || !(flags & MAP_SHARED))
		return -EINVAL;
	return lx_err(DkStreamMap(pico_boot_block->arena_data, &addr, data_offset(page) + offset, len, (uint32_t)prot & 7,
		DK_MAP_SHARED | DK_MAP_FIXED | (flags & MAP_POPULATE ? DK_MAP_POPULATE : 0)));
}

static uint32_t uring_file_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	struct uring *ring = f->object;
	uint32_t mask = 0;

	poll_wait(p, &ring->wq);
	if (atomic_load(&ring->shared->sq_tail) - atomic_load(&ring->shared->sq_head) < ring->sq_entries)
		mask |= EPOLLOUT | EPOLLWRNORM;
	if (uring_cq_ready(ring) != 0 || !list_empty(&ring->overflow) || !list_empty(&ring->held))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}

const struct file_ops uring_file_ops = {
	.name = "io_uring",
	.map = uring_map,
	.poll = uring_file_poll,
	.release = uring_release,
};

/* ---- io_uring_setup ---- */

static uint32_t power_of_two(uint32_t n)
{
	uint32_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

static long check_flags(struct lx_thread *t, const struct io_uring_params *p)
{
	if (p->flags & ~SETUP_KNOWN)
		return -EINVAL;
	if ((p->flags & IORING_SETUP_SQ_AFF) && (!(p->flags & IORING_SETUP_SQPOLL) || p->sq_thread_cpu >= lx_state()->ncpus))
		return -EINVAL;
	if ((p->flags & IORING_SETUP_SQPOLL) && (p->flags & (IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_DEFER_TASKRUN)))
		return -EINVAL;
	if ((p->flags & IORING_SETUP_TASKRUN_FLAG) && !(p->flags & (IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN)))
		return -EINVAL;
	if ((p->flags & IORING_SETUP_DEFER_TASKRUN) && !(p->flags & IORING_SETUP_SINGLE_ISSUER))
		return -EINVAL;
	if (p->flags & IORING_SETUP_ATTACH_WQ) { /* workers are the process's anyway */
		struct file *f = fd_get(t, (int)p->wq_fd);
		bool is_ring = f != NULL && uring_of(f) != NULL;

		if (f == NULL)
			return -ENXIO;
		file_put(f);
		if (!is_ring)
			return -EINVAL;
	}
	return 0;
}

static long choose_sizes(uint32_t entries, struct io_uring_params *p)
{
	bool clamp = p->flags & IORING_SETUP_CLAMP;

	if (entries == 0 || (entries > URING_ENTRIES_MAX && !clamp))
		return -EINVAL;
	p->sq_entries = power_of_two(MIN(entries, URING_ENTRIES_MAX));
	if (!(p->flags & IORING_SETUP_CQSIZE)) {
		p->cq_entries = 2 * p->sq_entries;
		return 0;
	}
	if (p->cq_entries == 0 || (p->cq_entries > URING_CQ_MAX && !clamp))
		return -EINVAL;
	p->cq_entries = power_of_two(MIN(p->cq_entries, URING_CQ_MAX));
	return p->cq_entries < p->sq_entries ? -EINVAL : 0;
}

static void describe(const struct uring *ring, struct io_uring_params *p)
{
	p->sq_off = (struct io_sqring_offsets){
		.head = offsetof(struct uring_shared, sq_head),
		.tail = offsetof(struct uring_shared, sq_tail),
		.ring_mask = offsetof(struct uring_shared, sq_mask),
		.ring_entries = offsetof(struct uring_shared, sq_entries),
		.flags = offsetof(struct uring_shared, sq_flags),
		.dropped = offsetof(struct uring_shared, sq_dropped),
		.array = (uint32_t)array_offset(ring),
	};
	p->cq_off = (struct io_cqring_offsets){
		.head = offsetof(struct uring_shared, cq_head),
		.tail = offsetof(struct uring_shared, cq_tail),
		.ring_mask = offsetof(struct uring_shared, cq_mask),
		.ring_entries = offsetof(struct uring_shared, cq_entries),
		.overflow = offsetof(struct uring_shared, cq_overflow),
		.cqes = sizeof(struct uring_shared),
		.flags = offsetof(struct uring_shared, cq_flags),
	};
	p->features = FEATURES;
}

/* kernel.io_uring_disabled: 1 = not for those without CAP_SYS_ADMIN, 2 = for nobody. */
static bool allowed(struct lx_thread *t)
{
	uint64_t level = sysctl_value(CTL_URING_OFF);

	return level == 0 || (level == 1 && lx_capable(t, CAP_SYS_ADMIN));
}

long lx_sys_io_uring_setup(struct lx_thread *t, uint32_t entries, struct gva params)
{
	struct io_uring_params p;
	struct uring *ring;
	struct file *f;
	long err;

	if (!allowed(t))
		return -EPERM;
	if (copy_in(&p, params, sizeof p) != 0)
		return -EFAULT;
	if (p.resv[0] != 0 || p.resv[1] != 0 || p.resv[2] != 0)
		return -EINVAL;
	err = check_flags(t, &p);
	if (err == 0)
		err = choose_sizes(entries, &p);
	if (err != 0)
		return err;
	if (io_engine_get(t) == NULL || (ring = uring_new(&p)) == NULL)
		return -ENOMEM;
	if ((p.flags & IORING_SETUP_SINGLE_ISSUER) && !ring->disabled)
		ring->issuer = t->tid;
	ring->sq_idle_ns = (p.sq_thread_idle != 0 ? p.sq_thread_idle : 1000) * 1000000ull;
	describe(ring, &p);
	f = anon_file(FILE_URING, O_RDWR, 0600, ring);
	if (f == NULL) {
		uring_put(ring);
		return -ENOMEM;
	}
	if (copy_out(params, &p, sizeof p) != 0) {
		file_put(f);
		return -EFAULT;
	}
	if ((p.flags & IORING_SETUP_SQPOLL) && !uring_sq_start(t, ring)) {
		file_put(f);
		return -ENOMEM;
	}
	return anon_fd(t, f, true);
}
