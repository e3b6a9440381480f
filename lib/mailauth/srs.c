/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/srs.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/codec.h"

#define DAY 86400
#define DAYS 1024 /* two characters of base32 */
#define TAG 4     /* "SRS0" and what follows it, in front of the separator */

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static unsigned
day_of(int64_t now)
{
	return (unsigned)(now / DAY % DAYS);
}

/* ------------------------------------------------------------------------
 * Hashes
 */

/* Of PARTS one behind the other, in lower case. */
static struct str
hash(struct buf *out, struct str secret, const struct str *parts, size_t n)
{
	struct buf text = { 0 };
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < parts[i].n; k++)
			buf_putc(&text, ascii_lower(parts[i].p[k]));
	}
	buf_clear(out);
	HMAC(EVP_sha1(), secret.p ? secret.p : "", (int)secret.n,
	    (const uint8_t *)text.p, text.n, mac, &len);
	base64_encode(out, (struct str){ (const char *)mac, len });
	buf_fini(&text);
	return buf_str(out);
}

/* Compared without regard to case, since addresses are. */
static bool
is_ours(struct srs_secrets s, struct str got, const struct str *parts, size_t n)
{
	struct buf b = { 0 };
	bool ours = false;

	if (got.n < SRS_HASH)
		return false;
	for (size_t i = 0; i < s.count && !ours; i++)
		ours = str_ieq(
		    got, str_sub(hash(&b, s.list[i], parts, n), 0, got.n));
	buf_fini(&b);
	return ours;
}

/* ------------------------------------------------------------------------
 * Parts
 */

/* "SRS0" or "SRS1" with one of the three separators behind it. */
static bool
has_tag(struct str local, const char *tag)
{
	return local.n > TAG && str_istarts(local, str_of(tag)) &&
	       strchr("=+-", local.p[TAG]) != NULL;
}

static bool
take(struct str *rest, struct str *part)
{
	return rest->n > 0 && str_split(rest, '=', part) && part->n > 0 &&
	       rest->p != NULL;
}

struct srs0 {
	struct str hash, stamp, host, user;
};

/* What follows "SRS0=". */
static bool
parse_srs0(struct str rest, struct srs0 *out)
{
	if (!take(&rest, &out->hash) || !take(&rest, &out->stamp) ||
	    !take(&rest, &out->host))
		return false;
	out->user = rest;
	return rest.n > 0;
}

struct srs1 {
	struct str hash, host, user; /* USER with the separator of its SRS0 */
};

static bool
parse_srs1(struct str rest, struct srs1 *out)
{
	if (!take(&rest, &out->hash) || !take(&rest, &out->host))
		return false;
	out->user = rest;
	return rest.n > 1 && strchr("=+-", rest.p[0]) != NULL;
}

/* ------------------------------------------------------------------------
 * Forward
 */

/* "TAG=HASH", of the parts; then each of them with "=" in front. Not by printf,
 * which ends at a NUL that somebody else chose. */
static void
put_parts(struct buf *out, const char *tag, struct str secret,
    const struct str *parts, size_t n)
{
	struct buf h = { 0 };

	buf_putstr(out, str_of(tag));
	buf_putc(out, '=');
	buf_putstr(out, str_sub(hash(&h, secret, parts, n), 0, SRS_HASH));
	for (size_t i = 0; i < n; i++) {
		buf_putc(out, '=');
		buf_putstr(out, parts[i]);
	}
	buf_fini(&h);
}

static void
put_srs0(struct buf *out, struct str secret, int64_t now, struct str local,
    struct str host)
{
	unsigned day = day_of(now);
	char stamp[2] = { base32[day >> 5], base32[day & 31] };
	struct str parts[] = { { stamp, 2 }, host, local };

	put_parts(out, "SRS0", secret, parts, LEN(parts));
}

static void
put_srs1(struct buf *out, struct str secret, struct str host, struct str user)
{
	struct str parts[] = { host, user };

	put_parts(out, "SRS1", secret, parts, LEN(parts));
}

static void
put_address(struct buf *out, struct str local, struct str host)
{
	buf_putstr(out, local);
	buf_putc(out, '@');
	buf_putstr(out, host);
}

/* Of a chain only the first who sent it on is kept, and the last. */
bool
srs_forward(struct buf *out, struct srs_secrets s, int64_t now,
    struct str sender, struct str domain)
{
	size_t at = str_rchr(sender, '@');
	struct str local = str_sub(sender, 0, at), host;
	struct srs1 chain;

	if (at == STR_NPOS || at == 0 || at + 1 == sender.n || s.count == 0)
		return false;
	host = str_sub(sender, at + 1, STR_NPOS);
	if (has_tag(local, "SRS1") &&
	    parse_srs1(str_sub(local, TAG + 1, STR_NPOS), &chain))
		put_srs1(out, s.list[0], chain.host, chain.user);
	else if (has_tag(local, "SRS0"))
		put_srs1(out, s.list[0], host, str_sub(local, TAG, STR_NPOS));
	else
		put_srs0(out, s.list[0], now, local, host);
	buf_putc(out, '@');
	buf_putstr(out, domain);
	return true;
}

/* ------------------------------------------------------------------------
 * Reverse
 */

static bool
read_stamp(struct str s, unsigned *day)
{
	const char *hi, *lo;

	if (s.n != 2)
		return false;
	hi = strchr(base32, ascii_upper(s.p[0]));
	lo = strchr(base32, ascii_upper(s.p[1]));
	if (!hi || !lo || !*hi || !*lo)
		return false;
	*day = (unsigned)(hi - base32) << 5 | (unsigned)(lo - base32);
	return true;
}

static bool
is_current(struct str stamp, int64_t now)
{
	unsigned day;

	return read_stamp(stamp, &day) &&
	       (day_of(now) + DAYS - day) % DAYS <= SRS_MAX_DAYS;
}

static enum srs_rc
reverse_srs0(
    struct buf *out, struct srs_secrets s, int64_t now, struct str rest)
{
	struct srs0 a;

	if (!parse_srs0(rest, &a))
		return SRS_NONE;
	if (!is_ours(s, a.hash, (struct str[]){ a.stamp, a.host, a.user }, 3))
		return SRS_FORGED;
	if (!is_current(a.stamp, now))
		return SRS_EXPIRED;
	put_address(out, a.user, a.host);
	return SRS_OK;
}

/* Its age is for the one to say whose SRS0 it is. */
static enum srs_rc
reverse_srs1(struct buf *out, struct srs_secrets s, struct str rest)
{
	struct srs1 a;

	if (!parse_srs1(rest, &a))
		return SRS_NONE;
	if (!is_ours(s, a.hash, (struct str[]){ a.host, a.user }, 2))
		return SRS_FORGED;
	BUF_LIT(out, "SRS0");
	put_address(out, a.user, a.host);
	return SRS_OK;
}

enum srs_rc
srs_reverse(
    struct buf *out, struct srs_secrets s, int64_t now, struct str address)
{
	size_t at = str_rchr(address, '@');
	struct str local = str_sub(address, 0, at);
	struct str rest = str_sub(local, TAG + 1, STR_NPOS);

	if (at == STR_NPOS)
		return SRS_NONE;
	if (has_tag(local, "SRS0"))
		return reverse_srs0(out, s, now, rest);
	if (has_tag(local, "SRS1"))
		return reverse_srs1(out, s, rest);
	return SRS_NONE;
}
