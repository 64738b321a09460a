/* SPDX-License-Identifier: MIT */
/*
 * monitor/walk.c - what lies along a path: the attributes of each of its components,
 * and, for a walk, where its links lead and the file at its end, all in one answer.
 *
 * Each prefix is judged by policy on its own, since a path may cross mounts and
 * hidden places, and looked at with openat2 below its mount, which follows no link:
 * a link is followed by its text alone, as a new path from the root, which is judged
 * like any other.  So the answer says what was there, and never reaches further than
 * as many questions would.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/host.h"
#include "monitor/monitor.h"

#define SEGMENTS 12

/*
 * The folder of path, on the way to a mount, without waiting: it may be on another file system, which is asked for no more
 * than what is in memory of it.
 */
static enum dk_status look_on_the_way(const char *path, const struct where *w, struct dk_attributes *out)
{
	int fd = open_known(w, w->fixed ? w->fixed : path + w->offset);
	struct statx sx;
	bool known;

	if (fd < 0)
		return DK_AGAIN;
	known = host_statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, &sx) == 0 && S_ISDIR(sx.stx_mode);
	close(fd);
	if (known)
		attr_of_statx(&sx, where_rights(w), out);
	return known ? DK_OK : DK_AGAIN;
}

/* Attributes of the component that path, as cut, ends with; a link's text to text (PATH_MAX). */
static enum dk_status look(const char *path, bool inner, bool try, struct dk_attributes *out, char *text, uint32_t *text_len)
{
	enum dk_status status;
	struct where w;
	ssize_t n;
	int fd;

	*text_len = 0;
	status = policy_find(path, &w);
	fd = status == DK_OK ? open_at(&w, w.fixed ? w.fixed : path + w.offset, O_PATH | O_NOFOLLOW, 0, try) : -1;
	if (status == DK_OK && fd < 0)
		status = status_of_errno(errno);
	if (status == DK_AGAIN && try && inner && policy_leads_to_mount(path))
		return look_on_the_way(path, &w, out);
	if (fd < 0 && (status == DK_NOT_FOUND || status == DK_NOT_DIRECTORY) && inner && policy_leads_to_mount(path)) {
		/* The library OS made this folder up, to have a place for the mount. */
		*out = (struct dk_attributes){ .type = DK_TYPE_DIR, .mode = 0755, .nlink = 2, .rights = DK_READ | DK_EXECUTE };
		return DK_OK;
	}
	if (fd < 0)
		return status;
	status = attr_of_fd(fd, where_rights(&w), out);
	if (status == DK_OK && out->type == DK_TYPE_SYMLINK && out->size < PATH_MAX) {
		n = readlinkat(fd, "", text, PATH_MAX);
		if (n > 0 && (uint64_t)n == out->size)
			*text_len = (uint32_t)n;
	}
	close(fd);
	return status;
}

/* What an earlier segment knows of the folder that path, as cut, names; NULL = nothing. */
static const struct dk_attributes *known(const struct job *j, uint32_t bytes, const char *path, uint32_t index)
{
	size_t len = strlen(path);

	for (uint32_t at = 0; at < bytes;) {
		const struct dk_walk *s = (const void *)(j->data + at);
		const struct dk_attributes *e = (const void *)(s + 1);
		const char *p = (const char *)(e + s->count);

		if (index < s->count && e[index].type == DK_TYPE_DIR && !strncmp(p, path, len) && (p[len] == '/' || p[len] == 0))
			return &e[index];
		at += s->size;
	}
	return NULL;
}

/*
 * The entries of path to out, at most max; a final link's text to text.  bytes are
 * those of earlier segments.  A status other than OK is of the component behind the
 * last entry.
 */
/* NOLINTNEXTLINE(readability-function-size): what is asked, and four places for the answer */
static enum dk_status chain(const struct job *j, uint32_t bytes, char *path, bool try, struct dk_attributes *out, uint32_t max,
    uint32_t *count, char *text, uint32_t *text_len)
{
	uint32_t n = 0;

	*text_len = 0;
	for (char *end = path; *end && n < max; n++) {
		const struct dk_attributes *seen;
		enum dk_status status = DK_OK;
		char cut;

		for (end++; *end && *end != '/'; end++)
			;
		cut = *end;
		*end = 0;
		seen = known(j, bytes, path, n);
		if (seen)
			out[n] = *seen;
		else
			status = look(path, cut != 0, try, &out[n], text, text_len);
		*end = cut;
		*count = n;
		if (status != DK_OK)
			return status;
		if (out[n].type != DK_TYPE_DIR) {
			n++;
			break;
		}
	}
	*count = n;
	return DK_OK;
}

/* Not there, or not to be told apart from that behind a place that is: the answer is what came before. */
static bool is_end(enum dk_status status, uint32_t count)
{
	return status == DK_OK || status == DK_NOT_FOUND || status == DK_NOT_DIRECTORY || (count > 0 && status == DK_DENIED);
}

bool chain_work(struct job *j, bool try)
{
	struct dk_attributes *out = (struct dk_attributes *)j->data;
	uint32_t count = 0, text_len;
	char text[PATH_MAX];

	j->reply.status = chain(j, 0, j->text + 5, try, out, (MON_DATA_MAX - PATH_MAX) / sizeof *out, &count, text, &text_len);
	if (j->reply.status == DK_AGAIN && try)
		return false;
	if (is_end(j->reply.status, count))
		j->reply.status = DK_OK;
	memcpy(out + count, text, text_len);
	j->reply.data_len = (uint32_t)(count * sizeof *out) + text_len;
	return true;
}

/* ---- walks ---- */

/*
 * path's component number at is a link with this text: path becomes where it leads,
 * without "." and "..", which may be taken out by the text since what is before is no
 * link.  False: too long, or nowhere.
 */
static bool follow(char *path, uint32_t at, const char *text, uint32_t text_len)
{
	char joined[2 * PATH_MAX], *out = path;
	const char *link = path, *rest, *in;
	size_t head, tail;

	for (uint32_t i = 0; i < at; i++)
		link = strchr(link + 1, '/');
	rest = strchr(link + 1, '/');
	rest = rest ? rest : "";
	head = text[0] == '/' ? 0 : (size_t)(link - path);
	tail = strlen(rest);
	if (head + 1 + text_len + tail >= PATH_MAX || memchr(text, 0, text_len))
		return false;
	memcpy(joined, path, head);
	joined[head] = '/';
	memcpy(joined + head + 1, text, text_len);
	memcpy(joined + head + 1 + text_len, rest, tail + 1);
	for (in = joined; *in;) {
		size_t n;

		while (*in == '/')
			in++;
		n = strcspn(in, "/");
		if (n == 2 && in[0] == '.' && in[1] == '.') {
			while (out > path && *--out != '/')
				;
		} else if (n > 1 || (n == 1 && in[0] != '.')) {
			*out++ = '/';
			memcpy(out, in, n);
			out += n;
		}
		in += n;
	}
	*out = 0;
	return out > path;
}

static uint32_t components(const char *path)
{
	uint32_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* One segment at the end of what is there; false: there is no room for it. */
static bool segment(struct job *j, char *path, bool try, enum dk_status *status, char *text, uint32_t *text_len)
{
	struct dk_walk *s = (void *)(j->data + j->reply.data_len);
	struct dk_attributes *out = (void *)(s + 1);
	uint32_t path_len = (uint32_t)strlen(path), most = components(path);
	size_t room = sizeof *s + most * sizeof *out + path_len + 1 + PATH_MAX + 8;
	char *end;

	if (j->reply.data_len + room > DK_WALK_MAX)
		return false;
	*s = (struct dk_walk){ .path_len = path_len };
	*status = chain(j, j->reply.data_len, path, try, out, most, &s->count, text, text_len);
	end = (char *)(out + s->count);
	memcpy(end, path, path_len + 1);
	end += path_len + 1;
	memcpy(end, text, *text_len);
	end[*text_len] = 0;
	s->target_len = *text_len;
	s->size = (uint32_t)(end + *text_len + 1 - (char *)s + 7) & ~7u;
	return true;
}

/* The regular file at the end of path, open, if that goes; AGAIN: it could only be tried. */
static enum dk_status open_end(struct job *j, const char *path, bool try)
{
	int fd;

	if (policy_find(path, &j->a) != DK_OK || j->a.bare)
		return DK_OK;
	fd = open_at(&j->a, j->a.fixed ? j->a.fixed : path + j->a.offset, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, try);
	if (fd < 0)
		return errno == EAGAIN ? DK_AGAIN : DK_OK;
	open_done(j, fd, try);
	return DK_OK;
}

bool walk_work(struct job *j, bool try)
{
	char path[PATH_MAX], text[PATH_MAX];
	enum dk_status status = DK_OK, own = DK_OK;
	uint32_t text_len;

	strcpy(path, j->text + 5);
	j->reply.data_len = 0;
	for (unsigned n = 0; n < SEGMENTS; n++) {
		struct dk_walk *s = (void *)(j->data + j->reply.data_len);
		const struct dk_attributes *last;

		if (!segment(j, path, try, &status, text, &text_len))
			break;
		if (status == DK_AGAIN && try)
			return false;
		if (n == 0 && !is_end(status, s->count))
			own = status;
		last = s->count ? (const struct dk_attributes *)(s + 1) + s->count - 1 : NULL;
		j->reply.data_len += s->size;
		if (status == DK_OK && text_len > 0 && follow(path, s->count - 1, text, text_len))
			continue;
		if (status == DK_OK && last && last->type == DK_TYPE_FILE && s->count == components(path) && j->req.args[0] & DK_READ) {
			j->reply.value[1] = j->reply.data_len;
			status = open_end(j, path, try);
			if (status == DK_AGAIN && try)
				return false;
		}
		break;
	}
	if (j->reply.value[1] == 0)
		j->reply.value[1] = j->reply.data_len;
	j->reply.status = own;
	return true;
}
