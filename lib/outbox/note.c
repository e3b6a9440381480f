/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbox/note.h"

#include "base/clock.h"
#include "mime/compose.h"

static void
put_failures(
    struct buf *b, const struct outgoing *what, const struct verdict *verdicts)
{
	for (size_t i = 0; i < what->nto; i++) {
		if (verdicts[i].fate != FATE_FAILED)
			continue;
		buf_printf(b, "  %.*s\r\n    %.*s\r\n", STR_ARG(what->to[i]),
		    STR_ARG(verdicts[i].why));
	}
}

static void
put_text(
    struct buf *b, const struct outgoing *what, const struct verdict *verdicts)
{
	bool mail = what->kind == OUTGOING_MAIL;

	buf_puts(b, mail ? "A message that your account was to send could "
			   "not be sent to:\r\n\r\n"
			 : "A notification that your account was to send "
			   "could not be sent to:\r\n\r\n");
	put_failures(b, what, verdicts);
	BUF_LIT(b, "\r\n");
	if (!mail)
		BUF_LIT(b, "It will not be tried again.\r\n");
	else if (what->from.n)
		buf_printf(b,
		    "It will not be tried again. Its sender, as the receiving "
		    "server was to\r\nsee it, is %.*s. The header of the "
		    "message follows.\r\n",
		    STR_ARG(what->from));
	else
		BUF_LIT(b, "It will not be tried again. The header of the "
			   "message follows.\r\n");
}

void
note_compose(struct buf *out, const struct site_account *owner,
    const struct outgoing *what, struct str raw, const struct verdict *verdicts)
{
	struct buf text = { 0 };
	struct compose c;

	compose_init(&c, out);
	buf_printf(&text, "postmaster@%.*s", STR_ARG(owner->domain));
	compose_address(&c, "From", STR("Mail system"), buf_str(&text));
	compose_address(&c, "To", owner->name, owner->address);
	compose_text(&c, "Subject",
	    what->kind == OUTGOING_MAIL
		? STR("A message could not be sent")
		: STR("A notification could not be sent"));
	compose_date(&c, clock_now(), 0);
	compose_msgid(&c, owner->domain);
	compose_raw(&c, "Auto-Submitted", STR("auto-generated"));
	if (what->kind == OUTGOING_MAIL)
		compose_multipart(&c, "mixed", NULL);
	buf_clear(&text);
	put_text(&text, what, verdicts);
	compose_body(&c, buf_str(&text));
	if (what->kind == OUTGOING_MAIL)
		compose_message(&c, raw, true);
	compose_finish(&c);
	buf_fini(&text);
}
