/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_SEARCH_H
#define IMAPD_SEARCH_H

#include "imapd/command.h"
#include "imapd/search_key.h"

/*
 * What search keys mean for a message. Evaluation has two grades: what the
 * view knows is asked first; a message of which that leaves a doubt, and that
 * the index does not rule out, is read.
 */

enum search_rc {
	SEARCH_READY,
	SEARCH_BAD_SET, /* a message set in it is malformed */
	SEARCH_BAD_CHARSET,
	SEARCH_FAILED, /* *rc of the store */
};

/* Resolve sets, keywords and needles; order keys by what they cost. */
enum search_rc search_prepare(struct session *s, struct search_program *prog,
    enum store_rc *rc, struct err *e);

enum verdict { VERDICT_NO, VERDICT_YES, VERDICT_MAYBE };

/* By the view and, after search_narrow(), the index alone. */
enum verdict search_cheap(const struct session *s, const struct search_key *k,
    uint32_t seq, const struct view_row *row);

/* Ask the index about every needle. */
enum store_rc search_narrow(
    struct session *s, struct search_key *k, struct err *e);

/* By reading the message, if it must be. */
enum store_rc search_full(const struct session *s, const struct search_key *k,
    uint32_t seq, const struct view_row *row, struct reader *r, bool *yes,
    struct err *e);

#endif
