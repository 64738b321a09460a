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

/* Who called, by frame pointers on this thread's library-OS stack, for `bailey report`. */
static size_t add_callers(char *text, size_t n, size_t size)
{
	uint64_t slot = (uint64_t)pico_tb() - SLOT_TB, at = (uint64_t)__builtin_frame_address(0);

	n += (size_t)fmt_snprintf(text + n, size - n, "\ncalled from");
	for (unsigned i = 0; i < 24 && n + 20 < size; i++) {
		const uint64_t *frame = (const uint64_t *)at;

		if (at % 8 || at < slot + SLOT_KSTACK || at + 16 > slot + SLOT_KSTACK_TOP)
			break;
		n += (size_t)fmt_snprintf(text + n, size - n, " %lx", (unsigned long)frame[1]);
		if (frame[0] <= at)
			break;
		at = frame[0];
	}
	return n;
}

void panic(const char *format, ...)
{
	char text[512 + 24 * 14];
	va_list ap;
	int n;

	va_start(ap, format);
	n = fmt_vsnprintf(text, 512, format, ap);
	va_end(ap);
	(void)DkDebugStringPrint(DK_LOG_PANIC, text, add_callers(text, MIN((size_t)n, 511u), sizeof text));
	for (;;)
		(void)DkProcessExit(255);
}
