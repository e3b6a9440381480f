/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/compose.h"
#include "sieve/answer.h"
#include "sieve/mailto.h"

/* What `reject` and `notify` send. */

struct str
sieve_reverse_path(struct sieve_run *r, const struct sieve_sender *s,
    struct str how, struct str otherwise)
{
	const struct sieve_envelope *e = &r->in->envelope;

	if (how.n == 0)
		return otherwise;
	if (how.p[0] == '<')
		return str_sub(how, 1, how.n - 2);
	if (str_eqc(how, "sender"))
		return e->from;
	if (str_eqc(how, "recipient"))
		return e->to;
	if (str_eqc(how, "orig_recipient"))
		return e->orig_to.n ? e->orig_to : e->to;
	if (str_eqc(how, "user"))
		return r->in->user.address.n ? r->in->user.address : e->to;
	if (str_eqc(how, "postmaster"))
		return s->postmaster;
	return otherwise;
}

/* ------------------------------------------------------------------------
 * reject
 */

static void
put_disposition(struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_sender *s, struct compose *c)
{
	const struct sieve_envelope *e = &r->in->envelope;
	struct str id = sieve_header_of(r, a->message, "Message-ID");
	struct buf out = { 0 };

	buf_printf(
	    &out, "Reporting-UA: %.*s; Mailstead\r\n", STR_ARG(s->hostname));
	if (e->orig_to.n > 0)
		buf_printf(&out, "Original-Recipient: rfc822; %.*s\r\n",
		    STR_ARG(e->orig_to));
	buf_printf(&out, "Final-Recipient: rfc822; %.*s\r\n", STR_ARG(e->to));
	if (id.n > 0)
		buf_printf(&out, "Original-Message-ID: %.*s\r\n", STR_ARG(id));
	BUF_LIT(&out, "Disposition: automatic-action/MDN-sent-automatically; "
		      "deleted\r\n");
	compose_part(c, "message/disposition-notification", buf_str(&out));
	buf_fini(&out);
}

void
sieve_reject_compose(struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_sender *s, struct buf *out)
{
	struct str subject = sieve_header_of(r, a->message, "Subject");
	struct buf text = { 0 };
	struct compose c;

	compose_init(&c, out);
	BUF_LIT(out, "X-Sieve: Mailstead\r\n");
	compose_msgid(&c, s->hostname);
	compose_date(&c, r->in->now, r->in->zone);
	compose_address(&c, "From", STR("Postmaster"), s->postmaster);
	compose_address(&c, "To", STR(""), r->in->envelope.from);
	compose_text(&c, "Subject",
	    arena_printf(r->arena, "Rejected: %.*s", STR_ARG(subject)));
	compose_raw(&c, "Auto-Submitted", STR("auto-replied (rejected)"));
	compose_raw(&c, "Precedence", STR("bulk"));
	compose_multipart(&c, "report", "disposition-notification");
	buf_printf(&text,
	    "Your message to <%.*s> was refused automatically:\r\n\r\n",
	    STR_ARG(r->in->envelope.to));
	buf_putstr(&text, a->reject.reason);
	BUF_LIT(&text, "\r\n");
	compose_body(&c, buf_str(&text));
	put_disposition(r, a, s, &c);
	compose_message(&c, sieve_message_raw(a->message), true);
	compose_finish(&c);
	buf_fini(&text);
}

/* ------------------------------------------------------------------------
 * notify
 */

/* RFC 5436, section 2.7: no notification of an automatic message. */
bool
sieve_notify_forbidden(const struct sieve_action *a)
{
	struct sieve_fields *f = sieve_message_fields(a->message);

	for (size_t i = 0; i < f->n; i++) {
		if (!str_ieqc(f->v[i].name, "Auto-Submitted"))
			continue;
		if (!str_istarts(str_trim(f->v[i].value), STR("no")))
			return true;
	}
	return false;
}

static void
put_importance(struct compose *c, unsigned importance)
{
	static const struct {
		const char *priority, *importance;
	} words[] = {
		{ "3 (Normal)", "Normal" },
		{ "1 (High)", "High" },
		{ "3 (Normal)", "Normal" },
		{ "5 (Low)", "Low" },
	};

	compose_raw(c, "X-Priority", str_of(words[importance & 3].priority));
	compose_raw(c, "Importance", str_of(words[importance & 3].importance));
}

static void
put_recipients(
    struct compose *c, const char *name, const struct str *list, size_t n)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			BUF_LIT(&text, ", ");
		buf_putstr(&text, list[i]);
	}
	if (n > 0)
		compose_raw(c, name, buf_str(&text));
	buf_fini(&text);
}

static void
put_notify_from(struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_sender *s, struct compose *c)
{
	struct str address;

	if (a->notify.from.n > 0 &&
	    sieve_address_of(r->arena, a->notify.from, &address))
		sieve_put_address(r, c, "From", a->notify.from);
	else
		compose_address(c, "From", STR("Postmaster"), s->postmaster);
}

void
sieve_notify_compose(struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_sender *s, const struct sieve_mailto *to,
    struct buf *out)
{
	struct str subject = sieve_header_of(r, a->message, "Subject");
	struct str owner =
	    r->in->user.address.n ? r->in->user.address : r->in->envelope.to;
	struct compose c;

	compose_init(&c, out);
	BUF_LIT(out, "X-Sieve: Mailstead\r\n");
	compose_msgid(&c, s->hostname);
	compose_date(&c, r->in->now, r->in->zone);
	put_notify_from(r, a, s, &c);
	put_recipients(&c, "To", to->to, to->nto);
	put_recipients(&c, "Cc", to->cc, to->ncc);
	if (a->notify.message.n > 0 && !to->subject.p)
		subject = a->notify.message;
	else if (to->subject.p)
		subject = to->subject;
	compose_text(&c, "Subject",
	    subject.n ? sieve_short_subject(r, subject) : STR("New message"));
	compose_raw(&c, "Auto-Submitted",
	    arena_printf(r->arena, "auto-notified; owner-email=\"%.*s\"",
		STR_ARG(owner)));
	compose_raw(&c, "Precedence", STR("bulk"));
	put_importance(&c, a->notify.importance);
	for (size_t i = 0; i + 1 < to->nfields; i += 2)
		compose_text(
		    &c, arena_cstr(r->arena, to->fields[i]), to->fields[i + 1]);
	if (to->body.n > 0)
		compose_body(&c, to->body);
	else if (a->notify.message.n > 0)
		compose_body(&c, a->notify.message);
	else
		compose_body(&c, STR("A message arrived.\r\n"));
}
