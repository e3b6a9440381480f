/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mailauth/report.h"
#include "tests/vectors.h"

/*
 * Reports, each with a file beside it of what a reader in Rust made of it:
 * NAME.xml or NAME.eml and NAME.json. Its names of values are those of its
 * types, "BodyHash" for "bodyhash", and what it does not know is "Unspecified"
 * or "Other". A TLS report is JSON itself and has nothing beside it.
 */

struct check {
	struct arena *a;
	struct buf wrong; /* what differs */
};

/* ------------------------------------------------------------------------
 * Values
 */

/* Letters and digits, in lower case. */
static struct str
bare(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if ((c >= 'a' && c <= 'z') || ascii_digit(c))
			p[n++] = c;
	}
	return (struct str){ p, n };
}

static struct str
as_written(struct str s)
{
	static const char *const names[][2] = {
		{ "relaxed", "r" },
		{ "strict", "s" },
		{ "mailfrom", "mfrom" },
	};

	for (size_t i = 0; i < LEN(names); i++) {
		if (str_eqc(s, names[i][0]))
			return str_of(names[i][1]);
	}
	return s;
}

static void
differ(struct check *c, const char *what, struct str want, struct str got)
{
	buf_printf(&c->wrong, " %s: expected \"%.*s\", got \"%.*s\";", what,
	    STR_ARG(want), STR_ARG(got));
}

/* One of a few words. */
static void
same_word(struct check *c, const json_t *j, const char *key, struct str got)
{
	struct str want = as_written(bare(c->a, vectors_string(j, key)));

	if (str_eqc(want, "unspecified") || str_eqc(want, "other"))
		return;
	if (!str_eq(want, bare(c->a, got)))
		differ(c, key, want, got);
}

/* Without brackets, and however it was folded. */
static struct str
flat(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (!strchr(" \t\r\n<>", s.p[i]))
			p[n++] = s.p[i];
	}
	return (struct str){ p, n };
}

static void
same_text(struct check *c, const char *what, struct str want, struct str got)
{
	if (!str_eq(flat(c->a, want), flat(c->a, got)))
		differ(c, what, want, got);
}

static void
same(struct check *c, const json_t *j, const char *key, struct str got)
{
	same_text(c, key, vectors_string(j, key), got);
}

static void
same_number(struct check *c, const json_t *j, const char *key, int64_t got)
{
	int64_t want = json_integer_value(json_object_get(j, key));

	if (want != got)
		buf_printf(&c->wrong, " %s: expected %lld, got %lld;", key,
		    (long long)want, (long long)got);
}

static bool
same_count(struct check *c, const json_t *j, const char *key, size_t got)
{
	size_t want = json_array_size(json_object_get(j, key));

	if (want != got)
		buf_printf(
		    &c->wrong, " %s: expected %zu, got %zu;", key, want, got);
	return want == got;
}

static void
same_list(struct check *c, const json_t *j, const char *key,
    const struct str *got, size_t n)
{
	if (!same_count(c, j, key, n))
		return;
	for (size_t i = 0; i < n; i++)
		same_text(c, key,
		    str_of(json_string_value(
			json_array_get(json_object_get(j, key), i))),
		    got[i]);
}

static void
report_case(struct vectors *v, struct check *c, const char *name)
{
	vectors_case(
	    v, "reports", name, c->wrong.n == 0, "%s", buf_cstr(&c->wrong));
	buf_clear(&c->wrong);
}

/* ------------------------------------------------------------------------
 * Aggregate reports
 */

static void
check_results(struct check *c, const json_t *j, const struct aggregate_row *r)
{
	const json_t *dkim = json_object_get(j, "dkim");
	const json_t *spf = json_object_get(j, "spf"), *one;

	if (same_count(c, j, "dkim", r->ndkim)) {
		for (size_t i = 0; i < r->ndkim; i++) {
			one = json_array_get(dkim, i);
			same(c, one, "domain", r->dkim_results[i].domain);
			same(c, one, "selector", r->dkim_results[i].selector);
			same_word(c, one, "result", r->dkim_results[i].result);
			same(c, one, "human_result",
			    r->dkim_results[i].human_result);
		}
	}
	if (!same_count(c, j, "spf", r->nspf))
		return;
	for (size_t i = 0; i < r->nspf; i++) {
		one = json_array_get(spf, i);
		same(c, one, "domain", r->spf_results[i].domain);
		same_word(c, one, "scope", r->spf_results[i].scope);
		same_word(c, one, "result", r->spf_results[i].result);
		same(c, one, "human_result", r->spf_results[i].human_result);
	}
}

static void
check_row(struct check *c, const json_t *j, const struct aggregate_row *r)
{
	const json_t *row = json_object_get(j, "row");
	const json_t *policy = json_object_get(row, "policy_evaluated");
	const json_t *ids = json_object_get(j, "identifiers");

	same(c, row, "source_ip", r->source_ip);
	same_number(c, row, "count", (int64_t)r->count);
	same_word(c, policy, "disposition", r->disposition);
	same_word(c, policy, "dkim", r->dkim);
	same_word(c, policy, "spf", r->spf);
	if (same_count(c, policy, "reason", r->nreasons)) {
		for (size_t i = 0; i < r->nreasons; i++) {
			const json_t *reason = json_array_get(
			    json_object_get(policy, "reason"), i);

			same_word(c, reason, "type_", r->reasons[i].type);
			same(c, reason, "comment", r->reasons[i].comment);
		}
	}
	same(c, ids, "envelope_to", r->envelope_to);
	same(c, ids, "envelope_from", r->envelope_from);
	same(c, ids, "header_from", r->header_from);
	check_results(c, json_object_get(j, "auth_results"), r);
}

static void
check_policy(struct check *c, const json_t *j, const struct aggregate *r)
{
	bool testing = json_is_true(json_object_get(j, "testing"));

	same(c, j, "domain", r->domain);
	same(c, j, "version_published", r->version_published);
	same_word(c, j, "adkim", r->adkim);
	same_word(c, j, "aspf", r->aspf);
	same_word(c, j, "p", r->p);
	same_word(c, j, "sp", r->sp);
	same_word(c, j, "np", r->np);
	same(c, j, "fo", r->fo);
	same_word(c, j, "discovery_method", r->discovery);
	if (testing != str_eqc(r->testing, "y"))
		differ(c, "testing", STR("the other"), r->testing);
}

static void
check_aggregate(struct check *c, const json_t *j, const struct aggregate *r)
{
	const json_t *meta = json_object_get(j, "report_metadata");
	const json_t *range = json_object_get(meta, "date_range");
	const json_t *records = json_object_get(j, "record");
	double version = json_number_value(json_object_get(j, "version"));

	if (version != (r->version.n ? strtod(r->version.p, NULL) : 0.0))
		differ(c, "version", STR("another"), r->version);
	same(c, meta, "org_name", r->org_name);
	same(c, meta, "email", r->email);
	same(c, meta, "extra_contact_info", r->extra_contact);
	same(c, meta, "report_id", r->report_id);
	same(c, meta, "generator", r->generator);
	same_list(c, meta, "error", r->errors, r->nerrors);
	same_number(c, range, "begin", r->begin);
	same_number(c, range, "end", r->end);
	check_policy(c, json_object_get(j, "policy_published"), r);
	if (same_count(c, j, "record", r->nrows)) {
		for (size_t i = 0; i < r->nrows; i++)
			check_row(c, json_array_get(records, i), &r->rows[i]);
	}
}

static void
aggregate(struct check *c, struct str text, const json_t *want)
{
	struct aggregate r;
	struct str xml;
	struct err e;

	if (!report_unpack(c->a, text, &xml, &e) ||
	    !aggregate_parse(c->a, xml, &r, &e))
		buf_puts(&c->wrong, e.msg);
	else
		check_aggregate(c, want, &r);
}

/* ------------------------------------------------------------------------
 * Feedback
 */

/* That reader keeps one. */
static void
same_recipient(struct check *c, const json_t *j, const struct feedback *f)
{
	static const char key[] = "original_rcpt_to";
	struct str want = flat(c->a, vectors_string(j, key));

	for (size_t i = 0; i < f->nrcpt_to; i++) {
		if (str_eq(want, flat(c->a, f->rcpt_to[i])))
			return;
	}
	if (want.n > 0 || f->nrcpt_to > 0)
		differ(c, key, want, STR("another"));
}

static void
check_feedback(struct check *c, const json_t *j, const struct feedback *f)
{
	struct str headers = vectors_string(j, "headers"),
		   port = f->source_port;

	same_word(c, j, "feedback_type", f->type);
	same_number(c, j, "arrival_date", f->arrival);
	same_list(c, j, "authentication_results", f->results, f->nresults);
	same_number(c, j, "incidents", (int64_t)f->incidents);
	same(c, j, "original_envelope_id", f->envelope_id);
	same(c, j, "original_mail_from", f->mail_from);
	same_recipient(c, j, f);
	same_list(
	    c, j, "reported_domain", f->reported_domains, f->nreported_domains);
	same_list(c, j, "reported_uri", f->reported_uris, f->nreported_uris);
	same(c, j, "reporting_mta", f->reporting_mta);
	same(c, j, "source_ip", f->source_ip);
	same(c, j, "user_agent", f->user_agent);
	same_number(c, j, "version", f->version.n ? atoi(f->version.p) : 0);
	same_number(c, j, "source_port", port.n ? atoi(port.p) : 0);
	same_word(c, j, "auth_failure", f->auth_failure);
	same_word(c, j, "delivery_result", f->delivery_result);
	same_word(c, j, "identity_alignment", f->identity_alignment);
	same(c, j, "dkim_canonicalized_body", f->dkim_canonicalized_body);
	same(c, j, "dkim_canonicalized_header", f->dkim_canonicalized_header);
	same(c, j, "dkim_domain", f->dkim_domain);
	same(c, j, "dkim_identity", f->dkim_identity);
	same(c, j, "dkim_selector", f->dkim_selector);
	same(c, j, "dkim_selector_dns", f->dkim_selector_dns);
	same(c, j, "spf_dns", f->spf_dns);
	if (headers.n > 0)
		same_text(c, "headers", headers,
		    f->headers_only ? f->message : STR_NULL);
}

static void
feedback(struct check *c, struct str text, const json_t *want)
{
	struct feedback f;
	struct err e;

	if (feedback_parse(c->a, text, &f, &e))
		check_feedback(c, want, &f);
	else
		buf_puts(&c->wrong, e.msg);
}

/* ------------------------------------------------------------------------
 * TLS reports
 */

static void
tls(struct check *c, struct str text, const json_t *want)
{
	struct tls_report r;
	struct str json;
	struct err e;

	if (!report_unpack(c->a, text, &json, &e) ||
	    !tls_report_parse(c->a, json, &r, &e)) {
		buf_puts(&c->wrong, e.msg);
		return;
	}
	same(c, want, "organization-name", r.organization);
	same(c, want, "report-id", r.report_id);
	same(c, want, "contact-info", r.contact);
	same_count(c, want, "policies", r.n);
}

/* ------------------------------------------------------------------------
 * Files
 */

static const char *
path_of(struct arena *a, const char *name, const char *suffix)
{
	size_t stem = str_rchr(str_of(name), '.');

	if (suffix)
		return arena_printf(
		    a, "reports/%.*s%s", (int)stem, name, suffix)
		    .p;
	return arena_printf(a, "reports/%s", name).p;
}

static void
run_all(struct vectors *v, struct check *c, const char *suffix,
    void (*run)(struct check *c, struct str text, const json_t *want))
{
	const char *const *names;
	size_t n = vectors_list(v, c->a, "reports", suffix, &names);

	for (size_t i = 0; i < n; i++) {
		const char *beside = path_of(c->a, names[i], ".json");
		struct str text =
		    vectors_file(v, c->a, path_of(c->a, names[i], NULL));
		const json_t *want = vectors_json(v, beside);

		/* A JSON beside an XML or a mail is no report. */
		if (run == tls && !str_starts(str_of(names[i]), STR("tlsrpt")))
			continue;
		if (want)
			run(c, text, want);
		else
			buf_printf(&c->wrong, "there is no %s", beside);
		report_case(v, c, names[i]);
	}
}

void
vectors_reports(struct vectors *v)
{
	struct check c = { .a = arena_new() };

	run_all(v, &c, ".xml", aggregate);
	run_all(v, &c, ".eml", feedback);
	run_all(v, &c, ".json", tls);
	buf_fini(&c.wrong);
	arena_free(&c.a);
}
