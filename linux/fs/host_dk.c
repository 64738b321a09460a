/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/host_dk.c - asking the host about names: attributes, links, listings.
 *
 * A URI is "file:" and an absolute path.  Only where a query follows ('?' and an
 * attribute's name, or a link's text) '%' and '?' in the path are written %25 and
 * %3F: uri_with_query.  Attributes of a whole path come in one trip (DK_ATTR_CHAIN): the answer for
 * the first unknown component is used at once, those of the components behind it
 * wait in the walk's struct lookup.  A last entry that is a symbolic link may be
 * followed by its text, attr.size bytes of it.
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
		return pico_now();
	if (hint->now == 0)
		hint->now = pico_now();
	return hint->now;
}

void hint_step(struct lookup *hint, struct inode *dir, struct inode *found)
{
	if (hint == NULL || hint->ahead_dir != dir)
		return;
	hint->ahead_dir = found;
	hint->at++;
}

/* Appends what of rest can be asked ahead: plain components up to a "." or "..". */
static void append_rest(char *uri, size_t size, const char *rest)
{
	while (rest != NULL && *rest != '\0') {
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

/* One trip.  Fills hint->ahead with what came; *depth is the index of the name asked for. */
static long ask_chain(struct lookup *hint, char *uri, uint32_t depth, size_t *bytes)
{
	size_t room = CHAIN_MAX * sizeof(struct dk_attributes) + PATH_MAX;
	uint64_t done = 0;
	enum dk_status status;

	if (hint->ahead == NULL)
		hint->ahead = heap_alloc(room);
	if (hint->ahead == NULL)
		return -ENOMEM;
	hint->count = hint->at = 0;
	hint->ahead_dir = NULL;
	hint->target = NULL;
	hint->missing = false;
	status = DkStreamAttributesQuery(uri, DK_ATTR_CHAIN, hint->ahead, room, &done);
	if (status != DK_OK)
		return lx_err(status);
	*bytes = done;
	hint->count = (uint32_t)(done / sizeof(struct dk_attributes));
	return 0;
}

/* Entries that are real ones, and a link's text behind the last. */
static void sort_out(struct lookup *hint, uint32_t wanted, size_t bytes)
{
	uint32_t n = 0;

	while (n < hint->count && n < wanted) {
		if (hint->ahead[n++].type != DK_TYPE_DIR)
			break;
	}
	hint->count = n;
	if (n != 0 && hint->ahead[n - 1].type == DK_TYPE_SYMLINK &&
	    bytes >= n * sizeof(struct dk_attributes) + hint->ahead[n - 1].size && hint->ahead[n - 1].size != 0) {
		hint->target = (const char *)(hint->ahead + n);
		hint->target_len = (uint32_t)hint->ahead[n - 1].size;
	}
	hint->missing = n < wanted && (n == 0 || hint->ahead[n - 1].type == DK_TYPE_DIR);
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
	size_t bytes = 0;
	char *uri;
	long err;

	if (hint != NULL && hint->ahead_dir == dir && hint->ahead != NULL) {
		err = take_ahead(hint, out, target);
		if (err != -EAGAIN)
			return err;
	}
	uri = heap_alloc(URI_MAX);
	if (uri == NULL)
		return -ENOMEM;
	str_copy(uri, dir_uri, URI_MAX);
	uri_append_name(uri, URI_MAX, name, len);
	if (hint == NULL || depth + 1 >= CHAIN_MAX) {
		err = ask_one(uri, out);
	} else {
		append_rest(uri, URI_MAX, hint->rest);
		err = ask_chain(hint, uri, depth, &bytes);
		if (err == 0) {
			sort_out(hint, MIN(depth_of(uri), CHAIN_MAX), bytes);
			hint->at = depth;
			err = hint->count < depth ? -ENOENT : take_ahead(hint, out, target);
			if (err == 0)
				hint->ahead_dir = dir; /* hint_step makes it the found one */
			else if (err == -EAGAIN)
				err = -ENOENT;
		}
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
