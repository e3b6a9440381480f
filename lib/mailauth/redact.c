/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/report_internal.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/codec.h"
#include "mailauth/dmarc_internal.h"

/*
 * Redaction (RFC 6590): whose mail it was is nobody's business, but that two
 * reports are about the same person may be.
 */

#define HASH 10 /* octets: as many as one needs to tell people apart */

static bool
is_local_char(char c)
{
	return (c & 0x80) ||
	       (c > ' ' && c < 0x7f && !strchr("()<>[]:;@\\,\"", c));
}

static bool
is_domain_char(char c)
{
	char l = ascii_lower(c);

	return (c & 0x80) || (l >= 'a' && l <= 'z') || ascii_digit(c) ||
	       c == '-' || c == '.' || c == '_';
}

/* Where the local part begins that ends at AT, not before LOWEST. One in
 * quotes is taken back to the quote that opens it. */
static size_t
local_start(struct str s, size_t lowest, size_t at)
{
	size_t from = at;

	if (at > lowest && s.p[at - 1] == '"') {
		for (from = at - 1; from > lowest; from--) {
			if (s.p[from - 1] == '"' &&
			    (from < 2 || s.p[from - 2] != '\\'))
				return from - 1;
		}
		return lowest;
	}
	/* With "=", which tags of other fields have, but VERP and SRS, too. */
	while (from > lowest && is_local_char(s.p[from - 1]))
		from--;
	return from;
}

static size_t
domain_end(struct str s, size_t from)
{
	while (from < s.n && is_domain_char(s.p[from]))
		from++;
	return from;
}

static bool
is_own(struct str host, struct str domain)
{
	size_t below = host.n - domain.n;

	return domain.n > 0 && host.n >= domain.n && str_iends(host, domain) &&
	       (below == 0 || host.p[below - 1] == '.');
}

static void
put_hash(struct buf *out, struct str local, struct str key)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	HMAC(EVP_sha256(), key.p ? key.p : "", (int)key.n,
	    (const uint8_t *)(local.p ? local.p : ""), local.n, mac, &len);
	hex_encode(out, mac, HASH);
}

void
report_redact(
    struct buf *out, struct str text, struct str domain, struct str key)
{
	size_t done = 0;

	while (done < text.n) {
		size_t n = str_chr(str_sub(text, done, STR_NPOS), '@');
		size_t at = n == STR_NPOS ? text.n : done + n, from, end;

		if (at == text.n)
			break;
		from = local_start(text, done, at);
		end = domain_end(text, at + 1);
		buf_putstr(out, str_sub(text, done, from - done));
		if (from == at ||
		    is_own(str_sub(text, at + 1, end - at - 1), domain))
			buf_putstr(out, str_sub(text, from, at - from));
		else
			put_hash(out, str_sub(text, from, at - from), key);
		buf_putstr(out, str_sub(text, at, end - at));
		done = end;
	}
	buf_putstr(out, str_sub(text, done, STR_NPOS));
}
