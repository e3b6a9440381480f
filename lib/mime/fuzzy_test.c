/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/fuzzy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void
test_plain(void **state)
{
	static const struct {
		const char *text, *plain;
	} rows[] = {
		{ "", "" }, { "Plain ASCII", "plain ascii" },
		{ "Gr\xc3\xbc\xc3\x9f", "gruss" },
		{ "\xc3\x89"
		  "clair",
		    "eclair" },
		{ "E\xcc\x81"
		  "clair",
		    "eclair" },
		{ "\xc5\x81\xc3\xb3"
		  "d\xc5\xba",
		    "lodz" },
		{ "K\xc3\xb8"
		  "benhavn",
		    "kobenhavn" },
		{ "\xe3\x81\x8c", "\xe3\x81\x8c" }, /* ga is not ka */
		{ "\xed\x95\x9c", "\xed\x95\x9c" }, /* Hangul stays whole */
		{ "\xd0\x99", "\xd0\xb8" },         /* short i */
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		print_message("case %s\n", rows[i].text);
		buf_clear(&out);
		mime_plain(&out, str_of(rows[i].text));
		assert_string_equal(buf_cstr(&out), rows[i].plain);
	}
	buf_fini(&out);
}

static void
test_score(void **state)
{
	static const struct {
		const char *needle, *text;
		unsigned score;
	} rows[] = {
		{ "invoice", "Your invoice is here", 100 },
		{ "INVOICE", "invoices", 85 },
		{ "voice", "invoice", 60 },
		{ "invocie", "Your invoice", 50 },  /* swapped */
		{ "invoise", "Your invoice", 50 },  /* wrong */
		{ "invoicce", "Your invoice", 50 }, /* too many */
		{ "receved", "received", 50 },      /* too few */
		{ "invoiec", "Your invoice", 50 },  /* at the end */
		{ "niovice", "invoice", 0 },
		{ "voise", "voice", 0 }, /* too short for that */
		{ "two one", "one two", 90 },
		{ "one two", "one two", 100 },
		{ "one, two", "one... two", 90 },
		{ "one three", "one two", 0 },
		{ "resume", "My R\xc3\xa9sum\xc3\xa9", 100 },
		{ "M\xc3\xbcller", "Muller", 100 },
		{ "--", "--", 0 },
		{ "\xe4\xba\xac", "\xe6\x9d\xb1\xe4\xba\xac\xe9\x83\xbd", 60 },
	};
	struct arena *a = arena_new();
	struct buf plain = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct fuzzy f;
		struct str text[2];

		print_message("case %s\n", rows[i].needle);
		buf_clear(&plain);
		mime_plain(&plain, str_of(rows[i].text));
		text[0] = buf_str(&plain);
		text[1] = STR("");
		fuzzy_parse(a, str_of(rows[i].needle), &f);
		assert_int_equal(fuzzy_score(&f, text, 1), rows[i].score);
		assert_int_equal(fuzzy_score(&f, text, 2), rows[i].score);
	}
	buf_fini(&plain);
	arena_free(&a);
}

static bool
held(const char *typo, struct str word)
{
	struct str parts[2], t = str_of(typo);

	for (size_t i = 0; fuzzy_parts(word, i, parts); i++) {
		if (str_find(t, parts[0]) != STR_NPOS &&
		    str_find(t, parts[1]) != STR_NPOS)
			return true;
	}
	return false;
}

/* Whatever is one typo away holds the parts that are left. */
static void
test_parts(void **state)
{
	const char *all = "abcdefghij";
	struct str parts[2];

	(void)state;
	assert_true(fuzzy_parts(STR("abcdef"), 0, parts));
	assert_false(fuzzy_parts(STR("abcdef"), 1, parts));
	for (int n = FUZZY_TYPO; n <= 10; n++) {
		struct str w = { all, (size_t)n };
		char typo[16];

		for (size_t i = 0; fuzzy_parts(w, i, parts); i++)
			assert_true(parts[0].n >= 3 || parts[1].n >= 3);
		for (int i = 0; i < n; i++) {
			const char *end = all + n;
			int rest = n - i - 1;

			snprintf(typo, sizeof(typo), "%.*s%.*s", i, all, rest,
			    end - rest); /* too few */
			assert_true(held(typo, w));
			snprintf(typo, sizeof(typo), "%.*sx%.*s", i, all, rest,
			    end - rest); /* wrong */
			assert_true(held(typo, w));
			snprintf(typo, sizeof(typo), "%.*sx%.*s", i, all,
			    rest + 1, end - rest - 1); /* too many */
			assert_true(held(typo, w));
			if (rest == 0)
				continue;
			snprintf(typo, sizeof(typo), "%.*s%c%c%.*s", i, all,
			    all[i + 1], all[i], rest - 1, end - rest + 1);
			assert_true(held(typo, w));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_score),
		cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
