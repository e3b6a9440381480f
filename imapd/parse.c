/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/parse.h"

#include <string.h>

#include "base/buf.h"
#include "imapd/utf7.h"

const char month_names[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

bool
is_atom_char(char c)
{
	/* 8-bit octets are let in: clients send UTF-8 names as atoms. */
	return (unsigned char)c > 0x20 && c != 0x7f && !strchr("(){%*\"\\]", c);
}

bool
is_astring_char(char c)
{
	return is_atom_char(c) || c == ']';
}

static bool
is_pattern_char(char c)
{
	return is_astring_char(c) || c == '%' || c == '*';
}

static bool
is_tag_char(char c)
{
	return is_astring_char(c) && c != '+';
}

static bool
is_set_char(char c)
{
	return ascii_digit(c) || c == ':' || c == ',' || c == '*';
}

bool
parse_fail(struct parse *p, const char *expected)
{
	if (!p->error)
		p->error = expected;
	return false;
}

bool
parse_end(struct parse *p)
{
	return p->at == p->in.n || parse_fail(p, "unexpected arguments");
}

char
parse_peek(const struct parse *p)
{
	return p->at < p->in.n ? p->in.p[p->at] : '\0';
}

bool
parse_try(struct parse *p, char c)
{
	if (p->at == p->in.n || p->in.p[p->at] != c)
		return false;
	p->at++;
	return true;
}

bool
parse_char(struct parse *p, char c)
{
	if (parse_try(p, c))
		return true;
	return parse_fail(p, c == ' '   ? "missing argument"
			     : c == '(' ? "expected \"(\""
			     : c == ')' ? "expected \")\""
					: "unexpected character");
}

bool
parse_sp(struct parse *p)
{
	return parse_char(p, ' ');
}

static struct str
span(struct parse *p, bool (*is)(char c))
{
	size_t start = p->at;

	while (p->at < p->in.n && is(p->in.p[p->at]))
		p->at++;
	return str_sub(p->in, start, p->at - start);
}

static bool
take(struct parse *p, bool (*is)(char c), const char *what, struct str *out)
{
	*out = span(p, is);
	return out->n > 0 || parse_fail(p, what);
}

bool
parse_try_word(struct parse *p, const char *word)
{
	struct str w = str_of(word);
	size_t after = p->at + w.n;

	if (!str_istarts(str_sub(p->in, p->at, p->in.n), w) ||
	    (after < p->in.n && is_atom_char(p->in.p[after]) &&
		p->in.p[after] != '['))
		return false;
	p->at = after;
	return true;
}

bool
parse_tag(struct parse *p, struct str *out)
{
	return take(p, is_tag_char, "invalid tag", out);
}

bool
parse_atom(struct parse *p, struct str *out)
{
	return take(p, is_atom_char, "expected an atom", out);
}

bool
parse_set(struct parse *p, struct str *out)
{
	return take(p, is_set_char, "expected a message set", out);
}

/* Text between quotes, from after the first one. */
static bool
quoted(struct parse *p, struct str *out)
{
	size_t start = p->at, escapes = 0, n = 0;
	char *copy;

	for (;; p->at++) {
		char c = parse_peek(p);

		if (c == '\0' || c == '\r' || c == '\n')
			return parse_fail(p, "unterminated quoted string");
		if (c == '"')
			break;
		if (c != '\\')
			continue;
		escapes++;
		p->at++;
		if (parse_peek(p) != '"' && parse_peek(p) != '\\')
			return parse_fail(p, "bad escape in quoted string");
	}
	*out = str_sub(p->in, start, p->at - start);
	p->at++;
	if (!escapes)
		return true;
	copy = arena_alloc(p->arena, out->n);
	for (size_t i = 0; i < out->n; i++) {
		if (out->p[i] == '\\')
			i++;
		copy[n++] = out->p[i];
	}
	*out = (struct str){ copy, n };
	return true;
}

bool
parse_literal(struct parse *p, bool *binary, struct str *out)
{
	uint64_t n;

	*binary = parse_try(p, '~');
	if (!parse_try(p, '{'))
		return parse_fail(p, "expected a literal");
	if (!parse_u64(p, &n))
		return false;
	parse_try(p, '+');
	if (!parse_try(p, '}'))
		return parse_fail(p, "bad literal");
	parse_try(p, '\r');
	if (!parse_try(p, '\n') || n > p->in.n - p->at)
		return parse_fail(p, "bad literal");
	*out = str_sub(p->in, p->at, (size_t)n);
	p->at += (size_t)n;
	return true;
}

bool
parse_string(struct parse *p, struct str *out)
{
	bool binary;

	if (parse_try(p, '"'))
		return quoted(p, out);
	if (parse_peek(p) != '{')
		return parse_fail(p, "expected a string");
	if (!parse_literal(p, &binary, out))
		return false;
	if (str_chr(*out, '\0') != STR_NPOS)
		return parse_fail(p, "NUL in a literal");
	return true;
}

bool
parse_astring(struct parse *p, struct str *out)
{
	char c = parse_peek(p);

	if (c == '"' || c == '{')
		return parse_string(p, out);
	return take(p, is_astring_char, "expected a string", out);
}

bool
parse_nstring(struct parse *p, struct str *out)
{
	if (parse_try_word(p, "NIL")) {
		*out = STR_NULL;
		return true;
	}
	return parse_string(p, out);
}

bool
parse_u64(struct parse *p, uint64_t *out)
{
	return str_u64(span(p, ascii_digit), out) ||
	       parse_fail(p, "expected a number");
}

bool
parse_u32(struct parse *p, uint32_t *out)
{
	return str_u32(span(p, ascii_digit), out) ||
	       parse_fail(p, "expected a number");
}

bool
parse_nz(struct parse *p, uint32_t *out)
{
	return parse_u32(p, out) &&
	       (*out > 0 || parse_fail(p, "expected a number above 0"));
}

static struct str
keep(struct parse *p, struct buf *b)
{
	struct str s = arena_str(p->arena, buf_str(b));

	buf_fini(b);
	return s;
}

bool
parse_mailbox(struct parse *p, struct str *utf8)
{
	struct str name;
	struct buf b = { 0 };

	if (!parse_astring(p, &name))
		return false;
	if (p->utf8) {
		p->bad_mailbox = p->bad_mailbox || !str_is_utf8(name);
		*utf8 = p->bad_mailbox ? STR("") : name;
		return true;
	}
	*utf8 = STR("");
	if (!utf7_decode(&b, name)) {
		p->bad_mailbox = true;
		buf_fini(&b);
		return true;
	}
	*utf8 = keep(p, &b);
	return true;
}

bool
parse_pattern(struct parse *p, struct str *utf8)
{
	char c = parse_peek(p);
	struct str name;
	struct buf b = { 0 };

	if (c == '"' || c == '{' ? !parse_string(p, &name)
				 : !take(p, is_pattern_char,
				       "expected a mailbox pattern", &name))
		return false;
	if (p->utf8) { /* a name that cannot exist matches nothing */
		*utf8 = name;
		return true;
	}
	utf7_decode_lax(&b, name);
	*utf8 = keep(p, &b);
	return true;
}

static bool
one_flag(struct parse *p, struct str *out)
{
	size_t start = p->at;
	struct str name;

	parse_try(p, '\\');
	if (!parse_atom(p, &name))
		return parse_fail(p, "expected a flag");
	*out = str_sub(p->in, start, p->at - start);
	return out->n <= PARSE_KEYWORD || parse_fail(p, "flag name too long");
}

bool
parse_flags(struct parse *p, bool bare, struct str **out, size_t *n)
{
	struct str names[PARSE_NAMES];
	bool list = parse_try(p, '(');

	*n = 0;
	if (!list && !bare)
		return parse_fail(p, "expected a flag list");
	if (!list || !parse_try(p, ')')) {
		do {
			if (*n == PARSE_NAMES)
				return parse_fail(p, "too many flags");
			if (!one_flag(p, &names[(*n)++]))
				return false;
		} while (parse_try(p, ' '));
		if (list && !parse_char(p, ')'))
			return false;
	}
	*out = arena_array(p->arena, *n + 1, sizeof(**out));
	memcpy(*out, names, *n * sizeof(**out));
	return true;
}

int64_t
days_from_civil(int64_t year, unsigned month, unsigned day)
{
	/* Years begin in March, so that the leap day is the last one. */
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	unsigned of_era = (unsigned)(y - era * 400);
	unsigned of_year =
	    (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

void
civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = yoe + era * 400 + (*month <= 2);
}

/* "22-Nov-2026" or " 2-Nov-2026"; false if there is no such day. */
static bool
civil(struct str s, int64_t *days)
{
	struct str day, month, year;
	uint32_t d, y;
	unsigned m = 0, back_month, back_day;
	int64_t back_year;

	if (s.n && s.p[0] == ' ')
		s = str_sub(s, 1, s.n);
	if (!str_split(&s, '-', &day) || !str_split(&s, '-', &month) ||
	    !str_split(&s, '-', &year) || s.p || day.n > 2 || year.n != 4 ||
	    !str_u32(day, &d) || !str_u32(year, &y))
		return false;
	while (m < 12 && !str_ieqc(month, month_names[m]))
		m++;
	if (m == 12 || d < 1 || d > 31)
		return false;
	*days = days_from_civil(y, m + 1, d);
	civil_from_days(*days, &back_year, &back_month, &back_day);
	return back_day == d;
}

bool
parse_date(struct parse *p, int64_t *days)
{
	struct str s;

	if (!parse_astring(p, &s))
		return parse_fail(p, "expected a date");
	return civil(s, days) || parse_fail(p, "invalid date");
}

/* Two digits at AT, at most MAX. */
static bool
two(struct str s, size_t at, unsigned max, unsigned *out)
{
	uint32_t v;

	if (!str_u32(str_sub(s, at, 2), &v) || v > max)
		return false;
	*out = v;
	return true;
}

bool
parse_datetime(struct parse *p, int64_t *epoch)
{
	struct str s, time;
	unsigned hour, minute, second, zh, zm;
	int64_t days;
	size_t at;

	if (!parse_char(p, '"') || !quoted(p, &s))
		return parse_fail(p, "expected a date and time");
	at = s.n > 2 ? str_chr(str_sub(s, 2, s.n), ' ') : STR_NPOS;
	if (at == STR_NPOS || !civil(str_sub(s, 0, at + 2), &days))
		return parse_fail(p, "invalid date");
	time = str_sub(s, at + 3, s.n);
	if (time.n != 14 || time.p[2] != ':' || time.p[5] != ':' ||
	    time.p[8] != ' ' || (time.p[9] != '+' && time.p[9] != '-') ||
	    !two(time, 0, 23, &hour) || !two(time, 3, 59, &minute) ||
	    !two(time, 6, 60, &second) || !two(time, 10, 23, &zh) ||
	    !two(time, 12, 59, &zm))
		return parse_fail(p, "invalid time");
	*epoch = days * 86400 + hour * 3600 + minute * 60 + second;
	*epoch += (time.p[9] == '-' ? 60 : -60) * (int64_t)(zh * 60 + zm);
	return true;
}
