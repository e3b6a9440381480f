/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/spf.h"

#include <stdarg.h>
#include <stdio.h>

#include "mailauth/psl.h"
#include "mailauth/spf_eval.h"
#include "mailauth/spf_macro.h"

#define MAX_EXPLANATION 512

static const char *const result_names[] = {
	[SPF_NONE] = "none",
	[SPF_NEUTRAL] = "neutral",
	[SPF_PASS] = "pass",
	[SPF_FAIL] = "fail",
	[SPF_SOFTFAIL] = "softfail",
	[SPF_TEMPERROR] = "temperror",
	[SPF_PERMERROR] = "permerror",
};

const char *
spf_result_name(enum spf_result r)
{
	return result_names[r];
}

bool
spf_result_parse(struct str s, enum spf_result *out)
{
	for (size_t i = 0; i < LEN(result_names); i++) {
		if (!str_ieqc(s, result_names[i]))
			continue;
		*out = (enum spf_result)i;
		return true;
	}
	return false;
}

bool
spf_record_check(
    struct arena *a, struct str record, struct str *problem, size_t *at)
{
	struct spf_record r;
	struct spf_fault fault;

	if (spf_record_parse(a, record, &r, &fault))
		return true;
	*problem = arena_str(a, str_of(fault.what));
	*at = fault.where.p ? (size_t)(fault.where.p - record.p) : 0;
	return false;
}

void
spf_stop(struct spf_eval *ev, enum spf_result result, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?'; /* of a record, or a name */
	}
	ev->error = result;
	ev->problem = arena_str(ev->arena, str_of(text));
}

/* ------------------------------------------------------------------------
 * Records of a domain (sections 4.3 to 4.5)
 */

static bool
is_multi_label(struct str domain)
{
	return dns_is_name(domain) && spf_is_ascii(domain) &&
	       domain.p[0] != '[' &&
	       str_chr(str_sub(domain, 0, domain.n - 1), '.') != STR_NPOS;
}

/* How many of the answer's records are of version 1; *out is one of them. */
static size_t
select_records(
    struct spf_eval *ev, const struct dns_answer *answer, struct str *out)
{
	struct str text;
	size_t n = 0;

	for (size_t i = 0; i < answer->n; i++) {
		if (!dns_rdata_txt(ev->arena, answer->rdata[i], &text) ||
		    !spf_record_is(text))
			continue;
		*out = text;
		n++;
	}
	return n;
}

/* Of the domain; false if there is none, or not one. */
static bool
find_record(struct spf_eval *ev, struct str *out)
{
	struct str domain = ev->domain;
	struct dns_answer answer;
	size_t n;

	if (!is_multi_label(domain)) {
		spf_stop(
		    ev, SPF_NONE, "\"%.*s\" is no domain", STR_ARG(domain));
		return false;
	}
	dns_ask(ev->resolver, ev->arena, domain, DNS_TXT, &answer);
	n = select_records(ev, &answer, out);
	if (answer.rc == DNS_FAILED)
		spf_stop(ev, SPF_TEMPERROR, "TXT of %.*s: %s", STR_ARG(domain),
		    answer.why);
	else if (n == 0)
		spf_stop(
		    ev, SPF_NONE, "%.*s has no SPF record", STR_ARG(domain));
	else if (n > 1)
		spf_stop(ev, SPF_PERMERROR, "%.*s has %zu SPF records",
		    STR_ARG(domain), n);
	return n == 1;
}

static bool
get_record(struct spf_eval *ev, struct spf_record *out)
{
	struct spf_fault fault;
	struct str text;

	if (!find_record(ev, &text))
		return false;
	if (spf_record_parse(ev->arena, text, out, &fault)) {
		if (!ev->record.p)
			ev->record = text;
		return true;
	}
	spf_stop(ev, SPF_PERMERROR, "record of %.*s: %s: \"%.*s\"",
	    STR_ARG(ev->domain), fault.what, STR_ARG(fault.where));
	return false;
}

/* ------------------------------------------------------------------------
 * check_host() (section 4.6)
 */

static void
set_error(struct spf_eval *ev, struct spf_outcome *out)
{
	*out = (struct spf_outcome){ .result = ev->error };
}

static enum spf_match
evaluate(
    struct spf_eval *ev, const struct spf_record *r, struct spf_outcome *out)
{
	enum spf_match m = SPF_NO_MATCH;

	*out = (struct spf_outcome){ .result = SPF_NEUTRAL };
	for (size_t i = 0; i < r->n && m == SPF_NO_MATCH; i++) {
		m = spf_match(ev, &r->directives[i]);
		if (m == SPF_MATCH)
			*out = (struct spf_outcome){
				.result = r->directives[i].result,
				.mechanism = r->directives[i].text,
				.domain = ev->domain,
				.exp = r->exp,
			};
	}
	if (m == SPF_STOPPED)
		set_error(ev, out);
	return m;
}

/* Go on with the domain of redirect= (section 6.1), whose record is R
 * afterwards. */
static bool
follow_redirect(struct spf_eval *ev, struct spf_record *r)
{
	struct str target;

	if (!spf_count_lookup(ev))
		return false;
	if (!spf_target(ev, r->redirect, &target)) {
		spf_stop(ev, SPF_PERMERROR, "\"redirect=%.*s\" gives no name",
		    STR_ARG(r->redirect));
		return false;
	}
	ev->domain = target;
	if (get_record(ev, r))
		return true;
	if (ev->error == SPF_NONE)
		ev->error = SPF_PERMERROR;
	return false;
}

static void
check_host(struct spf_eval *ev, struct spf_outcome *out)
{
	struct spf_record r;
	bool there = get_record(ev, &r);

	while (
	    there && evaluate(ev, &r, out) == SPF_NO_MATCH && r.redirect.n > 0)
		there = follow_redirect(ev, &r);
	if (!there)
		set_error(ev, out);
}

void
spf_check_host(struct spf_eval *ev, struct str domain, struct spf_outcome *out)
{
	struct str outer = ev->domain;

	ev->domain = domain;
	check_host(ev, out);
	ev->domain = outer;
}

/* ------------------------------------------------------------------------
 * Explanations (section 6.2)
 */

/* The one TXT record of NAME, if it is one that may be shown. */
static bool
get_explanation(struct spf_eval *ev, struct str name, struct str *out)
{
	struct dns_answer answer;

	dns_ask(ev->resolver, ev->arena, name, DNS_TXT, &answer);
	return answer.rc == DNS_OK && answer.n == 1 &&
	       dns_rdata_txt(ev->arena, answer.rdata[0], out) &&
	       !spf_macro_check(*out, SPF_IN_EXPLANATION);
}

static bool
is_printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	}
	return true;
}

static struct str
explanation(struct spf_eval *ev, const struct spf_outcome *o)
{
	struct str name, text;

	ev->domain = o->domain;
	if (o->result != SPF_FAIL || o->exp.n == 0 ||
	    !spf_target(ev, o->exp, &name) || !get_explanation(ev, name, &text))
		return STR_NULL;
	text = spf_explain(ev, text, MAX_EXPLANATION);
	text = str_sub(text, 0, MAX_EXPLANATION);
	return is_printable(text) ? text : STR_NULL;
}

/* ------------------------------------------------------------------------
 * The question
 */

/* U-labels become A-labels (RFC 8616, section 4). */
static struct str
a_labels(struct arena *a, struct str domain)
{
	struct str ascii;

	if (spf_is_ascii(domain))
		return domain;
	ascii = domain_to_ascii(a, domain);
	return ascii.n ? ascii : domain;
}

/* Sections 2.4 and 4.3: who has no local part is postmaster. */
static void
set_sender(struct spf_eval *ev)
{
	const struct spf_query *q = ev->query;
	struct str path = q->identity == SPF_HELO ? STR_NULL : q->sender;
	size_t at = str_rchr(path, '@');
	struct str domain = path.n == 0      ? q->helo
			    : at == STR_NPOS ? path
					     : str_sub(path, at + 1, STR_NPOS);

	ev->local = at == STR_NPOS || at == 0 ? STR("postmaster")
					      : str_sub(path, 0, at);
	ev->local_ascii = spf_is_ascii(ev->local);
	ev->sender_domain = a_labels(ev->arena, domain);
	ev->sender = arena_printf(ev->arena, "%.*s@%.*s", STR_ARG(ev->local),
	    STR_ARG(ev->sender_domain));
}

static void
set_limits(struct spf_eval *ev, const struct spf_limits *l)
{
	ev->limits = (struct spf_limits){
		.lookups = l && l->lookups ? l->lookups : 10,
		.voids = l && l->voids ? l->voids : 2,
		.names = l && l->names ? l->names : 10,
	};
}

void
spf_check(struct resolver *r, struct arena *a, const struct spf_query *q,
    const struct spf_limits *limits, struct spf_verdict *out)
{
	struct spf_eval ev = {
		.resolver = r,
		.arena = a,
		.query = q,
		.ipv4 = IN6_IS_ADDR_V4MAPPED(&q->client),
		.helo = a_labels(a, q->helo),
	};
	struct spf_outcome o;
	struct str domain;

	set_limits(&ev, limits);
	set_sender(&ev);
	domain = arena_str(a, dns_undotted(ev.sender_domain));
	spf_check_host(&ev, domain, &o);
	*out = (struct spf_verdict){
		.result = o.result,
		.domain = domain,
		.record = ev.record,
		.mechanism = o.mechanism,
		.problem = ev.problem,
		.explanation = explanation(&ev, &o),
		.lookups = ev.lookups,
		.voids = ev.voids,
	};
}
