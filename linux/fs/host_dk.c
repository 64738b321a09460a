/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/host_dk.c - asking the host about names: attributes, links, listings.
 *
 * A URI is "file:" and an absolute path.  Only where a query follows ('?' and an
 * attribute's name, or a link's text) '%' and '?' in the path are written %25 and
 * %3F: uri_with_query.  All about a path comes in one trip (DK_OPTION_WALK): the answer for
 * the first unknown component is used at once, those of the components behind it
 * wait in the walk's struct lookup, as do the segments to which links on the way lead;
 * a segment is used only if its path is the one that would have been asked for.  An
 * open's walk brings the open file along: hint->stream, until a file system takes it.
 */
#include "linux/fs/fs.h"

#define CHAIN_MAX 96u
#define URI_MAX   8000u

void uri_append_name(char *uri, size_t size, const char *name, uint32_t len)
{
	size_t at = strlen(uri);

	if (at + len + 2 > size)
		return;
	if (at == 0 || uri[at - 1] != '/')
		uri[at++] = '/';
	memcpy(uri + at, name, len);
	uri[at + len] = '\0';
}

char *uri_with_query(const char *uri, const char *query)
{
	char *out = heap_alloc(3 * strlen(uri) + strlen(query) + 2), *p = out;

	if (out == NULL)
		return NULL;
	for (; *uri != '\0'; uri++) {
		if (*uri != '%' && *uri != '?') {
			*p++ = *uri;
			continue;
		}
		memcpy(p, *uri == '%' ? "%25" : "%3F", 3);
		p += 3;
	}
	*p++ = '?';
	memcpy(p, query, strlen(query) + 1);
	return out;
}

uint32_t mode_of_type(uint32_t dk_type)
{
	static const uint32_t modes[] = { S_IFREG, S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK };

	return dk_type < ARRAY_LEN(modes) ? modes[dk_type] : S_IFREG;
}

/* Inode numbers of the host, told apart by device: the root's device keeps its own. */
static uint64_t ino_of(const struct dk_attributes *a)
{
	struct vfs *v = vfs();

	if (v->root_lower_dev == 0)
		v->root_lower_dev = a->device;
	if (a->device == v->root_lower_dev)
		return a->inode;
	return a->inode ^ ((a->device * 0x9e3779b97f4a7c15ull) >> 50 | 1) << 48;
}

void inode_from_attr(struct inode *i, const struct dk_attributes *a)
{
	i->mode = (a->mode & 07777) | mode_of_type(a->type);
	i->uid = a->uid;
	i->gid = a->gid;
	i->nlink = a->nlink;
	i->size = a->size;
	i->blocks = a->allocated >> 9;
	i->rdev = a->rdev;
	i->ino = ino_of(a);
	i->atime_ns = a->atime_ns;
	i->mtime_ns = a->mtime_ns;
	i->ctime_ns = a->ctime_ns;
	i->btime_ns = a->btime_ns;
	/* Never 0: MM takes it for "this text is what it was". */
	i->generation = ((uint64_t)a->ctime_ns * 31 + (uint64_t)a->mtime_ns + a->size * 1009) | 1;
}

uint64_t hint_now(struct lookup *hint)
{
	if (hint == NULL)
		return pico_now_coarse();
	if (hint->now == 0)
		hint->now = pico_now_coarse();
	return hint->now;
}

void hint_step(struct lookup *hint, struct inode *dir, struct inode *found)
{
	if (hint == NULL || hint->ahead_dir != dir)
		return;
	hint->ahead_dir = found;
	hint->at++;
}

/* Appends what of rest can be asked ahead: plain components up to a "." or "..", as many as an answer has room for. */
static void append_rest(char *uri, size_t size, const char *rest, uint32_t depth)
{
	for (; rest != NULL && *rest != '\0' && depth < CHAIN_MAX; depth++) {
		uint32_t len = 0;

		while (*rest == '/')
			rest++;
		while (rest[len] != '\0' && rest[len] != '/')
			len++;
		if (len == 0 || len > NAME_LIMIT || last_is_dots(rest))
			return;
		if (strlen(uri) + len + 8 > size)
			return;
		uri_append_name(uri, size, rest, len);
		rest += len;
	}
}

static uint32_t depth_of(const char *uri)
{
	const char *p = strchr(uri, ':');
	uint32_t n = 0;

	for (p = p != NULL ? p + 1 : uri; *p != '\0'; p++)
		if (*p == '/' && p[1] != '\0' && p[1] != '/')
			n++;
	return n;
}

static void forget(struct lookup *hint)
{
	if (hint->stream != DK_NO_HANDLE)
		(void)DkObjectClose(hint->stream);
	hint->stream = DK_NO_HANDLE;
	hint->next = hint->size = hint->inline_size = 0;
	hint->count = hint->at = 0;
	hint->ahead_dir = NULL;
	hint->target = NULL;
	hint->missing = false;
}

void hint_done(struct lookup *hint)
{
	forget(hint);
	heap_free(hint->answer);
	hint->answer = NULL;
}

/* One trip: what lies along uri, where links on it lead, and the file at the end if it is to be read. */
static long ask(struct lookup *hint, const char *uri)
{
	struct dk_open o = { .access = hint->access, .share = 7, .disposition = DK_OPEN_EXISTING, .inline_size = DK_WALK_MAX + DK_WALK_INLINE,
		.options = DK_OPTION_WALK | (hint->access != 0 ? DK_OPTION_INLINE : 0) };
	enum dk_status status;

	forget(hint);
	hint->names = atomic_load(&vfs()->host_names);
	if (hint->answer == NULL)
		hint->answer = heap_alloc_dirty(o.inline_size);
	if (hint->answer == NULL)
		return -ENOMEM;
	o.inline_data = hint->answer;
	status = DkStreamOpen(uri, &o, &hint->stream);
	if (status != DK_OK) {
		hint->stream = DK_NO_HANDLE;
		return lx_err(status);
	}
	hint->size = o.walk_size;
	hint->inline_size = hint->stream != DK_NO_HANDLE ? o.inline_size : 0;
	hint->opened = o.attr;
	return 0;
}

/* The next segment becomes the current one if it is uri's. */
static bool take_segment(struct lookup *hint, const char *uri)
{
	const struct dk_walk *s = (const struct dk_walk *)(const void *)(hint->answer + hint->next);
	uint32_t wanted = MIN(depth_of(uri), CHAIN_MAX);
	const char *path;

	if (hint->size - hint->next < sizeof *s || s->size < sizeof *s || s->size > hint->size - hint->next)
		return false;
	hint->ahead = (struct dk_attributes *)(void *)(hint->answer + hint->next + sizeof *s);
	path = (const char *)(hint->ahead + s->count);
	if (strlen(uri) != s->path_len + 5 || memcmp(uri + 5, path, s->path_len) != 0)
		return false;
	hint->count = MIN(s->count, wanted);
	hint->target = s->target_len != 0 ? path + s->path_len + 1 : NULL;
	hint->target_len = s->target_len;
	hint->missing = hint->count < wanted && (hint->count == 0 || hint->ahead[hint->count - 1].type == DK_TYPE_DIR);
	hint->next += s->size;
	return true;
}

static char *copy_target(const struct lookup *hint)
{
	char *s;

	if (hint->target == NULL || hint->target_len >= PATH_MAX)
		return NULL;
	s = arena_alloc(hint->target_len + 1);
	if (s != NULL)
		memcpy(s, hint->target, hint->target_len);
	return s;
}

/* The next entry of what was asked ahead. */
static long take_ahead(struct lookup *hint, struct dk_attributes *out, char **target)
{
	if (hint->at >= hint->count)
		return hint->missing ? -ENOENT : -EAGAIN;
	*out = hint->ahead[hint->at];
	if (hint->at + 1 == hint->count && target != NULL && out->type == DK_TYPE_SYMLINK)
		*target = copy_target(hint);
	return 0;
}

static long ask_one(const char *uri, struct dk_attributes *out)
{
	uint64_t done;

	return lx_err(DkStreamAttributesQuery(uri, DK_ATTR_BASIC, out, sizeof *out, &done));
}

long host_attr(struct lx_thread *t, struct inode *dir, const char *dir_uri, const char *name, uint32_t len,
	struct lookup *hint, struct dk_attributes *out, char **target)
{
	uint32_t depth = depth_of(dir_uri);
	char *uri;
	long err;

	/* What came ahead would be entered into the dentry cache as today's answer. */
	if (hint != NULL && hint->size != 0 && UNLIKELY(hint->names != atomic_load(&vfs()->host_names)))
		forget(hint);
	if (hint != NULL && hint->ahead_dir == dir && hint->ahead != NULL) {
		err = take_ahead(hint, out, target);
		if (err != -EAGAIN)
			return err;
	}
	uri = heap_alloc_dirty(URI_MAX);
	if (uri == NULL)
		return -ENOMEM;
	str_copy(uri, dir_uri, URI_MAX);
	uri_append_name(uri, URI_MAX, name, len);
	if (hint == NULL || depth + 1 >= CHAIN_MAX) {
		err = ask_one(uri, out);
	} else {
		append_rest(uri, URI_MAX, hint->rest, depth + 1);
		err = take_segment(hint, uri) ? 0 : ask(hint, uri);
		if (err == 0 && (hint->next != 0 || take_segment(hint, uri))) {
			hint->at = depth;
			err = hint->count < depth ? -ENOENT : take_ahead(hint, out, target);
			if (err == 0)
				hint->ahead_dir = dir; /* hint_step makes it the found one */
			else if (err == -EAGAIN)
				err = -ENOENT;
		} else if (err == 0)
			err = -EIO;
	}
	heap_free(uri);
	return err;
}

long host_target(const char *uri, char *buf, size_t size)
{
	uint64_t done;
	enum dk_status status = DkStreamAttributesQuery(uri, DK_ATTR_TARGET, buf, size, &done);

	return status == DK_OK ? (long)done : lx_err(status);
}
