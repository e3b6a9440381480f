/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>

#include "mailauth/spf.h"

/* Received-SPF (RFC 7208, section 9.1). Most of what it tells came from
 * strangers. */

#define MAX_VALUE 320 /* octets of each */

/* ------------------------------------------------------------------------
 * Strangers' text
 */

/* Octets that are neither control characters nor broken UTF-8. */
static void
put_clean(struct buf *out, char c, bool utf8)
{
	unsigned char u = (unsigned char)c;

	buf_putc(out, u < ' ' || u == 0x7f || (u >= 0x80 && !utf8) ? '?' : c);
}

/* SPECIAL gets a backslash. */
static void
put_text(struct buf *out, struct str s, struct str special)
{
	struct str cut = str_sub(s, 0, MAX_VALUE);
	bool utf8 = str_is_utf8(cut);

	for (size_t i = 0; i < cut.n; i++) {
		if (str_chr(special, cut.p[i]) != STR_NPOS)
			buf_putc(out, '\\');
		put_clean(out, cut.p[i], utf8);
	}
}

static void
put_comment(struct buf *out, struct str s)
{
	put_text(out, s, STR("()\\"));
}

static bool
is_atext(char c)
{
	char l = ascii_lower(c);

	return ascii_digit(c) || (l >= 'a' && l <= 'z') ||
	       str_chr(STR("!#$%&'*+-/=?^_`{|}~"), c) != STR_NPOS;
}

static bool
is_dot_atom(struct str s)
{
	char before = '.';

	for (size_t i = 0; i < s.n; i++) {
		if (!is_atext(s.p[i]) && (s.p[i] != '.' || before == '.'))
			return false;
		before = s.p[i];
	}
	return before != '.' && s.n <= MAX_VALUE;
}

/* ------------------------------------------------------------------------
 * The field
 */

static struct str
or_unknown(struct str s)
{
	return s.n ? s : STR("unknown");
}

static void
put_pair(struct buf *out, const char *key, struct str value)
{
	buf_printf(out, "\n\t%s=", key);
	if (is_dot_atom(value)) {
		buf_putstr(out, value);
	} else {
		buf_putc(out, '"');
		put_text(out, value, STR("\"\\"));
		buf_putc(out, '"');
	}
	buf_putc(out, ';');
}

static struct str
client(const struct in6_addr *addr, char text[INET6_ADDRSTRLEN])
{
	if (IN6_IS_ADDR_V4MAPPED(addr))
		inet_ntop(AF_INET, addr->s6_addr + 12, text, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, addr, text, INET6_ADDRSTRLEN);
	return str_of(text);
}

/* "S" is the sender, "C" the client; else as it stands. */
static const char *const sentences[] = {
	[SPF_NONE] = "domain of S has no policy",
	[SPF_NEUTRAL] = "C is neither permitted nor denied by domain of S",
	[SPF_PASS] = "domain of S designates C as permitted sender",
	[SPF_FAIL] = "domain of S does not designate C as permitted sender",
	[SPF_SOFTFAIL] = "transitioning domain of S does not designate C",
	[SPF_TEMPERROR] = "temporary error in looking up domain of S",
	[SPF_PERMERROR] = "permanent error in processing domain of S",
};

static void
put_sentence(struct buf *out, const struct spf_query *q,
    const struct spf_verdict *v, struct str ip)
{
	struct str sender =
	    q->identity == SPF_HELO || q->sender.n == 0 ? v->domain : q->sender;

	buf_puts(out, " (");
	put_comment(out, or_unknown(q->receiver));
	buf_puts(out, ":\n\t");
	for (const char *p = sentences[v->result]; *p; p++) {
		if (*p == 'S')
			put_comment(out, or_unknown(sender));
		else if (*p == 'C')
			put_comment(out, ip);
		else
			buf_putc(out, *p);
	}
	buf_putc(out, ')');
}

void
spf_received(
    struct buf *out, const struct spf_query *q, const struct spf_verdict *v)
{
	char text[INET6_ADDRSTRLEN];
	struct str ip = client(&q->client, text);
	bool helo = q->identity == SPF_HELO || q->sender.n == 0;

	buf_puts(out, spf_result_name(v->result));
	put_sentence(out, q, v, ip);
	put_pair(out, "receiver", or_unknown(q->receiver));
	put_pair(out, "client-ip", ip);
	put_pair(out, "envelope-from", q->sender);
	put_pair(out, "helo", q->helo);
	put_pair(out, "identity", helo ? STR("helo") : STR("mailfrom"));
	if (v->problem.n)
		put_pair(out, "problem", v->problem);
	else
		put_pair(out, "mechanism",
		    v->mechanism.n ? v->mechanism : STR("default"));
}
