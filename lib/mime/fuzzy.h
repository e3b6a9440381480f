/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MIME_FUZZY_H
#define MIME_FUZZY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * Inexact matching of text (SEARCH FUZZY, RFC 6203). Every word of the needle
 * must be there, anywhere and in any order, as a word or a part of one; case
 * and diacritics do not count, and a word of FUZZY_TYPO letters or more may
 * have one typing error: a letter too many, too few, wrong, or two swapped.
 */

/*
 * mime_fold(), and letters without their diacritics. Each character for
 * itself, so a part of a text is a part of its plain form as well.
 */
void mime_plain(struct buf *out, struct str utf8);

#define FUZZY_WORDS 16 /* what is beyond them is ignored */
#define FUZZY_TYPO 7

struct fuzzy {
	struct str words[FUZZY_WORDS]; /* plain */
	size_t n;                      /* 0: nothing to look for */
	struct str phrase;
};

/* In the arena. */
void fuzzy_parse(struct arena *a, struct str utf8, struct fuzzy *out);

/*
 * How well N plain texts, together, match; those after the first count less.
 * 0: not at all; 100: the words as they are, side by side.
 */
unsigned fuzzy_score(const struct fuzzy *f, const struct str *texts, size_t n);

/*
 * Texts that match hold for some I, from 0 on, both parts of the word: what is
 * left of it around a typing error at that place. They may be empty. False:
 * there is no such place. A word that may have none has the place 0, and is
 * its first part.
 */
bool fuzzy_parts(struct str word, size_t i, struct str parts[2]);

#endif
