/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/compose.h"

#include "base/codec.h"
#include "mime/header.h"
#include "mime/mime.h"

#define LINE 57 /* octets that make 76 characters */

static bool
has_nul(struct str s)
{
	return str_chr(s, '\0') != STR_NPOS;
}

/* Text of multiparts is not content; base64 and quoted-printable have no NUL
 * that means anything. */
static bool
to_encode(const struct mime_message *m, const struct mime_part *p)
{
	return !p->child && p->cte != MIME_BASE64 && p->cte != MIME_QP &&
	       has_nul(mime_part_body(m, p));
}

static void
put_header(struct buf *out, struct str header)
{
	struct mime_field f;

	while (mime_field_next(&header, &f)) {
		if (!str_ieqc(f.name, "Content-Transfer-Encoding"))
			buf_putstr(out, f.raw);
	}
	BUF_LIT(out, "Content-Transfer-Encoding: base64\r\n");
	buf_putstr(out, header); /* the empty line */
}

static void
put_base64(struct buf *out, struct str body)
{
	for (size_t at = 0; at < body.n; at += LINE) {
		base64_encode(out, str_sub(body, at, LINE));
		BUF_LIT(out, "\r\n");
	}
}

bool
mime_without_binary(struct arena *a, struct buf *out, struct str raw)
{
	const struct mime_message *m;
	size_t done = 0;

	if (!has_nul(raw))
		return false;
	m = mime_parse(a, raw, NULL);
	for (const struct mime_part *p = m->root; p; p = mime_part_next(p)) {
		if (!to_encode(m, p))
			continue;
		buf_putstr(out, str_sub(raw, done, p->header - done));
		put_header(out, mime_part_header(m, p));
		put_base64(out, mime_part_body(m, p));
		done = p->end;
	}
	buf_putstr(out, str_sub(raw, done, raw.n));
	return done > 0;
}
