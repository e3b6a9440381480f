/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/str.h"

#include <string.h>

struct str
str_of(const char *cstr)
{
	return (struct str){ cstr, cstr ? strlen(cstr) : 0 };
}

struct str
str_sub(struct str s, size_t from, size_t len)
{
	if (from > s.n)
		from = s.n;
	if (len > s.n - from)
		len = s.n - from;
	return (struct str){ s.p ? s.p + from : NULL, len };
}

bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
str_ieq(struct str a, struct str b)
{
	return a.n == b.n && str_icmp(a, b) == 0;
}

bool
str_eqc(struct str a, const char *b)
{
	return str_eq(a, str_of(b));
}

bool
str_ieqc(struct str a, const char *b)
{
	return str_ieq(a, str_of(b));
}

static int
by_length(struct str a, struct str b)
{
	return a.n < b.n ? -1 : a.n > b.n;
}

int
str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : by_length(a, b);
}

int
str_icmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;

	for (size_t i = 0; i < n; i++) {
		unsigned char x = (unsigned char)ascii_lower(a.p[i]);
		unsigned char y = (unsigned char)ascii_lower(b.p[i]);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return by_length(a, b);
}

bool
str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_sub(s, 0, prefix.n), prefix);
}

bool
str_istarts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_ieq(str_sub(s, 0, prefix.n), prefix);
}

bool
str_iends(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       str_ieq(str_sub(s, s.n - suffix.n, suffix.n), suffix);
}

size_t
str_chr(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : STR_NPOS;
}

size_t
str_rchr(struct str s, char c)
{
	const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : STR_NPOS;
}

size_t
str_find(struct str s, struct str needle)
{
	const char *at;

	if (needle.n == 0)
		return 0;
	at = s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
	return at ? (size_t)(at - s.p) : STR_NPOS;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str
str_trim(struct str s)
{
	while (s.n && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool
str_split(struct str *rest, char sep, struct str *part)
{
	size_t at;

	if (!rest->p)
		return false;
	at = str_chr(*rest, sep);
	if (at == STR_NPOS) {
		*part = *rest;
		*rest = STR_NULL;
		return true;
	}
	*part = str_sub(*rest, 0, at);
	*rest = (struct str){ rest->p + at + 1, rest->n - at - 1 };
	return true;
}

bool
str_bool(struct str s, uint64_t *out)
{
	static const char *const words[] = { "no", "yes", "false", "true",
		"off", "on", "0", "1" };

	for (size_t i = 0; i < LEN(words); i++) {
		if (str_ieqc(s, words[i])) {
			*out = i & 1;
			return true;
		}
	}
	return false;
}

bool
str_u64(struct str s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_digit(s.p[i]) || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	*out = v;
	return true;
}

bool
str_u32(struct str s, uint32_t *out)
{
	uint64_t v;

	if (!str_u64(s, &v) || v > UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

struct unit {
	char letter;
	uint64_t factor;
};

static bool
with_unit(struct str s, const struct unit *units, size_t count, uint64_t *out)
{
	uint64_t factor = 1, v;

	if (s.n && !ascii_digit(s.p[s.n - 1])) {
		char letter = ascii_lower(s.p[s.n - 1]);
		size_t i = 0;

		while (i < count && units[i].letter != letter)
			i++;
		if (i == count)
			return false;
		factor = units[i].factor;
		s.n--;
	}
	return str_u64(s, &v) && !__builtin_mul_overflow(v, factor, out);
}

bool
str_size(struct str s, uint64_t *out)
{
	static const struct unit units[] = { { 'b', 1 }, { 'k', 1 << 10 },
		{ 'm', 1 << 20 }, { 'g', 1 << 30 },
		{ 't', UINT64_C(1) << 40 } };

	return with_unit(s, units, LEN(units), out);
}

bool
str_duration(struct str s, uint64_t *seconds)
{
	static const struct unit units[] = { { 's', 1 }, { 'm', 60 },
		{ 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };

	return with_unit(s, units, LEN(units), seconds);
}

/* The length of the UTF-8 sequence at P, or 0 if there is none. */
static size_t
utf8_sequence(const unsigned char *p, size_t n)
{
	size_t len;

	if (p[0] >= 0x01 && p[0] <= 0x7f)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

bool
str_is_utf8(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	for (size_t i = 0; i < s.n;) {
		size_t len = utf8_sequence(p + i, s.n - i);

		if (len == 0)
			return false;
		i += len;
	}
	return true;
}
