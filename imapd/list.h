/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_LIST_H
#define IMAPD_LIST_H

#include "imapd/metadata.h"
#include "imapd/parse.h"

/* What a LIST asks for (RFC 5258, section 3). */

#define LIST_PATTERNS 64

enum { /* selection options */
	SELECT_SUBSCRIBED = 1,
	SELECT_REMOTE = 2, /* there are no remote mailboxes */
	SELECT_RECURSIVE = 4,
	SELECT_SPECIAL = 8,
};

enum { /* return options */
	GIVE_CHILDREN = 1,
	GIVE_SUBSCRIBED = 2,
	GIVE_SPECIAL = 4,
	GIVE_STATUS = 8,
	GIVE_MYRIGHTS = 16,
	GIVE_METADATA = 32,
};

struct listing {
	const char *response; /* LIST or LSUB */
	bool extended;
	unsigned select, give, status;
	struct metadata_wanted metadata;
	struct str patterns[LIST_PATTERNS];
	size_t npatterns;
};

/* All arguments of LIST. */
bool list_parse(struct parse *p, struct listing *l);
/* One mailbox pattern below REFERENCE; it is added to those of L. */
bool list_pattern(struct parse *p, struct str reference, struct listing *l);

#endif
