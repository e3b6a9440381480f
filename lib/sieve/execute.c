/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "sieve/answer.h"
#include "sieve/mailto.h"

/* From the list of actions to calls of the sink. */

struct execution {
	struct sieve_run *r;
	const struct sieve_sender *sender;
	const struct sieve_sink *sink;
	struct buf why;
	struct str *notified; /* recipients of notifications so far */
	size_t nnotified, notified_cap;
	bool stored; /* there is a copy somewhere, or it went elsewhere */
};

/* NOT_DONE: it is no failure, but the message is not elsewhere either. */
enum outcome { DONE, NOT_DONE, FAILED_FOR_GOOD, FAILED_FOR_NOW };

static enum outcome
outcome_of(enum sieve_answer a)
{
	return a == SIEVE_YES  ? DONE
	       : a == SIEVE_NO ? FAILED_FOR_GOOD
			       : FAILED_FOR_NOW;
}

static void tell(struct execution *x, const struct sieve_action *a,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void
tell(struct execution *x, const struct sieve_action *a, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list ap;
	char line[500];
	int n;

	if (!x->sink->done)
		return;
	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	buf_put(
	    &text, line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1);
	x->sink->done(x->sink->arg, a, buf_str(&text));
	buf_fini(&text);
}

/* ------------------------------------------------------------------------
 * Storing and sending
 */

static struct str
mailbox_of(const struct sieve_place *p)
{
	return p->mailbox.n ? p->mailbox : STR("INBOX");
}

static enum outcome
store(struct execution *x, const struct sieve_action *a)
{
	struct str raw = sieve_message_raw(a->message);
	enum sieve_answer answer =
	    x->sink->store(x->sink->arg, &a->place, raw, a->implicit, &x->why);
	struct str box = mailbox_of(&a->place);

	if (answer == SIEVE_YES) {
		x->stored = true;
		tell(x, a, "stored message into mailbox '%.*s'", STR_ARG(box));
	} else if (answer == SIEVE_NO) {
		sieve_fail(x->r, SIEVE_FAULT,
		    "failed to store into mailbox '%.*s': %.*s", STR_ARG(box),
		    STR_ARG(buf_str(&x->why)));
	}
	return outcome_of(answer);
}

/* What nobody asked for is not worth telling. */
static enum outcome
keep(struct execution *x, const struct sieve_action *a)
{
	enum sieve_answer answer;

	if (!x->sink->keep)
		return store(x, a);
	answer = x->sink->keep(
	    x->sink->arg, a->place.flags, a->place.nflags, &x->why);
	if (answer == SIEVE_YES) {
		x->stored = true;
		if (!a->implicit)
			tell(x, a, "left message in its mailbox");
	} else if (answer == SIEVE_NO) {
		sieve_fail(x->r, SIEVE_FAULT, "failed to keep: %.*s",
		    STR_ARG(buf_str(&x->why)));
	}
	return outcome_of(answer);
}

/* A copy of mail that was sent (RFC 8580). */
static enum outcome
store_copy(struct execution *x, const struct sieve_place *place, struct str raw)
{
	enum sieve_answer answer =
	    x->sink->store(x->sink->arg, place, raw, false, &x->why);

	if (answer == SIEVE_NO)
		sieve_fail(x->r, SIEVE_FAULT,
		    "failed to store a copy into mailbox '%.*s': %.*s",
		    STR_ARG(place->mailbox), STR_ARG(buf_str(&x->why)));
	return outcome_of(answer);
}

static enum outcome
send_mail(struct execution *x, const struct sieve_action *a,
    const struct sieve_mail *mail)
{
	enum sieve_answer answer =
	    x->sink->send ? x->sink->send(x->sink->arg, mail, &x->why)
			  : SIEVE_NO;

	if (answer == SIEVE_NO)
		sieve_fail(x->r, SIEVE_FAULT, "failed to %s: %.*s",
		    sieve_action_name(a->kind), x->why.n ? (int)x->why.n : 26,
		    x->why.n ? x->why.p : "no mail can be sent here");
	return outcome_of(answer);
}

static enum outcome
remember(struct execution *x, const struct sieve_memory *m)
{
	if (!x->sink->remember)
		return DONE;
	return outcome_of(x->sink->remember(x->sink->arg, m));
}

/* ------------------------------------------------------------------------
 * redirect
 */

#define REDIRECTED "X-Sieve-Redirected-From"

static struct str
owner(const struct sieve_run *r)
{
	return r->in->user.address.n ? r->in->user.address : r->in->envelope.to;
}

static bool
is_owner(const struct sieve_run *r, struct str address)
{
	return address.n > 0 && (str_ieq(address, r->in->user.address) ||
				    str_ieq(address, r->in->envelope.to));
}

/* RFC 5228, section 4.2: no loops. */
static bool
loops(struct execution *x, const struct sieve_action *a)
{
	unsigned max = x->r->in->max_received ? x->r->in->max_received : 100;
	struct sieve_fields *f = sieve_message_fields(a->message);
	unsigned n = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (str_ieqc(f->v[i].name, REDIRECTED) &&
		    is_owner(x->r, str_trim(f->v[i].value)))
			return true;
		n += str_ieqc(f->v[i].name, "Received");
	}
	return n > max;
}

/* Behind what the delivery wrote on top of the header. */
static size_t
mark_offset(struct str raw)
{
	struct str rest = raw, before = raw;
	struct mime_field f;

	while (
	    mime_field_next(&rest, &f) && (str_ieqc(f.name, "Return-Path") ||
					      str_ieqc(f.name, "Delivered-To")))
		before = rest;
	return raw.n - before.n;
}

/* Marked, so that it is known when it comes back. */
static struct str
redirected(struct execution *x, const struct sieve_action *a)
{
	struct str raw = sieve_message_raw(a->message), marked;
	size_t at = mark_offset(raw);
	struct buf out = { 0 };

	buf_reserve(&out, raw.n + 512);
	buf_putstr(&out, str_sub(raw, 0, at));
	BUF_LIT(&out, REDIRECTED ": ");
	buf_putstr(&out, owner(x->r));
	BUF_LIT(&out, "\r\n");
	buf_putstr(&out, str_sub(raw, at, SIZE_MAX));
	marked = arena_str(x->r->arena, buf_str(&out));
	buf_fini(&out);
	return marked;
}

/* The members of a list, or the one address. False: no answer. */
static bool
recipients(struct execution *x, const struct sieve_action *a, struct str **out,
    size_t *n)
{
	const struct sieve_host *h = x->r->in->host;

	if (a->redirect.list.n == 0) {
		*out = ARENA_NEW(x->r->arena, struct str);
		**out = a->redirect.address;
		*n = 1;
		return true;
	}
	*n = 0;
	if (!h->list_members)
		return true;
	return h->list_members(h->arg, x->r->arena, a->redirect.list, out, n) !=
	       SIEVE_FAILED;
}

static enum outcome
redirect(struct execution *x, const struct sieve_action *a)
{
	const struct sieve_envelope *e = &x->r->in->envelope;
	struct sieve_mail mail = {
		.from = e->from.n == 0 ? STR("")
				       : sieve_reverse_path(x->r, x->sender,
					     x->sender->redirect_from, e->from),
		.notify = a->redirect.notify.n ? a->redirect.notify : e->notify,
		.own_notify = a->redirect.notify.n > 0,
		.ret = a->redirect.ret.n ? a->redirect.ret : e->ret,
		.envid = e->envid,
		.orcpt = e->orcpt,
		.by = a->redirect.by,
		.by_trace = a->redirect.by_trace,
		.by_time = a->redirect.by_time,
		.by_mode = a->redirect.by_mode,
		.why = SIEVE_ACT_REDIRECT,
	};
	struct str *to;
	enum outcome o;

	if (loops(x, a)) {
		tell(x, a, "not redirected: the message goes in circles");
		return NOT_DONE;
	}
	mail.raw = redirected(x, a);
	if (!recipients(x, a, &to, &mail.nto))
		return FAILED_FOR_NOW;
	mail.to = to;
	if (mail.nto == 0) {
		sieve_fail(x->r, SIEVE_FAULT,
		    "not redirected: the list '%.*s' has no addresses",
		    STR_ARG(a->redirect.list));
		return FAILED_FOR_GOOD;
	}
	o = send_mail(x, a, &mail);
	if (o == DONE) {
		x->stored = true;
		tell(x, a, "forwarded to <%.*s>%s", STR_ARG(to[0]),
		    mail.nto > 1 ? " and others" : "");
	}
	return o;
}

/* ------------------------------------------------------------------------
 * reject, vacation, notify, pipe
 */

static enum outcome
reject(struct execution *x, const struct sieve_action *a)
{
	struct str sender = x->r->in->envelope.from;
	struct sieve_mail mail = {
		.to = &sender, .nto = 1, .why = SIEVE_ACT_REJECT
	};
	enum sieve_answer answer = SIEVE_NO;
	struct buf raw = { 0 };
	enum outcome o;

	if (x->sink->refuse)
		answer =
		    x->sink->refuse(x->sink->arg, a->reject.reason, &x->why);
	if (answer != SIEVE_NO) {
		x->stored = true;
		tell(x, a, "refused the message");
		return outcome_of(answer);
	}
	if (sender.n == 0) {
		x->stored = true;
		tell(x, a,
		    "discarded a message of the null reverse-path that "
		    "was to be rejected");
		return DONE;
	}
	sieve_reject_compose(x->r, a, x->sender, &raw);
	mail.raw = arena_str(x->r->arena, buf_str(&raw));
	buf_fini(&raw);
	o = send_mail(x, a, &mail);
	if (o == DONE) {
		x->stored = true;
		tell(x, a, "rejected a message of <%.*s>", STR_ARG(sender));
	}
	return o;
}

static enum sieve_answer
answered_before(struct execution *x, const struct sieve_memory *m)
{
	const struct sieve_host *h = x->r->in->host;

	return h->remembered ? h->remembered(h->arg, m->kind, m->key)
			     : SIEVE_NO;
}

static enum outcome
send_answer(struct execution *x, const struct sieve_action *a, struct str from,
    const struct sieve_memory *memory)
{
	struct str sender = x->r->in->envelope.from;
	struct sieve_mail mail = { .to = &sender,
		.nto = 1,
		.notify = STR("NEVER"),
		.why = SIEVE_ACT_VACATION };
	struct buf raw = { 0 };
	enum outcome o;

	if (x->sender->vacation_from_recipient)
		mail.from = x->r->in->envelope.to;
	sieve_vacation_compose(x->r, a, x->sender, from, &raw);
	mail.raw = arena_str(x->r->arena, buf_str(&raw));
	buf_fini(&raw);
	o = send_mail(x, a, &mail);
	if (o == DONE && memory->seconds > 0)
		o = remember(x, memory);
	if (o == DONE && a->vacation.fcc)
		o = store_copy(x, &a->vacation.place, mail.raw);
	if (o == DONE)
		tell(x, a, "sent vacation response to <%.*s>", STR_ARG(sender));
	return o;
}

static enum outcome
vacation(struct execution *x, const struct sieve_action *a)
{
	struct sieve_memory memory = sieve_vacation_memory(x->r, a);
	struct str from = STR("");
	const char *why = sieve_vacation_refuses(x->r, a, x->sender, &from);

	if (why) {
		tell(x, a, "no vacation response: %s", why);
		return DONE;
	}
	switch (answered_before(x, &memory)) {
	case SIEVE_FAILED:
		return FAILED_FOR_NOW;
	case SIEVE_YES:
		tell(x, a, "no vacation response: the sender had one already");
		return DONE;
	case SIEVE_NO:
		break;
	}
	return send_answer(x, a, from, &memory);
}

static bool
was_notified(struct execution *x, struct str address)
{
	for (size_t i = 0; i < x->nnotified; i++) {
		if (str_ieq(x->notified[i], address))
			return true;
	}
	x->notified = arena_grow(x->r->arena, x->notified, x->nnotified,
	    &x->notified_cap, sizeof(*x->notified));
	x->notified[x->nnotified++] = address;
	return false;
}

/* Those who were not told of this message before. */
static size_t
not_notified(struct execution *x, const struct str *list, size_t n,
    const struct str **out)
{
	struct str *left = arena_array(x->r->arena, n, sizeof(*left));
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (!was_notified(x, list[i]))
			left[count++] = list[i];
	}
	*out = left;
	return count;
}

/* One mail for each, so that none waits for another. */
static enum outcome
send_each(struct execution *x, const struct sieve_action *a,
    const struct sieve_mailto *to, struct str raw)
{
	struct sieve_run *r = x->r;
	struct str from = x->sender->postmaster;
	enum outcome o = DONE;

	if (a->notify.from.n > 0)
		sieve_address_of(r->arena, a->notify.from, &from);
	from = sieve_reverse_path(r, x->sender, x->sender->notify_from, from);
	if (r->in->envelope.from.n == 0)
		from = STR("");
	for (size_t i = 0; i < to->nto + to->ncc && o == DONE; i++) {
		const struct str *one =
		    i < to->nto ? &to->to[i] : &to->cc[i - to->nto];
		struct sieve_mail mail = { .from = from,
			.to = one,
			.nto = 1,
			.raw = raw,
			.notify = STR("NEVER"),
			.why = SIEVE_ACT_NOTIFY };

		o = send_mail(x, a, &mail);
		if (o == DONE)
			tell(x, a, "sent mail notification to <%.*s>",
			    STR_ARG(*one));
	}
	return o;
}

static enum outcome
notify_by_mail(struct execution *x, const struct sieve_action *a)
{
	struct sieve_run *r = x->r;
	struct sieve_mailto to;
	struct buf raw = { 0 };
	const char *why;
	struct str text;
	enum outcome o;

	if (sieve_notify_forbidden(a)) {
		tell(
		    x, a, "no notification: the message was made by a program");
		return DONE;
	}
	if (!sieve_mailto_parse(r->arena, a->notify.uri, &to, &why))
		return FAILED_FOR_GOOD; /* was checked when it was added */
	to.nto = not_notified(x, to.to, to.nto, &to.to);
	to.ncc = not_notified(x, to.cc, to.ncc, &to.cc);
	sieve_notify_compose(r, a, x->sender, &to, &raw);
	text = arena_str(r->arena, buf_str(&raw));
	buf_fini(&raw);
	o = send_each(x, a, &to, text);
	if (o == DONE && a->notify.fcc)
		o = store_copy(x, &a->notify.place, text);
	return o;
}

/* Scheme and host: the rest may be a secret. */
static struct str
uri_host(struct str uri)
{
	size_t host = str_find(uri, STR("://")), end;

	if (host == STR_NPOS)
		return str_sub(uri, 0, str_chr(uri, ':'));
	end = str_chr(str_sub(uri, host + 3, SIZE_MAX), '/');
	return str_sub(uri, 0, end == STR_NPOS ? end : host + 3 + end);
}

static enum outcome
notify(struct execution *x, const struct sieve_action *a)
{
	enum sieve_answer answer = SIEVE_NO;

	if (str_istarts(a->notify.uri, STR("mailto:")))
		return notify_by_mail(x, a);
	if (x->sink->notify)
		answer = x->sink->notify(x->sink->arg, a, &x->why);
	if (answer == SIEVE_YES)
		tell(x, a, "sent a notification to %.*s",
		    STR_ARG(uri_host(a->notify.uri)));
	else if (answer == SIEVE_NO)
		sieve_fail(x->r, SIEVE_FAULT, "failed to notify: %.*s",
		    STR_ARG(buf_str(&x->why)));
	return outcome_of(answer);
}

static enum outcome
report(struct execution *x, const struct sieve_action *a)
{
	struct sieve_mail mail = { .to = &a->report.to,
		.nto = 1,
		.notify = STR("NEVER"),
		.why = SIEVE_ACT_REPORT };
	struct buf raw = { 0 };
	enum outcome o;

	sieve_report_compose(x->r, a, x->sender, &raw);
	mail.raw = arena_str(x->r->arena, buf_str(&raw));
	buf_fini(&raw);
	o = send_mail(x, a, &mail);
	if (o == DONE)
		tell(x, a, "sent a report to <%.*s>", STR_ARG(a->report.to));
	return o;
}

static enum outcome
run_pipe(struct execution *x, const struct sieve_action *a)
{
	struct sieve_execution e = {
		.kind = SIEVE_PIPE,
		.program = a->pipe.program,
		.args = a->pipe.args,
		.nargs = a->pipe.nargs,
		.input = sieve_message_raw(a->message),
	};
	enum sieve_answer answer = SIEVE_NO;

	if (x->sink->pipe)
		answer = x->sink->pipe(x->sink->arg, &e, &x->why);
	if (answer == SIEVE_YES) {
		x->stored = true;
		tell(x, a, "piped message to program '%.*s'",
		    STR_ARG(e.program));
	} else if (a->pipe.ignore_failure) {
		tell(x, a, "failed to pipe message to program '%.*s'",
		    STR_ARG(e.program));
		return DONE;
	} else if (answer == SIEVE_NO) {
		sieve_fail(x->r, SIEVE_FAULT,
		    "failed to pipe message to program '%.*s': %.*s",
		    STR_ARG(e.program), STR_ARG(buf_str(&x->why)));
	}
	return outcome_of(answer);
}

/* ------------------------------------------------------------------------
 * All of them
 */

static enum outcome
discard(struct execution *x, const struct sieve_action *a)
{
	x->stored = true;
	tell(x, a, "marked message to be discarded if not explicitly kept");
	return DONE;
}

static enum outcome
remember_action(struct execution *x, const struct sieve_action *a)
{
	return remember(x, &a->remember);
}

static enum outcome (*const carry_out[SIEVE_ACTIONS])(
    struct execution *x, const struct sieve_action *a) = {
	[SIEVE_ACT_KEEP] = keep,
	[SIEVE_ACT_STORE] = store,
	[SIEVE_ACT_DISCARD] = discard,
	[SIEVE_ACT_REDIRECT] = redirect,
	[SIEVE_ACT_REJECT] = reject,
	[SIEVE_ACT_VACATION] = vacation,
	[SIEVE_ACT_NOTIFY] = notify,
	[SIEVE_ACT_PIPE] = run_pipe,
	[SIEVE_ACT_REPORT] = report,
	[SIEVE_ACT_REMEMBER] = remember_action,
};

/* The message must not be lost: INBOX, or where it is, in place of what
 * failed. */
static enum outcome
keep_instead(struct execution *x)
{
	const struct sieve_sink *sink = x->sink;
	const struct sieve_imap_event *ev = &x->r->in->event;
	struct sieve_place inbox = { 0 };
	struct str raw = x->r->in->message; /* as it came */
	enum sieve_answer answer;

	buf_clear(&x->why);
	answer = sink->keep
		     ? sink->keep(sink->arg, ev->flags, ev->nflags, &x->why)
		     : sink->store(sink->arg, &inbox, raw, true, &x->why);
	return answer == SIEVE_YES ? DONE : FAILED_FOR_NOW;
}

static bool
is_kept(const struct execution *x, const struct sieve_action *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct sieve_place *p = &list[i].place;

		if (list[i].kind == SIEVE_ACT_KEEP ||
		    (!x->sink->keep && list[i].kind == SIEVE_ACT_STORE &&
			p->mailboxid.n == 0 && p->special_use.n == 0 &&
			str_ieqc(p->mailbox, "INBOX")))
			return true;
	}
	return false;
}

/* Failing notifications and answers are no reason to keep mail twice. */
static bool
needs_keep(const struct sieve_action *a)
{
	return a->kind != SIEVE_ACT_VACATION && a->kind != SIEVE_ACT_NOTIFY &&
	       a->kind != SIEVE_ACT_REPORT && !a->copy;
}

static enum outcome
execute_all(struct execution *x, const struct sieve_action *list, size_t n)
{
	bool lost = false;

	for (size_t i = 0; i < n; i++) {
		enum outcome o;

		x->r->at = NULL;
		buf_clear(&x->why);
		o = carry_out[list[i].kind](x, &list[i]);
		if (o == FAILED_FOR_NOW)
			return o;
		if (o == FAILED_FOR_GOOD) {
			if (x->r->error.line == 0) {
				x->r->error.line = list[i].line;
				x->r->error.script = list[i].script;
			}
			lost |= needs_keep(&list[i]);
		}
		if (o == NOT_DONE)
			lost |= needs_keep(&list[i]);
	}
	if (lost && !is_kept(x, list, n))
		return keep_instead(x);
	return DONE;
}

enum sieve_rc
sieve_execute(struct sieve_run *r, const struct sieve_sender *sender,
    const struct sieve_sink *sink)
{
	struct execution x = { .r = r, .sender = sender, .sink = sink };
	const struct sieve_action *list;
	size_t n = sieve_run_actions(r, &list);
	enum outcome o = execute_all(&x, list, n);

	buf_fini(&x.why);
	if (o == FAILED_FOR_NOW)
		return SIEVE_TEMPORARY;
	return r->rc;
}
