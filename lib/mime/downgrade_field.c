/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of the fields that have octets outside of ASCII (RFC 6857,
 * section 3). */
#include "mime/downgrade.h"

#include <pthread.h>

#include <unicode/uidna.h>

#include "mime/decode.h"
#include "mime/header.h"
#include "mime/internal.h"

#define MAX_DOMAIN 1024

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] & 0x80)
			return false;
	}
	return true;
}

/* What nothing better is known for. */
static void
put_masked(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_putc(out, s.p[i] & 0x80 ? '?' : s.p[i]);
}

static void
put_name(struct buf *out, const struct mime_field *f)
{
	buf_putstr(out, f->name);
	BUF_LIT(out, ": ");
}

static bool
put_unstructured(struct buf *out, struct arena *a, const struct mime_field *f)
{
	struct buf text = { 0 };

	(void)a;
	mime_decode_words(&text, f->value);
	put_name(out, f);
	text_put(out, buf_str(&text));
	buf_fini(&text);
	return true;
}

/* Identifiers in encoded words are none any more, and would only be taken for
 * others: they move to a field that nobody compares. */
static bool
put_encapsulated(struct buf *out, struct arena *a, const struct mime_field *f)
{
	BUF_LIT(out, "Downgraded-");
	return put_unstructured(out, a, f);
}

/* ------------------------------------------------------------------------
 * Addresses
 */

static struct {
	pthread_once_t once;
	UIDNA *idna;
} icu = { .once = PTHREAD_ONCE_INIT };

static void
icu_init(void)
{
	UErrorCode err = U_ZERO_ERROR;

	icu.idna = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII, &err);
}

/* The domain in A-labels; false if there are none for it. */
static bool
to_ascii(struct arena *a, struct str domain, struct str *out)
{
	UIDNAInfo info = UIDNA_INFO_INITIALIZER;
	UErrorCode err = U_ZERO_ERROR;
	char *p;
	int32_t n;

	*out = domain;
	if (is_ascii(domain))
		return true;
	pthread_once(&icu.once, icu_init);
	if (!icu.idna || domain.n > MAX_DOMAIN || !str_is_utf8(domain))
		return false;
	p = arena_alloc(a, MAX_DOMAIN);
	n = uidna_nameToASCII_UTF8(icu.idna, domain.p, (int32_t)domain.n, p,
	    MAX_DOMAIN - 1, &info, &err);
	if (U_FAILURE(err) || info.errors)
		return false;
	*out = (struct str){ p, (size_t)n };
	return is_ascii(*out);
}

static bool
is_dot_atom(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if ((unsigned char)c <= ' ' ||
		    str_chr(STR("()<>[]:;@\\,\""), c) != STR_NPOS)
			return false;
	}
	return s.n > 0 && s.p[0] != '.' && s.p[s.n - 1] != '.';
}

/* "Name <local@host>", all of it ASCII. */
static void
put_mailbox(struct buf *out, struct str name, struct str local, struct str host)
{
	if (name.n) {
		phrase_put(out, name);
		BUF_LIT(out, " <");
	} else {
		BUF_LIT(out, "<");
	}
	if (is_dot_atom(local) || (local.n == 0 && host.n == 0))
		buf_putstr(out, local);
	else
		buf_put_quoted(out, local);
	if (host.n)
		buf_putc(out, '@');
	buf_putstr(out, host);
	buf_putc(out, '>');
}

/* No address any more, only something to read (section 3.1.8); groups do not
 * nest, so within one it is an address that cannot exist (RFC 6858). */
static void
put_unreachable(struct buf *out, struct str name, const struct mime_address *v,
    bool in_group)
{
	struct buf text = { 0 };

	buf_putstr(&text, name);
	if (name.n)
		buf_putc(&text, ' ');
	mime_to_utf8(&text, STR_NULL, v->mailbox);
	if (v->host.n)
		buf_putc(&text, '@');
	mime_to_utf8(&text, STR_NULL, v->host);
	text_put(out, buf_str(&text));
	if (in_group)
		BUF_LIT(out, " <invalid@internationalized-address.invalid>");
	else
		BUF_LIT(out, " :;");
	buf_fini(&text);
}

static void
put_address(struct buf *out, struct arena *a, const struct mime_address *v,
    bool in_group)
{
	struct buf name = { 0 };
	struct str host;

	mime_decode_words(&name, v->name);
	if (v->kind == MIME_GROUP) {
		phrase_put(out, buf_str(&name));
		buf_putc(out, ':');
	} else if (is_ascii(v->mailbox) && to_ascii(a, v->host, &host)) {
		put_mailbox(out, buf_str(&name), v->mailbox, host);
	} else {
		put_unreachable(out, buf_str(&name), v, in_group);
	}
	buf_fini(&name);
}

static bool
put_addresses(struct buf *out, struct arena *a, const struct mime_field *f)
{
	struct mime_address *v;
	size_t n = mime_addresses(a, f->value, &v);
	bool first = true, in_group = false;

	if (n == 0)
		return false;
	put_name(out, f);
	for (size_t i = 0; i < n; i++) {
		if (v[i].kind == MIME_GROUP_END) {
			buf_putc(out, ';');
			first = in_group = false;
			continue;
		}
		if (!first)
			BUF_LIT(out, ",\r\n ");
		put_address(out, a, &v[i], in_group);
		first = v[i].kind == MIME_GROUP;
		in_group |= first;
	}
	return true;
}

/* ------------------------------------------------------------------------
 * MIME fields
 */

/* A value that RFC 2231 has begun to encode already keeps its form. */
static void
put_half_encoded(struct buf *out, const struct mime_param *p)
{
	buf_printf(out, ";\r\n %.*s=", STR_ARG(p->name));
	for (size_t i = 0; i < p->value.n; i++) {
		unsigned char c = (unsigned char)p->value.p[i];

		if (c > ' ' && c < 0x7f)
			buf_putc(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static void
put_param(struct buf *out, struct arena *a, const struct mime_param *p)
{
	struct mime_params one = { p, 1 };

	if (!is_ascii(p->name))
		return;
	if (is_ascii(p->value)) {
		buf_printf(out, ";\r\n %.*s=", STR_ARG(p->name));
		buf_put_quoted(out, p->value);
	} else if (str_chr(p->name, '*') == STR_NPOS) {
		param_put(
		    out, p->name, mime_param(a, &one, arena_cstr(a, p->name)));
	} else if (p->name.p[p->name.n - 1] == '*') {
		put_half_encoded(out, p);
	} /* else a piece in no charset: left out */
}

static void
put_params(struct buf *out, struct arena *a, struct lexer *l)
{
	struct mime_params params;

	lex_params(a, l, 256, &params);
	for (size_t i = 0; i < params.n; i++)
		put_param(out, a, &params.v[i]);
}

/* message/global is message/rfc822 once its header is downgraded, too. */
static bool
put_content_type(struct buf *out, struct arena *a, const struct mime_field *f)
{
	struct lexer l = lex_of(f->value);
	struct str type = lex_token(&l), subtype;

	lex_space(&l);
	if (type.n == 0 || l.p >= l.end || *l.p != '/')
		return false;
	l.p++;
	subtype = lex_token(&l);
	if (!is_ascii(type) || !is_ascii(subtype))
		return false;
	if (str_ieqc(type, "message") && str_ieqc(subtype, "global"))
		subtype = STR("rfc822");
	put_name(out, f);
	buf_printf(out, "%.*s/%.*s", STR_ARG(type), STR_ARG(subtype));
	put_params(out, a, &l);
	return true;
}

static bool
put_disposition(struct buf *out, struct arena *a, const struct mime_field *f)
{
	struct lexer l = lex_of(f->value);
	struct str type = lex_token(&l);

	if (type.n == 0 || !is_ascii(type))
		return false;
	put_name(out, f);
	buf_putstr(out, type);
	put_params(out, a, &l);
	return true;
}

/* ------------------------------------------------------------------------
 * Received
 */

/* A word with the white space before it; a comment is a word. */
static struct str
next_word(struct str *rest, struct str *word)
{
	struct lexer l = lex_of(*rest);
	const char *from = l.p;
	struct str all;

	while (l.p < l.end && mime_is_space(*l.p))
		l.p++;
	*word = (struct str){ l.p, 0 };
	if (l.p < l.end && *l.p == '(')
		lex_comment(&l);
	else
		while (l.p < l.end && !mime_is_space(*l.p))
			l.p++;
	word->n = (size_t)(l.p - word->p);
	all = (struct str){ from, (size_t)(l.p - from) };
	*rest = (struct str){ l.p, (size_t)(l.end - l.p) };
	return all;
}

/* Clauses "for" and "id" that are not ASCII are left out (section 3.1.4). */
static bool
put_received(struct buf *out, struct arena *a, const struct mime_field *f)
{
	struct str rest = f->value, word, ignored;

	(void)a;
	buf_putstr(out, f->name);
	buf_putc(out, ':');
	while (rest.n > 0) {
		struct str all = next_word(&rest, &word), ahead = rest, value;

		next_word(&ahead, &value);
		if ((str_ieqc(word, "for") || str_ieqc(word, "id")) &&
		    !is_ascii(value)) {
			next_word(&rest, &ignored);
			if (value.p[value.n - 1] == ';')
				buf_putc(out, ';');
			continue;
		}
		put_masked(out, all);
	}
	return true;
}

/* ------------------------------------------------------------------------
 * Which field is what
 */

typedef bool field_putter(
    struct buf *out, struct arena *a, const struct mime_field *f);

static const struct {
	const char *name;
	field_putter *put;
} fields[] = {
	/* clang-format off */
	{ "Abuse-Reports-To", put_addresses },
	{ "Content-Disposition", put_disposition },
	{ "Content-Type", put_content_type },
	{ "Delivered-To", put_addresses },
	{ "Disposition-Notification-To", put_addresses },
	{ "Errors-To", put_addresses },
	{ "Final-Recipient", put_encapsulated },
	{ "In-Reply-To", put_encapsulated },
	{ "Mail-Followup-To", put_addresses },
	{ "Mail-Reply-To", put_addresses },
	{ "Message-ID", put_encapsulated },
	{ "Original-Recipient", put_encapsulated },
	{ "Received", put_received },
	{ "References", put_encapsulated },
	{ "Resent-Message-ID", put_encapsulated },
	{ "Return-Path", put_addresses },
	{ "X-Original-To", put_addresses },
	/* clang-format on */
};

static field_putter *
putter_of(struct str name)
{
	struct str plain = name;

	for (size_t i = 0; i < LEN(fields); i++) {
		if (str_ieqc(name, fields[i].name))
			return fields[i].put;
	}
	if (str_istarts(name, STR("Resent-")))
		plain = str_sub(name, sizeof("Resent-") - 1, STR_NPOS);
	return mime_is_address_field(plain) ? put_addresses : put_unstructured;
}

bool
downgrade_field_needed(const struct mime_field *f)
{
	struct str value = str_trim(f->value);

	if (!is_ascii(f->raw))
		return true;
	return str_ieqc(f->name, "Content-Type") &&
	       str_istarts(value, STR("message/global")) &&
	       (value.n == sizeof("message/global") - 1 ||
		   str_chr(STR("; \t\r\n("), value.p[14]) != STR_NPOS);
}

void
downgrade_field(struct buf *out, struct arena *a, const struct mime_field *f)
{
	if (f->name.n == 0) {
		put_masked(out, f->raw);
		return;
	}
	if (!putter_of(f->name)(out, a, f))
		put_unstructured(out, a, f);
	BUF_LIT(out, "\r\n");
}
