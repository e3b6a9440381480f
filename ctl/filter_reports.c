/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/clock.h"
#include "ctl/resolver.h"
#include "ctl/verbs.h"
#include "filter/failure_queue.h"
#include "outbound/tls_send.h"

/*
 * mailstead filter reports: the aggregate and TLS reports that were collected
 * and sent, and those that others sent us. What is shown are rows of
 * filter.db: a question and the columns of its answer belong together.
 */

struct question {
	const char *sql;
	const struct column *columns; /* in the order of the SQL */
};

static const struct column sent_columns[] = {
	{ "id", "ID", COL_NUMBER },
	{ "domain", "DOMAIN", COL_TEXT },
	{ "begin", "BEGIN", COL_TIME },
	{ "end", "END", COL_TIME },
	{ "rows", "ROWS", COL_NUMBER },
	{ "lost", NULL, COL_NUMBER },
	{ "address", "TO", COL_TEXT },
	{ "state", "STATE", COL_TEXT },
	{ "tries", NULL, COL_NUMBER },
	{ "next", NULL, COL_TIME },
	{ "reason", "REASON", COL_TEXT },
	{ "record", NULL, COL_TEXT },
	{ NULL, NULL, COL_TEXT },
};
static const struct question sent_question = {
	"SELECT p.id, p.domain, p.begin, p.end, p.rows, p.lost,"
	" ifnull(s.address, ''),"
	" ifnull(s.state, iif(p.done IS NULL, 'collecting', 'nobody')),"
	" ifnull(s.tries, 0), ifnull(s.next, 0), ifnull(s.why, ''), p.record"
	" FROM dmarc_periods p LEFT JOIN dmarc_sent s ON s.period = p.id"
	" WHERE ? = 0 ORDER BY p.end DESC, p.domain, s.address LIMIT 1000",
	sent_columns,
};

static const struct column row_columns[] = {
	{ "source_ip", "SOURCE", COL_TEXT },
	{ "count", "COUNT", COL_NUMBER },
	{ "disposition", "DISPOSITION", COL_TEXT },
	{ "dkim", "DKIM", COL_TEXT },
	{ "spf", "SPF", COL_TEXT },
	{ "override", "OVERRIDE", COL_TEXT },
	{ "comment", NULL, COL_TEXT },
	{ "header_from", "FROM", COL_TEXT },
	{ "envelope_from", "ENVELOPE", COL_TEXT },
	{ "signatures", NULL, COL_TEXT },
	{ "spf_results", NULL, COL_TEXT },
	{ NULL, NULL, COL_TEXT },
};
static const struct question row_question = {
	"SELECT source_ip, count, disposition, dkim, spf, reason, comment,"
	" header_from, envelope_from, signatures,"
	" spf_domain || ' ' || spf_scope || ' ' || spf_result FROM dmarc_rows"
	" WHERE period = ? ORDER BY count DESC, key",
	row_columns,
};

static const struct column received_columns[] = {
	{ "id", "ID", COL_NUMBER },
	{ "kind", "KIND", COL_TEXT },
	{ "domain", "DOMAIN", COL_TEXT },
	{ "organization", "BY", COL_TEXT },
	{ "sender", "SENDER", COL_TEXT },
	{ "report_id", NULL, COL_TEXT },
	{ "contact", NULL, COL_TEXT },
	{ "begin", "BEGIN", COL_TIME },
	{ "end", "END", COL_TIME },
	{ "received", NULL, COL_TIME },
	{ "passed", "PASSED", COL_NUMBER },
	{ "failed", "FAILED", COL_NUMBER },
	{ NULL, NULL, COL_TEXT },
};
static const struct question received_question = {
	"SELECT id, kind, domain, organization, sender, report_id, contact,"
	" begin, end, received, passed, failed FROM received_reports"
	" WHERE ? = 0 ORDER BY received DESC, id DESC LIMIT 1000",
	received_columns,
};
static const struct question aggregate_question = {
	"SELECT source_ip, count, disposition, dkim, spf, reasons, '',"
	" header_from, envelope_from, signatures, spf_results"
	" FROM received_aggregates WHERE report = ? ORDER BY count DESC",
	row_columns,
};

static const struct column tls_columns[] = {
	{ "policy", "POLICY", COL_TEXT },
	{ "domain", "DOMAIN", COL_TEXT },
	{ "result", "RESULT", COL_TEXT },
	{ "successes", "SUCCESSES", COL_NUMBER },
	{ "failures", "FAILURES", COL_NUMBER },
	{ "sending_ip", "FROM", COL_TEXT },
	{ "receiving_host", "TO", COL_TEXT },
	{ "receiving_ip", NULL, COL_TEXT },
	{ "reason", "REASON", COL_TEXT },
	{ NULL, NULL, COL_TEXT },
};
static const struct question tls_question = {
	"SELECT policy, domain, result, successes, failures, sending_ip,"
	" receiving_host, receiving_ip, reason FROM received_tls"
	" WHERE report = ? ORDER BY rowid",
	tls_columns,
};

static const struct column day_columns[] = {
	{ "id", "ID", COL_NUMBER },
	{ "domain", "DOMAIN", COL_TEXT },
	{ "begin", "DAY", COL_TIME },
	{ "successes", "SUCCESSES", COL_NUMBER },
	{ "failures", "FAILURES", COL_NUMBER },
	{ "address", "TO", COL_TEXT },
	{ "state", "STATE", COL_TEXT },
	{ "next", NULL, COL_TIME },
	{ "reason", "REASON", COL_TEXT },
	{ NULL, NULL, COL_TEXT },
};
static const struct question day_question = {
	"SELECT d.id, d.domain, d.day,"
	" (SELECT ifnull(sum(count), 0) FROM tls_sessions"
	"  WHERE report = d.id AND result = ''),"
	" (SELECT ifnull(sum(count), 0) FROM tls_sessions"
	"  WHERE report = d.id AND result <> ''), ifnull(s.address, ''),"
	" ifnull(s.state, iif(d.done IS NULL, 'collecting', 'nobody')),"
	" ifnull(s.next, 0), ifnull(s.why, '')"
	" FROM tls_days d LEFT JOIN tls_sent s ON s.report = d.id"
	" WHERE ? = 0 ORDER BY d.day DESC, d.domain, s.address LIMIT 1000",
	day_columns,
};

static const struct column session_columns[] = {
	{ "policy", "POLICY", COL_TEXT },
	{ "result", "RESULT", COL_TEXT },
	{ "count", "COUNT", COL_NUMBER },
	{ "mx", "TO", COL_TEXT },
	{ "ip", "ADDRESS", COL_TEXT },
	{ "strings", NULL, COL_TEXT },
	{ NULL, NULL, COL_TEXT },
};
static const struct question session_question = {
	"SELECT policy, iif(result = '', 'success', result), count, mx, ip,"
	" strings FROM tls_sessions WHERE report = ?"
	" ORDER BY count DESC, policy, result",
	session_columns,
};

/* ------------------------------------------------------------------------
 * Answers
 */

static bool
is_number(enum column_kind k)
{
	return k == COL_NUMBER || k == COL_TIME;
}

static json_t *
read_object(const struct column *columns, struct sqlite3_stmt *s)
{
	json_t *o = json_object();

	for (int i = 0; columns[i].key; i++)
		json_object_set_new(o, columns[i].key,
		    is_number(columns[i].kind) ? json_integer(sq_int(s, i))
					       : json_str(sq_str(s, i)));
	return o;
}

/* Appends to ROWS. */
static int
ask(struct ctl *c, struct filter_db *db, const struct question *question,
    int64_t id, json_t *rows)
{
	struct sq *q = filter_db_reader(db, &c->err);
	struct sqlite3_stmt *s;
	enum sq_rc rc;

	if (!q)
		return ctl_fail(c, EX_UNAVAILABLE, NULL);
	for (rc = sq_one(q, &s, &c->err, question->sql, SQ_I(id)); rc == SQ_ROW;
	     rc = sq_step(s, &c->err))
		json_array_append_new(rows, read_object(question->columns, s));
	filter_db_reader_done(db, &q);
	return rc == SQ_DONE ? 0 : ctl_fail(c, EX_UNAVAILABLE, NULL);
}

static int
show(struct ctl *c, struct filter_db *db, const struct question *question,
    int64_t id)
{
	json_t *rows = json_array();
	int status = ask(c, db, question, id, rows);

	if (status == 0)
		return out_rows(c, question->columns, rows);
	json_decref(rows);
	return status;
}

/* ------------------------------------------------------------------------
 * What can be done
 */

static int
list(struct ctl *c, struct filter_db *db, int64_t id)
{
	(void)id;
	return show(c, db, &sent_question, 0);
}

static int
show_one(struct ctl *c, struct filter_db *db, int64_t id)
{
	return show(c, db, &row_question, id);
}

static int
tls(struct ctl *c, struct filter_db *db, int64_t id)
{
	return show(c, db, id ? &session_question : &day_question, id);
}

/* One that has TLS rows is a TLS report. */
static int
received(struct ctl *c, struct filter_db *db, int64_t id)
{
	json_t *tls;
	int status;

	if (id == 0)
		return show(c, db, &received_question, 0);
	tls = json_array();
	status = ask(c, db, &tls_question, id, tls);
	if (status == 0 && json_array_size(tls) > 0)
		return out_rows(c, tls_question.columns, tls);
	json_decref(tls);
	return status == 0 ? show(c, db, &aggregate_question, id) : status;
}

static int
send_now(struct ctl *c, const struct reports *r)
{
	const struct tls_reports tls = { r->site, r->db, r->resolver,
		r->hostname };
	bool now = ctl_switch(c, "now");
	int64_t at = clock_now();
	struct report_counts n;

	if ((now && !reports_close(r, at, &c->err)) ||
	    !reports_send(r, now ? at + REPORT_GRACE : at, &n, &c->err) ||
	    !failure_queue_send(r, at, &n, &c->err) ||
	    !tls_reports_send(&tls, at, now, &n, &c->err))
		return ctl_fail(c, EX_UNAVAILABLE, NULL);
	return out_done(c,
	    json_pack("{s:I, s:I, s:I}", "sent", (json_int_t)n.sent, "failed",
		(json_int_t)n.failed, "waiting", (json_int_t)n.waiting),
	    "%zu sent, %zu failed, %zu to be tried again", n.sent, n.failed,
	    n.waiting);
}

static int
send_reports(struct ctl *c, struct filter_db *db, int64_t id)
{
	struct ctl_resolver dns;
	struct reports r;
	int status = ctl_open_resolver(c, &dns);

	(void)id;
	if (status != 0)
		return status;
	r = (struct reports){
		.site = c->site,
		.db = db,
		.resolver = dns_resolver(dns.dns),
		.psl = dns.psl,
		.hostname = conf_hostname(c->conf),
	};
	status = send_now(c, &r);
	ctl_close_resolver(&dns);
	return status;
}

static const struct action {
	const char *name;
	int min, max; /* arguments */
	int (*run)(struct ctl *c, struct filter_db *db, int64_t id);
} actions[] = {
	{ "list", 0, 0, list },
	{ "show", 1, 1, show_one },
	{ "received", 0, 1, received },
	{ "tls", 0, 1, tls },
	{ "send", 0, 0, send_reports },
};

static const struct action *
find_action(struct ctl *c)
{
	struct str name = c->argc > 0 ? ctl_arg(c, 0) : STR("list");
	int n = c->argc > 0 ? c->argc - 1 : 0;

	for (size_t i = 0; i < LEN(actions); i++) {
		const struct action *a = &actions[i];

		if (str_eqc(name, a->name) && n >= a->min && n <= a->max)
			return a;
	}
	return NULL;
}

int
cmd_filter_reports(struct ctl *c)
{
	const struct action *a = find_action(c);
	struct filter_db *db;
	uint64_t id = 0;
	int status;

	if (!a || (c->argc > 1 && (!str_u64(ctl_arg(c, 1), &id) || id == 0 ||
				      id > INT64_MAX)))
		return ctl_failf(c, EX_USAGE,
		    "list, show ID, received, received ID, tls, tls ID, or "
		    "send",
		    "filter reports does not know what is wanted");
	if ((status = ctl_open_site(c)) != 0)
		return status;
	if (!filter_db_open(conf_get(c->conf, "data_dir"), &db, &c->err))
		return ctl_fail(c, EX_UNAVAILABLE, NULL);
	status = a->run(c, db, (int64_t)id);
	filter_db_close(&db);
	return status;
}
