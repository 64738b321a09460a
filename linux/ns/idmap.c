/* SPDX-License-Identifier: MIT */
/*
 * linux/ns/idmap.c - /proc/PID/uid_map, gid_map, projid_map and setgroups: what
 * user_namespaces(7) says of who may write them, and what.
 *
 * A map is written once, as a whole: the extents are made first, then the count is set,
 * which readers look at without a lock.  It names ids of the parent namespace, which are
 * looked up there and kept as global ones, so that a translation is one look-up however deep
 * namespaces are nested.
 */
#include "linux/fs/procfs.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"

#define EXTENTS_MAX 340u

static const int map_cap[MAPS] = { CAP_SETUID, CAP_SETGID, CAP_SYS_ADMIN };

/* The user namespace of the process that the file is about, a reference. */
static struct ns *ns_of_ctx(struct node_ctx *c)
{
	struct ns *ns = NULL;

	lock_take(&lx_state()->tasklist);
	if (c->proc->leader) {
		ns = user_ns_of(c->proc->leader);
		ns_get(ns);
	}
	lock_drop(&lx_state()->tasklist);
	return ns;
}

/* ---- Showing ---- */

/* As the reader's namespace numbers the other side; its own map in the parent's numbers. */
SHOW(id_map)
{
	unsigned which = procfs.node[c->key.node].arg;
	struct ns *ns = ns_of_ctx(c), *reader = user_ns_of(c->t);
	struct id_map *m;

	if (!ns)
		return;
	if (reader == ns && reader->level)
		reader = ns->user;
	m = &ns->u.map[which];
	if (ns->level == 0)
		text_add(x, "%10u %10u %10u\n", 0u, 0u, UINT32_MAX);
	for (uint32_t i = 0, n = __atomic_load_n(&m->count, __ATOMIC_ACQUIRE); ns->level && i < n; i++)
		text_add(x, "%10u %10u %10u\n", m->extent[i].inside, id_from_global(reader, which, m->extent[i].global), m->extent[i].count);
	ns_put(ns);
}

SHOW(setgroups)
{
	struct ns *ns = ns_of_ctx(c);

	if (!ns)
		return;
	text_add(x, ns->level && ns->u.setgroups_denied ? "deny\n" : "allow\n");
	ns_put(ns);
}

/* ---- Writing ---- */

static const char *number_in(const char *s, uint32_t *out)
{
	uint64_t n = 0;

	while (*s == ' ' || *s == '\t')
		s++;
	if (*s < '0' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++) {
		n = n * 10 + (uint64_t)(*s - '0');
		if (n > UINT32_MAX)
			return NULL;
	}
	*out = (uint32_t)n;
	return s;
}

static bool overlap(uint32_t a, uint32_t b, const struct id_extent *x, const struct id_extent *y)
{
	return (uint64_t)a < (uint64_t)b + y->count && (uint64_t)b < (uint64_t)a + x->count;
}

static const char *line_in(const char *s, struct id_extent *e, const struct id_extent *before, uint32_t n)
{
	s = number_in(s, &e->inside);
	s = s ? number_in(s, &e->parent) : NULL;
	s = s ? number_in(s, &e->count) : NULL;
	while (s && (*s == ' ' || *s == '\t'))
		s++;
	if (!s || (*s && *s != '\n') || !e->count || e->inside == NO_ID || e->parent == NO_ID)
		return NULL;
	if (e->count - 1 >= NO_ID - e->inside || e->count - 1 >= NO_ID - e->parent)
		return NULL;
	for (uint32_t i = 0; i < n; i++)
		if (overlap(e->inside, before[i].inside, e, &before[i]) || overlap(e->parent, before[i].parent, e, &before[i]))
			return NULL;
	return *s ? s + 1 : s;
}

/* The extents of a text, from the heap; NULL: it is wrong, or there is no memory. */
static struct id_extent *parse(const char *s, uint32_t *count, long *err)
{
	struct id_extent *e = heap_alloc(EXTENTS_MAX * sizeof *e);

	*err = -ENOMEM;
	*count = 0;
	while (e && *s) {
		s = *count < EXTENTS_MAX ? line_in(s, &e[*count], e, *count) : NULL;
		if (!s)
			break;
		++*count;
	}
	if (!e || (s && *count))
		return e;
	*err = -EINVAL;
	heap_free(e);
	return NULL;
}

/* The parent's root, who may give files capabilities, comes in by who may do that: from inside, if the namespace's
   maker could. */
static bool may_map_root(struct lx_thread *t, struct ns *ns, const struct id_extent *e, uint32_t n)
{
	uint32_t i = 0;

	while (i < n && e[i].parent != 0)
		i++;
	if (i == n)
		return true;
	return user_ns_of(t) == ns ? ns->u.parent_setfcap : ns_capable(t, ns->user, CAP_SETFCAP);
}

/* What one may map without privilege: oneself, or anything with the capability in the parent. */
static bool may_map(struct lx_thread *t, struct ns *ns, unsigned which, const struct id_extent *e, uint32_t n)
{
	if (which == MAP_UID && !may_map_root(t, ns, e, n))
		return false;
	if (n == 1 && e->count == 1 && ns->owner == t->cred.euid) {
		uint32_t id = id_to_global(ns->user, which, e->parent);

		if (which == MAP_UID && id == t->cred.euid)
			return true;
		if (which == MAP_GID && ns->u.setgroups_denied && id == t->cred.egid)
			return true;
	}
	if (which == MAP_PROJID)
		return true;
	return ns_capable(t, ns->user, map_cap[which]);
}

static bool to_global(struct ns *ns, unsigned which, struct id_extent *e, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t last;

		e[i].global = id_to_global(ns->user, which, e[i].parent);
		last = id_to_global(ns->user, which, e[i].parent + (e[i].count - 1));
		if (e[i].global == NO_ID || last == NO_ID || last - e[i].global != e[i].count - 1)
			return false;
	}
	return true;
}

static long set_map(struct ns *ns, unsigned which, const struct id_extent *e, uint32_t n)
{
	struct id_extent *own = arena_alloc(n * sizeof *own);
	long err = own ? 0 : -ENOMEM;

	if (own)
		memcpy(own, e, n * sizeof *own);
	lock_take(&lx_state()->tasklist);
	if (!err && ns->u.map[which].count)
		err = -EPERM;
	if (!err) {
		ns->u.map[which].extent = own;
		__atomic_store_n(&ns->u.map[which].count, n, __ATOMIC_RELEASE);
	}
	lock_drop(&lx_state()->tasklist);
	if (err)
		arena_free(own);
	return err;
}

static long store_in(struct lx_thread *t, struct ns *ns, unsigned which, const char *text)
{
	const struct ns *writer = user_ns_of(t);
	struct id_extent *e;
	uint32_t n;
	long err;

	if (ns->level == 0 || ns->u.map[which].count || (writer != ns && writer != ns->user))
		return -EPERM;
	if (!ns_capable(t, ns, map_cap[which]))
		return -EPERM;
	e = parse(text, &n, &err);
	if (!e)
		return err;
	if (!may_map(t, ns, which, e, n) || !to_global(ns, which, e, n))
		err = -EPERM;
	else
		err = set_map(ns, which, e, n);
	heap_free(e);
	return err;
}

long store_id_map(struct node_ctx *c, char *text, size_t n)
{
	struct ns *ns = ns_of_ctx(c);
	long err;

	if (!ns)
		return -ESRCH;
	err = store_in(c->t, ns, procfs.node[c->key.node].arg, text);
	ns_put(ns);
	return err ? err : (long)n;
}

/* "deny" before gid_map is written; "allow" never where it was denied. */
long store_setgroups(struct node_ctx *c, char *text, size_t n)
{
	struct ns *ns = ns_of_ctx(c);
	size_t len = strlen(text);
	bool deny;
	long err = 0;

	if (!ns)
		return -ESRCH;
	while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
		text[--len] = '\0';
	deny = strcmp(text, "deny") == 0;
	if (!ns_capable(c->t, ns, CAP_SYS_ADMIN))
		err = -EACCES;
	else if (!deny && strcmp(text, "allow") != 0)
		err = -EINVAL;
	lock_take(&lx_state()->tasklist);
	if (!err && (deny ? ns->level == 0 || ns->u.map[MAP_GID].count : ns->u.setgroups_denied))
		err = -EPERM;
	if (!err && deny)
		ns->u.setgroups_denied = true;
	lock_drop(&lx_state()->tasklist);
	ns_put(ns);
	return err ? err : (long)n;
}

/* ---- /proc/sys/user ---- */

SHOW(user_max)
{
	text_add(x, "%u\n", user_ns_of(c->t)->u.max[procfs.node[c->key.node].arg]);
}

long store_user_max(struct node_ctx *c, char *text, size_t n)
{
	struct ns *ns = user_ns_of(c->t);
	uint32_t value;

	if (!ns_capable(c->t, ns, CAP_SYS_RESOURCE))
		return -EPERM;
	if (!number_in(text, &value) || value > INT32_MAX)
		return -EINVAL;
	__atomic_store_n(&ns->u.max[procfs.node[c->key.node].arg], value, __ATOMIC_RELAXED);
	return (long)n;
}
