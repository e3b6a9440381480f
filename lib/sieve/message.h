/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVE_MESSAGE_H
#define SIEVE_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "mime/header.h"
#include "mime/mime.h"

/*
 * The message that scripts see and edit. Read lazily: fields when a header is
 * asked for, decoded once each; the structure when a body or part is.
 *
 * Actions keep the version they were decided on; an edit of a version that
 * an action keeps makes another one, which shares what did not change.
 */

struct sieve_field {
	struct str name, value; /* value: folded, without its final line end */
	struct str raw;         /* as it stands in the message */
	struct str decoded;     /* UTF-8, one line; p NULL: not yet */
	struct mime_address *addresses;
	size_t naddresses;
	bool parsed; /* addresses are */
};
struct sieve_fields {
	struct sieve_field *v;
	size_t n, cap;
};

struct sieve_message {
	struct arena *arena;
	struct str raw; /* p NULL: to be built */
	struct str body;
	struct sieve_fields fields;
	bool split; /* fields and body are known */
	bool used;  /* by an action: must not change any more */
	bool built; /* RAW was: it may be in use */
	const struct mime_message *mime;
	bool original; /* never edited */
};

struct sieve_message *sieve_message_new(struct arena *a, struct str raw);
/* A version that may be edited: M itself if no action uses it. */
struct sieve_message *sieve_message_version(struct sieve_message *m);

struct sieve_fields *sieve_message_fields(struct sieve_message *m);
struct str sieve_message_raw(struct sieve_message *m);
struct str sieve_message_body(struct sieve_message *m); /* p NULL: none */
size_t sieve_message_size(struct sieve_message *m);
const struct mime_message *sieve_message_mime(struct sieve_message *m);

/* The fields of a header block. */
void sieve_fields_read(
    struct arena *a, struct sieve_fields *f, struct str header);
/* Decoded, white space at both ends taken away. */
struct str sieve_field_decoded(struct arena *a, struct sieve_field *f);
size_t sieve_field_addresses(
    struct arena *a, struct sieve_field *f, struct mime_address **out);

/* Edits of a version from sieve_message_version(). VALUE is UTF-8. */
void sieve_message_add_field(
    struct sieve_message *m, struct str name, struct str value, bool last);
void sieve_message_delete_field(struct sieve_message *m, size_t i);

#endif
