/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/attachment.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CRLF "\r\n"

static const char message[] =
    "From: a@a.test" CRLF "Content-Type: multipart/mixed; boundary=b" CRLF CRLF
    "--b" CRLF CRLF "some text" CRLF "--b" CRLF
    "Content-Type: image/jpeg; name=\"photo.jpg\"" CRLF
    "Content-Transfer-Encoding: base64" CRLF CRLF "TVqQAAMAAAAEAAAA" CRLF
    "--b" CRLF "Content-Type: application/octet-stream" CRLF
    "Content-Disposition: attachment;" CRLF
    " filename*=utf-8''%D1%84%D0%B0%D0%B9%D0%BB.EXE%20.." CRLF CRLF "text" CRLF
    "--b" CRLF "Content-Type: message/rfc822" CRLF CRLF "Subject: inner" CRLF
    "Content-Type: Application/PDF" CRLF CRLF "%PDF-1.4" CRLF "--b--" CRLF;

static void
test_list(void **state)
{
	struct arena *a = arena_new();
	struct attachment *list;

	(void)state;
	assert_int_equal(attachment_list(a, str_of(message), &list), 3);
	assert_true(str_eqc(list[0].name, "photo.jpg"));
	assert_true(str_eqc(list[0].type, "image/jpeg"));
	assert_string_equal(list[0].content, "application/x-msdownload");
	assert_true(
	    str_eqc(list[1].name, "\xd1\x84\xd0\xb0\xd0\xb9\xd0\xbb.EXE"));
	assert_null(list[1].content);
	assert_int_equal(list[2].name.n, 0);
	assert_true(str_eqc(list[2].type, "application/pdf"));
	assert_string_equal(list[2].content, "application/pdf");
	assert_int_equal(attachment_list(a, STR("\r\nonly text"), &list), 0);
	arena_free(&a);
}

static void
test_patterns(void **state)
{
	static const struct {
		const char *name, *patterns;
		bool match;
	} cases[] = {
		{ "a.exe", "*.exe", true },
		{ "a.EXE", "*.com *.exe", true },
		{ "a.exe.txt", "*.exe", false },
		{ "invoice.pdf.js", "*.pdf.??", true },
		{ "invoice.pdf.jse", "*.pdf.??", false },
		{ "", "*", false },
		{ "abab.ababab.x", "*ab*abab.x", true },
		{ "x", "text/plain", true }, /* the type */
		{ "x", "TEXT/*", true },
		{ "x", "image/* application/x-msdownload", true },
		{ "x", "image/*", false },
		{ "x", "", false },
	};
	struct str pattern;

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		const struct attachment file = {
			str_of(cases[i].name),
			STR("text/plain"),
			"application/x-msdownload",
		};

		print_message("case %zu\n", i);
		assert_int_equal(
		    attachment_match(
			&file, 1, str_of(cases[i].patterns), &pattern) != NULL,
		    cases[i].match);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
