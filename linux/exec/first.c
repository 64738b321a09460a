/* SPDX-License-Identifier: MIT */
/*
 * linux/exec/first.c - the sandbox's first program: found by the settings in kproc,
 * opened in its own picoprocess, so that a name without a slash is searched in the
 * guest's PATH.  What goes wrong is one sentence for the user and exit code 126 or
 * 127, as docker has them.
 */
#include "linux/boot.h"
#include "linux/exec/exec.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static long append_all(struct exec_args *a, const struct dk_boot *boot, const char *key, uint32_t *count)
{
	const char *s;
	long err = 0;

	for (s = config_next(boot, key, NULL); !err && s; s = config_next(boot, key, s)) {
		err = args_append(a, s);
		++*count;
	}
	return err;
}

static char *copy_string(const char *s)
{
	char *n = arena_alloc(strlen(s) + 1);

	if (n)
		memcpy(n, s, strlen(s) + 1);
	return n;
}

/* kproc: what exec_fresh will find. */
void exec_first(struct lx_proc *p, const struct dk_boot *boot)
{
	struct exec_image *img = image_new();
	const char *exe = config_get(boot, "exe", 0), *cwd = config_get(boot, "cwd", 0);

	if (!exe)
		exe = config_get(boot, "arg", 0);
	if (!img || !exe)
		panic("the sandbox's settings name no program");
	img->first = 1;
	img->args.path = copy_string(exe);
	img->cwd = copy_string(cwd ? cwd : "/");
	img->cwd_later = config_get(boot, "cwd_later", 0) != NULL;
	if (append_all(&img->args, boot, "arg", &img->args.argc) || (!img->args.argc && args_append(&img->args, exe)) ||
		append_all(&img->args, boot, "env", &img->args.envc) || !img->args.path || !img->cwd)
		panic("not enough memory for the first program's arguments");
	if (!img->args.argc)
		img->args.argc = 1;
	p->exec = img;
}

/* ---- In the program's own picoprocess ---- */

static const char *reason(long err)
{
	switch (-err) {
	case ENOENT:
		return "there is no such file";
	case EACCES:
		return "it is not executable for this user, or not a regular file";
	case ENOTDIR:
		return "a part of its path is no directory";
	case ELOOP:
		return "too many symbolic links";
	case ENOEXEC:
		return "it is not in a format that can be executed";
	case ENOMEM:
		return "there is not enough memory";
	default:
		return "it cannot be opened";
	}
}

static void refuse(struct lx_thread *t, const char *name, long err) NORETURN;
static void refuse(struct lx_thread *t, const char *name, long err)
{
	const char *why = image_problem();

	log_line(DK_LOG_ERROR, "cannot run %s: %s", name, why ? why : reason(err));
	lx_group_exit(t, (err == -ENOENT || err == -ENOTDIR ? 127u : 126u) << 8);
}

static void enter_cwd(struct lx_thread *t, const char *cwd)
{
	struct fs_context *fs = t->proc->fs;
	struct path where, old;
	long err = path_walk(t, AT_FDCWD, cwd, WALK_FOLLOW | WALK_DIRECTORY, &where, NULL);

	if (err) {
		log_line(DK_LOG_ERROR, "cannot start in the working directory %s: %s", cwd, reason(err));
		lx_group_exit(t, 126u << 8);
	}
	lock_take(&fs->lock);
	old = fs->cwd;
	fs->cwd = where;
	lock_drop(&fs->lock);
	path_put(&old);
}

static const char *search_path(const struct exec_args *a)
{
	const char *s = a->strings;

	for (uint32_t i = 0; i < a->argc + a->envc; i++) {
		if (i >= a->argc && str_starts(s, "PATH="))
			return s + 5;
		s += strlen(s) + 1;
	}
	return DEFAULT_PATH;
}

/* A folder of PATH that this user may not search holds nothing for him. */
static bool is_there(struct lx_thread *t, const char *name)
{
	struct path p;

	if (path_walk(t, AT_FDCWD, name, WALK_FOLLOW, &p, NULL) != 0)
		return false;
	path_put(&p);
	return true;
}

/* Tries each directory; -ENOENT or the first other failure. */
/* Windows' own programs (cmd.exe) lie in no folder of PATH. */
static long search_windows(struct lx_thread *t, struct exec_image *img, const char *name, char *buf)
{
	size_t n = strlen(name);

	if (n < 5 || n > NAME_MAX || strcmp(name + n - 4, ".exe") != 0)
		return -ENOENT;
	(void)fmt_snprintf(buf, PATH_MAX, "/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/%s", name);
	return image_open(t, img, AT_FDCWD, buf, 0);
}

static long search(struct lx_thread *t, struct exec_image *img, const char *name, char *buf)
{
	const char *dir = search_path(&img->args);
	long first = -ENOENT;

	img->args.path = buf; /* a script's argument is the path that was found */

	for (;;) {
		const char *end = strchr(dir, ':');
		size_t n = end ? (size_t)(end - dir) : strlen(dir);
		long err;

		if (n + strlen(name) + 3 <= PATH_MAX) {
			/* An empty entry is the working directory. */
			(void)fmt_snprintf(buf, PATH_MAX, "%.*s/%s", n ? (int)n : 1, n ? dir : ".", name);
			err = image_open(t, img, AT_FDCWD, buf, 0);
			if (!err)
				return 0;
			if (err == -EACCES && !is_there(t, buf))
				err = -ENOENT;
			if (err != -ENOENT && err != -ENOTDIR && first == -ENOENT)
				first = err;
			if (err == -ENOEXEC)
				return err;
		}
		if (!end)
			return first == -ENOENT ? search_windows(t, img, name, buf) : first;
		dir = end + 1;
	}
}

void fs_settle_cwd(struct lx_thread *t)
{
	char *text = t->proc->fs->later;

	t->proc->fs->later = NULL;
	enter_cwd(t, text);
	arena_free(text);
}

void first_open(struct lx_thread *t, struct exec_image *img)
{
	char *name = img->args.path, *buf = path_buf();
	long err = -ENOMEM;

	if (img->cwd_later) {
		t->proc->fs->later = img->cwd;
		img->cwd = NULL;
	} else {
		enter_cwd(t, img->cwd);
	}
	if (!buf)
		refuse(t, name, err);
	buf[0] = '\0';
	if (strchr(name, '/')) {
		err = image_open(t, img, AT_FDCWD, name, 0);
	} else {
		err = search(t, img, name, buf);
		img->args.path = copy_string(buf);
		if (!img->args.path && !err)
			err = -ENOMEM;
	}
	if (err)
		refuse(t, name, err);
	path_buf_free(buf);
}
