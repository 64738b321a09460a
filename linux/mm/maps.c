/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/maps.c - the text of /proc/self/maps, smaps and smaps_rollup.
 *
 * Stub rooms and Bailey's window are not shown: a program that looks for holes
 * (MemorySanitizer) must not be told of them.  Resident sizes are the host's; with how
 * many others a page is shared is not known, so Pss is Rss.
 */
#include "linux/mm/mm_int.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define NAME_COLUMN 73
#define LINE_MAX    (PATH_MAX + 1024)

/* In KB. */
struct maps_sum {
	uint64_t size, rss, anon, clean, shared, locked;
};

struct maps {
	struct mm *mm;
	char *out;
	size_t size, done;
	char *line;      /* LINE_MAX */
	char *path;      /* PATH_MAX */
	enum maps_kind kind;
	struct maps_sum one, all; /* of a region; of those so far */
};

/* Appends n bytes of line; false if they do not fit. */
static bool emit(struct maps *m, size_t n)
{
	if (n > m->size - m->done)
		return false;
	memcpy(m->out + m->done, m->line, n);
	m->done += n;
	return true;
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
	if (r->name != NULL) {
		(void)fmt_snprintf(m->path, PATH_MAX, r->kind == REGION_SHARED ? "[anon_shmem:%s]" : "[anon:%s]", r->name);
		return m->path;
	}
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
	n = fmt_snprintf(m->line, LINE_MAX, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", (unsigned long)mm_shown_start(m->mm, r), (unsigned long)r->end,
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

#define ASK_MAX (16ull << 30) /* more than that is a reservation, of which nobody wants to wait for the count */

/* What of r is resident, in KB.  A file's pages count if they are in the page cache. */
static uint64_t resident_kb(struct maps *m, const struct region *r)
{
	if (r->end - r->start > ASK_MAX || (r->flags & RF_GUARD) || (r->prot == PROT_NONE && !(r->flags & RF_CHARGED)))
		return 0;
	return mm_count_resident(r->start, r->end, (uint8_t *)m->path, PATH_MAX) * 4;
}

static void sum_up(struct maps *m, const struct region *r)
{
	uint64_t rss = resident_kb(m, r);

	m->one = (struct maps_sum){ .size = (r->end - mm_shown_start(m->mm, r)) >> 10, .rss = rss };
	if (r->flags & RF_SHARED)
		m->one.shared = rss;
	else if (r->kind == REGION_ANON || (r->flags & RF_WROTE))
		m->one.anon = rss;
	else
		m->one.clean = rss;
	if (r->flags & RF_LOCKED)
		m->one.locked = rss;
	m->all.rss += m->one.rss;
	m->all.anon += m->one.anon;
	m->all.clean += m->one.clean;
	m->all.shared += m->one.shared;
	m->all.locked += m->one.locked;
}

static size_t sum_lines(struct maps *m, const struct maps_sum *s)
{
	return (size_t)fmt_snprintf(m->line, LINE_MAX,
		"Rss:            %8lu kB\nPss:            %8lu kB\nPss_Dirty:      %8lu kB\n"
		"Shared_Clean:   %8lu kB\nShared_Dirty:          0 kB\nPrivate_Clean:  %8lu kB\nPrivate_Dirty:  %8lu kB\n"
		"Referenced:     %8lu kB\nAnonymous:      %8lu kB\nKSM:                   0 kB\nLazyFree:              0 kB\n"
		"AnonHugePages:         0 kB\nShmemPmdMapped:        0 kB\nFilePmdMapped:         0 kB\nShared_Hugetlb:        0 kB\n"
		"Private_Hugetlb:       0 kB\nSwap:                  0 kB\nSwapPss:               0 kB\nLocked:         %8lu kB\n",
		(unsigned long)s->rss, (unsigned long)s->rss, (unsigned long)s->anon, (unsigned long)s->shared, (unsigned long)s->clean,
		(unsigned long)s->anon, (unsigned long)s->rss, (unsigned long)s->anon, (unsigned long)s->locked);
}

static const struct { uint32_t flag; char name[3]; } flag_names[] = {
	{ RF_GROWSDOWN, "gd" }, { RF_STACK, "gd" }, { RF_LOCKED, "lo" }, { RF_ONFAULT, "lf" }, { RF_SEQUENTIAL, "sr" }, { RF_RANDOM, "rr" },
	{ RF_DONTFORK, "dc" }, { RF_CHARGED, "ac" }, { RF_NORESERVE, "nr" }, { RF_WIPEONFORK, "wf" }, { RF_DONTDUMP, "dd" }, { RF_HUGE, "hg" },
	{ RF_NOHUGE, "nh" }, { RF_GUARD, "gu" }, { RF_UFFD_MISSING, "um" }, { RF_UFFD_WP, "uw" }, { RF_SEALED, "sl" } };

static size_t flag_lines(struct maps *m, const struct region *r)
{
	size_t n = (size_t)fmt_snprintf(m->line, LINE_MAX, "THPeligible:           0\nVmFlags:%s%s%s%s mr%s me%s", r->prot & PROT_READ ? " rd" : "",
		r->prot & PROT_WRITE ? " wr" : "", r->prot & PROT_EXEC ? " ex" : "", r->flags & RF_SHARED ? " sh" : "",
		r->flags & RF_NOWRITE ? "" : " mw", r->flags & RF_SHARED ? " ms" : "");

	for (unsigned i = 0; i < ARRAY_LEN(flag_names); i++)
		if (r->flags & flag_names[i].flag)
			n += (size_t)fmt_snprintf(m->line + n, LINE_MAX - n, " %s", flag_names[i].name);
	n += (size_t)fmt_snprintf(m->line + n, LINE_MAX - n, " \n");
	return n;
}

static bool write_smaps(struct maps *m, const struct region *r)
{
	size_t n = (size_t)fmt_snprintf(m->line, LINE_MAX, "Size:           %8lu kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n",
		(unsigned long)(r->end - mm_shown_start(m->mm, r)) >> 10);

	if (!emit(m, n))
		return false;
	sum_up(m, r);
	return emit(m, sum_lines(m, &m->one)) && emit(m, flag_lines(m, r));
}

static void write_rollup(struct maps *m)
{
	const struct region *first = region_next(&m->mm->tree, 0), *last = region_prev(&m->mm->tree, UINT64_MAX);

	LIST_REGIONS(r, m->mm)
		if (r->kind != REGION_ROOM)
			sum_up(m, r);
	(void)(emit(m, (size_t)fmt_snprintf(m->line, LINE_MAX, "%08lx-%08lx ---p 00000000 00:00 0                              [rollup]\n",
		first != NULL ? (unsigned long)first->start : 0ul, last != NULL ? (unsigned long)last->end : 0ul)) && emit(m, sum_lines(m, &m->all)));
}

/* A line of numa_maps: one node, and pages counted as smaps does. */
static bool write_numa(struct maps *m, const struct region *r)
{
	const char *name = region_name(m, r);
	size_t n = (size_t)fmt_snprintf(m->line, LINE_MAX, "%08lx %s%s%s", (unsigned long)mm_shown_start(m->mm, r), mm_policy_name(r->policy),
		r->kind == REGION_FILE || r->kind == REGION_SHARED ? " file=" : name[0] == '[' ? " " : "", r->kind == REGION_FILE || r->kind == REGION_SHARED ? name :
		strcmp(name, "[heap]") == 0 ? "heap" : strcmp(name, "[stack]") == 0 ? "stack" : "");

	sum_up(m, r);
	if (m->one.anon != 0)
		n += (size_t)fmt_snprintf(m->line + n, LINE_MAX - n, " anon=%lu dirty=%lu", (unsigned long)m->one.anon / 4, (unsigned long)m->one.anon / 4);
	else if (m->one.rss != 0)
		n += (size_t)fmt_snprintf(m->line + n, LINE_MAX - n, " mapped=%lu", (unsigned long)m->one.rss / 4);
	if (m->one.rss != 0)
		n += (size_t)fmt_snprintf(m->line + n, LINE_MAX - n, " N0=%lu kernelpagesize_kB=4", (unsigned long)m->one.rss / 4);
	m->line[n++] = '\n';
	return emit(m, n);
}

/* All of a region's text, or none of it. */
static bool write_region(struct maps *m, const struct region *r)
{
	size_t before = m->done;

	if (m->kind == MAPS_NUMA)
		return write_numa(m, r);

	if (emit(m, maps_line(m, r)) && (m->kind != MAPS_SMAPS || write_smaps(m, r)))
		return true;
	m->done = before;
	return false;
}

static void write_regions(struct maps *m, uint64_t *from)
{
	const struct region *r;

	while ((r = region_next(&m->mm->tree, *from)) != NULL) {
		if (r->kind != REGION_ROOM && !write_region(m, r))
			return;
		*from = r->end;
	}
	if (m->kind == MAPS_NUMA) {
		*from = UINT64_MAX;
		return;
	}
	str_copy(m->line, "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n", LINE_MAX);
	if (emit(m, strlen(m->line)))
		*from = UINT64_MAX;
}

size_t mm_maps_text(struct mm *mm, char *buf, size_t size, uint64_t *from, enum maps_kind kind)
{
	struct maps m = { .mm = mm, .out = buf, .size = size, .kind = kind };

	if (*from == UINT64_MAX || (m.line = heap_alloc_dirty(LINE_MAX + PATH_MAX)) == NULL)
		return 0;
	m.path = m.line + LINE_MAX;
	if (*from == 0)
		mm_stack_sync(mm);
	mm_lock(mm);
	if (kind == MAPS_ROLLUP) {
		write_rollup(&m);
		*from = UINT64_MAX;
	} else {
		write_regions(&m, from);
	}
	mm_unlock(mm);
	heap_free(m.line);
	return m.done;
}

const char *mm_describe(struct mm *mm, uint64_t addr, char *buf, size_t size)
{
	char *path = heap_alloc_dirty(PATH_MAX);
	struct maps m = { .mm = mm, .path = path };
	const struct region *r;
	const char *name, *base;

	buf[0] = '\0';
	if (path == NULL)
		return buf;
	mm_lock(mm);
	r = region_find(&mm->tree, addr);
	if (r != NULL && r->kind == REGION_FILE) {
		name = region_name(&m, r);
		base = strrchr(name, '/');
		(void)fmt_snprintf(buf, size, " in %s[%lx+%lx]", base != NULL ? base + 1 : name, (unsigned long)r->start,
			(unsigned long)(r->end - r->start));
	}
	mm_unlock(mm);
	heap_free(path);
	return buf;
}
