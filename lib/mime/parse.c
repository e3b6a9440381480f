/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/mime.h"

#include <string.h>

#include "mime/decode.h"
#include "mime/header.h"
#include "mime/internal.h"

/*
 * One pass over the message, line by line. The boundaries of the multiparts
 * that are open stand on a stack; a line that starts with "--" is compared
 * with them from the innermost outwards, as a whole line, so a boundary that
 * is a prefix of another cannot be taken for it. What was found waits in
 * scan.hit until the multipart it belongs to takes it; parts inside of that
 * one end there.
 *
 * Offsets of line ends: `lfs` counts the LFs before `at`, so the lines of a
 * part are a difference of two counts and no part is read twice for them.
 */

#define MAX_DEPTH 200 /* this recurses */
#define NONE (-1)

struct hit {
	int level;   /* index in the stack, NONE: nothing waits */
	bool close;  /* "--boundary--" */
	size_t line; /* where the delimiter line starts */
	size_t end;  /* the same without the line end before it */
	size_t lfs;  /* LFs before `end` */
};

struct scan {
	struct arena *a;
	struct mime_message *m;
	struct mime_limits limits;
	const char *p;
	size_t n, at, lfs;
	struct str stack[MAX_DEPTH];
	int open; /* boundaries on the stack */
	struct hit hit;
};

static void parse_part(struct scan *s, struct mime_part *part, unsigned depth);

#define BLOCK 128 /* a constant, so that compilers use vectors */

static size_t
count_lf(const char *p, size_t n)
{
	size_t count = 0;

	for (; n >= BLOCK; p += BLOCK, n -= BLOCK) {
		unsigned char c = 0;

		for (size_t i = 0; i < BLOCK; i++)
			c = (unsigned char)(c + (p[i] == '\n'));
		count += c;
	}
	for (size_t i = 0; i < n; i++)
		count += p[i] == '\n';
	return count;
}

/* Move past the line at s->at. */
static void
next_line(struct scan *s)
{
	const char *lf = memchr(s->p + s->at, '\n', s->n - s->at);

	if (lf) {
		s->at = (size_t)(lf - s->p) + 1;
		s->lfs++;
	} else {
		s->at = s->n;
	}
}

static bool
same_boundary(struct str b, const char *p, size_t n)
{
	return b.n == n && b.p[n - 1] == p[n - 1] && memcmp(b.p, p, n) == 0;
}

/* Which boundary is LINE (without "--")? At the part limit only its end. */
static int
find_level(struct scan *s, struct str line, bool *close)
{
	bool full = s->m->nparts >= s->limits.parts;
	bool dashes = line.n > 2 && line.p[line.n - 1] == '-' &&
		      line.p[line.n - 2] == '-';

	for (int i = s->open - 1; i >= 0; i--) {
		*close = false;
		if (same_boundary(s->stack[i], line.p, line.n)) {
			s->m->truncated |= full;
			return full ? NONE : i;
		}
		*close = true;
		if (dashes && same_boundary(s->stack[i], line.p, line.n - 2))
			return i;
	}
	return NONE;
}

/* Is the line at s->at a delimiter? Then it becomes the hit, and is passed. */
static bool
take_delimiter(struct scan *s)
{
	const char *p = s->p + s->at;
	size_t left = s->n - s->at;
	struct hit h = { .line = s->at, .end = s->at, .lfs = s->lfs };
	const char *lf;
	struct str line;

	if (s->open == 0 || left < 3 || p[0] != '-' || p[1] != '-')
		return false;
	lf = memchr(p, '\n', left);
	line = (struct str){ p + 2, (lf ? (size_t)(lf - p) : left) - 2 };
	while (line.n && mime_is_space(line.p[line.n - 1]))
		line.n--;
	if (line.n == 0 || (h.level = find_level(s, line, &h.close)) == NONE)
		return false;
	if (h.end && s->p[h.end - 1] == '\n') {
		h.end--;
		h.lfs--;
		if (h.end && s->p[h.end - 1] == '\r')
			h.end--;
	}
	s->hit = h;
	next_line(s);
	return true;
}

/* Read content up to the next delimiter or the end of the message. */
static void
skip_content(struct scan *s)
{
	if (s->open == 0) {
		s->lfs += count_lf(s->p + s->at, s->n - s->at);
		s->at = s->n;
		return;
	}
	while (s->at < s->n && !take_delimiter(s))
		next_line(s);
}

/*
 * Does a header block start here? Some programs leave out the header and
 * the empty line that must follow it. Lines of mbox files are let through.
 */
static bool
starts_header(const struct scan *s)
{
	struct str rest = { s->p + s->at, s->n - s->at };
	const char *lf = memchr(rest.p, '\n', rest.n);
	struct mime_field f;

	if (str_starts(rest, STR("From ")) || str_starts(rest, STR(">From ")))
		return true;
	if (lf)
		rest.n = (size_t)(lf + 1 - rest.p);
	return !mime_field_next(&rest, &f) || f.name.n;
}

/* Find the end of the header block: body, and whether there is a body. */
static void
scan_header(struct scan *s, struct mime_part *part)
{
	size_t lfs = s->lfs;

	part->header = part->body = s->at;
	if (s->at == s->n || take_delimiter(s) || !starts_header(s))
		return;
	while (s->at < s->n) {
		size_t left = s->n - s->at;
		const char *p = s->p + s->at;

		if (*p == '\n' || (*p == '\r' && left > 1 && p[1] == '\n')) {
			next_line(s);
			break;
		}
		if (take_delimiter(s)) {
			part->body = s->hit.line;
			part->header_lines = (uint32_t)(s->hit.lfs + 1 - lfs);
			return;
		}
		next_line(s);
	}
	part->body = s->at;
	part->header_lines = (uint32_t)(s->lfs - lfs);
}

static void
read_type(struct scan *s, struct mime_part *part, struct lexer *l)
{
	struct str type = lex_token(l), subtype = STR_NULL;

	lex_space(l);
	if (l->p < l->end && *l->p == '/') {
		l->p++;
		subtype = lex_token(l);
	}
	lex_params(s->a, l, s->limits.params, &part->params);
	if (type.n && subtype.n) {
		part->type = type;
		part->subtype = subtype;
		part->type_missing = false;
	}
}

static void
read_languages(struct scan *s, struct mime_part *part, struct lexer *l)
{
	struct str list[16];
	size_t n = 0;

	while (n < 16 && l->p < l->end) {
		struct str tag = lex_token(l);

		if (tag.n)
			list[n++] = tag;
		else if (l->p < l->end)
			l->p++;
	}
	if (n) {
		struct str *v = arena_array(s->a, n, sizeof(*v));

		memcpy(v, list, n * sizeof(*v));
		part->languages = v;
		part->nlanguages = n;
	}
}

enum content_field {
	C_TYPE,
	C_ENCODING,
	C_DISPOSITION,
	C_ID,
	C_DESCRIPTION,
	C_MD5,
	C_LANGUAGE,
	C_LOCATION,
	C_COUNT,
};

static const char *const content_names[C_COUNT] = {
	[C_TYPE] = "type",
	[C_ENCODING] = "transfer-encoding",
	[C_DISPOSITION] = "disposition",
	[C_ID] = "id",
	[C_DESCRIPTION] = "description",
	[C_MD5] = "md5",
	[C_LANGUAGE] = "language",
	[C_LOCATION] = "location",
};

static void
read_field(struct scan *s, struct mime_part *part, enum content_field field,
    struct str value)
{
	struct lexer l;

	value = str_sub(value, 0, s->limits.field);
	l = lex_of(value);
	switch (field) {
	case C_TYPE:
		read_type(s, part, &l);
		break;
	case C_ENCODING:
		part->encoding = lex_token(&l);
		part->cte = mime_cte_parse(part->encoding);
		break;
	case C_DISPOSITION:
		part->disposition = lex_token(&l);
		if (part->disposition.n)
			lex_params(s->a, &l, s->limits.params,
			    &part->disposition_params);
		break;
	case C_LANGUAGE:
		read_languages(s, part, &l);
		break;
	case C_ID:
		part->id = mime_unfolded(s->a, value);
		break;
	case C_DESCRIPTION:
		part->description = mime_unfolded(s->a, value);
		break;
	case C_MD5:
		part->md5 = mime_unfolded(s->a, value);
		break;
	case C_LOCATION:
		part->location = mime_unfolded(s->a, value);
		break;
	case C_COUNT:
		break;
	}
}

static void
read_fields(struct scan *s, struct mime_part *part)
{
	struct str header = mime_part_header(s->m, part);
	struct mime_field f;
	unsigned seen = 0;

	while (mime_field_next(&header, &f)) {
		if (f.name.n < 10 || (f.name.p[0] | 0x20) != 'c' ||
		    !str_istarts(f.name, STR("content-")))
			continue;
		for (unsigned i = 0; i < C_COUNT; i++) {
			if (seen & (1u << i) ||
			    !str_ieqc(
				str_sub(f.name, 8, SIZE_MAX), content_names[i]))
				continue;
			seen |= 1u << i;
			read_field(s, part, i, f.value);
			break;
		}
	}
}

static struct mime_part *
add_part(struct scan *s, struct mime_part *parent, struct mime_part *last)
{
	struct mime_part *part = ARENA_NEW(s->a, struct mime_part);

	part->parent = parent;
	part->type = STR("text");
	part->subtype = STR("plain");
	part->type_missing = true;
	if (last)
		last->next = part;
	else if (parent)
		parent->child = part;
	s->m->nparts++;
	return part;
}

/* The boundary parameter; what could never match a line is none. */
static struct str
boundary_of(const struct mime_part *part)
{
	for (size_t i = 0; i < part->params.n; i++) {
		struct str b = part->params.v[i].value;

		if (!str_ieqc(part->params.v[i].name, "boundary"))
			continue;
		while (b.n && mime_is_space(b.p[b.n - 1]))
			b.n--;
		return b;
	}
	return STR_NULL;
}

static void
parse_multipart(struct scan *s, struct mime_part *part, unsigned depth)
{
	struct str boundary = boundary_of(part);
	bool digest = str_ieqc(part->subtype, "digest");
	struct mime_part *last = NULL;
	int level = s->open;

	if (boundary.n == 0) {
		skip_content(s);
		return;
	}
	s->stack[s->open++] = boundary;
	skip_content(s);
	while (s->hit.level == level && !s->hit.close) {
		last = add_part(s, part, last);
		if (digest) {
			last->type = STR("message");
			last->subtype = STR("rfc822");
		}
		s->hit.level = NONE;
		parse_part(s, last, depth + 1);
	}
	s->open = level;
	if (s->hit.level == level) {
		s->hit.level = NONE;
		skip_content(s); /* the epilogue */
	}
}

/* Content of PART ends at the hit, or with the message. */
static void
close_part(const struct scan *s, struct mime_part *part)
{
	bool hit = s->hit.level != NONE;
	size_t lfs = hit ? s->hit.lfs : s->lfs;

	part->end = hit ? s->hit.end : s->n;
	/*
	 * A delimiter right after an empty line or another delimiter: that
	 * line end stays with the header block (or the last child).
	 */
	if (part->end < part->body ||
	    (hit && part->child && s->hit.line > part->end)) {
		size_t least = part->body;

		for (const struct mime_part *c = part->child; c; c = c->next) {
			if (c->end > least)
				least = c->end;
		}
		if (part->end < least) {
			part->end = least;
			lfs = s->hit.lfs + 1;
		}
	}
	part->lines = (uint32_t)lfs;
}

/* A multipart needs at least one part: its content as text. */
static void
add_missing_child(struct scan *s, struct mime_part *part)
{
	struct mime_part *child = add_part(s, part, NULL);

	child->header = child->body = part->body;
	child->end = part->end;
	child->lines = part->lines;
}

static void
parse_body(struct scan *s, struct mime_part *part, unsigned depth)
{
	bool pending = s->hit.level != NONE;
	bool container = mime_part_is(part, "multipart", NULL) ||
			 mime_part_is(part, "message", "rfc822") ||
			 mime_part_is(part, "message", "global");

	if (container &&
	    (depth >= s->limits.depth || s->m->nparts >= s->limits.parts)) {
		s->m->truncated = true;
		container = false;
	}
	part->multipart = container && mime_part_is(part, "multipart", NULL);
	part->message = container && !part->multipart;
	if (part->message && !pending) {
		struct mime_part *child = add_part(s, part, NULL);

		child->is_message = true;
		parse_part(s, child, depth + 1);
	} else if (part->multipart && !pending) {
		parse_multipart(s, part, depth);
	} else if (!pending) {
		skip_content(s);
	}
}

static void
parse_part(struct scan *s, struct mime_part *part, unsigned depth)
{
	size_t lfs = s->lfs;

	scan_header(s, part);
	lfs += part->header_lines;
	read_fields(s, part);
	parse_body(s, part, depth);
	close_part(s, part);
	part->lines -= (uint32_t)lfs;
	if ((part->multipart || part->message) && !part->child) {
		add_missing_child(s, part);
		part->child->is_message = part->message;
	}
}

struct mime_message *
mime_parse(struct arena *a, struct str raw, const struct mime_limits *limits)
{
	struct scan s;

	s.a = a;
	s.m = ARENA_NEW(a, struct mime_message);
	s.m->raw = raw;
	s.limits = limits ? *limits : (struct mime_limits){ 0 };
	if (s.limits.depth == 0)
		s.limits.depth = 64;
	if (s.limits.depth > MAX_DEPTH)
		s.limits.depth = MAX_DEPTH;
	if (s.limits.parts == 0)
		s.limits.parts = 10000;
	if (s.limits.params == 0)
		s.limits.params = 256;
	if (s.limits.field == 0)
		s.limits.field = 64 * 1024;
	s.p = raw.n ? raw.p : "";
	s.m->raw.p = s.p;
	s.n = raw.n;
	s.at = s.lfs = 0;
	s.open = 0;
	s.hit = (struct hit){ .level = NONE };
	s.m->root = add_part(&s, NULL, NULL);
	s.m->root->is_message = true;
	parse_part(&s, s.m->root, 0);
	return s.m;
}
