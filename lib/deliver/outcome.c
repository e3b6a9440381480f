/* SPDX-License-Identifier: BSD-2-Clause */
#include "deliver/outcome.h"

#include "base/clock.h"
#include "deliver/dsn.h"
#include "deliver/webhook.h"
#include "outbox/post.h"
#include "script/execute.h"
#include "site/srs.h"

struct redirect {
	size_t row;    /* of what goes out */
	bool inherits; /* NOTIFY is what the sender said */
};

struct outcome {
	const struct outcome_options *o;
	struct arena *arena;
	struct filing *filings;
	struct outgoing *outgoing;
	struct memory *memories;
	struct redirect *redirects;
	size_t nfilings, noutgoing, nmemories, nredirects;
	size_t filings_cap, outgoing_cap, memories_cap, redirects_cap;
	bool taken; /* somebody has the message who need not tell of it */
	struct str refusal;
	bool kept;          /* the original is */
	struct flags flags; /* and has these */
};

/* With a sentence for the one who wrote the script. */
static enum sieve_answer
refuse_to(struct buf *why, const char *text, struct str name)
{
	buf_printf(why, "%s \"%.*s\"", text, STR_ARG(str_sub(name, 0, 200)));
	return SIEVE_NO;
}

static enum sieve_answer
answer_of(enum store_rc rc, const struct err *e, struct buf *why)
{
	switch (rc) {
	case STORE_OK:
		return SIEVE_YES;
	case STORE_INVALID:
	case STORE_NOTFOUND:
	case STORE_LIMIT:
		buf_puts(why, e->msg);
		return SIEVE_NO;
	default:
		return SIEVE_FAILED;
	}
}

/* ------------------------------------------------------------------------
 * Where a copy is stored
 */

static const struct {
	const char *name;
	enum mailbox_role role;
} roles[] = {
	{ "\\All", ROLE_ALL },
	{ "\\Archive", ROLE_ARCHIVE },
	{ "\\Drafts", ROLE_DRAFTS },
	{ "\\Flagged", ROLE_FLAGGED },
	{ "\\Important", ROLE_IMPORTANT },
	{ "\\Junk", ROLE_JUNK },
	{ "\\Sent", ROLE_SENT },
	{ "\\Trash", ROLE_TRASH },
};

static enum store_rc
find_use(struct outcome *o, struct str use, struct mailbox *out, struct err *e)
{
	for (size_t i = 0; i < LEN(roles); i++) {
		if (str_ieqc(use, roles[i].name))
			return mailbox_find_role(
			    o->o->account, o->arena, roles[i].role, out, e);
	}
	return STORE_NOTFOUND;
}

/* "F17", as IMAP shows them (RFC 8474). */
static enum store_rc
find_id(struct outcome *o, struct str id, struct mailbox *out, struct err *e)
{
	uint64_t n;

	if (!str_starts(id, STR("F")) || !str_u64(str_sub(id, 1, id.n), &n) ||
	    n > INT64_MAX)
		return STORE_NOTFOUND;
	return mailbox_get(o->o->account, o->arena, (int64_t)n, out, e);
}

/* An id or a use go before the name, if there is such a mailbox. */
static enum store_rc
find_special(struct outcome *o, const struct sieve_place *p,
    struct mailbox *out, struct err *e)
{
	enum store_rc rc = STORE_NOTFOUND;

	if (p->mailboxid.n)
		rc = find_id(o, p->mailboxid, out, e);
	if (rc == STORE_NOTFOUND && p->special_use.n)
		rc = find_use(o, p->special_use, out, e);
	return rc == STORE_OK && out->noselect ? STORE_NOTFOUND : rc;
}

static enum sieve_answer
find_place(struct outcome *o, const struct sieve_place *p, struct filing *f,
    struct buf *why)
{
	struct str name = p->mailbox.n ? p->mailbox : STR("INBOX");
	struct err e = ERR_INIT;
	struct mailbox box;
	enum store_rc rc = find_special(o, p, &box, &e);

	if (rc == STORE_NOTFOUND)
		rc = mailbox_find(o->o->account, o->arena, name, &box, &e);
	if (rc == STORE_OK && !box.noselect) {
		f->mailbox = box.id;
		return SIEVE_YES;
	}
	if (rc != STORE_OK && rc != STORE_NOTFOUND)
		return answer_of(rc, &e, why);
	if (!p->create && !o->o->create)
		return refuse_to(why, "there is no mailbox", name);
	if (mailbox_check_path(name, &e) != STORE_OK)
		return answer_of(STORE_INVALID, &e, why);
	f->path = name;
	f->create = true;
	return SIEVE_YES;
}

static enum sieve_answer
store(void *arg, const struct sieve_place *place, struct str raw, bool implicit,
    struct buf *why)
{
	struct outcome *o = arg;
	struct filing f = { .item.raw = raw };
	const struct outcome_original *from = &o->o->original;
	struct err e = ERR_INIT;
	enum sieve_answer answer = SIEVE_YES;
	enum store_rc rc;

	o->taken |= implicit;
	if (from->mailbox && raw.p == from->raw.p)
		f.item.received = from->received;
	if (implicit && o->o->inbox)
		f.mailbox = o->o->inbox;
	else
		answer = find_place(o, place, &f, why);
	if (answer != SIEVE_YES)
		return answer;
	rc = account_flags(o->o->account, o->arena, place->flags, place->nflags,
	    &f.item.flags, &e);
	if (rc != STORE_OK)
		return answer_of(rc, &e, why);
	o->filings = arena_grow(o->arena, o->filings, o->nfilings,
	    &o->filings_cap, sizeof(*o->filings));
	o->filings[o->nfilings++] = f;
	return SIEVE_YES;
}

/* ------------------------------------------------------------------------
 * The message of an IMAP event
 */

static enum sieve_answer
keep(void *arg, const struct str *flags, size_t nflags, struct buf *why)
{
	struct outcome *o = arg;
	struct err e = ERR_INIT;

	o->kept = true;
	return answer_of(account_flags(o->o->account, o->arena, flags, nflags,
			     &o->flags, &e),
	    &e, why);
}

/* Those of A that are not in B. */
static struct flags
without(struct arena *arena, const struct flags *a, const struct flags *b)
{
	struct flags f = { .bits = a->bits & ~b->bits };

	for (uint32_t i = 0; i < a->nmore; i++) {
		if (!flags_has_keyword(b, a->more[i]))
			flags_set_keyword(arena, &f, a->more[i]);
	}
	return f;
}

/* By what differs, since others may change its flags meanwhile. */
static struct reflag
reflag_of(const struct outcome *o)
{
	const struct outcome_original *from = &o->o->original;
	struct flags now = o->flags;

	if (!o->kept) {
		now = from->flags;
		now.bits |= FLAG_DELETED;
	}
	return (struct reflag){ from->mailbox, from->uid,
		without(o->arena, &now, &from->flags),
		without(o->arena, &from->flags, &now) };
}

static bool
is_nothing(const struct delivery *d)
{
	const struct reflag *f = &d->reflag;

	return d->nfilings + d->noutgoing + d->nmemories == 0 &&
	       !(f->add.bits || f->add.nmore || f->remove.bits ||
		   f->remove.nmore);
}

/* ------------------------------------------------------------------------
 * What goes out
 */

static void
add_outgoing(struct outcome *o, struct outgoing what)
{
	o->outgoing = arena_grow(o->arena, o->outgoing, o->noutgoing,
	    &o->outgoing_cap, sizeof(*o->outgoing));
	o->outgoing[o->noutgoing++] = what;
}

static enum sieve_answer
queue(struct outcome *o, const struct outgoing *what, struct buf *why)
{
	struct err e = ERR_INIT;

	if (outgoing_check(what, &e) != STORE_OK)
		return answer_of(STORE_INVALID, &e, why);
	add_outgoing(o, *what);
	return SIEVE_YES;
}

/* The next one who delivers writes a Return-Path of his own. */
static struct str
without_return_path(struct str raw)
{
	size_t end;

	if (!str_istarts(raw, STR("Return-Path:")))
		return raw;
	end = str_find(raw, STR("\r\n"));
	return end == STR_NPOS ? raw : str_sub(raw, end + 2, STR_NPOS);
}

static struct str
by_mode(const struct sieve_mail *m)
{
	bool notify = str_istarts(m->by_mode, STR("n"));

	if (notify)
		return m->by_trace ? STR("NT") : STR("N");
	return m->by_trace ? STR("RT") : STR("R");
}

/* Behind another reverse-path nothing is left of what the sender asked. */
static void
forget_sender(
    struct outcome *o, const struct sieve_mail *m, struct outgoing *out)
{
	o->taken = true;
	out->envid = out->orcpt = STR_NULL;
	if (!m->own_notify)
		out->notify = STR_NULL;
}

static bool
address_redirect(
    struct outcome *o, const struct sieve_mail *m, struct outgoing *out)
{
	struct err e = ERR_INIT;

	out->raw = without_return_path(m->raw);
	if (!str_eq(m->from, o->o->envelope->from))
		forget_sender(o, m, out);
	return site_srs_sender(o->o->site, o->arena, o->o->owner, m->from,
		   &out->from, &e) == SITE_OK;
}

static void
note_redirect(struct outcome *o, const struct sieve_mail *m)
{
	o->redirects = arena_grow(o->arena, o->redirects, o->nredirects,
	    &o->redirects_cap, sizeof(*o->redirects));
	o->redirects[o->nredirects++] =
	    (struct redirect){ o->noutgoing - 1, !m->own_notify };
}

static enum sieve_answer
send(void *arg, const struct sieve_mail *m, struct buf *why)
{
	struct outcome *o = arg;
	struct str *to = arena_array(o->arena, m->nto, sizeof(*to));
	struct outgoing out = { .kind = OUTGOING_MAIL,
		.from = m->from,
		.to = to,
		.nto = m->nto,
		.raw = m->raw,
		.notify = m->notify,
		.ret = m->ret,
		.envid = xtext_encode(o->arena, m->envid),
		.orcpt = dsn_orcpt(o->arena, m->orcpt) };
	bool redirect = m->why == SIEVE_ACT_REDIRECT;
	enum sieve_answer answer;

	for (size_t i = 0; i < m->nto; i++)
		to[i] = m->to[i];
	if (m->by) {
		out.by_time = clock_now() + m->by_time;
		out.by_mode = by_mode(m);
	}
	if (redirect && !address_redirect(o, m, &out))
		return SIEVE_FAILED;
	answer = queue(o, &out, why);
	if (redirect && answer == SIEVE_YES)
		note_redirect(o, m);
	return answer;
}

static enum sieve_answer
notify(void *arg, const struct sieve_action *a, struct buf *why)
{
	struct outcome *o = arg;
	struct str *to = ARENA_NEW(o->arena, struct str);
	struct outgoing out = { .kind = OUTGOING_POST, .to = to, .nto = 1 };

	*to = a->notify.uri;
	if (!post_allowed(o->o->site, site_scope_of(o->o->owner), *to))
		return refuse_to(
		    why, "notify.webhooks does not allow", post_host(*to));
	out.raw = webhook_document(
	    o->arena, o->o->owner, o->o->envelope, a, clock_now());
	return queue(o, &out, why);
}

/* ------------------------------------------------------------------------
 * The rest
 */

static enum sieve_answer
refuse(void *arg, struct str reason, struct buf *why)
{
	struct outcome *o = arg;

	if (!o->o->may_refuse) {
		buf_puts(why, "it is too late to refuse the message");
		return SIEVE_NO;
	}
	o->refusal = arena_str(o->arena, reason);
	return SIEVE_YES;
}

static enum sieve_answer
start_program(void *arg, const struct sieve_execution *x, struct buf *why)
{
	struct outcome *o = arg;
	struct err e = ERR_INIT;

	switch (script_execute(o->o->site, o->o->owner, o->o->envelope,
	    o->o->hostname, x, 0, NULL, &e)) {
	case PROGRAM_OK:
		return SIEVE_YES;
	case PROGRAM_TEMPORARY:
		return SIEVE_FAILED;
	default:
		buf_puts(why, e.msg);
		return SIEVE_NO;
	}
}

static enum sieve_answer
remember(void *arg, const struct sieve_memory *m)
{
	struct outcome *o = arg;

	o->memories = arena_grow(o->arena, o->memories, o->nmemories,
	    &o->memories_cap, sizeof(*o->memories));
	o->memories[o->nmemories++] =
	    (struct memory){ arena_str(o->arena, m->kind),
		    arena_str(o->arena, m->key), clock_now() + m->seconds };
	return SIEVE_YES;
}

static void
done(void *arg, const struct sieve_action *a, struct str how)
{
	struct outcome *o = arg;

	o->taken |= a->kind == SIEVE_ACT_KEEP || a->kind == SIEVE_ACT_STORE ||
		    a->kind == SIEVE_ACT_PIPE;
	if (o->o->done)
		o->o->done(o->o->arg, a, how);
}

struct outcome *
outcome_new(const struct outcome_options *options, struct arena *arena)
{
	struct outcome *o = ARENA_NEW(arena, struct outcome);

	o->o = options;
	o->arena = arena;
	return o;
}

struct sieve_sink
outcome_sink(struct outcome *o)
{
	return (struct sieve_sink){ .arg = o,
		.store = store,
		.keep = o->o->original.mailbox ? keep : NULL,
		.send = send,
		.refuse = refuse,
		.notify = notify,
		.pipe = start_program,
		.remember = remember,
		.done = done };
}

/* ------------------------------------------------------------------------
 * Telling the sender
 */

static size_t
count_addresses(const struct outcome *o)
{
	size_t n = 0;

	for (size_t i = 0; i < o->nredirects; i++)
		n += o->outgoing[o->redirects[i].row].nto;
	return n;
}

static void
answer_sender(struct outcome *o)
{
	size_t n = count_addresses(o);
	enum notice_kind kind = NOTICE_RELAYED;
	struct outgoing told;

	if (!o->o->notice || o->refusal.p)
		return;
	if (!o->taken && n == 1 &&
	    dsn_wants_success(o->outgoing[o->redirects[0].row].notify))
		return;
	if (o->taken || n == 0)
		kind = NOTICE_DELIVERED;
	else if (n > 1)
		kind = NOTICE_EXPANDED;
	for (size_t i = 0; i < o->nredirects; i++) {
		struct outgoing *out = &o->outgoing[o->redirects[i].row];

		if (o->redirects[i].inherits)
			out->notify =
			    dsn_without_success(o->arena, out->notify);
	}
	if (notice_make(o->arena, o->o->notice, kind, clock_now(), &told))
		add_outgoing(o, told);
}

enum store_rc
outcome_apply(struct outcome *o, const struct outcome_terms *t,
    struct outcome_result *out, struct err *e)
{
	struct delivery d;
	struct filed *filed =
	    arena_array(o->arena, o->nfilings, sizeof(*filed));
	enum store_rc rc;

	answer_sender(o);
	/* What was refused may come again, and is refused again. */
	d = (struct delivery){ .key = o->refusal.p ? STR_NULL : t->key,
		.window = t->window,
		.msgid_window = t->msgid_window,
		.filings = o->filings,
		.nfilings = o->nfilings,
		.outgoing = o->outgoing,
		.noutgoing = o->noutgoing,
		.memories = o->memories,
		.nmemories = o->nmemories,
		.quota = t->quota };
	*out = (struct outcome_result){ .refusal = o->refusal };
	if (o->o->original.mailbox) {
		d.reflag = reflag_of(o);
		out->deleted = !o->kept;
		if (is_nothing(&d))
			return STORE_OK;
	}
	rc = account_deliver(o->o->account, &d, filed, &out->duplicate, e);
	out->filed = filed;
	out->nfiled = o->nfilings;
	out->queued = rc == STORE_OK && !out->duplicate && o->noutgoing > 0;
	return rc;
}
