/* SPDX-License-Identifier: MIT */
/* linux/ask.h - questions from outside, which kproc answers. */
#ifndef LINUX_ASK_H
#define LINUX_ASK_H

#include "linux/linux.h"

/* Answers d, a record with d->ask != DK_ASK_NOTHING, by log lines of level ANSWER; linux/ask.c
   has their form.  kproc's thread, no lock held. */
void ask_answer(const struct dk_death *d);
#endif
