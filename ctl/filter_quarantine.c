/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ctl/verbs.h"
#include "filter/digest.h"
#include "filter/release.h"

/* mailstead filter quarantine: what the filter took and keeps apart. */

#define DEFAULT_LIMIT 100

/* ------------------------------------------------------------------------
 * Opening and failing
 */

static int
failed(struct ctl *c, enum quarantine_rc rc)
{
	if (rc == QUARANTINE_NOTFOUND)
		return ctl_fail(c, EX_NOINPUT,
		    "\"mailstead filter quarantine list --all\" shows what "
		    "there is");
	if (rc == QUARANTINE_RELEASED)
		return ctl_fail(c, EX_CANTCREAT,
		    "\"mailstead filter quarantine show ID --raw\" writes it "
		    "out");
	return ctl_fail(c, EX_TEMPFAIL, NULL);
}

static int
open_quarantine(struct ctl *c, struct quarantine **q)
{
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	return quarantine_open(
		   conf_get(c->conf, "data_dir"), c->site, q, &c->err)
		   ? 0
		   : ctl_fail(c, EX_IOERR, NULL);
}

/* With what delivers, which the caller frees. */
static int
open_release(struct ctl *c, struct release *r)
{
	struct deliver_options o = { .hostname = conf_hostname(c->conf) };
	int status = ctl_open_store(c);

	if (status == 0)
		status = open_quarantine(c, &r->quarantine);
	if (status != 0)
		return status;
	o.site = r->site = c->site;
	o.store = c->store;
	r->hostname = o.hostname;
	r->deliver = deliver_new(&o);
	return 0;
}

static void
close_release(struct release *r)
{
	deliver_free(&r->deliver);
	quarantine_close(&r->quarantine);
}

/* ------------------------------------------------------------------------
 * What there is
 */

static json_t *
describe(const struct quarantine_entry *e)
{
	json_t *o = json_pack("{s:o, s:I, s:s, s:o, s:f, s:o, s:o, s:o, s:I}",
	    "id", json_str(e->id), "number", (json_int_t)e->n, "kind",
	    quarantine_kind_name(e->kind), "reason", json_str(e->reason),
	    "score", (double)e->score / 1000, "to", json_str(e->address),
	    "account", json_str(e->account), "domain", json_str(e->domain),
	    "came", (json_int_t)e->at);

	json_object_set_new(o, "size", json_integer((json_int_t)e->size));
	json_object_set_new(o, "expires",
	    e->expires == INT64_MAX ? json_integer(0)
				    : json_integer((json_int_t)e->expires));
	json_object_set_new(o, "sender", json_str(e->sender));
	json_object_set_new(o, "author", json_str(e->author));
	json_object_set_new(o, "subject", json_str(e->subject));
	json_object_set_new(o, "client", json_str(e->client));
	json_object_set_new(o, "helo", json_str(e->helo));
	json_object_set_new(o, "queue", json_str(e->queue_id));
	json_object_set_new(
	    o, "released", json_integer((json_int_t)e->released));
	json_object_set_new(o, "released_by", json_str(e->released_by));
	return o;
}

/* --account, --domain, --kind, --since, --all, --limit, --before. */
static int
read_scope(struct ctl *c, struct quarantine_query *q)
{
	const char *account = ctl_option(c, "account");
	const char *kind = ctl_option(c, "kind");
	struct site_account acc;
	int status;

	q->domain = str_of(ctl_option(c, "domain"));
	q->any_kind = !kind;
	q->released = ctl_switch(c, "all");
	if (kind && !quarantine_kind_parse(str_of(kind), &q->kind))
		return ctl_failf(c, EX_USAGE, "spam, malware or policy",
		    "there is no kind \"%s\"", kind);
	if (!account)
		return 0;
	if ((status = ctl_account(c, str_of(account), &acc)) == 0)
		q->account = arena_str(c->arena, str_of(acc.id));
	return status;
}

static int
read_number(struct ctl *c, const char *option, uint64_t *out)
{
	const char *text = ctl_option(c, option);

	if (!text || (str_u64(str_of(text), out) && *out <= INT64_MAX))
		return 0;
	return ctl_failf(
	    c, EX_USAGE, NULL, "--%s: \"%s\" is no number", option, text);
}

static int
read_query(struct ctl *c, struct quarantine_query *q)
{
	const char *since = ctl_option(c, "since");
	uint64_t ago, limit = DEFAULT_LIMIT, before = 0;
	int status = read_scope(c, q);

	if (status == 0)
		status = read_number(c, "limit", &limit);
	if (status == 0)
		status = read_number(c, "before", &before);
	if (status != 0)
		return status;
	q->limit = (size_t)limit;
	q->before = (int64_t)before;
	if (!since)
		return 0;
	if (!str_duration(str_of(since), &ago))
		return ctl_failf(c, EX_USAGE, "such as 2h or 7d",
		    "--since: \"%s\" is no duration", since);
	q->since = clock_now() - (int64_t)ago;
	return 0;
}

int
cmd_quarantine_list(struct ctl *c)
{
	static const struct column columns[] = {
		{ "id", "ID", COL_TEXT },
		{ "came", "CAME", COL_TIME },
		{ "kind", "KIND", COL_TEXT },
		{ "to", "TO", COL_TEXT },
		{ "author", "FROM", COL_TEXT },
		{ "subject", "SUBJECT", COL_TEXT },
		{ "released", "RELEASED", COL_TIME },
		{ "reason", "BECAUSE", COL_TEXT },
		{ NULL, NULL, COL_TEXT },
	};
	struct quarantine_query query = { .any_kind = true };
	struct quarantine *q = NULL;
	struct quarantine_entry *list;
	enum quarantine_rc rc;
	json_t *rows;
	size_t n;
	int status = open_quarantine(c, &q);

	if (status == 0)
		status = read_query(c, &query);
	if (status == 0) {
		rc = quarantine_list(q, c->arena, &query, &list, &n, &c->err);
		if (rc != QUARANTINE_OK)
			status = failed(c, rc);
	}
	quarantine_close(&q);
	if (status != 0)
		return status;
	rows = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(rows, describe(&list[i]));
	return out_rows(c, columns, rows);
}

static int
write_raw(struct ctl *c, struct str raw)
{
	if (fwrite(raw.p, 1, raw.n, stdout) == raw.n && fflush(stdout) == 0)
		return 0;
	err_errno(&c->err, "cannot write the message");
	return ctl_fail(c, EX_IOERR, NULL);
}

static int
show(struct ctl *c, const struct quarantine_entry *e, struct str raw)
{
	static const struct column columns[] = {
		{ "id", "Id", COL_TEXT },
		{ "kind", "Kind", COL_TEXT },
		{ "reason", "Reason", COL_TEXT },
		{ "to", "To", COL_TEXT },
		{ "sender", "Sender", COL_TEXT },
		{ "author", "From", COL_TEXT },
		{ "subject", "Subject", COL_TEXT },
		{ "client", "Client", COL_TEXT },
		{ "helo", "HELO", COL_TEXT },
		{ "queue", "Queue id", COL_TEXT },
		{ "came", "Came", COL_TIME },
		{ "expires", "Kept until", COL_TIME },
		{ "size", "Size", COL_SIZE },
		{ "released", "Released", COL_TIME },
		{ "released_by", "Released by", COL_TEXT },
		{ NULL, NULL, COL_TEXT },
	};
	json_t *o;

	if (ctl_switch(c, "raw") && !c->json)
		return write_raw(c, raw);
	o = describe(e);
	if (ctl_switch(c, "raw"))
		json_object_set_new(o, "raw", json_str(raw));
	return out_record(c, columns, o);
}

int
cmd_quarantine_show(struct ctl *c)
{
	struct quarantine *q = NULL;
	struct quarantine_entry e;
	struct buf raw = { 0 };
	enum quarantine_rc rc;
	int status = open_quarantine(c, &q);

	if (status != 0)
		return status;
	rc = quarantine_get(q, c->arena, ctl_arg(c, 0), &e,
	    ctl_switch(c, "raw") ? &raw : NULL, &c->err);
	status =
	    rc == QUARANTINE_OK ? show(c, &e, buf_str(&raw)) : failed(c, rc);
	buf_fini(&raw);
	quarantine_close(&q);
	return status;
}

/* ------------------------------------------------------------------------
 * What is done with it: with those that are named, or with --all that the
 * filters leave and that are not released.
 */

struct work {
	struct ctl *c;
	struct release r;
	enum quarantine_rc (*each)(struct work *w, struct str id);
	size_t done;
	int status;
};

static enum quarantine_rc
release_one(struct work *w, struct str id)
{
	return quarantine_release(
	    &w->r, id, &w->c->by, clock_now(), &w->c->err);
}

static void
do_one(struct work *w, struct str id)
{
	enum quarantine_rc rc = w->each(w, id);

	if (rc == QUARANTINE_OK)
		w->done++;
	else
		w->status = failed(w->c, rc);
}

static int
do_all(struct work *w)
{
	struct ctl *c = w->c;
	struct quarantine_query query = { .limit = DEFAULT_LIMIT };
	struct quarantine_entry *list;
	enum quarantine_rc rc;
	size_t n;
	int status = read_scope(c, &query);

	if (status != 0)
		return status;
	query.released = false;
	if (query.any_kind && w->each == release_one)
		query.any_kind = false; /* malware only if it is named */
	do {
		rc = quarantine_list(
		    w->r.quarantine, c->arena, &query, &list, &n, &c->err);
		if (rc != QUARANTINE_OK)
			return failed(c, rc);
		for (size_t i = 0; i < n; i++)
			do_one(w, list[i].id);
		if (n > 0)
			query.before = list[n - 1].n;
	} while (n == query.limit);
	return w->status;
}

static int
do_work(struct ctl *c, struct work *w, const char *what)
{
	bool all = ctl_switch(c, "all");
	int status;

	if (all != (c->argc == 0))
		return ctl_failf(c, EX_USAGE,
		    "name ids, or --all with filters such as --account",
		    all ? "ids and --all do not go together"
			: "nothing is named");
	if ((status = open_release(c, &w->r)) != 0)
		return status;
	for (int i = 0; i < c->argc; i++)
		do_one(w, ctl_arg(c, i));
	status = all ? do_all(w) : w->status;
	close_release(&w->r);
	if (status != 0)
		return status;
	return out_done(c, json_pack("{s:I}", "entries", (json_int_t)w->done),
	    "%zu %s", w->done, what);
}

int
cmd_quarantine_release(struct ctl *c)
{
	struct work w = { .c = c, .each = release_one };

	return do_work(c, &w, "released");
}

static enum quarantine_rc
delete_one(struct work *w, struct str id)
{
	struct ctl *c = w->c;
	enum quarantine_rc rc = quarantine_delete(w->r.quarantine, id, &c->err);

	if (rc == QUARANTINE_OK &&
	    site_audit(c->site, &c->by, STR("quarantine.delete"), id, STR_NULL,
		&c->err) != SITE_OK)
		ctl_warn(c, "%s", c->err.msg);
	return rc;
}

int
cmd_quarantine_delete(struct ctl *c)
{
	struct work w = { .c = c, .each = delete_one };

	return do_work(c, &w, "deleted");
}

int
cmd_quarantine_digest(struct ctl *c)
{
	struct release r = { 0 };
	struct digest d;
	size_t sent = 0;
	bool ok;
	int status = open_release(c, &r);

	if (status != 0)
		return status;
	d = (struct digest){ r.quarantine, r.site, r.deliver };
	ok = digest_send(&d, clock_now(), &sent, &c->err);
	close_release(&r);
	if (!ok)
		return ctl_fail(c, EX_TEMPFAIL, NULL);
	return out_done(c, json_pack("{s:I}", "sent", (json_int_t)sent),
	    "%zu digests sent", sent);
}
