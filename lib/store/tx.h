/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_TX_H
#define STORE_TX_H

#include <pthread.h>

#include "store/store.h"

struct db;

/*
 * Write transactions. Whoever wants to change an account hands a function to
 * write_run(); the first in the queue becomes the leader and runs the
 * functions of all who wait, in order, in one transaction with one commit.
 * That makes writers fair, lets concurrent deliveries share a sync, and keeps
 * the counters of state and mailbox in memory until the end.
 */

/* A mailbox row as the transaction sees it; written back at the end. */
struct tx_mailbox {
	int64_t id;
	bool dirty;
	bool noselect;
	uint32_t uidvalidity, uidnext, first_recent;
	uint64_t modseq;
	int64_t messages, unseen, deleted, size, threads, unseen_threads;
};

struct tx {
	struct account *a;
	struct db *db;
	struct sq *q;
	struct arena *arena; /* until the commit */
	bool dirty;          /* state row to be written back */
	uint64_t modseq;
	uint32_t uidvalidity, warned;
	int64_t bytes, emails;
	struct tx_mailbox *mailboxes;
	size_t nmailboxes, cap;
	unsigned work; /* for the housekeeper after the commit */
	/* Of outgoing.h: the batch changes what goes out; it made the marker.
	 */
	bool outgoing, marked;
	bool trains; /* of training.h: it made the marker */
};

enum change_kind {           /* kept in the database by number */
	CHANGE_MESSAGES = 1, /* flags of UIDs lo to hi */
	CHANGE_EXPUNGED = 2, /* UIDs lo to hi */
	CHANGE_MAILBOX = 3,  /* lo: id of the mailbox made or changed */
	CHANGE_MAILBOX_GONE = 4,
	CHANGE_COLLECTION = 5,
	CHANGE_COLLECTION_GONE = 6,
	CHANGE_RESOURCE = 7, /* lo: id of a resource put */
	CHANGE_RESOURCE_GONE = 8,
	CHANGE_DOCUMENT = 9,
	CHANGE_SCRIPT = 10, /* lo: id of a Sieve script */
	CHANGE_SCRIPT_GONE = 11,
};

enum durability { DURABLE, RELAXED };

typedef enum store_rc (*tx_fn)(struct tx *tx, void *arg, struct err *e);

struct job {
	tx_fn run;
	void *arg;
	enum durability durability;
	enum store_rc rc;
	struct err err;
	bool done, lead;
	struct job *next;
};

struct write_queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job *head, **tail;
	bool busy;
};
void write_queue_init(struct write_queue *w);
void write_queue_fini(struct write_queue *w);

/*
 * Run RUN in a write transaction and commit. What RUN returns other than
 * STORE_OK undoes what it did, and is returned. When the commit fails, or
 * another function of the batch loses the whole transaction, that error is
 * returned and nothing is done.
 */
enum store_rc write_run(
    struct account *a, enum durability d, tx_fn run, void *arg, struct err *e);

/* For the functions that run inside. */
uint64_t tx_modseq(struct tx *tx); /* the next number */
enum store_rc tx_mailbox(
    struct tx *tx, int64_t id, struct tx_mailbox **out, struct err *e);
/* The mailbox row is about to be replaced as a whole: forget the cached one,
 * with what the transaction changed in it. */
void tx_forget_mailbox(struct tx *tx, int64_t id);
/* The id of the mailbox PATH that can hold messages; with CREATE it is made if
 * it is missing, else STORE_NOTFOUND. */
enum store_rc tx_mailbox_at(
    struct tx *tx, struct str path, bool create, int64_t *id, struct err *e);
/* Write back what is kept in memory and forget it, and read state again: for
 * functions that look at these tables with SQL, before and after. */
enum store_rc tx_flush(struct tx *tx, struct err *e);
enum store_rc tx_change(struct tx *tx, uint64_t modseq, enum change_kind kind,
    int64_t container, int64_t lo, int64_t hi, struct err *e);
enum store_rc tx_change_uids(struct tx *tx, uint64_t modseq,
    enum change_kind kind, int64_t container, struct uids uids, struct err *e);

#endif
