/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OUTBOX_POST_H
#define OUTBOX_POST_H

#include "outbox/send.h"
#include "site/setting.h"

/*
 * Notifications: a JSON document is sent to a web server (POST). Where to is
 * what the setting notify.webhooks allows.
 */

enum post_rule {
	POST_REFUSED,
	POST_ALLOWED, /* by its name: wherever that is */
	POST_PUBLIC,  /* as any other, on the public Internet, with https */
};
/*
 * LIST has beginnings of URLs, separated by spaces; "*" stands for all https
 * URLs. A beginning ends at a slash: https://a.example is not the beginning of
 * https://a.example.net.
 */
enum post_rule post_rule(struct str list, struct str url);

/* May the account (or site) of SCOPE notify URL? For who compiles or runs a
 * script. */
bool post_allowed(struct site *s, struct site_scope scope, struct str url);

/* "https://host" of an URL, which may be a secret as a whole. */
struct str post_host(struct str url);

void send_post(struct sending *s, struct site_scope scope);

#endif
