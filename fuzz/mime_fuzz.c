/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "mime/decode.h"
#include "mime/downgrade.h"
#include "mime/fuzzy.h"
#include "mime/header.h"
#include "mime/mime.h"

/*
 * The input is taken for a message, and for everything else lib/mime reads.
 * Beyond what the sanitizers see, what must always hold is checked here.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(what)                                                            \
	do {                                                                   \
		if (!(what)) {                                                 \
			fprintf(                                               \
			    stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
			abort();                                               \
		}                                                              \
	} while (0)

#define MAX_PATH 70

static size_t
lines_of(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n';
	return n;
}

static void
check_span(struct str layout, const struct mime_part *p, const uint32_t *path,
    size_t n)
{
	struct mime_span span;

	CHECK(mime_layout_find(layout, path, n, &span));
	CHECK(span.body.at == p->body && span.body.n == p->end - p->body);
	CHECK(span.mime.at == p->header && span.mime.n == p->body - p->header);
	CHECK(span.cte == p->cte && span.message == p->message);
	if (p->message) {
		CHECK(span.header.at == p->child->header);
		CHECK(span.text.at == p->child->body);
	}
}

/* P is what the section PATH of N numbers names; check all below it. */
static void
check_sections(
    struct str layout, const struct mime_part *p, uint32_t *path, size_t n)
{
	uint32_t number = 0;

	if (n >= MAX_PATH)
		return;
	if (n)
		check_span(layout, p, path, n);
	if (p->message && n) {
		p = p->child;
		if (!p->multipart) {
			path[n] = 1;
			check_sections(layout, p, path, n + 1);
			return;
		}
	} else if (n == 0 && !p->multipart) {
		path[0] = 1;
		check_sections(layout, p, path, 1);
		return;
	}
	for (const struct mime_part *c = p->child; c; c = c->next) {
		path[n] = ++number;
		if (number <= 20)
			check_sections(layout, c, path, n + 1);
	}
}

static void
check_tree(const struct mime_message *m)
{
	size_t parts = 0;

	for (const struct mime_part *p = m->root; p; p = mime_part_next(p)) {
		parts++;
		CHECK(p->header <= p->body && p->body <= p->end &&
		      p->end <= m->raw.n);
		CHECK(p->lines == lines_of(mime_part_body(m, p)));
		CHECK(p->header_lines == lines_of(mime_part_header(m, p)));
		CHECK(!(p->multipart || p->message) == !p->child);
		for (const struct mime_part *c = p->child; c; c = c->next) {
			CHECK(c->parent == p && c->header >= p->body &&
			      c->end <= p->end);
			CHECK(!c->next || c->next->header >= c->end);
		}
	}
	CHECK(parts == m->nparts);
	CHECK(m->root->header == 0 && m->root->end == m->raw.n);
}

static void
check_utf8(const struct buf *b)
{
	CHECK(str_is_utf8(buf_str(b)));
}

static void
check_imap(const struct mime_message *m)
{
	struct buf full = { 0 }, body = { 0 }, again = { 0 };
	uint32_t path[MAX_PATH];
	struct str whole;

	mime_bodystructure(&full, m);
	CHECK(mime_bodystructure_part(buf_str(&full), NULL, 0, &whole) &&
	      str_eq(whole, buf_str(&full)));
	CHECK(mime_body_of(&body, buf_str(&full)));
	/* A BODY is its own BODY. */
	CHECK(mime_body_of(&again, buf_str(&body)));
	CHECK(str_eq(buf_str(&body), buf_str(&again)));
	buf_clear(&full);
	mime_layout(&full, m);
	check_sections(buf_str(&full), m->root, path, 0);
	buf_fini(&full);
	buf_fini(&body);
	buf_fini(&again);
}

static void
check_text(struct arena *a, const struct mime_message *m)
{
	struct mime_text_limits small = { .part = 100, .total = 300 };
	struct buf headers = { 0 }, body = { 0 }, folded = { 0 };

	mime_search_text(&headers, &body, m, NULL);
	check_utf8(&headers);
	check_utf8(&body);
	mime_fold(&folded, buf_str(&body));
	check_utf8(&folded);
	buf_clear(&headers);
	buf_clear(&body);
	mime_search_text(&headers, &body, m, &small);
	CHECK(headers.n <= 301 && body.n <= 301);
	for (const struct mime_part *p = m->root; p; p = mime_part_next(p))
		mime_part_filename(a, p);
	buf_fini(&headers);
	buf_fini(&body);
	buf_fini(&folded);
}

static void
check_fields(struct arena *a, struct str raw)
{
	struct mime_address *addresses;
	struct str *ids;
	struct buf b = { 0 };
	int64_t epoch;

	mime_addresses(a, raw, &addresses);
	mime_msgids(a, raw, 50, &ids);
	mime_date(raw, &epoch, NULL);
	mime_decode_words(&b, raw);
	check_utf8(&b);
	mime_base_subject(&b, buf_str(&b).n < 4096 ? raw : STR_NULL);
	buf_clear(&b);
	mime_fold(&b, raw);
	CHECK(str_chr(raw, '\0') != STR_NPOS || str_is_utf8(buf_str(&b)));
	buf_clear(&b);
	mime_decode_cte(&b, MIME_BASE64, raw, SIZE_MAX / 8);
	mime_decode_cte(&b, MIME_QP, raw, 1000);
	buf_fini(&b);
}

/* What the index is asked for is in every text that matches. */
static void
check_word(struct str word, struct str text)
{
	struct str parts[2];
	bool there = false;

	for (size_t i = 0; !there && fuzzy_parts(word, i, parts); i++)
		there = str_find(text, parts[0]) != STR_NPOS &&
			str_find(text, parts[1]) != STR_NPOS;
	CHECK(there);
}

/* The first line as the needle, all of it as the text. */
static void
check_fuzzy(struct str raw, struct arena *a)
{
	struct buf plain = { 0 };
	struct fuzzy f;
	struct str text;
	unsigned score;

	fuzzy_parse(a, str_sub(raw, 0, str_chr(raw, '\n')), &f);
	CHECK(f.n <= FUZZY_WORDS);
	mime_plain(&plain, str_sub(raw, f.phrase.n / 2, SIZE_MAX));
	text = buf_str(&plain);
	score = fuzzy_score(&f, &text, 1);
	CHECK(score <= 100);
	for (size_t i = 0; i < f.n && score > 0; i++)
		check_word(f.words[i], text);
	buf_fini(&plain);
}

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] & 0x80)
			return false;
	}
	return true;
}

/* What is downgraded is as long as was said, and its headers are ASCII. */
static void
check_downgrade(struct arena *a, struct str raw, const struct mime_digest *d)
{
	struct mime_range *headers;
	size_t n = mime_layout_headers(a, d->layout, &headers);
	struct buf out = { 0 };
	struct downgrade x;

	CHECK(n > 0);
	for (size_t i = 0; i < n; i++) {
		buf_clear(&out);
		downgrade_header(
		    &out, str_sub(raw, headers[i].at, headers[i].n));
		CHECK(is_ascii(buf_str(&out)));
		CHECK(!downgrade_needed(buf_str(&out)));
	}
	buf_clear(&out);
	downgrade_init(&x, headers, n);
	for (size_t at = 0; at < raw.n; at += 100)
		downgrade_put(&x, str_sub(raw, at, 100), &out);
	downgrade_fini(&x);
	CHECK(out.n == (d->i18n ? d->downgraded : raw.n));
	buf_fini(&out);
}

/* Any octets as a layout and a BODYSTRUCTURE: only no crash. */
static void
check_readers(struct arena *a, struct str raw)
{
	static const uint32_t section[] = { 1, 2, 1 };
	struct mime_span span;
	struct mime_range *headers;
	struct buf b = { 0 };

	mime_layout_headers(a, raw, &headers);
	for (size_t n = 0; n <= 3; n++)
		mime_layout_find(raw, section, n, &span);
	mime_body_of(&b, raw);
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mime_limits tight = {
		.depth = 3, .parts = 5, .params = 2, .field = 40
	};
	struct str raw = { (const char *)data, size };
	struct arena *a = arena_new();
	struct mime_digest digest;
	struct mime_message *m = mime_parse(a, raw, NULL);

	check_tree(m);
	check_imap(m);
	check_text(a, m);
	m = mime_parse(a, raw, &tight);
	check_tree(m);
	check_imap(m);
	mime_digest(a, raw, &digest);
	CHECK(str_is_utf8(digest.preview) && str_is_utf8(digest.subject));
	check_downgrade(a, raw, &digest);
	check_fields(a, raw);
	check_readers(a, raw);
	check_fuzzy(raw, a);
	arena_free(&a);
	return 0;
}
