/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/report_send.h"

#include <inttypes.h>

#include "base/log.h"
#include "filter/failure_queue.h"
#include "filter/report_address.h"
#include "filter/report_bounce.h"
#include "filter/report_mail.h"
#include "filter/report_make.h"
#include "site/setting.h"

static const struct site_scope everywhere;

/* One report on its way: a period, and all who want to have it. */
struct round {
	const struct reports *r;
	struct arena *a;
	int64_t now;
	struct str from, organization, secret;
	uint64_t max_size;
	const struct report_period *p;
	struct aggregate report;
	bool made;
	struct report_counts *counts;
	struct err *e;
};

struct destination {
	struct str address;
	uint64_t max_size; /* 0: he names none */
	/* Of dmarc_sent and report_refusals. */
	bool final;
	int64_t tries, next, refused_until;
};

/* ------------------------------------------------------------------------
 * What is remembered
 */

static bool
read_row(struct sq *q, struct round *t, struct destination *d)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(q, &s, t->e,
	    "SELECT state <> 'waiting', tries, next FROM dmarc_sent"
	    " WHERE period = ? AND address = ?",
	    SQ_I(t->p->id), SQ_T(d->address));

	if (rc == SQ_ROW) {
		d->final = sq_int(s, 0) != 0;
		d->tries = sq_int(s, 1);
		d->next = sq_int(s, 2);
		sq_reset(s);
	}
	return rc == SQ_ROW || rc == SQ_DONE;
}

static bool
look_up(struct round *t, struct destination *d)
{
	struct sq *q = filter_db_reader(t->r->db, t->e);
	bool ok = q && read_row(q, t, d);

	filter_db_reader_done(t->r->db, &q);
	return ok && report_refused_until(
			 t->r->db, d->address, &d->refused_until, t->e);
}

/* In filter.db before anything else is done. */
static bool
remember(struct round *t, const struct destination *d, const char *state,
    int64_t next, struct str why)
{
	filter_db_run(t->r->db,
	    "INSERT INTO dmarc_sent VALUES (?, ?, ?, ?, ?, ?, ?)"
	    " ON CONFLICT (period, address) DO UPDATE"
	    " SET state = excluded.state, tries = excluded.tries,"
	    " next = excluded.next, changed = excluded.changed,"
	    " why = excluded.why",
	    SQ_VALUES(SQ_I(t->p->id), SQ_T(d->address), SQ_C(state),
		SQ_I(d->tries + 1), SQ_I(next), SQ_I(t->now), SQ_T(why)));
	return filter_db_flush(t->r->db, t->e);
}

static int64_t
doubled(int64_t first, int64_t times, int64_t most)
{
	while (times-- > 0 && first < most)
		first *= 2;
	return first < most ? first : most;
}

/* ------------------------------------------------------------------------
 * Sending
 */

static bool
failed(struct round *t, const struct destination *d, struct str why)
{
	t->counts->failed++;
	log_info("report_failed", LOG_STR("domain", t->p->domain),
	    LOG_STR("to", d->address), LOG_STR("reason", why));
	return remember(t, d, "failed", 0, why);
}

static bool
sent(struct round *t, const struct destination *d, size_t size)
{
	t->counts->sent++;
	log_info("report_sent", LOG_STR("domain", t->p->domain),
	    LOG_STR("to", d->address), LOG_UINT("size", size),
	    LOG_UINT("rows", t->report.nrows));
	return remember(t, d, "sent", 0, STR_NULL);
}

static bool
later(struct round *t, const struct destination *d, struct str why)
{
	t->counts->waiting++;
	return remember(t, d, "waiting",
	    t->now + doubled(REPORT_RETRY, d->tries, REPORT_RETRY_MAX), why);
}

static bool
post(struct round *t, const struct destination *d, struct str raw)
{
	const struct outbox_letter l = {
		.sender = t->from,
		.to = &d->address,
		.raw = raw,
		.envid = report_envid(t->a, t->secret, t->p->id, d->address),
	};
	struct err why = ERR_INIT;

	switch (report_mail(
	    t->r->db, t->r->site, t->r->hostname, &l, t->now, &why)) {
	case OUTBOX_SENT:
		return sent(t, d, raw.n);
	case OUTBOX_DEFERRED:
		return later(t, d, str_of(why.msg));
	default:
		return failed(t, d, str_of(why.msg));
	}
}

static bool
make(struct round *t)
{
	struct sq *q;
	bool ok;

	if (t->made)
		return true;
	if (!(q = filter_db_reader(t->r->db, t->e)))
		return false;
	ok = report_make(q, t->a, t->p, &t->report, t->e) == SQ_OK;
	filter_db_reader_done(t->r->db, &q);
	t->report.org_name = t->organization;
	t->report.email = t->from;
	t->made = ok;
	return ok;
}

static struct str
domain_of(struct str address)
{
	return str_sub(address, str_rchr(address, '@') + 1, SIZE_MAX);
}

static uint64_t
limit_of(const struct round *t, const struct destination *d)
{
	if (d->max_size && (!t->max_size || d->max_size < t->max_size))
		return d->max_size;
	return t->max_size;
}

static bool
write_and_post(struct round *t, const struct destination *d)
{
	uint64_t limit = limit_of(t, d);
	struct buf raw = { 0 };
	bool ok = make(t);

	if (ok) {
		aggregate_mail(&raw, &t->report, domain_of(t->from), t->from,
		    d->address, t->now);
		ok = limit && raw.n > limit
			 ? failed(t, d,
			       arena_printf(t->a,
				   "it has %zu octets, and the limit is "
				   "%" PRIu64,
				   raw.n, limit))
			 : post(t, d, buf_str(&raw));
	}
	buf_fini(&raw);
	return ok;
}

/* *waits: it is to be tried again. */
static bool
send_to(struct round *t, struct destination *d, bool *waits)
{
	size_t before = t->counts->waiting;
	bool ok;

	if (!look_up(t, d))
		return false;
	if (d->final)
		return true;
	if (d->next > t->now) {
		*waits = true;
		t->counts->waiting++;
		return true;
	}
	if (d->refused_until > t->now)
		return failed(t, d, STR("the address refused reports lately"));
	ok = write_and_post(t, d);
	*waits |= t->counts->waiting > before;
	return ok;
}

/* ------------------------------------------------------------------------
 * To whom
 */

static bool
send_to_uris(struct round *t, const struct dmarc_uri *list, size_t n,
    size_t *left, bool *waits)
{
	bool ok = true;

	for (size_t i = 0; ok && i<n && * left> 0; i++) {
		struct destination d = { .address = list[i].address,
			.max_size = list[i].max_size };

		--*left;
		ok = send_to(t, &d, waits);
	}
	return ok;
}

/* Whoever has not agreed gets none (RFC 7489, section 7.1). */
static bool
ask_and_send(
    struct round *t, const struct dmarc_uri *uri, size_t *left, bool *waits)
{
	struct destination d = { .address = uri->address };
	struct dmarc_record theirs = { 0 };

	if (!look_up(t, &d))
		return false;
	if (d.final)
		return true;
	switch (dmarc_report_allowed(
	    t->r->resolver, t->r->psl, t->a, t->p->domain, uri, &theirs)) {
	case DNS_OK:
		if (theirs.nrua > 0)
			return send_to_uris(
			    t, theirs.rua, theirs.nrua, left, waits);
		return send_to_uris(t, uri, 1, left, waits);
	case DNS_FAILED:
		*waits = true;
		t->counts->waiting++;
		return true;
	default:
		return failed(t, &d,
		    STR("its domain has not agreed to reports about this "
			"one (RFC 7489, section 7.1)"));
	}
}

static bool
finish(struct round *t)
{
	filter_db_run(t->r->db, "DELETE FROM dmarc_rows WHERE period = ?",
	    SQ_VALUES(SQ_I(t->p->id)));
	filter_db_run(t->r->db,
	    "UPDATE dmarc_sent SET state = 'failed', changed = ?"
	    " WHERE period = ? AND state = 'waiting'",
	    SQ_VALUES(SQ_I(t->now), SQ_I(t->p->id)));
	filter_db_run(t->r->db,
	    "UPDATE dmarc_periods SET done = ? WHERE id = ?",
	    SQ_VALUES(SQ_I(t->now), SQ_I(t->p->id)));
	return filter_db_flush(t->r->db, t->e);
}

static bool
send_period(struct round *t)
{
	const struct dmarc_record *record = &t->p->record;
	size_t left = REPORT_DESTINATIONS;
	bool ok = true, waits = false;

	if (t->p->ok && t->now < t->p->end + REPORT_GIVE_UP) {
		for (size_t i = 0; ok && i < record->nrua && left > 0; i++)
			ok = ask_and_send(t, &record->rua[i], &left, &waits);
	}
	if (ok && !waits)
		ok = finish(t);
	return ok;
}

/* ------------------------------------------------------------------------
 * All
 */

static bool
list_due(const struct reports *r, struct arena *a, int64_t now,
    struct report_period **list, size_t *n, struct err *e)
{
	struct sq *q = filter_db_reader(r->db, e);
	bool ok =
	    q && report_periods(q, a, now - REPORT_GRACE, list, n, e) == SQ_OK;

	filter_db_reader_done(r->db, &q);
	return ok;
}

static bool
send_list(struct round *t, const struct report_period *list, size_t n)
{
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++) {
		struct round one = *t;

		one.a = arena_new();
		one.p = &list[i];
		ok = send_period(&one);
		arena_free(&one.a);
	}
	return ok;
}

bool
reports_send(const struct reports *r, int64_t now, struct report_counts *out,
    struct err *e)
{
	struct arena *a = arena_new();
	struct str from = report_from(r->site, a, r->hostname);
	struct round t = {
		.r = r,
		.now = now,
		.from = from,
		.organization = report_organization(r->site, a, from),
		.max_size =
		    site_setting_uint(r->site, "report.max_size", everywhere),
		.counts = out,
		.e = e,
	};
	struct report_period *list;
	size_t n;
	bool ok;

	*out = (struct report_counts){ 0 };
	ok = report_secret(r->db, a, &t.secret, e) &&
	     list_due(r, a, now, &list, &n, e) && send_list(&t, list, n);
	arena_free(&a);
	return ok;
}

bool
reports_close(const struct reports *r, int64_t now, struct err *e)
{
	filter_db_run(r->db,
	    "UPDATE OR IGNORE dmarc_periods SET end = ? WHERE done IS NULL AND "
	    "end > ?",
	    SQ_VALUES(SQ_I(now), SQ_I(now)));
	return filter_db_flush(r->db, e);
}

bool
reports_forget(const struct reports *r, int64_t now, struct err *e)
{
	int64_t before = now - (int64_t)site_setting_uint(
				   r->site, "report.keep", everywhere);

	filter_db_run(r->db, "DELETE FROM dmarc_periods WHERE done < ?",
	    SQ_VALUES(SQ_I(before)));
	filter_db_run(r->db, "DELETE FROM received_reports WHERE received < ?",
	    SQ_VALUES(SQ_I(before)));
	filter_db_run(r->db, "DELETE FROM report_refusals WHERE until < ?",
	    SQ_VALUES(SQ_I(before)));
	failure_queue_forget(r->db, now);
	return filter_db_flush(r->db, e);
}

bool
reports_chore(void *arg, int64_t now, struct err *e)
{
	const struct reports *r = arg;
	struct report_counts counts = { 0 };

	if (site_setting_bool(r->site, "report.dmarc", everywhere) &&
	    !reports_send(r, now, &counts, e))
		return false;
	return failure_queue_send(r, now, &counts, e) &&
	       reports_forget(r, now, e);
}
