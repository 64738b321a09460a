/* SPDX-License-Identifier: MIT */
/*
 * monitor/cgroup.c - host limits on memory and CPU, where cgroups let us.
 *
 * A sandbox gets cgroups of its own only if -m or --cpus asks for them.  The
 * memory limit is -m plus 16 MB, for what the library OS itself takes; when it is reached
 * a guest is ended as Linux would (memwatch.c), the host's own killer is only for when that
 * fails.  Version 1 controllers and the unified tree are tried, below the caller's own
 * cgroup.  Where neither lets us, the library OS's own counting of what guests ask for
 * is what is left, and a warning says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/monitor.h"

#define MEMORY_SLACK (16u << 20)

static char folders[3][PATH_MAX] BIG_BSS, joins[3][PATH_MAX + 16] BIG_BSS;
static unsigned count;

const char *cgroup_path(unsigned i)
{
	return i < count ? folders[i] : NULL;
}

static bool set(const char *folder, const char *file, const char *value)
{
	char path[PATH_MAX + 64];
	int fd;
	bool ok;

	snprintf(path, sizeof path, "%s/%s", folder, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = write(fd, value, strlen(value)) > 0;
	close(fd);
	return ok;
}

/* The caller's cgroup for a v1 controller, or (controller "") in the unified tree. */
static bool own_cgroup(const char *controller, char *out, size_t size)
{
	char line[PATH_MAX + 128];
	FILE *f = fopen("/proc/self/cgroup", "re");
	bool found = false;

	while (f && !found && fgets(line, sizeof line, f)) {
		char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = 0;
		names++;
		path[strcspn(path, "\n")] = 0;
		for (char *name = strtok(names, ","); name || !*controller; name = strtok(NULL, ",")) {
			if (strcmp(name ? name : "", controller) != 0)
				continue;
			snprintf(out, size, "%s", path);
			found = true;
			break;
		}
	}
	if (f)
		fclose(f);
	return found;
}

static bool make(const char *parent, const char **join)
{
	snprintf(folders[count], sizeof folders[0], "%s/bailey-%d", parent, getpid());
	state_cgroup(folders[count]);
	if (mkdir(folders[count], 0755) < 0)
		return false;
	snprintf(joins[count], sizeof joins[0], "%s/cgroup.procs", folders[count]);
	if (access(joins[count], W_OK) < 0) {
		rmdir(folders[count]);
		return false;
	}
	*join = joins[count++];
	return true;
}

static bool make_v1(const char *controller, const char **join)
{
	char own[PATH_MAX], parent[PATH_MAX + 64];

	if (!own_cgroup(controller, own, sizeof own))
		return false;
	snprintf(parent, sizeof parent, "/sys/fs/cgroup/%s%s", controller, own[1] ? own : "");
	return make(parent, join);
}

/* The unified tree: below our own cgroup if controllers may be enabled there, else beside it. */
static bool make_v2(const char **join)
{
	char own[PATH_MAX], parent[PATH_MAX + 64], *slash;

	if (!own_cgroup("", own, sizeof own))
		return false;
	snprintf(parent, sizeof parent, "/sys/fs/cgroup%s", own[1] ? own : "");
	if (set(parent, "cgroup.subtree_control", "+memory +cpu") && make(parent, join))
		return true;
	slash = strrchr(parent, '/');
	if (!own[1] || !slash)
		return false;
	*slash = 0;
	return make(parent, join);
}

static bool limit_memory(const char *folder, bool v2)
{
	char value[32];

	if (spec.memory == UINT64_MAX)
		return true;
	snprintf(value, sizeof value, "%llu", (unsigned long long)spec.memory + MEMORY_SLACK);
	if (v2)
		set(folder, "memory.swap.max", "0");
	if (!set(folder, v2 ? "memory.max" : "memory.limit_in_bytes", value))
		return false;
	if (!memwatch_start(folder, v2, spec.memory + MEMORY_SLACK))
		log_line(DK_LOG_WARNING, "-m: this host does not tell when the memory is used up");
	return true;
}

static bool limit_cpu(const char *folder, bool v2)
{
	char value[64];

	if (!spec.cpu_quota)
		return true;
	snprintf(value, sizeof value, v2 ? "%llu 100000" : "%llu", (unsigned long long)spec.cpu_quota * 100);
	return set(folder, v2 ? "cpu.max" : "cpu.cfs_quota_us", value);
}

void cgroup_make(const char **join, unsigned max)
{
	bool memory = spec.memory != UINT64_MAX, cpu = spec.cpu_quota != 0;
	unsigned n = 0;

	memset(join, 0, max * sizeof *join);
	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0) {
		if (make_v2(&join[n])) {
			memory = memory && !limit_memory(folders[count - 1], true);
			cpu = cpu && !limit_cpu(folders[count - 1], true);
		}
	} else {
		if (memory && make_v1("memory", &join[n])) {
			memory = !limit_memory(folders[count - 1], false);
			n++;
		}
		if (cpu && make_v1("cpu", &join[n]))
			cpu = !limit_cpu(folders[count - 1], false);
	}
	if (memory)
		log_line(DK_LOG_WARNING, "-m is held by the sandbox itself only: no memory cgroup can be made here (bailey doctor says more)");
	if (cpu)
		log_line(DK_LOG_WARNING, "--cpus is held by the sandbox itself only: no cpu cgroup can be made here (bailey doctor says more)");
}

void cgroup_remove(void)
{
	for (unsigned i = 0; i < count; i++)
		for (unsigned tries = 0; rmdir(folders[i]) < 0 && errno == EBUSY && tries < 100; tries++)
			usleep(2000);
	count = 0;
}
