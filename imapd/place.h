/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_PLACE_H
#define IMAPD_PLACE_H

#include "imapd/command.h"
#include "store/rights.h"

/*
 * Where a mailbox name leads. A user's own mailboxes have their plain names;
 * those of others are found below a prefix (NAMESPACE, RFC 2342; setting
 * sharing.prefix) and their owner's address: "Other
 * Users/bob@example.org/INBOX". Every command that takes a mailbox name asks
 * here, and so learns in whose account the mailbox is and what the user may do
 * there (RFC 4314).
 */

struct place {
	struct account *account; /* good until the end of the command */
	char owner[17];          /* its id */
	bool own;                /* of the user himself */
	struct str name;         /* as clients know it, in its proper case */
	struct str path;         /* in the account; empty: above all of it */
	struct str domain;       /* of the owner; empty of the user himself */
	bool exists;
	struct mailbox m; /* if it exists */
	unsigned rights;  /* on it, if it exists */
};

/*
 * Characters may be composed or not: a mailbox that is not found as it is named
 * is looked for, and made, in NFC.
 *
 * STORE_OK with `exists` unset: there may be such a mailbox, but there is
 * none. STORE_NOTFOUND: the name leads nowhere.
 */
enum store_rc place_resolve(
    struct session *s, struct str name, struct place *out, struct err *e);

/*
 * The mailbox NAME, on which the user has all rights of NEED; else *r is the
 * reply. One that he may not even look up does not exist (RFC 4314, 6).
 */
bool place_find(struct session *s, struct cmd *c, struct str name,
    unsigned need, struct place *out, enum reply *r);
/* The same for a mailbox that messages shall go to: TRYCREATE. */
bool place_target(struct session *s, struct cmd *c, struct str name,
    struct place *out, enum reply *r);
/* It exists, and the user may know that. */
bool place_visible(const struct place *p);
/* May the user make the mailbox P, which does not exist for him? */
bool place_can_create(
    struct session *s, struct cmd *c, const struct place *p, enum reply *r);

/* LIST of P, with the name that the client gave it if that is another (RFC
 * 9051, sections 6.3.2 and 6.3.4). */
void place_put_name(struct session *s, const struct place *p, struct str asked);

/* Does the quota let the owner have P as one more mailbox, with what is missing
 * above it? MOVED: it is one that he has already. */
bool place_room(struct session *s, struct cmd *c, const struct place *p,
    bool moved, enum reply *r);

/* NO for who lacks NEED: of a mailbox he cannot see, that it is not there. */
enum reply place_denied(struct cmd *c, const struct place *p);
/* What the user may do with a mailbox of OWNER now. */
enum store_rc place_rights(struct session *s, const char *owner,
    int64_t mailbox, unsigned *out, struct err *e);
/* Would SELECT say READ-WRITE (RFC 4314, section 5.2)? */
bool rights_to_change(unsigned rights);
/* The flags that RIGHTS let somebody change, as account_store_flags_of() wants
 * them (section 4); and F without the others. */
uint64_t rights_flags(unsigned rights);
void rights_filter_flags(unsigned rights, struct flags *f);

/*
 * All mailboxes that the user may look up: his own sorted by path with INBOX
 * first, then those of others, if the names that are wanted can be there.
 * `m.subscribed` is about his own subscriptions.
 */
enum store_rc place_list(struct session *s, bool others, struct place **list,
    size_t *count, struct err *e);

/* Who the user is to an owner of DOMAIN; the owner himself if OWN. */
struct share_who place_who(
    struct session *s, bool own, struct str owner_domain);
/* What limits the owner's account. */
struct quota place_quota(struct session *s, const struct place *p);

/* The account with ID, opened if need be; good until the end of the command. */
enum store_rc place_account(
    struct session *s, struct str id, struct account **out, struct err *e);
/* Close what the command opened. */
void place_release(struct session *s);

/* Is ADDRESS that of who is logged in? */
bool place_is_user(const struct session *s, struct str address);
/* Who is logged in, for all of this; and nobody any more. */
void place_login(struct session *s, const struct site_account *acc);
void place_logout(struct session *s);
struct str session_domain(const struct session *s);
/* Where settings are looked up for it. */
struct site_scope session_scope(const struct session *s);

#endif
