/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/report_internal.h"

#include <inttypes.h>
#include <string.h>

#include "mime/compose.h"

/*
 * Our aggregate reports: as RFC 7489, appendix C, has them, or where the way of
 * discovery is told, as DMARCbis does. The order is the schema's.
 */

#define BIS_NAMESPACE "urn:ietf:params:xml:ns:dmarc-2.0"

/* ------------------------------------------------------------------------
 * XML
 */

static void
put_indent(struct buf *out, unsigned depth)
{
	while (depth-- > 0)
		BUF_LIT(out, "  ");
}

/* XML knows no control characters, in no spelling. */
static void
put_text(struct buf *out, struct str s)
{
	bool utf8 = str_is_utf8(s);

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '&')
			BUF_LIT(out, "&amp;");
		else if (c == '<')
			BUF_LIT(out, "&lt;");
		else if (c == '>')
			BUF_LIT(out, "&gt;");
		else if (c >= ' ' && c != 0x7f && (c < 0x80 || utf8))
			buf_putc(out, s.p[i]);
	}
}

static void
put(struct buf *out, unsigned depth, const char *name, struct str value)
{
	put_indent(out, depth);
	buf_printf(out, "<%s>", name);
	put_text(out, value);
	buf_printf(out, "</%s>\n", name);
}

/* Only if there is something. */
static void
put_if(struct buf *out, unsigned depth, const char *name, struct str value)
{
	if (value.n > 0)
		put(out, depth, name, value);
}

static void
put_or(struct buf *out, unsigned depth, const char *name, struct str value,
    const char *otherwise)
{
	put(out, depth, name, value.n > 0 ? value : str_of(otherwise));
}

static void
put_number(struct buf *out, unsigned depth, const char *name, uint64_t value)
{
	put_indent(out, depth);
	buf_printf(out, "<%s>%" PRIu64 "</%s>\n", name, value, name);
}

static void
tag(struct buf *out, unsigned depth, const char *text)
{
	put_indent(out, depth);
	buf_printf(out, "<%s>\n", text);
}

/* ------------------------------------------------------------------------
 * Parts
 */

static bool
is_bis(const struct aggregate *r)
{
	return r->discovery.n > 0;
}

static void
put_metadata(struct buf *out, const struct aggregate *r)
{
	tag(out, 1, "report_metadata");
	put(out, 2, "org_name", r->org_name);
	put(out, 2, "email", r->email);
	put_if(out, 2, "extra_contact_info", r->extra_contact);
	put(out, 2, "report_id", r->report_id);
	tag(out, 2, "date_range");
	put_number(out, 3, "begin", (uint64_t)r->begin);
	put_number(out, 3, "end", (uint64_t)r->end);
	tag(out, 2, "/date_range");
	for (size_t i = 0; i < r->nerrors; i++)
		put(out, 2, "error", r->errors[i]);
	if (is_bis(r))
		put_if(out, 2, "generator", r->generator);
	tag(out, 1, "/report_metadata");
}

static void
put_policy(struct buf *out, const struct aggregate *r)
{
	tag(out, 1, "policy_published");
	put(out, 2, "domain", r->domain);
	if (is_bis(r)) {
		put(out, 2, "discovery_method", r->discovery);
		put_if(out, 2, "np", r->np);
		put_if(out, 2, "testing", r->testing);
	}
	put_or(out, 2, "adkim", r->adkim, "r");
	put_or(out, 2, "aspf", r->aspf, "r");
	put_or(out, 2, "p", r->p, "none");
	put_or(out, 2, "sp", r->sp.n > 0 ? r->sp : r->p, "none");
	if (!is_bis(r))
		put_or(out, 2, "pct", r->pct, "100");
	put_or(out, 2, "fo", r->fo, "0");
	tag(out, 1, "/policy_published");
}

static void
put_row(struct buf *out, const struct aggregate_row *r)
{
	tag(out, 2, "row");
	put(out, 3, "source_ip", r->source_ip);
	put_number(out, 3, "count", r->count);
	tag(out, 3, "policy_evaluated");
	put_or(out, 4, "disposition", r->disposition, "none");
	put_or(out, 4, "dkim", r->dkim, "fail");
	put_or(out, 4, "spf", r->spf, "fail");
	for (size_t i = 0; i < r->nreasons; i++) {
		tag(out, 4, "reason");
		put_or(out, 5, "type", r->reasons[i].type, "other");
		put_if(out, 5, "comment", r->reasons[i].comment);
		tag(out, 4, "/reason");
	}
	tag(out, 3, "/policy_evaluated");
	tag(out, 2, "/row");
}

static void
put_identifiers(struct buf *out, const struct aggregate_row *r)
{
	tag(out, 2, "identifiers");
	put_if(out, 3, "envelope_to", r->envelope_to);
	put(out, 3, "envelope_from", r->envelope_from);
	put(out, 3, "header_from", r->header_from);
	tag(out, 2, "/identifiers");
}

static void
put_dkim(struct buf *out, const struct aggregate_dkim *d)
{
	tag(out, 3, "dkim");
	put(out, 4, "domain", d->domain);
	put_if(out, 4, "selector", d->selector);
	put_or(out, 4, "result", d->result, "none");
	put_if(out, 4, "human_result", d->human_result);
	tag(out, 3, "/dkim");
}

static void
put_spf(struct buf *out, const struct aggregate_spf *s, bool bis)
{
	tag(out, 3, "spf");
	put(out, 4, "domain", s->domain);
	put_or(out, 4, "scope", s->scope, "mfrom");
	put_or(out, 4, "result", s->result, "none");
	if (bis)
		put_if(out, 4, "human_result", s->human_result);
	tag(out, 3, "/spf");
}

/* The older form wants at least one result of SPF. */
static void
put_results(struct buf *out, const struct aggregate_row *r, bool bis)
{
	struct aggregate_spf none = { .domain = r->header_from };

	tag(out, 2, "auth_results");
	for (size_t i = 0; i < r->ndkim; i++)
		put_dkim(out, &r->dkim_results[i]);
	for (size_t i = 0; i < r->nspf; i++)
		put_spf(out, &r->spf_results[i], bis);
	if (r->nspf == 0 && !bis)
		put_spf(out, &none, bis);
	tag(out, 2, "/auth_results");
}

void
aggregate_write(struct buf *out, const struct aggregate *r)
{
	BUF_LIT(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	tag(out, 0,
	    is_bis(r) ? "feedback xmlns=\"" BIS_NAMESPACE "\"" : "feedback");
	put_or(out, 1, "version", r->version, "1.0");
	put_metadata(out, r);
	put_policy(out, r);
	for (size_t i = 0; i < r->nrows; i++) {
		tag(out, 1, "record");
		put_row(out, &r->rows[i]);
		put_identifiers(out, &r->rows[i]);
		put_results(out, &r->rows[i], is_bis(r));
		tag(out, 1, "/record");
	}
	tag(out, 0, "/feedback");
}

/* ------------------------------------------------------------------------
 * Mail
 */

void
report_put_safe(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if ((c >= 'a' && c <= 'z') || ascii_digit(c) ||
		    (c && strchr(".-_", c)))
			buf_putc(out, s.p[i]);
	}
}

void
report_subject(
    struct buf *out, struct str domain, struct str submitter, struct str id)
{
	BUF_LIT(out, "Report Domain: ");
	report_put_safe(out, domain);
	BUF_LIT(out, " Submitter: ");
	report_put_safe(out, submitter);
	BUF_LIT(out, " Report-ID: <");
	report_put_safe(out, str_sub(id, 0, str_chr(id, '@')));
	buf_putc(out, '@');
	report_put_safe(out, submitter);
	buf_putc(out, '>');
}

void
aggregate_filename(
    struct buf *out, const struct aggregate *r, struct str receiver)
{
	report_put_safe(out, receiver);
	buf_putc(out, '!');
	report_put_safe(out, r->domain);
	buf_printf(out, "!%" PRId64 "!%" PRId64 "!", r->begin, r->end);
	report_put_safe(out, r->report_id);
	BUF_LIT(out, ".xml.gz");
}

static struct str
domain_of(struct str address)
{
	return str_sub(address, str_rchr(address, '@') + 1, STR_NPOS);
}

static void
put_parts(struct compose *c, const struct aggregate *r, struct str receiver)
{
	struct buf text = { 0 }, xml = { 0 }, packed = { 0 };

	buf_printf(&text,
	    "This is a DMARC aggregate report about %.*s by %.*s.\n",
	    STR_ARG(r->domain), STR_ARG(receiver));
	compose_body(c, buf_str(&text));
	aggregate_write(&xml, r);
	report_gzip(&packed, buf_str(&xml));
	buf_clear(&text);
	aggregate_filename(&text, r, receiver);
	compose_attachment(
	    c, "application/gzip", buf_str(&text), buf_str(&packed));
	buf_fini(&text);
	buf_fini(&xml);
	buf_fini(&packed);
}

void
aggregate_mail(struct buf *out, const struct aggregate *r, struct str receiver,
    struct str from, struct str to, int64_t now)
{
	struct buf subject = { 0 };
	struct compose c;

	compose_init(&c, out);
	compose_address(&c, "From", STR_NULL, from);
	compose_address(&c, "To", STR_NULL, to);
	report_subject(&subject, r->domain, receiver, r->report_id);
	compose_text(&c, "Subject", buf_str(&subject));
	compose_date(&c, now, 0);
	compose_msgid(&c, domain_of(from));
	compose_raw(&c, "Auto-Submitted", STR("auto-generated"));
	compose_multipart(&c, "mixed", NULL);
	put_parts(&c, r, receiver);
	compose_finish(&c);
	buf_fini(&subject);
}
