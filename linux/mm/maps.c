/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/maps.c - the text of /proc/self/maps and smaps.
 *
 * Stub rooms and Bailey's window are not shown: a program that looks for holes
 * (MemorySanitizer) must not be told of them.  Resident sizes are not known here;
 * what is charged counts as resident.
 */
#include "linux/mm/mm_int.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define NAME_COLUMN 73
#define LINE_MAX    (PATH_MAX + 1024)

struct maps {
	struct mm *mm;
	char *out;
	size_t size, done;
	uint64_t skip;   /* bytes still to leave out */
	char *line;      /* LINE_MAX */
	char *path;      /* PATH_MAX */
	bool smaps;
};

/* Appends n bytes of line; false when out is full. */
static bool emit(struct maps *m, size_t n)
{
	size_t from = 0;

	if (m->skip >= n) {
		m->skip -= n;
		return true;
	}
	from = m->skip;
	m->skip = 0;
	n = MIN(n - from, m->size - m->done);
	memcpy(m->out + m->done, m->line + from, n);
	m->done += n;
	return m->done < m->size;
}

static const char *file_name(struct maps *m, const struct file *f)
{
	if (f->path.dentry != NULL && path_text(lx_current(), &f->path, m->path, PATH_MAX) >= 0)
		return m->path;
	return "anon_inode:[file]";
}

static const char *region_name(struct maps *m, const struct region *r)
{
	const struct shared_mem *s = r->object;

	if (r->kind == REGION_FILE)
		return file_name(m, r->object);
	if (r->kind == REGION_SHARED) {
		if (s->segment == NULL)
			return "/dev/zero (deleted)";
		(void)fmt_snprintf(m->path, PATH_MAX, "/SYSV%08x (deleted)", s->key);
		return m->path;
	}
	if (r->flags & RF_VDSO)
		return "[vdso]";
	if (r->flags & RF_STACK)
		return "[stack]";
	if (r->start < m->mm->brk && r->end > m->mm->brk_start)
		return "[heap]";
	return "";
}

static size_t maps_line(struct maps *m, const struct region *r)
{
	const struct inode *i = region_inode(r);
	uint64_t dev = 0, ino = 0, offset = r->kind == REGION_ANON ? 0 : r->offset;
	const char *name = region_name(m, r);
	int n;

	if (i != NULL) {
		dev = i->dev;
		ino = i->ino;
	} else if (r->kind == REGION_SHARED) {
		dev = 1;
		ino = ((struct shared_mem *)r->object)->id;
	}
	n = fmt_snprintf(m->line, LINE_MAX, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", (unsigned long)r->start, (unsigned long)r->end,
		r->prot & PROT_READ ? 'r' : '-', r->prot & PROT_WRITE ? 'w' : '-', r->prot & PROT_EXEC ? 'x' : '-',
		r->flags & RF_SHARED ? 's' : 'p', (unsigned long)offset, (unsigned)(dev >> 8 & 0xfff),
		(unsigned)((dev & 0xff) | (dev >> 12 & 0xfff00)), (unsigned long)ino);
	if (name[0] != '\0') {
		while (n < NAME_COLUMN)
			m->line[n++] = ' ';
		n += (int)str_copy(m->line + n, name, LINE_MAX - (size_t)n - 1);
	}
	m->line[n++] = '\n';
	return (size_t)n;
}

static size_t smaps_lines(struct maps *m, const struct region *r)
{
	uint64_t kb = (r->end - r->start) >> 10, rss = r->flags & (RF_CHARGED | RF_STACK) ? kb : 0;
	const char *flags = r->flags & RF_SHARED ? " sh" : "";

	return (size_t)fmt_snprintf(m->line, LINE_MAX,
		"Size:           %8lu kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n"
		"Rss:            %8lu kB\nPss:            %8lu kB\nPss_Dirty:      %8lu kB\n"
		"Shared_Clean:          0 kB\nShared_Dirty:          0 kB\nPrivate_Clean:         0 kB\nPrivate_Dirty:  %8lu kB\n"
		"Referenced:     %8lu kB\nAnonymous:      %8lu kB\nLazyFree:              0 kB\nAnonHugePages:         0 kB\n"
		"ShmemPmdMapped:        0 kB\nFilePmdMapped:         0 kB\nShared_Hugetlb:        0 kB\nPrivate_Hugetlb:       0 kB\n"
		"Swap:                  0 kB\nSwapPss:               0 kB\nLocked:         %8lu kB\nTHPeligible:           0\n"
		"VmFlags:%s%s%s%s mr mw me%s%s%s%s\n",
		(unsigned long)kb, (unsigned long)rss, (unsigned long)rss, (unsigned long)rss, (unsigned long)rss, (unsigned long)rss,
		(unsigned long)(r->kind == REGION_ANON ? rss : 0), (unsigned long)(r->flags & RF_LOCKED ? kb : 0),
		r->prot & PROT_READ ? " rd" : "", r->prot & PROT_WRITE ? " wr" : "", r->prot & PROT_EXEC ? " ex" : "", flags,
		r->flags & (RF_GROWSDOWN | RF_STACK) ? " gd" : "", r->flags & RF_LOCKED ? " lo" : "",
		r->flags & RF_DONTFORK ? " dc" : "", r->flags & RF_CHARGED ? " ac" : "");
}

static void write_all(struct maps *m)
{
	LIST_REGIONS(r, m->mm) {
		if (r->kind == REGION_ROOM)
			continue;
		if (!emit(m, maps_line(m, r)) || (m->smaps && !emit(m, smaps_lines(m, r))))
			return;
	}
	str_copy(m->line, "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n", LINE_MAX);
	(void)emit(m, strlen(m->line));
}

size_t mm_maps_text(struct mm *mm, char *buf, size_t size, uint64_t offset, bool smaps)
{
	struct maps m = { .mm = mm, .out = buf, .size = size, .skip = offset, .smaps = smaps };

	m.line = heap_alloc(LINE_MAX + PATH_MAX);
	if (m.line == NULL || size == 0) {
		heap_free(m.line);
		return 0;
	}
	m.path = m.line + LINE_MAX;
	mm_lock(mm);
	write_all(&m);
	mm_unlock(mm);
	heap_free(m.line);
	return m.done;
}
