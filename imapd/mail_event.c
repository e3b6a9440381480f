/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/mail_event.h"

#include "base/log.h"
#include "imapd/event_script.h"

const char *
mail_cause_name(enum mail_cause cause)
{
	static const char *const names[] = { [CAUSE_APPEND] = "APPEND",
		[CAUSE_COPY] = "COPY",
		[CAUSE_FLAG] = "FLAG" };

	return names[cause];
}

void
mail_event(struct session *s, const struct mail_event *ev)
{
	log_debug("mail event", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("user", s->user),
	    LOG_CSTR("cause", mail_cause_name(ev->cause)),
	    LOG_STR("account", account_id(ev->account)),
	    LOG_INT("mailbox", ev->mailbox),
	    LOG_UINT("messages", uids_count(ev->uids)));
	event_script_run(s, ev);
}
