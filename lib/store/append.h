/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_APPEND_H
#define STORE_APPEND_H

#include "mime/mime.h"
#include "store/blob.h"
#include "store/keys_row.h"
#include "store/tx.h"

/*
 * New messages, in the two steps that all who store one share. What can be
 * computed without the account (parsing, hashing, compressing) comes before
 * the write lock is taken; the transaction only looks up and inserts.
 */

struct appending {
	const struct append *item;
	struct mime_digest digest;
	struct key_row keys;
	struct blob *blob;
	int64_t received, sent;
	int64_t msgid, subject; /* hashes; msgid 0: none */
	struct str keywords;
	/* Once it is stored. */
	int64_t email, thread;
};

/* P and BLOB live as long as ITEM and ARENA; blob_fini() is the caller's, also
 * after a failure. */
enum store_rc append_prepare(struct account *a, struct arena *arena,
    const struct append *item, struct blob *blob, struct appending *p,
    struct err *e);
/* The same for an item with the octets of P, which shares its blob. */
void append_share(struct arena *arena, const struct appending *p,
    const struct append *item, struct appending *out);

/* Was something delivered with that KEY within WINDOW seconds? */
enum store_rc append_known(struct sq *q, struct str key, uint32_t window,
    bool *known, int64_t *email, struct err *e);
enum store_rc append_remember(
    struct tx *tx, struct str key, int64_t email, struct err *e);
/* Is there a message with its Message-ID? *email is 0 if not. */
enum store_rc append_find_msgid(
    struct tx *tx, const struct appending *p, int64_t *email, struct err *e);
/* The UID of EMAIL in MAILBOX, 0 if it is not there. */
enum store_rc append_uid(struct tx *tx, int64_t email, int64_t mailbox,
    uint32_t *uid, struct err *e);

/* A new email in MAILBOX, within QUOTA (may be NULL). */
enum store_rc append_store(struct tx *tx, int64_t mailbox, struct appending *p,
    const struct quota *quota, struct appended *out, struct err *e);
/* The email that P became, in MAILBOX too. */
enum store_rc append_join(struct tx *tx, int64_t mailbox,
    const struct appending *p, struct appended *out, struct err *e);

#endif
