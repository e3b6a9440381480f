/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_OUTGOING_H
#define STORE_OUTGOING_H

#include "store/store.h"

/*
 * What an account sends: mail for the MTA and notifications for web servers,
 * queued by the transaction that decided on it (delivery.h) and sent by
 * lib/outbox, which is the only user of the second half of this header.
 *
 * An account with something to send has a marker, the file DATA_DIR/outbox/ID,
 * so that nobody has to open accounts to find it. The marker is on disk before
 * the commit that queues, and goes, under the account's write lock, after the
 * commit that removed the last row: a marker too many does no harm, and one too
 * few cannot be.
 *
 * Who sends a row holds a lock on it which ends with the process. So a row is
 * sent by one process at a time, and at once by another when that one dies. It
 * is sent twice only if that happens between the answer and the commit that
 * notes it.
 */

enum outgoing_kind { /* kept in the database by number */
	OUTGOING_MAIL = 1,
	OUTGOING_POST = 2,   /* a JSON document for an URL */
	OUTGOING_NOTICE = 3, /* mail that the owner knows nothing of: if it
			      * cannot be sent, nobody is told */
};

struct outgoing {
	enum outgoing_kind kind;
	struct str from;      /* reverse-path; empty: the null one */
	const struct str *to; /* addresses; of a POST, one URL */
	size_t nto;
	struct str raw; /* CRLF line ends; of a POST, JSON */
	/* Values of MAIL's and RCPT's parameters (RFC 3461): xtext; empty: not
	 * said. */
	struct str notify, ret, envid, orcpt;
	int64_t by_time;    /* RFC 2852: the latest time; 0: none */
	struct str by_mode; /* "R", "N", "RT", "NT" */
};

/* STORE_INVALID: an address or a value would not survive SMTP. */
enum store_rc outgoing_check(const struct outgoing *o, struct err *e);

/* ------------------------------------------------------------------------
 * Sending
 */

struct outgoing_row {
	int64_t id, created, due;
	unsigned tries;
	struct outgoing what;  /* without raw */
	const struct str *why; /* of each recipient, what was said last */
	/* Of lib/store. */
	int64_t blob;
	int lock;
};

/* Ids of up to LIMIT rows that are due, the oldest first. */
enum store_rc outgoing_due(struct account *a, struct arena *arena, size_t limit,
    int64_t **ids, size_t *count, struct err *e);
/* How many rows there are, and when the next is due. */
struct outgoing_state {
	uint64_t count;
	int64_t next;
};
enum store_rc outgoing_state(
    struct account *a, struct outgoing_state *out, struct err *e);

/* All rows, the oldest first; what is in them may change at any time. */
enum store_rc outgoing_list(struct account *a, struct arena *arena,
    struct outgoing_row **list, size_t *count, struct err *e);
/* All rows are due, and whoever sends is told. */
enum store_rc outgoing_hurry(struct account *a, struct err *e);

/*
 * Lock a row and read it. STORE_NOTFOUND: it is gone; STORE_BUSY: somebody
 * else is sending it. What is locked is given back with outgoing_unlock().
 */
enum store_rc outgoing_lock(struct account *a, struct arena *arena, int64_t id,
    struct outgoing_row *out, struct err *e);
void outgoing_unlock(struct outgoing_row *row);
enum store_rc outgoing_read(struct account *a, const struct outgoing_row *row,
    struct buf *raw, struct err *e);

/* What became of a recipient. */
struct outgoing_fate {
	bool final;     /* taken over by somebody, or given up */
	struct str why; /* if it is not */
};
/*
 * Note what became of the recipients of a row, in order. The rest is due at
 * DUE. NOTE (may be NULL) is a message that goes to INBOX with it, whatever
 * the quota says, unless one with its key was there within its window.
 */
enum store_rc outgoing_settle(struct account *a, const struct outgoing_row *row,
    const struct outgoing_fate *fates, int64_t due, const struct append *note,
    struct err *e);

/* Remove the marker if nothing is left, and the octets of what is done. */
enum store_rc outgoing_tidy(struct account *a, struct err *e);
/* The marker of an account that is no more. */
void outgoing_unmark(struct store *st, struct str id);

/* Call EACH for every account with a marker. STAMP changes whenever something
 * is queued. False from EACH ends the walk. */
enum store_rc outgoing_accounts(struct store *st,
    bool (*each)(void *arg, struct str id, int64_t stamp), void *arg,
    struct err *e);

#endif
