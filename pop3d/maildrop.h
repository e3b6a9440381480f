/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef POP3D_MAILDROP_H
#define POP3D_MAILDROP_H

#include "pop3d/policy.h"
#include "store/downgraded.h"
#include "store/store.h"

/*
 * The maildrop of a session (RFC 1939): INBOX as it was at login. Message
 * numbers are positions in one view, which other sessions share, less what
 * POP3 may not see. What the client marks is kept beside it in bits, made at
 * the first mark, and done in one go at the end.
 */
struct maildrop {
	struct account *account;
	struct view *view;
	uint32_t count;     /* messages, deleted ones included */
	uint32_t *seqs;     /* positions in the view; NULL: all of it */
	uint8_t *deleted;   /* by message number - 1 */
	uint8_t *retrieved; /* the same */
	uint32_t ndeleted;
	bool sized; /* the next two are known */
	uint64_t size, deleted_size;
	/* Messages with UTF-8 in their headers, by UID; with a client that
	 * takes that, or if nobody cares, none. */
	struct arena *arena;
	struct downgraded *i18n;
	size_t ni18n;
	bool refuse; /* them; else they are downgraded */
};

/* UTF8: the client takes UTF-8 in headers (RFC 6856). */
enum store_rc maildrop_open(struct maildrop *m, struct account *a,
    const struct policy *p, bool utf8, struct err *e);
/* Keeps nothing and changes nothing. */
void maildrop_close(struct maildrop *m);

/* Message N from 1, or NULL if there is none or it is marked deleted. */
const struct view_row *maildrop_at(const struct maildrop *m, uint32_t n);
bool maildrop_is_deleted(const struct maildrop *m, uint32_t n);
void maildrop_delete(struct maildrop *m, uint32_t n);
void maildrop_retrieved(struct maildrop *m, uint32_t n);
void maildrop_reset(struct maildrop *m); /* nothing is deleted */
/* Does the message need UTF8 mode, and the client is not in it? */
bool maildrop_i18n(const struct maildrop *m, const struct view_row *row);
/* Octets that the client gets of it. */
uint32_t maildrop_size(const struct maildrop *m, const struct view_row *row);
/* Of the messages that are not deleted. */
void maildrop_stat(struct maildrop *m, uint32_t *count, uint64_t *size);

/* The unique-id of a message (UIDL), appended to OUT. */
enum store_rc maildrop_uidl(const struct maildrop *m, const struct policy *p,
    struct reader *r, const struct view_row *row, struct buf *out,
    struct err *e);

/* What was retrieved becomes \Seen, if that is the policy. */
enum store_rc maildrop_mark_seen(
    struct maildrop *m, const struct policy *p, struct err *e);
/* The UPDATE state: remove what was deleted, all or nothing. */
enum store_rc maildrop_update(struct maildrop *m, const struct policy *p,
    uint32_t *removed, struct err *e);

#endif
