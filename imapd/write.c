/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/write.h"

#include <string.h>

#include "base/codec.h"
#include "imapd/parse.h"
#include "imapd/utf7.h"

#define QUOTED_MAX 1024

static bool
quotable(struct str s)
{
	if (s.n > QUOTED_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\0' || c == '\r' || c == '\n' || c >= 0x80)
			return false;
	}
	return true;
}

void
write_string(struct buf *out, struct str s)
{
	if (quotable(s)) {
		buf_put_quoted(out, s);
		return;
	}
	buf_putc(out, '{');
	buf_putu(out, s.n);
	BUF_LIT(out, "}\r\n");
	buf_putstr(out, s);
}

void
write_astring(struct buf *out, struct str s)
{
	bool atom = s.n > 0 && !str_ieqc(s, "NIL");

	for (size_t i = 0; atom && i < s.n; i++)
		atom = is_astring_char(s.p[i]) && (unsigned char)s.p[i] < 0x80;
	if (atom)
		buf_putstr(out, s);
	else
		write_string(out, s);
}

void
write_nstring(struct buf *out, struct str s)
{
	if (s.p)
		write_string(out, s);
	else
		BUF_LIT(out, "NIL");
}

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	}
	return true;
}

void
write_mailbox(struct buf *out, struct str path, bool utf8)
{
	struct buf name = { 0 };

	if (utf8) { /* the store allows no control characters in it */
		if (is_ascii(path))
			write_astring(out, path);
		else
			buf_put_quoted(out, path);
		return;
	}
	utf7_encode(&name, path);
	write_astring(out, buf_str(&name));
	buf_fini(&name);
}

void
write_objectid(struct buf *out, char kind, int64_t id)
{
	buf_putc(out, '(');
	buf_putc(out, kind);
	buf_putu(out, (uint64_t)id);
	buf_putc(out, ')');
}

void
write_emailid(struct buf *out, const uint8_t hash[32])
{
	BUF_LIT(out, "(M");
	hex_encode(out, hash, 16);
	buf_putc(out, ')');
}

void
write_text(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		buf_putc(out, c < 0x20 || c >= 0x7f ? '?' : (char)c);
	}
}

static char *
two_digits(char *p, unsigned v)
{
	*p++ = (char)('0' + v / 10 % 10);
	*p++ = (char)('0' + v % 10);
	return p;
}

void
write_internaldate(struct buf *out, int64_t epoch)
{
	int64_t days = epoch / 86400, year;
	unsigned month, day, s;
	char text[32], *p = text;

	if (epoch % 86400 < 0)
		days--;
	s = (unsigned)(epoch - days * 86400);
	civil_from_days(days, &year, &month, &day);
	if (year < 0 || year > 9999) /* nothing a date can say */
		year = 0;
	*p++ = '"';
	p = two_digits(p, day);
	*p++ = '-';
	memcpy(p, month_names[month - 1], 3);
	p += 3;
	*p++ = '-';
	p = two_digits(p, (unsigned)year / 100);
	p = two_digits(p, (unsigned)year % 100);
	*p++ = ' ';
	p = two_digits(p, s / 3600);
	*p++ = ':';
	p = two_digits(p, s / 60 % 60);
	*p++ = ':';
	p = two_digits(p, s % 60);
	memcpy(p, " +0000\"", 7);
	buf_put(out, text, (size_t)(p - text) + 7);
}

struct flag_list {
	struct buf *out;
	bool first;
};

static void
put_flag(struct flag_list *l, struct str name)
{
	if (!l->first)
		buf_putc(l->out, ' ');
	l->first = false;
	buf_putstr(l->out, name);
}

void
write_flags(struct buf *out, const struct flags *f, bool recent,
    const struct keywords *k)
{
	static const struct {
		uint64_t bit;
		struct str name;
	} system[] = {
		{ FLAG_ANSWERED, { "\\Answered", 9 } },
		{ FLAG_FLAGGED, { "\\Flagged", 8 } },
		{ FLAG_DELETED, { "\\Deleted", 8 } },
		{ FLAG_SEEN, { "\\Seen", 5 } },
		{ FLAG_DRAFT, { "\\Draft", 6 } },
	};
	struct flag_list l = { out, true };
	uint64_t keys = f->bits & ~FLAGS_SYSTEM;

	buf_putc(out, '(');
	for (size_t i = 0; i < LEN(system); i++) {
		if (f->bits & system[i].bit)
			put_flag(&l, system[i].name);
	}
	if (recent)
		put_flag(&l, STR("\\Recent"));
	for (; keys; keys &= keys - 1) {
		unsigned i = (unsigned)__builtin_ctzll(keys);

		if (i >= 8 && i - 8 < k->n)
			put_flag(&l, k->names[i - 8]);
	}
	for (uint32_t i = 0; i < f->nmore; i++) {
		if (f->more[i] < k->n)
			put_flag(&l, k->names[f->more[i]]);
	}
	buf_putc(out, ')');
}

void
write_untagged(struct buf *out, const char *text)
{
	BUF_LIT(out, "* ");
	buf_puts(out, text);
	BUF_LIT(out, "\r\n");
}

void
write_number(struct buf *out, uint64_t n, const char *word)
{
	BUF_LIT(out, "* ");
	buf_putu(out, n);
	buf_putc(out, ' ');
	buf_puts(out, word);
	BUF_LIT(out, "\r\n");
}
