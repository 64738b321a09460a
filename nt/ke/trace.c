/* SPDX-License-Identifier: MIT */
/* nt/ke/trace.c - calls in words.  A line is formatted when the call is over; what its names were is kept in it from before. */
#include "abi/dk_boot.h"
#include "nt/ke/dispatch.h"
#include "nt/ke/trace.h"
#include "nt/ke/user.h"
#include "nt/rtl/unicode.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define LINE 800u
#define NAME 360u /* bytes of a name that are shown */

bool nt_tracing;

void nt_trace_init(void)
{
	const char *s = pico_boot_block->trace;

	while (*s != '\0') {
		const char *end = strchr(s, ',');
		size_t len = end != NULL ? (size_t)(end - s) : strlen(s);

		if ((len == 2 && memcmp(s, "nt", 2) == 0) || (len == 3 && memcmp(s, "all", 3) == 0))
			nt_tracing = true;
		s += len;
		s += *s == ',';
	}
}

static const struct {
	uint32_t value;
	const char *name;
} statuses[] = {
#define STATUS(name, value) { value, #name },
#include "nt/status.def"
#undef STATUS
};

const char *nt_status_name(NTSTATUS status)
{
	for (uint32_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (statuses[i].value == status)
			return statuses[i].name;
	return NULL;
}

static int put_name(char *line, int n, uint64_t va)
{
	char text[NAME];
	WCHAR *name;
	uint32_t size;

	if (user_string(va, &name, &size) != STATUS_SUCCESS)
		return n + fmt_snprintf(line + n, LINE - (size_t)n, "<bad>");
	size = name != NULL ? rtl_utf16_to_utf8(text, sizeof text - 1, name, MIN(size, NAME / 2)) : 0;
	text[size] = '\0';
	heap_free(name);
	return n + fmt_snprintf(line + n, LINE - (size_t)n, "\"%s\"", text);
}

static int put_oa(char *line, int n, uint64_t va)
{
	struct OBJECT_ATTRIBUTES oa;

	if (va == 0)
		return n + fmt_snprintf(line + n, LINE - (size_t)n, "0");
	if (user_read(&oa, va, sizeof oa) != STATUS_SUCCESS)
		return n + fmt_snprintf(line + n, LINE - (size_t)n, "<bad>");
	n += fmt_snprintf(line + n, LINE - (size_t)n, "{root=%lx,", oa.RootDirectory);
	if (oa.ObjectName != 0)
		n = put_name(line, n, oa.ObjectName);
	return n + fmt_snprintf(line + n, LINE - (size_t)n, "}");
}

static int put_arg(char *line, int n, uint8_t kind, uint64_t v)
{
	switch (kind) {
	case NT_ARG_OA:
		return put_oa(line, n, v);
	case NT_ARG_USTR:
		return put_name(line, n, v);
	case NT_ARG_I32:
		return n + fmt_snprintf(line + n, LINE - (size_t)n, "%d", (int)v);
	case NT_ARG_U8: case NT_ARG_U32: case NT_ARG_CLASS: case NT_ARG_ACCESS:
		return n + fmt_snprintf(line + n, LINE - (size_t)n, "%x", (uint32_t)v);
	default:
		return n + fmt_snprintf(line + n, LINE - (size_t)n, "%lx", v);
	}
}

void nt_trace_enter(struct nt_thread *t, uint32_t nr, const uint64_t *args)
{
	const struct nt_call *call = nr < nt_ncalls ? &nt_calls[nr] : NULL;
	char line[LINE];
	int n;

	if (call == NULL)
		return;
	n = fmt_snprintf(line, sizeof line, "nt: [%x] %s(", t->tid, call->name);
	for (uint32_t i = 0; i < call->nargs && n < (int)LINE - 40; i++) {
		if (i != 0)
			line[n++] = ',';
		n = put_arg(line, n, call->arg[i], args[i]);
	}
	log_line(DK_LOG_TRACE, "%s)", line);
}

/* A first argument that is a pointer is most often where a handle or size goes: shown with what is there now. */
void nt_trace_leave(struct nt_thread *t, uint32_t nr, const uint64_t *args, NTSTATUS status)
{
	const struct nt_call *call = nr < nt_ncalls ? &nt_calls[nr] : NULL;
	const char *name = nt_status_name(status);
	uint64_t out = 0;

	if (call == NULL)
		return;
	if (call->nargs > 0 && call->arg[0] == NT_ARG_PTR && NT_SUCCESS(status) && user_read(&out, args[0], sizeof out) == STATUS_SUCCESS)
		log_line(DK_LOG_TRACE, "nt: [%x] %s = %x%s%s (%lx)", t->tid, call->name, status, name ? " " : "", name ? name : "", out);
	else
		log_line(DK_LOG_TRACE, "nt: [%x] %s = %x%s%s", t->tid, call->name, status, name ? " " : "", name ? name : "");
}

void nt_trace_missing(const char *call)
{
	log_line(DK_LOG_WARNING, "this Windows program asks for %s, which is not there yet", call);
}
