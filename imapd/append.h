/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_APPEND_H
#define IMAPD_APPEND_H

#include "imapd/place.h"

/*
 * The messages of APPEND and REPLACE: literals, UTF-8 (RFC 6855), binary
 * (RFC 3516), or put together from pieces (CATENATE, RFC 4469).
 */

struct append_piece {
	bool url;
	struct str text; /* the URL, or octets */
};

struct append_message {
	struct str *names; /* flags */
	size_t nnames;
	int64_t received;
	bool binary, utf8; /* literal8; UTF8 (...) */
	struct str raw;
	bool catenate; /* of these: */
	struct append_piece *pieces;
	size_t npieces;
};

/* " (flags) "date" {n}..." */
bool append_parse(struct parse *p, struct append_message *out);

/* What the store appends. False: *r is the reply. */
bool append_make(struct session *s, struct cmd *c,
    const struct append_message *m, const struct place *to, struct append *out,
    enum reply *r);

#endif
