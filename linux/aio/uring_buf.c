/* SPDX-License-Identifier: MIT */
/*
 * linux/aio/uring_buf.c - buffers that a program lends: an operation with
 * IOSQE_BUFFER_SELECT takes one when it has data for it.
 *
 * A group's buffers are given one by one (PROVIDE_BUFFERS) or through a ring in the guest's
 * memory (IORING_REGISTER_PBUF_RING), of which the tail is the guest's and the head ours.
 * What was taken and not used goes back to the front.
 */
#include "linux/aio/uring.h"
#include "linux/fs/fs.h"

struct uring_provided {
	struct list link;
	uint64_t addr;
	uint32_t len;
	uint16_t bid;
};

static struct uring_group *find_group(struct uring *ring, uint32_t bgid) REQUIRES(IOCTX)
{
	struct uring_group *g = ring->group[bgid % URING_GROUPS];

	while (g != NULL && g->bgid != bgid)
		g = g->next;
	return g;
}

static struct uring_group *make_group(struct uring *ring, uint32_t bgid) REQUIRES(IOCTX)
{
	struct uring_group *g = find_group(ring, bgid);

	if (g != NULL)
		return g;
	g = arena_alloc(sizeof *g);
	if (g == NULL)
		return NULL;
	g->bgid = bgid;
	list_init(&g->buffers);
	g->next = ring->group[bgid % URING_GROUPS];
	ring->group[bgid % URING_GROUPS] = g;
	return g;
}

/* ---- Taking one ---- */

/* The entry at the ring's head.  Guest memory: read without the lock. */
static long from_ring(struct uring_group *g, uint16_t head, struct io_uring_buf *out)
{
	uint16_t tail;

	if (copy_in(&tail, (struct gva){ g->ring_addr + offsetof(struct io_uring_buf_ring, tail) }, sizeof tail) != 0)
		return -EFAULT;
	if (tail == head)
		return -ENOBUFS;
	return copy_in(out, (struct gva){ g->ring_addr + (head & (g->ring_entries - 1)) * sizeof *out }, sizeof *out);
}

static long take_from_ring(struct uring_req *r, struct uring_group *g, uint64_t *addr, uint64_t *len)
{
	struct uring *ring = r->ring;
	struct io_uring_buf buf;
	struct uring_provided *p;
	bool mine;
	long err;

	do {
		uint16_t head = __atomic_load_n(&g->head, __ATOMIC_ACQUIRE);

		err = from_ring(g, head, &buf);
		if (err != 0)
			return err;
		lock_take(&ring->lock);
		mine = g->head == head;
		if (mine)
			g->head = (uint16_t)(head + 1);
		lock_drop(&ring->lock);
	} while (!mine);
	p = arena_alloc(sizeof *p);
	if (p == NULL)
		return -ENOMEM;
	list_init(&p->link);
	p->addr = buf.addr;
	p->len = buf.len;
	p->bid = buf.bid;
	r->buf = p;
	r->buf_group = g;
	*addr = buf.addr;
	*len = MIN(*len, (uint64_t)buf.len);
	return 0;
}

long uring_buf_select(struct uring_req *r, uint64_t *addr, uint64_t *len)
{
	struct uring *ring = r->ring;
	struct uring_group *g;

	lock_take(&ring->lock);
	g = find_group(ring, r->sqe.buf_group);
	if (g != NULL && g->ring_addr == 0 && !list_empty(&g->buffers)) {
		r->buf = LIST_FIRST(&g->buffers, struct uring_provided, link);
		list_remove(&r->buf->link);
	}
	lock_drop(&ring->lock);
	if (g != NULL && g->ring_addr != 0)
		return take_from_ring(r, g, addr, len);
	if (r->buf == NULL)
		return -ENOBUFS;
	*addr = r->buf->addr;
	*len = MIN(*len, (uint64_t)r->buf->len);
	return 0;
}

void uring_buf_back(struct uring_req *r)
{
	struct uring *ring = r->ring;
	struct uring_provided *p = r->buf;
	struct uring_group *g;

	if (p == NULL)
		return;
	lock_take(&ring->lock);
	g = find_group(ring, r->sqe.buf_group);
	if (r->buf_group != NULL) {
		if (g == r->buf_group)
			g->head--;
	} else if (g != NULL && g->ring_addr == 0) {
		list_insert(&g->buffers, &p->link);
		p = NULL;
	}
	lock_drop(&ring->lock);
	arena_free(p);
	r->buf = NULL;
	r->buf_group = NULL;
}

uint32_t uring_buf_used(struct uring_req *r)
{
	uint32_t flags = 0;

	if (r->buf != NULL) {
		flags = IORING_CQE_F_BUFFER | (uint32_t)r->buf->bid << IORING_CQE_BUFFER_SHIFT;
		arena_free(r->buf);
	}
	r->buf = NULL;
	r->buf_group = NULL;
	return flags;
}

/* ---- PROVIDE_BUFFERS, REMOVE_BUFFERS ---- */

static long provide(struct uring *ring, const struct io_uring_sqe *sqe, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct uring_provided *p = arena_alloc(sizeof *p);
		struct uring_group *g;

		if (p == NULL)
			return i > 0 ? 0 : -ENOMEM;
		p->addr = sqe->addr + (uint64_t)i * sqe->len;
		p->len = MIN(sqe->len, (uint32_t)INT32_MAX);
		p->bid = (uint16_t)(sqe->off + i);
		lock_take(&ring->lock);
		g = make_group(ring, sqe->buf_group);
		if (g != NULL && g->ring_addr == 0)
			list_append(&g->buffers, &p->link);
		lock_drop(&ring->lock);
		if (g == NULL || g->ring_addr != 0) {
			arena_free(p);
			return g == NULL ? -ENOMEM : -EINVAL;
		}
	}
	return 0;
}

URING_OP(provide_buffers)
{
	const struct io_uring_sqe *sqe = &r->sqe;
	uint64_t size, end, count = (uint64_t)(int64_t)sqe->fd;

	if (count == 0 || count > UINT16_MAX + 1u)
		return -E2BIG;
	size = count * sqe->len;
	if (ADD_OVERFLOW(sqe->addr, size, &end))
		return -EOVERFLOW;
	if (size != 0 && !guest_range_ok(sqe->addr, size))
		return -EFAULT;
	if (sqe->off > UINT16_MAX || sqe->off + count > UINT16_MAX + 1u)
		return sqe->off > UINT16_MAX ? -E2BIG : -EINVAL;
	return provide(r->ring, sqe, (uint32_t)count);
}

static struct uring_provided *take_any(struct uring *ring, uint32_t bgid, long *err)
{
	struct uring_provided *p = NULL;
	struct uring_group *g;

	lock_take(&ring->lock);
	g = find_group(ring, bgid);
	*err = g == NULL ? -ENOENT : g->ring_addr != 0 ? -EINVAL : 0;
	if (*err == 0 && !list_empty(&g->buffers)) {
		p = LIST_FIRST(&g->buffers, struct uring_provided, link);
		list_remove(&p->link);
	}
	lock_drop(&ring->lock);
	return p;
}

URING_OP(remove_buffers)
{
	const struct io_uring_sqe *sqe = &r->sqe;
	struct uring_provided *p;
	long err = 0, n = 0;

	if (sqe->fd <= 0 || sqe->fd > UINT16_MAX + 1)
		return -EINVAL;
	while (n < sqe->fd && (p = take_any(r->ring, sqe->buf_group, &err)) != NULL) {
		arena_free(p);
		n++;
	}
	return n > 0 ? n : err;
}

/* ---- Rings of buffers ---- */

long uring_pbuf_register(struct lx_thread *t, struct uring *ring, struct gva arg)
{
	struct io_uring_buf_reg reg;
	struct uring_group *g;
	long err = 0;
	uint8_t probe;

	if (copy_in(&reg, arg, sizeof reg) != 0)
		return -EFAULT;
	if (reg.pad != 0 || reg.resv[0] != 0 || reg.resv[1] != 0 || reg.resv[2] != 0)
		return -EINVAL;
	if (reg.ring_addr == 0 || copy_in(&probe, (struct gva){ reg.ring_addr }, 1) != 0)
		return -EFAULT;
	if ((reg.ring_addr & ~PAGE_MASK) || reg.ring_entries == 0 || (reg.ring_entries & (reg.ring_entries - 1)) ||
	    reg.ring_entries >= 65536)
		return -EINVAL;
	lock_take(&ring->lock);
	g = make_group(ring, reg.bgid);
	if (g == NULL) {
		err = -ENOMEM;
	} else if (g->ring_addr != 0 || !list_empty(&g->buffers)) {
		err = -EEXIST;
	} else {
		g->ring_addr = reg.ring_addr;
		g->ring_entries = reg.ring_entries;
		g->head = 0;
	}
	lock_drop(&ring->lock);
	return err;
}

long uring_pbuf_unregister(struct uring *ring, struct gva arg)
{
	struct io_uring_buf_reg reg;
	struct uring_group *g;
	long err = 0;

	if (copy_in(&reg, arg, sizeof reg) != 0)
		return -EFAULT;
	if (reg.pad != 0 || reg.resv[0] != 0 || reg.resv[1] != 0 || reg.resv[2] != 0)
		return -EINVAL;
	lock_take(&ring->lock);
	g = find_group(ring, reg.bgid);
	if (g == NULL)
		err = -ENOENT;
	else if (g->ring_addr == 0)
		err = -EINVAL;
	else
		g->ring_addr = 0;
	lock_drop(&ring->lock);
	return err;
}

void uring_buf_drop_all(struct uring *ring)
{
	for (uint32_t i = 0; i < URING_GROUPS; i++) {
		while (ring->group[i] != NULL) {
			struct uring_group *g = ring->group[i];

			ring->group[i] = g->next;
			while (!list_empty(&g->buffers)) {
				struct uring_provided *p = LIST_FIRST(&g->buffers, struct uring_provided, link);

				list_remove(&p->link);
				arena_free(p);
			}
			arena_free(g);
		}
	}
}
