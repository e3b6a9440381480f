/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/syntax.h"

#include <string.h>

/* RFC 5228, section 8.1. */
#define IDENTIFIER_MAX 32

const char *
sieve_token_name(enum sieve_token t)
{
	static const char *const names[] = {
		[TOKEN_END] = "the end of the script",
		[TOKEN_ERROR] = "something unreadable",
		[TOKEN_IDENTIFIER] = "a word",
		[TOKEN_TAG] = "a tag",
		[TOKEN_NUMBER] = "a number",
		[TOKEN_STRING] = "a string",
		[TOKEN_COMMA] = "','",
		[TOKEN_SEMICOLON] = "';'",
		[TOKEN_LIST] = "'['",
		[TOKEN_LIST_END] = "']'",
		[TOKEN_TESTS] = "'('",
		[TOKEN_TESTS_END] = "')'",
		[TOKEN_BLOCK] = "'{'",
		[TOKEN_BLOCK_END] = "'}'",
	};

	return names[t];
}

void
sieve_lexer_init(struct sieve_lexer *l, struct arena *arena, struct str script,
    struct str source, struct sieve_diags *diags)
{
	*l = (struct sieve_lexer){
		.p = source.n ? source.p : "",
		.line = 1,
		.arena = arena,
		.diags = diags,
		.script = script,
	};
	l->end = l->p + source.n;
	l->line_start = l->p;
	if (str_starts(source, STR("\xef\xbb\xbf"))) /* a byte order mark */
		l->p += 3;
}

static void fail(struct sieve_lexer *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
fail(struct sieve_lexer *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sieve_diag_addv(l->diags, SIEVE_ERROR, l->script, l->at, fmt, ap);
	va_end(ap);
	l->token = TOKEN_ERROR;
}

static struct sieve_position
position(const struct sieve_lexer *l)
{
	return (struct sieve_position){ l->line,
		(unsigned)(l->p - l->line_start) + 1 };
}

static bool
more(const struct sieve_lexer *l)
{
	return l->p < l->end;
}

static char
take(struct sieve_lexer *l)
{
	char c = *l->p++;

	if (c == '\n') {
		l->line++;
		l->line_start = l->p;
	}
	return c;
}

static bool
skip_bracketed(struct sieve_lexer *l)
{
	l->at = position(l);
	l->p += 2;
	while (more(l)) {
		if (l->end - l->p >= 2 && l->p[0] == '*' && l->p[1] == '/') {
			l->p += 2;
			return true;
		}
		take(l);
	}
	fail(l, "this comment has no end: \"*/\" is missing");
	return false;
}

static void
skip_line(struct sieve_lexer *l)
{
	while (more(l) && *l->p != '\n')
		l->p++;
}

/* White space and comments. False: reported. */
static bool
skip(struct sieve_lexer *l)
{
	while (more(l)) {
		char c = *l->p;

		if (c == '#')
			skip_line(l);
		else if (c == '/' && l->end - l->p >= 2 && l->p[1] == '*') {
			if (!skip_bracketed(l))
				return false;
		} else if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			take(l);
		else
			break;
	}
	return true;
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       ascii_digit(c);
}

static struct str
take_word(struct sieve_lexer *l)
{
	const char *from = l->p;

	while (more(l) && is_word(*l->p))
		l->p++;
	return (struct str){ from, (size_t)(l->p - from) };
}

static bool
fits(struct sieve_lexer *l)
{
	if (l->text.n <= IDENTIFIER_MAX)
		return true;
	fail(l, "'%.*s...' is too long for a name (limit: %d characters)",
	    IDENTIFIER_MAX, l->text.p, IDENTIFIER_MAX);
	return false;
}

static unsigned
shift_of(char c)
{
	switch (ascii_lower(c)) {
	case 'k':
		return 10;
	case 'm':
		return 20;
	case 'g':
		return 30;
	default:
		return 0;
	}
}

static void
take_number(struct sieve_lexer *l)
{
	uint64_t v = 0;
	bool large = false;
	unsigned shift;

	while (more(l) && ascii_digit(*l->p)) {
		uint64_t digit = (uint64_t)(*l->p++ - '0');

		large |= v > (UINT64_MAX - digit) / 10;
		v = v * 10 + digit;
	}
	shift = more(l) ? shift_of(*l->p) : 0;
	if (shift > 0)
		l->p++;
	if (more(l) && is_word(*l->p)) {
		struct str word = take_word(l);

		fail(l, "'%.*s' cannot follow a number", STR_ARG(word));
		return;
	}
	if (large || v > UINT64_MAX >> shift) {
		fail(l, "this number is too large");
		return;
	}
	l->token = TOKEN_NUMBER;
	l->number = v << shift;
}

/* At the opening quote. Line ends become CRLF, as they are in mail. */
static void
take_quoted(struct sieve_lexer *l)
{
	struct buf out = { 0 };

	l->p++;
	for (;;) {
		char c;

		if (!more(l)) {
			fail(l, "this string has no end: '\"' is missing");
			buf_fini(&out);
			return;
		}
		c = take(l);
		if (c == '"')
			break;
		if (c == '\\' && more(l))
			c = take(l);
		else if (c == '\n' && (out.n == 0 || out.p[out.n - 1] != '\r'))
			buf_putc(&out, '\r');
		if (c == '\0') {
			fail(l, "a string cannot contain a NUL");
			buf_fini(&out);
			return;
		}
		buf_putc(&out, c);
	}
	l->token = TOKEN_STRING;
	l->text = arena_str(l->arena, buf_str(&out));
	buf_fini(&out);
}

/* The rest of the line, without its end. False: there is no more. */
static bool
take_line(struct sieve_lexer *l, struct str *line)
{
	const char *from = l->p;

	skip_line(l);
	*line = (struct str){ from, (size_t)(l->p - from) };
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	if (!more(l))
		return line->n > 0;
	take(l);
	return true;
}

/* After "text:" (RFC 5228, section 2.4.2.1). */
static void
take_multiline(struct sieve_lexer *l)
{
	struct buf out = { 0 };
	struct str line;

	while (more(l) && (*l->p == ' ' || *l->p == '\t'))
		l->p++;
	if (more(l) && *l->p == '#')
		skip_line(l);
	if (more(l) && *l->p == '\r')
		l->p++;
	if (more(l) && *l->p != '\n') {
		fail(l, "the text must begin on the line after \"text:\"");
		return;
	}
	if (more(l))
		take(l);
	for (;;) {
		if (!take_line(l, &line)) {
			fail(l, "this text has no end: a line with \".\" is "
				"missing");
			buf_fini(&out);
			return;
		}
		if (str_eqc(line, "."))
			break;
		if (str_starts(line, STR(".")) && line.n > 1 &&
		    line.p[1] == '.')
			line = str_sub(line, 1, SIZE_MAX);
		buf_putstr(&out, line);
		BUF_LIT(&out, "\r\n");
	}
	l->token = TOKEN_STRING;
	l->text = arena_str(l->arena, buf_str(&out));
	buf_fini(&out);
}

static void
take_identifier(struct sieve_lexer *l)
{
	l->text = take_word(l);
	if (str_ieqc(l->text, "text") && more(l) && *l->p == ':') {
		l->p++;
		take_multiline(l);
		return;
	}
	if (fits(l))
		l->token = TOKEN_IDENTIFIER;
}

static void
take_tag(struct sieve_lexer *l)
{
	l->p++;
	if (!more(l) || !is_word(*l->p) || ascii_digit(*l->p)) {
		fail(l, "a name must follow ':'");
		return;
	}
	l->text = take_word(l);
	if (fits(l))
		l->token = TOKEN_TAG;
}

static enum sieve_token
single(char c)
{
	static const struct {
		char c;
		enum sieve_token t;
	} tokens[] = {
		{ ',', TOKEN_COMMA },
		{ ';', TOKEN_SEMICOLON },
		{ '[', TOKEN_LIST },
		{ ']', TOKEN_LIST_END },
		{ '(', TOKEN_TESTS },
		{ ')', TOKEN_TESTS_END },
		{ '{', TOKEN_BLOCK },
		{ '}', TOKEN_BLOCK_END },
	};

	for (size_t i = 0; i < LEN(tokens); i++) {
		if (tokens[i].c == c)
			return tokens[i].t;
	}
	return TOKEN_ERROR;
}

/* One message for a whole run of what is no token. */
static void
take_garbage(struct sieve_lexer *l)
{
	const char *from = l->p;
	size_t n = 0;

	while (more(l) && strchr(" \t\r\n,;[](){}\"#:", *l->p) == NULL &&
	       !is_word(*l->p)) {
		l->p++;
		n++;
	}
	if (n == 0) {
		l->p++;
		n = 1;
	}
	if (str_is_utf8((struct str){ from, n }) && (uint8_t)*from > ' ')
		fail(
		    l, "'%.*s' means nothing here", n > 40 ? 40 : (int)n, from);
	else
		fail(l, "an octet 0x%02x means nothing here", (uint8_t)*from);
}

void
sieve_lexer_next(struct sieve_lexer *l)
{
	char c;

	l->text = STR_NULL;
	if (!skip(l))
		return;
	l->at = position(l);
	if (!more(l)) {
		l->token = TOKEN_END;
		return;
	}
	c = *l->p;
	l->token = single(c);
	if (l->token != TOKEN_ERROR)
		l->p++;
	else if (c == '"')
		take_quoted(l);
	else if (ascii_digit(c))
		take_number(l);
	else if (is_word(c))
		take_identifier(l);
	else if (c == ':')
		take_tag(l);
	else
		take_garbage(l);
}
