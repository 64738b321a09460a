/* SPDX-License-Identifier: MIT */
/*
 * monitor/spec.c - reads and checks what the command asked for.
 *
 * The spec is a run of records "key=value", each ended by a NUL, an empty one last.  Keys that begin with "m." are for the monitor, all
 * others are settings of the library OS (abi/monitor.h) and go on unread.
 *
 *	m.name=  m.image=linux  m.bare=1
 *	m.mount=FLAGS:GUEST then m.host=HOST   FLAGS ro|rw, then ",view": hide rules hold
 *	m.hide=PATH  m.show=PATH               rules for mounts with "view"
 *	m.lock=PATH                            locked as long as the sandbox lives
 *	m.own=PATH                             seen with the caller's own rights, even root's
 *	m.memory=BYTES  m.pids=N  m.cpus=THOUSANDTHS
 *	m.net=host|allow:RULE  m.publish=[ADDR:]HOSTPORT:PORT[/tcp|/udp]   net_rule.c
 *	m.pcap=FILE                            what goes over the network is written to it
 *	m.ext=NAME[=ARG]  m.trace=lx,nt,dk,mon  m.verbose=1  m.tty=1  m.stats=1
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "monitor/net.h"

#define LOCK_FD_FROM 64 /* above the places that others are put at */

struct spec spec = { .image = "linux", .memory = UINT64_MAX, .pids = 32768, .trace = "", .log_fd = -1 };

static uint64_t number(const char *key, const char *text)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-')
		fail("the setting %s=%s is no number", key, text);
	return n;
}

/* Images are named by letters; a path may be given for bare ones only. */
static void check_image_name(const char *name)
{
	if (!*name || strlen(name) > 60 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(name))
		fail("%s is no image name: letters, digits, - and _ only", name);
}

/* Values are cut on copies: the records are read again for the library OS. */
static char *copy(const char *value)
{
	char *new = strdup(value);

	if (!new)
		fail("no memory for the spec");
	return new;
}

static void take_ext(char *value)
{
	struct spec_ext *e;
	char *arg;

	if (spec.ext_count == EXT_SLOTS)
		fail("there is room for %d extensions only", EXT_SLOTS);
	e = &spec.ext[spec.ext_count++];
	value = copy(value);
	arg = strchr(value, '=');
	if (arg)
		*arg++ = 0;
	check_image_name(value);
	e->name = value;
	e->arg = arg ? arg : "";
	if (strlen(e->arg) >= sizeof ((struct mon_boot *)0)->ext_arg[0])
		fail("the argument of extension %s is longer than %zu bytes", value, sizeof ((struct mon_boot *)0)->ext_arg[0] - 1);
}

static void take_mount(char *value, const char *host)
{
	char *guest;

	value = copy(value);
	guest = strchr(value, ':');
	if (!guest || !host)
		fail("the setting m.mount=%s lacks its folder", value);
	*guest++ = 0;
	policy_mount(value, guest, host);
}

/* The descriptor stays open, and with it the lock. */
static void take_lock(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), up = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, LOCK_FD_FROM);

	if (up < 0)
		fail("%s: %s", path, strerror(errno));
	close(fd);
	if (flock(up, LOCK_EX | LOCK_NB) < 0)
		fail("%s is used by another sandbox", path);
}

static void take_trace(const char *value)
{
	if (strlen(value) >= sizeof boot_template.trace)
		fail("--trace %s is too long", value);
	spec.trace = value;
	spec.trace_mon = strstr(value, "mon") != NULL;
}

/* host, or a rule. */
static void take_net(const char *value)
{
	const char *wrong = NULL;

	if (!strcmp(value, "host")) {
		net_mode = NET_HOST;
		return;
	}
	wrong = strncmp(value, "allow:", 6) != 0 ? "it is none of none, host and allow:RULE" : net_rule_add(value + 6, strlen(value + 6));
	if (wrong)
		fail("--net %s: %s", value, wrong);
	if (net_mode == NET_NONE)
		net_mode = NET_RULES;
}

static void take_publish(const char *value)
{
	const char *wrong = net_publish_count < NET_PUBLISH_MAX ? net_publish_parse(value, &net_published[net_publish_count]) : "there are too many";

	if (wrong)
		fail("-p %s: %s", value, wrong);
	net_publish_count++;
}

static void take(const char *key, char *value, char *next)
{
	if (!strcmp(key, "m.name")) {
		spec.name = value;
	} else if (!strcmp(key, "m.image")) {
		spec.image = value;
	} else if (!strcmp(key, "m.bare")) {
		spec.bare = value[0] == '1';
	} else if (!strcmp(key, "m.mount")) {
		take_mount(value, !strncmp(next, "m.host=", 7) ? next + 7 : NULL);
	} else if (!strcmp(key, "m.host")) {
		return;
	} else if (!strcmp(key, "m.hide")) {
		policy_hide(value);
	} else if (!strcmp(key, "m.show")) {
		policy_show(value);
	} else if (!strcmp(key, "m.lock")) {
		take_lock(value);
	} else if (!strcmp(key, "m.own")) {
		policy_own(value);
	} else if (!strcmp(key, "m.memory")) {
		spec.memory = number(key, value);
	} else if (!strcmp(key, "m.pids")) {
		spec.pids = number(key, value);
	} else if (!strcmp(key, "m.cpus")) {
		spec.cpu_quota = number(key, value);
	} else if (!strcmp(key, "m.net")) {
		take_net(value);
	} else if (!strcmp(key, "m.publish")) {
		take_publish(value);
	} else if (!strcmp(key, "m.pcap")) {
		spec.pcap = value;
	} else if (!strcmp(key, "m.ext")) {
		take_ext(value);
	} else if (!strcmp(key, "m.trace")) {
		take_trace(value);
	} else if (!strcmp(key, "m.verbose")) {
		spec.verbose = value[0] == '1';
	} else if (!strcmp(key, "m.stats")) {
		spec.stats = value[0] == '1';
	} else if (!strcmp(key, "m.tty")) {
		spec.want_tty = value[0] == '1';
	} else {
		fail("unknown setting %s", key);
	}
}

void spec_take(char *records, size_t size)
{
	if (size > CONFIG_SIZE - 65536)
		fail("the arguments and the environment are longer than %d bytes", CONFIG_SIZE - 65536);
	spec.records = records;
	spec.size = size;
	for (char *r = spec.records; *r;) {
		char *next = r + strlen(r) + 1;
		char *eq = strchr(r, '=');

		if (!eq)
			fail("the spec has a record without a value");
		if (!strncmp(r, "m.", 2)) {
			char key[32];
			size_t len = (size_t)(eq - r);

			if (len >= sizeof key)
				fail("the spec has an unknown setting");
			memcpy(key, r, len);
			key[len] = 0;
			take(key, eq + 1, next);
		}
		r = next;
	}
	if (!spec.bare)
		check_image_name(spec.image);
	if (spec.pids < 1 || spec.pids > SLOT_COUNT)
		fail("--pids must be between 1 and %d", SLOT_COUNT);
}

void spec_each_config(void (*fn)(const char *record, void *arg), void *arg)
{
	for (const char *r = spec.records; *r; r += strlen(r) + 1)
		if (strncmp(r, "m.", 2) != 0)
			fn(r, arg);
}
