/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_FILTER_LIST_H
#define SITE_FILTER_LIST_H

#include "site/setting.h"
#include "site/site.h"

/*
 * Whom the filter blocks, and whom it allows to send what it would not take
 * from others: for the site, a domain or one account.
 *
 *	192.0.2.1	a client
 *	2001:db8::/32	all clients of a network
 *	mx.example.org	a client whose address leads to this name and back
 *	.example.org	the same of all names below it
 *	a@example.org	a sender, as the envelope has it
 *	@example.org	all senders of a domain
 *
 * A sender is what somebody says, a client what he is.
 *
 * Apart from that there are those who are no strangers to greylisting, and get
 * through nothing else. A name among them is also a domain whose SPF passes.
 */

enum site_list_kind {
	SITE_LIST_BLOCK,
	SITE_LIST_ALLOW,
	SITE_LIST_KNOWN, /* to greylisting */
};
const char *site_list_kind_name(enum site_list_kind k);

enum site_list_type {
	SITE_LIST_NETWORK,
	SITE_LIST_HOST,
	SITE_LIST_SENDER,
};
enum site_list_type site_list_type_of(struct str entry);
/* As it is kept and compared; false if TEXT is none of the above. */
bool site_list_normalize(struct arena *a, struct str text, struct str *out);
/* As people write it, and as site_list_normalize() takes it. */
struct str site_list_text(struct arena *a, struct str entry);

struct site_list_entry {
	enum site_list_kind kind;
	struct str entry;
	struct site_scope scope; /* an account's has its domain, too */
	struct str address;      /* of the account, for people */
	struct str note, made_by;
	int64_t created;
	int64_t expires; /* 0: never */
};

/* What the scope said about the entry before is replaced: whether it is
 * blocked or allowed, or whether it is known. SITE_INVALID: not an entry;
 * SITE_NOTFOUND: no such domain or account. */
enum site_rc site_list_set(struct site *s, const struct site_by *by,
    const struct site_list_entry *new, struct err *e);
/* A block or an allowance, of whichever KIND, or what makes it known. */
enum site_rc site_list_remove(struct site *s, const struct site_by *by,
    enum site_list_kind kind, struct str entry, struct site_scope scope,
    struct err *e);
/* All that have not expired at NOW, by entry. */
enum site_rc site_list_read(struct site *s, struct arena *a, int64_t now,
    struct site_list_entry **list, size_t *count, struct err *e);

#endif
