/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/mail_event.h"

#include "base/log.h"

void
mail_event(struct session *s, const struct mail_event *ev)
{
	static const char *const causes[] = { [CAUSE_APPEND] = "APPEND",
		[CAUSE_COPY] = "COPY",
		[CAUSE_FLAG] = "FLAG" };

	log_debug("mail event", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("user", s->user), LOG_CSTR("cause", causes[ev->cause]),
	    LOG_STR("account", account_id(ev->account)),
	    LOG_INT("mailbox", ev->mailbox),
	    LOG_UINT("messages", uids_count(ev->uids)));
}
