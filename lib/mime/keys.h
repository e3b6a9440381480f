/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MIME_KEYS_H
#define MIME_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * What SORT, THREAD (RFC 5256, RFC 5957) and the header keys of SEARCH ask of
 * a message: read once from its header, decoded to UTF-8, not folded.
 */

#define MIME_KEY_TEXT 8192 /* octets of a text; a longer one is cut */
#define MIME_KEY_REFERENCES 128

enum mime_key {
	MIME_KEY_SUBJECT,
	MIME_KEY_FROM, /* as searched: the words written, then what they mean */
	MIME_KEY_TO,
	MIME_KEY_CC,
	MIME_KEY_BCC,
	MIME_KEY_FROM_MAILBOX, /* addr-mailbox of the first address */
	MIME_KEY_TO_MAILBOX,
	MIME_KEY_CC_MAILBOX,
	MIME_KEY_FROM_NAME, /* display value (RFC 5957) of the first address */
	MIME_KEY_TO_NAME,
	MIME_KEYS,
};

struct mime_keys {
	bool dated; /* there is a Date that can be read: */
	int64_t sent;
	int zone; /* minutes east of UTC */
	/*
	 * p is NULL where the field is missing. A line for each field of that
	 * name, and of addresses one more with what mime_address_text() says.
	 */
	struct str text[MIME_KEYS];
	unsigned cut;     /* bits of texts that were cut */
	struct str msgid; /* without <> and quotes; empty if none */
	/*
	 * References, or without one that can be read the first of
	 * In-Reply-To; oldest first. Of more than MIME_KEY_REFERENCES the
	 * first and the newest ones stay.
	 */
	const struct str *references;
	size_t nreferences;
};

/* HEADER may go on with the body. Everything in OUT lives in the arena. */
void mime_keys(struct arena *a, struct str header, struct mime_keys *out);

#endif
