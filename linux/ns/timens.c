/* SPDX-License-Identifier: MIT */
/*
 * linux/ns/timens.c - time namespaces: CLOCK_MONOTONIC and CLOCK_BOOTTIME with an offset.
 *
 * Offsets are set through /proc/PID/timens_offsets before somebody is in the namespace, and never
 * change after that.  They are applied where a program reads a clock or names a point of time;
 * all deadlines inside linux/ are the host's.  The vDSO of a process in such a namespace
 * hands these clocks to the library OS (exec/vdso.c).
 */
#include "linux/fs/procfs.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"

#define NS 1000000000ll
#define OFFSET_MAX (INT64_MAX / 2)

static int64_t offset_of(const struct lx_thread *t, int clock)
{
	const struct ns *ns = ns_of(t, NS_TIME);

	switch (clock) {
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
		return ns->time.monotonic;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		return ns->time.boottime;
	default:
		return 0;
	}
}

uint64_t timens_add(const struct lx_thread *t, int clock, uint64_t ns)
{
	if (LIKELY(t->nsset == NULL))
		return ns;
	return ns + (uint64_t)offset_of(t, clock);
}

/* A point of time before the host's start of time has passed. */
uint64_t timens_sub(const struct lx_thread *t, int clock, uint64_t ns)
{
	int64_t off;

	if (LIKELY(t->nsset == NULL) || ns >= INT64_MAX)
		return ns;
	off = offset_of(t, clock);
	return off > 0 && ns < (uint64_t)off ? 0 : ns - (uint64_t)off;
}

/* ---- /proc/PID/timens_offsets ---- */

static struct ns *ns_of_ctx(struct node_ctx *c)
{
	struct ns *ns = NULL;

	lock_take(&lx_state()->tasklist);
	if (c->proc->leader && !c->proc->leader->ns_gone) {
		const struct nsset *s = c->proc->leader->nsset;

		ns = s ? s->time_children : ns_initial(NS_TIME);
		ns_get(ns);
	}
	lock_drop(&lx_state()->tasklist);
	return ns;
}

static void show_one(struct text *x, const char *name, int64_t ns)
{
	int64_t s = ns / NS, rest = ns % NS;

	if (rest < 0) {
		s--;
		rest += NS;
	}
	text_add(x, "%-10s %10ld %9ld\n", name, (long)s, (long)rest);
}

SHOW(timens_offsets)
{
	struct ns *ns = ns_of_ctx(c);

	if (!ns)
		return;
	show_one(x, "monotonic", ns->time.monotonic);
	show_one(x, "boottime", ns->time.boottime);
	ns_put(ns);
}

struct offsets {
	bool set[2];
	int64_t ns[2];
};

static const char *skip(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

static const char *word(const char *s, const char *name)
{
	size_t n = strlen(name);

	return str_starts(s, name) && (s[n] == ' ' || s[n] == '\t') ? skip(s + n) : NULL;
}

static const char *number(const char *s, int64_t *out)
{
	bool minus = *s == '-';
	uint64_t n = 0;

	s += minus;
	if (*s < '0' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (n > INT64_MAX / 10 - 1)
			return NULL;
		n = n * 10 + (uint64_t)(*s - '0');
	}
	*out = minus ? -(int64_t)n : (int64_t)n;
	return skip(s);
}

/* "monotonic SECONDS NANOSECONDS", or the clock by its number. */
static const char *line(const char *s, struct offsets *o, long *err)
{
	const char *at = word(skip(s), "monotonic");
	int64_t sec, nsec;
	int which = 0;

	*err = -EINVAL;
	if (!at)
		at = word(skip(s), "1");
	if (!at) {
		which = 1;
		at = word(skip(s), "boottime");
	}
	if (!at)
		at = word(skip(s), "7");
	at = at ? number(at, &sec) : NULL;
	at = at ? number(at, &nsec) : NULL;
	if (!at || (*at && *at != '\n') || nsec < 0 || nsec >= NS)
		return NULL;
	if (sec > OFFSET_MAX / NS || sec < -OFFSET_MAX / NS) {
		*err = -ERANGE;
		return NULL;
	}
	o->set[which] = true;
	o->ns[which] = sec * NS + nsec;
	return *at ? at + 1 : at;
}

/* Inside the namespace time may not be negative. */
static bool in_range(const struct offsets *o)
{
	uint64_t boot = 0;
	int64_t now[2] = { (int64_t)pico_now(), 0 };

	(void)DkSystemTimeQuery(DK_CLOCK_BOOTTIME, &boot);
	now[1] = (int64_t)boot;
	for (int i = 0; i < 2; i++)
		if (o->set[i] && (now[i] + o->ns[i] < 0 || o->ns[i] > OFFSET_MAX))
			return false;
	return true;
}

static long set(struct ns *ns, const struct offsets *o)
{
	long err = 0;

	lock_take(&lx_state()->tasklist);
	if (ns == ns_initial(NS_TIME) || ns->time.used)
		err = -EACCES;
	if (!err && o->set[0])
		ns->time.monotonic = o->ns[0];
	if (!err && o->set[1])
		ns->time.boottime = o->ns[1];
	lock_drop(&lx_state()->tasklist);
	return err;
}

long store_timens_offsets(struct node_ctx *c, char *text, size_t n)
{
	struct ns *ns = ns_of_ctx(c);
	struct offsets o = { 0 };
	const char *s = text;
	long err = ns ? 0 : -ESRCH;

	while (!err && *s) {
		const char *rest = line(s, &o, &err);

		if (!rest)
			break;
		err = 0;
		s = rest;
	}
	if (!err && !ns_capable(c->t, ns->user, CAP_SYS_TIME))
		err = -EPERM;
	if (!err && !in_range(&o))
		err = -ERANGE;
	if (!err)
		err = set(ns, &o);
	ns_put(ns);
	return err ? err : (long)n;
}
