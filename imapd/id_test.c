/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void
test_fields(void **state)
{
	static const struct {
		const char *spec, *fields;
	} cases[] = {
		{ "", "" },
		{ "  ", "" },
		{ "name *", "name=Mailstead;" },
		{ "NAME *", "NAME=Mailstead;" },
		{ "name Post", "name=Post;" },
		{ " name   Post  vendor * ", "name=Post;vendor=NIL;" },
		{ "name \"Our Post\" a \"\" b c", "name=Our Post;a=;b=c;" },
		{ "\"two words\" x", "two words=x;" },
		{ "a *b c \"*\"", "a=*b;c=NIL;" },
		{ "name", "" },
		{ "a b c", "a=b;" },
		{ "a b c \"d", "a=b;" },
		{ "a b \"\" d", "a=b;" },
		{ "a b 1234567890123456789012345678901 c", "a=b;" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct str spec = str_of(cases[i].spec), field, value;
		struct buf out = { 0 };

		print_message("%s\n", cases[i].spec);
		while (id_next(&spec, &field, &value))
			buf_printf(&out, "%.*s=%.*s;", STR_ARG(field),
			    STR_ARG(value.p ? value : STR("NIL")));
		assert_string_equal(buf_cstr(&out), cases[i].fields);
		buf_fini(&out);
	}
}

/* Those there are have something in them. */
static void
test_known(void **state)
{
	struct str spec = STR("version * os * os-version *"), field, value;
	int n = 0;

	(void)state;
	while (id_next(&spec, &field, &value)) {
		assert_true(value.n > 0);
		n++;
	}
	assert_int_equal(n, 3);
}

static void
test_listed(void **state)
{
	(void)state;
	assert_true(id_listed(STR("name version"), STR("Version")));
	assert_true(id_listed(STR("*"), STR("x")));
	assert_false(id_listed(STR("name  version"), STR("")));
	assert_false(id_listed(STR("name"), STR("nam")));
	assert_false(id_listed(STR(""), STR("name")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
