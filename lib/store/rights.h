/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_RIGHTS_H
#define STORE_RIGHTS_H

#include "store/collection.h"

/*
 * What a user may do with a mailbox or collection (RFC 4314, section 2.1).
 * The rows of table share grant letters to identifiers: the id of an account,
 * "@domain" for all accounts of a domain, or "anyone"; "-" in front takes
 * them away again from whoever the identifier names (section 2, "negative
 * rights"). What somebody may do is what all rows that name him grant, less
 * what any of them denies.
 *
 * The owner may do everything, unless a row of his own says less; looking up
 * and administering he cannot lose.
 */

enum right {
	RIGHT_LOOKUP = 1,    /* l */
	RIGHT_READ = 2,      /* r */
	RIGHT_SEEN = 4,      /* s: change \Seen */
	RIGHT_WRITE = 8,     /* w: change other flags */
	RIGHT_INSERT = 16,   /* i */
	RIGHT_POST = 32,     /* p */
	RIGHT_CREATE = 64,   /* k: make mailboxes below it */
	RIGHT_DELETE = 128,  /* x: the mailbox itself */
	RIGHT_TRASH = 256,   /* t: change \Deleted */
	RIGHT_EXPUNGE = 512, /* e */
	RIGHT_ADMIN = 1024,  /* a */
	RIGHTS_ALL = 2047,
	RIGHTS_OWNER = RIGHT_LOOKUP | RIGHT_ADMIN, /* always his */
};

/* Letters to bits; c and d of RFC 2086 stand for kx and te. False: another
 * letter. */
bool rights_parse(struct str letters, unsigned *out);
/* In the order of RFC 4314. */
void rights_put(struct buf *out, unsigned rights);
/* With c and d behind, for clients of RFC 2086 (section 2.1.1). */
void rights_put_compat(struct buf *out, unsigned rights);

/* Who asks. */
struct share_who {
	struct str account, domain;
	bool anyone; /* "anyone" means this user too */
	bool owner;
};

enum store_rc share_rights(struct account *a, int64_t object,
    const struct share_who *who, unsigned *out, struct err *e);

/* The rights of WHO on every object that names him, sorted by object. */
struct share_right {
	int64_t object;
	unsigned rights;
};
enum store_rc share_rights_all(struct account *a, struct arena *arena,
    const struct share_who *who, struct share_right **list, size_t *count,
    struct err *e);
/* ... and of one object of that list. */
unsigned share_rights_of(const struct share_right *list, size_t count,
    int64_t object, const struct share_who *who);

/* Everybody whom a mailbox or collection of the account names; each once for
 * an object. */
struct share_grant {
	int64_t object;
	bool mailbox; /* else a collection */
	struct str identifier;
};
enum store_rc share_grants(struct account *a, struct arena *arena,
    struct share_grant **list, size_t *count, struct err *e);

#endif
