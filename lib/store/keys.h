/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include "mime/collate.h"
#include "mime/keys.h"
#include "store/store.h"

/*
 * Keys for searching, sorting and threading a whole mailbox without reading a
 * message: table email_key, read once for a mailbox and kept in memory for
 * all sessions of the process, like views, within one budget.
 */

/* Texts are kept as COLLATION compares them. */
enum key_text {
	KEY_SUBJECT, /* as SEARCH compares; a line for each field */
	KEY_BASE,    /* base subject (RFC 5256, section 2.1); as SORT does: */
	KEY_FROM,    /* mailbox of the first address */
	KEY_TO,
	KEY_CC,
	KEY_FROM_NAME, /* display value (RFC 5957) */
	KEY_TO_NAME,
	KEY_TEXTS,
};
#define KEY_BIT(text) (1u << (text))
#define KEY_REFERENCES (1u << KEY_TEXTS) /* and msgid */

struct email_key {
	int64_t email;
	int64_t sent;        /* Date:, UTC, if `dated` */
	int64_t msgid;       /* 0: none */
	const int64_t *refs; /* oldest first */
	const char *text;
	uint32_t end[KEY_TEXTS]; /* of each text, in `text` */
	uint16_t nrefs;
	int16_t zone; /* minutes east of UTC */
	bool dated;
	bool reply;   /* the subject says so (Re:, Fwd: ...); with KEY_BASE */
	bool subject; /* there is one */
	bool cut;     /* the subject is not whole */
};

static inline struct str
key_text(const struct email_key *k, enum key_text which)
{
	uint32_t from = which ? k->end[which - 1] : 0;

	return (struct str){ k->text + from, k->end[which] - from };
}

struct keys; /* counted, immutable */

/*
 * Keys of the emails of V, with the texts WANT (bits) at least. Emails that
 * were expunged since V was made may be missing, others be there as well.
 */
enum store_rc keys_of(struct account *a, const struct view *v, unsigned want,
    const struct mime_collation *c, struct keys **out, struct err *e);
void keys_unref(struct keys **k);

/* NULL if it is not there. Asking in ascending order is fast: *hint is where
 * the last one was, 0 at first. */
const struct email_key *keys_find(
    const struct keys *k, int64_t email, size_t *hint);
/* Whether keys_of() would find them in memory. */
bool keys_cached(struct account *a, const struct view *v, unsigned want,
    const struct mime_collation *c);

/* One email's, from the database; good until the next call with R. */
enum store_rc email_keys(
    struct reader *r, int64_t email, struct mime_keys *out, struct err *e);

#endif
