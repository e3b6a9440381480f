/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/tls_send.h"

#include <inttypes.h>
#include <string.h>

#include "base/codec.h"
#include "base/log.h"
#include "fetch/fetch.h"
#include "filter/report_address.h"
#include "filter/report_mail.h"
#include "mailauth/report.h"
#include "outbound/tls_rua.h"
#include "site/setting.h"

#define DAY 86400
#define POST_SECONDS 60
#define ANSWER_MAX 4096 /* octets that are read of it */

static const struct site_scope everywhere;

/* A day of a domain. */
struct day {
	int64_t id, begin;
	struct str domain;
};

struct round {
	const struct tls_reports *r;
	struct arena *a;
	int64_t now;
	bool all;
	struct str from, organization;
	struct day day;
	struct tls_report report; /* n == 0: not made yet */
	struct report_counts *counts;
	bool waits; /* an address is to be tried again */
	struct err *e;
};

/* ------------------------------------------------------------------------
 * Making one
 */

static size_t
lines_of(
    struct arena *a, struct str text, struct str prefix, const struct str **out)
{
	struct str *list = NULL, line;
	size_t n = 0, cap = 0;

	while (text.n > 0 && str_split(&text, '\n', &line)) {
		if (!str_starts(line, prefix))
			continue;
		list = arena_grow(a, list, n, &cap, sizeof(*list));
		list[n++] = str_sub(line, prefix.n, STR_NPOS);
	}
	*out = list;
	return n;
}

struct making {
	struct tls_policy *policies;
	struct tls_failure *details;
	struct str strings; /* of the last policy */
	size_t n, npolicies, ndetails;
};

static struct tls_policy *
policy_for(struct round *t, struct making *m, struct str type, struct str text)
{
	struct tls_policy *p =
	    m->npolicies ? &m->policies[m->npolicies - 1] : NULL;

	if (p && str_eq(p->type, type) && str_eq(m->strings, text))
		return p;
	m->strings = text;
	p = &m->policies[m->npolicies++];
	*p = (struct tls_policy){ .type = type, .domain = t->day.domain };
	p->nstrings = lines_of(t->a, text, STR(""), &p->strings);
	p->nmx_hosts = lines_of(t->a, text, STR("mx: "), &p->mx_hosts);
	p->details = &m->details[m->ndetails];
	return p;
}

static void
add_row(struct round *t, struct making *m, struct sqlite3_stmt *s)
{
	struct tls_policy *p =
	    policy_for(t, m, sq_dup(t->a, s, 0), sq_dup(t->a, s, 1));
	struct str result = sq_dup(t->a, s, 2);
	uint64_t count = (uint64_t)sq_int(s, 5);

	if (result.n == 0) {
		p->successes += count;
		return;
	}
	p->failures += count;
	m->details[m->ndetails++] = (struct tls_failure){
		.result_type = result,
		.receiving_mx_hostname = sq_dup(t->a, s, 3),
		.receiving_ip = sq_dup(t->a, s, 4),
		.count = count,
	};
	p->ndetails++;
}

/* Rows of one policy stand together. */
static bool
read_rows(struct round *t, struct sq *q, struct making *m)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc;

	for (rc = sq_one(q, &s, t->e,
		 "SELECT policy, strings, result, mx, ip, count"
		 " FROM tls_sessions WHERE report = ?"
		 " ORDER BY policy, strings, count DESC LIMIT ?",
		 SQ_I(t->day.id), SQ_I(TLS_SEND_ROWS));
	     rc == SQ_ROW; rc = sq_step(s, t->e))
		add_row(t, m, s);
	return rc == SQ_DONE;
}

static bool
make(struct round *t)
{
	struct sq *q = filter_db_reader(t->r->db, t->e);
	struct making m = { .n = 0 };
	bool ok;

	if (!q)
		return false;
	m.policies = arena_array(t->a, TLS_SEND_ROWS, sizeof(*m.policies));
	m.details = arena_array(t->a, TLS_SEND_ROWS, sizeof(*m.details));
	ok = read_rows(t, q, &m);
	filter_db_reader_done(t->r->db, &q);
	t->report = (struct tls_report){
		.organization = t->organization,
		.contact = t->from,
		.report_id = arena_printf(t->a, "%" PRId64 ".%.*s@%s",
		    t->day.begin, STR_ARG(t->day.domain), t->r->hostname),
		.begin = t->day.begin,
		.end = t->day.begin + DAY - 1,
		.policies = m.policies,
		.n = m.npolicies,
	};
	return ok;
}

/* ------------------------------------------------------------------------
 * What is remembered
 */

static bool
remember(struct round *t, struct str uri, const char *state, int64_t next,
    struct str why)
{
	filter_db_run(t->r->db,
	    "INSERT OR REPLACE INTO tls_sent VALUES (?, ?, ?, ?, ?, ?)",
	    SQ_VALUES(SQ_I(t->day.id), SQ_T(uri), SQ_C(state), SQ_I(next),
		SQ_I(t->now), SQ_T(why)));
	return filter_db_flush(t->r->db, t->e);
}

static bool
sent(struct round *t, struct str uri)
{
	t->counts->sent++;
	log_info("tls_report_sent", LOG_STR("domain", t->day.domain),
	    LOG_STR("to", uri));
	return remember(t, uri, "sent", 0, STR_NULL);
}

static bool
failed(struct round *t, struct str uri, struct str why)
{
	t->counts->failed++;
	log_info("tls_report_failed", LOG_STR("domain", t->day.domain),
	    LOG_STR("to", uri), LOG_STR("reason", why));
	return remember(t, uri, "failed", 0, why);
}

static bool
later(struct round *t, struct str uri, struct str why)
{
	t->counts->waiting++;
	t->waits = true;
	return remember(t, uri, "waiting", t->now + TLS_SEND_RETRY, why);
}

/* *due: it has not been sent, and may be now. */
static bool
look_up(struct round *t, struct str uri, bool *due)
{
	struct sq *q = filter_db_reader(t->r->db, t->e);
	struct sqlite3_stmt *s;
	enum sq_rc rc;

	*due = true;
	if (!q)
		return false;
	rc = sq_one(q, &s, t->e,
	    "SELECT state = 'waiting', next FROM tls_sent"
	    " WHERE report = ? AND address = ?",
	    SQ_I(t->day.id), SQ_T(uri));
	if (rc == SQ_ROW) {
		bool waiting = sq_int(s, 0) != 0;

		*due = waiting && (t->all || sq_int(s, 1) <= t->now);
		if (waiting && !*due) {
			t->counts->waiting++;
			t->waits = true;
		}
		sq_reset(s);
	}
	filter_db_reader_done(t->r->db, &q);
	return rc == SQ_ROW || rc == SQ_DONE;
}

/* ------------------------------------------------------------------------
 * Sending
 */

static struct str
domain_of(struct str address)
{
	return str_sub(address, str_rchr(address, '@') + 1, STR_NPOS);
}

static uint64_t
max_size(const struct round *t)
{
	return site_setting_uint(t->r->site, "report.max_size", everywhere);
}

static bool
hand_over(struct round *t, struct str uri, struct str to, struct str raw)
{
	struct outbox_letter l = { .sender = t->from, .to = &to, .raw = raw };
	struct err why = ERR_INIT;

	switch (report_mail(
	    t->r->db, t->r->site, t->r->hostname, &l, t->now, &why)) {
	case OUTBOX_SENT:
		return sent(t, uri);
	case OUTBOX_DEFERRED:
		return later(t, uri, str_of(why.msg));
	default:
		return failed(t, uri, str_of(why.msg));
	}
}

static bool
mail(struct round *t, struct str uri, struct str to)
{
	struct buf raw = { 0 };
	uint64_t max = max_size(t);
	bool ok;

	tls_report_mail(&raw, &t->report, t->day.domain, domain_of(t->from),
	    t->from, to, t->now);
	ok = max && raw.n > max
		 ? failed(t, uri, STR("it is larger than report.max_size"))
		 : hand_over(t, uri, to, buf_str(&raw));
	buf_fini(&raw);
	return ok;
}

static bool
mail_unless_refused(struct round *t, struct str uri)
{
	struct str to = str_sub(uri, strlen("mailto:"), STR_NPOS);
	int64_t until;

	to = str_sub(to, 0, str_chr(to, '?'));
	if (!report_refused_until(t->r->db, to, &until, t->e))
		return false;
	return until > t->now
		   ? failed(t, uri, STR("the address refused reports lately"))
		   : mail(t, uri, to);
}

/* Section 5.4. Whoever names a host in his record could name ours. */
static bool
post(struct round *t, struct str uri)
{
	struct buf json = { 0 }, packed = { 0 }, answer = { 0 };
	struct err why = ERR_INIT;
	struct fetch f = {
		.url = arena_cstr(t->a, uri),
		.ca_file =
		    arena_cstr(t->a, site_setting(t->r->site, t->a,
					 "report.tls_ca_file", everywhere)),
		.timeout = POST_SECONDS,
		.type = "application/tlsrpt+gzip",
		.public_only = !site_setting_bool(
		    t->r->site, "report.tls_private", everywhere),
		.max = ANSWER_MAX,
	};
	unsigned status;

	tls_report_write(&json, &t->report);
	report_gzip(&packed, buf_str(&json));
	f.post = packed.p;
	f.post_size = packed.n;
	status = fetch_any(&f, &answer, &why);
	if (status != 0 && status / 100 != 2)
		err_set(&why, "the host answered %u", status);
	buf_fini(&json);
	buf_fini(&packed);
	buf_fini(&answer);
	if (status / 100 == 2)
		return sent(t, uri);
	return status / 100 == 4 ? failed(t, uri, str_of(why.msg))
				 : later(t, uri, str_of(why.msg));
}

static bool
send_to(struct round *t, struct str uri)
{
	bool due;

	if (!look_up(t, uri, &due))
		return false;
	if (!due)
		return true;
	if (t->report.n == 0 && !make(t))
		return false;
	return str_istarts(uri, STR("mailto:")) ? mail_unless_refused(t, uri)
						: post(t, uri);
}

/* ------------------------------------------------------------------------
 * Days
 */

static bool
finish(struct round *t)
{
	filter_db_run(t->r->db,
	    "UPDATE tls_sent SET state = 'failed', changed = ?"
	    " WHERE report = ? AND state = 'waiting'",
	    SQ_VALUES(SQ_I(t->now), SQ_I(t->day.id)));
	filter_db_run(t->r->db, "UPDATE tls_days SET done = ? WHERE id = ?",
	    SQ_VALUES(SQ_I(t->now), SQ_I(t->day.id)));
	return filter_db_flush(t->r->db, t->e);
}

/* When the report of the day is sent: a domain's always comes at the same time.
 */
static int64_t
due_at(const struct day *d)
{
	uint8_t hash[SHA256_LEN];

	sha256(d->domain, hash);
	return d->begin + DAY +
	       (hash[0] << 8 | hash[1]) * TLS_SEND_SPREAD / 65536;
}

static bool
send_day(struct round *t)
{
	int64_t due = due_at(&t->day);
	struct tls_rua rua = { .n = 0 };
	enum dns_rc rc;
	bool ok = true;

	if (t->now < due && !t->all)
		return true;
	if (t->now > due + TLS_SEND_GIVE_UP)
		return finish(t);
	rc = tls_rua_find(t->r->resolver, t->a, t->day.domain, &rua);
	if (rc == DNS_FAILED) {
		t->counts->waiting++;
		return true;
	}
	for (size_t i = 0; ok && i < rua.n; i++)
		ok = send_to(t, rua.uris[i]);
	return ok && (t->waits || finish(t));
}

static bool
read_days(struct round *t, struct sq *q, struct day *list, size_t *n)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc;

	*n = 0;
	for (rc = sq_one(q, &s, t->e,
		 "SELECT id, day, domain FROM tls_days WHERE done IS NULL"
		 " AND day <= ? ORDER BY day LIMIT ?",
		 SQ_I(t->now - DAY), SQ_I(TLS_SEND_BATCH));
	     rc == SQ_ROW; rc = sq_step(s, t->e))
		list[(*n)++] = (struct day){ sq_int(s, 0), sq_int(s, 1),
			sq_dup(t->a, s, 2) };
	return rc == SQ_DONE;
}

static bool
send_list(const struct round *t, const struct day *list, size_t n)
{
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++) {
		struct round one = *t;

		one.a = arena_new();
		one.day = list[i];
		ok = send_day(&one);
		arena_free(&one.a);
	}
	return ok;
}

bool
tls_reports_send(const struct tls_reports *r, int64_t now, bool all,
    struct report_counts *out, struct err *e)
{
	struct round t = { .r = r,
		.a = arena_new(),
		.now = now,
		.all = all,
		.counts = out,
		.e = e };
	struct day *list = arena_array(t.a, TLS_SEND_BATCH, sizeof(*list));
	struct sq *q = filter_db_reader(r->db, e);
	size_t n = 0;
	bool ok = q && read_days(&t, q, list, &n);

	filter_db_reader_done(r->db, &q);
	t.from = report_from(r->site, t.a, r->hostname);
	t.organization = report_organization(r->site, t.a, t.from);
	ok = ok && send_list(&t, list, n);
	arena_free(&t.a);
	return ok;
}

static bool
forget(const struct tls_reports *r, int64_t now, struct err *e)
{
	static const char *const rows[] = {
		"DELETE FROM tls_sessions WHERE report IN"
		" (SELECT id FROM tls_days WHERE day < ?)",
		"DELETE FROM tls_sent WHERE report IN"
		" (SELECT id FROM tls_days WHERE day < ?)",
		"DELETE FROM tls_days WHERE day < ?",
	};
	int64_t before = now - (int64_t)site_setting_uint(
				   r->site, "report.keep", everywhere);

	for (size_t i = 0; i < LEN(rows); i++)
		filter_db_run(r->db, rows[i], SQ_VALUES(SQ_I(before)));
	return filter_db_flush(r->db, e);
}

bool
tls_reports_chore(void *arg, int64_t now, struct err *e)
{
	const struct tls_reports *r = arg;
	struct report_counts counts = { 0 };

	if (site_setting_bool(r->site, "report.tls", everywhere) &&
	    !tls_reports_send(r, now, false, &counts, e))
		return false;
	return forget(r, now, e);
}
