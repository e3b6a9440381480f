/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_TELL_H
#define IMAPD_TELL_H

#include "imapd/session.h"

/*
 * Untagged responses about the selected mailbox, in the forms that the client
 * has enabled: EXPUNGE or VANISHED (RFC 7162), FETCH or UIDFETCH (RFC 9586).
 */

/* "* 3 FETCH (", or "* 17 UIDFETCH (" where there are no numbers. */
void tell_fetch(struct session *s, uint32_t seq, uint32_t uid);
/* The flags of a message, with what else the client wants to know then. */
void tell_flags(struct session *s, uint32_t seq, const struct view_row *row);
/* "* VANISHED (EARLIER) 41,43:116"; nothing if UIDS is empty. */
void tell_vanished(struct session *s, struct uids uids, bool earlier);
/* "* OK [HIGHESTMODSEQ 715194045007]": how far the client was told of all. */
void tell_modseq(struct session *s);
/* What changed from sel.view to NEW, save TOLD (may be NULL). */
void tell_changes(
    struct session *s, const struct view *new, const struct told *told);

#endif
