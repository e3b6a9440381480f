/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/uidl.h"

#define V3                                                                     \
	"3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1\n"             \
	"25006 :1276528487.M364837P9451.kurkku,S=1355,W=1394:2,\n"             \
	"25017 W2481 S12 :1276533073.M242911P3632.kurkku:2,F\n"                \
	"25021 Pold-id W9 :1276533074.M1P2.host\n"                             \
	"nonsense\n"                                                           \
	"25022 Pwith\x7f :1276533075.M1P2.host\n"

static const struct {
	const char *list, *format, *file, *id; /* id NULL: none */
} cases[] = {
	{ V3, UIDL_DOVECOT, "1276528487.M364837P9451.kurkku,S=1355,W=1394",
	    "000061ae4c0907b0" },
	{ V3, UIDL_DOVECOT, "1276533073.M242911P3632.kurkku",
	    "000061b94c0907b0" },
	{ V3, UIDL_DOVECOT, "1276533074.M1P2.host", "old-id" },
	{ V3, UIDL_DOVECOT, "1276533075.M1P2.host", NULL },
	{ V3, UIDL_DOVECOT, "unknown", NULL },
	{ V3, "%v.%u", "1276533073.M242911P3632.kurkku", "1275660208.25017" },
	{ V3, "UID%u-%v", "1276533073.M242911P3632.kurkku",
	    "UID25017-1275660208" },
	{ V3, "%f", "1276533073.M242911P3632.kurkku",
	    "1276533073.M242911P3632.kurkku" },
	{ "", "%f", "1276533073.M1.host", "1276533073.M1.host" },
	{ "", UIDL_DOVECOT, "1276533073.M1.host", NULL },
	{ "1 1275660208 25022\n7 1276533073.M1.host:2,S\n", UIDL_DOVECOT,
	    "1276533073.M1.host", "000000074c0907b0" },
};

static void
test_uidlist(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct arena *a = arena_new();
		struct uidl_source u;
		struct str id;

		print_message("%s %s\n", cases[i].format, cases[i].file);
		uidl_open(
		    &u, a, str_of(cases[i].format), str_of(cases[i].list));
		id = uidl_of(&u, a, str_of(cases[i].file));
		if (cases[i].id)
			assert_string_equal(arena_cstr(a, id), cases[i].id);
		else
			assert_int_equal(id.n, 0);
		uidl_close(&u);
		arena_free(&a);
	}
}

static void
test_formats(void **state)
{
	(void)state;
	assert_true(uidl_format_valid(STR(UIDL_DOVECOT)));
	assert_true(uidl_format_valid(STR("%u.%v")));
	assert_false(uidl_format_valid(STR("")));
	assert_false(uidl_format_valid(STR("constant")));
	assert_false(uidl_format_valid(STR("%g")));
	assert_false(uidl_format_valid(STR("%")));
	assert_false(uidl_format_valid(STR("%999999999999u")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uidlist),
		cmocka_unit_test(test_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
