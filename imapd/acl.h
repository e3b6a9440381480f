/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_ACL_H
#define IMAPD_ACL_H

#include "imapd/command.h"

/* Rights on mailboxes of A, or mailboxes with rights, came or went: bring the
 * site's index of who shares with whom up to date. */
void acl_changed(struct session *s, struct account *a);

/* Does anybody have a row of rights on the mailbox P? */
bool acl_rows(struct session *s, struct account *a, int64_t mailbox);

/* "* MYRIGHTS mailbox rights" (also RFC 8440). */
void acl_put_myrights(struct session *s, const struct place *p);

#endif
