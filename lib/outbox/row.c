/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbox/row.h"

#include "base/clock.h"
#include "base/log.h"
#include "outbox/note.h"
#include "outbox/post.h"
#include "outbox/send.h"
#include "site/setting.h"

#define PAUSE_MAX 3600
#define SETTLE_MS 2000 /* between two attempts to note what became of a row */

struct job {
	struct row_sender *s;
	const struct outbox_options *o;
	struct account *a;
	struct arena *arena;
	struct outgoing_row row;
	struct site_account owner;
	bool has_owner;
	struct buf raw;
	struct verdict *verdicts;
};

/* ------------------------------------------------------------------------
 * When
 */

static struct site_scope
scope_of(const struct job *j)
{
	struct site_scope everywhere = { .domain = STR_NULL };

	return j->has_owner ? site_scope_of(&j->owner) : everywhere;
}

static bool
is_too_old(const struct job *j)
{
	uint64_t life =
	    site_setting_uint(j->o->site, "mta.queue_lifetime", scope_of(j));

	return clock_now() - j->row.created > (int64_t)life ||
	       (j->row.what.by_time &&
		   str_starts(j->row.what.by_mode, STR("R")) &&
		   clock_now() > j->row.what.by_time);
}

/* Twice as long each time, up to an hour. */
static int64_t
pause_of(const struct job *j)
{
	uint64_t pause =
	    site_setting_uint(j->o->site, "mta.retry_pause", scope_of(j));

	for (unsigned i = 0; i < j->row.tries && pause < PAUSE_MAX; i++)
		pause *= 2;
	return (int64_t)(pause > PAUSE_MAX ? PAUSE_MAX : pause);
}

static void
give_up(struct job *j)
{
	for (size_t i = 0; i < j->row.what.nto; i++) {
		struct str why = j->row.why[i];

		if (j->verdicts[i].fate != FATE_LATER)
			continue;
		if (j->verdicts[i].why.n)
			why = j->verdicts[i].why;
		j->verdicts[i] = (struct verdict){ FATE_FAILED,
			why.n ? why
			      : STR("The mail system could not be reached in "
				    "time") };
	}
}

/* ------------------------------------------------------------------------
 * What became of it
 */

static const enum outbox_result result_of[] = {
	[FATE_LATER] = OUTBOX_DEFERRED,
	[FATE_SENT] = OUTBOX_SENT,
	[FATE_FAILED] = OUTBOX_FAILED,
};

static void
log_recipient(const struct job *j, size_t i)
{
	const struct verdict *v = &j->verdicts[i];
	struct str to = j->row.what.to[i];

	if (j->row.what.kind == OUTGOING_POST)
		to = post_host(to); /* the rest may be a secret */
	if (j->o->tried)
		j->o->tried(j->o->arg, result_of[v->fate]);
	LOG_AT(v->fate == FATE_SENT ? LOG_INFO : LOG_WARN, "outgoing",
	    LOG_STR("account", account_id(j->a)), LOG_INT("row", j->row.id),
	    LOG_STR("from", j->row.what.from), LOG_STR("to", to),
	    LOG_UINT("size", j->raw.n), LOG_UINT("try", j->row.tries + 1),
	    LOG_CSTR("result", outbox_result_name(result_of[v->fate])),
	    LOG_STR(v->why.n ? "reply" : NULL, v->why));
}

static bool
any_failed(const struct job *j)
{
	for (size_t i = 0; i < j->row.what.nto; i++) {
		if (j->verdicts[i].fate == FATE_FAILED)
			return true;
	}
	return false;
}

/*
 * What was sent must not be sent again because the disk is full: with the lock
 * in hand, we wait until it can be noted.
 */
static enum store_rc
note_fates(struct job *j, const struct outgoing_fate *fates,
    const struct append *note, struct err *e)
{
	enum store_rc rc;

	for (;;) {
		rc = outgoing_settle(
		    j->a, &j->row, fates, clock_now() + pause_of(j), note, e);
		if (rc == STORE_OK || rc == STORE_NOTFOUND ||
		    !row_may_wait(j->s->b, SETTLE_MS))
			return rc;
		log_error("outgoing_note", LOG_STR("account", account_id(j->a)),
		    LOG_INT("row", j->row.id), LOG_ERR(e));
	}
}

/* Of a notification that fails for every message, once a day. */
static void
limit_notes(const struct job *j, struct append *note)
{
	if (j->row.what.kind == OUTGOING_MAIL)
		return;
	note->window = 86400;
	note->key =
	    arena_printf(j->arena, "note %.*s", STR_ARG(j->row.what.to[0]));
}

static enum store_rc
settle(struct job *j, struct err *e)
{
	size_t n = j->row.what.nto;
	struct outgoing_fate *fates = arena_array(j->arena, n, sizeof(*fates));
	struct append note = { .raw = STR_NULL };
	struct buf text = { 0 };
	bool tell = any_failed(j) && j->has_owner &&
		    j->row.what.kind != OUTGOING_NOTICE;
	enum store_rc rc;

	for (size_t i = 0; i < n; i++)
		fates[i] =
		    (struct outgoing_fate){ j->verdicts[i].fate != FATE_LATER,
			    j->verdicts[i].why };
	if (tell) {
		note_compose(&text, &j->owner, &j->row.what, buf_str(&j->raw),
		    j->verdicts);
		note.raw = buf_str(&text);
		limit_notes(j, &note);
	}
	for (size_t i = 0; i < n; i++)
		log_recipient(j, i);
	rc = note_fates(j, fates, tell ? &note : NULL, e);
	buf_fini(&text);
	return rc;
}

/* ------------------------------------------------------------------------
 * Sending
 */

/* False: the MTA is not there, and nothing was tried. */
static bool
try_mail(struct job *j, struct sending *sending)
{
	struct err why = ERR_INIT;
	bool up;

	if (row_mta_is_down(j->s->b))
		return false;
	up = send_mail(sending, &why);
	row_mta_was(j->s->b, up, &why);
	return up;
}

static bool
try_it(struct job *j)
{
	struct sending sending = { .site = j->o->site,
		.hostname = j->o->hostname,
		.arena = j->arena,
		.what = &j->row.what,
		.raw = buf_str(&j->raw),
		.verdicts = j->verdicts,
		.talking = j->s->talking,
		.arg = j->s->arg };

	if (j->row.what.kind != OUTGOING_POST)
		return try_mail(j, &sending);
	send_post(&sending, scope_of(j));
	return true;
}

static enum store_rc
send_row(struct job *j, bool *moved, struct err *e)
{
	enum store_rc rc;
	enum site_rc found = site_account_get(
	    j->o->site, j->arena, account_id(j->a), &j->owner, e);

	/* An account that is being removed has nobody to tell. */
	if (found != SITE_OK && found != SITE_NOTFOUND)
		return STORE_IO;
	j->has_owner = found == SITE_OK;
	rc = outgoing_read(j->a, &j->row, &j->raw, e);
	if (rc != STORE_OK)
		return rc;
	j->verdicts =
	    arena_array(j->arena, j->row.what.nto, sizeof(*j->verdicts));
	if (is_too_old(j))
		give_up(j);
	else if (!try_it(j))
		return STORE_OK;
	*moved = true;
	return settle(j, e);
}

enum store_rc
row_send(struct row_sender *s, struct account *a, int64_t id, bool *moved,
    struct err *e)
{
	struct job j = {
		.s = s, .o = row_options(s->b), .a = a, .arena = arena_new()
	};
	enum store_rc rc = outgoing_lock(a, j.arena, id, &j.row, e);

	if (rc == STORE_OK) {
		rc = send_row(&j, moved, e);
		outgoing_unlock(&j.row);
	}
	buf_fini(&j.raw);
	arena_free(&j.arena);
	return rc;
}
