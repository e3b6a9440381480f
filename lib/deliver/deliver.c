/* SPDX-License-Identifier: BSD-2-Clause */
#include "deliver/deliver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/mem.h"
#include "deliver/dsn.h"
#include "deliver/filter.h"
#include "deliver/junk.h"
#include "deliver/notice.h"
#include "deliver/trace.h"
#include "deliver/warning.h"
#include "site/setting.h"

/* Copies of the message that may exist at once, for parallel deliveries. */
#define COPIES_MAX (32U << 20)
#define COPIES_AT_ONCE 16

struct deliver {
	struct deliver_options o;
	struct warnings *warnings;
	struct programs *programs;
};

static const struct {
	const char *name;
	struct deliver_reply reply;
} results[DELIVER_RCS] = {
	/* clang-format off */
	[DELIVER_OK] = { "ok", { 250, "2.1.5", "Message stored" } },
	[DELIVER_BAD_ADDRESS] = { "bad_address", { 553, "5.1.3", "That is not a mail address" } },
	[DELIVER_UNKNOWN] = { "unknown", { 550, "5.1.1", "No such mailbox here" } },
	[DELIVER_DISABLED] = { "disabled", { 550, "5.2.1", "Mailbox disabled" } },
	[DELIVER_ELSEWHERE] = { "elsewhere", { 451, "4.3.5", "That mailbox is on another host" } },
	[DELIVER_FULL_TEMP] = { "full", { 452, "4.2.2", "Mailbox full" } },
	[DELIVER_FULL_PERM] = { "full", { 552, "5.2.2", "Mailbox full" } },
	[DELIVER_LOOP] = { "loop", { 554, "5.4.6", "Mail loop: the message has been here before" } },
	[DELIVER_REFUSED] = { "refused", { 550, "5.0.0", "Refused by the server that holds the mailbox" } },
	[DELIVER_REJECTED] = { "rejected", { 550, "5.7.1", "Refused by the recipient" } },
	[DELIVER_EXPIRED] = { "expired", { 550, "5.4.7", "The time to deliver it in has passed" } },
	[DELIVER_NOSPACE] = { "no_space", { 452, "4.3.1", "Insufficient system storage" } },
	[DELIVER_TEMP] = { "failed", { 451, "4.3.0", "Temporary failure; try again later" } },
	/* clang-format on */
};

const struct deliver_reply *
deliver_reply(enum deliver_rc rc)
{
	return &results[rc].reply;
}

const char *
deliver_rc_name(enum deliver_rc rc)
{
	return results[rc].name;
}

struct deliver *
deliver_new(const struct deliver_options *o)
{
	struct deliver *d = mem_zalloc(sizeof(*d));

	d->o = *o;
	d->warnings = warnings_new();
	d->programs = programs_new();
	return d;
}

void
deliver_free(struct deliver **d)
{
	if (!*d)
		return;
	warnings_free(&(*d)->warnings);
	programs_free(&(*d)->programs);
	free(*d);
	*d = NULL;
}

/* ------------------------------------------------------------------------
 * Looking a recipient up
 */

static enum deliver_rc
rc_of_site(enum site_rc rc)
{
	switch (rc) {
	case SITE_OK:
		return DELIVER_OK;
	case SITE_NOTFOUND:
		return DELIVER_UNKNOWN;
	case SITE_DISABLED:
		return DELIVER_DISABLED;
	case SITE_INVALID:
		return DELIVER_BAD_ADDRESS;
	case SITE_NOSPACE:
		return DELIVER_NOSPACE;
	default:
		return DELIVER_TEMP;
	}
}

static enum deliver_rc
full(struct deliver *d, const struct site_account *acc)
{
	struct arena *arena = arena_new();
	struct str v = site_setting(
	    d->o.site, arena, "delivery.over_quota", site_scope_of(acc));
	bool reject = str_eqc(v, "reject");

	arena_free(&arena);
	return reject ? DELIVER_FULL_PERM : DELIVER_FULL_TEMP;
}

static enum deliver_rc
rc_of_store(struct deliver *d, const struct site_account *acc, enum store_rc rc)
{
	switch (rc) {
	case STORE_OK:
		return DELIVER_OK;
	case STORE_QUOTA:
		return full(d, acc);
	case STORE_NOSPACE:
		return DELIVER_NOSPACE;
	default:
		return DELIVER_TEMP;
	}
}

/* Would SIZE more bytes fit? */
static enum deliver_rc
check_quota(struct deliver *d, const struct site_account *acc, uint64_t size,
    struct err *e)
{
	struct account *a;
	struct usage u;
	enum store_rc rc;

	if (!acc->quota_bytes && !acc->quota_messages)
		return DELIVER_OK;
	rc = account_open(d->o.store, str_of(acc->id), &a, e);
	if (rc != STORE_OK)
		return rc_of_store(d, acc, rc);
	rc = account_usage(a, &u, e);
	account_close(&a);
	if (rc != STORE_OK)
		return rc_of_store(d, acc, rc);
	if ((!acc->quota_bytes || (u.bytes < acc->quota_bytes &&
				      size <= acc->quota_bytes - u.bytes)) &&
	    (!acc->quota_messages || u.messages < acc->quota_messages))
		return DELIVER_OK;
	err_set(e, "account %s is over quota", acc->id);
	return full(d, acc);
}

/* Keep the accounts that take mail. */
static enum deliver_rc
select_targets(struct deliver *d, struct arena *arena,
    const struct site_targets *found, struct deliver_rcpt *r, struct err *e)
{
	struct site_target *list =
	    arena_array(arena, found->count, sizeof(*list));

	for (size_t i = 0; i < found->count; i++) {
		const struct site_target *t = &found->list[i];

		if (!t->local || (t->account.backend.n && !d->o.forward)) {
			err_set(e,
			    "%.*s leads to %.*s, which is not on this "
			    "host; the MTA must resolve it",
			    STR_ARG(r->address), STR_ARG(t->address));
			return DELIVER_ELSEWHERE;
		}
		if (t->account.state != SITE_STATE_DISABLED)
			list[r->ntargets++] = *t;
	}
	r->targets = list;
	if (r->ntargets > 0)
		return DELIVER_OK;
	err_set(e, "%.*s: %s", STR_ARG(r->address),
	    found->count ? "the account is disabled"
			 : "the alias leads nowhere");
	return found->count ? DELIVER_DISABLED : DELIVER_UNKNOWN;
}

/* Is it simply an address of somebody else's domain? */
static bool
foreign(struct arena *arena, const struct site_targets *found, struct str key)
{
	struct site_address a;

	return found->count == 1 && !found->list[0].local &&
	       site_address_parse(arena, found->list[0].address, &a) &&
	       str_eq(a.key, key);
}

enum deliver_rc
deliver_check(struct deliver *d, struct arena *arena, uint64_t size,
    struct deliver_rcpt *r, struct err *e)
{
	struct site_targets found = { 0 };
	struct site_address a;
	enum deliver_rc rc;

	r->targets = NULL;
	r->ntargets = 0;
	if (!site_address_parse(arena, r->address, &a)) {
		err_set(e, "\"%.*s\" is not an address", STR_ARG(r->address));
		return DELIVER_BAD_ADDRESS;
	}
	r->key = a.key;
	rc = rc_of_site(site_resolve(d->o.site, arena, r->address, &found, e));
	if (rc != DELIVER_OK)
		return rc;
	if (foreign(arena, &found, a.key)) {
		err_set(
		    e, "%.*s is not a domain of this site", STR_ARG(a.domain));
		return DELIVER_UNKNOWN;
	}
	rc = select_targets(d, arena, &found, r, e);
	/* One full member must not keep mail from all others of an alias. */
	if (rc == DELIVER_OK && r->ntargets == 1 &&
	    r->targets[0].account.backend.n == 0)
		rc = check_quota(d, &r->targets[0].account, size, e);
	return rc;
}

/* ------------------------------------------------------------------------
 * Delivering
 */

/* A message to one account for one recipient. */
struct drop {
	struct deliver_rcpt *rcpt;
	const struct site_target *target;
	enum deliver_rc rc;
	bool duplicate;
	struct str notify; /* RFC 3461 */
	bool rejected;     /* by a script; WORDS say why */
	uint32_t uid;
	struct deliver_words words;
};

struct run {
	struct deliver *d;
	const struct deliver_message *m;
	uint8_t hash[SHA256_LEN]; /* of the message, or its identity */
	struct str queue_id;
	bool in_place; /* one after the other, using the headroom */
	struct drop *drops;
	size_t ndrops;
	struct arena *arena; /* not for what runs at once */
};

/* What makes two deliveries the same. */
static void
make_key(const struct run *run, const struct deliver_rcpt *r,
    uint8_t out[SHA256_LEN])
{
	struct sha256 *h = sha256_new();

	sha256_add(h, (struct str){ (const char *)run->hash, SHA256_LEN });
	sha256_add(h, run->m->from);
	sha256_add(h, (struct str){ "", 1 });
	sha256_add(h, r->key);
	sha256_final(&h, out);
}

/* Where a message is kept: INBOX, or the mailbox that the subaddress names, or
 * the one for spam. */
static enum store_rc
choose_mailbox(struct deliver *d, struct account *a, struct arena *arena,
    const struct site_target *t, struct str raw, struct mailbox *out,
    struct err *e)
{
	if (t->detail.n > 0 &&
	    site_setting_bool(d->o.site, "delivery.detail_mailbox",
		site_scope_of(&t->account))) {
		enum store_rc rc = mailbox_find(a, arena, t->detail, out, e);

		if (rc == STORE_OK && !out->noselect)
			return STORE_OK;
		if (rc != STORE_OK && rc != STORE_NOTFOUND &&
		    rc != STORE_INVALID)
			return rc;
	}
	if (junk_is(d->o.site, arena, &t->account, raw)) {
		enum store_rc rc =
		    mailbox_find_role(a, arena, ROLE_JUNK, out, e);

		if (rc != STORE_NOTFOUND)
			return rc;
	}
	return mailbox_find_role(a, arena, ROLE_INBOX, out, e);
}

/* The message with its trace fields: in COPY, or in place. */
static struct str
with_trace(
    const struct run *run, const struct deliver_rcpt *r, struct buf *copy)
{
	const struct deliver_message *m = run->m;
	struct str raw = m->raw;
	char *at;

	trace_fields(copy, m, r->address, run->d->o.hostname, clock_now());
	if (!run->in_place || copy->n > m->headroom) {
		buf_putstr(copy, raw);
		return buf_str(copy);
	}
	at = (char *)(uintptr_t)raw.p - copy->n; /* ours: see headroom */
	memcpy(at, copy->p, copy->n);
	return (struct str){ at, copy->n + raw.n };
}

/* One message to one account, on its way. */
struct step {
	const struct run *run;
	struct drop *drop;
	struct account *account;
	struct arena *arena;
	struct script_host host;
	struct notice notice;
	bool tell;          /* the sender wants the notice */
	struct mailbox box; /* where it is kept */
	struct str raw;     /* with trace fields */
	struct outcome_terms terms;
	struct quota quota;
	uint8_t key[SHA256_LEN];
};

static void
fill_terms(struct step *s)
{
	const struct site_account *acc = &s->drop->target->account;
	struct site *site = s->run->d->o.site;
	struct site_scope scope = site_scope_of(acc);
	struct site_value windows[] = { { .key = "delivery.redelivery_window" },
		{ .key = "delivery.dedup_window" } };

	s->quota = (struct quota){ acc->quota_bytes, acc->quota_messages };
	s->terms.quota = &s->quota;
	site_settings_read(site, s->arena, scope, windows, 2);
	s->terms.window = (uint32_t)windows[0].number;
	s->terms.msgid_window = (uint32_t)windows[1].number;
	make_key(s->run, s->drop->rcpt, s->key);
	if (s->terms.window > 0)
		s->terms.key = (struct str){ (char *)s->key, sizeof(s->key) };
}

static void
fill(struct step *s, struct buf *copy)
{
	s->raw = with_trace(s->run, s->drop->rcpt, copy);
	fill_terms(s);
}

/* Nobody has a script. */
static enum store_rc
keep(struct step *s, struct err *e)
{
	struct append item = {
		.raw = s->raw,
		.key = s->terms.key,
		.window = s->terms.window,
		.msgid_window = s->terms.msgid_window,
	};
	struct appended done = { 0 };
	enum store_rc rc = account_append(
	    s->account, s->box.id, &item, 1, &s->quota, &done, e);

	s->drop->uid = done.uid;
	s->drop->duplicate = done.duplicate;
	return rc;
}

static void
queued(const struct step *s)
{
	const struct deliver_options *o = &s->run->d->o;

	if (o->queued)
		o->queued(o->queued_arg, account_id(s->account));
}

/* Queue a notice in the transaction that stores the message, if F is one. */
static enum store_rc
keep_and_tell(struct step *s, const struct filing *f, enum notice_kind kind,
    struct err *e)
{
	struct outgoing out;
	struct delivery d = { .key = s->terms.key,
		.window = s->terms.window,
		.msgid_window = s->terms.msgid_window,
		.filings = f,
		.nfilings = f ? 1 : 0,
		.outgoing = &out,
		.quota = s->terms.quota };
	struct filed filed = { 0 };
	enum store_rc rc;

	d.noutgoing =
	    notice_make(s->arena, &s->notice, kind, clock_now(), &out);
	rc = account_deliver(s->account, &d, &filed, &s->drop->duplicate, e);
	s->drop->uid = filed.appended.uid;
	if (rc == STORE_OK && !s->drop->duplicate)
		queued(s);
	return rc;
}

static enum store_rc
keep_told(struct step *s, struct err *e)
{
	struct filing f = { .mailbox = s->box.id, .item = { .raw = s->raw } };

	return keep_and_tell(s, &f, NOTICE_DELIVERED, e);
}

/* A reason has lines; a reply has one. */
static void
reject(struct drop *drop, struct str reason)
{
	struct deliver_words *w = &drop->words;
	const struct deliver_reply *r = deliver_reply(DELIVER_REJECTED);
	size_t n = 0;

	drop->rejected = true;
	w->code = r->code;
	snprintf(w->status, sizeof(w->status), "%s", r->status);
	for (size_t i = 0; i < reason.n && n + 1 < sizeof(w->text); i++) {
		char c = reason.p[i];

		if ((unsigned char)c <= ' ' || c == 0x7f)
			c = ' ';
		if (c != ' ' || (n > 0 && w->text[n - 1] != ' '))
			w->text[n++] = c;
	}
	while (n > 0 && (w->text[n - 1] == ' ' ||
			    !str_is_utf8((struct str){ w->text, n })))
		n--;
	w->text[n] = '\0';
	if (n == 0)
		snprintf(w->text, sizeof(w->text), "%s", r->text);
}

static struct sieve_envelope
envelope_of(const struct step *s)
{
	const struct deliver_message *m = s->run->m;
	const struct deliver_rcpt *r = s->drop->rcpt;
	struct sieve_envelope e = {
		.from = m->from,
		.to = r->address,
		.orig_to = r->original,
		.notify = s->drop->notify,
		.orcpt = r->orcpt,
		.ret = m->ret,
		.envid = m->envid,
	};

	if (m->by.set) {
		e.by_time = arena_printf(
		    s->arena, "%" PRId64, m->by.until - clock_now());
		e.by_mode = m->by.refuse ? STR("return") : STR("notify");
		e.by_trace = m->by.trace;
	}
	return e;
}

static enum store_rc
filter(struct step *s, const struct script_chain *chain, struct err *e)
{
	struct filter_job job = {
		.host = s->host,
		.chain = chain,
		.programs = s->run->d->programs,
		.envelope = envelope_of(s),
		.notice = s->tell ? &s->notice : NULL,
		.raw = s->raw,
		.inbox = s->box.id,
		.terms = s->terms,
	};
	struct filter_result done;
	enum store_rc rc = filter_deliver(&job, &done, e);

	s->drop->uid = done.uid;
	s->drop->duplicate = done.duplicate;
	if (rc == STORE_OK && done.refused)
		reject(s->drop, done.reason);
	if (done.queued)
		queued(s);
	return rc;
}

static void
prepare_notice(struct step *s)
{
	s->tell = notice_wanted(s->run->m, s->drop->notify);
	if (s->tell)
		s->notice = (struct notice){ .message = s->run->m,
			.rcpt = s->drop->rcpt,
			.hostname = s->run->d->o.hostname,
			.postmaster = script_sender(&s->host).postmaster };
}

static void
prepare(struct step *s)
{
	s->host = (struct script_host){
		.site = s->run->d->o.site,
		.account = s->account,
		.owner = &s->drop->target->account,
		.arena = s->arena,
		.hostname = s->run->d->o.hostname,
		.id = s->run->m->id,
		.sender = s->run->m->from,
		.recipient = s->drop->rcpt->address,
		.original = s->drop->rcpt->original,
	};
	prepare_notice(s);
}

static enum store_rc
deliver_step(struct step *s, struct err *e)
{
	struct script_chain chain;
	struct buf copy = { 0 };
	enum store_rc rc;

	prepare(s);
	if ((rc = script_chain_of(&s->host, &chain, e)) == STORE_OK)
		rc = choose_mailbox(s->run->d, s->account, s->arena,
		    s->drop->target, s->run->m->raw, &s->box, e);
	if (rc == STORE_OK) {
		fill(s, &copy);
		if (chain.n)
			rc = filter(s, &chain, e);
		else
			rc = s->tell ? keep_told(s, e) : keep(s, e);
	}
	buf_fini(&copy);
	return rc;
}

static enum store_rc
append(
    const struct run *run, struct drop *drop, struct account *a, struct err *e)
{
	struct step s = {
		.run = run, .drop = drop, .account = a, .arena = arena_new()
	};
	enum store_rc rc = deliver_step(&s, e);

	arena_free(&s.arena);
	return rc;
}

static void
log_drop(const struct run *run, const struct drop *drop, int64_t us,
    const struct err *e)
{
	enum log_level level = drop->rc == DELIVER_OK        ? LOG_INFO
			       : drop->rc >= DELIVER_NOSPACE ? LOG_ERROR
							     : LOG_WARN;

	LOG_AT(level, "deliver", LOG_CSTR("id", run->m->id),
	    LOG_STR("queue", run->queue_id), LOG_STR("from", run->m->from),
	    LOG_STR("to", drop->rcpt->address),
	    LOG_CSTR("account", drop->target->account.id),
	    LOG_UINT("size", run->m->raw.n), LOG_UINT("uid", drop->uid),
	    LOG_INT("ms", us / 1000),
	    LOG_CSTR("result",
		drop->duplicate ? "duplicate" : deliver_rc_name(drop->rc)),
	    LOG_CSTR(drop->rc == DELIVER_OK ? NULL : "error", e->msg));
}

/* The server there will not do it. The message is gone, so a failure is no
 * reason to take it again. */
static void
tell_of_relay(const struct run *run, struct drop *drop, struct account *a)
{
	struct step s = {
		.run = run, .drop = drop, .account = a, .arena = arena_new()
	};
	struct err e = ERR_INIT;
	enum store_rc rc = STORE_OK;

	prepare(&s);
	fill_terms(&s);
	if (s.tell)
		rc = keep_and_tell(&s, NULL, NOTICE_RELAYED, &e);
	drop->duplicate = false;
	if (rc != STORE_OK)
		log_error("notice", LOG_CSTR("id", run->m->id),
		    LOG_STR("to", drop->rcpt->address), LOG_ERR(&e));
	arena_free(&s.arena);
}

static void
told_elsewhere(const struct run *run, struct drop *drop)
{
	struct err e = ERR_INIT;
	struct account *a = NULL;

	if (account_open(run->d->o.store, str_of(drop->target->account.id), &a,
		&e) != STORE_OK) {
		log_error("notice", LOG_CSTR("id", run->m->id), LOG_ERR(&e));
		return;
	}
	tell_of_relay(run, drop, a);
	account_close(&a);
}

/* Not Delivered-To, which is the backend's to write and to look for. */
static enum deliver_rc
forward(const struct run *run, struct drop *drop, struct err *e)
{
	struct deliver *d = run->d;
	struct arena *arena = arena_new();
	struct buf head = { 0 };
	struct deliver_forward f = { .account = &drop->target->account,
		.message = run->m,
		.to = site_target_address(d->o.site, arena, drop->target),
		.notify = drop->notify,
		.orcpt = drop->rcpt->orcpt };
	enum deliver_rc rc;

	trace_received(
	    &head, run->m, drop->rcpt->address, d->o.hostname, clock_now());
	f.head = buf_str(&head);
	rc = d->o.forward(d->o.site, &f, e);
	drop->words = f.words;
	if (rc == DELIVER_OK && !f.tells && notice_wanted(run->m, drop->notify))
		told_elsewhere(run, drop);
	buf_fini(&head);
	arena_free(&arena);
	return rc;
}

static void
deliver_drop(void *arg, size_t i)
{
	struct run *run = arg;
	struct drop *drop = &run->drops[i];
	const struct site_account *acc = &drop->target->account;
	int64_t from = clock_mono_us();
	struct err e = ERR_INIT;
	struct account *a = NULL;
	enum store_rc rc;

	if (acc->backend.n) {
		drop->rc = forward(run, drop, &e);
		log_drop(run, drop, clock_mono_us() - from, &e);
		return;
	}
	rc = account_open(run->d->o.store, str_of(acc->id), &a, &e);
	if (rc == STORE_OK)
		rc = append(run, drop, a, &e);
	drop->rc =
	    drop->rejected ? DELIVER_REJECTED : rc_of_store(run->d, acc, rc);
	log_drop(run, drop, clock_mono_us() - from, &e);
	if (rc == STORE_OK || rc == STORE_QUOTA)
		warnings_check(run->d->warnings, a, acc, rc == STORE_QUOTA);
	if (a)
		account_close(&a);
}

static void
refuse(const struct run *run, struct deliver_rcpt *r, enum deliver_rc rc)
{
	r->rc = rc;
	log_warn("deliver", LOG_CSTR("id", run->m->id),
	    LOG_STR("queue", run->queue_id), LOG_STR("from", run->m->from),
	    LOG_STR("to", r->address), LOG_UINT("size", run->m->raw.n),
	    LOG_CSTR("result", deliver_rc_name(rc)));
}

static bool
forwards(const struct deliver_rcpt *r)
{
	for (size_t i = 0; i < r->ntargets; i++) {
		if (r->targets[i].account.backend.n)
			return true;
	}
	return false;
}

/* What an alias of several asks for is answered by the first of them (RFC 3461,
 * section 5.2.7.3, the second way). */
static void
add_drops(struct run *run, struct deliver_rcpt *r)
{
	struct str less = dsn_without_success(run->arena, r->notify);

	for (size_t i = 0; i < r->ntargets; i++)
		run->drops[run->ndrops++] = (struct drop){ .rcpt = r,
			.target = &r->targets[i],
			.notify = i ? less : r->notify };
}

static bool
loops(struct run *run, const struct trace *trace, const struct deliver_rcpt *r)
{
	return trace_loops(run->arena, trace, r->key) ||
	       (forwards(r) && trace_forwarded(run->arena, run->m->raw,
				   r->address, run->d->o.hostname));
}

static bool
is_late(const struct deliver_message *m)
{
	return m->by.set && m->by.refuse && clock_now() > m->by.until;
}

static void
plan(struct run *run, struct deliver_rcpt *list, size_t count)
{
	bool late = is_late(run->m);
	struct trace trace;
	size_t total = 0;

	trace_read(run->arena, run->m->raw, &trace);
	run->queue_id = run->m->queue_id.n ? run->m->queue_id : trace.queue_id;
	for (size_t i = 0; i < count; i++)
		total += list[i].ntargets;
	run->drops = arena_array(run->arena, total, sizeof(*run->drops));
	for (size_t i = 0; i < count; i++) {
		struct deliver_rcpt *r = &list[i];

		r->duplicate = false;
		r->rc = DELIVER_OK;
		r->words.code = 0;
		if (late)
			refuse(run, r, DELIVER_EXPIRED);
		else if (loops(run, &trace, r))
			refuse(run, r, DELIVER_LOOP);
		else
			add_drops(run, r);
	}
}

/* A failure to try again counts more than one for good: the accounts that
 * have the message recognise it when it comes again. */
static unsigned
weight(enum deliver_rc rc)
{
	return rc == DELIVER_OK ? 0 : 1000 - deliver_reply(rc)->code;
}

void
deliver_message(struct deliver *d, const struct deliver_message *m,
    struct deliver_rcpt *list, size_t count)
{
	struct run run = { .d = d, .m = m, .arena = arena_new() };
	size_t at_once;

	plan(&run, list, count);
	sha256(m->identity.n > 0 ? m->identity : m->raw, run.hash);
	at_once = run.ndrops < COPIES_AT_ONCE ? run.ndrops : COPIES_AT_ONCE;
	run.in_place = run.ndrops <= 1 || !d->o.parallel ||
		       m->raw.n > COPIES_MAX / at_once;
	if (!run.in_place) {
		d->o.parallel(
		    d->o.parallel_arg, run.ndrops, deliver_drop, &run);
	} else {
		for (size_t i = 0; i < run.ndrops; i++)
			deliver_drop(&run, i);
	}
	for (size_t i = 0; i < run.ndrops; i++) {
		const struct drop *drop = &run.drops[i];

		if (weight(drop->rc) > weight(drop->rcpt->rc)) {
			drop->rcpt->rc = drop->rc;
			drop->rcpt->words = drop->words;
		}
		drop->rcpt->duplicate |= drop->duplicate;
	}
	arena_free(&run.arena);
}
