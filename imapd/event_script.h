/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_EVENT_SCRIPT_H
#define IMAPD_EVENT_SCRIPT_H

#include "imapd/mail_event.h"

/*
 * Sieve scripts that act on what users do (RFC 6785): for mail_event(). They
 * are of the account that the messages are in, whoever did it; lib/script's
 * chain.h says which. They run on the worker, one message after the other,
 * after the command's effect and before its tagged reply, so a client hears at
 * once what they change. What they do is no event.
 *
 * A command is no way to keep a worker for long: the settings
 * sieve.imap_max_messages and sieve.imap_max_time bound it, and so does the end
 * of the server. What is beyond that is left as it is, and logged.
 */
void event_script_run(struct session *s, const struct mail_event *ev);

/* Somebody set an annotation, which may name a script. */
void event_script_changed(void);

/* May the scripts of the session's account run at events at all? Before login:
 * of the site. */
bool event_script_allowed(const struct session *s);

#endif
