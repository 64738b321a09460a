/* SPDX-License-Identifier: MIT */
/* monitor/filter.c - the monitor's own tight filter. */
#include "monitor/monitor.h"

void filter_install(void)
{
}
