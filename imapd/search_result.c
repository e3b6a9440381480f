/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/search_result.h"

#include "imapd/write.h"

bool
search_returns(const struct search_return *ret, size_t n, size_t at)
{
	size_t from, to;

	if (!(ret->items & (RETURN_MIN | RETURN_MAX | RETURN_PARTIAL)) ||
	    (ret->items & (RETURN_ALL | RETURN_COUNT)))
		return true;
	if (((ret->items & RETURN_MIN) && at == 0) ||
	    ((ret->items & RETURN_MAX) && at + 1 == n))
		return true;
	if (!(ret->items & RETURN_PARTIAL))
		return false;
	partial_range(&ret->partial, n, &from, &to);
	return at >= from && at < to;
}

void
put_found(struct buf *out, const uint32_t *found, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t first = i;

		while (i + 1 < n && found[i + 1] == found[i] + 1)
			i++;
		if (first)
			buf_putc(out, ',');
		buf_putu(out, found[first]);
		if (i > first) {
			buf_putc(out, ':');
			buf_putu(out, found[i]);
		}
	}
}

void
put_numbers(struct buf *out, const char *name, const struct search_result *r)
{
	BUF_LIT(out, "* ");
	buf_puts(out, name);
	for (size_t i = 0; i < r->n; i++) {
		buf_putc(out, ' ');
		buf_putu(out, r->found[i]);
	}
	if (r->modseq) {
		BUF_LIT(out, " (MODSEQ ");
		buf_putu(out, r->modseq);
		buf_putc(out, ')');
	}
	BUF_LIT(out, "\r\n");
}

static void
put_named(struct buf *out, const char *name, uint64_t n)
{
	buf_puts(out, name);
	buf_putu(out, n);
}

/* "PARTIAL (-1:-100 5:7)" */
static void
put_partial(struct buf *out, const struct search_result *r)
{
	const struct partial *p = &r->ret->partial;
	const char *sign = p->from_end ? "-" : "";
	size_t from, to;

	partial_range(p, r->n, &from, &to);
	BUF_LIT(out, " PARTIAL (");
	put_named(out, sign, p->lo);
	buf_putc(out, ':');
	put_named(out, sign, p->hi);
	buf_putc(out, ' ');
	if (from < to)
		put_found(out, r->found + from, to - from);
	else
		BUF_LIT(out, "NIL");
	buf_putc(out, ')');
}

/* "RELEVANCY (4 99 42)": of what PARTIAL returns, or of all. */
static void
put_relevancy(struct buf *out, const struct search_result *r)
{
	size_t from = 0, to = r->n;

	if (r->ret->items & RETURN_PARTIAL)
		partial_range(&r->ret->partial, r->n, &from, &to);
	BUF_LIT(out, " RELEVANCY (");
	for (size_t i = from; i < to; i++) {
		if (i > from)
			buf_putc(out, ' ');
		buf_putu(out, r->scores[i]);
	}
	buf_putc(out, ')');
}

void
put_esearch_head(struct buf *out, const struct search_result *r)
{
	BUF_LIT(out, "* ESEARCH (TAG ");
	write_string(out, r->tag);
	if (r->mailbox.n) {
		BUF_LIT(out, " MAILBOX ");
		write_mailbox(out, r->mailbox, r->utf8);
		put_named(out, " UIDVALIDITY ", r->uidvalidity);
	}
	buf_puts(out, r->uid ? ") UID" : ")");
}

void
put_esearch(struct buf *out, const struct search_result *r)
{
	unsigned items = r->ret->items;

	put_esearch_head(out, r);
	if (r->n && (items & RETURN_MIN))
		put_named(out, " MIN ", r->found[0]);
	if (r->n && (items & RETURN_MAX))
		put_named(out, " MAX ", r->found[r->n - 1]);
	if (r->n && (items & RETURN_ALL)) {
		BUF_LIT(out, " ALL ");
		put_found(out, r->found, r->n);
	}
	if (items & RETURN_COUNT)
		put_named(out, " COUNT ", r->n);
	if (items & RETURN_PARTIAL)
		put_partial(out, r);
	if (r->n && (items & RETURN_RELEVANCY))
		put_relevancy(out, r);
	if (r->n && r->modseq)
		put_named(out, " MODSEQ ", r->modseq);
	BUF_LIT(out, "\r\n");
}
