/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/internal.h"

#include <string.h>

/* What of a string needs which form. */
enum { S_LITERAL = 1, S_NUL = 2 };

static unsigned
needs(struct str s)
{
	unsigned flags = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\0')
			flags |= S_NUL | S_LITERAL;
		else if (c >= 0x80 || c == '\r' || c == '\n')
			flags |= S_LITERAL;
	}
	return flags;
}

static void
put_literal(struct buf *out, struct str s, bool nul)
{
	size_t nuls = 0;

	for (size_t i = 0; nul && i < s.n; i++)
		nuls += s.p[i] == '\0';
	buf_putc(out, '{');
	buf_putu(out, s.n - nuls);
	BUF_LIT(out, "}\r\n");
	if (!nul) {
		buf_putstr(out, s);
		return;
	}
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\0')
			buf_putc(out, s.p[i]);
	}
}

void
imap_nstring(struct buf *out, struct str s)
{
	unsigned flags;

	if (!s.p) {
		BUF_LIT(out, "NIL");
		return;
	}
	flags = needs(s);
	if (flags & S_LITERAL) {
		put_literal(out, s, flags & S_NUL);
		return;
	}
	buf_put_quoted(out, s);
}
