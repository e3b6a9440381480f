/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/dmarc_internal.h"

#include <string.h>

/*
 * Report addresses: URIs with a size behind each (RFC 7489, section 6.2).
 */

#define MAX_URIS 20

static bool
is_uri_char(char c)
{
	return c > ' ' && c < 0x7f && !strchr("\"<>\\^`{|}!,;", c);
}

/* "scheme:something" (RFC 3986). */
static bool
is_uri(struct str s)
{
	size_t colon = str_chr(s, ':');

	if (colon == STR_NPOS || colon == 0 || colon + 1 == s.n)
		return false;
	for (size_t i = 0; i < colon; i++) {
		char c = ascii_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') &&
		    (i == 0 || (!ascii_digit(c) && !strchr("+-.", c))))
			return false;
	}
	for (size_t i = 0; i < s.n; i++) {
		if (!is_uri_char(s.p[i]))
			return false;
	}
	return true;
}

/* "10m": a number, and K, M, G or T for powers of 1024. */
static bool
read_size(struct str s, uint64_t *out)
{
	static const char units[] = "kmgt";
	const char *unit =
	    s.n ? strchr(units, ascii_lower(s.p[s.n - 1])) : NULL;
	unsigned shift = unit && *unit ? 10 * (unsigned)(unit - units + 1) : 0;

	if (!str_u64(str_sub(s, 0, s.n - (shift > 0)), out) ||
	    *out > UINT64_MAX >> shift)
		return false;
	*out <<= shift;
	return true;
}

/* Undo percent-encoding; false if something is not of it. */
static bool
decode(struct arena *a, struct str s, struct str *out)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		int hi, lo;

		p[n++] = s.p[i];
		if (s.p[i] != '%')
			continue;
		if (s.n - i < 3)
			return false;
		hi = ascii_hex(s.p[i + 1]);
		lo = ascii_hex(s.p[i + 2]);
		if (hi < 0 || lo < 0)
			return false;
		p[n - 1] = (char)(hi << 4 | lo);
		i += 2;
	}
	*out = (struct str){ p, n };
	return true;
}

/* One address and no second: nothing that ends it within a header or SMTP. */
static bool
is_address(struct arena *a, struct str s)
{
	size_t at = str_rchr(s, '@');

	if (at == STR_NPOS || at == 0 || s.n > 320)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f ||
		    s.p[i] == '<' || s.p[i] == '>')
			return false;
	}
	return domain_to_ascii(a, str_sub(s, at + 1, STR_NPOS)).n > 0;
}

/* The address of "mailto:..."; its headers are not for strangers to set. */
static bool
mailto(struct arena *a, struct str uri, struct str *address)
{
	struct str s;

	if (!str_istarts(uri, STR("mailto:")))
		return false;
	s = str_sub(uri, sizeof("mailto:") - 1, STR_NPOS);
	return decode(a, str_sub(s, 0, str_chr(s, '?')), address) &&
	       is_address(a, *address);
}

/* Only "mailto" is a way we know; another is a valid one nevertheless. */
static bool
read_uri(struct arena *a, struct str s, struct dmarc_uri *u, bool *known)
{
	size_t mark = str_chr(s, '!');
	struct str size = str_sub(s, mark + 1, STR_NPOS);

	*u = (struct dmarc_uri){ .uri = str_trim(str_sub(s, 0, mark)) };
	if (!is_uri(u->uri) ||
	    (mark != STR_NPOS && !read_size(str_trim(size), &u->max_size)))
		return false;
	*known = mailto(a, u->uri, &u->address);
	return true;
}

bool
dmarc_uris(
    struct arena *a, struct str value, const struct dmarc_uri **list, size_t *n)
{
	struct dmarc_uri *all = arena_array(a, MAX_URIS, sizeof(*all)), u;
	bool any = false, known;
	struct str part;
	size_t count = 0;

	while (count < MAX_URIS && str_split(&value, ',', &part)) {
		if (!read_uri(a, str_trim(part), &u, &known))
			continue;
		any = true;
		if (known)
			all[count++] = u;
	}
	*list = all;
	*n = count;
	return any;
}
