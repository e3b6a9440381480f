/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_TRIGRAM_H
#define STORE_TRIGRAM_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct sqlite3;

/*
 * The "mailstead" tokenizer of the search index: every distinct trigram (of
 * code points) of a text, once. FTS5's own trigram tokenizer gives every
 * position; with detail=none positions are not kept, and a message repeats
 * its trigrams three to five times.
 */
bool trigram_register(struct sqlite3 *db, struct err *e);

/*
 * The FTS5 expression that asks for all trigrams of NEEDLE (UTF-8, folded).
 * False if it has none: fewer than three code points.
 */
bool trigram_query(struct str needle, struct buf *out);

#endif
