/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/sieve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sieve/program.h"

/* The language itself is tested in itself (tests/sieve); here is what only C
 * can see: positions, limits, what a run leaves behind. */

static const char message[] = "From: Anna <anna@example.org>\r\n"
			      "To: bert+lists@example.net\r\n"
			      "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= an alle\r\n"
			      "Message-ID: <1@example.org>\r\n"
			      "\r\n"
			      "Hello.\r\n";

static struct sieve_program *
compile(struct arena *a, const char *source, struct sieve_diags *d)
{
	struct sieve_compiler c = { .caps = sieve_caps_default() };

	return sieve_compile(&c, STR("test"), str_of(source), a, d);
}

static const struct sieve_host no_host;

static struct sieve_run *
start(struct sieve_input *in)
{
	*in = (struct sieve_input){
		.message = { message, sizeof(message) - 1 },
		.envelope = { .from = STR("anna@example.org"),
		    .to = STR("bert+lists@example.net") },
		.user = { .delimiters = STR("+") },
		.host = &no_host,
	};
	return sieve_run_new(in);
}

/* What the actions of a script are, in a row. */
static void
actions_of(const char *source, char *out, size_t size)
{
	struct arena *a = arena_new();
	struct sieve_diags d;
	struct sieve_program *p = compile(a, source, &d);
	struct sieve_input in;
	struct sieve_run *r = start(&in);
	const struct sieve_action *list;
	size_t n;

	*out = '\0';
	if (!p) {
		snprintf(out, size, "error: %.*s", STR_ARG(d.v[0].text));
	} else {
		sieve_run_next(r, p);
		n = sieve_run_actions(r, &list);
		for (size_t i = 0; i < n; i++) {
			size_t used = strlen(out);

			snprintf(out + used, size - used, "%s%s%s%.*s",
			    used ? " " : "", sieve_action_name(list[i].kind),
			    list[i].place.mailbox.n ? ":" : "",
			    STR_ARG(list[i].place.mailbox));
		}
	}
	sieve_run_free(&r);
	sieve_program_unref(&p);
	arena_free(&a);
}

static const struct {
	const char *source, *actions;
} scripts[] = {
	{ "", "keep" },
	{ "keep;", "keep:INBOX" },
	{ "discard;", "discard" },
	{ "require \"fileinto\"; fileinto \"A\"; fileinto \"A\";", "store:A" },
	{ "require [\"fileinto\", \"copy\"]; fileinto :copy \"A\";",
	    "store:A keep" },
	{ "require \"fileinto\";\r\n"
	  "if header :contains \"subject\" \"\xc3\xbc\xc3\x9f\" "
	  "{ fileinto \"G\"; } else { discard; }",
	    "store:G" },
	{ "require [\"fileinto\", \"envelope\", \"subaddress\"];"
	  "if envelope :detail \"to\" \"lists\" { fileinto \"L\"; }",
	    "store:L" },
	{ "require [\"fileinto\", \"variables\"];"
	  "if address :matches \"from\" \"*@*\" "
	  "{ fileinto \"${2}/${1}\"; }",
	    "store:example.org/anna" },
	{ "require [\"fileinto\", \"regex\", \"variables\"];"
	  "if header :regex \"message-id\" \"<([0-9]+)@\" "
	  "{ fileinto \"${1}\"; }",
	    "store:1" },
	{ "if true { stop; } discard;", "keep" },
	{ "redirect \"x@example.com\";", "redirect" },
};

static void
test_actions(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(scripts); i++) {
		char out[200];

		actions_of(scripts[i].source, out, sizeof(out));
		if (strcmp(out, scripts[i].actions) != 0)
			print_message("script %zu: %s\n", i, scripts[i].source);
		assert_string_equal(out, scripts[i].actions);
	}
}

static const struct {
	const char *source;
	unsigned line, column;
	const char *text;
} errors[] = {
	{ "keep", 1, 5, "expected the end" },
	{ "\n  kep;", 2, 3, "unknown command 'kep'" },
	{ "fileinto \"A\";", 1, 1, "require \"fileinto\"" },
	{ "if size :over 99999999999999999999K { stop; }", 1, 15, "too large" },
	{ "keep \"a\";", 1, 1, "requires 0 positional arguments, but 1" },
	{ "/* never ends", 1, 1, "no end" },
	{ "redirect \"nobody\";", 1, 10, "one mail address" },
	{ "require \"nothing\";", 1, 9, "unknown extension 'nothing'" },
};

static void
test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(errors); i++) {
		struct arena *a = arena_new();
		struct sieve_diags d;
		struct sieve_program *p = compile(a, errors[i].source, &d);
		struct buf out = { 0 };

		sieve_diags_print(&out, &d);
		print_message("%s", buf_cstr(&out));
		assert_null(p);
		assert_true(d.n > 0);
		assert_int_equal(d.v[0].line, errors[i].line);
		assert_int_equal(d.v[0].column, errors[i].column);
		assert_true(
		    str_find(d.v[0].text, str_of(errors[i].text)) != STR_NPOS);
		buf_fini(&out);
		arena_free(&a);
	}
}

/* What is right by the grammar and cannot be meant. */
static const struct {
	const char *source, *text; /* NULL: no warning */
} hints[] = {
	{ "if header \"subject\" \"*sale*\" { stop; }", "':matches' only" },
	{ "if header :matches \"subject\" \"*sale*\" { stop; }", NULL },
	{ "if address \"from\" \"example.org\" { stop; }", "':domain'" },
	{ "if address :domain \"from\" \"example.org\" { stop; }", NULL },
	{ "if address :domain \"from\" \"a@example.org\" { stop; }",
	    "whole address" },
	{ "require \"relational\";"
	  "if header :value \"ge\" \"x-score\" \"10\" { stop; }",
	    "i;ascii-numeric" },
	{ "stop; keep;", "never reached" },
	{ "if true { stop; } keep;", NULL },
	{ "if size :under 0 { keep; }", "size under 0" },
};

static void
test_hints(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(hints); i++) {
		struct arena *a = arena_new();
		struct sieve_diags d;
		struct sieve_program *p = compile(a, hints[i].source, &d);

		print_message("%s\n", hints[i].source);
		assert_non_null(p);
		assert_int_equal(d.warnings, hints[i].text != NULL);
		if (hints[i].text)
			assert_true(str_find(d.v[0].text,
					str_of(hints[i].text)) != STR_NPOS);
		sieve_program_unref(&p);
		arena_free(&a);
	}
}

/* A script that fails leaves nothing but the message in its INBOX. */
static void
test_fault_keeps(void **state)
{
	struct arena *a = arena_new();
	struct sieve_diags d;
	struct sieve_program *p = compile(a,
	    "require [\"ihave\", \"editheader\"];"
	    "addheader \"X-A\" \"b\"; redirect \"x@example.com\";"
	    "error \"no more\";",
	    &d);
	struct sieve_input in;
	struct sieve_run *r = start(&in);
	const struct sieve_action *list;

	(void)state;
	assert_non_null(p);
	assert_int_equal(sieve_run_next(r, p), SIEVE_FAULT);
	assert_int_equal(sieve_run_error(r)->line, 1);
	assert_int_equal(sieve_run_actions(r, &list), 1);
	assert_int_equal(list[0].kind, SIEVE_ACT_KEEP);
	assert_true(list[0].implicit);
	assert_true(str_eq(sieve_message_raw(list[0].message), in.message));
	sieve_run_free(&r);
	sieve_program_unref(&p);
	arena_free(&a);
}

static const struct {
	const char *source, *actions;
} event_scripts[] = {
	/* To keep is to leave it where it is, INBOX or not. */
	{ "require \"fileinto\"; fileinto \"INBOX\"; keep;",
	    "store:INBOX($a) keep($a)" },
	{ "require \"imap4flags\"; addflag \"$b\";", "keep($a $b)" },
	{ "require \"imap4flags\"; setflag \"$b\"; keep;", "keep($b)" },
	{ "require [\"imap4flags\", \"environment\"];"
	  "if allof (hasflag \"$a\", environment \"imap.changedflags\" \"$a\","
	  " environment \"location\" \"MS\") { discard; }",
	    "discard" },
	/* What a script that fails has done does not count. */
	{ "require [\"imap4flags\", \"envelope\"]; addflag \"$b\";"
	  "if envelope \"from\" \"x\" { discard; }",
	    "keep($a)" },
	{ "require \"reject\"; discard;", "error" },
	{ "require \"vacation-seconds\"; discard;", "error" },
};

static void
put_action(struct buf *out, const struct sieve_action *a)
{
	buf_printf(out, "%s%s%s%.*s", out->n ? " " : "",
	    sieve_action_name(a->kind), a->kind == SIEVE_ACT_STORE ? ":" : "",
	    a->kind == SIEVE_ACT_STORE ? (int)a->place.mailbox.n : 0,
	    a->place.mailbox.p);
	for (size_t i = 0; i < a->place.nflags; i++)
		buf_printf(
		    out, "%s%.*s", i ? " " : "(", STR_ARG(a->place.flags[i]));
	if (a->place.nflags)
		buf_putc(out, ')');
}

/* RFC 6785. */
static void
test_events(void **state)
{
	static const struct str flag = STR("$a");
	struct sieve_compiler c = { .caps = sieve_caps_event(
					sieve_caps_default()) };

	(void)state;
	for (size_t i = 0; i < LEN(event_scripts); i++) {
		struct arena *a = arena_new();
		struct sieve_diags d;
		struct sieve_program *p = sieve_compile(
		    &c, STR("test"), str_of(event_scripts[i].source), a, &d);
		struct sieve_input in;
		struct sieve_run *r = start(&in);
		const struct sieve_action *list;
		struct buf out = { 0 };
		size_t n = 0;

		sieve_run_free(&r);
		in.event = (struct sieve_imap_event){ .cause = STR("FLAG"),
			.changed_flags = &flag,
			.nchanged = 1,
			.flags = &flag,
			.nflags = 1 };
		r = sieve_run_new(&in);
		if (p) {
			sieve_run_next(r, p);
			n = sieve_run_actions(r, &list);
		} else {
			buf_puts(&out, "error");
		}
		for (size_t k = 0; k < n; k++)
			put_action(&out, &list[k]);
		print_message("%s\n", event_scripts[i].source);
		assert_string_equal(buf_cstr(&out), event_scripts[i].actions);
		buf_fini(&out);
		sieve_run_free(&r);
		sieve_program_unref(&p);
		arena_free(&a);
	}
}

/* Scripts in a row: the next one runs while the message is to be kept. */
static void
test_in_a_row(void **state)
{
	struct arena *a = arena_new();
	struct sieve_diags d;
	struct sieve_program *first = compile(a, "keep;", &d);
	struct sieve_program *second = compile(a, "discard;", &d);
	struct sieve_input in;
	struct sieve_run *r = start(&in);
	const struct sieve_action *list;

	(void)state;
	assert_int_equal(sieve_run_next(r, first), SIEVE_OK);
	assert_true(sieve_run_keeps(r));
	assert_int_equal(sieve_run_next(r, second), SIEVE_OK);
	assert_false(sieve_run_keeps(r));
	assert_int_equal(sieve_run_actions(r, &list), 1);
	assert_int_equal(list[0].kind, SIEVE_ACT_DISCARD);
	sieve_run_free(&r);
	sieve_program_unref(&first);
	sieve_program_unref(&second);
	arena_free(&a);
}

static const struct {
	const char *source, *text;
} hostile[] = {
	{ "require [\"variables\", \"regex\"];"
	  "set \"a\" \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\";"
	  "if string :regex \"${a}\" \"^(a+)+$\" { stop; }",
	    "steps" },
	{ "redirect \"a@b.c\"; redirect \"b@b.c\"; redirect \"c@b.c\";"
	  "redirect \"d@b.c\"; redirect \"e@b.c\";",
	    "exceeds policy limit" },
};

static void
test_limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(hostile); i++) {
		struct arena *a = arena_new();
		struct sieve_diags d;
		struct sieve_program *p = compile(a, hostile[i].source, &d);
		struct sieve_input in;
		struct sieve_run *r = start(&in);

		assert_non_null(p);
		assert_int_equal(sieve_run_next(r, p), SIEVE_LIMIT);
		assert_true(str_find(sieve_run_error(r)->text,
				str_of(hostile[i].text)) != STR_NPOS);
		sieve_run_free(&r);
		sieve_program_unref(&p);
		arena_free(&a);
	}
}

/* Many cheap commands, and a few that take much memory. */
static void
test_counted(void **state)
{
	static const struct {
		const char *one, *text;
	} cases[] = {
		{ "if header :contains \"a\" \"b\" { stop; }", "instructions" },
		{ "set :length \"a\" \"${x}${x}\";", "memory" },
	};
	struct sieve_limits limits = sieve_limits_default;

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct arena *a = arena_new();
		struct buf source = { 0 };
		struct sieve_diags d;
		struct sieve_program *p;
		struct sieve_input in;
		struct sieve_run *r;

		buf_puts(&source, "require \"variables\"; set \"x\" \"");
		for (int k = 0; k < 4000; k++)
			buf_putc(&source, 'x');
		buf_puts(&source, "\";");
		for (int k = 0; k < 100; k++)
			buf_puts(&source, cases[i].one);
		p = compile(a, buf_cstr(&source), &d);
		assert_non_null(p);
		limits.instructions = i == 0 ? 150 : 1000000;
		limits.memory = 100000;
		r = start(&in);
		in.limits = &limits;
		sieve_run_free(&r);
		r = sieve_run_new(&in);
		assert_int_equal(sieve_run_next(r, p), SIEVE_LIMIT);
		assert_true(str_find(sieve_run_error(r)->text,
				str_of(cases[i].text)) != STR_NPOS);
		sieve_run_free(&r);
		sieve_program_unref(&p);
		buf_fini(&source);
		arena_free(&a);
	}
}

static void
test_capabilities(void **state)
{
	(void)state;
	for (enum sieve_cap c = CAP_BASE + 1; c < CAP_COUNT; c++) {
		enum sieve_cap found;

		assert_true(sieve_cap_find(sieve_cap_name(c), &found));
		assert_int_equal(found, c);
	}
	assert_false(sieve_caps_has(
	    sieve_caps_delivery(sieve_caps_default()), CAP_IMAPSIEVE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_fault_keeps),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_in_a_row),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_counted),
		cmocka_unit_test(test_capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
