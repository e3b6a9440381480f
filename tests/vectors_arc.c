/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "dns/zone.h"
#include "mailauth/arc.h"
#include "tests/vectors.h"

/*
 * The ARC test suite: chains to verify, and messages to seal. It compares what
 * a sealer wrote tag by tag, in any order and without white space.
 */

/* ------------------------------------------------------------------------
 * What both have
 */

static struct zone *
make_zone(const json_t *records)
{
	struct zone *z = zone_new();
	struct err e = ERR_INIT;
	const char *name;
	json_t *text;

	json_object_foreach((json_t *)(uintptr_t)records, name, text) zone_add(
	    z, str_of(name), DNS_TXT, str_of(json_string_value(text)), &e);
	return z;
}

/* The suite's messages end their lines in LF. */
static struct str
with_crlf(struct arena *a, struct str text)
{
	struct buf b = { 0 };
	struct str s;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r'))
			buf_putc(&b, '\r');
		buf_putc(&b, text.p[i]);
	}
	s = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return s;
}

static void
verify(struct arena *a, struct zone *z, struct str raw, struct arc_verdict *out)
{
	size_t body;
	struct fields f = fields_of(a, raw, &body);
	struct arc_verifier *v = arc_verifier_new(a, zone_resolver(z), &f);

	arc_verifier_body(v, str_sub(raw, body, STR_NPOS));
	arc_verifier_end(v, out);
	arc_verifier_free(&v);
}

/* ------------------------------------------------------------------------
 * Verifying
 */

static void
run_chain(struct vectors *v, struct zone *z, const json_t *test)
{
	struct arena *a = arena_new();
	struct str want = vectors_string(test, "cv");
	struct arc_verdict got;

	verify(a, z, with_crlf(a, vectors_string(test, "message")), &got);
	/* An empty one: the chain ended before. */
	if (want.n == 0)
		want = STR("fail");
	vectors_case(v, "arc", vectors_string(test, "name").p,
	    str_ieqc(want, arc_result_name(got.result)),
	    "%.*s expected, but %s: %.*s", STR_ARG(want),
	    arc_result_name(got.result), STR_ARG(got.why));
	arena_free(&a);
}

static void
run_chains(struct vectors *v, const json_t *scenario)
{
	struct zone *z = make_zone(json_object_get(scenario, "txt-records"));
	json_t *test;
	size_t i;

	json_array_foreach(json_object_get(scenario, "tests"), i, test)
	    run_chain(v, z, test);
	zone_free(&z);
}

/* ------------------------------------------------------------------------
 * Sealing
 */

/* The results of all fields that are by ID, as one list. */
static struct str
collect_results(struct arena *a, const struct fields *f, struct str id)
{
	const struct field *at;
	struct buf b = { 0 };
	struct str all;
	size_t i = 0;

	while ((at = fields_next(f, "Authentication-Results", &i)) != NULL) {
		struct str value = str_trim(at->value);

		if (!str_istarts(value, id) || value.n <= id.n ||
		    value.p[id.n] != ';')
			continue;
		if (b.n)
			BUF_LIT(&b, "; ");
		buf_putstr(&b, str_trim(str_sub(value, id.n + 1, STR_NPOS)));
	}
	all = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return all;
}

/* The suite takes what the chain is from these results, too. */
static void
take_result(struct str results, struct arc_verdict *out)
{
	struct str part;

	while (str_split(&results, ';', &part)) {
		part = str_trim(part);
		for (int r = ARC_NONE; r <= ARC_FAIL; r++) {
			if (str_istarts(part, STR("arc=")) &&
			    str_istarts(str_sub(part, 4, STR_NPOS),
				str_of(arc_result_name((enum arc_result)r))))
				out->result = (enum arc_result)r;
		}
	}
}

static int
by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* The tags without white space, sorted. */
static struct str
normal_form(struct arena *a, struct str text)
{
	struct str rest, tags[64], part;
	struct buf b = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (!strchr(" \t\r\n", text.p[i]))
			buf_putc(&b, text.p[i]);
	}
	rest = arena_str(a, buf_str(&b));
	buf_clear(&b);
	while (n < 64 && str_split(&rest, ';', &part)) {
		if (part.n)
			tags[n++] = part;
	}
	qsort(tags, n, sizeof(*tags), by_text);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%.*s;", STR_ARG(tags[i]));
	rest = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return rest;
}

static void
compare(struct vectors *v, struct arena *a, const json_t *test,
    const char *field, struct str got)
{
	struct str want = vectors_string(test, field);
	struct str name = arena_printf(
	    a, "%.*s %s", STR_ARG(vectors_string(test, "name")), field);

	want = normal_form(a, want);
	got = normal_form(a, got);
	vectors_case(v, "arc", name.p, str_eq(want, got),
	    "%.*s expected, but %.*s", STR_ARG(want), STR_ARG(got));
}

static bool
seal(struct arena *a, const json_t *scenario, const json_t *test,
    struct zone *z, const struct private_key *k, struct arc_fields *out)
{
	struct str raw = with_crlf(a, vectors_string(test, "message"));
	size_t body;
	struct fields f = fields_of(a, raw, &body);
	struct arc_verdict verdict;
	struct arc_sealer *s;
	struct err e = ERR_INIT;
	bool ok;

	struct arc_seal o = {
		.domain = vectors_string(scenario, "domain"),
		.selector = vectors_string(scenario, "sel"),
		.now = json_integer_value(json_object_get(test, "t")),
		.headers = vectors_string(test, "sig-headers"),
		.authserv_id = vectors_string(test, "srv-id"),
	};
	o.results = collect_results(a, &f, o.authserv_id);
	verify(a, z, raw, &verdict);
	take_result(o.results, &verdict);
	s = arc_sealer_new(a, &f, k, &o);
	arc_sealer_body(s, str_sub(raw, body, STR_NPOS));
	ok = arc_sealer_end(s, &verdict, out, &e);
	arc_sealer_free(&s);
	return ok;
}

static void
run_seal(struct vectors *v, const json_t *scenario, const json_t *test,
    struct zone *z, const struct private_key *k)
{
	struct arc_fields out = { .seal = { 0 } };
	struct arena *a = arena_new();

	seal(a, scenario, test, z, k, &out);
	compare(v, a, test, "AS", buf_str(&out.seal));
	compare(v, a, test, "AMS", buf_str(&out.signature));
	compare(v, a, test, "AAR", buf_str(&out.results));
	arc_fields_fini(&out);
	arena_free(&a);
}

static void
run_seals(struct vectors *v, const json_t *scenario)
{
	struct zone *z = make_zone(json_object_get(scenario, "txt-records"));
	struct private_key *k;
	struct err e = ERR_INIT;
	json_t *test;
	size_t i;

	if (!private_key_parse(vectors_string(scenario, "privatekey"), &k, &e))
		vectors_case(v, "arc", "privatekey", false, "%s", e.msg);
	json_array_foreach(json_object_get(scenario, "tests"), i, test)
	{
		if (k)
			run_seal(v, scenario, test, z, k);
	}
	private_key_free(&k);
	zone_free(&z);
}

void
vectors_arc(struct vectors *v)
{
	json_t *scenario;
	size_t i;

	json_array_foreach(vectors_json(v, "arc/validation.json"), i, scenario)
	    run_chains(v, scenario);
	json_array_foreach(vectors_json(v, "arc/sign.json"), i, scenario)
	    run_seals(v, scenario);
}
