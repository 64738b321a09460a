/* SPDX-License-Identifier: MIT */
/* linux/sig/core_name.c - the name of a core file by kernel.core_pattern, as core(5) has it; no programs ('|'). */
#include "linux/fs/procfs.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "linux/sig/core.h"

struct name {
	char *buf;
	size_t len;
	bool pid; /* its number is in it */
};

static void put_char(struct name *n, char c)
{
	if (n->len < CORE_NAME_MAX - 1)
		n->buf[n->len++] = c;
}

/* A part that is one name: no folder may come from it. */
static void put_part(struct name *n, const char *s)
{
	for (; *s; s++)
		put_char(n, *s == '/' ? '!' : *s);
}

static void put_number(struct name *n, unsigned long value)
{
	char digits[24];

	fmt_snprintf(digits, sizeof digits, "%lu", value);
	put_part(n, digits);
}

static void put_exe(struct name *n, const struct lx_proc *p, bool whole)
{
	const char *name = p->exe_path, *slash = strrchr(name, '/');

	put_part(n, whole || !slash ? name : slash + 1);
}

static void put_special(struct name *n, char what, struct lx_thread *t, int sig)
{
	struct lx_proc *p = t->proc;
	char comm[17] = { 0 };

	switch (what) {
	case '%':
		put_char(n, '%');
		break;
	case 'p':
	case 'P':
		put_number(n, (unsigned long)(what == 'p' ? pid_out(t, p->pid) : p->pid));
		n->pid = n->pid || what == 'p';
		break;
	case 'i':
	case 'I':
		put_number(n, (unsigned long)(what == 'i' ? t->vtid : t->tid));
		break;
	case 'u':
		put_number(n, t->cred.uid);
		break;
	case 'g':
		put_number(n, t->cred.gid);
		break;
	case 'd':
		put_number(n, p->dumpable);
		break;
	case 's':
		put_number(n, (unsigned long)sig);
		break;
	case 't':
		put_number(n, pico_now_realtime() / 1000000000);
		break;
	case 'c':
		put_number(n, p->rlim[RLIMIT_CORE].rlim_cur);
		break;
	case 'h':
		put_part(n, ns_of(t, NS_UTS)->uts.host);
		break;
	case 'e':
		memcpy(comm, t->comm, sizeof t->comm);
		put_part(n, comm);
		break;
	case 'f':
	case 'E':
		put_exe(n, p, what == 'E');
		break;
	default:
		break;
	}
}

bool core_name(struct lx_thread *t, int sig, char *buf)
{
	struct name n = { .buf = buf };
	char pattern[sizeof lx_state()->core_pattern];

	lock_take(&lx_state()->tasklist);
	memcpy(pattern, lx_state()->core_pattern, sizeof pattern);
	lock_drop(&lx_state()->tasklist);
	for (const char *s = pattern; *s; s++) {
		if (*s != '%')
			put_char(&n, *s);
		else if (*++s)
			put_special(&n, *s, t, sig);
		else
			break;
	}
	if (!n.pid && sysctl_value(CTL_CORE_USES_PID)) {
		put_char(&n, '.');
		put_number(&n, (unsigned long)pid_out(t, t->proc->pid));
	}
	buf[n.len] = '\0';
	return n.len != 0;
}

SHOW(core_pattern)
{
	char pattern[sizeof lx_state()->core_pattern];

	lock_take(&lx_state()->tasklist);
	memcpy(pattern, lx_state()->core_pattern, sizeof pattern);
	lock_drop(&lx_state()->tasklist);
	text_add(x, "%s\n", pattern);
}

long store_core_pattern(struct node_ctx *c, char *text, size_t n)
{
	char *newline = strchr(text, '\n');

	if (newline)
		*newline = '\0';
	if (!lx_capable(c->t, CAP_SYS_ADMIN))
		return -EPERM;
	if (*text == '|')
		return -EOPNOTSUPP; /* nobody runs programs for the library OS */
	lock_take(&lx_state()->tasklist);
	str_copy(lx_state()->core_pattern, text, sizeof lx_state()->core_pattern);
	lock_drop(&lx_state()->tasklist);
	return (long)n;
}

SHOW(coredump_filter)
{
	text_add(x, "%08x\n", c->proc->coredump_filter);
}

long store_coredump_filter(struct node_ctx *c, char *text, size_t n)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	size_t len = strlen(text);
	uint64_t value;

	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	if (!str_u64(hex ? text + 2 : text, hex ? 16 : 10, &value))
		return -EINVAL;
	c->proc->coredump_filter = (uint32_t)value & 0x1ff;
	return (long)n;
}
