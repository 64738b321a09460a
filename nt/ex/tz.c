/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/tz.c - time zones: POSIX's rules made Windows', and Windows' names of zones.
 *
 * A POSIX rule says "the w-th weekday of month m at local time h"; Windows says the same with other words.  Times below 0
 * or from 24 on move the weekday, which is right unless the month ends in between.  Zones whose "daylight time" is behind
 * their standard time (Ireland) are turned round.
 */
#include "nt/ex/tz.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define MINUTE 600000000ll /* of NT time */
#define DAY    (1440 * MINUTE)

static bool skip_name(const char **p)
{
	const char *s = *p;

	if (*s == '<') {
		while (*s != '\0' && *s != '>')
			s++;
		if (*s != '>')
			return false;
		*p = s + 1;
		return true;
	}
	while ((*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z'))
		s++;
	if (s - *p < 3)
		return false;
	*p = s;
	return true;
}

static bool number(const char **p, int32_t *n)
{
	const char *s = *p;

	*n = 0;
	while (*s >= '0' && *s <= '9' && *n < 1000)
		*n = *n * 10 + (*s++ - '0');
	if (s == *p)
		return false;
	*p = s;
	return true;
}

/* [+-]h[:m[:s]] in seconds */
static bool time_of(const char **p, int32_t *seconds)
{
	int32_t sign = 1, part = 0;

	if (**p == '+' || **p == '-')
		sign = *(*p)++ == '-' ? -1 : 1;
	if (!number(p, &part))
		return false;
	*seconds = part * 3600;
	for (int32_t unit = 60; unit >= 1 && **p == ':'; unit /= 60) {
		(*p)++;
		if (!number(p, &part))
			return false;
		*seconds += part * unit;
	}
	*seconds *= sign;
	return true;
}

static bool expect(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/* ,Mm.w.d[/time] */
static bool date(const char **p, struct tz_date *d)
{
	int32_t month, week, day, seconds = 7200;

	if (!expect(p, ',') || !expect(p, 'M') || !number(p, &month) || !expect(p, '.') || !number(p, &week) || !expect(p, '.') || !number(p, &day))
		return false;
	if (month < 1 || month > 12 || week < 1 || week > 5 || day > 6)
		return false;
	if (**p == '/') {
		(*p)++;
		if (!time_of(p, &seconds))
			return false;
	}
	for (; seconds < 0; seconds += 86400)
		day = (day + 6) % 7;
	for (; seconds >= 86400; seconds -= 86400)
		day = (day + 1) % 7;
	*d = (struct tz_date){ .month = (uint16_t)month, .weekday = (uint16_t)day, .day = (uint16_t)week, .hour = (uint16_t)(seconds / 3600),
		.minute = (uint16_t)(seconds / 60 % 60), .second = (uint16_t)(seconds % 60) };
	return true;
}

bool tz_parse(const char *posix, struct tz_rule *r)
{
	int32_t standard, daylight;
	struct tz_date begins, ends;

	memset(r, 0, sizeof *r);
	if (!skip_name(&posix) || !time_of(&posix, &standard))
		return false;
	r->bias = standard / 60;
	if (*posix == '\0')
		return true;
	daylight = standard - 3600;
	if (!skip_name(&posix) || (*posix != ',' && *posix != '\0' && !time_of(&posix, &daylight)))
		return false;
	if (!date(&posix, &begins) || !date(&posix, &ends) || *posix != '\0')
		return true; /* by days of the year, or without dates: as if it had none */
	r->standard_date = daylight <= standard ? ends : begins;
	r->daylight_date = daylight <= standard ? begins : ends;
	r->bias = MAX(standard, daylight) / 60;
	r->daylight_bias = -(MAX(standard, daylight) - MIN(standard, daylight)) / 60;
	return true;
}

const char *tz_footer(char *file, uint32_t size)
{
	uint32_t end = size, at;

	if (size < 45 || memcmp(file, "TZif", 4) != 0 || file[size - 1] != '\n')
		return NULL;
	end--;
	for (at = end; at > 0 && file[at - 1] != '\n'; at--)
		if (file[at - 1] == '\0')
			return NULL;
	file[end] = '\0';
	return file + at;
}

const struct tz_zone tz_zones[] = {
#define ZONE(name, text, iana, posix, cities) { name, iana, posix, cities, text },
#include "nt/ex/zones.def"
};
const unsigned tz_nzones = ARRAY_LEN(tz_zones);

/* Towns that the table does not have, and that do not get the first zone with their rule. */
static const char *const also[][2] = {
	{ "Europe/Madrid", "Europe/Paris" }, { "Europe/Brussels", "Europe/Paris" }, { "Europe/Copenhagen", "Europe/Paris" },
	{ "Europe/Prague", "Europe/Budapest" }, { "Europe/Bratislava", "Europe/Budapest" }, { "Europe/Belgrade", "Europe/Budapest" },
	{ "Europe/Ljubljana", "Europe/Budapest" }, { "Europe/Zagreb", "Europe/Warsaw" }, { "Europe/Sarajevo", "Europe/Warsaw" },
	{ "Europe/Skopje", "Europe/Warsaw" }, { "Europe/Dublin", "Europe/London" }, { "Europe/Lisbon", "Europe/London" },
	{ "Europe/Helsinki", "Europe/Kiev" }, { "Europe/Kyiv", "Europe/Kiev" }, { "Europe/Riga", "Europe/Kiev" }, { "Europe/Sofia", "Europe/Kiev" },
	{ "Europe/Tallinn", "Europe/Kiev" }, { "Europe/Vilnius", "Europe/Kiev" }, { "Asia/Calcutta", "Asia/Kolkata" },
	{ "Asia/Hong_Kong", "Asia/Shanghai" }, { "Asia/Kuala_Lumpur", "Asia/Singapore" }, { "Asia/Manila", "Asia/Singapore" },
	{ "Australia/Melbourne", "Australia/Sydney" }, { "America/Toronto", "America/New_York" }, { "America/Lima", "America/Bogota" },
	{ "Etc/UCT", "Etc/UTC" }, { "Etc/GMT", "Etc/UTC" }, { "UTC", "Etc/UTC" }, { "Universal", "Etc/UTC" }, { "Zulu", "Etc/UTC" },
};

static const struct tz_zone *by_name(const char *iana)
{
	for (unsigned i = 0; i < tz_nzones; i++)
		if (strcmp(tz_zones[i].iana, iana) == 0)
			return &tz_zones[i];
	return NULL;
}

static bool has_rule(const struct tz_zone *z, const struct tz_rule *r)
{
	struct tz_rule its;

	return tz_parse(z->posix, &its) && memcmp(&its, r, sizeof its) == 0;
}

/* What the name says holds unless the rule is another zone's. */
const struct tz_zone *tz_find(const char *iana, const struct tz_rule *r)
{
	const struct tz_zone *named = by_name(iana);

	for (unsigned i = 0; named == NULL && i < ARRAY_LEN(also); i++)
		if (strcmp(also[i][0], iana) == 0)
			named = by_name(also[i][1]);
	if (named != NULL && has_rule(named, r))
		return named;
	for (unsigned i = 0; i < tz_nzones; i++)
		if (has_rule(&tz_zones[i], r))
			return &tz_zones[i];
	return named;
}

void tz_display(const struct tz_zone *z, char *to, uint32_t room)
{
	struct tz_rule r;
	int32_t ahead;

	(void)tz_parse(z->posix, &r);
	ahead = r.bias < 0 ? -r.bias : r.bias;
	if (r.bias == 0)
		(void)fmt_snprintf(to, room, "(UTC) %s", z->cities);
	else
		(void)fmt_snprintf(to, room, "(UTC%c%02d:%02d) %s", r.bias < 0 ? '+' : '-', ahead / 60, ahead % 60, z->cities);
}

const char *tz_standard_name(const struct tz_zone *z)
{
	return strcmp(z->name, "UTC") == 0 ? z->cities : z->name;
}

void tz_daylight_name(const struct tz_zone *z, char *to, uint32_t room)
{
	static const char standard[] = "Standard";
	const char *name = tz_standard_name(z), *p = name;

	while (*p != '\0' && strncmp(p, standard, sizeof standard - 1) != 0)
		p++;
	(void)str_copy(to, name, room);
	if (*p != '\0')
		(void)fmt_snprintf(to, room, "%.*sDaylight%s", (int)(p - name), name, p + sizeof standard - 1);
}

/* Days since 1601-01-01 of year's 1 January, by the Gregorian calendar. */
static int64_t days_to(int64_t year)
{
	int64_t y = year - 1601;

	return y * 365 + y / 4 - y / 100 + y / 400;
}

static bool leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_days(int64_t year, int month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && leap(year));
}

/* When a rule is met in a year, in local time. */
static int64_t moment(const struct tz_date *d, int64_t year)
{
	int64_t first = days_to(year);
	int day, n;

	for (int m = 1; m < d->month; m++)
		first += month_days(year, m);
	day = (int)((d->weekday - (first + 1) % 7 + 7) % 7); /* 1601 began with a Monday */
	for (n = 1; n < d->day && day + 7 < month_days(year, d->month); n++)
		day += 7;
	return (first + day) * DAY + ((int64_t)d->hour * 60 + d->minute) * MINUTE;
}

int32_t tz_bias_at(const struct tz_rule *r, int64_t now, uint32_t *kind)
{
	int64_t year = 1601 + (now - r->bias * MINUTE) / DAY * 400 / 146097, begins, ends;
	bool daylight;

	*kind = 0;
	if (r->daylight_date.month == 0 || r->standard_date.month == 0)
		return r->bias;
	while (days_to(year + 1) * DAY <= now - r->bias * MINUTE)
		year++;
	while (days_to(year) * DAY > now - r->bias * MINUTE)
		year--;
	begins = moment(&r->daylight_date, year) + r->bias * MINUTE;
	ends = moment(&r->standard_date, year) + (r->bias + r->daylight_bias) * MINUTE;
	daylight = begins < ends ? now >= begins && now < ends : now >= begins || now < ends;
	*kind = daylight ? 2 : 1;
	return r->bias + (daylight ? r->daylight_bias : r->standard_bias);
}
