/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/report_make.h"

#include <inttypes.h>

#include "filter/dmarc_history.h"
#include "filter/report_send.h"

/* ------------------------------------------------------------------------
 * Periods
 */

static struct report_period
read_period(struct arena *a, struct sqlite3_stmt *s)
{
	struct report_period p = {
		.id = sq_int(s, 0),
		.domain = sq_dup(a, s, 1),
		.begin = sq_int(s, 2),
		.end = sq_int(s, 3),
		.created = sq_int(s, 4),
		.text = sq_dup(a, s, 5),
		.discovery = sq_dup(a, s, 6),
		.lost = sq_int(s, 7),
	};
	struct str why;

	p.ok = dmarc_record_parse(a, p.text, &p.record, &why);
	return p;
}

enum sq_rc
report_periods(struct sq *q, struct arena *a, int64_t before,
    struct report_period **list, size_t *n, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(q, &s, e,
	    "SELECT id, domain, begin, end, created, record, discovery, lost"
	    " FROM dmarc_periods WHERE done IS NULL AND end <= ?"
	    " ORDER BY end, id LIMIT ?",
	    SQ_I(before), SQ_I(REPORT_BATCH));

	*n = 0;
	*list = arena_array(a, REPORT_BATCH, sizeof(**list));
	for (; rc == SQ_ROW; rc = sq_step(s, e))
		(*list)[(*n)++] = read_period(a, s);
	return rc == SQ_DONE ? SQ_OK : rc;
}

/* ------------------------------------------------------------------------
 * Rows
 */

/* "-" stands for nothing. */
static struct str
word(struct str *line)
{
	struct str w = STR_NULL;

	str_split(line, ' ', &w);
	return str_eqc(w, "-") ? STR_NULL : w;
}

static void
read_signatures(struct arena *a, struct str text, struct aggregate_row *row)
{
	struct aggregate_dkim *list =
	    arena_array(a, HISTORY_SIGNATURES, sizeof(*list));
	struct str line;

	while (text.n && row->ndkim < HISTORY_SIGNATURES &&
	       str_split(&text, '\n', &line)) {
		struct aggregate_dkim *d = &list[row->ndkim++];

		d->domain = word(&line);
		d->selector = word(&line);
		d->result = word(&line);
	}
	row->dkim_results = list;
}

static void
read_reason(struct arena *a, struct sqlite3_stmt *s, struct aggregate_row *row)
{
	struct aggregate_reason *r = arena_alloc(a, sizeof(*r));

	r->type = sq_dup(a, s, 4);
	r->comment = sq_dup(a, s, 5);
	row->reasons = r;
	row->nreasons = r->type.n > 0;
}

static void
read_spf(struct arena *a, struct sqlite3_stmt *s, struct aggregate_row *row)
{
	struct aggregate_spf *spf = arena_alloc(a, sizeof(*spf));

	spf->domain = sq_dup(a, s, 9);
	spf->scope = sq_dup(a, s, 10);
	spf->result = sq_dup(a, s, 11);
	row->spf_results = spf;
	row->nspf = spf->domain.n > 0;
}

static struct aggregate_row
read_row(struct arena *a, struct sqlite3_stmt *s)
{
	struct aggregate_row row = {
		.source_ip = sq_dup(a, s, 0),
		.disposition = sq_dup(a, s, 1),
		.dkim = sq_dup(a, s, 2),
		.spf = sq_dup(a, s, 3),
		.header_from = sq_dup(a, s, 6),
		.envelope_from = sq_dup(a, s, 7),
		.count = (uint64_t)sq_int(s, 12),
	};

	read_reason(a, s, &row);
	read_signatures(a, sq_dup(a, s, 8), &row);
	read_spf(a, s, &row);
	return row;
}

static enum sq_rc
read_rows(struct sq *q, struct arena *a, int64_t period, struct aggregate *out,
    struct err *e)
{
	struct aggregate_row *rows = NULL;
	size_t cap = 0;
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(q, &s, e,
	    "SELECT source_ip, disposition, dkim, spf, reason, comment,"
	    " header_from, envelope_from, signatures, spf_domain, spf_scope,"
	    " spf_result, count FROM dmarc_rows WHERE period = ?"
	    " ORDER BY count DESC, key",
	    SQ_I(period));

	for (; rc == SQ_ROW; rc = sq_step(s, e)) {
		rows = arena_grow(a, rows, out->nrows, &cap, sizeof(*rows));
		rows[out->nrows++] = read_row(a, s);
	}
	out->rows = rows;
	return rc == SQ_DONE ? SQ_OK : rc;
}

/* ------------------------------------------------------------------------
 * The report
 */

static struct str
failure_options(struct arena *a, const struct dmarc_record *r)
{
	struct str s = arena_printf(a, "%s%s%s%s", r->fo_0 ? "0:" : "",
	    r->fo_1 ? "1:" : "", r->fo_d ? "d:" : "", r->fo_s ? "s:" : "");

	return str_sub(s, 0, s.n ? s.n - 1 : 0);
}

static void
publish(struct arena *a, const struct report_period *p, struct aggregate *out)
{
	const struct dmarc_record *r = &p->record;

	out->adkim = str_of(r->strict_dkim ? "s" : "r");
	out->aspf = str_of(r->strict_spf ? "s" : "r");
	out->p = str_of(dmarc_policy_name(r->p));
	out->sp = str_of(dmarc_policy_name(r->sp));
	out->np = str_of(dmarc_policy_name(r->np));
	out->pct = arena_printf(a, "%u", r->pct);
	out->fo = failure_options(a, r);
	if (!str_eqc(p->discovery, "tree"))
		return;
	out->discovery = STR("treewalk");
	out->testing = str_of(r->testing ? "y" : "n");
	out->generator = STR("Mailstead");
}

static void
tell_losses(
    struct arena *a, const struct report_period *p, struct aggregate *out)
{
	struct str *error = arena_alloc(a, sizeof(*error));

	*error = arena_printf(a,
	    "%" PRId64 " more messages were too different to be listed",
	    p->lost);
	out->errors = error;
	out->nerrors = p->lost > 0;
}

enum sq_rc
report_make(struct sq *q, struct arena *a, const struct report_period *p,
    struct aggregate *out, struct err *e)
{
	*out = (struct aggregate){
		.report_id = arena_printf(a, "%" PRId64 ".%" PRId64 ".%.*s",
		    p->begin, p->created, STR_ARG(p->domain)),
		.begin = p->begin,
		.end = p->end - 1,
		.domain = p->domain,
	};
	if (p->ok)
		publish(a, p, out);
	tell_losses(a, p, out);
	return read_rows(q, a, p->id, out, e);
}
