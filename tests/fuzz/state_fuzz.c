/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/state_fuzz.c - libFuzzer: files of the state folder.  A dead monitor's state file, as the next start
 * (monitor/state.c) and the commands (cli/sandboxes.c) read it, and a report (cli/report.c), whose text is the
 * library OS's.  Nothing but a control group that a monitor may have made is ever removed, and nothing but
 * printable ASCII is printed.
 *
 * The first byte of an input says which: odd a report, even a state file.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fuzz_rmdir(const char *path);
#define rmdir        fuzz_rmdir
#define usleep(x)    ((void)0)
#define open_folder  monitor_open_folder
#define state_folder fuzz_state_folder
#include "monitor/state.c"
#undef rmdir
#undef usleep
#undef open_folder
#undef PRINTF_LIKE
static FILE *printed;
#define stdout printed
#define printf(...)  fprintf(printed, __VA_ARGS__)
#define putchar(c)   fputc(c, printed)
#define help report_help
#define show report_show
#include "cli/report.c"
#undef stdout
#undef printf
#undef putchar
#undef help
#include "cli/sandboxes.c"

struct spec spec = { .trace = "", .log_fd = -1 };
uint64_t now_ns(void) { return 1; }
void log_line(enum dk_log_level level, const char *format, ...) {}
void control_make(void) {}
void control_name(int folder, const char *name) {}
size_t report_panic(int folder, const char *name, const char *text, size_t len) { return len; }
void spec_each_config(void (*fn)(const char *record, void *arg), void *arg) {}
bool asked_for_help(int argc, char **argv, const char *text) { return false; }
void fail(const char *format, ...) { abort(); }

static int fuzz_rmdir(const char *path)
{
	const char *last = strrchr(path, '/');

	if (strncmp(path, "/sys/fs/cgroup/", 15) != 0 || strstr(path, "/../") || !last || strncmp(last, "/bailey-", 8) != 0)
		abort();
	errno = ENOENT;
	return -1;
}

static char folder[64];

static void at_end(void)
{
	rmdir(folder);
}

static void put(const char *name, const uint8_t *data, size_t size)
{
	int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

static void state_file(const uint8_t *data, size_t size)
{
	struct sandbox s = { 0 };

	put("77", data, size);
	read_file(folder_fd, "77", &s);
	if (strlen(s.name) >= sizeof s.name || strlen(s.program) >= sizeof s.program)
		abort();
	sweep_one("77");
	unlinkat(folder_fd, "77", 0);
}

static void report(const uint8_t *data, size_t size)
{
	static char *text;
	static size_t length;

	if (!printed)
		printed = open_memstream(&text, &length);
	rewind(printed);
	put(REPORT_PREFIX "1", data, size);
	report_show(folder_fd, REPORT_PREFIX "1", size & 1);
	fflush(printed);
	for (size_t i = 0; i < length; i++)
		if ((text[i] < ' ' && text[i] != '\n') || text[i] == 0x7f)
			abort();
	unlinkat(folder_fd, REPORT_PREFIX "1", 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (folder_fd < 0) {
		snprintf(folder, sizeof folder, "/dev/shm/bailey-fuzz-%d", getpid());
		mkdir(folder, 0700);
		folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
		atexit(at_end);
	}
	if (size == 0)
		return 0;
	data[0] & 1 ? report(data + 1, size - 1) : state_file(data + 1, size - 1);
	return 0;
}
