/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "mime/compose.h"
#include "mime/decode.h"
#include "sieve/fields.h"

/*
 * foreverypart, break, extracttext, replace, enclose (RFC 5703).
 *
 * A part that is replaced makes another message, whose structure is the same
 * but for that part. The loops around keep their places in it by the path of
 * the part they are at.
 */

#define LOOPS_MAX 4
#define TEXT_MAX (1U << 20)

/* ------------------------------------------------------------------------
 * foreverypart and break
 */

static const struct sieve_tag name_tag[] = {
	{ "name", CAP_FOREVERYPART, SLOT_NAME, 's', 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

static bool
too_many_loops(struct sieve_checker *c, struct sieve_position at)
{
	unsigned n = 1;

	for (const struct sieve_loop *l = c->loops; l; l = l->outer)
		n++;
	if (n <= LOOPS_MAX)
		return false;
	sieve_error(
	    c, at, "foreverypart nests deeper than the limit of %d", LOOPS_MAX);
	return true;
}

static bool
check_foreverypart(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *name = sieve_tag_arg(n, SLOT_NAME);
	struct sieve_loop loop = { .outer = c->loops, .node = n };

	if (name && !sieve_need_constant(c, n, name, "name"))
		return false;
	if (too_many_loops(c, n->at))
		return false;
	if (name)
		loop.name = sieve_constant(name);
	c->loops = &loop;
	sieve_check_block(c, n);
	c->loops = loop.outer;
	return true;
}

static bool
check_break(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *name = sieve_tag_arg(n, SLOT_NAME);
	const struct sieve_loop *l = c->loops;

	if (name && !sieve_need_constant(c, n, name, "name"))
		return false;
	if (!l) {
		sieve_error(
		    c, n->at, "the break command is outside of a foreverypart");
		return false;
	}
	while (
	    name && l && !(l->name.p && str_eq(l->name, sieve_constant(name))))
		l = l->outer;
	if (!l) {
		sieve_error(c, n->at,
		    "no foreverypart around has the name '%.*s'",
		    STR_ARG(sieve_constant(name)));
		return false;
	}
	n->more = l->node;
	return true;
}

static enum sieve_flow
run_break(struct sieve_run *r, const struct sieve_node *n)
{
	r->break_to = n->more;
	return FLOW_BREAK;
}

/* The next part in document order that is within ROOT; not those within P if
 * it was replaced. */
static const struct mime_part *
next_within(const struct mime_part *root, const struct mime_part *p, bool leaf)
{
	if (p->child && !leaf)
		return p->child;
	while (p != root && !p->next)
		p = p->parent;
	return p == root ? NULL : p->next;
}

static enum sieve_flow
run_foreverypart(struct sieve_run *r, const struct sieve_node *n)
{
	struct sieve_part loop = { .outer = r->part, .message = r->message };
	enum sieve_flow flow = FLOW_NEXT;
	unsigned depth = 1;

	for (const struct sieve_part *p = r->part; p; p = p->outer)
		depth++;
	if (depth > LOOPS_MAX)
		return sieve_fault(r,
		    "foreverypart nests deeper than the limit of %d",
		    LOOPS_MAX);
	loop.message = r->part ? r->part->message : r->message;
	loop.root =
	    r->part ? r->part->part : sieve_message_mime(loop.message)->root;
	loop.part = r->part ? loop.root->child : loop.root;
	r->part = &loop;
	while (loop.part && flow == FLOW_NEXT) {
		loop.replaced = false;
		if (!sieve_charge(r, 1)) {
			flow = FLOW_FAILED;
			break;
		}
		flow = sieve_run_block(r, n->block);
		loop.part = next_within(loop.root, loop.part, loop.replaced);
	}
	r->part = loop.outer;
	return flow == FLOW_BREAK && r->break_to == n ? FLOW_NEXT : flow;
}

/* ------------------------------------------------------------------------
 * extracttext
 */

static const struct sieve_tag first_tag[] = {
	{ "first", CAP_EXTRACTTEXT, SLOT_COUNT, 'n', 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

static bool
check_extracttext(struct sieve_checker *c, struct sieve_node *n)
{
	if (!c->loops) {
		sieve_error(c, n->at,
		    "the extracttext command is outside of a foreverypart");
		return false;
	}
	n->more = sieve_variable_named(c, sieve_arg(n, SLOT_1));
	return n->more != NULL;
}

/* The first COUNT characters. */
static struct str
first_characters(struct str s, uint64_t count)
{
	size_t i = 0;

	while (i < s.n && count > 0) {
		i++;
		while (i < s.n && ((uint8_t)s.p[i] & 0xc0) == 0x80)
			i++;
		count--;
	}
	return str_sub(s, 0, i);
}

static struct str
text_of(struct sieve_run *r)
{
	struct sieve_message *of;
	const struct mime_part *p = sieve_current_part(r, &of);
	struct buf out = { 0 }, text = { 0 };
	struct str s;

	if (!mime_part_is(p, "text", NULL))
		return STR("");
	mime_part_text(&out, sieve_message_mime(of), p, TEXT_MAX);
	if (mime_part_is(p, "text", "html")) {
		mime_html_to_text(&text, buf_str(&out));
		buf_fini(&out);
		out = text;
	}
	s = arena_str(r->arena, buf_str(&out));
	buf_fini(&out);
	return s;
}

static enum sieve_flow
run_extracttext(struct sieve_run *r, const struct sieve_node *n)
{
	const struct sieve_arg *first = sieve_tag_arg(n, SLOT_COUNT);
	struct str text = text_of(r);

	if (!sieve_charge(r, text.n / 64))
		return FLOW_FAILED;
	if (first)
		text = first_characters(text, first->number);
	sieve_variable_set(r, n->more, sieve_modify(r, n, text));
	return FLOW_NEXT;
}

/* ------------------------------------------------------------------------
 * Making messages
 */

static bool
is_content(struct str name)
{
	return str_istarts(name, STR("Content-")) ||
	       str_ieqc(name, "MIME-Version");
}

/* The header and body of text that stands for a part. */
static void
put_text(struct buf *out, struct str text, bool mime, bool whole)
{
	struct compose c;

	if (mime) {
		if (whole)
			BUF_LIT(out, "MIME-Version: 1.0\r\n");
		buf_putstr(out, text);
		return;
	}
	compose_init(&c, out);
	compose_body(&c, text);
}

/* Bodies of parts end where the delimiter's line end begins. */
static void
drop_line_end(struct buf *out)
{
	if (out->n > 0 && out->p[out->n - 1] == '\n')
		out->n--;
	if (out->n > 0 && out->p[out->n - 1] == '\r')
		out->n--;
}

static void
put_original(struct buf *out, const struct sieve_field *f)
{
	BUF_LIT(out, "Original-");
	buf_putstr(out, f->raw);
}

static bool
has_field(const struct sieve_fields *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++) {
		if (str_ieqc(f->v[i].name, name))
			return true;
	}
	return false;
}

/*
 * The header of a whole message that is replaced (RFC 5703, section 5): what
 * describes the old content goes; Subject and From that are given anew leave
 * the old ones as Original-Subject and Original-From.
 */
static void
put_replaced_header(
    struct sieve_run *r, struct buf *out, struct str subject, struct str from)
{
	struct sieve_fields *f = sieve_message_fields(r->message);
	struct compose c;

	compose_init(&c, out);
	for (size_t i = 0; i < f->n; i++) {
		const struct sieve_field *v = &f->v[i];

		if (is_content(v->name))
			continue;
		if ((subject.p && str_ieqc(v->name, "Subject")) ||
		    (from.p && str_ieqc(v->name, "From")))
			put_original(out, v);
		else
			buf_putstr(out, v->raw);
	}
	if (from.p)
		compose_raw(&c, "From", from);
	if (subject.p)
		compose_text(&c, "Subject", subject);
	if (!has_field(f, "Date"))
		compose_date(&c, r->in->now, 0);
}

/* ------------------------------------------------------------------------
 * replace
 */

static const struct sieve_tag replace_tags[] = {
	{ "mime", CAP_REPLACE, SLOT_MIME, 0, 0 },
	{ "subject", CAP_REPLACE, SLOT_SUBJECT, 's', 0 },
	{ "from", CAP_REPLACE, SLOT_FROM, 's', 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

static bool
check_replace(struct sieve_checker *c, struct sieve_node *n)
{
	return sieve_check_strings(
	    c, sieve_tag_arg(n, SLOT_FROM), "address", sieve_valid_address);
}

/* NULL if there is no such tag. */
static struct str
tag_string(
    struct sieve_run *r, const struct sieve_node *n, enum sieve_slot slot)
{
	const struct sieve_arg *a = sieve_tag_arg(n, slot);
	struct str s = sieve_string(r, a);

	return a ? (s.p ? s : STR("")) : STR_NULL;
}

/* Give the run another message. */
static bool
take_message(struct sieve_run *r, struct buf *raw)
{
	bool good = sieve_charge(r, raw->n / 64);

	if (good)
		r->message = sieve_message_new(
		    r->arena, arena_str(r->arena, buf_str(raw)));
	buf_fini(raw);
	return good;
}

/* The number of a part among its siblings. */
static size_t
place_of(const struct mime_part *p)
{
	size_t i = 0;

	for (const struct mime_part *k = p->parent ? p->parent->child : p;
	     k != p; k = k->next)
		i++;
	return i;
}

/* The part of another tree that stands where P stands in its own. */
static const struct mime_part *
same_place(const struct mime_part *p, const struct mime_part *root)
{
	const struct mime_part *parent, *found;

	if (!p->parent)
		return root;
	parent = same_place(p->parent, root);
	found = parent ? parent->child : NULL;
	for (size_t i = place_of(p); found && i > 0; i--)
		found = found->next;
	return found;
}

/* Let the loops go on in the new message. */
static void
move_loops(struct sieve_run *r)
{
	const struct mime_part *root = sieve_message_mime(r->message)->root;

	for (struct sieve_part *l = r->part; l; l = l->outer) {
		const struct mime_part *part = same_place(l->part, root);
		const struct mime_part *top = same_place(l->root, root);

		l->message = r->message;
		l->root = top ? top : root;
		l->part = part ? part : l->root;
	}
	r->part->replaced = true;
}

static enum sieve_flow
replace_part(struct sieve_run *r, struct str text, bool mime)
{
	struct sieve_message *of;
	const struct mime_part *p = sieve_current_part(r, &of);
	struct str raw = sieve_message_raw(of);
	struct buf out = { 0 };

	buf_putstr(&out, str_sub(raw, 0, p->header));
	put_text(&out, text, mime, false);
	drop_line_end(&out);
	buf_putstr(&out, str_sub(raw, p->end, SIZE_MAX));
	if (!take_message(r, &out))
		return FLOW_FAILED;
	move_loops(r);
	return FLOW_NEXT;
}

static enum sieve_flow
replace_all(
    struct sieve_run *r, const struct sieve_node *n, struct str text, bool mime)
{
	struct buf out = { 0 };

	put_replaced_header(r, &out, tag_string(r, n, SLOT_SUBJECT),
	    tag_string(r, n, SLOT_FROM));
	put_text(&out, text, mime, true);
	if (!take_message(r, &out))
		return FLOW_FAILED;
	if (r->part)
		move_loops(r);
	return FLOW_NEXT;
}

static enum sieve_flow
run_replace(struct sieve_run *r, const struct sieve_node *n)
{
	struct str text = sieve_string(r, sieve_arg(n, SLOT_1));
	bool mime = sieve_arg(n, SLOT_MIME) != NULL;

	if (r->part && r->part->part->parent)
		return replace_part(r, text, mime);
	return replace_all(r, n, text, mime);
}

/* ------------------------------------------------------------------------
 * enclose
 */

static const struct sieve_tag enclose_tags[] = {
	{ "subject", CAP_ENCLOSE, SLOT_SUBJECT, 's', 0 },
	{ "headers", CAP_ENCLOSE, SLOT_HEADERS, 'l', 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

/* "Name: value". */
static bool
valid_header(struct str s, const char **why)
{
	size_t colon = str_chr(s, ':');

	*why = "expected \"Name: value\"";
	return colon != STR_NPOS &&
	       sieve_valid_field(str_sub(s, 0, colon), why);
}

static bool
check_enclose(struct sieve_checker *c, struct sieve_node *n)
{
	return sieve_check_strings(
	    c, sieve_tag_arg(n, SLOT_HEADERS), "header", valid_header);
}

static void
copy_field(struct sieve_run *r, struct buf *out, const char *name)
{
	struct sieve_fields *f = sieve_message_fields(r->message);

	for (size_t i = 0; i < f->n; i++) {
		if (str_ieqc(f->v[i].name, name))
			buf_putstr(out, f->v[i].raw);
	}
}

/* Those given, and where they give none, what a message must have. */
static void
put_enclosing_header(
    struct sieve_run *r, const struct sieve_node *n, struct compose *c)
{
	static const char *const copied[] = { "From", "To", "Cc", "Date" };
	struct strs headers = sieve_list(r, sieve_tag_arg(n, SLOT_HEADERS));
	struct sieve_fields given = { 0 };
	struct str subject = tag_string(r, n, SLOT_SUBJECT);
	const char *why;

	for (size_t i = 0; i < headers.n; i++) {
		size_t colon = str_chr(headers.v[i], ':');
		struct str name = str_sub(headers.v[i], 0, colon);

		if (!valid_header(headers.v[i], &why) || is_content(name))
			continue;
		given.v = arena_grow(
		    r->arena, given.v, given.n, &given.cap, sizeof(*given.v));
		given.v[given.n++] = (struct sieve_field){ .name = name };
		compose_text(c, arena_cstr(r->arena, name),
		    str_sub(headers.v[i], colon + 1, SIZE_MAX));
	}
	for (size_t i = 0; i < LEN(copied); i++) {
		if (!has_field(&given, copied[i]))
			copy_field(r, c->out, copied[i]);
	}
	if (subject.p)
		compose_text(c, "Subject", subject);
	else if (!has_field(&given, "Subject"))
		copy_field(r, c->out, "Subject");
	if (!has_field(&given, "Message-ID"))
		compose_msgid(
		    c, r->in->hostname.n ? r->in->hostname : STR("localhost"));
}

static enum sieve_flow
run_enclose(struct sieve_run *r, const struct sieve_node *n)
{
	struct str text = sieve_string(r, sieve_arg(n, SLOT_1));
	struct buf out = { 0 };
	struct compose c;

	copy_field(r, &out, "Return-Path");
	copy_field(r, &out, "Delivered-To");
	copy_field(r, &out, "Received");
	compose_init(&c, &out);
	put_enclosing_header(r, n, &c);
	compose_multipart(&c, "mixed", NULL);
	compose_body(&c, text);
	compose_message(&c, sieve_message_raw(r->message), false);
	compose_finish(&c);
	if (!take_message(r, &out))
		return FLOW_FAILED;
	/* Loops go on over the message that is now inside. */
	return FLOW_NEXT;
}

const struct sieve_verb sieve_verbs_parts[] = {
	{ .name = "foreverypart",
	    .cap = CAP_FOREVERYPART,
	    .tags = { name_tag },
	    .block = true,
	    .check = check_foreverypart,
	    .run = run_foreverypart },
	{ .name = "break",
	    .cap = CAP_FOREVERYPART,
	    .ends = true,
	    .tags = { name_tag },
	    .check = check_break,
	    .run = run_break },
	{ .name = "extracttext",
	    .cap = CAP_EXTRACTTEXT,
	    .params = { { 's', "variable name" } },
	    .tags = { sieve_tags_modifier, first_tag },
	    .check = check_extracttext,
	    .run = run_extracttext },
	{ .name = "replace",
	    .cap = CAP_REPLACE,
	    .params = { { 's', "replacement" } },
	    .tags = { replace_tags },
	    .check = check_replace,
	    .run = run_replace },
	{ .name = "enclose",
	    .cap = CAP_ENCLOSE,
	    .params = { { 's', "text" } },
	    .tags = { enclose_tags },
	    .check = check_enclose,
	    .run = run_enclose },
	{ .name = NULL },
};
