/* SPDX-License-Identifier: BSD-2-Clause */
#include "pop3d/wire.h"

void
wire_init(struct wire *w, uint64_t lines)
{
	*w = (struct wire){ .lines = lines };
}

static void
put_text(struct wire *w, struct str text, struct buf *out)
{
	if (text.n == 0)
		return;
	if (!w->middle && text.p[0] == '.')
		buf_putc(out, '.');
	buf_putstr(out, text);
	w->middle = true;
}

static void
end_line(struct wire *w, struct buf *out)
{
	BUF_LIT(out, "\r\n");
	if (w->body && w->lines != WIRE_ALL)
		w->lines--;
	else if (!w->middle)
		w->body = true;
	w->middle = w->cr = false;
	w->done = w->body && w->lines == 0;
}

/* A CR that no LF follows is part of the line. */
static void
put_kept(struct wire *w, struct buf *out)
{
	if (w->cr)
		put_text(w, STR("\r"), out);
	w->cr = false;
}

/* Up to the LF, or to the end of the piece. */
static void
put_part(struct wire *w, struct str text, bool whole, struct buf *out)
{
	bool cr = text.n > 0 && text.p[text.n - 1] == '\r';

	if (text.n > 0)
		put_kept(w, out);
	put_text(w, str_sub(text, 0, text.n - cr), out);
	w->cr |= cr;
	if (whole)
		end_line(w, out);
}

void
wire_put(struct wire *w, struct str in, struct buf *out)
{
	while (in.n > 0 && !w->done) {
		size_t lf = str_chr(in, '\n');

		put_part(w, str_sub(in, 0, lf), lf != STR_NPOS, out);
		in = lf == STR_NPOS ? STR_NULL : str_sub(in, lf + 1, STR_NPOS);
	}
}

void
wire_end(struct wire *w, struct buf *out)
{
	if (w->middle || w->cr)
		end_line(w, out);
	BUF_LIT(out, ".\r\n");
}
