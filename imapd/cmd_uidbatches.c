/* SPDX-License-Identifier: BSD-2-Clause */
/* UIDBATCHES (RFC 10022): ranges of UIDs that hold equally many messages each,
 * newest first. */
#include "imapd/command.h"

#define MIN_BATCH 500
#define MAX_MESSAGES 100000 /* that a range of batches may span */

struct batches {
	uint32_t size;
	bool ranged;
	uint32_t first, last; /* batches wanted, from 1 */
};

static bool
take_batches(struct parse *p, struct batches *b)
{
	if (!parse_sp(p) || !parse_nz(p, &b->size))
		return false;
	if (p->at == p->in.n)
		return true;
	b->ranged = true;
	return parse_sp(p) && parse_nz(p, &b->first) && parse_char(p, ':') &&
	       parse_nz(p, &b->last) && parse_end(p);
}

static void
put_batches(struct session *s, const struct cmd *c, const struct batches *b)
{
	const struct view *v = s->sel.view;
	struct buf *out = conn_out(s->conn);
	uint32_t left = view_count(v); /* messages not in a batch yet */
	uint32_t hi = left ? view_at(v, left)->uid : 0;
	char sep = ' ';

	BUF_LIT(out, "* UIDBATCHES (TAG ");
	write_string(out, c->tag);
	buf_putc(out, ')');
	for (uint32_t n = 1; left > 0 && (!b->ranged || n <= b->last); n++) {
		uint32_t size = left < b->size ? left : b->size;
		/* The last one reaches down to UID 1. */
		uint32_t lo =
		    size == left ? 1 : view_at(v, left - size + 1)->uid;

		if (!b->ranged || n >= b->first) {
			buf_putc(out, sep);
			sep = ',';
			buf_putu(out, hi);
			buf_putc(out, ':');
			buf_putu(out, lo);
		}
		left -= size;
		hi = lo - 1;
	}
	BUF_LIT(out, "\r\n");
}

enum reply
cmd_uidbatches(struct session *s, struct cmd *c)
{
	struct batches b = { 0 };

	EXPECT(c, take_batches(&c->p, &b));
	if (b.ranged && b.first > b.last) {
		c->code = STR("CLIENTBUG");
		return bad(c, "The range of batches is reversed");
	}
	if (b.size < MIN_BATCH)
		return no(c, "TOOFEW", "A batch has at least 500 messages");
	if (b.ranged &&
	    ((uint64_t)b.last - b.first + 1) * b.size > MAX_MESSAGES)
		return no(c, "TOOMANY", "Ask for 100000 messages at most");
	/* What was expunged counts no more: UIDs do not mind. */
	if (!sel_sync(s, true, NULL))
		return REPLY_ABORT;
	put_batches(s, c, &b);
	return REPLY_OK;
}
