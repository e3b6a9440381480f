/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/report_internal.h"

#include <string.h>

#include "mailauth/authres.h"
#include "mime/compose.h"
#include "mime/header.h"

/*
 * Our failure reports (RFC 6591, with RFC 7489, section 7.3): to the domain
 * that asked for them by ruf=, with the header only, redacted.
 */

#define USER_AGENT "Mailstead"

/* ------------------------------------------------------------------------
 * Fields
 */

/* Line ends and other controls become spaces: it stays one field. */
static void
put_field(struct buf *out, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	buf_printf(out, "%s: ", name);
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		buf_putc(out, c < ' ' || c >= 0x7f ? ' ' : value.p[i]);
	}
	buf_putc(out, '\n');
}

static void
put_redacted(struct buf *out, const char *name, const struct failure *f,
    struct str value)
{
	struct buf b = { 0 };

	report_redact(&b, value, f->author_domain, f->redact_key);
	put_field(out, name, buf_str(&b));
	buf_fini(&b);
}

static void
redact_result(struct authres_writer *w, const struct failure *f,
    const struct authres_result *r)
{
	struct buf b = { 0 };

	authres_method(w, r->method.p, r->result.p);
	for (size_t i = 0; i < r->nproperties; i++) {
		const struct authres_property *p = &r->properties[i];

		buf_clear(&b);
		report_redact(&b, p->value, f->author_domain, f->redact_key);
		authres_property(w, p->ptype.p, p->name.p, buf_str(&b));
	}
	buf_fini(&b);
}

/* Written anew, so that values are redacted and nothing else is. */
static void
put_results(struct arena *a, struct buf *out, const struct failure *f)
{
	struct authres_writer w;
	struct authres x;
	size_t at;

	if (!authres_parse(a, f->results, &x, &at))
		return;
	BUF_LIT(out, "Authentication-Results:");
	authres_begin(&w, out, x.authserv_id);
	for (size_t i = 0; i < x.n; i++)
		redact_result(&w, f, &x.results[i]);
	authres_end(&w);
	buf_putc(out, '\n');
}

static void
put_signature(struct buf *out, const struct failure *f)
{
	const struct signature *s = f->signature;

	if (!s)
		return;
	put_field(out, "DKIM-Domain", s->domain);
	put_redacted(out, "DKIM-Identity", f, s->identity);
	put_field(out, "DKIM-Selector", s->selector);
}

/* A quoted string (RFC 6591, section 3.2.6). */
static void
put_spf_record(struct buf *out, struct str record)
{
	struct buf value = { 0 };

	if (record.n == 0)
		return;
	BUF_LIT(&value, "txt : ");
	buf_put_quoted(&value, record);
	put_field(out, "SPF-DNS", buf_str(&value));
	buf_fini(&value);
}

static void
put_report(struct arena *a, struct buf *out, const struct failure *f)
{
	struct buf date = { 0 }, mta = { 0 };

	mime_date_format(&date, f->now, 0);
	buf_printf(&mta, "dns; %.*s", STR_ARG(f->reporting_mta));
	put_field(out, "Feedback-Type", STR("auth-failure"));
	put_field(out, "User-Agent", STR(USER_AGENT));
	put_field(out, "Version", STR("1"));
	put_redacted(out, "Original-Mail-From", f, f->mail_from);
	put_redacted(out, "Original-Rcpt-To", f, f->rcpt_to);
	put_field(out, "Arrival-Date", buf_str(&date));
	put_field(out, "Reporting-MTA", buf_str(&mta));
	put_field(out, "Source-IP", f->source_ip);
	put_results(a, out, f);
	put_field(out, "Reported-Domain", f->author_domain);
	put_field(out, "Auth-Failure", str_of(f->auth_failure));
	put_field(out, "Delivery-Result", str_of(f->delivery_result));
	put_field(out, "Identity-Alignment", str_of(f->identity_alignment));
	put_signature(out, f);
	put_spf_record(out, f->spf_record);
	buf_fini(&date);
	buf_fini(&mta);
}

/* ------------------------------------------------------------------------
 * Mail
 */

static void
put_parts(struct arena *a, struct compose *c, const struct failure *f)
{
	struct buf text = { 0 };

	buf_printf(&text,
	    "A message in the name of %.*s, which came from %.*s,\n"
	    "failed authentication at %.*s.\n",
	    STR_ARG(f->author_domain), STR_ARG(f->source_ip),
	    STR_ARG(f->reporting_mta));
	compose_body(c, buf_str(&text));
	buf_clear(&text);
	put_report(a, &text, f);
	compose_part(c, "message/feedback-report", buf_str(&text));
	buf_clear(&text);
	report_redact(&text, f->header, f->author_domain, f->redact_key);
	compose_message(c, buf_str(&text), true);
	buf_fini(&text);
}

void
failure_mail(struct arena *a, struct buf *out, const struct failure *f)
{
	struct str subject =
	    arena_printf(a, "DMARC failure report for %.*s from %.*s",
		STR_ARG(f->author_domain), STR_ARG(f->source_ip));
	struct compose c;

	compose_init(&c, out);
	compose_address(&c, "From", STR_NULL, f->from);
	compose_address(&c, "To", STR_NULL, f->to);
	compose_text(&c, "Subject", subject);
	compose_date(&c, f->now, 0);
	compose_msgid(
	    &c, str_sub(f->from, str_rchr(f->from, '@') + 1, STR_NPOS));
	compose_raw(&c, "Auto-Submitted", STR("auto-generated"));
	compose_multipart(&c, "report", "feedback-report");
	put_parts(a, &c, f);
	compose_finish(&c);
}
