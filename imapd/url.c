/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/url.h"

#include "base/buf.h"
#include "base/codec.h"
#include "imapd/parse.h"

/* ------------------------------------------------------------------------
 * Pieces
 */

/* Undo %XX. False if that is broken, or what comes out is not UTF-8. */
static bool
unescape(struct arena *a, struct str in, struct str *out)
{
	struct buf b = { 0 };
	bool ok = true;

	for (size_t i = 0; ok && i < in.n; i++) {
		char c = in.p[i];

		if (c == '%') {
			ok = in.n - i > 2 &&
			     hex_decode(str_sub(in, i + 1, 2), &c, 1) && c;
			i += 2;
		}
		buf_putc(&b, c);
	}
	*out = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return ok && str_is_utf8(*out);
}

/* Take WORD off the front, in any case. */
static bool
skip(struct str *s, const char *word)
{
	struct str w = str_of(word);

	if (!str_istarts(*s, w))
		return false;
	*s = str_sub(*s, w.n, s->n);
	return true;
}

/* Up to one of STOPS or the end. */
static struct str
until(struct str *s, const char *stops)
{
	size_t n = 0;
	struct str out;

	while (n < s->n && str_chr(str_of(stops), s->p[n]) == STR_NPOS)
		n++;
	out = str_sub(*s, 0, n);
	*s = str_sub(*s, n, s->n);
	return out;
}

static size_t
find(struct str s, const char *word)
{
	struct str w = str_of(word);

	for (size_t i = 0; i + w.n <= s.n; i++) {
		if (str_istarts(str_sub(s, i, s.n), w))
			return i;
	}
	return STR_NPOS;
}

/* "user;AUTH=PLAIN@host:143" */
static bool
take_authority(struct arena *a, struct str *s, struct imap_url *u)
{
	struct str all = until(s, "/");
	size_t at = str_rchr(all, '@');

	u->absolute = true;
	u->host = all;
	if (at != STR_NPOS) {
		struct str user = str_sub(all, 0, at);

		u->host = str_sub(all, at + 1, all.n);
		user = until(&user, ";");
		if (!unescape(a, user, &u->user))
			return false;
	}
	return u->host.n > 0;
}

/* "mailbox;UIDVALIDITY=385759045" */
static bool
take_mailbox(struct arena *a, struct str s, struct imap_url *u)
{
	size_t at = find(s, ";UIDVALIDITY=");

	if (at != STR_NPOS) {
		if (!str_u32(str_sub(s, at + 13, s.n), &u->uidvalidity) ||
		    u->uidvalidity == 0)
			return false;
		s.n = at;
	}
	return s.n > 0 && unescape(a, s, &u->mailbox);
}

/* "0.1024" or "512" */
static bool
take_partial(struct str s, struct imap_url *u)
{
	struct str offset;

	u->partial = true;
	str_split(&s, '.', &offset);
	if (!str_u64(offset, &u->offset))
		return false;
	return !s.p || (str_u64(s, &u->length) && u->length > 0);
}

static bool
digits(struct str s, size_t at, size_t n, uint32_t *out)
{
	return str_u32(str_sub(s, at, n), out);
}

/* "2026-12-01T10:20:30Z", or with an offset; a fraction is ignored. */
static bool
take_expire(struct str s, int64_t *out)
{
	uint32_t y, mo, d, h, mi, sec, zh = 0, zm = 0;
	struct str zone;
	size_t at = 19;

	if (s.n < 20 || s.p[4] != '-' || s.p[7] != '-' ||
	    (s.p[10] != 'T' && s.p[10] != 't') || s.p[13] != ':' ||
	    s.p[16] != ':' || !digits(s, 0, 4, &y) || !digits(s, 5, 2, &mo) ||
	    !digits(s, 8, 2, &d) || !digits(s, 11, 2, &h) ||
	    !digits(s, 14, 2, &mi) || !digits(s, 17, 2, &sec) || mo < 1 ||
	    mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || sec > 60)
		return false;
	if (s.p[at] == '.') {
		at++;
		while (at < s.n && ascii_digit(s.p[at]))
			at++;
	}
	zone = str_sub(s, at, s.n);
	if (!str_ieqc(zone, "Z") &&
	    (zone.n != 6 || (zone.p[0] != '+' && zone.p[0] != '-') ||
		zone.p[3] != ':' || !digits(zone, 1, 2, &zh) ||
		!digits(zone, 4, 2, &zm)))
		return false;
	*out = days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec;
	*out += (zone.p[0] == '-' ? 60 : -60) * (int64_t)(zh * 60 + zm);
	return true;
}

/* "submit+user:INTERNAL:0123abcd", with or without what follows the access. */
static bool
take_urlauth(struct str whole, struct str s, struct imap_url *u)
{
	u->access = until(&s, ":");
	u->signed_length = (size_t)(s.p - whole.p);
	if (u->access.n == 0)
		return false;
	if (s.n == 0)
		return true;
	s = str_sub(s, 1, s.n);
	u->mechanism = until(&s, ":");
	if (u->mechanism.n == 0 || s.n < 2)
		return false;
	u->token = str_sub(s, 1, s.n);
	return true;
}

/* What may follow ";UID=20". */
static bool
take_rest(struct arena *a, struct str whole, struct str s, struct imap_url *u)
{
	while (s.n) {
		bool ok;

		skip(&s, "/");
		if (skip(&s, ";SECTION="))
			ok = unescape(a, until(&s, "/;"), &u->section);
		else if (skip(&s, ";PARTIAL="))
			ok = take_partial(until(&s, "/;"), u);
		else if (skip(&s, ";EXPIRE="))
			ok = take_expire(until(&s, ";"), &u->expire);
		else if (skip(&s, ";URLAUTH="))
			return take_urlauth(whole, s, u);
		else
			ok = s.n == 0;
		if (!ok)
			return false;
	}
	return true;
}

bool
imap_url_parse(struct arena *a, struct str text, struct imap_url *u)
{
	struct str s = text, number;
	size_t at;

	*u = (struct imap_url){ .mailbox = STR_NULL };
	if (skip(&s, "imap://") && !take_authority(a, &s, u))
		return false;
	at = find(s, ";UID=");
	if (at == STR_NPOS)
		return false;
	if (at > 0) { /* "/mailbox/" in front of it */
		struct str path = str_sub(s, 0, at);

		if (path.p[path.n - 1] == '/')
			path.n--;
		skip(&path, "/");
		if (path.n && !take_mailbox(a, path, u))
			return false;
	}
	if (u->absolute && !u->mailbox.p)
		return false;
	s = str_sub(s, at + 5, s.n);
	number = until(&s, "/;");
	return str_u32(number, &u->uid) && u->uid > 0 &&
	       take_rest(a, text, s, u);
}

struct str
url_owner(struct arena *a, const struct imap_url *u)
{
	if (str_chr(u->user, '@') != STR_NPOS)
		return u->user;
	return arena_printf(a, "%.*s@%.*s", STR_ARG(u->user), STR_ARG(u->host));
}
