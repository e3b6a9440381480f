/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/header.h"

#include <string.h>

#include "mime/decode.h"
#include "mime/internal.h"

/*
 * One pass over the field. Words are gathered in two forms: `phrase`, with
 * one space where white space stood, in case they turn out to be a display
 * name, and `tight`, without, in case they are a local part or a domain.
 */
struct words {
	char *phrase, *tight;
	size_t np, nt;
	bool any;    /* a word was there, perhaps an empty quoted string */
	bool at;     /* an @ was among them: tight is local@domain */
	size_t host; /* in tight, after that @ */
};

struct parser {
	struct arena *a;
	struct lexer l;
	struct words w;
	struct str comment; /* the last comment, a name of last resort */
	struct mime_address *v;
	size_t n, cap;
	bool group;
	bool unclosed; /* a quote without its partner was met */
};

static void
words_clear(struct parser *p)
{
	/* What was used stays in the arena; what follows needs fresh room. */
	p->w = (struct words){ .phrase = p->w.phrase + p->w.np,
		.tight = p->w.tight + p->w.nt };
	p->comment = STR_NULL;
}

static struct str
phrase_of(const struct parser *p)
{
	size_t n = p->w.np;

	while (n && p->w.phrase[n - 1] == ' ')
		n--;
	return (struct str){ p->w.phrase, n };
}

static void
emit(struct parser *p, struct mime_address address)
{
	if (p->n == MIME_ADDRESSES)
		return;
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 4;
		struct mime_address *v = arena_array(p->a, cap, sizeof(*v));

		if (p->n)
			memcpy(v, p->v, p->n * sizeof(*v));
		p->v = v;
		p->cap = cap;
	}
	p->v[p->n++] = address;
}

static void
put(struct words *w, char c)
{
	w->phrase[w->np++] = c;
	w->tight[w->nt++] = c;
	w->any = true;
}

static void
put_space(struct words *w)
{
	if (w->np && w->phrase[w->np - 1] != ' ')
		w->phrase[w->np++] = ' ';
}

/* A comment's text as a name: escapes gone, white space trimmed. */
static void
take_comment(struct parser *p)
{
	struct str raw = lex_comment(&p->l);
	char *copy;
	size_t n = 0;

	raw = str_trim(raw);
	if (!memchr(raw.p, '\\', raw.n) && !memchr(raw.p, '\n', raw.n)) {
		p->comment = raw;
		return;
	}
	copy = arena_alloc(p->a, raw.n);
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\\' && i + 1 < raw.n)
			i++;
		if (raw.p[i] != '\r' && raw.p[i] != '\n')
			copy[n++] = raw.p[i];
	}
	p->comment = (struct str){ copy, n };
}

/* Is the quoted string at P closed? */
static bool
is_closed(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
	}
	return p < end;
}

static void
take_quoted(struct parser *p)
{
	struct lexer *l = &p->l;

	/* A quote that is never closed is dropped; no later one is looked at
	 * then, so this stays linear. */
	p->unclosed = p->unclosed || !is_closed(l->p, l->end);
	if (p->unclosed) {
		l->p++;
		return;
	}
	p->w.any = true;
	for (l->p++; *l->p != '"'; l->p++) {
		if (*l->p == '\\')
			l->p++;
		if (*l->p != '\r' && *l->p != '\n' && *l->p != '\0')
			put(&p->w, *l->p);
	}
	l->p++;
}

static void
put_at(struct words *w)
{
	/* The last @ counts: some local parts hold one without quotes. */
	put(w, '@');
	w->at = true;
	w->host = w->nt;
}

/* Words that ended without <>: an address, or at least a local part. */
static void
finish_bare(struct parser *p)
{
	struct words *w = &p->w;
	struct mime_address address = { .kind = MIME_MAILBOX };

	if (!w->any)
		return;
	address.mailbox = (struct str){ w->tight, w->nt };
	address.host = STR("");
	if (w->at) {
		address.mailbox.n = w->host - 1;
		address.host =
		    (struct str){ w->tight + w->host, w->nt - w->host };
	}
	address.name = p->comment;
	emit(p, address);
}

/* At "[": a domain literal, taken as it stands. */
static void
take_literal(struct parser *p)
{
	while (p->l.p < p->l.end) {
		char c = *p->l.p++;

		if (!mime_is_space(c))
			put(&p->w, c);
		if (c == ']')
			break;
	}
}

/* One word character, space, comment or quoted string at l->p. */
static void
take_word(struct parser *p)
{
	char c = *p->l.p;

	if (mime_is_space(c)) {
		p->l.p++;
		put_space(&p->w);
	} else if (c == '(') {
		take_comment(p);
		put_space(&p->w);
	} else if (c == '"') {
		take_quoted(p);
	} else if (c == '@') {
		p->l.p++;
		put_at(&p->w);
	} else if (c == '[') {
		take_literal(p);
	} else {
		p->l.p++;
		if (c == '\\' && p->l.p < p->l.end)
			c = *p->l.p++;
		if (c != '\0')
			put(&p->w, c);
	}
}

/* At "<": route and addr-spec up to ">"; the words before are the name. */
static void
take_angle(struct parser *p)
{
	struct mime_address address = { .kind = MIME_MAILBOX };
	struct str comment = p->comment;

	address.name = phrase_of(p);
	words_clear(p);
	p->l.p++;
	while (p->l.p < p->l.end && *p->l.p != '>') {
		char c = *p->l.p;

		if (c == ':' && !address.route.n && p->w.nt &&
		    p->w.tight[0] == '@') {
			address.route = (struct str){ p->w.tight, p->w.nt };
			words_clear(p);
			p->l.p++;
		} else if (c == '<') {
			p->l.p++;
		} else {
			take_word(p);
		}
	}
	if (p->l.p < p->l.end)
		p->l.p++;
	address.mailbox = (struct str){ p->w.tight, p->w.nt };
	address.host = STR("");
	if (p->w.at) {
		address.mailbox.n = p->w.host - 1;
		address.host =
		    (struct str){ p->w.tight + p->w.host, p->w.nt - p->w.host };
	}
	if (address.name.n == 0)
		address.name = comment;
	words_clear(p);
	emit(p, address);
}

static void
end_group(struct parser *p)
{
	if (p->group)
		emit(p, (struct mime_address){ .kind = MIME_GROUP_END });
	p->group = false;
}

static void
parse(struct parser *p)
{
	while (p->l.p < p->l.end && p->n < MIME_ADDRESSES - 1) {
		switch (*p->l.p) {
		case ',':
		case ';':
			finish_bare(p);
			words_clear(p);
			if (*p->l.p++ == ';')
				end_group(p);
			break;
		case ':':
			p->l.p++;
			if (p->group || p->w.at)
				break; /* garbage: a group holds no group */
			emit(p, (struct mime_address){
				    .kind = MIME_GROUP, .name = phrase_of(p) });
			p->group = true;
			words_clear(p);
			break;
		case '<':
			take_angle(p);
			break;
		case '>':
			p->l.p++;
			break;
		default:
			take_word(p);
		}
	}
	finish_bare(p);
	end_group(p);
}

size_t
mime_addresses(struct arena *a, struct str value, struct mime_address **out)
{
	struct parser p = { .a = a };

	p.l = lex_of(value);
	p.w.phrase = arena_alloc(a, value.n + 1);
	p.w.tight = arena_alloc(a, value.n + 1);
	parse(&p);
	*out = p.v;
	return p.n;
}

bool
mime_is_address_field(struct str name)
{
	static const char *const names[] = { "From", "To", "Cc", "Bcc",
		"Sender", "Reply-To" };

	for (size_t i = 0; i < LEN(names); i++) {
		if (str_ieqc(name, names[i]))
			return true;
	}
	return false;
}

void
mime_address_text(struct buf *out, struct str value)
{
	struct arena *a = arena_new();
	struct mime_address *list;
	size_t n = mime_addresses(a, value, &list);

	for (size_t i = 0; i < n; i++) {
		mime_decode_words(out, list[i].name);
		buf_putc(out, ' ');
		mime_to_utf8(out, STR(""), list[i].mailbox);
		if (list[i].host.n)
			buf_putc(out, '@');
		mime_to_utf8(out, STR(""), list[i].host);
		buf_putc(out, ' ');
	}
	arena_free(&a);
}
