/* SPDX-License-Identifier: MIT */
/*
 * linux/exec/image.c - finds the program behind a path: #! scripts are followed, the
 * ELF file and its interpreter are opened and checked.  Nothing is changed here, so
 * that execve can still fail.
 */
#include "linux/exec/exec.h"
#include "linux/other.h"
#include "rt/mem.h"

#define SCRIPT_LINE  256u
#define HEAD         896u  /* one read that usually has all headers and the interpreter's name */
#define SCRIPT_DEPTH 5
#define PHDRS_MAX    (65536 / sizeof(Elf64_Phdr))

/* Why the last image_open of this thread's process failed, for messages; no decision rests on it. */
static const char *problem;

const char *image_problem(void)
{
	return problem;
}

static long fail(long err, const char *text)
{
	problem = text;
	return err;
}

struct exec_image *image_new(void)
{
	return arena_alloc(sizeof(struct exec_image));
}

static void elf_close(struct elf_file *e)
{
	if (e->file)
		file_put(e->file);
	arena_free(e->ph);
	e->file = NULL;
	e->ph = NULL;
}

void image_free(struct exec_image *img)
{
	if (!img)
		return;
	elf_close(&img->prog);
	elf_close(&img->interp);
	args_free(&img->args);
	arena_free(img->cwd);
	arena_free(img);
}

/* ---- ELF ---- */

static long check_header(const Elf64_Ehdr *eh)
{
	if (eh->e_ident[EI_CLASS] != ELFCLASS64)
		return fail(-ENOEXEC, "it is a 32-bit program; only 64-bit x86 programs run here");
	if (eh->e_ident[EI_DATA] != ELFDATA2LSB || eh->e_machine != EM_X86_64)
		return fail(-ENOEXEC, "it is a program for another kind of processor");
	if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
		return fail(-ENOEXEC, "it is an object or core file, not a program");
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phnum == 0 || eh->e_phnum > PHDRS_MAX)
		return fail(-ENOEXEC, "its program header table makes no sense");
	return 0;
}

static long check_segments(const struct elf_file *e)
{
	uint64_t last = 0;
	bool any = false;

	for (unsigned i = 0; i < e->eh.e_phnum; i++) {
		const Elf64_Phdr *ph = &e->ph[i];
		uint64_t end;

		if (ph->p_type != PT_LOAD)
			continue;
		if (ph->p_filesz > ph->p_memsz || ADD_OVERFLOW(ph->p_vaddr, ph->p_memsz, &end) || end > GUEST_HIGH)
			return fail(-ENOEXEC, "a segment's size makes no sense");
		if ((ph->p_vaddr ^ ph->p_offset) & (PAGE_SIZE - 1) && ph->p_filesz)
			return fail(-ENOEXEC, "a segment is not aligned to pages");
		if (any && ph->p_vaddr < last)
			return fail(-ENOEXEC, "its segments are not in order");
		last = ph->p_vaddr;
		any = true;
	}
	return any ? 0 : fail(-ENOEXEC, "it has nothing to load");
}

/* A part of a file of whose start `have` bytes are in head. */
static long read_part(struct lx_thread *t, struct file *f, const char *head, size_t have, void *to, size_t size, uint64_t offset)
{
	if (offset <= have && size <= have - offset) {
		memcpy(to, head + offset, size);
		return (long)size;
	}
	return vfs_pread(t, f, to, size, offset);
}

static long elf_read(struct lx_thread *t, struct elf_file *e, const char *head, size_t have)
{
	size_t size;
	long n;

	if (have < sizeof e->eh)
		return fail(-ENOEXEC, "it is shorter than an ELF header");
	memcpy(&e->eh, head, sizeof e->eh);
	n = check_header(&e->eh);
	if (n)
		return n;
	size = e->eh.e_phnum * sizeof(Elf64_Phdr);
	e->ph = arena_alloc(size);
	if (!e->ph)
		return -ENOMEM;
	n = read_part(t, e->file, head, have, e->ph, size, e->eh.e_phoff);
	if (n != (long)size)
		return n < 0 ? n : fail(-ENOEXEC, "it is cut short");
	return check_segments(e);
}

static long open_interp(struct lx_thread *t, struct exec_image *img, const Elf64_Phdr *ph, const char *head, size_t have)
{
	char own_head[HEAD];
	char *path;
	long n;

	if (ph->p_filesz < 2 || ph->p_filesz > PATH_MAX)
		return fail(-ENOEXEC, "the name of its interpreter makes no sense");
	path = path_buf();
	if (!path)
		return -ENOMEM;
	n = read_part(t, img->prog.file, head, have, path, ph->p_filesz, ph->p_offset);
	if (n != (long)ph->p_filesz)
		n = n < 0 ? n : fail(-EIO, "it is cut short");
	else if (path[n - 1] != '\0')
		n = fail(-ENOEXEC, "the name of its interpreter makes no sense");
	else
		n = vfs_open_exec(t, AT_FDCWD, path, 0, &img->interp.file);
	if (n == -ENOENT)
		problem = "the dynamic linker it asks for is not there";
	path_buf_free(path);
	if (n < 0)
		return n;
	n = vfs_pread(t, img->interp.file, own_head, sizeof own_head, 0);
	if (n < 0)
		return n;
	if (n < (long)sizeof(Elf64_Ehdr) || memcmp(own_head, ELFMAG, SELFMAG))
		return fail(-ELIBBAD, "its dynamic linker is no ELF file");
	n = elf_read(t, &img->interp, own_head, (size_t)n);
	return n == -ENOEXEC ? fail(-ELIBBAD, "its dynamic linker cannot be loaded") : n;
}

static long elf_open(struct lx_thread *t, struct exec_image *img, const char *head, size_t have)
{
	long err = elf_read(t, &img->prog, head, have);

	for (unsigned i = 0; !err && i < img->prog.eh.e_phnum; i++) {
		const Elf64_Phdr *ph = &img->prog.ph[i];

		if (ph->p_type == PT_GNU_STACK)
			img->stack_exec = (ph->p_flags & PF_X) != 0;
		else if (ph->p_type == PT_INTERP && !img->interp.file)
			err = open_interp(t, img, ph, head, have);
	}
	return err;
}

/* ---- Scripts ---- */

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Splits "#! interp option" in place; false: no interpreter there. */
static bool script_line(char *line, size_t have, char **interp, char **option)
{
	char *end = memchr(line, '\n', have), *p, *stop;

	if (!end) {
		/* Cut off: fine if the interpreter's name is whole. */
		end = line + have;
		if (have == SCRIPT_LINE) {
			for (p = line + 2; p < end && blank(*p); p++)
				;
			while (p < end && !blank(*p))
				p++;
			if (p == end)
				return false;
		}
	}
	stop = memchr(line, '\0', (size_t)(end - line));
	if (stop)
		end = stop;
	while (end > line + 2 && blank(end[-1]))
		end--;
	*end = '\0';
	for (p = line + 2; blank(*p); p++)
		;
	if (!*p)
		return false;
	*interp = p;
	while (*p && !blank(*p))
		p++;
	*option = NULL;
	if (*p) {
		*p++ = '\0';
		while (blank(*p))
			p++;
		*option = *p ? p : NULL;
	}
	return true;
}

/* Windows programs need no right to be executed: files from elsewhere rarely have it. */
static long open_readable(struct lx_thread *t, int dirfd, const char *name, int at_flags, struct file **out)
{
	struct file *f;
	char head[2];

	if (at_flags != 0 || vfs_open(t, dirfd, name, O_RDONLY, 0, &f) != 0)
		return -EACCES;
	if (f->inode != NULL && (f->inode->mode & 0170000) == 0100000 && vfs_pread(t, f, head, sizeof head, 0) == sizeof head && head[0] == 'M' && head[1] == 'Z') {
		*out = f;
		return 0;
	}
	file_put(f);
	return -EACCES;
}

static long open_one(struct lx_thread *t, struct exec_image *img, int dirfd, const char *name, int at_flags, char *head)
{
	long n;

	elf_close(&img->prog);
	n = vfs_open_exec(t, dirfd, name, at_flags, &img->prog.file);
	if (n == -EACCES)
		n = open_readable(t, dirfd, name, at_flags, &img->prog.file);
	if (n < 0)
		return n;
	n = vfs_pread(t, img->prog.file, head, HEAD, 0);
	if (n < 0)
		return n;
	head[n] = '\0';
	return n;
}

long image_open(struct lx_thread *t, struct exec_image *img, int dirfd, const char *name, int at_flags)
{
	char head[HEAD + 1], *interp, *option;
	long err, n;

	problem = NULL;
	str_copy(img->path, name, sizeof img->path);
	for (int depth = 0; depth <= SCRIPT_DEPTH; depth++) {
		n = open_one(t, img, dirfd, img->path, at_flags, head);
		if (n < 0)
			return n;
		if (n >= SELFMAG && !memcmp(head, ELFMAG, SELFMAG)) {
			err = exec_may(t, img->prog.file);
			return err ? err : elf_open(t, img, head, (size_t)n);
		}
		if (n >= 2 && head[0] == 'M' && head[1] == 'Z') {
			err = exec_may(t, img->prog.file);
			return err ? err : nt_exec_open(t, img, head, (size_t)n, &problem);
		}
		if (n < 2 || head[0] != '#' || head[1] != '!' || !script_line(head, MIN((size_t)n, SCRIPT_LINE), &interp, &option))
			return fail(-ENOEXEC, "it is neither an ELF or PE program nor a script that begins with #!");
		err = args_script(&img->args, interp, option, depth ? img->path : img->args.path);
		if (err)
			return err;
		if (str_copy(img->path, interp, sizeof img->path) >= sizeof img->path - 1)
			return -ENAMETOOLONG;
		dirfd = AT_FDCWD;
		at_flags = 0;
	}
	return fail(-ELOOP, "too many scripts whose interpreter is a script");
}
