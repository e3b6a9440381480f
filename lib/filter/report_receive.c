/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/report_receive.h"

#include "base/log.h"

/* ------------------------------------------------------------------------
 * What is common to all
 */

/* A report on its way into filter.db. */
struct arrival {
	struct arena *a;
	struct filter_db *db;
	struct site *site;
	const struct report_arrival *m;
	const char *kind;
	struct str organization, report_id, contact, domain;
	int64_t begin, end;
	uint64_t passed, failed;
	const char *row_sql;
	struct sq_value *rows;
	size_t per_row, nrows, cap, left_out;
	struct err *e;
};

static struct sq_value
text(struct str s)
{
	return SQ_T(str_sub(s, 0, RECEIVE_TEXT));
}

/* It, or a domain above it. */
static bool
is_hosted(struct site *site, struct arena *a, struct str name)
{
	struct site_domain d;
	struct err e;

	while (name.n > 0) {
		size_t dot = str_chr(name, '.');

		if (site_domain_get(site, a, name, &d, &e) == SITE_OK)
			return true;
		name = dot == STR_NPOS ? STR_NULL
				       : str_sub(name, dot + 1, SIZE_MAX);
	}
	return false;
}

static bool
is_kept(struct arrival *r)
{
	if (r->organization.n == 0 || r->report_id.n == 0) {
		err_set(r->e, "the report says not who sent it");
		return false;
	}
	if (is_hosted(r->site, r->a, r->domain))
		return true;
	err_set(r->e, "the report is about %.*s, which is not hosted here",
	    STR_ARG(str_sub(r->domain, 0, 100)));
	return false;
}

static void
add_row(struct arrival *r, const struct sq_value *values)
{
	size_t n = r->nrows * r->per_row;

	if (r->nrows == RECEIVE_ROWS) {
		r->left_out++;
		return;
	}
	for (size_t i = 0; i < r->per_row; i++) {
		r->rows =
		    arena_grow(r->a, r->rows, n + i, &r->cap, sizeof(*r->rows));
		r->rows[n + i] = values[i];
	}
	r->nrows++;
}

static void
keep(const struct arrival *r)
{
	filter_db_run_rows(r->db,
	    "INSERT OR IGNORE INTO received_reports (kind, organization,"
	    " report_id, contact, sender, domain, begin, end, received, passed,"
	    " failed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    SQ_VALUES(SQ_C(r->kind), text(r->organization), text(r->report_id),
		text(r->contact), text(r->m->sender), text(r->domain),
		SQ_I(r->begin), SQ_I(r->end), SQ_I(r->m->now), SQ_I(r->passed),
		SQ_I(r->failed)),
	    r->row_sql, r->rows, r->per_row, r->nrows);
	log_info("report_received", LOG_CSTR("kind", r->kind),
	    LOG_STR("domain", r->domain),
	    LOG_STR("organization", r->organization),
	    LOG_STR("sender", r->m->sender), LOG_STR("id", r->report_id),
	    LOG_UINT("passed", r->passed), LOG_UINT("failed", r->failed),
	    LOG_UINT("rows_left_out", r->left_out));
}

/* What strangers count may be more than there is. */
static uint64_t
sum(uint64_t a, uint64_t b)
{
	return a > INT64_MAX - (b > INT64_MAX ? INT64_MAX : b) ? INT64_MAX
							       : a + b;
}

/* ------------------------------------------------------------------------
 * DMARC's
 */

#define AGGREGATE_VALUES 10

static struct sq_value
lines(const struct buf *b)
{
	return SQ_T(str_sub(buf_str(b), 0, 8 * RECEIVE_TEXT));
}

static struct sq_value
reasons(struct arena *a, const struct aggregate_row *row)
{
	struct buf b = { 0 };
	struct sq_value v;

	for (size_t i = 0; i < row->nreasons && b.n < RECEIVE_TEXT; i++)
		buf_printf(&b, "%.*s %.*s\n", STR_ARG(row->reasons[i].type),
		    STR_ARG(row->reasons[i].comment));
	v = lines(&b);
	v.s = arena_str(a, v.s);
	buf_fini(&b);
	return v;
}

static struct sq_value
signatures(struct arena *a, const struct aggregate_row *row)
{
	struct buf b = { 0 };
	struct sq_value v;

	for (size_t i = 0; i < row->ndkim && b.n < RECEIVE_TEXT; i++)
		buf_printf(&b, "%.*s %.*s %.*s\n",
		    STR_ARG(row->dkim_results[i].domain),
		    STR_ARG(row->dkim_results[i].selector),
		    STR_ARG(row->dkim_results[i].result));
	v = lines(&b);
	v.s = arena_str(a, v.s);
	buf_fini(&b);
	return v;
}

static struct sq_value
spf_results(struct arena *a, const struct aggregate_row *row)
{
	struct buf b = { 0 };
	struct sq_value v;

	for (size_t i = 0; i < row->nspf && b.n < RECEIVE_TEXT; i++)
		buf_printf(&b, "%.*s %.*s %.*s\n",
		    STR_ARG(row->spf_results[i].domain),
		    STR_ARG(row->spf_results[i].scope),
		    STR_ARG(row->spf_results[i].result));
	v = lines(&b);
	v.s = arena_str(a, v.s);
	buf_fini(&b);
	return v;
}

static void
add_aggregate(struct arrival *r, const struct aggregate_row *row)
{
	bool pass = str_ieqc(row->dkim, "pass") || str_ieqc(row->spf, "pass");
	uint64_t *total = pass ? &r->passed : &r->failed;
	const struct sq_value values[AGGREGATE_VALUES] = { text(row->source_ip),
		SQ_I(sum(row->count, 0)), text(row->disposition),
		text(row->dkim), text(row->spf), reasons(r->a, row),
		text(row->header_from), text(row->envelope_from),
		signatures(r->a, row), spf_results(r->a, row) };

	*total = sum(*total, row->count);
	add_row(r, values);
}

static bool
receive_aggregate(struct arrival *r, struct str xml)
{
	struct aggregate x;

	if (!aggregate_parse(r->a, xml, &x, r->e))
		return false;
	r->kind = "dmarc";
	r->organization = x.org_name;
	r->report_id = x.report_id;
	r->contact = x.email;
	r->domain = x.domain;
	r->begin = x.begin;
	r->end = x.end;
	r->per_row = AGGREGATE_VALUES;
	r->row_sql = "INSERT INTO received_aggregates VALUES"
		     " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	if (!is_kept(r))
		return false;
	for (size_t i = 0; i < x.nrows; i++)
		add_aggregate(r, &x.rows[i]);
	return true;
}

/* ------------------------------------------------------------------------
 * TLS reports
 */

#define TLS_VALUES 9

static void
add_failure(
    struct arrival *r, const struct tls_policy *p, const struct tls_failure *f)
{
	const struct sq_value values[TLS_VALUES] = { text(p->type),
		text(p->domain), text(f->result_type), SQ_I(0),
		SQ_I(sum(f->count, 0)), text(f->sending_mta_ip),
		text(f->receiving_mx_hostname), text(f->receiving_ip),
		text(f->failure_reason_code) };

	add_row(r, values);
}

static void
add_policy(struct arrival *r, const struct tls_policy *p)
{
	const struct sq_value values[TLS_VALUES] = { text(p->type),
		text(p->domain), text(STR("")), SQ_I(sum(p->successes, 0)),
		SQ_I(sum(p->failures, 0)), text(STR("")), text(STR("")),
		text(STR("")), text(STR("")) };

	r->passed = sum(r->passed, p->successes);
	r->failed = sum(r->failed, p->failures);
	add_row(r, values);
	for (size_t i = 0; i < p->ndetails; i++)
		add_failure(r, p, &p->details[i]);
}

static bool
receive_tls(struct arrival *r, struct str json)
{
	struct tls_report x;

	if (!tls_report_parse(r->a, json, &x, r->e))
		return false;
	r->kind = "tls";
	r->organization = x.organization;
	r->report_id = x.report_id;
	r->contact = x.contact;
	r->domain = x.n > 0 ? x.policies[0].domain : STR_NULL;
	r->begin = x.begin;
	r->end = x.end;
	r->per_row = TLS_VALUES;
	r->row_sql = "INSERT INTO received_tls VALUES"
		     " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	if (!is_kept(r))
		return false;
	for (size_t i = 0; i < x.n; i++)
		add_policy(r, &x.policies[i]);
	return true;
}

/* ------------------------------------------------------------------------
 * Both
 */

enum report_kind
report_receive(struct filter_db *db, struct site *site,
    const struct report_arrival *m, struct err *e)
{
	struct arrival r = {
		.a = arena_new(), .db = db, .site = site, .m = m, .e = e
	};
	struct str report;
	enum report_kind kind = report_find(r.a, m->raw, &report, e);
	bool ok = false;

	if (kind == REPORT_AGGREGATE)
		ok = receive_aggregate(&r, report);
	else if (kind == REPORT_TLS)
		ok = receive_tls(&r, report);
	else if (kind == REPORT_FEEDBACK)
		err_set(e, "feedback reports are for people to read");
	if (ok)
		keep(&r);
	arena_free(&r.a);
	return ok ? kind : REPORT_NONE;
}
