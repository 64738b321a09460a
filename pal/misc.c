/* SPDX-License-Identifier: MIT */
/* pal/misc.c - statuses, private locks, entropy, log and panic. */
#include "pal/pal.h"
#include "rt/fmt.h"
#include "rt/mem.h"

enum dk_status status_of(long result)
{
	static const struct {
		uint8_t err, status;
	} map[] = {
		{ 1, DK_PERMISSION }, { 2, DK_NOT_FOUND }, { 4, DK_INTERRUPTED }, { 5, DK_IO }, { 6, DK_NO_DEVICE },
		{ 9, DK_INVALID_HANDLE }, { 11, DK_AGAIN }, { 12, DK_NO_MEMORY }, { 13, DK_DENIED }, { 14, DK_FAULT },
		{ 16, DK_BUSY }, { 17, DK_EXISTS }, { 18, DK_CROSS_DEVICE }, { 19, DK_NO_DEVICE }, { 20, DK_NOT_DIRECTORY },
		{ 21, DK_IS_DIRECTORY }, { 22, DK_INVALID_ARG }, { 23, DK_TOO_MANY }, { 24, DK_TOO_MANY }, { 25, DK_NOT_TTY },
		{ 26, DK_TEXT_BUSY }, { 27, DK_TOO_BIG }, { 28, DK_NO_SPACE }, { 29, DK_SPIPE }, { 30, DK_READ_ONLY },
		{ 31, DK_TOO_MANY_LINKS }, { 32, DK_BROKEN_PIPE }, { 34, DK_RANGE }, { 36, DK_NAME_TOO_LONG },
		{ 38, DK_NOT_SUPPORTED }, { 39, DK_NOT_EMPTY }, { 40, DK_SYMLINK }, { 61, DK_NO_DATA }, { 90, DK_MESSAGE_SIZE },
		{ 95, DK_NOT_SUPPORTED }, { 98, DK_ADDRESS_IN_USE }, { 99, DK_ADDRESS_NOT_THERE }, { 100, DK_NET_UNREACHABLE },
		{ 101, DK_NET_UNREACHABLE }, { 104, DK_RESET }, { 107, DK_NOT_CONNECTED }, { 110, DK_TIMEOUT }, { 111, DK_REFUSED },
		{ 112, DK_HOST_UNREACHABLE }, { 113, DK_HOST_UNREACHABLE }, { 122, DK_QUOTA },
	};

	if (LIKELY(result >= 0))
		return DK_OK; /* each read and write comes here */
	for (unsigned i = 0; i < ARRAY_LEN(map); i++) {
		if (map[i].err == -result)
			return (enum dk_status)map[i].status;
	}
	return DK_IO;
}

void mutex_take(struct mutex *m)
{
	uint32_t free = 0;

	if (atomic_compare_exchange_strong(&m->word, &free, 1))
		return;
	for (unsigned i = 0; i < 100; i++) {
		cpu_relax();
		free = 0;
		if (atomic_compare_exchange_strong(&m->word, &free, 1))
			return;
	}
	while (atomic_exchange(&m->word, 2) != 0)
		(void)HOST4(futex, &m->word, FUTEX_WAIT | FUTEX_PRIVATE, 2, NULL);
}

void mutex_drop(struct mutex *m)
{
	if (atomic_exchange(&m->word, 0) == 2)
		(void)HOST3(futex, &m->word, FUTEX_WAKE | FUTEX_PRIVATE, 1);
}

enum dk_status DkRandomBitsRead(void *buffer, uint64_t size)
{
	char *p = buffer;

	while (size > 0) {
		long n = HOST3(getrandom, p, MIN(size, 1ul << 20), 0);

		if (n == -HOST_EINTR)
			continue;
		if (n <= 0)
			return status_of(n);
		p += n;
		size -= (uint64_t)n;
	}
	return DK_OK;
}

enum dk_status DkInstructionCacheFlush(uint64_t address, uint64_t size)
{
	(void)address;
	(void)size;
	return DK_OK;
}

/* Sends a PANIC without any lock, from wherever we are, and ends the picoprocess. */
static void NORETURN panic_text(const char *text, uint64_t len)
{
	static struct {
		struct mon_request req;
		char text[2048];
	} message BIG_BSS;

	message.req = (struct mon_request){ .op = MON_PANIC, .text_len = (uint32_t)MIN(len, sizeof message.text) };
	memcpy(message.text, text, message.req.text_len);
	(void)HOST6(sendto, channel_fd, &message, sizeof message.req + message.req.text_len, MSG_NOSIGNAL, 0, 0);
	for (;;)
		(void)HOST1(exit_group, 134);
}

void pal_panic(const char *format, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, format);
	n = fmt_vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	panic_text(text, MIN((uint64_t)n, sizeof text - 1));
}

enum dk_status DkDebugStringPrint(uint32_t level, const void *text, uint64_t size)
{
	struct rpc r = { .req = { .op = MON_LOG, .args = { level } }, .text = text, .text_len = MIN(size, MON_TEXT_MAX) };

	if (level > DK_LOG_ANSWER || (size && !text))
		return DK_INVALID_ARG;
	if (level == DK_LOG_PANIC)
		panic_text(text, size);
	rpc_send(&r);
	return DK_OK;
}
