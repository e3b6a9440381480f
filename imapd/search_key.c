/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/search_key.h"

enum argument {
	ARG_NONE,
	ARG_STRING,  /* text */
	ARG_KEYWORD, /* name */
	ARG_DATE,
	ARG_NUMBER,
	ARG_SET,
	ARG_HEADER, /* name, text */
	ARG_MODSEQ,
	ARG_AGE,
	ARG_OBJECTID,
	ARG_NOT,
	ARG_FUZZY,
	ARG_OR,
};

struct row {
	const char *name;
	enum search_kind kind;
	enum argument argument;
	enum search_op op;
	uint64_t flag;
	const char *header;
	bool negate;
};

static const struct row rows[] = {
	/* clang-format off */
	{ "ALL",        SK_ALL,      ARG_NONE,    0, 0, NULL, false },
	{ "ANSWERED",   SK_FLAG,     ARG_NONE,    0, FLAG_ANSWERED, NULL, false },
	{ "BCC",        SK_HEADER,   ARG_STRING,  0, 0, "Bcc", false },
	{ "BEFORE",     SK_RECEIVED, ARG_DATE,    SEARCH_LESS, 0, NULL, false },
	{ "BODY",       SK_BODY,     ARG_STRING,  0, 0, NULL, false },
	{ "CC",         SK_HEADER,   ARG_STRING,  0, 0, "Cc", false },
	{ "DELETED",    SK_FLAG,     ARG_NONE,    0, FLAG_DELETED, NULL, false },
	{ "DRAFT",      SK_FLAG,     ARG_NONE,    0, FLAG_DRAFT, NULL, false },
	{ "EMAILID",    SK_EMAILID,  ARG_OBJECTID, 0, 0, NULL, false },
	{ "FLAGGED",    SK_FLAG,     ARG_NONE,    0, FLAG_FLAGGED, NULL, false },
	{ "FROM",       SK_HEADER,   ARG_STRING,  0, 0, "From", false },
	{ "FUZZY",      SK_AND,      ARG_FUZZY,   0, 0, NULL, false },
	{ "HEADER",     SK_HEADER,   ARG_HEADER,  0, 0, NULL, false },
	{ "KEYWORD",    SK_KEYWORD,  ARG_KEYWORD, 0, 0, NULL, false },
	{ "LARGER",     SK_SIZE,     ARG_NUMBER,  SEARCH_MORE, 0, NULL, false },
	{ "MODSEQ",     SK_MODSEQ,   ARG_MODSEQ,  0, 0, NULL, false },
	{ "NOT",        SK_NOT,      ARG_NOT,     0, 0, NULL, false },
	{ "OLD",        SK_RECENT,   ARG_NONE,    0, 0, NULL, true },
	{ "OLDER",      SK_WITHIN,   ARG_AGE,     SEARCH_LESS, 0, NULL, false },
	{ "ON",         SK_RECEIVED, ARG_DATE,    SEARCH_EQUAL, 0, NULL, false },
	{ "OR",         SK_OR,       ARG_OR,      0, 0, NULL, false },
	{ "RECENT",     SK_RECENT,   ARG_NONE,    0, 0, NULL, false },
	{ "SAVEDATESUPPORTED", SK_ALL, ARG_NONE, 0, 0, NULL, false },
	{ "SAVEDBEFORE", SK_SAVED,   ARG_DATE,    SEARCH_LESS, 0, NULL, false },
	{ "SAVEDON",    SK_SAVED,    ARG_DATE,    SEARCH_EQUAL, 0, NULL, false },
	{ "SAVEDSINCE", SK_SAVED,    ARG_DATE,    SEARCH_SINCE, 0, NULL, false },
	{ "SEEN",       SK_FLAG,     ARG_NONE,    0, FLAG_SEEN, NULL, false },
	{ "SENTBEFORE", SK_SENT,     ARG_DATE,    SEARCH_LESS, 0, NULL, false },
	{ "SENTON",     SK_SENT,     ARG_DATE,    SEARCH_EQUAL, 0, NULL, false },
	{ "SENTSINCE",  SK_SENT,     ARG_DATE,    SEARCH_SINCE, 0, NULL, false },
	{ "SINCE",      SK_RECEIVED, ARG_DATE,    SEARCH_SINCE, 0, NULL, false },
	{ "SMALLER",    SK_SIZE,     ARG_NUMBER,  SEARCH_LESS, 0, NULL, false },
	{ "SUBJECT",    SK_HEADER,   ARG_STRING,  0, 0, "Subject", false },
	{ "TEXT",       SK_TEXT,     ARG_STRING,  0, 0, NULL, false },
	{ "THREADID",   SK_THREADID, ARG_OBJECTID, 0, 0, NULL, false },
	{ "TO",         SK_HEADER,   ARG_STRING,  0, 0, "To", false },
	{ "UID",        SK_UID,      ARG_SET,     0, 0, NULL, false },
	{ "UNANSWERED", SK_FLAG,     ARG_NONE,    0, FLAG_ANSWERED, NULL, true },
	{ "UNDELETED",  SK_FLAG,     ARG_NONE,    0, FLAG_DELETED, NULL, true },
	{ "UNDRAFT",    SK_FLAG,     ARG_NONE,    0, FLAG_DRAFT, NULL, true },
	{ "UNFLAGGED",  SK_FLAG,     ARG_NONE,    0, FLAG_FLAGGED, NULL, true },
	{ "UNKEYWORD",  SK_KEYWORD,  ARG_KEYWORD, 0, 0, NULL, true },
	{ "UNSEEN",     SK_FLAG,     ARG_NONE,    0, FLAG_SEEN, NULL, true },
	{ "YOUNGER",    SK_WITHIN,   ARG_AGE,     SEARCH_SINCE, 0, NULL, false },
	/* clang-format on */
};

struct context {
	struct parse *p;
	struct search_program *program;
	unsigned depth, keys;
	bool fuzzy; /* inside of FUZZY */
};

static bool parse_key(struct context *c, struct search_key **out);

static struct search_key *
node(struct context *c, enum search_kind kind)
{
	struct search_key *k = ARENA_NEW(c->p->arena, struct search_key);

	k->kind = kind;
	return k;
}

/* RFC 7162, section 3.1.5: the entry name and type are of no use here. */
static bool
parse_modseq(struct context *c, struct search_key *k)
{
	struct parse *p = c->p;
	struct str entry, type;

	c->program->modseq = true;
	if (parse_peek(p) == '"') {
		if (!parse_string(p, &entry) || !parse_sp(p) ||
		    !parse_atom(p, &type) || !parse_sp(p))
			return false;
		if (!str_ieqc(type, "priv") && !str_ieqc(type, "shared") &&
		    !str_ieqc(type, "all"))
			return parse_fail(p, "bad entry type");
	}
	return parse_u64(p, &k->num);
}

/* A sequence set, or "$": what the last search saved. */
static bool
parse_key_set(struct context *c, struct search_key *k)
{
	k->saved = parse_try(c->p, '$');
	c->program->saved |= k->saved;
	return k->saved || parse_set(c->p, &k->text);
}

static bool
parse_age(struct context *c, struct search_key *k)
{
	uint32_t seconds;

	if (!parse_nz(c->p, &seconds))
		return false;
	k->num = seconds;
	return true;
}

static bool
parse_children(struct context *c, struct search_key *k, unsigned count)
{
	struct search_key **tail = &k->child;

	for (unsigned i = 0; i < count; i++) {
		if ((i > 0 && !parse_sp(c->p)) || !parse_key(c, tail))
			return false;
		tail = &(*tail)->next;
	}
	return true;
}

/* All that is inside of the next key is meant (RFC 6203, section 3). */
static bool
parse_fuzzy(struct context *c, struct search_key *k)
{
	bool outside = c->fuzzy, ok;

	c->program->fuzzy = c->fuzzy = true;
	ok = parse_children(c, k, 1);
	c->fuzzy = outside;
	return ok;
}

static bool
parse_argument(struct context *c, const struct row *r, struct search_key *k)
{
	struct parse *p = c->p;
	int64_t days;

	if (r->argument != ARG_NONE && !parse_sp(p))
		return false;
	switch (r->argument) {
	case ARG_NONE:
		return true;
	case ARG_STRING:
		k->name = str_of(r->header);
		return parse_astring(p, &k->text);
	case ARG_KEYWORD:
		return parse_atom(p, &k->name);
	case ARG_DATE:
		if (!parse_date(p, &days))
			return false;
		k->num = (uint64_t)days;
		return true;
	case ARG_NUMBER:
		return parse_u64(p, &k->num);
	case ARG_SET:
		return parse_key_set(c, k);
	case ARG_HEADER:
		return parse_astring(p, &k->name) && parse_sp(p) &&
		       parse_astring(p, &k->text);
	case ARG_MODSEQ:
		return parse_modseq(c, k);
	case ARG_AGE:
		return parse_age(c, k);
	case ARG_OBJECTID:
		return parse_astring(p, &k->text);
	case ARG_NOT:
		return parse_children(c, k, 1);
	case ARG_FUZZY:
		return parse_fuzzy(c, k);
	case ARG_OR:
		return parse_children(c, k, 2);
	}
	return parse_fail(p, "unknown search key");
}

static struct search_key *
negated(struct context *c, struct search_key *k)
{
	struct search_key *not = node(c, SK_NOT);

	not ->child = k;
	return not ;
}

static bool
parse_named(struct context *c, const struct row *r, struct search_key **out)
{
	struct search_key *k = node(c, r->kind);

	k->op = r->op;
	k->num = r->flag;
	k->fuzzy = c->fuzzy;
	if (!parse_argument(c, r, k))
		return false;
	*out = r->negate ? negated(c, k) : k;
	return true;
}

/* Keys up to the closing parenthesis or the end. */
static bool
parse_list(struct context *c, struct search_key *and)
{
	struct search_key **tail = &and->child;

	do {
		if (!parse_key(c, tail))
			return false;
		tail = &(*tail)->next;
	} while (parse_try(c->p, ' '));
	return true;
}

/* NEW is "RECENT UNSEEN". */
static bool
parse_new(struct context *c, struct search_key **out)
{
	struct search_key *seen = node(c, SK_FLAG);

	if (!parse_try_word(c->p, "NEW"))
		return false;
	seen->num = FLAG_SEEN;
	*out = node(c, SK_AND);
	(*out)->child = node(c, SK_RECENT);
	(*out)->child->next = negated(c, seen);
	return true;
}

static bool
parse_plain(struct context *c, struct search_key **out)
{
	struct parse *p = c->p;
	char first = parse_peek(p);

	if (first == '(') {
		p->at++;
		*out = node(c, SK_AND);
		return parse_list(c, *out) && parse_char(p, ')');
	}
	if (ascii_digit(first) || first == '*' || first == '$') {
		*out = node(c, SK_SEQ);
		c->program->numbers |= first != '$';
		return parse_key_set(c, *out);
	}
	for (size_t i = 0; i < LEN(rows); i++) {
		if (parse_try_word(p, rows[i].name))
			return parse_named(c, &rows[i], out);
	}
	return parse_new(c, out) || parse_fail(p, "unknown search key");
}

static bool
parse_key(struct context *c, struct search_key **out)
{
	bool ok;

	if (++c->keys > SEARCH_KEYS || c->depth == SEARCH_DEPTH)
		return parse_fail(c->p, "search too complex");
	c->depth++;
	ok = parse_plain(c, out);
	c->depth--;
	return ok;
}

bool
search_parse_keys(struct parse *p, struct search_program *out)
{
	struct context c = { .p = p, .program = out };

	out->root = node(&c, SK_AND);
	if (!parse_list(&c, out->root) || !parse_end(p))
		return false;
	out->relevancy |= (out->ret.items & RETURN_RELEVANCY) != 0;
	return out->fuzzy || !out->relevancy ||
	       parse_fail(p, "RELEVANCY is of FUZZY searches");
}

bool
search_parse_with_charset(struct parse *p, struct search_program *out)
{
	return parse_sp(p) && parse_astring(p, &out->charset) && parse_sp(p) &&
	       search_parse_keys(p, out);
}

bool
search_parse(struct parse *p, struct search_program *out)
{
	*out = (struct search_program){ 0 };
	if (parse_try_word(p, "RETURN") && !search_parse_returns(p, &out->ret))
		return false;
	out->charset_given = parse_try_word(p, "CHARSET");
	if (out->charset_given &&
	    (!parse_sp(p) || !parse_astring(p, &out->charset) || !parse_sp(p)))
		return false;
	return search_parse_keys(p, out);
}
