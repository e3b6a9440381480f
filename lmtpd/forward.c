/* SPDX-License-Identifier: BSD-2-Clause */
#include "lmtpd/forward.h"

#include <inttypes.h>
#include <string.h>

#include "backend/backend.h"
#include "base/clock.h"
#include "deliver/dsn.h"
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

/* With R there is a second left: who has none does not get here. */
static struct str
by_text(struct arena *arena, const struct deliver_by *by)
{
	int64_t left = by->until - clock_now();

	if (!by->set)
		return STR_NULL;
	if (by->refuse && left < 1)
		left = 1;
	return arena_printf(arena, "%" PRId64 ";%s%s", left,
	    by->refuse ? "R" : "N", by->trace ? "T" : "");
}

enum deliver_rc
forward_message(struct site *s, struct deliver_forward *f, struct err *e)
{
	const struct deliver_message *m = f->message;
	struct backend_reply reply;
	struct arena *arena = arena_new();
	enum deliver_rc rc;
	struct backend_message b = { .from = m->from,
		.to = f->to,
		.head = f->head,
		.raw = m->raw,
		.utf8 = str_starts(str_of(m->with), STR("UTF8")),
		.notify = f->notify,
		.orcpt = dsn_orcpt(arena, f->orcpt),
		.ret = m->ret,
		.envid = xtext_encode(arena, m->envid),
		.by = by_text(arena, &m->by),
		.tells = &f->tells,
		.hostname = lmtp.hostname };

	rc = rc_of_code(backend_lmtp(s, f->account, &b, &reply, e));
	repeat(&reply, &f->words);
	arena_free(&arena);
	return rc;
}
