/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "mailauth/authres.h"
#include "tests/vectors.h"

/*
 * Fields, and what Python's authres makes of them. It is no verdict: authres
 * knows no quoted authserv-id, and overlooks properties of other kinds than the
 * first four and those in quotes with another behind. So what it found must be
 * there, in its order; what it refuses we must refuse, but for those.
 */

/* Equal; JSON's null is empty. */
static bool
same(const json_t *object, const char *key, struct str got)
{
	return str_eq(vectors_string(object, key), got);
}

static bool
same_properties(const json_t *want, const struct authres_result *r)
{
	size_t found = 0, n = json_array_size(want);

	for (size_t i = 0; i < r->nproperties && found < n; i++) {
		const json_t *w = json_array_get(want, found);
		const struct authres_property *p = &r->properties[i];

		found += same(w, "ptype", p->ptype) &&
			 same(w, "name", p->name) && same(w, "value", p->value);
	}
	return found == n;
}

static bool
same_results(const json_t *want, const struct authres *got)
{
	if (json_array_size(want) != got->n)
		return false;
	for (size_t i = 0; i < got->n; i++) {
		const json_t *w = json_array_get(want, i);
		const struct authres_result *r = &got->results[i];

		if (!same(w, "method", r->method) ||
		    !same(w, "version", r->version) ||
		    !same(w, "result", r->result) ||
		    !same(w, "reason", r->reason) ||
		    !same_properties(json_object_get(w, "properties"), r))
			return false;
	}
	return true;
}

static bool
check(struct arena *a, struct str value, const json_t *want)
{
	struct authres got;
	size_t at;
	bool read = authres_parse(a, value, &got, &at);

	if (json_object_get(want, "error"))
		return !read || str_starts(str_trim(value), STR("\""));
	return read &&
	       str_ieq(vectors_string(want, "authserv_id"), got.authserv_id) &&
	       same(want, "version", got.version) &&
	       same_results(json_object_get(want, "results"), &got);
}

void
vectors_authres(struct vectors *v)
{
	json_t *cases = vectors_json(v, "authres/headers.json"), *c;
	struct arena *a = arena_new();
	size_t i;

	json_array_foreach(cases, i, c)
	{
		struct str header = vectors_string(c, "header");
		struct str value =
		    str_sub(header, str_chr(header, ':') + 1, STR_NPOS);
		json_t *want = json_object_get(c, "authres_1.2.0");
		char *text = json_dumps(want, 0);

		vectors_case(v, "authres", arena_cstr(a, value),
		    check(a, value, want), "expected %s", text);
		free(text);
	}
	arena_free(&a);
}
