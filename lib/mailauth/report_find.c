/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/report_internal.h"

#include "mime/decode.h"
#include "mime/mime.h"

/*
 * Which report does a message bring? Types are wrong as often as right, so what
 * the unpacked octets begin with decides; types and names only say where to
 * look.
 */

#define MAX_TRIES 10 /* attachments looked into */

static const char *const types[] = { "application/gzip", "application/x-gzip",
	"application/zip", "application/x-zip", "application/x-zip-compressed",
	"application/x-compressed", "application/xml", "text/xml",
	"application/octet-stream", "application/tlsrpt+gzip",
	"application/tlsrpt+json", "application/json" };
static const char *const suffixes[] = { ".xml", ".xml.gz", ".zip", ".gz",
	".json", ".json.gz" };

static bool
may_be(struct arena *a, const struct mime_part *p)
{
	struct str type =
	    arena_printf(a, "%.*s/%.*s", STR_ARG(p->type), STR_ARG(p->subtype));
	struct str name = mime_part_filename(a, p);

	if (p->multipart || p->message)
		return false;
	for (size_t i = 0; i < LEN(types); i++) {
		if (str_ieqc(type, types[i]))
			return true;
	}
	for (size_t i = 0; i < LEN(suffixes); i++) {
		if (str_iends(name, str_of(suffixes[i])))
			return true;
	}
	return false;
}

static enum report_kind
kind_of(struct str text)
{
	struct str s = text, first;

	if (str_starts(s, STR("\xef\xbb\xbf")))
		s = str_sub(s, 3, STR_NPOS);
	s = str_trim(s);
	first = str_sub(s, 0, 4096);
	if (str_starts(s, STR("{")))
		return REPORT_TLS;
	if (str_starts(s, STR("<")) &&
	    str_find(first, STR("feedback")) != STR_NPOS)
		return REPORT_AGGREGATE;
	return REPORT_NONE;
}

/* What turns out to be none is not kept: there may be many. */
static enum report_kind
try_part(struct arena *a, const struct mime_message *m,
    const struct mime_part *p, struct str *text, struct err *e)
{
	struct arena *scratch = arena_new();
	enum report_kind kind = REPORT_NONE;
	struct buf packed = { 0 };
	struct str s;

	mime_decode_cte(&packed, p->cte, mime_part_body(m, p), REPORT_MAX_TEXT);
	if (report_unpack(scratch, buf_str(&packed), &s, e))
		kind = kind_of(s);
	if (kind != REPORT_NONE)
		*text = arena_str(a, s);
	buf_fini(&packed);
	arena_free(&scratch);
	return kind;
}

static bool
is_feedback(const struct mime_message *m)
{
	if (!mime_part_is(m->root, "multipart", "report"))
		return false;
	for (const struct mime_part *p = m->root->child; p; p = p->next) {
		if (mime_part_is(p, "message", "feedback-report"))
			return true;
	}
	return false;
}

enum report_kind
report_find(struct arena *a, struct str raw, struct str *text, struct err *e)
{
	struct mime_message *m = mime_parse(a, raw, NULL);
	enum report_kind kind = REPORT_NONE;
	int tries = 0;

	*text = raw;
	err_set(e, "no report is in the message");
	if (is_feedback(m))
		return REPORT_FEEDBACK;
	for (const struct mime_part *p = m->root; p && tries < MAX_TRIES;
	     p = mime_part_next(p)) {
		if (!may_be(a, p))
			continue;
		tries++;
		kind = try_part(a, m, p, text, e);
		if (kind != REPORT_NONE)
			return kind;
	}
	*text = STR_NULL;
	return REPORT_NONE;
}
