/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/canon.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/codec.h"
#include "mailauth/field.h"

/* ------------------------------------------------------------------------
 * Header fields
 */

static const struct {
	const char *name, *value, *simple, *relaxed;
} fields[] = {
	/* RFC 6376, section 3.4.5 */
	{ "A", " X", "A: X\r\n", "a:X\r\n" },
	{ "B", " Y\t\r\n\tZ  ", "B: Y\t\r\n\tZ  \r\n", "b:Y Z\r\n" },
	{ "B", " Y\t\n\tZ  ", "B: Y\t\r\n\tZ  \r\n", "b:Y Z\r\n" },
	{ "C", "", "C:\r\n", "c:\r\n" },
	{ "C", " \t ", "C: \t \r\n", "c:\r\n" },
	{ "SubJect", "a  \n  b", "SubJect:a  \r\n  b\r\n", "subject:a b\r\n" },
	{ "D", "a\rb", "D:a\rb\r\n", "d:a\rb\r\n" },
	{ "E", "\n a", "E:\r\n a\r\n", "e:a\r\n" },
	{ "F", "\xc3\xbc", "F:\xc3\xbc\r\n", "f:\xc3\xbc\r\n" },
};

static void
test_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(fields); i++) {
		struct buf b = { 0 };

		print_message("%zu\n", i);
		canon_field(&b, CANON_SIMPLE, str_of(fields[i].name),
		    str_of(fields[i].value));
		assert_string_equal(buf_cstr(&b), fields[i].simple);
		buf_clear(&b);
		canon_field(&b, CANON_RELAXED, str_of(fields[i].name),
		    str_of(fields[i].value));
		assert_string_equal(buf_cstr(&b), fields[i].relaxed);
		buf_fini(&b);
	}
}

/* ------------------------------------------------------------------------
 * Bodies
 */

static const struct {
	struct str body, simple, relaxed;
} bodies[] = {
	{ STR(""), STR("\r\n"), STR("") },
	{ STR("\r\n\r\n"), STR("\r\n"), STR("") },
	{ STR(" C \r\nD \t E\r\n\r\n\r\n"), STR(" C \r\nD \t E\r\n"),
	    STR(" C\r\nD E\r\n") },
	{ STR("a"), STR("a\r\n"), STR("a\r\n") },
	{ STR("a\r\n\r\nb\r\n"), STR("a\r\n\r\nb\r\n"), STR("a\r\n\r\nb\r\n") },
	{ STR("a \r\n \t\r\n\t"), STR("a \r\n \t\r\n\t\r\n"), STR("a\r\n") },
	{ STR(" "), STR(" \r\n"), STR("") },
	{ STR(" \r\n"), STR(" \r\n"), STR("") },
	{ STR("\r\n\r\na"), STR("\r\n\r\na\r\n"), STR("\r\n\r\na\r\n") },
	{ STR("a\nb\r\n"), STR("a\nb\r\n"), STR("a\nb\r\n") },
	{ STR("a\rb\r\n"), STR("a\rb\r\n"), STR("a\rb\r\n") },
	{ STR("a\r"), STR("a\r\r\n"), STR("a\r\r\n") },
	{ STR("a\r\r\n"), STR("a\r\r\n"), STR("a\r\r\n") },
	{ STR("a \r"), STR("a \r\r\n"), STR("a \r\r\n") },
	{ STR("a\0b\r\n"), STR("a\0b\r\n"), STR("a\0b\r\n") },
	{ STR("\xff\t\xfe"), STR("\xff\t\xfe\r\n"), STR("\xff \xfe\r\n") },
};

/* In chunks of N octets. */
static void
check_body(enum canon c, struct str body, struct str want, size_t n)
{
	struct body_hash *h = body_hash_new(c, UINT64_MAX);
	uint8_t got[32], sum[32];
	uint64_t length;
	bool more;

	for (size_t i = 0; i < body.n; i += n)
		body_hash_add(h, str_sub(body, i, n));
	body_hash_end(h, got, &length, &more);
	sha256(want, sum);
	assert_memory_equal(got, sum, 32);
	assert_int_equal(length, want.n);
	assert_false(more);
	body_hash_free(&h);
}

static void
test_body(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(bodies); i++) {
		print_message("%zu\n", i);
		for (size_t n = 1; n < 4; n++) {
			check_body(
			    CANON_SIMPLE, bodies[i].body, bodies[i].simple, n);
			check_body(CANON_RELAXED, bodies[i].body,
			    bodies[i].relaxed, n);
		}
		check_body(CANON_SIMPLE, bodies[i].body, bodies[i].simple, 99);
		check_body(
		    CANON_RELAXED, bodies[i].body, bodies[i].relaxed, 99);
	}
}

/* Longer than what is collected before it is hashed. */
static void
test_large_body(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < 3000; i++)
		buf_printf(&b, "%zu bottles%s\r\n", i, i % 100 ? "" : "\r\n");
	for (size_t i = 0; i < 5000; i++)
		buf_putc(&b, 'x');
	BUF_LIT(&b, "\r\n");
	check_body(CANON_SIMPLE, buf_str(&b), buf_str(&b), 4095);
	check_body(CANON_RELAXED, buf_str(&b), buf_str(&b), 1 << 20);
	buf_fini(&b);
}

static const struct {
	uint64_t limit, length;
	bool more;
	const char *hashed;
} limits[] = {
	{ 0, 0, true, "" },
	{ 1, 1, true, "a" },
	{ 3, 3, true, "a\r\n" },
	{ 6, 6, false, "a\r\nb\r\n" },
	{ 7, 6, false, "a\r\nb\r\n" },
};

static void
test_limit(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(limits); i++) {
		struct body_hash *h =
		    body_hash_new(CANON_RELAXED, limits[i].limit);
		uint8_t got[32], sum[32];
		uint64_t length;
		bool more;

		print_message("%zu\n", i);
		body_hash_add(h, STR("a \r\nb\r\n\r\n"));
		body_hash_end(h, got, &length, &more);
		sha256(str_of(limits[i].hashed), sum);
		assert_memory_equal(got, sum, 32);
		assert_int_equal(length, limits[i].length);
		assert_int_equal(more, limits[i].more);
		body_hash_free(&h);
		assert_null(h);
	}
	struct body_hash *unused = body_hash_new(CANON_SIMPLE, 1);
	body_hash_free(&unused);
}

/* ------------------------------------------------------------------------
 * Tags
 */

static const struct {
	struct str text;
	size_t n; /* 0: it is none */
	const char *name, *value;
} lists[] = {
	{ STR("a=b; c=d"), 2, "c", "d" },
	{ STR(" a = b ;\r\n\tc\r\n =\r\n d ;\r\n"), 2, "c", "d" },
	{ STR("a=b;"), 1, "a", "b" },
	{ STR("a="), 1, "a", "" },
	{ STR("a=;b=1"), 2, "a", "" },
	{ STR("a=b=c"), 1, "a", "b=c" },
	{ STR("a_1=x y"), 1, "a_1", "x y" },
	{ STR("A=1; a=2"), 2, "a", "2" }, /* names have a case */
	{ STR("d=\xc3\xbc.example"), 1, "d", "\xc3\xbc.example" },
	{ STR(""), 0, NULL, NULL },
	{ STR(" \r\n "), 0, NULL, NULL },
	{ STR(";"), 0, NULL, NULL },
	{ STR("a"), 0, NULL, NULL },
	{ STR("a=b;;"), 0, NULL, NULL },
	{ STR("a=b;;c=d"), 0, NULL, NULL },
	{ STR("a=b;c"), 0, NULL, NULL },
	{ STR("=b"), 0, NULL, NULL },
	{ STR("1=b"), 0, NULL, NULL },
	{ STR("a-b=c"), 0, NULL, NULL },
	{ STR("a b=c"), 0, NULL, NULL },
	{ STR("a=b\0"), 0, NULL, NULL },
	{ STR("a=\x01"), 0, NULL, NULL },
	{ STR("a=\xff"), 0, NULL, NULL },
	{ STR("a=b; a=c"), 0, NULL, NULL },
};

static void
test_tags(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(lists); i++) {
		struct str why = STR_NULL;
		struct tags t;

		print_message("%zu %.*s\n", i, STR_ARG(lists[i].text));
		assert_int_equal(
		    tags_parse(a, lists[i].text, &t, &why), lists[i].n > 0);
		assert_int_equal(t.n, lists[i].n);
		assert_int_equal(why.n > 0, lists[i].n == 0);
		assert_null(tags_get(&t, "z").p);
		if (t.n)
			assert_true(str_eqc(
			    tags_get(&t, lists[i].name), lists[i].value));
	}
	arena_free(&a);
}

/* Thousands are refused at once. */
static void
test_many_tags(void **state)
{
	struct arena *a = arena_new();
	struct buf b = { 0 };
	struct str why;
	struct tags t;

	(void)state;
	for (size_t i = 0; i < 100000; i++)
		buf_printf(&b, "t%zu=;", i);
	assert_false(tags_parse(a, buf_str(&b), &t, &why));
	assert_true(arena_used(a) < 4096);
	buf_fini(&b);
	arena_free(&a);
}

static const struct {
	const char *text, *octets; /* NULL: it is none */
} base64[] = {
	{ "YWJj", "abc" },
	{ " Y W\r\n\tJ j ", "abc" },
	{ "YWI=", "ab" },
	{ "YWI =\r\n", "ab" },
	{ "YWI", NULL },
	{ "YW=I", NULL },
	{ "Y*Jj", NULL },
	{ "", NULL },
	{ " ", NULL },
};

static void
test_base64(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(base64); i++) {
		struct str got = STR_NULL;

		print_message("%s\n", base64[i].text);
		assert_int_equal(tag_base64(a, str_of(base64[i].text), &got),
		    base64[i].octets != NULL);
		assert_true(str_eq(got, str_of(base64[i].octets)));
	}
	arena_free(&a);
}

/* ------------------------------------------------------------------------
 * Fields of a message
 */

static const char message[] = "From garbage\r\n"
			      "A: 1\r\n"
			      "b :\r\n"
			      " 2 \r\n"
			      "a:3\r\n"
			      "\r\n"
			      "A: body\r\n";

static void
test_fields(void **state)
{
	struct arena *a = arena_new();
	struct str raw = str_of(message);
	size_t body, i = 0;
	struct fields f = fields_of(a, raw, &body);
	const struct field *at;

	(void)state;
	assert_int_equal(f.n, 3);
	assert_true(str_eqc(f.v[1].name, "b"));
	assert_true(str_eqc(f.v[1].value, "\r\n 2 "));
	assert_true(str_eqc(str_sub(raw, body, raw.n), "A: body\r\n"));
	assert_int_equal(fields_count(&f, "A"), 2);
	assert_int_equal(fields_count(&f, "body"), 0);
	at = fields_next(&f, "a", &i);
	assert_true(str_eqc(at->value, " 1"));
	at = fields_next(&f, "a", &i);
	assert_true(str_eqc(at->value, "3"));
	assert_null(fields_next(&f, "a", &i));
	arena_free(&a);
}

static const struct {
	const char *raw;
	size_t n, body;
} shapes[] = {
	{ "", 0, 0 },
	{ "\r\n", 0, 2 },
	{ "\nA: b", 0, 1 },
	{ "A: b", 1, 4 },
	{ "A: b\n", 1, 5 },
	{ "A: b\n\n", 1, 6 },
	{ "A: b\n c\n\nd", 1, 9 },
};

static void
test_shapes(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(shapes); i++) {
		size_t body = 99;
		struct fields f = fields_of(a, str_of(shapes[i].raw), &body);

		print_message("%zu\n", i);
		assert_int_equal(f.n, shapes[i].n);
		assert_int_equal(body, shapes[i].body);
	}
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_field),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_large_body),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_many_tags),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
