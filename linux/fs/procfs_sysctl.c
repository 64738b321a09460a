/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/procfs_sysctl.c - /proc/sys.  Names of host and domain really change;
 * numbers are remembered, and those that linux/ asks for by sysctl_value count.
 */
#include "linux/fs/procfs.h"

#include "linux/fs/tty.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"

static const uint64_t defaults[CTL_COUNT] = { [CTL_DMESG] = 1, [CTL_OVERCOMMIT] = 0, [CTL_RATIO] = 50, [CTL_SWAPPINESS] = 60, [CTL_MAX_MAP] = 65530,
	[CTL_PID_MAX] = 4194304, [CTL_PIPE_MAX] = 1048576, [CTL_FILE_MAX] = 9223372036854775807ull, [CTL_SOMAXCONN] = 4096,
	[CTL_RANDOMIZE] = 2, [CTL_CORE_USES_PID] = 0, [CTL_PTRACE] = 0,
	[CTL_INSTANCES] = 128, [CTL_WATCHES] = 65536, [CTL_QUEUED] = 16384, [CTL_NR_OPEN] = 1048576, [CTL_AIO_MAX] = 65536,
	[CTL_HUGE] = 0, [CTL_DIRTY_RATIO] = 20, [CTL_DIRTY_BG] = 10, [CTL_MMAP_MIN] = 65536, [CTL_LEASE_BREAK] = 45,
	[CTL_FAN_QUEUED] = 16384, [CTL_FAN_GROUPS] = 128, [CTL_FAN_MARKS] = 65536, [CTL_URING_OFF] = 0, [CTL_SYMLINKS] = 1, [CTL_HARDLINKS] = 1 };

/* Values that were set: lx_state()->misc[6], made by the first that is. */
struct changed {
	uint64_t value[CTL_COUNT];
	bool set[CTL_COUNT];
};

static struct changed *changed(void)
{
	return __atomic_load_n((struct changed **)&lx_state()->misc[6], __ATOMIC_ACQUIRE);
}

uint64_t sysctl_value(enum sysctl which)
{
	struct changed *c = changed();

	return c && c->set[which] ? c->value[which] : defaults[which];
}

SHOW(number)
{
	text_add(x, "%lu\n", (unsigned long)sysctl_value(procfs.node[c->key.node].arg));
}

static long remember(enum sysctl which, uint64_t value)
{
	struct lx_state *lx = lx_state();
	struct changed *c;

	lock_take(&lx->tasklist);
	c = changed();
	if (!c && (c = arena_alloc(sizeof *c)) != NULL)
		__atomic_store_n((struct changed **)&lx->misc[6], c, __ATOMIC_RELEASE);
	if (c) {
		c->value[which] = value;
		c->set[which] = true;
	}
	lock_drop(&lx->tasklist);
	return c ? 0 : -ENOMEM;
}

static void trim(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
		text[--n] = '\0';
}

long store_number(struct node_ctx *c, char *text, size_t n)
{
	uint64_t value;
	long err;

	if (!lx_capable(c->t, CAP_SYS_ADMIN))
		return -EPERM;
	trim(text);
	if (!str_u64(text, 10, &value))
		return -EINVAL;
	err = remember(procfs.node[c->key.node].arg, value);
	return err ? err : (long)n;
}

long store_nothing(struct node_ctx *c, char *text, size_t n)
{
	return (long)n;
}

static void show_name(struct text *x, const char *name)
{
	char copy[65];

	lock_take(&lx_state()->tasklist);
	str_copy(copy, name, sizeof copy);
	lock_drop(&lx_state()->tasklist);
	text_add(x, "%s\n", copy[0] ? copy : "(none)");
}

SHOW(hostname)
{
	show_name(x, ns_of(c->t, NS_UTS)->uts.host);
}

SHOW(domainname)
{
	show_name(x, ns_of(c->t, NS_UTS)->uts.domain);
}

static long store_name(struct node_ctx *c, char *to, char *text, size_t n)
{
	if (!ns_capable(c->t, ns_of(c->t, NS_UTS)->user, CAP_SYS_ADMIN))
		return -EPERM;
	trim(text);
	if (strlen(text) > 64)
		return -EINVAL;
	lock_take(&lx_state()->tasklist);
	str_copy(to, text, 65);
	lock_drop(&lx_state()->tasklist);
	return (long)n;
}

long store_hostname(struct node_ctx *c, char *text, size_t n)
{
	return store_name(c, ns_of(c->t, NS_UTS)->uts.host, text, n);
}

long store_domainname(struct node_ctx *c, char *text, size_t n)
{
	return store_name(c, ns_of(c->t, NS_UTS)->uts.domain, text, n);
}

SHOW(boot_id)
{
	text_add(x, "%s\n", lx_state()->boot_id);
}

SHOW(uuid)
{
	uint8_t r[16];

	if (DkRandomBitsRead(r, sizeof r) != DK_OK)
		return;
	r[6] = (r[6] & 0x0f) | 0x40; /* version 4, variant 1 of RFC 4122 */
	r[8] = (r[8] & 0x3f) | 0x80;
	text_add(x, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n", r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7],
		r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
}

SHOW(threads_max)
{
	text_add(x, "%u\n", 191822u);
}

SHOW(ns_last_pid)
{
	text_add(x, "%d\n", tid_last());
}

/* Of the initial namespace; the numbers of others follow their own order. */
long store_ns_last_pid(struct node_ctx *c, char *text, size_t n)
{
	uint64_t value;

	if (!lx_capable(c->t, CAP_SYS_ADMIN))
		return -EPERM;
	trim(text);
	if (!str_u64(text, 10, &value) || value >= LX_PID_MAX || c->t->proc->pid_ns)
		return -EINVAL;
	tid_set_last((int)value);
	return (long)n;
}

SHOW(aio_nr)
{
	text_add(x, "%lu\n", (unsigned long)atomic_load(&lx_state()->aio_nr));
}

SHOW(file_nr)
{
	text_add(x, "1024\t0\t%lu\n", (unsigned long)sysctl_value(CTL_FILE_MAX));
}

SHOW(pty_nr)
{
	struct tty_state *s = tty_state();

	text_add(x, "%u\n", s ? s->pty_count : 0);
}
