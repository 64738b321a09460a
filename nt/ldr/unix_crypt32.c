/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/unix_crypt32.c - the root certificates that crypt32.dll asks its Unix side for: those of the sandbox's /etc/ssl/certs.
 *
 * One a call, in DER: the caller asks again with more room where there was too little, and gets the same once more.  It asks
 * from beginning to end once a process; where it is, is this picoprocess's own (`next`).
 */
#include "nt/ke/user.h"
#include "nt/ldr/unixcall.h"
#include "nt/os/sysinfo.h"
#include "pico/arena.h"
#include "rt/mem.h"

enum { ATTACH, DETACH, ENUM_ROOT_CERTS = 6 };

#define BUNDLE "/etc/ssl/certs/ca-certificates.crt"
#define BEGIN  "-----BEGIN CERTIFICATE-----"
#define END    "-----END CERTIFICATE-----"

static uint32_t next; /* bytes of the file that have been handed out; PRIVATE */

static int base64(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
}

static const char *find(const char *at, const char *end, const char *what)
{
	size_t n = strlen(what);

	for (; at + n <= end; at++)
		if (memcmp(at, what, n) == 0)
			return at;
	return NULL;
}

/* In place: the result is shorter. */
static uint32_t decode(char *to, const char *at, const char *end)
{
	uint32_t bits = 0, have = 0, n = 0;

	for (; at < end; at++) {
		int v = base64(*at);

		if (v < 0)
			continue;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			to[n++] = (char)(bits >> have);
		}
	}
	return n;
}

static NTSTATUS one(const char *text, uint32_t size, uint64_t buffer, uint32_t room, uint64_t needed)
{
	const char *end = text + size, *begin = find(text + MIN(next, size), end, BEGIN), *stop;
	char *der;
	uint32_t n;
	NTSTATUS status;

	stop = begin != NULL ? find(begin, end, END) : NULL;
	if (stop == NULL) {
		next = 0;
		return STATUS_NO_MORE_ENTRIES;
	}
	begin += sizeof BEGIN - 1;
	der = heap_alloc((size_t)(stop - begin));
	if (der == NULL)
		return STATUS_NO_MEMORY;
	n = decode(der, begin, stop);
	status = user_put32(needed, n);
	if (status == STATUS_SUCCESS && n <= room) {
		status = user_write(buffer, der, n);
		next = (uint32_t)(stop - text);
	}
	heap_free(der);
	return status;
}

static NTSTATUS enum_root_certs(uint64_t args)
{
	struct {
		uint64_t buffer;
		uint32_t size, pad;
		uint64_t needed;
	} q;
	uint32_t size;
	NTSTATUS status = user_read(&q, args, sizeof q);
	char *text;

	if (status != STATUS_SUCCESS)
		return status;
	text = os_read_file(BUNDLE, 4u << 20, &size);
	if (text == NULL)
		return STATUS_NO_MORE_ENTRIES;
	status = one(text, size, q.buffer, q.size, q.needed);
	heap_free(text);
	return status;
}

NTSTATUS unix_crypt32(uint32_t code, uint64_t args)
{
	switch (code) {
	case ATTACH: case DETACH: return STATUS_SUCCESS;
	case ENUM_ROOT_CERTS: return enum_root_certs(args);
	default: return STATUS_NOT_IMPLEMENTED;
	}
}
