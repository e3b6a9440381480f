/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_MESSAGE_H
#define STORE_MESSAGE_H

#include "store/tx.h"

/*
 * The rows of table message and what must change with them: the mailbox's
 * counters, the counts of threads, the change record. Used inside write
 * transactions.
 */

struct message_row {
	uint32_t uid;
	int64_t email, thread;
	uint64_t flags;
	struct str keywords; /* as stored */
	uint64_t modseq;
	int64_t size, received, saved;
	bool shared;
};

/* Walk the rows of UIDS in UID order; each() may not change the table. */
enum store_rc message_each(struct tx *tx, int64_t mailbox, struct uids uids,
    enum store_rc (*each)(
	void *arg, const struct message_row *m, struct err *e),
    void *arg, struct err *e);

enum store_rc message_insert(struct tx *tx, struct tx_mailbox *mb,
    const struct message_row *m, struct err *e);

/* Count MESSAGES more (or fewer) of THREAD, UNSEEN of them unseen. */
enum store_rc thread_count(struct tx *tx, struct tx_mailbox *mb, int64_t thread,
    int64_t messages, int64_t unseen, struct err *e);

/* The row's flags as the API has them. */
struct flags message_flags(struct arena *a, uint64_t bits, struct str stored);
struct str message_keywords(struct arena *a, const struct flags *f);

/* Remove UIDS, or only those with \Deleted; OUT, in ARENA, may be NULL. */
enum store_rc tx_expunge(struct tx *tx, int64_t mailbox, struct uids uids,
    bool only_deleted, struct arena *arena, struct uids *out, struct err *e);
/* Move all messages to another mailbox; remove them all. */
enum store_rc tx_move_all(
    struct tx *tx, int64_t from, int64_t to, struct err *e);
enum store_rc tx_remove_all(struct tx *tx, int64_t mailbox, struct err *e);

/* Would SIZE octets more of one email be too much? QUOTA may be NULL. */
bool quota_exceeded(const struct tx *tx, const struct quota *q, size_t size);

#endif
