/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/mime.h"

#include "mime/header.h"
#include "mime/internal.h"

/* Empty is NIL, save for the parts of an address that must be strings. */
static struct str
or_nil(struct str s)
{
	return s.n ? s : STR_NULL;
}

static void
put_address(struct buf *out, const struct mime_address *address)
{
	switch (address->kind) {
	case MIME_GROUP:
		BUF_LIT(out, "(NIL NIL ");
		imap_nstring(out, address->name.n ? address->name : STR(""));
		BUF_LIT(out, " NIL)");
		break;
	case MIME_GROUP_END:
		BUF_LIT(out, "(NIL NIL NIL NIL)");
		break;
	case MIME_MAILBOX:
		buf_putc(out, '(');
		imap_nstring(out, or_nil(address->name));
		buf_putc(out, ' ');
		imap_nstring(out, or_nil(address->route));
		buf_putc(out, ' ');
		imap_nstring(out, address->mailbox);
		buf_putc(out, ' ');
		imap_nstring(out, address->host);
		buf_putc(out, ')');
		break;
	}
}

static void
put_addresses(struct buf *out, struct arena *a, struct str value)
{
	struct mime_address *v = NULL;
	size_t n = value.n ? mime_addresses(a, value, &v) : 0;

	if (n == 0) {
		BUF_LIT(out, "NIL");
		return;
	}
	buf_putc(out, '(');
	for (size_t i = 0; i < n; i++)
		put_address(out, &v[i]);
	buf_putc(out, ')');
}

static void
put_text(struct buf *out, struct arena *a, struct str value)
{
	imap_nstring(out, value.p ? mime_unfolded(a, value) : STR_NULL);
}

/* Appends field F's addresses; false and nothing if there are none. */
static bool
put_if_any(struct buf *out, struct arena *a, struct str value)
{
	size_t start = out->n;

	put_addresses(out, a, value);
	if (out->n - start != 3)
		return true;
	out->n = start;
	return false;
}

void
envelope_write(struct buf *out, struct arena *a, const struct known_fields *k)
{
	static const enum known_field rest[] = { F_TO, F_CC, F_BCC };
	static const enum known_field defaulted[] = { F_SENDER, F_REPLY_TO };
	size_t from, from_end;

	buf_putc(out, '(');
	put_text(out, a, k->v[F_DATE]);
	buf_putc(out, ' ');
	put_text(out, a, k->v[F_SUBJECT]);
	buf_putc(out, ' ');
	from = out->n;
	put_addresses(out, a, k->v[F_FROM]);
	from_end = out->n;
	for (size_t i = 0; i < 2; i++) {
		buf_putc(out, ' ');
		if (!put_if_any(out, a, k->v[defaulted[i]])) {
			buf_reserve(out, from_end - from);
			buf_put(out, out->p + from, from_end - from);
		}
	}
	for (size_t i = 0; i < 3; i++) {
		buf_putc(out, ' ');
		put_addresses(out, a, k->v[rest[i]]);
	}
	buf_putc(out, ' ');
	put_text(out, a, k->v[F_IN_REPLY_TO]);
	buf_putc(out, ' ');
	put_text(out, a, k->v[F_MESSAGE_ID]);
	buf_putc(out, ')');
}

void
mime_envelope_of(
    struct buf *out, const struct mime_message *m, const struct mime_part *part)
{
	struct arena *a = arena_new();
	struct known_fields k;

	known_fields_read(&k, mime_part_header(m, part));
	envelope_write(out, a, &k);
	arena_free(&a);
}

void
mime_envelope(struct buf *out, const struct mime_message *m)
{
	mime_envelope_of(out, m, m->root);
}
