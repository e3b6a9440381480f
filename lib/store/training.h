/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_TRAINING_H
#define STORE_TRAINING_H

#include "store/store.h"

/*
 * What the spam filter can learn from a user: messages that he put into the
 * Junk mailbox or took out of it again, or that he gave the keywords $Junk or
 * $NotJunk (or those that older clients use). It is noted in the transaction
 * that makes the change, and waits here until training takes it.
 *
 * Of one message the last word counts. What is thrown into Trash from Junk
 * says nothing, nor does what delivery files. The last TRAINING_MAX are kept.
 *
 * An account with something to learn has a marker (marker.h). A power cut may
 * take that away; the next event brings it back, and so does check --repair.
 */

#define TRAINING_MAX 10000

struct training {
	int64_t n; /* rises */
	int64_t email;
	bool spam; /* else ham */
	int64_t at;
};

/* Up to LIMIT, oldest first. An email may be gone meanwhile. */
enum store_rc training_list(struct account *a, struct arena *arena,
    size_t limit, struct training **list, size_t *count, struct err *e);
/* Those with numbers up to N are done. */
enum store_rc training_done(struct account *a, int64_t n, struct err *e);
/* Remove the marker if nothing is left. */
enum store_rc training_tidy(struct account *a, struct err *e);

/* Call EACH for every account with a marker, as marker_accounts() does. */
enum store_rc training_accounts(struct store *st,
    bool (*each)(void *arg, struct str id, int64_t stamp), void *arg,
    struct err *e);

/* ------------------------------------------------------------------------
 * For the functions that change an account
 */

struct tx;

enum verdict { VERDICT_NONE, VERDICT_SPAM, VERDICT_HAM };

/* Of a copy or a move between two mailboxes; FROM is 0 for a new message. */
enum store_rc training_of_copy(
    struct tx *tx, int64_t from, int64_t to, enum verdict *out, struct err *e);

/* The keywords that tell, as bits of the account. */
struct training_keywords {
	struct flags spam, ham;
};
/* Not inside of a transaction. */
enum store_rc training_keywords(struct account *a, struct arena *arena,
    struct training_keywords *out, struct err *e);
enum verdict training_of_flags(const struct training_keywords *k,
    const struct flags *old, const struct flags *new);

enum store_rc training_note(
    struct tx *tx, int64_t email, enum verdict verdict, struct err *e);

#endif
