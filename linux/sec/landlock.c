/* SPDX-License-Identifier: MIT */
/*
 * linux/sec/landlock.c - rulesets and domains: landlock_create_ruleset, landlock_add_rule,
 * landlock_restrict_self (their man pages).
 *
 * A ruleset is a file that rules are added to, under its lock; restricting oneself makes an
 * immutable copy of it, a domain, which is stacked upon the one there was.  Rules hold
 * dentries, never mounts, so that they do not keep anything mounted.
 */
#include "linux/sec/landlock.h"
#include "linux/fs/fs.h"
#include "linux/fs/io.h"
#include "linux/fs/mem.h"
#include "linux/misc/cred.h"
#include "linux/ns/ns.h"
#include "syscalls.gen.h"

#define CREATE_VERSION    1u
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT     2

struct ruleset {
	LOCK(SECCOMP) lock;
	uint32_t fs, net, scoped; /* [I] */
	uint32_t count, room;
	struct landlock_rule *rule;
	uint32_t nports, ports_room;
	struct landlock_port *port;
};

struct ruleset_attr { /* landlock_ruleset_attr */
	uint64_t fs, net, scoped;
};
struct beneath_attr { /* landlock_path_beneath_attr */
	uint64_t access;
	int32_t fd;
} __attribute__((packed));
struct port_attr { /* landlock_net_port_attr */
	uint64_t access, port;
};

void landlock_get(struct landlock_domain *d)
{
	if (d != NULL)
		ref_get(&d->ref);
}

static void drop_rules(struct landlock_rule *rule, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		dentry_put(rule[i].dentry);
}

void landlock_put(struct landlock_domain *d)
{
	while (d != NULL && ref_put(&d->ref)) {
		struct landlock_domain *parent = d->parent;

		drop_rules(d->rule, d->count);
		arena_free(d->port);
		arena_free(d);
		d = parent;
	}
}

/* ---- The ruleset's file ---- */

static void ruleset_free(struct ruleset *r)
{
	drop_rules(r->rule, r->count);
	arena_free(r->rule);
	arena_free(r->port);
	arena_free(r);
}

static void ruleset_release(struct file *f)
{
	if (f->object != NULL)
		ruleset_free(f->object);
}

extern const struct file_ops file_landlock_ops; /* fs/file_kinds.c lists it */
const struct file_ops file_landlock_ops = {
	.name = "landlock-ruleset",
	.release = ruleset_release,
};

/* The caller's struct, which may be longer if the rest is zero. */
static long attr_in(struct gva from, uint64_t size, struct ruleset_attr *a)
{
	uint8_t byte;

	*a = (struct ruleset_attr){ 0 };
	if (size < sizeof a->fs)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (copy_in(a, from, MIN(size, sizeof *a)))
		return -EFAULT;
	for (uint64_t at = sizeof *a; at < size; at++) {
		if (copy_in(&byte, gva_add(from, at), 1))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	if ((a->fs & ~(uint64_t)LL_FS_ALL) || (a->net & ~(uint64_t)LL_NET_ALL) || (a->scoped & ~(uint64_t)LL_SCOPE_ALL))
		return -EINVAL;
	return a->fs | a->net | a->scoped ? 0 : -ENOMSG;
}

long lx_sys_landlock_create_ruleset(struct lx_thread *t, struct gva attr, uint64_t size, uint32_t flags)
{
	struct ruleset_attr a;
	struct ruleset *r;
	struct file *f;
	long err;

	if (flags)
		return flags == CREATE_VERSION && !attr.va && !size ? LANDLOCK_ABI : -EINVAL;
	err = attr_in(attr, size, &a);
	if (err)
		return err;
	r = arena_alloc(sizeof *r);
	if (!r)
		return -ENOMEM;
	lock_init(&r->lock, LOCK_SECCOMP);
	r->fs = (uint32_t)a.fs;
	r->net = (uint32_t)a.net;
	r->scoped = (uint32_t)a.scoped;
	f = anon_file(FILE_LANDLOCK, O_RDWR, 0600, r);
	if (!f) {
		arena_free(r);
		return -ENOMEM;
	}
	return anon_fd(t, f, true);
}

/* ---- Rules ---- */

/* fd as a ruleset: its file with a reference, or NULL and *err. */
static struct file *ruleset_get(struct lx_thread *t, int fd, long *err)
{
	return fd_get_kind(t, fd, FILE_LANDLOCK, -EBADFD, err);
}

/* Room for one more than count in an array of things of that size. */
static bool grow(void **array, uint32_t count, uint32_t *room, uint32_t size)
{
	uint32_t more = *room ? *room * 2 : 8;
	void *new;

	if (count < *room)
		return true;
	new = arena_alloc((size_t)more * size);
	if (!new)
		return false;
	if (count)
		memcpy(new, *array, (size_t)count * size);
	arena_free(*array);
	*array = new;
	*room = more;
	return true;
}

/* A rule for d, or more rights for the one there is. */
static long add_rule(struct ruleset *r, struct dentry *d, uint32_t access)
{
	struct inode *i = d->inode;
	long err = 0;

	if (i->kind == INODE_MEM)
		mem_settle(i);
	lock_take(&r->lock);
	for (uint32_t k = 0; k < r->count; k++)
		if (r->rule[k].inode == i) {
			r->rule[k].access |= access;
			lock_drop(&r->lock);
			return 0;
		}
	if (grow((void **)&r->rule, r->count, &r->room, sizeof *r->rule)) {
		dentry_get(d);
		r->rule[r->count++] = (struct landlock_rule){ d, i, i->fs, i->dev, i->ino, access };
	} else {
		err = -ENOMEM;
	}
	lock_drop(&r->lock);
	return err;
}

/* Is what f is open on found by a name somewhere? */
static bool has_place(const struct file *f)
{
	const struct path *p = &f->path;

	return p->dentry && p->dentry->inode && !(p->dentry->flags & D_FILE) && p->mnt != vfs()->anon_mount &&
		p->mnt != lx_state()->nsfs && p->mnt->fs != vfs()->memfd_fs;
}

static long add_beneath(struct lx_thread *t, struct ruleset *r, struct gva attr)
{
	struct beneath_attr a;
	struct file *f;
	long err;

	if (copy_in(&a, attr, sizeof a))
		return -EFAULT;
	if (!a.access)
		return -ENOMSG;
	if (a.access & ~(uint64_t)r->fs)
		return -EINVAL;
	f = fd_get(t, a.fd);
	if (!f)
		return -EBADF;
	if (!has_place(f))
		err = -EBADFD;
	else if (!IS_DIR(f->path.dentry->inode) && (a.access & ~(uint64_t)LL_FS_FILE))
		err = -EINVAL;
	else
		err = add_rule(r, f->path.dentry, (uint32_t)a.access);
	file_put(f);
	return err;
}

static long add_port(struct ruleset *r, struct gva attr)
{
	struct port_attr a;
	long err = 0;

	if (copy_in(&a, attr, sizeof a))
		return -EFAULT;
	if (!a.access)
		return -ENOMSG;
	if ((a.access & ~(uint64_t)r->net) || a.port > UINT16_MAX)
		return -EINVAL;
	lock_take(&r->lock);
	if (grow((void **)&r->port, r->nports, &r->ports_room, sizeof *r->port))
		r->port[r->nports++] = (struct landlock_port){ (uint16_t)a.port, (uint16_t)a.access };
	else
		err = -ENOMEM;
	lock_drop(&r->lock);
	return err;
}

long lx_sys_landlock_add_rule(struct lx_thread *t, int fd, int type, struct gva attr, uint32_t flags)
{
	struct file *f;
	long err;

	if (flags)
		return -EINVAL;
	f = ruleset_get(t, fd, &err);
	if (!f)
		return err;
	err = type == RULE_PATH_BENEATH ? add_beneath(t, f->object, attr) : type == RULE_NET_PORT ? add_port(f->object, attr) : -EINVAL;
	file_put(f);
	return err;
}

/* ---- Domains ---- */

static struct landlock_domain *domain_make(struct ruleset *r, struct landlock_domain *parent)
{
	struct landlock_port *ports;
	struct landlock_domain *d;

	lock_take(&r->lock);
	d = arena_alloc(sizeof *d + r->count * sizeof d->rule[0]);
	ports = d && r->nports ? arena_alloc(r->nports * sizeof *ports) : NULL;
	if (d && r->nports && !ports) {
		arena_free(d);
		d = NULL;
	}
	if (d) {
		d->net = r->net;
		d->nports = r->nports;
		d->port = ports;
		if (ports)
			memcpy(ports, r->port, r->nports * sizeof *ports);
		ref_init(&d->ref);
		d->depth = parent ? parent->depth + 1 : 1;
		d->fs = r->fs ? r->fs | LL_REFER : 0;
		d->scoped = r->scoped;
		d->any_fs = d->fs | (parent ? parent->any_fs : 0);
		d->count = r->count;
		for (uint32_t i = 0; i < r->count; i++) {
			d->rule[i] = r->rule[i];
			/* A layer that does not speak of REFER denies it. */
			d->rule[i].access &= r->fs;
			dentry_get(d->rule[i].dentry);
		}
	}
	lock_drop(&r->lock);
	if (d) {
		d->parent = parent;
		landlock_get(parent);
	}
	return d;
}

long lx_sys_landlock_restrict_self(struct lx_thread *t, int fd, uint32_t flags)
{
	struct landlock_domain *old = t->cred.landlock, *d;
	struct lx_cred new = t->cred;
	struct file *f;
	long err;

	if (!t->cred.no_new_privs && !cap_own(t, CAP_SYS_ADMIN))
		return -EPERM;
	if (flags)
		return -EINVAL;
	f = ruleset_get(t, fd, &err);
	if (!f)
		return err;
	if (old && old->depth >= LANDLOCK_LAYERS) {
		file_put(f);
		return -E2BIG;
	}
	d = domain_make(f->object, old);
	file_put(f);
	if (!d)
		return -ENOMEM;
	new.landlock = d;
	cred_commit(t, &new);
	landlock_put(old); /* d has its own reference on it */
	return 0;
}
