/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/mime.h"

#include "mime/decode.h"
#include "mime/downgrade.h"
#include "mime/header.h"
#include "mime/internal.h"

#define MAX_IDS 20000 /* identifiers of one field that are looked at */

/* Move what B holds into the arena. */
static struct str
settle(struct arena *a, struct buf *b)
{
	struct str s = arena_str(a, buf_str(b));

	buf_clear(b);
	return s;
}

struct references {
	struct str v[MIME_REFERENCES]; /* newest first */
	size_t n;
};

static bool
has(const struct references *r, struct str id)
{
	for (size_t i = 0; i < r->n; i++) {
		if (str_eq(r->v[i], id))
			return true;
	}
	return false;
}

/* Add ids from the last one back, as long as there is room. */
static void
add_newest(struct references *r, const struct str *ids, size_t n, size_t max)
{
	while (n-- && r->n < max) {
		if (!has(r, ids[n]))
			r->v[r->n++] = ids[n];
	}
}

static void
set_references(
    struct arena *a, const struct known_fields *k, struct mime_digest *out)
{
	struct references r = { .n = 0 };
	struct str *refs, *parents, *list;
	size_t nrefs, nparents;

	nrefs = mime_msgids(a, k->v[F_REFERENCES], MAX_IDS, &refs);
	nparents = mime_msgids(a, k->v[F_IN_REPLY_TO], MAX_IDS, &parents);
	add_newest(&r, parents, nparents, MIME_REFERENCES - 1);
	add_newest(&r, refs, nrefs, MIME_REFERENCES - 1);
	if (nrefs && !has(&r, refs[0]))
		r.v[r.n++] = refs[0]; /* the root of the thread */
	else if (!nrefs && nparents && !has(&r, parents[0]))
		r.v[r.n++] = parents[0];
	if (r.n == 0)
		return;
	list = arena_array(a, r.n, sizeof(*list));
	for (size_t i = 0; i < r.n; i++)
		list[i] = r.v[r.n - 1 - i];
	out->references = list;
	out->nreferences = r.n;
}

static void
set_subject(struct arena *a, struct buf *b, const struct known_fields *k,
    struct mime_digest *out)
{
	struct buf decoded = { 0 }, base = { 0 };

	mime_decode_words(&decoded, k->v[F_SUBJECT]);
	out->is_reply = mime_base_subject(&base, buf_str(&decoded));
	mime_fold(b, buf_str(&base));
	out->subject = settle(a, b);
	buf_fini(&decoded);
	buf_fini(&base);
}

void
mime_digest(struct arena *a, struct str raw, struct mime_digest *out)
{
	struct mime_message *m = mime_parse(a, raw, NULL);
	struct known_fields k;
	struct buf b = { 0 };
	struct str *ids;

	*out = (struct mime_digest){ .size = raw.n };
	known_fields_read(&k, mime_part_header(m, m->root));
	envelope_write(&b, a, &k);
	out->envelope = settle(a, &b);
	mime_bodystructure(&b, m);
	out->bodystructure = settle(a, &b);
	mime_layout(&b, m);
	out->layout = settle(a, &b);
	mime_preview(&b, m);
	out->preview = settle(a, &b);
	set_subject(a, &b, &k, out);
	set_references(a, &k, out);
	if (mime_msgids(a, k.v[F_MESSAGE_ID], 1, &ids))
		out->msgid = arena_str(a, ids[0]);
	if (!mime_date(k.v[F_DATE], &out->sent, NULL))
		out->sent = 0;
	for (const struct mime_part *p = m->root; p; p = mime_part_next(p))
		out->has_attachment |= mime_part_is_attachment(p);
	out->i18n = mime_downgraded_size(m, &out->downgraded);
	buf_fini(&b);
}
