/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/srs.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NOW INT64_C(1700000000)
#define DAY 86400

static const struct str new_old[] = { STR("secret"), STR("older") };
static const struct str only_old[] = { STR("older") };
static const struct str other[] = { STR("another") };
static const struct srs_secrets both = { new_old, 2 }, old = { only_old, 1 },
				theirs = { other, 1 };

static struct str
forward(
    struct buf *b, struct srs_secrets s, const char *sender, const char *domain)
{
	buf_clear(b);
	assert_true(srs_forward(b, s, NOW, str_of(sender), str_of(domain)));
	buf_cstr(b);
	return buf_str(b);
}

static void
change(struct buf *b, char (*to)(char))
{
	for (size_t i = 0; i < b->n; i++)
		b->p[i] = to(b->p[i]);
}

/* What comes back of a sender, and in which case. */
static const char *const senders[] = { "ann@a.example", "a@b",
	"ann+tag@a.example", "ann=b=c@a.example", "SRS@a.example",
	"srs0x@a.example", "\"a b\"@a.example", "x=@a.example" };

static void
test_round_trip(void **state)
{
	struct buf b = { 0 }, back = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(senders); i++) {
		struct str s = forward(&b, both, senders[i], "b.example");

		print_message("%s %s\n", senders[i], s.p);
		assert_true(str_starts(s, STR("SRS0=")));
		assert_true(str_iends(s, STR("@b.example")));
		buf_clear(&back);
		assert_int_equal(srs_reverse(&back, both, NOW, s), SRS_OK);
		assert_string_equal(buf_cstr(&back), senders[i]);
		buf_clear(&back);
		change(&b, ascii_lower);
		assert_int_equal(
		    srs_reverse(&back, both, NOW, buf_str(&b)), SRS_OK);
		change(&b, ascii_upper);
		assert_int_equal(
		    srs_reverse(&back, both, NOW, buf_str(&b)), SRS_OK);
	}
	buf_fini(&b);
	buf_fini(&back);
}

/* One within the sender ends nothing. */
static void
test_nul(void **state)
{
	struct str sender = STR("an\0n\0@a.example");
	struct buf b = { 0 }, back = { 0 };

	(void)state;
	assert_true(srs_forward(&b, both, NOW, sender, STR("b.example")));
	assert_int_equal(srs_reverse(&back, both, NOW, buf_str(&b)), SRS_OK);
	assert_true(str_eq(buf_str(&back), sender));
	buf_fini(&b);
	buf_fini(&back);
}

static void
test_age(void **state)
{
	static const struct {
		int64_t later;
		enum srs_rc rc;
	} ages[] = { { 0, SRS_OK }, { 21 * DAY, SRS_OK },
		{ 22 * DAY, SRS_EXPIRED }, { 400 * DAY, SRS_EXPIRED },
		{ -2 * DAY, SRS_EXPIRED }, { 1024 * DAY, SRS_OK } };
	struct buf b = { 0 }, back = { 0 };
	struct str s = forward(&b, both, "ann@a.example", "b.example");

	(void)state;
	for (size_t i = 0; i < LEN(ages); i++) {
		print_message("%zu\n", i);
		assert_int_equal(
		    srs_reverse(&back, both, NOW + ages[i].later, s),
		    ages[i].rc);
	}
	buf_fini(&b);
	buf_fini(&back);
}

static void
test_rotation(void **state)
{
	struct buf b = { 0 }, back = { 0 };
	struct str s = forward(&b, old, "ann@a.example", "b.example");

	(void)state;
	assert_int_equal(srs_reverse(&back, both, NOW, s), SRS_OK);
	assert_int_equal(srs_reverse(&back, theirs, NOW, s), SRS_FORGED);
	s = forward(&b, both, "ann@a.example", "b.example");
	assert_int_equal(srs_reverse(&back, old, NOW, s), SRS_FORGED);
	buf_fini(&b);
	buf_fini(&back);
}

/* a -> b (theirs) -> c (ours) -> d (old): back to c's, b's, then a. */
static void
test_chain(void **state)
{
	struct buf b = { 0 }, c = { 0 }, d = { 0 }, back = { 0 };

	(void)state;
	forward(&b, theirs, "ann@a.example", "b.example");
	forward(&c, both, b.p, "c.example");
	assert_true(str_starts(buf_str(&c), STR("SRS1=")));
	assert_non_null(strstr(c.p, "=b.example=="));
	assert_int_equal(srs_reverse(&back, both, NOW, buf_str(&c)), SRS_OK);
	assert_string_equal(buf_cstr(&back), b.p);
	/* An SRS1 of somebody: c is left out of the chain. */
	forward(&d, old, c.p, "d.example");
	assert_true(str_starts(buf_str(&d), STR("SRS1=")));
	assert_null(strstr(d.p, "c.example"));
	buf_clear(&back);
	assert_int_equal(srs_reverse(&back, old, NOW, buf_str(&d)), SRS_OK);
	assert_string_equal(buf_cstr(&back), b.p);
	assert_int_equal(
	    srs_reverse(&back, both, NOW + 90 * DAY, buf_str(&c)), SRS_OK);
	buf_fini(&b);
	buf_fini(&c);
	buf_fini(&d);
	buf_fini(&back);
}

/* Any octet of what is signed. */
static void
test_tampered(void **state)
{
	struct buf b = { 0 }, back = { 0 };
	struct str s = forward(&b, both, "ann@a.example", "b.example");
	size_t end = str_rchr(s, '@');

	(void)state;
	for (size_t i = 5; i < end; i++) {
		char was = b.p[i];
		enum srs_rc rc;

		b.p[i] = was == 'x' ? 'y' : 'x';
		rc = srs_reverse(&back, both, NOW, s);
		print_message("%zu %s\n", i, b.p);
		assert_true(rc == SRS_FORGED || rc == SRS_NONE);
		b.p[i] = was;
	}
	buf_fini(&b);
	buf_fini(&back);
}

static const char *const no_srs[] = { "", "ann@a.example", "SRS0",
	"SRS0=", "SRS0@a", "SRS0=@a", "SRS0=HHHH@a", "SRS0=HHHH=TT@a",
	"SRS0=HHHH=TT=host@a", "SRS0=HHHH=TT=host=@a", "SRS0=HHHH=TT==u@a",
	"SRS1=HHHH=host@a", "SRS1=HHHH=host=x@a", "SRS1=HHHH==x@a",
	"SRS0.HHHH=TT=host=u@a", "SRS2=HHHH=TT=host=u@a" };

static void
test_none(void **state)
{
	struct buf back = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(no_srs); i++) {
		print_message("%s\n", no_srs[i]);
		assert_int_equal(
		    srs_reverse(&back, both, NOW, str_of(no_srs[i])), SRS_NONE);
	}
	assert_int_equal(back.n, 0);
	/* A hash that is cut short would be found by trying. */
	assert_int_equal(
	    srs_reverse(&back, both, NOW, STR("SRS0=HH=TT=host=u@a")),
	    SRS_FORGED);
	assert_false(srs_forward(&back, both, NOW, STR("nobody"), STR("a")));
	assert_false(srs_forward(&back, both, NOW, STR_NULL, STR("a")));
	buf_fini(&back);
}

/*
 * Against Mail::SRS, whose program is srs(1) of Debian's package of that name:
 * each reads what the other writes.
 */
static void
ask_perl(struct buf *out, const char *how, const char *address)
{
	char line[512];
	FILE *f;

	snprintf(line, sizeof(line),
	    "srs --secret=secret %s --alias=b.example '%s'", how, address);
	f = popen(line, "r");
	assert_non_null(f);
	buf_clear(out);
	while (fgets(line, sizeof(line), f))
		buf_puts(out, line);
	pclose(f);
	while (out->n && out->p[out->n - 1] == '\n')
		out->n--;
	buf_cstr(out);
}

static void
test_differential(void **state)
{
	struct buf mine = { 0 }, his = { 0 }, back = { 0 };
	int64_t now = (int64_t)time(NULL);

	(void)state;
	if (system("command -v srs >/dev/null 2>&1") != 0) {
		print_message("there is no srs(1)\n");
		skip();
	}
	for (size_t i = 0; i < 4; i++) {
		buf_clear(&mine);
		assert_true(srs_forward(
		    &mine, both, now, str_of(senders[i]), STR("b.example")));
		ask_perl(&his, "--forward", senders[i]);
		assert_string_equal(buf_cstr(&mine), his.p);
		ask_perl(&his, "--reverse", mine.p);
		assert_string_equal(his.p, senders[i]);
	}
	/* Guarded: an SRS0 of somebody else. */
	forward(&back, theirs, "ann@a.example", "x.example");
	buf_clear(&mine);
	srs_forward(&mine, both, now, buf_str(&back), STR("b.example"));
	ask_perl(&his, "--forward", back.p);
	assert_string_equal(buf_cstr(&mine), his.p);
	ask_perl(&his, "--reverse", mine.p);
	assert_string_equal(his.p, back.p);
	buf_fini(&mine);
	buf_fini(&his);
	buf_fini(&back);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_differential),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
