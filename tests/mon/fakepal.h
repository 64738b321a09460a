/* SPDX-License-Identifier: MIT */
/* tests/mon/fakepal.h - just enough of pal to speak to the monitor. */
#ifndef TESTS_MON_FAKEPAL_H
#define TESTS_MON_FAKEPAL_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/dk_boot.h"
#include "abi/monitor.h"

extern struct mon_boot boot;
extern struct mon_start start;
extern int boot_fds[MON_BOOT_FDS];
extern int channel;
extern char reply_data[MON_DATA_MAX];
extern struct mon_reply reply;
extern int reply_fd;

/* One request and its answer; text2 goes behind a NUL if not NULL. */
enum dk_status call(uint32_t op, uint64_t stream, const uint64_t *args, const char *text, const void *text2, uint32_t text2_len);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tell(uint32_t op, uint64_t a0, uint64_t a1, const char *text); /* no answer */
void send_raw(const void *bytes, uint64_t len);
const char *config(const char *key, unsigned nr);

void run_ops(const char *what);
void run_hostile(const char *what);

unsigned test_tree(void); /* tree.c: how much was wrong */
unsigned test_opened(void); /* opened.c */
unsigned test_ahead(void);  /* ahead.c */
#endif
