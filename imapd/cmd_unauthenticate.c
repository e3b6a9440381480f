/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UNAUTHENTICATE (RFC 8437): the connection is as it was before login, but for
 * TLS, so that somebody with many accounts need not connect for each.
 */
#include "backend/backend.h"
#include "base/log.h"
#include "imapd/command.h"
#include "imapd/place.h"
#include "site/setting.h"

/*
 * Not behind a front: it passes all bytes on after login and would not see
 * who logs in next (section 8).
 */
bool
unauthenticate_allowed(const struct session *s)
{
	return s->state != ST_NEW && s->hops == BACKEND_HOPS &&
	       site_setting_bool(
		   s->d->site, "imap.unauthenticate", session_scope(s));
}

enum reply
cmd_unauthenticate(struct session *s, struct cmd *c)
{
	if (!unauthenticate_allowed(s))
		return bad(c, "Not available");
	log_info("logout", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("account", s->user), LOG_CSTR("how", "UNAUTHENTICATE"));
	session_logout(s);
	conn_compress(s->conn, false);
	c->text = "Logged out";
	return REPLY_OK;
}
