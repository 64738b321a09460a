/* SPDX-License-Identifier: MIT */
/*
 * cli/report.c - `bailey report`: what a sandbox left that panicked, for those who may mend it.
 *
 * monitor/report.c wrote it.  Addresses become names by the images' symbol tables, if the images are still
 * those that ran.  Everything from inside is printed by put_safe; texts in quotes are the guest's and
 * left out unless asked for.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "abi/layout.h"
#include "cli/cli.h"
#include "cli/sandboxes.h"

static const char help[] =
    "bailey report [--full] [SANDBOX]\n"
    "bailey report --list | --remove\n\n"
    "Prints what a sandbox left that ended by a panic, the last one if none is named: where it was, how it came there,\n"
    "which versions.  Names and texts of the guest are left out without --full.  --remove removes all reports.\n";

/* ---- symbols ---- */

struct image {
	const char *name;
	uint64_t base, size;
	char *bytes;
	size_t length;
};
static struct image images[] = { { "pal", PAL_BASE, PAL_SIZE, NULL, 0 }, { "linux", LINUX_BASE, IMAGE_SIZE, NULL, 0 } };

static int open_image(const char *name)
{
	char own[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
	int fd;

	if (n <= 0)
		return -1;
	own[n] = 0;
	*strrchr(own, '/') = 0;
	snprintf(path, sizeof path, "%s/../lib/bailey/%s.img", own, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof path, "%s/../%s/%s.img", own, name, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void load_image(struct image *m)
{
	struct stat st;
	int fd = open_image(m->name);

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size > (off_t)sizeof(Elf64_Ehdr) && st.st_size < 1 << 28 && (m->bytes = malloc((size_t)st.st_size)) != NULL)
		m->length = read(fd, m->bytes, (size_t)st.st_size) == st.st_size ? (size_t)st.st_size : 0;
	close(fd);
}

/* size bytes at offset, if they are there. */
static const void *part(const struct image *m, uint64_t offset, uint64_t size)
{
	return offset <= m->length && size <= m->length - offset ? m->bytes + offset : NULL;
}

static const Elf64_Sym *best_symbol(const struct image *m, const Elf64_Shdr *table, uint64_t address)
{
	const Elf64_Sym *s = part(m, table->sh_offset, table->sh_size), *best = NULL;

	for (uint64_t i = 0; s && i < table->sh_size / sizeof *s; i++)
		if ((s[i].st_info & 15) == STT_FUNC && s[i].st_value <= address && (!best || s[i].st_value > best->st_value))
			best = &s[i];
	return best;
}

/* "name+0x12", or nothing. */
static void put_symbol(uint64_t address)
{
	for (unsigned i = 0; i < sizeof images / sizeof images[0]; i++) {
		struct image *m = &images[i];
		const Elf64_Ehdr *eh;
		const Elf64_Shdr *sh;

		if (address < m->base || address >= m->base + m->size)
			continue;
		if (!m->bytes)
			load_image(m);
		eh = part(m, 0, sizeof *eh);
		sh = eh ? part(m, eh->e_shoff, (uint64_t)eh->e_shnum * sizeof *sh) : NULL;
		for (unsigned k = 0; sh && k < eh->e_shnum; k++) {
			const Elf64_Sym *s = sh[k].sh_type == SHT_SYMTAB && sh[k].sh_link < eh->e_shnum ? best_symbol(m, &sh[k], address) : NULL;
			const char *name = s ? part(m, sh[sh[k].sh_link].sh_offset + s->st_name, 1) : NULL;

			if (name)
				printf(" %.80s+0x%llx", name, (unsigned long long)(address - s->st_value));
		}
		printf(" (%s)", m->name);
		return;
	}
}

/* ---- the text ---- */

/* What stands in quotes is the guest's. */
static void put_line(const char *text, bool full)
{
	bool quoted = false;

	for (; *text; text++) {
		if (*text == '"' && !full) {
			if (!quoted)
				fputs("\"...\"", stdout);
			quoted = !quoted;
		} else if (!quoted) {
			put_safe(stdout, text, 1);
		}
	}
	putchar('\n');
}

static bool is_hex(const char *word)
{
	size_t n = strspn(word, "0123456789abcdef");

	return n == 12 && word[n] == 0;
}

/* Words that are addresses in our images get their names; a tab was the end of a line. */
static void put_panic(char *text, bool full)
{
	for (char *save = NULL, *line = strtok_r(text, "\t", &save); line; line = strtok_r(NULL, "\t", &save)) {
		char *from = !strncmp(line, "called from", 11) ? line + 11 : NULL;

		if (!from) {
			printf("  ");
			put_line(line, full);
			if (!strncmp(line, "rip ", 4)) {
				printf("  at");
				put_symbol(strtoull(line + 4, NULL, 16));
				putchar('\n');
			}
			continue;
		}
		printf("  called from\n");
		for (char *s2 = NULL, *word = strtok_r(from, " ", &s2); word; word = strtok_r(NULL, " ", &s2)) {
			if (!is_hex(word))
				continue;
			printf("    %s", word);
			put_symbol(strtoull(word, NULL, 16) - 1);
			putchar('\n');
		}
	}
}

/* "name size mtime": is the image that ran the one we have? */
static void check_image(const char *text)
{
	unsigned long long size;
	long long mtime;
	char name[64];
	struct stat st;
	int fd = -1;

	if (sscanf(text, "%63[a-z0-9_-] %llu %lld", name, &size, &mtime) == 3)
		fd = open_image(name);
	if (fd < 0 || fstat(fd, &st) < 0 || (unsigned long long)st.st_size != size || st.st_mtime != mtime)
		printf("note: the image that ran is not the one installed now: names may be wrong\n");
	if (fd >= 0)
		close(fd);
}

static void put_record(char *line, bool full)
{
	long long when;
	time_t t;
	char text[64];

	if (!strncmp(line, "version=", 8)) {
		printf("bailey ");
		put_line(line + 8, true);
	} else if (!strncmp(line, "time=", 5)) {
		when = strtoll(line + 5, NULL, 10);
		t = (time_t)when;
		if (gmtime(&t) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", gmtime(&t)))
			printf("when: %s\n", text);
	} else if (!strncmp(line, "image=", 6)) {
		check_image(line + 6);
	} else if (!strncmp(line, "ext=", 4)) {
		printf("extension ");
		put_line(line + 4, true);
	} else if (!strncmp(line, "panic=", 6)) {
		printf("panic:\n");
		put_panic(line + 6, full);
	} else if (!strncmp(line, "line=", 5)) {
		printf("trace: ");
		put_line(line + 5, full);
	}
}

static int show(int folder, const char *name, bool full)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char *line = NULL;
	size_t room = 0;
	struct utsname u;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (!f)
		fail("the report %s cannot be read: %s", name, strerror(errno));
	uname(&u);
	printf("sandbox %s\nhost: %s %s %s\n", name + strlen(REPORT_PREFIX), u.sysname, u.release, u.machine);
	while (getline(&line, &room, f) > 0) {
		line[strcspn(line, "\n")] = 0;
		put_record(line, full);
	}
	free(line);
	fclose(f);
	return 0;
}

int command_report(int argc, char **argv)
{
	bool full = false, list = false, all = false;
	char path[PATH_MAX], best[64] = "";
	const char *which = NULL;
	time_t newest = 0;
	struct dirent *e;
	struct stat st;
	DIR *d;

	if (asked_for_help(argc, argv, help))
		return 0;
	for (int i = 1; i < argc; i++) {
		full |= !strcmp(argv[i], "--full");
		list |= !strcmp(argv[i], "--list");
		all |= !strcmp(argv[i], "--remove");
		if (argv[i][0] != '-')
			which = argv[i];
		else if (strcmp(argv[i], "--full") != 0 && strcmp(argv[i], "--list") != 0 && strcmp(argv[i], "--remove") != 0)
			fail("bailey report has no option %s: bailey report --help says what it has", argv[i]);
	}
	state_folder(path, sizeof path);
	d = opendir(path);
	while (d && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, REPORT_PREFIX, strlen(REPORT_PREFIX)) != 0 || strlen(e->d_name) >= sizeof best ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (list)
			printf("%s\n", e->d_name + strlen(REPORT_PREFIX));
		if (all)
			unlinkat(dirfd(d), e->d_name, 0);
		if (which ? strcmp(which, e->d_name + strlen(REPORT_PREFIX)) != 0 : st.st_mtime < newest)
			continue;
		newest = st.st_mtime;
		strcpy(best, e->d_name);
	}
	if (list || all)
		return 0;
	if (!best[0])
		fail(which ? "there is no report of a sandbox %s" : "no sandbox has left a report", which);
	return show(dirfd(d), best, full);
}
