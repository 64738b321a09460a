/* SPDX-License-Identifier: MIT */
/* nt/ex/timezone.c - the sandbox's time zone as Windows has it. */
#include "nt/ex/system.h"
#include "rt/mem.h"

void sys_zone(struct sys_zone *z)
{
	static const WCHAR utc[] = u"UTC";

	memset(z, 0, sizeof *z);
	memcpy(z->standard_name, utc, sizeof utc);
	memcpy(z->daylight_name, utc, sizeof utc);
	memcpy(z->key_name, utc, sizeof utc);
}

int32_t sys_zone_bias_now(const struct sys_zone *z, int64_t now, uint32_t *kind)
{
	(void)now;
	*kind = 0;
	return z->bias;
}
