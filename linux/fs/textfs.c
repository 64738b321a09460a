/* SPDX-License-Identifier: MIT */
/* linux/fs/textfs.c - names and inodes of /proc and /sys; see textfs.h. */
#include "linux/fs/textfs.h"

#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"

/* ---- Nodes ---- */

static const struct text_fs *fs_of(const struct inode *i)
{
	return i->kind == INODE_PROC ? &procfs : &sysfs;
}

const struct text_node *text_node_of(const struct inode *i)
{
	return &fs_of(i)->node[i->priv[T_NODE]];
}

uint32_t text_find_pattern(const struct text_fs *fs, uint32_t dir)
{
	for (uint32_t n = 0; n < fs->count; n++)
		if (fs->node[n].parent == dir && !fs->node[n].name)
			return n;
	return 0;
}

/* False: it is about a process that is gone.  End with ctx_done. */
bool text_ctx_init(struct node_ctx *c, struct lx_thread *t, const struct inode *i)
{
	*c = (struct node_ctx){ .t = t, .pid_ns = i->kind == INODE_PROC && i->fs ? (struct ns *)i->fs->priv[0] : NULL };
	c->key = (struct node_key){ (uint32_t)i->priv[T_NODE], (int)i->priv[T_PID], (int)i->priv[T_TID],
		(uint32_t)i->priv[T_ROUND], i->priv[T_NUM] };
	if (!c->key.pid)
		return true;
	c->proc = proc_get_global(c->key.pid);
	if (c->proc && c->proc->pid_round != c->key.round) {
		proc_put(c->proc);
		c->proc = NULL; /* the number is another's now */
	}
	return c->proc != NULL;
}

static bool may_see(struct node_ctx *c, const struct text_node *n)
{
	return !n->access || !c->proc || proc_may_access(c->t, c->proc, ACCESS_FS | (n->access == TEXT_ATTACH ? ACCESS_ATTACH : ACCESS_READ));
}

void text_ctx_done(struct node_ctx *c)
{
	if (c->proc)
		proc_put(c->proc);
}

static uint64_t ino_of(const struct node_key *k)
{
	uint64_t task = (uint64_t)(k->tid ? k->tid : k->pid) ^ (k->round * 0x5bd1u & 0x3fffff);

	return 2 + k->node + (task << 10) + (k->num << 36);
}

static void own(struct inode *i, struct node_ctx *c)
{
	if (!c->proc)
		return;
	lock_take(&lx_state()->tasklist);
	if (c->proc->leader) {
		i->uid = c->proc->leader->cred.euid;
		i->gid = c->proc->leader->cred.egid;
	}
	lock_drop(&lx_state()->tasklist);
}

static struct inode *make_inode(struct mount_fs *fs, const struct text_node *n, struct node_ctx *c)
{
	struct inode *i = special_inode(fs, n->mode, ino_of(&c->key));

	if (!i)
		return NULL;
	i->priv[T_NODE] = c->key.node;
	i->priv[T_PID] = (uint64_t)c->key.pid;
	i->priv[T_TID] = (uint64_t)c->key.tid;
	i->priv[T_NUM] = c->key.num;
	i->priv[T_ROUND] = c->key.round;
	if (n->mode_of)
		i->mode = (i->mode & S_IFMT) | n->mode_of(c);
	if (fs->kind == INODE_SYS && S_IFMT_(n->mode) == S_IFREG)
		i->size = PAGE_SIZE; /* as Linux says */
	own(i, c);
	return i;
}

/* The root's node is the one that is directory TEXT_ROOT. */
static struct inode *text_root(struct mount_fs *fs, const char *data)
{
	const struct text_fs *tf = fs->kind == INODE_PROC ? &procfs : &sysfs;
	struct node_ctx c = { 0 };
	struct inode *i;

	for (uint32_t n = 0; n < tf->count; n++)
		if (tf->node[n].dir == TEXT_ROOT)
			c.key.node = n;
	i = make_inode(fs, &tf->node[c.key.node], &c);
	if (i)
		i->ino = 1;
	if (i && fs->kind == INODE_PROC && lx_current()->proc->pid_ns) {
		ns_get(lx_current()->proc->pid_ns);
		fs->priv[0] = lx_current()->proc->pid_ns; /* mount_fs_put gives it back */
	}
	return i;
}

static bool find_static(const struct text_fs *tf, uint32_t dir, const char *name, uint32_t len, uint32_t *out)
{
	for (uint32_t n = 0; n < tf->count; n++) {
		const struct text_node *node = &tf->node[n];

		if (node->parent == dir && node->name && strlen(node->name) == len && !memcmp(node->name, name, len)) {
			*out = n;
			return true;
		}
	}
	return false;
}

static long text_lookup(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct lookup *hint,
	struct inode **out, uint64_t *valid_until)
{
	const struct text_fs *tf = fs_of(dir->inode);
	uint32_t d = text_node_of(dir->inode)->dir, n = 0;
	struct node_ctx c;
	bool found;

	*out = NULL;
	*valid_until = 0;
	if (!text_ctx_init(&c, t, dir->inode))
		return -ENOENT;
	found = find_static(tf, d, name, len, &n);
	if (found)
		c.key.node = n;
	else if (tf->find)
		found = tf->find(&c, d, name, len, &c.key);
	if (found && c.key.pid && !c.proc)
		c.proc = proc_get_global(c.key.pid);
	if (found && !c.key.pid)
		*valid_until = UINT64_MAX;
	if (found && (!c.key.pid || c.proc))
		*out = make_inode(dir->inode->fs, &tf->node[c.key.node], &c);
	text_ctx_done(&c);
	return found && !*out ? -ENOENT : 0;
}

static uint32_t type_of(const struct text_node *n)
{
	return n->mode >> 12 & 15;
}

/* Positions: 2 + node of the fixed names, then PATTERN + number. */
#define PATTERN 65536u

static bool list_static(const struct text_fs *tf, uint32_t d, struct node_ctx *c, uint64_t *pos, struct dir_emit *e)
{
	for (; *pos < 2ull + tf->count; ++*pos) {
		const struct text_node *n = &tf->node[*pos - 2];
		struct node_key key = c->key;

		key.node = (uint32_t)*pos - 2;
		if (n->parent == d && n->name &&
			!e->emit(e, n->name, (uint32_t)strlen(n->name), ino_of(&key), type_of(n), *pos + 1))
			return false;
	}
	if (*pos < PATTERN)
		*pos = PATTERN;
	return true;
}

static long text_readdir(struct lx_thread *t, struct dentry *dir, uint64_t *pos, struct dir_emit *e)
{
	const struct text_fs *tf = fs_of(dir->inode);
	uint32_t d = text_node_of(dir->inode)->dir;
	struct node_ctx c;
	char name[24];

	if (!text_ctx_init(&c, t, dir->inode))
		return -ENOENT;
	if (list_static(tf, d, &c, pos, e) && tf->next) {
		uint64_t at = *pos - PATTERN;
		struct node_key key = c.key;

		while (tf->next(&c, d, &at, &key, name, sizeof name)) {
			if (!e->emit(e, name, (uint32_t)strlen(name), ino_of(&key), type_of(&tf->node[key.node]), PATTERN + at))
				break;
			*pos = PATTERN + at;
			key = c.key;
		}
	}
	text_ctx_done(&c);
	return 0;
}

static long text_readlink(struct lx_thread *t, struct inode *i, char *buf, size_t size)
{
	const struct text_node *n = text_node_of(i);
	struct node_ctx c;
	long len;

	if (n->text) {
		len = (long)MIN(strlen(n->text), size);
		memcpy(buf, n->text, (size_t)len);
		return len;
	}
	if (!n->readlink || !text_ctx_init(&c, t, i))
		return n->readlink ? -ENOENT : -EINVAL;
	len = may_see(&c, n) ? n->readlink(&c, buf, size) : -EACCES;
	text_ctx_done(&c);
	return len;
}

static long text_follow(struct lx_thread *t, struct inode *i, struct path *out, struct file **file)
{
	const struct text_node *n = text_node_of(i);
	struct node_ctx c;
	long err;

	if (!n->follow)
		return -ENOLINK;
	if (!text_ctx_init(&c, t, i))
		return -ENOENT;
	err = may_see(&c, n) ? n->follow(&c, out, file) : -EACCES;
	text_ctx_done(&c);
	return err;
}

static long text_open(struct lx_thread *t, struct dentry *d, struct file *f)
{
	const struct text_node *n = text_node_of(f->inode);
	struct node_ctx c;
	bool may;

	if (!text_ctx_init(&c, t, f->inode))
		return n->dir ? -ENOENT : -ESRCH;
	may = may_see(&c, n);
	c.file = f;
	if (may && n->poll)
		(void)n->poll(&c, NULL);
	text_ctx_done(&c);
	if (!may)
		return -EACCES;
	f->kind = n->dir ? FILE_DIR : FILE_PROC;
	return 0;
}

/* Truncating what takes a setting does nothing: sh's "echo 1 > file" does it. */
static long text_setattr(struct lx_thread *t, struct dentry *d, const struct inode_attr *a)
{
	if (a->valid & (IATTR_MODE | IATTR_UID | IATTR_GID))
		return -EPERM;
	return 0;
}

const struct inode_ops inode_proc_ops = {
	.name = "proc",
	.root = text_root,
	.lookup = text_lookup,
	.readdir = text_readdir,
	.readlink = text_readlink,
	.follow = text_follow,
	.open = text_open,
	.setattr = text_setattr,
};
const struct inode_ops inode_sys_ops = {
	.name = "sysfs",
	.root = text_root,
	.lookup = text_lookup,
	.readdir = text_readdir,
	.readlink = text_readlink,
	.open = text_open,
	.setattr = text_setattr,
};

int text_process_dir(const struct file *f)
{
	const struct inode *i = f->inode;
	const struct text_node *n;
	struct node_ctx c;

	if (!i || i->kind != INODE_PROC || i->priv[T_TID])
		return 0;
	n = &procfs.node[i->priv[T_NODE]];
	if (n->parent != TEXT_ROOT || n->name)
		return 0;
	if (!text_ctx_init(&c, lx_current(), i))
		return -ESRCH;
	text_ctx_done(&c);
	return c.key.pid;
}
