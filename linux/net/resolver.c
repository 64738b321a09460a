/* SPDX-License-Identifier: MIT */
/*
 * linux/net/resolver.c - the sandbox's own name server.
 *
 * /etc/resolv.conf names 127.0.0.53, and what programs send there is answered by the library OS: from the cache at once, else by
 * asking the host's resolvers through a dns: stream.  That is kproc's work, so that nobody's thread waits, and an
 * asker that ends leaves nothing behind.  A question is in `fresh` until kproc has a stream for it, then in `asked`; both have
 * at most QUESTIONS_MOST together, more are answered SERVFAIL.
 *
 * Locks: R = resolver.lock (class IPC), held for list work only; `asked` is kproc's alone.  A question holds a reference on its socket.
 */
#include "linux/net/resolver.h"

#include "rt/fmt.h"
#include "rt/mem.h"

#define QUESTIONS_MOST 512u
#define CACHE_MOST     256u
#define CACHE_BUCKETS  64u
#define TTL_MOST       86400u
#define ASK_NS         15000000000ull /* longer than the host's resolvers are tried */
#define TEXT_ROOM      8192u

struct question {
	struct list link;
	struct sock *from;      /* a reference */
	struct inet_name at;    /* where it was sent to */
	struct dns_query q;
	dk_handle stream;
	uint64_t until;
	uint32_t used;
	char text[TEXT_ROOM];   /* the answer so far */
};

struct cached {
	struct list link, age;  /* [R] in a bucket; oldest first */
	uint64_t until;
	uint16_t type, rcode;
	uint32_t count, size;
	char name[DNS_TEXT_MAX];
	uint8_t data[];
};

struct resolver { /* struct outside's */
	LOCK(IPC) lock;
	_Atomic uint32_t count;          /* of questions */
	struct list fresh;               /* [R] */
	struct list asked;               /* [kproc] */
	struct list bucket[CACHE_BUCKETS], ages; /* [R] struct cached */
	uint32_t ncached;                /* [R] */
};

static const struct inet_addr server = { { [10] = 0xff, [11] = 0xff, [12] = 127, [13] = 0, [14] = 0, [15] = 53 } };

/* NULL: dns: was not granted, or no memory. */
static struct resolver *resolver(void)
{
	struct outside *o = lx_state()->outside;
	struct resolver *r = o != NULL && o->dns ? __atomic_load_n(&o->resolver, __ATOMIC_ACQUIRE) : NULL, *none = NULL;

	if (r != NULL || o == NULL || !o->dns)
		return r;
	r = arena_alloc(sizeof *r);
	if (r == NULL)
		return NULL;
	lock_init(&r->lock, LOCK_IPC);
	list_init(&r->fresh);
	list_init(&r->asked);
	list_init(&r->ages);
	for (uint32_t i = 0; i < CACHE_BUCKETS; i++)
		list_init(&r->bucket[i]);
	if (__atomic_compare_exchange_n(&o->resolver, &none, r, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return r;
	arena_free(r);
	return none;
}

bool resolver_is(uint64_t net, const struct inet_name *to)
{
	const struct outside *o = outside_conf(net);

	return UNLIKELY(o != NULL) && o->dns && to->port == 53 && inet_same(&to->addr, &server);
}

/* ---- The cache ---- */

static struct list *bucket_of(struct resolver *r, const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name != '\0'; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return &r->bucket[h % CACHE_BUCKETS];
}

static void forget(struct resolver *r, struct cached *c)
{
	list_remove(&c->link);
	list_remove(&c->age);
	r->ncached--;
	arena_free(c);
}

static bool from_cache(struct resolver *r, const struct dns_query *q, uint64_t now, struct dns_answer *a)
{
	bool found = false;

	lock_take(&r->lock);
	LIST_FOR(c, bucket_of(r, q->name), struct cached, link) {
		if (c->type != q->type || strcmp(c->name, q->name) != 0)
			continue;
		found = c->until > now;
		if (!found) {
			forget(r, c);
			break;
		}
		dns_begin(a, c->type, c->rcode, (uint32_t)((c->until - now) / 1000000000));
		a->count = c->count;
		a->size = c->size;
		memcpy(a->data, c->data, c->size);
		break;
	}
	lock_drop(&r->lock);
	return found;
}

static void to_cache(struct resolver *r, const struct dns_query *q, const struct dns_answer *a, uint64_t now)
{
	struct cached *c = a->ttl != 0 && a->rcode != DNS_SERVFAIL ? arena_alloc(sizeof *c + a->size) : NULL;

	if (c == NULL)
		return;
	c->until = now + (uint64_t)MIN(a->ttl, TTL_MOST) * 1000000000;
	c->type = q->type;
	c->rcode = a->rcode;
	c->count = a->count;
	c->size = a->size;
	str_copy(c->name, q->name, sizeof c->name);
	memcpy(c->data, a->data, a->size);
	lock_take(&r->lock);
	if (r->ncached == CACHE_MOST)
		forget(r, LIST_FIRST(&r->ages, struct cached, age));
	list_insert(bucket_of(r, c->name), &c->link);
	list_append(&r->ages, &c->age);
	r->ncached++;
	lock_drop(&r->lock);
}

/* ---- Answers ---- */

static void reply(struct sock *to, const struct inet_name *at, const struct dns_query *q, const struct dns_answer *a)
{
	struct packet *p = to->kind == SK_UDP ? arena_alloc(sizeof *p + DNS_UDP_MOST) : NULL;

	if (to->kind == SK_TCP)
		resolver_reply_stream(to, q, a);
	if (p == NULL)
		return;
	p->size = dns_build(q, a, p->data, MIN(q->room, DNS_UDP_MOST));
	p->from = inet_sock_name(at);
	p->to = to->addr.in;
	p->ttl = 64;
	if (!udp_deliver(to, p))
		arena_free(p);
}

static void reply_code(struct sock *to, const struct inet_name *at, const struct dns_query *q, uint16_t code)
{
	struct dns_answer *a = heap_alloc(sizeof *a);

	if (a == NULL)
		return;
	dns_begin(a, q->type, code, 0);
	reply(to, at, q, a);
	heap_free(a);
}

/* ---- Text of a dns: stream ---- */

struct word {
	const char *at;
	uint32_t size;
};

static bool is_word(const struct word *w, const char *s)
{
	return w->size == strlen(s) && memcmp(w->at, s, w->size) == 0;
}

static uint32_t number_of(const struct word *w)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < w->size && w->at[i] >= '0' && w->at[i] <= '9' && n < UINT32_MAX; i++)
		n = n * 10 + (uint64_t)(w->at[i] - '0');
	return (uint32_t)MIN(n, (uint64_t)UINT32_MAX);
}

/* The next line's three words; where the line after it begins, or NULL. */
static const char *next_line(const char *at, const char *end, struct word w[3])
{
	for (int i = 0; i < 3; i++) {
		w[i].at = at;
		while (at < end && *at != '\n' && !(i < 2 && *at == ' '))
			at++;
		w[i].size = (uint32_t)(at - w[i].at);
		if (i < 2 && (at == end || *at++ != ' '))
			return NULL;
	}
	return at < end ? at + 1 : NULL;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : 0;
}

/* Data in hex. */
static void add_raw(struct dns_answer *a, const struct word *value)
{
	uint8_t *data = heap_alloc(value->size / 2 + 1);

	for (uint32_t i = 0; data != NULL && i + 1 < value->size; i += 2)
		data[i / 2] = (uint8_t)(nibble(value->at[i]) << 4 | nibble(value->at[i + 1]));
	if (data != NULL)
		(void)dns_add(a, data, value->size / 2);
	heap_free(data);
}

static void add_record(struct dns_answer *a, const struct word *value)
{
	char name[DNS_TEXT_MAX];
	struct inet_addr addr;

	if (a->type == DNS_PTR || a->type == DNS_CNAME) {
		if (value->size >= sizeof name)
			return;
		memcpy(name, value->at, value->size);
		name[value->size] = '\0';
		(void)dns_add_name(a, name);
	} else if (a->type != DNS_A && a->type != DNS_AAAA) {
		add_raw(a, value);
	} else if (inet_text_in(value->at, value->size, &addr) && inet_is4(&addr) == (a->type == DNS_A)) {
		(void)dns_add(a, a->type == DNS_A ? addr.b + 12 : addr.b, a->type == DNS_A ? 4 : 16);
	}
}

/* As it is asked for, and as its records are called. */
static void type_name(char out[8], uint16_t type)
{
	const char *name = type == DNS_A ? "a" : type == DNS_AAAA ? "aaaa" : type == DNS_PTR ? "ptr" : type == DNS_CNAME ? "cname" : NULL;

	if (name != NULL)
		str_copy(out, name, 8);
	else
		(void)fmt_snprintf(out, 8, "%u", type);
}

static void read_text(const char *text, uint32_t size, uint16_t type, struct dns_answer *a)
{
	const char *at = text, *end = text + size;
	char name[8];
	struct word w[3];

	type_name(name, type);
	dns_begin(a, type, DNS_SERVFAIL, 0);
	while (at != NULL && at < end) {
		at = next_line(at, end, w);
		if (at == NULL)
			break;
		if (is_word(&w[0], "rcode")) {
			a->rcode = (uint16_t)(number_of(&w[2]) & 15);
			a->ttl = number_of(&w[1]);
		} else if (is_word(&w[0], name)) {
			a->ttl = MIN(a->ttl, number_of(&w[1]));
			add_record(a, &w[2]);
		}
	}
}

/* ---- Asking ---- */

static void ask_later(struct resolver *r, struct sock *s, const struct inet_name *at, const struct dns_query *q)
{
	struct question *x = atomic_load(&r->count) < QUESTIONS_MOST ? arena_alloc(sizeof *x) : NULL;

	if (x == NULL) {
		reply_code(s, at, q, DNS_SERVFAIL);
		return;
	}
	x->from = s;
	sock_get(s);
	x->at = *at;
	x->q = *q;
	atomic_fetch_add(&r->count, 1);
	lock_take(&r->lock);
	list_append(&r->fresh, &x->link);
	lock_drop(&r->lock);
	kproc_need();
	kproc_kick();
}

void resolver_ask(struct sock *s, const struct inet_name *at, const void *question, uint32_t size)
{
	struct resolver *r = resolver();
	struct dns_query *q = r != NULL ? heap_alloc(sizeof *q) : NULL;
	struct dns_answer *a = q != NULL ? heap_alloc(sizeof *a) : NULL;
	int code = a != NULL ? dns_parse(question, size, q) : -1;

	if (code > DNS_NOERROR)
		reply_code(s, at, q, (uint16_t)code);
	else if (code == DNS_NOERROR && (dns_local(q, a) || from_cache(r, q, pico_now(), a)))
		reply(s, at, q, a);
	else if (code == DNS_NOERROR)
		ask_later(r, s, at, q);
	heap_free(a);
	heap_free(q);
}

/* ---- kproc ---- */

static bool open_question(struct question *x)
{
	char uri[DNS_TEXT_MAX + INET_TEXT_MAX + 24], place[INET_TEXT_MAX], type[8];
	struct inet_addr addr;

	if (x->q.type == DNS_PTR) {
		if (!dns_reverse(x->q.name, addr.b))
			return false;
		inet_text_addr(place, &addr);
	}
	type_name(type, x->q.type);
	(void)fmt_snprintf(uri, sizeof uri, "dns:%s?type=%s", x->q.type == DNS_PTR ? place : x->q.name, type);
	return outside_open(uri, &x->stream, NULL) == 0;
}

/* Reads what is there.  True: it is over. */
static bool read_more(struct question *x)
{
	for (;;) {
		struct dk_segment seg = { x->text + x->used, sizeof x->text - x->used };
		uint64_t done = 0;
		enum dk_status status;

		if (seg.size == 0)
			return true;
		status = DkStreamRead(x->stream, DK_OFFSET_NONE, &seg, 1, DK_IO_NONBLOCK, &done);
		if (status == DK_AGAIN)
			return false;
		if (status != DK_OK || done == 0)
			return true;
		x->used += (uint32_t)done;
	}
}

static void finish(struct resolver *r, struct question *x, uint64_t now)
{
	struct dns_answer *a = heap_alloc(sizeof *a);

	if (a != NULL) {
		read_text(x->text, x->used, x->q.type, a);
		to_cache(r, &x->q, a, now);
		reply(x->from, &x->at, &x->q, a);
	}
	heap_free(a);
	if (x->stream != DK_NO_HANDLE)
		(void)DkObjectClose(x->stream);
	list_remove(&x->link);
	sock_put(x->from);
	arena_free(x);
	atomic_fetch_sub(&r->count, 1);
}

/* Questions that have come get their streams. */
static void begin_fresh(struct resolver *r, uint64_t now)
{
	for (;;) {
		struct question *x = NULL;

		lock_take(&r->lock);
		if (!list_empty(&r->fresh)) {
			x = LIST_FIRST(&r->fresh, struct question, link);
			list_remove(&x->link);
		}
		lock_drop(&r->lock);
		if (x == NULL)
			return;
		x->until = now + ASK_NS;
		if (open_question(x))
			list_append(&r->asked, &x->link);
		else
			finish(r, x, now);
	}
}

uint64_t resolver_run(uint64_t now, dk_handle *events, uint32_t *n, uint32_t room)
{
	struct outside *o = lx_state()->outside;
	struct resolver *r = o != NULL ? __atomic_load_n(&o->resolver, __ATOMIC_ACQUIRE) : NULL;
	uint64_t next = DK_FOREVER;

	if (r == NULL)
		return next;
	begin_fresh(r, now);
	LIST_FOR_SAFE(x, after, &r->asked, struct question, link) {
		if (read_more(x) || now >= x->until) {
			finish(r, x, now);
			continue;
		}
		next = MIN(next, x->until);
		if (*n < room && DkStreamGetEvent(x->stream, DK_EVENT_READ, &events[*n]) == DK_OK)
			++*n;
		else
			next = MIN(next, now + 20000000);
	}
	return next;
}
