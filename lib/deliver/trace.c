/* SPDX-License-Identifier: BSD-2-Clause */
#include "deliver/trace.h"

#include <string.h>
#include <time.h>

#include "mime/header.h"

#define LINE 78
#define MAX_DELIVERED 100 /* as many as Received: each is one pass */

/* ------------------------------------------------------------------------
 * Writing
 */

/* Text of a peer inside a comment or as a name: nothing that could end it. */
static void
put_safe(struct buf *b, struct str s)
{
	s = str_sub(s, 0, 255);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		buf_putc(b, c <= ' ' || c == 0x7f || strchr("()<>\\\"", c)
				? '?'
				: (char)c);
	}
	if (s.n == 0)
		BUF_LIT(b, "unknown");
}

/* An address goes out as it is but for what would break the line. */
static void
put_clean(struct buf *b, struct str s)
{
	s = str_sub(s, 0, DELIVER_MAX_NAME);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		buf_putc(b, c < ' ' || c == 0x7f ? '?' : (char)c);
	}
}

static void
put_address(struct buf *b, struct str s)
{
	buf_putc(b, '<');
	put_clean(b, s);
	buf_putc(b, '>');
}

/* A line of its own where it would grow too long. */
static void
break_line(struct buf *b, size_t *start, size_t more)
{
	if (b->n - *start + more <= LINE) {
		buf_putc(b, ' ');
		return;
	}
	*start = b->n + 2;
	BUF_LIT(b, "\r\n\t");
}

static int
zone_minutes(int64_t now)
{
	time_t t = (time_t)now;
	struct tm tm;

	localtime_r(&t, &tm);
	return (int)(tm.tm_gmtoff / 60);
}

void
trace_received(struct buf *b, const struct deliver_message *m, struct str rcpt,
    const char *hostname, int64_t now)
{
	size_t start = b->n;

	BUF_LIT(b, "Received: from ");
	put_safe(b, m->helo);
	break_line(b, &start, strlen(m->peer) + 4);
	/* RFC 5321 writes an address literal of IPv6 with a tag. */
	if (strcmp(m->peer, "local") == 0)
		BUF_LIT(b, "(local)");
	else
		buf_printf(b, "([%s%s])", strchr(m->peer, ':') ? "IPv6:" : "",
		    m->peer);
	start = b->n + 2;
	buf_printf(b, "\r\n\tby %s with %s id %s", hostname, m->with, m->id);
	break_line(b, &start, rcpt.n + 7);
	BUF_LIT(b, "for ");
	put_address(b, rcpt);
	BUF_LIT(b, ";");
	break_line(b, &start, 32);
	mime_date_format(b, now, zone_minutes(now));
	BUF_LIT(b, "\r\n");
}

void
trace_fields(struct buf *out, const struct deliver_message *m, struct str rcpt,
    const char *hostname, int64_t now)
{
	BUF_LIT(out, "Return-Path: ");
	put_address(out, m->from);
	BUF_LIT(out, "\r\nDelivered-To: ");
	put_clean(out, rcpt);
	BUF_LIT(out, "\r\n");
	trace_received(out, m, rcpt, hostname, now);
}

/* ------------------------------------------------------------------------
 * Reading
 */

/* The word after " id " and before white space or ";". */
static struct str
queue_id(struct str received)
{
	size_t at = str_find(received, STR(" id "));
	struct str id;

	if (at == STR_NPOS)
		at = str_find(received, STR("\tid "));
	if (at == STR_NPOS)
		return STR_NULL;
	id = str_sub(received, at + 4, 40);
	for (size_t i = 0; i < id.n; i++) {
		if (strchr(" \t\r\n;", id.p[i]))
			return str_sub(id, 0, i);
	}
	return STR_NULL;
}

void
trace_read(struct arena *arena, struct str raw, struct trace *out)
{
	struct str list[MAX_DELIVERED];
	struct mime_field f;

	*out = (struct trace){ 0 };
	while (mime_field_next(&raw, &f)) {
		if (str_ieqc(f.name, "Received")) {
			if (out->received++ == 0)
				out->queue_id = queue_id(f.value);
		} else if (str_ieqc(f.name, "Delivered-To") &&
			   out->ndelivered < MAX_DELIVERED) {
			list[out->ndelivered++] = str_trim(f.value);
		}
	}
	out->delivered =
	    arena_array(arena, out->ndelivered, sizeof(*out->delivered));
	if (out->ndelivered)
		memcpy(out->delivered, list,
		    out->ndelivered * sizeof(*out->delivered));
}

bool
trace_loops(struct arena *arena, const struct trace *t, struct str key)
{
	if (t->received > TRACE_MAX_RECEIVED)
		return true;
	for (size_t i = 0; i < t->ndelivered; i++) {
		struct site_address a;

		if (site_address_parse(arena, t->delivered[i], &a) &&
		    str_eq(a.key, key))
			return true;
	}
	return false;
}

bool
trace_forwarded(
    struct arena *arena, struct str raw, struct str rcpt, const char *hostname)
{
	struct str by = arena_printf(arena, "by %s with ", hostname);
	struct str to = arena_printf(arena, "for <%.*s>;", STR_ARG(rcpt));
	struct mime_field f;

	while (mime_field_next(&raw, &f)) {
		size_t at = str_find(f.value, by);
		struct str with;

		if (!str_ieqc(f.name, "Received") || at == STR_NPOS)
			continue;
		/* The MTA of this host writes another protocol. */
		with = str_sub(f.value, at + by.n, STR_NPOS);
		if ((str_starts(with, STR("LMTP")) ||
			str_starts(with, STR("UTF8LMTP"))) &&
		    str_find(f.value, to) != STR_NPOS)
			return true;
	}
	return false;
}
