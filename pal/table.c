/* SPDX-License-Identifier: MIT */
/* pal/table.c - the bottom of the chain of Dk tables. */
#define DK_PAL_TABLE
#include "pal/pal.h"
