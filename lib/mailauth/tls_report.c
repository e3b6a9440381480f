/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/report_internal.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mime/compose.h"

/*
 * TLS reports (RFC 8460): JSON, read as it comes and written as section 4.4
 * has it. The names of both directions stand in the same tables.
 */

#define MAX_JSON (4 * 1024 * 1024) /* in memory it is forty times as much */
#define MAX_POLICIES 1000
#define MAX_DETAILS REPORT_MAX_ROWS
#define MAX_STRINGS 100

/* ------------------------------------------------------------------------
 * Times: "2016-04-01T00:00:00Z" (RFC 3339)
 */

static int64_t
read_time(const char *s)
{
	struct tm tm = { 0 };
	int hours = 0, minutes = 0, used = 0;
	char sign[2] = "+"; /* %1[ adds a NUL */

	if (!s || sscanf(s, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &tm.tm_year,
		      &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
		      &tm.tm_sec, &used) != 6)
		return 0;
	s += used;
	if (*s == '.')
		s += 1 + strspn(s + 1, "0123456789");
	if (sscanf(s, "%1[+-]%2d:%2d", sign, &hours, &minutes) != 3)
		hours = minutes = 0;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return timegm(&tm) -
	       (*sign == '-' ? -1 : 1) * (hours * 60 + minutes) * 60;
}

static void
put_time(json_t *object, const char *key, int64_t t)
{
	time_t time = (time_t)t;
	struct tm tm = { 0 };
	char text[32];

	gmtime_r(&time, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_object_set_new(object, key, json_string(text));
}

/* ------------------------------------------------------------------------
 * Strings
 */

struct member {
	const char *key;
	size_t at;
};

#define IN_REPORT(m) offsetof(struct tls_report, m)
#define IN_FAILURE(m) offsetof(struct tls_failure, m)

static const struct member report_members[] = {
	{ "organization-name", IN_REPORT(organization) },
	{ "contact-info", IN_REPORT(contact) },
	{ "report-id", IN_REPORT(report_id) },
	{ NULL, 0 },
};
static const struct member failure_members[] = {
	{ "result-type", IN_FAILURE(result_type) },
	{ "sending-mta-ip", IN_FAILURE(sending_mta_ip) },
	{ "receiving-mx-hostname", IN_FAILURE(receiving_mx_hostname) },
	{ "receiving-mx-helo", IN_FAILURE(receiving_mx_helo) },
	{ "receiving-ip", IN_FAILURE(receiving_ip) },
	{ "additional-information", IN_FAILURE(additional_information) },
	{ "failure-reason-code", IN_FAILURE(failure_reason_code) },
	{ NULL, 0 },
};

static struct str
text(struct arena *a, const json_t *j)
{
	if (!json_is_string(j))
		return STR_NULL;
	return arena_str(
	    a, (struct str){ json_string_value(j), json_string_length(j) });
}

static void
read_members(
    struct arena *a, const json_t *object, const struct member *m, void *to)
{
	for (; m->key; m++)
		*(struct str *)(void *)((char *)to + m->at) =
		    text(a, json_object_get(object, m->key));
}

/* What is no UTF-8 cannot be said in JSON. */
static void
put_text(json_t *object, const char *key, struct str s)
{
	if (s.n > 0 && str_is_utf8(s))
		json_object_set_new(object, key, json_stringn(s.p, s.n));
}

static void
put_members(json_t *object, const struct member *m, const void *from)
{
	for (; m->key; m++)
		put_text(object, m->key,
		    *(const struct str *)(const void *)((const char *)from +
							m->at));
}

/* Some write it as a string. */
static uint64_t
number(const json_t *object, const char *key)
{
	const json_t *j = json_object_get(object, key);
	json_int_t n = json_is_integer(j) ? json_integer_value(j) : 0;
	uint64_t v;

	if (json_is_string(j))
		return str_u64(str_of(json_string_value(j)), &v) ? v : 0;
	return n > 0 ? (uint64_t)n : 0;
}

static void
put_number(json_t *object, const char *key, uint64_t n)
{
	json_object_set_new(object, key, json_integer((json_int_t)n));
}

/* Of an array, or of the one string that some write instead. */
static size_t
read_strings(struct arena *a, const json_t *j, const struct str **out)
{
	size_t n = json_is_string(j) ? 1 : json_array_size(j);
	struct str *list;

	n = n < MAX_STRINGS ? n : MAX_STRINGS;
	list = arena_array(a, n, sizeof(*list));
	for (size_t i = 0; i < n; i++)
		list[i] = text(a, json_is_string(j) ? j : json_array_get(j, i));
	*out = list;
	return n;
}

static void
put_strings(json_t *object, const char *key, const struct str *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
		    array, json_stringn(list[i].p, list[i].n));
	if (n > 0)
		json_object_set(object, key, array);
	json_decref(array);
}

/* ------------------------------------------------------------------------
 * Reading
 */

struct reading {
	struct arena *a;
	size_t details; /* of all policies */
};

static void
read_details(struct reading *x, const json_t *array, struct tls_policy *p)
{
	size_t n = json_array_size(array), room = MAX_DETAILS - x->details;
	struct tls_failure *list;

	n = n < room ? n : room;
	x->details += n;
	list = arena_array(x->a, n, sizeof(*list));
	for (size_t i = 0; i < n; i++) {
		const json_t *d = json_array_get(array, i);

		read_members(x->a, d, failure_members, &list[i]);
		list[i].count = number(d, "failed-session-count");
	}
	p->details = list;
	p->ndetails = n;
}

static void
read_policy(struct reading *x, const json_t *j, struct tls_policy *p)
{
	const json_t *policy = json_object_get(j, "policy");
	const json_t *summary = json_object_get(j, "summary");

	p->type = text(x->a, json_object_get(policy, "policy-type"));
	p->domain = text(x->a, json_object_get(policy, "policy-domain"));
	p->nstrings = read_strings(
	    x->a, json_object_get(policy, "policy-string"), &p->strings);
	p->nmx_hosts = read_strings(
	    x->a, json_object_get(policy, "mx-host"), &p->mx_hosts);
	p->successes = number(summary, "total-successful-session-count");
	p->failures = number(summary, "total-failure-session-count");
	read_details(x, json_object_get(j, "failure-details"), p);
}

static void
read_report(struct arena *a, const json_t *j, struct tls_report *r)
{
	const json_t *range = json_object_get(j, "date-range");
	const json_t *policies = json_object_get(j, "policies");
	struct reading x = { .a = a };
	struct tls_policy *list;
	size_t n = json_array_size(policies);

	read_members(a, j, report_members, r);
	r->begin = read_time(
	    json_string_value(json_object_get(range, "start-datetime")));
	r->end = read_time(
	    json_string_value(json_object_get(range, "end-datetime")));
	n = n < MAX_POLICIES ? n : MAX_POLICIES;
	list = arena_array(a, n, sizeof(*list));
	for (size_t i = 0; i < n; i++)
		read_policy(&x, json_array_get(policies, i), &list[i]);
	r->policies = list;
	r->n = n;
}

bool
tls_report_parse(
    struct arena *a, struct str json, struct tls_report *out, struct err *e)
{
	json_error_t error = { 0 };
	json_t *j = NULL;
	bool ok;

	*out = (struct tls_report){ 0 };
	if (json.n <= MAX_JSON)
		j = json_loadb(json.p ? json.p : "", json.n, 0, &error);
	ok = json_is_array(json_object_get(j, "policies"));
	if (ok)
		read_report(a, j, out);
	else if (json.n > MAX_JSON)
		err_set(e, "TLS report: %zu octets", json.n);
	else if (j)
		err_set(e, "TLS report: it has no policies");
	else
		err_set(e, "TLS report: line %d: %s", error.line, error.text);
	json_decref(j);
	return ok;
}

/* ------------------------------------------------------------------------
 * Writing
 */

static json_t *
details_of(const struct tls_policy *p)
{
	json_t *array = json_array();

	for (size_t i = 0; i < p->ndetails; i++) {
		json_t *d = json_object();

		put_members(d, failure_members, &p->details[i]);
		put_number(d, "failed-session-count", p->details[i].count);
		json_array_append_new(array, d);
	}
	return array;
}

static json_t *
policy_of(const struct tls_policy *p)
{
	json_t *policy = json_object(), *summary = json_object();

	put_text(policy, "policy-type", p->type);
	put_strings(policy, "policy-string", p->strings, p->nstrings);
	put_text(policy, "policy-domain", p->domain);
	put_strings(policy, "mx-host", p->mx_hosts, p->nmx_hosts);
	put_number(summary, "total-successful-session-count", p->successes);
	put_number(summary, "total-failure-session-count", p->failures);
	return json_pack("{s: o, s: o, s: o}", "policy", policy, "summary",
	    summary, "failure-details", details_of(p));
}

void
tls_report_write(struct buf *out, const struct tls_report *r)
{
	json_t *j = json_object(), *range = json_object();
	json_t *policies = json_array();
	char *dump;

	put_members(j, report_members, r);
	put_time(range, "start-datetime", r->begin);
	put_time(range, "end-datetime", r->end);
	json_object_set_new(j, "date-range", range);
	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(policies, policy_of(&r->policies[i]));
	json_object_set_new(j, "policies", policies);
	dump = json_dumps(j, JSON_INDENT(1));
	buf_puts(out, dump ? dump : "");
	free(dump);
	json_decref(j);
}

/* ------------------------------------------------------------------------
 * Mail
 */

static void
put_parts(struct compose *c, const struct tls_report *r, struct str domain,
    struct str submitter)
{
	struct buf text = { 0 }, json = { 0 }, packed = { 0 };

	buf_printf(&text, "This is an aggregate TLS report from %.*s.\n",
	    STR_ARG(submitter));
	compose_body(c, buf_str(&text));
	tls_report_write(&json, r);
	report_gzip(&packed, buf_str(&json));
	buf_clear(&text);
	report_put_safe(&text, submitter);
	buf_putc(&text, '!');
	report_put_safe(&text, domain);
	buf_printf(&text, "!%" PRId64 "!%" PRId64 "!", r->begin, r->end);
	report_put_safe(&text, r->report_id);
	BUF_LIT(&text, ".json.gz");
	compose_attachment(
	    c, "application/tlsrpt+gzip", buf_str(&text), buf_str(&packed));
	buf_fini(&text);
	buf_fini(&json);
	buf_fini(&packed);
}

void
tls_report_mail(struct buf *out, const struct tls_report *r, struct str domain,
    struct str submitter, struct str from, struct str to, int64_t now)
{
	struct buf subject = { 0 };
	struct compose c;

	compose_init(&c, out);
	compose_address(&c, "From", STR_NULL, from);
	compose_address(&c, "To", STR_NULL, to);
	report_subject(&subject, domain, submitter, r->report_id);
	compose_text(&c, "Subject", buf_str(&subject));
	/* It may be about what keeps mail with TLS from coming (RFC 8689). */
	compose_raw(&c, "TLS-Required", STR("No"));
	compose_raw(&c, "TLS-Report-Domain", domain);
	compose_raw(&c, "TLS-Report-Submitter", submitter);
	compose_date(&c, now, 0);
	compose_msgid(&c, str_sub(from, str_rchr(from, '@') + 1, STR_NPOS));
	compose_raw(&c, "Auto-Submitted", STR("auto-generated"));
	compose_multipart(&c, "report", "tlsrpt");
	put_parts(&c, r, domain, submitter);
	compose_finish(&c);
	buf_fini(&subject);
}
