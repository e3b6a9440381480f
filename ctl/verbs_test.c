/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/verbs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"

/* Every row must be complete, and the manual must know it. */

static const char *
read_page(struct buf *out, const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[256];
	struct err e = ERR_INIT;

	buf_clear(out);
	snprintf(path, sizeof(path), "%s/docs/%s", srcdir ? srcdir : ".", name);
	if (!fs_read(path, 1 << 20, out, &e))
		fail_msg("%s", e.msg);
	return buf_cstr(out);
}

/* "account add" is on the page mailstead-account.1. */
static const char *
read_verb_page(struct buf *out, const char *verb)
{
	char name[128];

	snprintf(name, sizeof(name), "mailstead-%.*s.1",
	    (int)strcspn(verb, " "), verb);
	return read_page(out, name);
}

static void
test_verbs_documented(void **state)
{
	struct buf page = { 0 };
	char want[128];

	(void)state;
	for (const struct verb *v = verbs; v->name; v++) {
		const char *text = read_verb_page(&page, v->name);

		print_message("%s\n", v->name);
		assert_true(strlen(v->help) > 5);
		assert_true(v->max < 0 || v->min <= v->max);
		assert_int_equal(v->max == 0, v->args[0] == '\0');
		snprintf(want, sizeof(want), ".Nm mailstead %s\n", v->name);
		assert_non_null(strstr(text, want));
		for (const struct option_def *o = v->options; o && o->name;
		     o++) {
			snprintf(want, sizeof(want), ".It Fl -%s", o->name);
			assert_non_null(strstr(text, want));
		}
	}
	buf_fini(&page);
}

/* The parser tells switches from options with a value by their name alone. */
static void
test_options_agree(void **state)
{
	(void)state;
	for (const struct verb *v = verbs; v->name; v++) {
		for (const struct option_def *o = v->options; o && o->name;
		     o++) {
			struct ctl c = { .arena = arena_new() };
			char word[64];
			char program[] = "mailstead";
			char value[] = "value";
			char *argv[] = { program, word, value, NULL };

			snprintf(word, sizeof(word), "--%s", o->name);
			assert_int_equal(ctl_parse(&c, 3, argv), EX_USAGE);
			assert_int_equal(c.argc, o->arg ? 0 : 1);
			assert_string_equal(
			    ctl_option(&c, o->name), o->arg ? "value" : "");
			arena_free(&c.arena);
		}
	}
}

static const struct {
	const char *line;
	int status;
	const char *verb;  /* NULL: none */
	const char *first; /* its first argument */
} lines[] = {
	{ "account list", 0, "account list", NULL },
	{ "account list a.example", 0, "account list", "a.example" },
	{ "--json account list", 0, "account list", NULL },
	{ "account --json list x", 0, "account list", "x" },
	{ "account list -c file x", 0, "account list", "x" },
	{ "account list -cfile --limit=3 x", 0, "account list", "x" },
	{ "account list -- --x", 0, "account list", "--x" },
	{ "password -", 0, "password", "-" },
	{ "filter quarantine show x", 0, "filter quarantine show", "x" },
	{ "filter quarantine", EX_USAGE, NULL, NULL },
	{ "account list x y", EX_USAGE, "account list", "x" },
	{ "account list --yes", EX_USAGE, "account list", NULL },
	{ "account list --json=1", EX_USAGE, NULL, NULL },
	{ "account list --limit", EX_USAGE, NULL, NULL },
	{ "account list --nosuch", EX_USAGE, NULL, NULL },
	{ "account list -x", EX_USAGE, NULL, NULL },
	{ "account", EX_USAGE, NULL, NULL },
	{ "nosuch", EX_USAGE, NULL, NULL },
};

static void
test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(lines); i++) {
		struct ctl c = { .arena = arena_new() };
		char *argv[16] = { arena_cstr(c.arena, STR("mailstead")) };
		struct str rest = str_of(lines[i].line), word;
		int argc = 1;

		print_message("%s\n", lines[i].line);
		while (str_split(&rest, ' ', &word))
			argv[argc++] = arena_cstr(c.arena, word);
		assert_int_equal(ctl_parse(&c, argc, argv), lines[i].status);
		if (lines[i].verb)
			assert_string_equal(c.verb->name, lines[i].verb);
		if (lines[i].first)
			assert_string_equal(c.argv[0], lines[i].first);
		arena_free(&c.arena);
	}
}

static void
test_settings_documented(void **state)
{
	struct buf page = { 0 };
	const char *text = read_page(&page, "mailstead-setting.1");

	(void)state;
	for (const struct site_setting *k = site_settings(); k->key; k++) {
		char want[128];

		snprintf(want, sizeof(want), ".It Cm %s\n", k->key);
		if (!strstr(text, want))
			fail_msg("%s is not in mailstead-setting(1)", k->key);
	}
	buf_fini(&page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verbs_documented),
		cmocka_unit_test(test_options_agree),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_settings_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
