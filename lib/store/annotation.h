/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_ANNOTATION_H
#define STORE_ANNOTATION_H

#include "store/store.h"

/*
 * Annotations (RFC 5464): named values of a mailbox, or with mailbox 0 of the
 * account as a whole. A shared one is the same for everybody; a private one is
 * of one user, who need not be the owner of the account.
 */

struct annotation {
	int64_t mailbox;
	bool shared;
	struct str name;  /* lower case: "/comment" */
	struct str value; /* p == NULL: it is not there */
	uint64_t modseq;
};

/*
 * Set or remove what ITEMS name, of MAILBOX and USER (an account id), all or
 * none. STORE_LIMIT: the mailbox would have more than MAX shared ones, or more
 * private ones of the user. *modseq is that of the change.
 */
enum store_rc annotations_set(struct account *a, int64_t mailbox,
    struct str user, const struct annotation *items, size_t n, unsigned max,
    uint64_t *modseq, struct err *e);

/* What USER can see at MAILBOX: the shared ones first, by name. */
enum store_rc annotations_get(struct account *a, struct arena *arena,
    int64_t mailbox, struct str user, struct annotation **list, size_t *count,
    struct err *e);

/* The shared one with NAME of MAILBOX, or if there is none, that of the
 * account; p == NULL: neither has it. */
enum store_rc annotation_shared(struct account *a, struct arena *arena,
    int64_t mailbox, struct str name, struct str *value, struct err *e);

/*
 * What changed after *SINCE and USER can see, by mailbox, without values;
 * *since becomes the newest modseq of an annotation; UINT64_MAX asks for no
 * more than that. Of those removed, the last hundred of a mailbox are
 * remembered.
 */
enum store_rc annotations_changed(struct account *a, struct arena *arena,
    struct str user, uint64_t *since, struct annotation **list, size_t *count,
    struct err *e);

#endif
