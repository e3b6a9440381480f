/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef AUTHD_AUTH_H
#define AUTHD_AUTH_H

#include <stdbool.h>

#include "net/server.h"
#include "site/site.h"

/* What both services of authd need; set before the first connection. */
struct authd {
	struct site *site;
	const char *hostname;
	bool plaintext; /* passwords without TLS from other hosts */
	struct metric *requests, *lookups;
};
extern struct authd authd;

extern const struct net_proto auth_proto; /* SASL for the MTA */
extern const struct net_proto map_proto;  /* socketmap look-ups */

#endif
