/* SPDX-License-Identifier: BSD-2-Clause */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "mailauth/authres.h"

/*
 * Authentication-Results for test_authres_oracle.py: a line of JSON in, a line
 * out. {"read": VALUE} gives what was read of a field's value, or null;
 * {"write": WHAT} the value that says it.
 */

/* ------------------------------------------------------------------------
 * Reading
 */

static json_t *
text(struct str s)
{
	return s.n ? json_stringn(s.p, s.n) : json_string("");
}

static json_t *
properties_of(const struct authres_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->nproperties; i++) {
		const struct authres_property *p = &r->properties[i];

		json_array_append_new(
		    list, json_pack("[o, o, o]", text(p->ptype), text(p->name),
			      text(p->value)));
	}
	return list;
}

static json_t *
read_value(struct arena *a, struct str value)
{
	struct authres x;
	json_t *results;
	size_t at;

	if (!authres_parse(a, value, &x, &at))
		return json_null();
	results = json_array();
	for (size_t i = 0; i < x.n; i++) {
		const struct authres_result *r = &x.results[i];

		json_array_append_new(results,
		    json_pack("{s: o, s: o, s: o, s: o}", "method",
			text(r->method), "result", text(r->result), "reason",
			text(r->reason), "properties", properties_of(r)));
	}
	return json_pack("{s: o, s: o}", "authserv_id", text(x.authserv_id),
	    "results", results);
}

/* ------------------------------------------------------------------------
 * Writing
 */

static const char *
string(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static void
write_result(struct authres_writer *w, const json_t *r)
{
	struct str reason = str_of(string(r, "reason"));
	const json_t *list = json_object_get(r, "properties");

	authres_method(w, string(r, "method"), string(r, "result"));
	if (reason.n > 0)
		authres_reason(w, reason);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *p = json_array_get(list, i);

		authres_property(w, json_string_value(json_array_get(p, 0)),
		    json_string_value(json_array_get(p, 1)),
		    str_of(json_string_value(json_array_get(p, 2))));
	}
	if (*string(r, "comment"))
		authres_comment(w, str_of(string(r, "comment")));
}

static json_t *
write_value(const json_t *what)
{
	const json_t *results = json_object_get(what, "results");
	struct authres_writer w;
	struct buf out = { 0 };
	json_t *value;

	authres_begin(&w, &out, str_of(string(what, "authserv_id")));
	for (size_t i = 0; i < json_array_size(results); i++)
		write_result(&w, json_array_get(results, i));
	authres_end(&w);
	value = text(buf_str(&out));
	buf_fini(&out);
	return value;
}

int
main(void)
{
	char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0) {
		struct arena *a = arena_new();
		json_t *in = json_loads(line, 0, NULL);
		json_t *what = json_object_get(in, "write");
		json_t *out = what ? write_value(what)
				   : read_value(a, str_of(string(in, "read")));

		json_dumpf(out, stdout, JSON_ENCODE_ANY);
		putchar('\n');
		fflush(stdout);
		json_decref(out);
		json_decref(in);
		arena_free(&a);
	}
	free(line);
	return 0;
}
