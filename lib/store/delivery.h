/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_DELIVERY_H
#define STORE_DELIVERY_H

#include "store/memory.h"
#include "store/outgoing.h"
#include "store/store.h"

/*
 * All that a delivery decided, in one transaction: messages in mailboxes, mail
 * that goes out, keys to be remembered. It is on disk as a whole or not at
 * all. Like appends, concurrent deliveries to an account share a commit.
 */

/* A message in a mailbox. */
struct filing {
	/* By id; or, if that is 0, by path. A mailbox that is not there (any
	 * more) and is not to be made is INBOX. */
	int64_t mailbox;
	struct str path;
	bool create;
	/* Its key and windows do not count: see struct delivery. */
	struct append item;
};

/* Flags of a message that is there already, changed with all the rest. */
struct reflag {
	int64_t mailbox; /* 0: none */
	uint32_t uid;    /* one that is gone is left alone */
	struct flags add, remove;
};

struct filed {
	int64_t mailbox;
	struct appended appended;
};

struct delivery {
	/*
	 * Recognise a redelivery, as in struct append: one with a KEY that was
	 * delivered within WINDOW seconds does nothing at all; the same if
	 * there is a message with the Message-ID of the first filing that came
	 * within MSGID_WINDOW.
	 */
	struct str key;
	uint32_t window, msgid_window;
	/*
	 * Filings of the same octets share their blob; if their flags are the
	 * same too, they are one email in several mailboxes.
	 */
	const struct filing *filings;
	size_t nfilings;
	const struct outgoing *outgoing;
	size_t noutgoing;
	const struct memory *memories;
	size_t nmemories;
	struct reflag reflag;
	const struct quota *quota; /* may be NULL; for all filings together */
};

/*
 * As everywhere, a pure flag change is on disk within a second only.
 *
 * FILED has an entry for each filing; of a duplicate all but the first are
 * empty. STORE_INVALID: a path, an address or a key is not acceptable.
 */
enum store_rc account_deliver(struct account *a, const struct delivery *d,
    struct filed *filed, bool *duplicate, struct err *e);

/* Was something with that KEY delivered within WINDOW seconds? What was not may
 * be a moment later: account_deliver() has the last word. */
enum store_rc account_delivered(struct account *a, struct str key,
    uint32_t window, bool *yes, struct err *e);

/*
 * Flags by their names, "\Seen" and keywords alike; keywords are made. What is
 * no flag that can be set, such as "\Recent", is left out.
 */
enum store_rc account_flags(struct account *a, struct arena *arena,
    const struct str *names, size_t count, struct flags *out, struct err *e);

/* With BEFORE run first in the same transaction. For lib/store. */
struct tx;
enum store_rc delivery_after(struct account *a, const struct delivery *d,
    enum store_rc (*before)(struct tx *tx, void *arg, struct err *e), void *arg,
    struct filed *filed, bool *duplicate, struct err *e);

#endif
