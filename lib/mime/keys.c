/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/keys.h"

#include "mime/decode.h"
#include "mime/header.h"
#include "mime/internal.h"

static const struct field {
	const char *name;
	enum mime_key text;
	/* MIME_KEYS: there is none */
	enum mime_key mailbox, display;
} fields[] = {
	{ "Subject", MIME_KEY_SUBJECT, MIME_KEYS, MIME_KEYS },
	{ "From", MIME_KEY_FROM, MIME_KEY_FROM_MAILBOX, MIME_KEY_FROM_NAME },
	{ "To", MIME_KEY_TO, MIME_KEY_TO_MAILBOX, MIME_KEY_TO_NAME },
	{ "Cc", MIME_KEY_CC, MIME_KEY_CC_MAILBOX, MIME_KEYS },
	{ "Bcc", MIME_KEY_BCC, MIME_KEYS, MIME_KEYS },
};

#define FIELDS LEN(fields)
#define MAX_IDS 20000 /* identifiers of one field that are looked at */

struct reading {
	struct arena *a;
	struct buf text[FIELDS], line;
	bool there[FIELDS];
	struct mime_keys *out;
};

/* ------------------------------------------------------------------------
 * Texts
 */

/* A line of a text; what was decoded to a line end is a space. */
static void
add_line(struct buf *text, struct buf *line)
{
	for (size_t i = 0; i < line->n; i++) {
		if (line->p[i] == '\n')
			line->p[i] = ' ';
	}
	if (text->n)
		buf_putc(text, '\n');
	buf_putstr(text, buf_str(line));
	buf_clear(line);
}

static struct str
settle(struct reading *r)
{
	struct str s =
	    arena_str(r->a, utf8_cut(buf_str(&r->line), MIME_KEY_TEXT));

	buf_clear(&r->line);
	return s;
}

/* RFC 5256 sorts by addr-mailbox, RFC 5957 by what people are shown; of a
 * group both are its name. */
static void
set_first(struct reading *r, const struct field *f, struct str value)
{
	struct mime_address *list;
	size_t n = mime_addresses(r->a, value, &list);
	bool group = n && list[0].kind == MIME_GROUP;

	if (n == 0)
		return;
	if (group)
		mime_decode_words(&r->line, list[0].name);
	else
		mime_to_utf8(&r->line, STR(""), list[0].mailbox);
	r->out->text[f->mailbox] = settle(r);
	if (f->display == MIME_KEYS)
		return;
	if (list[0].name.n) {
		mime_decode_words(&r->line, list[0].name);
	} else {
		mime_to_utf8(&r->line, STR(""), list[0].mailbox);
		if (list[0].host.n)
			buf_putc(&r->line, '@');
		mime_to_utf8(&r->line, STR(""), list[0].host);
	}
	r->out->text[f->display] = settle(r);
}

static void
take_field(struct reading *r, size_t i, struct str value)
{
	const struct field *f = &fields[i];
	struct buf *text = &r->text[i];

	if (!r->there[i] && f->mailbox != MIME_KEYS)
		set_first(r, f, value);
	r->there[i] = true;
	if (text->n > MIME_KEY_TEXT)
		return;
	mime_decode_words(&r->line, value);
	add_line(text, &r->line);
	if (f->text == MIME_KEY_SUBJECT)
		return;
	mime_address_text(&r->line, value);
	add_line(text, &r->line);
}

static void
finish_texts(struct reading *r)
{
	for (size_t i = 0; i < FIELDS; i++) {
		struct str s = buf_str(&r->text[i]);
		enum mime_key key = fields[i].text;

		if (s.n > MIME_KEY_TEXT)
			r->out->cut |= 1u << key;
		if (r->there[i])
			r->out->text[key] =
			    arena_str(r->a, utf8_cut(s, MIME_KEY_TEXT));
		buf_fini(&r->text[i]);
	}
	buf_fini(&r->line);
}

/* ------------------------------------------------------------------------
 * Identifiers
 */

/* A local part may be quoted or not; the identifier is the same. */
static struct str
plain_id(struct arena *a, struct str id)
{
	char *copy;
	size_t n = 0;

	if (str_chr(id, '"') == STR_NPOS)
		return arena_str(a, id);
	copy = arena_alloc(a, id.n + 1);
	for (size_t i = 0; i < id.n; i++) {
		if (id.p[i] == '\\' && i + 1 < id.n)
			i++;
		else if (id.p[i] == '"')
			continue;
		copy[n++] = id.p[i];
	}
	return (struct str){ copy, n };
}

static void
set_references(
    struct arena *a, const struct known_fields *k, struct mime_keys *out)
{
	struct str *ids, *list;
	size_t n = mime_msgids(a, k->v[F_REFERENCES], MAX_IDS, &ids), skip;

	if (n == 0)
		n = mime_msgids(a, k->v[F_IN_REPLY_TO], 1, &ids);
	if (n == 0)
		return;
	skip = n > MIME_KEY_REFERENCES ? n - MIME_KEY_REFERENCES : 0;
	list = arena_array(a, n - skip, sizeof(*list));
	for (size_t i = 0; i < n - skip; i++)
		list[i] = plain_id(a, ids[i ? skip + i : 0]);
	out->references = list;
	out->nreferences = n - skip;
}

static void
set_known(struct arena *a, struct str header, struct mime_keys *out)
{
	struct known_fields k;
	struct str *ids;

	known_fields_read(&k, header);
	out->dated = mime_date(k.v[F_DATE], &out->sent, &out->zone);
	if (mime_msgids(a, k.v[F_MESSAGE_ID], 1, &ids))
		out->msgid = plain_id(a, ids[0]);
	set_references(a, &k, out);
}

void
mime_keys(struct arena *a, struct str header, struct mime_keys *out)
{
	struct reading r = { .a = a, .out = out };
	struct str rest = header;
	struct mime_field f;

	*out = (struct mime_keys){ 0 };
	set_known(a, header, out);
	while (mime_field_next(&rest, &f)) {
		for (size_t i = 0; i < FIELDS; i++) {
			if (str_ieqc(f.name, fields[i].name))
				take_field(&r, i, f.value);
		}
	}
	finish_texts(&r);
}
