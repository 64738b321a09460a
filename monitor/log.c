/* SPDX-License-Identifier: MIT */
/*
 * monitor/log.c - the sandbox's log: standard error, or the file of --log.
 *
 * The loop must not wait for whoever reads the log.  Lines that cannot go out at
 * once are kept, up to a limit; what is beyond is counted and said later.  Text
 * that came from a guest loses its control characters: a log is often a terminal.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "monitor/monitor.h"

#define PENDING_MAX (256 * 1024)

static char *pending;
static size_t pending_len;
static uint64_t lost;

static int log_fd(void)
{
	return spec.log_fd >= 0 ? spec.log_fd : STDERR_FILENO;
}

/* Bytes written without waiting; 0 = would wait, -1 = nobody will read this. */
static ssize_t write_some(const char *text, size_t len)
{
	struct pollfd p = { .fd = log_fd(), .events = POLLOUT };
	ssize_t n;

	if (poll(&p, 1, 0) != 1)
		return 0;
	/* A pipe that polls writable takes PIPE_BUF bytes without waiting. */
	if (len > PIPE_BUF)
		len = PIPE_BUF;
	do
		n = write(p.fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	return n;
}

void log_flush(bool wait)
{
	for (unsigned tries = 0; pending_len > 0;) {
		ssize_t n = write_some(pending, pending_len);

		if (n < 0)
			n = (ssize_t)pending_len;
		memmove(pending, pending + n, pending_len - (size_t)n);
		pending_len -= (size_t)n;
		if (n == 0) {
			struct pollfd p = { .fd = log_fd(), .events = POLLOUT };

			if (!wait || tries++ == 20)
				return;
			poll(&p, 1, 50);
		}
	}
}

static void put(const char *line, size_t len)
{
	log_flush(false);
	while (pending_len == 0 && len > 0) {
		ssize_t n = write_some(line, len);

		if (n < 0)
			return;
		if (n == 0)
			break;
		line += n;
		len -= (size_t)n;
	}
	if (len == 0)
		return;
	if (!pending)
		pending = malloc(PENDING_MAX);
	if (!pending || pending_len + len > PENDING_MAX) {
		lost++;
		return;
	}
	memcpy(pending + pending_len, line, len);
	pending_len += len;
}

void log_text(enum dk_log_level level, const char *who, const char *text, size_t len)
{
	char line[MON_TEXT_MAX + 64];
	int n = snprintf(line, sizeof line - 1, "%s", who);
	size_t i, at = n < 0 ? 0 : (size_t)n;

	for (i = 0; i < len && at < sizeof line - 1; i++) {
		unsigned char c = (unsigned char)text[i];

		line[at++] = c >= 0x20 && c != 0x7f ? (char)c : c == '\n' || c == '\t' ? ' ' : '?';
	}
	while (at > 0 && line[at - 1] == ' ')
		at--;
	line[at++] = '\n';
	put(line, at);
	if (lost > 0 && pending_len == 0) {
		n = snprintf(line, sizeof line, "bailey: %llu lines of the log were lost: nobody read them\n", (unsigned long long)lost);
		lost = 0;
		put(line, (size_t)n);
	}
	(void)level;
}

void log_line(enum dk_log_level level, const char *format, ...)
{
	char text[1024];
	va_list ap;
	int n;

	if (level == DK_LOG_INFO && !spec.verbose)
		return;
	va_start(ap, format);
	n = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	log_text(level, "bailey: ", text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

/* Of level INFO only what was asked for; ANSWER is for who asked. */
void log_guest(const struct pico *p, uint64_t level, const char *text, size_t len)
{
	if (level == DK_LOG_ANSWER) {
		if (p == kproc)
			control_answer(text, len);
		return;
	}
	if (level == DK_LOG_TRACE) {
		report_trace(text, len);
		if (control_trace(text, len))
			return;
	}
	if (level != DK_LOG_INFO || spec.verbose || spec.log_fd >= 0)
		log_text((enum dk_log_level)level, level == DK_LOG_TRACE ? "" : "bailey: ", text, len);
}

void fail(const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	log_text(DK_LOG_ERROR, "bailey: ", text, strlen(text));
	if (spec.log_fd >= 0)
		dprintf(STDERR_FILENO, "bailey: %s\n", text);
	sandbox_end(125);
}
