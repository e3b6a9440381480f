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

static bool
is_textual(const struct mime_part *p)
{
	return mime_part_is(p, "text", NULL);
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
		return is_textual(p);
	for (size_t i = 0; i < types.n; i++) {
		if (has_content_type(p, types.v[i]))
			return true;
	}
	return false;
}

/* What a multipart has before its first and after its last part. */
static void
put_around(
    struct buf *out, const struct mime_message *m, const struct mime_part *p)
{
	size_t first = p->child->header, last = p->child->end;
	struct str raw = m->raw;
	size_t line;

	for (const struct mime_part *k = p->child; k; k = k->next)
		last = k->end;
	line = str_find(str_sub(raw, p->body, first - p->body), STR("--"));
	buf_putstr(out,
	    str_sub(raw, p->body, line == STR_NPOS ? first - p->body : line));
	buf_putstr(out, str_sub(raw, last, p->end - last));
}

/* The content that is matched, decoded; HTML as text for :text. */
static struct str
content_of(struct sieve_run *r, const struct mime_message *m,
    const struct mime_part *p, int what)
{
	struct buf out = { 0 }, text = { 0 };
	struct str s;

	if (p->multipart) {
		put_around(&out, m, p);
	} else if (p->message) {
		buf_putstr(&out, mime_part_header(m, p->child));
	} else if (is_textual(p)) {
		mime_part_text(&out, m, p, PART_MAX);
	} else {
		mime_decode_cte(&out, p->cte, mime_part_body(m, p), PART_MAX);
	}
	if (what == BODY_TEXT && mime_part_is(p, "text", "html")) {
		mime_html_to_text(&text, buf_str(&out));
		buf_fini(&out);
		out = text;
	}
	s = arena_str(r->arena, buf_str(&out));
	buf_fini(&out);
	return s;
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
		a = sieve_match_value(m, content_of(r, mime, p, what));
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
	if (what == BODY_RAW)
		sieve_match_value(&m, sieve_message_body(r->message));
	else
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
