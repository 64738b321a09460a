/* SPDX-License-Identifier: MIT */
/* pico/panic.c - log lines and the end of a sandbox. */

#include "pico/pico.h"
#include "rt/fmt.h"

void log_line(enum dk_log_level level, const char *format, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, format);
	n = fmt_vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	(void)DkDebugStringPrint(level, text, MIN((size_t)n, sizeof text - 1));
}

void panic(const char *format, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, format);
	n = fmt_vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	(void)DkDebugStringPrint(DK_LOG_PANIC, text, MIN((size_t)n, sizeof text - 1));
	for (;;)
		(void)DkProcessExit(255);
}
