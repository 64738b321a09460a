/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/tz.h - time zones: POSIX's rules made Windows', and Windows' names of zones.
 *
 * All pure functions and tables; tests/unit/nt_tz_test.c.
 */
#ifndef NT_EX_TZ_H
#define NT_EX_TZ_H

#include "nt/types.h"

struct tz_date { /* SYSTEMTIME as a rule: the day-th (5: last) weekday of month; month 0: none */
	uint16_t year, month, weekday, day, hour, minute, second, ms;
};
struct tz_rule { /* REG_TZI_FORMAT, 44 bytes */
	int32_t bias, standard_bias, daylight_bias; /* minutes: UTC = local time + bias + one of the two */
	struct tz_date standard_date, daylight_date;
};
_Static_assert(sizeof(struct tz_rule) == 44, "REG_TZI_FORMAT");

/* "CET-1CEST,M3.5.0,M10.5.0/3" (POSIX.1, TZ).  Rules by day of the year are taken as no daylight time.  False: it cannot be read. */
bool tz_parse(const char *posix, struct tz_rule *r);
/* The rule at the end of a TZif file (RFC 8536) of size bytes with a NUL behind; NULL: there is none. */
const char *tz_footer(char *file, uint32_t size);

struct tz_zone {
	const char *name;    /* "W. Europe Standard Time" */
	const char *iana;    /* "Europe/Berlin" */
	const char *posix;
	const char *cities;  /* of the name that is shown */
	uint32_t text;       /* tzres.dll's number of the name; the next two: while there is daylight time, as it is shown */
};
extern const struct tz_zone tz_zones[];
extern const unsigned tz_nzones;
/* The zone of that IANA name with this rule, or else the first that has the rule; NULL: none. */
const struct tz_zone *tz_find(const char *iana, const struct tz_rule *r);
/* "(UTC+01:00) Berlin" */
void tz_display(const struct tz_zone *z, char *to, uint32_t room);
/* The names while there is no daylight time and while there is, in English: what tzres.dll has. */
const char *tz_standard_name(const struct tz_zone *z);
void tz_daylight_name(const struct tz_zone *z, char *to, uint32_t room);
/* Minutes to add to local time for UTC at `now` (NT time, UTC), and 0, 1 or 2: no daylight time, standard, daylight. */
int32_t tz_bias_at(const struct tz_rule *r, int64_t now, uint32_t *kind);
#endif
