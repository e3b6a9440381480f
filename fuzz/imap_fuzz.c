/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imapd/fetch_items.h"
#include "imapd/frame.h"
#include "imapd/match.h"
#include "imapd/metadata.h"
#include "imapd/notify.h"
#include "imapd/parse.h"
#include "imapd/search_key.h"
#include "imapd/seqset.h"
#include "imapd/sort.h"
#include "imapd/url.h"
#include "imapd/utf7.h"
#include "imapd/write.h"

/*
 * The input is what a client sends. It is framed in one piece and octet by
 * octet, which must find the same commands, and every argument parser is let
 * loose on every command.
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

#define MAX_LINE 256
#define MAX_LITERAL 512

static void
check_set(struct str text, struct arena *a)
{
	struct uids set, again;
	struct buf b = { 0 };
	size_t at;

	if (seqset_parse(a, text, 100, &set, &at) != SEQSET_OK) {
		CHECK(set.n == 0 && at <= text.n);
		return;
	}
	for (size_t i = 0; i < set.n; i++) {
		CHECK(set.r[i].lo > 0 && set.r[i].lo <= set.r[i].hi);
		CHECK(i == 0 || set.r[i].lo > (uint64_t)set.r[i - 1].hi + 1);
		CHECK(seqset_has(set, set.r[i].lo));
	}
	seqset_put(&b, set);
	CHECK(seqset_parse(a, buf_str(&b), 7, &again, &at) == SEQSET_OK);
	CHECK(again.n == set.n);
	buf_fini(&b);
}

/* What is accepted has one spelling only, so that names cannot be doubled. */
static void
check_name(struct str name)
{
	struct buf utf8 = { 0 }, back = { 0 };
	bool plain = true;

	for (size_t i = 0; i < name.n; i++)
		plain = plain && name.p[i] >= 0x20 && name.p[i] < 0x7f;
	if (utf7_decode(&utf8, name)) {
		CHECK(str_is_utf8(buf_str(&utf8)));
		utf7_encode(&back, buf_str(&utf8));
		CHECK(!plain || str_eq(buf_str(&back), name));
		match_mailbox(name, buf_str(&utf8));
	}
	buf_fini(&utf8);
	buf_fini(&back);
}

static void
check_string(struct str s, struct arena *a)
{
	struct buf b = { 0 };
	struct parse p = { .arena = a };
	struct str back;

	if (str_chr(s, '\0') != STR_NPOS)
		return;
	write_astring(&b, s);
	p.in = buf_str(&b);
	CHECK(parse_astring(&p, &back) && parse_end(&p));
	CHECK(str_eq(back, s));
	buf_fini(&b);
}

static void
parse_arguments(struct parse p, struct arena *a)
{
	struct fetch_items items;
	struct search_program program;
	struct sort_program sort;
	struct notify_request request = { 0 };
	struct metadata_wanted wanted;
	struct annotation items_set[METADATA_ENTRIES];
	struct parse q = p;
	struct str s, *names;
	int64_t when;
	size_t n;

	(void)fetch_items_parse(&q, &items);
	q = p;
	(void)search_parse(&q, &program);
	q = p;
	if (sort_parse_all(&q, &sort, &program))
		CHECK(sort.n > 0 && sort.n <= SORT_KEYS);
	q = p;
	if (notify_parse(&q, &request))
		CHECK(request.none || request.n > 0);
	q = p;
	(void)parse_flags(&q, true, &names, &n);
	q = p;
	(void)parse_datetime(&q, &when);
	q = p;
	if (parse_set(&q, &s))
		check_set(s, a);
	q = p;
	if (parse_astring(&q, &s)) {
		struct imap_url url;

		check_name(s);
		check_string(s, a);
		if (imap_url_parse(a, s, &url))
			CHECK(url.uid > 0 && str_is_utf8(url.section));
	}
	q = p;
	(void)metadata_get_parse(&q, &wanted, &s);
	q = p;
	if (metadata_set_parse(&q, items_set, &n))
		CHECK(n > 0 && n <= METADATA_ENTRIES);
	q = p;
	(void)parse_pattern(&q, &s);
	CHECK(q.at <= q.in.n);
}

static void
parse_command(struct str cmd)
{
	struct arena *a = arena_new();
	struct parse p = { .in = cmd, .arena = a };
	struct str word;

	if (parse_tag(&p, &word) && parse_sp(&p)) {
		/* From each of the first words on. */
		for (unsigned i = 0; i < 4; i++) {
			parse_arguments(p, a);
			if (!parse_astring(&p, &word) || !parse_sp(&p))
				break;
		}
	}
	arena_free(&a);
}

/* The commands found, one after the other, in LOG. */
static void
frame_all(struct str in, size_t step, struct buf *log)
{
	struct frame f = { .max_line = MAX_LINE };

	for (size_t at = 0; at < in.n;) {
		size_t used;
		enum frame_event ev =
		    frame_feed(&f, str_sub(in, at, step), &used);

		CHECK(used <= in.n - at);
		CHECK(ev != FRAME_MORE || used > 0);
		CHECK(f.cmd.n <= MAX_LINE + 2 * MAX_LITERAL + 2);
		at += used;
		if (ev == FRAME_LITERAL) {
			ev = FRAME_MORE;
			if (f.literal <= MAX_LITERAL && f.cmd.n <= MAX_LITERAL)
				frame_accept(&f);
			else
				ev = frame_refuse(&f);
		}
		if (ev == FRAME_MORE)
			continue;
		buf_putu(log, ev);
		buf_putu(log, at);
		if (ev == FRAME_DONE)
			buf_putstr(log, buf_str(&f.cmd));
		if (ev == FRAME_DONE && step > 1)
			parse_command(buf_str(&f.cmd));
		if (ev == FRAME_BROKEN)
			break;
		frame_reset(&f);
	}
	frame_fini(&f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct buf whole = { 0 }, single = { 0 };

	frame_all(in, size, &whole);
	frame_all(in, 1, &single);
	CHECK(str_eq(buf_str(&whole), buf_str(&single)));
	buf_fini(&whole);
	buf_fini(&single);
	return 0;
}
