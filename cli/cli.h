/* SPDX-License-Identifier: MIT */
/*
 * cli/cli.h - the command `bailey`.
 *
 * `bailey run` checks its options (options.c), turns them into a spec of records
 * (run.c; monitor/spec.c reads it), and becomes the monitor: one process.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor/run.h"

#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

struct list_of {
	const char **at;
	unsigned count;
};
struct options {
	struct list_of volumes, env, env_files, exts, net, publish;
	const char *workdir, *user, *rootfs, *hostname, *registry, *name, *trace, *log, *bare, *pcap;
	uint64_t memory, pids, cpus; /* 0 = not given; cpus in thousandths */
	bool interactive, tty, verbose, stats;
	char **args;                 /* the program and its arguments, NULL behind */
};

void warn(const char *format, ...) PRINTF_LIKE(1, 2);

void options_parse(struct options *o, int argc, char **argv);
void list_add(struct list_of *l, const char *text);
int command_run(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_ps(int argc, char **argv);
int command_top(int argc, char **argv);
int command_stats(int argc, char **argv);
int command_lsof(int argc, char **argv);
int command_core(int argc, char **argv);
int command_strace(int argc, char **argv);
int command_report(int argc, char **argv);
/* --help or -h comes first: prints text. */
bool asked_for_help(int argc, char **argv, const char *text);
extern const char run_help[];

static inline const char *host_name(const struct options *o)
{
	return o->hostname ? o->hostname : "bailey";
}

/* The spec under construction. */
void spec_add(const char *key, const char *format, ...) PRINTF_LIKE(2, 3);

/* env.c */
void env_records(const struct options *o, const char *home);
/* user.c: fills uid=, gid=, groups=; returns the home directory or NULL. */
const char *user_records(const struct options *o);
/* hosts.c: the text of /etc/hosts, if it is another than the root's; behind the root's mount record. */
void hosts_record(const struct options *o);
/* view.c: mounts and hide rules. */
bool is_drive(const char *text); /* it begins with a letter and a colon */
/* Where D: or D:\rest is in a sandbox, /mnt/d/rest (Z: is the root): malloc'ed; NULL: text is no such path. */
char *drive_path(const char *text);
void view_records(const struct options *o, const char *cwd);
/* ---- registry.c ---- */
void registry_records(const struct options *o);
#endif
