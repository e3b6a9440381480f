/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/arc.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "mailauth/test.h"

static const char header[] = "From: Ann <ann@a.example>\n"
			     "To: bob@b.example\n"
			     "Subject: a  long\n"
			     " subject \n"
			     "DKIM-Signature: v=1\n";
static const char body[] = "Hello  Bob,\r\n \r\nbye \r\n\r\n";

static int
set_up(void **state)
{
	static struct site s;

	site_up(&s, "l.example");
	*state = &s;
	return 0;
}

/* ------------------------------------------------------------------------
 * Verify and seal
 */

/* The body in chunks of N octets. */
static struct arc_verdict
verify(struct site *s, struct str head, struct str text, size_t n)
{
	size_t end;
	struct fields *f = ARENA_NEW(s->a, struct fields);
	struct arc_verdict got;
	struct arc_verifier *v;

	*f = fields_of(s->a, head, &end);
	v = arc_verifier_new(s->a, zone_resolver(s->z), f);
	for (size_t i = 0; i < text.n; i += n)
		arc_verifier_body(v, str_sub(text, i, n));
	arc_verifier_end(v, &got);
	arc_verifier_free(&v);
	return got;
}

static void
expect(struct site *s, struct str head, struct str text, enum arc_result r,
    const char *why)
{
	struct arc_verdict got = verify(s, head, text, 1000);

	print_message(
	    "%s: %.*s\n", arc_result_name(got.result), STR_ARG(got.why));
	assert_int_equal(got.result, r);
	assert_int_equal(got.why.n > 0, r == ARC_FAIL);
	if (why)
		assert_true(str_find(got.why, str_of(why)) != STR_NPOS);
}

/* P == NULL: nothing may be added. */
static struct str
seal_by(struct site *s, struct str head, struct str text,
    const struct arc_verdict *v, const struct arc_seal *o)
{
	const struct private_key *k =
	    str_eqc(o->selector, "rsa") ? s->rsa : s->ed;
	size_t end;
	struct fields f = fields_of(s->a, head, &end);
	struct arc_sealer *sealer = arc_sealer_new(s->a, &f, k, o);
	struct arc_fields out;
	struct err e = ERR_INIT;
	bool ok;

	arc_sealer_body(sealer, text);
	ok = arc_sealer_end(sealer, v, &out, &e);
	arc_sealer_free(&sealer);
	if (!ok) {
		assert_string_equal(e.msg, "");
		return STR_NULL;
	}
	head = arena_printf(s->a,
	    "ARC-Seal:%.*s\nARC-Message-Signature:%.*s\n"
	    "ARC-Authentication-Results:%.*s\n%.*s",
	    STR_ARG(buf_str(&out.seal)), STR_ARG(buf_str(&out.signature)),
	    STR_ARG(buf_str(&out.results)), STR_ARG(head));
	arc_fields_fini(&out);
	return head;
}

static struct str
seal_as(struct site *s, struct str head, struct str text,
    const struct arc_verdict *v, const char *selector, const char *names)
{
	struct arc_seal o = { .domain = STR("l.example"),
		.selector = str_of(selector),
		.now = clock_now(),
		.headers = str_of(names),
		.authserv_id = STR("l.example"),
		.results =
		    STR(" spf=pass smtp.mailfrom=a.example;\n\tdkim=none") };

	return seal_by(s, head, text, v, &o);
}

static struct str
seal(struct site *s, struct str head, const char *selector)
{
	struct arc_verdict v = verify(s, head, STR(body), 1000);

	return seal_as(s, head, STR(body), &v, selector, NULL);
}

static void
test_none(void **state)
{
	struct site *s = *state;
	struct arc_verdict v = verify(s, STR(header), STR(body), 7);

	assert_int_equal(v.result, ARC_NONE);
	assert_int_equal(v.n, 0);
	assert_int_equal(verify(s, STR(""), STR(""), 1).result, ARC_NONE);
}

static void
test_chain(void **state)
{
	static const char *const keys[] = { "rsa", "ed", "ed", "rsa" };
	struct site *s = *state;
	struct str head = STR(header);
	struct arc_verdict v;

	for (size_t i = 0; i < LEN(keys); i++) {
		head = seal(s, head, keys[i]);
		for (size_t n = 1; n < 4; n++) {
			v = verify(s, head, STR(body), n);
			print_message("%zu %.*s\n", i, STR_ARG(v.why));
			assert_int_equal(v.result, ARC_PASS);
		}
		assert_int_equal(v.n, i + 1);
		assert_int_equal(v.oldest_pass, 0);
		assert_int_equal(v.sets[i].instance, i + 1);
		assert_true(str_eqc(v.sets[i].selector, keys[i]));
		assert_true(str_eqc(v.sets[i].domain, "l.example"));
		assert_true(str_eqc(v.sets[i].cv, i ? "pass" : "none"));
		assert_true(str_starts(
		    v.sets[i].results, STR("l.example;\n\tspf=pass")));
	}
}

/* Each of 50, and no more. */
static void
test_full(void **state)
{
	struct site *s = *state;
	struct str head = STR(header);

	for (size_t i = 0; i < ARC_MAX_SETS; i++)
		head = seal(s, head, "ed");
	expect(s, head, STR(body), ARC_PASS, NULL);
	assert_null(seal(s, head, "ed").p);
}

/* ------------------------------------------------------------------------
 * Changes on the way
 */

static struct str
replaced(struct site *s, struct str text, const char *from, const char *to)
{
	size_t at = str_find(text, str_of(from));

	assert_true(at != STR_NPOS);
	return arena_printf(s->a, "%.*s%s%.*s", STR_ARG(str_sub(text, 0, at)),
	    to, STR_ARG(str_sub(text, at + strlen(from), STR_NPOS)));
}

/* In the first field of that name. */
static struct str
replaced_in(struct site *s, struct str text, const char *field,
    const char *from, const char *to)
{
	size_t at = str_find(text, str_of(field));

	assert_true(at != STR_NPOS);
	return arena_printf(s->a, "%.*s%.*s", STR_ARG(str_sub(text, 0, at)),
	    STR_ARG(replaced(s, str_sub(text, at, STR_NPOS), from, to)));
}

#define S "ARC-Seal"
#define M "ARC-Message-Signature"
#define R "ARC-Authentication-Results"

static const struct {
	const char *field, *from, *to;
	enum arc_result result;
	const char *why;
} changes[] = {
	{ "\nSubject:", "a  long\n", "a\tlong\r\n", ARC_PASS, NULL },
	{ "\nSubject:", "Subject", "SUBJECT", ARC_PASS, NULL },
	{ "\nDKIM-Sig", "DKIM-Sig", "X: y\nDKIM-Sig", ARC_PASS, NULL },
	{ S, ";", " ;", ARC_FAIL, "does not match" },
	{ "\nSubject:", "long", "short", ARC_FAIL, M },
	{ "\nDKIM-Sig", "v=1", "v=2", ARC_FAIL, M },
	{ "\nDKIM-Sig", "DKIM-Sig", "From: e@e\nDKIM-Sig", ARC_FAIL,
	    "does not cover" },
	/* sets */
	{ R, R, "X", ARC_FAIL, R " of instance 2 is missing" },
	{ M, M, "X", ARC_FAIL, M " of instance 2 is missing" },
	{ S, S, "X", ARC_FAIL, S " of instance 2 is missing" },
	{ S, S, S ": i=2; b=aaaa\n" S, ARC_FAIL, "twice" },
	{ S, S, M ": i=1; b=aaaa\n" S, ARC_FAIL, "twice" },
	{ S, S, R ": i=1; x\n" S, ARC_FAIL, "twice" },
	{ S, S, R ": i=3; x\n" S, ARC_FAIL, "missing" },
	{ S, S, R ": i=51; x\n" S, ARC_FAIL, "without an instance" },
	{ S, S, R ": i=0; x\n" S, ARC_FAIL, "without an instance" },
	{ S, S, R ": i=-1; x\n" S, ARC_FAIL, "without an instance" },
	{ S, S, R ": i=1\n" S, ARC_FAIL, "without an instance" },
	{ S, S, R ": x; i=1\n" S, ARC_FAIL, "without an instance" },
	{ S, "i=2", "i=x", ARC_FAIL, "without an instance" },
	{ S, "i=2", "j=2", ARC_FAIL, "without an instance" },
	{ S, "i=2", "i=2; i=2", ARC_FAIL, "i= twice" },
	{ S, "i=2", "i", ARC_FAIL, "without" },
	/* the seal */
	{ S, "cv=pass", "cv=fail", ARC_FAIL, "failed before" },
	{ S, "cv=pass", "cv=none", ARC_FAIL, "cv= is not pass" },
	{ S, "cv=pass", "cv=", ARC_FAIL, "cv= is not pass" },
	{ S, "cv=pass", "cv=pass; h=from", ARC_FAIL, "h= may not" },
	{ S, "cv=pass", "cv=pass; zz=x", ARC_FAIL, "does not match" },
	{ S, "a=ed25519-sha256", "a=rsa-sha1", ARC_FAIL, "a=" },
	{ S, "a=ed25519-sha256", "a=rsa-sha256", ARC_FAIL, "another type" },
	{ S, "d=l.example", "d=", ARC_FAIL, "d= is missing" },
	{ S, "d=l.example", "d=no.example", ARC_FAIL, "no key" },
	{ S, "s=ed", "s=", ARC_FAIL, "s= is missing" },
	{ S, "s=ed", "s=sha1", ARC_FAIL, "SHA-256" },
	{ S, "s=ed", "s=calendar", ARC_FAIL, "mail" },
	{ S, "s=ed", "s=revoked", ARC_FAIL, "revoked" },
	{ S, "t=", "t=x", ARC_FAIL, "t= is no time" },
	{ S, "t=", "t=9", ARC_FAIL, "future" },
	{ S, "b=", "b=*", ARC_FAIL, "b= is not base64" },
	/* the signature */
	{ M, "a=ed25519-sha256", "a=", ARC_FAIL, "a=" },
	{ M, "c=relaxed/relaxed", "c=", ARC_FAIL, "c=" },
	{ M, "c=relaxed/relaxed", "c=relaxed/simple", ARC_FAIL, "body" },
	{ M, "c=relaxed/relaxed", "c=simple/relaxed", ARC_FAIL, "match" },
	{ M, "h=From", "h=Arc-Seal:From", ARC_FAIL, "h= has ARC-Seal" },
	{ M, "h=From", "h=X", ARC_FAIL, "h= has no From" },
	{ M, "bh=", "bh=*", ARC_FAIL, "bh= is not base64" },
	{ M, "bh=", "bh=aaaa; yy=", ARC_FAIL, "body" },
	{ M, "t=", "x=1; t=", ARC_FAIL, "before" },
	{ M, "i=2", "x=1; i=2; tt=", ARC_FAIL, NULL },
	{ M, "i=2", "l=x; i=2", ARC_FAIL, "l=" },
	{ M, "i=2", "q=x; i=2", ARC_FAIL, "q=" },
	{ M, "i=2", "l=0; i=2", ARC_FAIL, NULL },
	{ R, "spf=pass", "spf=fail", ARC_FAIL, S },
};

static void
test_changes(void **state)
{
	struct site *s = *state;
	struct str head = seal(s, seal(s, STR(header), "rsa"), "ed");

	expect(s, head, STR(body), ARC_PASS, NULL);
	for (size_t i = 0; i < LEN(changes); i++) {
		print_message("%s %s -> %s: ", changes[i].field,
		    changes[i].from, changes[i].to);
		expect(s,
		    replaced_in(s, head, changes[i].field, changes[i].from,
			changes[i].to),
		    STR(body), changes[i].result, changes[i].why);
	}
	expect(s, head, STR("Hello Bob,\r\n\r\nbye\r\n"), ARC_PASS, NULL);
	expect(s, head, STR("Hello Bob,\r\n"), ARC_FAIL, "body");
}

/* The last that was done to a message decides; what went before only says from
 * when on it is whole. */
static void
test_oldest_pass(void **state)
{
	struct site *s = *state;
	struct str head = seal(s, seal(s, STR(header), "ed"), "ed");
	struct arc_verdict v = verify(s, head, STR(body), 99);

	head = replaced(s, head, "a  long", "another");
	head = seal_as(s, head, STR(body), &v, "rsa", NULL);
	head = seal(s, head, "ed");
	v = verify(s, head, STR(body), 99);
	assert_int_equal(v.result, ARC_PASS);
	assert_int_equal(v.n, 4);
	assert_int_equal(v.oldest_pass, 3);
}

static void
test_temporary(void **state)
{
	struct site *s = *state;
	struct str head = seal(s, STR(header), "ed");
	struct arc_verdict v;

	v = verify(s, replaced_in(s, head, M, "s=ed", "s=slow"), STR(body), 9);
	assert_int_equal(v.result, ARC_FAIL);
	assert_true(v.temporary);
	v = verify(s, replaced_in(s, head, M, "s=ed", "s=none"), STR(body), 9);
	assert_int_equal(v.result, ARC_FAIL);
	assert_false(v.temporary);
}

/* A chain that fails is sealed once more, and then no more. */
static void
test_failed(void **state)
{
	struct site *s = *state;
	struct str head = seal(s, seal(s, STR(header), "ed"), "ed");
	struct arc_verdict v;

	head = replaced(s, head, "a  long", "another");
	head = seal(s, head, "rsa");
	assert_non_null(head.p);
	v = verify(s, head, STR(body), 99);
	assert_int_equal(v.result, ARC_FAIL);
	assert_int_equal(v.n, 3);
	assert_true(str_eqc(v.sets[2].cv, "fail"));
	assert_true(str_find(v.why, STR("failed before")) != STR_NPOS);
	assert_null(seal(s, head, "rsa").p);
	/* Not even of one that has no instance. */
	v = verify(s, STR("ARC-Seal: x\nFrom: a\n"), STR(body), 99);
	assert_int_equal(v.result, ARC_FAIL);
	assert_null(seal(s, STR("ARC-Seal: x\nFrom: a\n"), "ed").p);
}

/* RFC 8616. */
static void
test_u_labels(void **state)
{
	struct site *s = *state;
	struct arc_verdict none = { .result = ARC_NONE };
	struct arc_seal o = { .domain = STR("b\xc3\xbc"
					    "cher.example"),
		.selector = STR("ed"),
		.authserv_id = STR("l.example") };

	expect(s, seal_by(s, STR(header), STR(body), &none, &o), STR(body),
	    ARC_PASS, NULL);
}

/* The message that goes out must have the sets of the one that came. */
static void
test_lost_sets(void **state)
{
	struct site *s = *state;
	struct str head = seal(s, STR(header), "ed");
	struct arc_verdict v = verify(s, head, STR(body), 99);
	struct arc_seal o = { .domain = STR("l.example"),
		.selector = STR("ed"),
		.authserv_id = STR("l.example") };
	struct fields f;
	struct arc_sealer *sealer;
	struct arc_fields out;
	struct err e = ERR_INIT;
	size_t end;

	f = fields_of(s->a, STR(header), &end);
	sealer = arc_sealer_new(s->a, &f, s->ed, &o);
	assert_false(arc_sealer_end(sealer, &v, &out, &e));
	arc_sealer_free(&sealer);
	assert_non_null(strstr(e.msg, "not those verified"));
}

static void
test_names(void **state)
{
	struct site *s = *state;
	struct arc_verdict none = { .result = ARC_NONE };
	struct str head =
	    seal_as(s, STR(header), STR(body), &none, "ed", "from:to:from");

	assert_true(str_find(head, STR("h=from:to:from;")) != STR_NPOS);
	expect(s, head, STR(body), ARC_PASS, NULL);
	expect(s, replaced(s, head, "a  long", "another"), STR(body), ARC_PASS,
	    NULL);
	expect(s, replaced(s, head, "To:", "From: x\nTo:"), STR(body), ARC_FAIL,
	    "match");
	head = seal(s, STR(header), "ed");
	assert_true(str_find(head, STR("h=From:To:Subject:DKIM-Signature;")) !=
		    STR_NPOS);
}

/* ------------------------------------------------------------------------
 * What it may cost
 */

static void
test_cost(void **state)
{
	struct site *s = *state;
	struct str head = seal(s, STR(header), "ed");
	unsigned asked = zone_asked(s->z);
	int64_t began = clock_mono_ms();
	struct buf b = { 0 };

	/* Of a chain that fails by its form nothing is asked or hashed. */
	for (size_t i = 0; i < 50000; i++)
		buf_printf(&b, "ARC-Seal: i=%zu; a=x\n", i % 50 + 1);
	buf_putstr(&b, head);
	expect(s, buf_str(&b), STR(body), ARC_FAIL, NULL);
	assert_int_equal(zone_asked(s->z), asked);
	/* 50 instances that want 50 forms of the body. */
	buf_clear(&b);
	for (unsigned i = 1; i <= 50; i++)
		buf_printf(&b,
		    "ARC-Seal: i=%u; cv=%s; a=ed25519-sha256; d=l.example; "
		    "s=s%u; b=aaaa\n"
		    "ARC-Message-Signature: i=%u; a=ed25519-sha256; "
		    "d=l.example; s=m%u; h=from; l=%u; bh=aaaa; b=aaaa\n"
		    "ARC-Authentication-Results: i=%u; l.example; none\n",
		    i, i == 1 ? "none" : "pass", i, i, i, i, i);
	BUF_LIT(&b, "From: a\n");
	expect(s, buf_str(&b), STR(body), ARC_FAIL, "instance 50");
	buf_fini(&b);
	assert_true(clock_mono_ms() - began < 5000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_oldest_pass),
		cmocka_unit_test(test_temporary),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_u_labels),
		cmocka_unit_test(test_lost_sets),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, set_up, site_down);
}
