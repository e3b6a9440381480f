/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * COMPARATOR and LANGUAGE (RFC 5255). All our texts are English, so a language
 * is negotiated and nothing changes.
 */
#include "imapd/command.h"
#include "mime/collate.h"

#define WISHES 32

/* " a "b*"", in the order of preference; to the end of the command. */
static bool
take_wishes(struct parse *p, struct str *wishes, size_t *n)
{
	*n = 0;
	while (parse_peek(p) == ' ') {
		if (*n == WISHES)
			return parse_fail(p, "too many choices");
		if (!parse_sp(p) || !parse_astring(p, &wishes[(*n)++]))
			return false;
	}
	return parse_end(p);
}

/* ------------------------------------------------------------------------
 * COMPARATOR
 */

/* "*" stands for any octets (RFC 4790, section 3.2). */
static bool
matches(struct str pattern, struct str s)
{
	size_t star = STR_NPOS, p = 0, at = 0, from = 0;

	while (at < s.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = at;
		} else if (p < pattern.n &&
			   ascii_upper(pattern.p[p]) == ascii_upper(s.p[at])) {
			p++;
			at++;
		} else if (star != STR_NPOS) { /* it stands for one more */
			p = star + 1;
			at = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

static bool
wanted(struct str wish, const struct mime_collation *c)
{
	return matches(wish, str_of(c->name)) ||
	       (str_ieqc(wish, "default") && c == &mime_collations[0]);
}

static bool
wanted_by_any(
    const struct str *wishes, size_t n, const struct mime_collation *c)
{
	for (size_t i = 0; i < n; i++) {
		if (wanted(wishes[i], c))
			return true;
	}
	return false;
}

/* The first wish that can be fulfilled decides. */
static const struct mime_collation *
choose(const struct str *wishes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < mime_ncollations; k++) {
			if (wanted(wishes[i], &mime_collations[k]))
				return &mime_collations[k];
		}
	}
	return NULL;
}

static void
put_comparator(struct session *s, const struct str *wishes, size_t n)
{
	struct buf *out = conn_out(s->conn);
	const char *sep = " (";

	BUF_LIT(out, "* COMPARATOR ");
	write_astring(out, str_of(s->collation ? s->collation->name
					       : mime_collations[0].name));
	for (size_t i = 0; i < mime_ncollations; i++) {
		if (!wanted_by_any(wishes, n, &mime_collations[i]))
			continue;
		buf_puts(out, sep);
		write_astring(out, str_of(mime_collations[i].name));
		sep = " ";
	}
	buf_puts(out, n ? ")\r\n" : "\r\n");
}

enum reply
cmd_comparator(struct session *s, struct cmd *c)
{
	const struct mime_collation *chosen;
	struct str wishes[WISHES];
	size_t n;

	EXPECT(c, take_wishes(&c->p, wishes, &n));
	chosen = choose(wishes, n);
	if (n && !chosen)
		return no(c, "BADCOMPARATOR", "No such comparator");
	if (chosen)
		s->collation = chosen;
	put_comparator(s, wishes, n);
	return REPLY_OK;
}

/* ------------------------------------------------------------------------
 * LANGUAGE
 */

/* The look-up of RFC 4647, section 3.4: "en-GB-oed" finds "en". */
static const char *
language(struct str wish)
{
	if (str_ieqc(wish, "default") || str_ieqc(wish, "i-default"))
		return "i-default";
	if (str_ieqc(wish, "en") || str_istarts(wish, STR("en-")) ||
	    str_eqc(wish, "*"))
		return "en";
	return NULL;
}

enum reply
cmd_language(struct session *s, struct cmd *c)
{
	struct buf *out = conn_out(s->conn);
	const char *chosen = NULL;
	struct str wishes[WISHES];
	size_t n;

	EXPECT(c, take_wishes(&c->p, wishes, &n));
	if (n == 0) {
		write_untagged(out, "LANGUAGE (en i-default)");
		return REPLY_OK;
	}
	for (size_t i = 0; i < n && !chosen; i++)
		chosen = language(wishes[i]);
	if (!chosen)
		return no(c, NULL, "Only English is spoken here");
	BUF_LIT(out, "* LANGUAGE (");
	buf_puts(out, chosen);
	BUF_LIT(out, ")\r\n");
	if (s->state & ST_IN)
		put_namespace(s);
	return REPLY_OK;
}
