/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CTL_UIDL_H
#define CTL_UIDL_H

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"

/*
 * The unique-ids that a POP3 server told for the files of a Maildir, so that
 * clients know their mail after a migration. Pure functions.
 */

/* What Dovecot tells unless it is configured otherwise. */
#define UIDL_DOVECOT "%08Xu%08Xv"

/*
 * FORMAT is Dovecot's pop3_uidl_format: %u is the UID, %v the UIDVALIDITY, %f
 * the name of the file without its flags; a number with or without 0 before
 * the letter is a width, and X makes it hexadecimal. False if there is
 * something else in it.
 */
bool uidl_format_valid(struct str format);

struct uidl_source {
	struct str format;
	struct map *ids; /* name of a file without its flags -> char * */
};

/* The text of a file dovecot-uidlist, versions 1 and 3; its own unique-ids
 * (P) win over FORMAT. Lines it does not understand are skipped. */
void uidl_open(
    struct uidl_source *u, struct arena *a, struct str format, struct str list);
void uidl_close(struct uidl_source *u);
/* Of a file; empty if it is not known, or none as POP3 wants it. */
struct str uidl_of(
    const struct uidl_source *u, struct arena *a, struct str unique);
/* 1 to 70 octets from '!' to '~' (RFC 1939, section 7). */
bool uidl_presentable(struct str id);

#endif
