/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_EDIT_H
#define FILTER_EDIT_H

#include "base/arena.h"
#include "base/buf.h"
#include "mailauth/field.h"

/*
 * What is to be done to the header of a message, in the order in which an MTA
 * can do it: fields go from the bottom up, since each deletion renumbers those
 * below; then fields come, the last one to the top.
 */
struct edit {
	struct str name;
	unsigned delete;  /* the which of that name, from 1; 0: insert */
	size_t field;     /* deleted: where in the header, from 0 */
	struct str value; /* begins with a space, folded by "\n\t" */
};
struct edits {
	struct edit *v;
	size_t n, cap;
};

/* Delete the field that is the WHICH of its name, from 1, and stands at FIELD.
 * In the order of the header, before inserts. */
void edits_delete(struct arena *a, struct edits *e, struct str name,
    unsigned which, size_t field);
/* Turn the deletions around. After the last of them. */
void edits_deleted(struct edits *e);
/* VALUE is copied and freed. */
void edits_insert(
    struct arena *a, struct edits *e, const char *name, struct buf *value);

/* The header as a message has it, with CRLF, without the empty line at its
 * end: as it is, and as it will be. */
void header_write(struct buf *out, const struct fields *h);
void edits_apply(
    struct buf *out, const struct fields *h, const struct edits *e);

#endif
