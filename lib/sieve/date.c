/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <time.h>

#include "mime/header.h"
#include "sieve/fields.h"
#include "sieve/match.h"

/* date and currentdate (RFC 5260). */

enum { ZONE_GIVEN, ZONE_ORIGINAL };

static const struct sieve_tag zone_tags[] = {
	{ "zone", CAP_DATE, SLOT_ZONE, 's', ZONE_GIVEN },
	{ "originalzone", CAP_DATE, SLOT_ZONE, 0, ZONE_ORIGINAL },
	{ NULL, CAP_BASE, 0, 0, 0 },
};
static const struct sieve_tag current_zone_tags[] = {
	{ "zone", CAP_DATE, SLOT_ZONE, 's', ZONE_GIVEN },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

/* An instant, and the clock it is read on. */
struct moment {
	int64_t epoch;
	int zone; /* minutes east of UTC */
	struct tm local;
};

static struct moment
moment_of(int64_t epoch, int zone)
{
	struct moment m = { .epoch = epoch, .zone = zone };
	time_t t = (time_t)(epoch + (int64_t)zone * 60);

	gmtime_r(&t, &m.local);
	return m;
}

/* ------------------------------------------------------------------------
 * Date parts (section 4.2)
 */

static struct str
zone_text(struct arena *a, int zone, const char *colon)
{
	int minutes = zone < 0 ? -zone : zone;

	return arena_printf(a, "%c%02d%s%02d", zone < 0 ? '-' : '+',
	    minutes / 60, colon, minutes % 60);
}

static struct str
part_year(struct arena *a, const struct moment *m)
{
	return arena_printf(a, "%04d", m->local.tm_year + 1900);
}

static struct str
part_month(struct arena *a, const struct moment *m)
{
	return arena_printf(a, "%02d", m->local.tm_mon + 1);
}

static struct str
part_day(struct arena *a, const struct moment *m)
{
	return arena_printf(a, "%02d", m->local.tm_mday);
}

static struct str
part_date(struct arena *a, const struct moment *m)
{
	return arena_printf(a, "%04d-%02d-%02d", m->local.tm_year + 1900,
	    m->local.tm_mon + 1, m->local.tm_mday);
}

/* The Modified Julian Day of the local date. */
static struct str
part_julian(struct arena *a, const struct moment *m)
{
	int64_t seconds = m->epoch + (int64_t)m->zone * 60;
	int64_t days = seconds / 86400 - (seconds % 86400 < 0);

	return arena_printf(a, "%" PRId64, days + 40587);
}

static struct str
part_hour(struct arena *a, const struct moment *m)
{
	return arena_printf(a, "%02d", m->local.tm_hour);
}

static struct str
part_minute(struct arena *a, const struct moment *m)
{
	return arena_printf(a, "%02d", m->local.tm_min);
}

static struct str
part_second(struct arena *a, const struct moment *m)
{
	return arena_printf(a, "%02d", m->local.tm_sec);
}

static struct str
part_time(struct arena *a, const struct moment *m)
{
	return arena_printf(a, "%02d:%02d:%02d", m->local.tm_hour,
	    m->local.tm_min, m->local.tm_sec);
}

static struct str
part_iso8601(struct arena *a, const struct moment *m)
{
	struct str date = part_date(a, m), time = part_time(a, m);
	struct str zone = zone_text(a, m->zone, ":");

	return arena_printf(
	    a, "%.*sT%.*s%.*s", STR_ARG(date), STR_ARG(time), STR_ARG(zone));
}

static struct str
part_std11(struct arena *a, const struct moment *m)
{
	struct buf out = { 0 };
	struct str s;

	mime_date_format(&out, m->epoch, m->zone);
	s = arena_str(a, buf_str(&out));
	buf_fini(&out);
	return s;
}

static struct str
part_zone(struct arena *a, const struct moment *m)
{
	return zone_text(a, m->zone, "");
}

static struct str
part_weekday(struct arena *a, const struct moment *m)
{
	return arena_printf(a, "%d", m->local.tm_wday);
}

static const struct date_part {
	const char *name;
	struct str (*text)(struct arena *a, const struct moment *m);
} parts[] = {
	{ "year", part_year },
	{ "month", part_month },
	{ "day", part_day },
	{ "date", part_date },
	{ "julian", part_julian },
	{ "hour", part_hour },
	{ "minute", part_minute },
	{ "second", part_second },
	{ "time", part_time },
	{ "iso8601", part_iso8601 },
	{ "std11", part_std11 },
	{ "zone", part_zone },
	{ "weekday", part_weekday },
};

static const struct date_part *
find_part(struct str name)
{
	for (size_t i = 0; i < LEN(parts); i++) {
		if (str_ieqc(name, parts[i].name))
			return &parts[i];
	}
	return NULL;
}

static bool
valid_part(struct str s, const char **why)
{
	*why = "expected year, month, day, date, julian, hour, minute, second, "
	       "time, iso8601, std11, zone or weekday";
	return find_part(s) != NULL;
}

/* ------------------------------------------------------------------------
 * Zones and dates
 */

/* "+0100". */
static bool
parse_zone(struct str s, int *zone)
{
	uint32_t v;

	if (s.n != 5 || (s.p[0] != '+' && s.p[0] != '-') ||
	    !str_u32(str_sub(s, 1, 4), &v) || v % 100 > 59 || v / 100 > 23)
		return false;
	*zone = (int)(v / 100 * 60 + v % 100) * (s.p[0] == '-' ? -1 : 1);
	return true;
}

static bool
valid_zone(struct str s, const char **why)
{
	int zone;

	*why = "expected an offset such as \"+0100\"";
	return parse_zone(s, &zone);
}

static int
zone_of(struct sieve_run *r, const struct sieve_node *n, int original)
{
	int zone = r->in->zone;

	if (sieve_tag_value(n, SLOT_ZONE, -1) == ZONE_ORIGINAL)
		return original;
	if (sieve_tag_arg(n, SLOT_ZONE) &&
	    !parse_zone(sieve_string(r, sieve_tag_arg(n, SLOT_ZONE)), &zone))
		zone = r->in->zone;
	return zone;
}

bool
sieve_date_iso(struct str text, int64_t *epoch)
{
	struct tm tm = { 0 };
	char copy[40];
	const char *rest;
	int sign = 0, hours = 0, minutes = 0;

	if (text.n >= sizeof(copy))
		return false;
	snprintf(copy, sizeof(copy), "%.*s", STR_ARG(text));
	rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		return false;
	if (*rest == '.') /* fractions of seconds */
		for (rest++; ascii_digit(*rest); rest++)
			;
	if (*rest == '+' || *rest == '-') {
		sign = *rest == '-' ? -1 : 1;
		if (sscanf(rest + 1, "%2d:%2d", &hours, &minutes) != 2)
			return false;
	} else if (*rest != 'Z' && *rest != 'z') {
		return false;
	}
	*epoch = (int64_t)timegm(&tm) - sign * (hours * 3600 + minutes * 60);
	return true;
}

struct str
sieve_date_text(struct arena *a, int64_t epoch)
{
	struct moment m = moment_of(epoch, 0);
	struct str date = part_date(a, &m), time = part_time(a, &m);

	return arena_printf(a, "%.*sT%.*sZ", STR_ARG(date), STR_ARG(time));
}

/* ------------------------------------------------------------------------
 * The tests
 */

static bool
check_parts(struct sieve_checker *c, struct sieve_node *n, enum sieve_slot part,
    enum sieve_slot keys)
{
	const struct sieve_arg *zone = sieve_arg(n, SLOT_ZONE);

	return sieve_check_strings(
		   c, sieve_arg(n, part), "date part", valid_part) &&
	       (!zone || sieve_check_strings(
			     c, zone->value, "time zone", valid_zone)) &&
	       sieve_match_check(c, n, sieve_arg(n, keys));
}

static bool
check_date(struct sieve_checker *c, struct sieve_node *n)
{
	sieve_check_fields(c, sieve_arg(n, SLOT_1));
	return sieve_field_tags_check(c, n) &&
	       check_parts(c, n, SLOT_2, SLOT_3);
}

static bool
check_currentdate(struct sieve_checker *c, struct sieve_node *n)
{
	return check_parts(c, n, SLOT_1, SLOT_2);
}

static enum sieve_answer
match_moment(struct sieve_match *m, struct str part, int64_t epoch, int zone)
{
	const struct date_part *p = find_part(part);
	struct moment moment = moment_of(epoch, zone);

	if (!p)
		return SIEVE_NO;
	return sieve_match_value(m, p->text(m->run->arena, &moment));
}

/* The date stands alone, or after the last semicolon (Received). */
static bool
date_of(struct sieve_field *f, int64_t *epoch, int *zone)
{
	struct str value = f->value;
	size_t semicolon = str_rchr(value, ';');

	if (semicolon != STR_NPOS)
		value = str_sub(value, semicolon + 1, SIZE_MAX);
	return mime_date(value, epoch, zone);
}

static enum sieve_answer
test_date(struct sieve_run *r, const struct sieve_node *n)
{
	struct str name = sieve_string(r, sieve_arg(n, SLOT_1));
	struct str part = sieve_string(r, sieve_arg(n, SLOT_2));
	struct sieve_found_fields f = sieve_fields_named(r, n, name);
	struct sieve_match m;
	enum sieve_answer a = SIEVE_NO;

	sieve_match_init(&m, r, n, sieve_arg(n, SLOT_3));
	/* Without :index the first one (section 4). */
	if (f.n > 1)
		f.n = 1;
	for (size_t i = 0; i < f.n && a == SIEVE_NO; i++) {
		int64_t epoch;
		int zone = 0;

		if (date_of(f.v[i], &epoch, &zone))
			a = match_moment(&m, part, epoch, zone_of(r, n, zone));
	}
	return sieve_match_end(&m);
}

static enum sieve_answer
test_currentdate(struct sieve_run *r, const struct sieve_node *n)
{
	struct sieve_match m;

	sieve_match_init(&m, r, n, sieve_arg(n, SLOT_2));
	match_moment(&m, sieve_string(r, sieve_arg(n, SLOT_1)), r->in->now,
	    zone_of(r, n, r->in->zone));
	return sieve_match_end(&m);
}

const struct sieve_verb sieve_verbs_date[] = {
	{ .name = "date",
	    .cap = CAP_DATE,
	    .params = { { 's', "header name" }, { 's', "date part" },
		{ 'l', "key list" } },
	    .tags = { sieve_tags_match, sieve_tags_index, zone_tags },
	    .check = check_date,
	    .test = test_date },
	{ .name = "currentdate",
	    .cap = CAP_DATE,
	    .params = { { 's', "date part" }, { 'l', "key list" } },
	    .tags = { sieve_tags_match, current_zone_tags },
	    .check = check_currentdate,
	    .test = test_currentdate },
	{ .name = NULL },
};
