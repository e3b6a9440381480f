/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/header.h"

#include "mime/internal.h"

static const char *const months[] = { "jan", "feb", "mar", "apr", "may", "jun",
	"jul", "aug", "sep", "oct", "nov", "dec" };
static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
	"Sat" };

static const struct {
	const char *name;
	int minutes;
} zones[] = {
	{ "UT", 0 },
	{ "GMT", 0 },
	{ "UTC", 0 },
	{ "Z", 0 },
	{ "EST", -300 },
	{ "EDT", -240 },
	{ "CST", -360 },
	{ "CDT", -300 },
	{ "MST", -420 },
	{ "MDT", -360 },
	{ "PST", -480 },
	{ "PDT", -420 },
	{ "CET", 60 },
	{ "CEST", 120 },
	{ "MET", 60 },
	{ "MEST", 120 },
	{ "EET", 120 },
	{ "EEST", 180 },
	{ "BST", 60 },
	{ "WEST", 60 },
	{ "JST", 540 },
	{ "MSK", 180 },
};

/* Days from 1970-01-01 to the given day of the Gregorian calendar. */
static int64_t
days_from_civil(int64_t y, unsigned m, unsigned d)
{
	int64_t era, yoe, doy, doe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (int64_t)(m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

static void
civil_from_days(int64_t z, int64_t *y, unsigned *m, unsigned *d)
{
	int64_t era, doe, yoe, doy, mp;

	z += 719468;
	era = (z >= 0 ? z : z - 146096) / 146097;
	doe = z - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	*m = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	*y = yoe + era * 400 + (*m <= 2);
}

static struct str
letters(struct lexer *l)
{
	const char *start;

	lex_space(l);
	start = l->p;
	while (l->p < l->end && ascii_lower(*l->p) >= 'a' &&
	       ascii_lower(*l->p) <= 'z')
		l->p++;
	return (struct str){ start, (size_t)(l->p - start) };
}

/* Up to 6 digits; false if there are none. */
static bool
number(struct lexer *l, unsigned *out, unsigned *ndigits)
{
	unsigned v = 0, n = 0;

	lex_space(l);
	for (; l->p < l->end && ascii_digit(*l->p) && n < 6; l->p++, n++)
		v = v * 10 + (unsigned)(*l->p - '0');
	*out = v;
	if (ndigits)
		*ndigits = n;
	return n > 0;
}

static void
skip_any(struct lexer *l, const char *chars)
{
	lex_space(l);
	while (l->p < l->end) {
		const char *c = chars;

		while (*c && *c != *l->p)
			c++;
		if (!*c)
			break;
		l->p++;
		lex_space(l);
	}
}

static bool
month_of(struct str name, unsigned *out)
{
	for (unsigned i = 0; i < 12 && name.n >= 3; i++) {
		if (str_ieqc(str_sub(name, 0, 3), months[i])) {
			*out = i + 1;
			return true;
		}
	}
	return false;
}

struct when {
	unsigned year, month, day, hour, minute, second;
	unsigned year_digits;
	int zone;
};

static bool
clock_time(struct lexer *l, struct when *w)
{
	if (!number(l, &w->hour, NULL))
		return false;
	skip_any(l, ":.");
	if (!number(l, &w->minute, NULL))
		return false;
	lex_space(l);
	if (l->p < l->end && (*l->p == ':' || *l->p == '.')) {
		l->p++;
		number(l, &w->second, NULL);
	}
	return w->hour < 24 && w->minute < 60 && w->second <= 60;
}

/* "+0100", "+01:00", or a name; what is unknown is UTC (RFC 5322, 4.3). */
static int
zone_offset(struct lexer *l)
{
	struct str name;

	lex_space(l);
	if (l->p < l->end && (*l->p == '+' || *l->p == '-')) {
		int sign = *l->p++ == '-' ? -1 : 1;
		unsigned v, n, minutes = 0;

		if (!number(l, &v, &n))
			return 0;
		if (n <= 2) {
			skip_any(l, ":");
			number(l, &minutes, NULL);
			v = v * 100 + minutes;
		}
		if (v % 100 > 59 || v / 100 > 23)
			return 0;
		return sign * (int)(v / 100 * 60 + v % 100);
	}
	name = letters(l);
	for (size_t i = 0; i < LEN(zones); i++) {
		if (str_ieqc(name, zones[i].name))
			return zones[i].minutes;
	}
	return 0;
}

static bool
has_clock(const struct lexer *l)
{
	struct str s = { l->p, (size_t)(l->end - l->p) };

	return str_chr(s, ':') != STR_NPOS;
}

/* [weekday ","] day month year time zone, or the order of ctime(3). */
static bool
read_when(struct lexer *l, struct when *w)
{
	struct str word = letters(l);
	bool ctime_order;

	if (word.n && !month_of(word, &w->month)) {
		skip_any(l, ",.");
		word = letters(l); /* the month, in ctime's order */
	}
	ctime_order = word.n > 0;
	if (ctime_order && !month_of(word, &w->month))
		return false;
	if (!number(l, &w->day, NULL))
		return false;
	skip_any(l, "-,.");
	if (ctime_order && has_clock(l)) {
		if (!clock_time(l, w))
			return false;
		lex_space(l);
		if (l->p < l->end && !ascii_digit(*l->p))
			w->zone = zone_offset(l);
		return number(l, &w->year, &w->year_digits);
	}
	if (!ctime_order && !month_of(letters(l), &w->month))
		return false;
	skip_any(l, "-,.");
	if (!number(l, &w->year, &w->year_digits))
		return false;
	skip_any(l, ",");
	if (clock_time(l, w))
		w->zone = zone_offset(l);
	return true;
}

bool
mime_date(struct str value, int64_t *epoch, int *zone)
{
	struct when w = { 0 };
	struct lexer l = lex_of(value);

	if (value.n == 0 || !read_when(&l, &w))
		return false;
	if (w.year_digits == 2) /* RFC 5322, section 4.3 */
		w.year += w.year < 50 ? 2000 : 1900;
	else if (w.year_digits == 3)
		w.year += 1900;
	if (w.day < 1 || w.day > 31 || w.year < 1900 || w.year > 9999 ||
	    w.hour > 23 || w.minute > 59 || w.second > 60)
		return false;
	*epoch = days_from_civil(w.year, w.month, w.day) * 86400 +
		 w.hour * 3600 + w.minute * 60 + w.second - w.zone * 60;
	if (zone)
		*zone = w.zone;
	return true;
}

void
mime_date_format(struct buf *out, int64_t epoch, int zone)
{
	int64_t local = epoch + zone * 60, day, sec, year;
	unsigned month, mday;
	int abs_zone = zone < 0 ? -zone : zone;

	day = (local >= 0 ? local : local - 86399) / 86400;
	sec = local - day * 86400;
	civil_from_days(day, &year, &month, &mday);
	buf_printf(out, "%s, %u %c%s %04d %02d:%02d:%02d %c%02d%02d",
	    days[((day + 4) % 7 + 7) % 7], mday,
	    ascii_upper(months[month - 1][0]), months[month - 1] + 1, (int)year,
	    (int)(sec / 3600), (int)(sec / 60 % 60), (int)(sec % 60),
	    zone < 0 ? '-' : '+', abs_zone / 60, abs_zone % 60);
}
