/* SPDX-License-Identifier: BSD-2-Clause */
#include "lmtpd/forward.h"

#include <string.h>

#include "backend/backend.h"
#include "lmtpd/session.h"

static enum deliver_rc
rc_of_code(unsigned code)
{
	if (code == 250)
		return DELIVER_OK;
	if (code == 452)
		return DELIVER_FULL_TEMP;
	if (code == 552)
		return DELIVER_FULL_PERM;
	return code >= 500 ? DELIVER_REFUSED : DELIVER_TEMP;
}

/* Codes about the conversation with the backend (421, 500 to 504) would
 * confuse our client in its own. */
static unsigned
code_of(unsigned code)
{
	if (code < 500)
		return code >= 450 && code <= 454 ? code : 451;
	return code >= 550 && code <= 554 ? code : 550;
}

static void
repeat(const struct backend_reply *r, struct deliver_words *words)
{
	if (r->code < 400)
		return;
	words->code = code_of(r->code);
	memcpy(words->status, r->status, sizeof(words->status));
	memcpy(words->text, r->text, sizeof(r->text));
}

enum deliver_rc
forward_message(struct site *s, const struct site_account *acc,
    const struct deliver_message *m, struct str to, struct str head,
    struct deliver_words *words, struct err *e)
{
	struct backend_reply reply;
	enum deliver_rc rc;
	struct backend_message b = { .from = m->from,
		.to = to,
		.head = head,
		.raw = m->raw,
		.utf8 = str_starts(str_of(m->with), STR("UTF8")),
		.hostname = lmtp.hostname };

	rc = rc_of_code(backend_lmtp(s, acc, &b, &reply, e));
	repeat(&reply, words);
	return rc;
}
