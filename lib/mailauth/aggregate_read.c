/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/report_internal.h"

#include <libxml/xmlreader.h>
#include <string.h>

/*
 * Aggregate reports (RFC 7489, appendix C; DMARCbis), as they come: in any
 * order, with or without the namespace, with elements nobody knows. The XML is
 * read as a stream; where an element stands, as a path, says what it is.
 *
 * No document type is taken, so there are no entities but XML's own five.
 */

#define MAX_PATH 256
#define MAX_DEPTH 32
#define MAX_VALUE 4096
#define MAX_PER_ROW 20 /* signatures, SPF results, reasons */
#define MAX_ERRORS 100

struct reading {
	struct arena *a;
	struct aggregate report;
	struct aggregate_row row;
	struct aggregate_reason reason, reasons[MAX_PER_ROW];
	struct aggregate_dkim dkim, dkims[MAX_PER_ROW];
	struct aggregate_spf spf, spfs[MAX_PER_ROW];
	struct str error, errors[MAX_ERRORS];
	struct aggregate_row *rows;
	size_t cap;

	char path[MAX_PATH]; /* "/feedback/record/row" */
	size_t ends[MAX_DEPTH];
	size_t depth;
	struct buf text; /* of the innermost element */
	bool any_root;
	const char *failed;
};

/* ------------------------------------------------------------------------
 * What elements say
 */

enum kind {
	TEXT,
	WORD, /* in lower case */
	COUNT,
	TIME,
};

#define AT(member) offsetof(struct reading, member)

static const struct leaf {
	const char *path; /* below "/feedback/" */
	enum kind kind;
	size_t at;
} leaves[] = {
	/* clang-format off */
	{ "version",                              TEXT, AT(report.version) },
	{ "report_metadata/org_name",             TEXT, AT(report.org_name) },
	{ "report_metadata/email",                TEXT, AT(report.email) },
	{ "report_metadata/extra_contact_info",   TEXT, AT(report.extra_contact) },
	{ "report_metadata/report_id",            TEXT, AT(report.report_id) },
	{ "report_metadata/generator",            TEXT, AT(report.generator) },
	{ "report_metadata/date_range/begin",     TIME, AT(report.begin) },
	{ "report_metadata/date_range/end",       TIME, AT(report.end) },
	{ "report_metadata/error",                TEXT, AT(error) },
	{ "policy_published/domain",              WORD, AT(report.domain) },
	{ "policy_published/adkim",               WORD, AT(report.adkim) },
	{ "policy_published/aspf",                WORD, AT(report.aspf) },
	{ "policy_published/p",                   WORD, AT(report.p) },
	{ "policy_published/sp",                  WORD, AT(report.sp) },
	{ "policy_published/np",                  WORD, AT(report.np) },
	{ "policy_published/pct",                 WORD, AT(report.pct) },
	{ "policy_published/fo",                  WORD, AT(report.fo) },
	{ "policy_published/testing",             WORD, AT(report.testing) },
	{ "policy_published/discovery_method",    WORD, AT(report.discovery) },
	{ "policy_published/version_published",   TEXT, AT(report.version_published) },
	{ "record/row/source_ip",                 WORD, AT(row.source_ip) },
	{ "record/row/count",                    COUNT, AT(row.count) },
	{ "record/row/policy_evaluated/disposition", WORD, AT(row.disposition) },
	{ "record/row/policy_evaluated/dkim",     WORD, AT(row.dkim) },
	{ "record/row/policy_evaluated/spf",      WORD, AT(row.spf) },
	{ "record/row/policy_evaluated/reason/type",    WORD, AT(reason.type) },
	{ "record/row/policy_evaluated/reason/comment", TEXT, AT(reason.comment) },
	{ "record/identifiers/envelope_to",       TEXT, AT(row.envelope_to) },
	{ "record/identifiers/envelope_from",     TEXT, AT(row.envelope_from) },
	{ "record/identifiers/header_from",       TEXT, AT(row.header_from) },
	{ "record/auth_results/dkim/domain",      TEXT, AT(dkim.domain) },
	{ "record/auth_results/dkim/selector",    TEXT, AT(dkim.selector) },
	{ "record/auth_results/dkim/result",      WORD, AT(dkim.result) },
	{ "record/auth_results/dkim/human_result", TEXT, AT(dkim.human_result) },
	{ "record/auth_results/spf/domain",       TEXT, AT(spf.domain) },
	{ "record/auth_results/spf/scope",        WORD, AT(spf.scope) },
	{ "record/auth_results/spf/result",       WORD, AT(spf.result) },
	{ "record/auth_results/spf/human_result", TEXT, AT(spf.human_result) },
	/* clang-format on */
};

static struct str
kept(struct reading *x, struct str value, bool lower)
{
	char *p = arena_cstr(x->a, value);

	for (size_t i = 0; lower && i < value.n; i++)
		p[i] = ascii_lower(p[i]);
	return (struct str){ p, value.n };
}

/* The number a value begins with ("1700000000.0"); 0 if there is none. */
static uint64_t
number(struct str value)
{
	size_t n = 0;
	uint64_t v;

	while (n < value.n && ascii_digit(value.p[n]))
		n++;
	return str_u64(str_sub(value, 0, n), &v) ? v : 0;
}

static void
set(struct reading *x, const struct leaf *l, struct str value)
{
	void *to = (char *)x + l->at;

	if (l->kind == COUNT)
		*(uint64_t *)to = number(value);
	else if (l->kind == TIME)
		*(int64_t *)to = (int64_t)(number(value) & INT64_MAX);
	else
		*(struct str *)to = kept(x, value, l->kind == WORD);
}

/* ------------------------------------------------------------------------
 * What is there several times
 */

static void
end_error(struct reading *x)
{
	if (x->report.nerrors < MAX_ERRORS)
		x->errors[x->report.nerrors++] = x->error;
}

static void
end_reason(struct reading *x)
{
	if (x->row.nreasons < MAX_PER_ROW)
		x->reasons[x->row.nreasons++] = x->reason;
	x->reason = (struct aggregate_reason){ 0 };
}

static void
end_dkim(struct reading *x)
{
	if (x->row.ndkim < MAX_PER_ROW)
		x->dkims[x->row.ndkim++] = x->dkim;
	x->dkim = (struct aggregate_dkim){ 0 };
}

static void
end_spf(struct reading *x)
{
	if (x->row.nspf < MAX_PER_ROW)
		x->spfs[x->row.nspf++] = x->spf;
	x->spf = (struct aggregate_spf){ 0 };
}

static void *
copy(struct arena *a, const void *list, size_t n, size_t size)
{
	void *p = arena_array(a, n, size);

	if (n > 0)
		memcpy(p, list, n * size);
	return p;
}

static void
end_record(struct reading *x)
{
	struct aggregate_row *r = &x->row;

	r->reasons = copy(x->a, x->reasons, r->nreasons, sizeof(*x->reasons));
	r->dkim_results = copy(x->a, x->dkims, r->ndkim, sizeof(*x->dkims));
	r->spf_results = copy(x->a, x->spfs, r->nspf, sizeof(*x->spfs));
	if (x->report.nrows == REPORT_MAX_ROWS) {
		x->failed = "too many records";
		return;
	}
	x->rows = arena_grow(
	    x->a, x->rows, x->report.nrows, &x->cap, sizeof(*x->rows));
	x->rows[x->report.nrows++] = *r;
	*r = (struct aggregate_row){ 0 };
}

static const struct {
	const char *path;
	void (*end)(struct reading *x);
} groups[] = {
	{ "report_metadata/error", end_error },
	{ "record/row/policy_evaluated/reason", end_reason },
	{ "record/auth_results/dkim", end_dkim },
	{ "record/auth_results/spf", end_spf },
	{ "record", end_record },
};

/* ------------------------------------------------------------------------
 * The stream
 */

#define ROOT "/feedback"

static void
start_element(struct reading *x, const char *name)
{
	size_t n = strlen(name), used = x->depth ? x->ends[x->depth - 1] : 0;

	if (x->depth == MAX_DEPTH || used + n + 2 > MAX_PATH) {
		x->failed = "elements within elements";
		return;
	}
	x->path[used++] = '/';
	memcpy(x->path + used, name, n + 1);
	x->ends[x->depth++] = used + n;
	buf_clear(&x->text);
	if (x->depth == 1)
		x->any_root = strcmp(x->path, ROOT) == 0;
}

static void
end_element(struct reading *x)
{
	const char *path = x->path + sizeof(ROOT);
	struct str value = str_trim(buf_str(&x->text));

	if (x->depth > 1) {
		for (size_t i = 0; i < LEN(leaves); i++) {
			if (strcmp(path, leaves[i].path) == 0)
				set(x, &leaves[i], value);
		}
		for (size_t i = 0; i < LEN(groups); i++) {
			if (strcmp(path, groups[i].path) == 0)
				groups[i].end(x);
		}
	}
	x->depth--;
	x->path[x->depth ? x->ends[x->depth - 1] : 0] = '\0';
	buf_clear(&x->text);
}

static void
add_text(struct reading *x, const char *text)
{
	struct str s = str_of(text);

	if (x->text.n < MAX_VALUE)
		buf_putstr(&x->text, str_sub(s, 0, MAX_VALUE - x->text.n));
}

static void
handle(struct reading *x, xmlTextReaderPtr r)
{
	const char *name = (const char *)xmlTextReaderConstLocalName(r);
	bool empty;

	switch (xmlTextReaderNodeType(r)) {
	case XML_READER_TYPE_DOCUMENT_TYPE:
		x->failed = "a document type";
		break;
	case XML_READER_TYPE_ELEMENT:
		empty = xmlTextReaderIsEmptyElement(r) == 1;
		start_element(x, name);
		if (empty && !x->failed)
			end_element(x);
		break;
	case XML_READER_TYPE_END_ELEMENT:
		end_element(x);
		break;
	case XML_READER_TYPE_TEXT:
	case XML_READER_TYPE_CDATA:
		add_text(x, (const char *)xmlTextReaderConstValue(r));
		break;
	default:
		break;
	}
}

static void
read_all(struct reading *x, xmlTextReaderPtr r)
{
	int rc;

	while (!x->failed && (rc = xmlTextReaderRead(r)) != 0) {
		if (rc < 0)
			x->failed = "it is no well-formed XML";
		else
			handle(x, r);
		if (!x->failed && x->depth > 0 && !x->any_root)
			x->failed = "it begins with another element";
	}
	if (!x->failed && x->report.domain.n == 0 && x->report.nrows == 0)
		x->failed = "nothing is in it";
}

/* Before the declaration nothing may stand, but does. */
static struct str
without_mark(struct str xml)
{
	if (str_starts(xml, STR("\xef\xbb\xbf")))
		xml = str_sub(xml, 3, STR_NPOS);
	return str_trim(xml);
}

static void
quiet(void *arg, xmlErrorPtr error)
{
	(void)arg;
	(void)error;
}

bool
aggregate_parse(
    struct arena *a, struct str xml, struct aggregate *out, struct err *e)
{
	struct str s = without_mark(xml);
	struct reading *x = arena_alloc(a, sizeof(*x));
	xmlTextReaderPtr r = NULL;

	x->a = a;
	if (s.n == 0 || s.n > REPORT_MAX_TEXT)
		x->failed = "it is empty or too large";
	else if (str_find(s, STR("<!DOCTYPE")) != STR_NPOS)
		x->failed = "a document type";
	else if (!(r = xmlReaderForMemory(s.p, (int)s.n, NULL, NULL,
		       XML_PARSE_NONET | XML_PARSE_NOERROR |
			   XML_PARSE_NOWARNING)))
		x->failed = "it cannot be read";
	if (r) {
		xmlTextReaderSetStructuredErrorHandler(r, quiet, NULL);
		read_all(x, r);
		xmlFreeTextReader(r);
	}
	buf_fini(&x->text);
	*out = x->report;
	out->rows = x->rows;
	out->errors = copy(a, x->errors, out->nerrors, sizeof(*x->errors));
	if (x->failed)
		err_set(e, "aggregate report: %s", x->failed);
	return !x->failed;
}
