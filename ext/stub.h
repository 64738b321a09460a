/* SPDX-License-Identifier: MIT */
/*
 * ext/stub.h - what the stubs that tools/abigen.py generates (dk stubs) stand on:
 * the table below, and how a line is put together and put out.
 */
#ifndef EXT_STUB_H
#define EXT_STUB_H

#include "abi/dk_types.h"
#include "dk.gen.h"
#include "rt/fmt.h"

#define TRACE_LINE 480

static const struct dk_table *trace_below;

static inline const char *trace_quote(const char *text)
{
	return text ? "\"" : "";
}

static inline const char *trace_text(const char *text)
{
	return text ? text : "NULL";
}

/* All return the length now; a line that is full stays as it is. */
static int trace_status(char *line, int n, enum dk_status status);
static int trace_more(char *line, int n, const char *format, ...) PRINTF(3, 4);
static void trace_put(const char *line, int n);
#endif
