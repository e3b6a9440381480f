/* SPDX-License-Identifier: BSD-2-Clause */
/* STAT, LIST, UIDL, DELE and RSET (RFC 1939, sections 5 and 7). The listings
 * of all messages are cursors. */
#include "base/log.h"
#include "pop3d/command.h"

/* Unique-ids looked up within one read transaction. */
#define UIDL_BATCH 1000

enum net_next
store_failed(struct session *s, enum store_rc rc, const struct err *e)
{
	if (rc == STORE_NOTFOUND)
		return reply_err(
		    s, "SYS/PERM", "Another program removed that message");
	log_error("store", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("account", s->id), LOG_CSTR("result", store_rc_name(rc)),
	    LOG_ERR(e));
	return reply_err(s, rc == STORE_CORRUPT ? "SYS/PERM" : "SYS/TEMP",
	    "The mail store failed");
}

const struct view_row *
message_of(struct session *s, const struct args *args, enum net_next *reply)
{
	const struct view_row *row = maildrop_at(&s->drop, args->msg);

	if (!row)
		*reply = complain(s, maildrop_is_deleted(&s->drop, args->msg)
					 ? "That message is deleted"
					 : "No such message");
	return row;
}

enum net_next
cmd_stat(struct session *s, struct args *args)
{
	uint32_t count;
	uint64_t size;

	(void)args;
	maildrop_stat(&s->drop, &count, &size);
	reply_ok(s, "%lu %llu", (unsigned long)count, (unsigned long long)size);
	return NET_DONE;
}

enum net_next
cmd_dele(struct session *s, struct args *args)
{
	enum net_next reply;

	if (!message_of(s, args, &reply))
		return reply;
	if (s->policy.del == DELETE_NO)
		return reply_err(
		    s, "SYS/PERM", "Mail is kept here; remove it over IMAP");
	maildrop_delete(&s->drop, args->msg);
	reply_ok(s, "Marked");
	return NET_DONE;
}

enum net_next
cmd_rset(struct session *s, struct args *args)
{
	(void)args;
	maildrop_reset(&s->drop);
	reply_ok(s, "No message is marked");
	return NET_DONE;
}

/* ------------------------------------------------------------------------
 * LIST
 */

/* The position of a listing: what stands behind s->data. */
struct listing {
	uint32_t next;
};

static void
begin_listing(struct session *s, enum net_next (*step)(struct session *s))
{
	struct listing *l = ARENA_NEW(s->arena, struct listing);

	l->next = 1;
	s->data = l;
	s->step = step;
}

static enum net_next
end_listing(struct session *s)
{
	BUF_LIT(conn_out(s->conn), ".\r\n");
	return NET_DONE;
}

static enum net_next
list_step(struct session *s)
{
	struct listing *l = s->data;
	struct buf *out = conn_out(s->conn);

	for (; l->next <= s->drop.count; l->next++) {
		const struct view_row *row = maildrop_at(&s->drop, l->next);

		if (conn_out_full(s->conn))
			return NET_MORE;
		if (row)
			buf_printf(out, "%lu %lu\r\n", (unsigned long)l->next,
			    (unsigned long)maildrop_size(&s->drop, row));
	}
	return end_listing(s);
}

enum net_next
cmd_list(struct session *s, struct args *args)
{
	const struct view_row *row;
	enum net_next reply = NET_DONE;
	uint32_t count;
	uint64_t size;

	if (args->given) {
		row = message_of(s, args, &reply);
		if (row)
			reply_ok(s, "%lu %lu", (unsigned long)args->msg,
			    (unsigned long)maildrop_size(&s->drop, row));
		return reply;
	}
	maildrop_stat(&s->drop, &count, &size);
	reply_ok(s, "%lu messages, %llu octets", (unsigned long)count,
	    (unsigned long long)size);
	begin_listing(s, list_step);
	return list_step(s);
}

/* ------------------------------------------------------------------------
 * UIDL
 */

static enum store_rc
put_uidl(struct session *s, struct reader *r, uint32_t n,
    const struct view_row *row, struct err *e)
{
	struct buf *out = conn_out(s->conn);
	size_t start = out->n;
	enum store_rc rc;

	buf_putu(out, n);
	buf_putc(out, ' ');
	rc = maildrop_uidl(&s->drop, &s->policy, r, row, out, e);
	BUF_LIT(out, "\r\n");
	if (rc != STORE_OK)
		out->n = start;
	return rc;
}

/* A message that another program removed has no id any more: it is left out,
 * and RETR of it will say why. */
static enum store_rc
uidl_some(struct session *s, struct reader *r, struct err *e)
{
	struct listing *l = s->data;
	enum store_rc rc = STORE_OK;

	for (unsigned i = 0; i < UIDL_BATCH && l->next <= s->drop.count &&
			     !conn_out_full(s->conn);
	     i++, l->next++) {
		const struct view_row *row = maildrop_at(&s->drop, l->next);

		if (row)
			rc = put_uidl(s, r, l->next, row, e);
		if (rc != STORE_OK && rc != STORE_NOTFOUND)
			return rc;
	}
	return STORE_OK;
}

static enum net_next
uidl_step(struct session *s)
{
	struct listing *l = s->data;
	struct err e = ERR_INIT;
	struct reader *r;
	enum store_rc rc = reader_begin(s->account, &r, &e);

	if (rc == STORE_OK) {
		rc = uidl_some(s, r, &e);
		reader_end(&r);
	}
	if (rc != STORE_OK) { /* in the middle: only closing is clear */
		log_error("store", LOG_CSTR("session", conn_id(s->conn)),
		    LOG_CSTR("account", s->id), LOG_ERR(&e));
		return NET_CLOSE;
	}
	return l->next <= s->drop.count ? NET_MORE : end_listing(s);
}

static enum net_next
uidl_one(struct session *s, uint32_t n, const struct view_row *row)
{
	struct buf *out = conn_out(s->conn);
	size_t start = out->n;
	struct err e = ERR_INIT;
	struct reader *r;
	enum store_rc rc = reader_begin(s->account, &r, &e);

	if (rc == STORE_OK) {
		BUF_LIT(out, "+OK ");
		rc = put_uidl(s, r, n, row, &e);
		reader_end(&r);
	}
	if (rc == STORE_OK)
		return NET_DONE;
	out->n = start;
	return store_failed(s, rc, &e);
}

enum net_next
cmd_uidl(struct session *s, struct args *args)
{
	const struct view_row *row;
	enum net_next reply = NET_DONE;

	if (args->given) {
		row = message_of(s, args, &reply);
		return row ? uidl_one(s, args->msg, row) : reply;
	}
	reply_ok(s, "Unique-ids follow");
	begin_listing(s, uidl_step);
	return uidl_step(s);
}
