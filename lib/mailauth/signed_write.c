/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/codec.h"
#include "mailauth/signed.h"

#define LINE 76
#define B_LINE 72 /* of the base64 in b= */

/*
 * What is signed when it is there (RFC 6376, section 5.4.1, and what else a
 * reader sees or a program acts upon). Not what is rewritten on the way:
 * Return-Path, Received, Authentication-Results.
 */
static const char *const usual[] = {
	"From",
	"Sender",
	"Reply-To",
	"To",
	"Cc",
	"Subject",
	"Date",
	"Message-ID",
	"In-Reply-To",
	"References",
	"MIME-Version",
	"Content-Type",
	"Content-Transfer-Encoding",
	"Content-ID",
	"Content-Description",
	"Content-Disposition",
	"Content-Language",
	"Resent-Date",
	"Resent-From",
	"Resent-To",
	"Resent-Cc",
	"Resent-Message-ID",
	"List-Id",
	"List-Help",
	"List-Unsubscribe",
	"List-Unsubscribe-Post",
	"List-Subscribe",
	"List-Post",
	"List-Owner",
	"List-Archive",
	"Autocrypt",
	"Auto-Submitted",
};

/* ------------------------------------------------------------------------
 * Names
 */

static void
put_names(struct buf *out, struct str name, size_t times)
{
	for (; times; times--) {
		if (out->n)
			buf_putc(out, ':');
		buf_putstr(out, name);
	}
}

static bool
is_usual(struct str name)
{
	for (size_t i = 0; i < LEN(usual); i++) {
		if (str_ieqc(name, usual[i]))
			return true;
	}
	return false;
}

/* What is signed though nobody usually does. */
static void
put_unusual(struct buf *out, const struct fields *f, struct str list)
{
	struct buf name = { 0 };
	struct str part;

	while (str_split(&list, ':', &part)) {
		part = str_trim(part);
		if (part.n == 0 || is_usual(part))
			continue;
		buf_clear(&name);
		buf_putstr(&name, part);
		put_names(out, part, fields_count(f, buf_cstr(&name)) + 1);
	}
	buf_fini(&name);
}

void
names_signed(struct buf *out, const struct fields *f, struct str oversign)
{
	for (size_t i = 0; i < LEN(usual); i++)
		put_names(out, str_of(usual[i]),
		    fields_count(f, usual[i]) +
			(names_count(oversign, usual[i]) > 0));
	put_unusual(out, f, oversign);
}

/* ------------------------------------------------------------------------
 * Tags
 */

void
tags_begin(struct tag_writer *w, struct buf *out)
{
	*w = (struct tag_writer){ .out = out, .line = out->n };
}

static void
fold(struct tag_writer *w)
{
	BUF_LIT(w->out, "\n\t");
	w->line = w->out->n;
}

/* NAME= and then N octets: on this line if they fit. */
static void
put_name(struct tag_writer *w, const char *name, size_t n)
{
	bool first = w->line == w->out->n;
	size_t more = str_of(name).n + sizeof(" =;") + n;

	if (!first)
		buf_putc(w->out, ';');
	if (!first && w->out->n - w->line + more > LINE)
		fold(w);
	else
		buf_putc(w->out, ' ');
	buf_puts(w->out, name);
	buf_putc(w->out, '=');
}

/* Lists are folded after a colon. */
void
tags_put(struct tag_writer *w, const char *name, struct str value)
{
	struct str part;
	bool first = true;

	put_name(w, name, value.n < LINE / 2 ? value.n : LINE);
	while (str_split(&value, ':', &part)) {
		if (!first)
			buf_putc(w->out, ':');
		if (!first && w->out->n - w->line + part.n > LINE)
			fold(w);
		first = false;
		buf_putstr(w->out, part);
	}
}

void
tags_put_number(struct tag_writer *w, const char *name, uint64_t n)
{
	struct buf text = { 0 };

	buf_putu(&text, n);
	tags_put(w, name, buf_str(&text));
	buf_fini(&text);
}

void
tags_put_instance(struct tag_writer *w, unsigned instance)
{
	buf_printf(w->out, "; i=%u", instance);
}

void
tags_put_base64(struct tag_writer *w, const char *name, struct str octets)
{
	struct buf text = { 0 };

	base64_encode(&text, octets);
	tags_put(w, name, buf_str(&text));
	buf_fini(&text);
}

void
tags_put_b(struct tag_writer *w)
{
	put_name(w, "b", LINE);
	w->b = w->out->n;
	/* What follows does not depend on what will stand here. */
	w->line = w->out->n - LINE;
}

static void
put_b(struct buf *out, struct str base64, size_t line)
{
	for (size_t i = 0; i < base64.n; i += line) {
		if (i)
			BUF_LIT(out, "\n\t ");
		buf_putstr(out, str_sub(base64, i, line));
	}
}

bool
tags_sign(struct tag_writer *w, const struct private_key *k,
    const uint8_t hash[32], bool folded, struct err *e)
{
	struct buf signature = { 0 }, text = { 0 }, rest = { 0 };
	bool ok = private_key_sign(k, hash, &signature, e);

	if (ok) {
		base64_encode(&text, buf_str(&signature));
		buf_putstr(&rest, str_sub(buf_str(w->out), w->b, STR_NPOS));
		w->out->n = w->b;
		put_b(w->out, buf_str(&text), folded ? B_LINE : text.n);
		buf_putstr(w->out, buf_str(&rest));
	}
	buf_fini(&signature);
	buf_fini(&text);
	buf_fini(&rest);
	return ok;
}
