/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/section.h"

#include "mime/header.h"

static void
apply_partial(const struct fetch_item *it, struct mime_range *r)
{
	uint64_t skip = it->offset < r->n ? it->offset : r->n;

	if (!it->partial)
		return;
	r->at += skip;
	r->n -= skip;
	if (r->n > it->length)
		r->n = it->length;
}

/* False: the part has no such form. */
static bool
form(const struct fetch_item *it, const struct mime_span *span,
    struct section *out)
{
	switch (it->part) {
	case PART_BODY:
		out->range = span->body;
		return true;
	case PART_MIME:
		out->range = span->mime;
		return true;
	case PART_TEXT:
		out->range = span->text;
		return span->message;
	case PART_FIELDS:
	case PART_FIELDS_NOT:
		out->fields = true;
		__attribute__((fallthrough));
	case PART_HEADER:
		out->range = span->header;
		return span->message;
	}
	return false;
}

void
section_find(const struct fetch_item *it, const struct email_meta *meta,
    uint64_t size, struct section *out)
{
	struct mime_span span = { 0 };

	*out = (struct section){ .range = { 0, size }, .cte = MIME_BINARY };
	if (it->part != PART_BODY || it->npath) {
		if (!mime_layout_find(
			meta->layout, it->path, it->npath, &span) ||
		    !form(it, &span, out)) {
			out->nil = true;
			return;
		}
	}
	if (it->kind != FETCH_SECTION) {
		/* Partial ranges are of what is decoded. */
		if (it->npath && !span.multipart && !span.message)
			out->cte = span.cte;
	} else if (!out->fields) {
		apply_partial(it, &out->range);
	}
}

static bool
wanted(const struct fetch_item *it, struct str name)
{
	for (size_t i = 0; i < it->nfields; i++) {
		if (str_ieq(it->fields[i], name))
			return true;
	}
	return false;
}

void
section_fields(struct buf *out, const struct fetch_item *it, struct str header)
{
	bool keep = it->part == PART_FIELDS;
	struct mime_field f;

	while (mime_field_next(&header, &f)) {
		if (f.name.n && wanted(it, f.name) == keep)
			buf_putstr(out, f.raw);
	}
	BUF_LIT(out, "\r\n");
}
