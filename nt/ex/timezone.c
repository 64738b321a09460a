/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/timezone.c - the sandbox's time zone as Windows has it: from /etc/localtime.
 *
 * Its rule is the last line of that file, its name where that link leads.  Programs ask a few times at their start: each
 * time the file is read, so a change is seen at once.
 */
#include "nt/ex/ex.h"
#include "nt/ex/system.h"
#include "nt/ex/wait.h"
#include "nt/os/sysinfo.h"
#include "nt/rtl/unicode.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define LOCALTIME "/etc/localtime"
#define TZIF_MAX  (64u << 10)
#define LANG_ENGLISH 9u

static void set_text(WCHAR *to, uint32_t room, const char *text)
{
	uint32_t size = rtl_utf8_to_utf16(to, room - (uint32_t)sizeof(WCHAR), text, (uint32_t)strlen(text));

	to[MIN(size, room - (uint32_t)sizeof(WCHAR)) / sizeof(WCHAR)] = 0;
}

/* The rule, "UTC0" if there is none to be read. */
static void local_rule(struct tz_rule *r)
{
	uint32_t size = 0;
	char *file = os_read_file(LOCALTIME, TZIF_MAX, &size);
	const char *posix = file != NULL ? tz_footer(file, size) : NULL;

	if (posix == NULL || !tz_parse(posix, r))
		(void)tz_parse("UTC0", r);
	heap_free(file);
}

/* "Europe/Berlin": what follows zoneinfo/ in the link's target, and if there is no link, what Debian's file says. */
static void local_name(char *name, uint32_t room)
{
	static const char folder[] = "zoneinfo/";
	char link[256] = "";
	const char *p = link;
	uint32_t size;
	char *text;

	(void)str_copy(name, "", room);
	if (os_read_link(LOCALTIME, link, sizeof link)) {
		while (*p != '\0' && strncmp(p, folder, sizeof folder - 1) != 0)
			p++;
		if (*p != '\0')
			(void)str_copy(name, p + sizeof folder - 1, room);
		return;
	}
	text = os_read_file("/etc/timezone", room - 1, &size);
	if (text == NULL)
		return;
	for (size = 0; text[size] > ' '; size++)
		name[size] = text[size];
	name[size] = '\0';
	heap_free(text);
}

bool sys_zone_is_named(void)
{
	return !nt_current_process()->begun && (ex_user_locale() & 0x3ff) == LANG_ENGLISH;
}

/* Windows says where a DLL has the name in the user's language. */
static void name_text(WCHAR *to, uint32_t room, const struct tz_zone *zone, uint32_t which, const char *otherwise)
{
	char text[64];

	if (zone == NULL)
		(void)str_copy(text, otherwise, sizeof text);
	else if (!sys_zone_is_named())
		(void)fmt_snprintf(text, sizeof text, "@tzres.dll,-%u", zone->text + which);
	else if (which == 0)
		(void)str_copy(text, tz_standard_name(zone), sizeof text);
	else
		tz_daylight_name(zone, text, sizeof text);
	set_text(to, room, text);
}

void sys_zone(struct sys_zone *z)
{
	char iana[128];
	struct tz_rule r;
	const struct tz_zone *zone;

	memset(z, 0, sizeof *z);
	local_rule(&r);
	local_name(iana, sizeof iana);
	zone = tz_find(iana, &r);
	z->bias = r.bias;
	z->standard_bias = r.standard_bias;
	z->daylight_bias = r.daylight_bias;
	z->standard_date = r.standard_date;
	z->daylight_date = r.daylight_date;
	name_text(z->standard_name, sizeof z->standard_name, zone, 0, iana);
	set_text(z->key_name, sizeof z->key_name, zone != NULL ? zone->name : iana);
	name_text(z->daylight_name, sizeof z->daylight_name, zone, 1, iana);
}

int32_t sys_zone_bias_now(int64_t now, uint32_t *kind)
{
	struct tz_rule r;

	local_rule(&r);
	return tz_bias_at(&r, now, kind);
}
