/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/compose.h"
#include "sieve/answer.h"

/* report (vnd.dovecot.report): tell somebody of abuse, in the format of RFC
 * 5965. */

static const struct sieve_tag report_tags[] = {
	{ "headers_only", CAP_DOVECOT_REPORT, SLOT_BODY, 0, 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

/* A token of RFC 2045. */
static bool
valid_feedback(struct str s, const char **why)
{
	*why = "expected a word such as abuse, fraud, virus or not-spam";
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f ||
		    str_chr(STR("()<>@,;:\\\"/[]?="), s.p[i]) != STR_NPOS)
			return false;
	}
	return s.n > 0;
}

static bool
check_report(struct sieve_checker *c, struct sieve_node *n)
{
	return sieve_check_strings(
		   c, sieve_arg(n, SLOT_1), "feedback type", valid_feedback) &&
	       sieve_check_strings(
		   c, sieve_arg(n, SLOT_3), "address", sieve_valid_address);
}

static enum sieve_flow
run_report(struct sieve_run *r, const struct sieve_node *n)
{
	struct sieve_action a = { .kind = SIEVE_ACT_REPORT };
	struct str to = sieve_string(r, sieve_arg(n, SLOT_3));
	const char *why;

	a.report.feedback = sieve_string(r, sieve_arg(n, SLOT_1));
	a.report.text = sieve_string(r, sieve_arg(n, SLOT_2));
	a.report.headers_only = sieve_arg(n, SLOT_BODY) != NULL;
	if (!valid_feedback(a.report.feedback, &why))
		return sieve_fault(r, "feedback type '%.*s' is invalid: %s",
		    STR_ARG(a.report.feedback), why);
	if (!sieve_address_of(r->arena, to, &a.report.to))
		return sieve_fault(r, "cannot report to '%.*s'", STR_ARG(to));
	return sieve_action_add(r, n, &a) ? FLOW_NEXT : FLOW_FAILED;
}

const struct sieve_verb sieve_verbs_abuse[] = {
	{ .name = "report",
	    .cap = CAP_DOVECOT_REPORT,
	    .params = { { 's', "feedback type" }, { 's', "message" },
		{ 's', "address" } },
	    .tags = { report_tags },
	    .check = check_report,
	    .run = run_report },
	{ .name = NULL },
};

/* ------------------------------------------------------------------------
 * The mail
 */

static void
put_feedback(
    struct sieve_run *r, const struct sieve_action *a, struct compose *c)
{
	const struct sieve_envelope *e = &r->in->envelope;
	struct str user = r->in->user.address.n ? r->in->user.address
			  : e->orig_to.n        ? e->orig_to
						: e->to;
	struct buf out = { 0 };

	buf_printf(&out,
	    "Version: 1\r\n"
	    "Feedback-Type: %.*s\r\n"
	    "User-Agent: Mailstead\r\n"
	    "Original-Mail-From: <%.*s>\r\n"
	    "Original-Rcpt-To: <%.*s>\r\n"
	    "Dovecot-Reporting-User: <%.*s>\r\n",
	    STR_ARG(a->report.feedback), STR_ARG(e->from), STR_ARG(e->to),
	    STR_ARG(user));
	if (r->in->remote_ip.n > 0)
		buf_printf(
		    &out, "Source-IP: %.*s\r\n", STR_ARG(r->in->remote_ip));
	compose_part(c, "message/feedback-report", buf_str(&out));
	buf_fini(&out);
}

void
sieve_report_compose(struct sieve_run *r, const struct sieve_action *a,
    const struct sieve_sender *s, struct buf *out)
{
	struct str subject = sieve_header_of(r, a->message, "Subject");
	struct str from =
	    sieve_reverse_path(r, s, s->report_from, s->postmaster);
	struct compose c;

	compose_init(&c, out);
	BUF_LIT(out, "X-Sieve: Mailstead\r\n");
	compose_msgid(&c, s->hostname);
	compose_date(&c, r->in->now, r->in->zone);
	compose_raw(&c, "From", from.n > 0 ? from : s->postmaster);
	compose_raw(&c, "To", a->report.to);
	compose_text(&c, "Subject",
	    sieve_short_subject(
		r, arena_printf(r->arena, "Report: %.*s", STR_ARG(subject))));
	compose_raw(&c, "Auto-Submitted", STR("auto-generated (report)"));
	compose_raw(&c, "Precedence", STR("bulk"));
	compose_multipart(&c, "report", "feedback-report");
	compose_body(&c, a->report.text);
	put_feedback(r, a, &c);
	compose_message(
	    &c, sieve_message_raw(a->message), a->report.headers_only);
	compose_finish(&c);
}
