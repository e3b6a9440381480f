/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "tests/spf_case.h"

/*
 * Each line of the input is a scenario, {"zone": [...], "tests": [...]}, in the
 * form of testdata/mail-auth/spf; each test is answered by a line with the
 * result, the numbers of lookups and of void ones, and the explanation.
 */

static void
run_test(struct arena *a, struct zone *z, const json_t *test)
{
	struct spf_query q = spf_case_query(a, test);
	struct spf_verdict v;

	spf_check(zone_resolver(z), a, &q, NULL, &v);
	printf("%s\t%u\t%u\t%.*s\t%.*s\n", spf_result_name(v.result), v.lookups,
	    v.voids, STR_ARG(v.explanation), STR_ARG(v.problem));
}

static bool
run_scenario(const char *line)
{
	json_t *j = json_loads(line, JSON_ALLOW_NUL, NULL);
	struct arena *a = arena_new();
	struct zone *z = spf_case_zone(a, json_object_get(j, "zone"));
	const json_t *test;
	bool ok = j != NULL;
	size_t i;

	json_array_foreach(json_object_get(j, "tests"), i, test)
	{
		run_test(a, z, test);
	}
	zone_free(&z);
	arena_free(&a);
	json_decref(j);
	return ok;
}

int
main(void)
{
	char *line = NULL;
	size_t cap = 0;
	bool ok = true;

	while (ok && getline(&line, &cap, stdin) > 0)
		ok = run_scenario(line);
	free(line);
	return ok ? 0 : 1;
}
