/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/fs.h"
#include "mime/decode.h"
#include "sqlite/sq.h"
#include "store/annotation.h"
#include "store/check.h"
#include "store/collection.h"
#include "store/downgraded.h"
#include "store/internal.h"
#include "store/rights.h"
#include "store/snapshot.h"
#include "store/store.h"
#include "store/training.h"

#define ID STR("00000000000000aa")

/* One store with one account in a folder of its own. */
struct fixture {
	char dir[32];
	struct store *st;
	struct account *a;
	struct arena *arena;
	int64_t inbox;
	struct err e;
};

static void
open_store(struct fixture *f)
{
	struct store_options o = {
		.data_dir = f->dir, .run_dir = f->dir, .no_indexer = true
	};

	assert_int_equal(store_open(&o, &f->st, &f->e), STORE_OK);
}

static void
open_account(struct fixture *f)
{
	struct mailbox m;

	if (account_open(f->st, ID, &f->a, &f->e) != STORE_OK)
		fail_msg("%s", f->e.msg);
	assert_int_equal(
	    mailbox_find(f->a, f->arena, STR("inbox"), &m, &f->e), STORE_OK);
	f->inbox = m.id;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/store_testXXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->arena = arena_new();
	open_store(f);
	if (account_create(f->st, ID, &f->e) != STORE_OK)
		fail_msg("%s", f->e.msg);
	open_account(f);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	account_close(&f->a);
	store_close(&f->st);
	arena_free(&f->arena);
	fs_remove_tree(f->dir, &f->e);
	free(f);
	return 0;
}

static void
reopen(struct fixture *f)
{
	account_close(&f->a);
	store_close(&f->st);
	open_store(f);
	open_account(f);
}

#define OK(call)                                                               \
	do {                                                                   \
		enum store_rc rc_ = (call);                                    \
		if (rc_ != STORE_OK)                                           \
			fail_msg("%s: %s: %s", #call, store_rc_name(rc_),      \
			    f->e.msg);                                         \
	} while (0)

static struct str
text(struct fixture *f, int n, const char *extra)
{
	return arena_printf(f->arena,
	    "From: a@example.test\r\nTo: b@example.test\r\n"
	    "Subject: Number %d\r\nMessage-ID: <%d@example.test>\r\n"
	    "%s\r\nThe body of number %d: zebra%d crossing.\r\n",
	    n, n, extra, n, n);
}

static struct appended
append(struct fixture *f, int64_t mailbox, struct str raw, uint64_t flags)
{
	struct append item = { .raw = raw, .flags.bits = flags };
	struct appended got;

	OK(account_append(f->a, mailbox, &item, 1, NULL, &got, &f->e));
	return got;
}

static void
fill(struct fixture *f, int from, int to)
{
	for (int i = from; i <= to; i++)
		append(f, f->inbox, text(f, i, ""), 0);
}

static struct mailbox
info(struct fixture *f, const char *path)
{
	struct mailbox m;

	OK(mailbox_find(f->a, f->arena, str_of(path), &m, &f->e));
	return m;
}

static struct uids
range(struct fixture *f, uint32_t lo, uint32_t hi)
{
	struct uid_range *r = arena_alloc(f->arena, sizeof(*r));

	*r = (struct uid_range){ lo, hi };
	return (struct uids){ r, 1 };
}

static struct view *
view(struct fixture *f, int64_t mailbox)
{
	struct view *v;

	OK(view_current(f->a, mailbox, &v, &f->e));
	return v;
}

/* "uid:flags uid:flags ..." */
static const char *
show(struct fixture *f, int64_t mailbox)
{
	struct view *v = view(f, mailbox);
	struct buf b = { 0 };
	const char *out;

	for (uint32_t i = 1; i <= view_count(v); i++)
		buf_printf(&b, "%s%u:%llu", i > 1 ? " " : "",
		    view_at(v, i)->uid,
		    (unsigned long long)view_at(v, i)->flags.bits);
	view_unref(&v);
	out = arena_cstr(f->arena, buf_str(&b));
	buf_fini(&b);
	return out;
}

static void
set_flags(
    struct fixture *f, uint32_t lo, uint32_t hi, enum flag_op op, uint64_t bits)
{
	struct flags flags = { .bits = bits };
	uint64_t modseq;

	OK(account_store_flags(f->a, f->inbox, range(f, lo, hi), op, &flags,
	    NO_UNCHANGEDSINCE, f->arena, NULL, &modseq, &f->e));
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
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
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

static void
tell_expunged(void *arg, uint32_t seq, uint32_t uid)
{
	buf_printf(arg, "-%u(%u) ", seq, uid);
}

static void
tell_changed(void *arg, uint32_t seq, const struct view_row *row)
{
	buf_printf(arg, "%u(%u)=%llu ", seq, row->uid,
	    (unsigned long long)row->flags.bits);
}

/*
 * A random history: after each step the view made from the one before it
 * must equal the view read from nothing, and a session that follows the
 * differences must arrive there too.
 */
/* view_next_changed() and view_missing() against looking at every row. */
static void
check_numbers(struct fixture *f, struct view *v)
{
	uint32_t count = view_count(v), seq, want;
	uint64_t since = (uint64_t)rand() % (view_modseq(v) + 1);
	uint32_t from = (uint32_t)rand() % (count + 2) + 1, last = 0;
	uint32_t lo = (uint32_t)rand() % 50 + 1, hi = lo + 5000;
	struct uids gone = view_missing(v, range(f, lo, hi), f->arena);
	uint64_t there = 0;

	for (want = from; want <= count; want++) {
		if (view_at(v, want)->modseq > since)
			break;
	}
	seq = view_next_changed(v, from, since);
	assert_int_equal(seq, want > count ? count + 1 : want);
	for (size_t i = 0; i < gone.n; i++) {
		assert_true(gone.r[i].lo > last && gone.r[i].lo >= lo);
		last = gone.r[i].hi;
		assert_true(last >= gone.r[i].lo && last < view_uidnext(v));
		seq = view_lower_bound(v, gone.r[i].lo);
		assert_true(seq > count || view_at(v, seq)->uid > last);
	}
	for (seq = view_lower_bound(v, lo); seq <= count; seq++)
		there += view_at(v, seq)->uid <= hi;
	if (hi >= view_uidnext(v))
		hi = view_uidnext(v) - 1;
	assert_int_equal(uids_count(gone), (hi < lo ? 0 : hi - lo + 1) - there);
}

/* A view with what was expunged: the steps over it are the whole way. */
static void
check_with_expunged(struct view *old, struct view *new)
{
	static const struct view_diff cb = { tell_expunged, tell_changed };
	struct view *both = view_with_expunged(old, new);
	struct buf whole = { 0 }, steps = { 0 };

	assert_false(view_has_expunged(old, both));
	view_diff(both, new, &cb, &steps);
	view_diff(old, new, &cb, &whole);
	if (view_count(both) == view_count(new))
		assert_int_equal(steps.n, 0);
	else
		assert_true(view_has_expunged(both, new));
	buf_clear(&steps);
	view_diff(old, both, &cb, &steps);
	if (!view_has_expunged(old, new))
		assert_true(str_eq(buf_str(&steps), buf_str(&whole)));
	for (uint32_t seq = 1; seq <= view_count(old); seq++)
		assert_int_equal(
		    view_at(both, seq)->uid, view_at(old, seq)->uid);
	for (uint32_t seq = 1; seq <= view_count(new); seq++) {
		const struct view_row *row = view_at(new, seq);
		uint32_t at = view_seq(both, row->uid);

		assert_true(at > 0);
		assert_int_equal(view_at(both, at)->modseq, row->modseq);
	}
	view_unref(&both);
	buf_fini(&whole);
	buf_fini(&steps);
}

static void
test_views(void **state)
{
	static const struct view_diff cb = { tell_expunged, tell_changed };
	struct fixture *f = *state;
	struct view *old = view(f, f->inbox), *new;
	struct buf told = { 0 };
	uint32_t uidnext = 1;

	srand(7);
	for (int step = 0; step < 300; step++) {
		uint32_t a = (uint32_t)rand() % uidnext + 1;
		uint32_t b = a + (uint32_t)rand() % 40;
		int what = rand() % 4;
		uint32_t i, count;
		struct view *fresh;

		if (what < 2) {
			int n = rand() % 30 + 1;

			fill(f, step * 100, step * 100 + n - 1);
			uidnext += (uint32_t)n;
		} else if (what == 2) {
			set_flags(f, a, b,
			    rand() % 2 ? FLAGS_ADD : FLAGS_REMOVE,
			    FLAG_FLAGGED);
		} else {
			OK(account_expunge(f->a, f->inbox, range(f, a, b),
			    false, NULL, NULL, &f->e));
		}
		new = view(f, f->inbox);
		check_numbers(f, new);
		check_with_expunged(old, new);
		buf_clear(&told);
		view_diff(old, new, &cb, &told);
		if (what < 2)
			assert_int_equal(told.n, 0);
		assert_int_equal(
		    view_has_expunged(old, new), what == 3 && told.n > 0);
		if (step % 10 == 9) {
			struct store *other;
			struct account *x;
			struct store_options o = { .data_dir = f->dir,
				.no_indexer = true };

			OK(store_open(&o, &other, &f->e));
			OK(account_open(other, ID, &x, &f->e));
			OK(view_current(x, f->inbox, &fresh, &f->e));
			count = view_count(fresh);
			assert_int_equal(count, view_count(new));
			for (i = 1; i <= count; i++) {
				const struct view_row *p = view_at(fresh, i);
				const struct view_row *q = view_at(new, i);

				assert_int_equal(p->uid, q->uid);
				assert_true(p->modseq == q->modseq);
				assert_true(p->flags.bits == q->flags.bits);
				assert_int_equal(view_seq(new, p->uid), i);
				assert_int_equal(
				    view_lower_bound(new, p->uid), i);
			}
			view_unref(&fresh);
			account_close(&x);
			store_close(&other);
			arena_reset(f->arena);
		}
		view_unref(&old);
		old = new;
	}
	view_unref(&old);
	buf_fini(&told);
}

static void
test_diff(void **state)
{
	static const struct view_diff cb = { tell_expunged, tell_changed };
	struct fixture *f = *state;
	struct view *old, *new;
	struct buf told = { 0 };

	fill(f, 1, 600);
	old = view(f, f->inbox);
	OK(account_expunge(
	    f->a, f->inbox, range(f, 2, 3), false, NULL, NULL, &f->e));
	OK(account_expunge(
	    f->a, f->inbox, range(f, 600, 600), false, NULL, NULL, &f->e));
	set_flags(f, 5, 5, FLAGS_ADD, FLAG_SEEN);
	set_flags(f, 300, 300, FLAGS_ADD, FLAG_DRAFT);
	fill(f, 601, 602);
	new = view(f, f->inbox);
	view_diff(old, new, &cb, &told);
	assert_string_equal(
	    buf_cstr(&told), "-600(600) -3(3) -2(2) 3(5)=1 298(300)=8 ");
	assert_int_equal(view_count(new), 599);
	view_unref(&old);
	view_unref(&new);
	buf_fini(&told);
}

struct worker {
	struct fixture *f;
	int first;
	pthread_t thread;
};

static void *
append_many(void *arg)
{
	struct worker *w = arg;
	struct fixture *f = w->f;
	struct err e;

	for (int i = 0; i < 50; i++) {
		char raw[100];
		struct append item = { .raw.p = raw };
		struct appended got;

		item.raw.n = (size_t)sprintf(
		    raw, "Subject: %d\r\n\r\nx\r\n", w->first + i);
		if (account_append(f->a, f->inbox, &item, 1, NULL, &got, &e) !=
		    STORE_OK)
			return NULL;
	}
	return w;
}

/* Writers of two stores at once, as two daemons have them. */
static void
test_concurrency(void **state)
{
	struct fixture *f = *state;
	struct fixture other = *f;
	struct worker w[8];

	open_store(&other);
	other.arena = arena_new();
	open_account(&other);
	for (int i = 0; i < 8; i++) {
		w[i] = (struct worker){ i % 2 ? f : &other, i * 100, 0 };
		pthread_create(&w[i].thread, NULL, append_many, &w[i]);
	}
	for (int i = 0; i < 8; i++) {
		void *ok;

		pthread_join(w[i].thread, &ok);
		assert_non_null(ok);
	}
	assert_int_equal(info(f, "INBOX").messages, 400);
	assert_int_equal(info(f, "INBOX").uidnext, 401);
	account_close(&other.a);
	store_close(&other.st);
	arena_free(&other.arena);
}

static _Atomic int wakes;

static void
on_wake(void *arg, struct str id)
{
	(void)arg;
	if (id.n == 0 || str_eq(id, ID))
		wakes++;
}

static void
test_watch(void **state)
{
	struct fixture *f = *state;
	struct store_options o = { .data_dir = f->dir, .run_dir = f->dir };
	struct store *other;
	int64_t deadline;

	OK(store_open(&o, &other, &f->e));
	OK(store_watch(other, on_wake, NULL, &f->e));
	wakes = 0;
	fill(f, 1, 1);
	deadline = clock_mono_ms() + 2000;
	while (!wakes && clock_mono_ms() < deadline)
		usleep(1000);
	assert_true(wakes > 0);
	store_close(&other);
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

static void
note_problem(void *arg, const char *problem, bool repaired)
{
	buf_printf(arg, "%s: %s\n", repaired ? "mended" : "found", problem);
}

static uint64_t
check(struct fixture *f, bool repair)
{
	struct buf said = { 0 };
	struct check out;

	OK(account_check(f->a, repair, note_problem, &said, &out, &f->e));
	if (said.n)
		print_message("%s", buf_cstr(&said));
	buf_fini(&said);
	return out.problems;
}

static void
damage(struct fixture *f, const char *sql)
{
	struct buf path = { 0 };
	struct sq_options o = { .busy_ms = 1000 };
	struct sq *q;

	buf_printf(&path, "%s/accounts/00/00000000000000aa/account.db", f->dir);
	o.path = buf_cstr(&path);
	assert_int_equal(sq_open(&o, &q, &f->e), SQ_OK);
	if (sq_script(q, sql, &f->e) != SQ_OK)
		fail_msg("%s", f->e.msg);
	sq_close(&q);
	buf_fini(&path);
}

/* Each damage is found, mended, and then not found any more. */
static void
test_check(void **state)
{
	static const char *const damages[] = {
		"DELETE FROM email WHERE id = (SELECT max(id) FROM email)",
		"INSERT INTO message SELECT 99, uid, email, thread, flags,"
		" keywords, modseq, size, received, saved, 1 FROM message"
		" WHERE mailbox = 1 LIMIT 1",
		"DELETE FROM message WHERE mailbox = 1 AND uid = 1",
		"INSERT INTO purge SELECT email, 0 FROM message LIMIT 1",
		"UPDATE blob SET refs = 7",
		"UPDATE message SET shared = 0",
		"UPDATE mailbox SET uidnext = 2 WHERE id = 1",
		"UPDATE state SET modseq = 3",
		"UPDATE mailbox_thread SET unseen = 9",
		"DELETE FROM mailbox_thread",
		"UPDATE mailbox SET messages = 1, size = 0",
		"UPDATE state SET bytes = 1",
		"DELETE FROM email_cache",
	};
	struct fixture *f = *state;
	struct copied c;

	fill(f, 1, 10);
	set_flags(f, 3, 5, FLAGS_ADD, FLAG_SEEN);
	OK(account_copy(f->a, f->inbox, range(f, 2, 4), info(f, "Archive").id,
	    false, NULL, f->arena, &c, &f->e));
	OK(account_expunge(
	    f->a, f->inbox, range(f, 9, 9), false, NULL, NULL, &f->e));
	assert_int_equal(check(f, false), 0);
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		print_message("damage: %s\n", damages[i]);
		damage(f, damages[i]);
		assert_true(check(f, false) > 0);
		assert_true(check(f, true) > 0);
		assert_int_equal(check(f, true), 0);
	}
	/* A blob with another content. */
	damage(f, "UPDATE blob SET data = (SELECT data FROM blob LIMIT 1)");
	assert_true(check(f, false) > 0);
}

static void
test_backup(void **state)
{
	struct fixture *f = *state;
	struct buf dir = { 0 }, big = { 0 };
	struct account *copy;
	struct view *v;
	struct reader *r;
	struct buf got = { 0 };

	fill(f, 1, 3);
	BUF_LIT(&big, "Subject: big\r\n\r\n");
	while (big.n < 2 << 20)
		buf_printf(&big, "%d\r\n", rand());
	append(f, f->inbox, buf_str(&big), FLAG_FLAGGED);
	buf_printf(&dir, "%s/copy", f->dir);
	OK(account_backup(f->a, buf_cstr(&dir), true, &f->e));
	assert_int_equal(
	    account_backup(f->a, dir.p, true, &f->e), STORE_EXISTS);
	fill(f, 4, 5);
	assert_int_equal(
	    account_restore(f->st, ID, dir.p, &f->e), STORE_EXISTS);
	OK(account_restore(f->st, STR("00000000000000bb"), dir.p, &f->e));
	OK(account_open(f->st, STR("00000000000000bb"), &copy, &f->e));
	OK(view_current(copy, f->inbox, &v, &f->e));
	assert_int_equal(view_count(v), 4);
	assert_true(view_modseq(v) > 1000000);
	OK(reader_begin(copy, &r, &f->e));
	OK(email_read(r, view_at(v, 4)->email, 0, UINT64_MAX, &got, &f->e));
	assert_int_equal(got.n, big.n);
	assert_memory_equal(got.p, big.p, big.n);
	reader_end(&r);
	view_unref(&v);
	account_close(&copy);
	buf_fini(&dir);
	buf_fini(&big);
	buf_fini(&got);
}

static struct resource
put_item(struct fixture *f, int64_t c, const char *name, const char *raw,
    struct str if_etag, enum store_rc want)
{
	struct resource_instance when = { 100, 200, STR("") };
	struct resource_value value = { STR("EMAIL"), str_of(name) };
	struct resource_put put = { .name = str_of(name),
		.uid = str_of(name),
		.type = STR("VEVENT"),
		.raw = str_of(raw),
		.if_etag = if_etag,
		.instances = &when,
		.ninstances = 1,
		.values = &value,
		.nvalues = 1 };
	struct resource out = { 0 };

	when.lo += raw[0];
	when.hi += raw[0];
	assert_int_equal(
	    resource_put(f->a, f->arena, c, &put, &out, NULL, &f->e), want);
	return out;
}

static void
test_collections(void **state)
{
	struct fixture *f = *state;
	struct collection c;
	struct collection_changes ch;
	struct resource one, *list;
	struct buf raw = { 0 };
	int64_t id;
	size_t n;
	uint64_t since;

	OK(collection_create(f->a, COLLECTION_CALENDAR, STR("work"),
	    STR("Work"), STR("{}"), &id, &f->e));
	assert_int_equal(collection_create(f->a, COLLECTION_CALENDAR,
			     STR("work"), STR("x"), STR("{}"), NULL, &f->e),
	    STORE_EXISTS);
	assert_int_equal(collection_create(f->a, COLLECTION_CALENDAR,
			     STR("a/b"), STR("x"), STR("{}"), NULL, &f->e),
	    STORE_INVALID);
	one = put_item(f, id, "1.ics", "A1", ETAG_NONE, STORE_OK);
	put_item(f, id, "1.ics", "A2", ETAG_NONE, STORE_EXISTS);
	put_item(f, id, "1.ics", "A2", STR("wrong"), STORE_EXISTS);
	put_item(f, id, "2.ics", "a1", STR_NULL, STORE_OK);
	OK(collection_find(
	    f->a, f->arena, COLLECTION_CALENDAR, STR("work"), &c, &f->e));
	assert_int_equal(c.items, 2);
	assert_int_equal(c.size, 4);
	since = c.modseq;
	put_item(f, id, "1.ics", "B22", one.etag, STORE_OK);
	put_item(f, id, "3.ics", "c", STR_NULL, STORE_OK);
	OK(resource_delete(f->a, id, STR("2.ics"), STR_NULL, &f->e));
	assert_int_equal(
	    resource_delete(f->a, id, STR("2.ics"), STR_NULL, &f->e),
	    STORE_NOTFOUND);
	OK(collection_changes(f->a, f->arena, id, since, &ch, &f->e));
	assert_true(ch.complete);
	assert_int_equal(ch.nchanged, 2);
	assert_string_equal(ch.changed[0].name.p, "1.ics");
	assert_true(ch.changed[0].id == one.id);
	assert_int_equal(ch.ngone, 1);
	assert_string_equal(ch.gone[0].p, "2.ics");
	put_item(f, id, "2.ics", "again", STR_NULL, STORE_OK);
	OK(collection_changes(f->a, f->arena, id, since, &ch, &f->e));
	assert_int_equal(ch.ngone, 0);
	OK(resource_get(f->a, f->arena, id, STR("1.ics"), &one, &raw, &f->e));
	assert_string_equal(buf_cstr(&raw), "B22");
	/* 'B' is 66: the occurrence is [166, 266). */
	OK(resource_in_range(f->a, f->arena, id, 165, 166, &list, &n, &f->e));
	assert_int_equal(n, 0);
	OK(resource_in_range(f->a, f->arena, id, 166, 167, &list, &n, &f->e));
	assert_int_equal(n, 1);
	OK(resource_with_value(
	    f->a, f->arena, id, STR("EMAIL"), STR("3.ics"), &list, &n, &f->e));
	assert_int_equal(n, 1);
	OK(collection_delete(f->a, id, &f->e));
	assert_int_equal(collection_changes(f->a, f->arena, id, 0, &ch, &f->e),
	    STORE_NOTFOUND);
	assert_int_equal(check(f, false), 0);
	buf_fini(&raw);
}

static void
test_shares_and_documents(void **state)
{
	struct fixture *f = *state;
	struct share *shares;
	struct document *docs;
	struct buf value = { 0 };
	size_t n;

	OK(share_set(f->a, f->inbox, STR("anyone"), STR("lr"), &f->e));
	OK(share_set(
	    f->a, f->inbox, STR("00000000000000bb"), STR("lrsw"), &f->e));
	assert_int_equal(share_set(f->a, 4711, STR("anyone"), STR("l"), &f->e),
	    STORE_NOTFOUND);
	assert_int_equal(
	    share_set(f->a, f->inbox, STR("anyone"), STR("L!"), &f->e),
	    STORE_INVALID);
	OK(share_list(f->a, f->arena, f->inbox, &shares, &n, &f->e));
	assert_int_equal(n, 2);
	assert_string_equal(shares[0].rights.p, "lrsw");
	OK(share_set(f->a, f->inbox, STR("anyone"), STR_NULL, &f->e));
	OK(share_list(f->a, f->arena, f->inbox, &shares, &n, &f->e));
	assert_int_equal(n, 1);
	OK(document_put(f->a, STR("sieve"), STR("main"), STR("keep;"), &f->e));
	OK(document_put(f->a, STR("sieve"), STR("main"), STR("stop;"), &f->e));
	OK(document_get(f->a, STR("sieve"), STR("main"), &value, &f->e));
	assert_string_equal(buf_cstr(&value), "stop;");
	OK(document_list(f->a, f->arena, STR("sieve"), &docs, &n, &f->e));
	assert_int_equal(n, 1);
	assert_int_equal(docs[0].size, 5);
	OK(document_delete(f->a, STR("sieve"), STR("main"), &f->e));
	assert_int_equal(
	    document_get(f->a, STR("sieve"), STR("main"), &value, &f->e),
	    STORE_NOTFOUND);
	buf_fini(&value);
}

/* A process that hangs with the lock must not hold others for ever. */
static void
test_hung_lock(void **state)
{
	struct fixture *f = *state;
	struct append item = { .raw = STR("x") };
	struct appended got;
	char path[128];
	int fd;

	snprintf(
	    path, sizeof(path), "%s/accounts/00/00000000000000aa/lock", f->dir);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	f->st->busy_ms = 50;
	assert_int_equal(
	    account_append(f->a, f->inbox, &item, 1, NULL, &got, &f->e),
	    STORE_BUSY);
	close(fd);
	OK(account_append(f->a, f->inbox, &item, 1, NULL, &got, &f->e));
}

/* Who waits for the lock has the turn, and nobody gets in before him. */
static void
test_turn(void **state)
{
	struct fixture *f = *state;
	struct flock turn = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1
	};
	struct append item = { .raw = STR("x") };
	struct appended got;
	char path[128];
	int fd;

	snprintf(
	    path, sizeof(path), "%s/accounts/00/00000000000000aa/lock", f->dir);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &turn), 0);
	f->st->busy_ms = 50;
	assert_int_equal(
	    account_append(f->a, f->inbox, &item, 1, NULL, &got, &f->e),
	    STORE_BUSY);
	turn.l_type = F_UNLCK;
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &turn), 0);
	OK(account_append(f->a, f->inbox, &item, 1, NULL, &got, &f->e));
	/* It was given back. */
	turn.l_type = F_WRLCK;
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &turn), 0);
	close(fd);
}

struct slow {
	struct account *a;
	unsigned order, *next;
	int64_t end; /* of its transaction, as seen from outside */
};

static enum store_rc
run_slowly(struct tx *tx, void *arg, struct err *e)
{
	struct slow *s = arg;

	(void)tx;
	(void)e;
	s->order = ++*s->next;
	usleep(150000);
	return STORE_OK;
}

static void *
write_slowly(void *arg)
{
	struct slow *s = arg;
	struct err e = ERR_INIT;

	assert_int_equal(write_run(s->a, DURABLE, run_slowly, s, &e), STORE_OK);
	s->end = clock_mono_ms();
	return NULL;
}

/* A batch ends when it has taken too long, and the rest goes on. */
static void
test_long_batch(void **state)
{
	enum { WRITERS = 6 };
	struct fixture *f = *state;
	struct slow w[WRITERS];
	pthread_t threads[WRITERS];
	int64_t first = INT64_MAX, last = 0;
	unsigned next = 0;

	for (size_t i = 0; i < WRITERS; i++) {
		w[i] = (struct slow){ .a = f->a, .next = &next };
		pthread_create(&threads[i], NULL, write_slowly, &w[i]);
		usleep(10000);
	}
	for (size_t i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		assert_true(w[i].order > 0);
		/* All in one batch would be done at once. */
		if (i > 0 && w[i].end < first)
			first = w[i].end;
		if (w[i].end > last)
			last = w[i].end;
	}
	assert_int_equal(next, WRITERS); /* each once */
	assert_true(last - first >= 150);
}

/* A view older than the record of changes is made anew, and is right. */
static void
test_trim(void **state)
{
	struct fixture *f = *state;
	struct store_options o = {
		.data_dir = f->dir, .no_indexer = true, .keep_changes = 5
	};
	struct store *other;
	struct account *x;
	struct view *v, *w;
	struct uids gone;
	bool complete;

	fill(f, 1, 30);
	v = view(f, f->inbox);
	for (uint32_t uid = 1; uid <= 20; uid++)
		set_flags(f, uid, uid, FLAGS_ADD, FLAG_SEEN);
	OK(account_expunge(
	    f->a, f->inbox, range(f, 3, 4), false, NULL, NULL, &f->e));
	OK(store_open(&o, &other, &f->e));
	OK(account_open(other, ID, &x, &f->e));
	w = view(f, f->inbox);
	assert_int_equal(view_count(w), 28);
	for (uint32_t i = 1; i <= 28; i++)
		assert_int_equal(
		    view_at(w, i)->flags.bits, view_at(w, i)->uid <= 20);
	OK(mailbox_vanished(
	    f->a, f->inbox, view_modseq(v), f->arena, &gone, &complete, &f->e));
	assert_false(complete);
	OK(mailbox_vanished(f->a, f->inbox, view_modseq(w) - 1, f->arena, &gone,
	    &complete, &f->e));
	assert_true(complete);
	assert_int_equal(uids_count(gone), 2);
	view_unref(&v);
	view_unref(&w);
	account_close(&x);
	store_close(&other);
}

/* Of messages that are there already, of copies, and of those that went. */
static void
test_downgraded(void **state)
{
	struct fixture *f = *state;
	struct append items[] = { { .raw = STR("Subject: plain\r\n\r\nx") },
		{ .raw = STR("Subject: Gr\u00fc\u00dfe\r\n\r\nx") } };
	struct appended done[2];
	struct downgraded *list;
	struct sqlite3_stmt *s;
	struct copied c;
	struct db *db;
	size_t n;
	bool more;

	OK(account_append(f->a, f->inbox, items, 2, NULL, done, &f->e));
	OK(account_copy(f->a, f->inbox, range(f, 2, 2), f->inbox, false, NULL,
	    f->arena, &c, &f->e));
	OK(mailbox_downgraded(f->a, f->inbox, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 2);
	assert_int_equal(list[0].uid, 2);
	assert_int_equal(list[0].size,
	    sizeof("Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n\r\nx") - 1);
	assert_int_equal(list[1].uid, 3);
	/* As the migration leaves those of older versions. */
	damage(f, "DELETE FROM email_downgraded");
	damage(f, "INSERT INTO email_downgraded (email) SELECT id FROM email");
	OK(mailbox_downgraded(f->a, f->inbox, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 2);
	assert_int_equal(list[0].uid, 2);
	OK(account_expunge(
	    f->a, f->inbox, range(f, 1, 3), false, NULL, NULL, &f->e));
	OK(account_purge(f->a, clock_now() + 1, &more, &f->e));
	OK(db_get(f->a, &db, &f->e));
	assert_int_equal(
	    sq_one(db->q, &s, &f->e, "SELECT 1 FROM email_downgraded"),
	    SQ_DONE);
	db_put(&db);
}

/* Lists that are read whole because they are short or wanted whole. */
static bool
may_scan(const char *sql)
{
	static const char *const whole[] = { "FROM mailbox ORDER BY id",
		"FROM subscription ORDER BY path", "FROM keyword", "FROM state",
		"UPDATE state", "UPDATE mailbox SET modseq", "FROM purge",
		"FROM gap", "PRAGMA", "FROM search",
		"FROM training ORDER BY n LIMIT", "FROM email_downgraded d" };

	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++) {
		if (strstr(sql, whole[i]))
			return true;
	}
	return false;
}

/* A queue long enough that walking it would show. */
static void
use_training(struct fixture *f)
{
	struct copied c;
	struct training *list;
	size_t n;

	OK(account_copy(f->a, f->inbox, range(f, 20, 29), info(f, "Junk").id,
	    true, NULL, f->arena, &c, &f->e));
	OK(account_copy(f->a, info(f, "Junk").id, c.to, f->inbox, true, NULL,
	    f->arena, &c, &f->e));
	OK(training_list(f->a, f->arena, 100, &list, &n, &f->e));
	assert_int_equal(n, 10);
	OK(training_done(f->a, list[1].n, &f->e));
}

/* Many objects are shared; what is asked is about one, or about one user. */
static void
use_shares(struct fixture *f)
{
	struct share_who who = { .account = STR("00000000000000cc"),
		.domain = STR("example.org") };
	struct share_right *rights;
	struct share *shares;
	unsigned granted;
	int64_t made;
	size_t n;

	for (int i = 0; i < 20; i++) {
		struct str path = arena_printf(f->arena, "Shared/%d", i);

		OK(mailbox_create(f->a, path, ROLE_NONE, &made, &f->e));
		OK(share_set(
		    f->a, made, STR("@elsewhere.org"), STR("l"), &f->e));
		OK(share_set(f->a, made, i % 10 ? STR("anyone") : who.account,
		    STR("lr"), &f->e));
	}
	OK(share_list(f->a, f->arena, made, &shares, &n, &f->e));
	assert_int_equal(n, 2);
	OK(share_rights(f->a, made, &who, &granted, &f->e));
	assert_int_equal(granted, 0);
	OK(share_rights_all(f->a, f->arena, &who, &rights, &n, &f->e));
	assert_int_equal(n, 20);
	OK(share_set(f->a, made, STR("anyone"), STR(""), &f->e));
}

/* After all kinds of work, no statement may have walked a table. */
static void
test_no_scans(void **state)
{
	struct fixture *f = *state;
	struct copied c;
	struct view *v;
	struct reader *r;
	struct email_meta meta;
	struct uids gone;
	struct buf b = { 0 };
	bool complete, yes;
	uint64_t since;
	unsigned seen = 0;
	uint8_t hash[32];
	struct email_facts facts;
	const int64_t *ids;
	size_t nids;
	struct downgraded *more;
	struct annotation *notes;
	size_t nnotes;
	struct str id;

	fill(f, 1, 50);
	set_flags(f, 2, 20, FLAGS_ADD, FLAG_SEEN);
	OK(account_copy(f->a, f->inbox, range(f, 5, 15), info(f, "Archive").id,
	    false, NULL, f->arena, &c, &f->e));
	OK(account_copy(f->a, f->inbox, range(f, 16, 18), info(f, "Trash").id,
	    true, NULL, f->arena, &c, &f->e));
	set_flags(f, 1, 50, FLAGS_ADD, FLAG_FLAGGED);
	OK(account_expunge(
	    f->a, f->inbox, range(f, 30, 35), false, NULL, NULL, &f->e));
	v = view(f, f->inbox);
	OK(reader_begin(f->a, &r, &f->e));
	OK(email_meta(r, view_at(v, 3)->email, &meta, &f->e));
	OK(email_read(r, view_at(v, 3)->email, 0, 100, &b, &f->e));
	OK(email_contains(r, view_at(v, 3)->email, SEARCH_TEXT, mime_fold,
	    STR("zebra"), &yes, &f->e));
	assert_int_equal(
	    email_uidl(r, view_at(v, 3)->email, &id, &f->e), STORE_NOTFOUND);
	OK(email_hash(r, view_at(v, 3)->email, hash, &f->e));
	OK(email_facts(r, view_at(v, 3)->email, &facts, &f->e));
	reader_end(&r);
	OK(emails_by_hash(f->a, hash, 16, f->arena, &ids, &nids, &f->e));
	assert_int_equal(nids, 1);
	assert_int_equal(ids[0], view_at(v, 3)->email);
	OK(emails_of_thread(f->a, facts.thread, f->arena, &ids, &nids, &f->e));
	assert_true(nids >= 1);
	view_unref(&v);
	OK(account_index(f->a, &f->e));
	OK(mailbox_vanished(
	    f->a, f->inbox, 1, f->arena, &gone, &complete, &f->e));
	OK(account_since(f->a, 5, &since, &f->e));
	OK(account_purge(f->a, clock_now() + 1, &yes, &f->e));
	OK(annotations_set(f->a, f->inbox, STR("u"),
	    &(struct annotation){ .name = STR("/a"), .value = STR("v") }, 1, 1,
	    &since, &f->e));
	OK(annotations_get(
	    f->a, f->arena, f->inbox, STR("u"), &notes, &nnotes, &f->e));
	assert_int_equal(nnotes, 1);
	OK(annotation_shared(f->a, f->arena, f->inbox, STR("/a"), &id, &f->e));
	assert_null(id.p); /* that one is private */
	since = 1;
	OK(annotations_changed(
	    f->a, f->arena, STR("u"), &since, &notes, &nnotes, &f->e));
	assert_int_equal(nnotes, 1);
	OK(mailbox_downgraded(f->a, f->inbox, f->arena, &more, &nids, &f->e));
	use_training(f);
	use_shares(f);
	for (struct db *db = f->a->idle; db; db = db->next_idle) {
		sqlite3_stmt *s = NULL;

		while ((s = sqlite3_next_stmt(sq_handle(db->q), s))) {
			int steps = sqlite3_stmt_status(
			    s, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0);

			seen++;
			if (steps > 1 && !may_scan(sqlite3_sql(s)))
				fail_msg("%d rows scanned by: %s", steps,
				    sqlite3_sql(s));
		}
	}
	assert_true(seen > 30);
	buf_fini(&b);
}

/*
 * A view is trusted without asking the database, but what another process did
 * is seen as soon as that one has reported it.
 */
static void
test_trusted_views(void **state)
{
	struct fixture *f = *state;
	struct store_options o = {
		.data_dir = f->dir, .run_dir = f->dir, .no_indexer = true
	};
	struct store *other;
	struct account *x;

	OK(store_open(&o, &other, &f->e));
	OK(account_open(other, ID, &x, &f->e));
	for (int i = 0; i < 300; i++) {
		struct view *mine = view(f, f->inbox), *again, *theirs;

		again = view(f, f->inbox);
		assert_ptr_equal(again, mine);
		fill(f, i, i);
		OK(view_current(x, f->inbox, &theirs, &f->e));
		assert_int_equal(view_count(theirs), i + 1);
		view_unref(&again);
		view_unref(&mine);
		view_unref(&theirs);
	}
	account_close(&x);
	store_close(&other);
}

static void
test_ring(void **state)
{
	struct fixture *f = *state;
	struct ring *r = f->st->ring;
	static const char other[] = "00000000000000bb";
	uint64_t number = ring_now(r);

	assert_true(ring_quiet(r, f->a->id, &number));
	ring_poke(r, other);
	assert_true(ring_quiet(r, f->a->id, &number));
	assert_int_equal(number, ring_now(r));
	ring_poke(r, f->a->id);
	assert_false(ring_quiet(r, f->a->id, &number));
	number = ring_now(r);
	for (int i = 0; i < 5000; i++) /* lapped: it cannot tell */
		ring_poke(r, other);
	assert_false(ring_quiet(r, f->a->id, &number));
}

struct crowd {
	struct fixture *f;
	pthread_barrier_t all;
};

static void *
read_and_more(void *arg)
{
	struct crowd *c = arg;
	struct fixture *f = c->f;
	struct arena *arena = arena_new();
	const struct str *names;
	struct err e = ERR_INIT;
	struct uid_range one = { 1, 1 };
	struct flags flags = { .bits = FLAG_SEEN };
	struct reader *r;
	uint64_t modseq;
	uint32_t n;
	bool ok = reader_begin(f->a, &r, &e) == STORE_OK;

	pthread_barrier_wait(&c->all);
	ok = ok && account_keywords(f->a, arena, &names, &n, &e) == STORE_OK &&
	     account_keyword(f->a, STR("crowd"), true, &n, &e) == STORE_OK &&
	     account_store_flags(f->a, f->inbox, (struct uids){ &one, 1 },
		 FLAGS_ADD, &flags, NO_UNCHANGEDSINCE, arena, NULL, &modseq,
		 &e) == STORE_OK;
	reader_end(&r);
	arena_free(&arena);
	return ok ? c : NULL;
}

/* All connections are taken by threads who want another or wait for the
 * writer. */
static void
test_nobody_waits_for_ever(void **state)
{
	struct crowd c = { .f = *state };
	pthread_t threads[DB_PER_ACCOUNT];
	void *ok;

	fill(c.f, 0, 1);
	pthread_barrier_init(&c.all, NULL, DB_PER_ACCOUNT);
	alarm(60);
	for (size_t i = 0; i < DB_PER_ACCOUNT; i++)
		pthread_create(&threads[i], NULL, read_and_more, &c);
	for (size_t i = 0; i < DB_PER_ACCOUNT; i++) {
		pthread_join(threads[i], &ok);
		assert_non_null(ok);
	}
	alarm(0);
	pthread_barrier_destroy(&c.all);
}

static void
assert_same_rows(struct view *a, struct view *b)
{
	assert_int_equal(view_count(a), view_count(b));
	assert_int_equal(view_modseq(a), view_modseq(b));
	for (uint32_t seq = 1; seq <= view_count(a); seq++) {
		const struct view_row *x = view_at(a, seq),
				      *y = view_at(b, seq);

		assert_int_equal(x->uid, y->uid);
		assert_int_equal(x->modseq, y->modseq);
		assert_int_equal(x->email, y->email);
		assert_true(flags_equal(&x->flags, &y->flags));
	}
}

static void
spoil(struct fixture *f, long at)
{
	struct mailbox m = info(f, "INBOX");
	FILE *file = fopen(
	    arena_cstr(f->arena, arena_printf(f->arena, "%s/views/%lld.view",
				     f->a->dir, (long long)m.id)),
	    "r+");
	int c;

	assert_non_null(file);
	fseek(file, at, SEEK_SET);
	c = getc(file);
	fseek(file, at, SEEK_SET);
	putc(c ^ 1, file);
	fclose(file);
}

/* A view from a file is the one that was kept; what changed since is read; one
 * that proves nothing is not used. */
static void
test_snapshot(void **state)
{
	struct fixture *f = *state;
	struct view *kept, *loaded, *now;

	assert_null(snapshot_load(f->a, f->inbox));
	fill(f, 0, 599);
	set_flags(f, 10, 20, FLAGS_ADD, FLAG_SEEN);
	kept = view(f, f->inbox);
	assert_true(snapshot_save(f->a, kept));
	set_flags(f, 30, 30, FLAGS_ADD, FLAG_FLAGGED);
	OK(account_expunge(
	    f->a, f->inbox, range(f, 5, 300), false, NULL, NULL, &f->e));
	fill(f, 600, 601);
	reopen(f);
	loaded = snapshot_load(f->a, f->inbox);
	assert_non_null(loaded);
	assert_same_rows(loaded, kept);
	view_unref(&loaded);
	now = view(f, f->inbox); /* from the snapshot */
	assert_int_equal(view_count(now), 306);
	snapshots_remove(f->a);
	reopen(f);
	loaded = view(f, f->inbox); /* from the database */
	assert_same_rows(now, loaded);
	view_unref(&now);
	view_unref(&loaded);

	assert_true(snapshot_save(f->a, kept));
	for (long at = 0; at < 96; at += 5) { /* header and records */
		spoil(f, at);
		assert_null(snapshot_load(f->a, f->inbox));
		spoil(f, at);
	}
	loaded = snapshot_load(f->a, f->inbox);
	assert_non_null(loaded);
	view_unref(&loaded);
	view_unref(&kept);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
		T(test_views),
		T(test_nobody_waits_for_ever),
		T(test_snapshot),
		T(test_trusted_views),
		T(test_ring),
		T(test_diff),
		T(test_concurrency),
		T(test_watch),
		T(test_boot_gap),
		T(test_errors),
		T(test_check),
		T(test_backup),
		T(test_collections),
		T(test_shares_and_documents),
		T(test_hung_lock),
		T(test_turn),
		T(test_long_batch),
		T(test_trim),
		T(test_uidls),
		T(test_downgraded),
		T(test_no_scans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
