/* SPDX-License-Identifier: BSD-2-Clause */
#include "deliver/notice.h"

#include "deliver/dsn.h"
#include "mime/compose.h"
#include "mime/header.h"

static const struct {
	const char *action, *status, *subject, *text;
} kinds[] = {
	/* clang-format off */
	[NOTICE_DELIVERED] = { "delivered", "2.1.5", "Your message was delivered",
		"has been delivered to its mailbox. That does not mean that it was read." },
	[NOTICE_EXPANDED] = { "expanded", "2.0.0", "Your message was sent on",
		"has been sent on to several other addresses, which will not tell you more." },
	[NOTICE_RELAYED] = { "relayed", "2.0.0", "Your message was sent on",
		"has been sent on to a system that will not tell you of its delivery." },
	/* clang-format on */
};

bool
notice_wanted(const struct deliver_message *m, struct str notify)
{
	return m->from.n > 0 && dsn_wants_success(notify);
}

/* Text of a peer as the value of a field. */
static void
put_value(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		buf_putc(b, c < ' ' || c >= 0x7f ? '?' : (char)c);
	}
}

static void
put_date(struct buf *b, const char *name, int64_t when)
{
	buf_printf(b, "%s: ", name);
	mime_date_format(b, when, 0);
	BUF_LIT(b, "\r\n");
}

/* RFC 3464, section 2; RFC 2852, section 5. */
static void
put_status(struct arena *a, struct buf *b, const struct notice *n,
    enum notice_kind kind, int64_t now)
{
	const struct deliver_message *m = n->message;
	const struct deliver_rcpt *r = n->rcpt;
	struct str final = arena_printf(a, "rfc822;%.*s", STR_ARG(r->address));

	buf_printf(b, "Reporting-MTA: dns; %s\r\n", n->hostname);
	if (m->envid.n > 0) {
		BUF_LIT(b, "Original-Envelope-Id: ");
		put_value(b, m->envid);
		BUF_LIT(b, "\r\n");
	}
	put_date(b, "Arrival-Date", now);
	if (m->by.set)
		put_date(b, "Deliver-By-Date", m->by.until);
	BUF_LIT(b, "\r\n");
	if (r->orcpt.n > 0)
		buf_printf(b, "Original-Recipient: %.*s\r\n",
		    STR_ARG(dsn_recipient(a, r->orcpt)));
	buf_printf(b, "Final-Recipient: %.*s\r\nAction: %s\r\nStatus: %s\r\n",
	    STR_ARG(dsn_recipient(a, final)), kinds[kind].action,
	    kinds[kind].status);
}

static void
put_text(struct buf *b, const struct notice *n, enum notice_kind kind)
{
	buf_printf(b,
	    "This is a report that you asked for. Your message to\r\n\r\n"
	    "  %.*s\r\n\r\n%s\r\n\r\n"
	    "The header of the message follows.\r\n",
	    STR_ARG(n->rcpt->address), kinds[kind].text);
}

/* RET is about failures: success brings the header back, never the whole (RFC
 * 3461, section 4.3). */
static void
compose(struct arena *a, struct buf *out, const struct notice *n,
    enum notice_kind kind, int64_t now)
{
	struct buf text = { 0 };
	struct compose c;

	compose_init(&c, out);
	compose_address(&c, "From", STR("Mail system"), n->postmaster);
	compose_address(&c, "To", STR_NULL, n->message->from);
	compose_text(&c, "Subject", str_of(kinds[kind].subject));
	compose_date(&c, now, 0);
	compose_msgid(&c, str_of(n->hostname));
	compose_raw(&c, "Auto-Submitted", STR("auto-replied"));
	compose_multipart(&c, "report", "delivery-status");
	put_text(&text, n, kind);
	compose_body(&c, buf_str(&text));
	buf_clear(&text);
	put_status(a, &text, n, kind, now);
	compose_part(&c, "message/delivery-status", buf_str(&text));
	compose_message(&c, n->message->raw, true);
	compose_finish(&c);
	buf_fini(&text);
}

bool
notice_make(struct arena *arena, const struct notice *n, enum notice_kind kind,
    int64_t now, struct outgoing *out)
{
	struct str *to = ARENA_NEW(arena, struct str);
	struct buf raw = { 0 };
	struct err e = ERR_INIT;

	*to = n->message->from;
	*out = (struct outgoing){ .kind = OUTGOING_NOTICE,
		.to = to,
		.nto = 1,
		.notify = STR("NEVER") };
	if (outgoing_check(out, &e) != STORE_OK)
		return false;
	compose(arena, &raw, n, kind, now);
	out->raw = arena_str(arena, buf_str(&raw));
	buf_fini(&raw);
	return true;
}
