/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/mailto.h"

#include "sieve/run.h"

struct list {
	struct str *v;
	size_t n, cap;
};

static void
add(struct arena *a, struct list *l, struct str s)
{
	l->v = arena_grow(a, l->v, l->n, &l->cap, sizeof(*l->v));
	l->v[l->n++] = s;
}

/* RFC 6068, section 2: what may stand there as it is. */
static bool
is_plain(char c)
{
	char lower = ascii_lower(c);

	return ascii_digit(c) || (lower >= 'a' && lower <= 'z') ||
	       (c != '\0' && str_chr(STR("-._~!$'()*+,:@/"), c) != STR_NPOS);
}

static bool
decode(struct arena *a, struct str s, struct str *out)
{
	char *to = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%') {
			int hi = i + 2 < s.n ? ascii_hex(s.p[i + 1]) : -1;
			int lo = i + 2 < s.n ? ascii_hex(s.p[i + 2]) : -1;

			if (hi < 0 || lo < 0 || (hi == 0 && lo == 0))
				return false;
			to[n++] = (char)(hi << 4 | lo);
			i += 2;
		} else if (is_plain(s.p[i])) {
			to[n++] = s.p[i];
		} else {
			return false;
		}
	}
	*out = (struct str){ to, n };
	return true;
}

/* Addresses separated by commas, decoded. */
static bool
add_addresses(struct arena *a, struct list *l, struct str text)
{
	struct str part, address;

	if (text.n == 0)
		return true;
	while (str_split(&text, ',', &part)) {
		if (!sieve_address_of(a, part, &address))
			return false;
		add(a, l, address);
	}
	return true;
}

/* Section 2.7 of RFC 5436: fields that the server writes itself. */
static bool
is_reserved(struct str name)
{
	static const char *const names[] = { "From", "Sender", "Date",
		"Message-ID", "Auto-Submitted", "Received", "Return-Path",
		"Bcc", "X-Sieve", "Content-Type", "MIME-Version",
		"Content-Transfer-Encoding", "Content-Disposition",
		"Resent-From", "Resent-To", "Resent-Date" };

	for (size_t i = 0; i < LEN(names); i++) {
		if (str_ieqc(name, names[i]))
			return true;
	}
	return false;
}

struct lists {
	struct list to, cc, fields;
};

static bool
add_header(struct arena *a, struct str header, struct lists *l,
    struct sieve_mailto *out, const char **why)
{
	size_t eq = str_chr(header, '=');
	struct str name, value;

	*why = "a header field of it has no '='";
	if (eq == STR_NPOS)
		return false;
	*why = "a header field of it has characters that must be encoded";
	if (!decode(a, str_sub(header, 0, eq), &name) ||
	    !decode(a, str_sub(header, eq + 1, SIZE_MAX), &value))
		return false;
	if (!sieve_valid_field(name, why))
		return false;
	*why = "a recipient in it is no mail address";
	if (str_ieqc(name, "to"))
		return add_addresses(a, &l->to, value);
	if (str_ieqc(name, "cc"))
		return add_addresses(a, &l->cc, value);
	if (str_ieqc(name, "subject"))
		out->subject = value;
	else if (str_ieqc(name, "body"))
		out->body = value;
	else if (!is_reserved(name)) {
		add(a, &l->fields, name);
		add(a, &l->fields, value);
	}
	return true;
}

bool
sieve_mailto_parse(
    struct arena *a, struct str uri, struct sieve_mailto *out, const char **why)
{
	size_t query = str_chr(uri, '?');
	struct str to, rest, header;
	struct lists l = { 0 };

	*out = (struct sieve_mailto){ 0 };
	*why = "it has characters that must be encoded";
	if (!decode(
		a, str_sub(uri, 7, query == STR_NPOS ? query : query - 7), &to))
		return false;
	*why = "a recipient in it is no mail address";
	if (!add_addresses(a, &l.to, to))
		return false;
	rest = query == STR_NPOS ? STR_NULL : str_sub(uri, query + 1, SIZE_MAX);
	while (str_split(&rest, '&', &header)) {
		if (!add_header(a, header, &l, out, why))
			return false;
	}
	*why = "it names no recipient";
	out->to = l.to.v;
	out->nto = l.to.n;
	out->cc = l.cc.v;
	out->ncc = l.cc.n;
	out->fields = l.fields.v;
	out->nfields = l.fields.n;
	return out->nto + out->ncc > 0;
}
