/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/mime.h"

#include "mime/internal.h"

/*
 * The record: a version octet, the message's size, then the parts in document
 * order, all numbers as varints (7 bits an octet, low first):
 *
 *	flags     bit 0 multipart, bit 1 message, bit 2 has a charset,
 *	          bits 3-5 transfer encoding
 *	header    offset, less the body offset of the part before it
 *	body      length of the header block
 *	end       length of the body
 *	charset   length and octets, if bit 2
 *	children  how many, if bit 0 (a message has one)
 *
 * A part's header never starts before the body of the part that precedes it
 * in document order, so no number is negative.
 */

#define VERSION 1

enum { L_MULTIPART = 1, L_MESSAGE = 2, L_CHARSET = 4, L_CTE_SHIFT = 3 };

static void
put_varint(struct buf *out, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_putc(out, (char)(v | 0x80));
	buf_putc(out, (char)v);
}

static struct str
charset_of(const struct mime_part *p)
{
	for (size_t i = 0; i < p->params.n; i++) {
		if (str_ieqc(p->params.v[i].name, "charset"))
			return str_sub(p->params.v[i].value, 0, 64);
	}
	return STR_NULL;
}

static size_t
count_children(const struct mime_part *p)
{
	size_t n = 0;

	for (const struct mime_part *c = p->child; c; c = c->next)
		n++;
	return n;
}

void
mime_layout(struct buf *out, const struct mime_message *m)
{
	size_t before = 0;

	buf_putc(out, VERSION);
	put_varint(out, m->raw.n);
	for (const struct mime_part *p = m->root; p; p = mime_part_next(p)) {
		struct str charset = charset_of(p);
		unsigned flags = (unsigned)p->cte << L_CTE_SHIFT;

		if (p->multipart)
			flags |= L_MULTIPART;
		if (p->message)
			flags |= L_MESSAGE;
		if (charset.n)
			flags |= L_CHARSET;
		buf_putc(out, (char)flags);
		put_varint(out, p->header - before);
		put_varint(out, p->body - p->header);
		put_varint(out, p->end - p->body);
		if (charset.n) {
			put_varint(out, charset.n);
			buf_putstr(out, charset);
		}
		if (p->multipart)
			put_varint(out, count_children(p));
		before = p->body;
	}
}

struct node {
	uint64_t header, body, end;
	unsigned flags;
	struct str charset;
	uint64_t children;
};

struct reader {
	const char *p, *end;
	uint64_t size, before;
	bool ok;
};

static uint64_t
get_varint(struct reader *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 63 && r->p < r->end; shift += 7) {
		unsigned char c = (unsigned char)*r->p++;

		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return v;
	}
	r->ok = false;
	return 0;
}

/* A length that must fit into what is left of the message after FROM. */
static uint64_t
get_within(struct reader *r, uint64_t from)
{
	uint64_t v = get_varint(r);

	if (v > r->size - from) {
		r->ok = false;
		return from;
	}
	return from + v;
}

static bool
read_node(struct reader *r, struct node *n)
{
	*n = (struct node){ 0 };
	if (!r->ok || r->p >= r->end)
		return r->ok = false;
	n->flags = (unsigned char)*r->p++;
	n->header = get_within(r, r->before);
	n->body = get_within(r, n->header);
	n->end = get_within(r, n->body);
	r->before = n->body;
	if (n->flags & L_CHARSET) {
		uint64_t len = get_varint(r);

		if (len > (uint64_t)(r->end - r->p))
			return r->ok = false;
		n->charset = (struct str){ r->p, (size_t)len };
		r->p += len;
	}
	if (n->flags & L_MULTIPART)
		n->children = get_varint(r);
	else if (n->flags & L_MESSAGE)
		n->children = 1;
	return r->ok;
}

/* Read past the COUNT subtrees that follow. */
static bool
skip_subtrees(struct reader *r, uint64_t count)
{
	struct node n;

	for (; count; count--) {
		if (!read_node(r, &n))
			return false;
		/* Every child takes an octet: more is damage. */
		if (n.children > (uint64_t)(r->end - r->p))
			return false;
		count += n.children;
	}
	return true;
}

/*
 * From N, which was just read, to its part NUMBER. WHOLE: n is a message seen
 * as such, whose only part, if it is no multipart, is number 1: itself.
 */
static bool
descend(struct reader *r, struct node *n, bool whole, uint32_t number)
{
	if (!whole && n->flags & L_MESSAGE) {
		if (!read_node(r, n))
			return false;
		whole = true;
	}
	if (n->flags & L_MULTIPART) {
		return number >= 1 && number <= n->children &&
		       skip_subtrees(r, number - 1) && read_node(r, n);
	}
	return whole && number == 1;
}

size_t
mime_layout_headers(struct arena *a, struct str layout, struct mime_range **out)
{
	struct reader r = { layout.p, layout.p, 0, 0, true };
	size_t n = 0, cap = 0;
	struct node node;

	*out = NULL;
	if (layout.n == 0 || layout.p[0] != VERSION)
		return 0;
	r.end += layout.n;
	r.p++;
	r.size = get_varint(&r);
	while (r.ok && r.p < r.end && read_node(&r, &node)) {
		*out = arena_grow(a, *out, n, &cap, sizeof(**out));
		(*out)[n++] =
		    (struct mime_range){ node.header, node.body - node.header };
	}
	return r.ok ? n : 0;
}

static void
set_message(struct mime_span *out, const struct node *n)
{
	out->message = true;
	out->header = (struct mime_range){ n->header, n->body - n->header };
	out->text = (struct mime_range){ n->body, n->end - n->body };
}

bool
mime_layout_find(struct str layout, const uint32_t *section, size_t count,
    struct mime_span *out)
{
	struct reader r = { layout.p, layout.p, 0, 0, true };
	struct node n;

	*out = (struct mime_span){ 0 };
	if (layout.n == 0 || layout.p[0] != VERSION)
		return false;
	r.end += layout.n;
	r.p++;
	r.size = get_varint(&r);
	if (!read_node(&r, &n))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!descend(&r, &n, i == 0, section[i]))
			return false;
	}
	out->cte = (enum mime_cte)(n.flags >> L_CTE_SHIFT & 7);
	out->charset = n.charset;
	out->multipart = n.flags & L_MULTIPART;
	if (count == 0) {
		out->body = (struct mime_range){ 0, r.size };
		set_message(out, &n);
		return true;
	}
	out->body = (struct mime_range){ n.body, n.end - n.body };
	out->mime = (struct mime_range){ n.header, n.body - n.header };
	if (n.flags & L_MESSAGE) {
		if (!read_node(&r, &n))
			return false;
		set_message(out, &n);
	}
	return true;
}
