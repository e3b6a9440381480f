/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/compose.h"

#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/rnd.h"
#include "mime/header.h"
#include "mime/internal.h"

#define LINE 78        /* RFC 5322, section 2.1.1 */
#define QP_LINE 76     /* RFC 2045, section 6.7 */
#define WORD_OCTETS 42 /* of text in an encoded word: 75 characters in all */

void
compose_init(struct compose *c, struct buf *out)
{
	*c = (struct compose){ .out = out };
}

static bool
is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < ' ' || (unsigned char)s.p[i] > '~')
			return false;
	}
	return str_find(s, STR("=?")) == STR_NPOS;
}

/* The column the next octet goes to. */
static size_t
column(const struct buf *out)
{
	const char *lf = out->n ? memrchr(out->p, '\n', out->n) : NULL;

	return lf ? (size_t)(out->p + out->n - lf - 1) : out->n;
}

static void
put_no_controls(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f)
			buf_putc(out, s.p[i]);
		else if (s.p[i] == '\t')
			buf_putc(out, ' ');
	}
}

/* Words at spaces, a new line before one that would not fit. */
static void
put_folded(struct buf *out, struct str s)
{
	size_t used = column(out);
	bool first = true;

	while (s.n) {
		size_t n = 1; /* a space at the start goes with its word */
		while (n < s.n && s.p[n] != ' ')
			n++;
		if (!first && used + n > LINE && s.p[0] == ' ') {
			BUF_LIT(out, "\r\n");
			used = 0;
		}
		buf_put(out, s.p, n);
		used += n;
		first = false;
		s = str_sub(s, n, SIZE_MAX);
	}
}

/* "=?utf-8?B?...?=" words, one a line after the first. */
static void
put_encoded(struct buf *out, struct str s)
{
	bool first = true;
	size_t max = WORD_OCTETS;

	/* What the field's name takes, the first word cannot use. */
	if (column(out) > 2)
		max = column(out) < 40 ? (LINE - 12 - column(out)) / 4 * 3 : 9;
	while (s.n) {
		struct str some =
		    utf8_cut(s, first && max < WORD_OCTETS ? max : WORD_OCTETS);

		if (some.n == 0)
			some = str_sub(s, 0, 1);
		if (!first)
			BUF_LIT(out, "\r\n ");
		BUF_LIT(out, "=?utf-8?B?");
		base64_encode(out, some);
		BUF_LIT(out, "?=");
		first = false;
		s = str_sub(s, some.n, SIZE_MAX);
	}
}

void
text_put(struct buf *out, struct str utf8)
{
	struct buf clean = { 0 }, valid = { 0 };

	put_no_controls(&clean, utf8);
	utf8_clean(&valid, buf_str(&clean));
	if (is_plain(buf_str(&valid)))
		put_folded(out, buf_str(&valid));
	else
		put_encoded(out, buf_str(&valid));
	buf_fini(&clean);
	buf_fini(&valid);
}

static void
start_field(struct compose *c, const char *name)
{
	buf_puts(c->out, name);
	BUF_LIT(c->out, ": ");
}

void
compose_text(struct compose *c, const char *name, struct str utf8)
{
	start_field(c, name);
	text_put(c->out, str_trim(utf8));
	BUF_LIT(c->out, "\r\n");
}

void
compose_raw(struct compose *c, const char *name, struct str value)
{
	struct buf clean = { 0 };

	start_field(c, name);
	put_no_controls(&clean, str_trim(value));
	put_folded(c->out, buf_str(&clean));
	BUF_LIT(c->out, "\r\n");
	buf_fini(&clean);
}

static bool
is_atom_text(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (strchr("()<>[]:;@\\,.\"", s.p[i]))
			return false;
	}
	return true;
}

void
phrase_put(struct buf *out, struct str utf8)
{
	if (is_plain(utf8) && !is_atom_text(utf8))
		buf_put_quoted(out, utf8);
	else
		text_put(out, utf8);
}

void
compose_address(
    struct compose *c, const char *name, struct str display, struct str address)
{
	start_field(c, name);
	display = str_trim(display);
	if (display.n) {
		phrase_put(c->out, display);
		if (column(c->out) + address.n + 3 > LINE)
			BUF_LIT(c->out, "\r\n");
		buf_putc(c->out, ' ');
	}
	buf_putc(c->out, '<');
	for (size_t i = 0; i < address.n; i++) {
		if ((unsigned char)address.p[i] > ' ' &&
		    !strchr("<>\x7f", address.p[i]))
			buf_putc(c->out, address.p[i]);
	}
	BUF_LIT(c->out, ">\r\n");
}

void
compose_date(struct compose *c, int64_t epoch, int zone)
{
	start_field(c, "Date");
	mime_date_format(c->out, epoch, zone);
	BUF_LIT(c->out, "\r\n");
}

void
compose_msgid(struct compose *c, struct str domain)
{
	unsigned char random[16];

	rnd_bytes(random, sizeof(random));
	start_field(c, "Message-ID");
	buf_putc(c->out, '<');
	hex_encode(c->out, random, sizeof(random));
	buf_putc(c->out, '@');
	put_no_controls(c->out, domain);
	BUF_LIT(c->out, ">\r\n");
}

void
compose_multipart(
    struct compose *c, const char *subtype, const char *report_type)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char random[12];
	char *p = c->boundary;

	rnd_bytes(random, sizeof(random));
	*p++ = '=';
	*p++ = '_'; /* never in quoted-printable or base64 */
	for (size_t i = 0; i < sizeof(random); i++) {
		*p++ = digits[random[i] >> 4];
		*p++ = digits[random[i] & 15];
	}
	*p = '\0';
	BUF_LIT(c->out, "MIME-Version: 1.0\r\nContent-Type: multipart/");
	buf_puts(c->out, subtype);
	if (report_type)
		buf_printf(c->out, "; report-type=%s", report_type);
	buf_printf(c->out, ";\r\n boundary=\"%s\"\r\n\r\n", c->boundary);
}

/* The delimiter and Content-Type of a part, or the end of the only header. */
static void
start_part(struct compose *c, const char *type)
{
	if (c->boundary[0])
		buf_printf(c->out, "--%s\r\n", c->boundary);
	else
		BUF_LIT(c->out, "MIME-Version: 1.0\r\n");
	buf_printf(c->out, "Content-Type: %s\r\n", type);
}

/* In a multipart the last line end belongs to the delimiter. */
static void
end_part(struct compose *c)
{
	if (c->boundary[0])
		BUF_LIT(c->out, "\r\n");
}

/* S with CRLF line ends, and one at its end. */
static void
put_lines(struct buf *out, struct str s)
{
	while (s.n) {
		size_t lf = str_chr(s, '\n');
		struct str line = str_sub(s, 0, lf);

		s = lf == STR_NPOS ? STR_NULL : str_sub(s, lf + 1, SIZE_MAX);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		buf_putstr(out, line);
		BUF_LIT(out, "\r\n");
	}
}

static bool
fits_7bit(struct str s)
{
	size_t length = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\n')
			length = 0;
		else if (++length > LINE || c == 0 || c > 0x7e ||
			 (c == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n')))
			return false;
	}
	return true;
}

static void
put_qp_line(struct buf *out, struct str line)
{
	size_t used = 0;

	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];
		bool last = i + 1 == line.n;
		bool plain = (c > ' ' && c <= '~' && c != '=') ||
			     ((c == ' ' || c == '\t') && !last);

		if (used + (plain ? 1 : 3) > QP_LINE - (last ? 0 : 1)) {
			BUF_LIT(out, "=\r\n");
			used = 0;
		}
		if (plain)
			buf_putc(out, (char)c);
		else
			buf_printf(out, "=%02X", c);
		used += plain ? 1 : 3;
	}
	BUF_LIT(out, "\r\n");
}

static void
put_qp(struct buf *out, struct str s)
{
	while (s.n) {
		size_t lf = str_chr(s, '\n');
		struct str line = str_sub(s, 0, lf);

		s = lf == STR_NPOS ? STR_NULL : str_sub(s, lf + 1, SIZE_MAX);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		put_qp_line(out, line);
	}
}

void
compose_body(struct compose *c, struct str utf8)
{
	bool plain = fits_7bit(utf8);

	start_part(c, plain ? "text/plain; charset=us-ascii"
			    : "text/plain; charset=utf-8");
	if (plain) {
		BUF_LIT(c->out, "Content-Transfer-Encoding: 7bit\r\n\r\n");
		put_lines(c->out, utf8);
	} else {
		BUF_LIT(c->out,
		    "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
		put_qp(c->out, utf8);
	}
	end_part(c);
}

void
compose_part(struct compose *c, const char *type, struct str content)
{
	start_part(c, type);
	BUF_LIT(c->out, "\r\n");
	put_lines(c->out, content);
	end_part(c);
}

void
param_put(struct buf *out, struct str name, struct str utf8)
{
	struct buf encoded = { 0 };
	unsigned index = 0;

	BUF_LIT(&encoded, "utf-8''");
	for (size_t i = 0; i < utf8.n; i++) {
		char c = utf8.p[i];

		if (ascii_digit(c) || strchr("-._", c) ||
		    (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'))
			buf_putc(&encoded, c);
		else
			buf_printf(&encoded, "%%%02X", (unsigned char)c);
	}
	for (struct str s = buf_str(&encoded); s.n; index++) {
		struct str some = str_sub(s, 0, 60);

		/* Not inside of %XX. */
		for (size_t back = 1; back <= 2 && some.n < s.n; back++) {
			if (some.p[some.n - back] == '%') {
				some.n -= back;
				break;
			}
		}
		buf_printf(out, ";\r\n %.*s*%u*=", STR_ARG(name), index);
		buf_putstr(out, some);
		s = str_sub(s, some.n, SIZE_MAX);
	}
	buf_fini(&encoded);
}

static void
put_filename(struct buf *out, struct str name)
{
	if (is_plain(name) && name.n <= 60) {
		BUF_LIT(out, ";\r\n filename=");
		buf_put_quoted(out, name);
	} else {
		param_put(out, STR("filename"), name);
	}
}

void
compose_attachment(
    struct compose *c, const char *type, struct str name, struct str bytes)
{
	struct buf clean = { 0 };

	start_part(c, type);
	BUF_LIT(c->out, "Content-Transfer-Encoding: base64\r\n"
			"Content-Disposition: attachment");
	put_no_controls(&clean, name);
	if (clean.n)
		put_filename(c->out, buf_str(&clean));
	BUF_LIT(c->out, "\r\n\r\n");
	for (size_t at = 0; at < bytes.n; at += 57) {
		base64_encode(c->out, str_sub(bytes, at, 57));
		BUF_LIT(c->out, "\r\n");
	}
	end_part(c);
	buf_fini(&clean);
}

/* The header block of RAW without the empty line. */
static struct str
header_block(struct str raw)
{
	struct str rest = raw;
	struct mime_field f;

	while (mime_field_next(&rest, &f))
		continue;
	return str_sub(raw, 0, raw.n - rest.n);
}

/* A header in UTF-8 has a type of its own (RFC 6533). */
static const char *
message_type(struct str raw, bool headers_only, bool ascii)
{
	if (!headers_only)
		return "message/rfc822";
	return ascii || !str_is_utf8(raw) ? "text/rfc822-headers"
					  : "message/global-headers";
}

void
compose_message(struct compose *c, struct str raw, bool headers_only)
{
	bool ascii;

	if (headers_only)
		raw = header_block(raw);
	ascii = ascii_prefix(raw) == raw.n;
	start_part(c, message_type(raw, headers_only, ascii));
	if (!ascii)
		BUF_LIT(c->out, "Content-Transfer-Encoding: 8bit\r\n");
	BUF_LIT(c->out, "\r\n");
	buf_putstr(c->out, raw);
	end_part(c);
}

void
compose_finish(struct compose *c)
{
	if (c->boundary[0])
		buf_printf(c->out, "--%s--\r\n", c->boundary);
}
