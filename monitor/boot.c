/* SPDX-License-Identifier: MIT */
/*
 * monitor/boot.c - what a picoprocess is told when it begins: the boot message that all of them get a copy of, with the
 * geometry of the host's vdso (the same in each, but for where it lies), and the settings of the library OS, which are a
 * sealed file that the first one reads: the spec's, and what only the monitor knows.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "monitor/monitor.h"

struct mon_boot boot_template;
int config_fd = -1;

static void read_vdso(void)
{
	struct mon_boot *b = &boot_template;
	char text[8192], *save = NULL, *rest;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	uint64_t start, end, base = 0;

	text[n < 0 ? 0 : n] = 0; /* a static program has a dozen mappings: one read has them all */
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if ((!strstr(line, "[vvar") && !strstr(line, "[vdso]")) || b->vdso_count == ARRAY_LEN(b->vdso))
			continue;
		start = strtoull(line, &rest, 16);
		end = strtoull(rest + 1, NULL, 16);
		if (strstr(line, "[vdso]")) {
			base = start;
			b->vdso_index = b->vdso_count;
		}
		b->vdso[b->vdso_count].start = (int64_t)start;
		b->vdso[b->vdso_count++].size = end - start;
	}
	if (fd >= 0)
		close(fd);
	if (base == 0)
		b->vdso_count = 0;
	for (unsigned i = 0; i < b->vdso_count; i++)
		b->vdso[i].start -= (int64_t)base;
}

void boot_fill(void)
{
	struct mon_boot *b = &boot_template;

	b->ext_count = spec.ext_count;
	b->config_size = 0;
	b->memory_limit = spec.memory;
	b->memory_watched = memwatch_on();
	b->network = net_granted();
	b->pids_limit = spec.pids;
	b->cpu_quota = spec.cpu_quota;
	b->ncpus = host_ncpus();
	snprintf(b->trace, sizeof b->trace, "%s", spec.trace);
	for (unsigned i = 0; i < spec.ext_count; i++)
		snprintf(b->ext_arg[i], sizeof b->ext_arg[i], "%s", spec.ext[i].arg);
	read_vdso();
}

struct config {
	char *text;
	size_t len, room;
};

static void config_add(const char *record, void *arg)
{
	struct config *c = arg;
	size_t n = strlen(record) + 1;

	if (c->len + n + 1 > c->room)
		fail("the settings are longer than %zu bytes", c->room);
	memcpy(c->text + c->len, record, n);
	c->len += n;
}

void hex_text(char *out, const void *bytes, size_t n)
{
	const unsigned char *b = bytes;

	for (size_t i = 0; i < n; i++) {
		*out++ = "0123456789abcdef"[b[i] >> 4];
		*out++ = "0123456789abcdef"[b[i] & 15];
	}
	*out = 0;
}

static void hex_random(char *out, size_t bytes)
{
	unsigned char raw[64];

	if (getrandom(raw, bytes, 0) != (ssize_t)bytes)
		fail("the host gives no random numbers: %s", strerror(errno));
	hex_text(out, raw, bytes);
}

static void config_own(struct config *c)
{
	char line[320], random[129];
	size_t n;
	struct sysinfo si;
	uint64_t total = UINT64_MAX;

	for (unsigned i = 0; i < 3; i++) {
		static const char *const names[] = { "stdin", "stdout", "stderr" };
		struct dk_attributes a;

		snprintf(line, sizeof line, "%s=%s", names[i], special_std_kind(i));
		config_add(line, c);
		if (!special_std_attr(i, &a))
			continue;
		n = (size_t)snprintf(line, sizeof line, "%s_attr=", names[i]);
		hex_text(line + n, &a, sizeof a);
		config_add(line, c);
	}
	snprintf(line, sizeof line, "tty=%d", spec.want_tty && special_tty());
	config_add(line, c);
	hex_random(random, 16);
	snprintf(line, sizeof line, "boot_id=%s", random);
	config_add(line, c);
	hex_random(random, 32);
	snprintf(line, sizeof line, "seed=%s", random);
	config_add(line, c);
	if (sysinfo(&si) == 0)
		total = (uint64_t)si.totalram * si.mem_unit;
	snprintf(line, sizeof line, "memtotal=%llu", (unsigned long long)(spec.memory < total ? spec.memory : total));
	config_add(line, c);
	snprintf(line, sizeof line, "cpus=%u", host_ncpus());
	config_add(line, c);
	cpuid_settings(config_add, c);
	net_settings(config_add, c);
}

/* The settings of the library OS: the spec's, and what only the monitor knows. */
void boot_settings(void)
{
	static char first_room[16384] BIG_BSS;
	struct config c = { .text = first_room, .room = spec.size + 12288 };

	if (c.room <= sizeof first_room)
		c.room = sizeof first_room;
	else
		c.text = malloc(c.room);
	if (!c.text)
		fail("no memory for the settings");
	spec_each_config(config_add, &c);
	config_own(&c);
	c.text[c.len++] = 0;
	config_fd = memfd_create("bailey-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (config_fd < 0 || write(config_fd, c.text, c.len) != (ssize_t)c.len)
		fail("cannot make the settings: %s", strerror(errno));
	fcntl(config_fd, 1033 /* F_ADD_SEALS */, 15 /* SEAL, SHRINK, GROW, WRITE */);
	boot_template.config_size = c.len;
	if (c.text != first_room)
		free(c.text);
}
