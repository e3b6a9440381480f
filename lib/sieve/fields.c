/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/fields.h"

#include <string.h>

#include "mime/decode.h"

enum { MIME_TYPE, MIME_SUBTYPE, MIME_CONTENTTYPE, MIME_PARAM };

const struct sieve_tag sieve_tags_index[] = {
	{ "index", CAP_INDEX, SLOT_INDEX, 'n', 0 },
	{ "last", CAP_INDEX, SLOT_LAST, 0, 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

const struct sieve_tag sieve_tags_mime[] = {
	{ "mime", CAP_MIME, SLOT_MIME, 0, 0 },
	{ "anychild", CAP_MIME, SLOT_ANYCHILD, 0, 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

const struct sieve_tag sieve_tags_mime_field[] = {
	{ "type", CAP_MIME, SLOT_MIME_FIELD, 0, MIME_TYPE },
	{ "subtype", CAP_MIME, SLOT_MIME_FIELD, 0, MIME_SUBTYPE },
	{ "contenttype", CAP_MIME, SLOT_MIME_FIELD, 0, MIME_CONTENTTYPE },
	{ "param", CAP_MIME, SLOT_MIME_FIELD, 'l', MIME_PARAM },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

static bool
needs(struct sieve_checker *c, struct sieve_node *n, enum sieve_slot slot,
    enum sieve_slot other, const char *name)
{
	const struct sieve_arg *a = sieve_arg(n, slot);

	if (!a || sieve_arg(n, other))
		return true;
	sieve_error(c, a->at, "the tag ':%s' of the %s test needs ':%s'",
	    a->def->name, n->verb->name, name);
	return false;
}

bool
sieve_field_tags_check(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *index = sieve_tag_arg(n, SLOT_INDEX);

	if (index && index->number == 0) {
		sieve_error(c, index->at,
		    "the number of ':index' of the %s "
		    "test begins with 1",
		    n->verb->name);
		return false;
	}
	return needs(c, n, SLOT_LAST, SLOT_INDEX, "index") &&
	       needs(c, n, SLOT_ANYCHILD, SLOT_MIME, "mime") &&
	       needs(c, n, SLOT_MIME_FIELD, SLOT_MIME, "mime");
}

const struct mime_part *
sieve_current_part(struct sieve_run *r, struct sieve_message **of)
{
	if (r->part) {
		*of = r->part->message;
		return r->part->part;
	}
	*of = r->message;
	return sieve_message_mime(r->message)->root;
}

/* ------------------------------------------------------------------------
 * Collecting
 */

struct list {
	struct sieve_field **v;
	size_t n;
};

/* Room for N more. Most scripts look for fields that are not there, or once. */
static struct sieve_field **
more(struct arena *a, const struct list *l, size_t n)
{
	struct sieve_field **v = arena_array(a, l->n + n, sizeof(*v));

	if (l->n > 0)
		memcpy(v, l->v, l->n * sizeof(struct sieve_field *));
	return v;
}

static void
add_named(struct sieve_run *r, struct list *l, struct sieve_fields *f,
    struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += str_ieq(f->v[i].name, name);
	if (n == 0)
		return;
	l->v = more(r->arena, l, n);
	for (size_t i = 0; i < f->n; i++) {
		if (str_ieq(f->v[i].name, name))
			l->v[l->n++] = &f->v[i];
	}
}

static void
add_of_part(struct sieve_run *r, struct list *l, struct sieve_message *of,
    const struct mime_part *part, struct str name)
{
	const struct mime_message *m = sieve_message_mime(of);
	struct str header = mime_part_header(m, part);
	struct sieve_fields f = { 0 };

	sieve_charge(r, 1 + header.n / 64);
	sieve_fields_read(r->arena, &f, header);
	add_named(r, l, &f, name);
}

/* PART and what it contains, in the order of the message. */
static void
add_of_parts(struct sieve_run *r, struct list *l, struct sieve_message *of,
    const struct mime_part *part, struct str name)
{
	add_of_part(r, l, of, part, name);
	for (const struct mime_part *p = part->child; p; p = p->next)
		add_of_parts(r, l, of, p, name);
}

static struct list
all_named(struct sieve_run *r, const struct sieve_node *n, struct str name)
{
	struct list l = { 0 };
	struct sieve_message *of;
	const struct mime_part *part;

	if (!sieve_arg(n, SLOT_MIME)) {
		add_named(r, &l, sieve_message_fields(r->message), name);
		return l;
	}
	part = sieve_current_part(r, &of);
	if (sieve_arg(n, SLOT_ANYCHILD))
		add_of_parts(r, &l, of, part, name);
	else
		add_of_part(r, &l, of, part, name);
	return l;
}

struct sieve_found_fields
sieve_fields_named(
    struct sieve_run *r, const struct sieve_node *n, struct str name)
{
	const struct sieve_arg *index = sieve_tag_arg(n, SLOT_INDEX);
	struct list l = all_named(r, n, name);
	size_t i;

	if (!index)
		return (struct sieve_found_fields){ l.v, l.n };
	if (index->number > l.n)
		return (struct sieve_found_fields){ NULL, 0 };
	i = (size_t)index->number - 1;
	if (sieve_arg(n, SLOT_LAST))
		i = l.n - 1 - i;
	return (struct sieve_found_fields){ l.v + i, 1 };
}

/* ------------------------------------------------------------------------
 * :type, :subtype, :contenttype, :param
 */

/* The field, as the part it would describe. */
static const struct mime_part *
part_of_field(struct sieve_run *r, const struct sieve_field *f)
{
	struct str raw = arena_printf(r->arena, "%.*s: %.*s\r\n\r\n",
	    STR_ARG(f->name), STR_ARG(f->value));

	return mime_parse(r->arena, raw, NULL)->root;
}

static struct strs
one(struct sieve_run *r, struct str value)
{
	struct str *v = ARENA_NEW(r->arena, struct str);

	*v = value;
	return (struct strs){ v, 1 };
}

static struct strs
params_of(struct sieve_run *r, const struct sieve_node *n,
    const struct mime_params *params)
{
	struct strs names = sieve_list(r, sieve_tag_arg(n, SLOT_MIME_FIELD));
	struct str *v = arena_array(r->arena, names.n, sizeof(*v));
	size_t found = 0;

	for (size_t i = 0; i < names.n; i++) {
		char *name = arena_cstr(r->arena, names.v[i]);
		struct str value = mime_param(r->arena, params, name);

		if (value.n > 0)
			v[found++] = value;
	}
	return (struct strs){ v, found };
}

struct strs
sieve_mime_values(
    struct sieve_run *r, const struct sieve_node *n, struct sieve_field *f)
{
	int what = sieve_tag_value(n, SLOT_MIME_FIELD, -1);
	bool disposition = str_ieqc(f->name, "Content-Disposition");
	const struct mime_part *p;
	struct strs none = { NULL, 0 };

	if (what < 0)
		return one(r, sieve_field_decoded(r->arena, f));
	if (!disposition && !str_ieqc(f->name, "Content-Type"))
		return none;
	p = part_of_field(r, f);
	if (!disposition && p->type_missing)
		return none;
	switch (what) {
	case MIME_TYPE:
		return one(r, disposition ? p->disposition : p->type);
	case MIME_SUBTYPE:
		return one(r, disposition ? STR("") : p->subtype);
	case MIME_CONTENTTYPE:
		if (disposition)
			return one(r, p->disposition);
		return one(r, arena_printf(r->arena, "%.*s/%.*s",
				  STR_ARG(p->type), STR_ARG(p->subtype)));
	default:
		return params_of(
		    r, n, disposition ? &p->disposition_params : &p->params);
	}
}

enum sieve_answer
sieve_match_fields(
    struct sieve_run *r, const struct sieve_node *n, sieve_field_match *match)
{
	struct strs names = sieve_list(r, sieve_arg(n, SLOT_1));
	struct sieve_match m;
	enum sieve_answer a = SIEVE_NO;

	sieve_match_init(&m, r, n, sieve_arg(n, SLOT_2));
	for (size_t i = 0; i < names.n && a == SIEVE_NO; i++) {
		struct sieve_found_fields f =
		    sieve_fields_named(r, n, names.v[i]);

		for (size_t k = 0; k < f.n && a == SIEVE_NO; k++)
			a = match(&m, n, f.v[k]);
	}
	return sieve_match_end(&m);
}
