/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/fsoptions.c - options of file systems ("size=1m,mode=755"): which there are, and
 * what those of tmpfs do; an overlay mount's are ovl_mount.c's.  Options of the others are known by name, and mean nothing.
 */
#include "linux/fs/mount.h"
#include "linux/fs/mem.h"
#include "linux/fs/ovl.h"
#include "linux/fs/textfs.h"

const char *fs_option_next(const char *s, struct fs_option *o)
{
	const char *end, *eq;

	while (*s == ',')
		s++;
	if (*s == '\0')
		return NULL;
	for (end = s; *end != '\0' && *end != ','; end++)
		if (*end == '\\' && end[1] != '\0')
			end++;
	eq = strchr(s, '=');
	if (eq == NULL || eq > end)
		eq = end;
	*o = (struct fs_option){ s, eq < end ? eq + 1 : end, (size_t)(eq - s), 0 };
	o->value_len = (size_t)(end - o->value);
	return end;
}

bool fs_option_is(const struct fs_option *o, const char *name)
{
	return strlen(name) == o->len && memcmp(o->name, name, o->len) == 0;
}

/* ---- tmpfs ---- */

enum mem_option { OPT_NONE, OPT_SIZE, OPT_BLOCKS, OPT_INODES, OPT_MODE, OPT_UID, OPT_GID, OPT_OTHER };

static enum mem_option mem_option(const struct fs_option *o)
{
	static const struct { const char *name; enum mem_option opt; } names[] = {
		{ "size", OPT_SIZE }, { "nr_blocks", OPT_BLOCKS }, { "nr_inodes", OPT_INODES }, { "mode", OPT_MODE }, { "uid", OPT_UID },
		{ "gid", OPT_GID }, { "huge", OPT_OTHER }, { "mpol", OPT_OTHER }, { "inode64", OPT_OTHER }, { "inode32", OPT_OTHER },
		{ "noswap", OPT_OTHER }, { "source", OPT_OTHER },
	};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (fs_option_is(o, names[i].name))
			return names[i].opt;
	return OPT_NONE;
}

static bool digits(const struct fs_option *o, int base, uint64_t *out, size_t *used)
{
	size_t i = 0;

	*out = 0;
	for (; i < o->value_len && o->value[i] >= '0' && o->value[i] < '0' + base; i++) {
		if (*out > UINT64_MAX / 16)
			return false;
		*out = *out * (uint64_t)base + (uint64_t)(o->value[i] - '0');
	}
	*used = i;
	return i != 0;
}

/* A number with k, m, g or % behind. */
static bool sized(const struct fs_option *o, uint64_t whole, uint64_t *out)
{
	size_t used;
	char unit;

	if (!digits(o, 10, out, &used) || used + 1 < o->value_len)
		return false;
	if (used == o->value_len)
		return true;
	unit = o->value[used] | 32;
	if (o->value[used] == '%')
		*out = whole / 100 * *out;
	else if (unit == 'k' || unit == 'm' || unit == 'g')
		*out <<= unit == 'k' ? 10 : unit == 'm' ? 20 : 30;
	else
		return false;
	return true;
}

static bool number_of(const struct fs_option *o, enum mem_option opt, uint64_t *n)
{
	size_t used;

	switch (opt) {
	case OPT_SIZE:
		return sized(o, lx_state()->memtotal, n);
	case OPT_BLOCKS:
	case OPT_INODES:
		return sized(o, 0, n);
	case OPT_MODE:
		return digits(o, 8, n, &used) && used == o->value_len;
	case OPT_UID:
	case OPT_GID:
		return digits(o, 10, n, &used) && used == o->value_len && *n < NO_ID;
	default:
		return opt == OPT_OTHER;
	}
}

long mem_options_check(const char *data)
{
	struct lx_thread *t = lx_current();
	struct fs_option o;
	uint64_t n = 0;

	while (data != NULL && (data = fs_option_next(data, &o)) != NULL) {
		enum mem_option opt = mem_option(&o);

		if (!number_of(&o, opt, &n))
			return -EINVAL;
		if ((opt == OPT_UID && uid_in(t, (uint32_t)n) == NO_ID) || (opt == OPT_GID && gid_in(t, (uint32_t)n) == NO_ID))
			return -EINVAL;
	}
	return 0;
}

void mem_root_options(struct mount_fs *fs, struct inode *root, const char *data)
{
	struct lx_thread *t = lx_current();
	struct fs_option o;
	uint64_t n;

	root->uid = t != NULL ? t->cred.fsuid : 0;
	root->gid = t != NULL ? t->cred.fsgid : 0;
	while (data != NULL && (data = fs_option_next(data, &o)) != NULL) {
		enum mem_option opt = mem_option(&o);

		if (!number_of(&o, opt, &n))
			continue;
		if (opt == OPT_SIZE)
			fs->limit_pages = (n + PAGE_SIZE - 1) >> PAGE_SHIFT;
		else if (opt == OPT_BLOCKS)
			fs->limit_pages = n;
		else if (opt == OPT_INODES && strcmp(fs->type, "ramfs") != 0)
			fs->limit_inodes = n;
		else if (opt == OPT_MODE)
			root->mode = S_IFDIR | ((uint32_t)n & 07777);
		else if (opt == OPT_UID)
			root->uid = uid_in(t, (uint32_t)n);
		else if (opt == OPT_GID)
			root->gid = gid_in(t, (uint32_t)n);
	}
	if (fs->limit_inodes != 0)
		atomic_store(&fs->inodes, 1);
	if (strcmp(fs->type, "ramfs") == 0)
		fs->limit_pages = 0;
}

/* Limits may change, but not below what is there; the number of inodes only if they were counted. */
long mem_reconfigure(struct mount_fs *fs, const char *data)
{
	uint64_t pages = fs->limit_pages, inodes = fs->limit_inodes, n;
	struct fs_option o;

	while (data != NULL && (data = fs_option_next(data, &o)) != NULL) {
		enum mem_option opt = mem_option(&o);

		if (!number_of(&o, opt, &n))
			continue;
		if (opt == OPT_SIZE)
			pages = (n + PAGE_SIZE - 1) >> PAGE_SHIFT;
		else if (opt == OPT_BLOCKS)
			pages = n;
		else if (opt == OPT_INODES)
			inodes = n;
	}
	if (pages != fs->limit_pages && (fs->limit_pages == 0 || (pages != 0 && pages < atomic_load(&fs->pages))))
		return -EINVAL;
	if (inodes != fs->limit_inodes && (fs->limit_inodes == 0 || inodes < atomic_load(&fs->inodes)))
		return -EINVAL;
	fs->limit_pages = pages;
	fs->limit_inodes = inodes;
	return 0;
}

/* ---- All ---- */

static const char *const *known_options(const struct fs_type *ft)
{
	static const char *const proc[] = { "hidepid", "gid", "subset", "pidns", NULL };
	static const char *const pts[] = { "mode", "uid", "gid", "ptmxmode", "newinstance", "max", NULL };
	static const char *const none[] = { NULL };

	return ft->kind == INODE_PROC ? proc : ft->kind == INODE_PTS ? pts : none;
}

long fs_options_check(const struct fs_type *ft, const char *data)
{
	const char *const *known = known_options(ft);
	struct fs_option o;

	if (ft->kind == INODE_MEM)
		return strcmp(ft->name, "ramfs") == 0 ? 0 : mem_options_check(data);
	if (ft->kind == INODE_OVL)
		return ovl_options_check(data);
	while (data != NULL && (data = fs_option_next(data, &o)) != NULL) {
		const char *const *k = known;

		while (*k != NULL && !fs_option_is(&o, *k))
			k++;
		if (*k == NULL)
			return -EINVAL;
	}
	return 0;
}

void fs_options_text(struct mount_fs *fs, struct text *x)
{
	if (fs->kind == INODE_OVL)
		text_add(x, ",%s", ((const struct ovl_fs *)fs->priv[0])->options);
	if (fs->kind != INODE_MEM || strcmp(fs->type, "tmpfs") != 0)
		return;
	if (fs->limit_pages != 0)
		text_add(x, ",size=%luk", (unsigned long)fs->limit_pages * 4);
	if (fs->limit_inodes != 0)
		text_add(x, ",nr_inodes=%lu", (unsigned long)fs->limit_inodes);
	if ((fs->root->mode & 07777) != 01777)
		text_add(x, ",mode=%o", fs->root->mode & 07777);
	if (fs->root->uid != 0)
		text_add(x, ",uid=%u", fs->root->uid);
	if (fs->root->gid != 0)
		text_add(x, ",gid=%u", fs->root->gid);
}
