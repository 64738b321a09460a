/* SPDX-License-Identifier: MIT */
/*
 * ext/trace/trace.c - shows every Dk call with its arguments and result, one line a call,
 * in the sandbox's log.
 *
 * The stubs are generated from abi/dk.abi, so a new call is traced without a word here.
 * A call is shown when it returns, except the two that never do.  The argument may
 * name calls to leave out, separated by commas: "DkSystemTimeQuery,DkEventSet".
 */
#include "ext/ext.h"
#include "ext/stub.h"
#include "rt/mem.h"
#include "dk_stubs.gen.h"

static struct dk_table table;

static int trace_more(char *line, int n, const char *format, ...)
{
	va_list ap;

	if (n >= TRACE_LINE - 1)
		return n;
	va_start(ap, format);
	n += fmt_vsnprintf(line + n, (size_t)(TRACE_LINE - n), format, ap);
	va_end(ap);
	return MIN(n, TRACE_LINE - 1);
}

static int trace_status(char *line, int n, enum dk_status status)
{
	static const char *const names[] = {
#define STATUS(name, nr, err, ntstatus, text) [nr] = #name,
#include "abi/dk_status.def"
#undef STATUS
	};

	n = MIN(n, TRACE_LINE - 1);
	return trace_more(line, n, " = %s", (unsigned)status < ARRAY_LEN(names) && names[status] ? names[status] : "?");
}

static void trace_put(const char *line, int n)
{
	(void)trace_below->DebugStringPrint(DK_LOG_TRACE, line, (uint64_t)MIN(n, TRACE_LINE - 1));
}

struct call_name {
	const char *name;
	uint32_t offset;
};
static const struct call_name calls[] = {
#define CALL(name) { "Dk" #name, offsetof(struct dk_table, name) },
	DK_STUB_CALLS(CALL)
#undef CALL
};

/* Puts the function from below back where arg names a call. */
static bool leave_out(const char *name, uint64_t len)
{
	for (unsigned i = 0; i < ARRAY_LEN(calls); i++) {
		if (strlen(calls[i].name) == len && memcmp(calls[i].name, name, len) == 0) {
			memcpy((char *)&table + calls[i].offset, (const char *)trace_below + calls[i].offset, sizeof(void *));
			return true;
		}
	}
	return false;
}

static const struct dk_table *attach(const struct dk_table *below, const struct dk_boot *boot, const char *arg)
{
	(void)boot;
	if (below->version != DK_TABLE_VERSION || below->size != sizeof table)
		return NULL;
	trace_below = below;
	table = stub_table;
	while (*arg) {
		const char *end = strchr(arg, ',');
		uint64_t len = end ? (uint64_t)(end - arg) : strlen(arg);

		if (!leave_out(arg, len))
			return NULL;
		arg += len + (end ? 1 : 0);
	}
	return &table;
}

DK_EXTENSION(attach);
