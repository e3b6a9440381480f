/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RETR and TOP (RFC 1939) as a cursor: a step reads pieces of the message
 * until the output is full, and the next one goes on when it drained. A
 * reader lives for one step only, so a slow client holds nothing.
 */
#include "base/log.h"
#include "pop3d/command.h"
#include "pop3d/wire.h"

#define CHUNK 262144    /* the store's frames */
#define TOP_CHUNK 16384 /* of a TOP, which often wants the header alone */

struct retr {
	const struct view_row *row;
	uint32_t msg;
	bool top, ended; /* nothing is left to be read, or wanted */
	bool downgrade;
	uint64_t at; /* so much was read */
	struct wire wire;
};

static size_t
chunk_of(const struct retr *x)
{
	return x->top && x->at < TOP_CHUNK * 4 ? TOP_CHUNK : CHUNK;
}

static enum store_rc
put_piece(struct session *s, struct reader *r, struct retr *x, struct err *e)
{
	size_t want = chunk_of(x);
	enum store_rc rc;

	buf_clear(&s->scratch);
	rc = email_read(r, x->row->email, x->at, want, &s->scratch, e);
	if (rc != STORE_OK)
		return rc;
	x->at += s->scratch.n;
	if (x->downgrade) {
		buf_clear(&s->ascii);
		downgrade_put(&s->downgrade, buf_str(&s->scratch), &s->ascii);
		wire_put(&x->wire, buf_str(&s->ascii), conn_out(s->conn));
	} else {
		wire_put(&x->wire, buf_str(&s->scratch), conn_out(s->conn));
	}
	x->ended = s->scratch.n < want || x->wire.done;
	return STORE_OK;
}

static enum net_next
finish(struct session *s, struct retr *x)
{
	wire_end(&x->wire, conn_out(s->conn));
	s->bytes += x->at;
	metric_add(s->d->bytes, (double)x->at);
	if (x->top) {
		s->topped++;
		return NET_DONE;
	}
	s->retrieved++;
	metric_add(s->d->retrieved, 1);
	maildrop_retrieved(&s->drop, x->msg);
	return NET_DONE;
}

/* Pieces until the output is full or the message ends. */
static enum store_rc
pump(struct session *s, struct reader *r, struct retr *x, struct err *e)
{
	enum store_rc rc = STORE_OK;

	while (rc == STORE_OK && !x->ended && !conn_out_full(s->conn))
		rc = put_piece(s, r, x, e);
	return rc;
}

static enum net_next
retr_step(struct session *s)
{
	struct retr *x = s->data;
	struct err e = ERR_INIT;
	struct reader *r;
	enum store_rc rc = reader_begin(s->account, &r, &e);

	if (rc == STORE_OK) {
		rc = pump(s, r, x, &e);
		reader_end(&r);
	}
	if (rc != STORE_OK) {
		/* In the middle of a message only closing is clear. */
		log_error("cannot read a message",
		    LOG_CSTR("session", conn_id(s->conn)),
		    LOG_CSTR("account", s->id), LOG_UINT("uid", x->row->uid),
		    LOG_CSTR("result", store_rc_name(rc)), LOG_ERR(&e));
		return NET_CLOSE;
	}
	return x->ended ? finish(s, x) : NET_MORE;
}

/* What the layout says of headers is all that is needed to downgrade a message
 * while it is read. */
static enum store_rc
begin_downgrade(
    struct session *s, struct reader *r, struct retr *x, struct err *e)
{
	struct mime_range *headers;
	struct email_meta meta;
	size_t n;
	enum store_rc rc = email_meta(r, x->row->email, &meta, e);

	if (rc != STORE_OK)
		return rc;
	n = mime_layout_headers(s->arena, meta.layout, &headers);
	downgrade_init(&s->downgrade, headers, n);
	return STORE_OK;
}

/* The first piece is read before anything is said, so that a message which
 * cannot be read has an answer of its own. */
static enum net_next
begin(struct session *s, struct retr *x)
{
	struct buf *out = conn_out(s->conn);
	size_t start = out->n;
	struct err e = ERR_INIT;
	struct reader *r;
	enum store_rc rc = reader_begin(s->account, &r, &e);

	if (rc == STORE_OK) {
		reply_ok(s, "%lu octets",
		    (unsigned long)maildrop_size(&s->drop, x->row));
		if (x->downgrade)
			rc = begin_downgrade(s, r, x, &e);
		if (rc == STORE_OK)
			rc = pump(s, r, x, &e);
		reader_end(&r);
	}
	if (rc != STORE_OK) {
		out->n = start;
		return store_failed(s, rc, &e);
	}
	if (x->ended)
		return finish(s, x);
	s->step = retr_step;
	return NET_MORE;
}

static enum net_next
start(struct session *s, const struct args *args, bool top)
{
	struct retr *x = ARENA_NEW(s->arena, struct retr);
	enum net_next reply;

	x->row = message_of(s, args, &reply);
	if (!x->row)
		return reply;
	x->downgrade = maildrop_i18n(&s->drop, x->row);
	if (x->downgrade && s->drop.refuse)
		return reply_err(s, "UTF8", "That message needs UTF8");
	x->msg = args->msg;
	x->top = top;
	wire_init(&x->wire, top ? args->lines : WIRE_ALL);
	s->data = x;
	return begin(s, x);
}

enum net_next
cmd_retr(struct session *s, struct args *args)
{
	return start(s, args, false);
}

enum net_next
cmd_top(struct session *s, struct args *args)
{
	return start(s, args, true);
}
