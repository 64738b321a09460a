/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/klog.c - the kernel log's records.
 *
 * A ring in the arena, made by the first who prints or reads; a record never wraps: what
 * is left at the ring's end is filled by an empty one.  Records are found from the oldest
 * on by going over them, from where the last look ended if it was further on.
 * All of it is guarded by KLOG, a lock that is taken with nearly any other held.
 */
#include "linux/misc/klog.h"

#include <linux/capability.h>
#include <stdarg.h>

#include "linux/fs/procfs.h"
#include "linux/misc/release.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define RING_PAGES  31u /* with the head 32, which is what the allocator gives */
#define RING_SIZE   (RING_PAGES * PAGE_SIZE)
#define BURST       10u
#define BURST_NS    5000000000ull

struct record {
	uint64_t seq, time_ns;
	uint32_t size;           /* with this head, a multiple of its size */
	uint16_t len;            /* of the text */
	uint8_t level, facility;
	uint64_t pad;            /* the head's size is a power of 2 */
};
#define FILLER UINT64_MAX /* seq of what fills the ring's end */

struct klog {
	LOCK(KLOG) lock;
	struct waitq wq;
	uint64_t first, next, cleared;
	uint64_t read_seq, read_off;  /* syslog(2) READ: the record, and how much of its line was given */
	uint32_t head, tail;          /* in ring: where the next record goes; the oldest one */
	uint32_t used;
	uint32_t hint_at;             /* a record and its number, to begin a search at */
	uint64_t hint_seq;
	uint64_t burst_since;
	uint32_t burst;
	char ring[];
};
_Static_assert(sizeof(struct klog) <= PAGE_SIZE, "the ring has its own pages");

static void store(struct klog *k, uint32_t level, uint32_t facility, const char *text, size_t len) REQUIRES(KLOG);

static struct klog *make(void)
{
	struct lx_state *lx = lx_state();
	struct klog *k = arena_alloc_pages(RING_PAGES + 1), *none = NULL;
	static const char banner[] = "Linux version " LX_RELEASE " (bailey) " LX_VERSION;

	if (k == NULL)
		return NULL;
	lock_init(&k->lock, LOCK_KLOG);
	waitq_init(&k->wq);
	lock_take(&k->lock);
	store(k, KLOG_NOTICE, 0, banner, sizeof banner - 1);
	lock_drop(&k->lock);
	if (__atomic_compare_exchange_n(&lx->klog, (void **)&none, k, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return k;
	arena_free_pages(k, RING_PAGES + 1);
	return none;
}

static struct klog *klog(void)
{
	struct klog *k = __atomic_load_n((struct klog **)&lx_state()->klog, __ATOMIC_ACQUIRE);

	return LIKELY(k != NULL) ? k : make();
}

static struct record *record_at(struct klog *k, uint32_t at)
{
	return (struct record *)(void *)(k->ring + at);
}

static uint32_t after(struct klog *k, uint32_t at)
{
	at += record_at(k, at)->size;
	return at >= RING_SIZE ? 0 : at;
}

static void drop_oldest(struct klog *k) REQUIRES(KLOG)
{
	struct record *r = record_at(k, k->tail);

	k->used -= r->size;
	if (r->seq != FILLER)
		k->first = r->seq + 1;
	k->tail = after(k, k->tail);
}

/* Room of size bytes in one piece at head. */
static void make_room(struct klog *k, uint32_t size) REQUIRES(KLOG)
{
	uint32_t left = RING_SIZE - k->head;

	if (left < size) {
		while (RING_SIZE - k->used < left)
			drop_oldest(k);
		*record_at(k, k->head) = (struct record){ .seq = FILLER, .size = left };
		k->used += left;
		k->head = 0;
	}
	while (RING_SIZE - k->used < size)
		drop_oldest(k);
}

static void store(struct klog *k, uint32_t level, uint32_t facility, const char *text, size_t len)
{
	uint64_t now = pico_now(), boot = lx_state()->boot_mono_ns;
	bool banner = k->next == 0;
	uint32_t size;
	struct record *r;

	len = MIN(len, KLOG_LINE_MAX);
	/* A filler has at least its head's room: sizes are multiples of the head's. */
	size = (uint32_t)ALIGN_UP(sizeof *r + len, sizeof *r);
	make_room(k, size);
	r = record_at(k, k->head);
	*r = (struct record){ .seq = k->next++, .time_ns = now > boot && !banner ? now - boot : 0, .size = size, .len = (uint16_t)len,
		.level = (uint8_t)level, .facility = (uint8_t)facility };
	memcpy(r + 1, text, len);
	k->used += size;
	k->head = k->head + size >= RING_SIZE ? 0 : k->head + size;
}
_Static_assert(RING_SIZE % sizeof(struct record) == 0, "fillers");

void klog_write(uint32_t level, uint32_t facility, const char *text, size_t len)
{
	struct klog *k = klog();

	if (k == NULL)
		return;
	while (len > 0 && text[len - 1] == '\n')
		len--;
	lock_take(&k->lock);
	store(k, level & 7, facility, text, len);
	lock_drop(&k->lock);
	waitq_wake_all(&k->wq);
}

void klog_print(enum klog_level level, const char *format, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, format);
	n = fmt_vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	if (n > 0)
		klog_write(level, 0, line, MIN((size_t)n, sizeof line - 1));
}

bool klog_may_print(void)
{
	struct klog *k = klog();
	uint64_t now = pico_now();
	bool may;

	if (k == NULL)
		return false;
	lock_take(&k->lock);
	if (now - k->burst_since > BURST_NS) {
		k->burst_since = now;
		k->burst = 0;
	}
	may = k->burst < BURST;
	k->burst++;
	lock_drop(&k->lock);
	return may;
}

bool klog_read(uint64_t seq, struct klog_line *out)
{
	struct klog *k = klog();
	struct record *r;
	uint32_t at;

	if (k == NULL)
		return false;
	lock_take(&k->lock);
	if (seq >= k->next || k->first == k->next) {
		lock_drop(&k->lock);
		return false;
	}
	seq = MAX(seq, k->first);
	at = k->hint_seq >= k->first && k->hint_seq <= seq ? k->hint_at : k->tail;
	for (r = record_at(k, at); r->seq != seq; r = record_at(k, at))
		at = after(k, at);
	k->hint_at = at;
	k->hint_seq = seq;
	*out = (struct klog_line){ .seq = seq, .time_ns = r->time_ns, .level = r->level, .facility = r->facility, .len = r->len };
	memcpy(out->text, r + 1, r->len);
	out->text[r->len] = '\0';
	lock_drop(&k->lock);
	return true;
}

uint64_t klog_first(void)
{
	struct klog *k = klog();

	return k != NULL ? __atomic_load_n(&k->first, __ATOMIC_ACQUIRE) : 0;
}

uint64_t klog_next(void)
{
	struct klog *k = klog();

	return k != NULL ? __atomic_load_n(&k->next, __ATOMIC_ACQUIRE) : 0;
}

uint64_t klog_cleared(void)
{
	struct klog *k = klog();

	return k != NULL ? __atomic_load_n(&k->cleared, __ATOMIC_ACQUIRE) : 0;
}

struct waitq *klog_waitq(void)
{
	struct klog *k = klog();

	return k != NULL ? &k->wq : NULL;
}

bool klog_allowed(struct lx_thread *t, bool all)
{
	return (all && sysctl_value(CTL_DMESG) == 0) || lx_capable(t, CAP_SYSLOG) || lx_capable(t, CAP_SYS_ADMIN);
}

/* ---- syslog(2) ---- */

#define PREFIX_MAX 40u

/* "<6>[    1.234567] text\n"; its length. */
static size_t format_line(const struct klog_line *l, char *out)
{
	size_t n = (size_t)fmt_snprintf(out, PREFIX_MAX, "<%u>[%5lu.%06lu] ", l->facility << 3 | l->level,
		(unsigned long)(l->time_ns / 1000000000u), (unsigned long)(l->time_ns % 1000000000u / 1000));

	memcpy(out + n, l->text, l->len);
	n += l->len;
	out[n++] = '\n';
	return n;
}

struct lines {
	struct klog_line line;
	char text[PREFIX_MAX + KLOG_LINE_MAX + 1];
};

static long wait_for(uint64_t seq, bool nonblock)
{
	struct waitq *wq = klog_waitq();
	long err = 0;

	if (wq == NULL)
		return -ENOMEM;
	if (klog_next() > seq)
		return 0;
	if (nonblock)
		return -EAGAIN;
	WAIT_EVENT(wq, DK_FOREVER, klog_next() > seq, err);
	return err;
}

/* What the line has behind byte off, as far as it fits. */
static size_t give_rest(struct klog *k, const struct lines *l, size_t size, struct gva buf, size_t *room)
{
	size_t n = MIN(size - MIN(size, k->read_off), *room);

	if (copy_out(buf, l->text + k->read_off, n) != 0)
		return 0;
	*room -= n;
	k->read_off += n;
	if (k->read_off >= size) {
		k->read_seq = l->line.seq + 1;
		k->read_off = 0;
	}
	return n;
}

long klog_syslog_read(struct gva buf, size_t size, bool nonblock)
{
	struct klog *k = klog();
	struct lines *l;
	size_t room = size;
	long err;

	if (k == NULL)
		return -ENOMEM;
	err = wait_for(k->read_seq, nonblock);
	if (err != 0 || size == 0)
		return err;
	l = heap_alloc_dirty(sizeof *l);
	if (l == NULL)
		return -ENOMEM;
	while (room > 0 && klog_read(k->read_seq, &l->line)) {
		if (l->line.seq != k->read_seq) { /* the one before was overwritten */
			k->read_seq = l->line.seq;
			k->read_off = 0;
		}
		if (give_rest(k, l, format_line(&l->line, l->text), gva_add(buf, size - room), &room) == 0)
			break;
	}
	heap_free(l);
	return room == size ? -EFAULT : (long)(size - room);
}

/* The last lines that fit, oldest first. */
static long read_all(struct gva buf, size_t size, uint64_t from)
{
	struct lines *l = heap_alloc_dirty(sizeof *l);
	size_t total = 0, done = 0;
	uint64_t seq, end = klog_next();
	long err = 0;

	if (l == NULL)
		return -ENOMEM;
	for (seq = from; seq < end && klog_read(seq, &l->line); seq = l->line.seq + 1)
		total += format_line(&l->line, l->text);
	for (seq = from; err == 0 && seq < end && klog_read(seq, &l->line); seq = l->line.seq + 1) {
		size_t n = format_line(&l->line, l->text);

		if (total > size) { /* too old to be shown */
			total -= n;
			continue;
		}
		if (n > size - done)
			break;
		err = copy_out(gva_add(buf, done), l->text, n);
		done += n;
	}
	heap_free(l);
	return err != 0 ? err : (long)done;
}

static long unread(void)
{
	struct klog *k = klog();
	struct lines *l = heap_alloc_dirty(sizeof *l);
	long n = 0;

	if (k == NULL || l == NULL) {
		heap_free(l);
		return -ENOMEM;
	}
	for (uint64_t seq = k->read_seq; klog_read(seq, &l->line); seq = l->line.seq + 1)
		n += (long)format_line(&l->line, l->text);
	n -= (long)MIN((uint64_t)n, k->read_off);
	heap_free(l);
	return n;
}

static void clear(void)
{
	struct klog *k = klog();

	if (k != NULL)
		__atomic_store_n(&k->cleared, klog_next(), __ATOMIC_RELEASE);
}

long lx_sys_syslog(struct lx_thread *t, int type, struct gva buf, int len)
{
	enum { CLOSE, OPEN, READ, READ_ALL, READ_CLEAR, CLEAR, CONSOLE_OFF, CONSOLE_ON, CONSOLE_LEVEL, UNREAD, SIZE };
	long ret;

	if (!klog_allowed(t, type == READ_ALL || type == SIZE))
		return -EPERM;
	switch (type) {
	case CLOSE:
	case OPEN:
	case CONSOLE_OFF: /* there is no console that records would go to */
	case CONSOLE_ON:
		return 0;
	case READ:
		return !buf.va || len < 0 ? -EINVAL : len == 0 ? 0 : klog_syslog_read(buf, (size_t)len, false);
	case READ_ALL:
	case READ_CLEAR:
		if (!buf.va || len < 0)
			return -EINVAL;
		ret = read_all(buf, (size_t)len, MAX(klog_first(), klog_cleared()));
		if (type == READ_CLEAR && ret >= 0)
			clear();
		return ret;
	case CLEAR:
		clear();
		return 0;
	case CONSOLE_LEVEL:
		return len < 1 || len > 8 ? -EINVAL : 0;
	case UNREAD:
		return unread();
	case SIZE:
		return RING_SIZE;
	default:
		return -EINVAL;
	}
}
