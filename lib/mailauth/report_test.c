/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/test.h"
#include "mailauth/report.h"
#include "mime/compose.h"

/* Unpacking, TLS reports, and the mail that brings one of any kind. */

static bool
unpacks_to(struct str packed, struct str want)
{
	struct str got;
	struct err e = ERR_INIT;
	bool ok = report_unpack(arena, packed, &got, &e);

	if (!ok)
		print_message("%s\n", e.msg);
	return ok && str_eq(got, want);
}

/* ------------------------------------------------------------------------
 * Gzip
 */

#define TEXT "<feedback>some text, some text, some text</feedback>"

static void
test_gzip(void **state)
{
	struct buf one = { 0 };
	size_t n;

	(void)state;
	assert_true(unpacks_to(STR(TEXT), STR(TEXT)));
	assert_true(unpacks_to(STR_NULL, STR_NULL));
	report_gzip(&one, STR(TEXT));
	assert_true(unpacks_to(buf_str(&one), STR(TEXT)));
	n = one.n;
	for (size_t i = 2; i < n; i++)
		assert_false(
		    unpacks_to(str_sub(buf_str(&one), 0, i), STR(TEXT)));
	report_gzip(&one, STR(TEXT));
	assert_true(unpacks_to(buf_str(&one), STR(TEXT TEXT)));
	one.n = n;
	BUF_LIT(&one, "\0\0\0 padding");
	assert_true(unpacks_to(buf_str(&one), STR(TEXT)));
	one.p[n - 6] ^= 1; /* of the checksum */
	assert_false(unpacks_to(buf_str(&one), STR(TEXT)));
	buf_fini(&one);
}

/* Of zeros, a thousand to one. */
static void
test_bomb(void **state)
{
	struct buf zeros = { 0 }, packed = { 0 };
	struct str out;
	struct err e = ERR_INIT;

	(void)state;
	memset(
	    buf_reserve(&zeros, REPORT_MAX_TEXT + 1), 0, REPORT_MAX_TEXT + 1);
	zeros.n = REPORT_MAX_TEXT;
	report_gzip(&packed, buf_str(&zeros));
	assert_true(report_unpack(arena, buf_str(&packed), &out, &e));
	assert_int_equal(out.n, REPORT_MAX_TEXT);
	buf_clear(&packed);
	zeros.n++;
	report_gzip(&packed, buf_str(&zeros));
	assert_true(packed.n < 100000);
	assert_false(report_unpack(arena, buf_str(&packed), &out, &e));
	assert_non_null(strstr(e.msg, "more than"));
	assert_false(report_unpack(arena, buf_str(&zeros), &out, &e));
	buf_fini(&zeros);
	buf_fini(&packed);
}

/* ------------------------------------------------------------------------
 * Zip
 */

struct file {
	const char *name;
	unsigned flags, method;
	struct str data; /* as it is in the zip */
	uint32_t crc, size;
	size_t at; /* of its local header */
};

static void
put_le(struct buf *out, uint64_t v, unsigned octets)
{
	for (; octets > 0; octets--, v >>= 8)
		buf_putc(out, (char)(v & 255));
}

/* What both headers have, from the version needed to the lengths. */
static void
put_common(struct buf *out, const struct file *f, bool known)
{
	put_le(out, 20, 2);
	put_le(out, f->flags, 2);
	put_le(out, f->method, 2);
	put_le(out, 0, 4);
	put_le(out, known ? f->crc : 0, 4);
	put_le(out, known ? f->data.n : 0, 4);
	put_le(out, known ? f->size : 0, 4);
	put_le(out, strlen(f->name), 2);
	put_le(out, 0, 2);
}

/* Sizes only in the directory, as a stream is written. */
static void
put_zip(struct buf *out, struct file *files, size_t n)
{
	size_t directory;

	for (size_t i = 0; i < n; i++) {
		files[i].at = out->n;
		BUF_LIT(out, "PK\3\4");
		put_common(out, &files[i], false);
		buf_puts(out, files[i].name);
		buf_putstr(out, files[i].data);
	}
	directory = out->n;
	for (size_t i = 0; i < n; i++) {
		BUF_LIT(out, "PK\1\2");
		put_le(out, 20, 2);
		put_common(out, &files[i], true);
		put_le(out, 0, 10);
		put_le(out, files[i].at, 4);
		buf_puts(out, files[i].name);
	}
	put_le(out, 0x06054b50, 4);
	put_le(out, 0, 4);
	put_le(out, n, 2);
	put_le(out, n, 2);
	put_le(out, out->n - 12 - directory, 4);
	put_le(out, directory, 4);
	put_le(out, 7, 2);
	BUF_LIT(out, "comment");
}

static struct str
deflated(struct str text)
{
	struct buf b = { 0 };
	struct str s;

	report_gzip(&b, text);
	/* Without the header and trailer of gzip. */
	s = arena_str(arena, str_sub(buf_str(&b), 10, b.n - 18));
	buf_fini(&b);
	return s;
}

static struct file
file_of(const char *name, unsigned method)
{
	struct file f = { .name = name, .method = method };

	f.data = method == 8 ? deflated(STR(TEXT)) : STR(TEXT);
	f.crc = (uint32_t)crc32(0, (const Bytef *)TEXT, sizeof(TEXT) - 1);
	f.size = sizeof(TEXT) - 1;
	return f;
}

static bool
zip_unpacks(struct file *files, size_t n)
{
	struct buf zip = { 0 };
	bool ok;

	put_zip(&zip, files, n);
	ok = unpacks_to(buf_str(&zip), STR(TEXT));
	buf_fini(&zip);
	return ok;
}

static void
test_zip(void **state)
{
	struct file files[] = {
		{ .name = "a/" },
		{ .name = "__MACOSX/._x.xml", .data = STR("junk") },
		file_of("a/x.xml", 8),
		file_of("x.xml", 0),
	};

	(void)state;
	assert_true(zip_unpacks(files + 2, 1));
	assert_true(zip_unpacks(files + 3, 1));
	assert_true(zip_unpacks(files, 3));
	assert_false(zip_unpacks(files, 2));
	assert_false(zip_unpacks(files, 0));
	files[2].flags = 1; /* encrypted */
	assert_false(zip_unpacks(files + 2, 1));
	files[2].flags = 0;
	files[2].crc ^= 1;
	assert_false(zip_unpacks(files + 2, 1));
	files[2] = file_of("x", 14); /* LZMA */
	assert_false(zip_unpacks(files + 2, 1));
}

static void
test_zip_damaged(void **state)
{
	struct file f = file_of("x.xml", 8);
	struct buf zip = { 0 };
	struct str out;
	struct err e;

	(void)state;
	put_zip(&zip, &f, 1);
	for (size_t i = 0; i < zip.n; i++) {
		struct str copy = arena_str(arena, buf_str(&zip));

		report_unpack(arena, str_sub(copy, 0, i), &out, &e);
		memset((char *)(uintptr_t)copy.p + i, 0xff, 1);
		report_unpack(arena, copy, &out, &e);
	}
	buf_fini(&zip);
}

/* ------------------------------------------------------------------------
 * TLS reports
 */

static const struct str strings[] = { STR("version: STSv1"), STR("mode: x") };
static const struct str hosts[] = { STR("*.mail.example") };
static const struct tls_failure failures[] = {
	{ .result_type = STR("certificate-expired"),
	    .sending_mta_ip = STR("2001:db8::1"),
	    .receiving_mx_hostname = STR("mx1.mail.example"),
	    .receiving_mx_helo = STR("mx"),
	    .receiving_ip = STR("192.0.2.1"),
	    .additional_information = STR("https://a.example/\"x\""),
	    .failure_reason_code = STR("E1"),
	    .count = 100 },
	{ .result_type = STR("starttls-not-supported"), .count = 200 },
};
static const struct tls_policy policies[] = {
	{ .type = STR("sts"),
	    .domain = STR("b.example"),
	    .strings = strings,
	    .nstrings = 2,
	    .mx_hosts = hosts,
	    .nmx_hosts = 1,
	    .successes = 5326,
	    .failures = 303,
	    .details = failures,
	    .ndetails = 2 },
	{ .type = STR("no-policy-found"), .domain = STR("b.example") },
};
static const struct tls_report tls = {
	.organization = STR("Company \xc3\xa9"),
	.contact = STR("sts@a.example"),
	.report_id = STR("5065427c-23d3@a.example"),
	.begin = 1459468800,
	.end = 1459555199,
	.policies = policies,
	.n = 2,
};

static void
check_tls(struct str json)
{
	struct buf again = { 0 };
	struct tls_report r;
	struct err e = ERR_INIT;

	assert_true(tls_report_parse(arena, json, &r, &e));
	assert_int_equal(r.begin, tls.begin);
	assert_int_equal(r.end, tls.end);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.policies[0].failures, 303);
	assert_int_equal(r.policies[0].ndetails, 2);
	assert_int_equal(r.policies[0].details[1].count, 200);
	tls_report_write(&again, &r);
	assert_true(str_eq(buf_str(&again), json));
	buf_fini(&again);
}

static void
test_tls(void **state)
{
	struct buf json = { 0 };

	(void)state;
	tls_report_write(&json, &tls);
	assert_true(str_find(buf_str(&json),
			STR("\"start-datetime\": \"2016-04-01T00:00:00Z\"")) !=
		    STR_NPOS);
	assert_true(str_find(buf_str(&json), STR("\"failure-reason-code\": "
						 "\"E1\"")) != STR_NPOS);
	check_tls(buf_str(&json));
	buf_fini(&json);
}

static const struct {
	const char *json;
	bool ok;
} sloppy[] = {
	{ "{\"policies\":[]}", true },
	{ "{\"policies\":[1, null, {\"policy\":[]}]}", true },
	{ "{\"policies\":{}}", false },
	{ "[]", false },
	{ "{", false },
	{ "", false },
	{ "{\"policies\":[]} x", false },
};

static void
test_tls_sloppy(void **state)
{
	struct tls_report r;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < LEN(sloppy); i++) {
		print_message("%s\n", sloppy[i].json);
		assert_int_equal(
		    tls_report_parse(arena, str_of(sloppy[i].json), &r, &e),
		    sloppy[i].ok);
	}
	assert_true(tls_report_parse(arena,
	    STR("{\"date-range\":{\"start-datetime\":"
		"\"2016-04-01T02:30:00.25+02:30\",\"end-datetime\":\"soon\"},"
		"\"policies\":[{\"policy\":{\"mx-host\":\"one\"},"
		"\"summary\":{\"total-failure-session-count\":-1,"
		"\"total-successful-session-count\":\"12\"}}]}"),
	    &r, &e));
	assert_int_equal(r.begin, 1459468800);
	assert_int_equal(r.end, 0);
	assert_int_equal(r.policies[0].nmx_hosts, 1);
	assert_int_equal(r.policies[0].failures, 0);
	assert_int_equal(r.policies[0].successes, 12);
}

/* ------------------------------------------------------------------------
 * Mail
 */

static void
test_tls_mail(void **state)
{
	struct buf mail = { 0 };
	struct str text;
	struct err e;

	(void)state;
	tls_report_mail(&mail, &tls, STR("b.example"), STR("a.example"),
	    STR("sts@a.example"), STR("rep@b.example"), 1459600000);
	buf_cstr(&mail);
	assert_non_null(strstr(mail.p, "\r\nTLS-Report-Domain: b.example\r\n"));
	assert_non_null(
	    strstr(mail.p, "\r\nTLS-Report-Submitter: a.example\r\n"));
	assert_non_null(strstr(mail.p, "report-type=tlsrpt"));
	assert_non_null(
	    strstr(mail.p, "Content-Type: application/tlsrpt+gzip"));
	assert_int_equal(
	    report_find(arena, buf_str(&mail), &text, &e), REPORT_TLS);
	check_tls(text);
	buf_fini(&mail);
}

static void
attached(struct buf *mail, const char *type, const char *name, struct str s)
{
	struct compose c;

	buf_clear(mail);
	compose_init(&c, mail);
	compose_multipart(&c, "mixed", NULL);
	compose_body(&c, STR("hello\n"));
	compose_attachment(&c, type, str_of(name), s);
	compose_finish(&c);
}

static void
test_find(void **state)
{
	struct file f = file_of("x.xml", 8);
	struct buf mail = { 0 }, zip = { 0 };
	struct str text;
	struct err e;

	(void)state;
	put_zip(&zip, &f, 1);
	attached(&mail, "application/octet-stream", "x", buf_str(&zip));
	assert_int_equal(
	    report_find(arena, buf_str(&mail), &text, &e), REPORT_AGGREGATE);
	assert_true(str_eq(text, STR(TEXT)));
	attached(&mail, "image/png", "x.zip", buf_str(&zip));
	assert_int_equal(
	    report_find(arena, buf_str(&mail), &text, &e), REPORT_AGGREGATE);
	attached(&mail, "image/png", "x.png", buf_str(&zip));
	assert_int_equal(
	    report_find(arena, buf_str(&mail), &text, &e), REPORT_NONE);
	assert_int_equal(text.n, 0);
	attached(&mail, "text/xml", "x.xml", STR("\xef\xbb\xbf " TEXT));
	assert_int_equal(
	    report_find(arena, buf_str(&mail), &text, &e), REPORT_AGGREGATE);
	attached(&mail, "text/xml", "x.xml", STR("<html/>"));
	assert_int_equal(
	    report_find(arena, buf_str(&mail), &text, &e), REPORT_NONE);
	/* The whole message is it. */
	assert_int_equal(
	    report_find(arena, STR("Content-Type: application/xml\n\n" TEXT),
		&text, &e),
	    REPORT_AGGREGATE);
	assert_int_equal(
	    report_find(
		arena, STR("Content-Type: text/plain\n\n" TEXT), &text, &e),
	    REPORT_NONE);
	buf_fini(&mail);
	buf_fini(&zip);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_zip),
		cmocka_unit_test(test_zip_damaged),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_tls_sloppy),
		cmocka_unit_test(test_tls_mail),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, arena_up, arena_down);
}
