/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "mime/decode.h"
#include "sieve/match.h"

/* body (RFC 5173). */

enum { BODY_RAW, BODY_CONTENT, BODY_TEXT };

#define PART_MAX (4U << 20)

static const struct sieve_tag body_tags[] = {
	{ "raw", CAP_BODY, SLOT_BODY, 0, BODY_RAW },
	{ "content", CAP_BODY, SLOT_BODY, 'l', BODY_CONTENT },
	{ "text", CAP_BODY, SLOT_BODY, 0, BODY_TEXT },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

static bool
check_body(struct sieve_checker *c, struct sieve_node *n)
{
	return sieve_match_check(c, n, sieve_arg(n, SLOT_1));
}

/* RFC 2045, section 6.4: not if nobody knows how it is encoded. */
static bool
is_textual(const struct mime_part *p)
{
	return p->cte != MIME_CTE_UNKNOWN && mime_part_is(p, "text", NULL);
}

static bool
is_html(const struct mime_part *p)
{
	return p->cte != MIME_CTE_UNKNOWN &&
	       (mime_part_is(p, "text", "html") ||
		   mime_part_is(p, "application", "xhtml+xml"));
}

/* Section 5.2: "" for all, a type, or a type and a subtype. */
static bool
has_content_type(const struct mime_part *p, struct str want)
{
	size_t slash = str_chr(want, '/');

	if (want.n == 0)
		return true;
	if (slash == STR_NPOS)
		return str_ieq(p->type, want);
	if (slash == 0 || slash + 1 == want.n ||
	    str_chr(str_sub(want, slash + 1, SIZE_MAX), '/') != STR_NPOS)
		return false;
	return str_ieq(p->type, str_sub(want, 0, slash)) &&
	       str_ieq(p->subtype, str_sub(want, slash + 1, SIZE_MAX));
}

static bool
wanted(const struct mime_part *p, int what, struct strs types)
{
	if (what == BODY_TEXT)
		return is_textual(p) || is_html(p);
	for (size_t i = 0; i < types.n; i++) {
		if (has_content_type(p, types.v[i]))
			return true;
	}
	return false;
}

/* Without the line it ends with. */
static struct str
drop_last_line(struct str s)
{
	while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	while (s.n > 0 && s.p[s.n - 1] != '\n')
		s.n--;
	return s;
}

/* Without the boundary that S begins with, in a line of its own. */
static struct str
drop_boundary(struct str s)
{
	size_t line;

	while (s.n > 0 && (s.p[0] == '\n' || s.p[0] == '\r'))
		s = str_sub(s, 1, SIZE_MAX);
	line = str_chr(s, '\n');
	if (!str_starts(s, STR("--")))
		return s;
	return str_sub(s, line == STR_NPOS ? s.n : line + 1, SIZE_MAX);
}

/* What a multipart has before its first part, and after its last one. */
static struct str
prologue(const struct mime_message *m, const struct mime_part *p)
{
	return drop_last_line(
	    str_sub(m->raw, p->body, p->child->header - p->body));
}

static struct str
epilogue(const struct mime_message *m, const struct mime_part *p)
{
	const struct mime_part *last = p->child;

	while (last->next)
		last = last->next;
	return drop_boundary(str_sub(m->raw, last->end, p->end - last->end));
}

/* Without the empty line. */
static struct str
header_of(const struct mime_message *m, const struct mime_part *p)
{
	struct str s = mime_part_header(m, p);

	return str_iends(s, STR("\r\n\r\n")) ? str_sub(s, 0, s.n - 2) : s;
}

/* The content that is matched, decoded; HTML as text for :text. */
static struct str
content_of(struct sieve_run *r, const struct mime_message *m,
    const struct mime_part *p, int what)
{
	struct buf octets = { 0 }, utf8 = { 0 }, text = { 0 };
	struct buf *out = &octets;
	struct str s;

	mime_decode_cte(&octets, p->cte, mime_part_body(m, p), PART_MAX);
	if (is_textual(p) || is_html(p)) {
		mime_to_utf8(&utf8, mime_param(r->arena, &p->params, "charset"),
		    buf_str(&octets));
		out = &utf8;
	}
	if (what == BODY_TEXT && is_html(p)) {
		mime_html_to_text(&text, buf_str(&utf8));
		out = &text;
	}
	s = arena_str(r->arena, buf_str(out));
	buf_fini(&text);
	buf_fini(&utf8);
	buf_fini(&octets);
	return s;
}

static enum sieve_answer
match_part(struct sieve_match *m, const struct mime_message *mime,
    const struct mime_part *p, int what)
{
	enum sieve_answer a;

	if (p->message)
		return sieve_match_value(m, header_of(mime, p->child));
	if (!p->multipart)
		return sieve_match_value(m, content_of(m->run, mime, p, what));
	a = sieve_match_value(m, prologue(mime, p));
	return a == SIEVE_NO ? sieve_match_value(m, epilogue(mime, p)) : a;
}

static enum sieve_answer
match_parts(struct sieve_match *m, int what, struct strs types)
{
	struct sieve_run *r = m->run;
	const struct mime_message *mime = sieve_message_mime(r->message);
	const struct mime_part *p = mime->root;
	enum sieve_answer a = SIEVE_NO;

	for (; p && a == SIEVE_NO; p = mime_part_next(p)) {
		if (!wanted(p, what, types))
			continue;
		if (!sieve_charge(r, 1 + (p->end - p->body) / 64))
			return SIEVE_FAILED;
		a = match_part(m, mime, p, what);
	}
	return a;
}

static enum sieve_answer
test_body(struct sieve_run *r, const struct sieve_node *n)
{
	int what = sieve_tag_value(n, SLOT_BODY, BODY_TEXT);
	struct strs types = sieve_list(r, sieve_tag_arg(n, SLOT_BODY));
	struct sieve_frame before = *r->frame;
	struct sieve_match m;

	sieve_match_init(&m, r, n, sieve_arg(n, SLOT_1));
	/* Section 4: a message without an empty line has no body. */
	if (what == BODY_RAW && sieve_message_body(r->message).p)
		sieve_match_value(&m, sieve_message_body(r->message));
	else if (sieve_message_body(r->message).p)
		match_parts(&m, what, types);
	sieve_match_end(&m);
	/* Section 6: it sets no match values. */
	memcpy(r->frame->match, before.match, sizeof(before.match));
	r->frame->nmatch = before.nmatch;
	return r->rc == SIEVE_OK ? m.answer : SIEVE_FAILED;
}

const struct sieve_verb sieve_verbs_body[] = {
	{ .name = "body",
	    .cap = CAP_BODY,
	    .params = { { 'l', "key list" } },
	    .tags = { sieve_tags_match, body_tags },
	    .check = check_body,
	    .test = test_body },
	{ .name = NULL },
};
