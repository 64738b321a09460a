/* SPDX-License-Identifier: MIT */
/* nt/cm/persist.h - the registry's file of the host, where there is one. */
#ifndef NT_CM_PERSIST_H
#define NT_CM_PERSIST_H

#include "nt/cm/cm.h"

/* What the file has takes the place of what the new registry began with.  False: it is damaged. */
bool cm_persist_load(struct cm_state *s) MUST_CHECK;
/* Before a program starts: what is wrong with the file; NULL: nothing. */
const char *cm_persist_problem(void);
/* To the disk, if something changed. */
NTSTATUS cm_persist_save(void);
#endif
