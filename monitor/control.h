/* SPDX-License-Identifier: MIT */
/*
 * monitor/control.h - what `bailey ps` and the like and a running monitor say to each other, and
 * where running sandboxes are found.
 *
 * A sandbox that has run for a moment has a socket, CONTROL_PREFIX and its monitor's pid, in the state folder
 * (monitor/state.c): SOCK_SEQPACKET, mode 0600, for its user and root.  A client sends one
 * request and gets answers, the last of kind END, with a sentence if it did not work.  TRACE has no
 * end of its own: lines come until the client goes.  Integers are host order.
 */
#ifndef MONITOR_CONTROL_H
#define MONITOR_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#define CONTROL_MAGIC    0x00796c62u
#define CONTROL_PREFIX   "ctl."
#define REPORT_PREFIX    "report."
#define CONTROL_TEXT_MAX 8192

enum control_op { CONTROL_PROCESSES, CONTROL_THREADS, CONTROL_FILES, CONTROL_TRACE, CONTROL_COUNTS, CONTROL_OPS };
struct control_request {
	uint32_t magic, op;
	uint32_t pid; /* guest process that is meant, 0 = all */
	uint32_t pad;
};

/*
 * PICO is the monitor's own word on a host process of the sandbox.  RECORD is the library OS's, so a guest's
 * perhaps: linux/ask.c has the form that it should have.  NETWORK, the answer to COUNTS, is the monitor's: bytes in and out, packets in and
 * out, connections made and taken, things refused, names asked for, as decimal numbers.  LINE is a line of the trace, and no better.
 */
enum control_kind { CONTROL_PICO, CONTROL_RECORD, CONTROL_LINE, CONTROL_LOST, CONTROL_END, CONTROL_NETWORK };
struct control_answer {
	uint32_t kind;
	uint32_t size;  /* bytes of text behind this struct */
	uint32_t index; /* PICO: what a RECORD of a process names; LOST: lines that were lost, 0 at the start */
	int32_t pid;    /* PICO: of the host */
};

/* The state folder of the calling user. */
void state_folder(char *path, size_t size);

#endif
