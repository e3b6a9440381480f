/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_QUARANTINE_H
#define FILTER_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "site/site.h"

/*
 * The quarantine: mail that was taken from the client and is not given to its
 * recipients. What is in it is on disk before the client hears "250": rows of
 * quarantine.db (WAL, synchronous=FULL), and a compressed file for each message
 * in the folder quarantine, written, synced and renamed before its rows commit.
 * A crash in between leaves a file that quarantine_sweep() removes.
 *
 * A message has one file and, for each recipient, one entry. Who may decide
 * about an entry: about spam the account it was for, about malware and what
 * breaks a policy of the site the operator alone.
 *
 * An entry is deleted when the setting quarantine.keep, as it was when it came,
 * says so, and the oldest of an owner when all of his are larger than
 * quarantine.max_size (what is the operator's: quarantine.site_max_size). The
 * newest one always stays: it has been acknowledged.
 *
 * Any thread, any process.
 */

struct quarantine;
/* Made in DATA_DIR if it is not there. S must outlive it. */
bool quarantine_open(const char *data_dir, struct site *s,
    struct quarantine **out, struct err *e);
void quarantine_close(struct quarantine **q);

enum quarantine_kind { /* kept in the database by number */
	QUARANTINE_SPAM,
	QUARANTINE_MALWARE,
	QUARANTINE_POLICY,
};
#define QUARANTINE_KINDS (QUARANTINE_POLICY + 1)
const char *quarantine_kind_name(enum quarantine_kind k); /* "spam" */
bool quarantine_kind_parse(struct str s, enum quarantine_kind *out);

struct quarantine_recipient {
	struct str address;
	struct str account; /* its id; empty: not one of ours */
	struct str domain;  /* whose settings apply; may be empty */
	enum quarantine_kind kind;
	struct str reason; /* a sentence without a full stop */
	int64_t score;     /* of spam, in thousandths; 0: none */
};

struct quarantine_message {
	/* Complete, with the changes of its header done: what is released.
	 * Subject and author are read from it. */
	struct str raw;
	struct str sender, client, helo, queue_id;
	int64_t now;
	const struct quarantine_recipient *recipients;
	size_t n;
};
/* True: it is on disk, and may be acknowledged. */
bool quarantine_add(
    struct quarantine *q, const struct quarantine_message *m, struct err *e);

/* ------------------------------------------------------------------------
 * What there is
 */

enum quarantine_rc {
	QUARANTINE_OK,
	QUARANTINE_NOTFOUND,
	QUARANTINE_RELEASED, /* it was before: release.h */
	QUARANTINE_FAILED,   /* E says why */
};

#define QUARANTINE_ID_LEN 16 /* of a-z and 2-7: 80 bits that nobody guesses */

struct quarantine_entry {
	int64_t n; /* rises from entry to entry */
	struct str id;
	enum quarantine_kind kind;
	struct str reason;
	int64_t score;
	struct str address, account, domain;
	int64_t at, expires;
	int64_t released; /* when; 0: it is not */
	struct str released_by;
	uint64_t size;
	struct str sender, client, helo, queue_id;
	struct str subject, author; /* UTF-8 that is safe to show */
};

struct quarantine_query {
	struct str account; /* id; empty: of all */
	struct str domain;  /* empty: of all; not heeded with an account */
	bool any_kind;
	enum quarantine_kind kind; /* unless any_kind */
	bool released;             /* those that are released, too */
	int64_t since;             /* came then or later */
	int64_t before;            /* N below; 0: from the newest */
	size_t limit;
};
/* The newest first. */
enum quarantine_rc quarantine_list(struct quarantine *q, struct arena *a,
    const struct quarantine_query *query, struct quarantine_entry **list,
    size_t *n, struct err *e);

/* RAW may be NULL; else the message is appended to it, verified. */
enum quarantine_rc quarantine_get(struct quarantine *q, struct arena *a,
    struct str id, struct quarantine_entry *out, struct buf *raw,
    struct err *e);

/* ------------------------------------------------------------------------
 * What is done with it
 */

enum quarantine_rc quarantine_delete(
    struct quarantine *q, struct str id, struct err *e);
/* All that was for an account, which is gone. */
bool quarantine_forget(struct quarantine *q, struct str account, struct err *e);
/* It was delivered; release.h does that. With TEACH it waits for
 * quarantine_lessons(). */
enum quarantine_rc quarantine_released(struct quarantine *q, struct str id,
    struct str by, int64_t now, bool teach, struct err *e);

/* Entries that somebody said are no spam, oldest first, and that one of them
 * is learned. */
enum quarantine_rc quarantine_lessons(struct quarantine *q, struct arena *a,
    size_t limit, struct quarantine_entry **list, size_t *n, struct err *e);
enum quarantine_rc quarantine_learned(
    struct quarantine *q, struct str id, struct err *e);

/* Accounts that have spam their owners were not told of. */
enum quarantine_rc quarantine_news(struct quarantine *q, struct arena *a,
    struct str **accounts, size_t *n, struct err *e);
/* What is new, the newest first, at most LIMIT of *total; *last is when the
 * account was told last (0: never). */
enum quarantine_rc quarantine_new(struct quarantine *q, struct arena *a,
    struct str account, size_t limit, struct quarantine_entry **list, size_t *n,
    uint64_t *total, int64_t *last, struct err *e);
/* The owner knows all up to the one with that N. */
enum quarantine_rc quarantine_told(struct quarantine *q, struct str account,
    int64_t n, int64_t now, struct err *e);

/* ------------------------------------------------------------------------
 * Care
 */

/* Delete what has expired, and files that nothing refers to. For a chore. */
bool quarantine_sweep(struct quarantine *q, int64_t now, struct err *e);
/* Verify the database, and every file by its hash. PROBLEM gets a sentence of
 * each; true also if there were some. */
bool quarantine_check(struct quarantine *q,
    void (*problem)(void *arg, const char *text), void *arg, uint64_t *messages,
    struct err *e);
/* A copy as of one moment in the folder DEST, which has none yet: all that it
 * names is there, and synced. Nobody is disturbed. */
bool quarantine_backup(struct quarantine *q, const char *dest, struct err *e);
/* The other way, into a DATA_DIR that has none yet. */
bool quarantine_restore(
    const char *data_dir, const char *source, struct err *e);
/* Is there one in that folder? */
bool quarantine_exists(const char *data_dir);

#endif
