/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_QRESYNC_H
#define IMAPD_QRESYNC_H

#include "imapd/parse.h"
#include "imapd/session.h"

/*
 * Quick resynchronisation (RFC 7162, section 3.2): what a client that was away
 * has missed, told in one go.
 */

/* The parameter of SELECT: what the client knows. */
struct qresync {
	bool given;
	uint32_t uidvalidity;
	uint64_t modseq;
	/* As sent; empty: not given. */
	struct str known_uids, match_seqs, match_uids;
};

/* "(67890007 90060115194045000 41:211 (1,9 41,49))", from its "(" on. */
bool qresync_parse(struct parse *p, struct qresync *out);

/* For the mailbox that was just selected: VANISHED (EARLIER), and FETCH of the
 * messages that changed. */
enum store_rc qresync_tell(
    struct session *s, const struct qresync *q, struct err *e);

/* VANISHED (EARLIER) for those of UIDS that were expunged after modseq
 * SINCE. */
enum store_rc qresync_vanished(
    struct session *s, uint64_t since, struct uids uids, struct err *e);

#endif
