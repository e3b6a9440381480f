/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/store.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/codec.h"
#include "mime/decode.h"
#include "store/internal.h"
#include "store/test.h"

static void
test_append_and_read(void **state)
{
	struct fixture *f = *state;
	struct str raw = text(f, 1, "");
	struct appended got = append(f, f->inbox, raw, FLAG_SEEN);
	struct reader *r;
	struct buf b = { 0 };
	struct email_meta meta;
	struct mailbox m;

	assert_int_equal(got.uid, 1);
	reopen(f);
	assert_string_equal(show(f, f->inbox), "1:1");
	OK(reader_begin(f->a, &r, &f->e));
	OK(email_read(r, got.email, 0, UINT64_MAX, &b, &f->e));
	assert_int_equal(b.n, raw.n);
	assert_memory_equal(b.p, raw.p, raw.n);
	buf_clear(&b);
	OK(email_read(r, got.email, 6, 5, &b, &f->e));
	assert_string_equal(buf_cstr(&b), "a@exa");
	OK(email_meta(r, got.email, &meta, &f->e));
	assert_string_equal(arena_cstr(f->arena, meta.msgid), "1@example.test");
	reader_end(&r);
	buf_fini(&b);
	m = info(f, "INBOX");
	assert_int_equal(m.messages, 1);
	assert_int_equal(m.unseen, 0);
	assert_int_equal(m.size, raw.n);
	assert_int_equal(m.threads, 1);
	assert_int_equal(m.uidnext, 2);
}

/* A message larger than the threshold, and than several frames. */
static void
test_large(void **state)
{
	struct fixture *f = *state;
	size_t n = 3 << 20;
	struct buf big = { 0 }, b = { 0 };
	struct appended got;
	struct reader *r;

	BUF_LIT(&big, "Subject: big\r\n\r\n");
	for (size_t i = 0; big.n < n; i++)
		buf_printf(&big, "line %zu of a big one\r\n", i);
	got = append(f, f->inbox, buf_str(&big), 0);
	reopen(f);
	OK(reader_begin(f->a, &r, &f->e));
	OK(email_read(r, got.email, 0, UINT64_MAX, &b, &f->e));
	assert_int_equal(b.n, big.n);
	assert_memory_equal(b.p, big.p, big.n);
	for (size_t at = 0; at < big.n; at += 200000) {
		size_t len = 300000;

		buf_clear(&b);
		OK(email_read(r, got.email, at, len, &b, &f->e));
		assert_int_equal(b.n, big.n - at < len ? big.n - at : len);
		assert_memory_equal(b.p, big.p + at, b.n);
	}
	reader_end(&r);
	buf_fini(&big);
	buf_fini(&b);
}

static void
test_flags(void **state)
{
	struct fixture *f = *state;
	struct flags flagged = { .bits = FLAG_FLAGGED };
	struct uids failed;
	uint64_t modseq, before;
	struct view *v;

	fill(f, 1, 5);
	set_flags(f, 2, 4, FLAGS_ADD, FLAG_SEEN);
	assert_string_equal(show(f, f->inbox), "1:0 2:1 3:1 4:1 5:0");
	assert_int_equal(info(f, "INBOX").unseen, 2);
	assert_int_equal(info(f, "INBOX").unseen_threads, 2);
	set_flags(f, 1, 9, FLAGS_ADD, FLAG_SEEN);
	assert_int_equal(info(f, "INBOX").unseen, 0);
	assert_int_equal(info(f, "INBOX").unseen_threads, 0);
	set_flags(f, 3, 3, FLAGS_REMOVE, FLAG_SEEN);
	set_flags(f, 4, 5, FLAGS_REPLACE, FLAG_DELETED);
	assert_string_equal(show(f, f->inbox), "1:1 2:1 3:0 4:16 5:16");
	assert_int_equal(info(f, "INBOX").unseen, 3);
	assert_int_equal(info(f, "INBOX").deleted, 2);
	/* UNCHANGEDSINCE: 3, 4 and 5 changed after `before`. */
	v = view(f, f->inbox);
	before = view_at(v, 1)->modseq;
	view_unref(&v);
	OK(account_store_flags(f->a, f->inbox, range(f, 1, 5), FLAGS_ADD,
	    &flagged, before, f->arena, &failed, &modseq, &f->e));
	assert_int_equal(uids_count(failed), 3);
	assert_int_equal(failed.r[0].lo, 3);
	assert_string_equal(show(f, f->inbox), "1:5 2:5 3:0 4:16 5:16");
	/* Nothing changes: no modseq. */
	OK(account_store_flags(f->a, f->inbox, range(f, 1, 2), FLAGS_ADD,
	    &flagged, NO_UNCHANGEDSINCE, f->arena, NULL, &modseq, &f->e));
	assert_int_equal(modseq, 0);
	reopen(f);
	assert_string_equal(show(f, f->inbox), "1:5 2:5 3:0 4:16 5:16");
}

/* More keywords than there are bits. */
static void
test_keywords(void **state)
{
	struct fixture *f = *state;
	struct flags all = { 0 };
	struct view *v;
	uint64_t modseq;
	uint32_t index;
	const struct str *names;

	fill(f, 1, 3);
	for (int i = 0; i < 70; i++) {
		struct str name = arena_printf(f->arena, "$Key%d", i);

		OK(account_keyword(f->a, name, true, &index, &f->e));
		assert_int_equal(index, i);
		flags_set_keyword(f->arena, &all, index);
	}
	OK(account_keyword(f->a, STR("$kEY69"), false, &index, &f->e));
	assert_int_equal(index, 69);
	assert_int_equal(
	    account_keyword(f->a, STR("none"), false, &index, &f->e),
	    STORE_NOTFOUND);
	assert_int_equal(account_keyword(f->a, STR("a b"), true, &index, &f->e),
	    STORE_INVALID);
	OK(account_store_flags(f->a, f->inbox, range(f, 2, 2), FLAGS_ADD, &all,
	    NO_UNCHANGEDSINCE, f->arena, NULL, &modseq, &f->e));
	reopen(f);
	v = view(f, f->inbox);
	for (uint32_t i = 0; i < 70; i++) {
		assert_true(flags_has_keyword(&view_at(v, 2)->flags, i));
		assert_false(flags_has_keyword(&view_at(v, 1)->flags, i));
	}
	view_unref(&v);
	all.bits = 0;
	all.more++;
	all.nmore--;
	OK(account_store_flags(f->a, f->inbox, range(f, 1, 3), FLAGS_REMOVE,
	    &all, NO_UNCHANGEDSINCE, f->arena, NULL, &modseq, &f->e));
	v = view(f, f->inbox);
	assert_true(flags_has_keyword(&view_at(v, 2)->flags, 3));
	assert_true(flags_has_keyword(&view_at(v, 2)->flags, 56));
	assert_false(flags_has_keyword(&view_at(v, 2)->flags, 57));
	view_unref(&v);
	OK(account_keywords(f->a, f->arena, &names, &index, &f->e));
	assert_int_equal(index, 70);
	assert_string_equal(names[69].p, "$Key69");
}

static void
test_expunge(void **state)
{
	struct fixture *f = *state;
	struct uids gone;
	struct usage use;
	struct mailbox m;

	fill(f, 1, 6);
	set_flags(f, 2, 3, FLAGS_ADD, FLAG_DELETED);
	set_flags(f, 5, 5, FLAGS_ADD, FLAG_DELETED);
	OK(account_expunge(
	    f->a, f->inbox, range(f, 1, 4), true, f->arena, &gone, &f->e));
	assert_int_equal(uids_count(gone), 2);
	assert_string_equal(show(f, f->inbox), "1:0 4:0 5:16 6:0");
	OK(account_expunge(f->a, f->inbox, range(f, 1, UINT32_MAX), false,
	    f->arena, &gone, &f->e));
	assert_int_equal(uids_count(gone), 4);
	assert_string_equal(show(f, f->inbox), "");
	m = info(f, "INBOX");
	assert_int_equal(m.messages + m.unseen + m.deleted + m.size +
			     m.threads + m.unseen_threads,
	    0);
	assert_int_equal(m.uidnext, 7);
	OK(account_usage(f->a, &use, &f->e));
	assert_int_equal(use.bytes + use.messages, 0);
	assert_int_equal(append(f, f->inbox, text(f, 9, ""), 0).uid, 7);
}

static void
test_copy_and_move(void **state)
{
	struct fixture *f = *state;
	struct copied c;
	struct usage before, after;
	int64_t archive = info(f, "Archive").id;
	struct view *v, *w;

	fill(f, 1, 4);
	OK(account_usage(f->a, &before, &f->e));
	set_flags(f, 2, 2, FLAGS_ADD, FLAG_SEEN);
	OK(account_copy(f->a, f->inbox, range(f, 2, 3), archive, false, NULL,
	    f->arena, &c, &f->e));
	assert_int_equal(c.from.r[0].lo, 2);
	assert_int_equal(c.to.r[0].lo, 1);
	assert_int_equal(c.to.r[0].hi, 2);
	assert_string_equal(show(f, archive), "1:1 2:0");
	OK(account_usage(f->a, &after, &f->e));
	assert_int_equal(before.bytes, after.bytes);
	/* Flags are the email's: they follow into the other mailbox. */
	set_flags(f, 1, 3, FLAGS_ADD, FLAG_FLAGGED | FLAG_DELETED);
	assert_string_equal(show(f, archive), "1:5 2:4");
	/* Once more to the same place: an email of its own. */
	OK(account_copy(f->a, f->inbox, range(f, 2, 2), archive, false, NULL,
	    f->arena, &c, &f->e));
	assert_string_equal(show(f, archive), "1:5 2:4 3:21");
	v = view(f, f->inbox);
	w = view(f, archive);
	assert_true(view_at(v, 2)->email == view_at(w, 1)->email);
	assert_false(view_at(v, 2)->email == view_at(w, 3)->email);
	view_unref(&v);
	view_unref(&w);
	OK(account_copy(f->a, f->inbox, range(f, 1, 4), archive, true, NULL,
	    f->arena, &c, &f->e));
	assert_string_equal(show(f, f->inbox), "");
	assert_int_equal(info(f, "Archive").messages, 7);
	/* All copies gone: nothing counts any more. */
	OK(account_expunge(
	    f->a, archive, range(f, 1, 99), false, NULL, NULL, &f->e));
	OK(account_usage(f->a, &after, &f->e));
	assert_int_equal(after.bytes + after.messages, 0);
}

static void
test_mailboxes(void **state)
{
	struct fixture *f = *state;
	struct mailbox *list, m;
	struct str *subs;
	size_t n;
	uint32_t first, next;

	OK(mailbox_create(f->a, STR("a/b/c"), ROLE_NONE, NULL, &f->e));
	assert_int_equal(
	    mailbox_create(f->a, STR("a/b"), ROLE_NONE, NULL, &f->e),
	    STORE_EXISTS);
	assert_int_equal(
	    mailbox_create(f->a, STR("a//b"), ROLE_NONE, NULL, &f->e),
	    STORE_INVALID);
	OK(mailbox_subscribe(f->a, STR("a/b/c"), true, &f->e));
	OK(mailbox_rename(f->a, STR("a/b"), STR("x/y"), &f->e));
	m = info(f, "x/y/c");
	assert_true(m.subscribed);
	assert_true(info(f, "x/y").has_children);
	assert_int_equal(
	    mailbox_rename(f->a, STR("x"), STR("x/y/z"), &f->e), STORE_INVALID);
	OK(mailbox_delete(f->a, STR("x/y"), &f->e));
	assert_true(info(f, "x/y").noselect);
	assert_int_equal(
	    mailbox_delete(f->a, STR("x/y"), &f->e), STORE_INVALID);
	first = info(f, "x/y").uidvalidity;
	OK(mailbox_create(f->a, STR("x/y"), ROLE_NONE, NULL, &f->e));
	assert_false(info(f, "x/y").noselect);
	assert_true(info(f, "x/y").uidvalidity > first);
	assert_int_equal(
	    mailbox_delete(f->a, STR("inbox"), &f->e), STORE_INVALID);
	OK(mailbox_list(f->a, f->arena, &list, &n, &f->e));
	assert_string_equal(list[0].path.p, "INBOX");
	assert_string_equal(list[n - 1].path.p, "x/y/c");
	OK(mailbox_subscriptions(f->a, f->arena, &subs, &n, &f->e));
	assert_string_equal(subs[n - 1].p, "x/y/c");
	assert_int_equal(info(f, "Junk").role, ROLE_JUNK);
	/* INBOX: its messages move, it stays. */
	fill(f, 1, 2);
	OK(mailbox_rename(f->a, STR("INBOX"), STR("old"), &f->e));
	assert_int_equal(info(f, "old").messages, 2);
	assert_int_equal(info(f, "INBOX").messages, 0);
	OK(mailbox_claim_recent(f->a, info(f, "old").id, &first, &next, &f->e));
	assert_int_equal(first, 1);
	assert_int_equal(next, 3);
	OK(mailbox_claim_recent(f->a, info(f, "old").id, &first, &next, &f->e));
	assert_int_equal(first, 3);
	assert_int_equal(next, 3);
}

static void
test_duplicates(void **state)
{
	struct fixture *f = *state;
	struct append item = { .raw = text(f, 1, "X: 1\r\n"),
		.key = STR("0123456789abcdef"),
		.window = 3600 };
	struct append again = { .raw = text(f, 1, "X: 2\r\n"),
		.key = STR("0123456789abcdef"),
		.window = 3600 };
	struct append other = { .raw = text(f, 1, "X: 3\r\n"),
		.msgid_window = 3600 };
	struct appended got;

	OK(account_append(f->a, f->inbox, &item, 1, NULL, &got, &f->e));
	assert_false(got.duplicate);
	OK(account_append(f->a, f->inbox, &again, 1, NULL, &got, &f->e));
	assert_true(got.duplicate);
	assert_int_equal(got.uid, 1);
	OK(account_append(f->a, f->inbox, &other, 1, NULL, &got, &f->e));
	assert_true(got.duplicate);
	other.msgid_window = 0;
	OK(account_append(f->a, f->inbox, &other, 1, NULL, &got, &f->e));
	assert_false(got.duplicate);
	clock_shift(4000);
	OK(account_append(f->a, f->inbox, &again, 1, NULL, &got, &f->e));
	assert_false(got.duplicate);
	clock_shift(-4000);
}

static void
test_quota(void **state)
{
	struct fixture *f = *state;
	struct append item = { .raw = text(f, 1, "") };
	struct quota q = { .messages = 10 };
	struct appended got[11];
	unsigned warned[11];

	for (int i = 0; i < 10; i++) {
		OK(account_append(f->a, f->inbox, &item, 1, &q, got, &f->e));
		warned[i + 1] = got[0].quota_warning;
	}
	assert_int_equal(warned[7], 0);
	assert_int_equal(warned[8], 80);
	assert_int_equal(warned[9], 90);
	assert_int_equal(warned[10], 100);
	assert_int_equal(
	    account_append(f->a, f->inbox, &item, 1, &q, got, &f->e),
	    STORE_QUOTA);
	/* All or none. */
	OK(account_expunge(
	    f->a, f->inbox, range(f, 1, 1), false, NULL, NULL, &f->e));
	{
		struct append two[2] = { item, item };

		assert_int_equal(
		    account_append(f->a, f->inbox, two, 2, &q, got, &f->e),
		    STORE_QUOTA);
	}
	assert_int_equal(info(f, "INBOX").messages, 9);
}

static void
test_threads(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *headers;
		int thread; /* index of the message whose thread it joins */
	} cases[] = {
		{ "Subject: Tea\r\nMessage-ID: <a@x>\r\n", 0 },
		{ "Subject: Re: Tea\r\nMessage-ID: <b@x>\r\n"
		  "In-Reply-To: <a@x>\r\n",
		    0 },
		{ "Subject: Coffee\r\nMessage-ID: <c@x>\r\n"
		  "References: <a@x>\r\n",
		    2 },
		{ "Subject: RE: tea\r\nMessage-ID: <d@x>\r\n"
		  "References: <zz@x> <b@x>\r\n",
		    0 },
		{ "Subject: Tea\r\nMessage-ID: <e@x>\r\n", 4 },
		{ "Subject: Fwd: Tea\r\nReferences: <zz@x>\r\n", 0 },
	};
	int64_t thread[6];
	struct reader *r;

	for (size_t i = 0; i < 6; i++) {
		struct str raw =
		    arena_printf(f->arena, "%s\r\nx\r\n", cases[i].headers);
		struct appended got = append(f, f->inbox, raw, 0);
		struct email_facts facts;

		OK(reader_begin(f->a, &r, &f->e));
		OK(email_facts(r, got.email, &facts, &f->e));
		reader_end(&r);
		thread[i] = facts.thread;
		print_message("message %zu\n", i);
		assert_true(thread[i] == thread[cases[i].thread]);
	}
	assert_false(thread[0] == thread[2]);
	assert_false(thread[0] == thread[4]);
	assert_int_equal(info(f, "INBOX").threads, 3);
	assert_int_equal(info(f, "INBOX").unseen_threads, 3);
	set_flags(f, 1, 2, FLAGS_ADD, FLAG_SEEN);
	assert_int_equal(info(f, "INBOX").unseen_threads, 3);
	set_flags(f, 3, 3, FLAGS_ADD, FLAG_SEEN);
	assert_int_equal(info(f, "INBOX").unseen_threads, 2);
}

static void
test_search(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *needle;
		enum search_field field;
		size_t hits;
		bool all;
	} cases[] = {
		{ "zebra17 ", SEARCH_TEXT, 1, false },
		{ "zebra1", SEARCH_BODY, 11, false },
		{ "ZEBRA17 CROSS", SEARCH_BODY, 1, false },
		{ "zebra17", SEARCH_HEADERS, 0, false },
		{ "number 20", SEARCH_HEADERS, 1, false },
		{ "nowhere", SEARCH_TEXT, 0, false },
		{ "e1", SEARCH_TEXT, 0, true },
		{ "GR\xc3\x9c\xc3\x9f", SEARCH_BODY, 1, false },
		{ "gruss", SEARCH_BODY, 0, false },
	};
	struct str plain = STR("grusse aus lodz");
	const int64_t *found;
	size_t nfound;
	bool any;

	fill(f, 1, 20);
	append(f, f->inbox,
	    STR("Subject: Polen\r\n\r\nGr\xc3\xbc\xc3\x9f"
		"e aus "
		"\xc5\x81\xc3\xb3"
		"d\xc5\xba\r\n"),
	    0);
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf folded = { 0 };
		struct str needle;
		const int64_t *emails;
		size_t n, hits = 0;
		bool all, yes;
		struct reader *r;

		print_message("case \"%s\"\n", cases[i].needle);
		mime_fold(&folded, str_of(cases[i].needle));
		needle = buf_str(&folded);
		OK(search_candidates(
		    f->a, &needle, 1, f->arena, &emails, &n, &all, &f->e));
		assert_int_equal(all, cases[i].all);
		assert_true(n >= cases[i].hits);
		OK(reader_begin(f->a, &r, &f->e));
		for (size_t j = 0; j < n; j++) {
			OK(email_contains(r, emails[j], cases[i].field,
			    mime_fold, needle, &yes, &f->e));
			hits += yes;
		}
		reader_end(&r);
		assert_int_equal(hits, cases[i].hits);
		buf_fini(&folded);
	}
	/* The index has no diacritics, so it is of use without them, too. */
	OK(search_candidates(
	    f->a, &plain, 1, f->arena, &found, &nfound, &any, &f->e));
	assert_false(any);
	assert_int_equal(nfound, 1);
}

static const char *
uidl(struct fixture *f, int64_t email)
{
	struct reader *r;
	struct str id;
	const char *out = "";

	OK(reader_begin(f->a, &r, &f->e));
	if (email_uidl(r, email, &id, &f->e) == STORE_OK)
		out = arena_cstr(f->arena, id);
	reader_end(&r);
	return out;
}

static void
test_uidls(void **state)
{
	struct fixture *f = *state;
	struct append item = { .raw = text(f, 1, ""),
		.uidl = STR("old-1"),
		.key = STR("k"),
		.window = 60 };
	struct appended got[3];
	uint8_t hash[32], want[32];
	struct reader *r;
	bool more;

	OK(account_append(f->a, f->inbox, &item, 1, NULL, &got[0], &f->e));
	assert_string_equal(uidl(f, got[0].email), "old-1");
	/* Another message does not take it away. */
	item.key = STR_NULL;
	OK(account_append(f->a, f->inbox, &item, 1, NULL, &got[1], &f->e));
	assert_string_equal(uidl(f, got[1].email), "");
	/* The same message keeps the first it had. */
	item.key = STR("k");
	item.uidl = STR("old-2");
	OK(account_append(f->a, f->inbox, &item, 1, NULL, &got[2], &f->e));
	assert_true(got[2].duplicate);
	assert_string_equal(uidl(f, got[0].email), "old-1");
	item.uidl = STR("two words");
	assert_int_equal(
	    account_append(f->a, f->inbox, &item, 1, NULL, got, &f->e),
	    STORE_INVALID);
	OK(reader_begin(f->a, &r, &f->e));
	OK(email_hash(r, got[1].email, hash, &f->e));
	reader_end(&r);
	sha256(item.raw, want);
	assert_memory_equal(hash, want, sizeof(want));
	/* It goes with the content. */
	OK(account_expunge(
	    f->a, f->inbox, range(f, 1, 9), false, NULL, NULL, &f->e));
	OK(account_purge(f->a, clock_now() + 1, &more, &f->e));
	item.uidl = STR("old-1");
	item.key = STR_NULL;
	OK(account_append(f->a, f->inbox, &item, 1, NULL, got, &f->e));
	assert_string_equal(uidl(f, got[0].email), "old-1");
}

/* After a start of the machine, numbers go on beyond a gap. */
static void
test_boot_gap(void **state)
{
	struct fixture *f = *state;
	struct view *v;
	uint64_t before, after, since;

	setenv("MAILSTEAD_BOOT_ID", "one", 1);
	reopen(f);
	fill(f, 1, 2);
	v = view(f, f->inbox);
	before = view_modseq(v);
	view_unref(&v);
	setenv("MAILSTEAD_BOOT_ID", "two", 1);
	reopen(f);
	v = view(f, f->inbox);
	after = view_modseq(v);
	view_unref(&v);
	assert_true(after > before + 1000000);
	OK(account_since(f->a, before, &since, &f->e));
	assert_true(since == before);
	OK(account_since(f->a, before + 1, &since, &f->e));
	assert_true(since == 0);
	reopen(f);
	v = view(f, f->inbox);
	assert_true(view_modseq(v) == after);
	view_unref(&v);
	unsetenv("MAILSTEAD_BOOT_ID");
}

static void
test_errors(void **state)
{
	struct fixture *f = *state;
	struct account *a;
	struct append item = { .raw = STR("x") };
	struct appended got;
	struct copied c;

	assert_int_equal(
	    account_open(f->st, STR("00000000000000ff"), &a, &f->e),
	    STORE_NOTFOUND);
	assert_int_equal(
	    account_open(f->st, STR("../../etc/passwd"), &a, &f->e),
	    STORE_INVALID);
	assert_int_equal(account_create(f->st, ID, &f->e), STORE_EXISTS);
	assert_int_equal(
	    account_append(f->a, 4711, &item, 1, NULL, &got, &f->e),
	    STORE_NOTFOUND);
	fill(f, 1, 1);
	assert_int_equal(account_copy(f->a, f->inbox, range(f, 1, 1), 4711,
			     true, NULL, f->arena, &c, &f->e),
	    STORE_NOTFOUND);
	assert_string_equal(show(f, f->inbox), "1:0");
	assert_int_equal(account_remove(f->st, STR("00000000000000ff"), &f->e),
	    STORE_NOTFOUND);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, store_up, store_down)
	const struct CMUnitTest tests[] = {
		T(test_append_and_read),
		T(test_large),
		T(test_flags),
		T(test_keywords),
		T(test_expunge),
		T(test_copy_and_move),
		T(test_mailboxes),
		T(test_duplicates),
		T(test_quota),
		T(test_threads),
		T(test_search),
		T(test_uidls),
		T(test_boot_gap),
		T(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
