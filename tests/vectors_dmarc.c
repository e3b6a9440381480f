/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/buf.h"
#include "dns/zone.h"
#include "mailauth/dmarc.h"
#include "tests/vectors.h"

/*
 * Cases of evaluation, each under the document that its "spec" names, or both;
 * and of reading rua=.
 */

static struct psl *list;

/* ------------------------------------------------------------------------
 * Its zone
 */

static void
add_record(struct zone *z, struct arena *a, struct str name, const json_t *text)
{
	size_t n = json_is_array(text) ? json_array_size(text) : 1;
	struct str *strings = arena_array(a, n, sizeof(*strings));

	for (size_t i = 0; i < n; i++) {
		const json_t *s =
		    json_is_array(text) ? json_array_get(text, i) : text;

		strings[i] = str_of(json_string_value(s));
	}
	if (json_is_array(text))
		zone_add_txt(z, name, strings, n);
	else
		zone_add(z, name, DNS_TXT, strings[0], NULL);
}

static struct zone *
zone_of(struct arena *a, json_t *dns)
{
	struct zone *z = zone_new();
	const char *name;
	json_t *value, *text;
	size_t i;

	json_object_foreach(dns, name, value)
	{
		if (json_is_string(value) &&
		    str_eqc(str_of(json_string_value(value)), "TIMEOUT"))
			zone_add_timeout(z, str_of(name));
		json_array_foreach(value, i, text)
		    add_record(z, a, str_of(name), text);
	}
	return z;
}

/* ------------------------------------------------------------------------
 * Its message
 */

static enum signature_result
signature_result_of(struct str s)
{
	if (str_eqc(s, "pass"))
		return SIGNATURE_PASS;
	if (str_eqc(s, "temperror"))
		return SIGNATURE_TEMPERROR;
	return str_eqc(s, "permerror") ? SIGNATURE_PERMERROR : SIGNATURE_FAIL;
}

static void
fill_query(struct arena *a, const json_t *c, struct dmarc_query *q)
{
	const json_t *spf = json_object_get(c, "spf");
	const json_t *dkim = json_object_get(c, "dkim");
	struct signature *s = arena_array(a, json_array_size(dkim), sizeof(*s));

	if (json_is_object(spf)) {
		spf_result_parse(vectors_string(spf, "result"), &q->spf);
		q->spf_domain = vectors_string(spf, "domain");
	}
	q->signatures = s;
	q->nsignatures = json_array_size(dkim);
	for (size_t i = 0; i < q->nsignatures; i++) {
		const json_t *d = json_array_get(dkim, i);

		s[i].result = signature_result_of(vectors_string(d, "result"));
		s[i].domain = vectors_string(d, "d");
	}
}

/* The From field with an author of each domain. */
static struct str
from_of(struct arena *a, const json_t *from)
{
	struct str value = STR_NULL;

	if (json_is_string(from))
		return arena_printf(a, " a@%s", json_string_value(from));
	for (size_t i = 0; i < json_array_size(from); i++)
		value = arena_printf(a, "%.*s%s a@%s", STR_ARG(value),
		    i ? "," : "", json_string_value(json_array_get(from, i)));
	return value;
}

/* What the site does with a message whose author cannot be told. */
static void
refuse(const struct field *from, struct dmarc_verdict *v)
{
	bool missing = from->value.n == 0;

	v->result = missing ? DMARC_PERMERROR : DMARC_FAIL;
	v->policy = DMARC_P_REJECT;
}

static void
evaluate(struct arena *a, json_t *c, enum dmarc_discovery discovery,
    struct dmarc_verdict *v)
{
	struct field from = { STR("From"),
		from_of(a, json_object_get(c, "from")) };
	struct fields fields = { &from, from.value.n > 0 };
	struct dmarc_query q = { .discovery = discovery };
	struct zone *z = zone_of(a, json_object_get(c, "dns"));
	const char *why;

	*v = (struct dmarc_verdict){ .result = DMARC_NONE };
	fill_query(a, c, &q);
	if (author_domain(a, &fields, &q.author, &why))
		dmarc_check(zone_resolver(z), list, a, &q, v);
	else
		refuse(&from, v);
	zone_free(&z);
}

/* ------------------------------------------------------------------------
 * What comes of it
 */

static bool
is_any_or(struct str want, const char *got)
{
	return str_eqc(want, "any") || str_eqc(want, got);
}

static void
evaluate_by(struct vectors *v, json_t *c, enum dmarc_discovery discovery,
    const char *spec)
{
	struct arena *a = arena_new();
	struct str name = vectors_string(c, "name"), given;
	struct str result = vectors_string(c, "result");
	struct str policy = vectors_string(c, "disposition");
	struct str other = vectors_string(c, "alt_disposition");
	struct dmarc_verdict got;
	const char *p;

	given = vectors_string(c, "spec");
	if (given.n == 0 || str_eqc(given, spec)) {
		evaluate(a, c, discovery, &got);
		p = dmarc_policy_name(got.policy);
		vectors_case(v, "dmarc",
		    arena_printf(a, "%.*s (%s)", STR_ARG(name), spec).p,
		    is_any_or(result, dmarc_result_name(got.result)) &&
			(is_any_or(policy, p) || str_eqc(other, p)),
		    "expected %.*s %.*s, got %s %s", STR_ARG(result),
		    STR_ARG(policy), dmarc_result_name(got.result), p);
	}
	arena_free(&a);
}

/* [["mailto:a@b", 10485760], ...] */
static json_t *
uris(const struct dmarc_record *r)
{
	json_t *all = json_array();

	for (size_t i = 0; i < r->nrua; i++) {
		const struct dmarc_uri *u = &r->rua[i];
		json_t *size = u->max_size
				   ? json_integer((json_int_t)u->max_size)
				   : json_null();

		json_array_append_new(
		    all, json_pack("[o, o]",
			     json_sprintf("mailto:%.*s", STR_ARG(u->address)),
			     size));
	}
	return all;
}

static void
read_rua(struct vectors *v, const json_t *c)
{
	struct arena *a = arena_new();
	struct dmarc_record r = { 0 };
	struct str why;
	json_t *got;
	char *text;

	dmarc_record_parse(a, vectors_string(c, "record"), &r, &why);
	got = uris(&r);
	text = json_dumps(got, 0);
	vectors_case(v, "dmarc", arena_cstr(a, vectors_string(c, "name")),
	    json_equal(got, json_object_get(c, "rua")), "got %s", text);
	free(text);
	json_decref(got);
	arena_free(&a);
}

void
vectors_dmarc(struct vectors *v)
{
	json_t *cases = vectors_json(v, "dmarc/cases.json"), *c;
	struct err e;
	size_t i;

	if (!psl_open(NULL, &list, &e)) {
		vectors_case(v, "dmarc", "list", false, "%s", e.msg);
		return;
	}
	json_array_foreach(json_object_get(cases, "evaluate"), i, c)
	{
		evaluate_by(v, c, DMARC_PSL, "7489");
		evaluate_by(v, c, DMARC_TREE, "bis");
	}
	json_array_foreach(json_object_get(cases, "rua"), i, c) read_rua(v, c);
	psl_close(&list);
}
