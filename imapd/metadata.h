/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_METADATA_H
#define IMAPD_METADATA_H

#include "imapd/place.h"
#include "store/annotation.h"

/*
 * Annotations of mailboxes and of the server (RFC 5464). /shared of a mailbox
 * is the same for all who may read it; /private is each user's own, in the
 * account that the mailbox is in. The server's /shared/admin and
 * /shared/comment are settings of the site.
 *
 * /private/specialuse (RFC 6154, section 5.4) is not stored: it is the
 * mailbox's role.
 */

#define METADATA_ENTRIES 64 /* named in one command */

struct metadata_entry {
	bool shared;
	struct str name; /* lower case, "/comment"; empty: the scope itself */
};
struct metadata_wanted {
	struct metadata_entry entries[METADATA_ENTRIES];
	size_t n;
	unsigned depth;   /* levels below; UINT_MAX: all */
	uint64_t maxsize; /* longer values are left out ... */
	uint64_t longest; /* ... and this is the size of the longest */
};

/* An entry, or several in parentheses. */
bool metadata_wanted_parse(struct parse *p, struct metadata_wanted *out);
/* All of GETMETADATA's arguments; and SETMETADATA's behind the mailbox, as up
 * to METADATA_ENTRIES items. */
bool metadata_get_parse(
    struct parse *p, struct metadata_wanted *want, struct str *mailbox);
bool metadata_set_parse(struct parse *p, struct annotation *items, size_t *n);
/* "* METADATA name (entry value ...)"; P is NULL for the server. */
enum store_rc metadata_put(struct session *s, const struct place *p,
    struct metadata_wanted *want, struct err *e);
/* Do RIGHTS on a mailbox let its annotations be read and set (section 3.3)? */
bool metadata_allowed(unsigned rights);

/* Tell the client what others changed, if it has enabled that (4.1). */
void metadata_tell(struct session *s);
/* OWNER's mailbox, with its entries from LIST on that are in the same one. */
void metadata_put_changed(struct session *s, const char *owner, struct str name,
    const struct annotation *list, size_t n);

#endif
