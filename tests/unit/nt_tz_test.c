/* SPDX-License-Identifier: MIT */
/* tests/unit/nt_tz_test.c - time zones' rules, against the C library's local time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nt/ex/tz.h"
#include "tests/unit/t.h"

#define NT_TIME(unix_seconds) (((int64_t)(unix_seconds) + 11644473600ll) * 10000000ll)

static void parse(void)
{
	struct tz_rule r;

	T_CASE("rules as POSIX writes them");
	T_OK(tz_parse("CET-1CEST,M3.5.0,M10.5.0/3", &r));
	T_EQ(r.bias, -60);
	T_EQ(r.daylight_bias, -60);
	T_OK(r.daylight_date.month == 3 && r.daylight_date.day == 5 && r.daylight_date.weekday == 0 && r.daylight_date.hour == 2);
	T_OK(r.standard_date.month == 10 && r.standard_date.hour == 3);
	T_OK(tz_parse("<+0530>-5:30", &r));
	T_OK(r.bias == -330 && r.daylight_date.month == 0);
	T_OK(tz_parse("IST-1GMT0,M10.5.0,M3.5.0/1", &r)); /* winter time is the odd one */
	T_OK(r.bias == 0 && r.daylight_bias == -60 && r.daylight_date.month == 3 && r.standard_date.month == 10);
	T_OK(tz_parse("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", &r));
	T_OK(r.daylight_date.weekday == 6 && r.daylight_date.hour == 23);
	T_OK(!tz_parse("", &r) && !tz_parse("X", &r) && !tz_parse("<abc", &r) && !tz_parse("CET", &r) && !tz_parse("CET-", &r));
}

/* Each zone of the table, twice a day for two years. */
static void as_libc(void)
{
	static const time_t from = 1735689600;
	unsigned wrong = 0;

	T_CASE("every zone's offset as the C library has it");
	for (unsigned i = 0; i < tz_nzones; i++) {
		struct tz_rule r;

		T_OK(tz_parse(tz_zones[i].posix, &r));
		if (strstr(tz_zones[i].posix, "/-") != NULL || strstr(tz_zones[i].posix, "/24") != NULL || strstr(tz_zones[i].posix, "/50") != NULL ||
			strstr(tz_zones[i].posix, ",J") != NULL)
			continue; /* days move with them */
		setenv("TZ", tz_zones[i].posix, 1);
		tzset();
		for (time_t t = from; t < from + 2 * 365 * 86400; t += 43200 + 1800) {
			struct tm tm;
			uint32_t kind;

			localtime_r(&t, &tm);
			wrong += tz_bias_at(&r, NT_TIME(t), &kind) * 60 != -tm.tm_gmtoff;
		}
	}
	T_EQ(wrong, 0);
}

static void names(void)
{
	struct tz_rule r;
	char text[128];
	const struct tz_zone *z;

	T_CASE("names of zones");
	T_OK(tz_parse("CET-1CEST,M3.5.0,M10.5.0/3", &r));
	z = tz_find("Europe/Vienna", &r);
	T_OK(z != NULL && strcmp(z->name, "W. Europe Standard Time") == 0);
	tz_display(z, text, sizeof text);
	T_OK(strncmp(text, "(UTC+01:00) ", 12) == 0);
	tz_daylight_name(z, text, sizeof text);
	T_STR(text, "W. Europe Daylight Time");
	z = tz_find("Europe/Madrid", &r);
	T_OK(z != NULL && strcmp(z->name, "Romance Standard Time") == 0);
	T_OK(tz_parse("X-1:17", &r) == false && tz_parse("XXX-1:17", &r));
	T_OK(tz_find("Nowhere", &r) == NULL);
}

static void footer(void)
{
	char file[64] = "TZif2";

	T_CASE("the last line of a TZif file");
	memcpy(file + 46, "\nUTC0\n", 6);
	const char *p = tz_footer(file, 52);
	T_STR(p != NULL ? p : "", "UTC0");
	T_OK(tz_footer(file, 20) == NULL);
}

int main(void)
{
	parse();
	as_libc();
	names();
	footer();
	return T_DONE();
}
