/* SPDX-License-Identifier: MIT */
/* cli/ps.c - `bailey ps`, `top` and `lsof`. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/sandboxes.h"

static const char ps_help[] =
    "bailey ps [SANDBOX]\n\n"
    "Without SANDBOX: the sandboxes that run, as root those of all users.  With its number or name: the processes in it.\n";
static const char top_help[] =
    "bailey top [-n COUNT] [-d SECONDS] [SANDBOX]\n\n"
    "The processes of all sandboxes, or one, the busiest first, again and again.\n";
static const char lsof_help[] =
    "bailey lsof SANDBOX [PID]\n\n"
    "The open files of the processes in a sandbox.\n";

bool asked_for_help(int argc, char **argv, const char *text)
{
	if (argc < 2 || (strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "-h") != 0))
		return false;
	fputs(text, stdout);
	return true;
}

static void no_options(const char *command, int argc, char **argv, int least, int most)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-' && argv[i][1])
			fail("bailey %s has no option %s: bailey %s --help says what it has", command, argv[i], command);
	if (argc - 1 < least)
		fail("bailey %s needs a sandbox: bailey ps lists them", command);
	if (argc - 1 > most)
		fail("bailey %s takes no more than %d words, and %s is one more", command, most, argv[most + 1]);
}

static void put_column(const char *text, int width)
{
	size_t len = strlen(text), most = (size_t)width;

	put_safe(stdout, text, len < most ? len : most);
	for (size_t i = len; i <= most; i++)
		putchar(' ');
}

static const char *user_text(uid_t uid, char *room, size_t size)
{
	snprintf(room, size, "%u", uid);
	return room;
}

static void put_age(time_t started)
{
	char text[32];
	long s = (long)(time(NULL) - started);

	if (s < 0)
		s = 0;
	if (s < 86400)
		snprintf(text, sizeof text, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(text, sizeof text, "%ldd%02ldh", s / 86400, s / 3600 % 24);
	printf("%9s ", text);
}

static int list_sandboxes(void)
{
	unsigned count;
	struct sandbox *all = sandboxes_find(&count);
	char user[16];

	printf("SANDBOX  NAME             UID       RUNNING PROGRAM\n");
	for (unsigned i = 0; i < count; i++) {
		printf("%-8d ", all[i].pid);
		put_column(all[i].name[0] ? all[i].name : "-", 16);
		put_column(user_text(all[i].uid, user, sizeof user), 6);
		put_age(all[i].started);
		put_safe(stdout, all[i].program, strlen(all[i].program));
		putchar('\n');
	}
	free(all);
	return 0;
}

static void put_guest(const struct guest *g)
{
	printf("%5d %5d %5u %c %4u ", g->pid, g->ppid, g->uid, g->state, g->threads);
	g->host ? printf("%7d", g->host) : printf("      -");
	printf(" %8llu %4llu:%02llu ", g->rss_kb, g->cpu_ms / 60000, g->cpu_ms / 1000 % 60);
	if (g->command[0]) {
		put_safe(stdout, g->command, strlen(g->command));
	} else {
		putchar('[');
		put_safe(stdout, g->comm, strlen(g->comm));
		putchar(']');
	}
	putchar('\n');
}

int command_ps(int argc, char **argv)
{
	struct guest *all;
	unsigned count;

	if (asked_for_help(argc, argv, ps_help))
		return 0;
	no_options("ps", argc, argv, 0, 1);
	if (argc < 2)
		return list_sandboxes();
	all = guests_of(sandbox_named(argv[1]), 0, &count, false);
	printf("  PID  PPID   UID S  THR    HOST   RSS-KB    TIME COMMAND\n");
	for (unsigned i = 0; i < count; i++)
		put_guest(&all[i]);
	free(all);
	return 0;
}

/* ---- top ---- */

struct row {
	struct guest g;
	pid_t sandbox;
	unsigned permille; /* of one CPU */
};
struct frame {
	struct row *row;
	unsigned count;
	unsigned long long at_ms;
};

static unsigned long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long long)t.tv_sec * 1000 + (unsigned long long)t.tv_nsec / 1000000;
}

static void add_rows(struct frame *f, const struct sandbox *s)
{
	unsigned count;
	struct guest *all = guests_of(s, 0, &count, true);

	f->row = realloc(f->row, (f->count + count + 1) * sizeof *f->row);
	if (!f->row)
		fail("no memory");
	for (unsigned i = 0; i < count; i++)
		f->row[f->count++] = (struct row){ .g = all[i], .sandbox = s->pid };
	free(all);
}

/* What each has used since the frame before. */
static void rate(struct frame *f, const struct frame *before)
{
	unsigned long long ms = f->at_ms - before->at_ms;

	for (unsigned i = 0; i < f->count && ms; i++)
		for (unsigned k = 0; k < before->count; k++)
			if (f->row[i].g.host && f->row[i].g.host == before->row[k].g.host && f->row[i].g.pid == before->row[k].g.pid &&
			    f->row[i].g.cpu_ms >= before->row[k].g.cpu_ms)
				f->row[i].permille = (unsigned)((f->row[i].g.cpu_ms - before->row[k].g.cpu_ms) * 1000 / ms);
}

static int by_use(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->permille != y->permille)
		return x->permille < y->permille ? 1 : -1;
	return x->g.cpu_ms < y->g.cpu_ms ? 1 : x->g.cpu_ms > y->g.cpu_ms ? -1 : x->g.pid - y->g.pid;
}

static void show(const struct frame *f, unsigned sandboxes, unsigned lines)
{
	printf("%u sandboxes, %u processes\n", sandboxes, f->count);
	printf("SANDBOX   %%CPU   PID  PPID   UID S  THR    HOST   RSS-KB    TIME COMMAND\n");
	for (unsigned i = 0; i < f->count && i < lines; i++) {
		printf("%-8d %3u.%u ", f->row[i].sandbox, f->row[i].permille / 10, f->row[i].permille % 10);
		put_guest(&f->row[i].g);
	}
	fflush(stdout);
}

int command_top(int argc, char **argv)
{
	struct frame f = { 0 }, before = { 0 };
	unsigned long count = ULONG_MAX, pause = 2;
	bool screen = isatty(1);
	int c;

	if (asked_for_help(argc, argv, top_help))
		return 0;
	while ((c = getopt(argc, argv, "+n:d:")) >= 0) {
		if (c == 'n')
			count = number_of("-n", optarg, 1000000);
		else if (c == 'd')
			pause = number_of("-d", optarg, 3600);
		else
			exit(125);
	}
	no_options("top", argc - optind + 1, argv + optind - 1, 0, 1);
	for (unsigned long i = 0; i < count; i++) {
		unsigned all_count = 1;
		struct sandbox *all = optind < argc ? NULL : sandboxes_find(&all_count);
		const struct sandbox *list = all ? all : optind < argc ? sandbox_named(argv[optind]) : NULL;

		if (i)
			sleep((unsigned)pause);
		free(before.row);
		before = f;
		f = (struct frame){ .at_ms = now_ms() };
		for (unsigned k = 0; list && k < all_count; k++)
			add_rows(&f, &list[k]);
		rate(&f, &before);
		if (f.count)
			qsort(f.row, f.count, sizeof *f.row, by_use);
		if (screen)
			fputs("\033[H\033[J", stdout);
		show(&f, list ? all_count : 0, screen ? 40 : UINT_MAX);
		free(all);
	}
	return 0;
}

/* ---- lsof ---- */

/* "f PID FD FLAGS NUL PATH" */
static void put_file(const char *text, size_t size)
{
	static const char *const modes[] = { "r", "w", "u", "-" };
	size_t head = strlen(text) + 1;
	char fd[16];
	unsigned flags;
	int pid;

	if (head >= size || sscanf(text, "f %d %15s %u", &pid, fd, &flags) != 3)
		return;
	printf("%5d ", pid);
	put_column(fd, 5);
	printf("%s    ", fd[0] >= '0' && fd[0] <= '9' ? modes[flags & 3] : " ");
	put_safe(stdout, text + head, size - head);
	putchar('\n');
}

int command_lsof(int argc, char **argv)
{
	char text[CONTROL_TEXT_MAX + 1];
	struct control_answer a;
	uint32_t pid;
	int fd;

	if (asked_for_help(argc, argv, lsof_help))
		return 0;
	no_options("lsof", argc, argv, 1, 2);
	pid = argc > 2 ? (uint32_t)number_of("the process", argv[2], INT_MAX) : 0;
	fd = sandbox_ask(sandbox_named(argv[1]), CONTROL_FILES, pid);
	if (fd < 0)
		fail("the sandbox cannot be asked: %s", strerror(errno));
	printf("  PID FD    MODE NAME\n");
	while (sandbox_answer(fd, &a, text, false))
		if (a.kind == CONTROL_RECORD)
			put_file(text, a.size);
	close(fd);
	return 0;
}
