/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/internal.h"
#include "store/keys.h"
#include "store/test.h"

#define ALL_TEXTS (KEY_REFERENCES | (KEY_REFERENCES - 1))

static int64_t
add(struct fixture *f, const char *header)
{
	struct str raw = arena_printf(f->arena, "%s\r\nbody\r\n", header);

	return append(f, f->inbox, raw, 0).email;
}

static struct keys *
keys(struct fixture *f, unsigned want)
{
	struct view *v = view(f, f->inbox);
	struct keys *k;

	OK(keys_of(f->a, v, want, &mime_collations[0], &k, &f->e));
	view_unref(&v);
	return k;
}

#define ASSERT_TEXT(key, which, wanted)                                        \
	do {                                                                   \
		struct str got_ = key_text((key), (which));                    \
		assert_true(str_eqc(got_, (wanted)));                          \
	} while (0)

static const char full[] =
    "Date: Mon, 02 Nov 2026 10:00:00 +0100\r\n"
    "From: =?utf-8?q?J=C3=B6rg?= <joe@x.test>\r\nTo: Team: a@b, c@d;\r\n"
    "Cc: zoe@y.test\r\nSubject: Re: [x] Hello World (fwd)\r\n"
    "Message-ID: <1@x>\r\nReferences: <0@x> <\"z\"@x>\r\n";

static void
test_texts(void **state)
{
	struct fixture *f = *state;
	int64_t a = add(f, full), b = add(f, "X: y\r\n");
	struct keys *k = keys(f, ALL_TEXTS);
	const struct email_key *key;
	size_t hint = 0;

	assert_non_null(key = keys_find(k, a, &hint));
	ASSERT_TEXT(key, KEY_SUBJECT, "re: [x] hello world (fwd)");
	ASSERT_TEXT(key, KEY_BASE, "HELLO WORLD");
	ASSERT_TEXT(key, KEY_FROM, "JOE");
	ASSERT_TEXT(key, KEY_TO, "TEAM");
	ASSERT_TEXT(key, KEY_CC, "ZOE");
	ASSERT_TEXT(key, KEY_FROM_NAME, "JO\xcc\x88RG");
	ASSERT_TEXT(key, KEY_TO_NAME, "TEAM");
	assert_true(key->reply && key->subject && key->dated && !key->cut);
	assert_int_equal(key->sent, 1793610000);
	assert_int_equal(key->zone, 60);
	assert_int_equal(key->nrefs, 2);
	assert_non_null(key = keys_find(k, b, &hint));
	assert_false(key->subject || key->dated);
	assert_int_equal(key->nrefs, 0);
	assert_int_equal(key->msgid, 0);
	assert_null(keys_find(k, b + 1, &hint));
	keys_unref(&k);
}

/* New mail is added to what is there; a row that is missing, as of before
 * the table was there, is made and kept. */
static void
test_refresh(void **state)
{
	struct fixture *f = *state;
	int64_t first = add(f, "Subject: one\r\n"), last;
	struct keys *old = keys(f, KEY_BIT(KEY_SUBJECT)), *k;
	const struct email_key *was, *key;
	struct sqlite3_stmt *s;
	struct db *db;
	size_t hint = 0;

	was = keys_find(old, first, &hint);
	last = add(f, "Subject: two\r\n");
	OK(db_get(f->a, &db, &f->e));
	OK(store_rc_of(sq_run(db->q, &f->e, "DELETE FROM email_key")));
	db_put(&db);
	k = keys(f, KEY_BIT(KEY_SUBJECT));
	assert_ptr_equal(keys_find(k, first, &hint), was);
	assert_non_null(key = keys_find(k, last, &hint));
	ASSERT_TEXT(key, KEY_SUBJECT, "two");
	keys_unref(&k);
	keys_unref(&old);
	k = keys(f, ALL_TEXTS);
	assert_non_null(keys_find(k, first, &hint));
	keys_unref(&k);
	OK(db_get(f->a, &db, &f->e));
	assert_int_equal(
	    sq_one(db->q, &s, &f->e, "SELECT count(*) FROM email_key"), SQ_ROW);
	assert_int_equal(sq_int(s, 0), 2);
	sq_reset(s);
	db_put(&db);
}

static void
test_one(void **state)
{
	struct fixture *f = *state;
	int64_t email = add(f, full);
	struct mime_keys k;
	struct reader *r;

	OK(reader_begin(f->a, &r, &f->e));
	OK(email_keys(r, email, &k, &f->e));
	assert_true(str_eqc(k.text[MIME_KEY_CC], "zoe@y.test\n zoe@y.test "));
	assert_null(k.text[MIME_KEY_BCC].p);
	reader_end(&r);
}

/* What RFC 5051 says equal strings are. */
static void
test_collations(void **state)
{
	static const struct {
		const char *text, *unicode, *ascii, *octet;
	} rows[] = {
		{ "aZ", "AZ", "AZ", "aZ" },
		{ "\xc3\xa9", "E\xcc\x81", "\xc3\xa9", "\xc3\xa9" },
		{ "\xef\xac\x81x", "fiX", "\xef\xac\x81X", "\xef\xac\x81x" },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		const char *want[] = { rows[i].unicode, rows[i].ascii,
			rows[i].octet };

		print_message("case %s\n", rows[i].text);
		for (size_t c = 0; c < mime_ncollations; c++) {
			buf_clear(&b);
			mime_collations[c].order(&b, str_of(rows[i].text));
			assert_true(str_eqc(buf_str(&b), want[c]));
		}
	}
	assert_ptr_equal(
	    mime_collation_find(STR("I;OCTET")), &mime_collations[2]);
	assert_null(mime_collation_find(STR("i;basic")));
	buf_fini(&b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, store_up, store_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_texts),
		T(test_refresh),
		T(test_one),
		cmocka_unit_test(test_collations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
