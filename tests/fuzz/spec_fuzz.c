/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/spec_fuzz.c - libFuzzer: the spec that a command hands to the monitor (lines instead of
 * records in the input), and the policy made of it: no path that is not canonical is a place,
 * and a path without a mount is none either.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* What they copy they keep for good; here an input ends. */
static char *kept_copy(const char *s);
static void forget_copy(void *p);
#define strdup kept_copy
#define free   forget_copy
#include "monitor/policy.c"
#include "monitor/spec.c"
#undef strdup
#undef free

#define FIRST_FD 100

struct net_publish net_published[NET_PUBLISH_MAX];
unsigned net_publish_count;
enum net_mode net_mode;
/* net_fuzz has them for itself. */
const char *net_rule_add(const char *rule, size_t len) { return NULL; }
const char *net_publish_parse(const char *text, struct net_publish *out) { return NULL; }
struct mon_boot boot_template;
bool as_root;
static jmp_buf refused;
static void *copies[4096];
static unsigned copy_count;

void fail(const char *format, ...)
{
	longjmp(refused, 1);
}
void log_line(enum dk_log_level level, const char *format, ...) {}
bool fs_is_local(int fd) { return true; }

static char *kept_copy(const char *s)
{
	char *new = malloc(strlen(s) + 1);

	if (!new || copy_count == ARRAY_LEN(copies))
		longjmp(refused, 1);
	return copies[copy_count++] = strcpy(new, s);
}

static void forget_copy(void *p)
{
	for (unsigned i = 0; i < copy_count; i++)
		if (copies[i] == p) {
			copies[i] = copies[--copy_count];
			free(p);
			return;
		}
}

static void ask_policy(const char *path)
{
	struct where w;
	bool canonical = path_canonical(path, strlen(path));

	if (!canonical)
		return;
	if (policy_find(path, &w) == DK_OK && mount_count == 0)
		abort();
	if (policy_find(path, &w) == DK_OK && !w.fixed && path[w.offset - 1] != '/')
		abort();
	(void)policy_has_rules(path);
	(void)policy_leads_to_mount(path);
	(void)policy_child_hidden(path, "x");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct spec start = { .image = "linux", .memory = UINT64_MAX, .pids = 32768, .trace = "", .log_fd = -1 };
	char *records = malloc(size + 2);

	memcpy(records, data, size);
	for (size_t i = 0; i < size; i++)
		if (records[i] == '\n')
			records[i] = 0;
	records[size] = records[size + 1] = 0;
	spec = start;
	net_publish_count = 0;
	mount_count = hide_count = show_count = own_count = 0;
	if (setjmp(refused) == 0) {
		spec_take(records, size + 2);
		for (const char *r = records; *r; r += strlen(r) + 1)
			ask_policy(strchr(r, '/') ? strchr(r, '/') : r);
	}
	for (unsigned i = 0; i < mount_count; i++)
		close(mounts[i].fd);
	while (copy_count)
		free(copies[--copy_count]);
	free(records);
	return 0;
}
