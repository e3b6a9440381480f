/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "store/store.h"

/*
 * Verifying, repairing, and hot copies of account stores.
 */

struct check {
	uint64_t emails, blobs, mailboxes, messages; /* looked at */
	uint64_t problems, repaired;
};

/*
 * Verify an account: the database's own integrity, every blob's hash and
 * reference count, every membership, the counters of mailboxes, threads and
 * quota, the cached structures, stray files. REPORT is called for each
 * problem with a sentence; with REPAIR what can be mended is mended (the
 * content of a damaged blob cannot: its message is left for the owner to
 * see). Messages being delivered meanwhile do no harm.
 *
 * STORE_OK also when problems were found: out->problems tells.
 */
enum store_rc account_check(struct account *a, bool repair,
    void (*report)(void *arg, const char *problem, bool repaired), void *arg,
    struct check *out, struct err *e);

/* Forget the search index and make it anew. */
enum store_rc account_reindex(struct account *a, struct err *e);

/*
 * Copy the account as of one moment into the folder DIR, which must not
 * exist: account.db and blobs/. Readers and writers are not disturbed. The
 * copy is synced and, with VERIFY, its integrity and every blob are checked.
 */
enum store_rc account_backup(
    struct account *a, const char *dir, bool verify, struct err *e);

/*
 * Put a copy made by account_backup() in place as the account ID, which must
 * not exist. Its UIDs stay; the modseq line jumps ahead, as after a power
 * cut, since clients may have seen numbers that the copy does not know.
 */
enum store_rc account_restore(
    struct store *st, struct str id, const char *dir, struct err *e);

#endif
