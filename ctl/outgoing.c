/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/outgoing.h"

#include "ctl/doctor.h"
#include "ctl/outgoing.h"
#include "ctl/verbs.h"
#include "outbox/outbox.h"

struct counting {
	struct ctl *c;
	uint64_t rows;
};

static bool
count_account(void *arg, struct str id, int64_t stamp)
{
	struct counting *k = arg;
	struct outgoing_state left;
	struct account *a;

	(void)stamp;
	if (account_open(k->c->store, id, &a, &k->c->err) != STORE_OK)
		return true; /* one that is just removed; check tells of others
			      */
	if (outgoing_state(a, &left, &k->c->err) == STORE_OK)
		k->rows += left.count;
	account_close(&a);
	return true;
}

uint64_t
count_outgoing(struct ctl *c)
{
	struct counting k = { .c = c };

	if (ctl_open_store(c) == 0 &&
	    outgoing_accounts(c->store, count_account, &k, &c->err) != STORE_OK)
		ctl_warn(c, "%s", c->err.msg);
	return k.rows;
}

void
doctor_outgoing(struct doctor *d)
{
	struct buf where = { 0 };
	struct err e = ERR_INIT;

	if (!d->c->site)
		return;
	if (outbox_probe(d->c->site, conf_hostname(d->c->conf), &where, &e))
		doctor_report(d, HEALTH_OK, NULL, "the MTA at %s answers",
		    buf_cstr(&where));
	else
		doctor_report(d, HEALTH_BAD,
		    "mailstead setting set mta.submission HOST:PORT",
		    "the MTA that takes the mail that accounts send cannot be "
		    "used: %s",
		    e.msg);
	buf_fini(&where);
}

/* ------------------------------------------------------------------------
 * Verbs
 */

struct listing {
	struct ctl *c;
	json_t *rows;
	uint64_t changed;
	/* What is done with each account. */
	enum store_rc (*each)(
	    struct listing *l, struct account *a, struct err *e);
};

static json_t *
recipients_json(const struct outgoing_row *row, json_t *why)
{
	json_t *to = json_array();

	for (size_t i = 0; i < row->what.nto; i++) {
		json_array_append_new(to, json_str(row->what.to[i]));
		if (row->why[i].n)
			json_array_append_new(why, json_str(row->why[i]));
	}
	return to;
}

static enum store_rc
list_rows(struct listing *l, struct account *a, struct err *e)
{
	struct ctl *c = l->c;
	struct site_account owner = { .address = account_id(a) };
	struct outgoing_row *rows;
	struct err ignored;
	size_t n;
	enum store_rc rc = outgoing_list(a, c->arena, &rows, &n, e);

	site_account_get(c->site, c->arena, account_id(a), &owner, &ignored);
	for (size_t i = 0; rc == STORE_OK && i < n; i++) {
		json_t *why = json_array();

		json_array_append_new(l->rows,
		    json_pack("{s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o}",
			"account", json_str(owner.address), "id",
			(json_int_t)rows[i].id, "queued",
			(json_int_t)rows[i].created, "tries",
			(json_int_t)rows[i].tries, "next",
			(json_int_t)rows[i].due, "from",
			json_str(rows[i].what.from), "to",
			recipients_json(&rows[i], why), "reasons", why));
	}
	return rc;
}

static enum store_rc
hurry(struct listing *l, struct account *a, struct err *e)
{
	struct outgoing_state left;
	enum store_rc rc = outgoing_hurry(a, e);

	if (rc == STORE_OK && (rc = outgoing_state(a, &left, e)) == STORE_OK)
		l->changed += left.count;
	return rc;
}

static bool
visit(void *arg, struct str id, int64_t stamp)
{
	struct listing *l = arg;
	struct ctl *c = l->c;
	struct account *a;
	enum store_rc rc = account_open(c->store, id, &a, &c->err);

	(void)stamp;
	if (rc == STORE_NOTFOUND)
		return true; /* it was just removed */
	if (rc == STORE_OK) {
		rc = l->each(l, a, &c->err);
		account_close(&a);
	}
	if (rc != STORE_OK)
		ctl_warn(c, "%s", c->err.msg);
	return true;
}

/* The account that is named, or all that have something to send. */
static int
visit_named(struct listing *l)
{
	struct ctl *c = l->c;
	struct site_account acc;
	int status = ctl_open_store(c);
	enum store_rc rc;

	if (status == 0 && c->argc > 0) {
		status = ctl_account(c, ctl_arg(c, 0), &acc);
		if (status == 0)
			visit(l, str_of(acc.id), 0);
	} else if (status == 0) {
		rc = outgoing_accounts(c->store, visit, l, &c->err);
		if (rc != STORE_OK)
			status = ctl_store_failed(c, rc, NULL);
	}
	return status;
}

int
cmd_outgoing_list(struct ctl *c)
{
	static const struct column columns[] = {
		{ "account", "ACCOUNT", COL_TEXT },
		{ "id", "ID", COL_NUMBER },
		{ "queued", "QUEUED", COL_TIME },
		{ "tries", "TRIES", COL_NUMBER },
		{ "next", "NEXT", COL_TIME },
		{ "from", NULL, COL_TEXT },
		{ "to", "TO", COL_LIST },
		{ "reasons", "BECAUSE", COL_LIST },
		{ NULL, NULL, COL_TEXT },
	};
	struct listing l = { .c = c, .rows = json_array(), .each = list_rows };
	int status = visit_named(&l);

	if (status == 0)
		return out_rows(c, columns, l.rows);
	json_decref(l.rows);
	return status;
}

int
cmd_outgoing_retry(struct ctl *c)
{
	struct listing l = { .c = c, .each = hurry };
	int status = visit_named(&l);

	if (status != 0)
		return status;
	return out_done(c,
	    json_pack("{s:I}", "messages", (json_int_t)l.changed),
	    "%llu messages will be tried at once",
	    (unsigned long long)l.changed);
}

static enum store_rc
drop(struct ctl *c, struct account *a, int64_t id)
{
	struct outgoing_row row;
	struct outgoing_fate *fates;
	enum store_rc rc = outgoing_lock(a, c->arena, id, &row, &c->err);

	if (rc != STORE_OK)
		return rc;
	fates = arena_array(c->arena, row.what.nto, sizeof(*fates));
	for (size_t i = 0; i < row.what.nto; i++)
		fates[i].final = true;
	rc = outgoing_settle(a, &row, fates, 0, NULL, &c->err);
	outgoing_unlock(&row);
	return rc == STORE_OK ? outgoing_tidy(a, &c->err) : rc;
}

int
cmd_outgoing_drop(struct ctl *c)
{
	struct site_account acc;
	struct account *a;
	enum store_rc rc;
	uint64_t id;
	int status;

	if (!str_u64(ctl_arg(c, 1), &id) || id > INT64_MAX)
		return ctl_failf(c, EX_USAGE,
		    "\"mailstead outgoing list\" shows them",
		    "\"%s\" is no number", c->argv[1]);
	if ((status = ctl_open_account(c, ctl_arg(c, 0), &acc, &a)) != 0)
		return status;
	rc = drop(c, a, (int64_t)id);
	account_close(&a);
	if (rc != STORE_OK)
		return ctl_store_failed(c, rc,
		    rc == STORE_BUSY ? "it is being sent at this moment"
				     : NULL);
	return out_done(c, json_object(), "dropped");
}
