/* SPDX-License-Identifier: MIT */
/* cli/options.c - the options of `bailey run`; docker's letters where docker has the same thing. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

const char run_help[] =
    "bailey run [OPTIONS] [--] PROGRAM [ARGUMENTS]\n"
    "\n"
    "The program sees this host's files read-only with its own changes in memory on top,\n"
    "a private /tmp, no network beyond its own, no other process.  Its exit code is the command's; 128+N\n"
    "if signal N ended it, 125 if bailey failed, 126 and 127 if the program cannot be run.\n"
    "\n"
    "  -v, --volume HOST:GUEST[:ro]  show a folder or file of the host, writable unless :ro;\n"
    "                                GUEST may be a drive, as in -v ~/data:D: or -v ~/data:C:\\data\n"
    "  -e, --env NAME[=VALUE]        set a variable, or pass the caller's on\n"
    "      --env-file FILE           the same, one a line\n"
    "  -w, --workdir DIR             start there (default: where you are)\n"
    "  -u, --user UID[:GID]          who the program believes to be\n"
    "  -m, --memory SIZE             limit of memory, with k, m or g\n"
    "      --cpus N                  limit of processors, like 1.5\n"
    "      --pids N                  limit of processes and threads\n"
    "      --rootfs DIR              root folder instead of the host's\n"
    "      --hostname NAME           host name inside\n"
    "      --registry FILE           keep Windows programs' registry (HKLM\\Software, HKCU) in it\n"
    "      --name NAME               name of the sandbox\n"
    "  -i, --interactive             keep the input open (it always is)\n"
    "  -t, --tty                     give the program the terminal (the input must be one)\n"
    "      --net none                no network but 127.0.0.1 and ::1 within (as without it)\n"
    "      --net host                what this host reaches, its own services too\n"
    "      --net allow:RULE,...      connections to what a rule names: ADDRESS[/BITS], NAME, *.NAME, *,\n"
    "                                localhost or dns, each with :PORT, :PORT-PORT, /tcp or /udp behind it\n"
    "  -p, --publish [ADDR:]HOSTPORT:PORT[/tcp|/udp]\n"
    "                                let others reach a port of the program's at a port of this host\n"
    "      --pcap FILE               write what goes over the network outside to FILE, for tcpdump -r (slower)\n"
    "      --ext NAME[=ARG]          stack an extension\n"
    "      --trace lx,nt,dk,mon      trace Linux and NT system calls, Dk calls, monitor requests\n"
    "      --stats                   say at the end how many traps, requests and processes there were\n"
    "      --log FILE                log there instead of standard error\n"
    "      --verbose                 say what is shown and hidden\n";

enum { OPT_ENV_FILE = 256, OPT_CPUS, OPT_PIDS, OPT_ROOTFS, OPT_HOSTNAME, OPT_REGISTRY, OPT_NAME, OPT_NET, OPT_PCAP, OPT_EXT, OPT_TRACE, OPT_LOG,
	OPT_VERBOSE, OPT_STATS, OPT_BARE, OPT_RM };

static const struct option long_options[] = {
	{ "volume", 1, NULL, 'v' }, { "env", 1, NULL, 'e' }, { "env-file", 1, NULL, OPT_ENV_FILE },
	{ "workdir", 1, NULL, 'w' }, { "user", 1, NULL, 'u' }, { "memory", 1, NULL, 'm' }, { "cpus", 1, NULL, OPT_CPUS },
	{ "pids", 1, NULL, OPT_PIDS }, { "pids-limit", 1, NULL, OPT_PIDS }, { "rootfs", 1, NULL, OPT_ROOTFS },
	{ "hostname", 1, NULL, OPT_HOSTNAME }, { "registry", 1, NULL, OPT_REGISTRY }, { "name", 1, NULL, OPT_NAME }, { "interactive", 0, NULL, 'i' },
	{ "tty", 0, NULL, 't' }, { "net", 1, NULL, OPT_NET }, { "network", 1, NULL, OPT_NET }, { "publish", 1, NULL, 'p' }, { "pcap", 1, NULL, OPT_PCAP },
	{ "ext", 1, NULL, OPT_EXT }, { "trace", 1, NULL, OPT_TRACE }, { "log", 1, NULL, OPT_LOG },
	{ "verbose", 0, NULL, OPT_VERBOSE }, { "stats", 0, NULL, OPT_STATS }, { "bare", 1, NULL, OPT_BARE }, { "rm", 0, NULL, OPT_RM }, { "help", 0, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static uint64_t size_of(const char *text)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || text[0] == '-')
		fail("-m %s is no size: write it like 512m or 2g", text);
	switch (*end) {
	case 'g': case 'G': n <<= 10; /* fallthrough */
	case 'm': case 'M': n <<= 10; /* fallthrough */
	case 'k': case 'K': n <<= 10; /* fallthrough */
	case 'b': case 'B': end++; break;
	}
	if (*end == 'b' || *end == 'B')
		end++;
	if (*end)
		fail("-m %s is no size: write it like 512m or 2g", text);
	if (n < 16u << 20)
		fail("-m %s is too little: a sandbox needs at least 16m", text);
	return n;
}

static uint64_t thousandths_of(const char *text)
{
	char *end;
	double d = strtod(text, &end);

	if (end == text || *end || !(d >= 0.01) || d > 65536)
		fail("--cpus %s is no number of processors: write it like 1.5", text);
	return (uint64_t)(d * 1000 + 0.5);
}

static uint64_t count_of(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end || n < 1 || n > 65536)
		fail("--pids %s is no number between 1 and 65536", text);
	return n;
}

static const char *name_of(const char *option, const char *text)
{
	if (!*text || strlen(text) > 63 ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != strlen(text) || text[0] == '-' || text[0] == '.')
		fail("%s %s is no name: letters, digits, dots and dashes, at most 63", option, text);
	return text;
}

static const char *trace_of(const char *text)
{
	char copy[64], *save = NULL;

	if (strlen(text) >= sizeof copy)
		fail("--trace takes lx, nt, dk and mon, with commas between");
	strcpy(copy, text);
	for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save))
		if (strcmp(word, "lx") != 0 && strcmp(word, "nt") != 0 && strcmp(word, "dk") != 0 && strcmp(word, "mon") != 0)
			fail("--trace takes lx, nt, dk and mon, with commas between: not %s", word);
	return text;
}

/* none, host or allow:RULE,RULE; the monitor reads the rules, and says what is wrong with one. */
static void net_option(struct options *o, char *text)
{
	char *save = NULL;

	if (!strcmp(text, "none"))
		return;
	if (!strcmp(text, "host")) {
		list_add(&o->net, "host");
		return;
	}
	if (strncmp(text, "allow:", 6) != 0 || !text[6])
		fail("--net %s is none of none, host and allow:RULE,...", text);
	for (char *rule = strtok_r(text + 6, ",", &save); rule; rule = strtok_r(NULL, ",", &save)) {
		char *record = malloc(strlen(rule) + 7);

		if (!record)
			fail("no memory for the rules");
		sprintf(record, "allow:%s", rule);
		list_add(&o->net, record);
	}
}

static void take(struct options *o, int c, char *bad)
{
	switch (c) {
	case 'v': list_add(&o->volumes, optarg); break;
	case 'e': list_add(&o->env, optarg); break;
	case OPT_ENV_FILE: list_add(&o->env_files, optarg); break;
	case 'w': o->workdir = optarg; break;
	case 'u': o->user = optarg; break;
	case 'm': o->memory = size_of(optarg); break;
	case OPT_CPUS: o->cpus = thousandths_of(optarg); break;
	case OPT_PIDS: o->pids = count_of(optarg); break;
	case OPT_ROOTFS: o->rootfs = optarg; break;
	case OPT_HOSTNAME: o->hostname = name_of("--hostname", optarg); break;
	case OPT_REGISTRY: o->registry = optarg; break;
	case OPT_NAME: o->name = name_of("--name", optarg); break;
	case 'i': o->interactive = true; break;
	case 't': o->tty = true; break;
	case OPT_NET:
		net_option(o, optarg);
		break;
	case 'p': list_add(&o->publish, optarg); break;
	case OPT_PCAP: o->pcap = optarg; break;
	case OPT_EXT: list_add(&o->exts, optarg); break;
	case OPT_TRACE: o->trace = trace_of(optarg); break;
	case OPT_LOG: o->log = optarg; break;
	case OPT_VERBOSE: o->verbose = true; break;
	case OPT_STATS: o->stats = true; break;
	case OPT_BARE: o->bare = optarg; break;
	case OPT_RM: break; /* a sandbox leaves nothing anyway */
	case 'h': fputs(run_help, stdout); exit(0);
	case ':': fail("option %s needs a value: `bailey run --help` lists the options", bad);
	default: fail("there is no option %s: `bailey run --help` lists the options", bad);
	}
}

void options_parse(struct options *o, int argc, char **argv)
{
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:v:e:w:u:m:p:ith", long_options, NULL)) != -1) {
		char letter[3] = { '-', (char)optopt, 0 };

		take(o, c, optopt > 0 && optopt < 256 ? letter : argv[optind - 1]);
	}
	o->args = argv + optind;
	if (!o->args[0] && !o->bare)
		fail("no program given: bailey run [OPTIONS] PROGRAM [ARGUMENTS]");
}
