/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/failure_queue.h"

#include "base/log.h"
#include "filter/report_address.h"
#include "filter/report_bounce.h"
#include "filter/report_mail.h"
#include "mailauth/report.h"
#include "site/setting.h"

static const struct site_scope everywhere;

/* ------------------------------------------------------------------------
 * Noting
 */

#define COLUMNS 16

/* Half an address would not be known for one, and not be redacted. */
static struct str
whole_fields(struct str header)
{
	size_t n = FAILURE_HEADER;

	if (header.n <= n)
		return header;
	while (n > 0 && (header.p[n - 1] != '\n' || header.p[n] == ' ' ||
			    header.p[n] == '\t'))
		n--;
	return str_sub(header, 0, n);
}

/* The first statement counts, and changes nothing once there are enough: then
 * the second does not run. */
void
failure_queue_put(
    struct filter_db *db, const struct failure_note *n, unsigned limit)
{
	static const struct signature none;
	const struct signature *s = n->signature ? n->signature : &none;
	const struct sq_value row[COLUMNS] = { SQ_I(n->now), SQ_T(n->domain),
		SQ_T(n->record), SQ_T(n->author), SQ_C(n->source_ip),
		SQ_T(n->mail_from), SQ_T(n->rcpt_to), SQ_T(n->results),
		SQ_C(n->auth_failure), SQ_C(n->delivery_result),
		SQ_C(n->alignment), SQ_T(s->domain), SQ_T(s->selector),
		SQ_T(s->identity), SQ_T(whole_fields(n->header)),
		SQ_T(n->spf_record) };

	if (limit == 0)
		return;
	filter_db_run_rows(db,
	    "INSERT INTO failure_reports SELECT ?1, ?2, 1"
	    " WHERE (SELECT count(*) FROM failure_queue) < ?4"
	    " ON CONFLICT (domain, day) DO UPDATE SET count = count + 1"
	    " WHERE count < ?3",
	    SQ_VALUES(SQ_T(n->organization), SQ_I(n->now - n->now % 86400),
		SQ_I(limit), SQ_I(FAILURE_WAITING)),
	    "INSERT INTO failure_queue (next, created, domain, record, author,"
	    " source_ip, mail_from, rcpt_to, results, auth_failure,"
	    " delivery_result, alignment, dkim_domain, dkim_selector,"
	    " dkim_identity, header, spf_record) VALUES (?2, ?2, ?3, ?4, ?5,"
	    " ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
	    row, COLUMNS, 1);
}

void
failure_queue_forget(struct filter_db *db, int64_t now)
{
	filter_db_run(db, "DELETE FROM failure_queue WHERE created <= ?",
	    SQ_VALUES(SQ_I(now - FAILURE_LIFETIME)));
	filter_db_run(db, "DELETE FROM failure_reports WHERE day < ?",
	    SQ_VALUES(SQ_I(now - 2 * 86400)));
}

/* ------------------------------------------------------------------------
 * Reading
 */

struct waiting {
	int64_t id;
	struct str domain, record;
	struct failure failure;
	struct signature signature;
};

static struct waiting
read_one(struct arena *a, struct sqlite3_stmt *s)
{
	return (struct waiting){
		.id = sq_int(s, 0),
		.domain = sq_dup(a, s, 2),
		.record = sq_dup(a, s, 3),
		.failure = {
			.now = sq_int(s, 1),
			.author_domain = sq_dup(a, s, 4),
			.source_ip = sq_dup(a, s, 5),
			.mail_from = sq_dup(a, s, 6),
			.rcpt_to = sq_dup(a, s, 7),
			.results = sq_dup(a, s, 8),
			.auth_failure = sq_dup(a, s, 9).p,
			.delivery_result = sq_dup(a, s, 10).p,
			.identity_alignment = sq_dup(a, s, 11).p,
			.header = sq_dup(a, s, 15),
			.spf_record = sq_dup(a, s, 16),
		},
		.signature = {
			.domain = sq_dup(a, s, 12),
			.selector = sq_dup(a, s, 13),
			.identity = sq_dup(a, s, 14),
		},
	};
}

static bool
read_due(struct sq *q, struct arena *a, int64_t now, struct waiting **list,
    size_t *n, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(q, &s, e,
	    "SELECT id, created, domain, record, author, source_ip, mail_from,"
	    " rcpt_to, results, auth_failure, delivery_result, alignment,"
	    " dkim_domain, dkim_selector, dkim_identity, header, spf_record"
	    " FROM failure_queue WHERE next <= ? ORDER BY next, id LIMIT ?",
	    SQ_I(now), SQ_I(FAILURE_BATCH));

	*n = 0;
	*list = arena_array(a, FAILURE_BATCH, sizeof(**list));
	for (; rc == SQ_ROW; rc = sq_step(s, e))
		(*list)[(*n)++] = read_one(a, s);
	return rc == SQ_DONE;
}

static bool
list_due(const struct reports *r, struct arena *a, int64_t now,
    struct waiting **list, size_t *n, struct err *e)
{
	struct sq *q = filter_db_reader(r->db, e);
	bool ok = q && read_due(q, a, now, list, n, e);

	filter_db_reader_done(r->db, &q);
	return ok;
}

/* ------------------------------------------------------------------------
 * To whom
 */

/* One report on its way. */
struct mailing {
	const struct reports *r;
	struct arena *a;
	int64_t now;
	struct str from, key;
	struct report_counts *counts;
	struct waiting *w;
	struct str to[FAILURE_DESTINATIONS];
	size_t n;
	bool sent, waits;
	struct err *e;
};

static void
failed(struct mailing *t, struct str to, struct str why)
{
	t->counts->failed++;
	log_info("failure_report_failed", LOG_STR("domain", t->w->domain),
	    LOG_STR("to", to), LOG_STR("reason", why));
}

static void
sent(struct mailing *t, struct str to)
{
	t->counts->sent++;
	t->sent = true;
	log_info("failure_report_sent", LOG_STR("domain", t->w->domain),
	    LOG_STR("to", to));
}

static void
later(struct mailing *t)
{
	t->counts->waiting++;
	t->waits = true;
}

static void
add(struct mailing *t, const struct dmarc_uri *list, size_t n)
{
	for (size_t i = 0; i < n && t->n < FAILURE_DESTINATIONS; i++)
		t->to[t->n++] = list[i].address;
}

/* Whoever has not agreed gets none (RFC 7489, section 7.1). */
static void
add_if_agreed(struct mailing *t, const struct dmarc_uri *uri)
{
	struct dmarc_record theirs = { 0 };

	switch (dmarc_report_allowed(
	    t->r->resolver, t->r->psl, t->a, t->w->domain, uri, &theirs)) {
	case DNS_OK:
		if (theirs.nruf > 0)
			add(t, theirs.ruf, theirs.nruf);
		else
			add(t, uri, 1);
		break;
	case DNS_FAILED:
		later(t);
		break;
	default:
		failed(t, uri->address,
		    STR("its domain has not agreed to reports about this one "
			"(RFC 7489, section 7.1)"));
	}
}

static void
add_destinations(struct mailing *t)
{
	struct dmarc_record record;
	struct str why;

	if (!dmarc_record_parse(t->a, t->w->record, &record, &why))
		return;
	for (size_t i = 0; i < record.nruf && i < FAILURE_DESTINATIONS; i++)
		add_if_agreed(t, &record.ruf[i]);
}

/* ------------------------------------------------------------------------
 * Sending
 */

static void
write_mail(struct mailing *t, struct str to, struct buf *out)
{
	struct failure f = t->w->failure;

	f.reporting_mta = str_of(t->r->hostname);
	f.from = t->from;
	f.to = to;
	f.redact_key = t->key;
	if (t->w->signature.domain.n > 0)
		f.signature = &t->w->signature;
	failure_mail(t->a, out, &f);
}

/* From the null sender: what comes back, and what others report of a report,
 * would be reported in turn. */
static void
post(struct mailing *t, struct str to)
{
	struct outbox_letter l = { .to = &to };
	struct buf raw = { 0 };
	struct err why = ERR_INIT;

	write_mail(t, to, &raw);
	l.raw = buf_str(&raw);
	switch (report_mail(
	    t->r->db, t->r->site, t->r->hostname, &l, t->now, &why)) {
	case OUTBOX_SENT:
		sent(t, to);
		break;
	case OUTBOX_DEFERRED:
		later(t);
		break;
	default:
		failed(t, to, str_of(why.msg));
	}
	buf_fini(&raw);
}

static bool
post_unless_refused(struct mailing *t, struct str to)
{
	int64_t until;

	if (!report_refused_until(t->r->db, to, &until, t->e))
		return false;
	if (until > t->now)
		failed(t, to, STR("the address refused reports lately"));
	else
		post(t, to);
	return true;
}

/* Put off before it is sent: a filter.db that cannot be written then costs a
 * report, and does not make hundreds of the same. */
static bool
put_off(struct mailing *t)
{
	filter_db_run(t->r->db,
	    "UPDATE failure_queue SET next = ? WHERE id = ?",
	    SQ_VALUES(SQ_I(t->now + REPORT_RETRY), SQ_I(t->w->id)));
	return filter_db_flush(t->r->db, t->e);
}

static bool
send_one(struct mailing *t)
{
	bool ok = put_off(t);

	if (ok)
		add_destinations(t);
	for (size_t i = 0; ok && i < t->n; i++)
		ok = post_unless_refused(t, t->to[i]);
	if (ok && (t->sent || !t->waits))
		filter_db_run(t->r->db,
		    "DELETE FROM failure_queue WHERE id = ?",
		    SQ_VALUES(SQ_I(t->w->id)));
	return ok;
}

static bool
send_list(const struct mailing *t, struct waiting *list, size_t n)
{
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++) {
		struct mailing one = *t;

		one.a = arena_new();
		one.w = &list[i];
		ok = send_one(&one);
		arena_free(&one.a);
	}
	return filter_db_flush(t->r->db, t->e) && ok;
}

bool
failure_queue_send(const struct reports *r, int64_t now,
    struct report_counts *counts, struct err *e)
{
	struct arena *a = arena_new();
	struct mailing t = {
		.r = r,
		.now = now,
		.from = report_from(r->site, a, r->hostname),
		.counts = counts,
		.e = e,
	};
	struct waiting *list;
	size_t n;
	bool ok = true;

	if (!str_eqc(
		site_setting(r->site, a, "report.failure", everywhere), "no")) {
		ok = report_secret(r->db, a, &t.key, e) &&
		     list_due(r, a, now, &list, &n, e) &&
		     send_list(&t, list, n);
	}
	arena_free(&a);
	return ok;
}
