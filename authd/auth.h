/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef AUTHD_AUTH_H
#define AUTHD_AUTH_H

#include <stdbool.h>

#include "net/server.h"
#include "site/site.h"

enum authd_protocol { AUTHD_IMAP, AUTHD_POP3, AUTHD_SMTP };
#define AUTHD_PROTOCOLS (AUTHD_SMTP + 1)

/* What the services of authd need; set before the first connection. */
struct authd {
	struct site *site;
	const char *hostname;
	bool plaintext; /* passwords without TLS from other hosts */
	/* Where nginx is sent; an empty host: this protocol is not served. */
	struct authd_place {
		struct str host;
		uint16_t port;
	} servers[AUTHD_PROTOCOLS];
	struct metric *requests, *lookups;
};
extern struct authd authd;

extern const struct net_proto auth_proto; /* SASL for the MTA */
extern const struct net_proto map_proto;  /* socketmap look-ups */
extern const struct net_proto http_proto; /* nginx's auth_http */

#endif
