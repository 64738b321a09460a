/* SPDX-License-Identifier: MIT */
/*
 * linux/trace.c - `--trace lx`: each system call as one line, strace-like.
 *
 * The table tells what each argument is.  Paths and strings are read before the
 * call, since it may change them; calls that do not return (exit, execve that works)
 * are printed before they run.
 */
#include "linux/entry.h"
#include "linux/proc/proc.h"
#include "pico/uaccess.h"
#include "rt/fmt.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

#define LINE_MAX_ 640
#define TEXT_MAX  120

struct line {
	char text[LINE_MAX_];
	size_t len;
};

static const char *const errors[] = {
	[EPERM] = "EPERM", [ENOENT] = "ENOENT", [ESRCH] = "ESRCH", [EINTR] = "EINTR", [EIO] = "EIO", [ENXIO] = "ENXIO",
	[E2BIG] = "E2BIG", [ENOEXEC] = "ENOEXEC", [EBADF] = "EBADF", [ECHILD] = "ECHILD", [EAGAIN] = "EAGAIN",
	[ENOMEM] = "ENOMEM", [EACCES] = "EACCES", [EFAULT] = "EFAULT", [EBUSY] = "EBUSY", [EEXIST] = "EEXIST",
	[EXDEV] = "EXDEV", [ENODEV] = "ENODEV", [ENOTDIR] = "ENOTDIR", [EISDIR] = "EISDIR", [EINVAL] = "EINVAL",
	[ENFILE] = "ENFILE", [EMFILE] = "EMFILE", [ENOTTY] = "ENOTTY", [ETXTBSY] = "ETXTBSY", [EFBIG] = "EFBIG",
	[ENOSPC] = "ENOSPC", [ESPIPE] = "ESPIPE", [EROFS] = "EROFS", [EMLINK] = "EMLINK", [EPIPE] = "EPIPE",
	[EDOM] = "EDOM", [ERANGE] = "ERANGE", [EDEADLK] = "EDEADLK", [ENAMETOOLONG] = "ENAMETOOLONG",
	[ENOSYS] = "ENOSYS", [ENOTEMPTY] = "ENOTEMPTY", [ELOOP] = "ELOOP", [ENODATA] = "ENODATA",
	[EOVERFLOW] = "EOVERFLOW", [ELIBBAD] = "ELIBBAD", [ENOTSOCK] = "ENOTSOCK", [EOPNOTSUPP] = "EOPNOTSUPP",
	[EAFNOSUPPORT] = "EAFNOSUPPORT", [EADDRINUSE] = "EADDRINUSE", [ECONNRESET] = "ECONNRESET",
	[EISCONN] = "EISCONN", [ENOTCONN] = "ENOTCONN", [ETIMEDOUT] = "ETIMEDOUT", [ECONNREFUSED] = "ECONNREFUSED",
	[EALREADY] = "EALREADY", [EINPROGRESS] = "EINPROGRESS", [ERESTARTSYS] = "ERESTARTSYS",
	[ERESTARTNOINTR] = "ERESTARTNOINTR", [ERESTARTNOHAND] = "ERESTARTNOHAND",
	[ERESTART_RESTARTBLOCK] = "ERESTART_RESTARTBLOCK",
};

static void add(struct line *l, const char *format, ...) PRINTF(2, 3);
static void add(struct line *l, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = fmt_vsnprintf(l->text + l->len, sizeof l->text - l->len, format, ap);
	va_end(ap);
	l->len = MIN(l->len + (size_t)n, sizeof l->text - 1);
}

static void add_string(struct line *l, uint64_t va)
{
	char s[TEXT_MAX + 1];
	int64_t n;

	if (!va) {
		add(l, "NULL");
		return;
	}
	n = uaccess_string(s, va, TEXT_MAX);
	if (n == -1) {
		add(l, "0x%llx", (unsigned long long)va);
		return;
	}
	s[n < 0 ? TEXT_MAX : n] = '\0';
	for (char *p = s; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	add(l, "\"%s\"%s", s, n == -2 ? "..." : "");
}

static void add_argument(struct line *l, const char *name, unsigned i, uint8_t kind, uint64_t v)
{
	switch (kind) {
	case LX_ARG_PATH:
	case LX_ARG_STR:
		add_string(l, v);
		break;
	case LX_ARG_FD:
		if ((int)v == AT_FDCWD)
			add(l, "AT_FDCWD");
		else
			add(l, "%d", (int)v);
		break;
	case LX_ARG_INT:
	case LX_ARG_PID:
	case LX_ARG_SIG:
	case LX_ARG_CLOCK:
		add(l, "%d", (int)v);
		break;
	case LX_ARG_UID:
		add(l, "%d", (int)v);
		break;
	case LX_ARG_MODE:
	case LX_ARG_OFLAGS:
		add(l, "0%o", (unsigned)v);
		break;
	case LX_ARG_SIZE:
		add(l, "%llu", (unsigned long long)v);
		break;
	case LX_ARG_I64:
	case LX_ARG_OFF:
		add(l, "%lld", (long long)v);
		break;
	case LX_ARG_U32:
		add(l, "0x%x", (unsigned)v);
		break;
	default:
		add(l, v ? "0x%llx" : "%llu", (unsigned long long)v);
		break;
	}
	(void)name;
	(void)i;
}

static void call_text(struct line *l, struct lx_thread *t, uint64_t nr, const struct lx_call *call, const uint64_t *args)
{
	add(l, "[%d] ", t->tid);
	if (!call) {
		add(l, "syscall_%llu(0x%llx, 0x%llx, 0x%llx", (unsigned long long)nr, (unsigned long long)args[0],
			(unsigned long long)args[1], (unsigned long long)args[2]);
		return;
	}
	add(l, "%s(", call->name);
	for (unsigned i = 0; i < call->nargs; i++) {
		if (i)
			add(l, ", ");
		add_argument(l, call->name, i, call->kinds[i], args[i]);
	}
}

static bool may_not_return(uint64_t nr)
{
	return nr == LX_NR_exit || nr == LX_NR_exit_group || nr == LX_NR_execve || nr == LX_NR_execveat || nr == LX_NR_rt_sigreturn;
}

/* What was said before the call, kept in private memory until its result is known. */
void trace_enter(struct lx_thread *t, uint64_t nr, const struct lx_call *call, const uint64_t *args)
{
	struct line *l = heap_alloc(sizeof *l);

	if (!l)
		return;
	l->len = 0;
	call_text(l, t, nr, call, args);
	if (may_not_return(nr)) {
		log_line(DK_LOG_TRACE, "%s) ...", l->text);
		heap_free(l);
		l = NULL;
	}
	t->priv[1] = l;
}

void trace_leave(struct lx_thread *caller, uint64_t nr, const struct lx_call *call, const uint64_t *args, long result)
{
	struct lx_thread *t = lx_current();
	struct line *l = caller->priv[1], own;
	const char *error = result < 0 && -result < (long)ARRAY_LEN(errors) ? errors[-result] : NULL;

	if (t != caller)
		l = NULL; /* a child: the text is the parent's */
	else
		t->priv[1] = NULL;
	if (!l) {
		own.len = 0;
		own.text[0] = '\0';
		add(&own, "[%d] ... %s(", t->tid, call ? call->name : "?");
	}
	(void)nr;
	(void)args;
	if (error)
		log_line(DK_LOG_TRACE, "%s) = -%s", l ? l->text : own.text, error);
	else if (result < 0 || result < 0x100000)
		log_line(DK_LOG_TRACE, "%s) = %ld", l ? l->text : own.text, result);
	else
		log_line(DK_LOG_TRACE, "%s) = 0x%lx", l ? l->text : own.text, (unsigned long)result);
	heap_free(l);
}

void trace_resumed(struct lx_thread *t, int pid)
{
	struct line *l = t->priv[1];

	if (!l)
		return;
	t->priv[1] = NULL;
	log_line(DK_LOG_TRACE, "%s) = %d", l->text, pid);
	heap_free(l);
}
