/* SPDX-License-Identifier: MIT */
/*
 * nt/os/path.c - names of files without regard to case.
 *
 * A path is walked as it is written first: most programs write names as they are, and then it costs what it
 * costs a Linux program.  Only a name that is missing is looked for in its folder's other spellings (spelling.c), component by
 * component.
 */
#include "nt/os/file.h"
#include "nt/os/spelling.h"
#include "linux/fs/fs.h"

char *os_text(void)
{
	return path_buf();
}

void os_text_free(char *text)
{
	path_buf_free(text);
}

/* ---- Walking ---- */

static uint32_t walk_flags(uint32_t how)
{
	return (how & OS_FIND_NOFOLLOW ? 0 : WALK_FOLLOW) | (how & OS_FIND_READ ? WALK_READ : 0);
}

static long walk(const char *text, uint32_t flags, struct path *out)
{
	return path_walk(lx_current(), AT_FDCWD, text, flags, out, NULL);
}

/* False: nothing of it was upper case. */
static bool lower_case(char *name, uint32_t len)
{
	bool changed = false;

	for (uint32_t i = 0; i < len; i++)
		if (name[i] >= 'A' && name[i] <= 'Z') {
			name[i] += 'a' - 'A';
			changed = true;
		}
	return changed;
}

/* Finds one name of the path in old, len bytes from at on, below the folder whose text is new[0..*size): adds it.
   -ENOENT: no such name; it is added as it is written. */
static long add_name(char *new, uint32_t *size, const char *name, uint32_t len)
{
	char found[NAME_LIMIT + 1];
	struct path dir, p;
	uint32_t n;
	long err;

	if (len > NAME_LIMIT || *size + len + 2 > OS_PATH_MAX)
		return -ENAMETOOLONG;
	new[*size] = '\0';
	err = walk(*size == 0 ? "/" : new, WALK_FOLLOW | WALK_DIRECTORY, &dir);
	if (err < 0)
		return err == -ENOENT ? -ENOTDIR : err;
	new[*size] = '/';
	memcpy(new + *size + 1, name, len);
	new[*size + 1 + len] = '\0';
	err = walk(new, 0, &p);
	if (err == -ENOENT && lower_case(new + *size + 1, len)) { /* as most names of DLLs are */
		err = walk(new, 0, &p);
		if (err == -ENOENT)
			memcpy(new + *size + 1, name, len);
	}
	if (err == 0)
		path_put(&p);
	else if (err == -ENOENT && (n = os_other_spelling(dir.dentry, name, len, found)) != 0) {
		if (*size + n + 2 > OS_PATH_MAX)
			err = -ENAMETOOLONG;
		else {
			memcpy(new + *size + 1, found, n);
			len = n;
			err = 0;
		}
	}
	path_put(&dir);
	*size += 1 + len;
	new[*size] = '\0';
	return err;
}

/* The part of text before its last name, if that leads to a folder as it is written; else 0. */
static uint32_t good_parent(char *text)
{
	uint32_t at = (uint32_t)strlen(text);
	struct path p;
	long err;

	while (at > 0 && text[at - 1] != '/')
		at--;
	if (at <= 1)
		return 0;
	text[at - 1] = '\0';
	err = walk(text, WALK_FOLLOW | WALK_DIRECTORY, &p);
	text[at - 1] = '/';
	if (err == 0)
		path_put(&p);
	return err == 0 ? at - 1 : 0;
}

/* Spells text as the folders do.  -ENOENT: its last name is nowhere; -ENOTDIR: one before it. */
static long respell(char *text)
{
	char *new = path_buf();
	uint32_t size = new != NULL ? good_parent(text) : 0;
	long err = new != NULL ? 0 : -ENOMEM;

	if (size != 0)
		memcpy(new, text, size);
	for (const char *p = text + size; err == 0;) {
		uint32_t len;

		while (*p == '/')
			p++;
		len = last_len(p);
		if (len == 0)
			break;
		err = add_name(new, &size, p, len);
		p += len;
		while (*p == '/')
			p++;
		if (err == -ENOENT && *p != '\0')
			err = -ENOTDIR;
	}
	if ((err == 0 || err == -ENOENT) && size != 0)
		memcpy(text, new, size + 1);
	path_buf_free(new);
	return err;
}

NTSTATUS os_path_find(char *text, uint32_t how, struct os_path *out)
{
	uint32_t flags = walk_flags(how);
	struct path p;
	long err = walk(text, flags, &p);

	if ((err == -ENOENT || err == -ENOTDIR) && !(how & OS_FIND_CASE)) {
		err = respell(text);
		if (err == 0)
			err = walk(text, flags, &p);
	}
	*out = (struct os_path){ NULL, NULL };
	if (err == 0) {
		if (UNLIKELY(p.dentry->flags & D_FILE)) { /* /proc/PID/fd of what has no name */
			path_put(&p);
			return STATUS_OBJECT_NAME_NOT_FOUND;
		}
		*out = (struct os_path){ p.mnt, p.dentry };
	}
	return err == -ENOTDIR ? (NTSTATUS)STATUS_OBJECT_PATH_NOT_FOUND : os_status(err);
}

void os_path_put(struct os_path *p)
{
	struct path path = { p->mount, p->dentry };

	if (p->dentry != NULL)
		path_put(&path);
	*p = (struct os_path){ NULL, NULL };
}

void *os_path_inode(const struct os_path *p)
{
	return ((const struct dentry *)p->dentry)->inode;
}

/* ---- Texts ---- */

static int text_of(const struct path *p, char *buf, uint32_t size)
{
	long n;

	if (p->dentry == NULL || (p->dentry->flags & (D_DELETED | D_FILE)))
		return -1;
	n = path_text(lx_current(), p, buf, size);
	return n < 0 ? -1 : (int)n;
}

int os_path_text(const struct os_path *p, char *buf, uint32_t size)
{
	struct path path = { p->mount, p->dentry };

	return text_of(&path, buf, size);
}

int os_file_text(struct file *f, char *buf, uint32_t size)
{
	return text_of(&f->path, buf, size);
}

NTSTATUS os_cwd(char *buf, uint32_t size)
{
	struct path p;
	long err = path_walk(lx_current(), AT_FDCWD, ".", WALK_FOLLOW, &p, NULL);

	if (err == 0) {
		err = path_text(lx_current(), &p, buf, size);
		path_put(&p);
	}
	return err < 0 ? os_status(err) : STATUS_SUCCESS;
}
