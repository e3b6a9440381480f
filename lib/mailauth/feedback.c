/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/report_internal.h"

#include <string.h>

#include "mime/decode.h"
#include "mime/header.h"
#include "mime/mime.h"

/*
 * Feedback that comes in (RFC 5965): a multipart/report of a text for people,
 * the report as fields, and the message or its header. What RFC 6591 adds is
 * more fields.
 */

#define MAX_REPORT (1024 * 1024)
#define MAX_FIELDS 1000
#define MAX_LIST 100

struct list {
	struct str v[MAX_LIST];
	size_t n;
};

struct reading {
	struct arena *a;
	struct feedback f;
	struct list rcpt_to, domains, uris, results;
	struct str incidents;
};

/* ------------------------------------------------------------------------
 * Fields
 */

enum kind {
	TEXT,
	WORD,    /* in lower case */
	ADDRESS, /* without its brackets */
	HOST,    /* "dns; host" */
	PACKED,  /* base64, without the white space of its lines */
	DATE,
	LIST,
	ADDRESSES,
};

#define AT(member) offsetof(struct reading, member)

static const struct known {
	const char *name;
	enum kind kind;
	size_t at;
} known[] = {
	/* clang-format off */
	{ "Arrival-Date",              DATE,      AT(f.arrival) },
	{ "Auth-Failure",              WORD,      AT(f.auth_failure) },
	{ "Authentication-Results",    LIST,      AT(results) },
	{ "DKIM-Canonicalized-Body",   PACKED,    AT(f.dkim_canonicalized_body) },
	{ "DKIM-Canonicalized-Header", PACKED,    AT(f.dkim_canonicalized_header) },
	{ "DKIM-Domain",               TEXT,      AT(f.dkim_domain) },
	{ "DKIM-Identity",             TEXT,      AT(f.dkim_identity) },
	{ "DKIM-Selector",             TEXT,      AT(f.dkim_selector) },
	{ "DKIM-Selector-DNS",         TEXT,      AT(f.dkim_selector_dns) },
	{ "Delivery-Result",           WORD,      AT(f.delivery_result) },
	{ "Feedback-Type",             WORD,      AT(f.type) },
	{ "Identity-Alignment",        WORD,      AT(f.identity_alignment) },
	{ "Incidents",                 TEXT,      AT(incidents) },
	{ "Original-Envelope-Id",      TEXT,      AT(f.envelope_id) },
	{ "Original-Mail-From",        ADDRESS,   AT(f.mail_from) },
	{ "Original-Rcpt-To",          ADDRESSES, AT(rcpt_to) },
	{ "Received-Date",             DATE,      AT(f.arrival) }, /* older */
	{ "Reported-Domain",           LIST,      AT(domains) },
	{ "Reported-URI",              LIST,      AT(uris) },
	{ "Reporting-MTA",             HOST,      AT(f.reporting_mta) },
	{ "SPF-DNS",                   TEXT,      AT(f.spf_dns) },
	{ "Source-IP",                 TEXT,      AT(f.source_ip) },
	{ "Source-Port",               TEXT,      AT(f.source_port) },
	{ "User-Agent",                TEXT,      AT(f.user_agent) },
	{ "Version",                   TEXT,      AT(f.version) },
	/* clang-format on */
};

static struct str
lower(struct arena *a, struct str s)
{
	char *p = arena_cstr(a, s);

	for (size_t i = 0; i < s.n; i++)
		p[i] = ascii_lower(p[i]);
	return (struct str){ p, s.n };
}

static struct str
address(struct str s)
{
	if (s.n > 1 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		return str_sub(s, 1, s.n - 2);
	return s;
}

static struct str
packed(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != ' ' && s.p[i] != '\t')
			p[n++] = s.p[i];
	}
	return (struct str){ p, n };
}

static struct str
text_of(struct arena *a, enum kind kind, struct str s)
{
	if (kind == WORD)
		return lower(a, s);
	if (kind == PACKED)
		return packed(a, s);
	if (kind == HOST && str_chr(s, ';') != STR_NPOS)
		return str_trim(str_sub(s, str_chr(s, ';') + 1, STR_NPOS));
	return kind == ADDRESS || kind == ADDRESSES ? address(s) : s;
}

/* Of what may be there once the last one counts. */
static void
set(struct reading *x, const struct known *k, struct str value)
{
	void *to = (char *)x + k->at;
	struct list *list = to;

	if (k->kind == DATE)
		mime_date(value, to, NULL);
	else if (k->kind != LIST && k->kind != ADDRESSES)
		*(struct str *)to = text_of(x->a, k->kind, value);
	else if (list->n < MAX_LIST)
		list->v[list->n++] = text_of(x->a, k->kind, value);
}

static void
read_field(struct reading *x, const struct feedback_field *f)
{
	for (size_t i = 0; i < LEN(known); i++) {
		if (str_ieqc(f->name, known[i].name))
			set(x, &known[i], f->value);
	}
}

static void
read_fields(struct reading *x, struct str text)
{
	struct feedback_field *list = NULL;
	struct mime_field field;
	size_t n = 0, cap = 0;

	while (n < MAX_FIELDS && mime_field_next(&text, &field)) {
		struct buf value = { 0 };

		mime_unfold(&value, field.value);
		list = arena_grow(x->a, list, n, &cap, sizeof(*list));
		list[n] = (struct feedback_field){ field.name,
			report_keep(x->a, &value) };
		read_field(x, &list[n++]);
	}
	x->f.fields = list;
	x->f.nfields = n;
}

/* ------------------------------------------------------------------------
 * Parts
 */

static struct str
content(struct arena *a, const struct mime_message *m,
    const struct mime_part *p, size_t max)
{
	struct str body = mime_part_body(m, p);
	struct buf b = { 0 };

	if (p->cte != MIME_QP && p->cte != MIME_BASE64)
		return str_sub(body, 0, max);
	mime_decode_cte(&b, p->cte, body, max);
	return report_keep(a, &b);
}

static bool
is_headers(const struct mime_part *p)
{
	return mime_part_is(p, "text", "rfc822-headers") ||
	       mime_part_is(p, "message", "rfc822-headers") ||
	       mime_part_is(p, "message", "global-headers");
}

static void
read_part(struct reading *x, const struct mime_message *m,
    const struct mime_part *p, bool *found)
{
	bool headers = is_headers(p);

	if (mime_part_is(p, "message", "feedback-report") && !*found) {
		read_fields(x, content(x->a, m, p, MAX_REPORT));
		*found = true;
	} else if (*found && !x->f.message.p &&
		   (headers || mime_part_is(p, "message", "rfc822") ||
		       mime_part_is(p, "message", "global"))) {
		x->f.message = content(x->a, m, p, REPORT_MAX_TEXT);
		x->f.headers_only = headers;
	}
}

static void
finish(struct reading *x)
{
	struct feedback *f = &x->f;

	f->rcpt_to = x->rcpt_to.v;
	f->nrcpt_to = x->rcpt_to.n;
	f->reported_domains = x->domains.v;
	f->nreported_domains = x->domains.n;
	f->reported_uris = x->uris.v;
	f->nreported_uris = x->uris.n;
	f->results = x->results.v;
	f->nresults = x->results.n;
	if (!str_u64(x->incidents, &f->incidents) || f->incidents == 0)
		f->incidents = 1;
}

/* Its report-type need not be there: what matters is the part. */
bool
feedback_parse(
    struct arena *a, struct str raw, struct feedback *out, struct err *e)
{
	struct reading *x = arena_alloc(a, sizeof(*x));
	struct mime_message *m = mime_parse(a, raw, NULL);
	const struct mime_part *p = m->root;
	bool found = false;

	x->a = a;
	if (mime_part_is(p, "multipart", "report")) {
		for (p = p->child; p; p = p->next)
			read_part(x, m, p, &found);
	}
	finish(x);
	*out = x->f;
	if (!found)
		err_set(e, "no feedback report is in the message");
	else if (out->type.n == 0)
		err_set(e, "the feedback report has no Feedback-Type");
	return found && out->type.n > 0;
}
