/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/event_script.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/filter.h"
#include "imapd/place.h"
#include "outbox/outbox.h"
#include "site/setting.h"

/* The scripts of one event. */
struct run {
	struct session *s;
	const struct mail_event *ev;
	struct site_account owner; /* of the account the messages are in */
	struct script_host host;   /* but for the arena, that of all runs */
	struct script_chain chain;
	struct script_item items[4];
	struct mailbox box;
	struct view *view;
	struct keywords keywords;
	struct quota quota;
	/* Limits, and what was done. */
	uint64_t max;
	int64_t deadline;
	uint64_t runs, failed;
	struct uids_builder deleted;
	bool queued;
};

static struct site_scope
scope_of(const struct run *r)
{
	return site_scope_of(&r->owner);
}

static void
log_failure(const struct run *r, const char *what, const struct err *e)
{
	log_error(what, LOG_CSTR("session", conn_id(r->s->conn)),
	    LOG_CSTR("user", r->s->user),
	    LOG_STR("account", account_id(r->ev->account)),
	    LOG_INT("mailbox", r->ev->mailbox), LOG_ERR(e));
}

/* ------------------------------------------------------------------------
 * What scripts can see
 */

struct names {
	struct str *v;
	size_t n, cap;
};

static void
add_name(struct arena *a, struct names *l, struct str name)
{
	l->v = arena_grow(a, l->v, l->n, &l->cap, sizeof(*l->v));
	l->v[l->n++] = name;
}

static void
add_keyword(
    struct arena *a, struct names *l, const struct keywords *k, uint32_t index)
{
	if (index < k->n)
		add_name(a, l, k->names[index]);
}

static struct names
names_of(struct arena *a, const struct flags *f, const struct keywords *k)
{
	static const struct {
		uint64_t bit;
		struct str name;
	} system[] = {
		{ FLAG_ANSWERED, { "\\Answered", 9 } },
		{ FLAG_FLAGGED, { "\\Flagged", 8 } },
		{ FLAG_DELETED, { "\\Deleted", 8 } },
		{ FLAG_SEEN, { "\\Seen", 5 } },
		{ FLAG_DRAFT, { "\\Draft", 6 } },
	};
	struct names l = { 0 };

	for (size_t i = 0; i < LEN(system); i++) {
		if (f->bits & system[i].bit)
			add_name(a, &l, system[i].name);
	}
	for (uint32_t i = 0; i < FLAGS_KEYWORDS; i++) {
		if (f->bits & FLAG_KEYWORD(i))
			add_keyword(a, &l, k, i);
	}
	for (uint32_t i = 0; i < f->nmore; i++)
		add_keyword(a, &l, k, f->more[i]);
	return l;
}

/* Flags that only one of them has. */
static struct flags
difference(struct arena *a, const struct flags *f, const struct flags *g)
{
	struct flags d = { .bits = f->bits ^ g->bits };

	for (uint32_t i = 0; i < f->nmore; i++) {
		if (!flags_has_keyword(g, f->more[i]))
			flags_set_keyword(a, &d, f->more[i]);
	}
	for (uint32_t i = 0; i < g->nmore; i++) {
		if (!flags_has_keyword(f, g->more[i]))
			flags_set_keyword(a, &d, g->more[i]);
	}
	return d;
}

/* Of what was there before the command if that is known, else what it named. */
static struct flags
changed_flags(const struct run *r, struct arena *a, const struct view_row *row)
{
	const struct view *before = r->ev->before;
	uint32_t seq = before ? view_seq(before, row->uid) : 0;

	if (seq)
		return difference(a, &view_at(before, seq)->flags, &row->flags);
	return *r->ev->flags;
}

static struct sieve_imap_event
event_of(const struct run *r, struct arena *a, const struct view_row *row)
{
	struct names now = names_of(a, &row->flags, &r->keywords), changed;
	struct sieve_imap_event ev = {
		.cause = str_of(mail_cause_name(r->ev->cause)),
		.mailbox = r->box.path,
		.user = str_of(r->s->address),
		.email = str_of(r->s->address),
		.flags = now.v,
		.nflags = now.n,
	};

	if (r->ev->cause == CAUSE_FLAG) {
		struct flags d = changed_flags(r, a, row);

		changed = names_of(a, &d, &r->keywords);
		ev.changed_flags = changed.v;
		ev.nchanged = changed.n;
	}
	return ev;
}

/* Where copied messages came from, as Dovecot's administrators know it. */
static enum store_rc
find_mailboxes(struct run *r, struct err *e)
{
	struct session *s = r->s;
	const struct mail_event *ev = r->ev;
	struct mailbox from;
	enum store_rc rc =
	    mailbox_get(ev->account, s->arena, ev->mailbox, &r->box, e);

	if (rc != STORE_OK)
		return rc;
	r->host.items = r->items;
	r->items[r->host.nitems++] =
	    (struct script_item){ "vnd.dovecot.mailbox-to", r->box.path };
	r->items[r->host.nitems++] =
	    (struct script_item){ "vnd.dovecot.mailbox_to", r->box.path };
	if (ev->cause != CAUSE_COPY)
		return STORE_OK;
	rc = mailbox_get(s->sel.account, s->arena, s->sel.mailbox, &from, e);
	if (rc != STORE_OK)
		return rc == STORE_NOTFOUND ? STORE_OK : rc;
	r->items[r->host.nitems++] =
	    (struct script_item){ "vnd.dovecot.mailbox-from", from.path };
	r->items[r->host.nitems++] =
	    (struct script_item){ "vnd.dovecot.mailbox_from", from.path };
	return STORE_OK;
}

/* ------------------------------------------------------------------------
 * A message
 */

static enum store_rc
read_message(const struct run *r, const struct view_row *row, struct buf *out,
    struct err *e)
{
	struct reader *reader;
	enum store_rc rc = reader_begin(r->ev->account, &reader, e);

	if (rc != STORE_OK)
		return rc;
	rc = email_read(reader, row->email, 0, UINT64_MAX, out, e);
	reader_end(&reader);
	return rc;
}

/* There is no envelope; mail goes out in the owner's name (section 3.4). */
static enum store_rc
decide(struct run *r, struct arena *a, const struct view_row *row,
    struct str raw, struct filter_result *done, struct err *e)
{
	struct filter_job job = {
		.host = r->host,
		.chain = &r->chain,
		.programs = r->s->d->programs,
		.envelope = { .from = r->owner.address,
		    .to = r->owner.address },
		.raw = raw,
		.event = event_of(r, a, row),
		.original = { .mailbox = r->ev->mailbox,
		    .uid = row->uid,
		    .flags = row->flags,
		    .received = row->received },
		.terms = { .quota = &r->quota },
	};

	job.host.arena = a;
	return filter_deliver(&job, done, e);
}

static void
run_one(struct run *r, struct arena *a, const struct view_row *row)
{
	struct filter_result done = { 0 };
	struct buf raw = { 0 };
	struct err e = ERR_INIT;
	enum store_rc rc = read_message(r, row, &raw, &e);

	r->runs++;
	if (rc == STORE_OK)
		rc = decide(r, a, row, buf_str(&raw), &done, &e);
	buf_fini(&raw);
	/* A message that is gone by now is nobody's loss. */
	if (rc != STORE_OK && rc != STORE_NOTFOUND && r->failed++ == 0)
		log_failure(r, "scripts could not act on a message", &e);
	r->queued |= done.queued;
	if (rc == STORE_OK && done.deleted)
		uids_add(&r->deleted, row->uid);
}

/* ------------------------------------------------------------------------
 * All of them
 */

static enum store_rc
find_owner(struct run *r, struct err *e)
{
	struct session *s = r->s;

	switch (site_account_get(
	    s->d->site, s->arena, account_id(r->ev->account), &r->owner, e)) {
	case SITE_OK:
		break;
	case SITE_NOTFOUND:
		return STORE_NOTFOUND;
	default:
		return STORE_IO;
	}
	r->host = (struct script_host){
		.site = s->d->site,
		.account = r->ev->account,
		.owner = &r->owner,
		.arena = s->arena,
		.hostname = s->d->hostname,
		.id = conn_id(s->conn),
		.sender = r->owner.address,
		.recipient = r->owner.address,
	};
	return STORE_OK;
}

static void
set_limits(struct run *r)
{
	struct site *site = r->s->d->site;

	r->quota =
	    (struct quota){ r->owner.quota_bytes, r->owner.quota_messages };
	r->max =
	    site_setting_uint(site, "sieve.imap_max_messages", scope_of(r));
	r->deadline =
	    clock_mono_ms() + (int64_t)site_setting_uint(
				  site, "sieve.imap_max_time", scope_of(r)) *
				  1000;
}

/* Only if there are scripts: what they need to know. */
static enum store_rc
prepare(struct run *r, struct err *e)
{
	struct account *a = r->ev->account;
	enum store_rc rc = find_mailboxes(r, e);

	set_limits(r);
	if (rc == STORE_OK)
		rc = account_keywords(
		    a, r->s->arena, &r->keywords.names, &r->keywords.n, e);
	if (rc == STORE_OK)
		rc = view_current(a, r->ev->mailbox, &r->view, e);
	return rc;
}

static bool
within_limits(const struct run *r)
{
	return !conn_stopping(r->s->conn) &&
	       (r->max == 0 || r->runs < r->max) &&
	       (r->runs == 0 || clock_mono_ms() < r->deadline);
}

/* The message, if it is there and the command changed it. */
static const struct view_row *
row_of(const struct run *r, uint32_t seq)
{
	const struct view_row *row = view_at(r->view, seq);

	return row->modseq >= r->ev->modseq ? row : NULL;
}

static void
run_all(struct run *r)
{
	struct arena *a = arena_new();
	struct uids seqs = view_seqs(r->s->arena, r->view, r->ev->uids);
	uint64_t left = 0;

	for (size_t i = 0; i < seqs.n; i++) {
		for (uint32_t q = seqs.r[i].lo; q <= seqs.r[i].hi; q++) {
			const struct view_row *row = row_of(r, q);

			if (!row)
				continue;
			if (!within_limits(r)) {
				left++;
				continue;
			}
			run_one(r, a, row);
			arena_reset(a);
		}
	}
	arena_free(&a);
	if (left > 0)
		log_warn(
		    "a command was about more messages than scripts act on",
		    LOG_CSTR("session", conn_id(r->s->conn)),
		    LOG_CSTR("account", r->owner.id), LOG_UINT("done", r->runs),
		    LOG_UINT("left", left));
}

/* Section 2.2.4. */
static void
expunge_deleted(struct run *r)
{
	struct uids uids = uids_done(&r->deleted);
	struct err e = ERR_INIT;

	if (uids.n == 0 || !site_setting_bool(r->s->d->site,
			       "sieve.imap_expunge", scope_of(r)))
		return;
	if (account_expunge(r->ev->account, r->ev->mailbox, uids, true,
		r->s->arena, NULL, &e) != STORE_OK)
		log_failure(r, "cannot expunge what scripts discarded", &e);
}

/* ------------------------------------------------------------------------
 * Most mailboxes have no scripts
 *
 * To ask for them costs more than a STORE does otherwise, so a session believes
 * for a second that there are still none, unless an annotation was set in this
 * process meanwhile. Another process may be that second late.
 */

#define QUIET_MS 1000

static _Atomic unsigned generation;

void
event_script_changed(void)
{
	generation++;
}

/* The site's scripts for all mailboxes are a setting, which is in memory. */
static bool
is_quiet(struct session *s, const struct mail_event *ev)
{
	return ev->account == s->account && s->quiet.mailbox == ev->mailbox &&
	       s->quiet.generation == generation &&
	       clock_mono_ms() < s->quiet.until &&
	       site_setting(
		   s->d->site, s->arena, "sieve.imap_before", session_scope(s))
		       .n == 0;
}

static void
be_quiet(struct session *s, const struct mail_event *ev, unsigned as_of)
{
	if (ev->account != s->account)
		return;
	s->quiet.mailbox = ev->mailbox;
	s->quiet.generation = as_of;
	s->quiet.until = clock_mono_ms() + QUIET_MS;
}

void
event_script_run(struct session *s, const struct mail_event *ev)
{
	struct run r = { .s = s, .ev = ev, .deleted = { .arena = s->arena } };
	unsigned as_of = generation;
	struct err e = ERR_INIT;
	enum store_rc rc;

	if (is_quiet(s, ev))
		return;
	rc = find_owner(&r, &e);
	if (rc == STORE_OK)
		rc = script_chain_of_event(&r.host, ev->mailbox, &r.chain, &e);
	if (rc == STORE_OK && r.chain.n == 0)
		be_quiet(s, ev, as_of);
	if (rc == STORE_OK && r.chain.n > 0) {
		rc = prepare(&r, &e);
		if (rc == STORE_OK)
			run_all(&r);
		view_unref(&r.view);
		expunge_deleted(&r);
	}
	if (rc != STORE_OK && rc != STORE_NOTFOUND)
		log_failure(&r, "cannot run scripts", &e);
	if (r.queued)
		outbox_wake(s->d->outbox, account_id(ev->account));
}

bool
event_script_allowed(const struct session *s)
{
	struct site_scope site = { STR_NULL, STR_NULL };
	struct rules rules;

	if (!s->d->sieve_url)
		return false;
	rules_of(
	    s->d->site, s->state == ST_NEW ? site : session_scope(s), &rules);
	return sieve_caps_has(rules.caps, CAP_IMAPSIEVE);
}
