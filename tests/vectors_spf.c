/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "mailauth/spf.h"
#include "tests/spf_case.h"
#include "tests/vectors.h"

/* The suite of openspf for RFC 7208: scenarios, each a zone and tests. */

static bool
is_listed(const json_t *list, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (strcmp(json_string_value(one), name) == 0)
			return true;
	}
	return false;
}

static struct str
joined(struct arena *a, const json_t *list)
{
	struct str all = STR_NULL;
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		all = arena_printf(a, "%.*s%s%s", STR_ARG(all), i ? " or " : "",
		    json_string_value(one));
	}
	return all;
}

/* "DEFAULT": what the domain says does not count. */
static bool
is_explanation(struct str want, struct str got)
{
	if (want.n == 0)
		return true;
	return str_eqc(want, "DEFAULT") ? got.n == 0 : str_eq(want, got);
}

static void
check_test(struct vectors *v, struct arena *a, struct zone *z,
    const char *scenario, const json_t *test)
{
	struct str want = vectors_string(test, "explanation");
	const json_t *results = json_object_get(test, "result");
	struct spf_query q = spf_case_query(a, test);
	struct spf_verdict got;
	const char *result;

	spf_check(zone_resolver(z), a, &q, NULL, &got);
	result = spf_result_name(got.result);
	vectors_case(v, "spf",
	    arena_printf(
		a, "%s: %.*s", scenario, STR_ARG(vectors_string(test, "name")))
		.p,
	    is_listed(results, result) && is_explanation(want, got.explanation),
	    "expected %.*s \"%.*s\", got %s \"%.*s\" (%.*s)",
	    STR_ARG(joined(a, results)), STR_ARG(want), result,
	    STR_ARG(got.explanation), STR_ARG(got.problem));
}

void
vectors_spf(struct vectors *v)
{
	const json_t *suite = vectors_json(v, "spf/rfc7208.json");
	const json_t *scenario, *test;
	struct arena *a = arena_new();
	size_t i, k;

	json_array_foreach(suite, i, scenario)
	{
		struct zone *z =
		    spf_case_zone(a, json_object_get(scenario, "zone"));
		const char *name =
		    json_string_value(json_object_get(scenario, "scenario"));

		json_array_foreach(json_object_get(scenario, "tests"), k, test)
		    check_test(v, a, z, name, test);
		zone_free(&z);
	}
	arena_free(&a);
}
