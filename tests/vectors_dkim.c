/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/zone.h"
#include "mailauth/dkim.h"
#include "tests/vectors.h"

/*
 * Messages as they came, in dkim/index.json with what is to be made of them:
 * "pass" if one signature holds; "fail", "permerror" and "policy" if none may
 * count; "any" if it only has to end.
 */

static struct zone *
make_zone(const json_t *records)
{
	struct zone *z = zone_new();
	struct err e = ERR_INIT;
	const char *name;
	json_t *text;

	json_object_foreach((json_t *)(uintptr_t)records, name, text)
	{
		struct str s = str_of(json_string_value(text));

		if (str_eqc(s, "TIMEOUT"))
			zone_add_timeout(z, str_of(name));
		else
			zone_add(z, str_of(name), DNS_TXT, s, &e);
	}
	return z;
}

/* The best of its signatures, and why it is no better. */
static enum signature_result
verify(struct arena *a, struct zone *z, struct str raw, struct str *why)
{
	enum signature_result best = SIGNATURE_NEUTRAL;
	const struct signature *list;
	struct verifier *v;
	size_t body, n;
	struct fields f = fields_of(a, raw, &body);

	v = verifier_new(a, zone_resolver(z), &f, NULL);
	verifier_body(v, str_sub(raw, body, STR_NPOS));
	verifier_end(v, &list, &n);
	*why = STR("no signature");
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || list[i].result == SIGNATURE_PASS) {
			best = list[i].result;
			*why = list[i].why;
		}
	}
	verifier_free(&v);
	return best;
}

static void
run_message(struct vectors *v, struct zone *z, const json_t *test)
{
	struct arena *a = arena_new();
	struct str file = vectors_string(test, "file"), why;
	struct str want = vectors_string(test, "expect");
	struct str raw =
	    vectors_file(v, a, arena_printf(a, "dkim/%.*s", STR_ARG(file)).p);
	enum signature_result got = verify(a, z, raw, &why);
	bool ok = str_eqc(want, "any") ||
		  str_eqc(want, "pass") == (got == SIGNATURE_PASS);

	vectors_case(v, "dkim", file.p, raw.p && ok,
	    "%.*s expected, but %s: %.*s", STR_ARG(want),
	    signature_result_name(got), STR_ARG(why));
	arena_free(&a);
}

void
vectors_dkim(struct vectors *v)
{
	json_t *index = vectors_json(v, "dkim/index.json"), *test;
	struct zone *z = make_zone(vectors_json(v, "dkim/zone.json"));
	size_t i;

	json_array_foreach(index, i, test) run_message(v, z, test);
	zone_free(&z);
}
