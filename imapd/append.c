/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/append.h"

#include <string.h>

#include "imapd/url_read.h"
#include "mime/compose.h"

#define MAX_PIECES 1000

/* ------------------------------------------------------------------------
 * Parsing
 */

static bool
take_piece(struct parse *p, struct append_piece *piece)
{
	bool binary;

	*piece = (struct append_piece){ 0 };
	if (parse_try_word(p, "URL")) {
		piece->url = true;
		return parse_sp(p) && parse_astring(p, &piece->text);
	}
	if (!parse_try_word(p, "TEXT"))
		return parse_fail(p, "expected URL or TEXT");
	return parse_sp(p) && parse_literal(p, &binary, &piece->text);
}

/* "(URL "/Drafts/;UID=20" TEXT {n}...)" */
static bool
take_pieces(struct parse *p, struct append_message *m)
{
	size_t cap = 0;

	m->catenate = true;
	if (!parse_sp(p) || !parse_char(p, '('))
		return false;
	do {
		if (m->npieces == MAX_PIECES)
			return parse_fail(p, "too many pieces");
		m->pieces = arena_grow(
		    p->arena, m->pieces, m->npieces, &cap, sizeof(*m->pieces));
		if (!take_piece(p, &m->pieces[m->npieces++]))
			return false;
	} while (parse_try(p, ' '));
	return parse_char(p, ')');
}

/* "(~{n}...)" */
static bool
take_utf8(struct parse *p, struct append_message *m)
{
	m->utf8 = true;
	return parse_sp(p) && parse_char(p, '(') &&
	       parse_literal(p, &m->binary, &m->raw) && parse_char(p, ')');
}

bool
append_parse(struct parse *p, struct append_message *m)
{
	*m = (struct append_message){ 0 };
	if (!parse_sp(p))
		return false;
	if (parse_peek(p) == '(' &&
	    (!parse_flags(p, false, &m->names, &m->nnames) || !parse_sp(p)))
		return false;
	if (parse_peek(p) == '"' &&
	    (!parse_datetime(p, &m->received) || !parse_sp(p)))
		return false;
	if (parse_try_word(p, "CATENATE"))
		return take_pieces(p, m);
	if (parse_try_word(p, "UTF8"))
		return take_utf8(p, m);
	return parse_literal(p, &m->binary, &m->raw);
}

/* ------------------------------------------------------------------------
 * Making the message
 */

/* The code ends at "]" and stands on one line. */
static enum reply
bad_url(struct session *s, struct cmd *c, struct str url)
{
	static const char hex[] = "0123456789ABCDEF";
	struct buf b = { 0 };

	BUF_LIT(&b, "BADURL \"");
	for (size_t i = 0; i < url.n; i++) {
		unsigned char ch = (unsigned char)url.p[i];

		if (ch > ' ' && ch < 0x7f && !strchr("\"\\]", ch)) {
			buf_putc(&b, (char)ch);
			continue;
		}
		buf_putc(&b, '%');
		buf_putc(&b, hex[ch >> 4]);
		buf_putc(&b, hex[ch & 15]);
	}
	buf_putc(&b, '"');
	c->code = arena_str(s->arena, buf_str(&b));
	buf_fini(&b);
	c->text = "Cannot read that URL";
	return REPLY_NO;
}

/* Is HOST this server? */
static bool
is_here(struct session *s, struct str host)
{
	struct site_domain domain;
	struct err e = ERR_INIT;
	size_t colon = str_rchr(host, ':');

	if (colon != STR_NPOS)
		host.n = colon;
	return str_ieqc(host, s->d->hostname) || str_ieqc(host, "localhost") ||
	       site_domain_get(s->d->site, s->arena, host, &domain, &e) ==
		   SITE_OK;
}

static bool
put_url(struct session *s, struct cmd *c, struct str text, struct buf *out,
    enum reply *r)
{
	struct imap_url url;
	struct place from = { .account = s->sel.account };
	struct err e = ERR_INIT;
	int64_t mailbox = s->sel.mailbox;
	enum store_rc rc = STORE_NOTFOUND;

	*r = bad_url(s, c, text);
	if (!imap_url_parse(s->arena, text, &url) ||
	    (url.absolute && !is_here(s, url.host)) ||
	    (url.user.n && !place_is_user(s, url_owner(s->arena, &url))))
		return false;
	if (url.mailbox.p) {
		enum reply unused;

		if (!place_find(
			s, c, url.mailbox, RIGHT_READ, &from, &unused)) {
			*r = bad_url(s, c, text);
			return false;
		}
		mailbox = from.m.id;
	} else if (s->state != ST_SELECTED) {
		return false;
	}
	rc = url_read(s->arena, from.account, mailbox, &url, URL_BODY, out, &e);
	if (rc != STORE_OK && rc != STORE_NOTFOUND && rc != STORE_INVALID)
		*r = store_failed(s, c, rc, &e);
	if (rc != STORE_OK)
		return false;
	c->code = STR_NULL;
	c->text = NULL;
	return true;
}

static bool
too_big(struct session *s, struct cmd *c, size_t n, enum reply *r)
{
	if (n <= s->d->max_literal)
		return false;
	*r = no(c, "TOOBIG", "The message would be too large");
	return true;
}

static bool
put_pieces(struct session *s, struct cmd *c, const struct append_message *m,
    struct buf *out, enum reply *r)
{
	for (size_t i = 0; i < m->npieces; i++) {
		const struct append_piece *piece = &m->pieces[i];

		if (!piece->url)
			buf_putstr(out, piece->text);
		else if (!put_url(s, c, piece->text, out, r))
			return false;
		if (too_big(s, c, out->n, r))
			return false;
	}
	return true;
}

/* Octets of the message; in the arena where they had to be made. */
static bool
make_raw(struct session *s, struct cmd *c, const struct append_message *m,
    struct str *raw, enum reply *r)
{
	struct buf b = { 0 };
	bool ok = true;

	*raw = m->raw;
	if (m->catenate) {
		ok = put_pieces(s, c, m, &b, r);
		*raw = arena_str(s->arena, buf_str(&b));
	} else if (m->binary && mime_without_binary(s->arena, &b, m->raw)) {
		*raw = arena_str(s->arena, buf_str(&b));
	}
	buf_fini(&b);
	if (ok && raw->n == 0) {
		*r = no(c, NULL, "Empty message");
		return false;
	}
	return ok;
}

/* \Recent is not for clients to set, but some send back what they got. */
static size_t
without_recent(struct str *names, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (!str_ieqc(names[i], "\\Recent"))
			names[kept++] = names[i];
	}
	return kept;
}

bool
append_make(struct session *s, struct cmd *c, const struct append_message *m,
    const struct place *to, struct append *out, enum reply *r)
{
	*out = (struct append){ .received = m->received, .by_user = true };
	if (m->utf8 && !session_utf8(s)) {
		*r = bad(c, "Enable UTF8=ACCEPT first");
		return false;
	}
	if (!make_raw(s, c, m, &out->raw, r) ||
	    !command_flags(s, c, to->account, m->names,
		without_recent(m->names, m->nnames), &out->flags, r))
		return false;
	rights_filter_flags(to->rights, &out->flags);
	return true;
}
